"""Input, gate voltage, ions and output while the neuron fires."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from memneuro.figure.style import BLACK, BLUE, GREEN, ORANGE, VERMILION, new_figure

AROUND_MS = (4.0, 16.0)


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw ``traces`` (whole run left, around the first of ``spikes`` right)."""
    traces, spikes = tables["traces"], tables["spikes"]
    figure, grid = new_figure(4, 2, height=4.2, sharex="col", sharey="row", width_ratios=[1.5, 1])
    for column in (0, 1):
        drive, gate, ions, load = grid[:, column]
        drive.plot(traces["time_ms"], traces["v_in_V"], color=BLACK, linewidth=(0.25, 0.6)[column])
        gate.plot(traces["time_ms"], traces["v_gate_V"], color=BLUE)
        ions.plot(traces["time_ms"], traces["x_total"], color=VERMILION, label="total")
        ions.plot(traces["time_ms"], traces["x_residue"], color=GREEN, linestyle="--", label="residue")
        load.plot(traces["time_ms"], traces["i_load_uA"], color=ORANGE)
        load.set_xlabel("time (ms)")
    names = ("input (V)", "gate (V)", "bridged length\n(of the gap)", "load (µA)")
    for axes, name in zip(grid[:, 0], names, strict=True):
        axes.set_ylabel(name)
    figure.align_ylabels(grid[:, 0])
    grid[2, 0].set_ylim(-0.03, 1.25)
    grid[2, 0].legend(loc="upper left", ncols=2, borderaxespad=0.1, handlelength=1.5, columnspacing=1)
    grid[3, 0].set_xlim(0, traces["time_ms"].max())
    grid[0, 0].set_title("from rest")
    if len(spikes):
        first = float(spikes["time_ms"].iloc[0])
        grid[3, 1].set_xlim(first - AROUND_MS[0], first + AROUND_MS[1])
        grid[0, 1].set_title("first spikes")
    return figure
