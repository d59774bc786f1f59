"""Convergence in the time step, which the default steps rest on."""

from __future__ import annotations

import pandas as pd
from brian2 import us

from memneuro.chapter.chapter import Chapter, step_text
from memneuro.chapter.score import FAST_TRIALS
from memneuro.circuit.device_circuit import METHOD
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.convergence import METHODS, STEPS, score_convergence, spike_time_convergence
from memneuro.experiment.score import VARIANTS
from memneuro.figure import convergence as figure

CARD = "hopping_2e4d"
SCORE_STEPS = [20, 10, 5] * us
#: Seeds of the score.
SEEDS = 2
#: Few trials make the score worse than it is: a median of few scatters, and the score counts every deviation.
TRIALS = {"2e": 120, "3b": 120, "3cd": 200, "4ab": 120, "4d": 40}


def simulate(fast: bool) -> dict[str, pd.DataFrame]:
    """First spike without noise against the step, and the score with noise against the step."""
    neuron = OneM1T1R(CARD)
    if fast:
        spikes = spike_time_convergence(neuron, steps=STEPS[:4], methods=(METHOD,), finest=1 * us)
        scores = score_convergence(steps=SCORE_STEPS[:2], seeds=1, trials=FAST_TRIALS)
    else:
        spikes = spike_time_convergence(neuron, methods=METHODS)
        scores = score_convergence(steps=SCORE_STEPS, seeds=SEEDS, trials=TRIALS)
    return {"first_spike": spikes, "score": scores}


CHAPTER = Chapter(
    number=11,
    name="convergence",
    title="Convergence in the time step",
    paragraphs=(
        "The published compact model was run with a step near the 10 µs in which the closed device charges the "
        "gate, and its figures change when the step is made smaller. Here every result is checked against the "
        "step.",
        "Without noise: how far the first spike is from that of a very small step, for the integrator of this "
        "package and for those of Brian2. With noise: the score for several steps, the same seed drawing the "
        "noise of each.",
    ),
    caption=(
        "a, error of the first spike against the step, an error of 0 drawn as 0.01 µs; a method that gives no finite "
        "state or no spike at a step is left out there. b, mean error of the score against the step, one line a seed."
    ),
    simulate=simulate,
    draw=figure.draw,
    notes=("b uses few trials, so its level scatters more than the score's; only its change with the step matters.",),
    cards=tuple(VARIANTS["hopping"].values()),
    seeds=tuple(range(1, SEEDS + 1)),
    fast_seeds=(1,),
    step=lambda: ", ".join(step_text(step) for step in STEPS),
)
