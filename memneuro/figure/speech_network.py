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
    heights = [1.1, 1.1, 1, 0.9, 1, 1.5, *([1.1] if with_ablation else [])]
    figure, axes = new_figure(len(heights), 1, height=1.35 * sum(heights), height_ratios=heights)
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
    for one in axes[3:5]:  # the same time as in the panel below them
        one.tick_params(labelbottom=False)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, columnspacing=1.0)
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
    axes.set(ylabel="accuracy (%)", xticks=range(len(folds)), xlim=(-0.5, len(folds) - 0.5))
    axes.set_xticklabels(folds, fontsize=6)
    axes.margins(y=0.1)


def _confusion(axes: Axes, table: pd.DataFrame) -> None:
    matrix = table.pivot(index="said", columns="heard", values="words").to_numpy(dtype=float)
    matrix = matrix / matrix.sum(axis=1, keepdims=True)
    shown = axes.imshow(100 * matrix, cmap="cividis", vmin=0, vmax=100, aspect="auto")
    axes.set(xlabel="heard", ylabel="said", xticks=range(len(matrix)), yticks=range(len(matrix)))
    axes.tick_params(labelsize=6)
    axes.figure.colorbar(shown, ax=axes, label="% of the words")


def _training(axes: Axes, table: pd.DataFrame) -> None:
    for kind, (color, _, _) in LOOK.items():
        part = table[table["network"] == kind]
        for _, fold in part.groupby("fold"):
            axes.plot(fold["epoch"], 100 * fold["validation"], color=color, linewidth=0.4, alpha=0.5)
        mean = part.groupby("epoch")["validation"].mean()
        axes.plot(mean.index, 100 * mean, color=color)
    axes.set(xlabel="epoch", ylabel="accuracy (%)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _input(axes: Axes, table: pd.DataFrame) -> None:
    spikes = table.pivot_table(index="line", columns="time_ms", values="spikes", fill_value=0)
    edges = [*spikes.columns, 2 * spikes.columns[-1] - spikes.columns[-2]]
    lines = [*spikes.index, spikes.index[-1] + 1]
    axes.pcolormesh(edges, lines, spikes.to_numpy(), cmap="Greys", rasterized=True)
    axes.set_ylabel("cochlea, line")


def _evidence(axes: Axes, table: pd.DataFrame) -> None:
    last = table[table["time_ms"] == table["time_ms"].max()].set_index("digit")["evidence"]
    places = _apart(last, 0.09 * float(table["evidence"].max() - table["evidence"].min()))
    for digit, part in table.groupby("digit"):
        said = digit == 7
        color = BLUE if said else "0.6"
        axes.plot(part["time_ms"], part["evidence"], color=color, linewidth=1.6 if said else 0.7)
        axes.annotate(
            str(digit),
            (part["time_ms"].iloc[-1], places[digit]),
            xytext=(3, 0),
            textcoords="offset points",
            fontsize=6,
            color=color,
            va="center",
        )
    low, high = axes.get_ylim()
    axes.set(xlabel="time (ms)", ylabel="evidence", ylim=(min(low, places.min()), max(high, places.max())))


def _apart(values: pd.Series, least: float) -> pd.Series:
    """The values in their order, moved as little as needed to be `least` apart, around their own mean."""
    ordered = values.sort_values()
    rank = np.arange(len(ordered))
    # What is at least as far apart as its rank says rises or stays once the rank is taken off.
    free = ordered.to_numpy() - least * rank
    groups: list[list[float]] = []
    for value in free:
        groups.append([float(value)])
        while len(groups) > 1 and np.mean(groups[-2]) > np.mean(groups[-1]):
            groups[-2:] = [groups[-2] + groups[-1]]
    placed = np.concatenate([np.full(len(group), np.mean(group)) for group in groups])
    return pd.Series(placed + least * rank, index=ordered.index)


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
