"""The error of every measurement, for each variant of the device model."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, StrMethodFormatter

from memneuro.figure.style import BLUE, ORANGE, VERMILION, new_figure

LOOK = {
    "hopping": (BLUE, "o"),
    "compact_refitted": (ORANGE, "^"),
    "compact": (VERMILION, "x"),
}
LABELS = {"hopping": "hopping", "compact": "compact, as published", "compact_refitted": "compact, refitted"}


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw ``rows``."""
    rows = tables["rows"]
    first = next(iter(rows["device"]))
    names = [_label(row) for row in rows[rows["device"] == first].to_dict(orient="records")]
    figure, axes = new_figure(height=5.0)
    for name, (color, marker) in LOOK.items():
        errors = rows.loc[rows["device"] == name, "error"].to_numpy()
        if len(errors) == 0:
            continue
        axes.plot(errors, range(len(errors)), linestyle="none", marker=marker, color=color, label=LABELS[name])
        axes.axvline(errors.mean(), color=color, linestyle="--", linewidth=0.8)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.grid(axis="y", linewidth=0.3)
    axes.set_xscale("symlog", linthresh=0.1, linscale=0.6)
    axes.set_xlim(-0.01, 4)
    axes.set_xticks([0, 0.1, 0.3, 1, 3])
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("error (|ln ratio|, or difference)")
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def _label(row: Mapping[str, object]) -> str:
    """The figure of the paper and the condition, such as "3b 0.4 ms"."""
    extra = ", first" if str(row["condition"]).startswith("first integration") else ""
    return f"{row['figure']}  {row['condition_value']:g} {row['condition_unit']}{extra}"
