"""The Free Spoken Digit Dataset: 3000 recordings of ten English digits by six speakers, 50 times each.

Jackson, Z. et al., github.com/Jakobovski/free-spoken-digit-dataset, doi.org/10.5281/zenodo.1342401; CC BY-SA 4.0.
The package carries none of it. It is looked for

1. in the folder given;
2. otherwise in ``fsdd`` in the folder named by the environment variable ``MEMNEURO_DATA``, when that is set;
3. otherwise in the download cache (``pooch.os_cache("memneuro")``);
4. otherwise it is downloaded into that cache.

What is found in 2 to 4 must be the published recordings, which one SHA-256 over all of them decides. The download is
unpacked under a temporary name and renamed when complete.

What is easily got wrong about it: in the official split (`memneuro.speech.splits.official`) every speaker is in both
the training and the test; the speakers differ a lot in loudness; the pauses around a word are cut off.
"""

import hashlib
import io
import os
import re
import secrets
import shutil
import wave
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import pooch
from numpy.typing import NDArray

from memneuro.speech.words import (
    DATA_VARIABLE,
    SpeechUnavailable,
    UnknownSpeaker,
    UnusableSpeech,
    Words,
    default_cache,
)

__all__ = ["RATE", "SPEAKERS", "load_fsdd"]

SPEAKERS: tuple[str, ...] = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
"""Who speaks in the published data set, in alphabetical order."""
RATE = 8000
"""Sampling rate, Hz."""

_REPETITIONS = 50
#: Of an abbreviated commit GitHub has no archive.
_COMMIT = "26eb9aaf76e81b692f806f9140c2d2777410d7a1"
_ADDRESS = f"https://github.com/Jakobovski/free-spoken-digit-dataset/archive/{_COMMIT}.zip"
#: SHA-256 of the lines "<SHA-256 of the file> <its name>", sorted, each ended by a line feed. The archive itself has no
#: fixed checksum, because GitHub packs it anew.
_SHA256 = "b43e05cb01f8c65f8fad24059d75b2709dfdf1c7699c554dc67bda40969b6281"
_NAME = re.compile(r"([0-9])_([^_]+)_(0|[1-9][0-9]*)\.wav")
_HOW_TO = (
    f"download {_ADDRESS}, unpack its folder 'recordings' into 'fsdd' under some folder and set {DATA_VARIABLE} to "
    "that folder"
)


def load_fsdd(
    folder: str | os.PathLike[str] | None = None,
    speakers: str | Sequence[str] | None = None,
    *,
    verify: bool | None = None,
) -> Words:
    """Load the recordings, sorted by digit, speaker and repetition.

    Parameters
    ----------
    folder : path-like, optional
        Folder with the files ``<digit>_<speaker>_<index>.wav``, or with ``recordings`` in which they are: 16 bit, one
        channel, 8000 Hz. It may hold other speakers than the published data set, with any number of repetitions. By
        default the published recordings, wherever they are found.
    speakers : str or sequence of str, optional
        One name or several, to load only their recordings; all by default.
    verify : bool, optional
        Whether the recordings have to be the published ones, all of them. By default they have to unless `folder` is
        given.

    Returns
    -------
    Words
        Sounds at 8000 Hz with their digit, speaker and repetition.

    Raises
    ------
    ValueError
        When `speakers` is empty.
    SpeechUnavailable
        When the folder is not there or has no recordings, or the download fails.
    UnusableSpeech
        When a file cannot be read, is empty or not in the format above, when repetitions are missing, or when the
        recordings are not the published ones.
    UnknownSpeaker
        When a speaker has no recordings.
    """
    asked = None if speakers is None else ([speakers] if isinstance(speakers, str) else list(dict.fromkeys(speakers)))
    if asked is not None and not asked:
        raise ValueError(f"speakers is empty; accepted are one or more of {', '.join(SPEAKERS)}, or None for all")
    published = folder is None
    place = _published_folder() if folder is None else _given_folder(Path(folder))
    content = {path: path.read_bytes() for path in _recordings(place)}
    if not content:
        raise SpeechUnavailable(
            f"'{place}' has no recordings, which are named <digit>_<speaker>_<index>.wav: {_HOW_TO}"
        )
    if published if verify is None else verify:
        _verify(place, {path.name: data for path, data in content.items()})
    found = sorted((int(digit), speaker, int(index), path) for digit, speaker, index, path in map(_parsed, content))
    there = sorted({speaker for _, speaker, _, _ in found})
    wanted = asked or (list(SPEAKERS) if published else there)
    absent = [speaker for speaker in wanted if speaker not in there]
    if absent:
        raise UnknownSpeaker(
            f"'{place}' has no recordings of {', '.join(map(repr, absent))}; it has some of {', '.join(there)}"
        )
    found = [row for row in found if row[1] in wanted]
    _check_complete(place, [row[:3] for row in found], range(10) if published else None)
    return Words(
        audio=[_samples(path, content[path]) for *_, path in found],
        rate=RATE,
        label=np.array([digit for digit, *_ in found], dtype=np.int16),
        speaker=np.array([speaker for _, speaker, _, _ in found]),
        index=np.array([index for _, _, index, _ in found], dtype=np.int32),
        name=np.array([path.name for *_, path in found]),
    )


def _recordings(folder: Path) -> list[Path]:
    """The audio files of a folder; hidden ones, which macOS and others leave behind, are none."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.name.lower().endswith(".wav") and entry.name[0] != "."]
    return [folder / name for name in sorted(names)]


def _parsed(path: Path) -> tuple[str, str, str, Path]:
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise UnusableSpeech(
            f"'{path}' is not named <digit>_<speaker>_<index>.wav, such as 7_jackson_32.wav: a digit from 0 to 9, a "
            "name without underscore, and the number of the repetition from 0"
        )
    return match[1], match[2], match[3], path


def _samples(path: Path, data: bytes) -> NDArray[np.float32]:
    """Samples of one file of 16 bit and one channel, between -1 and 1."""
    try:
        with wave.open(io.BytesIO(data)) as file:
            channels, width, rate, count = (
                file.getnchannels(),
                file.getsampwidth(),
                file.getframerate(),
                file.getnframes(),
            )
            raw = file.readframes(count)
    except (wave.Error, EOFError, ValueError, RuntimeError) as error:
        raise UnusableSpeech(
            f"'{path}' ({len(data)} bytes) cannot be read as a WAV file, it is damaged, truncated or of another kind: "
            f"{str(error) or 'it ends too early'}"
        ) from error
    for what, value, needed in (
        ("channels", channels, 1),
        ("bit per sample", 8 * width, 16),
        ("samples per second", rate, RATE),
    ):
        if value != needed:
            raise UnusableSpeech(f"'{path}' has {value} {what}; needed is {needed}")
    if len(raw) != 2 * count:
        raise UnusableSpeech(f"'{path}' is truncated: it declares {count} samples and has {len(raw) // 2}")
    if not count:
        raise UnusableSpeech(f"'{path}' is empty: it has no samples")
    return np.frombuffer(raw, dtype="<i2").astype(np.float32) / np.float32(2**15)


def _check_complete(place: Path, found: list[tuple[int, str, int]], digits: Iterable[int] | None) -> None:
    """Refuse a speaker who lacks repetitions of a digit.

    Of the published data set there are 50. In another folder a speaker needs the digits that any speaker has, each as
    often as that which is there most often.
    """
    rows = set(found)
    needed_digits = sorted({digit for digit, _, _ in rows}) if digits is None else list(digits)
    for speaker in sorted({speaker for _, speaker, _ in rows}):
        repetitions = 1 + max(index for _, name, index in rows if name == speaker) if digits is None else _REPETITIONS
        for digit in needed_digits:
            missing = [index for index in range(repetitions) if (digit, speaker, index) not in rows]
            if missing:
                listed = ", ".join(map(str, missing[:10])) + (", ..." if len(missing) > 10 else "")
                raise UnusableSpeech(
                    f"'{place}' lacks {len(missing)} of the {repetitions} repetitions of the digit {digit} by "
                    f"{speaker}: {listed}"
                )


def _digest(content: dict[str, bytes]) -> str:
    lines = sorted(f"{hashlib.sha256(data).hexdigest()} {name}\n" for name, data in content.items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _verify(place: Path, content: dict[str, bytes]) -> None:
    digest = _digest(content)
    if digest != _SHA256:
        raise UnusableSpeech(
            f"'{place}' does not hold the published recordings: it has {len(content)} files with the common SHA-256 "
            f"{digest}, expected are {len(SPEAKERS) * 10 * _REPETITIONS} with {_SHA256}; remove the folder and get "
            f"them again, from {_ADDRESS}; recordings of your own are loaded with folder="
        )


def _given_folder(folder: Path) -> Path:
    if not folder.is_dir():
        raise SpeechUnavailable(f"there is no folder '{folder}'; needed is one with <digit>_<speaker>_<index>.wav")
    inner = folder / "recordings"
    return inner if inner.is_dir() and not _recordings(folder) else folder


def _published_folder() -> Path:
    """Where the published recordings are on this machine; they are downloaded if need be."""
    data = os.environ.get(DATA_VARIABLE)
    if data:
        folder = Path(data) / "fsdd"
        if not folder.is_dir():
            raise SpeechUnavailable(
                f"{DATA_VARIABLE} is set to '{data}', which has no folder 'fsdd': {_HOW_TO}, or unset {DATA_VARIABLE} "
                "to have the recordings downloaded"
            )
        return _given_folder(folder)
    folder = default_cache() / "fsdd"
    if not folder.is_dir():
        _download(folder)
    return _given_folder(folder)


def _download(folder: Path) -> None:
    """Download the published recordings and put them into `folder`, all or none."""
    temporary = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    try:
        temporary.mkdir(parents=True)
        archive = pooch.retrieve(_ADDRESS, known_hash=None, fname="fsdd.zip", path=temporary, progressbar=True)
        with zipfile.ZipFile(archive) as file:
            content = {
                PurePosixPath(member.filename).name: file.read(member)
                for member in file.infolist()
                if member.filename.endswith(".wav") and PurePosixPath(member.filename).parent.name == "recordings"
            }
        os.unlink(archive)
        if _digest(content) != _SHA256:
            raise UnusableSpeech(
                f"what {_ADDRESS} delivers are not the published recordings: {len(content)} files with the common "
                f"SHA-256 {_digest(content)}, expected are {len(SPEAKERS) * 10 * _REPETITIONS} with {_SHA256}"
            )
        recordings = temporary / "recordings"
        recordings.mkdir()
        for name, data in content.items():
            (recordings / name).write_bytes(data)
        try:
            os.rename(temporary, folder)
        except OSError:
            if not folder.is_dir():  # otherwise another process was faster
                raise
    except zipfile.BadZipFile as error:
        raise UnusableSpeech(f"what {_ADDRESS} delivers is not a ZIP archive: {error}") from error
    except OSError as error:  # no network, address gone, or the cache cannot be written
        raise SpeechUnavailable(f"the recordings could not be downloaded ({error}): {_HOW_TO}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
