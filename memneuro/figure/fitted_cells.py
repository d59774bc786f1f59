"""How well fitted models predict the spikes of recorded cells, and a raster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from memneuro.biology.fit.compare import default_models
from memneuro.biology.fit.model import fit_model
from memneuro.figure.style import BLACK, BLUE, GREEN, PURPLE, SKY, VERMILION, new_figure, panel

#: Part of the held-out noise that is shown, in seconds.
SHOWN = (2.0, 5.0)
MARKERS = "oDs^vP"
MEMRISTORS = {"memristor": BLUE, "adapting_memristor": VERMILION}


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw ``by_cell`` and ``spikes``."""
    found, spikes = tables["by_cell"].dropna(subset=["gamma_normalised"]), tables["spikes"]
    figure, (above, below) = new_figure(2, 1, height=4.6, gridspec_kw={"height_ratios": (1.3, 1)})
    names = [name for name in default_models() if name in set(found["model"])]
    cells = sorted(found["cell"].unique())
    for place, name in enumerate(names):
        own = found[found["model"] == name].set_index("cell")
        color = MEMRISTORS.get(name, "0.45")
        above.plot([place - 0.35, place + 0.35], [own["gamma_normalised"].mean()] * 2, color=color, linewidth=2.5)
        for k, (cell, marker) in enumerate(zip(cells, MARKERS, strict=False)):
            if cell in own.index:
                above.errorbar(
                    place + 0.11 * (k - (len(cells) - 1) / 2),
                    own.loc[cell, "gamma_normalised"],
                    own.loc[cell, "gamma_normalised_sd"],
                    marker=marker,
                    markersize=3.5,
                    markerfacecolor="white",
                    color=color,
                    elinewidth=0.8,
                    linestyle="none",
                )
    above.set_xticks(range(len(names)), [fit_model(name).title for name in names], rotation=40, ha="right")
    above.set(ylabel="normalised $\\Gamma$", ylim=(min(0.0, above.get_ylim()[0]), 1))
    published = above.axhspan(0.6, 0.8, color=SKY, alpha=0.25, linewidth=0, label="published, other cells")
    look: dict[str, Any] = {"color": "0.3", "markerfacecolor": "white", "markersize": 3.5, "linestyle": "none"}
    handles: list[Artist] = [
        Line2D([], [], marker=marker, label=cell.split("/")[1], **look)
        for cell, marker in zip(cells, MARKERS, strict=False)
    ]
    figure.legend(
        handles=[*handles, published], loc="outside upper center", ncols=3, handletextpad=0.2, columnspacing=1.0
    )
    row, ticks = 0, {}
    for (name, part), color in zip(
        spikes.groupby("neuron", sort=False), (BLACK, BLUE, VERMILION, GREEN, PURPLE), strict=False
    ):
        trains = [own["time_s"].to_numpy() for _, own in part.groupby("repeat")]
        offsets = [row - k for k in range(len(trains))]
        below.eventplot(trains, lineoffsets=offsets, linelengths=0.8, linewidths=0.8, colors=color)
        ticks[float(np.mean(offsets))] = str(name).replace(", ", ",\n")
        row -= len(trains) + 1
    below.set(xlabel="time (s)", xlim=SHOWN)
    below.set_yticks(list(ticks), list(ticks.values()))
    below.tick_params(axis="y", length=0)
    panel(above, "a")
    panel(below, "b")
    return figure
