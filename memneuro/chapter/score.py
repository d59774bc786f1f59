"""The score: every published measurement, for three variants of the device model."""

from __future__ import annotations

import pandas as pd

from memneuro.chapter.chapter import Chapter, Tables
from memneuro.experiment.score import VARIANTS, score
from memneuro.figure import score as figure

#: Fewer trials than ``memneuro score`` takes, so that the report is done in minutes.
TRIALS = {"2e": 100, "3b": 60, "3cd": 200, "4ab": 60, "4d": 30}
FAST_TRIALS = {"2e": 30, "3b": 10, "3cd": 100, "4ab": 20, "4d": 10}
MODEL = "hopping"
OTHERS = tuple(name for name in VARIANTS if name != MODEL)


def simulate(fast: bool) -> dict[str, pd.DataFrame]:
    """Simulated value and error of every row and variant."""
    found = score(MODEL, seeds=1 if fast else 3, trials=FAST_TRIALS if fast else TRIALS, progress=False)
    rows = []
    for row in found["rows"]:
        condition = {key: row[key] for key in ("figure", "condition", "condition_value", "condition_unit")}
        condition |= {"measured": row["measured"], "unit": row["unit"]}
        rows.append(condition | {"device": MODEL, "simulated": row["simulated"], "error": row["error"]})
        rows += [condition | {"device": name, "simulated": row[name], "error": row[f"{name}_error"]} for name in OTHERS]
    return {"rows": pd.DataFrame(rows)}


def compare(tables: Tables) -> pd.DataFrame:
    """One line a measurement, the variants side by side, and the mean errors in the last line."""
    rows = tables["rows"]
    keys = ["figure", "condition", "condition_value", "condition_unit", "measured", "unit"]
    table = rows[keys].drop_duplicates().reset_index(drop=True)
    for name in (MODEL, *OTHERS):
        part = rows[rows["device"] == name].reset_index(drop=True)
        table[name] = part["simulated"]
        table["error" if name == MODEL else f"{name}_error"] = part["error"]
    errors = [column for column in table if str(column).endswith("error")]
    mean = {"figure": "mean error", "condition": "", "condition_unit": "", "unit": ""}
    mean |= {str(column): table[column].mean() for column in errors}
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
    notes=("Fewer trials than `memneuro score` takes, so the medians scatter a little more than there.",),
)
