"""The Spiking Heidelberg Digits: spike trains in 700 channels of ten digits in English and German, by 12 speakers.

Cramer, B., Stradmann, Y., Schemmel, J. and Zenke, F., IEEE Trans. Neural Netw. Learn. Syst. 33, 2744 (2022),
doi.org/10.1109/TNNLS.2020.3044364; zenkelab.org/resources/spiking-heidelberg-datasets-shd; CC BY 4.0. The package
carries none of it. A file is looked for

1. at the path given;
2. otherwise in ``shd`` in the folder named by the environment variable ``MEMNEURO_DATA``, when that is set;
3. otherwise in the download cache (``pooch.os_cache("memneuro")``);
4. otherwise it is downloaded into that cache and unpacked there, under a temporary name until it is complete.

A file has the data sets ``spikes/times`` (seconds) and ``spikes/units`` (0 to 699), each a row of rows, one per word,
``labels`` (0 to 9 English, 10 to 19 German), ``extra/speaker`` (0 to 11), ``extra/keys`` (the words in text) and
``extra/meta_info`` (about the speakers).

What is easily got wrong about it: the training has the speakers 0 to 3 and 6 to 11, and four fifths of the test are by
4 and 5, so that words drawn at random from the training tell little about the test (hence `shd_split`). There is no
validation part. The published times are half precision, that is multiples of about 0.5 ms from 0.5 s on and of 1 ms
from 1 s on. An early description of the data counts 8332 and 2088 words; the files have 8156 and 2264.
"""

import gzip
import os
import shutil
import warnings
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pooch
from numpy.typing import NDArray

from memneuro.speech.spike_words import SpikeWords
from memneuro.speech.words import (
    DATA_VARIABLE,
    SpeechUnavailable,
    UnknownSpeaker,
    UnusableSpeech,
    default_cache,
)
from memneuro.tables import atomic_path

__all__ = ["CHANNELS", "CLASSES", "COUNTS", "UnexpectedCount", "load_shd", "shd_split", "write_shd"]

CHANNELS = 700
"""Number of channels."""
CLASSES: tuple[str, ...] = tuple(
    "zero one two three four five six seven eight nine null eins zwei drei vier fünf sechs sieben acht neun".split()
)
"""The words by label."""
COUNTS: MappingProxyType[str, int] = MappingProxyType({"train": 8156, "test": 2264})
"""Number of words in each part."""

_ADDRESS = "https://zenkelab.org/datasets/"
#: MD5 of the compressed files, from md5sums.txt beside them as several published loaders quote it, for this address and
#: for its mirror compneuro.net/datasets alike.
_MD5 = {"train": "d47c9825dee33347913e8ce0f2be08b0", "test": "3062a80ec0c5719404d5b02e166543b1"}
_TIMES, _UNITS, _LABELS, _SPEAKER = "spikes/times", "spikes/units", "labels", "extra/speaker"


class UnexpectedCount(UserWarning):
    """A file has more or fewer words than were published."""


def _h5py() -> Any:
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            'the Spiking Heidelberg Digits are read by h5py, which is not installed: pip install "memneuro[speech]"'
        ) from error
    return h5py


def _known_part(part: str) -> str:
    if part not in COUNTS:
        raise ValueError(f"unknown part {part!r}; the Spiking Heidelberg Digits have {' and '.join(COUNTS)}")
    return part


def load_shd(part: str, path: str | os.PathLike[str] | None = None) -> SpikeWords:
    """Load the training or the test words.

    The duration of a word is the time of its last spike, since the files give none. ``speaker`` is the number of the
    speaker as text and ``index`` the position of the word in the file, which does not count repetitions either.

    Parameters
    ----------
    part : {"train", "test"}
        ``train`` or ``test``.
    path : path-like, optional
        The file, or the folder with ``shd_train.h5`` and ``shd_test.h5``. By default the published file, wherever it is
        found.

    Returns
    -------
    SpikeWords
        Spike times in seconds, of 700 channels.

    Warns
    -----
    UnexpectedCount
        When the file has another number of words than the published one.

    Raises
    ------
    ImportError
        When h5py is not installed.
    SpeechUnavailable
        When the file is not there, or cannot be downloaded.
    UnusableSpeech
        When the file is damaged, truncated or not an HDF5 file, lacks a data set, or has a channel, a label or a spike
        time that cannot be; the message names the word.
    """
    _known_part(part)
    h5py = _h5py()
    file_name = f"shd_{part}.h5"
    place = _published_file(part) if path is None else Path(path)
    if place.is_dir():
        place = place / file_name
    if not place.is_file():
        raise SpeechUnavailable(f"there is no file '{place}': {_how_to(part)}")
    times, units, labels, speakers = _read(h5py, place)
    words = _assembled(place, times, units, labels, speakers)
    if len(words) != COUNTS[part]:
        warnings.warn(
            f"'{place}' has {len(words)} words; the published part '{part}' has {COUNTS[part]}",
            UnexpectedCount,
            stacklevel=2,
        )
    return words


def shd_split(train: SpikeWords, speaker: str | None = None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Take one speaker out of the training words for validation.

    Like the test, the validation then is of a voice that the training has not heard. Which speaker it is follows a
    fixed rule, so that it cannot be chosen by its result: the one with the lowest number, 0 for the published file.

    Parameters
    ----------
    train : SpikeWords
        The training words; augmented copies among them are never used for validation.
    speaker : str, optional
        Another speaker.

    Returns
    -------
    train, validation : ndarray of int64, shape (words,)
        Positions, ascending. Augmented copies of the held-out speaker are in neither.

    Raises
    ------
    ValueError
        When there are fewer than two speakers, or the held-out one has augmented copies only.
    UnknownSpeaker
        When `speaker` has no training words.
    """
    names = sorted({str(name) for name in train.speaker}, key=lambda name: (not name.isdecimal(), len(name), name))
    if len(names) < 2:
        raise ValueError(
            f"the training has words of {len(names)} speakers ({', '.join(names)}); needed are two or more, of whom "
            "one is held out"
        )
    held_out = names[0] if speaker is None else str(speaker)
    if held_out not in names:
        raise UnknownSpeaker(f"speaker '{held_out}' is not in the training; there are {', '.join(names)}")
    of_speaker = train.speaker == held_out
    validation = np.flatnonzero(of_speaker & (train.variant == 0))
    if not len(validation):
        raise ValueError(f"speaker '{held_out}' has augmented copies only; needed is at least one word as recorded")
    return np.flatnonzero(~of_speaker), validation


def write_shd(path: str | os.PathLike[str], words: SpikeWords) -> Path:
    """Write words in the layout of the Spiking Heidelberg Digits and return the path.

    Times are written in single precision. Speakers whose names are not numbers are numbered in alphabetical order, and
    ``extra/meta_info/name`` has their names. The layout has no place for `duration`, `index` and `variant`.

    Parameters
    ----------
    path : path-like
        The file; nothing half-written stays behind.
    words : SpikeWords
        At most 700 channels and 20 classes.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ImportError
        When h5py is not installed.
    ValueError
        When there are more channels or classes.
    """
    h5py = _h5py()
    for name, value, largest in (
        ("channels", words.n_channels, CHANNELS),
        ("classes", words.n_classes, len(CLASSES)),
    ):
        if value > largest:
            raise ValueError(f"the words have {value} {name}; the layout has at most {largest}")
    names = sorted({str(name) for name in words.speaker})
    numbered = all(name.isascii() and name.isdecimal() and int(name) < 2**16 for name in names)
    numbers = {name: int(name) if numbered else number for number, name in enumerate(names)}
    keys = CLASSES if words.n_classes == len(CLASSES) else tuple(map(str, range(words.n_classes)))
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        for name, values, kind in ((_TIMES, words.times, np.float32), (_UNITS, words.channels, np.uint16)):
            rows = file.create_dataset(name, (len(words),), dtype=h5py.vlen_dtype(kind))
            for i in range(len(words)):
                rows[i] = values[words.offsets[i] : words.offsets[i + 1]]
        file[_LABELS] = words.label.astype(np.uint16)
        file[_SPEAKER] = np.array([numbers[str(name)] for name in words.speaker], dtype=np.uint16)
        file.create_dataset("extra/keys", data=list(keys), dtype=h5py.string_dtype())
        information = file.create_group("extra/meta_info")
        if not numbered:
            information.create_dataset("name", data=names, dtype=h5py.string_dtype())
    return Path(path)


# ---------------------------------------------------------------------------------------------- reading


def _read(h5py: Any, path: Path) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """The data sets of the file as they are: times, units, labels and speakers."""
    kind = _kind(path)
    try:
        with h5py.File(path, "r") as file:
            missing = [name for name in (_TIMES, _UNITS, _LABELS, _SPEAKER) if name not in file]
            if missing:
                raise UnusableSpeech(
                    f"'{path}' lacks the data set {', '.join(missing)}; needed are {_TIMES}, {_UNITS}, {_LABELS} and "
                    f"{_SPEAKER}"
                )
            times, units, labels, speakers = (file[name][()] for name in (_TIMES, _UNITS, _LABELS, _SPEAKER))
    except UnusableSpeech:
        raise
    except Exception as error:  # h5py raises whatever its parsing trips over
        raise UnusableSpeech(
            f"'{path}' ({path.stat().st_size} bytes) cannot be read: {kind or 'it is damaged or truncated'}: "
            f"{type(error).__name__}: {error.args[-1] if error.args else ''}"
        ) from error
    return times, units, labels, speakers


def _kind(path: Path) -> str:
    """What the file is if it is not HDF5, in words; empty if it begins like HDF5."""
    with path.open("rb") as stream:
        begin = stream.read(8)
    if begin == b"\x89HDF\r\n\x1a\n":
        return ""
    for mark, what in ((b"\x1f\x8b", "compressed by gzip"), (b"PK\x03\x04", "a ZIP archive")):
        if begin.startswith(mark):
            return f"it is {what}, unpack it first"
    return "it is not an HDF5 file"


def _assembled(
    path: Path, times: NDArray[Any], units: NDArray[Any], labels: NDArray[Any], speakers: NDArray[Any]
) -> SpikeWords:
    """The data sets as spike words, each checked with the name of the file and the number of the word."""
    counts = {
        name: np.shape(values)[0] if np.ndim(values) else -1
        for name, values in ((_TIMES, times), (_UNITS, units), (_LABELS, labels), (_SPEAKER, speakers))
    }
    if len(set(counts.values())) > 1 or -1 in counts.values():
        listed = ", ".join(f"{name} {count if count >= 0 else 'one number'}" for name, count in counts.items())
        raise UnusableSpeech(f"'{path}' has differing numbers of words: {listed}; needed are as many in each")
    # Where all words have equally many spikes, a file may hold tables, which iterate like rows of rows.
    lengths = np.array([np.size(row) for row in times], dtype=np.int64)
    uneven = np.flatnonzero(lengths != np.array([np.size(row) for row in units], dtype=np.int64))
    if len(uneven):
        word = int(uneven[0])
        raise UnusableSpeech(
            f"'{path}', word {word}, has {lengths[word]} spike times and {np.size(units[word])} units; needed are as "
            "many"
        )
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    all_times = _joined(path, _TIMES, times, "f").astype(np.float32)
    all_units = _joined(path, _UNITS, units, "iu")

    def refuse(wrong: NDArray[np.bool_], values: NDArray[Any], per_spike: bool, what: str, needed: str) -> None:
        if wrong.any():
            at = int(np.argmax(wrong))
            word = int(np.searchsorted(offsets, at, side="right")) - 1 if per_spike else at
            raise UnusableSpeech(f"'{path}', word {word}, has the {what} {values[at]}; needed is {needed}")

    refuse(~np.isfinite(all_times) | (all_times < 0), all_times, True, "spike time", "a finite time, 0 s or more")
    refuse((all_units < 0) | (all_units >= CHANNELS), all_units, True, "unit", f"one of 0 to {CHANNELS - 1}")
    for name, values in ((_LABELS, labels), (_SPEAKER, speakers)):
        if values.ndim != 1 or values.dtype.kind not in "iu":
            raise UnusableSpeech(
                f"'{path}' has a data set {name} of shape {values.shape} and type {values.dtype}; needed is one whole "
                "number per word"
            )
    refuse((labels < 0) | (labels >= len(CLASSES)), labels, False, "label", f"one of 0 to {len(CLASSES) - 1}")
    spoken = np.flatnonzero(lengths)
    duration = np.zeros(len(lengths), dtype=np.float32)
    duration[spoken] = all_times[offsets[spoken + 1] - 1]
    falls = np.zeros(len(all_times), dtype=bool)
    falls[1:] = all_times[1:] < all_times[:-1]
    falls[offsets[spoken]] = False
    refuse(falls, all_times, True, "spike time", "one that is not before the time of the preceding spike")
    return SpikeWords(
        times=all_times,
        channels=all_units.astype(np.uint16),
        offsets=offsets,
        duration=duration,
        label=labels.astype(np.int16),
        speaker=np.array([str(int(number)) for number in speakers], dtype=np.str_),
        index=np.arange(len(lengths), dtype=np.int32),
        variant=np.zeros(len(lengths), dtype=np.int16),
        n_channels=CHANNELS,
        n_classes=len(CLASSES),
    )


def _joined(path: Path, name: str, rows: NDArray[Any], kinds: str) -> NDArray[Any]:
    """The rows of a data set one after another."""
    joined = np.concatenate([np.reshape(row, -1) for row in rows]) if len(rows) else np.zeros(0, dtype=kinds[0])
    if joined.dtype.kind not in kinds:
        needed = "numbers in floating point" if kinds == "f" else "whole numbers"
        raise UnusableSpeech(f"'{path}' has a data set {name} of type {joined.dtype}; needed are {needed}")
    return joined


# ---------------------------------------------------------------------------------------------- finding


def _how_to(part: str) -> str:
    return (
        f"download {_ADDRESS}shd_{part}.h5.gz, unpack it to 'shd/shd_{part}.h5' under some folder and set "
        f"{DATA_VARIABLE} to that folder"
    )


def _published_file(part: str) -> Path:
    """Where the published file is on this machine; it is downloaded if need be."""
    data = os.environ.get(DATA_VARIABLE)
    if data:
        path = Path(data) / "shd" / f"shd_{part}.h5"
        if not path.is_file():
            raise SpeechUnavailable(
                f"{DATA_VARIABLE} is set to '{data}', which has no file 'shd/{path.name}': {_how_to(part)}, or unset "
                f"{DATA_VARIABLE} to have it downloaded"
            )
        return path
    path = default_cache() / "shd" / f"shd_{part}.h5"
    if not path.is_file():
        _download(part, path)
    return path


def _download(part: str, path: Path) -> None:
    """Download a published file and unpack it to `path`."""
    address = f"{_ADDRESS}shd_{part}.h5.gz"
    try:
        with atomic_path(path) as temporary:
            try:
                compressed = Path(
                    pooch.retrieve(
                        address,
                        known_hash=f"md5:{_MD5[part]}",
                        fname=f"{path.name}.gz",
                        path=path.parent,
                        progressbar=True,
                    )
                )
            except ValueError as error:  # what arrived has another checksum; it was not kept
                raise UnusableSpeech(f"what {address} delivers is not the published file: {error}") from error
            with gzip.open(compressed, "rb") as source, temporary.open("wb") as target:
                shutil.copyfileobj(source, target)
        compressed.unlink(missing_ok=True)
    except OSError as error:  # no network, address gone, or the cache cannot be written
        raise SpeechUnavailable(f"'{path.name}' could not be downloaded ({error}): {_how_to(part)}") from error
