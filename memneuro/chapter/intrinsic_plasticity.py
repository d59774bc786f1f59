"""Intrinsic plasticity (Fig. 4a and 4b of the paper)."""

from __future__ import annotations

import pandas as pd

from memneuro.chapter.chapter import Chapter, Tables, beside_targets, spread
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.intrinsic_plasticity import intrinsic_plasticity
from memneuro.figure import intrinsic_plasticity as figure

CARD = "hopping_4ab"
SEED = 1
FIRST_PULSE_V = 2.0


def simulate(fast: bool) -> dict[str, pd.DataFrame]:
    """Pairs of pulses, by gap and trial."""
    return {"trials": intrinsic_plasticity(OneM1T1R(CARD), trials=50 if fast else 200, seed=SEED)}


def compare(tables: Tables) -> pd.DataFrame:
    """First integration time and the gain after each gap beside the measured ones."""
    trials = tables["trials"]
    found = {float(gap): spread(gain) for gap, gain in trials.groupby("gap_ms")["gain_ms"]}
    # The first integration time is the row whose condition is the amplitude.
    found[FIRST_PULSE_V] = spread(trials["first_ms"].where(trials["fired_first"]))
    return beside_targets("4ab", found)


CHAPTER = Chapter(
    number=6,
    name="intrinsic_plasticity",
    title="Intrinsic plasticity",
    paragraphs=(
        "Two pulses of 2 V and 20 ms. Silver left in the gap by the first, the residue, makes the second firing "
        "earlier, less so the longer the gap.",
        "This is facilitation. Most cortical cells do the opposite: their firing adapts, that is, it slows down "
        "with use.",
    ),
    caption=(
        "a, time from the onset of a pulse to its spike, against the gap before the second pulse. b, how much "
        "sooner the second firing comes. Lines and bands: median and central 68 % of the trials; diamonds: "
        "measured."
    ),
    simulate=simulate,
    draw=figure.draw,
    compare=compare,
    notes=(
        "A pulse without a spike counts with its full 20 ms, the least its integration time can be.",
        "The gains at 30 and 80 ms were read off a plot.",
    ),
    cards=(CARD,),
    seeds=(SEED,),
)
