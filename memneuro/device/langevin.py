r"""Silver particles in a potential: overdamped Langevin dynamics with drift, interaction, interfacial energy and heat.

N particles at x_1 < ... < x_N, in units of half the gap, between the electrodes x_0 = -1 and x_{N+1} = +1:

.. math::

   \eta\,\frac{dx_i}{dt} &= \frac{q V}{2} - U'(x_i) + \frac{W_c}{l_c}\left(e^{-(x_i - x_{i-1})/l_c}
       - e^{-(x_{i+1} - x_i)/l_c}\right) + \sqrt{2 \eta k_B T}\,\xi_i \\
   U(x) &= -W_p\,e^{-(x - x_p)^2/(2 w_p^2)} + \tfrac14 W_r (1 + x)^2
       + \tfrac12 K\,(|x| - 1)^2\,[|x| > 1] \\
   \frac{dT}{dt} &= \frac{V^2}{C_h R_d} - \kappa\,(T - T_0), \qquad
   R_d = R_c + R_t \sum_{i=0}^{N} e^{(x_{i+1} - x_i)/\lambda}

The field drags the particles off the electrode into a chain, so the resistance falls; the voltage drops, and heat and
interfacial energy bring them back. U is the interfacial energy: a well that pins the particles near the electrode they
come from (depth W_p), the cost of having left it (W_r/4 at the middle of the gap), and walls. Neighbours repel each
other (W_c, over the distance l_c; the exponent is limited to 3), which keeps their order. The pair terms act between
particles only.

* The noise obeys the fluctuation-dissipation relation: D = k_B T/eta with the same eta that divides the forces.
* With one particle, ``R_d = R_c + 2 R_t exp(1/lambda) cosh(x/lambda)``: lowest in the middle.
* R_c limits what a closed chain conducts: a constriction of one atom has the resistance h/(2 e^2), 12.9 kohm.
* Positions are named ``x_1`` to ``x_N``; the models are ``langevin`` (N = 1), ``langevin_3``, ``langevin_10`` and
  ``langevin_100``; :func:`langevin_model` makes one of any N.

Sources: the terms are those of doi:10.1038/nmat4756, doi:10.1038/s41467-017-00869-x and
doi:10.1016/j.chaos.2021.110803; the shape of U and the values of its parameters were chosen here (see the cards).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from brian2 import Quantity, second

from memneuro.device.model import DeviceModel, register, round_step

BOLTZMANN = 1.380649e-23

_PARTICLE = """
well_{i} = w_pin*(x_{i} - x_pin)/width_pin**2*exp(-0.5*((x_{i} - x_pin)/width_pin)**2) : joule
beyond_{i} = stiffness_wall*int(abs(x_{i}) > 1) : joule
side_{i} = 2*int(x_{i} > 0) - 1 : 1
push_{i} = pull_field - well_{i}{before}{after} : joule
dx_{i}/dt = push_{i}/friction - 0.5*w_return/friction*(1 + x_{i}) - beyond_{i}/friction*(x_{i} - side_{i}){noise} : 1
"""

_COMMON = """
pull_field = 0.5*charge*v_device : joule
heating = v_device**2/(r_device*heat_capacity) : kelvin/second
dtemperature_device/dt = heating - cooling_rate*(temperature_device - temperature) : kelvin
"""

_NOISE = """
jump = sqrt(2*1.380649e-23*joule/kelvin*temperature_device/friction) : Hz**0.5
"""


class LangevinDevice(DeviceModel):
    """Silver particles in an interfacial potential; see the module's documentation."""

    parameters = (
        "friction",
        "charge",
        "w_pin",
        "x_pin",
        "width_pin",
        "w_return",
        "stiffness_wall",
        "w_pair",
        "length_pair",
        "tunnel_length",
        "r_tunnel",
        "r_contact",
        "heat_capacity",
        "cooling_rate",
    )
    noise_parameters = ()
    #: Number of particles.
    particles: ClassVar[int]

    def equations(self, noise: bool) -> str:
        """See :class:`memneuro.device.model.DeviceModel`."""
        n = self.particles
        lines = [_COMMON + (_NOISE if noise else "")]
        for i in range(1, n):
            lines.append(f"pair_{i} = w_pair/length_pair*exp(clip((x_{i} - x_{i + 1})/length_pair, -50, 3)) : joule")
        for i in range(1, n + 1):
            lines.append(
                _PARTICLE.format(
                    i=i,
                    before=f" + pair_{i - 1}" if i > 1 else "",
                    after=f" - pair_{i}" if i < n else "",
                    noise=f" + jump*xi_{i:03d}" if noise else "",
                )
            )
        gaps = ["x_1 + 1", *(f"x_{i + 1} - x_{i}" for i in range(1, n)), f"1 - x_{n}"]
        hops = " + ".join(f"exp(({gap})/tunnel_length)" for gap in gaps)
        return "\n".join([*lines, f"r_device = r_contact + r_tunnel*({hops}) : ohm"])

    def initial(self, noise: bool) -> dict[str, Any]:
        """The particles lie in the well, those of a chain side by side; the device has the circuit's temperature."""
        states: dict[str, Any] = {"temperature_device": "temperature"}
        for i in range(1, self.particles + 1):
            states[f"x_{i}"] = f"x_pin + width_pin*{(i - 0.5) / self.particles - 0.5!r}"
        return states

    def fluctuates(self, values: Mapping[str, Any]) -> bool:
        """Always: temperature makes the particles fluctuate."""
        return True

    def lowest_resistance(self, values: Mapping[str, Any]) -> float:
        """With the particles evenly spread over the gap, in ohm."""
        n = self.particles + 1
        hops = np.asarray(values["r_tunnel"]) * n * np.exp(2 / (n * np.asarray(values["tunnel_length"])))
        return float(np.min(np.asarray(values["r_contact"]) + hops))

    def rest_resistance(self, values: Mapping[str, Any]) -> float:
        """With all particles in the middle of the well where they start, in ohm."""
        place, length = (np.asarray(values[name]) for name in ("x_pin", "tunnel_length"))
        hops = np.exp((1 + place) / length) + (self.particles - 1) + np.exp((1 - place) / length)
        return float(np.min(np.asarray(values["r_contact"]) + np.asarray(values["r_tunnel"]) * hops))

    def largest_step(self, values: Mapping[str, Any]) -> Quantity:
        """0.2 over the fastest relaxation: in the pinning well, W_p/(w_p^2 eta), or of a pair, W_c/(l_c^2 eta)."""
        return 0.2 / self._fastest(values) * second

    def default_step(self, values: Mapping[str, Any]) -> Quantity:
        """0.05 over the fastest relaxation, rounded down to 1, 2 or 5 times a power of ten seconds."""
        return round_step(0.05 / self._fastest(values) * second)

    def _fastest(self, values: Mapping[str, Any]) -> float:
        """The fastest relaxation, in hertz."""
        curvature = np.asarray(values["w_pin"]) / np.asarray(values["width_pin"]) ** 2
        if self.particles > 1:
            curvature = np.maximum(curvature, np.asarray(values["w_pair"]) / np.asarray(values["length_pair"]) ** 2)
        return float(np.max(curvature / np.asarray(values["friction"])))


def langevin_model(particles: int) -> DeviceModel:
    """The model with a given number of particles, registered as ``langevin_<particles>`` (``langevin`` for one).

    Returns
    -------
    DeviceModel
        An object with the equations; positions are ``x_1`` to ``x_N``.

    Raises
    ------
    ValueError
        If the number is not a whole number of at least 1.
    """
    if isinstance(particles, bool) or not isinstance(particles, int) or particles < 1:
        raise ValueError(f"particles = {particles!r}; accepted: a whole number of at least 1")
    name = "langevin" if particles == 1 else f"langevin_{particles}"
    members = {
        "name": name,
        "particles": particles,
        "default_card": f"ag_particles_{particles}",
        "__module__": __name__,
    }
    return register(type(f"LangevinDevice{particles}", (LangevinDevice,), members))()


for _particles in (1, 3, 10, 100):
    langevin_model(_particles)
