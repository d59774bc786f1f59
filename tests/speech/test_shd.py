"""The Spiking Heidelberg Digits: files in their layout, written here, and such with something wrong in them."""

import gzip
import os
import shutil
import sys
import warnings
from pathlib import Path

import numpy as np
import pooch
import pytest

from memneuro.speech import shd
from memneuro.speech.shd import CLASSES, UnexpectedCount, load_shd, shd_split, write_shd
from memneuro.speech.spike_words import SpikeWords
from memneuro.speech.words import DATA_VARIABLE, SpeechUnavailable, UnknownSpeaker, UnusableSpeech

h5py = pytest.importorskip("h5py")

TIMES = ([0.0, 0.25, 0.25, 0.5], [0.125], [], [0.0, 1.5])
UNITS = ([3, 699, 0, 3], [1], [], [5, 5])


def write(path: Path, times=TIMES, units=UNITS, labels=(0, 19, 4, 4), speakers=(0, 4, 11, 0), leave_out="", half=True):
    """A file in the published layout, by h5py alone."""
    with h5py.File(path, "w") as file:
        for name, rows, kind in (
            ("spikes/times", times, np.float16 if half else np.float32),
            ("spikes/units", units, np.uint16),
        ):
            data = file.create_dataset(name, (len(rows),), dtype=h5py.vlen_dtype(kind))
            for i, row in enumerate(rows):
                data[i] = np.array(row, dtype=kind)
        file["labels"] = np.array(labels)
        file["extra/speaker"] = np.array(speakers, dtype=np.uint16)
        file["extra/keys"] = [key.encode() for key in CLASSES]
        file["extra/meta_info/age"] = np.full(12, 30)
        if leave_out:
            del file[leave_out]
    return path


@pytest.fixture(autouse=True)
def published_count(monkeypatch):
    """Four words and no warning; what the published files have is tested where it matters."""
    monkeypatch.setattr(shd, "COUNTS", {"train": 4, "test": 4})


@pytest.fixture
def file(tmp_path) -> Path:
    return write(tmp_path / "shd_train.h5")


@pytest.mark.parametrize("half", [True, False])
def test_the_published_layout(tmp_path, half):
    path = write(tmp_path / "shd_test.h5", half=half)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        words = load_shd("test", path)
    assert (len(words), words.n_channels, words.n_classes) == (4, 700, 20)
    for i in range(4):
        np.testing.assert_array_equal(words.word(i)[0], np.float32(TIMES[i]))
        np.testing.assert_array_equal(words.word(i)[1], UNITS[i])
    assert list(words.label) == [0, 19, 4, 4] and list(words.speaker) == ["0", "4", "11", "0"]
    assert list(words.duration) == [0.5, 0.125, 0, 1.5]
    assert list(words.index) == [0, 1, 2, 3] and not words.variant.any()
    counts, n_bins = words.counts(0.25, 7)
    assert list(n_bins) == [2, 1, 1, 6] and counts.sum() == 7
    # A folder is as good as its file.
    np.testing.assert_array_equal(load_shd("test", str(tmp_path)).times, words.times)


def test_rows_of_equal_length_as_a_table(tmp_path):
    path = tmp_path / "shd_train.h5"
    with h5py.File(path, "w") as file:
        file["spikes/times"] = np.float32([[0, 1], [0.5, 0.5]])
        file["spikes/units"] = np.array([[0, 1], [2, 3]])
        file["labels"] = [0, 1]
        file["extra/speaker"] = [0, 1]
    with pytest.warns(UnexpectedCount):
        assert list(load_shd("train", path).offsets) == [0, 2, 4]


def test_another_number_of_words_is_said(file, monkeypatch):
    monkeypatch.undo()
    assert dict(shd.COUNTS) == {"train": 8156, "test": 2264}
    with pytest.warns(UnexpectedCount, match="has 4 words; the published part 'train' has 8156") as caught:
        load_shd("train", file)
    assert caught[0].filename == __file__
    with pytest.warns(UnexpectedCount, match="has 4 words; the published part 'test' has 2264"):
        load_shd("test", file)


def test_other_parts_are_refused():
    with pytest.raises(ValueError, match="unknown part 'valid'; the Spiking Heidelberg Digits have train and test"):
        load_shd("valid")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"units": ([3, 700, 0, 3], *UNITS[1:])}, "word 0, has the unit 700; needed is one of 0 to 699"),
        ({"times": ([0.0, 0.5, 0.25, 0.5], *TIMES[1:])}, "word 0, has the spike time 0.25; needed is one that is not"),
        ({"times": (*TIMES[:3], [0.0, np.nan])}, "word 3, has the spike time nan; needed is a finite time"),
        ({"times": (*TIMES[:3], [0.0, np.inf])}, "word 3, has the spike time inf"),
        ({"times": (*TIMES[:3], [-0.5, 0.0])}, r"word 3, has the spike time -0\.5"),
        ({"labels": (0, 20, 4, 4)}, "word 1, has the label 20; needed is one of 0 to 19"),
        ({"labels": (0, -1, 4, 4)}, "word 1, has the label -1"),
        ({"labels": (0, 1, 2)}, "differing numbers of words: spikes/times 4, spikes/units 4, labels 3"),
        ({"labels": 3}, "labels one number"),
        ({"labels": (0.0, 1.0, 2.0, 3.0)}, "data set labels of .* float64; needed is one whole number per word"),
        ({"units": (*UNITS[:3], [5])}, "word 3, has 2 spike times and 1 units"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, given, message):
    path = write(tmp_path / "shd_train.h5", **given)
    with pytest.raises(UnusableSpeech, match=f"shd_train.h5'.*{message}"):
        load_shd("train", path)


@pytest.mark.parametrize("name", ["spikes/times", "spikes/units", "labels", "extra/speaker"])
def test_missing_data_sets_are_named(tmp_path, name):
    path = write(tmp_path / "shd_train.h5", leave_out=name)
    with pytest.raises(UnusableSpeech, match=f"lacks the data set {name}; needed are"):
        load_shd("train", path)


def test_what_is_not_needed_may_be_missing(tmp_path):
    assert len(load_shd("train", write(tmp_path / "shd_train.h5", leave_out="extra/keys"))) == 4


def test_damaged_files_are_refused(file):
    whole = file.read_bytes()
    for content, message in (
        (whole[: len(whole) // 2], "it is damaged or truncated"),
        (whole[:-1], "it is damaged or truncated"),
        (b"", "it is not an HDF5 file"),
        (b"times,units\n", "it is not an HDF5 file"),
        (gzip.compress(whole), "it is compressed by gzip, unpack it first"),
        (b"PK\x03\x04 and so on", "it is a ZIP archive, unpack it first"),
    ):
        file.write_bytes(content)
        with pytest.raises(UnusableSpeech, match=rf"shd_train\.h5' \({len(content)} bytes\) cannot be read: {message}"):
            load_shd("train", file)


def test_files_that_are_not_there(tmp_path, monkeypatch):
    for path in (tmp_path, tmp_path / "shd_train.h5"):
        with pytest.raises(
            SpeechUnavailable, match="no file .*shd_train.h5': download https://zenkelab.org/datasets/shd"
        ):
            load_shd("train", path)
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    with pytest.raises(SpeechUnavailable, match=f"{DATA_VARIABLE} is set to .* no file 'shd/shd_test.h5': download"):
        load_shd("test")
    (tmp_path / "shd").mkdir()
    write(tmp_path / "shd" / "shd_test.h5")
    assert len(load_shd("test")) == 4


def test_without_h5py(file, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    for call in (lambda: load_shd("train", file), lambda: write_shd(file, SpikeWords(**nobody()))):
        with pytest.raises(ImportError, match=r'pip install "memneuro\[speech\]"'):
            call()


# ---------------------------------------------------------------------------------------------- writing


def nobody():
    empty = {name: [] for name in ("times", "channels", "duration", "label", "speaker", "index", "variant")}
    return {**empty, "offsets": [0], "n_channels": 700, "n_classes": 20}


def test_what_is_written_comes_back(file, tmp_path):
    words = load_shd("train", file)
    path = write_shd(tmp_path / "again" / "shd_train.h5", words)
    assert os.listdir(path.parent) == ["shd_train.h5"]
    again = load_shd("train", path)
    for name in ("times", "channels", "offsets", "duration", "label", "speaker", "index", "variant"):
        np.testing.assert_array_equal(getattr(again, name), getattr(words, name), err_msg=name)
    with h5py.File(path, "r") as written, h5py.File(file, "r") as original:
        assert {*written, *written["extra"], *written["spikes"]} == {*original, *original["extra"], *original["spikes"]}
        assert list(written["extra/keys"].asstr()) == list(CLASSES)
        assert written["labels"].shape == original["labels"].shape


def test_writing_other_words(tmp_path):
    words = SpikeWords(
        times=[0.1, 0.30000001, 0.0],
        channels=[0, 63, 7],
        offsets=[0, 2, 3],
        duration=[0.5, 0.5],
        label=[9, 1],
        speaker=["theo", "george"],
        index=[3, 4],
        variant=[0, 1],
        n_channels=64,
        n_classes=10,
    )
    path = write_shd(tmp_path / "fsdd.h5", words)
    with pytest.warns(UnexpectedCount):
        again = load_shd("test", path)
    np.testing.assert_array_equal(again.times, words.times)
    assert list(again.speaker) == ["1", "0"] and list(again.label) == [9, 1]
    with h5py.File(path, "r") as written:
        assert list(written["extra/meta_info/name"].asstr()) == ["george", "theo"]
        assert list(written["extra/keys"].asstr()) == list("0123456789")


def test_writing_refuses_more_than_the_layout_has(tmp_path):
    for name, message in (("n_channels", "701 channels; the layout has at most 700"), ("n_classes", "21 classes")):
        largest = {"n_channels": 701, "n_classes": 21}[name]
        with pytest.raises(ValueError, match=message):
            write_shd(tmp_path / "big.h5", SpikeWords(**nobody() | {name: largest}))
    assert os.listdir(tmp_path) == []


# ------------------------------------------------------------------------------------------- validation


def by_speakers(speakers, variant=None):
    count = len(speakers)
    return SpikeWords(
        **nobody()
        | {
            "offsets": np.zeros(count + 1, dtype=int),
            "duration": np.ones(count),
            "label": np.zeros(count, dtype=int),
            "speaker": speakers,
            "index": np.arange(count),
            "variant": np.zeros(count, dtype=int) if variant is None else variant,
        }
    )


def test_the_validation_is_of_the_speaker_with_the_lowest_number():
    train, validation = shd_split(by_speakers(["10", "2", "3", "2", "10"]))
    assert list(validation) == [1, 3] and list(train) == [0, 2, 4]
    train, validation = shd_split(by_speakers(["10", "2", "3", "2", "10"]), "10")
    assert list(validation) == [0, 4] and list(train) == [1, 2, 3]


def test_copies_are_in_no_validation():
    train, validation = shd_split(by_speakers(["1", "1", "2", "2"], [0, 1, 0, 1]))
    assert list(validation) == [0] and list(train) == [2, 3]
    with pytest.raises(ValueError, match="speaker '1' has augmented copies only"):
        shd_split(by_speakers(["1", "1", "2", "2"], [1, 1, 0, 1]))


def test_validation_refuses():
    with pytest.raises(UnknownSpeaker, match="speaker '4' is not in the training; there are 1, 2, 10"):
        shd_split(by_speakers(["10", "1", "2"]), "4")
    with pytest.raises(ValueError, match=r"1 speakers \(3\); needed are two or more"):
        shd_split(by_speakers(["3", "3"]))


# ------------------------------------------------------------------------------------------- downloading


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """An empty download cache, and no data folder."""
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    monkeypatch.setattr(shd, "default_cache", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def test_download(file, cache, monkeypatch):
    asked = []

    def retrieve(url, known_hash, fname, path, **options):
        asked.append((url, known_hash))
        target = Path(path) / fname
        with file.open("rb") as source, gzip.open(target, "wb") as stream:
            shutil.copyfileobj(source, stream)
        return str(target)

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    for _ in range(2):
        assert len(load_shd("train")) == 4
    assert asked == [("https://zenkelab.org/datasets/shd_train.h5.gz", f"md5:{shd._MD5['train']}")]
    assert os.listdir(cache / "shd") == ["shd_train.h5"]
    assert len(load_shd("test")) == 4
    assert asked[1] == ("https://zenkelab.org/datasets/shd_test.h5.gz", f"md5:{shd._MD5['test']}")


@pytest.mark.parametrize(
    ("failure", "error", "message"),
    [
        (ConnectionError("no route to host"), SpeechUnavailable, "no route to host.*download .*shd_train.h5.gz"),
        (ValueError("MD5 hash differs"), UnusableSpeech, "is not the published file: MD5 hash differs"),
    ],
)
def test_failing_downloads(cache, monkeypatch, failure, error, message):
    def retrieve(*arguments, **options):
        raise failure

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    with pytest.raises(error, match=message):
        load_shd("train")
    assert os.listdir(cache / "shd") == []
