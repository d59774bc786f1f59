"""Where the energy of a spike goes, and the published energies beside the computed ones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from memneuro.figure.style import BLACK, BLUE, GREEN, MEASURED, ORANGE, PURPLE, VERMILION, new_figure, panel

PARTS = (
    ("device_pJ", "device", VERMILION, ""),
    ("control_pJ", "control resistor", ORANGE, "///"),
    ("gate_stored_pJ", "left on the gate", PURPLE, "..."),
)
SUPPLIES = (
    ("at_input_pJ", "gate charging", BLUE, "o"),
    ("source_pJ", "from the input", GREEN, "s"),
    ("supply_pJ", "to the output stage", ORANGE, "^"),
)


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw ``spikes`` and ``cases``."""
    spikes, cases = tables["spikes"], tables["cases"]
    spikes = spikes[(spikes["span"] == "spike") & spikes["complete"]]
    figure, (above, below) = new_figure(2, 1, height=2.9 + 0.36 * len(cases), height_ratios=[1, 0.22 * len(cases)])
    number = spikes["spike"].to_numpy() + 1
    bottom = np.zeros(len(spikes))
    for column, label, color, hatch in PARTS:
        height = spikes[column].to_numpy()
        above.bar(number, height, bottom=bottom, color=color, hatch=hatch, width=0.7, label=label)
        bottom = bottom + height
    above.plot(number, spikes["source_pJ"], color=BLACK, marker="o", linestyle="none", label="from the input")
    above.set(xlabel="spike", ylabel="energy (pJ)", ylim=(0, 1.45 * max(spikes["source_pJ"].max(), 1e-3)))
    above.set_xticks(number[:: max(1, len(number) // 10)])
    above.legend(ncols=2, loc="upper right", handlelength=1.2, columnspacing=1.0)
    rows = np.arange(len(cases))
    for column, label, color, marker in SUPPLIES:
        below.plot(cases[column], rows, color=color, marker=marker, linestyle="none", label=label)
    below.plot(cases["published_pJ"], rows, label="published", **MEASURED)
    below.set_yticks(rows, [_label(row) for row in cases.to_dict(orient="records")])
    below.set(xlabel="energy (pJ)", xscale="log", ylim=(len(cases) - 0.5, -0.5))
    below.grid(axis="y", linewidth=0.3)
    figure.legend(*below.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    panel(above, "a")
    panel(below, "b")
    return figure


def _label(row: Mapping[str, object]) -> str:
    """Device, drive and what became of it."""
    drive = "" if row["drive"] == "constant" else " pulses"
    response = "" if row["response"] == "fires" else f", {row['response']}"
    return f"{row['device']}\n{row['amplitude_V']:g} V{drive}{response}"
