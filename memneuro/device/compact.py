r"""The published compact model: filament and residue (Zhao et al. 2025, Supplementary Note 4).

.. math::

   dx_1 &= (-\gamma_1 x_1 - \beta x_1 + \mu E)\,dt + \sqrt{\sigma\,|f_1|}\,dW_1 \\
   dx_2 &= (-\gamma_2 x_2 + \beta x_1)\,dt + \sqrt{\sigma\,|f_2|}\,dW_2 \\
   E &= (V_{in} - V)/(\alpha + |1 - x|) \text{ for } V_{in} > V \text{, else } 0, \qquad x = x_1 + x_2 \\
   R_d &= R_{on} x + R_{off}\,\frac{e^{(1 - x)/\lambda} - 1}{e^{1/\lambda} - 1}, \quad x \text{ clamped to } [0, 1]

with f_1, f_2 the drifts and the noise read in the Ito sense. Kept exactly as published, including the clamp, so that
its converged behaviour can be compared. It latches for R_c >= 250 Mohm once it is converged.

Source: doi:10.1038/s41928-025-01488-x, Supplementary Note 4 and Tables 1, 7, 8.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brian2 import Quantity

from memneuro.device.model import DeviceModel, max_rate, register, round_step

_DRIFT = """
drift_filament = mu*field - (gamma1 + beta)*x_filament : Hz
drift_residue = beta*x_filament - gamma2*x_residue : Hz
"""

_EQUATIONS = """
dx_filament/dt = mu*field - (gamma1 + beta)*x_filament{noise_filament} : 1
dx_residue/dt = beta*x_filament - gamma2*x_residue{noise_residue} : 1
x_total = x_filament + x_residue : 1
field = v_device*int(v_device > 0*volt)/(alpha + abs(1 - x_total)) : volt
gap_closed = clip(1 - x_total, 0, 1) : 1
r_device = r_on*(1 - gap_closed) + r_off*(exp(gap_closed/tunnel_length) - 1)/(exp(1/tunnel_length) - 1) : ohm
"""


@register
class CompactDevice(DeviceModel):
    """The compact filament and residue model exactly as published; see the module's documentation."""

    name = "compact"
    parameters = ("mu", "alpha", "beta", "gamma1", "gamma2", "tunnel_length", "r_on", "r_off", "sigma")
    noise_parameters = ("sigma",)
    default_card = "compact_table1"

    def equations(self, noise: bool) -> str:
        """See :class:`memneuro.device.model.DeviceModel`."""
        text = _EQUATIONS.format(
            noise_filament=" + sqrt(sigma*abs(drift_filament))*xi_filament" if noise else "",
            noise_residue=" + sqrt(sigma*abs(drift_residue))*xi_residue" if noise else "",
        )
        return text + (_DRIFT if noise else "")

    def initial(self, noise: bool) -> dict[str, Any]:
        """Both states start empty."""
        return {"x_filament": 0, "x_residue": 0}

    def largest_step(self, values: Mapping[str, Any]) -> Quantity:
        """0.002/gamma1: beyond it the published intervals depend on the step."""
        return 0.002 / max_rate(values["gamma1"])

    def default_step(self, values: Mapping[str, Any]) -> Quantity:
        """0.0017/gamma1, rounded down to 1, 2 or 5 times a power of ten seconds: 2 us for Table 1."""
        return round_step(0.0017 / max_rate(values["gamma1"]))
