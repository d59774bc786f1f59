"""Statistics of synthetic spike trains against their exact values.

Tolerances are four standard errors of the estimate, which follow from the number of intervals, windows or
spikes; a correct estimate misses one by chance in 1 of 16 000 cases.
"""

import numpy as np
import pytest
from brian2 import Hz, ms, pA, second
from scipy.special import beta, erf
from scipy.stats import gamma as gamma_distribution

from memneuro.biology import fano_curve, fi_from_spikes, fi_summary, normalised_coincidence_factor
from memneuro.biology import trains as st

SEEDS = [11, 12, 13]
N = 40_000


class Renewal:
    """Renewal process: gamma intervals of a shape and scale, after a dead time."""

    def __init__(self, shape, scale_s, dead_time_s=0.0):
        self.dead, self.law = dead_time_s, gamma_distribution(shape, scale=scale_s)
        self.mean = dead_time_s + self.law.mean()
        self.cv = self.law.std() / self.mean
        _, _, skew, excess = self.law.stats("mvsk")
        # Third and fourth central moment in units of the mean interval.
        self.third, self.fourth = skew * self.cv**3, (excess + 3) * self.cv**4

    def train(self, n, seed):
        isi = self.dead + self.law.rvs(n + 50, random_state=np.random.default_rng(seed))
        times = np.cumsum(isi)
        return times[50:] - times[49]

    def cv_error(self, n):
        """Standard error of the CV of n intervals, to first order in 1/n."""
        c = self.cv
        return c * np.sqrt((self.fourth / c**4 - 1) / 4 / n - self.third / c**2 / n + c**2 / n)

    def fano(self, window_s):
        """Fano factor of a window that is long compared with an interval, to second order."""
        constant = 1 / 6 + self.cv**4 / 2 - self.third / 3
        return self.cv**2 + constant * self.mean / window_s


PROCESSES = {
    "Poisson": Renewal(1, 0.05),
    "gamma, shape 2": Renewal(2, 0.025),
    "gamma, shape 4": Renewal(4, 0.0125),
    "gamma, shape 9": Renewal(9, 0.05 / 9),
    "dead time 5 ms": Renewal(1, 0.045, 0.005),
    "dead time 20 ms": Renewal(1, 0.03, 0.02),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", PROCESSES)
def test_cv(name, seed):
    process = PROCESSES[name]
    assert st.isi_cv(process.train(N, seed) * second) == pytest.approx(process.cv, abs=4 * process.cv_error(N))


def test_the_expected_cv_of_these_processes():
    # 1 for Poisson, 1 / sqrt(k) for gamma, 1 - r d with a dead time d at the rate r; here r = 20 Hz.
    expected = [1, 2**-0.5, 0.5, 1 / 3, 1 - 20 * 0.005, 1 - 20 * 0.02]
    assert [p.cv for p in PROCESSES.values()] == pytest.approx(expected)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("shape", [1, 2, 4, 9])
def test_cv2(shape, seed):
    # I[i] / (I[i] + I[i+1]) of gamma intervals has a symmetric beta distribution of the same shape. Neighbours
    # share an interval, which at most triples the variance of the mean.
    expected = 2 * 2 ** (1 - 2 * shape) / (shape * beta(shape, shape))
    variance = 4 / (2 * shape + 1) - expected**2
    train = Renewal(shape, 0.05 / shape).train(N, seed)
    assert st.isi_cv2(train * second) == pytest.approx(expected, abs=4 * np.sqrt(3 * variance / N))
    if shape == 1:
        assert expected == pytest.approx(1)


@pytest.mark.parametrize("seed", SEEDS)
def test_fano_of_poisson_is_one_in_every_window(seed):
    train = PROCESSES["Poisson"].train(N, seed)
    duration = 0.99 * train[-1]
    table = fano_curve(train[train < duration] * second, duration * second, [2, 10, 50, 200, 1000, 4000] * ms)
    assert table["window_ms"].tolist() == pytest.approx([2, 10, 50, 200, 1000, 4000])
    assert table["windows"].tolist() == [int(duration / w) for w in (0.002, 0.01, 0.05, 0.2, 1, 4)]
    # Counts of few spikes vary more than normal ones: var(F) has a further 1 / (windows * mean count).
    error = np.sqrt(table["fano_se"] ** 2 + 1 / (table["windows"] * table["mean_count"]))
    assert (np.abs(table["fano"] - 1) < 4 * error).all()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", PROCESSES)
def test_fano_of_long_windows_tends_to_the_square_of_the_cv(name, seed):
    process = PROCESSES[name]
    train = process.train(N, seed)
    duration = 0.99 * train[-1]
    table = fano_curve(train[train < duration] * second, duration * second, [0.5, 1, 2] * second)
    for window, fano, error in zip((0.5, 1, 2), table["fano"], table["fano_se"], strict=True):
        assert fano == pytest.approx(process.fano(window), abs=4 * error)
    assert process.fano(1e3) == pytest.approx(process.cv**2, rel=1e-3)


def test_short_windows_hide_the_regularity():
    # A window shorter than the dead time holds no spike or one: F = 1 - r * window, exactly.
    process = PROCESSES["dead time 20 ms"]
    train = process.train(N, 3)
    duration = 0.99 * train[-1]
    row = fano_curve(train[train < duration] * second, duration * second, [10] * ms).iloc[0]
    assert row["fano"] == pytest.approx(1 - row["mean_count"], rel=1e-4)


def test_fano_curve_without_spikes_or_with_one_window():
    silent = fano_curve([] * second, 1 * second, [100, 200] * ms)
    assert silent["fano"].isna().all() and silent["mean_count"].eq(0).all()
    single = fano_curve([0.1, 0.2] * second, 1 * second, [1] * second)
    assert single["windows"].iloc[0] == 1 and np.isnan(single["fano"].iloc[0])
    with pytest.raises(ValueError, match="longer than the duration"):
        fano_curve([0.1, 0.2] * second, 1 * second, [0.1, 2] * second)
    with pytest.raises(ValueError, match="greater than zero"):
        fano_curve([0.1, 0.2] * second, 1 * second, [0] * second)


# ------------------------------------------------------------------------------------------ adapting neuron


@pytest.mark.parametrize(("first", "last"), [(0.02, 0.1), (0.05, 0.06), (0.1, 0.03)])
def test_a_neuron_that_adapts_exponentially(first, last):
    """Intervals ``I_n = I_inf - (I_inf - I_0) exp(-n / n0)`` from the first spike 30 ms after the step."""
    n = np.arange(20)
    isi = last - (last - first) * np.exp(-n / 4)
    train = 1 + 0.03 + np.concatenate(([0], np.cumsum(isi)))
    row = fi_from_spikes([train * second], [50] * pA, 1 * second, (train[-1] + 0.01) * second).iloc[0]
    # From the second interval on, (I[n+1] - I[n]) / (I[n+1] + I[n]), written with q = exp(-1 / n0).
    q, e = np.exp(-0.25), (last - first) * np.exp(-n[1:-1] / 4)
    assert row["adaptation_index"] == pytest.approx(np.mean(e * (1 - q) / (2 * last - e * (1 + q))), rel=1e-9)
    assert np.sign(row["adaptation_index"]) == np.sign(last - first)
    mean = last - (last - first) * (1 - q**20) / (1 - q) / 20
    assert row["isi_mean_ms"] == pytest.approx(mean * 1e3)
    assert row["latency_ms"] == pytest.approx(30)
    assert row["rate_hz"] == pytest.approx(21 / (train[-1] + 0.01 - 1))
    # Neighbouring intervals differ little, so the local variability stays below the global one.
    assert row["isi_cv2"] < row["isi_cv"]


def test_f_i_curve_of_a_leaky_integrate_and_fire_neuron():
    """f(I) = 1 / (t_ref + tau ln(R I / (R I - V_th))), from rest the first spike after tau ln(...)."""
    tau, refractory, threshold = 0.02, 0.002, 50.0  # s, s, pA
    amplitudes = np.array([20, 40, 49, 51, 60, 80, 100, 150, 200.0])
    trains = []
    for drive in amplitudes:
        charge = tau * np.log(drive / (drive - threshold)) if drive > threshold else np.inf
        train = charge + np.arange(2000) * (charge + refractory) if np.isfinite(charge) else np.array([])
        trains.append(train[train <= 2] * second)
    summary = fi_summary(fi_from_spikes(trains, amplitudes * pA, 0 * second, 2 * second)).iloc[0]
    assert summary["rheobase_pA"] == 51
    assert summary["latency_rheobase_ms"] == pytest.approx(20 * np.log(51), rel=1e-9)
    assert summary["latency_min_ms"] == pytest.approx(20 * np.log(200 / 150), rel=1e-9)
    above = amplitudes[amplitudes > threshold]
    exact = 1 / (refractory + tau * np.log(above / (above - threshold)))
    # Whole spikes over 2 s: each rate is off by less than 0.5 Hz.
    assert summary["rate_max_hz"] == pytest.approx(exact[-1], abs=0.5)
    assert summary["gain_hz_per_pA"] == pytest.approx(np.polyfit(above, exact, 1)[0], abs=0.5 / np.std(above))
    assert summary["isi_cv_median"] == pytest.approx(0, abs=1e-9)


# ---------------------------------------------------------------------------------------- coincidence factor


def slow_train(n, seed):
    """Spikes 80 to 160 ms apart, so that no precision used here reaches from one to the next."""
    return np.cumsum(np.random.default_rng(seed).uniform(0.08, 0.16, n))


def copies(times, sd_s, kept, count, seed):
    generator = np.random.default_rng(seed)
    return [
        np.sort((times + generator.normal(0, sd_s, times.size))[generator.random(times.size) < kept]) * second
        for _ in range(count)
    ]


def expected_gamma(share, n_reference, n_other, duration_s, precision_s):
    chance = 2 * n_other / duration_s * precision_s
    return (share * n_reference - chance * n_reference) / (0.5 * (n_reference + n_other)) / (1 - chance)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kept", [1.0, 0.7])
@pytest.mark.parametrize("sd_ms", [1.0, 2.5, 6.0])
@pytest.mark.parametrize("precision_ms", [2.0, 4.0])
def test_gamma_of_a_copy_with_jitter_and_lost_spikes(seed, kept, sd_ms, precision_ms):
    n = 4000
    times = slow_train(n, seed)
    duration = times[-1] + 0.1
    other = copies(times, sd_ms * 1e-3, kept, 1, 100 + seed)[0]
    share = kept * erf(precision_ms / sd_ms / np.sqrt(2))
    found = st.coincidence_factor(times * second, other, duration * second, precision_ms * ms)
    expected = expected_gamma(share, n, len(other), duration, precision_ms * 1e-3)
    # A binomial number of coincidences; a factor of n / mean count over 1 - chance turns it into Gamma.
    error = np.sqrt(share * (1 - share) / n) * n / (0.5 * (n + len(other))) / 0.9
    assert found == pytest.approx(expected, abs=4 * error)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("model_sd_ms", [0.0, 2.0, 5.0])
def test_normalised_coincidence_factor_of_jittered_copies(seed, model_sd_ms):
    n, sd = 3000, 2e-3
    times = slow_train(n, seed)
    duration = times[-1] + 0.1
    recorded = copies(times, sd, 1, 5, 200 + seed)
    model = copies(times, model_sd_ms * 1e-3, 1, 3, 300 + seed)
    found = normalised_coincidence_factor(recorded, model, duration * second, 4 * ms)
    within = erf(4e-3 / np.sqrt(2 * sd**2) / np.sqrt(2))
    between = erf(4e-3 / np.hypot(sd, model_sd_ms * 1e-3) / np.sqrt(2))
    reliable = expected_gamma(within, n, n, duration, 4e-3)
    gamma = expected_gamma(between, n, n, duration, 4e-3)
    # The pairs share trains; the error of a single pair is an upper bound.
    error = 4 * 0.5 / np.sqrt(n)
    assert found.reliability == pytest.approx(reliable, abs=error)
    assert found.gamma == pytest.approx(gamma, abs=error)
    assert found.normalised == pytest.approx(gamma / reliable, abs=2 * error / reliable)
    assert found.normalised == pytest.approx(found.gamma / found.reliability, rel=1e-12)
    assert found.reliability == pytest.approx(st.reliability(recorded, duration * second, 4 * ms), rel=1e-12)
    if model_sd_ms == 0:
        assert found.normalised > 1
    if model_sd_ms == 5:
        assert found.normalised < 0.8


@pytest.mark.parametrize("seed", SEEDS)
def test_an_unrelated_model_has_a_normalised_factor_of_zero(seed):
    times = slow_train(3000, seed)
    duration = times[-1] + 0.1
    model = [slow_train(3000, 400 + 10 * seed + k) for k in range(4)]
    model = [t[t < duration] * second for t in model]
    found = normalised_coincidence_factor(copies(times, 1e-3, 1, 4, seed), model, duration * second)
    # About 200 chance coincidences of 3000 spikes, SD 14 for one model train, 7 for the mean of four.
    assert found.gamma == pytest.approx(0, abs=4 * 7 / 3000)
    assert abs(found.normalised) < 0.012


def test_normalised_factor_at_the_edges():
    train, silent = np.arange(0.1, 5, 0.1) * second, [] * second
    found = normalised_coincidence_factor([train, train], [train], 5 * second)
    assert (found.normalised, found.gamma, found.reliability) == pytest.approx((1, 1, 1))
    assert normalised_coincidence_factor([train, train], [silent], 5 * second).normalised == 0
    nothing = normalised_coincidence_factor([silent, silent], [silent], 5 * second)
    assert np.isnan(nothing.normalised) and np.isnan(nothing.gamma) and np.isnan(nothing.reliability)
    # Repeats that avoid each other predict nothing, so there is nothing to normalise by.
    unreliable = normalised_coincidence_factor([train, train[:-1] + 50 * ms], [train], 5 * second)
    assert unreliable.reliability < 0 and np.isnan(unreliable.normalised)
    with pytest.raises(ValueError, match="at least one model train"):
        normalised_coincidence_factor([train, train], [], 5 * second)
    with pytest.raises(ValueError, match="two repeats"):
        normalised_coincidence_factor([train], [train], 5 * second)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("sd_ms", [0.5, 2.0])
def test_jitter_of_copies(seed, sd_ms):
    # The standard error of a median-based SD is 1.17 / sqrt(n) of it; pairs share spikes, so n spikes count.
    repeats = copies(slow_train(2000, seed), sd_ms * 1e-3, 0.8, 4, seed)
    assert float(st.spike_time_jitter(repeats) / ms) == pytest.approx(sd_ms, rel=4 * 1.17 / np.sqrt(2000))


def test_rate_of_a_poisson_train():
    train = PROCESSES["Poisson"].train(N, 1)
    rate = float(st.firing_rate(train * second, train[-1] * second) / Hz)
    assert rate == pytest.approx(20, rel=4 / np.sqrt(N))
