"""The Free Spoken Digit Dataset: the published recordings, and folders with something wrong in them."""

import os
import shutil
import struct
import time
import wave
import zipfile
from pathlib import Path

import numpy as np
import pooch
import pytest

from memneuro.speech import fsdd
from memneuro.speech.fsdd import RATE, SPEAKERS, load_fsdd
from memneuro.speech.splits import leave_one_speaker_out, official
from memneuro.speech.words import DATA_VARIABLE, SpeechUnavailable, UnknownSpeaker, UnusableSpeech


@pytest.fixture(scope="module")
def published(recordings_folder) -> Path:
    folder = recordings_folder / "fsdd"
    if not folder.is_dir():
        pytest.skip(f"'{folder}' is not there")
    return folder / "recordings"


def write(path: Path, samples=(0, 16384, -32768), channels=1, width=2, rate=RATE) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        kind = {1: np.uint8, 2: "<i2", 4: "<i4"}[width]
        file.writeframes(np.repeat(np.asarray(samples), channels).astype(kind).tobytes())
    return path


@pytest.fixture
def small(tmp_path) -> Path:
    """Two digits, two speakers, three repetitions."""
    folder = tmp_path / "own"
    folder.mkdir()
    for digit in (0, 7):
        for speaker in ("ann", "bob"):
            for index in range(3):
                write(folder / f"{digit}_{speaker}_{index}.wav")
    return folder


def test_the_name_of_the_variable_is_that_of_the_recordings_of_neurons(repository):
    # Importing that module would take Brian2 along.
    text = (repository / "memneuro" / "biology" / "registry.py").read_text()
    assert f'\nDATA_VARIABLE = "{DATA_VARIABLE}"\n' in text
    assert 'pooch.os_cache("memneuro")' in text and fsdd.default_cache() == Path(pooch.os_cache("memneuro"))


def test_the_published_recordings(published, monkeypatch):
    monkeypatch.setenv(DATA_VARIABLE, str(published.parents[1]))
    load_fsdd()  # reads the files into the cache of the operating system
    begin = time.process_time()
    words = load_fsdd()
    assert time.process_time() - begin < 2
    assert len(words) == 3000 and words.rate == 8000
    assert tuple(np.unique(words.speaker)) == SPEAKERS
    assert all(np.sum((words.label == d) & (words.speaker == s)) == 50 for d in range(10) for s in SPEAKERS)
    assert list(words.name[:2]) == ["0_george_0.wav", "0_george_1.wav"]
    assert [len(part) for part in (official(words).train, official(words).test)] == [2700, 300]
    assert all(len(split.test) == 500 for split in leave_one_speaker_out(words).values())
    # One of them read without the wave module: a header of 44 bytes, then the samples.
    i = int(np.flatnonzero(words.name == "7_jackson_32.wav")[0])
    raw = np.frombuffer((published / "7_jackson_32.wav").read_bytes()[44:], dtype="<i2")
    np.testing.assert_array_equal(words.audio[i], raw / 32768)
    assert (words.label[i], words.speaker[i], words.index[i]) == (7, "jackson", 32)


def test_one_speaker_of_the_published_recordings(published, monkeypatch):
    monkeypatch.setenv(DATA_VARIABLE, str(published.parents[1]))
    words = load_fsdd(speakers="theo")
    assert len(words) == 500 and set(words.speaker) == {"theo"}
    with pytest.raises(UnknownSpeaker, match=f"no recordings of 'zoe'; it has some of {', '.join(SPEAKERS)}"):
        load_fsdd(speakers=["theo", "zoe"])


@pytest.fixture
def linked(published, tmp_path, monkeypatch) -> Path:
    """A data folder that points at the published recordings, each of which can be replaced."""
    folder = tmp_path / "data" / "fsdd" / "recordings"
    folder.mkdir(parents=True)
    for path in published.iterdir():
        os.symlink(path, folder / path.name)
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "data"))
    return folder


def test_recordings_that_are_not_the_published_ones_are_refused(linked):
    one = linked / "3_theo_12.wav"
    raw = bytearray(one.read_bytes())
    raw[100] ^= 1
    one.unlink()
    one.write_bytes(raw)
    with pytest.raises(UnusableSpeech, match="does not hold the published recordings: it has 3000 files"):
        load_fsdd()
    assert len(load_fsdd(verify=False)) == 3000
    assert len(load_fsdd(linked)) == 3000
    with pytest.raises(UnusableSpeech, match="not hold the published"):
        load_fsdd(linked, verify=True)
    one.unlink()
    with pytest.raises(UnusableSpeech, match="it has 2999 files"):
        load_fsdd()
    for folder in (None, linked):
        with pytest.raises(UnusableSpeech, match="lacks 1 of the 50 repetitions of the digit 3 by theo: 12$"):
            load_fsdd(folder, verify=False)
    assert len(load_fsdd(verify=False, speakers=["george", "lucas"])) == 1000
    for path in linked.glob("*_theo_*"):
        path.unlink()
    with pytest.raises(UnknownSpeaker, match="no recordings of 'theo'; it has some of george, jackson, lucas, nicolas"):
        load_fsdd(verify=False)
    assert len(load_fsdd(linked)) == 2500


def test_a_folder_of_ones_own(small):
    words = load_fsdd(small)
    assert list(words.name[:4]) == ["0_ann_0.wav", "0_ann_1.wav", "0_ann_2.wav", "0_bob_0.wav"]
    assert len(words) == 12 and set(words.label) == {0, 7}
    np.testing.assert_array_equal(words.audio[0], np.float32([0, 0.5, -1]))
    assert words.audio[0].dtype == np.float32
    assert set(load_fsdd(small, ["bob"]).speaker) == {"bob"}
    with pytest.raises(UnknownSpeaker, match="no recordings of 'george'; it has some of ann, bob"):
        load_fsdd(small, "george")
    with pytest.raises(ValueError, match="speakers is empty"):
        load_fsdd(small, [])


def test_recordings_in_an_inner_folder_and_other_files(small, tmp_path):
    shutil.move(small, tmp_path / "recordings")
    (tmp_path / "recordings" / "README.md").write_text("about")
    (tmp_path / "recordings" / "._0_ann_0.wav").write_bytes(b"left behind by macOS")
    assert len(load_fsdd(tmp_path)) == 12
    assert len(load_fsdd(str(tmp_path))) == 12


def test_repetitions_are_sorted_by_number(tmp_path):
    for index in range(12):
        write(tmp_path / f"0_ann_{index}.wav")
    assert list(load_fsdd(tmp_path).index) == list(range(12))


@pytest.mark.parametrize(
    "name", ["10_ann_0.wav", "x_ann_0.wav", "0_ann.wav", "0_an_n_0.wav", "0_ann_00.wav", "0_ann_0.WAV"]
)
def test_other_file_names_are_refused(small, name):
    (small / "0_ann_0.wav").unlink()
    write(small / name)
    with pytest.raises(UnusableSpeech, match=f"{name}' is not named <digit>_<speaker>_<index>.wav"):
        load_fsdd(small)


def test_missing_repetitions_are_named(small):
    (small / "7_bob_1.wav").unlink()
    with pytest.raises(UnusableSpeech, match="lacks 1 of the 3 repetitions of the digit 7 by bob: 1$"):
        load_fsdd(small)
    assert len(load_fsdd(small, "ann")) == 6
    for index in (0, 2):
        (small / f"7_bob_{index}.wav").unlink()
    with pytest.raises(UnusableSpeech, match="lacks 3 of the 3 repetitions of the digit 7 by bob: 0, 1, 2$"):
        load_fsdd(small)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rate": 16000}, "has 16000 samples per second; needed is 8000"),
        ({"channels": 2}, "has 2 channels; needed is 1"),
        ({"width": 1, "samples": (1, 2)}, "has 8 bit per sample; needed is 16"),
        ({"width": 4}, "has 32 bit per sample; needed is 16"),
        ({"samples": ()}, "is empty: it has no samples"),
    ],
)
def test_audio_of_another_kind_is_refused(small, given, message):
    write(small / "7_bob_1.wav", **given)
    with pytest.raises(UnusableSpeech, match=rf"7_bob_1\.wav' {message}"):
        load_fsdd(small)


def test_damaged_audio_is_refused(small):
    path = small / "7_bob_1.wav"
    whole = write(path, samples=range(100)).read_bytes()
    compressed = bytearray(whole)
    struct.pack_into("<H", compressed, 20, 85)  # MP3 in a WAV file
    without_data = bytearray(whole)
    without_data[36:40] = b"none"
    for damaged, message in (
        (b"", "0 bytes.* cannot be read as a WAV file.*ends too early"),
        (b"neither of this kind", "20 bytes.* cannot be read as a WAV file"),
        (whole[:30], "30 bytes.* cannot be read as a WAV file"),
        (whole[:-60], "is truncated: it declares 100 samples and has 70"),
        (whole[:-1], "is truncated: it declares 100 samples and has 99"),
        (bytes(compressed), "244 bytes.* cannot be read as a WAV file.*unknown format: 85"),
        (bytes(without_data), "244 bytes.* cannot be read as a WAV file.*data chunk"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(UnusableSpeech, match=rf"7_bob_1\.wav' \(?{message}"):
            load_fsdd(small)


def test_folders_that_are_not_there(tmp_path, monkeypatch):
    with pytest.raises(SpeechUnavailable, match="no folder .*absent"):
        load_fsdd(tmp_path / "absent")
    with pytest.raises(SpeechUnavailable, match="has no recordings.*archive/26eb9aa"):
        load_fsdd(tmp_path)
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    with pytest.raises(SpeechUnavailable, match=f"{DATA_VARIABLE} is set to .* which has no folder 'fsdd': download"):
        load_fsdd()


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """An empty download cache, and no data folder."""
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    monkeypatch.setattr(fsdd, "default_cache", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def serve(monkeypatch, archive: Path) -> list[str]:
    """Have this archive delivered in place of what is on the net; returns the list of addresses asked for."""
    asked: list[str] = []

    def retrieve(url, known_hash, fname, path, **options):
        asked.append(url)
        return shutil.copy(archive, Path(path) / fname)

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    return asked


def test_download(small, cache, tmp_path, monkeypatch):
    # In small: three repetitions of two digits, whose digest is taken for the published one.
    archive = tmp_path / "archive.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in small.iterdir():
            file.write(path, f"free-spoken-digit-dataset-26eb9aa/recordings/{path.name}")
        file.writestr("free-spoken-digit-dataset-26eb9aa/README.md", "about")
        file.writestr("free-spoken-digit-dataset-26eb9aa/elsewhere/9_ann_0.wav", b"")
    asked = serve(monkeypatch, archive)
    with pytest.raises(UnusableSpeech, match="delivers are not the published recordings: 12 files"):
        load_fsdd()
    assert os.listdir(cache) == []
    digest = fsdd._digest({path.name: path.read_bytes() for path in small.iterdir()})
    monkeypatch.setattr(fsdd, "_SHA256", digest)
    with pytest.raises(UnknownSpeaker, match="'george'"):
        load_fsdd()
    assert os.listdir(cache) == ["fsdd"] and os.listdir(cache / "fsdd") == ["recordings"]
    assert {path.name for path in (cache / "fsdd" / "recordings").iterdir()} == {path.name for path in small.iterdir()}
    with pytest.raises(
        UnusableSpeech, match=r"lacks 47 of the 50 repetitions of the digit 0 by ann: 3, 4, .*, 12, \.\.\.$"
    ):
        load_fsdd(speakers="ann")
    assert asked == [fsdd._ADDRESS] * 2  # the third time it was in the cache


def test_a_download_that_is_no_archive(cache, tmp_path, monkeypatch):
    (tmp_path / "page.html").write_text("not found")
    serve(monkeypatch, tmp_path / "page.html")
    with pytest.raises(UnusableSpeech, match="not a ZIP archive"):
        load_fsdd()
    assert os.listdir(cache) == []


def test_no_network(cache, monkeypatch):
    def retrieve(*arguments, **options):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    with pytest.raises(SpeechUnavailable, match=f"no route to host.*download .*{DATA_VARIABLE}"):
        load_fsdd()
    assert os.listdir(cache) == []
