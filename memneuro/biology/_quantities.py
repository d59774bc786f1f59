"""Check the units of an argument once, then work with plain SI arrays."""

from typing import Any

import numpy as np
from brian2.units.fundamentalunits import Quantity, fail_for_dimension_mismatch
from numpy.typing import ArrayLike, NDArray

__all__ = ["si_array", "si_number", "si_train"]


def si_array(value: ArrayLike | Quantity, unit: Quantity, name: str) -> NDArray[np.float64]:
    """Return `value` as a float array in the SI base of `unit`.

    Parameters
    ----------
    value
        A quantity with the dimensions of `unit`. An empty sequence carries no units and is accepted.
    unit
        The unit whose dimensions are required; only its dimensions matter.
    name
        What to call the argument in an error message.

    Raises
    ------
    brian2.DimensionMismatchError
        When `value` has other units.
    """
    if np.size(np.asarray(value)) > 0:
        fail_for_dimension_mismatch(value, unit, f"{name} must be given in units of {unit}, got {{value}}", value=value)
    return np.asarray(value, dtype=float)


def si_number(value: Any, unit: Quantity, name: str, *, positive: bool = False) -> float:
    """Return a single quantity as a float in the SI base of `unit`.

    Raises
    ------
    ValueError
        When `value` is not one finite number, or not above zero although `positive` is asked for.
    brian2.DimensionMismatchError
        When `value` has other units.
    """
    array = si_array(value, unit, name)
    if array.size != 1:
        raise ValueError(f"{name} must be a single quantity in units of {unit}, got {array.size} values")
    number = float(array.reshape(-1)[0])
    if not np.isfinite(number):
        raise ValueError(f"{name} must be finite, got {value}")
    if positive and number <= 0:
        raise ValueError(f"{name} must be greater than zero, got {value}")
    return number


def si_train(train: ArrayLike | Quantity, second: Quantity, name: str = "spike train") -> NDArray[np.float64]:
    """Return spike times as a sorted one-dimensional float array in seconds.

    Raises
    ------
    ValueError
        When the times are not one-dimensional, not finite or not in ascending order.
    brian2.DimensionMismatchError
        When the times are not in units of time.
    """
    times = si_array(train, second, name)
    if times.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, got shape {times.shape}")
    if not np.all(np.isfinite(times)):
        raise ValueError(f"{name} holds {int(np.sum(~np.isfinite(times)))} spike times that are not finite")
    if np.any(np.diff(times) < 0):
        first = int(np.flatnonzero(np.diff(times) < 0)[0])
        raise ValueError(
            f"{name} must be in ascending order, but spike {first + 1} ({times[first + 1]:g} s) "
            f"comes before spike {first} ({times[first]:g} s)"
        )
    return times
