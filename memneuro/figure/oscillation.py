"""Regimes of a device beside a capacitor, the boundaries of linear stability over them, and example traces."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from memneuro.figure.style import BLACK, BLUE, ORANGE, PURPLE, SKY, VERMILION, new_figure, panel

#: Colour of each regime.
REGIMES = {"silent": "#DDDDDD", "spiking": SKY, "bursting": PURPLE, "latched": ORANGE, "crossed": "#888888"}
_PREDICTED = {"silent": 0, "oscillating": 1, "latched": 2, "crossed": 3}


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw ``map``, ``noisy``, ``traces`` and ``vo2``."""
    figure, axes = new_figure(5, 2, height=8.2)
    particle, noisy, vo2 = tables["map"], tables["noisy"], tables["vo2"]
    _regimes(axes[0, 0], particle, "no noise")
    _regimes(axes[0, 1], vo2, "VO$_2$ neuristor", unit=1e3)
    for axis, (temperature, part) in zip(axes[1], noisy.groupby("temperature_K"), strict=True):
        _regimes(axis, part[part["seed"] == part["seed"].min()], f"noise, {temperature:g} K")
    for axis in (axes[0, 0], *axes[1]):
        _boundary(axis, particle)
    _traces(axes[2:], axes[0, 0], tables["traces"])
    shown = [name for name in REGIMES if any((t["simulated"] == name).any() for t in (particle, noisy, vo2))]
    handles: list[Artist] = [Patch(facecolor=REGIMES[name], label=name) for name in shown]
    handles.append(Line2D([], [], color=BLACK, linewidth=1, label="linear stability"))
    figure.legend(handles=handles, loc="outside upper center", ncols=3, columnspacing=1, handlelength=1.2)
    for axis, letter in zip(axes.flat, "abcdefghij", strict=True):
        panel(axis, letter)
    return figure


def _traces(axes: np.ndarray, where: Axes, examples: pd.DataFrame) -> None:
    """Voltage and current of each example, and its place on the map."""
    for place, (axis, (_, part)) in enumerate(zip(axes.flat, examples.groupby("example"), strict=True)):
        drive, series = part["drive_V"].iloc[0], part["r_series_ohm"].iloc[0]
        where.plot(drive, series / 1e9, "o", color=BLACK, markersize=2.5)
        axis.plot(part["time_ms"], part["v_node_V"], color=BLUE, linewidth=0.9)
        axis.set(ylim=(0, None), xlabel="time (ms)" if place >= axes.size - 2 else "")
        axis.set_title(f"{drive:.2g} V, {series / 1e9:.2g} GΩ", loc="right", fontsize=7)
        current = axis.twinx()
        current.plot(part["time_ms"], part["i_device_A"] * 1e9, color=VERMILION, linewidth=0.7)
        current.set_ylim(0, None)
        current.spines["right"].set_visible(True)
        if place % 2 == 0:
            axis.set_ylabel("voltage (V)")
        else:
            current.set_ylabel("current (nA)")


def _regimes(axes: Axes, table: pd.DataFrame, title: str, unit: float = 1e9) -> None:
    """A cell of colour for each regime; the resistance in gigaohm on a logarithmic axis, in kiloohm on a plain one."""
    grid = table.pivot(index="r_series_ohm", columns="drive_V", values="simulated")
    codes = grid.map(list(REGIMES).index).to_numpy()
    axes.pcolormesh(
        grid.columns.to_numpy(),
        grid.index.to_numpy() / unit,
        codes,
        cmap=ListedColormap(list(REGIMES.values())),
        vmin=-0.5,
        vmax=len(REGIMES) - 0.5,
        shading="nearest",
    )
    axes.set(xlabel="drive (V)", ylabel="series resistor (kΩ)" if unit < 1e9 else "series resistor (GΩ)")
    axes.set_yscale("linear" if unit < 1e9 else "log")
    axes.set_title(title, loc="right", fontsize=7)


def _boundary(axes: Axes, table: pd.DataFrame) -> None:
    """The edges between cells of different prediction."""
    grid = table.pivot(index="r_series_ohm", columns="drive_V", values="predicted").map(_PREDICTED.__getitem__)
    codes = grid.to_numpy()
    across = _edges(grid.columns.to_numpy(dtype=float))
    up = np.exp(_edges(np.log(grid.index.to_numpy(dtype=float) / 1e9)))
    for row, column in zip(*np.nonzero(np.diff(codes, axis=1)), strict=True):
        axes.plot([across[column + 1]] * 2, up[row : row + 2], color=BLACK, linewidth=1)
    for row, column in zip(*np.nonzero(np.diff(codes, axis=0)), strict=True):
        axes.plot(across[column : column + 2], [up[row + 1]] * 2, color=BLACK, linewidth=1)


def _edges(centres: np.ndarray) -> np.ndarray:
    """Edges of cells with the given centres, evenly spaced."""
    step = centres[1] - centres[0]
    return np.append(centres - step / 2, centres[-1] + step / 2)
