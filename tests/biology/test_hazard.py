"""Hazard and refractory period of processes whose hazard is known."""

import numpy as np
import pytest
from brian2 import DimensionMismatchError, Hz, ms, mV, second
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import gamma as gamma_distribution

from memneuro.biology import hazard_function, refractory_period, repeated_trains

SEEDS = [1, 2, 3]


def renewal(law, n, seed, dead_time_s=0.0):
    return np.cumsum(dead_time_s + law.rvs(n, random_state=np.random.default_rng(seed))) * second


def exponential(rate_hz):
    return gamma_distribution(1, scale=1 / rate_hz)


def deviations(table, expected_hz, least=25):
    """Deviations of the counts from their expectation in standard deviations, where 25 or more are expected."""
    expected = table["exposure_s"] * expected_hz
    return ((table["intervals"] - expected) / np.sqrt(expected))[expected >= least].to_numpy()


def assert_standard_normal(z):
    # The largest of up to 200 values stays below 4.5 (P = 0.001), and their mean square at 1 +- 4 SE.
    assert z.size > 15
    assert np.max(np.abs(z)) < 4.5
    assert np.mean(z**2) == pytest.approx(1, abs=4 * np.sqrt(2 / z.size))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_hazard_of_a_poisson_process_is_its_rate(seed):
    table = hazard_function([renewal(exponential(20), 40_000, seed)], 2 * ms)
    assert_standard_normal(deviations(table, 20))
    # 95 % limits hold the rate in 95 % of the bins, exact ones in no fewer.
    held = (table["low_hz"] <= 20) & (20 <= table["high_hz"])
    bins = len(table)
    assert held.mean() > 0.95 - 4 * np.sqrt(0.05 * 0.95 / bins)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("shape", [2, 4, 9])
def test_the_hazard_of_a_gamma_process(shape, seed):
    law = gamma_distribution(shape, scale=0.05 / shape)
    table = hazard_function([renewal(law, 40_000, seed)], 2 * ms)
    start, end = table["from_ms"] * 1e-3, table["to_ms"] * 1e-3
    spent = np.array([quad(law.sf, a, b)[0] for a, b in zip(start, end, strict=True)])
    assert_standard_normal(deviations(table, (law.sf(start) - law.sf(end)) / spent))
    # In short bins this is f / S; it rises to shape / scale.
    short = hazard_function([renewal(law, 200, seed)], 0.5 * ms)
    middle = (short["from_ms"] + short["to_ms"]) * 0.5e-3
    assert np.all(np.diff(law.pdf(middle) / law.sf(middle)) > 0)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_hazard_with_a_dead_time(seed):
    # Rate 20 Hz and dead time 10 ms: 0 for 10 ms, then 1 / (1/20 - 0.01) = 25 Hz.
    table = hazard_function([renewal(exponential(25), 40_000, seed, 0.01)], 2 * ms)
    assert (table["intervals"][:5] == 0).all() and (table["hazard_hz"][:5] == 0).all()
    assert (table["high_hz"][:5] < 0.06).all()  # 3.7 / (40 000 * 2 ms)
    assert_standard_normal(deviations(table[5:], 25))


def test_counts_by_hand():
    trains = [np.array([0.0, 0.001, 0.004]) * second, np.array([1.0, 1.0055]) * second]
    table = hazard_function(trains, 2 * ms)
    assert table["from_ms"].tolist() == pytest.approx([0, 2, 4])
    assert table["intervals"].tolist() == [1, 1, 1]  # 1, 3 and 5.5 ms
    assert table["at_risk"].tolist() == [3, 2, 1]
    assert table["exposure_s"].tolist() == pytest.approx([0.005, 0.003, 0.0015])
    assert table["hazard_hz"].tolist() == pytest.approx([200, 1000 / 3, 2000 / 3])
    assert table["survivor"].tolist() == pytest.approx([1, 2 / 3, 1 / 3])
    assert table["density_hz"].tolist() == pytest.approx([500 / 3] * 3)
    # The 95 % limits of one event are 0.0253 and 5.572.
    assert table["low_hz"][0] == pytest.approx(0.025318 / 0.005, rel=1e-4)
    assert table["high_hz"][0] == pytest.approx(5.571643 / 0.005, rel=1e-4)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_time_after_the_last_spike_counts_if_the_duration_is_given(seed):
    # Half a second at 4 Hz: the complete intervals alone are far too short.
    generator = np.random.default_rng(seed)
    trains = [np.sort(generator.uniform(0, 0.5, generator.poisson(2))) * second for _ in range(4000)]
    table = hazard_function(trains, 20 * ms, duration=0.5 * second)
    overall = table["intervals"].sum() / table["exposure_s"].sum()
    assert overall == pytest.approx(4, abs=4 * 4 / np.sqrt(table["intervals"].sum()))
    assert_standard_normal(deviations(table, 4))
    assert np.allclose(table["survivor"], np.exp(-4 * table["from_ms"] * 1e-3), atol=0.04)
    closed = hazard_function(trains, 20 * ms)
    assert closed["intervals"].sum() / closed["exposure_s"].sum() > 6
    with pytest.raises(ValueError, match="beyond the duration"):
        hazard_function(trains, 20 * ms, duration=0.3 * second)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("dead_ms", [2.0, 10.0, 30.0])
def test_refractory_period_of_a_dead_time(dead_ms, seed):
    n, rate = 5000, 25
    found = refractory_period([renewal(exponential(rate), n, seed, dead_ms * 1e-3)], 1 * ms)
    # The shortest of n intervals exceeds the dead time by an exponential time of mean 1 / (n h).
    excess = float(found.absolute / ms) - dead_ms
    assert 0 <= excess < 12e3 / (n * rate)
    # The hazard steps within one bin; interpolation puts the half within a bin of it.
    assert float(found.relative / ms) == pytest.approx(dead_ms, abs=1)
    # Beyond the median there are n / 2 intervals.
    assert float(found.plateau / Hz) == pytest.approx(rate, rel=4 / np.sqrt(n / 2))
    assert found.p_value < 1e-12


@pytest.mark.parametrize("seed", range(10))
def test_the_default_bin_follows_the_number_of_intervals(seed):
    # 400 intervals of plateau 4 Hz after 30 ms: 20 of them in 12.5 ms. The half lies within a bin of the step,
    # with which the noise of 20 and fewer counts is included.
    found = refractory_period([renewal(exponential(4), 400, seed, 0.03)])
    assert float(found.relative / ms) == pytest.approx(30, abs=14)
    # With bins of 0.1 ms a single interval reaches half the plateau: no more than the shortest interval is seen.
    fine = refractory_period([renewal(exponential(4), 400, seed, 0.03)], 0.1 * ms)
    assert float(fine.relative / ms) == pytest.approx(float(fine.absolute / ms), abs=0.1)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("shape", [2, 4, 9])
def test_relative_refractory_period_of_a_gamma_process(shape, seed):
    law = gamma_distribution(shape, scale=0.05 / shape)
    found = refractory_period([renewal(law, 40_000, seed)], 2 * ms)
    plateau = law.sf(law.median()) / quad(law.sf, law.median(), 2)[0]
    assert float(found.plateau / Hz) == pytest.approx(plateau, rel=4 / np.sqrt(20_000))
    half = brentq(lambda t: law.pdf(t) / law.sf(t) - plateau / 2, 1e-4, 0.1)
    # Standard error of the hazard of one bin over its slope, and the plateau's own; the first of several noisy
    # bins to be high enough can be early by a few of these.
    slope = (np.diff([law.pdf(t) / law.sf(t) for t in (half - 1e-3, half + 1e-3)]) / 2e-3)[0]
    error = np.sqrt(plateau / 2 / (40_000 * law.sf(half) * 2e-3)) / slope
    assert float(found.relative / second) == pytest.approx(half, abs=4 * error)


def test_a_poisson_process_has_a_refractory_period_in_five_percent_of_cases_only():
    # The p-value of the shortest interval is uniform, so the statement is wrong as often as it says.
    found = [refractory_period([renewal(exponential(20), 300, seed)], 5 * ms) for seed in range(400)]
    p = np.array([f.p_value for f in found])
    positive = np.array([float(f.absolute) > 0 for f in found])
    assert positive.mean() == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 400))
    assert p.mean() == pytest.approx(0.5, abs=4 * np.sqrt(1 / 12 / 400))
    strict = refractory_period([renewal(exponential(20), 300, int(np.argmin(p)))], 5 * ms, confidence=0.9999)
    assert float(strict.absolute) == 0
    # Its hazard is at the plateau from the first bin on, in which 28 intervals are expected.
    assert np.mean([float(f.relative) == 0 for f in found]) > 0.97


def test_too_few_intervals():
    few = refractory_period([np.arange(10) * second])
    assert np.isnan([float(few.absolute), float(few.relative), float(few.plateau), few.p_value]).all()
    assert len(hazard_function([])) == 0
    assert len(hazard_function([[] * second, [1] * second])) == 0
    enough = refractory_period([np.arange(11) * 0.01 * second + np.arange(11) ** 2 * 1e-5 * second])
    assert float(enough.absolute / ms) == pytest.approx(10.01)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: hazard_function([t], 0 * ms), "bin must be greater than zero"),
        (lambda t: hazard_function([t], confidence=1.0), "confidence must lie between 0 and 1"),
        (lambda t: refractory_period([t], fraction=0.0), "fraction must lie between 0 and 1"),
        (lambda t: hazard_function([t[::-1]]), "train 0 must be in ascending order"),
        (lambda t: hazard_function([t], 1e-6 * ms), "too short for an interval"),
    ],
)
def test_bad_input_says_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.arange(20) * second)


def test_wrong_units_are_refused():
    with pytest.raises(DimensionMismatchError, match="bin"):
        hazard_function([np.arange(20) * second], 1 * mV)


@pytest.mark.parametrize("cell", ["DRN158", "DRN159", "DRN160", "DRN162", "DRN165"])
def test_recorded_cells_are_refractory(recorded, cell):
    spikes, duration = repeated_trains(recorded(f"raphe/{cell}", "test"))
    found = refractory_period(spikes, duration=duration)
    # Serotonergic cells fire slowly: nothing for tens of milliseconds, then a hazard of some 10 Hz.
    assert found.p_value < 1e-6
    assert 10 < float(found.absolute / ms) < 80
    assert float(found.absolute) <= float(found.relative) < 0.2
