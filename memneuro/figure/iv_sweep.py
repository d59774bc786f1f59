"""Current against voltage, and where the device switches."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from memneuro.figure.style import BLACK, BLUE, VERMILION, new_figure, panel

LOWEST_A = 1e-14


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw ``curves`` and ``comparison``."""
    curves, table = tables["curves"], tables["comparison"]
    figure, (above, below) = new_figure(2, 1, height=4.2)
    for (_, branch), part in curves.groupby(["cycle", "branch"]):
        color, line = (BLUE, "-") if branch == "up" else (VERMILION, "--")
        current = part["current_A"].where(part["current_A"] > LOWEST_A)
        above.plot(part["voltage_V"], current, color=color, linestyle=line, linewidth=0.7)
    above.axhline(1e-8, color=BLACK, linestyle=":", linewidth=0.8)
    above.text(curves["voltage_V"].min(), 1.3e-8, "10 nA", ha="left", va="bottom", fontsize=7)
    above.set(xlabel="source voltage (V)", ylabel="current (A)", yscale="log")
    rows = np.arange(len(table))
    below.errorbar(
        table["threshold_V_mean"],
        rows,
        xerr=table["threshold_V_sd"],
        color=BLUE,
        marker="o",
        linestyle="none",
        label="threshold, mean ± SD",
    )
    below.plot(table["hold_V_median"], rows, color=VERMILION, marker="s", linestyle="none", label="hold, median")
    below.set_yticks(rows, [_short(name) for name in table["device"]])
    below.invert_yaxis()
    below.set(xlabel="voltage (V)", xlim=(0, None), ylim=(len(table) - 0.5, -1.6))
    below.legend(loc="upper right", ncols=2, columnspacing=1, handletextpad=0.2)
    panel(above, "a")
    panel(below, "b")
    return figure


def _short(name: str) -> str:
    """A device's name on at most two lines, short enough for an axis."""
    plain = re.sub(r"\s*\(.*\)", "", str(name)).replace(" polarity", "")
    return re.sub(r"\s*[;,]\s*", "\n", plain, count=1)
