"""Which of the six characteristics a neuron shows, whatever its device: yes or no, with the number behind it.

The published stimuli suit the published device; another model may need another drive and another time. So every neuron
is measured in units of its own, as in :mod:`memneuro.biology.traits`: the unit of drive is the rheobase V_r, the lowest
of a series of constant voltages at which half of the trials fire within 300 ms, and the unit of time T is the median
delay of the first spike at 1.2 V_r.

========================  ==============================================================================================
Characteristic            Shown when
========================  ==============================================================================================
leaky integration         with pulses of 1.2 V_r and 0.3 T, more than one is needed, and with gaps of 2 T at least 1.2
                          times as many as with gaps of 0.2 T (or none fires): what was integrated leaks
threshold firing          at most 10 % fire at 0.7 V_r and at least 90 % at 1.4 V_r
cascaded connection       in a chain of three, half of the last stages fire
intrinsic plasticity      the delay in a second pulse differs from that in the first by more than 10 %, and the change
                          depends on the gap (5 R_c C_g, or 1 s as published) by more than 5 % of the first delay
refractory period         at 1.5 V_r, pulses of 1 ms every 2 ms, the interval with a control resistor of 500 Mohm is at
                          least 1.5 times that with 50 Mohm, where the neuron fires again and again
stochasticity             the coefficient of variation of the delay at 1.2 V_r is at least 2 %
========================  ==============================================================================================

A delay shorter than two time steps counts as no integration: the device switches at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from brian2 import Mohm, Quantity, ms, second, volt

from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.cascade import cascade
from memneuro.experiment.pulses import run_pulses
from memneuro.experiment.refractory_period import pooled_interval, refractory_period

AMPLITUDES = np.geomspace(0.02, 5, 61)
LONGEST = 300 * ms
PULSES = 400


def six_traits(
    neuron: OneM1T1R,
    *,
    trials: int = 20,
    dt: Quantity | None = None,
    seed: int = 1,
) -> pd.DataFrame:
    """The six characteristics of one neuron.

    Parameters
    ----------
    neuron : OneM1T1R
        The neuron.
    trials : int
        Trials of each condition.
    dt : Quantity (second), optional
        Time step, not checked against the card's largest; by default the card's step.
    seed : int
        Seed of the noise.

    Returns
    -------
    DataFrame
        Six rows: ``trait``, ``shown`` (bool), ``value`` (the number the rule compares; NaN where there is none) and
        ``measure`` (what the number is).
    """
    options: dict[str, Any] = {"dt": dt, "check_step": dt is None, "trials": trials}
    noisy = neuron.fluctuates
    if not noisy:
        options |= {"noise": False, "trials": 1}
    count = options["trials"]
    delays = _delays(neuron, AMPLITUDES, LONGEST, seed, options)
    half = np.isfinite(delays).mean(axis=1) >= 0.5
    if not half.any():
        return _table([(trait, False, np.nan, "does not fire at up to 5 V") for trait in TRAITS])
    rheobase = float(AMPLITUDES[np.argmax(half)])
    step = float((neuron.default_step if dt is None else dt) / ms)
    edges = _delays(neuron, rheobase * np.array([0.7, 1.2, 1.4]), LONGEST, seed + 1, options)
    rows = []

    unit = float(np.nanmedian(edges[1])) if np.isfinite(edges[1]).any() else np.nan
    at_once = not unit > 2 * step
    if at_once:
        rows.append((TRAITS[0], False, 1.0, "pulses needed: it fires at once"))
    else:
        few, many = (_pulses(neuron, 1.2 * rheobase, 0.3 * unit, gap * unit, seed, options) for gap in (0.2, 2.0))
        ratio = many / few
        rows.append((TRAITS[0], bool(few > 1 and ratio >= 1.2), ratio, "pulses needed with long over short gaps"))

    low, high = (float(np.isfinite(edges[k]).mean()) for k in (0, 2))
    rows.append((TRAITS[1], low <= 0.1 and high >= 0.9, high - low, "rise of the firing probability"))

    chain = {key: value for key, value in options.items() if key in ("dt", "noise", "check_step")}
    stages = cascade(
        neuron,
        amplitude=max(1.2 * rheobase, 0.8) * volt,
        v_dd=max(1.2 * rheobase, 1) * volt,
        duration=600 * ms,
        trials=count,
        seed=seed,
        **chain,
    )
    last = float(np.isfinite(stages.loc[stages["stage"] == 3, "first_spike_ms"]).mean())
    rows.append((TRAITS[2], last >= 0.5, last, "chains whose third stage fires"))

    rows.append(_plasticity(neuron, rheobase, unit, at_once, seed, options))
    rows.append(_refractory(neuron, rheobase, seed, options))

    first = edges[1][np.isfinite(edges[1])]
    cv = float(first.std() / first.mean()) if first.size > 1 and first.mean() > 0 else 0.0
    rows.append((TRAITS[5], bool(cv >= 0.02 and not at_once), cv, "CV of the delay"))
    return _table(rows)


TRAITS = (
    "leaky integration",
    "threshold firing",
    "cascaded connection",
    "intrinsic plasticity",
    "refractory period",
    "stochasticity",
)


def _table(rows: list[tuple[str, bool, float, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["trait", "shown", "value", "measure"])


def _delays(
    neuron: OneM1T1R, amplitudes: np.ndarray, width: Quantity, seed: int, options: dict[str, Any]
) -> np.ndarray:
    """Delay (ms) of the first spike at constant voltages, shape (amplitudes, trials); NaN without one."""
    run = run_pulses(
        neuron,
        amplitude=np.asarray(amplitudes) * volt,
        width=width,
        period=width,
        count=1,
        duration=width,
        seed=seed,
        **options,
    )
    return run.first_spikes()


def _pulses(
    neuron: OneM1T1R, amplitude: float, width_ms: float, gap_ms: float, seed: int, options: dict[str, Any]
) -> float:
    """Median number of the pulse in which the neuron first fires; infinite when it does not within 400."""
    period = width_ms + gap_ms
    run = run_pulses(
        neuron,
        amplitude=amplitude * volt,
        width=width_ms * ms,
        period=period * ms,
        duration=min(PULSES * period, 1000.0) * ms,
        seed=seed,
        **options,
    )
    first = run.first_spikes()[0]
    return float(np.median(np.where(np.isfinite(first), np.floor(first / period) + 1, np.inf)))


def _plasticity(
    neuron: OneM1T1R, rheobase: float, unit: float, at_once: bool, seed: int, options: dict[str, Any]
) -> tuple[str, bool, float, str]:
    """Change of the delay from a first to a second pulse, after a short and a long gap."""
    measure = "change of the delay after a short gap"
    if at_once:
        return TRAITS[3], False, 0.0, measure
    discharge = float(neuron.circuit["r_control"] * neuron.circuit["c_gate"] / second) * 1e3
    width = 4 * unit
    changes = []
    for gap in (5 * discharge, 1000.0):
        period = width + gap
        run = run_pulses(
            neuron,
            amplitude=1.2 * rheobase * volt,
            width=width * ms,
            period=period * ms,
            count=2,
            duration=(period + width) * ms,
            seed=seed,
            **options,
        )
        first = np.minimum(np.nan_to_num(run.first_spikes()[0], nan=np.inf), width)
        second_delay = np.minimum(np.nan_to_num(run.first_spikes(after_ms=period)[0] - period, nan=np.inf), width)
        changes.append(float(np.median(second_delay) / np.median(first)) - 1)
    shown = abs(changes[0]) > 0.1 and abs(changes[1] - changes[0]) > 0.05
    return TRAITS[3], shown, changes[0], measure


def _refractory(neuron: OneM1T1R, rheobase: float, seed: int, options: dict[str, Any]) -> tuple[str, bool, float, str]:
    """Ratio of the intervals with a large and a small control resistor."""
    table = refractory_period(
        neuron,
        resistances=np.array([50.0, 500.0]) * Mohm,
        amplitude=1.5 * rheobase * volt,
        duration=400 * ms,
        settle=50 * ms,
        seed=seed,
        **options,
    )
    short, long = (float(value) for value in pooled_interval(table))
    ratio = long / short if np.isfinite([short, long]).all() else np.nan
    return TRAITS[4], bool(ratio >= 1.5), ratio, "interval with 500 Mohm over that with 50 Mohm"
