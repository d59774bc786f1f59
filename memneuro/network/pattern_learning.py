r"""Unsupervised learning of patterns: spikes of many inputs, drift synapses, memristor neurons that inhibit each other.

Each presentation shows one pattern as Poisson spike trains, fast where the pattern is on and slow elsewhere, with some
inputs flipped at random. All inputs reach all outputs through drift synapses (:mod:`memneuro.network.drift_synapse`),
which open conductances at the output's input node (:mod:`memneuro.network.node`). An output that fires inhibits all
others for a while, so they come to stand for different patterns. Nothing tells the network which pattern it sees.

How much it has learnt is asked with learning switched off: half of the presentations of a test say which pattern each
output stands for, the other half how often the output that fires most stands for the pattern that is shown.

The task and the circuit are those with which memristor networks of this kind are usually shown, for example
D. Querlioz et al. 2013, doi:10.1109/TNANO.2013.2250995; patterns are bars, P. Foldiak 1990, doi:10.1007/BF02331346.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from brian2 import Network, Quantity, SpikeGeneratorGroup, SpikeMonitor, Synapses, ms, second, uS, volt

from memneuro.backend import backend as use_backend
from memneuro.circuit.one_m1t1r import OneM1T1R, whole_number
from memneuro.network.drift_synapse import DriftSynapse
from memneuro.network.node import InputNode


def bars(side: int = 8, width: int = 2) -> np.ndarray:
    """Horizontal and vertical bars that tile a square, shape (2 side/width, side**2), boolean.

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
        for axis in (0, 1):
            one = np.zeros((side, side), dtype=bool)
            one[
                (slice(first, first + width), slice(None)) if axis == 0 else (slice(None), slice(first, first + width))
            ] = 1
            found.append(one.ravel())
    return np.array(found)


def _node() -> InputNode:
    return InputNode(v_bias=0.5 * volt, w_inh=50 * uS, tau_exc=5 * ms, tau_inh=10 * ms)


def _synapse() -> DriftSynapse:
    return DriftSynapse("drift_patterns")


@dataclass(frozen=True)
class PatternLearning:
    """A network that learns patterns; see the module's documentation.

    Parameters
    ----------
    patterns : array_like of bool, shape (patterns, inputs)
    outputs : int
    neuron : OneM1T1R
    synapse : DriftSynapse
    node : InputNode
        Of the outputs; its ``w_inh`` is what an output's spike does to the others.
    presentation : Quantity (second)
        Duration of one presentation, a whole number of milliseconds.
    rate_on, rate_off : Quantity (hertz)
        Of inputs that are on and off.
    flipped : float
        Probability that an input shows the opposite in a presentation.

    Raises
    ------
    ValueError
        For patterns of another shape, or numbers out of range.
    """

    patterns: Any = field(default_factory=bars)
    outputs: int = 16
    neuron: OneM1T1R = field(default_factory=OneM1T1R)
    synapse: DriftSynapse = field(default_factory=_synapse)
    node: InputNode = field(default_factory=_node)
    presentation: Quantity = field(default_factory=lambda: 100 * ms)
    rate_on: Quantity = field(default_factory=lambda: 60 / second)
    rate_off: Quantity = field(default_factory=lambda: 5 / second)
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
            raise ValueError(f"flipped = {self.flipped!r}; accepted: from 0 to 1")
        milliseconds = float(self.presentation / ms)
        if milliseconds < 1 or abs(milliseconds - round(milliseconds)) > 1e-9:
            raise ValueError(f"presentation = {self.presentation!r}; accepted: a whole number of milliseconds")

    def spikes(self, shown: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and times (s) of the spikes while the patterns `shown` (numbers) follow one another.

        In each millisecond an input fires at most once, so a rate r means a probability of r times 1 ms.
        """
        patterns = np.asarray(self.patterns)
        bins = round(float(self.presentation / ms))
        on = patterns[shown] ^ (rng.random((len(shown), patterns.shape[1])) < self.flipped)
        rate = np.where(on, float(self.rate_on * second), float(self.rate_off * second)) * 1e-3
        fired = rng.random((len(shown), bins, patterns.shape[1])) < rate[:, None]
        presentation, within, which = np.nonzero(fired)
        return which, (presentation * bins + within) * 1e-3

    def learn(
        self,
        *,
        blocks: int = 6,
        presentations: int = 40,
        tests: int = 6,
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
        states : numpy.ndarray, shape (inputs, outputs)
            Of the synapses at the end.

        Raises
        ------
        ValueError
            For numbers out of range.
        """
        whole_number(blocks, "blocks", 1, 10**6)
        whole_number(presentations, "presentations", 1, 10**6)
        if whole_number(tests, "tests", 2, 10**6) % 2:
            raise ValueError(f"tests = {tests}; accepted: an even number")
        seed = whole_number(seed, "seed", 0, 2**31 - 1)
        patterns = np.asarray(self.patterns)
        rng = np.random.default_rng([seed, 11])
        test = np.tile(np.arange(len(patterns)), tests)
        runs = [(False, test)]
        for _ in range(blocks):
            runs += [(True, rng.integers(len(patterns), size=presentations)), (False, test)]
        which, times = self.spikes(np.concatenate([shown for _, shown in runs]), rng)
        first = rng.uniform(0.3, 0.7, patterns.shape[1] * self.outputs)
        with use_backend(backend):
            outputs = self.neuron.group(self.outputs, drive=self.node, seed=seed)
            step = outputs.clock.dt
            inputs = SpikeGeneratorGroup(patterns.shape[1], which, times * second, dt=step)
            synapses = self.synapse.synapses(inputs, outputs, deliver="g_exc_post += conductance", seed=seed, dt=step)
            synapses.connect()
            synapses.w = first
            rivals = Synapses(outputs, outputs, on_pre="g_inh_post += w_inh_post", dt=step)
            rivals.connect(condition="i != j")
            monitor = SpikeMonitor(outputs)
            network = Network(outputs, inputs, synapses, rivals, monitor)
            for learning, shown in runs:
                synapses.learning = learning
                network.run(len(shown) * self.presentation)
            fired = np.asarray(monitor.i), np.asarray(monitor.t / second)
            states = np.asarray(synapses.w).reshape(patterns.shape[1], self.outputs)
        rows, start = [], 0
        counts = self._counts(*fired, sum(len(shown) for _, shown in runs))
        seen = 0
        for learning, shown in runs:
            part = counts[start : start + len(shown)]
            start += len(shown)
            if learning:
                seen += len(shown)
            else:
                rows.append({"seed": seed, "presentations": seen, **score(part, shown)})
        return pd.DataFrame(rows), states

    def _counts(self, which: np.ndarray, time: np.ndarray, presentations: int) -> np.ndarray:
        """Spikes of each output in each presentation."""
        number = np.minimum((time / float(self.presentation / second)).astype(int), presentations - 1)
        found = np.zeros((presentations, self.outputs), dtype=int)
        np.add.at(found, (number, which), 1)
        return found

    def with_(self, **changes: Any) -> PatternLearning:
        """A copy with some entries changed."""
        return replace(self, **changes)


def score(counts: np.ndarray, shown: np.ndarray) -> dict[str, float]:
    """How well the outputs of a test tell patterns apart.

    Parameters
    ----------
    counts : numpy.ndarray of int, shape (presentations, outputs)
    shown : numpy.ndarray of int, shape (presentations,)
        The first half names the outputs, each after the pattern for which it fires most; the second half is the test.

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
        "named": int(len(set(stands_for.tolist()) - {-1})),
    }
