"""The adapting circuit: the plain one without its foot, charge, decay, and intervals that lengthen."""

import numpy as np
import pytest
from brian2 import Mohm, Network, SpikeMonitor, farad, ms, ohm, second, us, volt
from scipy.linalg import expm

from memneuro import OneM1T1R
from memneuro.circuit.adapting import AdaptingOneM1T1R

FROZEN = 1e-300 / second
CHARGE = "dq_foot/dt = (v_gate - v_foot)/r_control : coulomb\ndq_leak/dt = v_foot/r_foot : coulomb"


def run(group, duration):
    spikes = SpikeMonitor(group)
    Network(group, spikes).run(duration, namespace={})
    index, times = np.asarray(spikes.i), np.asarray(spikes.t / second)
    return [times[index == k] for k in range(len(group))]


def frozen(v_in, step, **changes):
    """A neuron whose device keeps one resistance, 300 Mohm, from an empty circuit."""
    neuron = AdaptingOneM1T1R("hopping").with_(mu=FROZEN, beta=FROZEN, gamma1=FROZEN, gamma2=FROZEN)
    neuron = neuron.with_(r_on=1e6 * ohm, r_off=1e12 * ohm, tunnel_length=0.15, **changes)
    group = neuron.group(1, drive=v_in * volt, noise=False, dt=step, extra=CHARGE, check_step=False)
    group.x_total = 0.97
    return group


def value(group, name):
    return float(np.asarray(getattr(group, name)).flat[0])


def test_without_a_foot_it_is_the_plain_circuit():
    """A foot resistor of 1 ohm: the same spikes, and states to the nanovolts that are left across it."""
    plain, foot = (
        kind.group(4, drive=1.0 * volt, dt=10 * us, seed=2, **given)
        for kind, given in ((OneM1T1R("hopping_2e4d"), {}), (AdaptingOneM1T1R("hopping_2e4d"), {"r_foot": 1 * ohm}))
    )
    ideal, found = run(plain, 25 * ms), run(foot, 25 * ms)
    assert sum(train.size for train in ideal) > 8
    for train, other in zip(found, ideal, strict=True):
        np.testing.assert_array_equal(train, other)
    for name in ("v_gate", "x_total", "x_residue", "v_tip"):
        np.testing.assert_allclose(np.asarray(getattr(foot, name)), np.asarray(getattr(plain, name)), rtol=0, atol=1e-6)
    assert np.all(np.abs(np.asarray(foot.v_foot)) < 1e-8)


def test_the_foot_decays_with_its_time_constant():
    """Cut off from the gate, by a control resistor of 1 Pohm, V_f falls as exp(-t/(R_f C_f))."""
    group = frozen(0.0, 50 * us, r_control=1e15 * ohm, c_foot=1e-10 * farad, r_foot=1e8 * ohm)
    group.v_foot = 0.1 * volt
    run(group, 25 * ms)
    assert value(group, "v_foot") == pytest.approx(0.1 * np.exp(-2.5), rel=2e-4)


def test_two_nodes_follow_the_matrix_exponential():
    """dv/dt = A v + b for (v_gate, v_foot); the error falls four-fold when the step is halved."""
    v_in, duration, errors = 0.8, 8e-3, []
    for step in (40, 20, 10):
        group = frozen(v_in, step * us, r_control=100 * Mohm, c_foot=2e-11 * farad, r_foot=5e8 * ohm)
        run(group, duration * second)
        r_d, r_c, r_f = value(group, "r_device"), value(group, "r_control"), value(group, "r_foot")
        c_g, c_f = value(group, "c_gate"), value(group, "c_foot")
        a = np.array([[-(1 / r_d + 1 / r_c) / c_g, 1 / (r_c * c_g)], [1 / (r_c * c_f), -(1 / r_c + 1 / r_f) / c_f]])
        b = np.array([v_in / (r_d * c_g), 0.0])
        expected = np.linalg.solve(a, (expm(a * duration) - np.eye(2)) @ b)
        errors.append(np.max(np.abs(np.array([value(group, "v_gate"), value(group, "v_foot")]) - expected)))
        assert np.min(expected) > 0.05
    assert errors[-1] < 2e-5
    assert errors[0] / errors[1] > 3.4 and errors[1] / errors[2] > 3.4, errors


def test_charge_is_conserved_at_the_foot():
    """What came through the control resistor is on the capacitor or left through the foot resistor."""
    for step in (20, 10):
        neuron = AdaptingOneM1T1R("hopping_2e4d").with_(c_foot=3e-11 * farad, r_foot=1e9 * ohm)
        group = neuron.group(1, drive=1.0 * volt, noise=False, dt=step * us, extra=CHARGE)
        (train,) = run(group, 20 * ms)
        assert train.size >= 2, "the neuron was meant to fire"
        stored = value(group, "c_foot") * value(group, "v_foot")
        entered, left = value(group, "q_foot"), value(group, "q_leak")
        assert stored > 0.1 * entered and left > 0.02 * entered
        assert abs(entered - stored - left) < 1e-3 * entered


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_intervals_lengthen_where_those_of_the_plain_circuit_shorten(seed):
    """At a constant voltage residue makes the plain neuron faster; the foot makes the adapting one slower."""
    change, counts = {}, {}
    for kind in (OneM1T1R, AdaptingOneM1T1R):
        group = kind("hopping_2e4d").group(8, drive=0.95 * volt, dt=20 * us, seed=seed)
        trains = [np.diff(train) for train in run(group, 60 * ms)]
        counts[kind] = np.mean([train.size for train in trains])
        change[kind] = np.median([train[-2:].mean() / train[:2].mean() for train in trains if train.size >= 4])
    assert change[AdaptingOneM1T1R] > 1.15, change
    assert change[OneM1T1R] < 0.95, change
    assert counts[AdaptingOneM1T1R] < counts[OneM1T1R]


def test_half_the_step():
    """Without noise, spikes of the default step, 10 us, come within 2 % of those of half the step."""
    trains = []
    for step in (10, 5):
        group = AdaptingOneM1T1R("hopping_2e4d").group(2, drive=[0.9, 1.0] * volt, noise=False, dt=step * us)
        trains.append(run(group, 17 * ms))
    assert all(train.size >= 2 for train in trains[0])
    for coarse, fine in zip(*trains, strict=True):
        assert coarse.size == fine.size
        np.testing.assert_allclose(coarse, fine, rtol=0.02, atol=20e-6)


def test_the_printed_equations_have_the_foot():
    neuron = AdaptingOneM1T1R("hopping_2e4d")
    equations = neuron.equations(1 * volt)
    assert {"v_foot", "c_foot", "r_foot"} < set(equations.names)
    assert equations["v_foot"].dim == volt.dim and "v_foot" in equations.diff_eq_names
    assert "v_foot" in str(equations["v_gate"]) and "r_foot" in str(equations["v_foot"])
    plain = OneM1T1R("hopping_2e4d").equations(1 * volt)
    assert "v_foot" not in plain.names and "v_foot" not in str(plain["v_gate"])
    assert "AdaptingOneM1T1R('hopping_2e4d', 'adapting_2025')" == repr(neuron)


def test_cards_without_a_foot_are_refused():
    with pytest.raises(ValueError, match="card 'discrete_2025' lacks c_foot, r_foot"):
        AdaptingOneM1T1R("hopping_2e4d", "discrete_2025")
    for changes in ({"c_foot": 0 * farad}, {"r_foot": -1 * ohm}):
        with pytest.raises(ValueError, match="greater than zero"):
            AdaptingOneM1T1R("hopping_2e4d").with_(**changes)
    with pytest.raises(ValueError, match="unknown parameter 'r_foot'"):
        OneM1T1R("hopping_2e4d").with_(r_foot=1 * ohm)
