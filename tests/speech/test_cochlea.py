"""The cochlea against what is known: place of a tone, bandwidth, rate against level, adaptation, silence."""

import numpy as np
import pytest

from memneuro.speech.cochlea import Cochlea

RATE = 8000


def tone(hz: float, seconds: float = 0.3) -> np.ndarray:
    """A tone of amplitude 0.5."""
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)


@pytest.mark.parametrize("hz", [200.0, 500.0, 1000.0, 2000.0, 3000.0])
def test_a_tone_excites_its_place_most(hz):
    cochlea = Cochlea()
    steady = cochlea.envelopes(tone(hz), RATE)[:, 200:400].mean(axis=1)
    assert cochlea.frequencies_hz[np.argmax(steady)] == pytest.approx(hz, rel=0.01)


def test_the_filter_has_the_bandwidth_of_its_equation():
    """Half an equivalent bandwidth away a fourth-order gammatone is down by (1 + 1/(4*1.019**2))**2."""
    cochlea = Cochlea()
    channel = int(np.argmin(np.abs(cochlea.frequencies_hz - 1000)))
    centre = cochlea.frequencies_hz[channel]
    erb = 24.7 * (4.37e-3 * centre + 1)
    level = [cochlea.envelopes(tone(f), RATE)[channel, 200:400].mean() for f in (centre, centre + erb / 2)]
    ear = [f / np.hypot(f, 1000) for f in (centre, centre + erb / 2)]
    assert level[0] / level[1] * ear[1] / ear[0] == pytest.approx((1 + 1 / (4 * 1.019**2)) ** 2, rel=0.01)


def test_an_envelope_is_the_amplitude_of_a_tone():
    cochlea = Cochlea(channels=50)
    centre = cochlea.frequencies_hz[30]
    heard = cochlea.envelopes(tone(centre), RATE)[30, 200:400]
    assert heard == pytest.approx(0.5 * centre / np.hypot(centre, 1000), rel=0.02)


def test_louder_fires_more_and_silence_hardly_does():
    counts = [len(Cochlea(level_db=db).spikes([tone(1000)], RATE)[0]) for db in (60, 75, 90)]
    assert counts[0] < counts[1] < counts[2]
    # Spontaneous, as fibres and bushy cells are: some tens of spikes a second, far from what sound makes them fire.
    silent = len(Cochlea().spikes([np.zeros(2400, np.float32)], RATE)[0]) / (700 * 0.3)
    assert 5 < silent < 40


def test_firing_adapts():
    """The transmitter runs down: the onset of a tone is answered more strongly than its end."""
    spikes = Cochlea().spikes([tone(1000)], RATE)[0]
    onset, end = np.sum(spikes["time"] < 0.03), np.sum((spikes["time"] > 0.2) & (spikes["time"] < 0.23))
    assert onset - end > 3 * np.sqrt(onset + end)


def test_the_membrane_compresses():
    """10 dB more sound are 2.5 dB more of a band above the knee."""
    quiet, loud = (Cochlea(channels=50).envelopes(db * tone(1000), RATE).max() for db in (1e3, 1e3 * 10**0.5))
    assert 20 * np.log10(loud / quiet) == pytest.approx(2.5, abs=0.01)


def test_words_together_are_words_one_by_one():
    words = [tone(400, 0.2), tone(900, 0.1), tone(1500, 0.15)]
    together = Cochlea(channels=100).spikes(words, RATE, [1, 2, 3])
    for word, seed, found in zip(words, (1, 2, 3), together, strict=True):
        alone = Cochlea(channels=100).spikes([word], RATE, seed)[0]
        assert np.array_equal(alone, found)
    assert not np.array_equal(together[0], Cochlea(channels=100).spikes(words[:1], RATE, 9)[0])


def test_step_halving():
    """Half the step changes the number of spikes by less than a tenth."""
    counts = [len(Cochlea(step_s=s).spikes([tone(700)], RATE)[0]) for s in (0.5e-3, 0.25e-3)]
    assert counts[1] == pytest.approx(counts[0], rel=0.1)


@pytest.mark.parametrize(
    ("arguments", "words", "rate", "message"),
    [
        ({"channels": 0}, [tone(100)], RATE, "channels"),
        ({"lowest_hz": 4000.0}, [tone(100)], RATE, "lowest_hz"),
        ({}, [tone(100)], 4000, "4000"),
        ({}, [np.zeros(0)], RATE, "audio"),
        ({}, [np.array([0.1, np.nan])], RATE, "audio"),
    ],
)
def test_bad_input(arguments, words, rate, message):
    with pytest.raises(ValueError, match=message):
        Cochlea(**arguments).spikes(words, rate)
