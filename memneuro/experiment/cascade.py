r"""Cascaded connection (Fig. 3 of doi:10.1038/s41928-025-01488-x): each neuron of a chain drives the next.

The transistor inverts: its drain falls when the neuron fires. What is passed on is the voltage across the load
resistor, which is 0 at rest and nearly the supply voltage during a spike:

.. math:: V_{in}^{(k+1)} = V_{load}^{(k)} = V_{dd} - V_{out}^{(k)}

The published text gives no circuit for the coupling. Here it is an ideal unity-gain buffer across the load resistor: it
loads the stage before with nothing, adds no delay and no gain, so an output that fades along the chain would show. The
supply is the 1 V of the supplement: with the 0.5 V of the main text a stage cannot give the next one a pulse of the
0.8 V that the neuron is driven with elsewhere.

The input of a stage is held over each time step, so every stage is late by at most one step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from brian2 import (
    Network,
    NeuronGroup,
    Quantity,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    have_same_dimensions,
    ms,
    second,
    us,
    volt,
)

from memneuro.circuit.drive import PulseTrain
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.pulses import run_with_progress

_OUTPUT = """
v_output : volt
v_output_low : volt
v_output_high : volt
v_peak : volt
v_peak_sum : volt
"""

# Read once a step, before the next stage takes the output over and before any state moves. v_peak is the highest output
# since the last spike (0 before the first); v_peak_sum adds up those of the spikes before.
_READ_OUTPUT = """
v_output = v_load
v_output_low = v_output_low + (v_output - v_output_low)*int(v_output < v_output_low)
v_output_high = v_output_high + (v_output - v_output_high)*int(v_output > v_output_high)
fires = int(v_gate > v_threshold and v_gate_last <= v_threshold)
v_peak_sum = v_peak_sum + fires*v_peak
v_peak = fires*v_output + (1 - fires)*(v_peak + (v_output - v_peak)*int(v_output > v_peak and v_peak > 0*volt))
"""


@dataclass(frozen=True)
class _ChainedTrain(PulseTrain):
    """A pulse train into the first stage, plus the output of the stage before."""

    def equations(self) -> str:
        """The train as ``v_train``, and ``v_in = v_train + v_previous``."""
        train = super().equations().replace("v_in =", "v_train =")
        return train + "v_previous : volt\nv_in = v_train + v_previous : volt\n"


def _check(stages: int, trials: int, v_dd: Quantity) -> None:
    for name, value in (("stages", stages), ("trials", trials)):
        if isinstance(value, bool) or int(value) != value or value < 1:
            raise ValueError(f"{name} = {value!r}; accepted: a whole number of at least 1")
    if not have_same_dimensions(v_dd, volt):
        raise ValueError(f"v_dd = {v_dd!r} is not a voltage")


def _chains(
    neuron: OneM1T1R,
    stages: int,
    trials: int,
    v_dd: Quantity,
    train: tuple[Quantity, Quantity, Quantity],
    **options: Any,
) -> tuple[NeuronGroup, list[Any]]:
    """All chains in one group, stage by stage: neuron ``stage*trials + trial``; and the objects that link them."""
    n = stages * trials
    amplitude, width, period = train
    first = np.repeat(np.arange(stages) == 0, trials).astype(float)
    drive = _ChainedTrain(
        first * float(amplitude / volt) * volt,
        np.full(n, float(width / second)) * second,
        np.full(n, float(period / second)) * second,
        np.full(n, np.inf),
        np.zeros(n) * second,
    )
    group = neuron.group(n, drive=drive, v_dd=v_dd, extra=_OUTPUT, **options)
    group.v_output_low = v_dd
    group.v_output_high = 0 * volt
    group.run_regularly(_READ_OUTPUT, when="before_groups")
    parts: list[Any] = [group]
    if stages > 1:
        link = Synapses(group, group, "v_previous_post = v_output_pre : volt (summed)")
        source = np.arange(n - trials)
        link.connect(i=source, j=source + trials)
        parts.append(link)
    return group, parts


def cascade(
    neuron: OneM1T1R,
    *,
    stages: int = 3,
    v_dd: Quantity = 1 * volt,
    amplitude: Quantity = 0.8 * volt,
    width: Quantity = 1 * ms,
    period: Quantity = 2 * ms,
    duration: Quantity = 1500 * ms,
    trials: int = 50,
    dt: Quantity | None = None,
    seed: int = 0,
    noise: bool = True,
    spread: bool | Mapping[str, float] = False,
    check_step: bool = True,
    progress: str | None = None,
) -> pd.DataFrame:
    """A pulse train drives the first neuron of a chain; the load voltage of each drives the next.

    The first stage has the noise of :func:`memneuro.experiment.pulse_train.pulse_train` with the same seed.

    Parameters
    ----------
    neuron : OneM1T1R
        Every stage.
    stages : int
        Neurons in the chain.
    v_dd : Quantity (volt)
        Supply of every output stage, hence the amplitude that a stage hands on.
    amplitude : Quantity (volt)
        Of the train into the first stage.
    width, period : Quantity (second)
        Length of its pulses, and from one onset to the next.
    duration : Quantity (second)
        How long to run.
    trials : int
        Number of chains, each with noise of its own.
    dt : Quantity (second), optional
        Time step; by default the card's.
    seed : int
        Of the noise and the spread.
    noise : bool
        Whether the devices fluctuate.
    spread : bool or mapping of str to float
        Device-to-device spread; this and the next as in :meth:`memneuro.circuit.one_m1t1r.OneM1T1R.group`.
    check_step : bool
        False accepts any step.
    progress : str, optional
        Label of a progress bar; none by default.

    Returns
    -------
    DataFrame
        One row a chain and stage: ``trial``, ``stage`` (from 1), ``first_spike_ms`` (NaN when it never fired),
        ``delay_from_previous_ms`` (first spike after the first spike of the stage before; for stage 1 after the onset
        of the train), ``spikes``, ``output_swing_V`` (highest minus lowest load voltage of the run), ``mean_peak_V``
        (the highest load voltage of each spike, averaged over the spikes; NaN without one).

    Raises
    ------
    ValueError
        For a number of stages or trials below 1 or a supply that is not a voltage.
    """
    _check(stages, trials, v_dd)
    options: dict[str, Any] = {"dt": dt, "seed": seed, "noise": noise, "spread": spread, "check_step": check_step}
    group, parts = _chains(neuron, stages, trials, v_dd, (amplitude, width, period), **options)
    monitor = SpikeMonitor(group)
    run_with_progress(Network(*parts, monitor), duration, progress)
    first = np.full(stages * trials, np.nan)
    for index, time in zip(np.asarray(monitor.i)[::-1], np.asarray(monitor.t / ms)[::-1], strict=True):
        first[index] = time
    table = first.reshape(stages, trials)
    delay = np.diff(table, axis=0, prepend=np.zeros((1, trials)))
    swing = np.asarray(group.v_output_high - group.v_output_low)
    spikes = np.asarray(monitor.count)
    peak = np.full(stages * trials, np.nan)
    np.divide(np.asarray(group.v_peak_sum + group.v_peak), spikes, out=peak, where=spikes > 0)
    result = pd.DataFrame(
        {
            "trial": np.tile(np.arange(trials), stages),
            "stage": np.repeat(np.arange(1, stages + 1), trials),
            "first_spike_ms": first,
            "delay_from_previous_ms": delay.ravel(),
            "spikes": spikes,
            "output_swing_V": swing,
            "mean_peak_V": peak,
        }
    )
    return result.sort_values(["trial", "stage"], ignore_index=True)


def cascade_summary(table: pd.DataFrame) -> pd.DataFrame:
    """Delay, jitter and amplitude of each stage.

    Parameters
    ----------
    table : DataFrame
        What :func:`cascade` gave.

    Returns
    -------
    DataFrame
        One row a stage: ``stage``, ``trials``, ``fired`` (fraction of the chains), ``delay_ms`` and ``jitter_ms``
        (mean and standard deviation over the chains of the delay from the stage before), ``first_spike_ms`` and
        ``first_spike_jitter_ms`` (the same from the onset of the train), ``output_swing_V`` (mean over the chains in
        which the stage fired), ``swing_ratio`` and ``swing_ratio_min`` (mean and lowest ratio of the swing to that of
        the first stage of the same chain, over the chains in which both fired), ``mean_peak_V`` and ``peak_ratio``
        (the same of the mean peak of a spike), ``spikes`` (mean). NaN where nothing fired.
    """
    first = table[table["stage"] == 1].set_index("trial")
    rows = []
    for stage, group in table.groupby("stage"):
        fired = group[group["spikes"] > 0]
        base = first.loc[fired["trial"]]
        both = base["spikes"].to_numpy() > 0
        ratio = (fired["output_swing_V"].to_numpy() / base["output_swing_V"].to_numpy())[both]
        peaks = (fired["mean_peak_V"].to_numpy() / base["mean_peak_V"].to_numpy())[both]
        rows.append(
            {
                "stage": stage,
                "trials": len(group),
                "fired": len(fired) / len(group),
                "delay_ms": group["delay_from_previous_ms"].mean(),
                "jitter_ms": group["delay_from_previous_ms"].std(),
                "first_spike_ms": group["first_spike_ms"].mean(),
                "first_spike_jitter_ms": group["first_spike_ms"].std(),
                "output_swing_V": fired["output_swing_V"].mean(),
                "swing_ratio": float(np.mean(ratio)) if ratio.size else np.nan,
                "swing_ratio_min": float(np.min(ratio)) if ratio.size else np.nan,
                "mean_peak_V": fired["mean_peak_V"].mean(),
                "peak_ratio": float(np.mean(peaks)) if peaks.size else np.nan,
                "spikes": group["spikes"].mean(),
            }
        )
    return pd.DataFrame(rows)


def cascade_traces(
    neuron: OneM1T1R,
    *,
    stages: int = 3,
    v_dd: Quantity = 1 * volt,
    amplitude: Quantity = 0.8 * volt,
    width: Quantity = 1 * ms,
    period: Quantity = 2 * ms,
    duration: Quantity = 150 * ms,
    record_step: Quantity = 50 * us,
    dt: Quantity | None = None,
    seed: int = 0,
    noise: bool = True,
) -> pd.DataFrame:
    """The voltages of one chain, for a figure.

    Parameters
    ----------
    neuron : OneM1T1R
        Every stage.
    stages : int
        Neurons in the chain.
    v_dd, amplitude : Quantity (volt)
        Supply of every output stage, and amplitude of the train into the first stage.
    width, period, duration : Quantity (second)
        Length of its pulses, from one onset to the next, and of the run.
    record_step : Quantity (second)
        Interval of the recording.
    dt : Quantity (second), optional
        Time step; by default the card's.
    seed : int
        Of the noise.
    noise : bool
        Whether the devices fluctuate.

    Returns
    -------
    DataFrame
        One row a stage and sample: ``stage`` (from 1), ``time_ms``, ``v_in_V``, ``v_gate_V``, ``v_load_V``.
    """
    _check(stages, 1, v_dd)
    group, parts = _chains(neuron, stages, 1, v_dd, (amplitude, width, period), dt=dt, seed=seed, noise=noise)
    names = ("v_in", "v_gate", "v_load")
    monitor = StateMonitor(group, names, record=True, dt=record_step)
    run_with_progress(Network(*parts, monitor), duration)
    return pd.concat(
        [
            pd.DataFrame(
                {"stage": stage + 1, "time_ms": np.asarray(monitor.t / ms)}
                | {f"{name}_V": np.asarray(getattr(monitor, name)[stage]) for name in names}
            )
            for stage in range(stages)
        ],
        ignore_index=True,
    )
