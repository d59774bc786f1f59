"""Refractory period (Fig. 4c and 4d of the paper)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from brian2 import Mohm

from memneuro.chapter.chapter import Chapter, Tables, beside_targets
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.refractory_period import RESISTANCES as MEASURED
from memneuro.experiment.refractory_period import intervals, refractory_period
from memneuro.experiment.shape import RESISTANCES
from memneuro.figure import refractory_period as figure

CARD = "hopping_2e4d"
SEED = 1


def simulate(fast: bool) -> dict[str, pd.DataFrame]:
    """Intervals in the stable phase by control resistor and trial, and without noise, on a dense grid."""
    dense = np.union1d(RESISTANCES[:: 3 if fast else 1] / Mohm, MEASURED / Mohm) * Mohm
    neuron = OneM1T1R(CARD)
    quiet = refractory_period(neuron, resistances=dense, trials=1, noise=False)
    return {
        "trials": refractory_period(neuron, resistances=dense, trials=10 if fast else 60, seed=SEED),
        "quiet": quiet[["r_control_Mohm", "isi_mean_ms", "latched"]],
    }


def compare(tables: Tables) -> pd.DataFrame:
    """The mean interval of each measured resistor beside the measured one."""
    curve = tables["trials"].pipe(intervals).set_index("r_control_Mohm")
    found = {float(r): (row["mean_ms"], row["low"], row["high"]) for r, row in curve.iterrows()}
    return beside_targets("4d", found, {float(r): float(part) for r, part in curve["latched"].items()})


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
        "every 2 ms. Line: simulated mean at resistors 7 % apart; band: central 68 % of the trials' means; grey: "
        "without noise; diamonds: measured; dotted: the period of the pulses, below which no interval can lie for long."
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
