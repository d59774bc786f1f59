r"""The VO2 thermal neuristor, a volatile switch without ions, for contrast (Nat. Commun. 15, 6986, 2024).

.. math::

   C_{th} \frac{dT}{dt} &= \frac{v_{device}^2}{R} - S_{th} (T - T_{base}) \\
   R &= R_0\,e^{E_a/T}\,g + R_m, \qquad g = \tfrac12 + \tfrac12 \tanh[B (T_c - m)] \\
   \frac{dm}{dt} &= k\,[\mathrm{clip}(m, T - w/2, T + w/2) - m]

Hysteresis: the publication writes ``g = 1/2 + tanh(B (d w/2 + T_c - T))/2`` with d = +1 while it warms and -1 while it
cools. A resistance that jumps whenever the temperature turns round has no converged solution. The play operator m,
which follows T at a distance of at most w/2 (k to infinity; here 10^9 per second), equals T - w/2 on the warming and
T + w/2 on the cooling branch, so both published branches are kept, and in between the resistance moves along the
semiconductor's own curve without a jump.

T_base is the temperature of the substrate, above the room's: the card's, not the circuit's. The publication's noise
(current noise of 1 uA s^(1/2)) is not included; the model is deterministic.

Source: doi:10.1038/s41467-024-51254-4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2 import Quantity, second

from memneuro.device.model import DeviceModel, register, round_step

_EQUATIONS = """
half_width = 0.5*hysteresis_width : kelvin
lag = temperature_film - temperature_play : kelvin
follow = 1e9*hertz*int(abs(lag) > half_width) : Hz
branch = temperature_film - half_width*(2*int(lag > 0*kelvin) - 1) : kelvin
semiconducting = 0.5 + 0.5*tanh(steepness*(temperature_critical - temperature_play)) : 1
r_device = r_prefactor*exp(activation_temperature/temperature_film)*semiconducting + r_metal : ohm
heating = v_device**2/(r_device*heat_capacity) : kelvin/second
cooling = heat_conductance/heat_capacity : Hz
dtemperature_film/dt = heating - cooling*(temperature_film - temperature_base) : kelvin
dtemperature_play/dt = follow*(branch - temperature_play) : kelvin
"""


@register
class NeuristorDevice(DeviceModel):
    """Thermal insulator-to-metal switch with hysteresis; see the module's documentation."""

    name = "neuristor"
    parameters = (
        "hysteresis_width",
        "temperature_critical",
        "temperature_base",
        "steepness",
        "r_prefactor",
        "activation_temperature",
        "r_metal",
        "heat_capacity",
        "heat_conductance",
    )
    noise_parameters = ()
    default_card = "vo2_neuristor"

    def equations(self, noise: bool) -> str:
        """See :class:`memneuro.device.model.DeviceModel`."""
        return _EQUATIONS

    def initial(self, noise: bool) -> dict[str, Any]:
        """The film has the temperature of the substrate and came there by warming."""
        return {
            "temperature_film": "temperature_base",
            "temperature_play": "temperature_base - 0.5*hysteresis_width",
        }

    def lowest_resistance(self, values: Mapping[str, Any]) -> float:
        """The metallic film's, in ohm."""
        return float(np.min(np.asarray(values["r_metal"])))

    def rest_resistance(self, values: Mapping[str, Any]) -> float:
        """At the temperature of the substrate, on the warming branch, in ohm."""
        base, width = (np.asarray(values[name]) for name in ("temperature_base", "hysteresis_width"))
        play = base - 0.5 * width
        share = 0.5 + 0.5 * np.tanh(
            np.asarray(values["steepness"]) * (np.asarray(values["temperature_critical"]) - play)
        )
        film = np.asarray(values["r_prefactor"]) * np.exp(np.asarray(values["activation_temperature"]) / base) * share
        return float(np.min(film + np.asarray(values["r_metal"])))

    def largest_step(self, values: Mapping[str, Any]) -> Quantity:
        """A tenth of the thermal time constant C_th/S_th."""
        return 0.1 * _thermal_time(values)

    def default_step(self, values: Mapping[str, Any]) -> Quantity:
        """A twentieth of the thermal time constant, rounded down: 10 ns."""
        return round_step(0.05 * _thermal_time(values))


def _thermal_time(values: Mapping[str, Any]) -> Quantity:
    """C_th/S_th of the fastest device."""
    ratio = np.asarray(values["heat_capacity"]) / np.asarray(values["heat_conductance"])
    return float(np.min(ratio)) * second
