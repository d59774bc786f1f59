r"""The same network of leaky integrate-and-fire neurons with current synapses, to compare with.

.. math::

   \tau_m\,dv/dt = v_{drive} - v + g_e + g_i, \qquad \tau_e\,dg_e/dt = -g_e, \qquad \tau_i\,dg_i/dt = -g_i

with a reset and a refractory period of 5 ms. This is the network called CUBA of R. Brette et al. 2007, benchmark 2,
doi:10.1007/s10827-007-0038-6, after T. P. Vogels and L. F. Abbott 2005, doi:10.1523/JNEUROSCI.3508-05.2005, as Brian2's
own example has it: equations, refractory period and integration are Brian2's. What differs is the wiring, which is that
of :mod:`memneuro.network.wiring`, and that weights are scaled by sqrt(80/K) from their 80 inputs a neuron.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from brian2 import Equations, NeuronGroup, Quantity, Synapses, have_same_dimensions, ms, mV, second

from memneuro.network.balanced import check_delay
from memneuro.network.wiring import Wiring

EQUATIONS = """
dv/dt = (g_e + g_i - (v - v_drive))/tau_m : volt (unless refractory)
dg_e/dt = -g_e/tau_e : volt
dg_i/dt = -g_i/tau_i : volt
v_drive : volt (shared, constant)
w_e : volt (shared, constant)
w_i : volt (shared, constant)
tau_m : second (shared, constant)
tau_e : second (shared, constant)
tau_i : second (shared, constant)
v_threshold : volt (shared, constant)
v_reset : volt (shared, constant)
"""
INPUTS = 80
_ON_PRE = {"exc": "g_e_post += w_e_post", "inh": "g_i_post += w_i_post"}


@dataclass(frozen=True)
class CubaNetwork:
    """Leaky integrate-and-fire neurons; see the module's documentation.

    Parameters
    ----------
    wiring : Wiring
    v_drive : Quantity (volt)
        Where the potential goes without synapses; above the threshold of -50 mV a neuron fires by itself.
    dt : Quantity (second)
        Time step.
    delay : Quantity (second)
        Of every synapse, beside the one step that a spike takes to arrive.

    Raises
    ------
    ValueError
        If the delay or the step is no time, or `v_drive` is no finite voltage.
    """

    wiring: Wiring
    v_drive: Quantity = field(default_factory=lambda: -49 * mV)
    dt: Quantity = field(default_factory=lambda: 0.1 * ms)
    delay: Quantity = field(default_factory=lambda: 0 * second)

    name = "cuba"

    def __post_init__(self) -> None:
        check_delay(self.delay)
        if not have_same_dimensions(self.v_drive, mV) or not math.isfinite(float(self.v_drive)):
            raise ValueError(f"v_drive = {self.v_drive!r}; accepted: a finite voltage")
        if not have_same_dimensions(self.dt, ms) or not 0 < float(self.dt) < math.inf:
            raise ValueError(f"dt = {self.dt!r}; accepted: a time above zero")

    @property
    def step(self) -> Quantity:
        """The time step."""
        return self.dt

    def equations(self) -> Equations:
        """The equations of a neuron."""
        return Equations(EQUATIONS)

    def build(self) -> tuple[NeuronGroup, list[Synapses]]:
        """The neurons, excitatory ones first, and their synapses."""
        group = NeuronGroup(
            self.wiring.neurons,
            self.equations(),
            threshold="v > v_threshold",
            reset="v = v_reset",
            refractory=5 * ms,
            method="exact",
            dt=self.step,
            name="cuba",
            namespace={},
        )
        scale = math.sqrt(INPUTS / max(self.wiring.synapses, 1))
        group.v_drive, group.v_threshold, group.v_reset = self.v_drive, -50 * mV, -60 * mV
        group.tau_m, group.tau_e, group.tau_i = 20 * ms, 5 * ms, 10 * ms
        group.w_e, group.w_i = 60 * 0.27 / 10 * scale * mV, -20 * 4.5 / 10 * scale * mV
        group.v = f"v_reset + threefry_uniform({self.wiring.seed}, i, -1, 0)*(v_threshold - v_reset)"
        return group, self.wiring.connect(group, _ON_PRE, self.delay)
