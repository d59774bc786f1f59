"""Spikes are rising edges: one a crossing, without a reset or a refractory flag, whatever the integrator."""

import numpy as np
import pytest
from brian2 import Network, SpikeMonitor, StateMonitor, TimedArray, ms, ohm, second, us, volt

from memneuro import OneM1T1R, PulseTrain


def crossings(trace, level):
    """Columns at which a trace is above `level` and was not one sample earlier."""
    above = trace > level
    return np.flatnonzero(above[1:] & ~above[:-1]) + 1


def firing_voltage(neuron, factor=0.8):
    """A voltage (V) at which the filament closes within a few times 1/gamma1, whatever the card's numbers."""
    return float(neuron.device["v_hop"]) * np.arcsinh(factor * float(neuron.device["gamma1"] / neuron.device["mu"]))


@pytest.mark.parametrize("method", ["exponential_midpoint", "rk4", "heun", "euler"])
def test_one_spike_for_each_rising_edge(method):
    # A contact so soft that explicit methods can follow its closing.
    neuron = OneM1T1R("hopping").with_(alpha=0.3, r_off=1e9 * ohm)
    amplitude = firing_voltage(neuron) * np.array([0.6, 1.0, 1.1])
    drive = PulseTrain(amplitude * volt, 6 * ms, 10 * ms)
    group = neuron.group(3, drive=drive, noise=False, dt=2 * us, method=method, r_control=50e6 * ohm)
    spikes = SpikeMonitor(group)
    trace = StateMonitor(group, "v_gate", record=True)
    Network(group, spikes, trace).run(16 * ms, namespace={})
    v = np.column_stack([np.asarray(trace.v_gate / volt), np.asarray(group.v_gate / volt)])
    found = {i: np.round(np.asarray(t / second) / 2e-6).astype(int) for i, t in spikes.spike_trains().items()}
    total = 0
    for neuron_index in range(3):
        # A spike is reported at t when the value after the step that starts at t is the first above threshold.
        expected = crossings(v[neuron_index], 0.2) - 1
        np.testing.assert_array_equal(found[neuron_index], expected)
        total += len(expected)
    assert total >= 2


def test_last_holds_the_value_before_the_step():
    neuron = OneM1T1R("hopping")
    group = neuron.group(1, drive=firing_voltage(neuron) * volt, noise=False, dt=5 * us)
    monitor = StateMonitor(group, ["v_gate", "v_gate_last"], record=True, when="end")
    Network(group, monitor).run(6 * ms, namespace={})
    v, last = np.asarray(monitor.v_gate[0]), np.asarray(monitor.v_gate_last[0])
    np.testing.assert_array_equal(last[1:], v[:-1])
    assert v.max() > 0.2


def test_a_gate_that_stays_high_is_one_spike():
    neuron = OneM1T1R("hopping")
    group = neuron.group(1, drive=1.2 * firing_voltage(neuron) * volt, noise=False, r_control=1e12 * ohm)
    spikes = SpikeMonitor(group)
    Network(group, spikes).run(20 * ms, namespace={})
    assert spikes.num_spikes == 1
    assert float(group.v_gate[0] / volt) > 0.2


@pytest.mark.parametrize("method", ["exponential_midpoint", "rk4"])
def test_a_gate_that_starts_high_is_no_rising_edge(method):
    group = OneM1T1R("hopping").group(1, drive=0 * volt, noise=False, method=method)
    group.v_gate = 0.8 * volt
    spikes = SpikeMonitor(group)
    Network(group, spikes).run(0.5 * ms, namespace={})
    assert spikes.num_spikes == 0


@pytest.mark.parametrize("method, tolerance", [("rk4", 2e-4), ("heun", 2e-3), ("euler", 2e-3)])
def test_other_methods_agree_at_a_small_step(method, tolerance):
    """Below threshold, where all of them resolve the equations, the states are the same."""
    neuron = OneM1T1R("hopping")
    samples = firing_voltage(neuron, 0.15) * np.array([0.5, 1.0, 0.8, 0.0])
    states = {}
    for name in ("exponential_midpoint", method):
        drive = TimedArray(samples * volt, dt=1 * ms)
        group = neuron.group(1, drive=drive, noise=False, dt=2 * us, method=name)
        Network(group).run(3.5 * ms, namespace={})
        states[name] = np.array([float(group.x_total[0]), float(group.x_residue[0]), float(group.v_gate[0])])
    assert states["exponential_midpoint"][0] > 0.01
    np.testing.assert_allclose(states[method], states["exponential_midpoint"], rtol=tolerance)
