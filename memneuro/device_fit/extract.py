r"""From readings to samples: thresholds and holds of every sweep; delay, relaxation and resistances of every pulse.

**Sweeps.** A sweep is one way of the voltage from near zero to a peak and back; it is found from the turning points of
abs(V). The threshold voltage lies between the last reading below the criterion and the first at or above it on the way
up, the hold voltage between the last reading at or above it and the first below on the way down; the middle is taken.
The on resistance is the median of V/I on the way down, without readings at the compliance (which show the limit of the
source meter, not the device). The off conductance is the slope of I against V between 0.1 and 0.8 of the threshold.

**Pulses.** The voltage jumps from a rest to the pulse between two readings. The delay runs from the first reading of
the pulse to the middle between the last reading below the criterion and the first at or above it. The relaxation
runs from the first reading after the pulse until the current has fallen to 1/e of what that reading shows, between two
readings by interpolation of ln I. On resistance: the last tenth of the pulse; off conductance: the rest before it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from memneuro.device_fit.read import Measurement

#: Current that counts as on (ampere), as in the quasi-static sweeps of the measured devices.
CRITERION = 1e-8
#: Fewest cycles in one polarity, and fewest delays, that a fit is made from.
FEWEST_CYCLES, FEWEST_DELAYS = 3, 5
_TURN = 0.3


def sweep_samples(measurement: Measurement, criterion: float = CRITERION) -> pd.DataFrame:
    """Threshold, hold and resistances of every sweep.

    Parameters
    ----------
    measurement : Measurement
        Of kind "sweeps".
    criterion : float
        Current that counts as on (ampere).

    Returns
    -------
    DataFrame
        One row a sweep: ``device``, ``polarity`` (1, -1), ``threshold_V`` and ``hold_V`` (signed, NaN where not found),
        ``r_on_ohm`` (NaN where only the compliance was seen), ``r_on_most_ohm`` (upper limit), ``g_off_S``,
        ``resolution_V`` (distance of the readings at the threshold), ``rate_V_per_s`` (NaN without time).

    Raises
    ------
    ValueError
        If the criterion is not positive or no sweep reaches it.
    """
    if not (np.isfinite(criterion) and criterion > 0):
        raise ValueError(f"criterion = {criterion!r}; accepted: a positive current in ampere")
    table = measurement.table
    rows = []
    labels = [label for label in ("device", "cycle") if label in table]
    for key, part in table.groupby(labels, sort=False) if labels else [("", table)]:
        name = str(key[0]) if "device" in labels and isinstance(key, tuple) else ""
        time = part["time_s"].to_numpy() if "time_s" in part else None
        voltage, current = part["voltage_V"].to_numpy(), part["current_A"].to_numpy()
        for start, peak, stop in _lobes(np.abs(voltage)):
            rows.append({"device": name, **_one_sweep(voltage, current, time, start, peak, stop, criterion)})
    found = pd.DataFrame(rows)
    if found.empty or found["threshold_V"].isna().all():
        most = table["current_A"].abs().max()
        raise ValueError(
            f"{measurement.name}: no sweep switches from below to above the criterion of {criterion:g} A (largest "
            f"current {most:g} A, smallest {table['current_A'].abs().min():g} A); accepted: sweeps "
            "that cross it, or another criterion"
        )
    return found


def _lobes(size: np.ndarray) -> list[tuple[int, int, int]]:
    """First reading, peak and last reading of every way up and down of abs(V), by turning points 30 % apart."""
    turn = _TURN * np.ptp(size)
    if turn == 0:
        return []
    turns, low, high, rising = [], 0, 0, True
    for k, value in enumerate(size):
        if rising:
            high = k if value > size[high] else high
            if value < size[high] - turn:
                turns.append(high)
                rising, low = False, k
        else:
            low = k if value <= size[low] else low
            if value > size[low] + turn:
                turns.append(low)
                rising, high = True, k
    peaks, valleys = turns[::2], turns[1::2]
    if rising and size[high] - size[turns[-1] if turns else 0] > turn:
        peaks = [*peaks, high]
    edges = [0, *valleys[: len(peaks) - 1], size.size - 1]
    return [(edges[k], peak, edges[k + 1]) for k, peak in enumerate(peaks)]


def _one_sweep(
    voltage: np.ndarray,
    current: np.ndarray,
    time: np.ndarray | None,
    start: int,
    peak: int,
    stop: int,
    criterion: float,
) -> dict[str, float]:
    sign = 1.0 if voltage[peak] >= 0 else -1.0
    size, amount = np.abs(voltage), np.abs(current)
    on = amount >= criterion
    found = dict.fromkeys(("threshold_V", "hold_V", "r_on_ohm", "r_on_most_ohm", "g_off_S", "resolution_V"), np.nan)
    rate = np.nan if time is None or peak == start else (size[peak] - size[start]) / (time[peak] - time[start])
    rising = np.flatnonzero(on[start : peak + 1])
    if rising.size and rising[0] > 0:
        first = start + int(rising[0])
        found["threshold_V"] = sign * (size[first] + size[first - 1]) / 2
        found["resolution_V"] = abs(size[first] - size[first - 1])
        window = slice(start, first)
        part = (size[window] > 0.1 * size[first]) & (size[window] < 0.8 * size[first])
        if part.sum() >= 3:
            v, i = voltage[window][part], current[window][part]
            found["g_off_S"] = float(v @ i / (v @ v))
        falling = np.flatnonzero(~on[peak : stop + 1])
        last = peak + int(falling[0]) if falling.size else stop + 1
        if falling.size and falling[0] > 0:
            found["hold_V"] = sign * (size[last] + size[last - 1]) / 2
        found |= _on_resistance(size[peak:last], amount[peak:last])
    return {"polarity": sign, **found, "rate_V_per_s": rate}


def _on_resistance(size: np.ndarray, amount: np.ndarray) -> dict[str, float]:
    """Median of V/I of the readings that are on, without those at a compliance, and the smallest V/I seen."""
    if size.size < 3:
        return {}
    most = amount.max()
    flat = amount > 0.98 * most
    limited = flat.sum() >= 3 and np.ptp(size[flat]) > 0.05 * size.max()
    free = (amount < 0.9 * most) & (amount > 0.02 * most) if limited else amount > 0.1 * most
    ratio = size / amount
    return {
        "r_on_ohm": float(np.median(ratio[free])) if free.sum() >= 3 else np.nan,
        "r_on_most_ohm": float(ratio.min()),
    }


def pulse_samples(measurement: Measurement, criterion: float | str = CRITERION) -> pd.DataFrame:
    """Delay, relaxation and resistances of every pulse.

    Parameters
    ----------
    measurement : Measurement
        Of kind "pulses".
    criterion : float or "half"
        Current that counts as on (ampere), or half of the current at the end of the pulse.

    Returns
    -------
    DataFrame
        One row a pulse: ``amplitude_V``, ``width_s``, ``read_V``, ``delay_s`` (NaN where the device did not switch),
        ``relaxation_s`` (NaN where not seen), ``r_end_ohm`` (at the end of the pulse, NaN where it did not switch),
        ``g_off_S`` (NaN where the rest is at 0 V), ``rest_s`` and ``rest_V`` (that rest),
        ``resolution_s``.

    Raises
    ------
    ValueError
        If a record holds no pulse, the current is above the criterion from the start, or no pulse switches.
    """
    if criterion != "half" and not (isinstance(criterion, (int, float)) and np.isfinite(criterion) and criterion > 0):
        raise ValueError(f"criterion = {criterion!r}; accepted: a positive current in ampere, or 'half'")
    table = measurement.table
    if "device" in table and table["device"].nunique() > 1:
        known = ", ".join(map(str, table["device"].unique()[:5]))
        raise ValueError(f"{measurement.name} holds pulses of several devices ({known}); accepted: one device a file")
    labels = [label for label in ("cycle", "pulse") if label in table]
    rows = []
    for _, part in table.groupby(labels, sort=False) if labels else [("", table)]:
        time, voltage, current = (part[name].to_numpy() for name in ("time_s", "voltage_V", "current_A"))
        for start, begin, end, stop in _pulses(np.abs(voltage)):
            line = int(part.index[begin]) + 2
            rows.append(_one_pulse(time, voltage, current, start, begin, end, stop, criterion, measurement.name, line))
    if not rows:
        raise ValueError(
            f"{measurement.name} holds no pulse: the voltage never jumps up; accepted: at least {FEWEST_DELAYS}"
        )
    found = pd.DataFrame(rows)
    if found["delay_s"].isna().all():
        raise ValueError(
            f"{measurement.name}: no pulse switches the device: the largest current is {_most(table):g} A "
            f"and the criterion {criterion}{'' if criterion == 'half' else ' A'}; accepted: a lower criterion"
        )
    return found


def _most(table: pd.DataFrame) -> float:
    """Largest current (ampere)."""
    return float(table["current_A"].abs().max())


def _pulses(size: np.ndarray) -> list[tuple[int, int, int, int]]:
    """Rest before, first reading in the pulse, first reading after it, end of the rest after it."""
    jumps = np.diff(size)
    large = 0.2 * np.ptp(size)
    begins = np.flatnonzero(jumps > large) + 1 if large > 0 else np.empty(0, dtype=int)
    ends = np.flatnonzero(jumps < -large) + 1 if large > 0 else np.empty(0, dtype=int)
    found, before = [], 0
    for k, begin in enumerate(begins):
        following = begins[k + 1] if k + 1 < begins.size else size.size
        after = ends[(ends > begin) & (ends <= following)]
        end = int(after[0]) if after.size else int(following)
        found.append((before, int(begin), end, int(following)))
        before = end
    return found


def _one_pulse(
    time: np.ndarray,
    voltage: np.ndarray,
    current: np.ndarray,
    start: int,
    begin: int,
    end: int,
    stop: int,
    criterion: float | str,
    name: str,
    line: int,
) -> dict[str, float]:
    amount = np.abs(current)
    amplitude = float(np.median(voltage[begin:end]))
    step = float(np.median(np.diff(time[begin:end]))) if end - begin > 1 else np.nan
    # With too short a rest before the next pulse nothing is known about where this one ends.
    width = time[end] - time[begin] if end < time.size else time[end - 1] + step - time[begin]
    found = {"amplitude_V": amplitude, "width_s": width, "read_V": np.nan, "delay_s": np.nan, "relaxation_s": np.nan}
    found |= {"r_end_ohm": np.nan, "g_off_S": np.nan, "rest_s": np.nan, "rest_V": np.nan}
    found["resolution_s"] = step
    tail = max(1, (end - begin) // 10)
    last = float(np.median(amount[end - tail : end]))
    limit = last / 2 if criterion == "half" else float(criterion)
    if start == 0 and begin > 0 and abs(np.median(voltage[start:begin])) > 1e-6:
        # Only before the first pulse of a record is the device surely at rest.
        v, i = voltage[start:begin], current[start:begin]
        found["g_off_S"] = float(v @ i / (v @ v))
        found["rest_s"], found["rest_V"] = time[begin] - time[start], abs(float(np.median(v)))
    if criterion == "half" and last <= 5 * amount[begin]:
        return found
    reached = np.flatnonzero(amount[begin:end] >= limit)
    if not reached.size:
        return found
    if reached[0] == 0:
        raise ValueError(
            f"{name}: the pulse in line {line} starts with {amount[begin]:g} A, not below the criterion of "
            f"{limit:g} A; accepted: a criterion above the current of the open device, or criterion 'half'"
        )
    first = begin + int(reached[0])
    found["delay_s"] = (time[first] + time[first - 1]) / 2 - time[begin]
    if not _settled(amount[begin:end]):
        return found
    found["r_end_ohm"] = abs(amplitude) / last
    if stop - end >= 3:
        found["read_V"] = abs(float(np.median(voltage[end:stop])))
        if found["read_V"] > 1e-6:
            found["relaxation_s"] = _fall(time[end:stop] - time[end], amount[end:stop])
    return found


def _settled(amount: np.ndarray) -> bool:
    """Whether the current no longer changes by the end of a pulse: over its last fifth, by less than a tenth."""
    fifth = max(2, amount.size // 5)
    halves = np.median(amount[-fifth : -fifth // 2]), np.median(amount[-fifth // 2 :])
    return bool(min(halves) > 0.9 * max(halves))


def _fall(time: np.ndarray, amount: np.ndarray) -> float:
    """Time until the current has fallen to 1/e of its first reading, NaN where it does not.

    A parabola through the readings of ln(current) about the crossing, so that the noise of single readings does not
    make it early; between two readings where there are fewer than six.
    """
    if amount[0] <= 0 or not (amount <= amount[0] / np.e).any():
        return float("nan")
    fall = np.log(np.maximum(amount, 1e-30) / amount[0])
    k = int(np.argmax(fall <= -1))
    near = np.flatnonzero(np.abs(fall[: 3 * k + 3] + 1) < 0.6)
    if near.size >= 6:
        middle = time[k]
        bend, slope, level = np.polyfit(time[near] / middle - 1, fall[near] + 1, 2)
        inside = slope**2 - 4 * bend * level
        if slope < 0 and inside >= 0:
            return float(middle * (1 - 2 * level / (slope - np.sqrt(inside))))
    return float(time[k - 1] + (-1 - fall[k - 1]) / (fall[k] - fall[k - 1]) * (time[k] - time[k - 1]))
