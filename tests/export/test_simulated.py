"""What `simulate` gives, in tables, neo and NWB: the same spikes and traces, with the parameters of each set."""

import json

import numpy as np
import pandas as pd
import pytest
from brian2 import Mohm, Network, NeuronGroup, SpikeMonitor, StateMonitor, ms, volt

from memneuro import OneM1T1R, PulseTrain, grid, simulate
from memneuro.export import neo_segment, read_parquet, spike_table, trace_table, write_nwb, write_parquet
from memneuro.export._monitors import read_simulated

TRIALS = 2


@pytest.fixture(scope="module")
def found():
    """Two sets, of which the second is silent; one neuron of each recorded."""
    return simulate(
        OneM1T1R("hopping"),
        grid(pulse_amplitude=[0.95, 0.2] * volt, r_control=[250] * Mohm),
        drive=PulseTrain(0.8 * volt, width=1 * ms, period=2 * ms),
        duration=30 * ms,
        trials=TRIALS,
        seed=5,
        record=["v_gate", "g_device"],
        record_step=0.1 * ms,
        backend="numpy",
    )


def test_it_knows_its_run(found):
    assert (found.duration_s, found.seed, found.step_s) == (0.03, 5, 1e-5)
    assert repr(found.neuron) == "OneM1T1R('hopping_2e4d', 'discrete_2025')"


def test_trains_are_those_of_the_table(found):
    spikes, _ = read_simulated(found)
    trains = spikes.trains()
    assert len(trains) == 2 * TRIALS and sum(map(len, trains)) == len(found.spikes) > 3
    for k, train in enumerate(trains):
        rows = found.spikes[(found.spikes["set"] == k // TRIALS) & (found.spikes["trial"] == k % TRIALS)]
        np.testing.assert_allclose(train * 1e3, rows["time_ms"], rtol=1e-14)
    assert not trains[2].size and not trains[3].size


def test_tables_have_the_parameters_of_each_set(found, tmp_path):
    spikes, traces = spike_table(found), trace_table(found)
    pd.testing.assert_frame_equal(spikes[["set", "trial", "time_ms"]], found.spikes)
    assert set(spikes["pulse_amplitude_V"]) == {0.95} and set(traces["pulse_amplitude_V"]) == {0.95, 0.2}
    pd.testing.assert_frame_equal(traces[found.traces.columns], found.traces)
    units = {"set": "1", "trial": "1", "time_ms": "ms", "v_gate_V": "V", "g_device": "S"}
    assert traces.attrs["units"] == units | {"pulse_amplitude_V": "V", "r_control_ohm": "ohm"}
    again = read_parquet(write_parquet(traces, tmp_path / "traces.parquet"))
    pd.testing.assert_frame_equal(again, traces)
    kept = again.attrs["provenance"]
    assert kept["seed"] == 5 and kept["time_step_s"] == 1e-5 and kept["neuron"] == repr(found.neuron)
    assert kept["parameters"]["c_gate"] == "1e-11 farad" and {"memneuro", "brian2"} <= set(kept)


def test_provenance_of_monitors(recorded, tmp_path):
    spikes, trace = recorded
    for frame in (spike_table(spikes, neuron=OneM1T1R("hopping")), trace_table(trace)):
        again = read_parquet(write_parquet(frame, tmp_path / "t.parquet", provenance={"note": "x"}, overwrite=True))
        kept = again.attrs["provenance"]
        assert kept["seed"] == 3 and kept["time_step_s"] == 1e-5 and kept["note"] == "x"
        assert ("parameters" in kept) == ("time_ms" in frame and len(frame.columns) == 2)


def test_without_noise_there_is_no_seed():
    group = NeuronGroup(1, "dv/dt = 100*mV/ms : volt", threshold="v > 1*volt", reset="v = 0*volt", method="euler")
    spikes = SpikeMonitor(group)
    Network(group, spikes).run(12 * ms)
    frame = spike_table(spikes)
    assert len(frame) == 1 and frame.attrs["provenance"] == {"time_step_s": pytest.approx(1e-4)}


def test_neo_trains_are_annotated_with_their_set(found):
    pytest.importorskip("neo")
    segment = neo_segment(found)
    assert len(segment.spiketrains) == 2 * TRIALS
    first, last = segment.spiketrains[0], segment.spiketrains[-1]
    assert first.annotations["set"] == 0 and last.annotations["trial"] == 1
    assert last.annotations["pulse_amplitude_V"] == 0.2 and float(last.t_stop) == pytest.approx(0.03)
    rows = found.spikes[(found.spikes["set"] == 0) & (found.spikes["trial"] == 0)]
    np.testing.assert_allclose(first.rescale("ms").magnitude, rows["time_ms"], rtol=1e-14)
    signal = next(one for one in segment.analogsignals if one.name == "v_gate")
    assert signal.shape == (300, 2) and str(signal.units.dimensionality) == "V" and float(signal.sampling_rate) == 1e4
    assert list(signal.array_annotations["set"]) == [0, 1]
    own = found.traces.loc[found.traces["set"] == 1, "v_gate_V"]
    np.testing.assert_array_equal(signal.magnitude[:, 1], own)


def test_nwb_units_have_columns_of_the_sets(found, tmp_path):
    pynwb = pytest.importorskip("pynwb")
    inspector = pytest.importorskip("nwbinspector")
    path = write_nwb(tmp_path / "run.nwb", found)
    assert not pynwb.validate(path=str(path))
    grave = inspector.Importance.CRITICAL
    assert not list(inspector.inspect_nwbfile(nwbfile_path=str(path), importance_threshold=grave))
    with pynwb.NWBHDF5IO(str(path), "r") as stream:
        file = stream.read()
        units = file.units.to_dataframe()
        assert list(units["set"]) == [0, 0, 1, 1] and list(units["trial"]) == [0, 1, 0, 1]
        assert list(units["pulse_amplitude_V"]) == [0.95, 0.95, 0.2, 0.2]
        for _, row in units.iterrows():
            mine = found.spikes[(found.spikes["set"] == row["set"]) & (found.spikes["trial"] == row["trial"])]
            np.testing.assert_allclose(np.asarray(row["spike_times"]) * 1e3, mine["time_ms"], rtol=1e-14)
        series = file.acquisition["simulation_g_device"]
        assert series.unit == "siemens" and series.data.shape == (300, 2)
        told = json.loads(file.notes)
        assert told["seed"] == 5 and told["parameters"]["r_control"] == "250000000 ohm"


def test_bad_sources(found, recorded):
    spikes, trace = recorded
    for wrong in (trace, "spikes"):
        with pytest.raises(TypeError, match="accepted: a SpikeMonitor or a result of simulate"):
            spike_table(wrong)
    with pytest.raises(TypeError, match="accepted: a StateMonitor or a result of simulate"):
        trace_table(spikes)
    pytest.importorskip("neo")
    with pytest.raises(ValueError, match="one result of simulate, or monitors only"):
        neo_segment(found, spikes)


def test_a_simulation_that_recorded_no_variable():
    bare = simulate(OneM1T1R("hopping"), drive=0.1 * volt, duration=1 * ms, backend="numpy")
    assert len(spike_table(bare)) == 0
    with pytest.raises(ValueError, match=r"accepted: simulate\(\.\.\., record=\['v_gate'\]\)"):
        trace_table(bare)


@pytest.mark.slow
def test_standalone_monitors(tmp_path):
    """A compiled program leaves monitors that hold the same spikes and the same end of the run."""
    pytest.importorskip("neo")
    from memneuro.backend import backend

    trains = []
    for name in ("numpy", "cpp"):
        with backend(name):
            group = OneM1T1R("hopping").group(2, drive=0.9 * volt, seed=1)
            spikes, trace = SpikeMonitor(group), StateMonitor(group, "v_gate", record=[1], dt=0.1 * ms)
            Network(group, spikes, trace).run(20 * ms, namespace={})
            segment = neo_segment(spikes, trace)
            assert float(segment.spiketrains[0].t_stop) == pytest.approx(0.02)
            assert segment.analogsignals[0].shape == (200, 1)
            trains.append([train.magnitude for train in segment.spiketrains])
    assert sum(map(len, trains[0])) > 0
    for one, other in zip(*trains, strict=True):
        np.testing.assert_array_equal(one, other)
