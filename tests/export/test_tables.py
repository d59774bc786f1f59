"""Tables hold what the monitors recorded; Parquet files keep them with units and provenance."""

import sys

import numpy as np
import pandas as pd
import pytest
from brian2 import Network, NeuronGroup, SpikeMonitor, StateMonitor, ms, siemens, volt

import memneuro
from memneuro.export import read_parquet, spike_table, trace_table, write_parquet

arrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

UNITS = {"neuron": "1", "time_ms": "ms", "v_gate_V": "V", "x_total": "1", "g_device": "S"}


def test_spike_table_is_the_monitor(recorded):
    spikes, _ = recorded
    frame = spike_table(spikes)
    assert list(frame.columns) == ["neuron", "time_ms"] and len(frame) == spikes.num_spikes > 5
    assert frame["time_ms"].is_monotonic_increasing
    for neuron in range(3):
        times = frame.loc[frame["neuron"] == neuron, "time_ms"]
        np.testing.assert_array_equal(times, np.sort(spikes.t[spikes.i == neuron] / ms))


def test_trace_table_is_the_monitor(recorded):
    _, trace = recorded
    frame = trace_table(trace)
    assert list(frame.columns) == list(UNITS) and frame.attrs["units"] == UNITS
    assert list(frame["neuron"].unique()) == [0, 2] and len(frame) == 2 * len(trace.t)
    for name, column, unit in (
        ("v_gate", "v_gate_V", volt),
        ("x_total", "x_total", 1),
        ("g_device", "g_device", siemens),
    ):
        for row, neuron in enumerate((0, 2)):
            rows = frame[frame["neuron"] == neuron]
            np.testing.assert_array_equal(rows[column], np.asarray(getattr(trace, name)[row] / unit))
            np.testing.assert_allclose(rows["time_ms"], trace.t / ms, rtol=1e-14)


def test_tables_are_those_of_a_simulation():
    """The same columns, order and numbers as `Simulation.run` gives."""
    train = memneuro.PulseTrain(0.95 * volt, width=1 * ms, period=2 * ms)
    program = memneuro.Simulation(
        memneuro.OneM1T1R("hopping"),
        2,
        drive=train,
        duration=4 * ms,
        record=["v_gate"],
        record_step=0.1 * ms,
        backend="numpy",
    )
    found = program.run(seed=1)
    assert len(found["spikes"]) > 0
    pd.testing.assert_frame_equal(
        spike_table(program._spikes).sort_values(["time_ms", "neuron"], ignore_index=True),
        found["spikes"],
        check_dtype=False,
    )
    pd.testing.assert_frame_equal(trace_table(program._trace), found["traces"], check_dtype=False)


def test_parquet_keeps_numbers_units_and_provenance(recorded, tmp_path):
    frame = trace_table(recorded[1])
    facts = {"device": "hopping", "seed": 3, "levels": [1.0]}
    path = write_parquet(frame, tmp_path / "trace.parquet", provenance=facts)
    again = read_parquet(path)
    pd.testing.assert_frame_equal(again, frame)
    assert again.attrs["units"] == UNITS
    kept = again.attrs["provenance"]
    assert kept | facts == kept and kept["memneuro"] == memneuro.__version__
    # Other programs find the same in the metadata of the file.
    schema = parquet.read_schema(path)
    assert schema.field("g_device").metadata == {b"unit": b"S"} and b"hopping" in schema.metadata[b"memneuro"]
    pd.testing.assert_frame_equal(pd.read_parquet(path), frame)


def test_units_come_from_names_and_arguments(tmp_path):
    frame = pd.DataFrame({"isi_ms": [1.0], "rate": [2.0], "ms": [3.0], "note": ["x"]})
    path = write_parquet(frame, tmp_path / "a.parquet", units={"rate": "Hz"})
    assert read_parquet(path).attrs["units"] == {"isi_ms": "ms", "rate": "Hz"}
    with pytest.raises(ValueError, match="units name the column 'speed'; accepted: isi_ms, rate"):
        write_parquet(frame, tmp_path / "b.parquet", units={"speed": "Hz"})


def test_a_table_without_spikes(tmp_path):
    group = NeuronGroup(2, "v : 1", threshold="v > 1", reset="v = 0")
    spikes = SpikeMonitor(group)
    with pytest.raises(ValueError, match="recorded nothing"):
        spike_table(spikes)
    with pytest.raises(ValueError, match="recorded nothing: it has no sample"):
        trace_table(StateMonitor(group, "v", record=0))
    Network(group, spikes).run(1 * ms)
    again = read_parquet(write_parquet(spike_table(spikes), tmp_path / "s.parquet"))
    assert len(again) == 0 and list(again.columns) == ["neuron", "time_ms"]


def test_files_of_other_programs(tmp_path):
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "other.parquet")
    assert read_parquet(tmp_path / "other.parquet").attrs == {"units": {}, "provenance": {}}
    (tmp_path / "text.parquet").write_text("no table")
    with pytest.raises(ValueError, match=r"text.parquet' is no Parquet file"):
        read_parquet(tmp_path / "text.parquet")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_parquet(tmp_path / "none.parquet")


@pytest.mark.parametrize(
    ("frame", "name", "options", "error", "said"),
    [
        ([1], "a.parquet", {}, TypeError, "a pandas DataFrame is needed .* got list"),
        (pd.DataFrame({"a": [1]}), "a.csv", {}, ValueError, "accepted: a name that ends in .parquet"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "a.parquet", {}, ValueError, "got twice: a"),
        (pd.DataFrame({"a": [1]}), "a.parquet", {"provenance": {"gap": 1 * ms}}, TypeError, "JSON cannot hold"),
    ],
)
def test_bad_input_leaves_nothing(tmp_path, frame, name, options, error, said):
    with pytest.raises(error, match=said):
        write_parquet(frame, tmp_path / name, **options)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_stays_unless_told(tmp_path):
    path = tmp_path / "a.parquet"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match=r"a.parquet exists; accepted: another path, or overwrite=True"):
        write_parquet(pd.DataFrame({"a": [1]}), path)
    assert path.read_text() == "mine"
    write_parquet(pd.DataFrame({"a": [1]}), path, overwrite=True)
    assert read_parquet(path)["a"].tolist() == [1]


def test_the_extra_is_named_when_pyarrow_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r'pyarrow is not installed: pip install "memneuro\[interop\]"'):
        write_parquet(pd.DataFrame({"a": [1]}), tmp_path / "a.parquet")
