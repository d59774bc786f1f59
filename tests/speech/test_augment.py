"""Augmented words: what changes in synthetic vowels of known pitch and formants, and what stays."""

from dataclasses import fields, replace

import numpy as np
import pytest
from scipy.linalg import solve_toeplitz
from scipy.signal import lfilter, welch

from memneuro.speech.augment import Augmentation, augment, trim

RATE = 8000
FORMANTS = (600, 1300, 2400)
PROBABILITIES = {
    "formants": "formants_probability",
    "pitch": "pitch_probability",
    "tempo": "tempo_probability",
    "snr_db": "noise_probability",
    "channel_db": "channel_probability",
    "gain_db": "gain_probability",
    "delay_ms": "delay_probability",
}


def only(**values):
    """Settings with these changes at these values and no others."""
    changes = {name: (value, value) for name, value in values.items()}
    return Augmentation.none(**changes, **{PROBABILITIES[name]: 1.0 for name in values})


def vowel(f0=110.0, formants=FORMANTS, seconds=0.45, rate=RATE, peak=0.3):
    """A pulse train without aliases through resonators of 80 Hz bandwidth, faded in and out over 30 ms."""
    time = np.arange(round(seconds * rate)) / rate
    wave = np.sum([np.cos(2 * np.pi * k * f0 * time) for k in range(1, int(rate / 2 / f0) + 1)], axis=0)
    for formant in formants:
        radius = np.exp(-np.pi * 80 / rate)
        denominator = [1, -2 * radius * np.cos(2 * np.pi * formant / rate), radius**2]
        wave = lfilter([sum(denominator)], denominator, wave)
    wave *= np.clip(np.minimum(time, time[-1] - time) / 0.03, 0, 1)
    return (peak * wave / np.max(np.abs(wave))).astype(np.float32)


def middle(wave, seconds=0.2, rate=RATE):
    """The middle of a word, without its ends."""
    centre, half = len(wave) // 2, round(seconds * rate / 2)
    return wave[max(centre - half, 0) : centre + half].astype(float)


def measured_f0(wave, rate=RATE):
    """First high peak of the autocorrelation between 55 and 400 Hz, interpolated by a parabola."""
    part = middle(wave, rate=rate)
    window = np.hanning(len(part))
    size = 4 * len(part)
    correlation = np.fft.irfft(np.abs(np.fft.rfft(part * window, size)) ** 2)
    correlation = correlation[: len(part) // 2] / np.fft.irfft(np.abs(np.fft.rfft(window, size)) ** 2)[: len(part) // 2]
    lags = np.arange(int(rate / 400), int(rate / 55))
    peaks = lags[(correlation[lags] > correlation[lags - 1]) & (correlation[lags] >= correlation[lags + 1])]
    lag = peaks[np.argmax(correlation[peaks] > 0.8 * correlation[peaks].max())]
    left, top, right = correlation[lag - 1 : lag + 2]
    return rate / (lag + 0.5 * (left - right) / (left - 2 * top + right))


def measured_formants(wave, expected, rate=RATE):
    """The poles of a linear prediction of order 8 that are nearest to the expected formants."""
    part = middle(wave, rate=rate)
    part *= np.hanning(len(part))
    correlation = np.correlate(part, part, "full")[len(part) - 1 :][:9]
    correlation[0] *= 1.0001
    poles = np.roots(np.r_[1, -solve_toeplitz(correlation[:8], correlation[1:9])])
    poles = poles[(poles.imag > 0) & (np.abs(poles) > np.exp(-np.pi * 400 / rate))]
    frequencies = np.angle(poles) * rate / (2 * np.pi)
    return np.array([frequencies[np.argmin(np.abs(frequencies - formant))] for formant in expected])


def decibel(ratio):
    return 10 * np.log10(ratio)


# ------------------------------------------------------------------------------------------------------- the voice


@pytest.mark.parametrize("f0", [90, 110, 130])
@pytest.mark.parametrize("pitch", [0.67, 0.8, 1.25, 1.5])
def test_pitch_moves_the_fundamental_only(f0, pitch):
    word = vowel(f0)
    voice = augment(word, RATE, 0, only(pitch=pitch))
    assert len(voice) == len(word)
    assert measured_f0(voice) == pytest.approx(f0 * pitch, rel=0.03)
    assert measured_formants(voice, FORMANTS) == pytest.approx(measured_formants(word, FORMANTS), rel=0.05)


@pytest.mark.parametrize("f0", [90, 110, 130])
@pytest.mark.parametrize("factor", [0.8, 0.9, 1.1, 1.25])
def test_formants_move_without_the_fundamental(f0, factor):
    word = vowel(f0)
    voice = augment(word, RATE, 0, only(formants=factor))
    moved = np.array(FORMANTS) * factor
    assert len(voice) == len(word)
    assert measured_f0(voice) == pytest.approx(f0, rel=0.03)
    assert measured_formants(voice, moved) == pytest.approx(factor * measured_formants(word, FORMANTS), rel=0.05)


@pytest.mark.parametrize("tempo", [0.75, 0.9, 1.1, 1.33])
def test_tempo_changes_the_duration_only(tempo):
    word = vowel()
    voice = augment(word, RATE, 0, only(tempo=tempo))
    assert len(voice) == round(len(word) / tempo)
    assert measured_f0(voice) == pytest.approx(110, rel=0.01)
    assert measured_formants(voice, FORMANTS) == pytest.approx(measured_formants(word, FORMANTS), rel=0.02)
    onset = np.flatnonzero(np.abs(augment(np.r_[np.zeros(1200, np.float32), word], RATE, 0, only(tempo=tempo))) > 0.05)
    expected = (1200 + np.flatnonzero(np.abs(word) > 0.05)[[0, -1]]) / tempo
    assert onset[[0, -1]] == pytest.approx(expected, abs=0.024 * RATE)


@pytest.mark.parametrize(("pitch", "factor", "tempo"), [(0.75, 1.2, 1.3), (1.4, 0.85, 0.8), (1.4, 1.2, 1.0)])
@pytest.mark.parametrize("rate", [RATE, 16000])
def test_the_three_changes_of_the_voice_are_independent(pitch, factor, tempo, rate):
    word = vowel(rate=rate)
    voice = augment(word, rate, 0, only(pitch=pitch, formants=factor, tempo=tempo))
    assert len(voice) == round(len(word) / tempo)
    assert measured_f0(voice, rate) == pytest.approx(110 * pitch, rel=0.03)
    if rate == RATE:
        moved = np.array(FORMANTS) * factor
        assert measured_formants(voice, moved) == pytest.approx(moved, rel=0.06)


def test_the_voice_resembles_the_one_it_imitates():
    """Mean levels in bands of 400 Hz, against the vowel that was made with the other pitch and formants."""

    def levels(wave):
        frequency, power = welch(middle(wave), RATE, nperseg=1024)
        level = decibel(np.array([power[(frequency >= low) & (frequency < low + 400)].mean() for low in LOWS]))
        return level - level.mean()

    LOWS = np.arange(200, 3000, 200)
    for pitch, factor in ((0.7, 0.85), (0.8, 1.2), (1.4, 0.85), (1.3, 1.2)):
        word = vowel()
        target = levels(vowel(110 * pitch, np.array(FORMANTS) * factor))
        distance = np.sqrt(np.mean((levels(augment(word, RATE, 0, only(pitch=pitch, formants=factor))) - target) ** 2))
        assert distance < 0.6 * np.sqrt(np.mean((levels(word) - target) ** 2))
        assert distance < 4


def test_a_lower_pitch_leaves_no_empty_band():
    noise = np.random.default_rng(1).uniform(-0.3, 0.3, 8000).astype(np.float32)
    frequency, power = welch(augment(noise, RATE, 0, only(pitch=0.67)), RATE, nperseg=256)
    band = (frequency > 200) & (frequency < 3800)
    assert np.ptp(decibel(power[band])) < 8


@pytest.mark.parametrize("changes", [{"pitch": 1.3}, {"formants": 0.85}, {"pitch": 0.8, "tempo": 1.2}])
def test_another_voice_is_as_loud(changes):
    word = vowel()
    voice = augment(word, RATE, 0, only(**changes))
    assert decibel(np.mean(voice**2) / np.mean(word**2)) == pytest.approx(0, abs=0.1)


def test_no_change_returns_the_word():
    word = vowel()
    assert np.array_equal(augment(word, RATE, 3, Augmentation.none()), word)
    assert np.array_equal(augment(word, RATE, 3, only(formants=1.0, pitch=1.0, tempo=1.0)), word)


def test_a_minute_change_goes_through_the_filter_and_returns_the_word():
    word = vowel()
    error = augment(word, RATE, 0, only(formants=1.0001)) - word
    assert decibel(np.sum(error**2) / np.sum(word**2)) < -40


# ----------------------------------------------------------------------------------- noise, channel, level and delay


@pytest.mark.parametrize("snr_db", [10, 25, 40])
@pytest.mark.parametrize(("pink", "slope"), [(0.0, 0.0), (1.0, -1.0)])
def test_noise_has_the_power_and_colour_asked_for(snr_db, pink, slope):
    word = vowel(seconds=2.0)
    settings = replace(only(snr_db=snr_db), pink_probability=pink)
    noise = augment(word, RATE, 5, settings) - word
    assert decibel(np.mean(word**2) / np.mean(noise**2)) == pytest.approx(snr_db, abs=0.1)
    frequency, power = welch(noise, RATE, nperseg=512)
    band = (frequency > 60) & (frequency < 3800)
    assert np.polyfit(np.log(frequency[band]), np.log(power[band]), 1)[0] == pytest.approx(slope, abs=0.15)


def test_the_channel_is_smooth_and_as_deep_as_asked():
    impulse = np.zeros(4000, np.float32)
    impulse[2000] = 0.1
    curves = []
    for seed in range(20):
        gain = 2 * decibel(np.abs(np.fft.rfft(augment(impulse, RATE, seed, only(channel_db=6))))[25:-25] / 0.1)
        assert np.max(np.abs(gain)) == pytest.approx(6, abs=0.6)
        assert np.max(np.abs(np.diff(gain[50:]))) < 0.5
        curves.append(gain)
    assert np.min(np.ptp(curves, axis=0)) > 3


def test_gain_and_delay():
    word = vowel()
    louder = augment(word, RATE, 0, only(gain_db=6.0))
    assert louder == pytest.approx(word * 10 ** (6 / 20), rel=1e-5)
    later = augment(word, RATE, 0, only(delay_ms=25))
    assert np.array_equal(later, np.r_[np.zeros(200, np.float32), word])


def test_nothing_lies_beyond_full_scale():
    word = vowel(peak=0.99)
    loud = augment(word, RATE, 0, only(gain_db=6.0))
    assert np.max(np.abs(loud)) == pytest.approx(1, abs=1e-6) and np.max(np.abs(loud)) <= 1
    assert np.corrcoef(loud, word)[0, 1] > 0.999999


# ------------------------------------------------------------------------------------------------ seeds and settings


def test_the_seed_decides():
    word = vowel()
    before = word.copy()
    one, again, other = (augment(word, RATE, seed) for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert len(one) != len(other) or not np.array_equal(one, other)
    assert np.array_equal(word, before)
    assert one.dtype == np.float32


def test_switching_one_change_off_leaves_the_others():
    word = vowel()
    everything = Augmentation(**{name: 1.0 for name in PROBABILITIES.values()})
    quiet = augment(word, RATE, 7, replace(everything, noise_probability=0.0, gain_probability=0.0))
    noisy = augment(word, RATE, 7, replace(everything, snr_db=(60.0, 60.0), gain_probability=0.0))
    assert len(quiet) == len(noisy)
    assert decibel(np.mean((noisy - quiet) ** 2) / np.mean(quiet**2)) < -55


def test_values_fill_the_range():
    word = vowel(seconds=0.2)
    lengths = [len(augment(word, RATE, seed, Augmentation.none(tempo_probability=0.7))) for seed in range(300)]
    tempos = len(word) / np.array([length for length in lengths if length != len(word)])
    assert np.mean(np.array(lengths) != len(word)) == pytest.approx(0.7, abs=0.08)
    assert tempos.min() == pytest.approx(0.75, abs=0.01) and tempos.max() == pytest.approx(1.33, abs=0.02)
    assert np.mean(np.log(tempos)) == pytest.approx(np.log(0.75 * 1.33) / 2, abs=0.04)


@pytest.mark.parametrize(
    "word",
    [
        np.zeros(1148),
        np.zeros(1),
        np.ones(1),
        np.full(7, 0.5),
        vowel(seconds=0.1435),
        vowel(seconds=2.3),
        np.r_[vowel(), np.zeros(8000)],
        np.random.default_rng(0).choice([-1.0, 1.0], 1148),
    ],
    ids=["silence", "one zero", "one one", "seven", "shortest word", "longest word", "long silence", "full scale"],
)
@pytest.mark.parametrize("rate", [4000, 8000, 11025])
def test_every_word_gives_finite_samples_within_full_scale(word, rate):
    always = Augmentation(**{name: 1.0 for name in PROBABILITIES.values()})
    for seed in range(8):
        for settings in (always, Augmentation(pitch=(0.6, 2.0), formants=(0.5, 2.0), tempo=(0.5, 2.0))):
            voice = augment(word, rate, seed, settings)
            assert voice.dtype == np.float32 and voice.ndim == 1 and len(voice) > 0
            assert np.all(np.isfinite(voice)) and np.max(np.abs(voice)) <= 1
            assert np.any(voice) == np.any(word)


@pytest.mark.parametrize("name", [field.name for field in fields(Augmentation)])
def test_settings_out_of_range(name):
    wrong = [1.5, -0.1, float("nan"), "x", True] if name.endswith("probability") else [(2.0, 1.0), (0.1,), 1.0]
    if not name.endswith("probability"):
        wrong += [(float("nan"), 1.0), (-1e9, 1.0), (1.0, 1e9), ("a", "b")]
    for value in wrong:
        with pytest.raises(ValueError, match=f"^{name} = .*; accepted: "):
            Augmentation(**{name: value})


@pytest.mark.parametrize("function", [lambda audio, rate: augment(audio, rate, 0), trim], ids=["augment", "trim"])
def test_audio_out_of_range(function):
    for audio in (np.zeros(0), np.zeros((2, 100))):
        with pytest.raises(ValueError, match="^audio has the shape .*; accepted: "):
            function(audio, RATE)
    with pytest.raises(ValueError, match="^audio has the type int16; accepted: "):
        function(np.zeros(100, np.int16), RATE)
    for value in (1.01, np.nan, np.inf):
        with pytest.raises(ValueError, match="^audio has the peak .*; accepted: "):
            function(np.full(100, value), RATE)
    for rate in (0, 3999, 8000.0, True):
        with pytest.raises(ValueError, match="^rate = .*; accepted: "):
            function(vowel(), rate)


def test_seed_out_of_range():
    for seed in (-1, 0.5, True, None):
        with pytest.raises(ValueError, match="^seed = .*; accepted: "):
            augment(vowel(), RATE, seed)


# ----------------------------------------------------------------------------------------------------------- trimming


def test_trim_keeps_the_word_and_its_margins():
    noise = np.random.default_rng(0).normal(0, 1e-4, 16000)
    recording = noise.copy()
    tone = 0.3 * np.sin(2 * np.pi * 200 * np.arange(3200) / RATE)
    recording[3000:6200] += tone
    word = trim(recording, RATE)
    assert len(word) == pytest.approx(3200 + 2 * 160, abs=2 * 80)
    start = np.flatnonzero(recording == word[0])[0]
    assert start == pytest.approx(3000 - 160, abs=80)
    assert np.array_equal(word, recording[start : start + len(word)])


def test_trim_keeps_a_pause_within_the_word():
    recording = np.zeros(16000)
    for start in (2000, 6000):
        recording[start : start + 1000] = 0.3
    assert len(trim(recording, RATE)) == pytest.approx(5000 + 320, abs=160)


def test_trim_depends_on_the_threshold_and_not_on_the_level():
    recording = np.r_[np.full(800, 0.003), np.full(1600, 0.3), np.full(800, 0.003)]
    lengths = [len(trim(recording * gain, RATE, -30)) for gain in (1, 0.01)]
    assert lengths[0] == lengths[1] == pytest.approx(1600 + 320, abs=160)
    assert len(trim(recording, RATE, -60)) == len(recording)


def test_trim_of_what_has_no_silence():
    assert np.array_equal(trim(np.zeros(1000), RATE), np.zeros(1000))
    word = np.full(500, 0.1, np.float32)
    short = trim(word, RATE)
    assert np.array_equal(short, word) and short is not word and not np.shares_memory(short, word)
    assert np.array_equal(trim(np.ones(1), RATE), np.ones(1))


def test_trim_threshold_out_of_range():
    for threshold in (0, 3.0, float("nan"), -float("inf"), None):
        with pytest.raises(ValueError, match="^threshold_db = .*; accepted: "):
            trim(vowel(), RATE, threshold)
