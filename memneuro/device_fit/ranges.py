r"""95 % ranges of the mean and the standard deviation of a normal sample.

.. math::

   \bar v \pm t_{n-1}\, s/\sqrt{n}, \qquad
   s\sqrt{(n-1)/\chi^2_{n-1,\,0.975}} \ldots s\sqrt{(n-1)/\chi^2_{n-1,\,0.025}}

Consecutive cycles of a device remember each other a little (correlation r). Where r is beyond what independent cycles
show once in twenty times (1.96/sqrt(n)), n is replaced by n (1 - r)/(1 + r) in both ranges: the number of independent
cycles that a first-order process is worth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

LEVEL = 0.95


@dataclass(frozen=True)
class Sample:
    """Mean and spread of a sample with their 95 % ranges.

    Parameters
    ----------
    n : int
        Number of values.
    n_effective : float
        Number of independent values they are worth.
    mean, sd : float
        In the unit of the values.
    mean_range, sd_range : tuple of float
        95 % ranges.
    lag1 : float
        Correlation of consecutive values.
    """

    n: int
    n_effective: float
    mean: float
    sd: float
    mean_range: tuple[float, float]
    sd_range: tuple[float, float]
    lag1: float


def normal_ranges(values: np.ndarray, ordered: bool = True) -> Sample:
    """Describe a sample.

    Parameters
    ----------
    values : ndarray, shape (n,)
        The sample.
    ordered : bool
        Whether the values come in the order of the cycles.

    Raises
    ------
    ValueError
        If there are fewer than three values.
    """
    values = np.asarray(values, dtype=float)
    n = values.size
    if n < 3:
        raise ValueError(f"{n} values; accepted: at least 3")
    mean, sd = float(values.mean()), float(values.std(ddof=1))
    lag1, effective = 0.0, float(n)
    if ordered and n > 4 and sd > 0:
        away = values - mean
        lag1 = float(away[1:] @ away[:-1] / (away @ away))
        if lag1 > stats.norm.ppf(0.5 + LEVEL / 2) / np.sqrt(n):
            effective = max(3.0, n * (1 - lag1) / (1 + lag1))
    tail = 0.5 - LEVEL / 2
    half = float(stats.t.ppf(1 - tail, effective - 1)) * sd / np.sqrt(effective)
    low, high = (sd * np.sqrt((effective - 1) / stats.chi2.ppf([1 - tail, tail], effective - 1))).tolist()
    return Sample(n, effective, mean, sd, (mean - half, mean + half), (low, high), lag1)


def normality_p(values: np.ndarray, draws: int = 999) -> float:
    """P value of the Kolmogorov-Smirnov test for a normal distribution whose mean and spread come from the values.

    The test is calibrated by `draws` normal samples of the same size, each with mean and spread of its own
    (Lilliefors), with a fixed seed. NaN where all values are equal or there are fewer than five.

    Parameters
    ----------
    values : ndarray, shape (n,)
        The sample.
    draws : int
        Number of normal samples.
    """
    values = np.asarray(values, dtype=float)
    if values.size < 5 or np.ptp(values) == 0:
        return float("nan")

    def distance(rows: np.ndarray) -> np.ndarray:
        z = np.sort((rows - rows.mean(1, keepdims=True)) / rows.std(1, ddof=1, keepdims=True), axis=1)
        steps = np.arange(1, rows.shape[1] + 1) / rows.shape[1]
        at = stats.norm.cdf(z)
        return np.maximum(np.abs(steps - at).max(1), np.abs(at - steps + 1 / rows.shape[1]).max(1))

    null = distance(np.random.default_rng(0).normal(size=(draws, values.size)))
    return float((1 + (null >= distance(values[None])[0]).sum()) / (draws + 1))
