"""Learning of patterns: the patterns, the score, input that makes no sense, and that something is learnt."""

import numpy as np
import pytest
from brian2 import ms, mV, second

from memneuro.network.pattern_learning import HomeostaticNode, PatternLearning, bars, score


def test_bars_tile_the_square_twice():
    found = bars(8, 2)
    assert found.shape == (8, 64) and (found.sum(axis=1) == 16).all() and (found.sum(axis=0) == 2).all()
    with pytest.raises(ValueError, match="width = 3; accepted: a divisor of side = 8"):
        bars(8, 3)


def test_score_names_outputs_by_the_first_half_and_tests_on_the_second():
    shown = np.array([0, 1, 2, 0, 1, 2])
    counts = np.zeros((6, 3), dtype=int)
    counts[[0, 1, 2], [2, 0, 1]] = 5  # output 2 stands for pattern 0, and so on
    counts[3, 2] = counts[4, 1] = 3  # pattern 0 right, pattern 1 wrong, pattern 2 silent
    assert score(counts, shown) == {"accuracy": pytest.approx(1 / 3), "spikes": pytest.approx(21 / 6), "named": 3}


def test_spikes_are_fast_where_the_pattern_is_on_and_stop_in_the_pause():
    learning = PatternLearning(flipped=0.0)
    which, times = learning.spikes(np.zeros(200, dtype=int), np.random.default_rng(0))
    on = bars()[0]
    counts = np.bincount(which, minlength=64) / (200 * 0.1)
    assert counts[on].mean() == pytest.approx(60, rel=0.1) and counts[~on].mean() == pytest.approx(1, rel=0.3)
    assert (np.rint(times * 1e3) % 200 < 100).all()


@pytest.mark.slow
def test_outputs_come_to_stand_for_patterns():
    """From chance, 1/8, to a half and more; synapses of the winners follow the bars."""
    curve, states = PatternLearning().learn(blocks=2, presentations=60, tests=4, seed=1)
    assert list(curve["presentations"]) == [0, 60, 120]
    assert curve["accuracy"].iloc[0] < 0.4 < curve["accuracy"].iloc[-1]
    contrast = np.array([[states[on, out].mean() - states[~on, out].mean() for on in bars()] for out in range(8)])
    assert np.median(contrast.max(axis=1)) > 0.2
    assert len(set(contrast.argmax(axis=1))) >= 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patterns": np.ones((2, 3))}, "accepted: boolean"),
        ({"outputs": 0}, "outputs = 0"),
        ({"flipped": 1.2}, "flipped = 1.2; accepted: a probability from 0 to 1"),
        ({"rate_on": 2000 / second}, "rate_on = .*; accepted: from 0 to 1000 Hz"),
        ({"shown": 0.5 * ms}, "shown = .*; accepted: a whole number of ms, at least 1"),
    ],
)
def test_bad_networks(options, message):
    with pytest.raises(ValueError, match=message):
        PatternLearning(**options)


def test_bad_runs():
    with pytest.raises(ValueError, match="tests = 3; accepted: an even number"):
        PatternLearning().learn(tests=3)
    with pytest.raises(ValueError, match="blocks = 0"):
        PatternLearning().learn(blocks=0)
    with pytest.raises(ValueError, match="must not be negative"):
        HomeostaticNode(w_lowered=-1 * mV)
