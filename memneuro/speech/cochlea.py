r"""A cochlea: sound to the spikes of 700 bushy cells, as in the Spiking Heidelberg Digits.

Each channel is a place on the basilar membrane with the centre frequency f_c, evenly spaced in ERB rate:

.. math::

   H(f) &= \left(1 + i\,\frac{f - f_c}{1.019\,\mathrm{ERB}(f_c)}\right)^{-4}, \qquad
   \mathrm{ERB}(f) = 24.7\,(4.37 f/1000 + 1)\ \mathrm{Hz} \\
   k &= \left\langle g\,\frac{[s + A]_+}{[s + A]_+ + B} \right\rangle \\
   dq/dt &= y (M - q) + x w - k q, \quad dc/dt = k q - (l + r) c, \quad dw/dt = r c - x w \\
   dv &= -v\,dt/\tau + J\,(n\,h c\,dt + \sqrt{n\,h c}\,dW)

* Basilar membrane: a fourth-order gammatone filter (Patterson et al. 1987; ERB of Glasberg and Moore 1990,
  doi:10.1016/0378-5955(90)90170-T). It is applied in the frequency domain and gives the complex envelope of the band.
* Compression: above a knee of 50 dB the envelope grows by a quarter of a decibel a decibel, as the outer hair cells
  compress the membrane's response at its best frequency (Robles and Ruggero 2001, doi:10.1152/physrev.2001.81.3.1305).
  Without it the hair cells, which saturate, hear either the loud or the faint part of a word.
* Middle ear: a first-order high-pass at 1 kHz.
* Inner hair cell: the transmitter pools of Meddis (1986, doi:10.1121/1.393460) with parameters after Meddis, Hewitt
  and Shackleton (1990, doi:10.1121/1.399379). The permeability k is averaged over one period of the carrier, whose
  amplitude is the envelope: fine structure above the envelope's band does not reach the spikes.
* Bushy cell: a leaky integrate-and-fire neuron on which n = 40 auditory nerve fibres of rate h c converge; the sum of
  many independent fibres is taken as its mean and its variance. Spikes at v > 1, reset to 0, then refractory. Crossings
  between two steps are counted by a lower threshold (Broadie, Glasserman and Kou 1997, doi:10.1111/1467-9965.00035);
  at the default step the number of spikes is 13 % below that of a step eight times as short.

The word's level is set to `level_db`. The chain follows Cramer et al. 2020 (doi:10.1109/TNNLS.2020.3044364); their
hydrodynamic membrane is replaced by the gammatone filter bank.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import scipy.fft

#: Hair cell after Meddis, Hewitt and Shackleton (1990), recalled and not checked against the paper; rates per second.
_A, _B, _G = 10.0, 3000.0, 1000.0
_Y, _L, _X, _R = 5.05, 2500.0, 66.31, 6580.0
_H = 50000.0


#: Corner of the middle ear's high-pass.
_MIDDLE_EAR_HZ = 1000.0

_FAINTEST, _PER_E_FOLD = 1e-1, 200.0


def _permeability_table() -> np.ndarray:
    """Mean permeability against ln(amplitude), from `_FAINTEST` on, `_PER_E_FOLD` entries an e-fold."""
    amplitude = _FAINTEST * np.exp((np.arange(3200) + 0.5) / _PER_E_FOLD)
    phase = 2 * np.pi * (np.arange(256) + 0.5) / 256
    opened = np.maximum(amplitude[:, None] * np.sin(phase) + _A, 0)
    return (_G * (opened / (opened + _B)).mean(axis=1)).astype(np.float32)


_TABLE = _permeability_table()


@dataclass(frozen=True)
class Cochlea:
    """A filter bank, hair cells and bushy cells.

    Parameters
    ----------
    channels : int
        Places along the membrane.
    lowest_hz, highest_hz : float
        Centre frequencies of the first and the last channel.
    level_db : float
        Root-mean-square level of a word in dB; 30 dB is a root-mean-square of 1 in the hair cell's own unit.
    compression : float
        Growth of the membrane's response above the knee, in dB a dB, up to 1.
    knee_db : float
        Level of a band, on the scale of `level_db`, above which the response is compressed.
    step_s : float
        Time step of hair cells and bushy cells; spike times are multiples of it.
    fibres : int
        Auditory nerve fibres on a bushy cell.
    jump : float
        Rise of a bushy cell's potential by the spike of one fibre; the threshold is 1.
    time_constant_s, refractory_s : float
        Of a bushy cell.

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    channels: int = 700
    lowest_hz: float = 80.0
    highest_hz: float = 3800.0
    level_db: float = 110.0
    compression: float = 0.25
    knee_db: float = 50.0
    step_s: float = 0.5e-3
    fibres: int = 40
    jump: float = 0.5
    time_constant_s: float = 1e-3
    refractory_s: float = 2.5e-3

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"{field.name} = {value!r}; accepted: a finite number greater than zero")
        if self.compression > 1:
            raise ValueError(f"compression = {self.compression!r}; accepted: at most 1")
        if self.lowest_hz >= self.highest_hz:
            raise ValueError(f"lowest_hz = {self.lowest_hz!r}; accepted: less than highest_hz = {self.highest_hz!r}")
        if self.step_s > 1e-3:
            raise ValueError(f"step_s = {self.step_s!r}; accepted: at most 1e-3 (the bushy cell's time constant)")

    @property
    def frequencies_hz(self) -> np.ndarray:
        """Centre frequency of each channel, shape (channels,)."""
        low, high = (21.4 * np.log10(4.37e-3 * f + 1) for f in (self.lowest_hz, self.highest_hz))
        return (10 ** (np.linspace(low, high, self.channels) / 21.4) - 1) / 4.37e-3

    def envelopes(self, audio: np.ndarray, rate: int) -> np.ndarray:
        """Amplitude of each band of `audio`, sampled every `step_s`.

        Parameters
        ----------
        audio : ndarray, shape (samples,)
        rate : int
            Samples per second; twice `highest_hz` at least.

        Returns
        -------
        ndarray of float32, shape (channels, steps)

        Raises
        ------
        ValueError
            If the rate is too low, or the audio is empty, not finite or not one-dimensional.
        """
        if rate < 2 * self.highest_hz:
            raise ValueError(f"rate = {rate!r} Hz; accepted: at least twice highest_hz = {self.highest_hz!r} Hz")
        audio = np.asarray(audio, dtype=np.float32)
        if audio.ndim != 1 or audio.size == 0 or not np.all(np.isfinite(audio)):
            raise ValueError(f"audio of shape {audio.shape}; accepted: finite samples in one dimension, at least one")
        steps = int(np.ceil(audio.size / rate / self.step_s))
        # The membrane rings for some 20 ms at the lowest frequency; a transform longer than the word keeps that apart.
        size = scipy.fft.next_fast_len(int(np.ceil((steps * self.step_s + 0.05) / self.step_s)))
        seconds = size * self.step_s
        samples = round(seconds * rate)
        spectrum = scipy.fft.rfft(audio, n=samples)
        centre = self.frequencies_hz
        width = 1.019 * 24.7 * (4.37e-3 * centre + 1)
        shift = np.round(centre * seconds).astype(int)
        bins = shift[:, None] + np.arange(-(size // 2), size - size // 2)
        inside = (bins > 0) & (bins < spectrum.size)
        offset = ((bins / seconds - centre[:, None]) / width[:, None]).astype(np.float32)
        response = 1 / (1 + np.complex64(1j) * offset)
        response *= response
        response *= response
        middle_ear = np.arange(spectrum.size) / (seconds * _MIDDLE_EAR_HZ)
        spectrum = (spectrum * middle_ear / np.sqrt(1 + middle_ear**2)).astype(np.complex64)
        spectrum[0] = 0
        band = spectrum[np.where(inside, bins, 0)]
        band *= response
        found = (2 * size / samples) * np.abs(scipy.fft.ifft(band, axis=1, overwrite_x=True))[:, :steps]
        knee = np.float32(10 ** ((self.knee_db - 30) / 20))
        return np.where(found > knee, knee * (np.maximum(found, knee) / knee) ** np.float32(self.compression), found)

    def spikes(self, words: Sequence[np.ndarray], rate: int, seed: int | Sequence[int] = 0) -> list[np.ndarray]:
        """Spikes of the bushy cells for each word.

        Parameters
        ----------
        words : sequence of ndarray, shape (samples,)
            Sounds; several at once are faster than one after the other, and give the same.
        rate : int
            Samples per second.
        seed : int or sequence of int
            Seed of the fibres' spikes, one in all or one a word.

        Returns
        -------
        list of structured ndarray with fields ``time`` (float32, seconds) and ``channel`` (uint16)
            One for each word, in order of time.

        Raises
        ------
        ValueError
            If the seeds are neither one nor one a word, and as :meth:`envelopes`.
        """
        seeds = [seed] * len(words) if np.ndim(seed) == 0 else list(seed)  # type: ignore[arg-type]
        if len(seeds) != len(words):
            raise ValueError(f"{len(seeds)} seeds for {len(words)} words; accepted: one, or one a word")
        sound = [self.envelopes(self._level(word), rate) for word in words]
        lengths = np.array([one.shape[1] for one in sound])
        longest = int(lengths.max(initial=0))
        drive = np.zeros((longest, len(words), self.channels), dtype=np.float32)
        noise = np.zeros_like(drive)
        for number, (one, own) in enumerate(zip(sound, seeds, strict=True)):
            drive[: one.shape[1], number] = self._permeability(one).T
            noise[: one.shape[1], number] = np.random.default_rng(own).standard_normal(one.T.shape, dtype=np.float32)
        fired = self._bushy(drive, noise)
        found = []
        for number, length in enumerate(lengths):
            step, channel = np.nonzero(fired[:length, number])
            word = np.empty(step.size, dtype=[("time", np.float32), ("channel", np.uint16)])
            word["time"], word["channel"] = step * self.step_s, channel
            found.append(word)
        return found

    def _level(self, audio: np.ndarray) -> np.ndarray:
        """`audio` at the level that the hair cells expect."""
        audio = np.asarray(audio, dtype=np.float32)
        loud = np.sqrt(np.mean(audio**2)) if audio.size else 0
        return audio * (10 ** ((self.level_db - 30) / 20) / loud) if loud > 0 else audio

    @staticmethod
    def _permeability(envelope: np.ndarray) -> np.ndarray:
        """Mean permeability of a hair cell over one period of a carrier with this amplitude, per second."""
        place = np.log(np.maximum(envelope, np.float32(_FAINTEST)))
        place -= np.float32(np.log(_FAINTEST))
        place *= np.float32(_PER_E_FOLD)
        return np.take(_TABLE, place.astype(np.int32), mode="clip")

    def _bushy(self, permeability: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Which cell fires in which step; the first axis is time."""
        dt = self.step_s
        k = permeability[0] * 0 + _G * _A / (_A + _B)
        # At rest: dq = dc = dw = 0 without sound.
        cleft = k * _Y / (_L * k + _Y * (_L + _R))
        free = cleft * (_L + _R) / k
        store = cleft * _R / _X
        potential = np.zeros_like(k)
        wait = np.zeros_like(k)  # what is left of the refractory period at the start of a step, in steps
        refractory = np.float32(self.refractory_s / dt)
        decay = np.float32(np.exp(-dt / self.time_constant_s))
        # Of a potential that leaks while the fibres' spikes of one step arrive: exact for a rate held over the step.
        tau = self.time_constant_s
        mean = self.jump * self.fibres * _H * tau * (1 - decay)
        spread = self.jump * np.sqrt(self.fibres * _H * tau / 2 * (1 - decay**2))
        fired = np.zeros(permeability.shape, dtype=bool)
        for step, k in enumerate(permeability):
            # Implicit in each pool's own loss, so that the fast cleft (0.1 ms) does not limit the step.
            free = (free + dt * (_Y + _X * store)) / (1 + dt * (_Y + k))
            cleft = (cleft + dt * k * free) / (1 + dt * (_L + _R))
            store = (store + dt * _R * cleft) / (1 + dt * _X)
            # A cell integrates in that part of the step in which it is not refractory. The threshold is crossed where
            # a line from the potential before to the one after crosses it.
            awake = np.clip(1 - wait, 0, 1)
            before = (1 - awake * (1 - decay)) * potential
            deviation = spread * np.sqrt(awake * cleft)
            potential = before + awake * mean * cleft + deviation * noise[step]
            # Seen at the ends of steps only, a noisy potential crosses as often as one that is always seen does a
            # threshold which is higher by 0.5826 standard deviations of a step.
            spike = potential + np.float32(0.5826) * deviation > 1
            since = awake * np.maximum(potential - 1, 0) / np.where(spike, potential - before, 1)
            wait = np.where(spike, refractory - since, np.maximum(wait - 1, 0))
            potential[spike] = 0
            fired[step] = spike
        return fired
