r"""What differs from one cycle of a device to its next: spread, and ageing.

A cycle ends when the device opens after it was closed. With R_low the resistance of the closed device and R_rest that
of the device at rest (:class:`memneuro.device.model.DeviceModel`), it is closed once
:math:`R_d < R_{low}^{3/4} R_{rest}^{1/4}` and open again once :math:`R_d > (R_{low} R_{rest})^{1/2}`. In cycle c = 0,
1, 2 ... a parameter p has the value

.. math:: p_c = p\,e^{s\,\xi_c + a\,c}, \qquad \text{or, if it may have any sign,} \qquad p_c = p + s\,\xi_c + a\,c

with xi_c standard normal, a pure function of seed, neuron, cycle and parameter
(:mod:`memneuro.numerics.threefry`): the same on every target, whatever the time step and the order of events.
s is the spread from cycle to cycle, a the ageing per cycle.

In Brian2's terms these are two custom events, ``closing`` and ``opening``, a counter ``cycle``, and parameters that are
drawn anew at every opening. Nothing is evaluated in between.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import NeuronGroup

from memneuro.device.card import parse_unit
from memneuro.numerics.threefry import threefry_normal

#: Step number of the noise in cycle c is FIRST - c; time steps are 0 and above, -1 and -2 belong to initial values
#: and to the spread from device to device.
FIRST = -3

EQUATIONS = """
cycle : integer
closed : integer
r_closing : ohm (shared, constant)
r_opening : ohm (shared, constant)
"""

EVENTS = {
    "closing": "closed == 0 and r_device < r_closing",
    "opening": "closed == 1 and r_device > r_opening",
}


@dataclass(frozen=True)
class Cycles:
    """Which parameters change from cycle to cycle, and by how much.

    Parameters
    ----------
    spread : mapping of str to float
        Standard deviation of ln(value), or of the value in the card's unit where it is signed, by parameter.
    ageing : mapping of str to float
        Change of ln(value), or of the value, per cycle.
    signed : collection of str
        Parameters that may have any sign.
    """

    spread: Mapping[str, float]
    ageing: Mapping[str, float]
    signed: Collection[str] = ()

    @property
    def names(self) -> list[str]:
        """The parameters that change, sorted; the place in this list is the stream of the noise."""
        return sorted({*self.spread, *self.ageing})

    def equations(self, units: Mapping[str, str]) -> str:
        """Declarations of the counter and of what the parameters start from; the parameters themselves are separate."""
        return EQUATIONS + "\n".join(f"{name}_first : {units[name]} (constant)" for name in self.names)

    def statements(self, units: Mapping[str, str]) -> str:
        """What happens when the device opens."""
        return "\n".join(["closed = 0", "cycle += 1", *(self._draw(name, units[name]) for name in self.names)])

    def _draw(self, name: str, unit: str) -> str:
        terms = []
        if name in self.spread:
            stream = self.names.index(name)
            terms.append(
                f"{self.spread[name]!r}*threefry_normal(noise_seed, i + noise_offset, {FIRST} - cycle, {stream})"
            )
        if name in self.ageing:
            terms.append(f"{self.ageing[name]!r}*cycle")
        change = " + ".join(terms)
        if name not in self.signed:
            return f"{name} = {name}_first*exp({change})"
        return f"{name} = {name}_first + ({change})" + ("" if unit == "1" else f"*{unit}")

    def first(self, name: str, value: Any, unit: str, seed: int, index: np.ndarray) -> Any:
        """Values in cycle 0, one for each neuron.

        Parameters
        ----------
        name : str
            One of `names`.
        value : Quantity (any unit) or float, one or shape (n,)
            What the parameter starts from.
        unit : str
            Unit of the card.
        seed : int
            Seed of the noise.
        index : numpy.ndarray of int, shape (n,)
            Numbers of the neurons in the noise.
        """
        change = np.zeros(len(index))
        if name in self.spread:
            change = self.spread[name] * threefry_normal.pyfunc(seed, index, FIRST, self.names.index(name))
        if name in self.signed:
            return value + change * parse_unit(unit)
        return value * np.exp(change)

    def attach(self, group: NeuronGroup, units: Mapping[str, str], low: float, rest: float) -> None:
        """Let a group whose equations and events are these count its cycles.

        Parameters
        ----------
        group : NeuronGroup
            With the equations of :meth:`equations` and the events ``EVENTS``.
        units : mapping of str to str
            Unit text of each parameter.
        low, rest : float
            Resistance (ohm) of the closed device and of the device at rest.
        """
        group.r_closing, group.r_opening = (parse_unit("ohm") * low ** (1 - p) * rest**p for p in (0.25, 0.5))
        group.run_on_event("closing", "closed = 1")
        group.run_on_event("opening", self.statements(units))
