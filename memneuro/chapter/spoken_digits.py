"""Spoken digits as the spikes of a cochlea."""

from __future__ import annotations

import numpy as np
import pandas as pd

from memneuro.chapter.chapter import Chapter, no_verdict
from memneuro.figure import spoken_digits as figure
from memneuro.speech.augment import trim
from memneuro.speech.cochlea import Cochlea
from memneuro.speech.fsdd import load_fsdd

SPEAKER, REPETITION = "jackson", 5
#: One for each word.
SEEDS = tuple(range(10))

#: Every so many channels are drawn.
EVERY = 7


def simulate(fast: bool) -> dict[str, pd.DataFrame]:
    """One word of each digit, of one speaker.

    Raises
    ------
    SpeechUnavailable
        When the recordings are not on this machine and cannot be downloaded.
    """
    words = load_fsdd(speakers=SPEAKER)
    which = [int(np.flatnonzero((words.label == digit) & (words.index == REPETITION))[0]) for digit in range(10)]
    cochlea = Cochlea()
    trains = cochlea.spikes([trim(words.audio[i], words.rate) for i in which], words.rate, seed=SEEDS)
    spikes, counts = [], []
    for digit, train in enumerate(trains):
        shown = train[train["channel"] % EVERY == 0]
        spikes.append(
            pd.DataFrame(
                {
                    "digit": digit,
                    "time_ms": np.round(shown["time"].astype(float) * 1e3, 3),
                    "channel": shown["channel"],
                    "frequency_hz": np.round(cochlea.frequencies_hz[shown["channel"]], 1),
                }
            )
        )
        counts.append({"digit": digit, "word": words.name[which[digit]], "spikes": len(train)})
    return {"spikes": pd.concat(spikes, ignore_index=True), "counts": pd.DataFrame(counts)}


CHAPTER = Chapter(
    number=16,
    name="spoken_digits",
    title="Spoken digits as spikes",
    paragraphs=(
        "The ten digits of one speaker of the Free Spoken Digit Dataset after the cochlea: 700 places along the "
        "basilar membrane with compression, hair cells, and bushy cells, each with 40 auditory nerve fibres. Formants "
        "are bands of dense firing; silence leaves the bushy cells' spontaneous spikes.",
    ),
    caption=(
        f"Spikes of every seventh of the 700 channels for the digits zero to nine, speaker {SPEAKER}, repetition "
        f"{REPETITION}. Channels are evenly spaced in ERB rate from 80 Hz to 3.8 kHz."
    ),
    simulate=simulate,
    draw=figure.draw,
    judge=no_verdict,
    notes=("The recordings have 8000 samples a second, so nothing above 4 kHz is heard.",),
    seeds=SEEDS,
    step=lambda: "125 µs, a sample of the recordings",
)
