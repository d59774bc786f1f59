"""Statistics of spike trains, from spike times alone.

A spike train is a one-dimensional quantity of ascending spike times; the trains of a Brian2 ``SpikeMonitor``
and the spikes found in a recorded voltage are both accepted as they are. Every function states what it
returns when there are too few spikes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
from brian2 import Hz, Quantity, ms, second
from numpy.typing import NDArray

from memneuro.biology._quantities import si_array, si_number, si_train
from memneuro.biology.matching import ROUNDING as _ROUNDING

__all__ = [
    "NormalisedCoincidence",
    "adaptation_index",
    "coincidence_factor",
    "coincidences",
    "fano_curve",
    "fano_factor",
    "fano_factor_across_repeats",
    "firing_rate",
    "intervals",
    "isi_cv",
    "isi_cv2",
    "normalised_coincidence_factor",
    "pairwise_coincidence_factors",
    "reliability",
    "spike_time_jitter",
]

# The median of |x| of a normal variable is 0.6745 of its standard deviation.
_SD_PER_MEDIAN_DEVIATION = 1.482602218505602


def intervals(train: Any) -> Quantity:
    """Interspike intervals, ``t[i + 1] - t[i]``.

    Parameters
    ----------
    train : Quantity (second), shape (n,)
        Ascending spike times.

    Returns
    -------
    Quantity (second), shape (max(n - 1, 0),)
        Empty for zero or one spike.
    """
    return np.diff(si_train(train, second)) * second


def firing_rate(train: Any, duration: Any) -> Quantity:
    """Number of spikes divided by the duration; 0 Hz without spikes.

    Parameters
    ----------
    train : Quantity (second), shape (n,)
        Ascending spike times.
    duration : Quantity (second)
        Length of the observation.

    Returns
    -------
    Quantity (hertz)
        The mean rate.

    Raises
    ------
    ValueError
        When the duration is not greater than zero.
    """
    return si_train(train, second).size / si_number(duration, second, "duration", positive=True) * Hz


def isi_cv(train: Any) -> float:
    """Coefficient of variation of the intervals, ``SD(I) / mean(I)``, with the sample SD (n - 1).

    0 for a regular train, 1 for a Poisson process, ``1 / sqrt(k)`` for a gamma process of shape k. Slow
    changes of the rate raise it; `isi_cv2` is much less affected. NaN for fewer than three spikes.

    Parameters
    ----------
    train : Quantity (second), shape (n,)
        Ascending spike times.

    Returns
    -------
    float
        Without unit.
    """
    isi = np.diff(si_train(train, second))
    if isi.size < 2:
        return float("nan")
    return float(np.std(isi, ddof=1) / np.mean(isi))


def isi_cv2(train: Any) -> float:
    """Local coefficient of variation, the mean of ``2 |I[i+1] - I[i]| / (I[i+1] + I[i])``.

    It compares neighbouring intervals only: 0 for a regular train and 1 for a Poisson process. NaN for fewer
    than three spikes. Source: Holt et al. 1996, doi:10.1152/jn.1996.75.5.1806.

    Parameters
    ----------
    train : Quantity (second), shape (n,)
        Ascending spike times.

    Returns
    -------
    float
        From 0 to 2, without unit.
    """
    isi = np.diff(si_train(train, second))
    if isi.size < 2:
        return float("nan")
    return float(np.mean(2 * np.abs(np.diff(isi)) / (isi[1:] + isi[:-1])))


def adaptation_index(train: Any) -> float:
    """Mean of ``(I[i+1] - I[i]) / (I[i+1] + I[i])`` from the second interval on.

    Positive when the intervals lengthen (adaptation), negative when they shorten (facilitation). This is
    eFEL's ``adaptation_index2``, here from spike times alone. NaN for fewer than four spikes, where eFEL
    gives nothing.

    Parameters
    ----------
    train : Quantity (second), shape (n,)
        Ascending spike times.

    Returns
    -------
    float
        From -1 to 1, without unit.
    """
    isi = np.diff(si_train(train, second))[1:]
    if isi.size < 2:
        return float("nan")
    return float(np.mean(np.diff(isi) / (isi[1:] + isi[:-1])))


def _counts(train: NDArray[np.float64], duration: float, window: float) -> NDArray[np.int64]:
    n_windows = int(np.floor(duration / window * _ROUNDING))
    if n_windows < 1:
        raise ValueError(f"window ({window:g} s) must not be longer than the duration ({duration:g} s)")
    return np.histogram(train, bins=np.arange(n_windows + 1) * window)[0]


def fano_factor(train: Any, duration: Any, window: Any) -> float:
    """Fano factor of one stationary train, ``var(N) / mean(N)`` of the counts N in adjoining windows.

    Parameters
    ----------
    train : Quantity (second), shape (n,)
        Ascending spike times, measured from the start of the observation.
    duration : Quantity (second)
        Length of the observation; an incomplete window at its end is left out.
    window : Quantity (second)
        Counting window. The Fano factor depends on it, so state it with the value.

    Returns
    -------
    float
        1 for a Poisson process whatever the window; tends to CV^2 of the intervals in long windows for a
        renewal process. The variance is the sample variance (n - 1). NaN with fewer than two windows or no
        spike. Source: Shadlen & Newsome 1998, doi:10.1523/JNEUROSCI.18-10-03870.1998.

    Raises
    ------
    ValueError
        For a window that is longer than the duration.
    """
    counts = _counts(
        si_train(train, second),
        si_number(duration, second, "duration", positive=True),
        si_number(window, second, "window", positive=True),
    )
    if counts.size < 2 or counts.sum() == 0:
        return float("nan")
    return float(np.var(counts, ddof=1) / np.mean(counts))


def fano_curve(train: Any, duration: Any, windows: Any) -> pd.DataFrame:
    """Fano factor of one train against the length of the counting window.

    Parameters
    ----------
    train : Quantity (second), shape (n,)
        As in `fano_factor`.
    duration : Quantity (second)
        Length of the observation.
    windows : Quantity (second), shape (m,)
        Counting windows.

    Returns
    -------
    DataFrame
        One row per window: ``window_ms``; ``windows``, how many fit into the duration; ``mean_count``;
        ``fano``, NaN as in `fano_factor`; ``fano_se``, the standard error ``fano * sqrt(2 / (windows - 1))``
        of the variance of independent, normally distributed counts.

    Raises
    ------
    ValueError
        For a window that is longer than the duration.

    Notes
    -----
    Short windows give 1 whatever the process, as they hold one spike or none. A renewal process goes on to
    CV^2 of its intervals; a rate that changes slowly makes the curve rise without limit. Source: Shadlen &
    Newsome 1998, doi:10.1523/JNEUROSCI.18-10-03870.1998.
    """
    times = si_train(train, second)
    total = si_number(duration, second, "duration", positive=True)
    rows = []
    for width in np.atleast_1d(si_array(windows, second, "windows")):
        window = si_number(width * second, second, "window", positive=True)
        counts = _counts(times, total, window)
        fano = fano_factor(train, duration, window * second)
        rows.append(
            {
                "window_ms": window * 1e3,
                "windows": counts.size,
                "mean_count": float(np.mean(counts)),
                "fano": fano,
                "fano_se": fano * np.sqrt(2 / (counts.size - 1)) if counts.size > 1 else float("nan"),
            }
        )
    return pd.DataFrame(rows, columns=["window_ms", "windows", "mean_count", "fano", "fano_se"])


def fano_factor_across_repeats(trains: Sequence[Any], duration: Any, window: Any) -> float:
    """Fano factor over repeats of one stimulus: the mean over windows of ``var(N) / mean(N)`` across repeats.

    Here the stimulus may change over time; only what differs between repeats counts. Windows without any
    spike are left out. 0 when every repeat has the same counts, 1 for independent Poisson trains of any
    common time course. NaN when there is no spike.

    Parameters
    ----------
    trains : sequence of Quantity (second), shape (n,) each
        Ascending spike times of the repeats, within 0 and `duration`.
    duration : Quantity (second)
        Length of the stimulus; an incomplete window at its end is left out.
    window : Quantity (second)
        Counting window.

    Returns
    -------
    float
        Without unit.

    Raises
    ------
    ValueError
        For fewer than two repeats, or a window longer than the duration.
    """
    if len(trains) < 2:
        raise ValueError(f"at least two repeats are needed, got {len(trains)}")
    total = si_number(duration, second, "duration", positive=True)
    width = si_number(window, second, "window", positive=True)
    counts = np.array([_counts(si_train(train, second), total, width) for train in trains])
    counts = counts[:, counts.sum(axis=0) > 0]
    if counts.shape[1] == 0:
        return float("nan")
    return float(np.mean(np.var(counts, axis=0, ddof=1) / np.mean(counts, axis=0)))


def _matched(reference: NDArray[np.float64], other: NDArray[np.float64], precision: float) -> int:
    i = j = found = 0
    while i < reference.size and j < other.size:
        lag = other[j] - reference[i]
        if abs(lag) <= precision * _ROUNDING:
            found += 1
            i += 1
            j += 1
        elif lag < 0:
            j += 1
        else:
            i += 1
    return found


def coincidences(reference: Any, other: Any, precision: Any = 4 * ms) -> int:
    """Number of spikes of `reference` with a partner in `other` no further away than `precision`.

    Each spike is used at most once, so the count is the same with the trains exchanged and never exceeds the
    shorter train.

    Parameters
    ----------
    reference, other : Quantity (second), shape (n,)
        Ascending spike times; the numbers of spikes may differ.
    precision : Quantity (second), optional
        Largest distance of a coincidence, 4 ms by default.

    Returns
    -------
    int
        From 0 to the number of spikes in the shorter train.
    """
    width = si_number(precision, second, "precision", positive=True)
    return _matched(si_train(reference, second, "reference"), si_train(other, second, "other"), width)


def _within(train: NDArray[np.float64], duration: float, name: str) -> NDArray[np.float64]:
    if train.size and (train[0] < 0 or train[-1] > duration * _ROUNDING):
        raise ValueError(
            f"{name} has spikes from {train[0]:g} s to {train[-1]:g} s, outside the observation from 0 to "
            f"{duration:g} s: subtract the start of the observation, or give its full duration"
        )
    return train


def _gamma(reference: NDArray[np.float64], other: NDArray[np.float64], duration: float, precision: float) -> float:
    if reference.size + other.size == 0:
        return float("nan")
    chance = 2 * other.size / duration * precision
    if chance >= 1:
        raise ValueError(
            f"precision ({precision:g} s) is too wide for a train of {other.size / duration:g} Hz: the "
            "coincidence factor needs 2 * rate * precision < 1, "
            f"a precision below {duration / (2 * other.size):g} s"
        )
    excess = _matched(reference, other, precision) - chance * reference.size
    return float(excess / (0.5 * (reference.size + other.size)) / (1 - chance))


def coincidence_factor(reference: Any, other: Any, duration: Any, precision: Any = 4 * ms) -> float:
    """Coincidence factor Gamma of two spike trains::

        Gamma = (N_coinc - 2 nu D N_ref) / ((N_ref + N_other) / 2) / (1 - 2 nu D)

    with N_coinc the number of coincidences within the precision D (see `coincidences`) and ``nu = N_other /
    duration``. The subtracted term is the number expected by chance from a Poisson train of the rate of
    `other`, the last factor scales Gamma to 1 for identical trains.

    Parameters
    ----------
    reference, other : Quantity (second), shape (n,) and (m,)
        Ascending spike times within 0 and `duration`; `reference` is the recorded train, `other` the model's.
    duration : Quantity (second)
        Length of the observation.
    precision : Quantity (second), optional
        Largest distance of a coincidence, 4 ms by default.

    Returns
    -------
    float
        1 for identical trains, about 0 for independent Poisson trains, negative below chance; 0 when one of
        the trains is empty and NaN when both are.

    Raises
    ------
    ValueError
        When spikes lie outside the observation or ``2 nu D`` reaches 1.

    Notes
    -----
    Source: Jolivet et al. 2008, doi:10.1016/j.jneumeth.2007.11.006. Through nu and the normalisation Gamma
    is not symmetric when the trains differ in rate.
    """
    total = si_number(duration, second, "duration", positive=True)
    width = si_number(precision, second, "precision", positive=True)
    first = _within(si_train(reference, second, "reference"), total, "reference")
    return _gamma(first, _within(si_train(other, second, "other"), total, "other"), total, width)


def pairwise_coincidence_factors(
    trains: Sequence[Any], duration: Any, precision: Any = 4 * ms
) -> list[tuple[int, int, float]]:
    """Coincidence factors of all ordered pairs of repeats, as ``(reference, other, gamma)``.

    Parameters
    ----------
    trains : sequence of Quantity (second), shape (n,) each
        Ascending spike times of the repeats, within 0 and `duration`.
    duration : Quantity (second)
        Length of the stimulus.
    precision : Quantity (second), optional
        Largest distance of a coincidence, 4 ms by default.

    Returns
    -------
    list of (int, int, float)
        Numbers of the two trains, from 0, and their coincidence factor.

    Raises
    ------
    ValueError
        For fewer than two repeats, and as in `coincidence_factor`.
    """
    if len(trains) < 2:
        raise ValueError(f"at least two repeats are needed, got {len(trains)}")
    total = si_number(duration, second, "duration", positive=True)
    width = si_number(precision, second, "precision", positive=True)
    times = [_within(si_train(t, second, f"train {i}"), total, f"train {i}") for i, t in enumerate(trains)]
    return [(i, j, _gamma(times[i], times[j], total, width)) for i, j in permutations(range(len(times)), 2)]


def reliability(trains: Sequence[Any], duration: Any, precision: Any = 4 * ms) -> float:
    """Intrinsic reliability: the mean coincidence factor over all ordered pairs of repeats of one stimulus.

    No model can be expected to predict a cell better than the cell predicts itself. Pairs of empty trains
    are left out; NaN when every pair is. Source: Jolivet et al. 2008, doi:10.1016/j.jneumeth.2007.11.006.

    Parameters
    ----------
    trains : sequence of Quantity (second), shape (n,) each
        Ascending spike times of the repeats, within 0 and `duration`.
    duration : Quantity (second)
        Length of the stimulus.
    precision : Quantity (second), optional
        Largest distance of a coincidence, 4 ms by default.

    Returns
    -------
    float
        As `coincidence_factor`.

    Raises
    ------
    ValueError
        For fewer than two repeats, and as in `coincidence_factor`.
    """
    gammas = np.array([g for _, _, g in pairwise_coincidence_factors(trains, duration, precision)])
    gammas = gammas[np.isfinite(gammas)]
    return float(gammas.mean()) if gammas.size else float("nan")


@dataclass(frozen=True)
class NormalisedCoincidence:
    """How well a model predicts a cell, relative to how well the cell predicts itself.

    Attributes
    ----------
    normalised : float
        ``gamma / reliability``.
    gamma : float
        Mean coincidence factor over all pairs of a recorded and a model train.
    reliability : float
        Mean coincidence factor over all ordered pairs of recorded trains, see `reliability`.
    """

    normalised: float
    gamma: float
    reliability: float


def normalised_coincidence_factor(
    recorded: Sequence[Any], model: Sequence[Any], duration: Any, precision: Any = 4 * ms
) -> NormalisedCoincidence:
    """Coincidence factor of a model with a cell, normalised by the cell's own reliability.

    ``Gamma_A = mean of Gamma(recorded_i, model_j) / mean of Gamma(recorded_i, recorded_k), i != k``

    Parameters
    ----------
    recorded : sequence of Quantity (second), shape (n,) each
        Spike trains of at least two repeats of the stimulus, within 0 and `duration`.
    model : sequence of Quantity (second), shape (m,) each
        Spike trains of the model for the same stimulus; one is enough if the model has no noise.
    duration : Quantity (second)
        Length of the stimulus.
    precision : Quantity (second), optional
        Largest distance of a coincidence, 4 ms by default.

    Returns
    -------
    NormalisedCoincidence
        1 when the model predicts a repeat as well as another repeat does, 0 at chance. It can exceed 1, as a
        model without noise lies nearer to all repeats than they to each other. Pairs of empty trains are left
        out; NaN when every pair is, and when the cell's reliability is not above 0.

    Raises
    ------
    ValueError
        For fewer than two recorded repeats or no model train, and as in `coincidence_factor`.

    Notes
    -----
    Source: Jolivet et al. 2008, doi:10.1016/j.jneumeth.2007.11.006.
    """
    if len(model) < 1:
        raise ValueError("at least one model train is needed, got 0")
    own = reliability(recorded, duration, precision)
    pairs = np.array([coincidence_factor(one, other, duration, precision) for one in recorded for other in model])
    pairs = pairs[np.isfinite(pairs)]
    gamma = float(pairs.mean()) if pairs.size else float("nan")
    return NormalisedCoincidence(gamma / own if own > 0 else float("nan"), gamma, own)


def spike_time_jitter(trains: Sequence[Any], window: Any = 10 * ms) -> Quantity:
    """Standard deviation of the time of a spike over repeats of one stimulus.

    For every pair of repeats, spikes that are each other's nearest and no further apart than `window` are
    taken as the same spike; with d the differences of all of them, ``jitter = 1.4826 median(|d|) /
    sqrt(2)``. The median keeps the few chance pairs from counting, and the factors make it the standard
    deviation of one spike's time if that is normally distributed. Choose the window several times the jitter
    and shorter than the usual interval.

    Parameters
    ----------
    trains : sequence of Quantity (second), shape (n,) each
        Ascending spike times of the repeats.
    window : Quantity (second), optional
        Largest distance of a pair, 10 ms by default.

    Returns
    -------
    Quantity (second)
        NaN when no spikes can be paired.

    Raises
    ------
    ValueError
        For fewer than two repeats.
    """
    if len(trains) < 2:
        raise ValueError(f"at least two repeats are needed, got {len(trains)}")
    width = si_number(window, second, "window", positive=True) * _ROUNDING
    times = [si_train(t, second, f"train {i}") for i, t in enumerate(trains)]
    lags = []
    for i, a in enumerate(times):
        for b in times[i + 1 :]:
            if a.size == 0 or b.size == 0:
                continue
            distance = b[np.newaxis, :] - a[:, np.newaxis]
            nearest_b = np.argmin(np.abs(distance), axis=1)
            nearest_a = np.argmin(np.abs(distance), axis=0)
            mutual = np.flatnonzero(nearest_a[nearest_b] == np.arange(a.size))
            lag = distance[mutual, nearest_b[mutual]]
            lags.append(lag[np.abs(lag) <= width])
    found = np.concatenate(lags) if lags else np.array([])
    if found.size == 0:
        return float("nan") * second
    return _SD_PER_MEDIAN_DEVIATION * float(np.median(np.abs(found))) / np.sqrt(2) * second
