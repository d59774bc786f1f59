"""Features of voltage traces and f-I curves: known answers, and eFEL against the spike-train code."""

import efel
import numpy as np
import pytest
from brian2 import DimensionMismatchError, Hz, mA, ms, mV, nA, nF, ohm, pA, pF, second, volt
from scipy.integrate import solve_ivp

from memneuro.biology import action_potential_energy, gain, latency, rheobase, spike_times, step_features
from memneuro.biology import trains as st

RAPHE_STEPS = ["DRN159", "DRN160", "DRN162", "DRN163", "DRN165"]


def trace(peaks_s, duration_s=1.0, rate_hz=10_000, half_width_s=2e-3, base_mv=-70.0, height_mv=100.0):
    """Triangular spikes of a given width at half height on a flat baseline."""
    time = np.arange(int(duration_s * rate_hz)) / rate_hz
    voltage = np.full(time.size, base_mv)
    for peak in peaks_s:
        voltage = np.maximum(voltage, base_mv + height_mv * (1 - np.abs(time - peak) / half_width_s))
    return time * second, voltage * mV


def test_spike_times_are_the_peaks():
    peaks = [0.1, 0.25, 0.3, 0.7]
    assert np.allclose(spike_times(*trace(peaks)) / second, peaks, atol=1e-9)
    assert len(spike_times(*trace([]))) == 0


def test_the_threshold_decides_what_is_a_spike():
    time, voltage = trace([0.2, 0.6], height_mv=60.0)  # peaks at -10 mV
    assert len(spike_times(time, voltage)) == 0
    assert len(spike_times(time, voltage, threshold=-20 * mV)) == 2


def test_a_gate_voltage_in_volts_goes_through_the_same_code():
    time, voltage = trace([0.2, 0.6], base_mv=0.0, height_mv=1000.0)
    assert np.allclose(spike_times(time, voltage, threshold=0.22 * volt) / second, [0.2, 0.6], atol=1e-9)


def test_step_features_of_a_known_train():
    peaks = [0.05, 0.25, 0.30, 0.40, 0.60, 0.95]
    found = step_features(*trace(peaks), 0.2 * second, 0.8 * second)
    assert np.allclose(found.spike_times / second, peaks[1:5], atol=1e-9)
    assert float(found.latency / ms) == pytest.approx(50)
    assert float(found.mean_frequency / Hz) == pytest.approx(4 / 0.4)
    assert found.adaptation_index == pytest.approx((0.2 - 0.1) / 0.3)
    assert found.isi_cv == pytest.approx(np.std([0.05, 0.1, 0.2], ddof=1) / np.mean([0.05, 0.1, 0.2]))
    assert float(found.half_width / ms) == pytest.approx(2, abs=0.11)


def test_a_silent_step_gives_nan():
    found = step_features(*trace([0.05]), 0.2 * second, 0.8 * second)
    assert len(found.spike_times) == 0
    for value in (
        found.latency,
        found.mean_frequency,
        found.isi_cv,
        found.adaptation_index,
        found.half_width,
    ):
        assert np.isnan(float(value))


def test_the_users_efel_settings_are_left_alone():
    efel.set_setting("Threshold", -33.0)
    try:
        step_features(*trace([0.3]), 0.2 * second, 0.8 * second)
        assert efel.get_settings().Threshold == -33.0
        assert efel.get_settings().strict_stiminterval is False
        assert efel.get_settings().ignore_first_ISI is True
    finally:
        efel.reset()


@pytest.mark.parametrize("cell", RAPHE_STEPS)
def test_spike_train_code_agrees_with_efel_on_recorded_steps(recorded, cell):
    recording = recorded(f"raphe/{cell}")
    start, end = 2.1782 * second, 3.1782 * second
    compared = 0
    for sweep in recording.sweeps:
        found = step_features(sweep.time, sweep.voltage, start, end)
        train = found.spike_times
        for ours, efels in (
            (st.isi_cv(train), found.isi_cv),
            (st.adaptation_index(train), found.adaptation_index),
            (float(latency(train, start) / ms), float(found.latency / ms)),
        ):
            assert ours == pytest.approx(efels, rel=1e-6, nan_ok=True)
            compared += not np.isnan(ours)
    assert compared > 5


def measured(time_ms, voltage_mv, start_ms, end_ms, threshold_mv):
    """Spikes and their features straight from the samples of a step, without eFEL.

    A spike is an excursion above the threshold. Its width is taken, between samples by straight lines, half way
    from the peak to the trough, the first sample after it that is no higher than the 0.3 ms that follow.
    """
    during = (time_ms >= start_ms) & (time_ms <= end_ms)
    t, v = time_ms[during], voltage_mv[during]
    above = np.concatenate(([False], v > threshold_mv, [False]))
    rises, falls = np.flatnonzero(above[1:] & ~above[:-1]), np.flatnonzero(above[:-1] & ~above[1:])
    peaks = np.array([rise + np.argmax(v[rise:fall]) for rise, fall in zip(rises, falls, strict=True)], dtype=int)
    ahead = max(round(0.3 / (t[1] - t[0])), 1)
    widths = []
    for peak in peaks:
        lowest = (i for i in range(peak, t.size - ahead) if v[i] <= v[i + 1 : i + 1 + ahead].min())
        trough = next(lowest, peak + np.argmin(v[peak:]))
        half = (v[peak] + v[trough]) / 2
        before = peak - np.argmax(v[peak::-1] <= half)
        after = peak + np.argmax(v[peak:] <= half)
        left = np.interp(half, v[before : before + 2], t[before : before + 2])
        right = np.interp(-half, -v[after - 1 : after + 1], t[after - 1 : after + 1])
        widths.append(right - left)
    return t[peaks], np.array(widths)


def assert_efel_agrees(found, peaks, widths, start_ms, spacing_ms):
    """eFEL's features against those of spikes found otherwise: peaks to one sample, features to 1 %."""
    assert len(found.spike_times) == peaks.size
    if peaks.size == 0:
        return
    # A peak can be flat over several samples.
    assert np.max(np.abs(np.asarray(found.spike_times / ms) - peaks)) <= 2.01 * spacing_ms
    train = peaks * ms
    assert float(found.latency / ms) == pytest.approx(float(latency(train, start_ms * ms) / ms), rel=0.01)
    assert float(found.mean_frequency / Hz) == pytest.approx(1e3 * peaks.size / (peaks[-1] - start_ms), rel=0.01)
    assert found.isi_cv == pytest.approx(st.isi_cv(train), rel=0.01, abs=1e-4, nan_ok=True)
    assert found.adaptation_index == pytest.approx(st.adaptation_index(train), rel=0.01, abs=2e-4, nan_ok=True)
    assert float(found.half_width / ms) == pytest.approx(np.median(widths), rel=0.01)


@pytest.mark.parametrize("cell", RAPHE_STEPS)
def test_efel_agrees_with_the_samples_of_recorded_steps(recorded, cell):
    spikes = 0
    for sweep in recorded(f"raphe/{cell}").sweeps:
        time, voltage = np.asarray(sweep.time / ms), np.asarray(sweep.voltage / mV)
        peaks, widths = measured(time, voltage, 2178.2, 3178.2, -5)
        found = step_features(sweep.time, sweep.voltage, 2178.2 * ms, 3178.2 * ms)
        assert_efel_agrees(found, peaks, widths, 2178.2, 0.1)
        spikes += peaks.size
    assert spikes > 10


@pytest.mark.parametrize("drive", [5.0, 10.0, 20.0])
def test_efel_agrees_with_the_samples_of_a_simulated_neuron(drive):
    """Hodgkin-Huxley equations in their usual form, a current step from 50 to 450 ms."""

    def slope(time, state):
        v, m, h, n = state
        current = drive if 50 <= time < 450 else 0.0
        ionic = 120 * m**3 * h * (v - 50) + 36 * n**4 * (v + 77) + 0.3 * (v + 54.4)
        return [
            current - ionic,
            0.1 * (v + 40) / (1 - np.exp(-(v + 40) / 10)) * (1 - m) - 4 * np.exp(-(v + 65) / 18) * m,
            0.07 * np.exp(-(v + 65) / 20) * (1 - h) - h / (1 + np.exp(-(v + 35) / 10)),
            0.01 * (v + 55) / (1 - np.exp(-(v + 55) / 10)) * (1 - n) - 0.125 * np.exp(-(v + 65) / 80) * n,
        ]

    time = np.arange(0, 500, 0.02)
    rest = [-65, 0.053, 0.596, 0.318]
    run = solve_ivp(slope, (0, 500), rest, t_eval=time, method="LSODA", max_step=0.5, rtol=1e-7, atol=1e-8)
    peaks, widths = measured(time, run.y[0], 50, 450, -5)
    assert peaks.size >= 1
    found = step_features(time * ms, run.y[0] * mV, 50 * ms, 450 * ms)
    assert_efel_agrees(found, peaks, widths, 50, 0.02)


@pytest.mark.parametrize("rise_ms", [0.4, 1.0])
@pytest.mark.parametrize("fall_ms", [0.8, 2.0])
def test_half_width_of_a_synthetic_action_potential(rise_ms, fall_ms):
    # Half a Gaussian up and half a Gaussian down: the width at half height is sqrt(2 ln 2) times the sum of the SDs.
    time = np.arange(0, 1000, 0.02)
    voltage = np.full(time.size, -70.0)
    for peak in (300, 420, 560):
        sd = np.where(time < peak, rise_ms, fall_ms)
        voltage += 110 * np.exp(-0.5 * ((time - peak) / sd) ** 2)
    found = step_features(time * ms, voltage * mV, 200 * ms, 800 * ms)
    assert float(found.half_width / ms) == pytest.approx(np.sqrt(2 * np.log(2)) * (rise_ms + fall_ms), rel=0.01)
    assert np.allclose(found.spike_times / ms, [300, 420, 560])
    _, widths = measured(time, voltage, 200, 800, -5)
    assert np.median(widths) == pytest.approx(float(found.half_width / ms), rel=0.01)


def test_energy_of_an_action_potential():
    # 100 pF * 100 mV = 10 pC, or 6.24e7 ions; a third of that in ATP of 8.3e-20 J is 1.727 pJ.
    least = action_potential_energy(100 * pF, 100 * mV, overlap=1)
    assert float(least) * 1e12 == pytest.approx(1.7269, rel=1e-4)
    assert float(action_potential_energy(100 * pF, 100 * mV)) * 1e12 == pytest.approx(1.24 * 1.7269, rel=1e-4)
    # Per charge a third of 8.3e-20 J, which is 0.173 eV.
    assert float(least / (100 * pF * 100 * mV) / volt) == pytest.approx(8.3e-20 / 1.602176634e-19 / 3)
    several = action_potential_energy([50, 100] * pF, [80, 110] * mV)
    assert np.allclose(np.asarray(several) * 1e12, 1.24 * 1.7269 * np.array([0.4, 1.1]), rtol=1e-4)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: action_potential_energy(0 * pF, 100 * mV), ValueError, "capacitance must be greater than zero"),
        (lambda: action_potential_energy(1 * nF, -1 * mV), ValueError, "amplitude must be greater than zero"),
        (lambda: action_potential_energy(1 * nF, np.nan * mV), ValueError, "amplitude must be greater than zero"),
        (lambda: action_potential_energy(1 * nF, 1 * mV, 0.5), ValueError, "overlap must be at least 1"),
        (lambda: action_potential_energy(1 * ohm, 1 * mV), DimensionMismatchError, "capacitance"),
    ],
)
def test_energy_refuses_what_cannot_be(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_latency():
    train = np.array([0.1, 0.5, 0.6]) * second
    assert float(latency(train, 0.2 * second) / ms) == pytest.approx(300)
    assert np.isnan(float(latency(train, 0.7 * second)))
    assert np.isnan(float(latency([], 0 * second)))


def test_rheobase_and_gain_of_a_threshold_linear_cell():
    amplitudes = np.array([-20, 0, 20, 40, 60, 80, 100]) * pA
    rates = np.maximum(0, 0.5 * (np.array([-20, 0, 20, 40, 60, 80, 100]) - 30)) * Hz
    assert float(rheobase(amplitudes, rates) / pA) == pytest.approx(40)
    assert float(gain(amplitudes, rates) / (Hz / pA)) == pytest.approx(0.5)
    shuffled = np.random.default_rng(0).permutation(7)
    assert float(rheobase(amplitudes[shuffled], rates[shuffled]) / pA) == pytest.approx(40)
    assert float(gain(amplitudes[shuffled], rates[shuffled]) / (Hz / nA)) == pytest.approx(500)


def test_rheobase_and_gain_without_enough_firing():
    amplitudes = np.array([10, 20, 30]) * pA
    assert np.isnan(float(rheobase(amplitudes, [0, 0, 0] * Hz)))
    assert np.isnan(float(gain(amplitudes, [0, 0, 0] * Hz)))
    assert float(rheobase(amplitudes, [0, 0, 5] * Hz) / pA) == pytest.approx(30)
    assert np.isnan(float(gain(amplitudes, [0, 0, 5] * Hz)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t, v: step_features(t, v, 0.5 * second, 0.2 * second), "must lie within the trace"),
        (lambda t, v: step_features(t, v, 0.5 * second, 2 * second), "must lie within the trace"),
        (lambda t, v: spike_times(t[:-1], v), "equally long"),
        (lambda t, v: spike_times(t[:5], v[:5]), "at least 10 samples"),
        (lambda t, v: spike_times(t[::-1], v), "must increase"),
        (lambda t, v: spike_times(t, v * np.nan), "not finite"),
        (lambda t, v: gain(np.ones(3) * pA, np.ones(2) * Hz), "equally long"),
    ],
)
def test_bad_input_says_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call(*trace([0.3]))


def test_wrong_units_are_refused():
    time, voltage = trace([0.3])
    with pytest.raises(DimensionMismatchError, match="voltage"):
        spike_times(time, np.asarray(voltage) * mA)
    with pytest.raises(DimensionMismatchError, match="time"):
        spike_times(np.asarray(time), voltage)
