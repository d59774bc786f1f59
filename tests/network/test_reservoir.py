"""Reservoirs: the tasks as defined, the read-out on states with a known answer, and memristor neurons that remember."""

import numpy as np
import pytest
from brian2 import ms, volt

from memneuro.network.reservoir import Reservoir, mackey_glass, memory_capacity, narma, nrmse

pytest.importorskip("sklearn")

rng = np.random.default_rng(0)


def test_narma_follows_its_recurrence():
    series = narma(300, seed=3)
    u, y = series.signal / 2, np.concatenate([[0.0], series.target])
    assert u.min() >= 0 and u.max() <= 0.5 and 0.1 < y[50:].mean() < 0.8
    for n in range(9, 299):
        expected = 0.3 * y[n] + 0.05 * y[n] * sum(y[n - 9 : n + 1]) + 1.5 * u[n - 9] * u[n] + 0.1
        assert y[n + 1] == pytest.approx(expected, rel=1e-12)


def test_mackey_glass_is_asked_for_ahead():
    pytest.importorskip("reservoirpy")
    series = mackey_glass(400, ahead=6)
    np.testing.assert_array_equal(series.signal[6:], series.target[:-6])
    assert 0 <= series.signal.min() and series.signal.max() <= 1 and series.signal.std() > 0.1


def test_read_out_of_states_that_hold_the_answer():
    """States with a delay line of eight: what is in it is recalled, what is not has the error of the mean."""
    u = rng.uniform(0, 1, 1200)
    line = np.stack([np.roll(u, k) for k in range(8)], axis=1)
    assert nrmse(line, np.roll(u, 5), 800) < 1e-3
    assert nrmse(line, np.roll(u, 12), 800) == pytest.approx(1, abs=0.05)
    assert memory_capacity(line, u, 800) == pytest.approx(8, abs=0.3)


@pytest.mark.slow
def test_memristor_neurons_remember_some_samples():
    """More than the present sample: without memory the capacity is at most one."""
    u = rng.uniform(0, 1, 700)
    reservoir = Reservoir(60, noise=False, seed=1)
    states = reservoir.states(u)
    assert states.shape == (700, 120) and np.isfinite(states).all()
    assert memory_capacity(states, u, 450) > 1.2
    np.testing.assert_array_equal(states[:50], reservoir.states(u[:50]))


@pytest.mark.slow
def test_another_seed_is_another_reservoir_and_coupling_changes_it():
    u = rng.uniform(0, 1, 20)
    found = [Reservoir(12, k, seed=s).states(u, backend="numpy") for k, s in ((0, 0), (0, 1), (6, 0))]
    assert not np.allclose(found[0], found[1]) and not np.allclose(found[0], found[2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"neurons": 0}, "neurons = 0"),
        ({"seed": -1}, "seed = -1"),
        ({"sample": 1 * volt}, "sample = .*; accepted: a time"),
        ({"sample": 0 * ms}, "sample = .*; accepted: a time above zero"),
        ({"slowest": 0.5}, "slowest = 0.5"),
        ({"gain": (0.5, 0.1)}, "gain = .*; accepted: two finite numbers"),
    ],
)
def test_bad_reservoirs(options, message):
    with pytest.raises(ValueError, match=message):
        Reservoir(**options)


@pytest.mark.parametrize("signal", [[0.5, 1.5], [0.1, np.nan], [[0.1]], []])
def test_bad_signals(signal):
    with pytest.raises(ValueError, match="accepted: a series of finite numbers from 0 to 1"):
        Reservoir(4).states(signal)


def test_bad_read_outs():
    with pytest.raises(ValueError, match=r"accepted: \(samples, features\) and \(samples,\)"):
        nrmse(np.zeros((10, 2)), np.zeros(9), 5)
    with pytest.raises(ValueError, match="accepted: samples left to test"):
        nrmse(np.zeros((10, 2)), np.zeros(10), 8, washout=5)
