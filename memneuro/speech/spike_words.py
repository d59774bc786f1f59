"""Spike trains of spoken words: what an artificial cochlea makes of them, and what a network is trained on."""

import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memneuro.speech.words import UnusableSpeech, checked_column, checked_speakers, chosen
from memneuro.tables import atomic_path

__all__ = ["SpikeWords"]

#: Written into every file, so that another NPZ file is told from one of these.
_FORMAT = "memneuro spike words 1"
_ARRAYS = ("times", "channels", "offsets", "duration", "label", "speaker", "index", "variant")
_SIZES = ("n_channels", "n_classes")
#: Times are single precision: one that lies less than this part of a bin below the edge of a bin is on the edge.
_EDGE = 1e-3
#: Entries of the table of counts that are counted at once (they take 8 bytes each before they are cut to 255).
_BLOCK = 2**22


def _whole_bins(seconds: NDArray[np.float64] | float, step_s: float) -> NDArray[np.int64]:
    """How many bins it takes to hold this time, at least one."""
    return np.maximum(np.ceil(np.asarray(seconds, dtype=np.float64) / step_s - _EDGE), 1).astype(np.int64)


@dataclass(frozen=True, eq=False)
class SpikeWords:
    """Spike trains of words, one after another in common arrays.

    Word ``i`` has the spikes ``offsets[i]`` to ``offsets[i + 1]``. Arrays of other types are converted where no value
    changes but by rounding.

    Attributes
    ----------
    times : ndarray of float32
        Spike times from the beginning of the word, seconds; never decreasing within a word.
    channels : ndarray of uint16
        Channel of each spike.
    offsets : ndarray of int64
        Where each word begins in `times` and `channels`, and last where they end.
    duration : ndarray of float32
        Length of each word, seconds.
    label : ndarray of int16
        Which word was said.
    speaker : ndarray of str
        Who said it.
    index : ndarray of int32
        Number of the repetition, from 0.
    variant : ndarray of int16
        0 for the word as recorded, k > 0 for its augmented copy k.
    n_channels, n_classes : int
        How many channels and how many different words there can be.

    Raises
    ------
    ValueError
        When the arrays do not fit together or contain a value out of range.
    """

    times: NDArray[np.float32]
    channels: NDArray[np.uint16]
    offsets: NDArray[np.int64]
    duration: NDArray[np.float32]
    label: NDArray[np.int16]
    speaker: NDArray[np.str_]
    index: NDArray[np.int32]
    variant: NDArray[np.int16]
    n_channels: int
    n_classes: int

    def __post_init__(self) -> None:
        for name, largest in (("n_channels", 2**16), ("n_classes", 2**15)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 1 <= value <= largest:
                raise ValueError(f"{name} is {value!r}; accepted is a whole number from 1 to {largest}")
            object.__setattr__(self, name, int(value))
        offsets = checked_column("offsets", self.offsets, np.int64, None)
        count = len(offsets) - 1
        times = np.asarray(self.times, dtype=np.float32)
        duration = np.asarray(self.duration, dtype=np.float32)
        if times.ndim != 1:
            raise ValueError(f"times has shape {times.shape}; needed is one row of spike times")
        if count < 0 or offsets[0] != 0 or offsets[-1] != len(times) or np.any(offsets[1:] < offsets[:-1]):
            raise ValueError(
                f"offsets has {len(offsets)} entries, from {offsets[0] if len(offsets) else 'none'} to "
                f"{offsets[-1] if len(offsets) else 'none'}; needed are numbers that never decrease, from 0 to the "
                f"number of spikes, {len(times)}"
            )
        if duration.shape != (count,):
            raise ValueError(f"duration has shape {duration.shape}; needed is ({count},), one per word")
        unusable = np.flatnonzero(~(np.isfinite(duration) & (duration >= 0)))
        if len(unusable):
            raise ValueError(
                f"the duration of word {unusable[0]} is {duration[unusable[0]]} s; needed is a finite number, 0 or more"
            )
        channels = checked_column("channels", self.channels, np.uint16, None)
        if len(channels) != len(times):
            raise ValueError(f"there are {len(times)} spike times and {len(channels)} channels; needed are as many")
        if len(channels) and channels.max() >= self.n_channels:
            raise ValueError(f"channels contains {channels.max()}; accepted are 0 to {self.n_channels - 1}")
        label = checked_column("label", self.label, np.int16, count)
        if len(label) and label.max() >= self.n_classes:
            raise ValueError(f"label contains {label.max()}; accepted are 0 to {self.n_classes - 1}")
        _check_times(times, offsets, duration)
        for name, value in (
            ("times", times),
            ("channels", channels),
            ("offsets", offsets),
            ("duration", duration),
            ("label", label),
            ("speaker", checked_speakers(self.speaker, count)),
            ("index", checked_column("index", self.index, np.int32, count)),
            ("variant", checked_column("variant", self.variant, np.int16, count)),
        ):
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def word(self, i: int) -> tuple[NDArray[np.float32], NDArray[np.uint16]]:
        """Spike times (s) and channels of word `i`."""
        position = int(chosen(np.array([i]), len(self))[0])
        part = slice(int(self.offsets[position]), int(self.offsets[position + 1]))
        return self.times[part], self.channels[part]

    def select(self, which: Sequence[int] | NDArray[Any]) -> "SpikeWords":
        """The words that a mask or a list of positions selects, in that order.

        Raises
        ------
        ValueError
            When a mask has another length than there are words.
        IndexError
            When there is no word of that position.
        """
        kept = chosen(which, len(self))
        begins, ends = self.offsets[kept], self.offsets[kept + 1]
        parts = [slice(begin, end) for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)]
        return SpikeWords(
            times=np.concatenate([self.times[part] for part in parts] or [self.times[:0]]),
            channels=np.concatenate([self.channels[part] for part in parts] or [self.channels[:0]]),
            offsets=np.concatenate([[0], np.cumsum(ends - begins)]).astype(np.int64),
            duration=self.duration[kept],
            label=self.label[kept],
            speaker=self.speaker[kept],
            index=self.index[kept],
            variant=self.variant[kept],
            n_channels=self.n_channels,
            n_classes=self.n_classes,
        )

    @classmethod
    def concatenate(cls, several: Sequence["SpikeWords"]) -> "SpikeWords":
        """The words of several, one after another.

        Raises
        ------
        ValueError
            When there is none, or when they have different numbers of channels or of classes.
        """
        several = list(several)
        if not several:
            raise ValueError("there are no spike words to concatenate; needed is at least one")
        for name in _SIZES:
            values = sorted({int(getattr(words, name)) for words in several})
            if len(values) > 1:
                raise ValueError(f"spike words with {name} {', '.join(map(str, values))} cannot be concatenated")
        starts = np.cumsum([0] + [len(words.times) for words in several[:-1]])
        joined: dict[str, Any] = {
            name: np.concatenate([getattr(words, name) for words in several]) for name in _ARRAYS if name != "offsets"
        }
        offsets = [words.offsets[1:] + start for words, start in zip(several, starts, strict=True)]
        joined["offsets"] = np.concatenate([np.zeros(1, dtype=np.int64), *offsets])
        return cls(**joined, n_channels=several[0].n_channels, n_classes=several[0].n_classes)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the words to an NPZ file and return its path; nothing half-written stays behind."""
        path = Path(path)
        arrays: dict[str, Any] = {name: getattr(self, name) for name in _ARRAYS}
        arrays["format"] = np.array(_FORMAT)
        arrays.update({name: np.array(getattr(self, name)) for name in _SIZES})
        with atomic_path(path) as temporary, temporary.open("wb") as stream:
            np.savez(stream, **arrays)
        return path

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "SpikeWords":
        """Read what `save` has written.

        Raises
        ------
        FileNotFoundError
            When there is no such file.
        UnusableSpeech
            When the file is damaged, truncated or something else.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"there is no file '{path}'; needed is one that SpikeWords.save has written")
        # Every part of the file has a checksum, which reading it tests.
        try:
            with path.open("rb") as stream:
                file = np.load(stream, allow_pickle=False)
                if not isinstance(file, np.lib.npyio.NpzFile):
                    raise ValueError("it is a single array")
                missing = [name for name in ("format", *_ARRAYS, *_SIZES) if name not in file.files]
                if missing:
                    raise ValueError(f"it lacks {', '.join(missing)}")
                if str(file["format"]) != _FORMAT:
                    raise ValueError(f"its format is '{file['format']}', needed is '{_FORMAT}'")
                values: dict[str, Any] = {name: file[name] for name in _ARRAYS}
                values.update({name: int(file[name]) for name in _SIZES})
                return cls(**values)
        except (ValueError, TypeError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise UnusableSpeech(
                f"'{path}' ({path.stat().st_size} bytes) cannot be read as spike words, it is damaged, truncated or of "
                f"another kind: {error}"
            ) from error

    def counts(
        self, step_s: float, lines: int, longest_s: float | None = None
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Numbers of spikes in bins of time, with neighbouring channels pooled into lines.

        A spike at time t falls into bin ``floor(t / step_s)``, one at the very end of the word into the last bin. Each
        line takes ``n_channels / lines`` neighbouring channels.

        Parameters
        ----------
        step_s : float
            Width of a bin, seconds.
        lines : int
            Number of lines, which has to divide the number of channels.
        longest_s : float, optional
            Words longer than this many seconds are cut there; whole words by default.

        Returns
        -------
        counts : ndarray of uint8, shape (words, bins, lines)
            Numbers of spikes, 255 standing for that and more; 0 after the end of a word. The longest word sets the
            number of bins.
        n_bins : ndarray of int64, shape (words,)
            Number of bins that each word has, at least 1.

        Raises
        ------
        ValueError
            When a time is not above zero, or `lines` does not divide the number of channels.
        """
        for name, value in (("step_s", step_s), ("longest_s", longest_s)):
            if value is not None and not (np.isfinite(value) and value > 0):
                raise ValueError(f"{name} is {value} s; needed is a finite time above zero")
        if isinstance(lines, bool) or not isinstance(lines, int | np.integer) or lines < 1 or self.n_channels % lines:
            raise ValueError(f"lines is {lines!r}; needed is a divisor of the number of channels, {self.n_channels}")
        whole = _whole_bins(self.duration.astype(np.float64), step_s)
        n_bins = whole if longest_s is None else np.minimum(whole, _whole_bins(longest_s, step_s))
        bins = int(n_bins.max()) if len(self) else 0
        counts = np.zeros((len(self), bins, int(lines)), dtype=np.uint8)
        pooled = self.n_channels // int(lines)
        per_block = max(_BLOCK // max(bins * int(lines), 1), 1)
        for first in range(0, len(self), per_block):
            last = min(first + per_block, len(self))
            part = slice(int(self.offsets[first]), int(self.offsets[last]))
            word = np.repeat(np.arange(last - first), np.diff(self.offsets[first : last + 1]))
            at = np.floor(self.times[part].astype(np.float64) / step_s + _EDGE).astype(np.int64)
            at = np.minimum(at, whole[first:last][word] - 1)
            flat = (word * bins + at) * int(lines) + self.channels[part] // pooled
            flat = flat[at < n_bins[first:last][word]]
            block = np.bincount(flat, minlength=(last - first) * bins * int(lines))
            counts[first:last] = np.minimum(block, 255).reshape(last - first, bins, int(lines))
        return counts, n_bins


def _check_times(times: NDArray[np.float32], offsets: NDArray[np.int64], duration: NDArray[np.float32]) -> None:
    """Refuse times that decrease within a word, are negative, beyond the end of the word or not a number."""

    def word_of(spike: ArrayLike) -> int:
        return int(np.searchsorted(offsets, spike, side="right")) - 1

    if not len(times):
        return
    # The conditions are written so that a value that is not a number breaks them.
    spoken = np.flatnonzero(offsets[1:] > offsets[:-1])
    firsts, lasts = times[offsets[spoken]], times[offsets[spoken + 1] - 1]
    early = np.flatnonzero(~(firsts >= 0))
    if len(early):
        raise ValueError(
            f"the first spike of word {spoken[early[0]]} is at {firsts[early[0]]} s; accepted is 0 or more"
        )
    falls = ~(times[1:] >= times[:-1])
    falls[offsets[spoken[1:]] - 1] = False  # from one word to the next
    if falls.any():
        spike = int(np.argmax(falls))
        raise ValueError(
            f"the spike times of word {word_of(spike)} are not sorted: {times[spike]} s is followed by "
            f"{times[spike + 1]} s"
        )
    late = np.flatnonzero(~(lasts <= duration[spoken]))
    if len(late):
        raise ValueError(
            f"the last spike of word {spoken[late[0]]} is at {lasts[late[0]]} s, after its end at "
            f"{duration[spoken[late[0]]]} s"
        )
