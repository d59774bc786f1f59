r"""The 1M1T1R neuron: one diffusive memristor, one transistor, one resistor (doi:10.1038/s41928-025-01488-x).

.. math::

   C_g \frac{dV}{dt} = \frac{V_{in} - V}{R_d} - \frac{V}{R_c}

The device charges the gate; the control resistor discharges it; the transistor, loaded by R_load, gives the output.
Nothing is reset and there is no refractory flag: Brian2's threshold reports the rising edge of the gate voltage through
``v_threshold``.
"""

from __future__ import annotations

from typing import ClassVar

from memneuro.circuit import transistor  # noqa: F401  (registers the output stage)
from memneuro.circuit.device_circuit import DeviceCircuit
from memneuro.device.card import Card

CIRCUIT = """
v_device = v_in - v_gate : volt
g_device = 1/r_device : siemens
i_device = v_device*g_device : amp
dv_gate/dt = ((v_in - v_gate)*g_device - v_gate/r_control)/c_gate : volt
v_gate_last : volt
v_out = drain_voltage(v_gate, v_dd, r_load, k_nmos, v_turn_on, slope_factor, temperature) : volt
v_load = v_dd - v_out : volt
i_load = v_load/r_load : amp
"""

CIRCUIT_PARAMETERS = (
    "c_gate",
    "r_control",
    "v_threshold",
    "r_load",
    "v_dd",
    "k_nmos",
    "v_turn_on",
    "slope_factor",
    "temperature",
)

THRESHOLD = "v_gate > v_threshold and v_gate_last <= v_threshold"


class OneM1T1R(DeviceCircuit):
    """A 1M1T1R neuron: a device card, a circuit card, and the equations they belong to.

    Parameters
    ----------
    device : str or Card
        A device card, its name (``"hopping_2e4d"``), or the name of a model (``"hopping"``, ``"compact"``), which
        stands for the model's default card.
    circuit : str or Card
        A circuit card or its name.

    Raises
    ------
    ValueError
        If a name is unknown or a card is of the wrong kind.

    Examples
    --------
    >>> from brian2 import ms, volt
    >>> from memneuro import OneM1T1R, PulseTrain
    >>> neuron = OneM1T1R("hopping")
    >>> group = neuron.group(10, drive=PulseTrain(0.8*volt, width=1*ms, period=2*ms), seed=1)
    """

    #: A circuit with other parts is a subclass with other equations and parameters.
    circuit_equations: ClassVar[str] = CIRCUIT
    circuit_parameters: ClassVar[tuple[str, ...]] = CIRCUIT_PARAMETERS
    threshold: ClassVar[str] = THRESHOLD
    watched: ClassVar[str] = "v_gate"

    def __init__(self, device: str | Card = "hopping", circuit: str | Card = "discrete_2025") -> None:
        super().__init__(device, circuit)
