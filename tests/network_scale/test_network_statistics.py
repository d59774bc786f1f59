"""Network statistics against their definitions and against processes whose values are known."""

import numpy as np
import pytest
from brian2 import Hz, ms, second

from memneuro.network.statistics import activity, count_correlation, spike_counts, synchrony


def poisson(rates, duration, seed):
    """Independent Poisson trains as (index, times in s)."""
    rng = np.random.default_rng(seed)
    number = rng.poisson(np.asarray(rates) * duration)
    index = np.repeat(np.arange(len(number)), number)
    return index, rng.uniform(0, duration, len(index))


def test_counts_lie_in_their_bins():
    index, times = [0, 0, 1, 1, 2, 0], [0.0, 4.9, 5.0, 14.99, 20.0, 21.0]
    found = spike_counts(index, np.array(times) * ms, 3, 0 * ms, 22 * ms, 5 * ms)
    assert found.tolist() == [[2, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    later = spike_counts(index, np.array(times) * ms, 3, 5 * ms, 25 * ms, 5 * ms)
    assert later.tolist() == [[0, 0, 0, 1], [1, 1, 0, 0], [0, 0, 0, 1]]


def test_correlation_is_the_mean_over_all_pairs():
    counts = np.random.default_rng(1).poisson(2.0, (7, 50)) + np.random.default_rng(2).poisson(1.0, 50)
    full = np.corrcoef(counts)
    expected = full[np.triu_indices(7, 1)].mean()
    assert count_correlation(counts) == pytest.approx(expected, rel=1e-12)
    silent = np.vstack([counts, np.zeros(50)])
    assert count_correlation(silent) == pytest.approx(expected, rel=1e-12)


def test_shared_input_has_the_correlation_of_its_share():
    """n_a = shared + own, Poisson of means 1 and 3: rho = 1/4, chi**2 = (1 + 3/100)/4."""
    rng = np.random.default_rng(3)
    counts = rng.poisson(1.0, 20_000) + rng.poisson(3.0, (100, 20_000))
    assert count_correlation(counts) == pytest.approx(0.25, abs=0.01)
    assert synchrony(counts) == pytest.approx(np.sqrt((1 + 3 / 100) / 4), rel=0.02)


def test_synchrony_of_the_same_and_of_independent_neurons():
    one = np.random.default_rng(4).poisson(1.0, 300)
    assert synchrony(np.tile(one, (9, 1))) == pytest.approx(1, rel=1e-12)
    independent = np.random.default_rng(5).poisson(1.0, (400, 3000))
    assert synchrony(independent) == pytest.approx(1 / 20, rel=0.1)
    assert np.isnan(synchrony(np.ones((3, 5)))) and np.isnan(count_correlation(np.ones((3, 5))))


def test_activity_of_poisson_neurons():
    index, times = poisson(np.repeat([10.0, 20.0, 0.0], 100), 30.0, 6)
    order = np.random.default_rng(0).permutation(len(index))
    found = activity(index[order], times[order] * second, 300, 30 * second, 10 * second)
    assert found["rate_hz"] == pytest.approx(10, abs=4 * np.sqrt(10 / 20 / 300))
    assert found["rate_spread_hz"] == pytest.approx(np.sqrt(200 / 3 + 10 / 20), rel=0.02)
    assert found["silent"] == pytest.approx(1 / 3)
    assert found["cv_isi"] == pytest.approx(1, abs=0.03) and found["fano"] == pytest.approx(1, abs=0.03)
    assert abs(found["count_correlation"]) < 0.003


def test_activity_of_regular_neurons():
    times = np.arange(0.005, 2, 0.01)
    found = activity(np.tile([0, 1], 200), np.repeat(times, 2) * second, 2, 2 * second)
    assert found["rate_hz"] == pytest.approx(100) and found["cv_isi"] == pytest.approx(0, abs=1e-9)
    assert found["fano"] == pytest.approx(0, abs=1e-9) and found["synchrony"] == pytest.approx(1)


def test_nothing_to_tell_without_spikes():
    found = activity([], [] * second, 5, 1 * second)
    assert found["rate_hz"] == 0 and found["silent"] == 1
    assert all(np.isnan(found[name]) for name in ("cv_isi", "fano", "count_correlation", "synchrony"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0], [1, 2] * ms, 1, 0 * ms, 5 * ms, 1 * ms), "index and times have the shapes"),
        (([3], [1] * ms, 3, 0 * ms, 5 * ms, 1 * ms), "index goes from 3 to 3; accepted: 0 to 2"),
        (([0], [1] * ms, 3, 0 * ms, 5 * ms, 6 * ms), "bin_width = 6. ms .*at least one bin"),
        (([0], [1] * ms, 3, 0 * ms, 5 * ms, 0 * ms), "bin_width must be greater than zero"),
    ],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        spike_counts(*arguments)


def test_bad_tables_and_times_are_named():
    with pytest.raises(ValueError, match=r"shape \(3,\); accepted: \(neurons, bins\)"):
        synchrony([1, 2, 3])
    with pytest.raises(ValueError, match="start = 2. s; accepted: from 0 s to less than the duration"):
        activity([], [] * second, 5, 1 * second, 2 * second)
    with pytest.raises(Exception, match="duration must be given in units of"):
        activity([], [] * second, 5, 1 * Hz)
