r"""The 1M1T1R neuron with spike-frequency adaptation: a capacitor and a resistor at the foot of the control resistor.

.. math::

   C_g \frac{dV}{dt} &= \frac{V_{in} - V}{R_d} - \frac{V - V_f}{R_c} \\
   C_f \frac{dV_f}{dt} &= \frac{V - V_f}{R_c} - \frac{V_f}{R_f}

The control resistor no longer ends at ground but on a capacitor. The charge that every spike sends through it raises
V_f, and the gate then comes to rest at V_f and not at 0 V. That much less voltage is left across the device, so it
fires later: each spike raises the threshold by about ``C_g V_in/C_f``, which decays with ``R_f C_f``. Without the two
parts (R_f to zero) the circuit is that of :mod:`memneuro.circuit.one_m1t1r`.

Source of the circuit without the two parts: doi:10.1038/s41928-025-01488-x. The two parts were chosen here; see the
card.
"""

from __future__ import annotations

from typing import ClassVar

from memneuro.circuit.one_m1t1r import CIRCUIT, CIRCUIT_PARAMETERS, OneM1T1R
from memneuro.device.card import Card

_TO_GROUND = "v_gate/r_control)/c_gate"
assert CIRCUIT.count(_TO_GROUND) == 1


class AdaptingOneM1T1R(OneM1T1R):
    """A 1M1T1R neuron with a capacitor ``c_foot`` and a resistor ``r_foot`` below the control resistor.

    Used as :class:`memneuro.circuit.one_m1t1r.OneM1T1R`; the further state is ``v_foot``.

    Parameters
    ----------
    device : str or Card
        A device card, its name, or the name of a model.
    circuit : str or Card
        A circuit card with ``c_foot`` and ``r_foot``, or its name.
    """

    circuit_equations: ClassVar[str] = (
        CIRCUIT.replace(_TO_GROUND, "(v_gate - v_foot)/r_control)/c_gate")
        + "dv_foot/dt = ((v_gate - v_foot)/r_control - v_foot/r_foot)/c_foot : volt\n"
    )
    circuit_parameters: ClassVar[tuple[str, ...]] = (*CIRCUIT_PARAMETERS, "c_foot", "r_foot")

    def __init__(self, device: str | Card = "hopping", circuit: str | Card = "adapting_2025") -> None:
        super().__init__(device, circuit)
