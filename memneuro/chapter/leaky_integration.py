"""Leaky integration (Fig. 3b of the paper)."""

from __future__ import annotations

import pandas as pd

from memneuro.chapter.chapter import Chapter, Tables, beside_targets, spread
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.leaky_integration import leaky_integration
from memneuro.figure import leaky_integration as figure

CARD = "hopping_3b"
SEED = 1


def simulate(fast: bool) -> dict[str, pd.DataFrame]:
    """Pulses before the first spike, by gap and trial."""
    return {"trials": leaky_integration(OneM1T1R(CARD), trials=30 if fast else 120, seed=SEED)}


def compare(tables: Tables) -> pd.DataFrame:
    """The median count of each gap beside the measured one."""
    pulses = tables["trials"].groupby("gap_ms")["pulses"]
    return beside_targets("3b", {float(gap): spread(values) for gap, values in pulses})


CHAPTER = Chapter(
    number=3,
    name="leaky_integration",
    title="Leaky integration",
    paragraphs=(
        "Pulses of 0.9 V and 1 ms with gaps of 0.4 to 1.2 ms. In a longer gap more of the filament dissolves, so "
        "more pulses are needed before the first spike: the neuron integrates its input, and the integral leaks.",
    ),
    caption=(
        "Pulses before the first spike against the gap between pulses. Line and band: median and central 68 % of "
        "the simulated trials; diamonds: measured."
    ),
    simulate=simulate,
    draw=figure.draw,
    compare=compare,
    notes=("The measured counts were read off a plot.",),
    cards=(CARD,),
    seeds=(SEED,),
)
