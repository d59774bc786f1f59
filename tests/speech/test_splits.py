"""Splits: who is tested is not trained on, and augmented copies stay with their words."""

from types import SimpleNamespace

import numpy as np
import pytest

from memneuro.speech.splits import hold_out_speaker, leave_one_speaker_out, official
from memneuro.speech.words import UnknownSpeaker

SPEAKERS = ("ann", "bob", "cleo")


def made(copies=0, repetitions=50, speakers=SPEAKERS, seed=0):
    """Every speaker says two words, in disorder; each with that many augmented copies."""
    rows = [
        (label, speaker, index, variant)
        for label in range(2)
        for speaker in speakers
        for index in range(repetitions)
        for variant in range(copies + 1)
    ]
    rows = [rows[i] for i in np.random.default_rng(seed).permutation(len(rows))]
    label, speaker, index, variant = map(np.array, zip(*rows, strict=True))
    result = SimpleNamespace(label=label, speaker=speaker, index=index)
    if copies:
        result.variant = variant
    return result


def identities(words, positions):
    return {(words.label[i], words.speaker[i], words.index[i]) for i in positions}


def test_official_split():
    words = made()
    split = official(words)
    assert set(words.index[split.test]) == set(range(5))
    assert set(words.index[split.train]) == set(range(5, 50))
    assert sorted([*split.train, *split.test]) == list(range(300))
    assert len(split.test) == 30


@pytest.mark.parametrize("repetition", [50, -1])
def test_official_split_refuses_repetitions_it_does_not_know(repetition):
    words = made()
    words.index[17] = repetition
    with pytest.raises(ValueError, match=f"repetitions 0 to 49; there is a word with {repetition}"):
        official(words)


def test_official_split_refuses_an_empty_part():
    with pytest.raises(ValueError, match="training set: repetitions 5 to 49"):
        official(made(repetitions=5))
    words = made()
    words.index[:] = 7
    with pytest.raises(ValueError, match="testing set: repetitions 0 to 4"):
        official(words)
    words = made(copies=1)
    words.variant[words.index < 5] = 1
    with pytest.raises(ValueError, match="testing set"):
        official(words)


def test_what_is_no_words_is_refused():
    with pytest.raises(TypeError, match="list has no 'index'"):
        official([1, 2])
    words = made()
    words.variant = np.zeros(3, dtype=int)
    with pytest.raises(ValueError, match="variant has shape"):
        official(words)


def test_leave_one_speaker_out():
    words = made()
    splits = leave_one_speaker_out(words)
    assert list(splits) == list(SPEAKERS)
    for speaker, split in splits.items():
        assert set(words.speaker[split.test]) == {speaker}
        assert set(words.speaker[split.train]) == set(SPEAKERS) - {speaker}
        assert sorted([*split.train, *split.test]) == list(range(300))
    with pytest.raises(ValueError, match=r"1 speakers \(ann\); needed are two or more"):
        leave_one_speaker_out(made(speakers=("ann",)))


@pytest.mark.parametrize("way", ["official", "speaker"])
def test_copies_are_used_where_their_word_is_trained_on_and_nowhere_else(way):
    words = made(copies=2)
    splits = [official(words)] if way == "official" else list(leave_one_speaker_out(words).values())
    for split in splits:
        train, validation = hold_out_speaker(split.train, words)
        assert np.all(words.variant[split.test] == 0) and np.all(words.variant[validation] == 0)
        assert len(validation) > 0
        parts = [identities(words, part) for part in (train, validation, split.test)]
        assert all(not parts[i] & parts[j] for i, j in ((0, 1), (0, 2), (1, 2)))
        assert set.union(*parts) == identities(words, range(len(words.label)))
        # every word that is trained on, with all of its copies
        assert len(train) == 3 * len(parts[0]) and len(validation) == len(parts[1]) and len(split.test) == len(parts[2])


def test_who_is_held_out_follows_the_alphabet():
    words = made()
    splits = leave_one_speaker_out(words)
    chosen = {name: set(words.speaker[hold_out_speaker(split.train, words)[1]]) for name, split in splits.items()}
    assert chosen == {"ann": {"bob"}, "bob": {"cleo"}, "cleo": {"ann"}}
    train, validation = hold_out_speaker(official(words).train, words.speaker)
    assert set(words.speaker[validation]) == {"ann"} and set(words.speaker[train]) == {"bob", "cleo"}
    assert set(words.index[validation]) == set(range(5, 50))
    # Several speakers without training: the first who has some.
    several = np.flatnonzero(~np.isin(words.speaker, ["ann"]) & (words.speaker != "zoe"))
    more = np.concatenate([words.speaker, ["zoe"]])
    assert set(more[hold_out_speaker(several, more)[1]]) == {"bob"}
    # It need not come after those without: of ann and dora it is ann, where bob and cleo are absent.
    four = made(speakers=(*SPEAKERS, "dora"))
    train, validation = hold_out_speaker(np.flatnonzero(~np.isin(four.speaker, ["bob", "cleo"])), four)
    assert set(four.speaker[validation]) == {"ann"} and set(four.speaker[train]) == {"dora"}


def test_another_speaker_can_be_asked_for():
    words = made()
    train, validation = hold_out_speaker(official(words).train, words, "cleo")
    assert set(words.speaker[validation]) == {"cleo"} and "cleo" not in words.speaker[train]
    with pytest.raises(UnknownSpeaker, match="speaker 'dora' is not in the training; there are ann, bob, cleo"):
        hold_out_speaker(official(words).train, words, "dora")
    with pytest.raises(UnknownSpeaker, match="'ann' is not in the training; there are bob, cleo"):
        hold_out_speaker(leave_one_speaker_out(words)["ann"].train, words, "ann")


def test_copies_can_be_given_apart():
    words = made(copies=1)
    split = official(words)
    ours = hold_out_speaker(split.train, words)
    theirs = hold_out_speaker(split.train, words.speaker, variant=words.variant)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="variant has shape"):
        hold_out_speaker(split.train, words.speaker, variant=words.variant[1:])


def test_holding_out_refuses():
    words = made()
    with pytest.raises(ValueError, match=r"1 speakers \(ann\); needed are two or more"):
        hold_out_speaker(np.flatnonzero(words.speaker == "ann"), words)
    with pytest.raises(IndexError, match="no word 300"):
        hold_out_speaker([0, 300], words)
    words = made(copies=1)
    copies = np.flatnonzero((words.variant == 1) | (words.speaker != "ann"))
    with pytest.raises(ValueError, match="speaker 'ann' has augmented copies only"):
        hold_out_speaker(copies, words)
    words.variant[words.speaker == "ann"] = 1
    with pytest.raises(ValueError, match="speaker 'ann' has augmented copies only"):
        leave_one_speaker_out(words)
