r"""Field-driven ion hopping with filament, residue and thermal noise: the default device.

Ions hop over a barrier that the field tilts (Mott and Gurney), so growth rises with the hyperbolic sine of the voltage.
With x the length bridged by silver (fraction of the gap), x_2 the residue within it and g = 1 - x what is still open:

.. math::

   dx/dt &= G\,(1 - x) - \gamma_1 (x - x_2) - \gamma_2 x_2 \\
   dx_2/dt &= \beta (x - x_2)(1 - (x_2/x_{cap})^4) - \gamma_2 x_2 \\
   G &= \mu\, e^{v_{tip}/V_0} \sinh(v_+/V_0) \,/\, (g^2 + \alpha^2), \qquad v_+ = \max(v_{device}, 0) \\
   dv_{tip} &= -v_{tip}\,dt/\tau_{tip} + \sigma_{tip}\sqrt{2/\tau_{tip}}\,dW \\
   R_d &= R_{on} x + R_{off}\,(e^{g/\lambda} - 1)/(e^{1/\lambda} - 1)

* Away from contact G (1 - x) is the Mott-Gurney speed mu sinh(v/V_0) divided by the remaining gap. It goes to zero with
  the gap over the length alpha: a closed filament has no gap to hop into. Losses are proportional to what is there.
  So 0 <= x_2 <= x <= 1 holds by the equations; rounding and splitting errors beyond it are clipped.
* The residue fills at most the part x_cap of the gap: silver is taken up at the same rate until the places for it run
  out. With a fourth power the bound acts near x_cap only, so that it does not raise the rheobase as a first power does.
  A card without ``residue_cap`` has no bound: its residue can fill the whole gap, after which only gamma_2 opens the
  device.
* Beyond v = 40 V_0 and v_tip = 20 V_0 growth no longer rises: a closed device is closed.
* Noise: the potential at the filament tip fluctuates thermally with standard deviation sigma_tip, as does a capacitance
  k_B T / sigma_tip**2 (a few attofarad), and correlation time tau_tip. It is additive, so Ito and Stratonovich agree.
* Temperature T against 300 K: mu, beta, gamma_1, gamma_2 are Arrhenius rates, V_0 is proportional to T and sigma_tip to
  sqrt(T). 1/tau_tip is Arrhenius with the growth barrier.

Sources: Mott and Gurney, *Electronic Processes in Ionic Crystals* (1940); filament, residue and resistance from
doi:10.1038/s41928-025-01488-x. The parameters are fitted; see the cards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from brian2 import Quantity

from memneuro.device.model import DeviceModel, max_rate, register, round_step

_EQUATIONS = """
dx_total/dt = growth*(1 - x_total) - gamma1*arrhenius_loss*(x_total - x_residue) - gamma2*arrhenius_loss*x_residue : 1
dx_residue/dt = beta*arrhenius_loss*(x_total - {crowding}x_residue) - gamma2*arrhenius_loss*x_residue : 1
x_total_ceiling = 1 : 1
x_residue_ceiling = x_total : 1
x_filament = x_total - x_residue : 1
gap = 1 - x_total : 1
inverse_temperature = 1/temperature - 1/(300*kelvin) : 1/kelvin
arrhenius_growth = exp(-activation_growth*inverse_temperature/(1.380649e-23*joule/kelvin)) : 1
arrhenius_loss = exp(-activation_loss*inverse_temperature/(1.380649e-23*joule/kelvin)) : 1
v_hop_now = v_hop*temperature/(300*kelvin) : volt
push = clip(v_device, 0*volt, 40*v_hop_now)/v_hop_now : 1
growth = 0.5*mu*arrhenius_growth*(exp({tip}push) - exp({tip}-push))/(gap**2 + alpha**2) : Hz
r_device = r_on*x_total + r_off*(exp(gap/tunnel_length) - 1)/(exp(1/tunnel_length) - 1) : ohm
"""

#: In this form the coefficient of x_residue is beta + gamma2, as without a bound: one relaxation for the whole run.
_CROWDING = """
inverse_cap = 1/residue_cap : 1
fill = x_residue*inverse_cap : 1
crowding = (x_total - x_residue)*fill*fill*fill*fill : 1
"""

_TIP = """
lift = clip(v_tip, -20*v_hop_now, 20*v_hop_now)/v_hop_now : 1
tip_amplitude = sigma_tip*sqrt(2*arrhenius_growth*temperature/(300*kelvin)/tau_tip) : volt*hertz**0.5
dv_tip/dt = -v_tip*arrhenius_growth/tau_tip + tip_amplitude*xi_tip : volt
"""


@register
class HoppingDevice(DeviceModel):
    """Mott-Gurney hopping with filament, residue and a thermally fluctuating tip; see the module's documentation."""

    name = "hopping"
    _unbounded = (
        "mu",
        "v_hop",
        "alpha",
        "beta",
        "gamma1",
        "gamma2",
        "tunnel_length",
        "r_on",
        "r_off",
        "activation_growth",
        "activation_loss",
        "sigma_tip",
        "tau_tip",
    )
    parameters: tuple[str, ...] = (*_unbounded, "residue_cap")
    noise_parameters = ("sigma_tip", "tau_tip")
    default_card = "hopping_2e4d"

    def __init__(self, bounded: bool = True) -> None:
        self.bounded = bounded
        if not bounded:
            self.parameters = self._unbounded

    def for_card(self, names: Iterable[str]) -> HoppingDevice:
        """The residue of a card without ``residue_cap`` has no bound of its own."""
        return self if "residue_cap" in names else HoppingDevice(bounded=False)

    def equations(self, noise: bool) -> str:
        """See :class:`memneuro.device.model.DeviceModel`."""
        text = _EQUATIONS.format(tip="lift + " if noise else "", crowding="crowding - " if self.bounded else "")
        return text + (_CROWDING if self.bounded else "") + (_TIP if noise else "")

    def initial(self, noise: bool) -> dict[str, Any]:
        """No silver in the gap; the tip potential starts from its stationary distribution."""
        states: dict[str, Any] = {"x_total": 0, "x_residue": 0}
        if noise:
            states["v_tip"] = (
                "sigma_tip*sqrt(temperature/(300*kelvin))*threefry_normal(noise_seed, i + noise_offset, -1, 0)"
            )
        return states

    def largest_step(self, values: Mapping[str, Any]) -> Quantity:
        """0.01/gamma1 at the temperature in use: at twice that, spike counts under constant drive are off by 6 %."""
        return 0.01 / _rates(values)[0]

    def default_step(self, values: Mapping[str, Any]) -> Quantity:
        """0.0075 over the fastest of loss, transfer and growth at 7 v_hop, at the temperature in use.

        Rounded down to 1, 2 or 5 times a power of ten seconds, so that it divides a pulse. On every card of the package
        the fastest is the loss, gamma1.
        """
        return round_step(0.0075 / max(_rates(values)))


def _rates(values: Mapping[str, Any]) -> tuple[Quantity, Quantity, Quantity]:
    """Loss, transfer, and growth over the whole gap at 7 v_hop, at the temperatures in use; the largest, in hertz."""
    temperature = np.asarray(values.get("temperature", 300.0), dtype=float)
    cold = (1 / 300 - 1 / temperature) / 1.380649e-23
    loss, growth = (np.exp(np.asarray(values[f"activation_{name}"], dtype=float) * cold) for name in ("loss", "growth"))
    return (
        max_rate(np.asarray(values["gamma1"]) * loss),
        max_rate(np.asarray(values["beta"]) * loss),
        max_rate(np.asarray(values["mu"]) * np.sinh(7) * growth / (1 + np.asarray(values["alpha"]) ** 2)),
    )
