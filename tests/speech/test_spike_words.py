"""The container of spike trains: what it refuses, what it counts, and that files come back as they were."""

import os
import zipfile

import numpy as np
import pytest

from memneuro.speech.spike_words import SpikeWords
from memneuro.speech.words import UnusableSpeech, Words


def fields(**changes):
    """Three words: two spikes, none, three spikes; 4 channels, 2 classes."""
    return {
        "times": [0.1, 0.2, 0.0, 0.25, 0.3],
        "channels": [0, 3, 1, 1, 2],
        "offsets": [0, 2, 2, 5],
        "duration": [0.4, 0.1, 0.3],
        "label": [0, 1, 1],
        "speaker": ["ann", "bob", "bob"],
        "index": [0, 1, 2],
        "variant": [0, 0, 1],
        "n_channels": 4,
        "n_classes": 2,
    } | changes


def words(**changes):
    return SpikeWords(**fields(**changes))


def assert_same(one, other):
    for name in ("times", "channels", "offsets", "duration", "label", "speaker", "index", "variant"):
        a, b = getattr(one, name), getattr(other, name)
        np.testing.assert_array_equal(a, b, err_msg=name)
        assert a.dtype.kind == b.dtype.kind and (a.dtype == b.dtype or name == "speaker"), name
    assert (one.n_channels, one.n_classes) == (other.n_channels, other.n_classes)


def random_words(seed, count=40, n_channels=12):
    generator = np.random.default_rng(seed)
    lengths = generator.integers(0, 60, count)
    duration = generator.uniform(0.05, 0.9, count).astype(np.float32)
    times = [np.sort(generator.uniform(0, end, k).astype(np.float32)) for end, k in zip(duration, lengths, strict=True)]
    return SpikeWords(
        times=np.concatenate(times),
        channels=generator.integers(0, n_channels, lengths.sum()),
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        duration=duration,
        label=generator.integers(0, 3, count),
        speaker=generator.choice(["a", "b"], count),
        index=np.arange(count),
        variant=np.zeros(count, dtype=int),
        n_channels=n_channels,
        n_classes=3,
    )


def test_arrays_get_their_types_and_words_their_spikes():
    made = words()
    assert len(made) == 3
    assert [getattr(made, name).dtype.str[1:] for name in ("times", "channels", "offsets", "duration")] == [
        "f4",
        "u2",
        "i8",
        "f4",
    ]
    assert [getattr(made, name).dtype.str[1:] for name in ("label", "index", "variant")] == ["i2", "i4", "i2"]
    times, channels = made.word(2)
    np.testing.assert_array_equal(times, np.float32([0.0, 0.25, 0.3]))
    np.testing.assert_array_equal(channels, [1, 1, 2])
    assert len(made.word(1)[0]) == 0
    np.testing.assert_array_equal(made.word(-1)[1], channels)
    with pytest.raises(IndexError, match="no word 3; there are 3"):
        made.word(3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"times": [0.2, 0.1, 0, 0.25, 0.3]}, r"word 0 are not sorted: 0\.2.* followed by 0\.1"),
        ({"times": [0.1, 0.2, 0.25, 0.0, 0.3]}, "word 2 are not sorted"),
        ({"times": [-0.1, 0.2, 0, 0.25, 0.3]}, r"first spike of word 0 is at -0\.1"),
        ({"times": [0.1, 0.2, 0, 0.25, 0.31]}, r"last spike of word 2 is at 0\.31.* after its end at 0\.3"),
        ({"times": [0.1, np.nan, 0, 0.25, 0.3]}, "word 0 are not sorted: .* followed by nan"),
        ({"times": [np.nan, 0.2, 0, 0.25, 0.3]}, "first spike of word 0 is at nan"),
        ({"times": [0.1, 0.2, 0, 0.25]}, "number of spikes, 4"),
        ({"times": [[0.1, 0.2, 0, 0.25, 0.3]]}, r"times has shape \(1, 5\)"),
        ({"channels": [0, 4, 1, 1, 2]}, "channels contains 4; accepted are 0 to 3"),
        ({"channels": [0, 70000, 1, 1, 2]}, "channels contains 70000"),
        ({"channels": [0, -1, 1, 1, 2]}, "channels contains -1"),
        ({"channels": [0, 1, 1, 2]}, "5 spike times and 4 channels"),
        ({"channels": [0.0, 1.5, 1, 1, 2]}, "channels has .* float64; needed are whole numbers"),
        ({"offsets": [0, 3, 2, 5]}, "offsets"),
        ({"offsets": [1, 2, 2, 5]}, "offsets has 4 entries, from 1 to 5"),
        ({"offsets": []}, "offsets has 0 entries"),
        ({"offsets": [0, 2, 5]}, r"duration has shape \(3,\); needed is \(2,\)"),
        ({"duration": [0.4, np.inf, 0.3]}, "duration of word 1 is inf"),
        ({"duration": [0.4, -0.1, 0.3]}, r"duration of word 1 is -0\.1"),
        ({"label": [0, 1, 2]}, "label contains 2; accepted are 0 to 1"),
        ({"label": [0, 1]}, "label has 2 entries; needed are 3"),
        ({"speaker": ["ann", "bob"]}, "speaker has shape"),
        ({"index": [0, 1, -2]}, "index contains -2"),
        ({"variant": [0, 1, 40000]}, "variant contains 40000"),
        ({"n_channels": 0}, "n_channels is 0"),
        ({"n_channels": 70000}, "n_channels is 70000"),
        ({"n_classes": 2.0}, r"n_classes is 2\.0"),
    ],
)
def test_what_does_not_fit_together_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        words(**changes)


def test_times_may_begin_anew_and_be_simultaneous():
    made = words(times=[0.4, 0.4, 0.0, 0.0, 0.0])
    np.testing.assert_array_equal(made.word(0)[0], np.float32([0.4, 0.4]))


def test_selecting_by_mask_and_by_position():
    made = words()
    assert_same(made.select(np.array([True, False, True])), made.select([0, 2]))
    turned = made.select([2, 0, 2])
    assert list(turned.index) == [2, 0, 2] and list(turned.offsets) == [0, 3, 5, 8]
    for position, original in enumerate((2, 0, 2)):
        for got, expected in zip(turned.word(position), made.word(original), strict=True):
            np.testing.assert_array_equal(got, expected)
    assert len(made.select([])) == 0
    assert len(made.select(np.zeros(3, dtype=bool))) == 0
    with pytest.raises(ValueError, match=r"mask has shape \(2,\); needed is \(3,\)"):
        made.select(np.array([True, False]))
    with pytest.raises(IndexError, match="no word 3"):
        made.select([0, 3])
    with pytest.raises(ValueError, match="selected by a mask or by positions"):
        made.select(np.array([0.0]))


def test_concatenating_undoes_selecting():
    made = random_words(1)
    parts = [made.select(slice_) for slice_ in (np.arange(0, 7), [], np.arange(7, 40))]
    assert_same(SpikeWords.concatenate(parts), made)
    with pytest.raises(ValueError, match="n_channels 4, 12 cannot be concatenated"):
        SpikeWords.concatenate([words(n_classes=3), made])
    with pytest.raises(ValueError, match="at least one"):
        SpikeWords.concatenate([])


def naive_counts(made, step_s, lines, longest_s=None):
    """One spike after the other."""
    whole = [max(int(np.ceil(float(end) / step_s - 1e-3)), 1) for end in made.duration]
    cut = whole if longest_s is None else [min(k, int(np.ceil(longest_s / step_s - 1e-3))) for k in whole]
    counts = np.zeros((len(made), max(cut), lines), dtype=int)
    for i in range(len(made)):
        for time, channel in zip(*made.word(i), strict=True):
            at = min(int(float(time) / step_s + 1e-3), whole[i] - 1)
            if at < cut[i]:
                counts[i, at, int(channel) * lines // made.n_channels] += 1
    return counts, cut


@pytest.mark.parametrize("longest_s", [None, 0.3])
@pytest.mark.parametrize("lines", [1, 4, 12])
@pytest.mark.parametrize("block", [1, 500, 2**22])
def test_counts_are_those_of_one_spike_after_the_other(lines, longest_s, block, monkeypatch):
    monkeypatch.setattr("memneuro.speech.spike_words._BLOCK", block)
    made = random_words(2)
    counts, n_bins = made.counts(0.02, lines, longest_s)
    expected, expected_bins = naive_counts(made, 0.02, lines, longest_s)
    assert counts.dtype == np.uint8
    np.testing.assert_array_equal(counts, expected)
    np.testing.assert_array_equal(n_bins, expected_bins)
    if longest_s is None:
        assert counts.sum() == len(made.times)
    else:
        assert 0 < counts.sum() < len(made.times) and n_bins.max() == 15


def test_counts_on_the_edges_of_bins():
    # In single precision 0.7 is a little less and 0.3 a little more.
    # The first word goes on after its last spike, the third ends with it.
    made = words(times=[0.3, 0.7, 0.0, 0.1, 0.3], duration=[0.8, 0.1, 0.3])
    counts, n_bins = made.counts(0.1, 4)
    assert list(n_bins) == [8, 1, 3] and counts.shape == (3, 8, 4)
    assert [tuple(row) for row in np.argwhere(counts)] == [(0, 3, 0), (0, 7, 3), (2, 0, 1), (2, 1, 1), (2, 2, 2)]
    counts, n_bins = made.counts(0.1, 2, longest_s=0.3)
    assert list(n_bins) == [3, 1, 3]
    assert [tuple(row) for row in np.argwhere(counts)] == [(2, 0, 0), (2, 1, 0), (2, 2, 1)]


def test_counts_end_at_255():
    made = words(times=np.zeros(300), channels=np.zeros(300, int), offsets=[0, 255, 255, 300])
    assert made.counts(0.1, 4)[0][:, 0, 0].tolist() == [255, 0, 45]
    made = words(times=np.zeros(300), channels=np.zeros(300, int), offsets=[0, 256, 256, 300])
    assert made.counts(0.1, 4)[0][:, 0, 0].tolist() == [255, 0, 44]


def test_counts_of_no_word():
    counts, n_bins = words().select([]).counts(0.1, 4)
    assert counts.shape == (0, 0, 4) and n_bins.shape == (0,)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.1, 3), "lines is 3; needed is a divisor of the number of channels, 4"),
        ((0.1, 0), "lines is 0"),
        ((0.1, 2.0), r"lines is 2\.0"),
        ((0.0, 4), r"step_s is 0\.0 s"),
        ((np.nan, 4), "step_s is nan"),
        ((0.1, 4, -1.0), r"longest_s is -1\.0 s"),
    ],
)
def test_counts_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        words().counts(*arguments)


def test_a_saved_file_comes_back_as_it_was(tmp_path):
    made = random_words(3)
    path = made.save(tmp_path / "new" / "words.npz")
    assert_same(SpikeWords.load(path), made)
    assert os.listdir(path.parent) == ["words.npz"]
    empty = made.select([])
    assert_same(SpikeWords.load(empty.save(path)), empty)


def test_nothing_half_written_stays_behind(tmp_path, monkeypatch):
    made = words()
    path = made.save(tmp_path / "words.npz")
    before = path.read_bytes()

    def failing(stream, **arrays):
        stream.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez", failing)
    with pytest.raises(OSError, match="disk full"):
        random_words(4).save(path)
    assert os.listdir(tmp_path) == ["words.npz"] and path.read_bytes() == before


def test_damaged_and_foreign_files_are_refused(tmp_path):
    path = random_words(5).save(tmp_path / "words.npz")
    whole = path.read_bytes()
    inside = whole.index(b"times.npy") + 300
    for damaged in (
        whole[: len(whole) // 2],
        whole[:-1],
        b"",
        b"not a file of arrays",
        whole[:inside] + bytes([whole[inside] ^ 1]) + whole[inside + 1 :],
    ):
        path.write_bytes(damaged)
        with pytest.raises(
            UnusableSpeech, match=rf"words\.npz' \({len(damaged)} bytes\) cannot be read as spike words"
        ):
            SpikeWords.load(path)
    np.savez(path, times=np.zeros(3))
    with pytest.raises(UnusableSpeech, match="it lacks format, channels"):
        SpikeWords.load(path)
    np.save(tmp_path / "array.npy", np.zeros(3))
    with pytest.raises(UnusableSpeech, match="a single array"):
        SpikeWords.load(tmp_path / "array.npy")
    with pytest.raises(FileNotFoundError, match="no file .*absent"):
        SpikeWords.load(tmp_path / "absent.npz")


def test_a_file_whose_content_does_not_fit_together_is_refused(tmp_path):
    path = words().save(tmp_path / "words.npz")
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    np.savez(path, **arrays | {"format": np.array("something else 7")})
    with pytest.raises(UnusableSpeech, match="format is 'something else 7'"):
        SpikeWords.load(path)
    np.savez(path, **arrays | {"label": np.array([0, 1, 9], dtype=np.int16)})
    with pytest.raises(UnusableSpeech, match="label contains 9"):
        SpikeWords.load(path)


def test_files_hold_no_pickle(tmp_path):
    path = words().save(tmp_path / "words.npz")
    with zipfile.ZipFile(path) as file:
        assert not any(b"'O'" in file.read(name)[:128] or b"|O" in file.read(name)[:128] for name in file.namelist())


def recorded(**changes):
    given = {
        "audio": [np.zeros(4), np.full(2, -1.0)],
        "rate": 8000,
        "label": [3, 4],
        "speaker": ["ann", "bob"],
        "index": [0, 0],
        "name": ["3_ann_0.wav", "4_bob_0.wav"],
    }
    return Words(**given | changes)


def test_recorded_words():
    made = recorded()
    assert len(made) == 2 and all(samples.dtype == np.float32 for samples in made.audio)
    np.testing.assert_allclose(made.duration, [4 / 8000, 2 / 8000])
    other = made.select([1])
    assert list(other.name) == ["4_bob_0.wav"] and other.audio[0].tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"audio": [np.zeros(4), np.full(2, 1.5)]}, r"4_bob_0\.wav' ranges from 1\.5 to 1\.5"),
        ({"audio": [np.zeros(4), np.full(2, np.nan)]}, r"4_bob_0\.wav' ranges from nan"),
        ({"audio": [np.zeros(4), np.zeros(0)]}, r"4_bob_0\.wav' has shape \(0,\)"),
        ({"audio": [np.zeros((4, 2)), np.zeros(1)]}, r"3_ann_0\.wav' has shape \(4, 2\)"),
        ({"rate": 0}, "sampling rate is 0"),
        ({"label": [3]}, "label has 1 entries"),
        ({"name": ["3_ann_0.wav"]}, "name has shape"),
    ],
)
def test_recorded_words_refuse(changes, message):
    with pytest.raises(ValueError, match=message):
        recorded(**changes)
