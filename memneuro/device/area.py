r"""The channel-area model: filament, residue and the cross-section of a closed channel (T. Wang et al. 2024).

With x the bridged fraction of the gap, x_2 the residue within it, g = 1 - x the gap and S >= 1 the cross-section:

.. math::

   dx/dt &= f_+\,\frac{g}{g + \epsilon} - f_-, \qquad
       f = F\,\left[\frac{\mu v}{\alpha + g} - \gamma_1 (x - x_2) - \gamma_2 x_2\right] \\
   dx_2/dt &= \beta (x - x_2) - F\,\gamma_2 x_2 \\
   dS/dt &= C\,\theta v\,e^{1 - S} - \gamma_3 e^{S - 1}\,\frac{S - 1}{S - 1 + \epsilon_S} \\
   R_d &= R_{on} x/S^2 + R_{off}\,(e^{g/\lambda} - 1)/(e^{1/\lambda} - 1)

``f_+`` and ``f_-`` are the positive and the negative part of f. C is 1 while the gap is closed (g < 10^-6) and F is 1
while the channel is no wider than S = 1.001, else 0: a wide channel neither grows nor dissolves, it first has to thin.
This is the hold time, which grows with the current. The driving voltage v is v_device where that is positive, and
``backward`` times its magnitude where it is negative: 1 is a symmetric device, 0 one that does not switch backwards.

What differs from the publication, and why:

* It limits growth to what is left of the gap, and S to at least 1, at every step. Here the same limits are in the
  equations, as the two saturation factors with epsilon = 10^-6 (the published criterion for contact) and
  epsilon_S = 10^-5, so that x <= 1 and S >= 1 hold at any step. Only net growth is limited: a closed gap opens at once
  when the losses prevail.
* It draws gamma_i anew at each step, a noise that vanishes as the step goes to zero. Here growth and losses fluctuate
  with a correlation time: mu is multiplied by exp(z_g), the gammas by exp(z_l), two Ornstein-Uhlenbeck processes of
  standard deviation sigma_growth and sigma_loss and correlation time tau_noise.

Source: doi:10.1109/TCASAI.2024.3484370.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2 import Quantity

from memneuro.device.model import DeviceModel, max_rate, register, round_step

_EQUATIONS = """
gap = 1 - x_total : 1
v_forward = 0.5*(abs(v_device) + v_device) + backward*0.5*(abs(v_device) - v_device) : volt
channel_free = int(s_channel < 1.001) : 1
channel_closed = int(gap < 1e-6) : 1
loss_filament = channel_free*gamma1{loss} : Hz
loss_residue = channel_free*gamma2{loss} : Hz
net_growth = channel_free*mu*v_forward{growth}/(alpha + gap) - loss_filament*x_filament - loss_residue*x_residue : Hz
approach = 0.5*(abs(net_growth) + net_growth)/(gap + 1e-6) : Hz
retreat = 0.5*(abs(net_growth) - net_growth) : Hz
thickening = channel_closed*theta*v_forward*exp(1 - s_channel) : Hz
thinning = gamma3{loss}*exp(s_channel - 1)/(s_channel - 1 + 1e-5) : Hz
dx_total/dt = approach*(1 - x_total) - retreat : 1
dx_residue/dt = beta*(x_total - x_residue) - loss_residue*x_residue : 1
ds_channel/dt = thickening - thinning*(s_channel - 1) : 1
x_filament = x_total - x_residue : 1
r_device = r_on*x_total/s_channel**2 + r_off*(exp(gap/tunnel_length) - 1)/(exp(1/tunnel_length) - 1) : ohm
"""

_NOISE = """
dz_growth/dt = -z_growth/tau_noise + sigma_growth*sqrt(2/tau_noise)*xi_growth : 1
dz_loss/dt = -z_loss/tau_noise + sigma_loss*sqrt(2/tau_noise)*xi_loss : 1
"""


@register
class AreaDevice(DeviceModel):
    """Filament, residue and channel cross-section with a hold time; see the module's documentation."""

    name = "area"
    parameters = (
        "mu",
        "alpha",
        "beta",
        "gamma1",
        "gamma2",
        "gamma3",
        "theta",
        "backward",
        "tunnel_length",
        "r_on",
        "r_off",
        "sigma_growth",
        "sigma_loss",
        "tau_noise",
    )
    noise_parameters = ("sigma_growth", "sigma_loss", "tau_noise")
    default_card = "area_pulse"

    def equations(self, noise: bool) -> str:
        """See :class:`memneuro.device.model.DeviceModel`."""
        text = _EQUATIONS.format(growth="*exp(z_growth)" if noise else "", loss="*exp(z_loss)" if noise else "")
        return text + (_NOISE if noise else "")

    def initial(self, noise: bool) -> dict[str, Any]:
        """No silver in the gap; growth and loss start from their stationary distributions."""
        states: dict[str, Any] = {"x_total": 0, "x_residue": 0, "s_channel": 1}
        if noise:
            for number, name in enumerate(("growth", "loss")):
                states[f"z_{name}"] = f"sigma_{name}*threefry_normal(noise_seed, i + noise_offset, -1, {number})"
        return states

    def largest_step(self, values: Mapping[str, Any]) -> Quantity:
        """0.02 over the fastest of the losses, the transfer, and growth and thickening at 0.1 V."""
        return 0.02 / _fastest(values)

    def default_step(self, values: Mapping[str, Any]) -> Quantity:
        """0.01 over the fastest rate, rounded down to 1, 2 or 5 times a power of ten seconds."""
        return round_step(0.01 / _fastest(values))


def _fastest(values: Mapping[str, Any]) -> Quantity:
    """The fastest of the losses, the transfer, and growth and thickening at 0.1 V, in hertz."""
    rates = [np.max(np.asarray(values[name])) for name in ("gamma1", "gamma2", "gamma3", "beta")]
    return max_rate([*rates, *(0.1 * np.max(np.asarray(values[name])) for name in ("mu", "theta"))])
