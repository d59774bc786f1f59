"""Threshold firing (Fig. 3c and 3d of the paper)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from brian2 import volt

from memneuro.chapter.chapter import Chapter, Tables, beside_targets, probability, spread
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.threshold_firing import threshold_firing
from memneuro.figure import threshold_firing as figure

CARD = "hopping_3cd"
SEED = 1
AMPLITUDES = np.round(np.arange(0.65, 1.16, 0.05), 2) * volt


def simulate(fast: bool) -> dict[str, pd.DataFrame]:
    """Single pulses on a fine grid of amplitudes."""
    neuron = OneM1T1R(CARD)
    trials = 200 if fast else 1000
    return {"trials": threshold_firing(neuron, amplitudes=AMPLITUDES, trials=trials, seed=SEED)}


def compare(tables: Tables) -> pd.DataFrame:
    """Probabilities and the delay at 0.9 V beside the measured ones."""
    groups = {float(v): part for v, part in tables["trials"].groupby("amplitude_V")}
    fired = {v: probability(part["fired"]) for v, part in groups.items()}
    delay = {v: spread(part.loc[part["fired"], "delay_ms"]) for v, part in groups.items() if part["fired"].any()}
    nothing = (float("nan"),) * 3
    return pd.concat(
        [beside_targets("3d", fired), beside_targets("3c", {0.9: delay.get(0.9, nothing)})], ignore_index=True
    )


CHAPTER = Chapter(
    number=4,
    name="threshold_firing",
    title="Threshold firing",
    paragraphs=(
        "A single pulse of 15 ms either fires the neuron or does not. The probability rises from near 0 to near 1 "
        "over about 0.2 V, because the device fluctuates from trial to trial; a stronger pulse also fires it "
        "sooner.",
    ),
    caption=(
        "a, firing probability of a 15 ms pulse against its amplitude; bars: 68 % interval. b, delay of the spike "
        "in the trials that fired; line and band: median and central 68 %. Diamonds: measured."
    ),
    simulate=simulate,
    draw=figure.draw,
    compare=compare,
    cards=(CARD,),
    seeds=(SEED,),
)
