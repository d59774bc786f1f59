r"""Stochasticity (doi:10.1038/s41928-025-01488-x): how irregular are the spikes of a neuron under a steady stimulus?

The stimulus is a long pulse train, or a constant voltage when `width` equals `period`. The statistics are those used
for recorded cells (:mod:`memneuro.biology.trains`): the coefficient of variation of the intervals, its local form CV2
that slow drift hardly touches, and the Fano factor of the spike count against the counting window. For a renewal
process the Fano factor of a long window tends to CV^2; where it rises with the window instead, the rate wanders
slowly.

Two kinds of variation are kept apart: within a trial (one device, one run) and between trials, in which the slow
noise of a device starts from another value each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from brian2 import Quantity, ms, volt

from memneuro.biology.trains import fano_factor, fano_factor_across_repeats, isi_cv, isi_cv2
from memneuro.circuit.drive import check
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.pulses import run_pulses

AMPLITUDES = np.array([0.75, 0.8, 0.85, 0.9, 1.0]) * volt
WINDOWS = np.array([10, 20, 50, 100, 200, 500]) * ms


@dataclass(frozen=True)
class Stochasticity:
    """What :func:`stochasticity` gave.

    Parameters
    ----------
    delays : DataFrame
        One row an amplitude and trial: ``amplitude_V``, ``trial``, ``first_spike_ms`` (NaN where it did not fire),
        ``spikes`` (of the whole run).
    intervals : DataFrame
        One row an interval that begins after the settling time: ``amplitude_V``, ``trial``, ``number`` (from 0),
        ``start_ms``, ``isi_ms``.
    fano : DataFrame
        One row an amplitude and counting window, after the settling time: ``amplitude_V``, ``window_ms``,
        ``fano_within`` (mean over the trials of the Fano factor of one train), ``fano_across`` (variance over mean
        across the trials, averaged over the windows), ``trials`` (those with a spike).
    summary : DataFrame
        One row an amplitude: ``amplitude_V``, ``trials``, ``fired`` (fraction), ``silent`` (fraction that fired but not
        after the settling time: the gate stays charged), ``first_spike_ms_mean``, ``first_spike_ms_sd``,
        ``first_spike_cv`` (of those that fired), ``intervals``, ``isi_ms_mean``, ``isi_ms_median``, ``isi_cv`` (of all
        intervals together), ``isi_cv_within``, ``isi_cv2_within`` (means over the trials).
    """

    delays: pd.DataFrame
    intervals: pd.DataFrame
    fano: pd.DataFrame
    summary: pd.DataFrame


def stochasticity(
    neuron: OneM1T1R,
    *,
    amplitudes: Quantity = AMPLITUDES,
    width: Quantity = 1 * ms,
    period: Quantity = 2 * ms,
    duration: Quantity = 2000 * ms,
    settle: Quantity = 500 * ms,
    windows: Quantity = WINDOWS,
    trials: int = 50,
    dt: Quantity | None = None,
    seed: int = 0,
    **options: Any,
) -> Stochasticity:
    """Spike statistics of many trials under a steady stimulus of several amplitudes.

    Parameters
    ----------
    neuron : OneM1T1R
        The neuron.
    amplitudes : Quantity (volt)
        Amplitudes of the stimulus.
    width, period : Quantity (second)
        The pulses; equal for a constant voltage.
    duration : Quantity (second)
        Length of a trial.
    settle : Quantity (second)
        What comes earlier counts only for the first spike: the intervals change while the residue builds up.
    windows : Quantity (second)
        Counting windows of the Fano factor; those of which fewer than two fit are left out.
    trials : int
        Trials at each amplitude.
    dt : Quantity (second), optional
        Time step; by default the card's.
    seed : int
        Of the noise.
    **options : object
        As in :func:`memneuro.experiment.pulses.run_pulses`.

    Returns
    -------
    Stochasticity

    Raises
    ------
    ValueError
        If the settling time is not shorter than the trial.
    """
    if not 0 <= float(settle / ms) < float(duration / ms):
        raise ValueError(f"settle = {settle!s}; accepted: from 0 s to less than the duration, {duration!s}")
    check("amplitudes", amplitudes, volt, signed=True)
    amplitude = np.atleast_1d(np.asarray(amplitudes / volt))
    run = run_pulses(
        neuron,
        amplitude=amplitude * volt,
        width=width,
        period=period,
        duration=duration,
        trials=trials,
        dt=dt,
        seed=seed,
        **options,
    )
    trains = run.trains()
    delays = pd.DataFrame(
        {
            "amplitude_V": np.repeat(amplitude, trials),
            "trial": np.tile(np.arange(trials), len(amplitude)),
            "first_spike_ms": run.first_spikes().ravel(),
            "spikes": [len(train) for condition in trains for train in condition],
        }
    )
    settled = [[train[train >= float(settle / ms)] - float(settle / ms) for train in condition] for condition in trains]
    intervals = _intervals(amplitude, settled, float(settle / ms))
    fano = _fano(amplitude, settled, duration - settle, np.atleast_1d(np.asarray(windows / ms)))
    return Stochasticity(delays, intervals, fano, _summary(delays, intervals, amplitude, settled))


def _intervals(amplitude: np.ndarray, trains: list[list[np.ndarray]], settle: float) -> pd.DataFrame:
    columns: dict[str, list[np.ndarray]] = {
        name: [np.empty(0)] for name in ("amplitude_V", "trial", "number", "start_ms", "isi_ms")
    }
    for volts, condition in zip(amplitude, trains, strict=True):
        for trial, train in enumerate(condition):
            isi = np.diff(train)
            columns["amplitude_V"].append(np.full(isi.size, volts))
            columns["trial"].append(np.full(isi.size, trial))
            columns["number"].append(np.arange(isi.size))
            columns["start_ms"].append(train[: isi.size] + settle)
            columns["isi_ms"].append(isi)
    table = pd.DataFrame({name: np.concatenate(parts) for name, parts in columns.items()})
    return table.astype({"trial": int, "number": int})


def _fano(
    amplitude: np.ndarray, trains: list[list[np.ndarray]], duration: Quantity, windows: np.ndarray
) -> pd.DataFrame:
    rows = []
    for volts, condition in zip(amplitude, trains, strict=True):
        for window in windows:
            if 2 * window > float(duration / ms) * (1 + 1e-9):
                continue
            within = [fano_factor(train * ms, duration, window * ms) for train in condition if train.size]
            rows.append(
                {
                    "amplitude_V": volts,
                    "window_ms": window,
                    "fano_within": float(np.mean(within)) if within else np.nan,
                    "fano_across": fano_factor_across_repeats([t * ms for t in condition], duration, window * ms)
                    if len(condition) > 1
                    else np.nan,
                    "trials": len(within),
                }
            )
    return pd.DataFrame(rows, columns=["amplitude_V", "window_ms", "fano_within", "fano_across", "trials"])


def _summary(
    delays: pd.DataFrame, intervals: pd.DataFrame, amplitude: np.ndarray, trains: list[list[np.ndarray]]
) -> pd.DataFrame:
    rows = []
    for volts, condition in zip(amplitude, trains, strict=True):
        first = delays.loc[delays["amplitude_V"] == volts, "first_spike_ms"]
        isi = intervals.loc[intervals["amplitude_V"] == volts, "isi_ms"]
        enough = [train * ms for train in condition if train.size > 2]
        rows.append(
            {
                "amplitude_V": volts,
                "trials": len(condition),
                "fired": float(first.notna().mean()),
                "silent": float(np.mean(first.notna().to_numpy() & np.array([t.size == 0 for t in condition]))),
                "first_spike_ms_mean": first.mean(),
                "first_spike_ms_sd": first.std(),
                "first_spike_cv": first.std() / first.mean(),
                "intervals": len(isi),
                "isi_ms_mean": isi.mean(),
                "isi_ms_median": isi.median(),
                "isi_cv": isi.std() / isi.mean(),
                "isi_cv_within": float(np.mean([isi_cv(train) for train in enough])) if enough else np.nan,
                "isi_cv2_within": float(np.mean([isi_cv2(train) for train in enough])) if enough else np.nan,
            }
        )
    return pd.DataFrame(rows)
