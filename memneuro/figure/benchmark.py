"""Figures of the benchmarks, each from its table alone."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from memneuro.figure.style import BLACK, BLUE, GREEN, ORANGE, PURPLE, VERMILION, new_figure

PROGRAMS = {
    "stock_scheme": ("stock Brian2, same scheme", ORANGE),
    "stock_heun": ("stock Brian2, heun", VERMILION),
    "stock_euler": ("stock Brian2, euler", PURPLE),
    "memneuro": ("memneuro", BLUE),
    "limit": ("hand-written", BLACK),
}
METHODS = {
    "exponential_midpoint": ("exponential midpoint", BLUE, "o"),
    "exponential_euler": ("exponential Euler", ORANGE, "s"),
    "rk4": ("rk4", GREEN, "^"),
    "heun": ("heun", VERMILION, "v"),
    "euler": ("euler", PURPLE, "x"),
}


def draw_step(table: pd.DataFrame) -> Figure:
    """Time of a step of the noisy neuron for each program: median, fastest and slowest round."""
    rows = table[table["noise"] & table["program"].isin(list(PROGRAMS))]
    rows = rows.set_index("program").loc[[name for name in PROGRAMS if name in set(rows["program"])]].reset_index()
    figure, axes = new_figure(height=1.7)
    y = range(len(rows))
    middle = rows["ns_per_neuron_step"]
    spread = [middle - rows["fastest_ns"], rows["slowest_ns"] - middle]
    colors = [PROGRAMS[name][1] for name in rows["program"]]
    axes.barh(y, middle, xerr=spread, color=colors, height=0.65, error_kw={"linewidth": 0.8})
    for at, value, high in zip(y, middle, rows["slowest_ns"], strict=True):
        axes.annotate(f"{value:.0f}", (high, at), xytext=(3, 0), textcoords="offset points", va="center")
    axes.set_yticks(list(y), [PROGRAMS[name][0] for name in rows["program"]])
    axes.invert_yaxis()
    axes.set_xlabel("time per neuron and step (ns)")
    axes.margins(x=0.12)
    return figure


def draw_network(table: pd.DataFrame) -> Figure:
    """Cost of a step and memory of a neuron over the number of neurons."""
    figure, (left, right) = new_figure(1, 2, height=2.2)
    for name, rows in table.groupby("program", sort=False):
        label, color = PROGRAMS[str(name)]
        left.loglog(rows["neurons"], rows["ns_per_neuron_step"], color=color, marker="o", markersize=3, label=label)
        large = rows[rows["bytes_per_neuron"].notna()]
        right.loglog(large["neurons"], large["bytes_per_neuron"], color=color, marker="o", markersize=3)
    left.set_xlabel("neurons")
    left.set_ylabel("time per neuron and step (ns)")
    right.set_xlabel("neurons")
    right.set_ylabel("memory per neuron (bytes)")
    right.set_ylim(30, 3000)
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=3, columnspacing=1.0)
    return figure


def draw_network_scale(table: pd.DataFrame) -> Figure:
    """Computing time of balanced networks, and memory (points) with its estimate (lines), over their size."""
    figure, (left, right) = new_figure(1, 2, height=2.2)
    for (name, rows), color in zip(
        table[table["part"] == "scaling"].groupby("network", sort=False), (BLUE, VERMILION), strict=False
    ):
        exponent = rows["exponent"].iloc[0]
        label = f"{str(name).upper() if name == 'cuba' else name}, exponent {exponent:.2f}"
        left.loglog(rows["neurons"], rows["seconds"], color=color, marker="o", markersize=3, label=label)
        right.loglog(
            rows["neurons"], rows["peak_memory_bytes"] / 1e6, color=color, marker="o", markersize=3, linestyle="none"
        )
        right.loglog(rows["neurons"], rows["estimated_memory_bytes"] / 1e6, color=color, linewidth=0.8)
    left.set_xlabel("neurons")
    left.set_ylabel("computing time (s)")
    right.set_xlabel("neurons")
    right.set_ylabel("memory (MB)")
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=2, columnspacing=1.0)
    return figure


def draw_accuracy(table: pd.DataFrame) -> Figure:
    """Error of the first spike against computing time, one point a step; 1 % is marked."""
    figure, axes = new_figure(height=2.6)
    for name, rows in table.groupby("method", sort=False):
        label, color, marker = METHODS[str(name)]
        fine = rows[rows["error"].notna()]
        axes.loglog(fine["us_per_neuron_ms"], fine["error"], color=color, marker=marker, markersize=4, label=label)
    axes.axhline(0.01, color=BLACK, linestyle=":", linewidth=0.8)
    axes.annotate("1 %", (axes.get_xlim()[1], 0.01), xytext=(-2, 2), textcoords="offset points", ha="right")
    axes.set_xlabel("computing time per neuron and ms of model time (µs)")
    axes.set_ylabel("error of the first spike (relative)")
    axes.legend(fontsize=6)
    return figure
