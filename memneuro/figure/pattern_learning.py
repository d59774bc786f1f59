"""Figure of learning without a teacher."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memneuro.figure.style import BLACK, BLUE, new_figure, panel


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw ``curve`` and ``synapses``."""
    figure, axes = new_figure(2, 1, height=4.4)
    _curve(axes[0], tables["curve"])
    _fields(axes[1], tables["synapses"])
    for letter, one in zip("ab", axes, strict=True):
        panel(one, letter)
    return figure


def _curve(axes: Axes, table: pd.DataFrame) -> None:
    axes.plot(table["presentations"], 100 * table["accuracy"], ".", color=BLUE, alpha=0.5, markersize=4)
    mean = table.groupby("presentations")["accuracy"].mean()
    axes.plot(mean.index, 100 * mean, color=BLUE)
    axes.axhline(100 * table["chance"].iloc[0], color=BLACK, linestyle="--", linewidth=0.8, label="chance")
    axes.legend(loc="lower right")
    axes.set(xlabel="presentations", ylabel="named right (%)", ylim=(0, 100))


def _fields(axes: Axes, table: pd.DataFrame) -> None:
    states = table.pivot(index="output", columns="input", values="state").to_numpy()
    side = round(np.sqrt(states.shape[1]))
    across = -(-len(states) // 2)
    canvas = np.full((2 * (side + 1) - 1, across * (side + 1) - 1), np.nan)
    for output, one in enumerate(states):
        row, column = (output // across) * (side + 1), (output % across) * (side + 1)
        canvas[row : row + side, column : column + side] = one.reshape(side, side)
    shown = axes.imshow(canvas, cmap="cividis", vmin=0, vmax=1, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    for edge in axes.spines.values():
        edge.set_visible(False)
    axes.figure.colorbar(shown, ax=axes, label="state of the synapse", shrink=0.6)
