"""Bridge balance and active electrode compensation: against cells whose electrode is known, and the raphe cells."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from brian2 import DimensionMismatchError, Mohm, amp, ms, mV, nS, pA, second, volt
from scipy.signal import lfilter

from memneuro.biology import Recording, Sweep, compensate, electrode_kernel, load, spike_times

DT = 1e-4
N = 100_000
RESISTANCE = 20e6
# 20 Mohm that act at once, or with a time constant of 0.1 ms (so that 99 % are over within 0.5 ms)
INSTANT = np.array([RESISTANCE])
FILTERED = RESISTANCE * (1 - np.exp(-1)) * np.exp(-1.0 * np.arange(10))


def recording(voltage, current, dt=DT, **metadata) -> Recording:
    voltages, currents = np.atleast_2d(voltage), np.atleast_2d(current)
    time = np.arange(voltages.shape[1]) * dt * second
    return Recording(
        name="cell",
        protocol="aec",
        sweeps=tuple(Sweep(time, v * volt, i * amp) for v, i in zip(voltages, currents, strict=True)),
        sampling_interval=dt * second,
        current_source="recorded",
        source="unknown",
        licence="unknown",
        traps=("The voltage is not compensated for the access resistance: ...", "Another."),
        metadata=metadata,
        path=Path("cell.abf"),
    )


def noise(seed: int, sigma: float = 5e-12, tau: float = 3e-3) -> np.ndarray:
    """Current that fluctuates as in the raphe cells: 5 pA, correlated over 3 ms."""
    decay = np.exp(-DT / tau)
    steps = np.random.default_rng(seed).standard_normal(N) * sigma * np.sqrt(1 - decay**2)
    return lfilter([1], [1, -decay], steps)


def membrane(current: np.ndarray, resistance: float = 500e6, tau: float = 25e-3) -> np.ndarray:
    """Voltage of a passive membrane at rest at -65 mV."""
    decay = np.exp(-DT / tau)
    return -65e-3 + lfilter([resistance * (1 - decay)], [1, -decay], current)


def through(kernel: np.ndarray, current: np.ndarray, seed: int = 9, drift: float = 2e-3):
    """Recorded and membrane voltage of a passive cell behind an electrode, with noise of 50 uV and a drift."""
    electrode = np.convolve(current, kernel)[: current.size]
    cell = membrane(electrode / kernel.sum())
    recorded = cell + electrode + 50e-6 * np.random.default_rng(seed).standard_normal(N)
    return recorded + np.linspace(0, drift, N), cell


# ------------------------------------------------------------------------------------------- estimate


@pytest.mark.parametrize("kernel", [INSTANT, FILTERED], ids=["instant", "filtered"])
def test_a_known_electrode_is_found(kernel):
    current = noise(1)
    found = electrode_kernel(recording(through(kernel, current)[0], current))
    assert float(found.resistance / Mohm) == pytest.approx(20, abs=1.0)
    assert len(found.kernel) == 5
    padded = np.concatenate((kernel, np.zeros(5)))[:5]
    assert np.allclose(np.asarray(found.kernel), padded, atol=0.6e6)
    assert float(found.membrane_time_constant / ms) == pytest.approx(25, rel=0.1)
    assert float(found.membrane_resistance / Mohm) == pytest.approx(500, rel=0.1)
    assert len(found.full) == 1500
    assert found.sampling_interval == DT * second


def test_no_electrode_gives_no_resistance_to_speak_of():
    current = noise(1)
    try:
        found = float(electrode_kernel(recording(membrane(current), current)).resistance / Mohm)
    except ValueError as error:
        assert "no positive access resistance" in str(error)
    else:
        assert abs(found) < 0.5


def test_all_sweeps_count():
    currents = np.array([noise(1), noise(2)])
    voltages = np.array([through(FILTERED, current, seed)[0] for seed, current in enumerate(currents)])
    two = electrode_kernel(recording(voltages, currents))
    one = electrode_kernel(recording(voltages[0], currents[0]))
    assert float(two.resistance / Mohm) == pytest.approx(20, abs=1.0)
    assert two.resistance != one.resistance


def test_what_cannot_be_estimated_says_why():
    current = noise(1)
    voltage, _ = through(FILTERED, current)
    with pytest.raises(ValueError, match="constant current; needed is noise"):
        electrode_kernel(recording(voltage, np.full(N, 5e-12)))
    spiking = voltage.copy()
    spiking[500] = 0.02
    with pytest.raises(ValueError, match=r"has spikes: its voltage reaches 20.0 mV"):
        electrode_kernel(recording(spiking, current))
    with pytest.raises(ValueError, match="sweeps of 3000 samples; .* needs at least 15000"):
        electrode_kernel(recording(voltage[:3000], current[:3000]))
    for electrode in (0.01, 75):
        with pytest.raises(ValueError, match="at least 1 and fewer than half of the kernel's 1500"):
            electrode_kernel(recording(voltage, current), electrode * ms)
    with pytest.raises(ValueError, match="no positive access resistance"):
        electrode_kernel(recording(-voltage - 0.13, current))
    with pytest.raises(ValueError, match="length must be greater than zero"):
        electrode_kernel(recording(voltage, current), length=0 * ms)
    with pytest.raises(DimensionMismatchError):
        electrode_kernel(recording(voltage, current), electrode=1 * mV)


# ------------------------------------------------------------------------------------------- compensation


def test_bridge_balance_takes_resistance_times_current_out():
    current = np.array([[0, 0, 10e-12, 10e-12], [0, 0, -20e-12, 0]])
    voltage = -0.07 + 50e6 * current
    before = recording(voltage, current, access_resistance=50 * Mohm)
    after = compensate(before)
    for sweep in after.sweeps:
        assert np.allclose(sweep.voltage / mV, -70)
    assert np.allclose([s.current / pA for s in after.sweeps], current * 1e12)
    half = compensate(before, 25 * Mohm)
    assert np.allclose(half.sweeps[0].voltage / mV, [-70, -70, -69.75, -69.75])
    assert float(after.metadata["compensated_resistance"] / Mohm) == pytest.approx(50)
    assert after.metadata["access_resistance"] == 50 * Mohm
    assert after.traps == (
        "Another.",
        "The voltage has been compensated for an access resistance of 50. Mohm by bridge balance.",
    )
    assert np.allclose(before.sweeps[0].voltage / mV, voltage[0] * 1e3)  # as it was
    assert "compensated_resistance" not in before.metadata


def test_a_kernel_undoes_what_the_electrode_does():
    current = noise(1)
    calibration = electrode_kernel(recording(through(FILTERED, current)[0], current))
    other = 10 * noise(5)
    recorded, cell = through(FILTERED, other, drift=0.0)
    before = recording(recorded, other)
    by_kernel = compensate(before, kernel=calibration)
    by_bridge = compensate(before, calibration.resistance)

    def error(rec):
        return float(np.std(np.asarray(rec.sweeps[0].voltage) - cell))

    assert error(before) > 800e-6
    assert error(by_kernel) < 80e-6  # the noise of the recording alone is 50 uV
    assert error(by_kernel) < 0.5 * error(by_bridge)
    assert "by an electrode kernel" in by_kernel.traps[-1]


def test_before_the_sweep_the_current_is_that_of_its_first_sample():
    calibration = electrode_kernel(recording(through(FILTERED, noise(1))[0], noise(1)))
    current = np.full(100, -20e-12)
    after = compensate(recording(np.full(100, -0.07), current), kernel=calibration)
    expected = -70 + 20e-9 * float(calibration.resistance)
    assert np.allclose(after.sweeps[0].voltage / mV, expected)


def test_what_cannot_be_compensated_says_why():
    current = noise(1)
    before = recording(through(FILTERED, current)[0], current)
    calibration = electrode_kernel(before)
    with pytest.raises(ValueError, match="states no access resistance; give resistance= or kernel="):
        compensate(before)
    with pytest.raises(ValueError, match="a resistance or a kernel, not both"):
        compensate(before, 20 * Mohm, kernel=calibration)
    with pytest.raises(ValueError, match="compensated for 20. Mohm before"):
        compensate(compensate(before, 20 * Mohm), 20 * Mohm)
    with pytest.raises(ValueError, match="sampled every .*, the kernel every .*; needed is the same"):
        compensate(replace(before, sampling_interval=0.05 * ms), kernel=calibration)
    for wrong in (0 * Mohm, -5 * Mohm):
        with pytest.raises(ValueError, match="resistance must be greater than zero"):
            compensate(before, wrong)
    with pytest.raises(DimensionMismatchError):
        compensate(before, 20 * nS)


# ------------------------------------------------------------------------------------------- raphe cells


@pytest.mark.parametrize(
    ("cell", "resistance"),
    [("DRN158", 23.1), ("DRN159", 23.2), ("DRN160", 16.2), ("DRN162", 26.9), ("DRN163", 27.2), ("DRN165", 22.9)],
)
def test_the_electrodes_of_the_raphe_cells(recorded, cell, resistance):
    """The values themselves, and that they do not depend on which half of the recording they come from."""
    aec = recorded(f"raphe/{cell}", "aec")
    whole = electrode_kernel(aec)
    assert float(whole.resistance / Mohm) == pytest.approx(resistance, abs=0.1)
    (sweep,) = aec.sweeps
    half = len(sweep.time) // 2
    halves = []
    for part in (slice(None, half), slice(half, None)):
        cut = Sweep(sweep.time[:half], sweep.voltage[part], sweep.current[part])
        halves.append(float(electrode_kernel(replace(aec, sweeps=(cut,))).resistance / Mohm))
    assert halves == pytest.approx([resistance, resistance], abs=1.0)
    noted = float(aec.metadata["access_resistance"] / Mohm)
    assert abs(resistance - noted) < 9


@pytest.mark.parametrize("cell", ["DRN159", "DRN160"])
def test_what_is_left_of_the_full_kernel_is_the_membrane(recorded, cell):
    aec = recorded(f"raphe/{cell}", "aec")
    kernel = electrode_kernel(aec)
    noted = float(aec.metadata["membrane_resistance"] / Mohm)
    assert float(kernel.membrane_resistance / Mohm) == pytest.approx(noted, rel=0.05)
    product = float(aec.metadata["membrane_resistance"] * aec.metadata["membrane_capacitance"] / ms)
    assert float(kernel.membrane_time_constant / ms) == pytest.approx(product, rel=0.25)


def test_the_estimate_agrees_with_the_jump_at_current_steps(recorded):
    """An independent measure: within 0.2 ms of a step the voltage has jumped by the electrode's share."""
    steps = recorded("raphe/DRN160")
    kernel = electrode_kernel(recorded("raphe/DRN160", "aec"))
    voltage = np.array([s.voltage for s in steps.sweeps])
    current = np.array([s.current for s in steps.sweeps])
    onset = int(np.argmax(np.abs(np.diff(current[-1]))[20_000:])) + 20_000
    change = np.mean(current[:, onset + 20 : onset + 100], axis=1) - np.mean(
        current[:, onset - 100 : onset - 10], axis=1
    )
    jump = np.mean(voltage[:, onset + 1 : onset + 3], axis=1) - np.mean(voltage[:, onset - 20 : onset - 3], axis=1)
    slope = np.polyfit(change, jump, 1)[0]
    assert float(kernel.resistance) == pytest.approx(slope, rel=0.15)


def test_compensation_hardly_moves_spikes_and_lowers_their_peaks(recorded):
    before = recorded("raphe/DRN162", "training")
    after = compensate(before, kernel=electrode_kernel(recorded("raphe/DRN162", "aec")))
    (raw,), (clean,) = before.sweeps, after.sweeps
    first, second_ = (spike_times(s.time, s.voltage) for s in (raw, clean))
    assert len(first) == len(second_) == 294
    assert np.max(np.abs(np.asarray((second_ - first) / ms))) < 0.25
    peaks = [
        np.median(np.asarray(s.voltage)[np.round(np.asarray(t) / DT).astype(int)]) * 1e3
        for s, t in ((raw, first), (clean, second_))
    ]
    assert 3 < peaks[0] - peaks[1] < 6


def test_after_compensation_minus_15_mv_separates_spikes_in_the_cell_with_small_ones(recorded):
    """In DRN159 fluctuations and spikes overlap as recorded; compensated, every threshold from -15 to -10 mV agrees."""
    before = recorded("raphe/DRN159", "test")
    after = compensate(before, kernel=electrode_kernel(recorded("raphe/DRN159", "aec")))

    def count(rec, threshold):
        return sum(len(spike_times(s.time, s.voltage, threshold)) for s in rec.sweeps)

    assert count(before, -15 * mV) - count(before, -10 * mV) > 20
    assert count(after, -15 * mV) == count(after, -10 * mV) == 688


def test_a_registered_recording_loads_uncompensated(recorded):
    recorded("raphe/DRN160")
    assert "compensated_resistance" not in load("raphe/DRN160").metadata
