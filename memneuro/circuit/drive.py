"""What drives a neuron: each drive is a few lines of Brian2 equations that define ``v_in``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from brian2 import (
    DimensionMismatchError,
    Quantity,
    TimedArray,
    amp,
    farad,
    get_dimensions,
    have_same_dimensions,
    second,
    volt,
)


def check(
    name: str, value: Any, unit: Any, *, positive: bool = False, signed: bool = False, finite: bool = True
) -> None:
    """Refuse a value that has the wrong unit, is not finite, or has a sign that makes no sense.

    Parameters
    ----------
    name : str
        What the value is, for the error.
    value : Quantity (any unit), array_like
        One value or many.
    unit : Quantity (any unit)
        The unit that it must have.
    positive : bool
        Whether it must be greater than zero.
    signed : bool
        Whether it may be negative.
    finite : bool
        Whether infinity is refused; NaN always is.

    Raises
    ------
    brian2.DimensionMismatchError
        For a wrong unit.
    ValueError
        For a number that is not accepted.
    """
    if not have_same_dimensions(value, unit):
        raise DimensionMismatchError(
            f"{name} must have the unit of {unit!r}, got {value!r}",
            get_dimensions(value),
            get_dimensions(unit),
        )
    number = np.asarray(value, dtype=float)
    if np.any(np.isnan(number)) or (finite and not np.all(np.isfinite(number))):
        raise ValueError(f"{name} = {value!r} is not finite")
    if positive and np.any(number <= 0):
        raise ValueError(f"{name} = {value!r} must be greater than zero")
    if not positive and not signed and np.any(number < 0):
        raise ValueError(f"{name} = {value!r} must not be negative")


@dataclass(frozen=True)
class Drive:
    """Base of all drives.

    A drive gives the text that defines ``v_in`` (volt), the parameters the text uses, and what Brian2 needs in the
    group's namespace.
    """

    def equations(self) -> str:
        """Brian2 equations that define ``v_in``, without the declarations of :meth:`parameters`.

        Raises
        ------
        NotImplementedError
            In this class: each drive has its own.
        """
        raise NotImplementedError

    def parameters(self) -> dict[str, tuple[Any, str]]:
        """Value and unit text of every parameter the equations use; arrays become one value a neuron."""
        return {}

    def namespace(self) -> dict[str, Any]:
        """Objects the equations refer to by name."""
        return {}

    def initial(self) -> dict[str, Any]:
        """Initial values of the states the drive brings with it."""
        return {}

    def check_size(self, n: int) -> None:
        """Refuse an array with one column a neuron that has another number of columns than `n`.

        Raises
        ------
        ValueError
            If it has.
        """
        for name, value in self.namespace().items():
            if isinstance(value, TimedArray) and np.ndim(value.values) == 2 and value.values.shape[1] != n:
                raise ValueError(f"{name} has {value.values.shape[1]} columns; accepted: one for each of {n} neurons")


@dataclass(frozen=True)
class Constant(Drive):
    """A constant input voltage (volt), one for all neurons or one each."""

    voltage: Any

    def __post_init__(self) -> None:
        check("voltage", self.voltage, volt, signed=True)

    def equations(self) -> str:
        """No text: ``v_in`` is itself the parameter."""
        return ""

    def parameters(self) -> dict[str, tuple[Any, str]]:
        """``v_in``."""
        return {"v_in": (self.voltage, "volt")}


@dataclass(frozen=True)
class PulseTrain(Drive):
    """Rectangular pulses from 0 V.

    ``v_in = amplitude`` for ``start + k*period <= t < start + k*period + width``, k = 0 ... count - 1, else 0 V. Every
    argument is one value for all neurons or an array with one value each, so a whole protocol fits in one group.

    Parameters
    ----------
    amplitude : Quantity (volt)
        Voltage of a pulse, of either sign.
    width, period : Quantity (second)
        Length of a pulse, and from one onset to the next; ``width`` must not exceed ``period``.
    count : int or array_like, optional
        Number of pulses; by default the train goes on.
    start : Quantity (second), optional
        Onset of the first pulse.

    Raises
    ------
    ValueError
        For a width or period that is not above zero, a width longer than the period, a start below zero, or a count
        that is not a whole number of at least 1.
    brian2.DimensionMismatchError
        For a wrong unit.
    """

    amplitude: Any
    width: Any
    period: Any
    count: Any = None
    start: Any = field(default_factory=lambda: 0 * second)

    def __post_init__(self) -> None:
        check("amplitude", self.amplitude, volt, signed=True)
        check("width", self.width, second, positive=True)
        check("period", self.period, second, positive=True)
        check("start", self.start, second)
        if np.any(np.asarray(self.width) > np.asarray(self.period) * (1 + 1e-12)):
            raise ValueError(f"width = {self.width!r} is longer than period = {self.period!r}")
        if self.count is not None:
            counts = np.asarray(self.count, dtype=float)
            if not np.all((counts >= 1) & ((counts == np.floor(counts)) | np.isinf(counts))):
                raise ValueError(f"count = {self.count!r}; accepted: whole numbers of at least 1")

    def equations(self) -> str:
        """Pulse number, time within the pulse and ``v_in``."""
        return """
pulse_number = floor((t + 0.001*dt - pulse_start)/pulse_period) : 1
pulse_time = t + 0.001*dt - pulse_start - pulse_number*pulse_period : second
v_in = pulse_amplitude*int(pulse_time < pulse_width and pulse_number >= 0 and pulse_number < pulse_count) : volt
"""

    def parameters(self) -> dict[str, tuple[Any, str]]:
        """Amplitude, width, period, count and start."""
        return {
            "pulse_amplitude": (self.amplitude, "volt"),
            "pulse_width": (self.width, "second"),
            "pulse_period": (self.period, "second"),
            "pulse_count": (np.inf if self.count is None else np.asarray(self.count, dtype=float), "1"),
            "pulse_start": (self.start, "second"),
        }


@dataclass(frozen=True)
class Sampled(Drive):
    """An input voltage given as a Brian2 ``TimedArray`` (volt): one column for all neurons, or one column each.

    Parameters
    ----------
    values : TimedArray
        The voltage (volt), shape (samples,) or (samples, n).

    Raises
    ------
    TypeError
        If `values` is not a TimedArray.
    ValueError
        If a voltage is not finite.
    brian2.DimensionMismatchError
        If the values are not voltages.
    """

    values: TimedArray

    def __post_init__(self) -> None:
        if not isinstance(self.values, TimedArray):
            raise TypeError(f"a sampled drive takes a brian2.TimedArray, got {type(self.values).__name__}")
        check("the sampled voltage", self.values.values * Quantity(1, dim=self.values.dim), volt, signed=True)

    def equations(self) -> str:
        """``v_in`` read from the array."""
        index = ", i" if np.ndim(self.values.values) == 2 else ""
        return f"v_in = v_in_sampled(t{index}) : volt\n"

    def namespace(self) -> dict[str, Any]:
        """The array."""
        return {"v_in_sampled": self.values}


@dataclass(frozen=True)
class External(Drive):
    """``v_in`` is a plain variable that something else sets, such as a summed variable of ``Synapses``."""

    def equations(self) -> str:
        """A settable ``v_in``."""
        return "v_in : volt\n"


@dataclass(frozen=True)
class Expression(Drive):
    """Equations of your own; they must define ``v_in`` in volt.

    Parameters
    ----------
    text : str
        For example ``"v_in = 0.5*volt*(1 + sin(2*pi*10*Hz*t)) : volt"``.
    objects : dict, optional
        Functions and constants the text refers to.

    Raises
    ------
    ValueError
        If the text does not define ``v_in``.
    """

    text: str
    objects: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.text, str) or not re.search(r"^\s*(v_in\s*=|dv_in/dt\s*=)", self.text, re.MULTILINE):
            raise ValueError(
                f"an Expression that does not define v_in: {self.text!r}; accepted: equations such as "
                "'v_in = 0.5*volt + v_syn : volt'"
            )

    def equations(self) -> str:
        """The text."""
        return self.text + "\n"

    def namespace(self) -> dict[str, Any]:
        """The objects the text refers to."""
        return dict(self.objects)


@dataclass(frozen=True)
class Current(Drive):
    """A current into an input node with a capacitance of its own.

    ``c_in dv_in/dt = i_in - (v_in - v_gate)/r_device - g_in v_in``

    Parameters
    ----------
    current : Quantity (amp) or TimedArray or None
        The current; None leaves ``i_in`` to be set from outside.
    capacitance : Quantity (farad)
        Capacitance of the node. The step must resolve r_on times it in series with the gate capacitance.
    conductance : Quantity (siemens), optional
        Leak to ground.
    """

    current: Any
    capacitance: Any
    conductance: Any = None

    def __post_init__(self) -> None:
        check("capacitance", self.capacitance, farad, positive=True)
        if self.conductance is not None:
            check("conductance", self.conductance, amp / volt)
        if isinstance(self.current, TimedArray):
            check("the sampled current", self.current.values * Quantity(1, dim=self.current.dim), amp, signed=True)
        elif self.current is not None:
            check("current", self.current, amp, signed=True)

    def equations(self) -> str:
        """The input node."""
        text = "dv_in/dt = (i_in - (v_in - v_gate)/r_device - g_in*v_in)/c_in : volt\n"
        if isinstance(self.current, TimedArray):
            index = ", i" if np.ndim(self.current.values) == 2 else ""
            text += f"i_in = i_in_sampled(t{index}) : amp\n"
        elif self.current is None:
            text += "i_in : amp\n"
        return text

    def parameters(self) -> dict[str, tuple[Any, str]]:
        """Current (when constant), capacitance and leak."""
        leak = 0 * amp / volt if self.conductance is None else self.conductance
        found = {"c_in": (self.capacitance, "farad"), "g_in": (leak, "siemens")}
        if self.current is not None and not isinstance(self.current, TimedArray):
            found["i_in"] = (self.current, "amp")
        return found

    def namespace(self) -> dict[str, Any]:
        """The sampled current, if any."""
        return {"i_in_sampled": self.current} if isinstance(self.current, TimedArray) else {}

    def initial(self) -> dict[str, Any]:
        """The node starts at 0 V."""
        return {"v_in": 0 * volt}


def as_drive(value: Any) -> Drive:
    """Turn what a user may pass as a drive into a :class:`Drive`.

    Accepted: a Drive, a voltage, a TimedArray of volts, None (``v_in`` is set from outside).

    Raises
    ------
    TypeError
        For anything else.
    """
    if isinstance(value, Drive):
        return value
    if value is None:
        return External()
    if isinstance(value, TimedArray):
        return Sampled(value)
    if isinstance(value, Quantity):
        return Constant(value)
    raise TypeError(
        f"drive {value!r} is not understood; accepted: a voltage, a TimedArray of volts, PulseTrain, Current, "
        "Expression, External or None"
    )
