"""Choices between two: a psychometric function, speed against accuracy, and the same at half the step."""

import numpy as np
import pandas as pd
import pytest
from brian2 import DimensionMismatchError, ms, mV, second, uS, us, volt

from memneuro.network.node import InputNode
from memneuro.network.two_choice import TwoChoice, psychometric

LEVELS = np.array([-60, -30, 0, 30, 60]) * mV


def curve(base, **options):
    chooser = TwoChoice(node=InputNode(v_bias=base * volt, w_inh=200 * uS, tau_inh=50 * ms))
    return psychometric(chooser.run(LEVELS, **options))


@pytest.fixture(scope="module")
def fast():
    return curve(0.8, duration=60 * ms, seed=1)


def test_more_evidence_gives_more_choices_and_faster_ones(fast):
    """Four standard errors: the curve rises from one side to the other, is even where evidence is zero, symmetric."""
    share, error = fast["first"].to_numpy(), fast["error"].max()
    assert share[0] < 0.5 - 4 * error < 0.5 + 4 * error < share[-1]
    assert (np.diff(share) > -2 * error).all()
    assert abs(share[2] - 0.5) < 4 * error
    np.testing.assert_allclose(share + share[::-1], 1, atol=4 * error)
    assert fast["reaction_ms"].iloc[[0, -1]].max() < fast["reaction_ms"].iloc[2]


@pytest.mark.slow
def test_a_lower_base_is_slower_and_more_often_right(fast):
    slow = curve(0.7, duration=300 * ms, seed=1)
    assert slow["reaction_ms"].iloc[2] > 5 * fast["reaction_ms"].iloc[2]
    right = [one["first"].iloc[3] + 1 - one["first"].iloc[1] for one in (slow, fast)]
    assert right[0] > right[1]


@pytest.mark.slow
def test_step_halving(fast):
    """Another step has another noise: shares agree to four standard errors of their difference."""
    fine = curve(0.8, duration=60 * ms, seed=1, dt=5 * us)
    np.testing.assert_allclose(fine["first"], fast["first"], atol=4 * np.sqrt(2) * fast["error"].max())
    np.testing.assert_allclose(fine["reaction_ms"], fast["reaction_ms"], rtol=0.3)


def test_table_of_choices():
    table = pd.DataFrame({"evidence_mV": 1.0, "choice": [0, 0, 1, -1], "reaction_ms": [1.0, 2.0, 3.0, np.nan]})
    (row,) = psychometric(table).to_dict("records")
    assert row["first"] == pytest.approx(2 / 3) and row["chosen"] == 0.75 and row["reaction_ms"] == 2


def test_bad_input():
    with pytest.raises(DimensionMismatchError):
        TwoChoice().run(1 * second)
    with pytest.raises(ValueError, match="trials = 0"):
        TwoChoice().run(1 * mV, trials=0)
    with pytest.raises(ValueError, match="greater than zero"):
        TwoChoice().run(1 * mV, duration=0 * ms)
