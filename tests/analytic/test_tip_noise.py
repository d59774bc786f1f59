"""The tip potential is an Ornstein-Uhlenbeck process and must be sampled exactly, however coarse the step."""

import numpy as np
import pytest
from brian2 import Network, StateMonitor, kelvin, ms, mV, second, volt

from memneuro import OneM1T1R

N = 20_000
SIGMA, TAU = 0.05, 2e-3
BOLTZMANN = 1.380649e-23


def record(step, steps, temperature=300.0, seed=3):
    """Tip potential (volt) of N independent neurons, shape (N, steps)."""
    slow = 1e-3 / second  # a device that loses almost nothing accepts any step
    neuron = OneM1T1R("hopping").with_(
        sigma_tip=SIGMA * volt, tau_tip=TAU * second, gamma1=slow, temperature=temperature * kelvin
    )
    group = neuron.group(N, drive=0 * volt, dt=step, seed=seed)
    monitor = StateMonitor(group, "v_tip", record=True)
    Network(group, monitor).run(steps * step, namespace={})
    return np.asarray(monitor.v_tip / volt)


@pytest.fixture(scope="module")
def traces():
    """Recordings at a fine, a coarse and a very coarse step, by step in units of tau."""
    from brian2 import prefs

    before, prefs.codegen.target = prefs.codegen.target, "numpy"
    try:
        return {ratio: record(ratio * TAU * second, 21) for ratio in (0.05, 0.5, 3.0)}
    finally:
        prefs.codegen.target = before


@pytest.mark.parametrize("ratio", [0.05, 0.5, 3.0])
def test_variance_is_stationary_from_the_start(traces, ratio):
    variance = traces[ratio].var(axis=0) / SIGMA**2
    bound = 4.5 * np.sqrt(2 / N)  # 4.5 standard errors of a Gaussian variance
    assert np.all(np.abs(variance - 1) < bound), variance
    assert np.all(np.abs(traces[ratio].mean(axis=0)) < 4.5 * SIGMA / np.sqrt(N))


@pytest.mark.parametrize("ratio", [0.05, 0.5, 3.0])
def test_autocorrelation_is_exponential(traces, ratio):
    v = traces[ratio] / SIGMA
    for lag in (1, 2, 5, 20):
        found = np.mean(v[:, 0] * v[:, lag])
        expected = np.exp(-lag * ratio)
        error = np.sqrt((1 + expected**2) / N)
        assert abs(found - expected) < 4 * error, (lag, found, expected)


def test_the_distribution_is_gaussian(traces):
    from scipy.stats import kstest

    assert kstest(traces[3.0][:, -1] / SIGMA, "norm").pvalue > 1e-3


def test_temperature_widens_and_hastens_it():
    """Variance grows as T, the rate 1/tau with the Arrhenius factor of hopping."""
    temperature, step = 340.0, 0.2 * TAU
    v = record(step * second, 4, temperature=temperature)
    variance = temperature / 300 * SIGMA**2
    assert np.all(np.abs(v.var(axis=0) / variance - 1) < 4.5 * np.sqrt(2 / N))
    energy = float(OneM1T1R("hopping").device["activation_growth"])
    factor = np.exp(energy / BOLTZMANN * (1 / 300 - 1 / temperature))
    assert factor > 3
    expected = np.exp(-3 * step * factor / TAU)
    found = np.mean(v[:, 0] * v[:, 3]) / variance
    assert abs(found - expected) < 4 / np.sqrt(N)


def test_seeds_give_other_noise_and_the_same_seed_the_same():
    step = 0.1 * ms
    first, again, other = (record(step, 3, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert abs(np.mean(first[:, 2] * other[:, 2])) < 4 * SIGMA**2 / np.sqrt(N)


def test_no_noise_leaves_no_tip():
    group = OneM1T1R("hopping").group(2, drive=10 * mV, noise=False)
    assert "v_tip" not in group.variables and "noise_seed" not in group.variables
