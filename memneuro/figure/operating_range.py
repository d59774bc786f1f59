"""Rate against constant drive for two circuits, and maps over amplitude and control resistor."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, StrMethodFormatter

from memneuro.figure.style import BLUE, new_figure, panel

LEAST, MOST = 2.0, 500.0


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw ``constant`` (one panel a circuit, the operating range thick) and ``map`` (without and with noise)."""
    figure, axes = new_figure(2, 2, height=4.2)
    for place, (circuit, part) in zip(axes[0], tables["constant"].groupby("circuit", sort=False), strict=True):
        inside = part[part["in_range"]]
        place.plot(part["amplitude"], part["rate_late_hz"], color="0.4", linewidth=0.8)
        place.plot(inside["amplitude"], inside["rate_late_hz"], color=BLUE, linewidth=2.4)
        place.set(xlabel="constant input (V)", title=circuit)
    axes[0, 0].sharey(axes[0, 1])
    axes[0, 0].set_ylabel("rate (Hz)")
    for place, (noise, part) in zip(axes[1], tables["map"].groupby("noise"), strict=True):
        grid = part.pivot(index="r_control_Mohm", columns="amplitude", values="rate_late_hz")
        lasts = part.pivot(index="r_control_Mohm", columns="amplitude", values="state") == "sustained"
        shown = np.ma.masked_where(~lasts.to_numpy(bool), np.clip(grid.to_numpy(), LEAST, MOST))
        image = place.pcolormesh(
            grid.columns, grid.index, shown, norm=LogNorm(LEAST, MOST), cmap="viridis", shading="nearest"
        )
        place.set(yscale="log", xlabel="pulse amplitude (V)", title="with noise" if noise else "without noise")
        place.set_facecolor("0.85")
        place.set_yticks([30, 100, 300, 1000])
        place.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        place.yaxis.set_minor_locator(NullLocator())
    axes[1, 0].set_ylabel("control resistor (MΩ)")
    bar = figure.colorbar(image, ax=list(axes[1]), ticks=[2, 10, 50, 200, 500], format="%g")
    bar.set_label("rate (Hz)")
    for place, letter in zip(axes.flat, "abcd", strict=True):
        panel(place, letter)
    return figure
