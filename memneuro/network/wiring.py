r"""Random wiring with a fixed number of inputs a neuron, drawn in compiled code and the same on every target.

Of N neurons the first ``n_exc = round(f N)`` are excitatory. Every neuron gets ``k_exc = round(f K)`` inputs from
them and ``k_inh = K - k_exc`` from the others, all from different neurons and none from itself. For the target j the m
possible sources stand in a ring that is cut at a random place r into k stretches as equal as whole numbers can be, and
one source is drawn from each:

.. math::

   s = \left(\lfloor n m/k \rfloor + \lfloor u_{jn}\,(\lfloor (n+1) m/k \rfloor - \lfloor n m/k \rfloor) \rfloor
   + r_j\right) \bmod m, \qquad n = 0 \dots k - 1

so the sources of a neuron differ by construction, each is as likely as any other (k/m), and the numbers of outputs
scatter as a binomial variable of mean N k/m or a little less. Drawing from stretches is what tells it from a plain
draw of k out of m: of neighbouring neurons (closer than m/k) seldom two send to the same target. Neurons have no other
order than their number, so nothing in the network depends on it.

u and r come from the counter-based generator (:mod:`memneuro.numerics.threefry`), keyed by the seed, the target and n:
no table of synapses is made in Python, and nothing depends on the backend or the number of threads.
A fixed number of inputs is the network of N. Brunel 2000, doi:10.1023/A:1008925309027.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import NeuronGroup, Quantity, Synapses, get_device, second

from memneuro.circuit.device_circuit import whole_number
from memneuro.numerics.threefry import MAX_SEED, threefry_uniform

#: Brian2 numbers synapses with 32 bits.
MOST_SYNAPSES = 2**31 - 1

#: Streams of the uniform numbers of the two populations; state noise and spread have others.
_STREAM = {"exc": 96, "inh": 98}

# `k` counts the inputs of neuron j. All numbers are floating-point until the end: Brian2 divides whole numbers in
# single precision in C++.
_OTHERS = "(n_{p} - int(j >= first_{p} and j < first_{p} + n_{p}))"
_LOW = "floor(k*{m}/k_{p})"
_HIGH = "floor((k + 1)*{m}/k_{p})"
_WITHIN = "clip(floor(threefry_uniform(wiring_seed, j, k, {s})*({high} - {low})), 0, {high} - {low} - 1)"
_TURN = "floor(threefry_uniform(wiring_seed, j, -1, {t})*{m})"


@dataclass(frozen=True)
class Wiring:
    """Who is connected to whom.

    Parameters
    ----------
    neurons : int
        N, from 1.
    synapses : int
        K, inputs of each neuron, from 0 to N - 1.
    excitatory : float
        f, share of the neurons and of the inputs that are excitatory, 0 to 1.
    seed : int
        0 to 2**31 - 1.

    Raises
    ------
    ValueError
        If a number is out of range, there are too few neurons of a kind for so many inputs of that kind, or too many
        synapses for Brian2.
    """

    neurons: int
    synapses: int
    excitatory: float = 0.8
    seed: int = 0

    def __post_init__(self) -> None:
        for name, low, high in (("neurons", 1, 2**31 - 2), ("synapses", 0, 2**31 - 2), ("seed", 0, MAX_SEED)):
            object.__setattr__(self, name, whole_number(getattr(self, name), name, low, high))
        if self.synapses >= self.neurons:
            raise ValueError(
                f"synapses = {self.synapses} a neuron with neurons = {self.neurons}; accepted: fewer synapses than "
                f"neurons, at most {self.neurons - 1}, since no two come from one neuron and none from itself"
            )
        share = self.excitatory
        if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
            raise ValueError(f"excitatory = {share!r}; accepted: a share from 0 to 1")
        for kind in ("exc", "inh"):
            most = max(self.population(kind) - 1, 0)
            if self.inputs(kind) > most:
                raise ValueError(
                    f"excitatory = {share!r}: {self.inputs(kind)} inputs of kind {kind!r} from {self.population(kind)} "
                    f"neurons of that kind; accepted: at most {most}, so more neurons or fewer synapses"
                )
            if self.neurons * self.inputs(kind) > MOST_SYNAPSES:
                raise ValueError(
                    f"neurons x synapses = {self.neurons} x {self.inputs(kind)} of kind {kind!r}; "
                    f"accepted: at most {MOST_SYNAPSES}"
                )

    @property
    def total(self) -> int:
        """Number of synapses of the network."""
        return self.neurons * self.synapses

    def population(self, kind: str) -> int:
        """Number of neurons that are ``"exc"`` or ``"inh"``."""
        excitatory = round(self.excitatory * self.neurons)
        return excitatory if kind == "exc" else self.neurons - excitatory

    def first(self, kind: str) -> int:
        """Number of the first neuron that is ``"exc"`` or ``"inh"``."""
        return 0 if kind == "exc" else self.population("exc")

    def inputs(self, kind: str) -> int:
        """Inputs of each neuron that are ``"exc"`` or ``"inh"``."""
        excitatory = round(self.excitatory * self.synapses)
        return excitatory if kind == "exc" else self.synapses - excitatory

    def generator(self, kind: str) -> str:
        """The wiring of a population as Brian2 text for ``Synapses.connect(i=...)``."""
        names: dict[str, Any] = {"p": kind, "s": _STREAM[kind], "t": _STREAM[kind] + 1}
        names["m"] = _OTHERS.format(**names)
        names |= {"low": _LOW.format(**names), "high": _HIGH.format(**names)}
        place = f"(int({names['low']} + {_WITHIN} + {_TURN}) % int({{m}}))".format(**names)
        own = "int(j >= first_{p} and j < first_{p} + n_{p} and {place} >= j - first_{p})".format(place=place, **names)
        return f"{place} + {own} for k in range(inputs_{kind})"

    def namespace(self) -> dict[str, Any]:
        """What the text of :meth:`generator` refers to."""
        found: dict[str, Any] = {"wiring_seed": self.seed, "threefry_uniform": threefry_uniform}
        for kind in ("exc", "inh"):
            found |= {
                f"n_{kind}": float(self.population(kind)),
                f"k_{kind}": float(self.inputs(kind)),
                f"inputs_{kind}": self.inputs(kind),
                f"first_{kind}": self.first(kind),
            }
        return found

    def sources(self, kind: str, targets: Any) -> np.ndarray:
        """The same wiring in NumPy, for a look at a few neurons.

        Parameters
        ----------
        kind : {"exc", "inh"}
        targets : array_like of int, shape (n,)

        Returns
        -------
        ndarray of int, shape (n, inputs)
            Numbers within the whole network.
        """
        j, k = np.asarray(targets, dtype=np.int64)[:, None], np.arange(self.inputs(kind))[None]
        first, count, inputs = self.first(kind), float(self.population(kind)), float(self.inputs(kind))
        inside = (j >= first) & (j < first + count)
        m = count - inside
        if not k.size:
            return np.empty((len(j), 0), dtype=np.int64)
        low, high = np.floor(k * m / inputs), np.floor((k + 1) * m / inputs)
        u = threefry_uniform.pyfunc(self.seed, j, k, _STREAM[kind])
        within = np.clip(np.floor(u * (high - low)), 0, high - low - 1)
        turn = np.floor(threefry_uniform.pyfunc(self.seed, j, -1, _STREAM[kind] + 1) * m)
        place = ((low + within + turn) % m).astype(np.int64)
        return first + place + (inside & (place >= j - first))

    def connect(self, group: NeuronGroup, on_pre: dict[str, str], delay: Quantity = 0 * second) -> list[Synapses]:
        """The network's synapses, connected.

        Parameters
        ----------
        group : NeuronGroup
            Of N neurons.
        on_pre : dict of str
            What a spike of a neuron of kind ``"exc"`` or ``"inh"`` does, in Brian2's words.
        delay : Quantity (second)
            One for all: a delay of its own for each synapse would double the memory.

        Returns
        -------
        list of Synapses
            One for each kind that has any.

        Raises
        ------
        ValueError
            If the group has another number of neurons.
        """
        if len(group) != self.neurons:
            raise ValueError(f"group {group.name!r} has {len(group)} neurons; accepted: {self.neurons}")
        found = []
        for kind in ("exc", "inh"):
            if self.inputs(kind) == 0:
                continue
            first = self.first(kind)
            source = group[first : first + self.population(kind)]
            made = Synapses(
                source,
                group,
                on_pre=on_pre[kind],
                delay=delay,
                namespace=self.namespace(),
                name=f"{group.name}_{kind}",
                clock=group.clock,
            )
            reserve(made, self.neurons * self.inputs(kind))
            made.connect(i=self.generator(kind), namespace={})
            found.append(made)
        return found


def reserve(synapses: Synapses, number: int) -> None:
    """Give a standalone program's lists of synapses their length at once; growing, they would take more.

    Parameters
    ----------
    synapses : Synapses
        Of Brian2, not connected yet.
    number : int
        How many there will be.
    """
    device = get_device()
    if type(device).__name__ != "CPPStandaloneDevice":
        return
    for name in ("_synaptic_pre", "_synaptic_post"):
        array = device.get_array_name(synapses.variables[name], access_data=False)
        device.insert_code("main", f"{array}.reserve({number});")
