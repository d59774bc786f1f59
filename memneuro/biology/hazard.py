"""Hazard of the interspike intervals, and the refractory period that it shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from brian2 import Hz, Quantity, ms, second
from numpy.typing import NDArray
from scipy.stats import chi2

from memneuro.biology._quantities import si_number, si_train

__all__ = ["RefractoryPeriod", "hazard_function", "refractory_period"]

_MOST_BINS = 1_000_000
_USUAL_COUNT = 20
_LEAST_BIN = 1e-3


@dataclass(frozen=True)
class RefractoryPeriod:
    """Refractory period of a neuron, from `refractory_period`.

    Attributes
    ----------
    absolute : Quantity (second)
        Shortest interval; 0 s when a neuron without refractory period would show none shorter either.
    relative : Quantity (second)
        Time since the last spike at which the hazard reaches the given fraction of its plateau.
    plateau : Quantity (hertz)
        Hazard beyond the median interval.
    p_value : float
        Probability that a neuron whose hazard is the plateau from the start has no interval shorter than the
        shortest one found.
    """

    absolute: Quantity
    relative: Quantity
    plateau: Quantity
    p_value: float


def poisson_limits(counts: NDArray[np.integer], confidence: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Exact central confidence limits of the mean of a Poisson variable of which `counts` were found.

    Parameters
    ----------
    counts : array of int
        What was counted.
    confidence : float
        Of the limits, below 1.
    """
    number = np.asarray(counts, dtype=float)
    low = np.where(number > 0, chi2.ppf((1 - confidence) / 2, 2 * np.maximum(number, 0.5)) / 2, 0.0)
    return low, chi2.ppf((1 + confidence) / 2, 2 * number + 2) / 2


def _fraction(value: float, name: str) -> float:
    if not 0 < value < 1:
        raise ValueError(f"{name} must lie between 0 and 1, got {value}")
    return float(value)


def _ages(trains: Sequence[Any], duration: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Complete intervals, and the times that the observation went on after the last spikes."""
    times = [si_train(train, second, f"train {i}") for i, train in enumerate(trains)]
    complete = np.concatenate([np.diff(t) for t in times]) if times else np.array([])
    if duration is None:
        return complete, np.array([])
    total = si_number(duration, second, "duration", positive=True)
    late = [i for i, t in enumerate(times) if t.size and t[-1] > total * (1 + 1e-9)]
    if late:
        raise ValueError(f"train {late[0]} goes on to {times[late[0]][-1]:g} s, beyond the duration of {total:g} s")
    return complete, np.array([max(total - t[-1], 0.0) for t in times if t.size])


def hazard_function(
    trains: Sequence[Any], bin: Any = 2 * ms, duration: Any = None, confidence: float = 0.95
) -> pd.DataFrame:
    """Hazard of the interspike intervals: the rate of firing at the time t since the last spike, given that
    there was none in between::

        h(t) = f(t) / S(t),   S(t) = integral of f from t on

    with f the density of the intervals and S their survivor function. In each bin it is estimated as the
    number of intervals that end there divided by the time that all intervals together spend there, which is
    the maximum likelihood estimate of a hazard that is constant within the bin.

    Parameters
    ----------
    trains : sequence of Quantity (second), shape (n,) each
        Ascending spike times, for example of repeats; their intervals are pooled.
    bin : Quantity (second), optional
        Width of a bin, 2 ms by default.
    duration : Quantity (second), optional
        Length of the observation. If given, the time from the last spike to its end counts as time without a
        spike; without it long intervals are slightly under-represented.
    confidence : float
        Of the limits.

    Returns
    -------
    DataFrame
        One row per bin up to the longest interval: ``from_ms``, ``to_ms``; ``intervals``, the number that
        end in the bin; ``at_risk``, the number that reach its start; ``exposure_s``, the time spent in it;
        ``density_hz`` and ``survivor`` (at the start of the bin; with a `duration` it is a product-limit
        estimate, ``exp(-sum of h)``); ``hazard_hz`` with its exact Poisson limits ``low_hz`` and
        ``high_hz``. No rows without an interval.

    Raises
    ------
    ValueError
        When spikes lie beyond the duration, or the bin is too short for the longest interval.

    Notes
    -----
    A Poisson process has the constant hazard r, one with dead time d has 0 up to d and a constant after it,
    a gamma process of shape k > 1 one that rises from 0 to k r. Under a stimulus that changes, the hazard is
    the average over the times at which the cell gets to that age. Sources: Perkel, Gerstein & Moore 1967,
    doi:10.1016/S0006-3495(67)86596-2; limits: Garwood 1936, doi:10.1093/biomet/28.3-4.437.
    """
    width = si_number(bin, second, "bin", positive=True)
    complete, open_ended = _ages(trains, duration)
    _fraction(confidence, "confidence")
    columns = ["from_ms", "to_ms", "intervals", "at_risk", "exposure_s", "density_hz", "survivor"]
    columns += ["hazard_hz", "low_hz", "high_hz"]
    if complete.size == 0:
        return pd.DataFrame({name: np.array([], dtype=float) for name in columns})
    bins = int(np.floor(complete.max() / width)) + 1
    if bins > _MOST_BINS:
        raise ValueError(f"bin ({width:g} s) is too short for an interval of {complete.max():g} s")
    edges = np.arange(bins + 1) * width
    ended = np.histogram(complete, bins=edges)[0]
    ages = np.concatenate((complete, open_ended))
    at_risk = ages.size - np.searchsorted(np.sort(ages), edges[:-1], side="left")
    # Time below each edge, summed over all intervals, from the sorted ages and their running sum.
    ordered = np.sort(ages)
    passed = np.searchsorted(ordered, edges, side="right")
    below = np.concatenate(([0.0], np.cumsum(ordered)))[passed] + (ages.size - passed) * edges
    exposure = np.maximum(np.diff(below), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = (limit / exposure for limit in poisson_limits(ended, confidence))
        rate = ended / exposure
    if open_ended.size:
        accumulated = np.cumsum(np.where(exposure > 0, rate * width, 0.0))
        survivor = np.exp(-np.concatenate(([0.0], accumulated[:-1])))
        density = rate * survivor
    else:
        survivor = at_risk / ages.size
        density = ended / ages.size / width
    values = [edges[:-1] * 1e3, edges[1:] * 1e3, ended, at_risk, exposure, density, survivor, rate, low, high]
    return pd.DataFrame(dict(zip(columns, values, strict=True)))


def refractory_period(
    trains: Sequence[Any],
    bin: Any = None,
    duration: Any = None,
    fraction: float = 0.5,
    confidence: float = 0.95,
) -> RefractoryPeriod:
    """Absolute and relative refractory period from the hazard of the intervals, see `hazard_function`.

    The plateau p is the hazard beyond the median interval: the intervals longer than it, divided by the time
    that they spend beyond it. The absolute refractory period is the longest time up to which the hazard is 0,
    the shortest interval I_min. A neuron of hazard p from the start would have no shorter interval with the
    probability ``exp(-p E)``, E being the time that the intervals spend below I_min; if that is above
    ``1 - confidence``, the absolute period is 0. The relative one is where the hazard, interpolated between
    the middles of the bins, first reaches ``fraction * p``; it includes the absolute one.

    Parameters
    ----------
    trains : sequence of Quantity (second), shape (n,) each
        As in `hazard_function`.
    bin : Quantity (second), optional
        Width of a bin of the hazard. By default such that a bin of hazard p that all intervals reach holds 20
        of them, but no less than 1 ms. The absolute period does not depend on it.
    duration : Quantity (second), optional
        As in `hazard_function`.
    fraction : float
        Of the plateau.
    confidence : float
        Of the statement that there is an absolute refractory period.

    Returns
    -------
    RefractoryPeriod
        All NaN for fewer than ten intervals. The relative period is 0 when the hazard of the first bin is
        already at ``fraction * p``.

    Notes
    -----
    The shortest of n intervals is longer than the true absolute period by about ``1 / (n h)``, h being the
    hazard just after it. A neuron that fires regularly because of a steady drive has no interval near its
    refractory period; the shortest interval is then only an upper limit of it. Source of the two-part
    description: Berry & Meister 1998, doi:10.1523/JNEUROSCI.18-06-02200.1998.
    """
    _fraction(fraction, "fraction")
    complete, open_ended = _ages(trains, duration)
    nan = float("nan")
    if complete.size < 10:
        return RefractoryPeriod(nan * second, nan * second, nan * Hz, nan)
    ages = np.concatenate((complete, open_ended))
    middle = float(np.median(complete))
    beyond = float(np.sum(np.maximum(ages - middle, 0)))
    plateau = float(np.sum(complete > middle)) / beyond if beyond > 0 else float("inf")
    shortest = float(complete.min())
    waited = float(np.sum(np.minimum(ages, shortest)))
    p_value = float(np.exp(-plateau * waited)) if waited > 0 else 1.0
    absolute = shortest if p_value <= 1 - confidence else 0.0

    if bin is None:
        bin = max(_USUAL_COUNT / (plateau * ages.size), _LEAST_BIN) * second
    table = hazard_function(trains, bin, duration, confidence)
    rate = table["hazard_hz"].to_numpy(dtype=float)
    centre = (table["from_ms"] + table["to_ms"]).to_numpy(dtype=float) / 2e3
    reached = np.flatnonzero(rate >= fraction * plateau)
    if reached.size == 0:
        relative = nan
    elif reached[0] == 0:
        relative = 0.0
    else:
        k = int(reached[0])
        # The last bin can hold the longest interval alone, with no time spent in it: its hazard is infinite.
        part = (fraction * plateau - rate[k - 1]) / (rate[k] - rate[k - 1]) if np.isfinite(rate[k]) else 0.0
        relative = max(centre[k - 1] + part * (centre[k] - centre[k - 1]), absolute)
    return RefractoryPeriod(absolute * second, relative * second, plateau * Hz, p_value)
