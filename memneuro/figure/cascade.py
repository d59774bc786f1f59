"""A spike passing through a chain of neurons, and what is left of its amplitude."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from memneuro.figure.style import BLUE, GREEN, VERMILION, new_figure, panel

COLORS = (BLUE, VERMILION, GREEN)
OFFSET_V = 1.2


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw ``traces``, and the swings in ``trials``."""
    traces, trials = tables["traces"], tables["trials"]
    stages = int(traces["stage"].max())
    figure, (above, below) = new_figure(2, 1, height=3.8, height_ratios=[1.4, 1])
    for stage, part in traces.groupby("stage"):
        color = COLORS[(int(stage) - 1) % len(COLORS)]
        above.plot(part["time_ms"], part["v_load_V"] + (stages - stage) * OFFSET_V, color=color, linewidth=0.9)
    above.set_xlim(traces["time_ms"].min(), traces["time_ms"].max())
    above.set_yticks(
        [(stages - stage) * OFFSET_V for stage in range(1, stages + 1)],
        [f"stage {stage}" for stage in range(1, stages + 1)],
    )
    left, right = above.get_xlim()
    above.plot([left + 0.02 * (right - left)] * 2, [0.25, 0.75], color="black", linewidth=1.5)
    above.text(left + 0.035 * (right - left), 0.5, "0.5 V", fontsize=7, va="center")
    above.set_xlabel("time (ms)")
    swing = trials.pivot(index="trial", columns="stage", values="output_swing_V")
    fired = trials.pivot(index="trial", columns="stage", values="spikes") > 0
    ratio = swing.where(fired).div(swing[1].where(fired[1]), axis=0)
    for row in ratio.to_numpy():
        below.plot(ratio.columns, row, color="0.75", linewidth=0.5)
    below.plot(ratio.columns, ratio.mean(), color=BLUE, marker="o", label="mean")
    below.axhline(0.95, color="black", linestyle=":", linewidth=0.8, label="95 %")
    low = float(np.nanmin(ratio.to_numpy())) if ratio.notna().to_numpy().any() else 0.9
    below.set(xlabel="stage", ylabel="swing / first swing", ylim=(min(0.9, low - 0.02), None))
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    below.legend(loc="lower left", ncols=2)
    panel(above, "a")
    panel(below, "b")
    return figure
