"""Learning without a teacher: drift synapses and memristor neurons on patterns of bars."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from memneuro.chapter.chapter import Chapter, no_verdict
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.cores import usable_cores
from memneuro.figure import pattern_learning as figure
from memneuro.network.pattern_learning import PatternLearning
from memneuro.progress import no_bar

CARD = "hopping_unbounded_2e4d"
SEEDS = (0, 1, 2, 3, 4)


def simulate(fast: bool) -> dict[str, pd.DataFrame]:
    """Learning curves of five seeds and what the synapses of the first have learnt; fast, one seed and two blocks.

    Seeds run side by side, one on each core; each is the same on its own.
    """
    if fast:
        found = [_learn(SEEDS[0], blocks=2, tests=4)]
    else:
        with ProcessPoolExecutor(min(len(SEEDS), usable_cores()), mp_context=get_context("spawn")) as pool:
            learnt = pool.map(_learn, SEEDS)
            found = list(tqdm(learnt, total=len(SEEDS), desc="learning", unit="seed", leave=False, disable=no_bar()))
    states = found[0][1]
    inputs, outputs = np.indices(states.shape)
    return {
        "curve": pd.concat([curve for curve, _ in found], ignore_index=True),
        "synapses": pd.DataFrame({"input": inputs.ravel(), "output": outputs.ravel(), "state": states.ravel()}),
    }


def _learn(seed: int, blocks: int = 6, tests: int = 16) -> tuple[pd.DataFrame, np.ndarray]:
    """The learning curve of one seed, with chance beside it, and the states of its synapses."""
    learning = PatternLearning(neuron=OneM1T1R(CARD))
    curve, states = learning.learn(blocks=blocks, tests=tests, seed=seed)
    return curve.assign(chance=1 / len(np.asarray(learning.patterns))), states


CHAPTER = Chapter(
    number=18,
    name="pattern_learning",
    title="Learning without a teacher",
    paragraphs=(
        "Eight memristor neurons see eight bars on 64 inputs, one at a time, as Poisson spikes. Drift synapses change "
        "by spike-timing-dependent plasticity, an output that fires inhibits the others, and homeostasis lowers the "
        "bias of an output that has fired. Nothing says which bar is shown.",
        "The neuron's own plasticity is in the way: silver that is left lets the last winner win again. A pause after "
        "each presentation lets it dissolve; its noise, which decides close races, remains.",
    ),
    caption=(
        "a, presentations of a test whose bar the outputs name right, learning switched off; points: seeds, line: "
        "mean, dashed: chance. b, states of the synapses of each output after learning, first seed."
    ),
    simulate=simulate,
    draw=figure.draw,
    judge=no_verdict,
    cards=(CARD,),
    seeds=SEEDS,
    fast_seeds=SEEDS[:1],
)
