"""Coincidences of one spike train with many, for loops that score a whole population at once.

These are inner routines: plain arrays of floats in seconds go in, without units and without the checks of
`memneuro.biology.trains`, whose `coincidences` and `coincidence_factor` give the same numbers one pair at a
time.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["coincidence_counts", "gamma_many"]

# Spike times lie on a sampling grid, so lags of exactly the precision are common; this keeps them inside it.
ROUNDING = 1 + 1e-9


def _grouped(
    index: NDArray[np.integer], times: NDArray[np.float64], n: int
) -> tuple[NDArray[np.integer], NDArray[np.float64]]:
    if index.shape != times.shape or index.ndim != 1:
        raise ValueError(f"one index per spike is needed, got shapes {index.shape} and {times.shape}")
    if index.size and (index.min() < 0 or index.max() >= n):
        raise ValueError(f"indices must lie in 0 to {n - 1}, got {index.min()} to {index.max()}")
    if np.any(times[1:] < times[:-1]):
        order = np.argsort(times, kind="stable")
        index, times = index[order], times[order]
    return index, times


def coincidence_counts(
    reference: NDArray[np.float64],
    index: NDArray[np.integer],
    times: NDArray[np.float64],
    n: int,
    precision: float,
) -> NDArray[np.int64]:
    """Number of coincidences of one reference train with each of n trains.

    Parameters
    ----------
    reference : array, shape (m,)
        Ascending spike times in seconds.
    index, times : array, shape (spikes,)
        The n trains as one flat list, as a Brian2 ``SpikeMonitor`` holds them: the number of the train, 0 to
        n - 1, and the time in seconds. Any order; ascending times are fastest.
    n : int
        Number of trains, silent ones included.
    precision : float
        Largest distance of a coincidence in seconds, inclusive.

    Returns
    -------
    array of int, shape (n,)
        What `memneuro.biology.trains.coincidences` counts for each train: every spike has at most one
        partner.

    Notes
    -----
    A spike at t can be matched with the reference spikes numbered lo to hi - 1, those within the precision.
    Going through a train in order, a spike takes the first of these that is still free. Spikes with none
    drop out, and a spike whose lo is at least the hi of the spike before it cannot be affected by it. What
    remains falls into short chains, which are stepped through side by side.
    """
    reference = np.asarray(reference, dtype=np.float64)
    index, times = _grouped(np.asarray(index), np.asarray(times, dtype=np.float64), n)
    if reference.size == 0 or times.size == 0:
        return np.zeros(n, dtype=np.int64)
    width = precision * ROUNDING
    # lo and hi of every spike, as running counts of the window edges that lie before it.
    closed = np.searchsorted(times, reference + width, side="right")
    opened = np.searchsorted(times, reference - width, side="left")
    low = np.cumsum(np.bincount(closed, minlength=times.size + 1)[: times.size])
    high = np.cumsum(np.bincount(opened, minlength=times.size + 1)[: times.size])
    near = np.flatnonzero(low < high)
    if near.size == 0:
        return np.zeros(n, dtype=np.int64)
    # NumPy sorts 16-bit integers by radix, which is several times faster.
    near = near[np.argsort(index[near].astype(np.uint16 if n <= 65_536 else np.int64), kind="stable")]
    train, low, high = index[near], low[near], high[near]

    alone = np.ones(near.size, dtype=bool)
    alone[1:] = (train[1:] != train[:-1]) | (low[1:] >= high[:-1])
    head = np.flatnonzero(alone)
    length = np.diff(np.append(head, near.size))
    matches = np.ones(head.size, dtype=np.int64)
    active = np.flatnonzero(length > 1)
    free = low[head] + 1
    step = 1
    while active.size:
        spike = head[active] + step
        candidate = np.maximum(free[active], low[spike])
        hit = candidate < high[spike]
        free[active] = candidate + hit
        matches[active] += hit
        step += 1
        active = active[length[active] > step]
    return np.bincount(train[head], weights=matches, minlength=n).astype(np.int64)


def gamma_many(
    reference: NDArray[np.float64],
    index: NDArray[np.integer],
    times: NDArray[np.float64],
    n: int,
    duration: float,
    precision: float,
) -> NDArray[np.float64]:
    """Coincidence factor Gamma of one recorded train with each of n model trains.

    Parameters
    ----------
    reference : array, shape (m,)
        Ascending spike times of the recorded train, in seconds from 0 to `duration`.
    index, times : array, shape (spikes,)
        The model trains, see `coincidence_counts`; times in seconds from 0 to `duration`.
    n : int
        Number of model trains, silent ones included.
    duration : float
        Length of the observation in seconds.
    precision : float
        Largest distance of a coincidence in seconds.

    Returns
    -------
    array of float, shape (n,)
        `memneuro.biology.trains.coincidence_factor` of each train: 0 for a silent train, NaN if the
        reference is silent too. Where that raises an error because a train is too fast for the precision
        (``2 nu D >= 1``), -1 stands here, so that a fit can go on.

    Notes
    -----
    Source: Jolivet et al. 2008, doi:10.1016/j.jneumeth.2007.11.006.
    """
    reference = np.asarray(reference, dtype=np.float64)
    found = coincidence_counts(reference, index, times, n, precision)
    spikes = np.bincount(np.asarray(index, dtype=np.int64), minlength=n)
    chance = 2 * spikes / duration * precision
    gamma = np.full(n, -1.0)
    possible = chance < 1
    total = reference.size + spikes
    gamma[possible & (total == 0)] = np.nan
    usable = possible & (total > 0)
    excess = found[usable] - chance[usable] * reference.size
    gamma[usable] = excess / (0.5 * total[usable]) / (1 - chance[usable])
    return gamma
