"""Raster of the cochlea's spikes for every digit."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from memneuro.figure.style import BLACK, new_figure

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw ``spikes``, one panel a digit."""
    figure, axes = new_figure(5, 2, height=6.4, sharex=True, sharey=True)
    for one, (digit, part) in zip(axes.ravel(), tables["spikes"].groupby("digit"), strict=True):
        one.plot(
            part["time_ms"],
            part["channel"],
            linestyle="none",
            marker=".",
            markersize=0.9,
            markeredgewidth=0,
            color=BLACK,
            rasterized=True,
        )
        one.set_title(NAMES[int(str(digit))], fontsize=7, pad=2)
        one.set(ylim=(0, 700), yticks=(0, 350, 700))
    axes[0, 0].set_xlim(0, tables["spikes"]["time_ms"].max())
    for one in axes[-1]:
        one.set_xlabel("time (ms)")
    figure.supylabel("channel (0: 80 Hz, 699: 3.8 kHz)", fontsize=8)
    return figure
