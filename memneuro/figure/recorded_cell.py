"""Rate against drive, and spikes under repeated noise, of a recorded cell and of the memristor neuron."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from memneuro.figure.style import BLACK, BLUE, VERMILION, band, new_figure, panel, quantiles

#: Part of the noise that is shown, in leak times.
SHOWN = (100.0, 200.0)
LOOK = {
    "cell": (BLACK, "D"),
    "memristor, constant": (BLUE, "o"),
    "memristor, pulses": (VERMILION, "s"),
}


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw ``steps`` and ``noise_spikes``."""
    steps, spikes = tables["steps"], tables["noise_spikes"]
    figure, (above, below) = new_figure(2, 1, height=4.2)
    for name, part in steps.groupby("neuron", sort=False):
        color, marker = LOOK[str(name)]
        band(above, quantiles(part, "amplitude", "rate"), "amplitude", color=color, marker=marker, label=str(name))
    above.set(xlabel="step / rheobase", ylabel="rate × leak time", xlim=(0.5, None), ylim=(0, None))
    above.legend()
    row, ticks = 0, {}
    for name, part in spikes.groupby("neuron", sort=False):
        repeats = range(int(part["repeat"].max()) + 1)
        trains = [part.loc[part["repeat"] == k, "time"].to_numpy() for k in repeats]
        color = LOOK[str(name)][0]
        below.eventplot(trains, lineoffsets=[row - k for k in repeats], linelengths=0.8, linewidths=0.8, colors=color)
        ticks[row - len(trains) / 2 + 0.5] = str(name).split(",")[0]
        row -= len(trains) + 1
    below.set(xlabel="time / leak time", xlim=SHOWN)
    below.set_yticks(list(ticks), list(ticks.values()))
    below.tick_params(axis="y", length=0)
    panel(above, "a")
    panel(below, "b")
    return figure
