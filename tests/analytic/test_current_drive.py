"""A current into an input node: charge is conserved, and the linear circuit has a closed form."""

import numpy as np
from brian2 import Network, StateMonitor, TimedArray, ms, nA, ohm, pF, second, siemens, us, volt
from scipy.linalg import expm

from memneuro import Current, OneM1T1R

FROZEN = 1e-300 / second
TOTAL = "dq_control/dt = v_gate/r_control : coulomb\ndq_leak/dt = g_in*v_in : coulomb\ndq_supplied/dt = i_in : coulomb"


def frozen(current, capacitance, step, x=0.97, conductance=None, extra=""):
    neuron = OneM1T1R("hopping").with_(mu=FROZEN, beta=FROZEN, gamma1=FROZEN, gamma2=FROZEN)
    neuron = neuron.with_(r_on=1e6 * ohm, r_off=1e12 * ohm, tunnel_length=0.15)  # 300 Mohm at x = 0.97
    drive = Current(current, capacitance=capacitance, conductance=conductance)
    group = neuron.group(1, drive=drive, noise=False, dt=step, extra=extra)
    group.x_total = x
    return group


def value(group, name):
    """A shared parameter as a number in SI units."""
    return float(np.asarray(getattr(group, name)))


def test_two_nodes_follow_the_matrix_exponential():
    """dv/dt = A v + b for (v_in, v_gate); the error falls four-fold when the step is halved."""
    current, c_in, g_in, duration = 2e-9, 20e-12, 2e-9, 4e-3
    errors = []
    for step in (5e-6, 2.5e-6, 1.25e-6):
        group = frozen(current * nA / 1e-9, c_in * 1e12 * pF, step * second, conductance=g_in * siemens)
        network = Network(group)
        network.run(duration * second, namespace={})
        r, c, control = float(group.r_device[0]), value(group, "c_gate"), value(group, "r_control")
        a = np.array([[-(1 / r + g_in) / c_in, 1 / (r * c_in)], [1 / (r * c), -(1 / r + 1 / control) / c]])
        b = np.array([current / c_in, 0.0])
        expected = np.linalg.solve(a, (expm(a * duration) - np.eye(2)) @ b)
        found = np.array([float(group.v_in[0]), float(group.v_gate[0])])
        errors.append(np.max(np.abs(found - expected)))
        assert np.min(expected) > 0.05
    assert errors[-1] < 5e-5
    assert errors[0] / errors[1] > 3.4 and errors[1] / errors[2] > 3.4, errors


def balance(step, current):
    """(supplied - stored - removed)/supplied for a frozen device, everything in coulomb."""
    group = frozen(current, 20 * pF, step, conductance=2e-9 * siemens, extra=TOTAL)
    Network(group).run(5 * ms, namespace={})
    stored = value(group, "c_in") * float(group.v_in[0]) + value(group, "c_gate") * float(group.v_gate[0])
    removed = float(group.q_control[0]) + float(group.q_leak[0])
    supplied = float(group.q_supplied[0])
    assert stored > 0.05 * supplied and removed > 0.05 * supplied
    return (supplied - stored - removed) / supplied, supplied


def test_charge_is_conserved():
    imbalance = {step: abs(balance(step * us, 2 * nA)[0]) for step in (5, 2.5, 1.25)}
    assert imbalance[1.25] < 1e-4
    assert imbalance[5] / imbalance[2.5] > 3 and imbalance[2.5] / imbalance[1.25] > 3, imbalance


def test_a_sampled_current_delivers_its_integral():
    samples = np.array([1.0, 0.0, 3.0, -1.0, 2.0])
    current = TimedArray(samples * nA, dt=1 * ms)
    imbalance, supplied = balance(4 * us, current)
    np.testing.assert_allclose(supplied, samples.sum() * 1e-12, rtol=1e-9)
    assert abs(imbalance) < 1e-3


def test_a_living_device_conserves_charge_too():
    """The device fires off the charge of the input node; nothing is lost on the way."""
    neuron = OneM1T1R("hopping_2e4d")
    step = 1 * us
    group = neuron.group(1, drive=Current(20 * nA, capacitance=200 * pF), noise=False, dt=step, extra=TOTAL)
    monitor = StateMonitor(group, ["v_in", "v_gate", "q_control", "q_supplied"], record=True, dt=0.5 * ms)
    Network(group, monitor).run(15 * ms, namespace={})
    stored = 200e-12 * np.asarray(monitor.v_in[0]) + 10e-12 * np.asarray(monitor.v_gate[0])
    missing = np.asarray(monitor.q_supplied[0]) - stored - np.asarray(monitor.q_control[0])
    assert np.max(np.asarray(monitor.v_gate[0] / volt)) > 0.2, "the neuron was meant to fire"
    assert np.max(np.abs(missing)) < 1e-3 * float(group.q_supplied[0])


def test_the_fastest_node_is_stable_at_the_largest_step():
    """Closed device, step equal to r_on times the series capacitance: the two voltages meet and do not ring."""
    capacitance = 5 * pF
    r_on, c_gate = 1e6, 10e-12
    largest = r_on * 5e-12 * c_gate / (5e-12 + c_gate)
    group = frozen(0 * nA, capacitance, largest * second, x=1.0)
    group.v_in = 0.6 * volt
    monitor = StateMonitor(group, ["v_in", "v_gate"], record=True)
    Network(group, monitor).run(60 * largest * second, namespace={})
    difference = np.asarray(monitor.v_in[0] - monitor.v_gate[0])
    assert abs(difference[-1]) < 1e-3
    assert np.all(np.abs(np.asarray(monitor.v_in[0])) <= 0.6 + 1e-9)
    assert np.all(np.abs(difference[1:]) <= np.abs(difference[:-1]) + 1e-9)
