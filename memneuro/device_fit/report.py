"""What a fit leaves behind: the card, its parameters as a table, a figure and a report in words."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from memneuro.device.card import write_card
from memneuro.device_fit.fit import Fit
from memneuro.figure.style import BLUE, GREEN, MEASURED, ORANGE, VERMILION, new_figure, style
from memneuro.tables import atomic_path, write_csv, write_text

_LOOK = {
    "v_set_positive": (BLUE, "o", "threshold, positive"),
    "v_set_negative": (VERMILION, "s", "threshold, negative"),
    "v_hold_positive": (GREEN, "^", "hold, positive"),
    "v_hold_negative": (ORANGE, "v", "hold, negative"),
}


def draw(points: pd.DataFrame, line: pd.DataFrame) -> Figure:
    """Draw the measured points beside the model's line.

    Parameters
    ----------
    points, line : DataFrame
        For thresholds ``parameter``, ``voltage_V``, ``share``; for delays ``amplitude_V`` and ``delay_s``, and
        ``amplitude_V``, ``low_s``, ``median_s``, ``high_s``.
    """
    if "parameter" in points:
        return _draw_shares(points, line)
    figure, axes = new_figure(height=2.6)
    axes.plot(points["amplitude_V"], 1e3 * points["delay_s"], **{**MEASURED, "markersize": 3}, label="measured")
    if len(line) > 1:
        axes.fill_between(
            line["amplitude_V"],
            1e3 * line["low_s"],
            1e3 * line["high_s"].clip(upper=10 * points["delay_s"].max()),
            color=BLUE,
            alpha=0.2,
            linewidth=0,
            label="model, 95 % of delays",
        )
        axes.plot(line["amplitude_V"], 1e3 * line["median_s"], color=BLUE, label="model, median")
    else:
        down, up = line["median_s"] - line["low_s"], line["high_s"] - line["median_s"]
        axes.errorbar(
            line["amplitude_V"],
            1e3 * line["median_s"],
            yerr=[1e3 * down, 1e3 * up],
            color=BLUE,
            marker="_",
            label="model, median and 95 %",
        )
    axes.set(xlabel="amplitude of the pulse (V)", ylabel="delay (ms)", yscale="log")
    axes.legend()
    return figure


def _draw_shares(points: pd.DataFrame, line: pd.DataFrame) -> Figure:
    figure, axes = new_figure(height=2.6)
    for name, part in points.groupby("parameter", sort=False):
        color, marker, label = _LOOK[str(name)]
        axes.plot(
            part["voltage_V"], part["share"], color=color, marker=marker, markersize=3, linestyle="none", label=label
        )
        model = line[line["parameter"] == name]
        axes.plot(model["voltage_V"], model["share"], color=color)
    axes.set(xlabel="voltage (V)", ylabel="share of cycles below", ylim=(0, 1.35))
    axes.set_yticks([0, 0.5, 1])
    axes.legend(loc="upper center", ncols=2, title="points: measured, lines: model", title_fontsize=7)
    return figure


def text(fit: Fit, measured: str) -> str:
    """The report in Markdown.

    Parameters
    ----------
    fit : Fit
        What was fitted.
    measured : str
        Name of the measurement.
    """
    card = fit.card
    rows = [
        f"| {row.parameter}{' (cycle spread)' if row.kind == 'cycle_spread' else ''} | {row.value:.5g} | "
        f"{row.low:.5g} | {row.high:.5g} | {row.unit} | {row.n} |"
        for row in fit.parameters.itertuples()
    ]
    means = {
        "threshold": "Ranges are Student's for means and chi-square for the spread from cycle to cycle.",
        "hopping": "Ranges of mu, v_hop, sigma_tip and gamma1 are by profile likelihood, those of resistances "
        "Student's; all are conditional on the values that were kept.",
    }[card.model]
    lines = [
        f"# Device card fitted to {measured}",
        "",
        card.about,
        f"Model: {card.model}. {means}",
        "",
        "## Fitted",
        "",
        "| parameter | value | 95 % from | to | unit | n |",
        "|---|---|---|---|---|---|",
        *rows,
        "",
        "![measured points beside the model](fit.png)",
        "",
        "## Not determined by these data",
        "",
        *[f"- **{name}**: {why}." for name, why in fit.undetermined.items()],
        "",
        "## Goodness of fit",
        "",
        *_goodness_lines(fit.goodness),
    ]
    if fit.notes:
        lines += ["", "## Notes", "", *[f"- {note}" for note in fit.notes]]
    return "\n".join(lines) + "\n"


def _goodness_lines(goodness: dict[str, Any]) -> list[str]:
    if "chi2" not in goodness:
        return [
            f"- {name}: normal with p = {_p(found['normality_p'])} (Kolmogorov-Smirnov, Lilliefors), {found['n']} "
            "cycles, "
            f"correlation of consecutive cycles {found['lag1']:.2f}."
            for name, found in goodness.items()
        ]
    means = ", ".join(f"{key}: {value:+.2f}" for key, value in goodness["mean_z_by_amplitude"].items())
    return [
        f"- Standardised residuals of {goodness['n']} delays are normal with p = {_p(goodness['normality_p'])} "
        "(Kolmogorov-Smirnov, Lilliefors).",
        f"- Mean residual by amplitude: {means}; chi-square {goodness['chi2']:.3g} with {goodness['chi2_freedom']} "
        f"degrees of freedom, p = {_p(goodness['chi2_p'])}.",
        f"- Correlation of consecutive residuals {goodness['lag1']:.2f}: far from 0, pulses are too close together for "
        "independent delays.",
    ]


def _p(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else "not defined"


def write(fit: Fit, folder: Path, measured: str) -> dict[str, str]:
    """Write card, parameters, points, line, figure and report; give their paths by file name.

    Each file is either complete or not there.

    Parameters
    ----------
    fit : Fit
        What was fitted.
    folder : Path
        Where the files go; it is made where it is missing.
    measured : str
        Name of the measurement.

    Raises
    ------
    NotADirectoryError
        If `folder` is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"--out must name a folder, and {folder} is a file")
    files = {
        name: folder / name
        for name in ("card.toml", "parameters.csv", "points.csv", "line.csv", "fit.png", "report.md")
    }
    with style():
        figure = draw(fit.points, fit.line)
        with atomic_path(files["fit.png"]) as temporary:
            figure.savefig(temporary)
    write_csv(fit.parameters, files["parameters.csv"])
    write_csv(fit.points, files["points.csv"])
    write_csv(fit.line, files["line.csv"])
    write_text(text(fit, measured), files["report.md"])
    write_card(
        fit.card, files["card.toml"], comment=f"Fitted by memneuro fit-device to {measured}; interval: 95 % range."
    )
    return {name: str(path) for name, path in files.items()}
