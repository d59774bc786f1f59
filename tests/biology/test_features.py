"""Features of voltage traces and f-I curves: known answers, and eFEL against the spike-train code."""

import efel
import numpy as np
import pytest
from brian2 import DimensionMismatchError, Hz, mA, ms, mV, nA, pA, second, volt

from memneuro.biology import gain, latency, rheobase, spike_times, step_features
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
