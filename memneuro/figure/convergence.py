"""How the first spike and the score depend on the time step."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, StrMethodFormatter

from memneuro.figure.style import BLUE, GREEN, ORANGE, VERMILION, new_figure, panel

LOOK = {
    "exponential_midpoint": (BLUE, "o", "-"),
    "exponential_euler": (VERMILION, "s", "--"),
    "rk4": (GREEN, "^", "-."),
    "euler": (ORANGE, "x", ":"),
}
SEED_MARKERS = "oDv^s"
#: Smaller errors are drawn here: a spike in the same step as that of the finest step has an error of rounding only.
LOWEST_US = 0.01


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw ``first_spike`` and ``score``."""
    spikes, score = tables["first_spike"], tables["score"]
    figure, (above, below) = new_figure(2, 1, height=4.0, sharex=True)
    for method, part in spikes.groupby("method", sort=False):
        color, marker, line = LOOK[str(method)]
        label = str(method).replace("_", " ")
        error = part["error_us"].clip(lower=LOWEST_US)
        above.plot(part["step_us"], error, color=color, marker=marker, linestyle=line, label=label)
    above.set(ylabel="error of first spike (µs)", yscale="log")
    figure.legend(loc="outside upper center", ncols=2)
    for k, (seed, part) in enumerate(score.groupby("seed")):
        part = part.sort_values("step_us")
        marker = SEED_MARKERS[k % len(SEED_MARKERS)]
        below.plot(part["step_us"], part["mean_log_error"], marker=marker, label=f"seed {seed}")
    top = 1.2 * score["mean_log_error"].max()
    below.set(xlabel="time step (µs)", ylabel="mean error of the score", xscale="log", ylim=(0, top))
    steps = np.unique(np.concatenate([spikes["step_us"], score["step_us"]]))
    below.set_xticks(steps)
    below.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    below.xaxis.set_minor_locator(NullLocator())
    below.legend(loc="lower right")
    panel(above, "a")
    panel(below, "b")
    return figure
