"""One number from the spikes of every condition: what a calibration minimises.

The sum of

* ``rows``: twice the mean error of the measured rows, as :mod:`memneuro.experiment.score` defines it;
* ``single``: 0.15 times the mean error of single trials of the rows that are times, counts or gains;
* ``firing``: 0.3 times what the probabilities miss by more than 0.06;
* ``latched``: twice the fraction of latched trials of the interval rows, over the number of rows;
* ``monotone``: 0.3 times the sum of the decreases of ln(interval) along the control resistors from 30 to 1500 Mohm, the
  measured ones among them, with and without noise; a resistor at which the neuron does not keep firing counts as 1;
* ``constant``: what the range of constant drive is short of a ratio of 1.36, as a logarithm;
* ``wide``: the same for a circuit with a higher transistor threshold and a ratio of 1.65, half as much;
* ``train``: the same for the amplitude of pulse trains, 0.25 times;
* ``sweep``: twice what the spread of the threshold in a current-voltage sweep is outside 3.5 to 7.5 %.
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
RANGES = {"constant": (1.36, 1.0), "wide": (1.65, 0.5), "train": (1.36, 0.25)}
SPREAD_RANGE = (0.035, 0.075)
SETTLE = 0.1

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
        found["monotone"] = 0.3 * (
            _decrease(table, spikes, quiet=True, slack=0.0) + _decrease(table, spikes, quiet=False, slack=0.05)
        )
        for kind, (goal, weight) in RANGES.items():
            part = table[table["kind"] == kind]
            short = [_short(part, spikes, quiet, tolerance, goal) for quiet, tolerance in ((True, 0.1), (False, 0.15))]
            found[kind] = weight * float(np.mean(short))
    if (table["kind"] == "sweep").any():
        found["sweep"] = 2 * _sweep_excess(spikes[int(table.index[table["kind"] == "sweep"][0])][0])
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
    part = table[table["kind"].isin(["dense"] if quiet else ["dense", "4d"])].sort_values("value")
    logs = []
    for c, row in part.iterrows():
        trains = spikes[int(c)][0]
        own = trains[-1:] if quiet else (trains[:-1] if row["kind"] == "dense" else trains)
        alive = [train for train in own if train.size > 2 and row["duration"] - train[-1] < 0.1]
        isi = np.concatenate([np.diff(train[train > train[0] + SETTLE]) for train in alive] or [np.empty(0)])
        logs.append(np.log(isi.mean()) if isi.size and len(alive) > len(own) / 2 else np.nan)
    values = np.array(logs)
    silent = np.isnan(values)
    kept = values[~silent]
    fall = np.maximum(np.maximum.accumulate(kept) - kept - slack, 0).sum() if kept.size else 0.0
    return float(fall + silent.sum())


def _short(part: pd.DataFrame, spikes: Spikes, quiet: bool, tolerance: float, goal: float) -> float:
    """What the range of sustained, rising firing is short of a ratio `goal`, as a logarithm.

    The mean over the amplitudes from the lowest that fires to `goal` times that of the part that is missing.
    """
    amplitudes = part.sort_values("value")
    low, top, lasts = None, 0.0, []
    values = amplitudes["value"].to_numpy()
    for c, row in amplitudes.iterrows():
        trains = spikes[int(c)][0]
        own = trains[-1:] if quiet else trains[:-1]
        early, late = (float(np.mean(n)) for n in zip(*(np.histogram(t, RANGE_WINDOWS)[0] for t in own), strict=True))
        alive = early >= 2 and late >= 2
        if low is None and not alive:
            continue
        low = row["value"] if low is None else low
        change = abs(late - early) / max(early, late, 1e-9)
        fall = max(0.0, 1 - late / top - 0.03) if top else 0.0
        lasts.append(float(np.clip(1 - max(change - tolerance, 3 * (fall - (0.0 if quiet else 0.05))) / 0.3, 0, 1)))
        top = max(top, late)
    if low is None:
        return float(np.log(goal))
    reached = int(np.sum(values[values >= low] <= goal * low * 1.001))
    # Beyond a gap nothing counts.
    good = np.minimum.accumulate(np.array(lasts[:reached]))
    return float(np.log(goal) * (1 - good.mean()))


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
