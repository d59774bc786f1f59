"""Probability and delay of firing against the amplitude of one pulse."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from memneuro.figure.style import BLUE, MEASURED, VERMILION, band, new_figure, panel, quantiles


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw ``trials`` with the measured values of ``comparison``."""
    trials, comparison = tables["trials"], tables["comparison"]
    measured = comparison[comparison["unit"] == "probability"]
    late = comparison[comparison["unit"] == "ms"]
    fired = trials.groupby("amplitude_V")["fired"].agg(["mean", "count"])
    error = np.sqrt(fired["mean"] * (1 - fired["mean"]) / fired["count"])
    figure, (above, below) = new_figure(2, 1, height=3.8, sharex=True)
    above.errorbar(fired.index, fired["mean"], yerr=error, color=BLUE, marker="o", markersize=3, label="simulated")
    above.plot(measured["condition_value"], measured["measured"], label="measured", **MEASURED)
    above.set(ylabel="firing probability", ylim=(-0.03, 1.05))
    above.legend(loc="upper left")
    enough = trials[trials["fired"]].groupby("amplitude_V").filter(lambda part: len(part) >= 10)
    band(below, quantiles(enough, "amplitude_V", "delay_ms"), "amplitude_V", color=VERMILION, marker="s")
    below.plot(late["condition_value"], late["measured"], **MEASURED)
    below.set(xlabel="amplitude of the pulse (V)", ylabel="delay of the spike (ms)", yscale="log")
    below.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    panel(above, "a")
    panel(below, "b")
    return figure
