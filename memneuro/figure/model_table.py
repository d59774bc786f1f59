"""Mean error and characteristics of every device model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from memneuro.figure.style import BLACK, BLUE, new_figure

#: The models whose cards were fitted to the neuron of the measurements.
FITTED = ("hopping", "compact_refitted")
LABELS = {
    "hopping": "hopping",
    "compact_refitted": "compact, refitted",
    "compact": "compact, as published",
    "area": "channel area",
    "langevin": "one silver particle",
    "langevin_3": "three silver particles",
    "threshold": "threshold switch",
    "neuristor": "VO$_2$ neuristor",
}
OTHER = "0.7"


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw ``models``, the smallest error on top."""
    table = tables["models"].sort_values("mean_log_error", kind="stable").reset_index(drop=True)
    figure, axes = new_figure(height=2.9)
    colors = [BLUE if name in FITTED else OTHER for name in table["model"]]
    axes.barh(table.index, table["mean_log_error"], color=colors, height=0.65)
    half: dict[str, Any] = {"color": BLACK, "markerfacecolor": "white", "markersize": 3.5, "linestyle": "none"}
    (diamonds,) = axes.plot(
        table["mean_log_error_half_step"], table.index, marker="D", label="at half the step", **half
    )
    for row in table.itertuples():
        end = max(row.mean_log_error, row.mean_log_error_half_step)
        shown = both(row.traits, row.traits_half_step)
        axes.annotate(
            shown, (end, row.Index), xytext=(5, 0), textcoords="offset points", va="center", family="monospace"
        )
    axes.set_yticks(table.index, [LABELS.get(name, name) for name in table["model"]])
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.set_xlabel("mean error of the score")
    axes.set_xlim(0, 1.35 * table["mean_log_error"].max())
    patches = [Patch(color=BLUE, label="fitted to this neuron"), Patch(color=OTHER, label="another device")]
    figure.legend(
        handles=[*patches, diamonds], loc="outside upper center", ncols=3, columnspacing=1.0, handlelength=1.2
    )
    return figure


def both(one: str, other: str) -> str:
    """The letters that stand in both words, and a dash for each of the others.

    Parameters
    ----------
    one, other : str
        Equally long.
    """
    return "".join(a if a == b else "-" for a, b in zip(one, other, strict=True))
