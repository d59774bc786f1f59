"""Refractory period (Fig. 4c and 4d of the paper)."""

from __future__ import annotations

import pandas as pd

from memneuro.chapter.chapter import Chapter, Tables, beside_targets
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.refractory_period import pooled_interval, refractory_period
from memneuro.figure import refractory_period as figure

CARD = "hopping_2e4d"
SEED = 1


def simulate(fast: bool) -> dict[str, pd.DataFrame]:
    """Intervals in the stable phase, by control resistor and trial."""
    return {"trials": refractory_period(OneM1T1R(CARD), trials=20 if fast else 100, seed=SEED)}


def compare(tables: Tables) -> pd.DataFrame:
    """The mean interval of each resistor beside the measured one."""
    trials = tables["trials"]
    found = {}
    for resistance, mean in pooled_interval(trials).items():
        by_trial = trials.loc[trials["r_control_Mohm"] == resistance, "isi_mean_ms"]
        low, high = by_trial.quantile([0.16, 0.84])
        found[float(resistance)] = (float(mean), float(low), float(high))
    latched = trials.groupby("r_control_Mohm")["latched"].mean()
    return beside_targets("4d", found, {float(value): float(part) for value, part in latched.items()})


CHAPTER = Chapter(
    number=7,
    name="refractory_period",
    title="Refractory period",
    paragraphs=(
        "After a spike the charged gate takes the voltage off the device, so the neuron cannot fire until the "
        "gate has discharged through the control resistor. A larger resistor makes the intervals longer; no "
        "refractory time is written into the model.",
    ),
    caption=(
        "Mean interval between spikes in the stable phase against the control resistor, 0.8 V pulses of 1 ms "
        "every 2 ms. Line: simulated mean; band: central 68 % of the trials' means; diamonds: measured; dotted: "
        "the period of the pulses, below which no interval can lie for long."
    ),
    simulate=simulate,
    draw=figure.draw,
    compare=compare,
    notes=(
        "Intervals tend to lock to multiples of the pulse period.",
        "Column latched: fraction of trials that fired, fell silent for the last 100 ms and ended with the gate "
        "charged.",
    ),
    cards=(CARD,),
    seeds=(SEED,),
)
