r"""The 2018 fully memristive neuron: a device beside a capacitor, charged through a resistor.

.. math:: C \frac{dV}{dt} = \frac{V_{in} - V}{R_s} - \frac{V}{R_d}

The resistor charges the capacitor until the device switches; the device then discharges it and, being volatile, opens
again. Without the capacitor's charge the device would stay closed: the circuit oscillates between the threshold and the
hold voltage, or rests on either side (:mod:`memneuro.experiment.oscillation`). A spike is reported when the current
through the device rises through ``i_threshold``.

Source: Z. Wang et al., Nature Electronics 1, 137-145 (2018), doi:10.1038/s41928-018-0023-2.
"""

from __future__ import annotations

from typing import Any, ClassVar

from brian2 import NeuronGroup, volt

from memneuro.circuit.device_circuit import DeviceCircuit
from memneuro.device.card import Card


class ParallelCapacitor(DeviceCircuit):
    """A device parallel to a capacitor, fed through a series resistor.

    Used as :class:`memneuro.circuit.one_m1t1r.OneM1T1R`; the state of the circuit is ``v_node``, the voltage of the
    capacitor and of the device.

    Parameters
    ----------
    device : str or Card
        A device card, its name, or the name of a model.
    circuit : str or Card
        A circuit card with ``c_parallel``, ``r_series`` and ``i_threshold``, or its name.

    Examples
    --------
    >>> from brian2 import volt
    >>> neuron = ParallelCapacitor("area_oscillator")
    >>> group = neuron.group(10, drive=1*volt, seed=1)
    """

    circuit_equations: ClassVar[str] = """
v_device = v_node : volt
g_device = 1/r_device : siemens
i_device = v_device*g_device : amp
i_device_last : amp
dv_node/dt = ((v_in - v_node)/r_series - v_node*g_device)/c_parallel : volt
"""
    circuit_parameters: ClassVar[tuple[str, ...]] = ("c_parallel", "r_series", "i_threshold", "temperature")
    threshold: ClassVar[str] = "i_device > i_threshold and i_device_last <= i_threshold"
    watched: ClassVar[str] = "i_device"

    def __init__(
        self, device: str | Card = "area_oscillator", circuit: str | Card = "parallel_oscillator_2024"
    ) -> None:
        super().__init__(device, circuit)

    def set_initial(self, group: NeuronGroup, drive: Any, noise: bool = True) -> None:
        """The capacitor starts empty."""
        group.v_node = 0 * volt
        super().set_initial(group, drive, noise)
