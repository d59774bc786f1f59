r"""The 1M1T1R neuron with a second volatile device, from the gate to ground beside the control resistor.

.. math:: C_g \frac{dV}{dt} = \frac{V_{in} - V}{R_d} - \frac{V}{R_c} - \frac{V}{R_b}

The second device is of the same card as the first and sees the gate voltage V; its growth may be faster by a factor. It
grows while the gate is charged and dissolves in between. It has no noise of its own, so that the two circuits can be
compared with one noise.

Source of the circuit without the second device: doi:10.1038/s41928-025-01488-x. The second device was added here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from brian2 import Equations, NeuronGroup
from brian2.utils.stringtools import get_identifiers

from memneuro.circuit.one_m1t1r import CIRCUIT, OneM1T1R
from memneuro.device.card import Card

_TO_GROUND = "v_gate/r_control)/c_gate"
assert CIRCUIT.count(_TO_GROUND) == 1

#: What the first device calls it, and the second.
_NAMES = {"x_total": "x_b", "x_residue": "x_residue_b", "v_device": "v_gate", "mu": "mu_b"}


def _second(model: Equations) -> str:
    """The equations of the second device: those of the first, renamed where they are not the same for both."""
    names = dict(_NAMES)
    for one in model.ordered:
        if names.keys() & get_identifiers(one.expr.code):
            names.setdefault(one.varname, f"{one.varname}_b")
    for state in model.diff_eq_names:
        if f"{state}_ceiling" in model:
            names[f"{state}_ceiling"] = f"{names[state]}_ceiling"
    own = Equations([one for one in model.values() if one.varname in names])
    return f"mu_b = speed_b*mu : Hz\n{own.substitute(**names)}\n"


class SecondDeviceOneM1T1R(OneM1T1R):
    """A 1M1T1R neuron with a second hopping device from the gate to ground; its states are ``x_b`` and ``x_residue_b``.

    Parameters
    ----------
    device, circuit : str or Card
        As for :class:`memneuro.circuit.one_m1t1r.OneM1T1R`; the device card must be of the hopping model.
    speed : float
        How many times as fast the second device grows as the first at the same voltage.

    Raises
    ------
    ValueError
        If the device is of another model, or the speed is not greater than zero.
    """

    meanings: ClassVar[Mapping[str, str]] = {"speed_b": "growth of the second device over that of the first"}

    def __init__(
        self, device: str | Card = "hopping", circuit: str | Card = "discrete_2025", speed: float = 1.0
    ) -> None:
        super().__init__(device, circuit)
        if self.device.model != "hopping":
            raise ValueError(f"card {self.device.name!r} is of model {self.device.model!r}; accepted: 'hopping'")
        if not 0 < speed < float("inf"):
            raise ValueError(f"speed = {speed!r}; accepted: a finite number greater than zero")
        self.speed = float(speed)

    @property
    def circuit_equations(self) -> str:  # type: ignore[override]
        """Those of the circuit, and of the second device: the model's own, by other names."""
        circuit = CIRCUIT.replace(_TO_GROUND, "v_gate/r_control - v_gate/r_device_b)/c_gate")
        return circuit + _second(Equations(self.model.equations(noise=False)))

    def with_(self, **changes: Any) -> Self:
        """As :meth:`memneuro.circuit.one_m1t1r.OneM1T1R.with_`; the speed is kept."""
        changed = super().with_(**changes)
        return type(self)(changed.device, changed.circuit, self.speed)

    def parameters(self, noise: bool = True) -> dict[str, tuple[Any, str]]:
        """Those of the circuit, and the speed of the second device."""
        return super().parameters(noise) | {"speed_b": (self.speed, "1")}

    def set_initial(self, group: NeuronGroup, drive: Any, noise: bool = True) -> None:
        """No silver in the second device either."""
        super().set_initial(group, drive, noise)
        group.x_b, group.x_residue_b = 0, 0
