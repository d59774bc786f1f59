"""What must hold between and beyond the measured points: shape rows beside the score.

Each row is one statement with its value, its limit and whether it holds. None of them is a measurement of the 1M1T1R
neuron: they are what any neuron of this kind must do to be used at other resistors, drives and times than the measured
ones, and the spread of the threshold is that of diffusive memristors in general (3 to 8 %).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from brian2 import Mohm, Quantity, second

from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.iv_sweep import iv_summary, iv_sweep
from memneuro.experiment.operating_range import TRAIN, operating_range, range_summary
from memneuro.experiment.refractory_period import intervals, refractory_period

#: Control resistors from 30 to 1500 Mohm, 7 % apart.
RESISTANCES = np.geomspace(30, 1500, 59) * Mohm
#: Fall of the interval that is none: half a percent without noise, 3 % of the mean of many noisy intervals.
FALL = {False: 0.005, True: 0.03}
LEAST_RATIO = 1.3
SPREAD = (0.03, 0.08)
TRIALS = {"interval": 20, "range": 20, "sweep": 100}


def interval_curve(
    neuron: OneM1T1R, *, noise: bool, trials: int, seed: int = 0, dt: Quantity | None = None
) -> pd.DataFrame:
    """Stable interval under the 0.8 V train of Fig. 4d on a dense grid of control resistors, over 2 s.

    Parameters
    ----------
    neuron : OneM1T1R
        The neuron.
    noise : bool
        Whether the devices fluctuate.
    trials : int
        Neurons at each resistor; 1 without noise.
    seed : int
        Of the noise.
    dt : Quantity (second), optional
        Time step; by default the card's.

    Returns
    -------
    DataFrame
        As :func:`memneuro.experiment.refractory_period.intervals` gives it.
    """
    table = refractory_period(
        neuron,
        resistances=RESISTANCES,
        duration=2 * second,
        trials=trials if noise else 1,
        noise=noise,
        seed=seed,
        dt=dt,
    )
    return intervals(table)


def largest_fall(intervals: pd.Series) -> float:
    """The largest fall of an interval below an earlier one, as a fraction; infinite where one is missing."""
    values = intervals.to_numpy(dtype=float)
    if not np.all(np.isfinite(values)):
        return float("inf")
    return float(np.max(1 - values / np.maximum.accumulate(values)))


def shape_rows(
    devices: Mapping[str, OneM1T1R],
    *,
    trials: Mapping[str, int] | None = None,
    seed: int = 1,
    step: Quantity | None = None,
    backend: str = "runtime",
) -> list[dict[str, Any]]:
    """Every statement, checked.

    Parameters
    ----------
    devices : mapping of str to OneM1T1R
        A neuron for each of the paper's devices; ``"2e4d"`` and ``"3cd"`` are used.
    trials : mapping of str to int, optional
        Trials of ``"interval"``, ``"range"`` and ``"sweep"``; see ``TRIALS``.
    seed : int
        Of the noise.
    step : Quantity (second), optional
        Time step; by default each card's.
    backend : str
        Of the operating ranges, as in :func:`memneuro.backend.backend`.

    Returns
    -------
    list of dict
        ``name``, ``value``, ``limit`` (in words) and ``passed``.
    """
    number = {**TRIALS, **(trials or {})}
    neuron = devices["2e4d"]
    noisy = neuron.fluctuates
    rows: list[dict[str, Any]] = []

    def add(name: str, value: float, limit: str, passed: bool) -> None:
        rows.append({"name": name, "value": float(value), "limit": limit, "passed": bool(passed)})

    for noise in (False, True) if noisy else (False,):
        how = "with noise" if noise else "without noise"
        curve = interval_curve(neuron, noise=noise, trials=number["interval"], seed=seed, dt=step)
        fall = largest_fall(curve["mean_ms"])
        limit = FALL[noise]
        add(f"interval rises with R_c, 30 to 1500 Mohm, {how}: largest fall", fall, f"<= {limit:g}", fall <= limit)
        stuck = float(curve["latched"].max())
        add(f"no R_c from 30 to 1500 Mohm latches, {how}: largest fraction", stuck, "0", stuck == 0)
        for kind, drive in (("constant drive", None), ("pulse trains of Fig. 4d", TRAIN)):
            table = operating_range(
                neuron, drive=drive, trials=number["range"], noise=noise, seed=seed, dt=step, backend=backend
            )
            ratio = float(range_summary(table)["ratio"])
            name = f"{kind}, {how}: largest sustained over lowest drive"
            add(name, ratio, f">= {LEAST_RATIO:g}", ratio >= LEAST_RATIO)
    if noisy:
        summary = iv_summary(iv_sweep(devices["3cd"], trials=number["sweep"], seed=seed)).set_index("quantity")
        spread = float(summary.loc["threshold", "relative_spread"])
        low, high = SPREAD
        passed = low <= spread <= high
        add("spread of the threshold voltage in current-voltage sweeps", spread, f"{low:g} to {high:g}", passed)
    return rows
