"""An NWB file holds what the monitors recorded, fits the standard, and is read back."""

import datetime
import sys

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, SpikeMonitor, StateMonitor, TimedArray, amp, ms, nA, second, siemens, volt

from memneuro.biology import load
from memneuro.export import write_nwb

pynwb = pytest.importorskip("pynwb")
nwbinspector = pytest.importorskip("nwbinspector")


def opened(path):
    return pynwb.NWBHDF5IO(str(path), "r", load_namespaces=True)


def check(path):
    """Validate against the schema; no critical finding, and the only violation is the species that is not there."""
    assert pynwb.validate(path=str(path)) == []
    findings = list(nwbinspector.inspect_nwbfile(nwbfile_path=str(path)))
    grave = [f for f in findings if f.importance.name not in ("BEST_PRACTICE_SUGGESTION",)]
    assert [f.check_function_name for f in grave] == ["check_subject_species_exists"], [f.message for f in grave]


def test_spikes_and_traces_are_those_of_the_monitors(recorded, tmp_path):
    spikes, trace = recorded
    path = write_nwb(tmp_path / "run.nwb", spikes, trace, experimenter=["Hopper, Grace"], institution="none")
    check(path)
    with opened(path) as stream:
        file = stream.read()
        assert file.session_start_time.tzinfo is not None and file.institution == "none"
        units = file.units.to_dataframe()
        assert list(units["neuron"]) == [0, 1, 2] and set(units["group"]) == {spikes.source.name}
        for neuron, times in zip(units["neuron"], units["spike_times"], strict=True):
            np.testing.assert_array_equal(times, np.sort(spikes.t[spikes.i == neuron] / second))
        np.testing.assert_allclose(np.concatenate(units["obs_intervals"]), [[0, 0.04]] * 3)
        assert file.units.resolution == pytest.approx(1e-5)
        for name, unit, said in (("v_gate", volt, "volts"), ("x_total", 1, "n.a."), ("g_device", siemens, "siemens")):
            series = file.acquisition[f"{spikes.source.name}_{name}"]
            np.testing.assert_array_equal(series.data[:], np.asarray(getattr(trace, name) / unit).T)
            assert (series.unit, series.rate, series.starting_time) == (said, pytest.approx(1e4), 0)
            assert series.comments == "neurons: 0, 2"


def test_silent_neurons_make_a_valid_file(tmp_path):
    group = NeuronGroup(2, "v : 1", threshold="v > 1", reset="v = 0")
    spikes = SpikeMonitor(group)
    Network(group, spikes).run(1 * ms)
    path = write_nwb(tmp_path / "silent.nwb", spikes)
    assert pynwb.validate(path=str(path)) == []  # nwbinspector 0.7 itself stumbles over a column without a spike
    with opened(path) as stream:
        assert [len(times) for times in stream.read().units["spike_times"][:]] == [0, 0]


def test_current_clamp_sweeps_are_read_as_a_recording(tmp_path):
    step = TimedArray([0, 1, 0] * nA, dt=10 * ms)
    equations = """dv/dt = (-70*mV - v + 20*Mohm*i_in)/(5*ms) : volt
    i_in = step(t)*(i + 1) : amp"""
    group = NeuronGroup(2, equations, method="euler", namespace={"step": step}, dt=0.1 * ms)
    group.v = -0.07 * volt
    trace = StateMonitor(group, ["v", "i_in"], record=True)
    Network(group, trace).run(30 * ms)
    path = write_nwb(tmp_path / "cell.nwb", trace, current_clamp=("v", "i_in"), protocol="Long Square")
    check(path)
    cell = load(path)
    assert cell.protocol == "Long Square" and len(cell.sweeps) == 2
    assert float(cell.sampling_interval / ms) == pytest.approx(0.1)
    for neuron, sweep in enumerate(cell.sweeps):
        np.testing.assert_allclose(sweep.voltage / volt, trace.v[neuron] / volt, rtol=1e-12)
        np.testing.assert_allclose(sweep.current / amp, trace.i_in[neuron] / amp, rtol=1e-12)
    assert np.ptp(np.asarray(cell.sweeps[1].current)) == pytest.approx(2e-9)


def test_current_clamp_needs_a_voltage_and_a_current(recorded, tmp_path):
    _, trace = recorded
    with pytest.raises(ValueError, match=r"current_clamp = \('v_gate', 'x_total'\); accepted: .* v_gate \(V\)"):
        write_nwb(tmp_path / "run.nwb", trace, current_clamp=("v_gate", "x_total"))
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_stays_unless_told(recorded, tmp_path):
    spikes, _ = recorded
    path = tmp_path / "run.nwb"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match=r"run.nwb exists; accepted: another path, or overwrite=True"):
        write_nwb(path, spikes)
    assert path.read_text() == "mine"
    write_nwb(path, spikes, overwrite=True)
    assert pynwb.validate(path=str(path)) == [] and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "options", "error", "said"),
    [
        ("run.h5", {}, ValueError, "accepted: a name that ends in .nwb"),
        ("run.nwb", {"session_start_time": datetime.datetime(2020, 1, 1)}, ValueError, "has no time zone"),
        ("run.nwb", {"colour": "red"}, TypeError, "colour"),
        ("run.nwb", {"t_stop": 1 * ms}, ValueError, "t_stop = 1. ms"),
    ],
)
def test_bad_input_leaves_nothing(recorded, tmp_path, name, options, error, said):
    with pytest.raises(error, match=said):
        write_nwb(tmp_path / name, *recorded, **options)
    assert list(tmp_path.iterdir()) == []


def test_the_same_variable_twice(recorded, tmp_path):
    _, trace = recorded
    with pytest.raises(ValueError, match="two monitors recorded v_gate"):
        write_nwb(tmp_path / "run.nwb", trace, trace)


def test_the_extra_is_named_when_pynwb_is_missing(recorded, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pynwb", None)
    with pytest.raises(ImportError, match=r'pynwb is not installed: pip install "memneuro\[interop\]"'):
        write_nwb(tmp_path / "run.nwb", *recorded)
