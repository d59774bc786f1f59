"""Which model when: the measured table of device models."""

from __future__ import annotations

import pandas as pd
from brian2 import us

from memneuro.chapter.chapter import Chapter, no_verdict, step_text
from memneuro.experiment.model_table import LETTERS
from memneuro.experiment.score import MODELS
from memneuro.figure import model_table as figure
from memneuro.tables import packaged_table

#: Seeds of the score of each model.
SEEDS = (1, 2, 3)


def simulate(fast: bool) -> dict[str, pd.DataFrame]:
    """The table that comes with the package; measuring it anew takes hours, see ``memneuro score --all``."""
    found = packaged_table("memneuro.experiment", "model_table.csv", keep_default_na=False, na_values=["nan"])
    return {"models": found}


def step() -> str:
    """The step of each model."""
    table = simulate(True)["models"]
    return ", ".join(f"{step_text(row.step_us * us)} for {row.model}" for row in table.itertuples())


CHAPTER = Chapter(
    number=20,
    name="model_table",
    title="Which model when",
    paragraphs=(
        "Every device model stands in for the device of the 1M1T1R neuron and is scored against the same published "
        "measurements, at its step and at half of it, with the same seeds. The table comes with the package; "
        "memneuro score --all measures it anew.",
        "Only the hopping model and the refitted compact model were fitted to this neuron. That the others miss says "
        "that they describe other devices, not that they are wrong.",
    ),
    caption=(
        "Mean error of the published measurements for each device model (3 is the worst); blue: fitted to this neuron. "
        "Diamonds: at half the step. Letters: the characteristics that the model shows at both steps, "
        + ", ".join(f"{letter} {trait}" for trait, letter in LETTERS.items())
        + "."
    ),
    simulate=simulate,
    draw=figure.draw,
    judge=no_verdict,
    cards=tuple(dict.fromkeys(card for cards in MODELS.values() for card in cards.values())),
    seeds=SEEDS,
    step=step,
)
