"""Weak order of the noisy scheme: moments, not paths."""

import numpy as np
from brian2 import Network, NeuronGroup, second
from scipy.integrate import quad

import memneuro.numerics  # noqa: F401

N = 100_000


def second_moment(step, seed, state_dependent):
    equations = "dx/dt = -x**3*Hz + 0.8*xi*Hz**0.5 : 1"
    if state_dependent:
        equations = "dx/dt = -x*Hz + 0.5*sqrt(1 + x**2)*xi*Hz**0.5 : 1"
    group = NeuronGroup(
        N, equations + "\nnoise_seed : integer (shared, constant)", method="exponential_midpoint", dt=step * second
    )
    group.x, group.noise_seed = 0.5, seed
    Network(group).run(6 * second, namespace={})
    x = np.asarray(group.x)
    return np.mean(x**2), np.std(x**2) / np.sqrt(N)


def test_cubic_drift_with_additive_noise():
    """Stationary density exp(-x^4/(2 s^2)): the bias of E[x^2] falls at least in proportion to the step."""

    def density(x):
        return np.exp(-(x**4) / (2 * 0.8**2))

    exact = quad(lambda x: x**2 * density(x), -4, 4)[0] / quad(density, -4, 4)[0]
    bias, error = {}, {}
    for k, step in enumerate((0.2, 0.1, 0.05)):
        moment, error[step] = second_moment(step, 20 + k, False)
        bias[step] = abs(moment - exact)
    assert bias[0.2] > 10 * error[0.2]  # the coarse bias is seen above the sampling error
    assert bias[0.1] < 0.5 * bias[0.2] + 3 * error[0.1], bias
    assert bias[0.05] < 0.25 * bias[0.2] + 3 * error[0.05], bias


def test_state_dependent_noise():
    """dx = -x dt + s sqrt(1 + x^2) dW: Ito gives E[x^2] = s^2/(2 - s^2), approached in proportion to the step."""
    exact = 0.25 / (2 - 0.25)
    for k, step in enumerate((0.2, 0.05)):
        moment, error = second_moment(step, 30 + k, True)
        assert abs(moment - exact) < 4 * error + 0.15 * step * exact, (step, moment, exact)
