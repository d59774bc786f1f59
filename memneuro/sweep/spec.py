"""What a sweep is: a TOML file with a neuron, its input, a run and a design.

.. code-block:: toml

   [neuron]
   device = "hopping_2e4d"        # a card or a model
   circuit = "discrete_2025"
   r_control = "250 Mohm"         # any parameter of the two cards

   [drive]                        # a pulse train, or: constant = "0.45 V"
   amplitude = "0.8 V"
   width = "1 ms"
   period = "2 ms"

   [run]
   duration = "1 s"
   trials = 10
   seed = 1
   backend = "runtime"            # optional, as is: step = "10 us", noise = true

   [design]                       # "grid": every combination of lists
   kind = "sobol"                 # or "random": points within ranges
   points = 512
   seed = 3

   [design.parameters]
   r_control = { low = "50 Mohm", high = "500 Mohm", scale = "log" }
   pulse_amplitude = { low = "0.6 V", high = "1 V" }

The same seed of the noise serves every point, so points differ by their parameters alone.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import DimensionMismatchError, Quantity, get_dimensions, have_same_dimensions, second, volt
from scipy.stats import qmc

from memneuro import __version__
from memneuro.backend.backend import NAMES
from memneuro.circuit.device_circuit import whole_number
from memneuro.circuit.drive import Constant, Drive, PulseTrain
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.numerics.threefry import MAX_SEED
from memneuro.sweep.quantity import quantity

KINDS = ("grid", "random", "sobol")
_SECTIONS = {
    "neuron": None,
    "drive": ("amplitude", "width", "period", "count", "start", "constant"),
    "run": ("duration", "trials", "seed", "backend", "step", "noise"),
    "design": ("kind", "points", "seed", "parameters"),
}


@dataclass(frozen=True)
class Sweep:
    """A sweep that has been read and checked.

    Parameters
    ----------
    base : dict
        What all points share, in SI units and ready for JSON.
    names : tuple of str
        The parameters that vary.
    points : tuple of tuple of float
        Their values, in SI units, one tuple a point.
    """

    base: Mapping[str, Any]
    names: tuple[str, ...]
    points: tuple[tuple[float, ...], ...]

    def point(self, number: int) -> dict[str, Any]:
        """The full configuration of a point, ready for JSON."""
        return {**self.base, "varied": dict(zip(self.names, self.points[number], strict=True))}


def key(point: Mapping[str, Any]) -> str:
    """A name that no other configuration has, nor another version of this package."""
    text = json.dumps([__version__, point], sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def read_sweep(path: str | Path) -> Sweep:
    """Read a sweep from a TOML file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is no sweep; the message names entry and value and says what is accepted. Units count.
    """
    path = Path(path)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} is not TOML: {error}") from error
    try:
        return sweep(data)
    except (ValueError, TypeError, DimensionMismatchError) as error:
        raise ValueError(f"{path.name}: {error}") from error


def sweep(data: Mapping[str, Any]) -> Sweep:
    """A sweep from the contents of a file; see :func:`read_sweep`.

    Raises
    ------
    ValueError
        As there.
    """
    _known(data, tuple(_SECTIONS), "section")
    for name in ("drive", "run", "design"):
        if name not in data:
            raise ValueError(f"section [{name}] is missing; accepted: {', '.join(_SECTIONS)}")
    for name, section in data.items():
        if not isinstance(section, Mapping):
            raise ValueError(f"{name} = {section!r}; accepted: a section [{name}]")
        if _SECTIONS[name] is not None:
            _known(section, _SECTIONS[name], f"entry of [{name}]")
    neuron_base, neuron = _neuron(data.get("neuron", {}))
    drive_base, drive = _drive(data["drive"])
    run = _run(data["run"], neuron)
    names, points = _design(data["design"], neuron, drive)
    return Sweep({"neuron": neuron_base, "drive": drive_base, "run": run}, names, points)


def _known(given: Any, accepted: Any, what: str) -> None:
    for name in given:
        if name not in accepted:
            raise ValueError(f"unknown {what}: {name!r}; accepted: {', '.join(accepted)}")


def _neuron(section: Mapping[str, Any]) -> tuple[dict[str, Any], OneM1T1R]:
    cards = {name: section[name] for name in ("device", "circuit") if name in section}
    neuron = OneM1T1R(**cards)
    values = {name: quantity(value, name) for name, value in section.items() if name not in cards}
    neuron = neuron.with_(**values)
    base = {"device": neuron.device.name, "circuit": neuron.circuit.name}
    return {**base, "changes": {name: float(value) for name, value in values.items()}}, neuron


def _drive(section: Mapping[str, Any]) -> tuple[dict[str, Any], Drive]:
    values = {name: quantity(value, f"drive.{name}") for name, value in section.items()}
    if "constant" in values:
        _known([name for name in values if name != "constant"], (), "entry beside drive.constant")
        drive: Drive = Constant(values["constant"])
    else:
        for name in ("amplitude", "width", "period"):
            if name not in values:
                raise ValueError(f"drive.{name} is missing; accepted: amplitude, width and period, or constant")
        drive = PulseTrain(**values)
    return {name: float(value) for name, value in values.items()}, drive


def _run(section: Mapping[str, Any], neuron: OneM1T1R) -> dict[str, Any]:
    if "duration" not in section:
        raise ValueError("run.duration is missing; accepted: a time such as '1 s'")
    found: dict[str, Any] = {"step": float(neuron.default_step)}
    for name in ("duration", "step"):
        if name in section:
            value = quantity(section[name], f"run.{name}")
            if not have_same_dimensions(value, second) or not 0 < float(value) < math.inf:
                raise ValueError(f"run.{name} = {section[name]!r}; accepted: a time above zero such as '1 s'")
            found[name] = float(value)
    if found["step"] > float(neuron.largest_step) * (1 + 1e-9):
        raise ValueError(f"run.step = {section['step']!r}; accepted: at most {neuron.largest_step!s} for this device")
    found["trials"] = whole_number(section.get("trials", 1), "run.trials", 1, 10**6)
    found["seed"] = whole_number(section.get("seed", 0), "run.seed", 0, MAX_SEED)
    found["backend"] = section.get("backend", "runtime")
    if found["backend"] not in NAMES:
        raise ValueError(f"run.backend = {found['backend']!r}; accepted: {', '.join(NAMES)}")
    found["noise"] = section.get("noise", True)
    if not isinstance(found["noise"], bool):
        raise ValueError(f"run.noise = {found['noise']!r}; accepted: true, false")
    return found


def _design(
    section: Mapping[str, Any], neuron: OneM1T1R, drive: Drive
) -> tuple[tuple[str, ...], tuple[tuple[float, ...], ...]]:
    kind, axes = section.get("kind"), section.get("parameters")
    if kind not in KINDS:
        raise ValueError(f"design.kind = {kind!r}; accepted: {', '.join(KINDS)}")
    if not isinstance(axes, Mapping) or not axes:
        raise ValueError(f"design.parameters = {axes!r}; accepted: at least one parameter")
    names = tuple(axes)
    if kind == "grid":
        _known([name for name in section if name in ("points", "seed")], (), "entry of a grid's [design]")
        for name, values in axes.items():
            if not isinstance(values, list) or not values:
                raise ValueError(f"design.parameters.{name} = {values!r}; accepted: a list of values")
        columns = [[_value(name, one, neuron, drive) for one in axes[name]] for name in names]
        return names, tuple(itertools.product(*columns))
    points = whole_number(section.get("points", 0), "design.points", 1, 10**8)
    seed = whole_number(section.get("seed", 0), "design.seed", 0, MAX_SEED)
    if kind == "random":
        unit = np.random.default_rng(seed).random((points, len(names)))
    else:
        # A whole power of two is drawn, as the balance of the sequence needs, and cut.
        unit = qmc.Sobol(len(names), seed=seed).random_base2(math.ceil(math.log2(points)))[:points]
    ranges = [_range(name, axes[name], neuron, drive) for name in names]
    columns = [_within(*one, unit[:, k]) for k, one in enumerate(ranges)]
    return names, tuple(zip(*columns, strict=True))


def _value(name: str, text: Any, neuron: OneM1T1R, drive: Drive) -> float:
    """A parameter's value in SI units, after a check of name, unit and range."""
    value = quantity(text, f"design.parameters.{name}")
    return float(neuron.checked(name, value, drive))


def _range(name: str, entry: Any, neuron: OneM1T1R, drive: Drive) -> tuple[float, float, str]:
    if not isinstance(entry, Mapping) or not {"low", "high"} <= set(entry):
        raise ValueError(f"design.parameters.{name} = {entry!r}; accepted: {{ low = ..., high = ..., scale = ... }}")
    _known(entry, ("low", "high", "scale"), f"entry of design.parameters.{name}")
    low, high = (_value(name, entry[end], neuron, drive) for end in ("low", "high"))
    scale = entry.get("scale", "linear")
    if scale not in ("linear", "log"):
        raise ValueError(f"design.parameters.{name}.scale = {scale!r}; accepted: linear, log")
    if not low < high or (scale == "log" and low <= 0):
        raise ValueError(
            f"design.parameters.{name} goes from {entry['low']!r} to {entry['high']!r}; accepted: low below high"
            + (", above zero" if scale == "log" else "")
        )
    return low, high, scale


def _within(low: float, high: float, scale: str, unit: np.ndarray) -> list[float]:
    if scale == "log":
        return [float(value) for value in low * np.exp(unit * math.log(high / low))]
    return [float(value) for value in low + unit * (high - low)]


def build(base: Mapping[str, Any]) -> tuple[OneM1T1R, Drive]:
    """Neuron and drive of a configuration."""
    given = base["neuron"]
    neuron = OneM1T1R(given["device"], given["circuit"])
    neuron = neuron.with_(**{name: with_unit(neuron, None, name, value) for name, value in given["changes"].items()})
    if "constant" in base["drive"]:
        return neuron, Constant(base["drive"]["constant"] * volt)
    units = {"amplitude": volt, "width": second, "period": second, "start": second, "count": 1}
    return neuron, PulseTrain(**{name: value * units[name] for name, value in base["drive"].items()})


def with_unit(neuron: OneM1T1R, drive: Drive | None, name: str, value: Any) -> Any:
    """A number in SI units with the unit of a parameter of neuron or drive.

    Parameters
    ----------
    neuron : OneM1T1R
        The neuron.
    drive : Drive or None
        Its input.
    name : str
        A parameter of neuron or drive.
    value : float
        The number in SI units.
    """
    known = {**neuron.parameters(), **(drive.parameters() if drive is not None else {})}
    return Quantity(value, dim=get_dimensions(known[name][0]))
