r"""The threshold switch with spread: set and reset probabilities of a two-state device (Ostrovskii 2025).

.. math::

   \frac{dX}{dt} &= s(b_S)\,\frac{a_S}{\tau_S} - [1 - s(b_R)]\,\frac{a_R}{\tau_R}, \qquad s(b) = 1/(1 + e^{-b}) \\
   a_S &= (1 - e^{-(aX + d_S)})(1 - X) + (1 - e^{-a(1 - X)})\,X \\
   a_R &= (1 - e^{-aX})(1 - X) + (1 - e^{-(a(1 - X) + d_R)})\,X \\
   b_S &= (V - V_{th+})(V - V_{th-})/V_S^2, \qquad b_R = (V - V_{h+})(V - V_{h-})/V_R^2 \\
   1/R_d &= X/R_{on} + 1/R_{off}

X is the probability that the switch conducts, V = v_device. The device sets outside (V_th-, V_th+) and resets inside
(V_h-, V_h+), within about 0.1 us either way. R_on differs with the sign of the voltage. The published leakage is a
constant current of 1 pA; here it is the resistance R_off that carries 1 pA at 1 V, so that nothing flows at 0 V.

The spread of the four voltages is from cycle to cycle and from device to device (the cards' spreads); within a cycle
there is no noise. Written as ``set*(1 - X) - reset*X`` with ``(1 - exp(-a(1 - X)))/(1 - X) = a relaxation(a(1 - X))``,
0 <= X <= 1 holds at any step.

Source: doi:10.1016/j.neucom.2025.129454 (a secondary transcription; the layout of a_S and a_R is reconstructed).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2 import Quantity, second

from memneuro.device.model import DeviceModel, register, round_step

_EQUATIONS = """
positive = int(v_polarity >= 0*volt) : 1
push_set = clip((v_device - v_set_positive)*(v_device - v_set_negative)/v_width_set**2, -600, 600) : 1
push_reset = clip((v_device - v_hold_positive)*(v_device - v_hold_negative)/v_width_reset**2, -600, 600) : 1
speed_set = 1 - exp(-(feedback*x_on + nucleation_set)) + feedback*x_on*relaxation(feedback*(1 - x_on)) : 1
speed_reset = 1 - exp(-(feedback*(1 - x_on) + nucleation_reset)) + feedback*(1 - x_on)*relaxation(feedback*x_on) : 1
rate_set = speed_set/(tau_set*(1 + exp(-push_set))) : Hz
rate_reset = speed_reset/(tau_reset*(1 + exp(push_reset))) : Hz
dx_on/dt = rate_set*(1 - x_on) - rate_reset*x_on : 1
r_device = 1/(x_on*(positive/r_on + (1 - positive)/r_on_negative) + 1/r_off) : ohm
"""


@register
class ThresholdDevice(DeviceModel):
    """Two-state switch with normally spread threshold and hold voltages; see the module's documentation."""

    name = "threshold"
    parameters = (
        "v_set_positive",
        "v_set_negative",
        "v_hold_positive",
        "v_hold_negative",
        "v_width_set",
        "v_width_reset",
        "tau_set",
        "tau_reset",
        "feedback",
        "nucleation_set",
        "nucleation_reset",
        "r_on",
        "r_on_negative",
        "r_off",
    )
    noise_parameters = ()
    default_card = "and_ts"

    def equations(self, noise: bool) -> str:
        """See :class:`memneuro.device.model.DeviceModel`."""
        return _EQUATIONS

    def initial(self, noise: bool) -> dict[str, Any]:
        """The switch is open."""
        return {"x_on": 0}

    def largest_step(self, values: Mapping[str, Any]) -> Quantity:
        """10 us: switching is complete within a step of more than 1 us, and its time is then known to one step."""
        return 1e-5 * second

    def default_step(self, values: Mapping[str, Any]) -> Quantity:
        """A tenth of the faster of the two time constants, rounded down: 10 ns."""
        fastest = min(float(np.min(np.asarray(values[name]))) for name in ("tau_set", "tau_reset"))
        return round_step(0.1 * fastest * second)
