r"""A device alone on a source meter: how devices are measured.

.. math:: v_{device} = \mathrm{clip}\left(\frac{V_{in} R_d}{R_d + R_s},\ -I_c R_d,\ I_c R_d\right)

R_s is whatever is in series; I_c is the compliance, the current at which the source meter lowers its voltage. There is
no capacitance. A spike is reported when the magnitude of the current rises through ``i_threshold``, the criterion for
a device that is on.

Source: Ohm's law; compliance and criterion are those of :func:`memneuro.experiment.target.measured_devices`.
"""

from __future__ import annotations

from typing import ClassVar

from memneuro.circuit.device_circuit import DeviceCircuit
from memneuro.device.card import Card


class SourceMeter(DeviceCircuit):
    """A device alone, with a series resistance and a current compliance.

    Used as :class:`memneuro.circuit.one_m1t1r.OneM1T1R`; the circuit has no state of its own.

    Parameters
    ----------
    device : str or Card
        A device card, its name, or the name of a model.
    circuit : str or Card
        A circuit card with ``r_series``, ``i_compliance`` and ``i_threshold``, or its name.

    Examples
    --------
    >>> from brian2 import volt
    >>> group = SourceMeter("hopping").group(100, drive=0.9*volt, seed=1)
    """

    circuit_equations: ClassVar[str] = """
v_divided = v_in*r_device/(r_device + r_series) : volt
v_device = clip(v_divided, -i_compliance*r_device, i_compliance*r_device) : volt
g_device = 1/r_device : siemens
i_device = v_device*g_device : amp
i_size = abs(i_device) : amp
i_size_last : amp
"""
    circuit_parameters: ClassVar[tuple[str, ...]] = ("r_series", "i_compliance", "i_threshold", "temperature")
    threshold: ClassVar[str] = "i_size > i_threshold and i_size_last <= i_threshold"
    watched: ClassVar[str] = "i_size"
    polarity: ClassVar[str] = "v_in"

    def __init__(self, device: str | Card = "hopping", circuit: str | Card = "source_meter") -> None:
        super().__init__(device, circuit)
