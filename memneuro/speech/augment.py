"""Other speakers, rooms and microphones from one recorded word.

A network that learns from a few speakers meets voices it never heard. `augment` moves a word away from its speaker in
what tells speakers apart, vocal-tract length, pitch and tempo, independently of each other, and then passes it through
another channel with another level and noise. `trim` removes the silence around a word.

The voice changes in three steps, each of them left out where it has nothing to do.

1. WSOLA [1]_ stretches the word by ``pitch / tempo``. Fundamental and spectral envelope stay.
2. Resampling shortens it by ``pitch``: the duration is now ``1 / tempo`` of the recorded one, and all frequencies are
   multiplied by ``pitch``.
3. A filter that changes from frame to frame puts the envelope where it belongs. The envelope ``E(f)`` of each frame is
   the true envelope [2]_ of the stretched word; the filter has the gain ``E(w(f)) / E(f / pitch)`` and no phase, with
   ``w(f) = f / formants`` except near the Nyquist frequency, which stays in place. Where a lower pitch leaves the top
   of the band empty, the fine structure below it is copied there first.

References
----------
.. [1] W. Verhelst and M. Roelands, "An overlap-add technique based on waveform similarity (WSOLA) for high quality
   time-scale modification of speech", ICASSP 1993, 554-557.
.. [2] A. Roebel and X. Rodet, "Efficient spectral envelope estimation and its application to pitch shifting and
   envelope preservation", DAFx 2005, 30-35.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

__all__ = ["Augmentation", "augment", "trim"]

Samples = NDArray[np.float32]

_HOP_S = 0.008  # of the filter; its frames last four hops
_STRETCH_HOP_S = 0.012  # of WSOLA; its frames last two hops
_SEARCH_S = 0.007  # to either side, so that the longest period of a voice, 13 ms, fits
_SHORTEST_PERIOD_S, _PERIOD_S, _LONGEST_PERIOD_S = 0.0023, 0.005, 0.0125  # of a voice; the middle one without any
_LIFTER = 0.8  # quefrencies of the envelope, over the period of the voice
_TAPER = 0.7  # part of them that fades out
_ENVELOPE_PASSES = 6
_ENVELOPE_FLOOR = 1e-3  # over the largest magnitude in the frame
_LARGEST_GAIN_DB = 40.0
_KNEE = 0.85  # of the Nyquist frequency: above it the warp bends towards the end of the band
_CHANNEL_COMPONENTS = 3
_CHANNEL_LOWEST_HZ = 50.0
_LOWEST_RATE, _HIGHEST_RATE = 4000, 96000


def _is_range(value: object, lowest: float, highest: float) -> bool:
    """Whether the value is a pair of numbers with lowest <= first <= second <= highest."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        return False
    if not all(isinstance(end, int | float | np.number) and not isinstance(end, bool) for end in value):
        return False
    return bool(lowest <= value[0] <= value[1] <= highest)


@dataclass(frozen=True)
class Augmentation:
    """What `augment` draws from, and how often it applies each change.

    Every range is a pair ``(low, high)``; equal ends fix the value. Every probability lies between 0 and 1.

    Parameters
    ----------
    formants : tuple of float
        Factor on the frequencies of the spectral envelope, log-uniform, within 0.5 and 2. Above 1 the vocal tract is
        shorter than the speaker's, by the same factor. Pitch and duration stay.
    formants_probability : float
    pitch : tuple of float
        Factor on the fundamental frequency, log-uniform, within 0.6 and 2. Envelope and duration stay.
    pitch_probability : float
    tempo : tuple of float
        Factor on the speed of speaking, log-uniform, within 0.5 and 2: the duration is divided by it.
    tempo_probability : float
    snr_db : tuple of float
        Power of the word over power of the added noise in decibel, uniform.
    noise_probability : float
    pink_probability : float
        Probability that added noise is pink, with a power density of ``1 / f``, and not white.
    channel_db : tuple of float
        Largest deviation of the channel's gain from its mean over log frequency, in decibel, uniform, at least 0. The
        gain over log frequency is the sum of a few slow cosines with random weights and phases.
    channel_probability : float
    gain_db : tuple of float
        Change of the level in decibel, uniform.
    gain_probability : float
    delay_ms : tuple of float
        Silence put before the word in milliseconds, uniform, at least 0.
    delay_probability : float

    Raises
    ------
    ValueError
        If a range is not a rising pair of numbers within its bounds, or a probability is not within 0 and 1.
    """

    formants: tuple[float, float] = (0.8, 1.25)
    formants_probability: float = 0.8
    pitch: tuple[float, float] = (0.67, 1.5)
    pitch_probability: float = 0.8
    tempo: tuple[float, float] = (0.75, 1.33)
    tempo_probability: float = 0.6
    snr_db: tuple[float, float] = (10.0, 40.0)
    noise_probability: float = 0.5
    pink_probability: float = 0.5
    channel_db: tuple[float, float] = (0.0, 6.0)
    channel_probability: float = 0.6
    gain_db: tuple[float, float] = (-6.0, 6.0)
    gain_probability: float = 0.8
    delay_ms: tuple[float, float] = (0.0, 30.0)
    delay_probability: float = 0.6

    def __post_init__(self) -> None:
        """Check every field."""
        bounds = {
            "formants": (0.5, 2.0),
            "pitch": (0.6, 2.0),
            "tempo": (0.5, 2.0),
            "snr_db": (-100.0, 200.0),
            "channel_db": (0.0, 60.0),
            "gain_db": (-200.0, 200.0),
            "delay_ms": (0.0, 10_000.0),
        }
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in bounds:
                lowest, highest = bounds[field.name]
                if not _is_range(value, lowest, highest):
                    raise ValueError(
                        f"{field.name} = {value!r}; accepted: two rising numbers within {lowest:g} and {highest:g}"
                    )
            elif not _is_range((value, value), 0.0, 1.0):
                raise ValueError(f"{field.name} = {value!r}; accepted: a number within 0 and 1")

    @classmethod
    def none(cls, **changes: Any) -> Augmentation:
        """Settings that change nothing, except by the fields given here.

        Examples
        --------
        >>> Augmentation.none(pitch=(1.2, 1.2), pitch_probability=1.0).tempo_probability
        0.0
        """
        off = {field.name: 0.0 for field in fields(cls) if field.name.endswith("_probability")}
        return cls(**{**off, **changes})


_DEFAULT = Augmentation()


def augment(audio: NDArray[Any], rate: int, seed: int, settings: Augmentation = _DEFAULT) -> Samples:
    """Return the word as another voice might say it elsewhere.

    Parameters
    ----------
    audio : array of float, shape (n,)
        The word, within -1 and 1. It is not changed.
    rate : int
        Samples per second, within 4000 and 96000.
    seed : int
        At least 0. The same seed gives the same result. Each change has draws of its own, so that switching one off
        leaves the others as they were.
    settings : Augmentation, optional
        Ranges and probabilities.

    Returns
    -------
    array of float32, shape (m,)
        ``round(n / tempo)`` samples and the delay. Where a sample would lie beyond -1 or 1 the whole word is scaled
        down so that its peak is 1. Noise is relative to the mean power of the word, hence none is added to silence.

    Raises
    ------
    ValueError
        If `audio` has no samples, is not one-dimensional, or is not floating, finite and within -1 and 1; if `rate` or
        `seed` is out of range.
    """
    word = _checked(audio, rate)
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"seed = {seed!r}; accepted: a whole number from 0 on")
    rng = np.random.default_rng(seed)
    chance = rng.random(7)
    place = rng.random(7)

    def drawn(index: int, probability: float, limits: tuple[float, float], neutral: float) -> float:
        low, high = limits
        return low + (high - low) * place[index] if chance[index] < probability else neutral

    def factor(index: int, probability: float, limits: tuple[float, float]) -> float:
        return math.exp(drawn(index, probability, (math.log(limits[0]), math.log(limits[1])), 0.0))

    formants = factor(0, settings.formants_probability, settings.formants)
    pitch = factor(1, settings.pitch_probability, settings.pitch)
    tempo = factor(2, settings.tempo_probability, settings.tempo)
    snr_db = drawn(3, settings.noise_probability, settings.snr_db, math.inf)
    channel_db = drawn(4, settings.channel_probability, settings.channel_db, 0.0)
    gain_db = drawn(5, settings.gain_probability, settings.gain_db, 0.0)
    delay_ms = drawn(6, settings.delay_probability, settings.delay_ms, 0.0)
    pink = rng.random() < settings.pink_probability
    weights, phases = rng.standard_normal(_CHANNEL_COMPONENTS), rng.uniform(0, 2 * np.pi, _CHANNEL_COMPONENTS)

    word = _voice(word, rate, formants, pitch, tempo)
    if channel_db > 0:
        word = _channel(word, rate, channel_db, weights, phases)
    power = float(np.mean(np.square(word, dtype=np.float64)))
    word = np.concatenate([np.zeros(round(delay_ms * 1e-3 * rate), np.float32), word])
    if math.isfinite(snr_db) and power > 0:
        noise = _noise(len(word), pink, rng)
        word = word + noise * np.float32(math.sqrt(power) * 10 ** (-snr_db / 20))
    if gain_db != 0:
        word = word * np.float32(10 ** (gain_db / 20))
    peak = float(np.max(np.abs(word)))
    if peak > 1:
        word = np.clip(word / np.float32(peak), -1, 1)
    return word


def trim(audio: NDArray[Any], rate: int, threshold_db: float = -40.0) -> NDArray[Any]:
    """Return the word without the silence before and after it.

    Parameters
    ----------
    audio : array of float, shape (n,)
        The recording, within -1 and 1.
    rate : int
        Samples per second, within 4000 and 96000.
    threshold_db : float, optional
        Frames of 10 ms whose energy is at least this much relative to the frame with the most energy belong to the
        word, and so does all between them. Below 0.

    Returns
    -------
    array, shape (m,)
        A copy of the samples from 20 ms before the first such frame to 20 ms after the last one, as far as the
        recording reaches. A recording without any sound is returned whole.

    Raises
    ------
    ValueError
        If `audio` or `rate` is not as described in `augment`, or `threshold_db` is not below 0.
    """
    word = _checked(audio, rate)
    if not (isinstance(threshold_db, int | float) and -math.inf < threshold_db < 0):
        raise ValueError(f"threshold_db = {threshold_db!r}; accepted: a number below 0")
    step, margin = max(round(0.005 * rate), 1), round(0.020 * rate)
    count = -(-len(word) // step)
    halves = np.zeros((count + 1) * step)
    halves[: len(word)] = np.square(word, dtype=np.float64)
    energy = halves.reshape(-1, step).sum(axis=1)
    energy = energy[:-1] + energy[1:]  # frame i covers the samples from i * step to (i + 2) * step
    if not energy.any():
        return np.array(audio)
    loud = np.flatnonzero(energy >= energy.max() * 10 ** (threshold_db / 10))
    start = max(int(loud[0]) * step - margin, 0)
    stop = min((int(loud[-1]) + 2) * step + margin, len(word))
    return np.array(audio[start:stop])


def _checked(audio: NDArray[Any], rate: int) -> Samples:
    """The samples as float32, after the checks that `augment` documents."""
    if isinstance(rate, bool) or not isinstance(rate, int | np.integer) or not _LOWEST_RATE <= rate <= _HIGHEST_RATE:
        raise ValueError(f"rate = {rate!r}; accepted: a whole number within {_LOWEST_RATE} and {_HIGHEST_RATE}")
    samples = np.asarray(audio)
    if samples.ndim != 1 or len(samples) == 0:
        raise ValueError(f"audio has the shape {samples.shape}; accepted: one dimension with at least one sample")
    if not np.issubdtype(samples.dtype, np.floating):
        raise ValueError(f"audio has the type {samples.dtype}; accepted: floating numbers within -1 and 1")
    peak = float(np.max(np.abs(samples)))
    if not peak <= 1:
        raise ValueError(f"audio has the peak {peak:g}; accepted: finite numbers within -1 and 1")
    return samples.astype(np.float32)


# ------------------------------------------------------------------------------------------------------- the voice


def _voice(word: Samples, rate: int, formants: float, pitch: float, tempo: float) -> Samples:
    """The word with other formants, pitch and tempo and the same power, `round(len(word) / tempo)` samples long."""
    length = max(round(len(word) / tempo), 1)
    stretched = word
    if pitch != tempo:
        stretched = _stretch(word, max(round(length * pitch), 1), rate)
    if pitch == 1 and formants == 1:
        return _fitted(stretched, length)
    voice = _filtered(stretched, _resampled(stretched, length, pitch), rate, formants, pitch)
    before, after = (float(np.mean(np.square(samples, dtype=np.float64))) for samples in (word, voice))
    return voice * np.float32(math.sqrt(before / after)) if after > 0 else voice


def _fitted(samples: Samples, length: int) -> Samples:
    """The samples cut or filled with zeros to a length."""
    result = np.zeros(length, np.float32)
    result[: len(samples)] = samples[:length]
    return result


@lru_cache(maxsize=8)
def _hann(length: int) -> Samples:
    """Periodic Hann window."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)).astype(np.float32)


def _stretch(word: Samples, length: int, rate: int) -> Samples:
    """WSOLA: the word at another duration, fundamental and envelope unchanged.

    Frame `m` of the result comes from around the sample ``m * hop * len(word) / length`` of the word, where it is most
    similar to what followed frame `m - 1` there.
    """
    hop, search = round(_STRETCH_HOP_S * rate), round(_SEARCH_S * rate)
    frame = 2 * hop
    count = -(-length // hop) + 1
    before = hop + search  # frame m is centred on its place
    padded = np.zeros(len(word) + 2 * (frame + search) + hop, np.float32)
    padded[before : before + len(word)] = word
    centres = np.minimum(np.rint(np.arange(count) * (hop * len(word) / length)).astype(int), len(word))
    total = np.concatenate([[0.0], np.cumsum(np.square(padded, dtype=np.float64))])
    energy = total[frame:] - total[:-frame]
    norm = (1 / np.sqrt(np.maximum(energy, 1e-6 * energy.max() + 1e-20))).astype(np.float32)

    starts = centres + search
    lags = 2 * search + 1
    for m in range(1, count):
        begin = starts[m] - search
        follows = starts[m - 1] + hop
        likeness = np.correlate(padded[begin : begin + frame + lags - 1], padded[follows : follows + frame], "valid")
        likeness *= norm[begin : begin + lags]
        best = int(likeness.argmax())
        if likeness[best] > 0:
            starts[m] = begin + best
    frames = padded[starts[:, None] + np.arange(frame)] * _hann(frame)
    return (frames[:-1, hop:] + frames[1:, :hop]).reshape(-1)[:length]


def _resampled(word: Samples, length: int, pitch: float) -> Samples:
    """`length` samples that run through the word `pitch` times as fast, limited to the new band."""
    if pitch == 1:
        return _fitted(word, length)
    # The period of the Fourier series is longer than the word, so that its end does not leak into its start.
    new = fft.next_fast_len(length + 64, real=True)
    old = round(new * pitch)
    spectrum = fft.rfft(word, old, workers=1)
    bins = min(len(spectrum), new // 2 + 1)
    result = fft.irfft(spectrum[:bins], new, workers=1) * np.float32(new / old)
    return _fitted(result.astype(np.float32, copy=False), length)


@lru_cache(maxsize=8)
def _transforms(hop: int, rate: int) -> tuple[Samples, Samples]:
    """Matrices from log magnitudes to the cepstrum, and from the cepstrum to log magnitudes."""
    size = 8 * hop
    synthesis = _cosines(np.arange(size // 2 + 1) / size, round(_LONGEST_PERIOD_S * _LIFTER * rate) + 1)
    weights = np.full(size // 2 + 1, 2 / size)
    weights[[0, -1]] /= 2
    analysis = (weights[:, None] * synthesis.T).astype(np.float32)
    analysis[:, 1:] /= 2
    return analysis, synthesis


def _cosines(frequency: NDArray[np.float64], order: int) -> Samples:
    """Log magnitude at frequencies in cycles per sample, one row for each coefficient of the cepstrum."""
    index = np.arange(order)
    return (np.where(index > 0, 2.0, 1.0)[:, None] * np.cos(2 * np.pi * np.outer(index, frequency))).astype(np.float32)


def _period(power: Samples, rate: int) -> float:
    """Median period of the voice in samples, from the power spectra of frames; `_PERIOD_S` without any voice."""
    correlation = fft.irfft(power, axis=1, workers=1)
    first, last = round(_SHORTEST_PERIOD_S * rate), round(_LONGEST_PERIOD_S * rate)
    frame = power.shape[1] - 1
    window = fft.irfft(np.abs(fft.rfft(_hann(frame), 2 * frame, workers=1)) ** 2, workers=1)
    energy = correlation[:, 0]
    loud = np.flatnonzero(energy > 0.03 * energy.max())
    if len(loud) == 0:
        return _PERIOD_S * rate
    # A long lag has to be better than a short one, which keeps multiples of the period away.
    lags = np.arange(first, last + 1)
    likeness = correlation[loud, first : last + 1] / energy[loud, None]
    likeness *= (window[0] / window[first : last + 1] * (1 - 0.3 * lags / last)).astype(np.float32)
    best = likeness.argmax(axis=1)
    voiced = likeness.max(axis=1) > 0.45
    return float(np.median(lags[best[voiced]])) if voiced.any() else _PERIOD_S * rate


def _true_envelope(level: Samples, analysis: Samples, synthesis: Samples) -> Samples:
    """The cepstrum of the smooth curve above log magnitudes, one row for each frame."""
    cepstrum = np.empty((len(level), analysis.shape[1]), np.float32)
    for rows in _groups(len(level), analysis.size):
        part = level[rows].copy()
        smooth = part @ analysis
        for _ in range(_ENVELOPE_PASSES):
            np.maximum(part, smooth @ synthesis, out=part)
            smooth = part @ analysis
        cepstrum[rows] = smooth
    return cepstrum


def _groups(count: int, size: int) -> Iterator[slice]:
    """Groups of rows whose product with a matrix of a size stays in the cache and is too small for threads of BLAS."""
    group = max(200_000 // size, 1)
    return (slice(start, start + group) for start in range(0, count, group))


def _warped(frequency: NDArray[np.float64], formants: float) -> NDArray[np.float64]:
    """Where in the old envelope, in cycles per sample, the new one has its value; 0 and 0.5 stay in place."""
    knee = 0.5 * _KNEE * min(1.0, formants)
    return np.interp(frequency, [0, knee, 0.5], [0, knee / formants, 0.5])


def _filtered(stretched: Samples, word: Samples, rate: int, formants: float, pitch: float) -> Samples:
    """The resampled word with the envelope of the stretched one, whose formants are moved."""
    hop = round(_HOP_S * rate)
    frame, size = 4 * hop, 8 * hop
    count = len(word) // hop + 3
    window = _hann(frame)

    # The cepstrum of the envelope, at the times in the stretched word that became the frames of the resampled one.
    starts = np.minimum(np.rint(np.arange(count) * (hop * pitch)).astype(int), len(stretched) + frame // 2)
    padded = np.zeros(len(stretched) + 2 * frame, np.float32)
    padded[frame // 2 : frame // 2 + len(stretched)] = stretched
    spectrum = fft.rfft(padded[starts[:, None] + np.arange(frame)] * window, size, axis=1, workers=1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    floor = _ENVELOPE_FLOOR**2 * power.max(axis=1, keepdims=True) + np.float32(1e-18)
    level = 0.5 * np.log(np.maximum(power, floor))
    order = round(_LIFTER * _period(power, rate)) + 1
    taper = np.sin(0.5 * np.pi * np.clip((order - np.arange(order)) / (_TAPER * order), 0, 1)) ** 2
    analysis, synthesis = _transforms(hop, rate)
    cepstrum = _true_envelope(level, analysis[:, :order] * taper.astype(np.float32), synthesis[:order])

    # The fine structure comes from the same bin, or from a lower one where the band is empty after resampling; the
    # window spreads this edge over a few bins.
    last = size // 2
    source = np.arange(last + 1)
    edge = min(int(pitch * last) - 8, last) if pitch < 1 else last + 1
    shift = last - edge + 1
    source[edge:] -= shift

    old = np.minimum(source / size / pitch, 0.5)
    new = _warped(np.arange(last + 1) / size, formants)
    moves = _cosines(new, order) - _cosines(old, order)
    limit = np.float32(_LARGEST_GAIN_DB * math.log(10) / 20)
    gain = np.empty((count, last + 1), np.float32)
    for rows in _groups(count, moves.size):
        gain[rows] = np.exp(np.clip(cepstrum[rows] @ moves, -limit, limit))

    padded = np.zeros((count + 4) * hop, np.float32)
    padded[frame // 2 : frame // 2 + len(word)] = word
    spectrum = fft.rfft(
        np.lib.stride_tricks.sliding_window_view(padded, frame)[: count * hop : hop] * window, size, axis=1, workers=1
    )
    if pitch < 1:
        turn = np.exp(2j * np.pi * shift * hop / size * np.arange(count)).astype(np.complex64)
        spectrum[:, edge:] = spectrum[:, edge - shift : last + 1 - shift] * turn[:, None]
    spectrum *= gain

    # The filter has no phase and rings to both sides of a frame, around the end of the transform to its start.
    ringing = np.roll(fft.irfft(spectrum, size, axis=1, workers=1), frame // 2, axis=1).reshape(count, 8, hop)
    result = np.zeros((count + 7, hop), np.float32)
    for block in range(8):
        result[block : block + count] += ringing[:, block]
    return 0.5 * result.reshape(-1)[frame : frame + len(word)]


# ----------------------------------------------------------------------------------------- the channel and the noise


def _channel(
    word: Samples, rate: int, largest_db: float, weights: NDArray[np.float64], phases: NDArray[np.float64]
) -> Samples:
    """The word through a filter without phase whose gain is a smooth random function of log frequency."""
    size = fft.next_fast_len(len(word) + round(0.03 * rate), real=True)
    frequency = np.arange(size // 2 + 1) * (rate / size)
    octave = np.log(np.maximum(frequency, _CHANNEL_LOWEST_HZ) / _CHANNEL_LOWEST_HZ)
    grid = np.linspace(0, 1, 65)
    order = np.arange(1, len(weights) + 1)
    curve = np.cos(np.pi * np.outer(grid, order) + phases) @ (weights / order)
    curve -= curve.mean()
    curve *= largest_db / max(float(np.max(np.abs(curve))), 1e-12)
    gain = 10 ** (np.interp(octave / octave[-1], grid, curve) / 20)
    filtered = fft.irfft(fft.rfft(word, size, workers=1) * gain.astype(np.float32), size, workers=1)
    return filtered[: len(word)].astype(np.float32, copy=False)


def _noise(length: int, pink: bool, rng: np.random.Generator) -> Samples:
    """White or pink noise with a mean power of 1."""
    noise = rng.standard_normal(length, dtype=np.float32)
    if pink and length > 1:
        size = fft.next_fast_len(length, real=True)
        spectrum = fft.rfft(noise, size, workers=1)
        spectrum[0] = 0
        spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum), dtype=np.float32))
        noise = fft.irfft(spectrum, size, workers=1)[:length]
    power = math.sqrt(float(np.mean(np.square(noise, dtype=np.float64))))
    return noise / np.float32(max(power, 1e-12))
