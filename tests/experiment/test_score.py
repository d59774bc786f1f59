"""The score: definition of the errors, and the figures claimed for the default device."""

import math

import pandas as pd
import pytest
from brian2 import us

from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.score import (
    DEVICES,
    VARIANTS,
    neurons,
    row_error,
    score,
    score_variant,
    simulate_rows,
)

REDUCED = {"2e": 100, "3b": 100, "3cd": 400, "4ab": 100, "4d": 40}


def test_error_of_a_time_is_logarithmic():
    assert row_error("ms", "first output spike", 88, 88 * math.e) == pytest.approx(1.0)
    assert row_error("pulses", "pulses before first spike", 140, 70) == pytest.approx(math.log(2))


def test_error_of_a_probability_is_the_difference():
    assert row_error("probability", "firing probability", 0.05, 0.25) == pytest.approx(0.2)


def test_error_of_a_gain_is_relative_to_the_first_integration():
    assert row_error("ms", "second integration shorter by; gap", 5.7, 4.4) == pytest.approx(0.1)
    assert row_error("ms", "second integration shorter by; gap", 0.2, -1.1) == pytest.approx(0.1)


@pytest.mark.parametrize(("simulated", "latched"), [(float("nan"), 0.0), (4.0, 0.6), (0.0, 0.0)])
def test_a_latched_or_silent_interval_row_costs_three(simulated, latched):
    assert row_error("ms", "mean inter-spike interval", 4.0, simulated, latched) == 3.0


def test_devices_differ_only_in_growth_and_voltage_scale():
    cards = [OneM1T1R(name).device for name in VARIANTS["hopping"].values()]
    for name in cards[0].parameters:
        values = {card.parameters[name].value for card in cards}
        assert (len(values) == 1) != (name in ("mu", "v_hop")), name


@pytest.fixture(scope="module")
def hopping():
    return score_variant("hopping", seeds=1, trials=REDUCED)


def test_the_default_device_reproduces_the_measurements(hopping):
    assert len(hopping["rows"]) == 21
    assert hopping["mean_log_error"] <= 0.12


def test_no_interval_row_latches(hopping):
    rows = pd.DataFrame(hopping["rows"])
    intervals = rows[rows["figure"] == "4d"]
    assert (intervals["latched"] < 0.1).all(), intervals.to_string()
    assert intervals["simulated"].notna().all()


def test_firing_probabilities(hopping):
    rows = pd.DataFrame(hopping["rows"])
    probability = rows[rows["figure"] == "3d"]
    assert (probability["error"] <= 0.10).all(), probability.to_string()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_rows():
    few = dict.fromkeys(REDUCED, 5)
    first, second = (simulate_rows(neurons("hopping"), seed=4, trials=few) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)


def test_unknown_device():
    with pytest.raises(ValueError, match="hoping.*hopping"):
        score("hoping")


def test_a_step_too_large_names_the_largest():
    with pytest.raises(ValueError, match="largest safe step"):
        score("hopping", step=500 * us, beside=False)


@pytest.mark.slow
def test_converged_over_three_seeds():
    at_default = score_variant("hopping", seeds=3)
    half = min(at_default["step_us"].values()) / 2
    at_half = score_variant("hopping", step=half * us, seeds=3)
    assert at_default["mean_log_error"] <= 0.12
    assert abs(at_default["mean_log_error"] - at_half["mean_log_error"]) <= 0.01


@pytest.mark.slow
def test_the_refitted_compact_model_is_scored_too():
    found = score_variant("compact_refitted", seeds=1)
    assert len(found["rows"]) == 21
    assert set(found["step_us"]) == set(DEVICES)
