"""Accuracy of the networks on spoken digits, one word inside a network, and the worth of each trait."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from memneuro.figure.style import BLACK, BLUE, GREEN, VERMILION, new_figure, panel

#: Colour, marker and name of each kind.
LOOK = {
    "lif": (GREEN, "^", "LIF"),
    "adaptive_lif": (VERMILION, "s", "adaptive LIF"),
    "memristor": (BLUE, "o", "memristor"),
}

TRAITS = {
    "leak": "leak",
    "soft_threshold": "soft threshold",
    "plasticity": "plasticity",
    "refractory": "refractory period",
    "noise": "noise",
    "recurrence": "recurrence",
}


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw ``accuracy``, ``confusion``, ``training``, ``word_*`` and, where there is one, ``ablation``."""
    with_ablation = "ablation" in tables
    figure, axes = new_figure(7 if with_ablation else 6, 1, height=11.5 if with_ablation else 9.8)
    _accuracy(axes[0], tables["accuracy"])
    _confusion(axes[1], tables["confusion"])
    _training(axes[2], tables["training"])
    longest = tables["word_evidence"]["time_ms"].max()
    _input(axes[3], tables["word_input"])
    axes[3].set_xlim(0, longest)
    axes[4].scatter(tables["word_spikes"]["time_ms"], tables["word_spikes"]["neuron"], s=1.5, color=BLUE, linewidths=0)
    axes[4].set(ylabel="neuron", xlim=(0, longest))
    _evidence(axes[5], tables["word_evidence"])
    axes[5].set_xlim(0, longest)
    if with_ablation:
        _ablation(axes[6], tables["ablation"])
    for letter, one in zip("abcdefg", axes, strict=False):
        panel(one, letter)
    return figure


def _accuracy(axes: Axes, table: pd.DataFrame) -> None:
    folds = list(dict.fromkeys(table["fold"]))
    for shift, (kind, (color, marker, name)) in zip((-0.2, 0, 0.2), LOOK.items(), strict=True):
        part = table[table["network"] == kind]
        place = [folds.index(fold) + shift for fold in part["fold"]]
        mean = 100 * part.groupby("seed")["accuracy"].mean().mean()
        look: dict[str, Any] = {"color": color, "marker": marker, "markersize": 3.5, "linestyle": "none"}
        axes.plot(place, 100 * part["accuracy"], label=f"{name}, mean {mean:.1f} %", markerfacecolor="white", **look)
    # Below the points there is room for the legend.
    lowest, highest = 100 * table["accuracy"].min(), 100 * table["accuracy"].max()
    axes.set(ylabel="accuracy (%)", xticks=range(len(folds)), xlim=(-0.5, len(folds) - 0.5))
    axes.set_ylim(lowest - 0.7 * max(highest - lowest, 2), highest + 1)
    axes.set_xticklabels(folds, fontsize=6)
    axes.legend(fontsize=6, loc="lower left")


def _confusion(axes: Axes, table: pd.DataFrame) -> None:
    matrix = table.pivot(index="said", columns="heard", values="words").to_numpy(dtype=float)
    matrix = matrix / matrix.sum(axis=1, keepdims=True)
    shown = axes.imshow(100 * matrix, cmap="cividis", vmin=0, vmax=100, aspect="auto")
    axes.set(xlabel="heard", ylabel="said", xticks=range(len(matrix)), yticks=range(len(matrix)))
    axes.tick_params(labelsize=6)
    axes.figure.colorbar(shown, ax=axes, label="% of the words")


def _training(axes: Axes, table: pd.DataFrame) -> None:
    for kind, (color, _, name) in LOOK.items():
        part = table[table["network"] == kind]
        for _, fold in part.groupby("fold"):
            axes.plot(fold["epoch"], 100 * fold["validation"], color=color, linewidth=0.4, alpha=0.5)
        mean = part.groupby("epoch")["validation"].mean()
        axes.plot(mean.index, 100 * mean, color=color, label=name)
    axes.set(xlabel="epoch", ylabel="accuracy (%)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(fontsize=6, loc="lower right")


def _input(axes: Axes, table: pd.DataFrame) -> None:
    spikes = table.pivot_table(index="line", columns="time_ms", values="spikes", fill_value=0)
    edges = [*spikes.columns, 2 * spikes.columns[-1] - spikes.columns[-2]]
    lines = [*spikes.index, spikes.index[-1] + 1]
    axes.pcolormesh(edges, lines, spikes.to_numpy(), cmap="Greys", rasterized=True)
    axes.set_ylabel("cochlea, line")


def _evidence(axes: Axes, table: pd.DataFrame) -> None:
    for digit, part in table.groupby("digit"):
        said = digit == 7
        color = BLUE if said else "0.6"
        axes.plot(part["time_ms"], part["evidence"], color=color, linewidth=1.6 if said else 0.7)
        axes.annotate(
            str(digit),
            (part["time_ms"].iloc[-1], part["evidence"].iloc[-1]),
            xytext=(2 + 5 * (int(str(digit)) % 2), 0),
            textcoords="offset points",
            fontsize=5,
            color=color,
            va="center",
        )
    axes.set(xlabel="time (ms)", ylabel="evidence")


def _ablation(axes: Axes, table: pd.DataFrame) -> None:
    by_seed = table.pivot_table(index="without", columns="seed", values="accuracy", aggfunc="mean")
    lost = 100 * (by_seed.loc["nothing"] - by_seed)
    for place, trait in enumerate(TRAITS):
        values = lost.loc[trait].to_numpy()
        axes.bar(place, values.mean(), color=BLUE, alpha=0.5)
        axes.plot(np.full(len(values), place), values, color=BLACK, marker=".", linestyle="none", markersize=4)
    axes.axhline(0, color=BLACK, linewidth=0.8)
    axes.set(ylabel="accuracy lost (points)", xticks=range(len(TRAITS)))
    axes.set_xticklabels(TRAITS.values(), rotation=25, ha="right", fontsize=7)
