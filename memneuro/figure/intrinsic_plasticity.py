"""Integration times of two pulses against the gap between them."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from memneuro.figure.style import BLUE, GREEN, MEASURED, VERMILION, band, new_figure, panel, quantiles


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw ``trials`` with the measured values of ``comparison``."""
    trials, comparison = tables["trials"], tables["comparison"]
    first = comparison[comparison["condition_unit"] == "V"]
    gains = comparison[comparison["condition_unit"] == "ms"].sort_values("condition_value")
    figure, (above, below) = new_figure(2, 1, height=4.0, sharex=True)
    band(above, quantiles(trials, "gap_ms", "first_ms"), "gap_ms", color=BLUE, marker="o", label="first pulse")
    band(above, quantiles(trials, "gap_ms", "second_ms"), "gap_ms", color=VERMILION, marker="s", label="second pulse")
    alone = float(first["measured"].iloc[0])
    above.axhline(alone, color="black", linestyle=":", linewidth=0.8, label="first pulse, measured")
    above.plot(gains["condition_value"], alone - gains["measured"], label="second pulse, measured", **MEASURED)
    above.set(ylabel="integration time (ms)", xscale="log", ylim=(0, 26))
    above.legend(loc="upper left", ncols=2, columnspacing=1, handlelength=1.6, borderaxespad=0.1)
    band(below, quantiles(trials, "gap_ms", "gain_ms"), "gap_ms", color=GREEN, marker="^", label="simulated")
    below.axhline(0, color="black", linewidth=0.4)
    below.plot(gains["condition_value"], gains["measured"], label="measured", **MEASURED)
    below.set(xlabel="gap between the pulses (ms)", ylabel="second firing earlier by (ms)")
    # Above the band there is room for the legend.
    bottom, top = below.get_ylim()
    below.set_ylim(bottom, top + 0.3 * (top - bottom))
    below.xaxis.set_major_formatter(ScalarFormatter())
    below.legend(loc="upper right", ncols=2)
    panel(above, "a")
    panel(below, "b")
    return figure
