r"""The 1M1T1R neuron whose device warms up by its own current.

.. math::

   C_{th} \frac{dT}{dt} = \frac{(V_{in} - V)^2}{R_d} - C_{th} \frac{T - T_0}{\tau_{th}}

T replaces the constant temperature in every Arrhenius rate, in V_0 and in the noise; T_0 is the card's temperature.
The heat capacity by default is that of 4 um x 4 um x 10 nm of oxide (about 2e6 J/(m^3 K)), the size of the published
device. The time constant of 0.1 s is chosen so long that spikes add up, as if the device were thermally insulated: one
of that size on a chip cools within a microsecond, and then no heat is left at the next spike.

Sources: the circuit from doi:10.1038/s41928-025-01488-x, the form of the heat balance from
doi:10.1038/s41467-024-51254-4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from brian2 import NeuronGroup, Quantity, joule, kelvin, second

from memneuro.circuit.drive import check
from memneuro.circuit.one_m1t1r import CIRCUIT, OneM1T1R
from memneuro.device.card import Card

_HEAT = """
heating = (v_in - v_gate)**2*g_device/heat_capacity : kelvin/second
dtemperature/dt = heating - (temperature - temperature_ambient)/tau_thermal : kelvin
"""


class SelfHeatingOneM1T1R(OneM1T1R):
    """A 1M1T1R neuron with Joule heating of its device; the further state is ``temperature``.

    Parameters
    ----------
    device, circuit : str or Card
        As for :class:`memneuro.circuit.one_m1t1r.OneM1T1R`; the circuit's temperature is that of the surroundings.
    heat_capacity : Quantity (joule/kelvin)
        Of the device, C_th.
    thermal_time : Quantity (second)
        With which it cools, tau_th.
    """

    circuit_equations: ClassVar[str] = CIRCUIT + _HEAT
    meanings: ClassVar[Mapping[str, str]] = {
        "temperature_ambient": "temperature of the surroundings: that of the card",
        "heat_capacity": "heat capacity of the device",
        "tau_thermal": "time constant with which the device cools",
    }

    def __init__(
        self,
        device: str | Card = "hopping",
        circuit: str | Card = "discrete_2025",
        heat_capacity: Quantity = 3.2e-13 * joule / kelvin,
        thermal_time: Quantity = 0.1 * second,
    ) -> None:
        super().__init__(device, circuit)
        check("heat_capacity", heat_capacity, joule / kelvin, positive=True)
        check("thermal_time", thermal_time, second, positive=True)
        self.heat_capacity, self.thermal_time = heat_capacity, thermal_time

    def with_(self, **changes: Any) -> Self:
        """As :meth:`memneuro.circuit.one_m1t1r.OneM1T1R.with_`; the thermal values are kept."""
        changed = super().with_(**changes)
        return type(self)(changed.device, changed.circuit, self.heat_capacity, self.thermal_time)

    def parameters(self, noise: bool = True) -> dict[str, tuple[Any, str]]:
        """The temperature becomes that of the surroundings."""
        found = super().parameters(noise)
        ambient = found.pop("temperature")
        return found | {
            "temperature_ambient": ambient,
            "heat_capacity": (self.heat_capacity, "joule/kelvin"),
            "tau_thermal": (self.thermal_time, "second"),
        }

    def set_initial(self, group: NeuronGroup, drive: Any, noise: bool = True) -> None:
        """The device starts at the temperature of the surroundings."""
        group.temperature = "temperature_ambient"
        super().set_initial(group, drive, noise)
