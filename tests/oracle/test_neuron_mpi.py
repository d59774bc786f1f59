"""The same network in Brian2 and in NEURON, on one MPI rank and on several; and the words for what cannot be run."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from brian2 import ms, us

from memneuro import OneM1T1R
from memneuro.export.nmodl import nmodl
from memneuro.network import neuron_mpi
from memneuro.network.balanced import MemristorNetwork
from memneuro.network.neuron_mpi import NeuronUnavailable, simulate_on_neuron
from memneuro.network.node import InputNode
from memneuro.network.simulation import simulate_network
from memneuro.network.wiring import Wiring

NETWORK = MemristorNetwork(Wiring(100, 20, seed=1), noise=False, delay=1 * ms)
DURATION = 400 * ms


@pytest.fixture(scope="module")
def in_brian2():
    return simulate_network(NETWORK, DURATION, backend="cpp", sample=NETWORK.wiring.neurons)


@pytest.mark.slow
@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_spikes_are_those_of_brian2_on_any_number_of_ranks(in_brian2, ranks):
    """Recurrent, so that one spike in another step would move all that follow."""
    pytest.importorskip("neuron")
    if ranks > 1 and shutil.which("mpiexec", path=str(Path(sys.executable).parent)) is None:
        pytest.skip("no mpiexec")
    found = simulate_on_neuron(NETWORK, DURATION, ranks=ranks)
    assert found.ranks == ranks and in_brian2.spikes > 1000
    np.testing.assert_array_equal(found.counts, in_brian2.counts)
    np.testing.assert_array_equal(found.index, in_brian2.index)
    np.testing.assert_allclose(found.times, in_brian2.times, rtol=0, atol=1e-3 * float(NETWORK.step))


@pytest.mark.parametrize(
    ("network", "ranks", "message"),
    [
        (MemristorNetwork(Wiring(10, 2), delay=1 * ms), 1, "noise = True; accepted: False"),
        (MemristorNetwork(Wiring(10, 2), noise=False), 1, "delay = 0. s; accepted: at least one step, 10. us"),
        (NETWORK, 0, "ranks = 0; accepted"),
    ],
)
def test_what_cannot_be_run_is_named(network, ranks, message):
    with pytest.raises(ValueError, match=message):
        simulate_on_neuron(network, 10 * ms, ranks=ranks)
    with pytest.raises(ValueError, match="duration = 1.*; accepted: a time of at least one step"):
        simulate_on_neuron(NETWORK, 1 * us)


def test_missing_and_failing_programs_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(NeuronUnavailable, match="'nrnivmodl' is not installed"):
        simulate_on_neuron(NETWORK, 10 * ms)
    monkeypatch.undo()
    with pytest.raises(NeuronUnavailable, match="ended with 3:\nlast words"):
        neuron_mpi._call([sys.executable, "-c", "print('last words'); raise SystemExit(3)"], tmp_path)


def test_events_of_a_mechanism_open_its_synapses():
    text = nmodl(OneM1T1R("hopping"), InputNode(), receive=("g_exc", "g_inh"))
    assert "g_exc = g_exc + weight" in text and "g_inh = g_inh - weight" in text
    assert "weight" not in nmodl(OneM1T1R("hopping"), InputNode()).replace("(weight)", "")
    with pytest.raises(ValueError, match="accepted: two of the states of the drive, g_exc, g_inh"):
        nmodl(OneM1T1R("hopping"), InputNode(), receive=("g_exc", "v_gate"))
    with pytest.raises(ValueError, match="accepted: dialect 'neuron'"):
        nmodl(OneM1T1R("hopping"), InputNode(), receive=("g_exc", "g_inh"), dialect="arbor")
