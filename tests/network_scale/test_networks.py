"""The networks: exact relations that must hold, the state that is called balanced, and the same spikes everywhere."""

import numpy as np
import pytest
from brian2 import Network, SpikeMonitor, ms, mV, second, us, volt

from memneuro.backend import backend
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.network.balanced import MemristorNetwork
from memneuro.network.cuba import CubaNetwork
from memneuro.network.node import InputNode
from memneuro.network.simulation import NetworkProgram, sample_start
from memneuro.network.statistics import activity
from memneuro.network.wiring import Wiring


def spikes_of(network, steps, target="numpy"):
    """Neuron and step of every spike, ordered."""
    with backend(target):
        group, synapses = network.build()
        seen = SpikeMonitor(group)
        Network(group, *synapses, seen).run(steps * network.step, namespace={})
        index, step = np.array(seen.i), np.round(np.asarray(seen.t / network.step)).astype(int)
    order = np.lexsort((index, step))
    return index[order], step[order]


@pytest.mark.slow
def test_a_slower_network_fires_the_same_spikes_later():
    """Every time of device, circuit and synapses times four, and the step too: the same numbers, bit by bit."""
    network = MemristorNetwork(Wiring(40, 8, seed=2), node=InputNode(v_bias=1.1 * volt), dt=20 * us)
    slower = network.slower(4)
    assert float(slower.step) == pytest.approx(80e-6) and float(slower.node.tau_inh) == pytest.approx(8e-3)
    one, other = (spikes_of(made, 500) for made in (network, slower))
    assert len(one[0]) > 20
    assert np.array_equal(one[0], other[0]) and np.array_equal(one[1], other[1])


def test_a_lone_cuba_neuron_fires_with_its_period():
    """tau ln((v_drive - v_reset)/(v_drive - v_threshold)) and 5 ms of refractoriness, to a step."""
    for drive in (-49.0, -45.0):
        network = CubaNetwork(Wiring(20, 0), v_drive=drive * mV, dt=0.1 * ms)
        index, step = spikes_of(network, 1500)
        expected = 20 * np.log((drive + 60) / (drive + 50)) + 5
        found = np.concatenate([np.diff(step[index == i]) for i in range(20)]) * 0.1
        assert len(found) > 20 and np.all(np.abs(found - expected) <= 2 * 0.1)


def test_weights_fall_with_the_root_of_the_inputs():
    few, many = (MemristorNetwork(Wiring(1000, k)).weighted() for k in (100, 400))
    assert float(few.w_exc) == pytest.approx(float(InputNode().w_exc))
    assert float(many.w_inh) == pytest.approx(float(few.w_inh) / 2)


@pytest.mark.parametrize(
    ("excitatory", "neurons", "sample"), [(800, 1000, 100), (800, 1000, 1000), (0, 50, 7), (50, 50, 7)]
)
def test_a_sample_has_the_shares_of_the_network(excitatory, neurons, sample):
    first = sample_start(excitatory, neurons, sample)
    assert 0 <= first <= neurons - sample
    inside = np.sum(np.arange(first, first + sample) < excitatory)
    assert inside == round(sample * excitatory / neurons)


def test_a_run_counts_what_a_monitor_sees(run_network):
    """The counts and the sample are those of the same network run by hand."""
    run = run_network(CubaNetwork, 60, 10, 0.1, backend="numpy", sample=30)
    index, step = spikes_of(CubaNetwork(Wiring(60, 10, seed=1)), 1000)
    assert np.array_equal(run.counts, np.bincount(index, minlength=60)) and run.spikes == len(index) > 30
    first = sample_start(48, 60, 30)
    inside = (index >= first) & (index < first + 30)
    assert np.array_equal(run.index, index[inside] - first)
    assert np.array_equal(np.round(run.times / 1e-4).astype(int), step[inside])
    assert run.seconds > 0 and run.peak_memory_bytes > 10**7 and run.backend == "numpy"


def test_a_network_on_a_runtime_backend_runs_once():
    program = NetworkProgram(CubaNetwork(Wiring(20, 2)), 1 * ms, backend="numpy")
    program.run()
    with pytest.raises(RuntimeError, match="has been run; accepted: a new one"):
        program.run()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MemristorNetwork(Wiring(5, 1), OneM1T1R("compact")), "of model 'compact'; accepted: 'hopping'"),
        (lambda: MemristorNetwork(Wiring(5, 1), delay=-1 * ms), "delay = .*accepted: a time of 0 s or more"),
        (lambda: CubaNetwork(Wiring(5, 1), delay=1 * mV), "delay = "),
        (lambda: CubaNetwork(Wiring(5, 1), dt=0 * ms), "dt = .*accepted: a time above zero"),
        (lambda: CubaNetwork(Wiring(5, 1), v_drive=1 * ms), "v_drive = .*accepted: a finite voltage"),
        (lambda: MemristorNetwork(Wiring(5, 1)).slower(0), "factor = 0; accepted"),
        (lambda: NetworkProgram(CubaNetwork(Wiring(5, 1)), 0 * ms), "duration = .*at least one step, 100. us"),
        (lambda: NetworkProgram(CubaNetwork(Wiring(5, 1)), 1 * ms, sample=0), "sample = 0"),
        (lambda: NetworkProgram(CubaNetwork(Wiring(5, 1)), 1 * ms, backend="gpu"), "unknown backend 'gpu'"),
    ],
)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.slow
def test_the_memristor_network_is_asynchronous_and_irregular(run_network):
    """Intervals nearly those of a Poisson process, hardly any correlation; without synapses most neurons stay on."""
    options = {"backend": "cpp", "network": {"dt": 20 * us}}
    run = run_network(MemristorNetwork, 2000, 100, 1.0, **options)
    found = activity(run.index, run.times * second, run.sample, 1 * second, 0.2 * second)
    alone = run_network(MemristorNetwork, 2000, 0, 1.0, **options)
    assert 5 < found["rate_hz"] < 60
    assert 0.7 < found["cv_isi"] < 1.1 and abs(found["count_correlation"]) < 0.01
    assert found["synchrony"] < 2 * found["synchrony_independent"]
    latched = activity(alone.index, alone.times * second, alone.sample, 1 * second, 0.2 * second)
    assert latched["silent"] > 0.8 and found["silent"] < 0.1


@pytest.mark.slow
def test_the_same_spikes_on_every_compiled_target(run_network):
    runs = [
        run_network(MemristorNetwork, 200, 50, 0.1, backend=name, sample=200, network={"dt": 20 * us})
        for name in ("cython", "cpp", "openmp")
    ]
    assert runs[0].spikes > 200
    for run in runs[1:]:
        assert np.array_equal(run.index, runs[0].index) and np.array_equal(run.times, runs[0].times)


@pytest.mark.slow
def test_a_built_network_runs_again_with_other_parameters():
    program = NetworkProgram(CubaNetwork(Wiring(500, 50, seed=1)), 200 * ms, backend="cpp")
    first, again = program.run(), program.run()
    weaker = program.run({program.group.v_drive: -52 * mV})
    assert np.array_equal(first.counts, again.counts) and weaker.spikes < first.spikes
