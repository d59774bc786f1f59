"""With a frozen device the gate is a resistor and a capacitor: the update must be exact at every step size."""

import numpy as np
import pytest
from brian2 import Mohm, Network, StateMonitor, ms, ohm, second, us, volt

from memneuro import OneM1T1R, PulseTrain

FROZEN = 1e-300 / second
TOLERANCE = 1e-10  # volt, for drives near 1 V


def frozen_neuron():
    """A hopping neuron whose filament neither grows nor dissolves."""
    return OneM1T1R("hopping").with_(mu=FROZEN, beta=FROZEN, gamma1=FROZEN, gamma2=FROZEN)


def resistance(neuron, x):
    """The device's resistance (ohm) at filament length `x`, written out anew."""
    card = neuron.device
    shape = np.expm1((1 - x) / card["tunnel_length"]) / np.expm1(1 / card["tunnel_length"])
    return float(card["r_on"]) * x + float(card["r_off"]) * shape


def relax(v, v_in, elapsed, r_device, r_control, c_gate):
    """Closed form of C dV/dt = (V_in - V)/R_d - V/R_c after `elapsed` seconds."""
    end = v_in * r_control / (r_device + r_control)
    tau = c_gate * r_device * r_control / (r_device + r_control)
    return end + (v - end) * np.exp(-elapsed / tau)


X = np.array([0.0, 0.3, 0.6, 0.9, 0.99, 1.0])
CONTROL = np.array([50.0, 100.0, 250.0, 500.0, 1000.0, 0.001])


@pytest.mark.parametrize("step", [0.1 * us, 5 * us, 70 * us, 3 * ms, 1 * second], ids=str)
def test_gate_charges_exactly_at_any_step(step):
    neuron = frozen_neuron().with_(r_on=0.1 * Mohm, r_off=1e9 * ohm)
    group = neuron.group(len(X), drive=0.9 * volt, noise=False, dt=step, r_control=CONTROL * Mohm)
    group.x_total = X
    monitor = StateMonitor(group, "v_gate", record=True)
    Network(group, monitor).run(20 * step, namespace={})
    elapsed = np.arange(20)[None, :] * float(step)
    expected = relax(
        0.0, 0.9, elapsed, resistance(neuron, X)[:, None], CONTROL[:, None] * 1e6, float(neuron.circuit["c_gate"])
    )
    assert np.max(expected) > 0.6
    np.testing.assert_allclose(np.asarray(monitor.v_gate), expected, rtol=0, atol=TOLERANCE)


def test_device_resistance_at_the_ends():
    neuron = OneM1T1R("hopping")
    group = neuron.group(3, drive=0 * volt, noise=False)
    group.x_total = [0, 0.5, 1]
    found = np.asarray(group.r_device / ohm)
    np.testing.assert_allclose(found, resistance(neuron, np.array([0, 0.5, 1])), rtol=1e-12)
    np.testing.assert_allclose(found[0], float(neuron.device["r_off"]), rtol=1e-12)
    np.testing.assert_allclose(found[2], float(neuron.device["r_on"]), rtol=1e-12)


@pytest.mark.parametrize("step", [1 * us, 50 * us, 0.5 * ms, 1 * ms], ids=str)
def test_pulse_edges_on_the_grid_are_exact(step):
    """Charging and discharging through three pulses: no edge is early or late by a step."""
    neuron = frozen_neuron()
    width, period, start = 1e-3, 3e-3, 1e-3
    drive = PulseTrain(0.8 * volt, width * second, period * second, count=2, start=start * second)
    group = neuron.group(2, drive=drive, noise=False, dt=step)
    group.x_total = [0.95, 1.0]
    monitor = StateMonitor(group, "v_gate", record=True)
    Network(group, monitor).run(12 * ms, namespace={})
    r_device, c_gate = resistance(neuron, np.array([0.95, 1.0])), float(neuron.circuit["c_gate"])
    r_control = float(neuron.circuit["r_control"])
    edges = [(0.0, 0.0), (1e-3, 0.8), (2e-3, 0.0), (4e-3, 0.8), (5e-3, 0.0)]
    times = np.asarray(monitor.t / second)
    for column, time in enumerate(times):
        v = np.zeros(2)
        for k, (begin, level) in enumerate(edges):
            end = min(edges[k + 1][0] if k + 1 < len(edges) else np.inf, time)
            if end > begin:
                v = relax(v, level, end - begin, r_device, r_control, c_gate)
        np.testing.assert_allclose(
            np.asarray(monitor.v_gate[:, column]), v, rtol=0, atol=TOLERANCE, err_msg=f"t = {time} s"
        )


def test_an_off_device_leaves_the_gate_discharging_through_the_control_resistor():
    neuron = frozen_neuron().with_(r_off=1e30 * ohm)
    group = neuron.group(1, drive=0 * volt, noise=False, dt=0.5 * ms)
    group.v_gate = 0.7 * volt
    Network(group).run(5 * ms, namespace={})
    tau = float(neuron.circuit["r_control"] * neuron.circuit["c_gate"])
    assert abs(float(group.v_gate[0]) - 0.7 * np.exp(-5e-3 / tau)) < TOLERANCE
