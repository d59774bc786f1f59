"""Post-spike gain of processes in which the effect of a spike is known."""

import numpy as np
import pytest
from brian2 import DimensionMismatchError, ms, mV, second
from scipy.stats import gamma as gamma_distribution

from memneuro.biology import excess_spikes, fano_factor, post_spike_gain, repeated_trains

SEEDS = [1, 2, 3]


def poisson(rate_hz, duration_s, generator):
    return np.sort(generator.uniform(0, duration_s, generator.poisson(rate_hz * duration_s)))


def dead_time_train(rate_hz, dead_s, duration_s, generator):
    """Stationary process with the given dead time and, after it, the given hazard."""
    n = int(3 * rate_hz * duration_s) + 100
    times = np.cumsum(dead_s + generator.exponential(1 / rate_hz, n)) - 1.0
    return times[(times >= 0) & (times < duration_s)]


def hawkes(rate_hz, branching, tau_s, duration_s, generator):
    """Each spike of a Poisson process of immigrants has on average `branching` children after ~tau, and so on."""
    generation = poisson(rate_hz, duration_s + 5, generator)
    family = [generation]
    while generation.size:
        parents = np.repeat(generation, generator.poisson(branching, generation.size))
        generation = parents + generator.exponential(tau_s, parents.size)
        family.append(generation)
    times = np.sort(np.concatenate(family)) - 5
    return times[(times >= 0) & (times < duration_s)]


def modulated(duration_s, generator, dead_s=0.0):
    """Rate between 0 and 60 Hz with a period of 0.5 s, and a dead time after each spike."""
    candidates = poisson(60, duration_s, generator)
    candidates = candidates[generator.random(candidates.size) < 0.5 * (1 + np.sin(4 * np.pi * candidates))]
    kept, last = [], -np.inf
    for time in candidates:
        if time - last >= dead_s:
            kept.append(time)
            last = time
    return np.array(kept)


@pytest.mark.parametrize("seed", SEEDS)
def test_poisson_spikes_have_no_effect(seed):
    train = poisson(20, 1000, np.random.default_rng(seed)) * second
    table = post_spike_gain([train], 1000 * second, 4 * ms, 200 * ms, stationary=True)
    # About 1600 pairs in each of 50 bins, a Poisson number.
    z = (table["pairs"] - table["expected"]) / np.sqrt(table["expected"])
    assert np.max(np.abs(z)) < 4.5
    assert np.mean(z**2) == pytest.approx(1, abs=4 * np.sqrt(2 / 50))
    assert ((table["low"] < 1) & (table["high"] > 1)).mean() > 0.95 - 4 * np.sqrt(0.05 * 0.95 / 50)
    assert excess_spikes(table) == pytest.approx(0, abs=4 * np.sqrt(table["pairs"].sum()) / len(train))
    assert table["expected_rate_hz"].mean() == pytest.approx(20, rel=0.04)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_end_of_short_trains_is_allowed_for(seed):
    # 4000 trains of half a second at 20 Hz: at a lag of 250 ms half of the spikes are too late to be followed.
    generator = np.random.default_rng(seed)
    trains = [poisson(20, 0.5, generator) * second for _ in range(4000)]
    table = post_spike_gain(trains, 0.5 * second, 10 * ms, 400 * ms, stationary=True)
    z = (table["pairs"] - table["expected"]) / np.sqrt(table["expected"])
    # The rate, from 40 000 spikes, is off by up to 4 * 0.5 %, which shifts all 3200 to 7800 pairs by up to 4 %.
    assert table["gain"].mean() == pytest.approx(1, abs=0.04)
    assert np.std(z) == pytest.approx(1, abs=0.5)
    assert table["expected"].iloc[-1] / table["expected"][0] == pytest.approx(105 / 495)


def test_spikes_on_a_sampling_grid_stay_in_their_bin():
    train = np.arange(1, 401) * 2e-3
    table = post_spike_gain([train * second], 1 * second, 2 * ms, 40 * ms, stationary=True)
    assert table["pairs"].tolist() == list(range(399, 379, -1))


@pytest.mark.parametrize("seed", SEEDS)
def test_dead_time_gives_zero_and_then_the_renewal_density(seed):
    dead, rate = 0.01, 25
    train = dead_time_train(rate, dead, 2000, np.random.default_rng(seed)) * second
    table = post_spike_gain([train], 2000 * second, 2 * ms, 100 * ms, stationary=True)
    assert (table["gain"][:5] == 0).all()
    start, end = table["from_ms"].to_numpy() * 1e-3, table["to_ms"].to_numpy() * 1e-3
    density = sum(
        np.diff(gamma_distribution(k, scale=1 / rate).cdf(np.array([start, end]) - k * dead), axis=0)[0]
        for k in range(1, 12)
    )
    expected = density * len(train)
    z = (table["pairs"] - expected)[5:] / np.sqrt(expected[5:])
    # Counts of neighbouring bins are nearly independent Poisson numbers.
    assert np.max(np.abs(z)) < 4.5
    assert np.mean(z**2) == pytest.approx(1, abs=4 * np.sqrt(2 / 45))
    # Just after it 25 Hz, falling, against 20 Hz on average: 1.19 over 4 ms, from 3800 pairs. Later it is 1.
    assert density[5:7].mean() / 2e-3 / 20 == pytest.approx(1.19, abs=0.005)
    assert table["gain"][5:7].mean() == pytest.approx(1.19, abs=4 * 1.19 / np.sqrt(3800))
    assert table["gain"][25:].mean() == pytest.approx(1, abs=0.02)
    # (CV^2 - 1) / 2 with CV = 1 - 20 * 0.01; the sum of 3.2e4 * 1.68 pairs has an error of below 0.006.
    assert excess_spikes(table) == pytest.approx((0.8**2 - 1) / 2, abs=0.024)
    assert excess_spikes(table, 10 * ms) == pytest.approx(-0.2, abs=0.004)


@pytest.mark.parametrize("seed", SEEDS)
def test_self_excitation_facilitates_as_computed(seed):
    # With the kernel a exp(-b t), the rate after a spike exceeds the mean by a (2b - a) / (2 (b - a)) exp(-(b - a) t).
    branching, tau = 0.4, 0.02
    a, b = branching / tau, 1 / tau
    train = hawkes(6, branching, tau, 3000, np.random.default_rng(seed)) * second
    table = post_spike_gain([train], 3000 * second, 5 * ms, 250 * ms, stationary=True)
    edges = np.append(table["from_ms"], table["to_ms"].iloc[-1]) * 1e-3
    integral = a * (2 * b - a) / (2 * (b - a) ** 2) * (1 - np.exp(-(b - a) * edges))
    expected = 10 + np.diff(integral) / 5e-3
    # Clusters make pair counts vary about (1 / (1 - n))^2 = 2.8 times as much as Poisson ones.
    error = np.sqrt(2.8 * table["pairs"]) / len(train) / 5e-3
    assert np.max(np.abs(table["rate_hz"] - expected) / error) < 4.5
    assert table["gain"][0] > 2
    assert (table["low"][:4] > 1).all()
    # Half of the long-window Fano factor (1 / (1 - n)^2) less 1.
    assert excess_spikes(table) == pytest.approx((1 / 0.6**2 - 1) / 2, rel=0.1)
    fano = fano_factor(train, 3000 * second, 3 * second)
    assert excess_spikes(table) == pytest.approx((fano - 1) / 2, abs=0.25)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_stimulus_is_divided_out(seed):
    generator = np.random.default_rng(seed)
    repeats = [modulated(20, generator) * second for _ in range(30)]
    table = post_spike_gain(repeats, 20 * second, 10 * ms, 250 * ms)
    # About 5000 pairs a bin, as many again in the expectation, which is shared by the bins.
    assert np.allclose(table["gain"], 1, atol=0.08)
    assert table["gain"].mean() == pytest.approx(1, abs=0.03)
    # Taken as stationary, the modulation looks like facilitation at short lags and suppression at half a period.
    stationary = post_spike_gain(repeats, 20 * second, 10 * ms, 250 * ms, stationary=True)
    assert stationary["gain"][0] == pytest.approx(1.5, abs=0.1)
    assert stationary["gain"].iloc[-1] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_dead_time_shows_under_a_stimulus_that_changes(seed):
    generator = np.random.default_rng(seed)
    repeats = [modulated(20, generator, 0.008) * second for _ in range(30)]
    table = post_spike_gain(repeats, 20 * second, 2 * ms, 60 * ms)
    assert (table["gain"][:4] == 0).all()
    assert (table["high"][:4] < 0.02).all()
    assert table["gain"][4:10].mean() > 1.05  # the rate after a dead time exceeds the mean, which includes it
    assert table["gain"][20:].mean() == pytest.approx(1, abs=0.05)
    # During the dead time a spike displaces the spikes that the rate predicts: about 20 Hz * 1.4 * 8 ms.
    assert -0.26 < excess_spikes(table, 8 * ms) < -0.14


def test_identical_repeats_leave_nothing_to_divide():
    train = poisson(20, 50, np.random.default_rng(0)) * second
    table = post_spike_gain([train, train, train], 50 * second)
    assert (table["gain"].dropna() == 1).all()
    assert excess_spikes(table) == 0


def test_pairs_by_hand():
    one, two = np.array([0.1, 0.103, 0.107]) * second, np.array([0.102, 0.106]) * second
    table = post_spike_gain([one, two], 1 * second, 2 * ms, 8 * ms)
    assert table["to_ms"].tolist() == pytest.approx([2, 4, 6, 8])
    # Within: 3, 7, 4 and 4 ms. Across: 2, 6, 3, 1, 5 and 1 ms. The end of a bin belongs to it, its start does not.
    assert table["pairs"].tolist() == [0, 3, 0, 1]
    assert table["expected"].tolist() == [3, 1, 2, 0]
    assert table["gain"][:3].tolist() == [0, 3, 0] and np.isnan(table["gain"][3])
    assert table["rate_hz"].tolist() == pytest.approx([0, 300, 0, 100])
    assert excess_spikes(table) == pytest.approx((4 - 6) / 5)
    assert excess_spikes(table, 4 * ms) == pytest.approx((3 - 4) / 5)


def test_without_spikes():
    table = post_spike_gain([[] * second, [] * second], 1 * second)
    assert len(table) == 50
    assert table["gain"].isna().all() and (table["pairs"] == 0).all()
    assert np.isnan(excess_spikes(table))
    assert np.isnan(excess_spikes(table, 1 * ms))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: post_spike_gain([t], 1 * second), "at least two repeats"),
        (lambda t: post_spike_gain([], 1 * second, stationary=True), "at least two repeats|got 0"),
        (lambda t: post_spike_gain([t, t], 0.5 * second), "train 0 has spikes outside"),
        (lambda t: post_spike_gain([t, t], 1 * second, 5 * ms, 2 * ms), "longest lag"),
        (lambda t: post_spike_gain([t, t], 1 * second, 5 * ms, 2 * second), "longest lag"),
        (lambda t: post_spike_gain([t, t], 1 * second, confidence=95), "confidence must lie"),
    ],
)
def test_bad_input_says_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.array([0.2, 0.9]) * second)


def test_wrong_units_are_refused():
    with pytest.raises(DimensionMismatchError, match="longest"):
        post_spike_gain([[0.1] * second] * 2, 1 * second, longest=3 * mV)


@pytest.mark.parametrize("cell", ["DRN158", "DRN159", "DRN160", "DRN162", "DRN165"])
def test_recorded_cells_suppress_their_next_spike(recorded, cell):
    spikes, duration = repeated_trains(recorded(f"raphe/{cell}", "test"))
    table = post_spike_gain(spikes, duration, 5 * ms, 100 * ms)
    # No second spike for 10 ms at least, although other repeats fire then.
    assert (table["pairs"][:2] == 0).all()
    assert table["expected"][:2].sum() > 50
    assert (table["high"][:2] < 0.25).all()
    assert excess_spikes(table, 50 * ms) < 0
