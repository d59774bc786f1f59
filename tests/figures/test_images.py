"""A few figures, drawn from fixed tables, look as they did.

Letters are taken away and the axes are put in fixed places, because the size of letters, and with it the layout,
depends on the version of FreeType. What is left is the same whatever the letters, so the tolerance (a root mean square
over the pixels, from 0 to 255) can be small: lines 0.8 points thicker give 5 or more, a line 15 % off gives 15.

After a wanted change: ``pytest tests/figures/test_images.py --mpl-generate-path=tests/figures/baseline``.
"""

from importlib import import_module
from importlib.resources import as_file, files

import fixed_tables
import numpy as np
import pytest
from matplotlib.testing.compare import calculate_rms
from matplotlib.text import Text

from memneuro.figure.style import style

pytest.importorskip("pytest_mpl")

TOLERANCE = 3
FIGURES = ("threshold_firing", "refractory_period", "model_table")

with as_file(files("memneuro.figure") / "memneuro.mplstyle") as path:
    STYLE = str(path)


def bare(name, table=None):
    """The figure of a fixed table, without letters and legends."""
    figure = import_module(f"memneuro.figure.{name}").draw(getattr(fixed_tables, name)() if table is None else table)
    figure.set_layout_engine("none")
    height = 0.9 / len(figure.axes)
    for place, axes in enumerate(figure.axes):
        axes.set_position((0.15, 0.95 - (place + 0.9) * height, 0.8, 0.8 * height))
    for text in figure.findobj(Text):
        text.set_visible(False)
    for legend in [*figure.legends, *(axes.get_legend() for axes in figure.axes)]:
        if legend is not None:
            legend.set_visible(False)
    return figure


def image_test(name):
    """A test that compares the figure of one table with its baseline."""

    @pytest.mark.mpl_image_compare(
        baseline_dir="baseline",
        filename=f"{name}.png",
        tolerance=TOLERANCE,
        style=STYLE,
        savefig_kwargs={"dpi": 100, "metadata": {"Software": None}},
    )
    def compare():
        return bare(name)

    return compare


test_threshold_firing = image_test("threshold_firing")
test_refractory_period = image_test("refractory_period")
test_model_table = image_test("model_table")


def pixels(name, table=None, **look):
    import matplotlib

    with style(), matplotlib.rc_context(look):
        figure = bare(name, table)
        figure.set_dpi(100)
        figure.canvas.draw()
        return np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(np.int16)


@pytest.mark.parametrize("name", FIGURES)
def test_letters_do_not_matter(name):
    for look in ({"text.hinting": "none"}, {"text.hinting": "force_autohint"}, {"font.family": "serif"}):
        assert calculate_rms(pixels(name), pixels(name, **look)) == 0


def test_a_changed_figure_is_noticed():
    moved = fixed_tables.refractory_period()
    moved["trials"]["isi_mean_ms"] *= 1.15
    assert calculate_rms(pixels("refractory_period"), pixels("refractory_period", moved)) > 2 * TOLERANCE
    thicker = pixels("refractory_period", **{"lines.linewidth": 2})
    assert calculate_rms(pixels("refractory_period"), thicker) > TOLERANCE
