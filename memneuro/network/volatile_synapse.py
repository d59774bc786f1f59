r"""A synapse with short-term plasticity: a volatile memristor between a small store of charge and the target.

.. math::

   C_s \frac{dV_s}{dt} &= \frac{V_{dd} - V_s}{R_s} - I_d, \qquad
   C_g \frac{dV}{dt} = I_d - \frac{V}{R_c} \\
   I_d &= (V_s - V)/R_d \quad \textrm{while the source's pulse lasts, otherwise 0}

A pulse of the source, v_in above half its full height v_pulse, connects the device to the store. The device switches on
within the pulse with some probability, and then the store empties through it into the target's node, whose voltage V is
the post-synaptic potential. The two forms of short-term plasticity are those of a chemical synapse:

* facilitation: every pulse leaves residue in the device, which makes the next switching more likely and dissolves with
  gamma_2, as residual calcium does;
* depression: what was released is missing in the store until it refills with R_s C_s, as vesicles are.

A large store gives a facilitating synapse (card ``synapse_facilitating``), a small one a depressing synapse
(``synapse_depressing``).

Sources: device, doi:10.1038/s41928-025-01488-x; synaptic dynamics of this kind in diffusive memristors, Z. Wang et al.
2017, doi:10.1038/nmat4756; the description of the biological synapse, M. Tsodyks, K. Pawelzik and H. Markram 1998,
doi:10.1162/089976698300017502.
"""

from __future__ import annotations

from typing import Any, ClassVar

from brian2 import NeuronGroup

from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.device.card import Card

_CIRCUIT = """
connected = int(v_in > 0.5*v_pulse) : 1
v_device = connected*(v_store - v_gate) : volt
g_device = 1/r_device : siemens
i_device = v_device*g_device : amp
dv_store/dt = ((v_dd - v_store)/r_refill - connected*(v_store - v_gate)*g_device)/c_store : volt
dv_gate/dt = (connected*(v_store - v_gate)*g_device - v_gate/r_control)/c_gate : volt
dcharge/dt = connected*(v_store - v_gate)*g_device : coulomb
v_gate_last : volt
"""


class VolatileSynapse(OneM1T1R):
    """A circuit around a device, used as :class:`memneuro.circuit.one_m1t1r.OneM1T1R` is.

    Its states are those of the device, ``v_store``, ``v_gate`` (the post-synaptic potential) and ``charge`` (all that
    was released since the start); its spikes are the upward crossings of ``v_threshold`` by ``v_gate``. The drive is
    what the source gives out, such as a ``PulseTrain``, or another group's ``v_load``.

    Parameters
    ----------
    device : str or Card
        As for the neuron.
    circuit : str or Card
        A circuit card of model ``"volatile_synapse"``, or its name.

    Raises
    ------
    ValueError
        If a name is unknown or a card is of the wrong kind.
    """

    circuit_equations: ClassVar[str] = _CIRCUIT
    circuit_parameters: ClassVar[tuple[str, ...]] = (
        "v_dd",
        "v_pulse",
        "r_refill",
        "c_store",
        "c_gate",
        "r_control",
        "v_threshold",
        "temperature",
    )

    def __init__(self, device: str | Card = "hopping", circuit: str | Card = "synapse_facilitating") -> None:
        super().__init__(device, circuit)

    def set_initial(self, group: NeuronGroup, drive: Any, noise: bool = True) -> None:
        """As for the neuron, with a full store."""
        super().set_initial(group, drive, noise)
        group.v_store = group.v_dd
