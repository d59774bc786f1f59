"""What a fit takes from recordings: the part that counts, its spikes, and that training and test stay apart."""

from pathlib import Path

import numpy as np
import pytest
from brian2 import DimensionMismatchError, amp, ms, mV, second, volt

from memneuro.biology import Recording, recording_names
from memneuro.biology.fit.compare import cell
from memneuro.biology.fit.data import CellData, Response, cell_data, response, step_data
from memneuro.biology.fit.evaluate import cell_reliability
from memneuro.biology.recordings import Sweep

#: Reliability at 4 ms of the raphe cells whose noise was repeated.
RELIABILITY = {
    "raphe/DRN158": 0.712,
    "raphe/DRN159": 0.797,
    "raphe/DRN160": 0.515,
    "raphe/DRN162": 0.744,
    "raphe/DRN165": 0.575,
}


def voltage(times, samples, interval, peak=30.0):
    """Volts: a spike of one millisecond with its peak at each time, from -70 mV."""
    found = np.full(samples, -70.0)
    half = round(0.5e-3 / interval)
    shape = -70 + (peak + 70) * (1 - np.abs(np.arange(-half, half + 1)) / (half + 1))
    for time in times:
        middle = round(time / interval)
        found[middle - half : middle + half + 1] = shape
    return found * 1e-3


def recording_of(trains, currents, interval=1e-4, name="made", protocol="noise"):
    """A recording with one sweep for each train of spike times."""
    time = np.arange(len(currents[0])) * interval * second
    sweeps = tuple(
        Sweep(time, voltage(train, len(current), interval) * volt, current * amp)
        for train, current in zip(trains, currents, strict=True)
    )
    return Recording(
        name, protocol, sweeps, interval * second, "recorded", "made here", "none", (), {}, Path(f"{name}.csv")
    )


def noise(seconds, interval=1e-4, before=0.05, after=0.05, seed=1):
    """White noise of 20 pA about 100 pA, with a resting level of 0 before and after."""
    parts = [round(part / interval) for part in (before, seconds, after)]
    middle = 1e-10 + 2e-11 * np.random.default_rng(seed).standard_normal(parts[1])
    return np.concatenate([np.zeros(parts[0]), middle, np.zeros(parts[2])])


TRAINS = ([0.02, 0.1, 0.25, 0.3, 0.61, 0.9, 1.02], [0.1, 0.26, 0.62, 1.07])


# Response


def test_spikes_of_the_noise_count_from_its_start():
    """Spikes before 0.05 s and after 1.05 s, outside the noise, are left out."""
    current = noise(1.0)
    found = response(recording_of(TRAINS, [current, current]))
    assert found.start == pytest.approx(0.05, abs=1e-9) and found.end == pytest.approx(1.05, abs=1e-9)
    assert found.duration == pytest.approx(1) and found.sampling_interval == pytest.approx(1e-4)
    np.testing.assert_allclose(found.trains[0], np.array(TRAINS[0][1:]) - 0.05, atol=1e-6)
    np.testing.assert_allclose(found.trains[1], np.array(TRAINS[1][:-1]) - 0.05, atol=1e-6)
    np.testing.assert_array_equal(found.current, current)
    assert found.rate == pytest.approx((6 + 3) / 2)


def test_the_current_is_the_mean_over_the_sweeps():
    current = noise(0.5)
    spread = 2e-13 * np.random.default_rng(2).standard_normal(current.size)
    found = response(recording_of([[0.2], []], [current + spread, current - spread]))
    np.testing.assert_allclose(found.current, current, rtol=0, atol=1e-20)
    assert found.trains[1].size == 0


def test_the_threshold_decides_what_is_a_spike():
    made = recording_of([[0.2, 0.3]], [noise(0.5)])
    assert response(made, 20 * mV).trains[0].size == 2
    with pytest.raises(ValueError, match=r"made \(noise\) has no spike above 40\. mV; nothing can be fitted to it"):
        response(made, 40 * mV)
    with pytest.raises(DimensionMismatchError):
        response(made, 1 * ms)


def test_no_spike_and_sweeps_that_do_not_repeat():
    with pytest.raises(ValueError, match="no spike above -5"):
        response(recording_of([[], [0.02]], [noise(0.5)] * 2))  # the one spike comes before the noise
    with pytest.raises(ValueError, match="does not repeat one stimulus"):
        response(recording_of([[0.2], [0.2], [0.2]], [noise(0.5), noise(0.5), noise(0.5, seed=2)]))
    with pytest.raises(ValueError, match="no stimulus"):
        response(recording_of([[0.2]], [np.zeros(6000)]))


def test_parts_keep_the_spikes_in_place():
    whole = response(recording_of(TRAINS[:1], [noise(1.0)]))
    part = whole.part(0.2, 0.65)
    assert part.start == 0.2 and part.end == 0.65 and part.current is whole.current
    np.testing.assert_allclose(part.trains[0] + part.start, [0.25, 0.3, 0.61], atol=1e-6)
    np.testing.assert_allclose(part.part(0.28, 0.5).trains[0], [0.02], atol=1e-6)


# Noise


def test_with_repeats_all_of_the_training_counts():
    training, test = recording_of(TRAINS[:1], [noise(1.0)]), recording_of([[0.1], [0.11]], [noise(0.3, seed=5)] * 2)
    found = cell_data("cell", training, test)
    assert isinstance(found, CellData) and found.name == "cell"
    assert found.training.trains[0].size == 6 and found.training.duration == pytest.approx(1)
    assert len(found.test.trains) == 2 and found.test.duration == pytest.approx(0.3)
    assert not np.array_equal(found.test.current, found.training.current[: found.test.current.size])


def test_without_repeats_the_last_third_is_held_out():
    found = cell_data("cell", recording_of(TRAINS[:1], [noise(1.0)]))
    cut = 0.05 + 2 / 3
    assert found.training.end == pytest.approx(cut) and found.test.start == pytest.approx(cut)
    assert found.training.start == pytest.approx(0.05) and found.test.end == pytest.approx(1.05)
    np.testing.assert_allclose(found.training.trains[0], np.array([0.1, 0.25, 0.3, 0.61]) - 0.05, atol=1e-6)
    np.testing.assert_allclose(found.test.trains[0], np.array([0.9, 1.02]) - cut, atol=1e-6)


@pytest.mark.parametrize("moved", ["training", "test"])
def test_held_out_spikes_do_not_count_in_training_nor_the_others_in_the_test(moved):
    before, after = [0.1, 0.25, 0.3, 0.61], [0.9, 1.02]
    changed = ([0.15, 0.4], after) if moved == "training" else (before, [0.8])
    cells = [
        cell_data("cell", recording_of([first + last], [noise(1.0)])) for first, last in ((before, after), changed)
    ]
    for part in ("training", "test"):
        same = np.array_equal(*(getattr(one, part).trains[0] for one in cells))
        assert same == (part != moved)


@pytest.mark.parametrize("train", [[0.1, 0.2], [0.9, 1.0]])
def test_both_parts_need_a_spike(train):
    with pytest.raises(ValueError, match=r"cell has no spike in one of the parts before and after 0\.716\d* s"):
        cell_data("cell", recording_of([train], [noise(1.0)]))


def test_training_and_test_need_one_sampling_interval():
    training = recording_of([[0.1]], [noise(0.5)])
    test = recording_of([[0.1]], [noise(0.5, interval=5e-5)], interval=5e-5)
    with pytest.raises(ValueError, match=r"cell was sampled every 0\.0001 s in training and every 5e-05 s"):
        cell_data("cell", training, test)


# Steps


def steps(trains, interval=1e-4, length=0.3):
    """Steps of 0, 10, 20, ... pA from 0.1 to 0.2 s."""
    samples = round(length / interval)
    on = (np.arange(samples) * interval >= 0.1) & (np.arange(samples) * interval < 0.2)
    return recording_of(trains, [1e-11 * k * on for k in range(len(trains))], interval, protocol="current_steps")


def test_every_other_sweep_of_steps_is_tested():
    found = step_data(steps([[], [0.15], [0.12, 0.18], [0.11], [0.13], [0.2]]))
    assert found.name == "made"
    for half, train, levels in (
        (found.training, [0.3 + 0.12, 0.3 + 0.18, 0.6 + 0.13], (0, 2, 4)),
        (found.test, [0.15, 0.3 + 0.11, 0.6 + 0.2], (1, 3, 5)),
    ):
        assert half.start == 0 and half.end == pytest.approx(0.9) and half.sampling_interval == pytest.approx(1e-4)
        np.testing.assert_allclose(half.trains[0], train, atol=1e-6)
        assert len(half.trains) == 1 and half.current.size == 9000
        np.testing.assert_allclose(half.current.reshape(3, 3000)[:, 1500], 1e-11 * np.array(levels))


def test_an_odd_number_of_sweeps_trains_on_one_more():
    found = step_data(steps([[0.15]] * 5))
    assert found.training.duration == pytest.approx(0.9) and found.test.duration == pytest.approx(0.6)
    assert found.training.trains[0].size == 3 and found.test.trains[0].size == 2


def test_finely_sampled_steps_are_averaged():
    found = step_data(steps([[0.15]] * 4, interval=2e-5))
    assert found.training.sampling_interval == pytest.approx(1e-4) and found.training.current.size == 6000
    assert found.training.end == pytest.approx(0.6)
    np.testing.assert_allclose(found.training.trains[0], [0.15, 0.45], atol=1e-6)
    assert found.test.current.mean() == pytest.approx(1e-11 * 2 / 3)  # 10 and 30 pA, a third of the time


def test_steps_that_cannot_be_used():
    with pytest.raises(ValueError, match="made has 1 sweeps of steps; at least 4 are needed"):
        step_data(steps([[0.15]]))
    with pytest.raises(ValueError, match="made has 3 sweeps"):
        step_data(steps([[0.15]] * 3))
    with pytest.raises(ValueError, match="made has no spike above -5.* in every other sweep"):
        step_data(steps([[0.15], [], [0.15], []]))


# Reliability


def test_reliability_of_repeats():
    train = np.array([0.1, 0.3, 0.55, 0.8])
    same = Response(np.zeros(10), 0.1, 0.0, 1.0, (train, train + 1e-3))
    assert cell_reliability(same) == pytest.approx(1)
    assert np.isnan(cell_reliability(Response(np.zeros(10), 0.1, 0.0, 1.0, (train,))))
    # Half the spikes coincide: (2 - 2 nu D n)/n / (1 - 2 nu D), with 2 nu D = 0.032 and n = 4.
    half = Response(np.zeros(10), 0.1, 0.0, 1.0, (train, np.array([0.1, 0.3, 0.6, 0.9])))
    assert cell_reliability(half) == pytest.approx((2 - 0.032 * 4) / 4 / (1 - 0.032))


@pytest.mark.parametrize("name", RELIABILITY)
def test_reliability_of_the_raphe_cells(recorded, name):
    recorded(name, "training")
    found = cell_data(name, recorded(name, "training"), recorded(name, "test"))
    assert cell_reliability(found.test) == pytest.approx(RELIABILITY[name], abs=6e-4)
    assert len(found.training.trains) == 1 and len(found.test.trains) > 1


def test_a_raphe_cell_without_repeats_is_held_out_in_part(recorded):
    (name,) = (one for one in recording_names() if one.startswith("raphe") and one not in RELIABILITY)
    recorded(name, "training")
    found = cell(name)
    assert found.test.start == found.training.end and len(found.test.trains) == 1
    assert np.isnan(cell_reliability(found.test))
