"""The free parameters of a model and the unit cube in which they are searched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Free:
    """One free parameter.

    Parameters
    ----------
    name : str
        Its name.
    low, high : float
        Limits, in `unit`.
    unit : str
        A Brian2 unit expression.
    log : bool
        Whether it is searched on a logarithmic scale.

    Raises
    ------
    ValueError
        If the limits do not ascend, or are not above zero on a logarithmic scale.
    """

    name: str
    low: float
    high: float
    unit: str
    log: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError(f"{self.name}: limits {self.low:g} and {self.high:g} must ascend, above zero when log")


def numbers(free: Sequence[Free], points: np.ndarray) -> dict[str, np.ndarray]:
    """The values, in their units, that points of the unit cube stand for.

    Parameters
    ----------
    free : sequence of Free
    points : ndarray, shape (..., len(free))
        Clipped to the cube.

    Returns
    -------
    dict of str to ndarray, shape (...)
    """
    inside = np.clip(points, 0, 1)
    found = {}
    for k, one in enumerate(free):
        low, high = (np.log(one.low), np.log(one.high)) if one.log else (one.low, one.high)
        value = low + (high - low) * inside[..., k]
        found[one.name] = np.exp(value) if one.log else value
    return found


def points(free: Sequence[Free], values: Mapping[str, float]) -> np.ndarray:
    """The point of the unit cube that stands for values, shape (len(free),): the inverse of :func:`numbers`.

    Parameters
    ----------
    free : sequence of Free
        The axes of the cube.
    values : mapping of str to float
        A value for each, in its unit.

    Raises
    ------
    ValueError
        If a value is missing or outside its limits.
    """
    found = []
    for one in free:
        if one.name not in values:
            raise ValueError(f"no value for {one.name}; needed are {', '.join(other.name for other in free)}")
        value = values[one.name]
        slack = 1e-9 * (one.high - one.low)
        if not one.low - slack <= value <= one.high + slack:
            raise ValueError(f"{one.name} = {value:g} {one.unit}; accepted: {one.low:g} to {one.high:g}")
        low, high, at = (np.log(one.low), np.log(one.high), np.log(value)) if one.log else (one.low, one.high, value)
        found.append((at - low) / (high - low))
    return np.clip(found, 0, 1)
