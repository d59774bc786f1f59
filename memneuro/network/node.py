r"""The input node of a neuron in a network: Kirchhoff's law for a bias and two kinds of synapse.

A bias voltage stands behind the conductance g_bias. A spike of a neuron opens a path from the node to the excitatory
supply e_exc or to the inhibitory one e_inh (ground), whose conductance closes again exponentially. Circuits that do so
are linear integrators, so one for each kind serves all inputs of a neuron (C. Bartolozzi and G. Indiveri 2007,
doi:10.1162/neco.2007.19.10.2581):

.. math::

   \tau_{exc}\,dg_{exc}/dt = -g_{exc} + \tau_{exc} w_{exc} \sum \delta(t - t_{exc}), \qquad
   \tau_{inh}\,dg_{inh}/dt = -g_{inh} + \tau_{inh} w_{inh} \sum \delta(t - t_{inh})

.. math::

   V_{in} = \frac{g_{bias} v_{bias} + g_{exc} e_{exc} + g_{inh} e_{inh} + V/R_d}{g_{bias} + g_{exc} + g_{inh} + 1/R_d}

The device loads the node with its own conductance 1/R_d towards the gate voltage V, so no buffer is assumed. The
capacitance of the node is left out: 1 pF behind g_bias = 10 uS is 0.1 us. No current comes out of nothing and the
voltage stays between the lowest and the highest supply, however many spikes arrive.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from brian2 import Quantity, ms, second, siemens, uS, volt

from memneuro.circuit.drive import Drive, check

_NODE = """
dg_exc/dt = -g_exc/tau_exc : siemens
dg_inh/dt = -g_inh/tau_inh : siemens
g_node = g_bias + g_exc + g_inh + g_device : siemens
v_in = (g_bias*v_bias + g_exc*e_exc + g_inh*e_inh + v_gate*g_device)/g_node : volt
"""

#: What a spike does to the neurons it reaches.
ON_PRE = {"exc": "g_exc_post += w_exc_post", "inh": "g_inh_post += w_inh_post"}


@dataclass(frozen=True)
class InputNode(Drive):
    """Bias and synapses of a neuron; see the module's documentation.

    Parameters
    ----------
    v_bias : Quantity (volt)
        One value or one a neuron.
    g_bias : Quantity (siemens)
        At least ten times the conductance of a closed device, so that the node can feed it.
    w_exc, w_inh : Quantity (siemens)
        Conductance that a spike adds.
    tau_exc, tau_inh : Quantity (second)
        Time constants with which it goes.
    e_exc, e_inh : Quantity (volt)
        Supplies of the synapses.

    Raises
    ------
    ValueError
        If a value is not finite or has a sign that makes no sense.
    brian2.DimensionMismatchError
        If a value has the wrong unit.
    """

    v_bias: Any = field(default_factory=lambda: 0.9 * volt)
    g_bias: Quantity = field(default_factory=lambda: 10 * uS)
    w_exc: Quantity = field(default_factory=lambda: 1 * uS)
    w_inh: Quantity = field(default_factory=lambda: 12 * uS)
    tau_exc: Quantity = field(default_factory=lambda: 1 * ms)
    tau_inh: Quantity = field(default_factory=lambda: 2 * ms)
    e_exc: Quantity = field(default_factory=lambda: 1.2 * volt)
    e_inh: Quantity = field(default_factory=lambda: 0 * volt)

    def __post_init__(self) -> None:
        for name in ("v_bias", "e_exc", "e_inh"):
            check(name, getattr(self, name), volt, signed=True)
        for name in ("w_exc", "w_inh"):
            check(name, getattr(self, name), siemens)
        check("g_bias", self.g_bias, siemens, positive=True)
        for name in ("tau_exc", "tau_inh"):
            check(name, getattr(self, name), second, positive=True)

    def equations(self) -> str:
        """The node."""
        return _NODE

    def parameters(self) -> dict[str, tuple[Any, str]]:
        """Bias, synapses and supplies."""
        units = {"v": "volt", "e": "volt", "g": "siemens", "w": "siemens", "tau": "second"}
        names = ("v_bias", "g_bias", "w_exc", "w_inh", "tau_exc", "tau_inh", "e_exc", "e_inh")
        return {name: (getattr(self, name), units[name.split("_")[0]]) for name in names}

    def initial(self) -> dict[str, Any]:
        """No synapse is open."""
        return {"g_exc": 0 * siemens, "g_inh": 0 * siemens}
