"""The interface between a device and the circuit around it.

A device model is a piece of Brian2 equations. It reads ``v_device`` (the voltage across the device), ``temperature``
and, when it is noisy, ``noise_seed``; it provides ``r_device``. The circuit supplies the first and uses the last. Where
``r_device`` depends on the sign of the voltage, the model reads that from ``v_polarity``, which has the sign of
``v_device`` and does not depend on ``r_device``.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np
from brian2 import Quantity, second


class DeviceModel(ABC):
    """Equations of one diffusive memristor.

    Attributes
    ----------
    name : str
        The name cards refer to.
    parameters : tuple of str
        The card entries that the equations use.
    noise_parameters : tuple of str
        Those among them that appear only when the model is noisy.
    default_card : str
        The card used when only the model is named.
    """

    name: ClassVar[str]
    parameters: tuple[str, ...]
    noise_parameters: ClassVar[tuple[str, ...]]
    default_card: ClassVar[str]

    def for_card(self, names: Iterable[str]) -> DeviceModel:
        """The form of the model for a card with these parameters; by default there is one form."""
        return self

    @abstractmethod
    def equations(self, noise: bool) -> str:
        """The model's differential equations and subexpressions as Brian2 text, without parameter declarations."""

    @abstractmethod
    def initial(self, noise: bool) -> dict[str, Any]:
        """Initial values of the states (numbers, quantities or Brian2 expressions)."""

    def lowest_resistance(self, values: Mapping[str, Any]) -> float:
        """Resistance of the closed device (ohm), the lowest among the given values; by default that of ``r_on``."""
        return float(np.min(np.asarray(values["r_on"])))

    def rest_resistance(self, values: Mapping[str, Any]) -> float:
        """Resistance of the device at rest (ohm), the lowest among the given values; by default that of ``r_off``."""
        return float(np.min(np.asarray(values["r_off"])))

    def fluctuates(self, values: Mapping[str, Any]) -> bool:
        """Whether a device with these parameter values is noisy; by default where one named ``sigma...`` is not 0."""
        amplitudes = [name for name in self.noise_parameters if name.startswith("sigma")]
        return any(float(np.max(np.asarray(values[name]))) > 0 for name in amplitudes)

    @abstractmethod
    def largest_step(self, values: Mapping[str, Any]) -> Quantity:
        """The largest time step (second) at which results may be claimed for the given parameter values."""

    @abstractmethod
    def default_step(self, values: Mapping[str, Any]) -> Quantity:
        """The time step (second) used when the user gives none; backed by the convergence study."""


_MODELS: dict[str, DeviceModel] = {}


def register(model: type[DeviceModel]) -> type[DeviceModel]:
    """Class decorator: make a device model known by its name."""
    _MODELS[model.name] = model()
    return model


def device_model(name: str) -> DeviceModel:
    """Return a device model by name.

    Returns
    -------
    DeviceModel
        The one object of that model.

    Raises
    ------
    ValueError
        If the name is unknown; the message lists the known ones.
    """
    if name not in _MODELS:
        raise ValueError(f"unknown device model {name!r}; known models: {', '.join(sorted(_MODELS))}")
    return _MODELS[name]


def model_names() -> list[str]:
    """Names of all device models."""
    return sorted(_MODELS)


def max_rate(rate: Any) -> Quantity:
    """The largest of one rate or many, in hertz."""
    return float(np.max(np.asarray(rate))) / second


def round_step(step: Quantity) -> Quantity:
    """Round a time step down to 1, 2 or 5 times a power of ten seconds."""
    value = float(step)
    decade = 10.0 ** math.floor(math.log10(value) + 1e-12)
    for factor in (5, 2, 1):
        if factor * decade <= value * (1 + 1e-9):
            return factor * decade * second
    return decade * second
