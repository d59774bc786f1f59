r"""Activity of a network in a few numbers, from the spikes of some of its neurons.

Rate, interval CV and Fano factor are those of :mod:`memneuro.biology.trains`. Beside them, with n_a(b) the number of
spikes of neuron a in the time bin b:

.. math::

   \rho_{ab} = \frac{\mathrm{cov}_b(n_a, n_b)}{\sqrt{\mathrm{var}_b(n_a)\,\mathrm{var}_b(n_b)}}, \qquad
   \chi^2 = \frac{\mathrm{var}_b(\langle n_a \rangle_a)}{\langle \mathrm{var}_b(n_a) \rangle_a}

:math:`\chi` is 1 for neurons that do the same and 1/sqrt(neurons) for independent ones; D. Hansel and H. Sompolinsky
1992, doi:10.1103/PhysRevLett.68.718; D. Golomb 2007, doi:10.4249/scholarpedia.1347.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import Quantity, ms, second
from numpy.typing import NDArray

from memneuro.biology._quantities import si_number
from memneuro.biology.trains import fano_factor, isi_cv

#: Bin of the counts, and window of the Fano factor.
BIN = 5 * ms
WINDOW = 100 * ms


def spike_counts(
    index: Any, times: Any, neurons: int, start: Quantity, stop: Quantity, bin_width: Quantity = BIN
) -> NDArray[np.int64]:
    """Spikes of each neuron in adjoining bins from `start`; an incomplete bin at the end is left out.

    Parameters
    ----------
    index : array_like of int, shape (spikes,)
        Neuron of each spike, from 0 to `neurons` - 1.
    times : Quantity (second), shape (spikes,)
    neurons : int
    start, stop, bin_width : Quantity (second)

    Returns
    -------
    ndarray of int, shape (neurons, bins)

    Raises
    ------
    ValueError
        If shapes differ, a neuron's number is out of range, or not one bin fits.
    """
    number, when = np.asarray(index), np.asarray(times, dtype=float)
    number = number.astype(int) if number.size == 0 else number
    if number.shape != when.shape or number.ndim != 1:
        raise ValueError(f"index and times have the shapes {number.shape} and {when.shape}; accepted: one each a spike")
    if number.size and not (0 <= number.min() and number.max() < neurons):
        raise ValueError(f"index goes from {number.min()} to {number.max()}; accepted: 0 to {neurons - 1}")
    first, last = si_number(start, second, "start"), si_number(stop, second, "stop")
    width = si_number(bin_width, second, "bin_width", positive=True)
    bins = int(np.floor((last - first) / width * (1 + 1e-9)))
    if bins < 1:
        raise ValueError(f"bin_width = {bin_width!s} from {start!s} to {stop!s}; accepted: at least one bin")
    place = np.floor((when - first) / width * (1 + 1e-12)).astype(int)
    inside = (place >= 0) & (place < bins)
    return np.bincount(number[inside] * bins + place[inside], minlength=neurons * bins).reshape(neurons, bins)


def count_correlation(counts: Any) -> float:
    """Mean correlation of the counts over all pairs of neurons; see the module's documentation.

    Parameters
    ----------
    counts : array_like, shape (neurons, bins)

    Returns
    -------
    float
        Neurons whose count never changes are left out; NaN where fewer than two are left.

    Raises
    ------
    ValueError
        If `counts` is not a table of two bins or more.

    Notes
    -----
    With z the standardised counts the sum over all pairs is ``|sum_a z_a|**2``, so the cost is that of one pass.
    """
    table = _table(counts)
    table = table[table.var(axis=1) > 0]
    n = len(table)
    if n < 2:
        return float("nan")
    z = (table - table.mean(axis=1, keepdims=True)) / table.std(axis=1, keepdims=True)
    return float((np.mean(z.sum(axis=0) ** 2) - n) / (n * (n - 1)))


def synchrony(counts: Any) -> float:
    """Synchrony index chi, 0 to 1; see the module's documentation.

    Parameters
    ----------
    counts : array_like, shape (neurons, bins)

    Returns
    -------
    float
        NaN where no count ever changes.

    Raises
    ------
    ValueError
        If `counts` is not a table of two bins or more.
    """
    table = _table(counts)
    single = float(np.mean(table.var(axis=1)))
    return float(np.sqrt(table.mean(axis=0).var() / single)) if single > 0 else float("nan")


def _table(counts: Any) -> NDArray[np.float64]:
    table = np.asarray(counts, dtype=float)
    if table.ndim != 2 or table.shape[0] < 1 or table.shape[1] < 2:
        raise ValueError(f"counts have the shape {table.shape}; accepted: (neurons, bins) with at least two bins")
    return table


def activity(
    index: Any,
    times: Any,
    neurons: int,
    duration: Quantity,
    start: Quantity = 0 * second,
    bin_width: Quantity = BIN,
    window: Quantity = WINDOW,
) -> dict[str, float]:
    """Statistics of the spikes of some neurons after the onset.

    Parameters
    ----------
    index : array_like of int, shape (spikes,)
        Neuron of each spike, from 0 to `neurons` - 1.
    times : Quantity (second), shape (spikes,)
        Time of each spike.
    neurons : int
        Number of neurons, silent ones included.
    duration : Quantity (second)
        Length of the run.
    start : Quantity (second)
        Spikes before it are left out.
    bin_width : Quantity (second)
        As in :func:`spike_counts`.
    window : Quantity (second)
        Counting window of the Fano factor.

    Returns
    -------
    dict
        ``rate_hz``, mean over the neurons, and ``rate_spread_hz``, its standard deviation from neuron to neuron;
        ``silent``, share of the neurons without a spike; ``cv_isi`` and ``fano``, means over the neurons that have one;
        ``count_correlation``; ``synchrony`` and ``synchrony_independent``, what independent neurons would have. NaN
        where there is too little to tell.

    Raises
    ------
    ValueError
        As in :func:`spike_counts`, and if `start` is not before the end.
    """
    first, last = si_number(start, second, "start"), si_number(duration, second, "duration", positive=True)
    if not 0 <= first < last:
        raise ValueError(f"start = {start!s}; accepted: from 0 s to less than the duration, {duration!s}")
    counts = spike_counts(index, times, neurons, start, duration, bin_width)
    number, when = np.asarray(index), np.asarray(times, dtype=float)
    order = np.lexsort((when, number))
    number, when = number[order], when[order]
    kept = when >= first
    number, when = number[kept], when[kept] - first
    trains = np.split(when, np.searchsorted(number, np.arange(1, neurons)))
    rates = np.array([len(train) for train in trains]) / (last - first)
    length = (last - first) * second
    wide = si_number(window, second, "window", positive=True)
    fano = [fano_factor(t * second, length, window) for t in trains if wide <= last - first]
    return {
        "rate_hz": float(rates.mean()),
        "rate_spread_hz": float(rates.std()),
        "silent": float(np.mean(rates == 0)),
        "cv_isi": _mean([isi_cv(train * second) for train in trains]),
        "fano": _mean(fano),
        "count_correlation": count_correlation(counts) if counts.shape[1] > 1 else float("nan"),
        "synchrony": synchrony(counts) if counts.shape[1] > 1 else float("nan"),
        "synchrony_independent": float(1 / np.sqrt(neurons)),
    }


def _mean(values: list[float]) -> float:
    known = np.array(values)[np.isfinite(values)] if values else np.array([])
    return float(known.mean()) if known.size else float("nan")
