"""Cascaded connection: a chain of three neurons."""

from __future__ import annotations

import pandas as pd
from brian2 import ms

from memneuro.chapter.chapter import Chapter, Tables
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.cascade import cascade, cascade_summary, cascade_traces
from memneuro.figure import cascade as figure

CARD = "hopping_2e4d"
SEED = 1
BEFORE_MS, AFTER_MS = 40.0, 15.0
SHOWN = (
    "stage",
    "fired",
    "delay_ms",
    "jitter_ms",
    "output_swing_V",
    "swing_ratio",
    "swing_ratio_min",
    "peak_ratio",
    "spikes",
)


def simulate(fast: bool) -> dict[str, pd.DataFrame]:
    """Many chains, and the voltages of one that fires early enough to be shown."""
    neuron = OneM1T1R(CARD)
    duration = (1000 if fast else 1500) * ms
    trials = cascade(neuron, trials=10 if fast else 50, duration=duration, seed=SEED)
    traces = cascade_traces(neuron, duration=duration, seed=SEED)
    return {"trials": trials, "traces": _around_last_stage(traces)}


def _around_last_stage(traces: pd.DataFrame) -> pd.DataFrame:
    """The part of the traces around the first spike of the last stage, or the end of the run where it does not fire."""
    last = traces[traces["stage"] == traces["stage"].max()]
    high = last.loc[last["v_load_V"] > 0.5, "time_ms"]
    middle = high.min() if len(high) else last["time_ms"].max()
    return traces[traces["time_ms"].between(middle - BEFORE_MS, middle + AFTER_MS)].reset_index(drop=True)


def compare(tables: Tables) -> pd.DataFrame:
    """Delay, jitter and amplitude of each stage; the paper states no numbers for them."""
    summary = cascade_summary(tables["trials"])
    return summary[[name for name in SHOWN if name in summary]]


CHAPTER = Chapter(
    number=5,
    name="cascade",
    title="Cascaded connection",
    paragraphs=(
        "Three neurons in a row, the voltage across the load of one being the input of the next, so each stage "
        "must restore what it passes on. The table gives, for each stage, the delay from the stage before, its "
        "jitter over chains, and the output swing beside that of the first stage.",
    ),
    caption=(
        "a, load voltage of the three stages of one chain, offset; the first is driven by 0.8 V pulses of 1 ms "
        "every 2 ms. b, output swing of each stage relative to the first, all chains (grey) and their mean."
    ),
    simulate=simulate,
    draw=figure.draw,
    compare=compare,
    notes=(
        "How the stages of the published device were coupled is not stated. Here an ideal buffer passes on the load "
        "voltage, and the supply is the 1 V of the supplement.",
    ),
    cards=(CARD,),
    seeds=(SEED,),
)
