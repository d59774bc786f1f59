"""The published compact model, converged, against values computed independently."""

import pytest

from memneuro.experiment.compact_checks import run_compact_checks


@pytest.fixture(scope="module")
def checks():
    return run_compact_checks()


@pytest.mark.slow
def test_every_line_is_computed(checks):
    assert len(checks) == 18
    assert set(checks["check"]) == {"first_turn_on", "pulses_to_fire", "paired_pulse_gain", "latch"}


@pytest.mark.slow
def test_within_one_per_cent(checks):
    wrong = checks[checks["error"] > 0.01]
    assert wrong.empty, wrong.to_string()


@pytest.mark.slow
def test_it_latches(checks):
    latch = checks[checks["check"] == "latch"]
    assert (latch["computed"] == 1.0).all()
