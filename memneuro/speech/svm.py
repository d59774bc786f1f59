r"""A support-vector machine on log-mel spectra, to compare with: no neurons, no time.

Each word, trimmed of silence, becomes 40 mel bands at 20 moments spread evenly over it,

.. math:: x_{bt} = \ln\!\big(\textstyle\sum_f M_{bf} |S_{ft}|^2 + 10^{-6}\,\overline{|S|^2}\big)

with M the triangular bands on the mel scale m = 2595 log10(1 + f/700) and S the short-time Fourier transform (Hann
windows of 25 ms, a step of 10 ms); the mean over a word is taken off, as recordings are not equally loud. The numbers
are scaled to mean 0 and variance 1 over the training words and go to scikit-learn's ``SVC`` with a Gaussian kernel.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import ShortTimeFFT
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from memneuro.speech.augment import trim
from memneuro.speech.words import Words

#: Mel bands and moments.
BANDS, MOMENTS = 40, 20


def log_mel(audio: np.ndarray, rate: int) -> np.ndarray:
    """Log-mel energies of one word at evenly spread moments, shape (BANDS, MOMENTS).

    Parameters
    ----------
    audio : ndarray, shape (samples,)
        The sound.
    rate : int
        Samples per second.
    """
    audio = trim(np.asarray(audio, dtype=float), rate)
    window = np.hanning(round(0.025 * rate))
    transform = ShortTimeFFT(window, round(0.01 * rate), rate, mfft=512)
    power = np.abs(transform.stft(np.pad(audio, (0, max(0, window.size - audio.size))))) ** 2
    energy = _bands(transform.f) @ power
    found = np.log(energy + 1e-6 * max(float(power.mean()), 1e-30))
    found -= found.mean()
    place = np.linspace(0, found.shape[1] - 1, MOMENTS)
    return np.array([np.interp(place, np.arange(found.shape[1]), row) for row in found])


def _bands(frequency: np.ndarray) -> np.ndarray:
    """Triangles that are evenly wide on the mel scale, shape (BANDS, frequencies)."""
    mel = 2595 * np.log10(1 + frequency / 700)
    edges = np.linspace(mel[0], mel[-1], BANDS + 2)
    rise = (mel[None] - edges[:-2, None]) / np.diff(edges)[:-1, None]
    fall = (edges[2:, None] - mel[None]) / np.diff(edges)[1:, None]
    return np.clip(np.minimum(rise, fall), 0, None)


def features(words: Words) -> np.ndarray:
    """Of every word, shape (words, BANDS * MOMENTS)."""
    return np.array([log_mel(one, words.rate).ravel() for one in words.audio])


def hears(features: np.ndarray, label: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Words that a machine trained on the words at the positions `train` hears in those at `test`.

    Parameters
    ----------
    features : ndarray, shape (words, features)
        Of all words.
    label : ndarray of int, shape (words,)
        What was said.
    train, test : ndarray of int
        Positions of words.
    """
    machine = make_pipeline(StandardScaler(), SVC(C=10.0, gamma="scale"))
    machine.fit(features[train], label[train])
    return machine.predict(features[test])
