"""Tables of responses: known answers from synthetic neurons, and the recorded cells."""

import numpy as np
import pandas as pd
import pytest
from brian2 import Hz, ms, mV, nA, pA, second, siemens
from scipy.signal import find_peaks

from memneuro.biology import (
    dimensionless,
    fi_from_spikes,
    fi_from_traces,
    fi_summary,
    fi_table,
    firing_rate,
    reliability_from_spikes,
    reliability_pairs,
    reliability_table,
    repeated_trains,
    spike_times,
)

# Measured with the default settings: rheobase pA, gain Hz/pA, latency at rheobase ms, largest rate Hz.
STEPS = {
    "raphe/DRN159": (29.9, 0.0748, 182.7, 7),
    "raphe/DRN160": (61.6, 0.0371, 722.6, 5),
    "raphe/DRN162": (60.4, 0.0855, 386.3, 7),
    "raphe/DRN163": (61.0, 0.0425, 408.5, 5),
    "raphe/DRN165": (71.4, 0.0394, 573.1, 5),
    "patch_clamp/171116sh_0018": (50.0, 0.0655, 250.5, 18),
    "patch_clamp/18711001": (70.0, 0.0466, 89.1, 14),
}
REPEATS = ["DRN158", "DRN159", "DRN160", "DRN162", "DRN165"]


def regular(rate_hz, start_s, end_s, latency_s):
    return np.arange(start_s + latency_s, end_s, 1 / rate_hz) * second if rate_hz else np.array([]) * second


# ----------------------------------------------------------------------------------------- f-I from spikes


def test_fi_from_spikes_of_regular_trains():
    rates = [0, 0, 5, 10, 20]
    spikes = [regular(rate, 1, 3, 0.02) for rate in rates]
    table = fi_from_spikes(spikes, np.array([-10, 0, 10, 20, 40]) * pA, 1 * second, 3 * second)
    assert list(table["rate_hz"]) == pytest.approx(rates)
    assert list(table["amplitude_pA"]) == pytest.approx([-10, 0, 10, 20, 40])
    assert table["latency_ms"].isna().tolist() == [True, True, False, False, False]
    assert np.allclose(table["latency_ms"][2:], 20)
    assert np.allclose(table["isi_mean_ms"][2:], [200, 100, 50])
    assert np.allclose(table["isi_cv"][2:], 0, atol=1e-9)
    summary = fi_summary(table).iloc[0]
    assert summary["rheobase_pA"] == pytest.approx(10)
    assert summary["gain_hz_per_pA"] == pytest.approx(0.5)
    assert summary["rate_max_hz"] == pytest.approx(20)
    assert summary["latency_rheobase_ms"] == pytest.approx(20)


def test_spikes_outside_the_step_do_not_count():
    train = np.array([0.1, 0.9, 1.2, 1.6, 2.5]) * second
    row = fi_from_spikes([train], [5] * nA, 1 * second, 2 * second).iloc[0]
    assert row["spikes"] == 2
    assert row["amplitude_pA"] == pytest.approx(5000)
    assert row["latency_ms"] == pytest.approx(200)


def test_a_voltage_drive_gets_its_own_unit():
    table = fi_from_spikes([regular(10, 0, 1, 0.01)], [800] * mV, 0 * second, 1 * second)
    assert table["amplitude_mV"].iloc[0] == pytest.approx(800)
    assert fi_summary(table)["rheobase_mV"].iloc[0] == pytest.approx(800)


def test_traces_and_spikes_of_the_same_neuron_give_the_same_table():
    time = np.arange(20_000) / 10_000
    trains = [np.array([0.6, 0.8, 1.1, 1.3]), np.array([0.55, 0.7, 0.8, 1.0, 1.2, 1.45]), np.array([])]
    voltages = []
    for train in trains:
        voltage = np.full(time.size, -70.0)
        for peak in train:
            voltage = np.maximum(voltage, -70 + 100 * (1 - np.abs(time - peak) / 2e-3))
        voltages.append(voltage * mV)
    amplitudes = [10, 20, -10] * pA
    window = (0.5 * second, 1.5 * second)
    from_traces = fi_from_traces(time * second, voltages, amplitudes, *window)
    from_spikes = fi_from_spikes([train * second for train in trains], amplitudes, *window)
    pd.testing.assert_frame_equal(from_traces[from_spikes.columns], from_spikes, rtol=1e-6)
    assert np.allclose(from_traces["half_width_ms"][:2], 2, atol=0.11)
    assert from_traces["mean_frequency_hz"][0] == pytest.approx(4 / 0.8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: fi_from_spikes([[] * second], [1, 2] * pA, 0 * second, 1 * second),
            "one amplitude per spike",
        ),
        (lambda: fi_from_spikes([[] * second], [1] * pA, 1 * second, 1 * second), "must end after it starts"),
        (
            lambda: fi_from_spikes([[] * second], [1] * siemens, 0 * second, 1 * second),
            "currents or voltages",
        ),
        (lambda: fi_summary(pd.DataFrame({"x": [1]})), "no column amplitude_pA"),
    ],
)
def test_bad_input_says_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --------------------------------------------------------------------------------------------- reliability


def test_identical_repeats_are_perfectly_reliable():
    train = regular(8, 0, 10, 0.01)
    row = reliability_from_spikes([train] * 5, 10 * second).iloc[0]
    assert row["repeats"] == 5
    assert row["gamma_mean"] == pytest.approx(1)
    assert row["gamma_sd"] == pytest.approx(0, abs=1e-12)
    assert row["jitter_ms"] == 0
    assert row["fano_across_repeats"] == 0
    assert row["rate_mean_hz"] == pytest.approx(8)
    assert row["rate_sd_hz"] == pytest.approx(0, abs=1e-12)


def test_jittered_repeats():
    generator = np.random.default_rng(3)
    times = np.cumsum(generator.uniform(0.08, 0.3, 300))
    repeats = [np.sort(times + generator.normal(0, 2e-3, times.size)) * second for _ in range(8)]
    row = reliability_from_spikes(repeats, (times[-1] + 1) * second).iloc[0]
    assert row["jitter_ms"] == pytest.approx(2, rel=0.06)
    # The difference of two times has SD 2.83 ms, so a share P(|z| < 4 / 2.83) = 0.843 coincides.
    share = 0.8427
    rate = 300 / (times[-1] + 1)
    chance = 2 * rate * 0.004
    assert row["gamma_mean"] == pytest.approx((share - chance) / (1 - chance), abs=0.02)


def test_pairs_are_all_ordered_pairs():
    pairs = reliability_pairs([regular(8, 0, 10, 0.01), regular(4, 0, 10, 0.01)], 10 * second)
    assert list(zip(pairs["repeat_reference"], pairs["repeat_other"], strict=True)) == [(0, 1), (1, 0)]
    assert pairs["gamma"].between(0.5, 0.75).all()


# ------------------------------------------------------------------------------------------- dimensionless


def test_time_scales_cancel():
    """The same neuron in slow motion, driven by another current, has the same dimensionless table."""
    slow = [regular(rate, 0, 20, 0.2) for rate in (0, 1, 2)]
    fast = [train / 100 for train in slow]
    one = fi_from_spikes(slow, [10, 20, 40] * pA, 0 * second, 20 * second)
    two = fi_from_spikes(fast, [1, 2, 4] * nA, 0 * second, 0.2 * second)
    scaled = [
        dimensionless(one, 100 * ms, 20 * pA),
        dimensionless(two, 1 * ms, 2 * nA),
    ]
    assert {"rate", "latency", "amplitude", "isi_mean", "isi_cv"} <= set(scaled[0].columns)
    assert list(scaled[0]["rate"]) == pytest.approx([0, 0.1, 0.2])
    assert list(scaled[0]["amplitude"]) == pytest.approx([0.5, 1, 2])
    columns = [c for c in scaled[0].columns if not c.endswith(("_ms", "_pA"))]
    pd.testing.assert_frame_equal(scaled[0][columns], scaled[1][columns], rtol=1e-9)
    assert scaled[1]["time_scale_ms"].iloc[0] == pytest.approx(1)
    assert scaled[1]["drive_scale_pA"].iloc[0] == pytest.approx(2000)
    gains = [
        dimensionless(fi_summary(one), 100 * ms, 20 * pA)["gain"].iloc[0],
        dimensionless(fi_summary(two), 1 * ms, 2 * nA)["gain"].iloc[0],
    ]
    assert gains == pytest.approx([0.1, 0.1])


def test_a_missing_drive_scale_leaves_the_amplitudes_in_their_unit():
    table = fi_from_spikes([regular(10, 0, 1, 0.01)], [20] * pA, 0 * second, 1 * second)
    assert "amplitude_pA" in dimensionless(table, 10 * ms)
    assert "amplitude_pA" in dimensionless(table, 10 * ms, 5 * mV)


def test_a_scale_must_be_positive_and_of_the_right_kind():
    table = fi_from_spikes([regular(10, 0, 1, 0.01)], [20] * pA, 0 * second, 1 * second)
    with pytest.raises(ValueError, match="time_scale must be greater than zero"):
        dimensionless(table, 0 * ms)
    with pytest.raises(ValueError, match="current_scale must be greater than zero"):
        dimensionless(table, 1 * ms, 0 * pA)  # the rheobase of a spontaneously active cell
    with pytest.raises(ValueError, match="currents or voltages"):
        dimensionless(table, 1 * ms, 1 * siemens)


# ------------------------------------------------------------------------------------------ recorded cells


@pytest.mark.parametrize("name", STEPS)
def test_fi_of_recorded_cells(recorded, name):
    table = fi_table(recorded(name))
    summary = fi_summary(table).iloc[0]
    rheobase, gain, latency, largest = STEPS[name]
    assert summary["rheobase_pA"] == pytest.approx(rheobase, abs=0.1)
    assert summary["gain_hz_per_pA"] == pytest.approx(gain, rel=0.01)
    assert summary["latency_rheobase_ms"] == pytest.approx(latency, abs=0.2)
    assert summary["rate_max_hz"] == pytest.approx(largest)
    # What any such cell must show: none fires without depolarisation, the latency shortens as the step grows.
    assert (table.loc[table["amplitude_pA"] < 5, "spikes"] == 0).all()
    assert table["latency_ms"].dropna().iloc[0] == table["latency_ms"].max()
    assert table["half_width_ms"].dropna().between(0.8, 4).all()


def test_the_fast_spiking_cell_fires_fast_and_regularly(recorded):
    table = fi_table(recorded("patch_clamp/2019_07_24_0055_fsi"))
    last = table.iloc[-1]
    assert last["rate_hz"] == pytest.approx(128)
    assert last["isi_cv"] < 0.06
    assert last["half_width_ms"] == pytest.approx(1.07, abs=0.05)
    assert fi_summary(table)["rheobase_pA"].iloc[0] <= 0  # it fires spontaneously


def test_the_second_step_of_a_sweep(recorded):
    recording = recorded("patch_clamp/171116sh_0018")
    table = fi_table(recording, step=1)
    assert (table["holding_pA"] == -100).all()  # the step comes after a hyperpolarising one
    assert table["amplitude_pA"].iloc[-1] == pytest.approx(400)
    with pytest.raises(ValueError, match="has 2 steps in each sweep"):
        fi_table(recording, step=2)


@pytest.mark.parametrize("cell", REPEATS)
def test_reliability_of_recorded_cells(recorded, cell):
    row = reliability_table(recorded(f"raphe/{cell}", "test")).iloc[0]
    assert row["repeats"] == 10
    assert 0.5 < row["gamma_mean"] < 0.83
    assert 0.5 < row["jitter_ms"] < 3
    assert row["fano_across_repeats"] < 0.5  # far more regular than a Poisson process of the same rate
    assert row["duration_s"] == pytest.approx(9.6876, abs=1e-3)


@pytest.mark.parametrize(("cell", "protocol"), [(cell, "test") for cell in REPEATS] + [("DRN163", "training")])
def test_every_spike_is_found_and_nothing_else(recorded, cell, protocol):
    """Against another criterion: local maxima above -35 mV that the voltage reached faster than 6 mV/ms."""
    recording = recorded(f"raphe/{cell}", protocol)
    for sweep in recording.sweeps:
        voltage = np.asarray(sweep.voltage / mV)
        slope = np.diff(voltage) / 0.1
        peaks, _ = find_peaks(voltage, height=-35, distance=20)
        sharp = [p for p in peaks if p > 40 and slope[p - 20 : p].max() > 6]
        found = spike_times(sweep.time, sweep.voltage)
        assert len(found) == len(sharp)
        # Broad peaks can reach their height in several samples: the same height, up to 0.4 ms apart.
        at = np.round(np.asarray(found) * 1e4).astype(int)
        assert np.max(np.abs(at - np.array(sharp))) <= 4
        assert np.array_equal(voltage[at], voltage[sharp])


def test_different_cells_are_less_alike_than_repeats(recorded):
    """The same noise drove both cells, so they share more than chance, but less than repeats of one cell."""
    one, duration = repeated_trains(recorded("raphe/DRN159", "test"))
    two, _ = repeated_trains(recorded("raphe/DRN162", "test"))
    across = reliability_from_spikes([one[0], two[0]], duration)["gamma_mean"].iloc[0]
    within = reliability_from_spikes(one, duration)["gamma_mean"].iloc[0]
    assert 0.1 < across < within
    assert float(firing_rate(one[0], duration) / Hz) > 5


def test_reliability_needs_repeats_of_one_stimulus(recorded):
    with pytest.raises(ValueError, match="does not repeat one stimulus"):
        reliability_table(recorded("raphe/DRN159"))
    with pytest.raises(ValueError, match="single sweep"):
        reliability_table(recorded("raphe/DRN159", "training"))
