"""One look for every figure, and the few things that several of them draw the same way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from io import BytesIO
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

#: Width of one journal column (inch).
COLUMN = 3.4

# Okabe and Ito's colours by name, in the order of the style's cycle.
BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
)

#: How a published measurement is drawn, in every figure.
MEASURED: dict[str, Any] = {
    "color": BLACK,
    "marker": "D",
    "markersize": 4.5,
    "markerfacecolor": "white",
    "linestyle": "none",
    "zorder": 5,
}


@contextmanager
def style() -> Iterator[None]:
    """Draw what is inside the block in the style that ships with the package."""
    with as_file(files("memneuro.figure") / "memneuro.mplstyle") as path, mpl.rc_context(fname=path):
        yield


class _DisplayedFigure(Figure):
    """A figure that a notebook shows as a picture, whether or not it has loaded ``matplotlib.pyplot``."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """The picture at twice its resolution, and the width and height to show it at, in pixels."""
        dpi = self.get_dpi()
        width, height = self.get_size_inches()
        picture = BytesIO()
        self.savefig(picture, format="png", dpi=2 * dpi)
        return picture.getvalue(), {"width": round(width * dpi), "height": round(height * dpi)}


def new_figure(rows: int = 1, columns: int = 1, *, height: float = 2.4, **options: Any) -> tuple[Figure, Any]:
    """Make a figure one column wide, drawn without a window system, and its axes.

    Parameters
    ----------
    rows, columns : int
        Of the grid of axes.
    height : float
        In inches.
    **options : object
        As for ``Figure.subplots``.
    """
    figure = _DisplayedFigure(figsize=(COLUMN, height))
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, **options)


def quantiles(table: pd.DataFrame, by: str, column: str) -> pd.DataFrame:
    """Median and 16-84 % range of a column over trials.

    Parameters
    ----------
    table : DataFrame
        One row a trial.
    by : str
        Column of the condition.
    column : str
        Column of the value.

    Returns
    -------
    DataFrame
        `by`, ``low``, ``median``, ``high``, in order of `by`; trials without a value are left out.
    """
    found = table.groupby(by)[column].quantile([0.16, 0.5, 0.84]).unstack()
    found.columns = pd.Index(["low", "median", "high"])
    return found.reset_index()


def band(axes: Axes, found: pd.DataFrame, by: str, *, color: str, marker: str = "o", label: str = "") -> None:
    """Draw a median with its 16-84 % band, as `quantiles` gives them.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    found : DataFrame
        With the columns `by`, ``low``, ``median`` and ``high``.
    by : str
        Column of the horizontal axis.
    color, marker, label : str
        As in Matplotlib.
    """
    axes.fill_between(found[by], found["low"], found["high"], color=color, alpha=0.2, linewidth=0)
    axes.plot(found[by], found["median"], color=color, marker=marker, markersize=3, label=label)


def panel(axes: Axes, letter: str) -> None:
    """Put a panel's letter at its upper left, outside the axes.

    Parameters
    ----------
    axes : Axes
        The panel.
    letter : str
        Its letter.
    """
    axes.set_title(letter, fontweight="bold", loc="left")
