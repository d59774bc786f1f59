"""What all circuits around a device have in common: cards, equations and the group they make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

import numpy as np
from brian2 import Equations, NeuronGroup, Quantity, get_dimensions, second
from brian2.utils.stringtools import get_identifiers

import memneuro.numerics  # noqa: F401  (registers the integrator and the noise)
from memneuro.circuit.cycles import EVENTS, Cycles
from memneuro.circuit.drive import Current, Drive, PulseTrain, as_drive, check
from memneuro.device.card import Card, card, parse_unit
from memneuro.device.model import DeviceModel, device_model, model_names, round_step
from memneuro.numerics.threefry import MAX_SEED, threefry_normal

METHOD = "exponential_midpoint"
#: A default step divides the shortest pulse of the drive into at least this many.
PULSE_STEPS = 10


class DeviceCircuit:
    """A device card, a circuit card, and the equations they belong to: the base of every circuit.

    Parameters
    ----------
    device : str or Card
        A device card, its name (``"hopping_2e4d"``), or the name of a model (``"hopping"``, ``"compact"``), which
        stands for the model's default card.
    circuit : str or Card
        A circuit card or its name.

    Raises
    ------
    ValueError
        If a name is unknown or a card is of the wrong kind.
    """

    #: Equations of the circuit, the card entries they use, the condition that reports a spike, and the variable whose
    #: value before the step it compares with (``<watched>_last``).
    circuit_equations: ClassVar[str]
    circuit_parameters: ClassVar[tuple[str, ...]]
    threshold: ClassVar[str]
    watched: ClassVar[str]
    #: A voltage with the sign of ``v_device`` that does not depend on the device's resistance.
    polarity: ClassVar[str] = "v_device"
    #: What those of its parameters mean that stand on no card.
    meanings: ClassVar[Mapping[str, str]] = {}

    def __init__(self, device: str | Card, circuit: str | Card) -> None:
        self.device = _device_card(device) if isinstance(device, str) else device
        self.circuit = card(circuit) if isinstance(circuit, str) else circuit
        for given, kind in ((self.device, "device"), (self.circuit, "circuit")):
            if given.kind != kind:
                raise ValueError(f"card {given.name!r} describes a {given.kind}; a {kind} card is needed here")
        self.model: DeviceModel = device_model(self.device.model).for_card(self.device.parameters)
        for given, needed in ((self.device, self.model.parameters), (self.circuit, self.circuit_parameters)):
            missing = [name for name in needed if name not in given.parameters]
            if missing:
                raise ValueError(f"card {given.name!r} lacks {', '.join(missing)} of model {given.model!r}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.device.name!r}, {self.circuit.name!r})"

    def with_(self, **changes: Any) -> Self:
        """A neuron with some card values changed, for example ``with_(r_control=100*Mohm)``.

        Raises
        ------
        ValueError
            If neither card has a parameter of that name, or the value is out of range.
        brian2.DimensionMismatchError
            If a value has the wrong unit.
        """
        self._check_names(changes)
        device = {name: value for name, value in changes.items() if name in self.device.parameters}
        circuit = {name: value for name, value in changes.items() if name not in device}
        return type(self)(self.device.with_(**device), self.circuit.with_(**circuit))

    def parameters(self, noise: bool = True) -> dict[str, tuple[Any, str]]:
        """Value and unit text of every card parameter that the equations use, by name."""
        found = {}
        for name in self.model.parameters:
            if noise or name not in self.model.noise_parameters:
                entry = self.device.parameters[name]
                found[name] = (entry.quantity, entry.unit)
        for name, entry in self.circuit.parameters.items():
            found[name] = (entry.quantity, entry.unit)
        return found

    @property
    def default_step(self) -> Quantity:
        """The step used when none is given."""
        return self.model.default_step({**self.device.values(), **self.circuit.values()})

    @property
    def largest_step(self) -> Quantity:
        """The largest step that is accepted."""
        return self.model.largest_step({**self.device.values(), **self.circuit.values()})

    def equations(self, drive: Any = None, *, noise: bool = True, per_neuron: Iterable[str] = ()) -> Equations:
        """The neuron as Brian2 equations.

        Parameters
        ----------
        drive : Drive, Quantity (volt), TimedArray or None
            See :func:`memneuro.circuit.drive.as_drive`.
        noise : bool
            Whether the device fluctuates.
        per_neuron : iterable of str
            Parameters with one value for each neuron; all others are shared by the group.

        Returns
        -------
        Equations
            To print, to change, or to hand to ``NeuronGroup``.
        """
        return Equations(self._text(as_drive(drive), noise, set(per_neuron)))

    @property
    def fluctuates(self) -> bool:
        """Whether the device differs from one moment or one cycle to the next, with the values of its card."""
        return self.model.fluctuates(self.device.values()) or bool(self.cycle_spread(self.model.parameters))

    def _text(self, drive: Drive, noise: bool, per_neuron: set[str], cycles: Cycles | None = None) -> str:
        device = self.model.equations(noise)
        lines = [device, self.circuit_equations, drive.equations()]
        if "v_polarity" in get_identifiers(device):
            lines.append(f"v_polarity = {self.polarity} : volt")
        for name, (_, unit) in {**self.parameters(noise), **drive.parameters()}.items():
            flag = "constant" if name in per_neuron else "shared, constant"
            if cycles is not None and name in cycles.names:
                flag = ""  # changes at the end of a cycle
            lines.append(f"{name} : {unit}" + (f" ({flag})" if flag else ""))
        if cycles is not None:
            lines.append(cycles.equations(self._units()))
        if noise or cycles is not None:
            flag = "constant" if "noise_offset" in per_neuron else "shared, constant"
            lines += ["noise_seed : integer (shared, constant)", f"noise_offset : integer ({flag})"]
        return "\n".join(lines)

    def group(
        self,
        n: int = 1,
        *,
        drive: Any = None,
        dt: Quantity | None = None,
        seed: int = 0,
        offset: int | np.ndarray = 0,
        noise: bool = True,
        spread: bool | Mapping[str, float] = False,
        cycle_spread: bool | Mapping[str, float] | None = None,
        ageing: Mapping[str, float] | None = None,
        method: str = METHOD,
        extra: str = "",
        check_step: bool = True,
        name: str | None = None,
        **parameters: Any,
    ) -> NeuronGroup:
        """An ordinary Brian2 ``NeuronGroup`` of n such neurons.

        Parameters
        ----------
        n : int
            Number of neurons.
        drive : Drive, Quantity (volt), TimedArray or None
            Input of the neurons; None leaves ``v_in`` to be set from outside.
        dt : Quantity (second), optional
            Time step; by default the card's converged step.
        seed : int
            Seed of the noise and of the spread, 0 to 2**31 - 1. The same seed gives the same result on every target, on
            NumPy to rounding.
            Two groups with the same seed and offset have the same noise: give each group of a network its own.
        offset : int, or ndarray of int of shape (n,)
            Added to the index of a neuron in the noise and the spread: with the offsets 0 and 100 two groups of 100
            neurons are the two halves of one group of 200. With one for each neuron, neurons can share their noise.
        noise : bool
            Whether the devices fluctuate.
        spread : bool or mapping of str to float
            Device-to-device spread: True uses the card's, a mapping gives standard deviations of ln(parameter), or of
            the parameter in the card's unit where it may have any sign.
        cycle_spread : bool or mapping of str to float, optional
            The same from one cycle of a device to its next (:mod:`memneuro.circuit.cycles`), for parameters of the
            device; by default the card's with noise and none without.
        ageing : mapping of str to float, optional
            Change of ln(parameter), or of a signed parameter in the card's unit, with each cycle.
        method : str
            Brian2 state updater. Others than the package's own are accepted without noise only: they would draw
            Brian2's noise, which `seed` does not control, and some read it in the Stratonovich sense.
        extra : str
            Further Brian2 equations for the same group.
        check_step : bool
            False accepts any step; for searches that visit parameters at which nothing is claimed.
        name : str, optional
            Name of the group.
        **parameters : Quantity (any unit), one or shape (n,)
            Values to replace: of the cards, or of the drive (``pulse_amplitude``).

        Raises
        ------
        ValueError
            For a bad number of neurons, seed, parameter name, value, shape or a step that is too large.
        brian2.DimensionMismatchError
            For a wrong unit.
        """
        n = whole_number(n, "n", 1, 2**31 - 1)
        seed = whole_number(seed, "seed", 0, MAX_SEED)
        if np.ndim(offset) == 0:
            offset = whole_number(offset, "offset", 0, 2**31 - 1 - n)
        elif np.shape(offset) != (n,) or np.min(np.arange(n) + offset) < 0:
            raise ValueError(f"offset has the shape {np.shape(offset)}; accepted: a number, or {n} of at least -index")
        drive = as_drive(drive)
        if noise and method != METHOD:
            raise ValueError(f"method = {method!r} with noise; accepted: {METHOD!r}, or any method with noise=False")
        self._check_names(parameters, drive)
        values = {**self.parameters(noise), **drive.parameters()}
        for key, value in parameters.items():
            if key in values:
                values[key] = (self.checked(key, value, drive), values[key][1])
        drive.check_size(n)
        values.update(self._spread(values, spread, n, seed, offset))
        cycles = self._cycles(values, noise if cycle_spread is None else cycle_spread, ageing)
        first = {}
        if cycles is not None:
            for key in cycles.names:
                value, unit = values[key]
                first[key] = value
                values[key] = (cycles.first(key, value, unit, seed, np.arange(n) + offset), unit)
        per_neuron = {key for key, (value, _) in values.items() if np.ndim(value) > 0}
        for key in per_neuron:
            if np.shape(values[key][0]) != (n,):
                raise ValueError(f"{key} has the shape {np.shape(values[key][0])}; accepted: one value or {n} values")
        step = self._step(dt, values, drive, check_step)
        if np.ndim(offset) > 0:
            per_neuron.add("noise_offset")
        equations = Equations(self._text(drive, noise, per_neuron, cycles) + "\n" + extra)
        if "v_in" not in equations.names:
            raise ValueError(
                f"drive {drive!r} does not define v_in; accepted: equations with a line 'v_in = ... : volt'"
            )
        group = NeuronGroup(
            n,
            equations,
            method=method,
            threshold=self.threshold,
            reset="",
            dt=step,
            namespace=drive.namespace(),
            **({} if name is None else {"name": name}),
            **({} if cycles is None else {"events": dict(EVENTS)}),
        )
        for key, (value, unit) in values.items():
            setattr(group, key, value if unit != "1" else np.asarray(value, dtype=float))
        if noise or cycles is not None:
            group.noise_seed, group.noise_offset = seed, offset
        if cycles is not None:
            for key, value in first.items():
                setattr(group, f"{key}_first", value)
            plain = {key: value for key, (value, _) in values.items()}
            low, rest = self.model.lowest_resistance(plain), self.model.rest_resistance(plain)
            cycles.attach(group, self._units(), low, rest)
        self.set_initial(group, drive, noise)
        if method != METHOD:
            group.run_regularly(f"{self.watched}_last = {self.watched}", when="before_groups")
        return group

    def set_initial(self, group: NeuronGroup, drive: Any, noise: bool = True) -> None:
        """Give the states of a group of this neuron their initial values.

        Parameters
        ----------
        group : NeuronGroup
            A group of this neuron.
        drive : Drive, Quantity (volt), TimedArray or None
            Its input, which may have states too.
        noise : bool
            Whether the device fluctuates.
        """
        for key, value in {**self.model.initial(noise), **as_drive(drive).initial()}.items():
            setattr(group, key, value)

    def device_spread(self, names: Iterable[str]) -> dict[str, float]:
        """The cards' device-to-device spread of those parameters that have one.

        Standard deviations of ln(value), or of the value in its unit where it is signed.
        """
        cards = {**self.device.parameters, **self.circuit.parameters}
        return {key: p.device_spread for key, p in cards.items() if p.device_spread > 0 and key in set(names)}

    def cycle_spread(self, names: Iterable[str]) -> dict[str, float]:
        """The device card's cycle-to-cycle spread of those parameters that have one; see :meth:`device_spread`."""
        cards = self.device.parameters
        return {key: p.cycle_spread for key, p in cards.items() if p.cycle_spread > 0 and key in set(names)}

    def _check_names(self, given: Iterable[str], drive: Drive | None = None) -> None:
        known = {**self.device.parameters, **self.circuit.parameters, **(drive.parameters() if drive else {})}
        for key in given:
            if key not in known:
                raise ValueError(f"unknown parameter {key!r}; accepted: {', '.join(sorted(known))}")

    def checked(self, key: str, value: Any, drive: Any = None) -> Any:
        """One value of a parameter or an array of them, with its unit, after a check of unit and range.

        Parameters
        ----------
        key : str
            A parameter of a card or of the drive.
        value : Quantity (any unit), one or shape (n,)
            The value, with the unit of the card or the drive.
        drive : Drive, Quantity (volt), TimedArray or None
            The input; without one only the cards' parameters are known.

        Raises
        ------
        ValueError
            If neither card nor drive has a parameter of that name, or a value is out of range.
        brian2.DimensionMismatchError
            If a value has the wrong unit.
        """
        drive = None if drive is None else as_drive(drive)
        self._check_names([key], drive)
        owner = self.device if key in self.device.parameters else self.circuit
        if key in owner.parameters:
            unit = parse_unit(owner.parameters[key].unit)
            if np.ndim(value) == 0:
                return owner.number(key, value) * unit
            return owner.numbers(key, value) * unit
        assert drive is not None
        check(key, value, parse_unit(drive.parameters()[key][1]), signed=True, finite=key != "pulse_count")
        return value

    def _spread(
        self, values: Mapping[str, tuple[Any, str]], spread: Any, n: int, seed: int, offset: int | np.ndarray
    ) -> dict[str, Any]:
        """Draw what differs from device to device: ln(value), or a signed value, is normal about the nominal."""
        deviations = self._deviations("spread", spread, values, self.device_spread)
        signed = self._signed()
        drawn = {}
        for stream, key in enumerate(sorted(deviations)):
            change = deviations[key] * threefry_normal.pyfunc(seed, np.arange(n) + offset, -2, stream)
            value, unit = values[key]
            drawn[key] = (value + change * parse_unit(unit) if key in signed else value * np.exp(change), unit)
        return drawn

    def _cycles(self, values: Mapping[str, Any], spread: Any, ageing: Mapping[str, float] | None) -> Cycles | None:
        """What changes from cycle to cycle, None where nothing does."""
        own = {key: value for key, value in values.items() if key in self.model.parameters}
        deviations = self._deviations("cycle_spread", spread, own, self.cycle_spread)
        for key, change in (ageing or {}).items():
            if key not in own:
                raise ValueError(f"ageing of unknown parameter {key!r}; accepted: {', '.join(sorted(own))}")
            if not np.isfinite(float(change)):
                raise ValueError(f"ageing of {key} = {change!r}; accepted: a finite number")
        rates = {key: float(change) for key, change in (ageing or {}).items()}
        return Cycles(deviations, rates, self._signed()) if deviations or rates else None

    def _deviations(self, what: str, spread: Any, values: Iterable[str], of_card: Any) -> dict[str, float]:
        """Deviations by parameter from what a user gave: True, False or a mapping."""
        if spread is False or spread is None:
            return {}
        if spread is not True and not isinstance(spread, Mapping):
            raise TypeError(
                f"{what} = {spread!r}; accepted: True, False or a mapping of parameter to deviation of its ln"
            )
        found = {}
        for key, deviation in (of_card(values) if spread is True else spread).items():
            if key not in values:
                raise ValueError(f"{what} of unknown parameter {key!r}; accepted: {', '.join(sorted(values))}")
            found[key] = float(deviation)
            if found[key] < 0 or not np.isfinite(found[key]):
                raise ValueError(f"{what} of {key} = {deviation!r}; accepted: zero or more")
        return found

    def _signed(self) -> set[str]:
        """Parameters of the cards that may have any sign."""
        return {key for key, p in {**self.device.parameters, **self.circuit.parameters}.items() if p.signed}

    def _units(self) -> dict[str, str]:
        """Unit text of each parameter of the device."""
        return {key: p.unit for key, p in self.device.parameters.items()}

    def _step(self, dt: Quantity | None, values: Mapping[str, tuple[Any, str]], drive: Drive, check: bool) -> Quantity:
        plain = {key: value for key, (value, _) in values.items()}
        if dt is None:
            dt = self.model.default_step(plain)
            given = False
        else:
            given = True
            if get_dimensions(dt) != get_dimensions(second):
                raise ValueError(f"dt = {dt!r} is not a time")
            if np.ndim(dt) != 0 or not np.isfinite(float(dt)) or float(dt) <= 0:
                raise ValueError(f"dt = {dt!r} must be greater than zero and finite")
        largest = self.model.largest_step(plain)
        if isinstance(drive, PulseTrain) and not given:
            dt = min(dt, round_step(float(np.min(np.asarray(drive.width))) / PULSE_STEPS * second))
        if isinstance(drive, Current):
            if "c_gate" not in plain:
                raise ValueError(f"drive {drive!r} needs a circuit with a gate; accepted here: a voltage")
            series = plain["c_in"] * plain["c_gate"] / (plain["c_in"] + plain["c_gate"])
            node = self.model.lowest_resistance(plain) * np.min(np.asarray(series)) * second
            largest = min(largest, node)
            dt = dt if given else min(dt, round_step(node / 2))
        if check and dt > largest * (1 + 1e-9):
            raise ValueError(
                f"dt = {dt!s} is too large for card {self.device.name!r}; the largest safe step is {largest!s}"
            )
        return dt


def whole_number(value: Any, name: str, low: int, high: int) -> int:
    """`value` as an integer from `low` to `high`.

    Parameters
    ----------
    value : int or float
        What was given.
    name : str
        What it is, for the error.
    low, high : int
        The smallest and the largest that are accepted.

    Raises
    ------
    ValueError
        If it is no such number; the message names it and what is accepted.
    """
    try:
        whole = not isinstance(value, (bool, str)) and float(value).is_integer() and low <= int(value) <= high
    except (TypeError, ValueError):
        whole = False
    if not whole:
        raise ValueError(f"{name} = {value!r}; accepted: a whole number from {low} to {high}")
    return int(value)


def _device_card(name: str) -> Card:
    """The card that goes by a name, its own or that of a model whose default card it is."""
    if name in model_names():
        return card(device_model(name).default_card)
    try:
        return card(name)
    except ValueError as error:
        raise ValueError(f"{error}; or a model: {', '.join(model_names())}") from None
