"""How many trials of a pulse train have fired by when."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from memneuro.figure.style import BLUE, MEASURED, new_figure


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the distribution of ``trials`` with the measured value of ``comparison``."""
    first = np.sort(tables["trials"]["first_spike_ms"].dropna().to_numpy())
    fraction = np.arange(1, len(first) + 1) / len(tables["trials"])
    (row,) = tables["comparison"].to_dict(orient="records")
    figure, axes = new_figure()
    axes.step(first, fraction, where="post", color=BLUE, label="simulated trials")
    error = [[row["simulated"] - row["low"]], [row["high"] - row["simulated"]]]
    axes.errorbar(row["simulated"], 0.5, xerr=error, color=BLUE, marker="o", label="median, central 68 %")
    axes.plot(row["measured"], 0.5, label="measured", **MEASURED)
    axes.set(xlabel="time of the first spike (ms)", ylabel="fraction of trials", xlim=(0, None), ylim=(0, 1.02))
    axes.legend(loc="lower right")
    return figure
