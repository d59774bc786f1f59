"""Spike-train statistics against processes and trains whose answer is known."""

from itertools import permutations

import numpy as np
import pytest
from brian2 import DimensionMismatchError, Hz, ms, mV, second
from scipy.optimize import linear_sum_assignment

from memneuro.biology import noise_window, normalised_coincidence_factor, reliability_table, repeated_trains
from memneuro.biology import trains as st


def poisson(rate_hz, duration_s, seed, dead_time_s=0.0):
    """Poisson spike train, with an absolute dead time after each spike if asked for."""
    generator = np.random.default_rng(seed)
    n = int(3 * rate_hz * duration_s) + 100
    times = np.cumsum(dead_time_s + generator.exponential(1 / rate_hz, n))
    return times[times < duration_s] * second


def gamma_process(shape, rate_hz, n, seed):
    return np.cumsum(np.random.default_rng(seed).gamma(shape, 1 / (shape * rate_hz), n)) * second


REGULAR = np.arange(0.05, 10, 0.1) * second


def test_a_regular_train_has_no_variability():
    assert st.isi_cv(REGULAR) == pytest.approx(0, abs=1e-12)
    assert st.isi_cv2(REGULAR) == pytest.approx(0, abs=1e-12)
    assert st.adaptation_index(REGULAR) == pytest.approx(0, abs=1e-12)
    assert st.fano_factor(REGULAR, 10 * second, 500 * ms) == pytest.approx(0, abs=1e-12)
    assert float(st.firing_rate(REGULAR, 10 * second) / Hz) == pytest.approx(10)
    assert np.allclose(st.intervals(REGULAR) / ms, 100)


def test_poisson_has_cv_cv2_and_fano_one():
    # Standard errors at 40 000 intervals: CV 0.005, CV2 0.003; Fano over 4000 windows 0.022.
    train = poisson(20, 2000, seed=1)
    assert st.isi_cv(train) == pytest.approx(1, abs=0.02)
    assert st.isi_cv2(train) == pytest.approx(1, abs=0.015)
    for window in (50 * ms, 500 * ms):
        assert st.fano_factor(train, 2000 * second, window) == pytest.approx(1, abs=0.08)


@pytest.mark.parametrize("shape", [2, 4, 9])
def test_gamma_process_has_cv_one_over_root_shape(shape):
    train = gamma_process(shape, 20, 40_000, seed=shape)
    assert st.isi_cv(train) == pytest.approx(1 / np.sqrt(shape), rel=0.02)
    # For a renewal process the Fano factor of long windows tends to CV^2.
    duration = np.floor(float(train[-1]))
    long = st.fano_factor(train[train < duration * second], duration * second, 2 * second)
    assert long == pytest.approx(1 / shape, abs=0.12 / shape + 0.01)


def test_dead_time_lowers_the_cv_as_computed():
    # Interval = d + exponential of mean m: CV = m / (d + m).
    train = poisson(50, 1000, seed=3, dead_time_s=0.02)
    assert st.isi_cv(train) == pytest.approx(0.5, abs=0.01)
    assert float(np.min(st.intervals(train)) / ms) >= 20
    assert float(st.firing_rate(train, 1000 * second) / Hz) == pytest.approx(25, rel=0.02)


def test_cv2_ignores_a_slow_change_of_rate_that_raises_the_cv():
    n = np.arange(400)
    train = np.cumsum(0.05 * 1.01**n) * second
    assert st.isi_cv(train) > 0.9
    assert st.isi_cv2(train) == pytest.approx(2 * 0.01 / 2.01, rel=1e-6)


def test_adaptation_index_of_a_geometric_train():
    # Intervals that grow by a factor q give (q - 1) / (q + 1); the first interval does not count.
    intervals = np.concatenate(([5.0], 0.1 * 1.5 ** np.arange(5)))
    train = np.concatenate(([0.0], np.cumsum(intervals))) * second
    assert st.adaptation_index(train) == pytest.approx(0.2)
    shortening = np.concatenate(([0.0], np.cumsum(intervals[::-1][:-1]))) * second
    assert st.adaptation_index(shortening) == pytest.approx(-0.2)


@pytest.mark.parametrize("spikes", [0, 1, 2])
def test_too_few_spikes_give_nan_not_an_error(spikes):
    train = 0.1 * np.arange(1, spikes + 1) * second
    assert np.isnan(st.isi_cv(train))
    assert np.isnan(st.isi_cv2(train))
    assert np.isnan(st.adaptation_index(train))
    assert len(st.intervals(train)) == max(spikes - 1, 0)
    assert float(st.firing_rate(train, 2 * second) / Hz) == spikes / 2


def test_without_spikes_fano_and_jitter_are_nan():
    silent = np.array([]) * second
    assert np.isnan(st.fano_factor(silent, 1 * second, 100 * ms))
    assert np.isnan(st.fano_factor_across_repeats([silent, silent], 1 * second, 100 * ms))
    assert np.isnan(float(st.spike_time_jitter([silent, silent])))
    assert len(st.intervals([])) == 0


def test_coincidence_factor_is_one_for_identical_trains():
    train = poisson(8, 50, seed=5, dead_time_s=0.02)
    assert st.coincidence_factor(train, train, 50 * second) == pytest.approx(1)
    assert st.reliability([train] * 4, 50 * second) == pytest.approx(1)


def test_coincidence_factor_is_zero_for_independent_poisson_trains():
    pairs = [
        st.coincidence_factor(poisson(5, 200, seed=2 * k), poisson(5, 200, seed=2 * k + 1), 200 * second)
        for k in range(20)
    ]
    # About 40 chance coincidences of 1000 spikes: SD 0.006 a pair, 0.0015 for the mean. One-to-one counting
    # lowers the number by about 2 nu D = 4 %, which is 0.0016 in Gamma.
    assert np.mean(pairs) == pytest.approx(0, abs=0.008)


def test_coincidence_factor_by_hand():
    reference = np.array([0.1, 0.2, 0.3, 0.4]) * second
    other = np.array([0.102, 0.25, 0.299]) * second
    # 2 coincidences; nu = 3 Hz over 1 s; chance 2 * 3 * 0.004 = 0.024 per spike of the reference.
    expected = (2 - 0.024 * 4) / 3.5 / (1 - 0.024)
    assert st.coincidence_factor(reference, other, 1 * second, 4 * ms) == pytest.approx(expected, rel=1e-12)


def test_a_lag_of_exactly_the_precision_counts_and_a_longer_one_does_not():
    reference = np.arange(1, 101) * 0.1 * second
    assert st.coincidences(reference, reference + 4 * ms, 4 * ms) == 100
    assert st.coincidences(reference, reference + 4.01 * ms, 4 * ms) == 0


def test_each_spike_is_matched_once_whatever_the_order():
    single = np.array([0.1]) * second
    burst = np.array([0.098, 0.1, 0.102]) * second
    assert st.coincidences(single, burst, 4 * ms) == 1
    assert st.coincidences(burst, single, 4 * ms) == 1


def test_gamma_of_empty_trains():
    train, silent = REGULAR, np.array([]) * second
    assert st.coincidence_factor(train, silent, 10 * second) == 0
    assert st.coincidence_factor(silent, train, 10 * second) == 0
    assert np.isnan(st.coincidence_factor(silent, silent, 10 * second))


def test_a_deleted_fraction_of_spikes_lowers_gamma_as_computed():
    train = REGULAR
    kept = train[::2]
    nu, precision = len(kept) / 10, 0.004
    chance = 2 * nu * precision
    expected = (50 - chance * 100) / 75 / (1 - chance)
    assert st.coincidence_factor(train, kept, 10 * second) == pytest.approx(expected)


def test_jitter_recovers_the_standard_deviation_of_a_spike_time():
    generator = np.random.default_rng(7)
    times = np.arange(0.1, 60, 0.1)
    repeats = [np.sort(times + generator.normal(0, 1.5e-3, times.size)) * second for _ in range(6)]
    assert float(st.spike_time_jitter(repeats) / ms) == pytest.approx(1.5, rel=0.05)
    # Losing a fifth of the spikes at random leaves it unchanged.
    thinned = [train[generator.random(len(train)) > 0.2] for train in repeats]
    assert float(st.spike_time_jitter(thinned) / ms) == pytest.approx(1.5, rel=0.05)


def test_fano_across_repeats():
    train = REGULAR
    assert st.fano_factor_across_repeats([train] * 5, 10 * second, 200 * ms) == 0
    # A common time course of the rate does not matter: modulated Poisson trains stay at 1.
    generator = np.random.default_rng(11)
    repeats = []
    for _ in range(60):
        t = np.sort(generator.uniform(0, 50, generator.poisson(50 * 40)))
        repeats.append(t[generator.random(t.size) < 0.5 * (1 + np.sin(t))] * second)
    assert st.fano_factor_across_repeats(repeats, 50 * second, 250 * ms) == pytest.approx(1, abs=0.06)
    # Counted over time instead, the modulation adds to it.
    assert st.fano_factor(repeats[0], 50 * second, 250 * ms) > 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: st.isi_cv(np.array([0.2, 0.1, 0.3]) * second), "ascending order"),
        (lambda: st.isi_cv(np.array([0.1, np.nan]) * second), "not finite"),
        (lambda: st.isi_cv(np.ones((2, 2)) * second), r"shape \(2, 2\)"),
        (lambda: st.firing_rate(REGULAR, 0 * second), "greater than zero"),
        (lambda: st.fano_factor(REGULAR, 1 * second, 2 * second), "longer than the duration"),
        (lambda: st.reliability([REGULAR], 10 * second), "two repeats"),
        (lambda: st.spike_time_jitter([REGULAR]), "two repeats"),
        (lambda: st.fano_factor_across_repeats([REGULAR], 10 * second, 1 * second), "two repeats"),
        (lambda: st.coincidence_factor(REGULAR, REGULAR, 5 * second), "outside the observation"),
        (lambda: st.coincidence_factor(REGULAR, REGULAR, 10 * second, 60 * ms), "too wide"),
        (lambda: st.coincidences(REGULAR, REGULAR, -1 * ms), "greater than zero"),
    ],
)
def test_bad_input_says_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_wrong_units_are_refused():
    with pytest.raises(DimensionMismatchError, match="spike train"):
        st.isi_cv(np.array([1.0, 2.0, 3.0]))
    with pytest.raises(DimensionMismatchError, match="precision"):
        st.coincidences(REGULAR, REGULAR, 4 * mV)


# ------------------------------------------------------------------------------------------ recorded cells

# Mean coincidence factor over the 90 ordered pairs of the ten repeats, at 4 ms.
RELIABILITY = {"DRN158": 0.7121, "DRN159": 0.7971, "DRN160": 0.5151, "DRN162": 0.7439, "DRN165": 0.5750}


def mean_gamma(trains, duration, precision):
    """Mean Gamma over ordered pairs, with the coincidences as an assignment problem over all pairs of spikes."""
    gammas = []
    for one, other in permutations(trains, 2):
        near = np.abs(one[:, np.newaxis] - other[np.newaxis, :]) <= precision
        rows, columns = linear_sum_assignment(near, maximize=True)
        chance = 2 * precision * other.size / duration
        excess = near[rows, columns].sum() / one.size - chance
        gammas.append(2 * excess / (1 + other.size / one.size) / (1 - chance))
    return np.mean(gammas)


@pytest.mark.parametrize("cell", RELIABILITY)
def test_reliability_of_recorded_cells_by_another_route(recorded, cell):
    recording = recorded(f"raphe/{cell}", "test")
    found = reliability_table(recording)["gamma_mean"].iloc[0]
    assert found == pytest.approx(RELIABILITY[cell], abs=5e-5)
    trains, duration = repeated_trains(recording)
    same_spikes = [np.asarray(train / second) for train in trains]
    assert mean_gamma(same_spikes, float(duration / second), 4e-3 * (1 + 1e-9)) == pytest.approx(found, rel=1e-9)
    # Spikes where the voltage rises through -5 mV, from the samples, instead of eFEL's peaks.
    start, end = (float(t / second) for t in noise_window(recording))
    crossings = []
    for sweep in recording.sweeps:
        above = np.asarray(sweep.voltage / mV) > -5
        times = np.asarray(sweep.time / second)[1:][above[1:] & ~above[:-1]]
        crossings.append(times[(times >= start) & (times <= end)] - start)
    assert mean_gamma(crossings, end - start, 4e-3) == pytest.approx(found, abs=0.01)


@pytest.mark.parametrize("cell", RELIABILITY)
def test_half_of_the_repeats_predict_the_other_half_as_well_as_themselves(recorded, cell):
    """The repeats in place of a model: a normalised factor of 1 but for the drift of the cell."""
    trains, duration = repeated_trains(recorded(f"raphe/{cell}", "test"))
    found = normalised_coincidence_factor(trains[::2], trains[1::2], duration)
    assert found.normalised == pytest.approx(1, abs=0.1)
    shifted = [np.sort(np.asarray(train + 5 * second) % float(duration)) * second for train in trains[1::2]]
    assert abs(normalised_coincidence_factor(trains[::2], shifted, duration).normalised) < 0.15
