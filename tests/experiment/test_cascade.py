"""The cascade: what one stage hands to the next, and that a spike gets through three stages."""

import numpy as np
import pytest
from brian2 import ms, us, volt

from memneuro import OneM1T1R
from memneuro.experiment.cascade import cascade, cascade_summary, cascade_traces
from memneuro.experiment.pulse_train import pulse_train

NEURON = OneM1T1R("hopping_2e4d")
SUPPLY = {"amplitude": 0.9 * volt, "v_dd": 1.2 * volt, "duration": 100 * ms}


@pytest.fixture(scope="module")
def chains():
    """Eight chains with noise at the defaults of the protocol."""
    return cascade(NEURON, trials=8, seed=3)


def test_a_spike_passes_three_stages_without_loss_of_amplitude(chains):
    summary = cascade_summary(chains).set_index("stage")
    assert summary["fired"].min() >= 0.75
    assert summary.loc[3, "swing_ratio"] >= 0.95
    assert summary.loc[3, "peak_ratio"] >= 0.95
    assert summary.loc[1, "swing_ratio"] == summary.loc[1, "peak_ratio"] == 1
    assert (summary["output_swing_V"] <= 1).all()


def test_stages_fire_in_order_and_delays_add_up(chains):
    wide = chains.pivot(index="trial", columns="stage", values="first_spike_ms").dropna()
    assert len(wide) > 0
    assert (np.diff(wide.to_numpy(), axis=1) > 0).all()
    delays = chains.pivot(index="trial", columns="stage", values="delay_from_previous_ms").loc[wide.index]
    np.testing.assert_allclose(delays.sum(axis=1), wide[3], rtol=1e-12)


def test_summary_is_the_statistics_of_the_table(chains):
    summary = cascade_summary(chains).set_index("stage")
    third = chains[chains["stage"] == 3]
    assert summary.loc[3, "delay_ms"] == pytest.approx(np.nanmean(third["delay_from_previous_ms"]))
    assert summary.loc[3, "jitter_ms"] == pytest.approx(np.nanstd(third["delay_from_previous_ms"], ddof=1))
    assert summary.loc[3, "fired"] == pytest.approx(third["first_spike_ms"].notna().mean())


@pytest.mark.slow
def test_first_stage_is_the_pulse_train_protocol():
    table = cascade(NEURON, stages=2, trials=5, duration=150 * ms, seed=4)
    alone = pulse_train(NEURON, trials=5, duration=150 * ms, seed=4)
    first = table[table["stage"] == 1]["first_spike_ms"]
    np.testing.assert_allclose(first, alone["first_spike_ms"], atol=1e-6)
    assert first.notna().any()


def test_each_stage_is_driven_by_the_load_voltage_of_the_one_before():
    step = NEURON.default_step
    traces = cascade_traces(NEURON, amplitude=0.9 * volt, duration=150 * ms, record_step=step, seed=1)
    v_in = traces.pivot(index="time_ms", columns="stage", values="v_in_V").to_numpy()
    v_load = traces.pivot(index="time_ms", columns="stage", values="v_load_V").to_numpy()
    assert v_load[:, 0].max() > 0.3, "the first stage must fire"
    np.testing.assert_allclose(v_in[1:, 1:], v_load[:-1, :-1], rtol=0, atol=1e-12)
    assert set(np.unique(v_in[:, 0])) == {0.0, 0.9}


def test_swing_and_mean_peak_are_those_of_the_recorded_output():
    step = NEURON.default_step
    table = cascade(NEURON, stages=2, trials=1, seed=1, **SUPPLY).iloc[0]
    traces = cascade_traces(NEURON, stages=2, record_step=step, seed=1, **SUPPLY)
    first = traces[traces["stage"] == 1]
    assert table["output_swing_V"] == pytest.approx(np.ptp(first["v_load_V"]), abs=1e-12)
    gate, load = first["v_gate_V"].to_numpy(), first["v_load_V"].to_numpy()
    starts = np.flatnonzero((gate[1:] > 0.2) & (gate[:-1] <= 0.2)) + 1
    assert len(starts) == table["spikes"] > 1
    peaks = [part.max() for part in np.split(load, starts)[1:]]
    assert table["mean_peak_V"] == pytest.approx(np.mean(peaks), abs=1e-9)


def test_a_low_supply_stops_the_cascade():
    table = cascade(NEURON, v_dd=0.3 * volt, trials=4, amplitude=0.9 * volt, duration=200 * ms, dt=20 * us)
    summary = cascade_summary(table).set_index("stage")
    assert summary.loc[1, "fired"] == 1 and summary.loc[2, "fired"] == 0
    assert summary.loc[1, "output_swing_V"] < 0.3
    assert np.isnan(summary.loc[2, "swing_ratio"]) and np.isnan(summary.loc[2, "delay_ms"])


@pytest.mark.parametrize(
    ("bad", "message"),
    [({"stages": 0}, "stages = 0"), ({"trials": 1.5}, "trials = 1.5"), ({"v_dd": 1 * ms}, "not a voltage")],
)
def test_bad_input_is_named(bad, message):
    with pytest.raises(ValueError, match=message):
        cascade(NEURON, **{"duration": 1 * ms, "trials": 1, **bad})
