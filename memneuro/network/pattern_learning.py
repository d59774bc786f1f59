r"""Unsupervised learning of patterns: spikes of many inputs, drift synapses, memristor neurons that inhibit each other.

Each presentation shows one pattern as Poisson spike trains, fast where the pattern is on and slow elsewhere, with some
inputs flipped at random, and then nothing for as long, so that silver dissolves. All inputs reach all outputs through
drift synapses (:mod:`memneuro.network.drift_synapse`), which open conductances at the output's input node
(:mod:`memneuro.network.node`). An output that fires inhibits all others for a while, so they come to stand for
different patterns. Homeostasis keeps each output from winning always: a spike lowers its own bias,

.. math:: v_{bias} = v_{rest} - v_h, \qquad \tau_h\, dv_h/dt = -v_h + \tau_h w_h \sum \delta(t - t_{own})

Nothing tells the network which pattern it sees. How much it has learnt is asked with learning switched off: half of the
presentations of a test say which pattern each output stands for, the other half how often the output that fires most
stands for the pattern that is shown.

What decides is that the neuron facilitates: silver left from the last presentation lets the last winner win again,
whatever is shown. Without the pause nothing is learnt.

The task and the circuit are those with which memristor networks of this kind are usually shown, for example
D. Querlioz et al. 2013, doi:10.1109/TNANO.2013.2250995; patterns are bars, P. Foldiak 1990, doi:10.1007/BF02331346.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from brian2 import Network, Quantity, SpikeGeneratorGroup, SpikeMonitor, Synapses, ms, mV, second, uS, volt

from memneuro.backend import backend as use
from memneuro.circuit.device_circuit import whole_number
from memneuro.circuit.drive import check
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.network.drift_synapse import DriftSynapse
from memneuro.network.node import InputNode

_HOMEOSTASIS = """
v_bias = v_rest - v_lowered : volt
dv_lowered/dt = -v_lowered/tau_lowered : volt
"""


def bars(side: int = 8, width: int = 2) -> np.ndarray:
    """Horizontal and vertical bars that tile a square, shape (2 side/width, side**2), boolean.

    Parameters
    ----------
    side, width : int
        Of the square and of a bar, in pixels.

    Raises
    ------
    ValueError
        If the bars do not tile it.
    """
    side, width = whole_number(side, "side", 1, 1000), whole_number(width, "width", 1, 1000)
    if side % width:
        raise ValueError(f"width = {width}; accepted: a divisor of side = {side}")
    found = []
    for first in range(0, side, width):
        one = np.zeros((side, side), dtype=bool)
        one[first : first + width] = True
        found += [one.ravel(), one.T.ravel()]
    return np.array(found)


@dataclass(frozen=True)
class HomeostaticNode(InputNode):
    """An input node whose bias each own spike lowers; ``v_bias`` is where it rests. See the module's documentation.

    Parameters
    ----------
    v_bias : Quantity (volt)
        Where the bias rests, one value or one a neuron.
    g_bias, w_exc, w_inh : Quantity (siemens)
        As in :class:`memneuro.network.node.InputNode`.
    tau_exc, tau_inh : Quantity (second)
        As there.
    e_exc, e_inh : Quantity (volt)
        As there.
    w_lowered : Quantity (volt)
        By how much a spike lowers the bias.
    tau_lowered : Quantity (second)
        Time constant with which it comes back.
    """

    w_lowered: Quantity = field(default_factory=lambda: 3 * mV)
    tau_lowered: Quantity = field(default_factory=lambda: 2 * second)

    def __post_init__(self) -> None:
        super().__post_init__()
        check("w_lowered", self.w_lowered, volt)
        check("tau_lowered", self.tau_lowered, second, positive=True)

    def equations(self) -> str:
        """The node and its bias."""
        return super().equations() + _HOMEOSTASIS

    def parameters(self) -> dict[str, tuple[Any, str]]:
        """Those of the node, and of the homeostasis."""
        found = super().parameters()
        found["v_rest"] = found.pop("v_bias")
        return {**found, "w_lowered": (self.w_lowered, "volt"), "tau_lowered": (self.tau_lowered, "second")}

    def initial(self) -> dict[str, Any]:
        """No synapse is open, the bias at rest."""
        return {**super().initial(), "v_lowered": 0 * volt}


def _node() -> HomeostaticNode:
    return HomeostaticNode(v_bias=0.3 * volt, w_inh=200 * uS, tau_exc=5 * ms, tau_inh=20 * ms)


@dataclass(frozen=True)
class PatternLearning:
    """A network that learns patterns; see the module's documentation.

    Parameters
    ----------
    patterns : array_like of bool, shape (patterns, inputs)
    outputs : int
    neuron : OneM1T1R
    synapse : DriftSynapse
    node : HomeostaticNode
        Of the outputs; its ``w_inh`` is what an output's spike does to the others.
    shown, pause : Quantity (second)
        Length of a presentation, and how long nothing is shown after it; whole numbers of milliseconds.
    rate_on, rate_off : Quantity (hertz)
        Of inputs that are on and off.
    flipped : float
        Probability that an input shows the opposite in a presentation.

    Raises
    ------
    ValueError
        For patterns of another shape, or numbers out of range.

    Examples
    --------
    >>> curve, states = PatternLearning().learn(blocks=2, seed=1)
    """

    patterns: Any = field(default_factory=bars)
    outputs: int = 8
    neuron: OneM1T1R = field(default_factory=OneM1T1R)
    synapse: DriftSynapse = field(default_factory=lambda: DriftSynapse("drift_patterns"))
    node: HomeostaticNode = field(default_factory=_node)
    shown: Quantity = field(default_factory=lambda: 100 * ms)
    pause: Quantity = field(default_factory=lambda: 100 * ms)
    rate_on: Quantity = field(default_factory=lambda: 60 / second)
    rate_off: Quantity = field(default_factory=lambda: 1 / second)
    flipped: float = 0.02

    def __post_init__(self) -> None:
        patterns = np.asarray(self.patterns)
        if patterns.dtype != bool or patterns.ndim != 2 or 0 in patterns.shape:
            raise ValueError(
                f"patterns of type {patterns.dtype} and shape {patterns.shape}; accepted: boolean, (patterns, inputs)"
            )
        whole_number(self.outputs, "outputs", 1, 10**6)
        for name in ("rate_on", "rate_off"):
            if not 0 <= float(getattr(self, name) * second) <= 1000:
                raise ValueError(f"{name} = {getattr(self, name)!r}; accepted: from 0 to 1000 Hz")
        if not 0 <= self.flipped <= 1:
            raise ValueError(f"flipped = {self.flipped!r}; accepted: a probability from 0 to 1")
        for name, least in (("shown", 1), ("pause", 0)):
            milliseconds = float(getattr(self, name) / ms)
            if milliseconds < least or abs(milliseconds - round(milliseconds)) > 1e-9:
                raise ValueError(f"{name} = {getattr(self, name)!r}; accepted: a whole number of ms, at least {least}")

    def spikes(self, order: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and times (s) of the spikes while patterns, given by their numbers, follow one another.

        In each millisecond an input fires at most once, so a rate r means a probability of r times 1 ms.

        Parameters
        ----------
        order : ndarray of int, shape (presentations,)
            Numbers of the patterns.
        rng : numpy.random.Generator
            Where the spikes are drawn from.
        """
        patterns = np.asarray(self.patterns)
        bins = round(float(self.shown / ms))
        period = bins + round(float(self.pause / ms))
        on = patterns[order] ^ (rng.random((len(order), patterns.shape[1])) < self.flipped)
        rate = np.where(on, float(self.rate_on * second), float(self.rate_off * second)) * 1e-3
        fired = rng.random((len(order), bins, patterns.shape[1])) < rate[:, None]
        presentation, within, which = np.nonzero(fired)
        return which, (presentation * period + within) * 1e-3

    def learn(
        self,
        *,
        blocks: int = 6,
        presentations: int = 60,
        tests: int = 8,
        seed: int = 0,
        backend: str = "cpp",
    ) -> tuple[pd.DataFrame, np.ndarray]:
        """Blocks of learning, each followed by a test; one test comes before the first.

        Parameters
        ----------
        blocks : int
        presentations : int
            Of a block, of patterns drawn at random.
        tests : int
            Presentations of each pattern in a test, an even number: half of them name the outputs.
        seed : int
            Of patterns, spikes, first states of the synapses, and all noise.
        backend : str
            See :func:`memneuro.backend.backend`.

        Returns
        -------
        curve : DataFrame
            One row a test: ``seed``, ``presentations`` (seen while learning), ``accuracy``, ``spikes`` (of all outputs
            in a presentation), ``named`` (patterns that at least one output stands for).
        states : ndarray, shape (inputs, outputs)
            Of the synapses at the end.

        Raises
        ------
        ValueError
            For numbers out of range.
        BackendUnavailable
            If the backend cannot be used here.
        """
        blocks = whole_number(blocks, "blocks", 1, 10**6)
        presentations = whole_number(presentations, "presentations", 1, 10**6)
        if whole_number(tests, "tests", 2, 10**6) % 2:
            raise ValueError(f"tests = {tests}; accepted: an even number")
        seed = whole_number(seed, "seed", 0, 2**31 - 1)
        patterns = np.asarray(self.patterns)
        inputs_number = patterns.shape[1]
        rng = np.random.default_rng([seed, 11])
        test = np.tile(np.arange(len(patterns)), tests)
        runs = [(False, test)]
        for _ in range(blocks):
            runs += [(True, rng.integers(len(patterns), size=presentations)), (False, test)]
        which, times = self.spikes(np.concatenate([order for _, order in runs]), rng)
        first = rng.uniform(0.3, 0.7, inputs_number * self.outputs)
        period = self.shown + self.pause
        with use(backend, build_on_run=False) as used:
            outputs = self.neuron.group(self.outputs, drive=self.node, seed=seed)
            step = outputs.clock.dt
            inputs = SpikeGeneratorGroup(inputs_number, which, times * second, dt=step)
            synapses = self.synapse.synapses(inputs, outputs, deliver="g_exc_post += conductance", seed=seed, dt=step)
            synapses.connect()
            synapses.w = first
            rivals = Synapses(outputs, outputs, on_pre="g_inh_post += w_inh_post", namespace={}, dt=step)
            rivals.connect(condition="i != j")
            own = Synapses(outputs, outputs, on_pre="v_lowered_post += w_lowered_post", namespace={}, dt=step)
            own.connect(j="i")
            monitor = SpikeMonitor(outputs)
            network = Network(outputs, inputs, synapses, rivals, own, monitor)
            for learns, order in runs:
                synapses.learning = learns
                network.run(len(order) * period, namespace={})
            if used.standalone:
                used.build()
            counts = np.zeros((sum(len(order) for _, order in runs), self.outputs), dtype=int)
            number = np.floor(np.asarray(monitor.t) / float(period)).astype(int)
            np.add.at(counts, (np.minimum(number, len(counts) - 1), np.asarray(monitor.i)), 1)
            states = np.asarray(synapses.w).reshape(inputs_number, self.outputs)
        rows, start, seen = [], 0, 0
        for learns, order in runs:
            part = counts[start : start + len(order)]
            start += len(order)
            if learns:
                seen += len(order)
            else:
                rows.append({"seed": seed, "presentations": seen, **score(part, order)})
        return pd.DataFrame(rows), states


def score(counts: np.ndarray, shown: np.ndarray) -> dict[str, float]:
    """How well the outputs of a test tell patterns apart.

    Parameters
    ----------
    counts : ndarray of int, shape (presentations, outputs)
        Spikes.
    shown : ndarray of int, shape (presentations,)
        The pattern of each. The first half names the outputs, each after the pattern for which it fires most; the
        second half is the test.

    Returns
    -------
    dict
        ``accuracy`` (silent presentations are wrong), ``spikes`` of a presentation, ``named`` patterns.
    """
    half = len(shown) // 2
    classes = int(shown.max()) + 1
    by_pattern = np.array([counts[:half][shown[:half] == one].sum(axis=0) for one in range(classes)])
    stands_for = np.where(by_pattern.sum(axis=0) > 0, by_pattern.argmax(axis=0), -1)
    most = counts[half:].argmax(axis=1)
    said = np.where(counts[half:].sum(axis=1) > 0, stands_for[most], -1)
    return {
        "accuracy": float(np.mean(said == shown[half:])),
        "spikes": float(counts.sum(axis=1).mean()),
        "named": len(set(stands_for.tolist()) - {-1}),
    }
