"""Distribution of intervals, and how much spike counts vary."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from memneuro.figure.style import BLUE, GREEN, VERMILION, new_figure, panel

LOOK = ((BLUE, "o", "-"), (VERMILION, "s", "--"), (GREEN, "^", "-."))
LONGEST_MS = 20.0


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw ``intervals`` and ``fano``, one colour an amplitude."""
    intervals, fano = tables["intervals"], tables["fano"]
    figure, (above, below) = new_figure(2, 1, height=4.0)
    bins = np.arange(-0.25, LONGEST_MS + 0.5, 0.5)  # centred on multiples of the pulse period
    for (volts, part), (color, _, line) in zip(intervals.groupby("amplitude_V"), LOOK, strict=False):
        weights = np.full(len(part), 1 / len(part))
        above.hist(
            part["isi_ms"].clip(upper=LONGEST_MS),
            bins=bins,
            weights=weights,
            histtype="step",
            color=color,
            linestyle=line,
            label=f"{volts:g} V",
        )
    above.set(xlabel=f"interval (ms; last bin: {LONGEST_MS:g} and longer)", ylabel="fraction")
    above.set_xlim(0, LONGEST_MS + 0.5)
    above.set_xticks(np.arange(0, LONGEST_MS + 1, 4))
    above.legend(title="amplitude", title_fontsize=7)
    for (_, part), (color, marker, line) in zip(fano.groupby("amplitude_V"), LOOK, strict=False):
        look = {"color": color, "marker": marker, "linestyle": line}
        below.plot(part["window_ms"], part["fano_within"], **look)
        below.plot(part["window_ms"], part["fano_across"], markerfacecolor="white", **look)
    below.axhline(1, color="black", linestyle=":", linewidth=0.8)
    below.set(xlabel="counting window (ms)", ylabel="Fano factor", xscale="log", yscale="log")
    below.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    below.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    neutral = {"color": "0.3", "marker": "o", "linestyle": "none"}
    below.plot([], [], label="within a trial", **neutral)
    below.plot([], [], markerfacecolor="white", label="across trials", **neutral)
    below.legend(loc="upper left")
    panel(above, "a")
    panel(below, "b")
    return figure
