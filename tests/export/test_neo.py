"""A neo segment holds what the monitors recorded, with units."""

import sys

import numpy as np
import pytest
from brian2 import (
    Network,
    NeuronGroup,
    PopulationRateMonitor,
    SpikeMonitor,
    StateMonitor,
    amp,
    ms,
    second,
    siemens,
    volt,
)

from memneuro.export import neo_segment

neo = pytest.importorskip("neo")
pq = pytest.importorskip("quantities")


def test_spike_trains_are_those_of_the_monitor(recorded):
    spikes, _ = recorded
    segment = neo_segment(spikes, seed=3)
    assert segment.annotations == {"seed": 3} and len(segment.spiketrains) == 3
    assert spikes.num_spikes > 5 and spikes.count[2] == 0
    for neuron, train in enumerate(segment.spiketrains):
        np.testing.assert_array_equal(train.rescale(pq.s).magnitude, np.sort(spikes.t[spikes.i == neuron] / second))
        assert train.annotations["neuron"] == neuron
        assert (train.t_start.rescale("ms").item(), train.t_stop.rescale("ms").item()) == pytest.approx((0, 40))
        assert train.sampling_rate.rescale("Hz").item() == pytest.approx(1 / float(spikes.clock.dt / second))


def test_signals_have_the_values_units_and_rate_of_the_monitor(recorded):
    _, trace = recorded
    segment = neo_segment(trace)
    units = {"v_gate": (volt, pq.V), "x_total": (1, pq.dimensionless), "g_device": (siemens, pq.S)}
    assert [signal.name for signal in segment.analogsignals] == list(units)
    for signal in segment.analogsignals:
        brian, unit = units[signal.name]
        np.testing.assert_array_equal(signal.magnitude, np.asarray(getattr(trace, signal.name) / brian).T)
        assert signal.units == unit
        assert signal.sampling_rate.rescale("kHz").item() == pytest.approx(10)
        assert signal.t_stop.rescale("ms").item() == pytest.approx(40)
        np.testing.assert_allclose(signal.times.rescale("s").magnitude, trace.t / second, rtol=0, atol=1e-12)
        assert list(signal.array_annotations["neuron"]) == [0, 2]


def test_a_compound_unit_is_kept():
    group = NeuronGroup(1, "slope = 2*amp/second**2 : amp/second**2", method="euler")
    trace = StateMonitor(group, "slope", record=True)
    Network(group, trace).run(1 * ms)
    (signal,) = neo_segment(trace).analogsignals
    assert signal.units.dimensionality.simplified == (pq.A / pq.s**2).dimensionality.simplified
    assert signal.rescale(pq.A / pq.s**2).magnitude.max() == 2 == float(trace.slope[0, 0] / (amp / second**2))


def test_a_segment_can_be_longer_but_not_shorter_than_its_spikes(recorded):
    spikes, _ = recorded
    assert neo_segment(spikes, t_stop=1 * second).spiketrains[0].t_stop == 1 * pq.s
    with pytest.raises(ValueError, match="t_stop = 1. ms; accepted: a time not before the last spike"):
        neo_segment(spikes, t_stop=1 * ms)


def test_monitors_that_recorded_nothing():
    group = NeuronGroup(2, "v : 1", threshold="v > 1")
    spikes, counts, trace = SpikeMonitor(group), SpikeMonitor(group, record=False), StateMonitor(group, "v", record=0)
    unrecorded = StateMonitor(group, "v", record=False)
    for monitor in (spikes, trace):
        with pytest.raises(ValueError, match=f"{monitor.name} recorded nothing"):
            neo_segment(monitor)
    Network(group, spikes, counts, trace, unrecorded).run(1 * ms)
    with pytest.raises(ValueError, match="recorded counts only"):
        neo_segment(counts)
    with pytest.raises(ValueError, match="recorded nothing: it has no neuron"):
        neo_segment(unrecorded)
    assert [train.size for train in neo_segment(spikes).spiketrains] == [0, 0]  # silent is not unrecorded


def test_a_clock_that_another_network_set_back():
    group = NeuronGroup(1, "v : 1", threshold="True", reset="")
    spikes = SpikeMonitor(group)
    Network(group, spikes).run(2 * ms)
    Network(NeuronGroup(1, "v : 1")).run(1 * ms)
    with pytest.raises(ValueError, match="the clock was set back to 1 ms"):
        neo_segment(spikes)
    assert neo_segment(spikes, t_stop=2 * ms).spiketrains[0].size == spikes.num_spikes == 20


def test_what_is_no_monitor_is_refused():
    with pytest.raises(ValueError, match="no monitor was given"):
        neo_segment()
    with pytest.raises(TypeError, match="PopulationRateMonitor; accepted: SpikeMonitor and StateMonitor"):
        neo_segment(PopulationRateMonitor(NeuronGroup(1, "v : 1", threshold="v > 1")))


def test_samples_with_a_pause_are_refused():
    group = NeuronGroup(1, "v : 1")
    trace = StateMonitor(group, "v", record=0)
    network = Network(group, trace)
    network.run(1 * ms)
    trace.active = False
    network.run(1 * ms)
    trace.active = True
    network.run(1 * ms)
    with pytest.raises(ValueError, match="not 0.1 ms apart everywhere"):
        neo_segment(trace)


def test_the_extra_is_named_when_neo_is_missing(recorded, monkeypatch):
    monkeypatch.setitem(sys.modules, "neo", None)
    spikes, _ = recorded
    with pytest.raises(ImportError, match=r'neo is not installed: pip install "memneuro\[interop\]"'):
        neo_segment(spikes)
