"""Mean interval between spikes against the control resistor."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, StrMethodFormatter

from memneuro.figure.style import BLUE, MEASURED, new_figure

PERIOD_MS = 2.0


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw ``comparison``: simulated mean, spread over trials, measured values."""
    table = tables["comparison"].sort_values("condition_value")
    control = table["condition_value"]
    figure, axes = new_figure()
    axes.fill_between(control, table["low"], table["high"], color=BLUE, alpha=0.2, linewidth=0)
    axes.plot(control, table["simulated"], color=BLUE, marker="o", label="simulated, central 68 %")
    axes.plot(control, table["measured"], label="measured", **MEASURED)
    axes.axhline(PERIOD_MS, color="black", linestyle=":", linewidth=0.8, label="pulse period")
    axes.set(xscale="log", yscale="log", xlabel="control resistor (MΩ)", ylabel="interval between spikes (ms)")
    axes.set_xticks(control, [f"{value:g}" for value in control])
    axes.set_yticks([2, 5, 10, 20])
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
    axes.legend(loc="upper left")
    return figure
