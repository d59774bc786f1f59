"""What is claimed of the default device beside its score: threshold spread and a cascade without loss."""

import pytest
from brian2 import volt

from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.cascade import cascade, cascade_summary
from memneuro.experiment.iv_sweep import iv_summary, iv_sweep


@pytest.mark.slow
def test_threshold_spread_lies_in_the_measured_range():
    """3 to 8 % was measured; 1 V/s, from the noise that also gives the firing probabilities."""
    table = iv_sweep(OneM1T1R("hopping_3cd"), trials=60, cycles=3, seed=2)
    threshold = iv_summary(table).set_index("quantity").loc["threshold"]
    assert threshold["missing"] == 0
    assert 0.03 <= threshold["relative_spread"] <= 0.08


@pytest.mark.slow
def test_cascade_without_loss_of_amplitude():
    table = cascade(OneM1T1R("hopping_2e4d"), trials=20, seed=3)
    summary = cascade_summary(table).set_index("stage")
    assert summary.loc[3, "fired"] == 1.0
    assert summary.loc[3, "swing_ratio_min"] >= 0.95
    assert summary.loc[3, "peak_ratio"] >= 0.95


@pytest.mark.slow
def test_the_chain_needs_its_supply():
    """At the 0.5 V of the main text a stage cannot drive the next one."""
    table = cascade(OneM1T1R("hopping_2e4d"), trials=5, v_dd=0.5 * volt, seed=3)
    assert cascade_summary(table).set_index("stage").loc[2, "fired"] == pytest.approx(0.0)
