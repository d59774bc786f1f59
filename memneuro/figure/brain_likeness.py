"""The six traits side by side: recorded cells, memristor neurons, reference neurons and the range of the literature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, NullFormatter

from memneuro.biology import traits as tr
from memneuro.figure.style import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION, new_figure

BAND: dict[str, Any] = {"color": "0.85", "linewidth": 0}
MEMRISTORS = ((BLUE, "o"), (VERMILION, "s"))
REFERENCES = ((GREEN, "^", "-"), (GREEN, "v", "--"), (PURPLE, "<", "-"), (ORANGE, ">", "-"), (SKY, "P", "-"))
CELLS: dict[str, Any] = {"color": BLACK, "marker": "D", "markersize": 3.5, "markerfacecolor": "white"}


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw ``traits`` and ``curves``."""
    traits, curves = tables["traits"], tables["curves"]
    looks = _looks(traits)
    figure, axes = new_figure(3, 2, height=6.4)
    (leaky, width), (chain, index), (refractory, irregular) = axes
    _strip(leaky, traits, (tr.LEAKY,), ("",), looks, log=True)
    leaky.set_xlabel(r"$\tau$ / mean interval")
    _strip(width, traits, (tr.WIDTH,), ("",), looks, log=True)
    width.set_xlabel("relative width")
    labels = ("delay", "jitter", "latency")
    _strip(chain, traits, (tr.DELAY, tr.JITTER, tr.LATENCY), labels, looks, log=True)
    chain.set_xlabel(r"time / $\tau$")
    _strip(index, traits, (tr.INDEX,), ("",), looks, log=False)
    index.axvline(0, color=BLACK, linestyle=":", linewidth=0.8)
    index.set_xlabel("adaptation index")
    _strip(refractory, traits, (tr.REFRACTORY,), ("",), looks, log=True)
    refractory.set_xlabel(r"refractory period / $\tau$")
    low, high = _literature(traits, tr.CV)
    irregular.axhspan(low, high, **BAND)
    for name, part in curves.groupby("neuron", sort=False):
        seen = part[part["cv"].notna()]
        irregular.plot(seen["drive"], seen["cv"], **looks[str(name)] | {"markersize": 2.5, "linewidth": 0.9})
    cells = traits[(traits["measure"] == tr.CV) & (traits["kind"] == "recorded")]
    irregular.plot(np.full(len(cells), 1.2), cells["value"], linestyle="none", **CELLS)
    irregular.set(xlabel="step / rheobase", ylabel="CV of the intervals", ylim=(-0.02, None))
    titles = ("leaky", "threshold", "cascade", "plasticity", "refractory", "stochastic")
    for axis, letter, title in zip(axes.ravel(), "abcdef", titles, strict=True):
        axis.set_title(rf"$\bf{{{letter}}}$ {title}", loc="left")
    handles = [Patch(label="literature", **BAND), Line2D([], [], linestyle="none", label="recorded cell", **CELLS)]
    handles += [Line2D([], [], label=name, **look | {"markersize": 3.5}) for name, look in looks.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, columnspacing=1.0, handlelength=1.6)
    return figure


def _looks(traits: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Colour, marker and line of every simulated neuron."""
    found: dict[str, dict[str, Any]] = {}
    simulated = traits[traits["kind"].isin(["memristor", "reference"])]
    for kind, styles in (("memristor", [(c, m, "-") for c, m in MEMRISTORS]), ("reference", list(REFERENCES))):
        names = simulated.loc[simulated["kind"] == kind, "neuron"].drop_duplicates()
        for name, (color, marker, line) in zip(names, styles, strict=False):
            found[str(name)] = {"color": color, "marker": marker, "linestyle": line}
    return found


def _literature(traits: pd.DataFrame, measure: str) -> tuple[float, float]:
    rows = traits[(traits["measure"] == measure) & (traits["kind"] == "literature")]
    return float(rows["low"].min()), float(rows["high"].max())


def _strip(
    axes: Axes,
    traits: pd.DataFrame,
    measures: tuple[str, ...],
    labels: tuple[str, ...],
    looks: Mapping[str, Mapping[str, Any]],
    *,
    log: bool,
) -> None:
    """Values along x, one row a neuron: cells together, then the memristor neurons, then the reference neurons."""
    names = ["recorded", *looks]
    height = len(names) + 1
    ticks = []
    for place, (measure, label) in enumerate(zip(measures, labels, strict=True)):
        rows = traits[traits["measure"] == measure]
        top = -place * (height if len(measures) == 1 else height * 0.7)
        step = 1.0 if len(measures) == 1 else 0.6
        low, high = _literature(traits, measure)
        bottom = top - step * len(names)
        if np.isfinite(low):
            axes.fill_betweenx([bottom + step / 2, top + step / 2], low, high, **BAND)
        for k, name in enumerate(names):
            y = top - step * k
            part = rows[rows["kind"] == "recorded"] if name == "recorded" else rows[rows["neuron"] == name]
            look = {**(CELLS if name == "recorded" else {**looks[name], "markersize": 4}), "linestyle": "none"}
            limits = part[part["value"].isna() & part["high"].notna()]
            axes.plot(limits["high"], np.full(len(limits), y), **{**look, "marker": 8})  # caret, pointing left
            if log and (part["value"] == 0).any():
                axes.plot([0], [y], transform=axes.get_yaxis_transform(), clip_on=False, **look)
            part = part[part["value"].notna() & ((part["value"] > 0) | (not log))]
            for row in part.itertuples():
                axes.plot([row.low, row.high], [y, y], color=look["color"], linewidth=0.8, marker="")
            axes.plot(part["value"], np.full(len(part), y), **look)
        ticks.append(((top + bottom) / 2 + step / 2, label))
    axes.set_yticks([y for y, _ in ticks], [label for _, label in ticks])
    axes.tick_params(axis="y", length=0)
    if log:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(numticks=4))
        axes.xaxis.set_minor_formatter(NullFormatter())
