"""Cards: every number with its unit, its source, its spread and how well it is known.

A card is one TOML file in ``memneuro/device/cards``. Fitting tools write the same format, so a fitted device and a
published one are read by the same code.
"""

from __future__ import annotations

import ast
import math
import operator
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from brian2 import DimensionMismatchError, Quantity, get_dimensions, have_same_dimensions
from brian2.units import allunits

KINDS = ("device", "circuit", "reference", "synapse")
#: Folders with the cards that come with the package.
FOLDERS = ("device/cards", "biology/reference/cards", "network/cards")
STATUS = ("published", "fitted", "chosen", "derived")

_OPERATORS: dict[type, Any] = {ast.Mult: operator.mul, ast.Div: operator.truediv, ast.Pow: operator.pow}
_REQUIRED = ("value", "unit", "meaning", "source", "status")
_OPTIONAL = ("interval", "device_spread", "cycle_spread", "positive", "signed")


@cache
def _units() -> dict[str, Any]:
    return {name: getattr(allunits, name) for name in allunits.__all__}


def parse_unit(text: str) -> Quantity | float:
    """Turn a unit such as ``"1/second"``, ``"amp/volt**2"`` or ``"1"`` into a Brian2 unit.

    Raises
    ------
    ValueError
        If the text is not an expression of Brian2 units.
    """
    if text.strip() == "1":
        return 1.0
    complaint = f"{text!r} is not a Brian2 unit such as 'volt', 'hertz/volt' or 'amp/volt**2'"
    try:
        unit = _evaluate(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, KeyError, TypeError, ZeroDivisionError, RecursionError) as error:
        raise ValueError(complaint) from error
    if not isinstance(unit, Quantity):
        raise ValueError(complaint)
    return unit


def _evaluate(node: ast.expr) -> Any:
    """The value of a product, quotient or power of units and numbers; anything else raises TypeError."""
    if isinstance(node, ast.Name):
        return _units()[node.id]
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_evaluate(node.operand)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_evaluate(node.left), _evaluate(node.right))
    raise TypeError(ast.dump(node))


@dataclass(frozen=True)
class Parameter:
    """One number of a card.

    Parameters
    ----------
    value : float
        The nominal value in `unit`.
    unit : str
        A Brian2 unit expression, ``"1"`` when dimensionless.
    meaning : str
        What the number is, in words.
    source : str
        Where it comes from: a DOI, or the calibration that produced it.
    status : {"published", "fitted", "chosen", "derived"}
        How well it is known.
    interval : tuple of float, optional
        Confidence range of a fitted value, in `unit`.
    device_spread : float
        Standard deviation of ln(value) from one device to the next (0: not known or not spread); of the value itself,
        in `unit`, where the value is signed.
    cycle_spread : float
        The same from one cycle of a device to its next, a cycle ending when the device opens.
    positive : bool
        Whether only values above zero make sense.
    signed : bool
        Whether any sign makes sense, as for a membrane potential; `positive` must then be false.

    Raises
    ------
    ValueError
        For an unknown unit or status, a value or spread that is not finite, a spread below zero, or a parameter that is
        both positive and signed.
    """

    value: float
    unit: str
    meaning: str
    source: str
    status: str
    interval: tuple[float, float] | None = None
    device_spread: float = 0.0
    cycle_spread: float = 0.0
    positive: bool = True
    signed: bool = False

    def __post_init__(self) -> None:
        parse_unit(self.unit)
        if self.positive and self.signed:
            raise ValueError("positive and signed are both true; accepted: at most one of them")
        if self.status not in STATUS:
            raise ValueError(f"status {self.status!r} is unknown; accepted: {', '.join(STATUS)}")
        if not math.isfinite(self.value):
            raise ValueError(f"value {self.value!r} is not finite")
        for name, spread in (("device_spread", self.device_spread), ("cycle_spread", self.cycle_spread)):
            if not 0 <= spread < math.inf:
                raise ValueError(f"{name} {spread!r}; accepted: zero or more, and finite")

    @property
    def quantity(self) -> Quantity | float:
        """The value with its Brian2 unit."""
        return self.value * parse_unit(self.unit)


@dataclass(frozen=True)
class Card:
    """The parameters of one device, circuit, reference neuron or synapse, frozen.

    Parameters
    ----------
    name : str
        Unique name, for example ``"hopping_2e4d"``.
    kind : {"device", "circuit", "reference", "synapse"}
        What the card describes: a device, a circuit, a neuron model to compare with, or a synapse.
    model : str
        Name of the equations the card belongs to, for example ``"hopping"``.
    about : str
        One sentence.
    parameters : mapping of str to Parameter
        The numbers, by their lower-case Brian2 name.

    Raises
    ------
    ValueError
        For an unknown kind, or a value out of its parameter's range.
    """

    name: str
    kind: str
    model: str
    about: str
    parameters: Mapping[str, Parameter] = field(repr=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"card {self.name!r}: kind {self.kind!r} is unknown; accepted: {', '.join(KINDS)}")
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters)))
        for name, parameter in self.parameters.items():
            self._check(name, parameter, parameter.value)

    def _check(self, name: str, parameter: Parameter, value: float) -> None:
        if not math.isfinite(value):
            raise ValueError(f"card {self.name!r}: {name} = {value!r} is not finite")
        if parameter.positive and value <= 0:
            raise ValueError(
                f"card {self.name!r}: {name} = {value:g} {parameter.unit} must be greater than zero "
                f"({parameter.meaning})"
            )
        if not (parameter.positive or parameter.signed) and value < 0:
            raise ValueError(f"card {self.name!r}: {name} = {value:g} {parameter.unit} must not be negative")

    def __getitem__(self, name: str) -> Quantity | float:
        if name not in self.parameters:
            raise KeyError(f"card {self.name!r} has no parameter {name!r}; it has: {', '.join(self.parameters)}")
        return self.parameters[name].quantity

    def values(self) -> dict[str, Quantity | float]:
        """All parameters as Brian2 quantities, by name."""
        return {name: parameter.quantity for name, parameter in self.parameters.items()}

    def with_(self, **changes: Any) -> Card:
        """Return a copy with some values changed.

        Raises
        ------
        ValueError
            If a name is unknown or a value is out of range.
        brian2.DimensionMismatchError
            If a value has the wrong unit.
        """
        parameters = dict(self.parameters)
        for name, value in changes.items():
            if name not in parameters:
                raise ValueError(
                    f"card {self.name!r} has no parameter {name!r}; accepted: {', '.join(sorted(parameters))}"
                )
            old = parameters[name]
            number = self.number(name, value)
            parameters[name] = replace(old, value=number, source="set by the user", status="chosen", interval=None)
        return replace(self, parameters=parameters)

    def number(self, name: str, value: Any) -> float:
        """Check the unit and range of one value of parameter `name`; return it as a number in the card's unit.

        Parameters
        ----------
        name : str
            A parameter of the card.
        value : Quantity (any unit)
            The value, with a unit of the card's dimension.

        Raises
        ------
        brian2.DimensionMismatchError
            If the value has another dimension.
        ValueError
            If it is out of range.
        """
        parameter = self.parameters[name]
        unit = parse_unit(parameter.unit)
        if not have_same_dimensions(value, unit):
            raise DimensionMismatchError(
                f"{name} must have the unit {parameter.unit!r} ({parameter.meaning}), got {value!r}",
                get_dimensions(value),
                get_dimensions(unit),
            )
        number = float(value / unit)
        self._check(name, parameter, number)
        return number

    def numbers(self, name: str, values: Any) -> np.ndarray:
        """Check many values of parameter `name`; return them as numbers in the card's unit.

        Parameters
        ----------
        name : str
            A parameter of the card.
        values : Quantity (any unit), shape (n,)
            The values, with a unit of the card's dimension.

        Raises
        ------
        brian2.DimensionMismatchError
            If the values have another dimension.
        ValueError
            If one is out of range; the message names the first.
        """
        parameter = self.parameters[name]
        unit = parse_unit(parameter.unit)
        if not len(values) or not have_same_dimensions(values, unit):
            return np.array([self.number(name, one) for one in values], dtype=float)
        found = np.asarray(values / unit, dtype=float)
        least = 0.0 if parameter.positive else -math.inf if parameter.signed else -1e-323
        good = np.isfinite(found) & (found > least)
        if not good.all():
            self._check(name, parameter, float(found[np.argmin(good)]))
        return found

    def table(self) -> Any:
        """Return the card as a tidy frame: one row a parameter."""
        import pandas as pd

        rows = [
            {
                "parameter": name,
                "value": p.value,
                "unit": p.unit,
                "low": p.interval[0] if p.interval else float("nan"),
                "high": p.interval[1] if p.interval else float("nan"),
                "device_spread": p.device_spread,
                "cycle_spread": p.cycle_spread,
                "meaning": p.meaning,
                "status": p.status,
                "source": p.source,
            }
            for name, p in self.parameters.items()
        ]
        return pd.DataFrame(rows)


def read_card(path: str | Path) -> Card:
    """Read a card from a TOML file.

    Returns
    -------
    Card
        Named after the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not a card; the message names the entry.
    """
    path = Path(path)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path.name} is not a card: {error}") from error
    missing = [key for key in ("kind", "model", "about", "parameters") if key not in data]
    if missing:
        raise ValueError(f"{path.name} is not a card: it lacks {', '.join(missing)}")
    parameters = {}
    for name, entry in data["parameters"].items():
        lacking = [key for key in _REQUIRED if key not in entry]
        unknown = [key for key in entry if key not in _REQUIRED + _OPTIONAL]
        if lacking or unknown:
            raise ValueError(f"{path.name}, parameter {name!r}: lacks {lacking}, has unknown entries {unknown}")
        interval = entry.get("interval")
        parameters[name] = Parameter(
            value=float(entry["value"]),
            unit=entry["unit"],
            meaning=entry["meaning"],
            source=entry["source"],
            status=entry["status"],
            interval=(float(interval[0]), float(interval[1])) if interval else None,
            device_spread=float(entry.get("device_spread", 0.0)),
            cycle_spread=float(entry.get("cycle_spread", 0.0)),
            positive=bool(entry.get("positive", not entry.get("signed", False))),
            signed=bool(entry.get("signed", False)),
        )
    return Card(path.stem, data["kind"], data["model"], data["about"], parameters)


def _files() -> dict[str, Any]:
    """The package's card files by the name of the card."""
    folders = [resources.files("memneuro").joinpath(*folder.split("/")) for folder in FOLDERS]
    return {entry.name[:-5]: entry for folder in folders for entry in folder.iterdir() if entry.name.endswith(".toml")}


def card_names(kind: str | None = None) -> list[str]:
    """Names of the cards that come with the package, optionally of one kind only.

    Returns
    -------
    list of str
        Sorted.
    """
    names = sorted(_files())
    return names if kind is None else [name for name in names if card(name).kind == kind]


@cache
def card(name: str) -> Card:
    """Return one of the package's cards by name.

    Returns
    -------
    Card
        The same as :func:`read_card` gives.

    Raises
    ------
    ValueError
        If the name is unknown; the message lists the most similar known ones.
    """
    files = _files()
    if name not in files:
        if str(name).endswith(".toml"):
            raise ValueError(
                f"{name!r} is not the name of a card; accepted: memneuro.read_card({str(name)!r}) for a file"
            )
        similar = get_close_matches(str(name), sorted(files), n=8, cutoff=0.0)
        raise ValueError(
            f"unknown card {name!r}; known cards: {', '.join(similar)} and {len(files) - len(similar)} more, "
            "all in memneuro.card_names()"
        )
    with resources.as_file(files[name]) as path:
        return read_card(path)


def write_card(given: Card, path: str | Path, comment: str = "") -> None:
    """Write a card as TOML: to a temporary name first, then renamed, so that no half-written card stays behind.

    Parameters
    ----------
    given : Card
        The card.
    path : path-like
        The TOML file; missing folders are made.
    comment : str
        Lines above the card, each becomes a comment.
    """
    from memneuro.tables import write_text

    def quote(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    lines = [f"# {line}" for line in comment.splitlines()]
    lines += [f"kind = {quote(given.kind)}", f"model = {quote(given.model)}", f"about = {quote(given.about)}"]
    for name, p in given.parameters.items():
        lines += ["", f"[parameters.{name}]", f"value = {float(p.value)!r}", f"unit = {quote(p.unit)}"]
        lines += [
            f"meaning = {quote(p.meaning)}",
            f"source = {quote(p.source)}",
            f"status = {quote(p.status)}",
        ]
        if p.interval is not None:
            lines.append(f"interval = [{float(p.interval[0])!r}, {float(p.interval[1])!r}]")
        if p.device_spread:
            lines.append(f"device_spread = {float(p.device_spread)!r}")
        if p.cycle_spread:
            lines.append(f"cycle_spread = {float(p.cycle_spread)!r}")
        if p.signed:
            lines.append("signed = true")
        elif not p.positive:
            lines.append("positive = false")
    write_text("\n".join(lines) + "\n", Path(path))
