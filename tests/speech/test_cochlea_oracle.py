"""The filter bank beside the one of brian2hears, an infinite impulse response in the time domain."""

import numpy as np
import pytest
from scipy.signal import hilbert

brian2hears = pytest.importorskip("brian2hears")

from brian2 import Hz  # noqa: E402

from memneuro.speech.cochlea import Cochlea  # noqa: E402

RATE = 8000


def test_envelopes_are_those_of_brian2hears():
    """Of noise that swells and fades, on seven places; compared where both are settled, without compression."""
    rng = np.random.default_rng(0)
    time = np.arange(RATE) / RATE
    sound = rng.standard_normal(RATE) * np.sin(np.pi * time) ** 2
    cochlea = Cochlea(channels=7, lowest_hz=150.0, highest_hz=3000.0, compression=1.0)
    ours = cochlea.envelopes(sound, RATE)

    # The middle ear, a first-order high-pass at 1 kHz, on a grid fine enough for the bilinear transform.
    fine = 8
    spectrum = np.fft.rfft(sound)
    ear = np.fft.rfftfreq(sound.size, 1 / RATE) / 1000
    up = np.fft.irfft(np.pad(spectrum * ear / np.sqrt(1 + ear**2), (0, (fine - 1) * RATE // 2)), n=fine * RATE) * fine
    heard = brian2hears.Sound(up[:, None], samplerate=fine * RATE * Hz)
    bands = brian2hears.Gammatone(heard, cochlea.frequencies_hz * Hz).process()
    theirs = np.abs(hilbert(bands, axis=0))[:: round(cochlea.step_s * fine * RATE)].T

    settled = slice(200, -200)
    for one, other in zip(ours[:, settled], theirs[:, settled], strict=True):
        assert np.corrcoef(one, other)[0, 1] > 0.999
        assert np.sqrt(np.mean((one - other) ** 2)) < 0.03 * np.sqrt(np.mean(other**2))
