"""One number from the spikes of every condition: what a calibration minimises.

The sum of

* ``rows``: twice the mean error of the measured rows, as :mod:`memneuro.experiment.score` defines it;
* ``single``: 0.15 times the mean error of single trials of the rows that are times, counts or gains;
* ``firing``: 0.3 times what the probabilities miss by more than 0.06;
* ``latched``: twice the fraction of latched trials of the interval rows, over the number of rows;
* ``monotone``: the sum of the decreases of ln(interval) along the control resistors from 30 to 1500 Mohm without noise,
  and 0.3 times that with noise, the measured ones among them; a resistor at which the neuron does not keep firing
  counts as 1;
* ``constant``: what the range of constant drive is short of a ratio of 1.32, as a logarithm;
* ``wide``: the same for a circuit with a higher transistor threshold and a ratio of 1.63, half as much;
* ``train``: the same for the amplitude of pulse trains, 0.25 times;
* ``sweep``: ten times what the spread of the threshold in a current-voltage sweep is outside 3.5 to 7.5 %.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from brian2 import second, volt

from memneuro.circuit.latch import latched
from memneuro.experiment.calibrate.protocols import RANGE_WINDOWS, SWEEP
from memneuro.experiment.score import FIRST_INTEGRATION_MS, WORST, row_error
from memneuro.experiment.target import scored_targets

TERMS = ("rows", "single", "firing", "latched", "monotone", "constant", "wide", "train", "sweep")
PROBABILITY_TOLERANCE = 0.06
#: Ratio of the largest sustained to the lowest drive, and the weight of what is missing.
RANGES = {"constant": (1.32, 1.0), "wide": (1.63, 0.5), "train": (1.32, 0.25)}
SPREAD_RANGE = (0.035, 0.075)
SETTLE = 0.1
#: Change of the rate from the first to the second window that is none, and the least rate (Hz).
CHANGE_QUIET, CHANGE_NOISY, LEAST_RATE = 0.1, 0.15, 4

Spikes = Mapping[int, tuple[list[np.ndarray], np.ndarray]]


def terms(table: pd.DataFrame, spikes: Spikes, v_threshold: float, rows: np.ndarray | None = None) -> dict[str, float]:
    """The parts of the objective of one point, each with its weight.

    Parameters
    ----------
    table : DataFrame
        As :func:`memneuro.experiment.calibrate.protocols.conditions` gives it.
    spikes : mapping
        One element of what :meth:`memneuro.experiment.calibrate.protocols.Programs.run` gives.
    v_threshold : float
        Gate voltage (V) above which a silent neuron is latched.
    rows : ndarray of bool, optional
        Which of the scored rows count; all by default.

    Returns
    -------
    dict of str to float
        By the names in ``TERMS``.
    """
    errors, single, latched = row_errors(table, spikes, v_threshold)
    wanted = scored_targets()
    used = np.ones(len(wanted), bool) if rows is None else rows
    chance = (wanted["unit"] == "probability").to_numpy() & used
    interval = (wanted["figure"] == "4d").to_numpy() & used
    found = {
        "rows": 2 * float(errors[used].mean()),
        "single": 0.15 * float(np.nanmean(single[used])),
        "firing": 0.3 * float(np.maximum(errors[chance] - PROBABILITY_TOLERANCE, 0).sum()),
        "latched": 2 * float(latched[interval].sum()) / len(wanted),
    }
    if (table["kind"] == "dense").any():
        found["monotone"] = _decrease(table, spikes, quiet=True, slack=0.004) + 0.3 * _decrease(
            table, spikes, quiet=False, slack=0.05
        )
        for kind, (goal, weight) in RANGES.items():
            part = table[table["kind"] == kind]
            noises = (True, False) if part["trials"].iloc[0] else (True,)
            short = [_short(part, spikes, quiet, goal) for quiet in noises]
            found[kind] = weight * float(np.mean(short))
    if (table["kind"] == "sweep").any():
        found["sweep"] = 10 * _sweep_excess(spikes[int(table.index[table["kind"] == "sweep"][0])][0])
    return found


def row_errors(table: pd.DataFrame, spikes: Spikes, v_threshold: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Error of every scored row, the mean error of its single trials, and the fraction of trials that latched.

    Single trials are NaN where a row is a probability or an interval.

    Parameters
    ----------
    table : DataFrame
        As in :func:`terms`.
    spikes : mapping
        As in :func:`terms`.
    v_threshold : float
        As in :func:`terms`.
    """
    simulated = samples(table, spikes, v_threshold)
    errors, single, latched = [], [], []
    for row in scored_targets().to_dict(orient="records"):
        value, trials, stuck = simulated[row["figure"], round(float(row["condition_value"]), 6)]
        unit, condition, measured = row["unit"], row["condition"], row["measured"]
        errors.append(row_error(unit, condition, measured, value, stuck))
        latched.append(stuck)
        if trials is None:
            single.append(np.nan)
        elif condition.startswith("second integration shorter by"):
            single.append(float(np.mean(np.abs(trials - measured))) / FIRST_INTEGRATION_MS)
        else:
            single.append(float(np.mean(np.minimum(np.abs(np.log(trials / measured)), WORST))))
    return np.array(errors), np.array(single), np.array(latched)


def samples(
    table: pd.DataFrame, spikes: Spikes, v_threshold: float
) -> dict[tuple[str, float], tuple[float, np.ndarray | None, float]]:
    """The value of every scored row, its single trials (infinite where one did not fire) and the fraction that latched.

    Parameters
    ----------
    table : DataFrame
        As in :func:`terms`.
    spikes : mapping
        As in :func:`terms`.
    v_threshold : float
        As in :func:`terms`.
    """
    found: dict[tuple[str, float], tuple[float, np.ndarray | None, float]] = {}
    firsts = []
    for c, row in table.iterrows():
        kind, value = row["kind"], round(float(row["value"]), 6)
        if kind not in ("4d", "3b", "3d", "4ab"):
            continue
        trains, gate = spikes[int(c)]
        first = np.array([train[0] if train.size else np.inf for train in trains]) * 1e3
        if kind == "3b":
            pulses = np.floor(first / (row["period"] * 1e3)) + 1
            found[kind, value] = (_median(pulses), pulses, 0.0)
        elif kind == "3d":
            fired = np.isfinite(first)
            found[kind, value] = (float(fired.mean()), None, 0.0)
            if np.isclose(value, 0.9):
                found["3c", value] = (
                    float(np.median(first[fired])) if fired.any() else np.nan,
                    first[fired] if fired.any() else np.array([np.inf]),
                    0.0,
                )
        elif kind == "4ab":
            onset, width = row["period"] * 1e3, row["width"] * 1e3
            late = np.array([np.append(t[t * 1e3 >= onset - 1e-6] * 1e3, np.inf)[0] for t in trains])
            first = np.where(first < onset - 1e-6, first, np.inf)
            firsts.append(first)
            gain = np.minimum(first, width) - np.minimum(late - onset, width)
            found[kind, value] = (float(np.median(gain)), gain, 0.0)
        else:
            if np.isclose(value, 250):
                found["2e", 0.8] = (_median(first), first, 0.0)
            last = np.array([train[-1] if train.size else np.nan for train in trains]) * second
            stuck = latched(last, gate * volt, end=row["duration"] * second, threshold=v_threshold * volt)
            stable = [np.diff(train[train > train[0] + SETTLE]) for train in trains if train.size]
            isi = np.concatenate([np.empty(0), *stable])
            found[kind, value] = (float(isi.mean() * 1e3) if isi.size else np.nan, None, float(np.mean(stuck)))
    both = np.concatenate(firsts)
    found["4ab", 2.0] = (_median(both), both, 0.0)
    return found


def _median(values: np.ndarray) -> float:
    """Median in which a trial that did not fire is later than all others; NaN where it would be one of those."""
    middle = float(np.median(values))
    return middle if np.isfinite(middle) else float("nan")


def _decrease(table: pd.DataFrame, spikes: Spikes, quiet: bool, slack: float) -> float:
    """Sum of the decreases of ln(interval) beyond `slack` along the control resistors; 1 for each silent one."""
    part = table[table["kind"].isin(["quiet"] if quiet else ["dense", "4d"])].sort_values("value")
    logs = []
    for c, row in part.iterrows():
        own = spikes[int(c)][0]
        alive = [train for train in own if train.size > 2 and row["duration"] - train[-1] < 0.15]
        isi = np.concatenate([np.diff(train[train > train[0] + SETTLE]) for train in alive] or [np.empty(0)])
        logs.append(np.log(isi.mean()) if isi.size and len(alive) > len(own) / 2 else np.nan)
    values = np.array(logs)
    silent = np.isnan(values)
    kept = values[~silent]
    fall = np.maximum(np.maximum.accumulate(kept) - kept - slack, 0).sum() if kept.size else 0.0
    return float(fall + silent.sum())


def _short(part: pd.DataFrame, spikes: Spikes, quiet: bool, goal: float) -> float:
    """What the longest range of sustained, rising firing is short of a ratio `goal`, as a logarithm.

    An amplitude counts in full where the rate of the second window is that of the first, and no lower than at a smaller
    amplitude, within a tolerance; it counts less the more it misses that, and no more than the amplitudes before it.
    """
    part = part.sort_values("value")
    values = np.log(part["value"].to_numpy())
    rates = []
    for c in part.index:
        trains = spikes[int(c)][0]
        counts = [np.histogram(train, RANGE_WINDOWS)[0] for train in (trains[-1:] if quiet else trains[:-1])]
        rates.append(np.mean(counts, axis=0) / np.diff(RANGE_WINDOWS))
    early, late = np.array(rates).T
    change, fall = (CHANGE_QUIET, 0.0) if quiet else (CHANGE_NOISY, 0.05)
    missed = np.maximum(np.abs(late - early) / np.maximum(early, 1e-9) - change, 0)
    lasts = np.where(np.minimum(early, late) < LEAST_RATE, 0, 1 - np.minimum(missed / 0.3, 1))
    best = 0.0
    for k in np.flatnonzero(lasts > 0):
        top = np.maximum.accumulate(late[k:])
        lower = np.maximum(1 - late[k:] / np.maximum(top, 1e-9) - 0.03 - fall, 0)
        credit = np.minimum.accumulate(np.minimum(lasts[k:], 1 - np.minimum(lower / 0.1, 1)))
        best = max(best, float(np.sum(np.diff(values[k:]) * credit[1:])))
    return max(float(np.log(goal)) - best, 0.0)


def _sweep_excess(trains: list[np.ndarray]) -> float:
    """How far the spread of the threshold voltage over its mean is outside ``SPREAD_RANGE``."""
    half = SWEEP["period"] / 2
    thresholds = []
    for train in trains:
        for cycle in (1,):
            start = cycle * SWEEP["period"]
            up = train[(train >= start) & (train < start + half)]
            if up.size:
                thresholds.append((up[0] - start) / half * SWEEP["peak"])
    if len(thresholds) < len(trains):
        return 0.5
    spread = np.std(thresholds, ddof=1) / np.mean(thresholds)
    low, high = SPREAD_RANGE
    return float(max(0.0, low - spread, spread - high))
