"""How a spike changes the firing that follows it, with what the stimulus does divided out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from brian2 import Quantity, ms, second
from numpy.typing import NDArray

from memneuro.biology._quantities import si_number, si_train
from memneuro.biology.hazard import _fraction, poisson_limits
from memneuro.biology.matching import ROUNDING

__all__ = ["excess_spikes", "post_spike_gain"]


def _following(
    first: NDArray[np.float64], second_: NDArray[np.float64], edges: NDArray[np.floating]
) -> NDArray[np.integer]:
    """Number of pairs with a spike of `second_` later than one of `first` by a lag in each of the bins.

    Bins are open at their start and closed at their end, so that a spike does not follow itself.
    """
    edges = edges * ROUNDING
    position = np.searchsorted(second_, first[:, np.newaxis] + edges[np.newaxis, :], side="right")
    return np.diff(position, axis=1).sum(axis=0)


def post_spike_gain(
    trains: Sequence[Any],
    duration: Any,
    bin: Any = 2 * ms,
    longest: Any = 100 * ms,
    *,
    stationary: bool = False,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Post-spike gain: the rate at a lag after a spike, relative to the rate that the stimulus alone predicts
    for the same moments::

        g(lag) = A(lag) / (C(lag) / (R - 1))

    with A the number of pairs of spikes that are apart by the lag within one of R repeats of a stimulus, and C
    the same for all ordered pairs of different repeats (the shuffle predictor: what the peristimulus rate does
    after the spikes of other repeats). Below 1 a spike suppresses the firing after it, above 1 it facilitates
    it, and 1 means no effect.

    Parameters
    ----------
    trains : sequence of Quantity (second), shape (n,) each
        Ascending spike times of the repeats, within 0 and `duration`.
    duration : Quantity (second)
        Length of the stimulus.
    bin, longest : Quantity (second), optional
        Width of a bin of lags and the longest lag.
    stationary : bool
        Take the rate as constant in time instead of predicting it from the other repeats: for spontaneous
        activity or a constant stimulus. One train is enough then; several share one rate.
    confidence : float
        Of the limits.

    Returns
    -------
    DataFrame
        One row per bin: ``from_ms``, ``to_ms``; ``pairs``, the number A; ``expected``; ``gain`` with the
        limits ``low`` and ``high``; ``rate_hz``, the rate after a spike, and ``expected_rate_hz``. NaN where
        nothing is expected. The limits are Poisson limits of A, with the expectation taken as known.

    Raises
    ------
    ValueError
        For fewer than two repeats unless `stationary`, spikes outside the duration, or a longest lag that is
        not between one bin and the duration.

    Notes
    -----
    All later spikes count, not the next one only; see `memneuro.biology.hazard.hazard_function` for that.
    Repeats that lock to the stimulus carry the effects of their spikes into the predicted rate, so that the
    gain errs towards 1 the more reliable the cell is; identical repeats give 1 throughout. Sources:
    Perkel, Gerstein & Moore 1967, doi:10.1016/S0006-3495(67)86597-4 (shuffled repeats); Berry & Meister 1998,
    doi:10.1523/JNEUROSCI.18-06-02200.1998 (firing as a product of stimulus and time since a spike).
    """
    total = si_number(duration, second, "duration", positive=True)
    width = si_number(bin, second, "bin", positive=True)
    last = si_number(longest, second, "longest", positive=True)
    _fraction(confidence, "confidence")
    if len(trains) < 1 + (not stationary):
        raise ValueError(
            f"at least two repeats are needed to divide out the stimulus, got {len(trains)}; "
            "set stationary for a constant rate"
        )
    bins = int(np.floor(last / width * ROUNDING))
    if bins < 1 or last > total:
        raise ValueError(
            f"the longest lag ({last:g} s) must lie between one bin ({width:g} s) and the duration ({total:g} s)"
        )
    times = [si_train(train, second, f"train {i}") for i, train in enumerate(trains)]
    for i, t in enumerate(times):
        if t.size and (t[0] < 0 or t[-1] > total * ROUNDING):
            raise ValueError(f"train {i} has spikes outside the observation from 0 to {total:g} s")
    edges = np.arange(bins + 1) * width
    pairs = np.sum([_following(t, t, edges) for t in times], axis=0)
    spikes = sum(t.size for t in times)
    if stationary:
        # Spikes of one constant rate, of which only those at least a lag before the end can have a follower.
        middle = (edges[1:] + edges[:-1]) / 2
        expected = spikes**2 / len(times) * width * (total - middle) / total**2
    else:
        # All later spikes of any repeat, less those of the same repeat.
        merged = np.sort(np.concatenate(times))
        across = np.sum([_following(t, merged, edges) for t in times], axis=0) - pairs
        expected = across / (len(times) - 1)
    low, high = poisson_limits(pairs, confidence)
    known = np.where(expected > 0, expected, np.nan)
    observed_time = spikes * width if spikes else float("nan")
    return pd.DataFrame(
        {
            "from_ms": edges[:-1] * 1e3,
            "to_ms": edges[1:] * 1e3,
            "pairs": pairs,
            "expected": expected,
            "gain": pairs / known,
            "low": low / known,
            "high": high / known,
            "rate_hz": pairs / observed_time,
            "expected_rate_hz": expected / observed_time,
        }
    )


def excess_spikes(gain: pd.DataFrame, longest: Quantity | None = None) -> float:
    """Post-spike gain as one signed number: by how many spikes a spike raises the number that follow it.

    The sum of ``(rate - expected rate) * bin`` over the lags of a table of `post_spike_gain`, up to `longest`
    if given: positive for facilitation, negative for suppression, 0 for a Poisson process. For a renewal
    process with the coefficient of variation CV it tends to ``(CV^2 - 1) / 2`` at long lags, and in general to
    half of the Fano factor of long windows less 1. NaN without spikes or when no bin lies within `longest`.
    Source: Cox & Lewis 1966, The Statistical Analysis of Series of Events.

    Parameters
    ----------
    gain : DataFrame
        A table of `post_spike_gain`.
    longest : Quantity (second), optional
        The longest lag that counts.

    Returns
    -------
    float
        A number of spikes.
    """
    if longest is not None:
        gain = gain[gain["to_ms"] <= si_number(longest, second, "longest", positive=True) * 1e3 * ROUNDING]
    if len(gain) == 0:
        return float("nan")
    width = (gain["to_ms"] - gain["from_ms"]) * 1e-3
    return float(((gain["rate_hz"] - gain["expected_rate_hz"]) * width).sum(skipna=False))
