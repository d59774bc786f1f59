"""Memory: told before from the equations, refused where there is too little, and near what is then measured."""

import numpy as np
import pytest
from brian2 import Equations, second

from memneuro.backend import backend
from memneuro.network import memory
from memneuro.network.balanced import MemristorNetwork
from memneuro.network.cuba import CubaNetwork
from memneuro.network.memory import MemoryEstimate, available_memory, bytes_per_neuron, estimate
from memneuro.network.simulation import NetworkProgram
from memneuro.network.wiring import Wiring


@pytest.mark.parametrize(("kind", "refractory"), [(MemristorNetwork, False), (CubaNetwork, True)])
def test_a_neuron_takes_the_bytes_of_its_arrays(kind, refractory):
    """All of Brian2's arrays of the group with an entry for each neuron, and the count of a monitor."""
    with backend("numpy"):
        network = kind(Wiring(1000, 0))
        group, _ = network.build()
        arrays = {
            id(v): v.get_value().nbytes for v in group.variables.values() if getattr(v, "size", 0) in (1000, 1001)
        }
        arrays = {key: size for key, size in arrays.items() if size >= 1000}
    expected = sum(arrays.values()) / 1000 + 4
    assert bytes_per_neuron(network.equations(), refractory) == pytest.approx(expected, abs=0.01)


def test_bytes_follow_the_equations():
    lines = ["dv/dt = -v/second : 1", "a : 1", "b : 1 (shared)", "n : integer", "done : boolean", "w = v + a : 1"]
    text = "\n".join([*lines, "u = a : 1 (constant over dt)"])
    assert bytes_per_neuron(Equations(text)) == 12 + 8 + 8 + 4 + 1 + 8
    assert bytes_per_neuron(Equations(text), precision="single") == 12 + 4 + 4 + 4 + 1 + 4


def test_estimates_add_up_and_grow():
    equations = Equations("dv/dt = -v/second : 1")
    small, large = (estimate(equations, Wiring(n, 100)) for n in (1000, 10_000))
    assert large.synapses == 10 * small.synapses and large.neurons == 10 * small.neurons
    assert small.total == small.program + small.neurons + small.synapses + small.monitors
    assert small.synapses >= 12 * 100_000  # two numbers of 4 bytes and a place in a list
    sampled = estimate(equations, Wiring(1000, 100), duration_s=2.0, sample=10, block=1000)
    assert sampled.monitors >= 12 * (10 * 2 * 100 + 1000)


def test_too_large_a_network_is_refused_with_the_figures(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 10**9)
    with pytest.raises(ValueError, match=r"about 13.\d GB of memory \(13.5 GB of it for synapses\), and 1 GB are"):
        NetworkProgram(MemristorNetwork(Wiring(1_000_000, 1000)), 1 * second, backend="cpp")
    MemoryEstimate(1, 2, 3, 4).require(10)
    with pytest.raises(ValueError, match="accepted: fewer neurons or synapses"):
        MemoryEstimate(1, 2, 3, 4).require(9)


def test_what_is_available_is_a_part_of_the_machine():
    assert 0 < available_memory() < 2**50


def test_this_process_is_measured():
    memory.forget_peak()
    before = memory.peak_memory()
    held = np.ones(20_000_000)
    assert held.nbytes * 0.9 < memory.peak_memory() - before < held.nbytes * 1.2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "neurons", "synapses"),
    [(MemristorNetwork, 1000, 100), (CubaNetwork, 100_000, 0), (CubaNetwork, 50_000, 100), (CubaNetwork, 5000, 1000)],
)
def test_the_estimate_is_near_the_peak(run_network, kind, neurons, synapses):
    run = run_network(kind, neurons, synapses, 0.01, backend="cpp")
    assert 1 / 1.3 < run.memory.total / run.peak_memory_bytes < 1.3
