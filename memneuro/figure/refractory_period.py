"""Mean interval between spikes against the control resistor."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, StrMethodFormatter

from memneuro.experiment.refractory_period import intervals
from memneuro.figure.style import BLUE, MEASURED, new_figure

PERIOD_MS = 2.0


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw ``trials`` and ``quiet`` on their dense grid, and the measured values of ``comparison``."""
    curve, quiet = intervals(tables["trials"]), tables["quiet"].sort_values("r_control_Mohm")
    measured = tables["comparison"].sort_values("condition_value")
    figure, axes = new_figure()
    control = curve["r_control_Mohm"]
    axes.fill_between(control, curve["low"], curve["high"], color=BLUE, alpha=0.2, linewidth=0)
    axes.plot(control, curve["mean_ms"], color=BLUE, label="simulated, central 68 %")
    axes.plot(quiet["r_control_Mohm"], quiet["isi_mean_ms"], color="0.5", linewidth=0.8, label="without noise")
    axes.plot(measured["condition_value"], measured["measured"], label="measured", **MEASURED)
    axes.axhline(PERIOD_MS, color="black", linestyle=":", linewidth=0.8, label="pulse period")
    axes.set(xscale="log", yscale="log", xlabel="control resistor (MΩ)", ylabel="interval between spikes (ms)")
    ticks = measured["condition_value"]
    axes.set_xticks(ticks, [f"{value:g}" for value in ticks])
    axes.set_yticks([2, 5, 10, 20])
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
    axes.legend(loc="upper left")
    return figure
