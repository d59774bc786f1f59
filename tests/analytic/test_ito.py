"""The integrator reads noise in the Ito sense."""

import numpy as np
from brian2 import Network, NeuronGroup, ms, second
from scipy.stats import gamma, kstest

import memneuro.numerics  # noqa: F401

SEED = "noise_seed : integer (shared, constant)"


def test_geometric_noise_keeps_its_mean():
    """dx = s x dW: mean 1 in Ito, exp(s^2 t/2) in Stratonovich; E[x^2] = exp(s^2 t)."""
    n, s, t = 100_000, 1.0, 0.4
    group = NeuronGroup(n, f"dx/dt = {s}*x*xi*second**-0.5 : 1\n{SEED}", method="exponential_midpoint", dt=2 * ms)
    group.x, group.noise_seed = 1, 5
    Network(group).run(t * second, namespace={})
    x = np.asarray(group.x)
    error = np.sqrt(np.expm1(s**2 * t) / n)
    assert abs(x.mean() - 1) < 4 * error
    assert np.exp(s**2 * t / 2) - 1 > 40 * error  # the other reading is far away
    assert abs(np.mean(x**2) / np.exp(s**2 * t) - 1) < 0.05


def test_geometric_noise_with_decay():
    """dx = -k x dt + s x dW: mean exp(-k t) exactly, because the decay is solved exactly."""
    n, t = 100_000, 1.0
    equations = f"dx/dt = -2*Hz*x + 0.5*x*xi*second**-0.5 : 1\n{SEED}"
    group = NeuronGroup(n, equations, method="exponential_midpoint", dt=50 * ms)
    group.x, group.noise_seed = 1, 6
    Network(group).run(t * second, namespace={})
    x = np.asarray(group.x) / np.exp(-2 * t)
    assert abs(x.mean() - 1) < 4 * x.std() / np.sqrt(n)


def test_square_root_diffusion_has_its_gamma_density():
    """dx = (1 - x) dt + s sqrt(x) dW is stationary with a gamma density of shape and rate 2/s^2.

    In Stratonovich the mean would be 1 + s^2/4 = 1.0625.
    """
    n, s = 20_000, 0.5
    equations = f"dx/dt = (1 - x)/second + {s}*sqrt(abs(x))*xi*second**-0.5 : 1\n{SEED}"
    group = NeuronGroup(n, equations, method="exponential_midpoint", dt=20 * ms)
    group.x, group.noise_seed = 1, 7
    Network(group).run(6 * second, namespace={})
    x = np.asarray(group.x)
    shape = 2 / s**2
    assert abs(x.mean() - 1) < 4 * np.sqrt(1 / shape / n)
    assert abs(x.var() * shape - 1) < 0.06
    assert kstest(x, gamma(shape, scale=1 / shape).cdf).statistic < 0.015


def test_two_equations_that_name_one_noise_share_it():
    equations = f"dx/dt = xi_a*second**-0.5 : 1\ndy/dt = -xi_a*second**-0.5 : 1\ndz/dt = xi_b*second**-0.5 : 1\n{SEED}"
    group = NeuronGroup(2000, equations, method="exponential_midpoint", dt=1 * ms)
    group.noise_seed = 8
    Network(group).run(20 * ms, namespace={})
    x, y, z = (np.asarray(getattr(group, name)) for name in "xyz")
    np.testing.assert_array_equal(x, -y)
    assert abs(np.corrcoef(x, z)[0, 1]) < 4 / np.sqrt(2000)
    assert abs(x.var() / 0.02 - 1) < 4 * np.sqrt(2 / 2000)
