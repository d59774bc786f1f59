"""Coincidence of a surrogate with the memristor neuron, against what must come out."""

import numpy as np
import pytest
from brian2 import ms, us

from memneuro import OneM1T1R
from memneuro.export import LIFSurrogate
from memneuro.export.lif_coincidence import CORRELATION, coincidence, fluctuating
from memneuro.export.lif_loss import Protocol

NEURON = OneM1T1R("hopping")
CONSTANT = Protocol(np.linspace(0.8, 0.96, 5), 0.03, 0.03, 0.03, 0.0, 5e-5)
PULSES = Protocol(np.linspace(0.8, 0.96, 5), 1e-3, 2e-3, 0.06, 0.02, 5e-5)


def of_noise_free(surrogate):
    return coincidence(NEURON, surrogate, CONSTANT, trials=2, seeds=[1], noise=False)


def test_the_neuron_itself_loses_nothing_and_silence_everything():
    itself = of_noise_free(lambda drive: NEURON.group(1, drive=drive, noise=False))
    assert itself["memristor_rate_hz"] == itself["lif_rate_hz"] > 30
    assert itself["gamma"] == itself["reliability"] == 1 and itself["coincidence_error"] == 0
    silent = of_noise_free(lambda drive: LIFSurrogate(0.01, 0.1).group(1, drive=drive))
    assert silent["lif_rate_hz"] == 0 and silent["gamma"] == 0
    assert silent["coincidence_error"] == 1 and silent["by_seed"] == {1: 1}


def test_the_level_fluctuates_within_its_range_as_long_as_it_should():
    long = Protocol(np.array([0.5, 1.5]), 20.0, 20.0, 20.0, 0.0, 5e-5)
    level = np.asarray(fluctuating(long, 100 * us).values.values)
    assert level.shape == (200_000,) and 0.5 <= level.min() and level.max() <= 1.5
    assert level.mean() == pytest.approx(1, abs=0.03)
    deviation = level - level.mean()
    lag = round(float(CORRELATION / (100 * us)))
    assert np.mean(deviation[lag:] * deviation[:-lag]) / deviation.var() == pytest.approx(np.exp(-1), abs=0.05)


def test_pulses_keep_their_times():
    drive = fluctuating(PULSES, 10 * us)
    on = np.asarray(drive.values.values) > 0
    np.testing.assert_array_equal(on, np.tile(np.arange(200) < 100, 30))
    assert float(drive.values.dt) == float(10 * us)


@pytest.mark.slow
def test_a_device_that_does_not_repeat_itself_gives_no_error():
    """Two devices with a noise that decides over every spike: nothing to predict."""
    noisy = NEURON.with_(tau_tip=0.1 * ms, sigma_tip=10 * NEURON.device["sigma_tip"])
    surrogate = LIFSurrogate(0.005, 1.5)
    found = coincidence(noisy, lambda drive: surrogate.group(1, drive=drive), PULSES, trials=2, seeds=[1, 2, 3])
    assert found["memristor_rate_hz"] > 30 and found["reliability"] < 0.1
    assert np.isnan(found["coincidence_error"])
