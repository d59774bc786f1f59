"""Words to spikes: the same however many processes, cached by everything it depends on, resumed copy by copy."""

import os
from dataclasses import replace

import numpy as np
import pytest

from memneuro.speech import encode as module
from memneuro.speech.augment import Augmentation, trim
from memneuro.speech.cochlea import Cochlea
from memneuro.speech.encode import encode
from memneuro.speech.spike_words import SpikeWords
from memneuro.speech.words import UnusableSpeech, Words

RATE = 8000
COCHLEA = Cochlea(channels=40)
ARRAYS = ("times", "channels", "offsets", "duration", "label", "speaker", "index", "variant")


def tones(count: int = 5) -> Words:
    """Tones of different pitch and length, the fourth with silence around it."""
    audio = []
    for number in range(count):
        t = np.arange(int((0.2 - 0.02 * number) * RATE)) / RATE
        audio.append((0.5 * np.sin(2 * np.pi * (300 + 250 * number) * t)).astype(np.float32))
    if count > 3:
        audio[3] = np.concatenate([np.zeros(800, np.float32), audio[3], np.zeros(1600, np.float32)])
    names = [f"{number % 2}_{speaker}_{number}.wav" for number, speaker in zip(range(count), "abbab", strict=False)]
    return Words(
        audio,
        RATE,
        np.arange(count) % 2,
        np.array([name.split("_")[1] for name in names]),
        np.arange(count),
        np.array(names),
    )


def run(folder, words=None, **changes) -> SpikeWords:
    options = {"cochlea": COCHLEA, "folder": folder, "processes": 1, "progress": False} | changes
    return encode(tones() if words is None else words, **options)


def same(one: SpikeWords, other: SpikeWords) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ARRAYS)


@pytest.fixture
def no_encoding(monkeypatch):
    """From here on nothing can be encoded, only read."""

    def refuse(*arguments):
        raise AssertionError("a copy was encoded")

    return lambda: monkeypatch.setattr(module, "_encode_copy", refuse)


def test_words_as_recorded_are_what_the_cochlea_makes_of_them(tmp_path):
    """Trimmed, each with the seed of its own name, in the order given whatever their lengths."""
    words = tones()
    found = run(tmp_path)
    assert len(found) == 5 and (found.n_channels, found.n_classes) == (40, 2)
    for number, audio in enumerate(words.audio):
        heard = trim(audio, RATE)
        assert found.duration[number] == pytest.approx(len(heard) / RATE)
        times, channels = found.word(number)
        assert len(times) > 10 and times[-1] <= found.duration[number]
        expected = COCHLEA.frequencies_hz[int(np.bincount(channels).argmax())]
        assert expected == pytest.approx(300 + 250 * number, rel=0.2)
    assert found.duration[3] < 0.25 < len(words.audio[3]) / RATE
    alone = run(tmp_path / "alone", words.select([3]))
    for one, other in zip(alone.word(0), found.word(3), strict=True):
        np.testing.assert_array_equal(one, other)


def test_one_process_and_two_give_the_same(tmp_path, monkeypatch):
    one = run(tmp_path / "one", copies=1)
    monkeypatch.setattr(module, "_TOGETHER", 2)  # several blocks, so that both processes have something to do
    two = run(tmp_path / "two", copies=1, processes=2)
    assert same(one, two)
    assert sorted(os.listdir(tmp_path / "one")) == sorted(os.listdir(tmp_path / "two"))


def test_copies_sound_different_and_keep_what_was_said_and_by_whom(tmp_path):
    words, found = tones(), run(tmp_path, copies=2)
    assert len(found) == 15 and list(found.variant) == [0] * 5 + [1] * 5 + [2] * 5
    for name in ("label", "speaker", "index"):
        np.testing.assert_array_equal(getattr(found, name), np.tile(getattr(words, name), 3))
    for number in range(5):
        trains = [found.word(number + 5 * copy) for copy in range(3)]
        for one in range(3):
            for other in range(one):
                assert not np.array_equal(trains[one][0], trains[other][0])
    assert same(run(tmp_path / "fewer", copies=1), found.select(np.arange(10)))


def test_a_second_call_reads_the_file(tmp_path, no_encoding):
    first = run(tmp_path, copies=1)
    assert len(os.listdir(tmp_path)) == 2
    no_encoding()
    assert same(run(tmp_path, copies=1), first)
    assert same(run(tmp_path, copies=0), first.select(np.arange(5)))
    assert same(run(tmp_path, copies=1, processes=2), first)  # of no influence, so not in the file's name
    assert same(run(tmp_path, augmentation=replace(Augmentation(), pitch=(1.1, 1.2))), first.select(np.arange(5)))


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 1},
        {"cochlea": replace(COCHLEA, level_db=100.0)},
        {"cochlea": Cochlea(channels=20)},
        {"copies": 1, "augmentation": replace(Augmentation(), pitch=(1.5, 1.6), pitch_probability=1.0)},
    ],
)
def test_another_setting_is_another_file(changes, tmp_path):
    before = run(tmp_path, copies=changes.get("copies", 0))
    files = set(os.listdir(tmp_path))
    after = run(tmp_path, **changes)
    assert len(set(os.listdir(tmp_path)) - files) == 1
    assert not same(before, after)
    assert same(run(tmp_path, copies=changes.get("copies", 0)), before)


@pytest.mark.parametrize("what", ["sound", "name", "rate"])
def test_other_words_are_another_file(what, tmp_path):
    run(tmp_path)
    words = tones()
    if what == "sound":
        words.audio[2][100] += 1e-3
    changed = {"name": np.array(["x.wav", *words.name[1:]])} if what == "name" else {"rate": 7990}
    if what != "sound":
        words = replace(words, **changed)
    run(tmp_path, words)
    assert len(os.listdir(tmp_path)) == 2


def test_an_interrupted_run_goes_on_with_the_copy_it_was_at(tmp_path, monkeypatch):
    whole = run(tmp_path / "whole", copies=2)
    genuine = module._encode_copy

    def interrupted(words, copy, *arguments):
        if copy == 1:
            raise KeyboardInterrupt
        return genuine(words, copy, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(module, "_encode_copy", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "cache", copies=2)
    assert len(os.listdir(tmp_path / "cache")) == 1
    assert same(run(tmp_path / "cache", copies=2), whole)


def test_only_the_missing_file_is_written(tmp_path):
    first = run(tmp_path, copies=2)
    written = {path: path.stat().st_mtime_ns for path in sorted(tmp_path.iterdir())}
    for path in written:
        os.utime(path, ns=(10**18, 10**18))
    missing = sorted(written)[1]
    missing.unlink()
    assert same(run(tmp_path, copies=2), first)
    assert sorted(tmp_path.iterdir()) == sorted(written)
    assert [path for path in written if path.stat().st_mtime_ns != 10**18] == [missing]


def test_a_damaged_file_is_refused_by_name(tmp_path):
    run(tmp_path)
    (path,) = tmp_path.iterdir()
    damaged = path.read_bytes()[:-200]
    path.write_bytes(damaged)
    with pytest.raises(UnusableSpeech, match=rf"{path.name}' \({len(damaged)} bytes\) cannot be read as spike words"):
        run(tmp_path)
    assert path.read_bytes() == damaged


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"copies": -1}, "copies = -1; accepted: a whole number of at least 0"),
        ({"copies": 1.0}, r"copies = 1\.0"),
        ({"copies": True}, "copies = True"),
        ({"seed": -1}, "seed = -1; accepted: a whole number of at least 0"),
        ({"processes": -2}, "processes = -2; accepted: a whole number of at least 1"),
        ({"processes": 1.5}, r"processes = 1\.5"),
    ],
)
def test_bad_arguments_are_refused_by_name(changes, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        run(tmp_path, **changes)
    assert not os.listdir(tmp_path)


def test_the_default_cache_is_that_of_the_package(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "default_cache", lambda: tmp_path / "package")
    run(None, tones(2))
    assert len(os.listdir(tmp_path / "package" / "speech")) == 1
