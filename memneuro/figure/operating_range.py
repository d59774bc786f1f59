"""Rate against constant drive for two circuits, and maps over amplitude and control resistor."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, StrMethodFormatter

from memneuro.figure.style import BLUE, VERMILION, new_figure, panel

LEAST, MOST = 2.0, 500.0


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw ``constant`` (one panel a circuit, the operating range thick) and ``map`` (without noise, one a device)."""
    figure, axes = new_figure(2, 2, height=4.2)
    colours = dict(zip(tables["constant"]["device"].unique(), (VERMILION, BLUE), strict=False))
    first = tables["constant"]["circuit"].iloc[0]
    for (device, circuit), part in tables["constant"].groupby(["device", "circuit"], sort=False):
        place, inside = axes[0, int(circuit != first)], part[part["in_range"]]
        place.plot(part["amplitude"], part["rate_late_hz"], color=colours[device], linewidth=0.7)
        place.plot(inside["amplitude"], inside["rate_late_hz"], color=colours[device], linewidth=2.4, label=device)
    for place in axes[0]:
        place.set(xlabel="constant input (V)", xlim=(0.5, 1.3), ylim=(0, None))
    axes[0, 0].set_ylabel("rate (Hz)")
    axes[0, 0].legend(loc="upper right", fontsize="x-small")
    quiet = tables["map"][~tables["map"]["noise"].astype(bool)]
    for place, (_, part) in zip(axes[1], quiet.groupby("device", sort=False), strict=True):
        grid = part.pivot(index="r_control_Mohm", columns="amplitude", values="rate_late_hz")
        lasts = part.pivot(index="r_control_Mohm", columns="amplitude", values="state") == "sustained"
        shown = np.ma.masked_where(~lasts.to_numpy(bool), np.clip(grid.to_numpy(), LEAST, MOST))
        image = place.pcolormesh(
            grid.columns, grid.index, shown, norm=LogNorm(LEAST, MOST), cmap="viridis", shading="nearest"
        )
        place.set(yscale="log", xlabel="pulse amplitude (V)")
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
