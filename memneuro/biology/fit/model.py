"""What is fitted to a cell: a neuron, its free parameters, and how these become parameters of a program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from brian2 import Quantity, TimedArray, ms

from memneuro.biology.fit.space import Free
from memneuro.biology.reference import ReferenceNeuron
from memneuro.circuit.drive import Drive
from memneuro.circuit.injected import Injected
from memneuro.device.card import parse_unit


def _as_they_are(model: FitModel, values: Mapping[str, np.ndarray]) -> dict[str, Any]:
    return {one.name: values[one.name] * parse_unit(one.unit) for one in model.free}


@dataclass(frozen=True)
class FitModel:
    """A neuron and what of it is free.

    Parameters
    ----------
    name, title : str
        Short name, and the one for tables and figures.
    neuron : OneM1T1R or ReferenceNeuron
        All parameters that are not free stay at their card's values.
    free : tuple of Free
        The search space.
    drive : callable
        ``drive(current: TimedArray, column) -> Drive``.
    parameters : callable
        ``parameters(model, values) -> {name: Quantity array}``: the program's parameters for values of the free ones.
    step, test_step : Quantity (second)
        Time step of the search, and that of the test, at which results are claimed.
    stochastic : bool
        Whether two runs differ.
    noise : bool
        False switches the noise of a stochastic model off.
    source : str
        Where the model comes from.
    """

    name: str
    title: str
    neuron: Any
    free: tuple[Free, ...]
    drive: Callable[[TimedArray, Any], Drive] = Injected
    parameters: Callable[[FitModel, Mapping[str, np.ndarray]], dict[str, Any]] = _as_they_are
    step: Quantity = field(default_factory=lambda: 0.1 * ms)
    test_step: Quantity = field(default_factory=lambda: 0.1 * ms)
    stochastic: bool = False
    noise: bool = True
    source: str = ""

    def program_parameters(self, values: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """The program's parameters for values of the free ones, with units."""
        return self.parameters(self, values)


_MODELS: dict[str, Callable[[], FitModel]] = {}


def register(name: str) -> Callable[[Callable[[], FitModel]], Callable[[], FitModel]]:
    """Decorator: make the model that a function builds known by `name`."""

    def keep(build: Callable[[], FitModel]) -> Callable[[], FitModel]:
        _MODELS[name] = build
        return build

    return keep


def fit_model(name: str) -> FitModel:
    """Return a model by name.

    Returns
    -------
    FitModel
        Built anew.

    Raises
    ------
    ValueError
        If the name is unknown; the message lists the known ones.
    """
    if name not in _MODELS:
        raise ValueError(f"unknown model {name!r}; known models: {', '.join(_MODELS)}")
    return _MODELS[name]()


def fit_model_names() -> list[str]:
    """Names of the models that can be fitted, in the order of tables.

    Returns
    -------
    list of str
        Accepted by `fit_model`.
    """
    return list(_MODELS)


def reference(name: str, title: str, free: tuple[Free, ...], source: str, card: str | None = None) -> FitModel:
    """A reference neuron whose card parameters are free.

    Parameters
    ----------
    name : str
        What the model is called.
    title : str
        Its name in tables and figures.
    free : tuple of Free
        The parameters that are searched.
    source : str
        Where the model was published.
    card : str, optional
        Reference card; by default the one of that name.
    """
    neuron = ReferenceNeuron(card or name)
    return FitModel(
        name,
        title,
        neuron,
        free,
        test_step=neuron.default_step,
        stochastic=neuron.model.stochastic,
        source=source,
    )
