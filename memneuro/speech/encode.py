"""Words to spikes of the cochlea, with augmented copies: cached, in parallel, with a progress bar.

Copy 0 is the word as recorded; copies 1, 2, ... sound like other speakers. Each copy of the whole data set is one file
in the cache, named by everything it depends on, so an interrupted run goes on with the copy it was at.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import zlib
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from memneuro.cores import usable_cores
from memneuro.progress import no_bar
from memneuro.speech.augment import Augmentation, augment, trim
from memneuro.speech.cochlea import Cochlea
from memneuro.speech.spike_words import SpikeWords
from memneuro.speech.words import Words, default_cache

#: Change when the spikes of the same words with the same settings change.
_VERSION = 1

#: Words handed to a process at a time.
_TOGETHER = 16

_DEFAULT_COCHLEA = Cochlea()
_DEFAULT_AUGMENTATION = Augmentation()


def encode(
    words: Words,
    *,
    copies: int = 0,
    cochlea: Cochlea = _DEFAULT_COCHLEA,
    augmentation: Augmentation = _DEFAULT_AUGMENTATION,
    seed: int = 0,
    folder: Path | None = None,
    processes: int | None = None,
    progress: bool = True,
) -> SpikeWords:
    """Spikes of each word and of augmented copies of it.

    Parameters
    ----------
    words : Words
    copies : int
        Augmented copies of each word besides the word as recorded.
    cochlea : Cochlea
    augmentation : Augmentation
    seed : int
        Of augmentation and auditory nerve; with the word's name and the copy's number it seeds each word by itself.
    folder : Path, optional
        Cache; by default ``speech`` in the package's cache.
    processes : int, optional
        By default one for each core.
    progress : bool
        Whether to show a bar on standard error.

    Returns
    -------
    SpikeWords
        Copy 0 of all words, then copy 1 of all words, and so on; ``variant`` is the copy.

    Raises
    ------
    ValueError
        If `copies`, `seed` or `processes` is out of range.
    """
    for name, value, least in (
        ("copies", copies, 0),
        ("seed", seed, 0),
        ("processes", 1 if processes is None else processes, 1),
    ):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise ValueError(f"{name} = {value!r}; accepted: a whole number of at least {least}")
    if not len(words):
        raise ValueError("there are no words; accepted: at least one")
    folder = default_cache() / "speech" if folder is None else Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    workers = usable_cores() if processes is None else int(processes)
    digest = _content(words)
    found = []
    for copy in range(copies + 1):
        settings = [_VERSION, digest, asdict(cochlea), asdict(augmentation) if copy else None, seed, copy]
        key = hashlib.sha256(repr(settings).encode()).hexdigest()[:20]
        path = folder / f"{key}.npz"
        if path.exists():
            # The key is of the sound: what the words are called is taken from the words.
            kept = SpikeWords.load(path)
            found.append(replace(kept, label=words.label, speaker=words.speaker, index=words.index))
            continue
        one = _encode_copy(words, copy, cochlea, augmentation, seed, workers, progress)
        one.save(path)
        found.append(one)
    return SpikeWords.concatenate(found)


def _content(words: Words) -> str:
    """A digest of the sound and the names."""
    found = hashlib.sha256(str(words.rate).encode())
    for name, audio in zip(words.name, words.audio, strict=True):
        found.update(str(name).encode())
        found.update(audio.tobytes())
    return found.hexdigest()


def _encode_copy(
    words: Words, copy: int, cochlea: Cochlea, augmentation: Augmentation, seed: int, workers: int, progress: bool
) -> SpikeWords:
    """One copy of all words. Words of like length go together, as a block takes as long as its longest."""
    order = np.argsort([len(one) for one in words.audio], kind="stable")
    blocks = [order[first : first + _TOGETHER] for first in range(0, len(order), _TOGETHER)]
    jobs = [
        (
            [words.audio[i] for i in block],
            [zlib.crc32(f"{seed}/{copy}/{words.name[i]}".encode()) for i in block],
            words.rate,
            copy,
            cochlea,
            augmentation,
        )
        for block in blocks
    ]
    spikes: list[np.ndarray] = [np.empty(0)] * len(words)
    duration = np.zeros(len(words), dtype=np.float32)
    with tqdm(total=len(words), desc=f"cochlea, copy {copy}", unit="word", disable=no_bar(progress)) as bar:
        if workers == 1:
            results = map(_encode_block, jobs)
            _collect(results, blocks, spikes, duration, bar)
        else:
            with multiprocessing.get_context("spawn").Pool(workers) as pool:
                _collect(pool.imap(_encode_block, jobs), blocks, spikes, duration, bar)
    return SpikeWords(
        times=np.concatenate([one["time"] for one in spikes]).astype(np.float32),
        channels=np.concatenate([one["channel"] for one in spikes]).astype(np.uint16),
        offsets=np.concatenate([[0], np.cumsum([len(one) for one in spikes])]),
        duration=duration,
        label=words.label,
        speaker=words.speaker,
        index=words.index,
        variant=np.full(len(words), copy, dtype=np.int16),
        n_channels=cochlea.channels,
        n_classes=int(words.label.max()) + 1 if len(words) else 0,
    )


def _collect(results, blocks: Sequence[np.ndarray], spikes: list, duration: np.ndarray, bar: tqdm) -> None:  # type: ignore[no-untyped-def]
    for block, (one, seconds) in zip(blocks, results, strict=True):
        for position, trains, long in zip(block, one, seconds, strict=True):
            spikes[position], duration[position] = trains, long
        bar.update(len(block))


def _encode_block(job: tuple) -> tuple[list[np.ndarray], list[float]]:
    """Spikes and lengths of a block of words."""
    audio, seeds, rate, copy, cochlea, augmentation = job
    heard = [trim(one, rate) for one in audio]
    if copy:
        heard = [augment(one, rate, seed, augmentation) for one, seed in zip(heard, seeds, strict=True)]
    return cochlea.spikes(heard, rate, seeds), [len(one) / rate for one in heard]
