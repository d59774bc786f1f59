r"""Maximum likelihood and 95 % ranges by profile likelihood.

The range of one parameter holds every value at which the log-likelihood, maximised over the other parameters, is less
than c/2 below its maximum. For large samples c is the 95 % point of chi-square with one degree of freedom. For n values
and p parameters of a normal regression the exact limit is

.. math:: c = n \ln\left(1 + \frac{t_{n-p,\,0.975}^2}{n - p}\right),

which tends to 3.84 for large n; it is used throughout.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from scipy import optimize, stats

#: A range that is wider than this factor either way is no determination.
WIDEST = np.log(1e3)


def cut(n: int, p: int) -> float:
    """The limit c for n values and p parameters.

    Parameters
    ----------
    n, p : int
        Values, and parameters of the regression.
    """
    freedom = max(n - p, 1)
    return float(n * np.log1p(stats.t.ppf(0.975, freedom) ** 2 / freedom))


def maximise(
    misfit: Callable[[np.ndarray], float], start: Mapping[str, float], values: Mapping[str, int]
) -> tuple[dict[str, float], dict[str, tuple[float, float]], np.ndarray]:
    """Find the maximum and the ranges.

    Parameters
    ----------
    misfit : callable
        Minus the log-likelihood of the parameters, an array in the order of `start`; they are logarithms.
    start : mapping of str to float
        Where to start.
    values : mapping of str to int
        Number of values that determine each parameter, for :func:`cut`; parameters without one get no range.

    Returns
    -------
    best : dict
        The parameters at the maximum.
    ranges : dict
        95 % ranges of those in `values`; an end is infinite where the likelihood does not fall enough within a factor
        of 1000.
    covariance : numpy.ndarray
        Of the parameters in the order of `start`, from the curvature at the maximum.
    """
    names = list(start)
    best = _descend(misfit, np.array([start[name] for name in names]), np.full(len(names), 0.1))
    lowest = misfit(best)
    scale = _errors(misfit, best)
    ranges = {}
    for name, n in values.items():
        k = names.index(name)
        limit = cut(n, len(names) - 1) / 2
        ends = [_end(misfit, best, lowest, k, side, limit, scale) for side in (-1, 1)]
        ranges[name] = (float(best[k] + ends[0]), float(best[k] + ends[1]))
    return dict(zip(names, best.tolist(), strict=True)), ranges, scale


def _descend(misfit: Callable[[np.ndarray], float], start: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Minimise from `start`: a simplex to get near, then quasi-Newton steps, in units of `scale`."""

    def scaled(u: np.ndarray) -> float:
        return misfit(start + u * scale)

    near = optimize.minimize(scaled, np.zeros(start.size), method="Nelder-Mead", options={"maxiter": 150 * start.size})
    found = optimize.minimize(scaled, near.x, method="BFGS", options={"gtol": 1e-4})
    return start + (found.x if found.fun <= near.fun else near.x) * scale


def _errors(misfit: Callable[[np.ndarray], float], best: np.ndarray) -> np.ndarray:
    """Covariance at the maximum, from second differences; a unit matrix where they make none."""
    size, h = best.size, 1e-3
    curvature = np.empty((size, size))
    steps = np.eye(size) * h
    for j in range(size):
        for k in range(j + 1):
            four = [misfit(best + a * steps[j] + b * steps[k]) * a * b for a in (1, -1) for b in (1, -1)]
            curvature[j, k] = curvature[k, j] = sum(four) / (4 * h * h)
    try:
        covariance = np.linalg.inv(curvature)
        np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        return np.eye(size) * 0.01
    return covariance


def _end(
    misfit: Callable[[np.ndarray], float],
    best: np.ndarray,
    lowest: float,
    k: int,
    side: int,
    limit: float,
    covariance: np.ndarray,
) -> float:
    """Distance from the maximum to where the profile of parameter k has fallen by `limit`; infinite if it does not."""
    error = float(np.sqrt(covariance[k, k]))
    others = np.delete(np.arange(best.size), k)
    along = covariance[others, k] / covariance[k, k]
    basis = np.linalg.cholesky(covariance[np.ix_(others, others)] - np.outer(along, along) * covariance[k, k])

    def root(distance: float) -> float:
        """Square root of the fall: close to linear in the distance."""
        point = best.copy()
        point[k] += distance

        def inner(u: np.ndarray) -> float:
            point[others] = best[others] + along * distance + basis @ u
            return misfit(point)

        found = optimize.minimize(inner, np.zeros(others.size), method="BFGS", options={"gtol": 1e-2, "maxiter": 50})
        return float(np.sqrt(max(found.fun - lowest, 0.0)))

    aim, near, far = np.sqrt(limit), 0.0, side * error * np.sqrt(2 * limit)
    low, high = 0.0, root(far)
    for _ in range(30):
        if high >= aim or abs(far) > WIDEST:
            break
        near, low = far, high
        far *= min(2.0, max(1.1, 1.05 * aim / max(high, 1e-9)))
        high = root(far)
    if high < aim:
        return side * np.inf
    for _ in range(20):
        middle = near + (far - near) * (aim - low) / (high - low)
        fall = root(middle)
        if abs(fall / aim - 1) < 2e-3:
            return middle
        if fall < aim:
            near, low = middle, fall
        else:
            far, high = middle, fall
    return (near + far) / 2
