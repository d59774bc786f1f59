"""Pulses before the first spike against the gap between pulses."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from memneuro.figure.style import BLUE, MEASURED, new_figure


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw ``comparison``: median, central 68 % and measured counts."""
    table = tables["comparison"].sort_values("condition_value")
    figure, axes = new_figure()
    # Where more than 16 % of the trials had not fired when the run ended, the band ends with the run.
    longest = table["condition_value"].map(tables["trials"].groupby("gap_ms")["pulses"].max())
    high = table["high"].fillna(longest)
    axes.fill_between(table["condition_value"], table["low"], high, color=BLUE, alpha=0.2, linewidth=0)
    axes.plot(table["condition_value"], table["simulated"], color=BLUE, marker="o", label="simulated, central 68 %")
    axes.plot(table["condition_value"], table["measured"], label="measured", **MEASURED)
    axes.set(
        xlabel="gap between pulses (ms)",
        ylabel="pulses before the first spike",
        ylim=(0, 1.3 * max(high.max(), table["measured"].max())),
    )
    axes.legend(loc="upper left")
    return figure
