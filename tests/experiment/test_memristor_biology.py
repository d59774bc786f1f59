"""The memristor neuron under a cell's protocols: what is known exactly about the mapping and the statistics."""

from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
from brian2 import DimensionMismatchError, Mohm, amp, ms, mV, pA, pF, second, volt

from memneuro import OneM1T1R
from memneuro.biology import Recording, Sweep, fi_from_spikes, load, reliability_from_spikes, repeated_trains
from memneuro.biology.memristor import (
    cell_time_constant,
    cross_coincidence,
    firing_threshold,
    leak_time,
    noise_response,
    noise_voltage,
    rising_branch,
    step_response,
)


def recording(current_pa, metadata=None):
    """A recording whose current is given, one sample every 0.1 ms."""
    time = np.arange(len(current_pa)) * 1e-4 * second
    sweep = Sweep(time, np.full(len(current_pa), -0.07) * volt, np.asarray(current_pa) * pA)
    facts = MappingProxyType(metadata or {})
    return Recording("made", "test", (sweep,), 0.1 * ms, "recorded", "here", "none", (), facts, Path("made.abf"))


def plateau(level, length=1000):
    """Quiet, then a constant current, then quiet: its stimulus is the constant part."""
    return np.concatenate([np.zeros(200), np.full(length, float(level)), np.zeros(200)])


@pytest.fixture(scope="module")
def neuron():
    return OneM1T1R("hopping_2e4d")


def test_time_scales(neuron):
    assert float(leak_time(neuron) * neuron.device["gamma1"]) == pytest.approx(1)
    cell = recording([0.0, 0.0], {"membrane_resistance": 500 * Mohm, "membrane_capacitance": 40 * pF})
    assert float(cell_time_constant(cell) / ms) == pytest.approx(20)
    with pytest.raises(ValueError, match="made comes without membrane_resistance and membrane_capacitance"):
        cell_time_constant(recording([0.0, 0.0]))


@pytest.mark.slow
def test_steps_are_measured_as_a_cell_is(neuron):
    table = step_response(neuron, [0.3, 0.8] * volt, 100 * ms, trials=4, seed=2)
    assert list(table.columns[1:]) == list(fi_from_spikes([[] * second], [1] * mV, 0 * ms, 1 * ms).columns)
    assert len(table) == 8 and set(table["trial"]) == set(range(4))
    assert (table.loc[table["amplitude_mV"] == 300, "spikes"] == 0).all()
    fired = table[table["amplitude_mV"] == 800]
    assert (fired["spikes"] > 0).sum() >= 2
    assert np.allclose(fired["rate_hz"], fired["spikes"] * 10)
    with pytest.raises(ValueError, match="give both, or neither"):
        step_response(neuron, [0.8] * volt, 100 * ms, width=1 * ms)
    with pytest.raises(DimensionMismatchError):
        step_response(neuron, [0.8] * pA, 100 * ms)


def test_threshold_and_rising_branch():
    table = pd.DataFrame(
        {
            "trial": [0, 1] * 4,
            "amplitude_mV": [600, 600, 700, 700, 800, 800, 900, 900],
            "spikes": [0, 0, 1, 0, 5, 4, 1, 1],
        }
    )
    assert firing_threshold(table) == 700 * mV
    with pytest.raises(ValueError, match="from 600 to 600 mV fires half"):
        firing_threshold(table[:2])
    curve = pd.DataFrame({"amplitude_mV": [900.0, 700.0, 800.0, 1000.0], "rate_hz": [30.0, 0.0, 50.0, 1.0]})
    assert list(rising_branch(curve)["amplitude_mV"]) == [700.0, 800.0]


def test_the_gain_puts_the_mean_current_at_the_threshold():
    noise = np.concatenate([np.zeros(200), 40 + 90 * np.sin(np.arange(2000) / 40), np.zeros(200)])
    voltage, interval = noise_voltage(recording(noise), 0.7 * volt)
    assert voltage.mean() == pytest.approx(0.7)
    assert interval == 0.1 * ms
    # A gain alone: the ratio of any two values is that of the currents.
    assert voltage.min() / voltage.max() == pytest.approx(noise.min() / noise.max(), rel=1e-6)
    with pytest.raises(ValueError, match="mean current of -40 pA"):
        noise_voltage(recording(plateau(-40)), 0.7 * volt)


def test_a_constant_stimulus_gives_the_response_to_a_step(neuron):
    """Same voltage, same seed, same step: the two drives must give the same number of spikes at the same times."""
    trains, duration = noise_response(neuron, recording(plateau(50)), 0.8 * volt, 1.0, trials=3, seed=5)
    assert float(duration / ms) == pytest.approx(100, abs=0.2)
    table = step_response(neuron, [0.8] * volt, duration, trials=3, seed=5)
    assert table["spikes"].sum() > 0
    assert [len(train) for train in trains] == list(table["spikes"])
    for train, latency in zip(trains, table["latency_ms"], strict=True):
        if len(train):
            assert float(train[0] / ms) == pytest.approx(latency, abs=0.02)


def test_times_come_back_in_the_time_of_the_cell(neuron):
    """A stimulus stretched tenfold and compressed tenfold again is the same stimulus for the device."""
    short, one = noise_response(neuron, recording(plateau(50)), 0.8 * volt, 1.0, trials=3, seed=5)
    long, ten = noise_response(neuron, recording(plateau(50, 10000)), 0.8 * volt, 0.1, trials=3, seed=5)
    assert float(ten / one) == pytest.approx(10, rel=1e-3)
    for a, b in zip(short, long, strict=True):
        both = min(len(a), len(b))
        assert abs(len(a) - len(b)) <= 1 and np.allclose(np.asarray(a)[:both] * 10, np.asarray(b)[:both])
    with pytest.raises(ValueError, match="time_factor = 0"):
        noise_response(neuron, recording(plateau(50)), 0.8 * volt, 0)


def test_a_shift_is_found_by_cross_coincidence():
    rng = np.random.default_rng(0)
    cell = [np.sort(rng.uniform(0, 10, 30)) * second for _ in range(3)]
    same = [train for train in cell[:1]]
    moved = [train - 20 * ms for train in same]
    aligned = cross_coincidence(cell[:1], moved, 10 * second, 4 * ms, 20 * ms)
    assert aligned == pytest.approx(1, abs=0.05)
    assert cross_coincidence(cell[:1], moved, 10 * second, 4 * ms) < 0.4
    with pytest.raises(DimensionMismatchError):
        cross_coincidence(cell, moved, 10 * second, 4 * ms, 1 * amp)


def test_a_recorded_cell_and_the_memristor_neuron_give_the_same_table(neuron, recordings_folder):
    cell = load("raphe/DRN162", "test")
    recorded, duration = repeated_trains(cell)
    simulated, length = noise_response(neuron, cell, 0.75 * volt, 0.02, trials=3, seed=1)
    assert float(length / duration) == pytest.approx(1, rel=1e-3)
    one = reliability_from_spikes(recorded, duration)
    other = reliability_from_spikes(simulated, max(length, duration))
    assert list(one.columns) == list(other.columns)
    assert other["rate_mean_hz"].item() > 0
