"""Jacobians and fastest rates read off the neuron's own equations, against what is known exactly."""

import numpy as np
import pytest
from brian2 import Mohm, ms, pF, us, volt

from memneuro import OneM1T1R, ParallelCapacitor
from memneuro.circuit.drive import PulseTrain
from memneuro.experiment.linear_stability import jacobian, numbers
from memneuro.experiment.stiffness import fastest_rate, jacobians, right_hand_side


def test_jacobian_of_one_particle_is_the_one_derived_by_hand():
    neuron = ParallelCapacitor("ag_particles_1", "parallel_particles")
    p = numbers(neuron)
    rng = np.random.default_rng(1)
    points = 50
    path = np.array([rng.uniform(300, 400, points), rng.uniform(0.05, 0.5, points), rng.uniform(-0.95, 0.9, points)])
    states = ["temperature_device", "v_node", "x_1"]
    assert sorted(neuron.equations(None, noise=False).diff_eq_names) == states
    found = jacobians(neuron, states, path, np.full(points, 0.5))
    order = [1, 2, 0]  # V, x, T of the derivation
    for k in range(points):
        exact = jacobian(p, path[order, k], p["r_series"])
        mine = found[k][np.ix_(order, order)]
        assert np.allclose(mine, exact, rtol=1e-4, atol=1e-4 * np.abs(exact).max(axis=1, keepdims=True))


def test_a_gate_that_only_leaks_decays_at_its_own_rate():
    """With a device of 24 gigaohm the gate has the rate 1/(R_c C_g); the residue of the device its own."""
    neuron = OneM1T1R("hopping").with_(r_control=2 * Mohm, c_gate=0.05 * pF)
    states = sorted(neuron.equations(None, noise=False).diff_eq_names)
    path = np.array([[{"v_gate": 0.2}.get(name, 0.0)] for name in states])
    rates = right_hand_side(neuron, states, path, np.array([0.0]))
    assert rates[states.index("v_gate"), 0] == pytest.approx(-0.2 / 1e-7, rel=1e-3)
    quiet = PulseTrain(1e-6 * volt, 1 * ms, 2 * ms)
    assert float(fastest_rate(neuron, drive=quiet, duration=2 * ms)) == pytest.approx(1e7, rel=1e-3)


@pytest.mark.slow
def test_the_fastest_rate_hardly_depends_on_the_step():
    neuron = OneM1T1R("hopping")
    rates = [float(fastest_rate(neuron, duration=200 * ms, dt=dt)) for dt in (10 * us, 5 * us)]
    # A closed device charges the gate: at least 1/(R_on C_g), and the filament adds little.
    charging = 1 / float(neuron.device["r_on"] * neuron.circuit["c_gate"])
    assert min(rates) > 0.9 * charging
    # The peak is where the filament closes, within a step or two: it is read to one figure.
    assert rates[0] == pytest.approx(rates[1], rel=0.3)
