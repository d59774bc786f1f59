"""Which words are for training, which for choosing among models, and which for the test.

A word is told from another by its label, its speaker and the number of the repetition; augmented copies (``variant``
above 0) share all three with the word they are copies of. They are used where that word is used for training and
nowhere else: never in a test, never in a validation.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memneuro.speech.words import UnknownSpeaker, chosen

__all__ = ["Split", "hold_out_speaker", "leave_one_speaker_out", "official"]

#: The official split of the Free Spoken Digit Dataset: repetitions below are the test, and how many there are in all.
_TEST_REPETITIONS = 5
_REPETITIONS = 50


@dataclass(frozen=True, eq=False)
class Split:
    """Positions of the words for training and for the test, ascending.

    Parameters
    ----------
    train, test : ndarray of int64, shape (words,)
        The positions.
    """

    train: NDArray[np.int64]
    test: NDArray[np.int64]


def _column(words: Any, name: str, length: int | None = None) -> NDArray[Any]:
    if not hasattr(words, name) or callable(getattr(words, name)):  # a list has a method `index`
        raise TypeError(f"{type(words).__name__} has no '{name}'; needed are words or their spike trains")
    column = np.asarray(getattr(words, name))
    if column.ndim != 1 or (length is not None and len(column) != length):
        raise ValueError(f"{name} has shape {column.shape}; needed is one entry per word")
    return column


def _recorded(words: Any, length: int) -> NDArray[np.bool_]:
    """Which words are not augmented copies."""
    if not hasattr(words, "variant"):
        return np.ones(length, dtype=bool)
    return _column(words, "variant", length) == 0


def official(words: Any) -> Split:
    """The official split of the Free Spoken Digit Dataset: repetitions 0 to 4 are the test, 5 to 49 the training.

    Every speaker is in both.

    Parameters
    ----------
    words : object
        Anything with the array ``index``, and with ``variant`` where there are augmented copies.

    Returns
    -------
    Split
        Augmented copies of the test words are in neither part.

    Raises
    ------
    ValueError
        When a repetition is not among 0 to 49, or one of the two sets is empty.
    """
    index = _column(words, "index")
    outside = index[(index < 0) | (index >= _REPETITIONS)]
    if len(outside):
        raise ValueError(
            f"the official split knows the repetitions 0 to {_REPETITIONS - 1}; there is a word with {outside[0]}"
        )
    for_test = index < _TEST_REPETITIONS
    split = Split(np.flatnonzero(~for_test), np.flatnonzero(for_test & _recorded(words, len(index))))
    for name, repetitions in (
        ("train", f"{_TEST_REPETITIONS} to {_REPETITIONS - 1}"),
        ("test", f"0 to {_TEST_REPETITIONS - 1}"),
    ):
        if not len(getattr(split, name)):
            raise ValueError(f"none of the {len(index)} words is for the {name}ing set: repetitions {repetitions}")
    return split


def leave_one_speaker_out(words: Any) -> dict[str, Split]:
    """For every speaker a split whose test is all of that speaker and whose training is all of the others.

    Parameters
    ----------
    words : object
        Anything with the array ``speaker``, and with ``variant`` where there are augmented copies.

    Returns
    -------
    dict of str to Split
        By ``speaker``, in alphabetical order.

    Raises
    ------
    ValueError
        When there are fewer than two speakers, or one with augmented copies only.
    """
    speakers = _column(words, "speaker").astype(np.str_)
    recorded = _recorded(words, len(speakers))
    names = [str(name) for name in np.unique(speakers)]
    if len(names) < 2:
        raise ValueError(f"there are words of {len(names)} speakers ({', '.join(names)}); needed are two or more")
    splits = {
        name: Split(np.flatnonzero(speakers != name), np.flatnonzero((speakers == name) & recorded)) for name in names
    }
    for name, split in splits.items():
        if not len(split.test):
            raise ValueError(f"speaker '{name}' has augmented copies only; needed is at least one word as recorded")
    return splits


def hold_out_speaker(
    train_indices: ArrayLike, speakers: Any, speaker: str | None = None, *, variant: ArrayLike | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Take one speaker out of the training for validation.

    Which one follows a fixed rule, so that it cannot be chosen by its result. Where exactly one speaker is in no
    training word, as in `leave_one_speaker_out`, it is the training speaker who comes next in alphabetical order, the
    first one after the last; otherwise, as in `official`, the alphabetically first training speaker.

    Parameters
    ----------
    train_indices : array_like of int
        Positions of the words for training.
    speakers : object or array_like of str
        The words, or the speaker of every word (not only of those for training).
    speaker : str, optional
        Another speaker than the rule gives.
    variant : array_like of int, optional
        0 for each word as recorded and more for augmented copies, when `speakers` is not words that say so.

    Returns
    -------
    train, validation : ndarray of int64, shape (words,)
        Positions, in the order given. Augmented copies of the held-out words are in neither.

    Raises
    ------
    ValueError
        When there are fewer than two speakers in training, or the held-out one has augmented copies only.
    UnknownSpeaker
        When `speaker` is not in training.
    """
    if hasattr(speakers, "speaker"):
        names = _column(speakers, "speaker").astype(np.str_)
        recorded = _recorded(speakers, len(names))
    else:
        names = np.asarray(speakers, dtype=np.str_)
        if names.ndim != 1:
            raise ValueError(f"speakers has shape {names.shape}; needed is one entry per word")
        recorded = np.ones(len(names), dtype=bool)
    if variant is not None:
        recorded = np.asarray(variant) == 0
        if recorded.shape != names.shape:
            raise ValueError(f"variant has shape {recorded.shape}; needed is {names.shape}, one entry per word")
    train = chosen(train_indices, len(names))
    present = [str(name) for name in np.unique(names[train])]
    if len(present) < 2:
        raise ValueError(
            f"the training has words of {len(present)} speakers ({', '.join(present)}); needed are two or more, of "
            "whom one is held out"
        )
    if speaker is None:
        absent = sorted(set(names.tolist()) - set(present))
        later = [name for name in present if len(absent) == 1 and name > absent[0]]
        speaker = later[0] if later else present[0]
    elif speaker not in present:
        raise UnknownSpeaker(f"speaker '{speaker}' is not in the training; there are {', '.join(present)}")
    held_out = names[train] == speaker
    validation = train[held_out & recorded[train]]
    if not len(validation):
        raise ValueError(f"speaker '{speaker}' has augmented copies only; needed is at least one word as recorded")
    return train[~held_out], validation
