"""Filament and residue of the hopping device against closed forms and independently solved steady states."""

import numpy as np
import pytest
from brian2 import Network, StateMonitor, ms, ohm, second, volt
from scipy.optimize import brentq

from memneuro import OneM1T1R

GROUNDED = 1e-3 * ohm  # a control resistor so small that the device sees the whole drive


def rates(neuron):
    """beta, gamma1, gamma2 in 1/s."""
    return tuple(float(neuron.device[name]) for name in ("beta", "gamma1", "gamma2"))


def test_filament_alone_decays_exactly_at_any_step():
    neuron = OneM1T1R("hopping").with_(beta=1e-300 / second)
    _, gamma1, _ = rates(neuron)
    for step in (neuron.largest_step, neuron.largest_step / 10):
        group = neuron.group(3, drive=0 * volt, noise=False, dt=step)
        group.x_total = [0.1, 0.5, 1.0]
        Network(group).run(50 * step, namespace={})
        expected = np.array([0.1, 0.5, 1.0]) * np.exp(-gamma1 * 50 * float(step))
        np.testing.assert_allclose(np.asarray(group.x_total), expected, rtol=1e-12)


def test_residue_alone_decays_with_its_own_rate():
    """All silver is residue: x_total follows x_residue = exp(-gamma2 t)."""
    neuron = OneM1T1R("hopping")
    _, _, gamma2 = rates(neuron)
    group = neuron.group(1, drive=0 * volt, noise=False)
    group.x_total, group.x_residue = 0.6, 0.6
    Network(group).run(5 * ms, namespace={})
    expected = 0.6 * np.exp(-gamma2 * 5e-3)
    np.testing.assert_allclose(float(group.x_residue[0]), expected, rtol=1e-6)
    np.testing.assert_allclose(float(group.x_total[0]), expected, rtol=1e-6)


def test_free_decay_of_both():
    """Without drive df/dt = -(gamma1 + beta) f for the filament and dx_2/dt = beta f - gamma2 x_2."""
    neuron = OneM1T1R("hopping")
    beta, gamma1, gamma2 = rates(neuron)
    x0, residue0, time = 0.9, 0.2, 8e-3
    group = neuron.group(1, drive=0 * volt, noise=False)
    group.x_total, group.x_residue = x0, residue0
    Network(group).run(time * second, namespace={})
    fast = gamma1 + beta
    filament = (x0 - residue0) * np.exp(-fast * time)
    residue = residue0 * np.exp(-gamma2 * time)
    residue += beta * (x0 - residue0) / (fast - gamma2) * (np.exp(-gamma2 * time) - np.exp(-fast * time))
    np.testing.assert_allclose(float(group.x_residue[0]), residue, rtol=1e-5)
    np.testing.assert_allclose(float(group.x_filament[0]), filament, rtol=1e-4)


def test_constant_growth_saturates_as_a_linear_equation():
    """With alpha far above 1 growth does not depend on the gap: x -> G/(G + gamma1) (1 - exp(-(G + gamma1) t))."""
    alpha, v = 1e5, 0.7
    neuron = OneM1T1R("hopping")
    _, gamma1, _ = rates(neuron)
    v_hop = float(neuron.device["v_hop"])
    growth = 0.8 * gamma1
    mu = growth * alpha**2 / np.sinh(v / v_hop)
    neuron = neuron.with_(alpha=alpha, mu=mu / second, beta=1e-300 / second, r_control=GROUNDED)
    group = neuron.group(1, drive=v * volt, noise=False)
    monitor = StateMonitor(group, "x_total", record=True)
    Network(group, monitor).run(10 * ms, namespace={})
    time = np.asarray(monitor.t / second)
    expected = growth / (growth + gamma1) * -np.expm1(-(growth + gamma1) * time)
    np.testing.assert_allclose(np.asarray(monitor.x_total[0]), expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("share", [0.2, 0.6, 0.9])
def test_steady_state_under_a_constant_voltage(share):
    """G(x)(1 - x) = gamma1 (x - x_2) + gamma2 x_2 with x_2 = beta x/(beta + gamma2), solved apart from Brian2.

    The drive is a share of the largest one that still has a stable open state, so the filament stays in it.
    """
    neuron = OneM1T1R("hopping").with_(r_control=GROUNDED)
    # Faster residue: the steady state is reached within the test.
    neuron = neuron.with_(beta=60 / second, gamma2=120 / second)
    beta, gamma1, gamma2 = rates(neuron)
    mu, v_hop, alpha = (float(neuron.device[name]) for name in ("mu", "v_hop", "alpha"))
    residue_share = beta / (beta + gamma2)
    loss = gamma1 * (1 - residue_share) + gamma2 * residue_share

    def needed(x):
        """sinh(v/V_0) that holds the filament at length x."""
        return loss * x * ((1 - x) ** 2 + alpha**2) / (mu * (1 - x))

    grid = np.linspace(1e-4, 0.999, 20001)
    summit = grid[np.argmax(np.diff(needed(grid)) < 0)]  # first place where more filament needs less voltage
    assert 0.2 < summit < 0.9
    target = share * needed(summit)
    v = v_hop * np.arcsinh(target)
    x = brentq(lambda y: needed(y) - target, 1e-9, summit, xtol=1e-14)
    group = neuron.group(1, drive=v * volt, noise=False, dt=neuron.largest_step)
    group.x_total, group.x_residue = x * 0.9, x * 0.9 * residue_share
    Network(group).run(300 * ms, namespace={})
    np.testing.assert_allclose(float(group.x_total[0]), x, rtol=1e-6)
    np.testing.assert_allclose(float(group.x_residue[0]), residue_share * x, rtol=1e-6)


@pytest.mark.parametrize("cap", [0.2, 0.6, 5.0])
def test_a_bounded_residue_fills_to_where_uptake_and_loss_balance(cap):
    """beta (x - x_2) (1 - (x_2/x_cap)^4) = gamma2 x_2 in a closed device, solved apart from Brian2."""
    neuron = OneM1T1R("hopping_bounded_2e4d").with_(r_control=GROUNDED, residue_cap=cap)
    neuron = neuron.with_(beta=100 / second, gamma2=30 / second)
    beta, _, gamma2 = rates(neuron)
    group = neuron.group(1, drive=3 * volt, noise=False)
    Network(group).run(200 * ms, namespace={})
    x = float(group.x_total[0])
    assert x > 0.99
    residue = brentq(lambda y: beta * (x - y) * (1 - (y / cap) ** 4) - gamma2 * y, 0, x, xtol=1e-14)
    np.testing.assert_allclose(float(group.x_residue[0]), residue, rtol=1e-6)


def test_without_a_bound_and_with_a_far_one_the_residue_is_the_same():
    """A card without residue_cap has the equations that a bound far away tends to."""
    plain = OneM1T1R("hopping")
    far = OneM1T1R("hopping_bounded_2e4d")
    far = far.with_(**{name: plain.device[name] for name in plain.device.parameters}, residue_cap=1e6)
    found = []
    for neuron in (plain, far):
        group = neuron.group(5, drive=[0.3, 0.6, 0.8, 1.0, 2.0] * volt, dt=plain.default_step, seed=1)
        Network(group).run(10 * ms, namespace={})
        found.append([np.asarray(getattr(group, name)) for name in ("x_total", "x_residue", "v_gate", "v_tip")])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-12)


def test_nothing_grows_at_zero_or_reverse_voltage():
    group = OneM1T1R("hopping").group(2, drive=[0.0, -1.0] * volt, noise=False)
    Network(group).run(1 * ms, namespace={})
    np.testing.assert_array_equal(np.asarray(group.x_total), [0, 0])
    np.testing.assert_array_equal(np.asarray(group.growth), [0, 0])
