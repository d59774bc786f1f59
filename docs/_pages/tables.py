"""Tables that come with the package, as pieces of Markdown that hand-written pages include."""

from __future__ import annotations

from importlib import resources
from typing import Any

import pandas as pd

from memneuro.device.card import card
from memneuro.experiment.materials import materials_markdown

FOLDER = "explanation/generated"
MODEL_TABLE = "model_table.csv"
MATERIALS = ("materials_table.csv", "projections.csv")

#: Columns of the table of models: heading and how a row of the CSV fills it.
_COLUMNS: dict[str, Any] = {
    "model": lambda row: f"[{row.model}](#card-{row.card})",
    "states": lambda row: f"{row.states:.0f}",
    "step (us)": lambda row: f"{row.step_us:g}",
    "error": lambda row: _with_spread(row.mean_log_error, row.mean_log_error_sd),
    "error, half step": lambda row: _with_spread(row.mean_log_error_half_step, row.mean_log_error_half_step_sd),
    "reproduced": lambda row: f"{row.reproduced:.0f} of {row.rows:.0f}",
    "silent": lambda row: f"{row.silent:.0f}",
    "traits": lambda row: _both_steps(_letters(row.traits), _letters(row.traits_half_step)),
    "ns per step": lambda row: f"{row.ns_per_step:.0f}",
    "us per ms": lambda row: _short(row.us_per_ms),
    "stiffness": lambda row: _short(row.stiffness),
}


def _with_spread(mean: float, deviation: float) -> str:
    # Non-breaking spaces: the two belong together.
    return f"{mean:.3f}\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{deviation:.3f}" if deviation else f"{mean:.3f}"


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2g}"


def _letters(text: Any) -> str:
    return str(text) if isinstance(text, str) and text.strip("-") else "none"


def _both_steps(step: str, half: str) -> str:
    return step if half == step else f"{step} ({half})"


def markdown(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def model_table(table: pd.DataFrame) -> str:
    """Which model when, as :func:`memneuro.experiment.model_table.model_table` gives it."""
    for name in table["card"]:
        card(name)  # the link must have a target
    rows = [[fill(row) for fill in _COLUMNS.values()] for row in table.itertuples()]
    return "{.tight}\n" + markdown(list(_COLUMNS), rows)


def _table(name: str) -> pd.DataFrame | None:
    """A table that comes with the package, None where it does not."""
    path = resources.files("memneuro.experiment") / name
    if not path.is_file():
        return None
    with path.open(encoding="utf-8") as stream:
        return pd.read_csv(stream, keep_default_na=False, na_values=["nan", ""])


def materials() -> str:
    """Devices and circuits, as `memneuro materials --out` wrote them."""
    devices, projected = (_table(name) for name in MATERIALS)
    if devices is None:
        return "This checkout holds no table of materials; `memneuro materials --out DIR` makes one.\n"
    text = [column for column in devices if devices[column].dtype == object or devices[column].dtype == "str"]
    devices[text] = devices[text].fillna("")
    tables = materials_markdown(devices, projected).split("\n\n")
    return "\n\n".join(f"{{.tight}}\n{table}" for table in tables)


def pages() -> dict[str, str]:
    """The tables of models and of materials, where they come with the package."""
    table = _table(MODEL_TABLE)
    models = "This checkout holds no measured table; `memneuro score --all --out models.csv` makes one.\n"
    if table is not None:
        models = model_table(table)
    return {f"{FOLDER}/model_table.md": models, f"{FOLDER}/materials.md": materials()}
