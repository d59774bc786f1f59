"""Recorded words as audio, and the errors and places that all data sets of spoken words share."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pooch
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "DATA_VARIABLE",
    "SpeechUnavailable",
    "UnknownSpeaker",
    "UnusableSpeech",
    "Words",
    "default_cache",
]

#: As in `memneuro.biology.registry`, which is not imported here because it takes Brian2 along.
DATA_VARIABLE = "MEMNEURO_DATA"


class SpeechUnavailable(FileNotFoundError):
    """The data are not on this machine and could not be downloaded; the message says how to get them."""


class UnusableSpeech(ValueError):
    """A file is there but cannot be used; the message names it and says what is wrong with it."""


class UnknownSpeaker(ValueError):
    """A speaker has no recordings; the message names who it is and who has some."""


def default_cache() -> Path:
    """Folder into which data sets are downloaded.

    Returns
    -------
    Path
        It need not exist.
    """
    return Path(pooch.os_cache("memneuro"))


def checked_column(name: str, values: ArrayLike, kind: Any, length: int | None, smallest: int = 0) -> NDArray[Any]:
    """Whole numbers as a one-dimensional array of the type `kind`, refused where they would not fit.

    Parameters
    ----------
    name : str
        What the numbers are, for the message.
    values : array_like
        The numbers.
    kind : type
        NumPy integer type of the result.
    length : int or None
        How many there have to be; any number if None.
    smallest : int
        Smallest number accepted; the largest is that of the type.

    Raises
    ------
    ValueError
        When there are more or fewer, when they are not whole, or out of range.
    """
    array = np.asarray(values)
    if array.size == 0 and array.ndim == 1:
        array = array.astype(kind)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(f"{name} has shape {array.shape} and type {array.dtype}; needed are whole numbers in one row")
    if length is not None and len(array) != length:
        raise ValueError(f"{name} has {len(array)} entries; needed are {length}, one per word")
    largest = int(np.iinfo(kind).max)
    if len(array) and (int(array.min()) < smallest or int(array.max()) > largest):
        wrong = int(array.min()) if int(array.min()) < smallest else int(array.max())
        raise ValueError(f"{name} contains {wrong}; accepted are {smallest} to {largest}")
    return array.astype(kind, copy=False)


def checked_speakers(values: ArrayLike, length: int) -> NDArray[np.str_]:
    """Names of speakers as an array of text with `length` entries.

    Parameters
    ----------
    values : array_like of str
        The names.
    length : int
        How many there have to be.

    Raises
    ------
    ValueError
        If there are more or fewer.
    """
    array = np.asarray(values, dtype=np.str_)
    if array.shape != (length,):
        raise ValueError(f"speaker has shape {array.shape}; needed is ({length},), one name per word")
    return array


def chosen(which: ArrayLike, count: int) -> NDArray[np.int64]:
    """Positions of the words that a mask or a list of positions selects among `count`.

    Parameters
    ----------
    which : array_like of bool, shape (count,), or of int
        The mask or the positions.
    count : int
        Number of words.

    Raises
    ------
    ValueError
        When a mask has another length, or what is given is neither a mask nor whole numbers.
    IndexError
        When a position is outside ``-count ... count - 1``.
    """
    array = np.asarray(which)
    if array.dtype == np.bool_:
        if array.shape != (count,):
            raise ValueError(f"the mask has shape {array.shape}; needed is ({count},), one entry per word")
        return np.flatnonzero(array)
    if array.size == 0:
        return np.zeros(0, dtype=np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(
            f"words are selected by a mask or by positions in one row, not by an array of shape {array.shape} and "
            f"type {array.dtype}"
        )
    outside = array[(array < -count) | (array >= count)]
    if len(outside):
        raise IndexError(f"there is no word {outside[0]}; there are {count}, counted from 0")
    return array.astype(np.int64) % max(count, 1)


@dataclass(frozen=True, eq=False)
class Words:
    """Recorded words.

    Attributes
    ----------
    audio : list of ndarray of float32
        Sound pressure of each word, one-dimensional, between -1 and 1.
    rate : int
        Sampling rate, Hz.
    label : ndarray of int16
        Which word was said; for digits the digit.
    speaker : ndarray of str
        Who said it.
    index : ndarray of int32
        Number of the repetition by this speaker, from 0.
    name : ndarray of str
        What a word is called in messages; the file name.

    Raises
    ------
    ValueError
        When the entries do not fit together, or audio is empty, not one-dimensional, not finite or outside -1 to 1.
    """

    audio: list[NDArray[np.float32]]
    rate: int
    label: NDArray[np.int16]
    speaker: NDArray[np.str_]
    index: NDArray[np.int32]
    name: NDArray[np.str_]

    def __post_init__(self) -> None:
        if isinstance(self.rate, bool) or not isinstance(self.rate, int | np.integer) or self.rate <= 0:
            raise ValueError(f"the sampling rate is {self.rate!r}; needed is a whole number of Hz above zero")
        audio = [np.asarray(samples, dtype=np.float32) for samples in self.audio]
        count = len(audio)
        names = np.asarray(self.name, dtype=np.str_)
        if names.shape != (count,):
            raise ValueError(f"name has shape {names.shape}; needed is ({count},), one name per word")
        for name, samples in zip(names, audio, strict=True):
            if samples.ndim != 1 or not samples.size:
                raise ValueError(f"the audio of '{name}' has shape {samples.shape}; needed is one row of samples")
            # Written so that a value that is not a number fails as well.
            if not (samples.min() >= -1 and samples.max() <= 1):
                raise ValueError(
                    f"the audio of '{name}' ranges from {samples.min():g} to {samples.max():g}; accepted is -1 to 1"
                )
        object.__setattr__(self, "audio", audio)
        object.__setattr__(self, "rate", int(self.rate))
        object.__setattr__(self, "label", checked_column("label", self.label, np.int16, count))
        object.__setattr__(self, "speaker", checked_speakers(self.speaker, count))
        object.__setattr__(self, "index", checked_column("index", self.index, np.int32, count))
        object.__setattr__(self, "name", names)

    def __len__(self) -> int:
        return len(self.audio)

    @property
    def duration(self) -> NDArray[np.float64]:
        """Length of each word, seconds."""
        return np.array([len(samples) for samples in self.audio], dtype=np.float64) / self.rate

    def select(self, which: Sequence[int] | NDArray[Any]) -> "Words":
        """The words that a mask or a list of positions selects, in that order."""
        kept = chosen(which, len(self))
        return Words(
            [self.audio[i] for i in kept],
            self.rate,
            self.label[kept],
            self.speaker[kept],
            self.index[kept],
            self.name[kept],
        )
