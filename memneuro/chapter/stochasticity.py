"""Stochasticity: how irregular the spikes are under a steady pulse train."""

from __future__ import annotations

import numpy as np
import pandas as pd
from brian2 import volt

from memneuro.chapter.chapter import Chapter, Tables
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.stochasticity import stochasticity
from memneuro.figure import stochasticity as figure

CARD = "hopping_2e4d"
SEED = 1
AMPLITUDES = np.array([0.8, 0.85, 0.9]) * volt


def simulate(fast: bool) -> dict[str, pd.DataFrame]:
    """Intervals, Fano factors and first spikes of many trials."""
    neuron = OneM1T1R(CARD)
    found = stochasticity(neuron, amplitudes=AMPLITUDES, trials=10 if fast else 40, seed=SEED)
    return {
        "intervals": found.intervals,
        "fano": found.fano,
        "delays": found.delays,
        "summary": found.summary,
    }


def compare(tables: Tables) -> pd.DataFrame:
    """The summary by amplitude; the paper states no numbers for it."""
    columns = ["amplitude_V", "fired", "first_spike_cv", "isi_ms_mean", "isi_cv", "isi_cv_within", "isi_cv2_within"]
    return tables["summary"][columns]


CHAPTER = Chapter(
    number=8,
    name="stochasticity",
    title="Stochasticity",
    paragraphs=(
        "The same pulse train again and again: spikes and pauses differ because the device fluctuates. CV: "
        "standard deviation of the intervals over their mean. Fano factor: variance of the spike count in a "
        "window over its mean; 1 for a Poisson process, below 1 for a more regular one.",
        "Intervals gather at multiples of the pulse period. For independent intervals the Fano factor settles in "
        "long windows; where it goes on rising, the rate wanders slowly, as the tip potential of the device does.",
    ),
    caption=(
        "a, distribution of the intervals after 0.5 s, pulses of 1 ms every 2 ms. b, Fano factor against the "
        "counting window, within a trial (filled) and across trials (open); dotted: Poisson."
    ),
    simulate=simulate,
    draw=figure.draw,
    compare=compare,
    notes=(
        "For orientation: the interval CV is 0.05 to 0.3 in slices under constant current (Holt et al. 1996) and "
        "0.5 to 1 in the cortex in vivo (Softky and Koch 1993), the Fano factor 1 to 1.5 there (Shadlen and "
        "Newsome 1998).",
    ),
    cards=(CARD,),
    seeds=(SEED,),
)
