"""Loading recordings: what comes out, where files come from, and every way it can fail."""

import functools
import hashlib
import http.server
import threading
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pyabf
import pytest
from brian2 import Mohm, amp, ms, mV, pA, pF, second, volt
from brian2.units.fundamentalunits import have_same_dimensions

from memneuro.biology import (
    RecordingUnavailable,
    UnknownRecording,
    UnusableRecording,
    load,
    noise_window,
    recording_names,
    step_windows,
)
from memneuro.biology.registry import DATA_VARIABLE, RECORDINGS, RecordingFile, find, locate

ALL_FILES = [(name, protocol) for name, entry in RECORDINGS.items() for protocol in entry.files]


def noise(seed, scale, shape=(2, 500)):
    return scale * np.random.default_rng(seed).standard_normal(shape)


# ---------------------------------------------------------------------------------------------- real files


@pytest.mark.parametrize(("name", "protocol"), ALL_FILES)
def test_every_registered_file_loads_with_units(recorded, name, protocol):
    recording = recorded(name, protocol)
    assert recording.name == name
    assert recording.protocol == protocol
    for sweep in recording.sweeps:
        assert have_same_dimensions(sweep.time, second)
        assert have_same_dimensions(sweep.voltage, volt)
        assert have_same_dimensions(sweep.current, amp)
        assert len(sweep.time) == len(sweep.voltage) == len(sweep.current)
        # A membrane, in volts: had voltage and current been exchanged, or the prefix lost, this would fail.
        assert -75 * mV < np.median(sweep.voltage) < -20 * mV or name.startswith("patch_clamp")
        assert -140 * mV < np.min(sweep.voltage) < np.max(sweep.voltage) < 70 * mV
        assert np.max(np.abs(sweep.current)) < 500 * pA
    assert recording.licence == "MIT"
    assert recording.traps
    assert "http" in recording.source


@pytest.mark.parametrize(
    ("protocol", "sweeps", "duration_s"),
    [("current_steps", 13, 5.0), ("test", 10, 10.0), ("training", 1, 60.0), ("aec", 1, 10.0)],
)
def test_protocols_of_a_raphe_cell(recorded, protocol, sweeps, duration_s):
    recording = recorded("raphe/DRN159", protocol)
    assert len(recording.sweeps) == sweeps
    assert float(recording.sweep_duration / second) == pytest.approx(duration_s)
    assert float(recording.sampling_interval / ms) == pytest.approx(0.1)
    assert recording.current_source == "recorded"


def test_the_raphe_channels_are_chosen_by_unit_although_their_names_are_exchanged(recorded):
    recording = recorded("raphe/DRN159", "test")
    abf = pyabf.ABF(str(recording.path))
    voltage = abf.adcUnits.index("mV")
    assert abf.adcNames[voltage].startswith("Im")  # the trap is really there
    abf.setSweep(0, channel=voltage)
    assert np.allclose(recording.sweeps[0].voltage / mV, abf.sweepY, atol=1e-3)


def test_step_and_noise_windows(recorded):
    (window,) = step_windows(recorded("raphe/DRN159"))
    assert np.allclose([float(t) for t in window], [2.1782, 3.1782])
    assert np.allclose([float(t) for t in noise_window(recorded("raphe/DRN159", "test"))], [0.1563, 9.8439])
    first, second_ = step_windows(recorded("patch_clamp/171116sh_0018"))
    assert np.allclose([float(t) for t in first], [0.14685, 0.64685])
    assert np.allclose([float(t) for t in second_], [1.64685, 2.14685])


def test_the_command_stands_in_for_a_current_that_was_not_recorded(recorded):
    recording = recorded("patch_clamp/171116sh_0018")
    assert recording.current_source == "command"
    start, end = step_windows(recording)[0]
    middle = int((start + end) / 2 / recording.sampling_interval)
    assert np.allclose([s.current[middle] / pA for s in recording.sweeps], np.arange(-100, 301, 25))


def test_a_noise_test_has_no_steps_and_training_cannot_have_any(recorded):
    for protocol in ("test", "training"):
        with pytest.raises(ValueError, match="holds no current steps"):
            step_windows(recorded("raphe/DRN159", protocol))


def test_the_authors_notes_come_with_units_and_cannot_be_changed(recorded):
    recording = recorded("raphe/DRN159")
    assert recording.metadata["cell_type"] == "5-HT"
    assert recording.metadata["membrane_capacitance"] == 43 * pF
    assert recording.metadata["membrane_resistance"] == 707 * Mohm
    assert recording.metadata["access_resistance"] == 24.3 * Mohm
    assert recording.metadata["holding_current"] == -11 * pA
    with pytest.raises(FrozenInstanceError):
        recording.name = "another"
    with pytest.raises(TypeError):
        recording.metadata["cell_type"] = "another"


def test_a_registered_file_also_loads_by_its_path(recorded):
    by_name = recorded("raphe/DRN160")
    by_path = load(by_name.path, protocol="current_steps")
    assert np.array_equal(by_name.sweeps[3].voltage, by_path.sweeps[3].voltage)
    assert by_path.source == by_path.licence == "unknown"


# ------------------------------------------------------------------------------------------------ registry


def test_the_registry_is_complete_and_pinned():
    assert len(recording_names()) == 10
    assert sum(name.startswith("raphe/") for name in recording_names()) == 6
    for entry in RECORDINGS.values():
        for file in entry.files.values():
            assert len(file.sha256) == 64 and int(file.sha256, 16) > 0
            assert file.size > 100_000
            assert file.address.startswith("https://") and file.address.endswith(file.path.rsplit("/", 1)[-1])
            assert "/36228df/" in file.address or "/3ad9cd6f2cdfe79bc1978736ab46314866ca1c4c/" in file.address
    hashes = [file.sha256 for entry in RECORDINGS.values() for file in entry.files.values()]
    assert len(set(hashes)) == len(hashes)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(UnknownRecording, match="'raphe/DRN999'.*raphe/DRN159"):
        load("raphe/DRN999")


def test_an_unknown_protocol_lists_those_of_the_cell():
    with pytest.raises(UnknownRecording, match="DRN163 has no protocol 'test'; it has aec, current_steps"):
        load("raphe/DRN163", "test")
    with pytest.raises(UnknownRecording, match="DRN158 has no protocol 'current_steps'; it has aec, test"):
        load("raphe/DRN158")


# ----------------------------------------------------------------------------------- where files come from


def test_the_data_folder_without_the_file_says_where_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    with pytest.raises(RecordingUnavailable, match="https://github.com/apayeur/GIF-K/.*current_steps.abf") as caught:
        load("raphe/DRN159")
    assert str(tmp_path) in str(caught.value)
    assert isinstance(caught.value, FileNotFoundError)


def test_another_file_in_its_place_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    place = tmp_path / find("raphe/DRN159")[1].path
    place.parent.mkdir(parents=True)
    place.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(UnusableRecording, match="not the published file: it has 43 bytes"):
        load("raphe/DRN159")


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A folder served over HTTP on this machine, and a registered file that points into it."""
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    folder = tmp_path / "server"
    folder.mkdir()
    content = np.random.default_rng(0).bytes(50_000)
    (folder / "cell.abf").write_bytes(content)
    requests = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            requests.append(self.path)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_address[1]}/cell.abf"
    file = RecordingFile("lab/cell.abf", address, hashlib.sha256(content).hexdigest(), len(content))
    yield file, content, requests
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_file_is_downloaded_once_and_then_taken_from_the_cache(served, tmp_path):
    file, content, requests = served
    cache = tmp_path / "cache"
    with pytest.raises(RecordingUnavailable, match="not in the download cache"):
        locate(file, cache=cache, download=False)
    path = locate(file, cache=cache)
    assert path == cache / "lab" / "cell.abf"
    assert path.read_bytes() == content
    assert [p.name for p in path.parent.iterdir()] == ["cell.abf"]  # no temporary file stays behind
    first = len(requests)
    assert first >= 1
    assert locate(file, cache=cache) == path
    assert len(requests) == first
    path.write_bytes(content[:100])  # a damaged copy in the cache is fetched again
    assert locate(file, cache=cache).read_bytes() == content


def test_a_download_with_another_checksum_is_not_kept(served, tmp_path):
    file, _, _ = served
    with pytest.raises(UnusableRecording, match="not the published file"):
        locate(replace(file, sha256="0" * 64), cache=tmp_path / "cache")
    assert not list((tmp_path / "cache").rglob("*.*"))


def test_without_network_one_error_says_how_to_get_the_file(served, tmp_path):
    file, _, _ = served
    nobody = replace(file, address="http://127.0.0.1:9/cell.abf")  # the discard port: connection refused
    with pytest.raises(RecordingUnavailable, match=f"http://127.0.0.1:9/cell.abf.*set {DATA_VARIABLE}"):
        locate(nobody, cache=tmp_path / "cache")
    with pytest.raises(RecordingUnavailable, match="404"):
        locate(replace(file, address=file.address + ".gone"), cache=tmp_path / "cache")
    assert not list((tmp_path / "cache").rglob("*.*"))


# ----------------------------------------------------------------------------------- files that are faulty


def test_a_missing_path():
    with pytest.raises(RecordingUnavailable, match="there is no file 'no/such/cell.abf'"):
        load("no/such/cell.abf")


@pytest.mark.parametrize("kept", [0.0, 0.001, 0.4, 0.98])
def test_a_truncated_recording(recorded, tmp_path, kept):
    whole = recorded("raphe/DRN159").path.read_bytes()
    path = tmp_path / "truncated.abf"
    path.write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(UnusableRecording, match="truncated.abf.*damaged, truncated or of another kind"):
        load(path)


def test_a_truncated_abf1_file(tmp_path, write_abf1):
    path = write_abf1(tmp_path / "cell.abf", [("mV", noise(0, 10)), ("pA", noise(1, 50))])
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(UnusableRecording, match="damaged, truncated or of another kind"):
        load(path)


def test_something_that_is_not_an_abf_file(tmp_path):
    path = tmp_path / "notes.abf"
    path.write_text("not a recording\n" * 100)
    with pytest.raises(UnusableRecording, match="damaged, truncated or of another kind"):
        load(path)


def test_channels_in_any_order_and_unit_prefix(tmp_path, write_abf1):
    voltage, current = noise(0, 0.02), noise(1, 0.3)
    path = write_abf1(tmp_path / "cell.abf", [("nA", current), ("V", voltage)], rate_hz=20_000)
    recording = load(path)
    assert recording.protocol == "unknown"
    assert float(recording.sampling_interval / ms) == pytest.approx(0.05)
    assert len(recording.sweeps) == 2
    for i, sweep in enumerate(recording.sweeps):
        # 16-bit samples: the error is at most a step of 1/64 000 of the range.
        assert np.allclose(sweep.voltage / volt, voltage[i], atol=1e-5)
        assert np.allclose(sweep.current / pA, 1000 * current[i], atol=0.1)


def test_no_current_channel_and_no_command(tmp_path, write_abf1):
    path = write_abf1(tmp_path / "cell.abf", [("mV", noise(0, 10))])
    with pytest.raises(UnusableRecording, match="has no current: its recorded channels have the units mV"):
        load(path)


def test_two_current_channels(tmp_path, write_abf1):
    path = write_abf1(tmp_path / "cell.abf", [("mV", noise(0, 10)), ("pA", noise(1, 50)), ("nA", noise(2, 1))])
    with pytest.raises(UnusableRecording, match="2 current channels.*mV, pA, nA"):
        load(path)


@pytest.mark.parametrize("units", [["pA"], ["mV", "mV", "pA"]])
def test_no_voltage_channel_or_two(tmp_path, write_abf1, units):
    path = write_abf1(tmp_path / "cell.abf", [(unit, noise(k, 10)) for k, unit in enumerate(units)])
    with pytest.raises(UnusableRecording, match=f"{units.count('mV')} voltage channels"):
        load(path)


def test_samples_that_are_not_numbers(tmp_path, write_abf1):
    channels = [("mV", noise(0, 10)), ("pA", noise(1, 50))]
    path = write_abf1(tmp_path / "cell.abf", channels, offset=float("nan"))
    with pytest.raises(UnusableRecording, match="500 of 500 voltage samples that are not finite"):
        load(path)
