"""Pulse-train response (Fig. 2e of the paper)."""

from __future__ import annotations

import pandas as pd

from memneuro.chapter.chapter import Chapter, Tables, beside_targets, spread
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.pulse_train import pulse_train
from memneuro.figure import pulse_train as figure

CARD = "hopping_2e4d"
SEED = 1


def simulate(fast: bool) -> dict[str, pd.DataFrame]:
    """First spikes of many trials."""
    return {"trials": pulse_train(OneM1T1R(CARD), trials=100 if fast else 400, seed=SEED)}


def compare(tables: Tables) -> pd.DataFrame:
    """The median first spike beside the measured one."""
    return beside_targets("2e", {0.8: spread(tables["trials"]["first_spike_ms"])})


CHAPTER = Chapter(
    number=2,
    name="pulse_train",
    title="Pulse-train response",
    paragraphs=(
        "When does a train of 0.8 V pulses (1 ms every 2 ms) first fire a neuron that starts from rest? Trials "
        "differ only in the noise of the device.",
    ),
    caption=(
        "Fraction of trials that have fired, against time. Circle: median; bar: central 68 % of trials; diamond: "
        "the measured first spike, one trial of one device."
    ),
    simulate=simulate,
    draw=figure.draw,
    compare=compare,
    notes=("The paper shows a single trial, so its own spread is not known.",),
    cards=(CARD,),
    seeds=(SEED,),
)
