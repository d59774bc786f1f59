r"""Threshold and hold voltages to a card of the threshold model.

The four voltages are normal from cycle to cycle. Their means have Student's range, their standard deviations the
chi-square range (:mod:`memneuro.device_fit.ranges`). With three devices or more the mean is that of the devices'
means, its range comes from their spread, and the cycle spread is pooled within devices.

**What a sweep shows is not what the card says.** The model switches at a rate that grows within the width V_S around
v_set, so a slow sweep reaches the criterion before v_set, and loses it before v_hold. The model is integrated along
the ramp, and the difference is taken off the measured means, so that a sweep of the card shows what was measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from memneuro.device.card import Card
from memneuro.device_fit.extract import FEWEST_CYCLES
from memneuro.device_fit.ranges import LEVEL, Sample, normal_ranges

VOLTAGES = ("v_set_positive", "v_set_negative", "v_hold_positive", "v_hold_negative")


@dataclass(frozen=True)
class Spread:
    """A sample and what devices differ by.

    Parameters
    ----------
    sample : Sample
        Mean and spread from cycle to cycle.
    device_sd : float
        Standard deviation from device to device, 0 with one device.
    values : numpy.ndarray
        What was measured.
    """

    sample: Sample
    device_sd: float
    values: np.ndarray


def describe(values: np.ndarray, devices: np.ndarray) -> Spread:
    """Mean and spread of the values of one device, or of three and more.

    Parameters
    ----------
    values : ndarray, shape (n,)
        One a cycle; NaN is left out.
    devices : ndarray, shape (n,)
        The device of each value.

    Raises
    ------
    ValueError
        With two devices, or too few cycles of a device.
    """
    kept = np.isfinite(values)
    values, devices = values[kept], devices[kept]
    names = pd.unique(devices)
    if len(names) <= 1:
        return Spread(normal_ranges(values), 0.0, values)
    if len(names) == 2:
        raise ValueError("devices = 2; accepted: one device, or at least 3 for a spread from device to device")
    parts = [values[devices == name] for name in names]
    if min(part.size for part in parts) < 2:
        raise ValueError("a device has one cycle only; accepted: at least 2 cycles of each device")
    means = normal_ranges(np.array([part.mean() for part in parts]), ordered=False)
    freedom = values.size - len(parts)
    within = math.sqrt(sum(((part - part.mean()) ** 2).sum() for part in parts) / freedom)
    low, high = within * np.sqrt(freedom / stats.chi2.ppf([0.5 + LEVEL / 2, 0.5 - LEVEL / 2], freedom))
    between = means.sd**2 - within**2 * float(np.mean([1 / part.size for part in parts]))
    sample = Sample(values.size, len(parts), means.mean, within, means.mean_range, (float(low), float(high)), 0.0)
    return Spread(sample, math.sqrt(max(between, 0.0)), values)


def voltage_spreads(table: pd.DataFrame) -> tuple[dict[str, Spread], dict[str, str]]:
    """Describe the four voltages, those that have enough cycles; for the others, why not.

    Parameters
    ----------
    table : DataFrame
        Columns ``device``, ``threshold_V``, ``hold_V``; the sign of a threshold is its polarity. A hold voltage has
        the column ``polarity``.
    """
    found, lacking = {}, {}
    for name in VOLTAGES:
        column, sign = ("threshold_V" if "set" in name else "hold_V"), (1 if "positive" in name else -1)
        rows = table[(table["polarity"] == sign) & table[column].notna()]
        if len(rows) >= FEWEST_CYCLES:
            found[name] = describe(rows[column].to_numpy(), rows["device"].to_numpy())
        else:
            what = "threshold" if column == "threshold_V" else "hold"
            lacking[name] = (
                f"{len(rows)} {what} voltages of {'positive' if sign > 0 else 'negative'} polarity were found; at "
                f"least {FEWEST_CYCLES} are needed"
            )
    return found, lacking


def ramp_offsets(
    voltages: Mapping[str, float], card: Card, rate: float, criterion: float, r_on: float, r_off: float
) -> dict[str, float]:
    """What a sweep shows less what the card says, for each of the four voltages (volt).

    Parameters
    ----------
    voltages : mapping of str to float
        The card's four voltages (volt).
    card : Card
        A threshold card with widths and times.
    rate : float
        Volt per second.
    criterion : float
        Ampere.
    r_on, r_off : float
        Ohm.
    """
    found = {}
    for polarity, sign in (("positive", 1.0), ("negative", -1.0)):
        other = "negative" if sign > 0 else "positive"
        # The equations are the same for -V with the two thresholds exchanged.
        near = {kind: sign * voltages[f"v_{kind}_{polarity}"] for kind in ("set", "hold")}
        far = {kind: sign * voltages[f"v_{kind}_{other}"] for kind in ("set", "hold")}
        for kind in ("set", "hold"):
            shown = _ramp(near, far, card, rate, criterion, r_on, r_off, down=kind == "hold")
            found[f"v_{kind}_{polarity}"] = sign * (shown - near[kind])
    return found


def _ramp(
    near: Mapping[str, float],
    far: Mapping[str, float],
    card: Card,
    rate: float,
    criterion: float,
    r_on: float,
    r_off: float,
    down: bool,
) -> float:
    """Voltage at which a ramp, up from open or down from closed, crosses the criterion."""

    def value(name: str) -> float:
        return float(np.asarray(card[name]))

    width_set, width_reset = value("v_width_set"), value("v_width_reset")
    tau_set, tau_reset, a = value("tau_set"), value("tau_reset"), value("feedback")
    start, stop = value("nucleation_set"), value("nucleation_reset")
    kind, width = ("hold", width_reset) if down else ("set", width_set)
    middle, half = (near[kind] + far[kind]) / 2, (near[kind] - far[kind]) / 2

    def at(push: float) -> float:
        return max(middle + math.sqrt(max(half**2 + push * width**2, 0.0)), 1e-6)

    grid = (
        np.linspace(at(40.0), min(at(-20.0), 0.2 * at(40.0)) + 1e-6, 4000)
        if down
        else np.linspace(at(-40.0), at(20.0), 4000)
    )
    x = 1.0 if down else 0.0
    took = abs(grid[1] - grid[0]) / rate
    for v in grid.tolist():
        push_set = min(max((v - near["set"]) * (v - far["set"]) / width_set**2, -600.0), 600.0)
        push_reset = min(max((v - near["hold"]) * (v - far["hold"]) / width_reset**2, -600.0), 600.0)
        up = (1 - math.exp(-(a * x + start))) * (1 - x) + (1 - math.exp(-a * (1 - x))) * x
        fall = (1 - math.exp(-a * x)) * (1 - x) + (1 - math.exp(-(a * (1 - x) + stop))) * x
        # As rates of what is left: up = set (1 - x), fall = reset x.
        rise = up / max(1 - x, 1e-12) / (tau_set * (1 + math.exp(-push_set)))
        drop = (fall / x if x > 1e-12 else a + 1 - math.exp(-(a + stop))) / (tau_reset * (1 + math.exp(push_reset)))
        total = rise + drop
        if total > 0:
            x = rise / total + (x - rise / total) * math.exp(-total * took)
        on = v * (x / r_on + 1 / r_off) >= criterion
        if on != down:
            return float(v)
    return float(grid[-1])
