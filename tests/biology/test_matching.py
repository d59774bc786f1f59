"""The matching of many trains at once against the matching of one pair, and against maximum matching."""

import time

import numpy as np
import pytest
from brian2 import second
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

from memneuro.biology import trains as st
from memneuro.biology.matching import coincidence_counts, gamma_many

PRECISION = 4e-3


def population(rates_hz, duration_s, seed, grid_s=None):
    """Poisson trains of the given rates as a flat list in order of time, and one by one."""
    generator = np.random.default_rng(seed)
    trains = [np.sort(generator.uniform(0, duration_s, generator.poisson(r * duration_s))) for r in rates_hz]
    if grid_s is not None:
        trains = [np.unique(np.round(t / grid_s)) * grid_s for t in trains]
    index = np.repeat(np.arange(len(trains)), [t.size for t in trains])
    times = np.concatenate(trains)
    order = np.argsort(times, kind="stable")
    return trains, index[order], times[order]


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
@pytest.mark.parametrize("reference_rate", [0.5, 10, 100, 400])
@pytest.mark.parametrize("grid_s", [None, 1e-4, 1e-3])
def test_every_train_gets_the_count_and_gamma_of_the_single_pair(seed, reference_rate, grid_s):
    # From silent to 120 Hz, where 2 nu D = 0.96 and a chain of spikes spans most of the train.
    rates = np.concatenate(([0, 0, 0.3], np.linspace(0.5, 110, 40), [0]))
    trains, index, times = population(rates, 5.0, seed, grid_s)
    reference = population([reference_rate], 5.0, 100 + seed, grid_s)[0][0]
    counts = coincidence_counts(reference, index, times, len(trains), PRECISION)
    gammas = gamma_many(reference, index, times, len(trains), 5.0, PRECISION)
    for train, count, gamma in zip(trains, counts, gammas, strict=True):
        assert count == st.coincidences(reference * second, train * second, PRECISION * second)
        if 2 * train.size / 5.0 * PRECISION < 1:
            single = st.coincidence_factor(reference * second, train * second, 5 * second, PRECISION * second)
            assert gamma == pytest.approx(single, rel=1e-12, abs=1e-15, nan_ok=True)
        else:
            assert gamma == -1


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("rates", [(5, 5), (60, 60), (300, 40), (300, 300)])
def test_no_other_pairing_finds_more_coincidences(seed, rates):
    # Pairing in order is optimal: the count is the size of a maximum matching of the graph whose edges join
    # spikes no further apart than the precision.
    trains, index, times = population([rates[1]] * 3, 3.0, seed)
    reference = population([rates[0]], 3.0, 50 + seed)[0][0]
    counts = coincidence_counts(reference, index, times, 3, PRECISION)
    for train, count in zip(trains, counts, strict=True):
        graph = csr_matrix(np.abs(reference[:, None] - train[None, :]) <= PRECISION)
        assert count == np.sum(maximum_bipartite_matching(graph) >= 0)


def test_the_order_of_the_flat_list_does_not_matter():
    trains, index, times = population([5, 40, 80], 20.0, seed=9)
    reference = trains[1][::2]
    shuffled = np.random.default_rng(0).permutation(times.size)
    expected = coincidence_counts(reference, index, times, 3, PRECISION)
    assert np.array_equal(coincidence_counts(reference, index[shuffled], times[shuffled], 3, PRECISION), expected)
    assert expected[1] == reference.size


def test_a_train_too_fast_for_the_precision_gets_minus_one_and_leaves_the_others():
    slow = np.arange(0.05, 1, 0.1)
    fast = np.arange(0.0005, 1, 0.004)
    index = np.repeat([0, 1], [slow.size, fast.size])
    gammas = gamma_many(slow, index, np.concatenate((slow, fast)), 3, 1.0, PRECISION)
    assert gammas == pytest.approx([1, -1, 0])
    with pytest.raises(ValueError, match="too wide"):
        st.coincidence_factor(slow * second, fast * second, 1 * second, PRECISION * second)


def test_silent_trains():
    nothing = np.array([])
    none = np.array([], dtype=int)
    assert np.array_equal(coincidence_counts(np.array([0.1]), none, nothing, 2, PRECISION), [0, 0])
    assert np.array_equal(gamma_many(np.array([0.1]), none, nothing, 2, 1.0, PRECISION), [0, 0])
    gammas = gamma_many(nothing, np.array([1]), np.array([0.5]), 2, 1.0, PRECISION)
    assert np.isnan(gammas[0]) and gammas[1] == 0


@pytest.mark.parametrize(
    ("index", "times", "message"),
    [
        ([0, 3], [0.1, 0.2], "indices must lie in 0 to 2"),
        ([-1, 0], [0.1, 0.2], "indices must lie in 0 to 2"),
        ([0], [0.1, 0.2], "one index per spike"),
    ],
)
def test_bad_input_says_what_is_wrong(index, times, message):
    with pytest.raises(ValueError, match=message):
        coincidence_counts(np.array([0.1]), np.array(index), np.array(times), 3, PRECISION)


def test_a_population_is_counted_in_a_small_part_of_the_time_of_single_pairs():
    # 500 trains of 600 spikes take 6 to 10 ms against about 150 ms one by one, a factor of 15 and more.
    trains, index, times = population([12.0] * 500, 50.0, seed=3)
    reference = trains[0]
    best = single = np.inf
    for _ in range(3):
        start = time.perf_counter()
        gamma_many(reference, index, times, 500, 50.0, PRECISION)
        best = min(best, time.perf_counter() - start)
    start = time.perf_counter()
    for train in trains:
        st._matched(reference, train, PRECISION)
    single = time.perf_counter() - start
    assert best < single / 4
