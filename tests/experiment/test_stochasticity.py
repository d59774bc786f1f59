"""Spike statistics: known answers for a Poisson and a regular train, and what noise does to the neuron."""

import numpy as np
import pandas as pd
import pytest
from brian2 import ms, volt

from memneuro import OneM1T1R
from memneuro.experiment.stochasticity import _fano, _intervals, _summary, stochasticity

NEURON = OneM1T1R("hopping_2e4d")


def statistics(trains, duration):
    """The three tables of trains (ms) at one amplitude."""
    amplitude, nested = np.array([1.0]), [trains]
    intervals = _intervals(amplitude, nested, 0.0)
    delays = pd.DataFrame({"amplitude_V": 1.0, "first_spike_ms": [t[0] if len(t) else np.nan for t in trains]})
    fano = _fano(amplitude, nested, duration * ms, np.array([20.0, 200.0]))
    return intervals, fano, _summary(delays, intervals, amplitude, nested).iloc[0]


def test_poisson_trains_have_cv_and_fano_factor_one():
    random = np.random.default_rng(2)
    trains = [np.sort(random.uniform(0, 20000, random.poisson(1000))) for _ in range(40)]
    intervals, fano, summary = statistics(trains, 20000)
    assert summary["isi_ms_mean"] == pytest.approx(20, rel=0.03)
    for name in ("isi_cv", "isi_cv_within", "isi_cv2_within", "first_spike_cv"):
        assert summary[name] == pytest.approx(1, abs=0.35 if name == "first_spike_cv" else 0.05)
    assert len(intervals) == sum(len(train) - 1 for train in trains)
    np.testing.assert_allclose(fano["fano_within"], 1, atol=0.1)
    np.testing.assert_allclose(fano["fano_across"], 1, atol=0.1)


def test_regular_trains_of_unequal_rate_vary_only_between_trials():
    trains = [np.arange(5.0, 2000, period) for period in (5.0, 10.0, 20.0)]
    _, fano, summary = statistics(trains, 2000)
    assert summary["isi_cv_within"] == pytest.approx(0, abs=1e-12)
    assert summary["isi_cv"] > 0.3
    assert fano["fano_within"].max() < 0.1
    assert fano["fano_across"].min() > 0.5


@pytest.fixture(scope="module")
def noisy():
    """Two amplitudes, twelve trials of half a second."""
    return stochasticity(
        NEURON, amplitudes=[0.8, 0.9] * volt, trials=12, duration=600 * ms, settle=200 * ms, windows=[20, 100, 300] * ms
    )


def test_tables_agree_with_each_other(noisy):
    assert (noisy.intervals["start_ms"] >= 200).all()
    assert (noisy.intervals["isi_ms"] > 0).all()
    assert (noisy.intervals["start_ms"] + noisy.intervals["isi_ms"] <= 600).all()
    counted = noisy.intervals.groupby("amplitude_V").size()
    for _, row in noisy.summary.iterrows():
        assert row["intervals"] == counted.get(row["amplitude_V"], 0)
        first = noisy.delays.loc[noisy.delays["amplitude_V"] == row["amplitude_V"], "first_spike_ms"]
        assert row["first_spike_ms_mean"] == pytest.approx(first.mean())
        assert row["first_spike_cv"] == pytest.approx(first.std() / first.mean())
    assert sorted(noisy.fano["window_ms"].unique()) == [20, 100], "two windows of 300 ms do not fit into 400 ms"


def test_noise_makes_delays_vary_and_a_stronger_drive_shortens_them(noisy):
    summary = noisy.summary.set_index("amplitude_V")
    assert (summary["first_spike_cv"] > 0.1).all()
    assert summary.loc[0.9, "first_spike_ms_mean"] < 0.5 * summary.loc[0.8, "first_spike_ms_mean"]
    assert summary.loc[0.8, "isi_cv_within"] > 0.05


def test_without_noise_all_trials_are_the_same():
    found = stochasticity(
        NEURON, amplitudes=0.8 * volt, trials=3, duration=300 * ms, settle=150 * ms, windows=50 * ms, noise=False
    )
    assert found.summary.loc[0, "fired"] == 1 and found.summary.loc[0, "first_spike_ms_sd"] == 0
    assert found.fano.loc[0, "fano_across"] == 0
    assert found.intervals.groupby("number")["isi_ms"].nunique().max() == 1


def test_a_settling_time_as_long_as_the_trial_is_refused():
    with pytest.raises(ValueError, match="settle"):
        stochasticity(NEURON, settle=100 * ms, duration=100 * ms)
