r"""A balanced network of excitatory and inhibitory memristor neurons.

Every neuron has the hopping device (:mod:`memneuro.device.hopping`), its own noise and the input node of
:mod:`memneuro.network.node`; the wiring is that of :mod:`memneuro.network.wiring`.

The default bias of 0.9 V alone makes every neuron fire a few times and then stay on, as the device does under strong
steady drive. Inhibition, which outweighs excitation, pulls the input down now and then; the filament dissolves and the
neuron can fire again. So the network settles in a state in which neurons fire irregularly and hardly together, and
which the synapses keep up: without them it falls silent.

With K inputs a neuron the conductance of one synapse is

.. math:: w(K) = w(100) \sqrt{100/K}

so that the fluctuations of the input stay as large as they are while the means of both kinds grow and cancel
(C. van Vreeswijk and H. Sompolinsky 1996, doi:10.1126/science.274.5293.1724; N. Brunel 2000,
doi:10.1023/A:1008925309027).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from brian2 import Equations, NeuronGroup, Quantity, Synapses, get_dimensions, second

from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.circuit.time_scale import slowed
from memneuro.network.node import ON_PRE, InputNode
from memneuro.network.wiring import Wiring

#: Inputs a neuron for which the weights of an :class:`~memneuro.network.node.InputNode` are meant.
INPUTS = 100

#: Neurons start with a random bridged length up to this, so that they do not all fire at once.
START = 0.3


def check_delay(delay: Quantity, name: str = "delay") -> None:
    """Refuse a delay, or another time of that name, that is not a time from 0 s on.

    Parameters
    ----------
    delay : Quantity (second)
        The time.
    name : str
        What it is, for the error.

    Raises
    ------
    ValueError
        If it is no such time.
    """
    if get_dimensions(delay) != get_dimensions(second) or not 0 <= float(delay) < math.inf:
        raise ValueError(f"{name} = {delay!r}; accepted: a time of 0 s or more")


@dataclass(frozen=True)
class MemristorNetwork:
    """A balanced network of 1M1T1R neurons; see the module's documentation.

    Parameters
    ----------
    wiring : Wiring
    neuron : OneM1T1R
        Of a ``hopping`` card.
    node : InputNode
        Bias and synapses; its weights are for 100 inputs a neuron.
    dt : Quantity (second), optional
        Time step; by default the card's.
    delay : Quantity (second)
        Of every synapse, beside the one step that a spike takes to arrive.
    noise : bool
        Whether the devices fluctuate; the seed of the noise is that of the wiring.

    Raises
    ------
    ValueError
        If the neuron is of another model, or the delay is no time of 0 s or more.

    Examples
    --------
    >>> network = MemristorNetwork(Wiring(10_000, 100, seed=1))
    >>> group, synapses = network.build()  # ordinary Brian2 objects
    """

    wiring: Wiring
    neuron: OneM1T1R = field(default_factory=OneM1T1R)
    node: InputNode = field(default_factory=InputNode)
    dt: Quantity | None = None
    delay: Quantity = field(default_factory=lambda: 0 * second)
    noise: bool = True

    name = "memristor"

    def __post_init__(self) -> None:
        if self.neuron.device.model != "hopping":
            raise ValueError(f"neuron = {self.neuron!r} of model {self.neuron.device.model!r}; accepted: 'hopping'")
        check_delay(self.delay)

    @property
    def step(self) -> Quantity:
        """The time step."""
        return self.neuron.default_step if self.dt is None else self.dt

    def slower(self, factor: float) -> MemristorNetwork:
        """The same network with every time multiplied by a factor, the step included: the same spikes, later.

        Raises
        ------
        ValueError
            If the factor is not greater than zero and finite.
        """
        neuron = slowed(self.neuron, factor)
        node = replace(self.node, tau_exc=self.node.tau_exc * factor, tau_inh=self.node.tau_inh * factor)
        return replace(self, neuron=neuron, node=node, dt=self.step * factor, delay=self.delay * factor)

    def weighted(self) -> InputNode:
        """The input node with the weights of as many inputs as there are."""
        scale = math.sqrt(INPUTS / max(self.wiring.synapses, 1))
        return replace(self.node, w_exc=self.node.w_exc * scale, w_inh=self.node.w_inh * scale)

    def equations(self) -> Equations:
        """The equations of a neuron."""
        return self.neuron.equations(self.weighted(), noise=self.noise)

    def build(self, extra: str = "") -> tuple[NeuronGroup, list[Synapses]]:
        """The neurons, excitatory ones first, and their synapses; with further Brian2 equations on demand."""
        group = self.neuron.group(
            self.wiring.neurons,
            drive=self.weighted(),
            dt=self.step,
            seed=self.wiring.seed,
            noise=self.noise,
            extra=extra,
            name="memristor",
        )
        group.x_total = f"{START}*threefry_uniform({self.wiring.seed}, i, -3, 0)"
        return group, self.wiring.connect(group, ON_PRE, self.delay)
