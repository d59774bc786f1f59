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

from brian2 import NeuronGroup

from memneuro.circuit.one_m1t1r import CIRCUIT, OneM1T1R
from memneuro.device.card import Card

_TO_GROUND = "v_gate/r_control)/c_gate"
assert CIRCUIT.count(_TO_GROUND) == 1

_SECOND = """
push_b = 0.5*(v_gate + abs(v_gate))/v_hop_now : 1
gap_b = 1 - x_b : 1
growth_b = speed_b*0.5*mu*arrhenius_growth*(exp(push_b) - exp(-push_b))/(gap_b**2 + alpha**2) : Hz
dx_b/dt = growth_b*(1 - x_b) - gamma1*arrhenius_loss*(x_b - x_residue_b) - gamma2*arrhenius_loss*x_residue_b : 1
dx_residue_b/dt = beta*arrhenius_loss*(x_b - x_residue_b) - gamma2*arrhenius_loss*x_residue_b : 1
r_device_b = r_on*x_b + r_off*(exp(gap_b/tunnel_length) - 1)/(exp(1/tunnel_length) - 1) : ohm
"""


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

    circuit_equations: ClassVar[str] = (
        CIRCUIT.replace(_TO_GROUND, "v_gate/r_control - v_gate/r_device_b)/c_gate") + _SECOND
    )
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
