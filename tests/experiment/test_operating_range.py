"""Operating range and latching: the reading of made-up firing, and what the former default is known to do."""

import sys

import numpy as np
import pandas as pd
import pytest
from brian2 import BrianLogger, Hz, farad, ms, ohm, second, volt

from memneuro.circuit.drive import Current, Expression, PulseTrain
from memneuro.circuit.latch import latched
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.operating_range import _describe, _longest, operating_range, range_summary
from memneuro.simulation import simulate


def regular(rate, end=2.0):
    return np.arange(0.5 / rate, end, 1 / rate)


def test_states_of_made_up_trains():
    free, stuck = np.array([False]), np.array([True])
    assert _describe([regular(100)], free, None)["state"] == "sustained"
    assert _describe([regular(100)], free, None)["rate_late_hz"] == pytest.approx(100)
    fading = np.concatenate([regular(100, 1.0), 1 + regular(50, 1.0)])
    assert _describe([fading], free, None)["state"] == "fading"
    assert _describe([np.array([0.01])], free, None)["state"] == "silent"
    assert _describe([np.array([0.01, 0.02])], stuck, None)["state"] == "latched"
    assert _describe([regular(250)], free, 2e-3)["locked"]
    assert not _describe([np.cumsum(np.random.default_rng(1).uniform(2e-3, 6e-3, 400))], free, 2e-3)["locked"]


def test_the_range_is_the_longest_run_that_rises():
    def table(states, rates):
        found = pd.DataFrame({"state": states, "rate_late_hz": rates})
        found["amplitude"] = 0.5 + 0.1 * np.arange(len(found))
        low, high = _longest(found)
        found["in_range"] = (np.arange(len(found)) >= low) & (np.arange(len(found)) < high)
        return range_summary(found)

    s, f, q = "sustained", "fading", "silent"
    one = table([q, s, s, s, "latched"], [0, 10, 20, 30, 0])
    assert (one["rheobase"], one["largest"], one["ended_by"]) == (pytest.approx(0.6), pytest.approx(0.8), "latched")
    assert one["rate_high_hz"] == 30 and one["ratio"] == pytest.approx(0.8 / 0.6)
    falls = table([s, s, s, s], [10, 20, 15, 18])
    assert falls["largest"] == pytest.approx(0.6) and falls["ended_by"] == "falling"
    hole = table([s, f, s, s, s], [10, 20, 20, 30, 40])
    assert hole["rheobase"] == pytest.approx(0.7) and hole["ended_by"] == "not reached"
    assert table([q, q], [0, 0])["ended_by"] == "never sustained"


def test_latched_needs_a_spike_silence_and_a_charged_gate():
    last = np.array([0.3, 0.95, np.nan, 0.3]) * second
    gate = np.array([0.4, 0.4, 0.4, 0.1]) * volt
    found = latched(last, gate, end=1 * second, threshold=0.2 * volt)
    assert found.tolist() == [True, False, False, False]


def test_the_unbounded_device_latches_where_it_is_known_to():
    neuron = OneM1T1R("hopping_2e4d")
    table = operating_range(neuron, amplitudes=[0.5, 0.7, 1.0] * volt, noise=False, backend="cpp")
    assert table["state"].tolist() == ["silent", "sustained", "latched"]
    assert table["in_range"].tolist() == [False, True, False]


def test_a_run_that_latches_says_so_in_one_line(capfd, monkeypatch):
    # The handler holds the stream that was standard error when Brian2 was imported.
    monkeypatch.setattr(BrianLogger.console_handler, "stream", sys.stderr)
    neuron = OneM1T1R("hopping_2e4d")
    found = simulate(neuron, drive=1.1 * volt, duration=0.5 * second, noise=False)
    assert found.latched().tolist() == [[True]]
    said = capfd.readouterr().err
    assert "1 of 1 neurons latched" in said and said.count("latched:") == 1
    quiet = simulate(neuron, drive=0.5 * volt, duration=0.3 * second, noise=False)
    assert not quiet.latched().any() and "latched" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"drive": Expression("v_in = 0.5*volt*sin(2*pi*f*t) : volt", {"f": 10 * Hz})}, "has no amplitude; accepted"),
        ({"drive": Current(None, 1e-12 * farad)}, "has no amplitude; accepted"),
        ({"amplitudes": [0.7, 0.6] * volt}, "accepted: at least two, from low to high"),
        ({"amplitudes": 0.7 * volt}, "accepted: at least two, from low to high"),
    ],
)
def test_what_has_no_range_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        operating_range(OneM1T1R("hopping"), **changes)


def test_a_train_and_a_resistor_can_be_given():
    neuron = OneM1T1R("hopping_2e4d")
    train = PulseTrain(0.5 * volt, 1 * ms, 2 * ms)
    few = [0.4, 0.8] * volt
    table = operating_range(neuron, drive=train, amplitudes=few, noise=False, r_control=1e8 * ohm, backend="cpp")
    assert table["state"].tolist() == ["silent", "sustained"] and table["rate_late_hz"].iloc[1] > 100
