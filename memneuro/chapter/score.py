"""The score: every published measurement, for three variants of the device model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from memneuro.chapter.chapter import Chapter, Tables
from memneuro.experiment.score import VARIANTS, score_variant
from memneuro.figure import score as figure

#: Fewer trials than ``memneuro score`` takes, so that the report is done in minutes.
TRIALS = {"2e": 100, "3b": 60, "3cd": 200, "4ab": 60, "4d": 30}
FAST_TRIALS = {"2e": 30, "3b": 10, "3cd": 100, "4ab": 20, "4d": 10}
MODEL = "hopping"
#: Seeds of the hopping model; the others have one.
SEEDS = 3
KEYS = ["figure", "condition", "condition_value", "condition_unit", "measured", "unit"]
OTHERS = tuple(name for name in VARIANTS if name != MODEL)


def simulate(fast: bool) -> dict[str, pd.DataFrame]:
    """Simulated value and error of every row and variant; only the hopping model's when `fast`."""
    rows = []
    for name in (MODEL,) if fast else (MODEL, *OTHERS):
        seeds = 1 if fast or name != MODEL else SEEDS
        found = score_variant(name, seeds=seeds, trials=FAST_TRIALS if fast else TRIALS)
        rows += [{key: row[key] for key in KEYS} | {"device": name} | _result(row) for row in found["rows"]]
    return {"rows": pd.DataFrame(rows)}


def _result(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: row[key] for key in ("simulated", "spread", "error", "latched")}


def compare(tables: Tables) -> pd.DataFrame:
    """One line a measurement, the variants side by side, and the mean errors in the last line."""
    rows = tables["rows"]
    table = rows[KEYS].drop_duplicates().reset_index(drop=True)
    for name, part in rows.groupby("device", sort=False):
        table[str(name)] = part["simulated"].to_numpy()
        table["error" if name == MODEL else f"{name}_error"] = part["error"].to_numpy()
    errors = [str(column) for column in table if str(column).endswith("error")]
    mean: dict[str, Any] = {"figure": "mean error", "condition": "", "condition_unit": "", "unit": ""}
    mean |= {column: table[column].mean() for column in errors}
    return pd.concat([table, pd.DataFrame([mean])], ignore_index=True)


CHAPTER = Chapter(
    number=12,
    name="score",
    title="Score of three device models",
    paragraphs=(
        "The same measurements for the hopping model, for the published compact model as published, and for the "
        "compact model refitted with the same freedom per device as the hopping model has. All at converged "
        "steps.",
    ),
    caption=(
        "Error of every measurement and variant (see the definition at the top); dashed: mean over the rows. An "
        "interval that latches, or a neuron that never fires, counts 3."
    ),
    simulate=simulate,
    draw=figure.draw,
    compare=compare,
    notes=(
        "Hopping: mean of three seeds; the others: one seed. Fewer trials than `memneuro score` takes, so the medians "
        "scatter a little more than there.",
    ),
    cards=tuple(dict.fromkeys(card for cards in VARIANTS.values() for card in cards.values())),
    seeds=tuple(range(1, SEEDS + 1)),
    fast_seeds=(1,),
)
