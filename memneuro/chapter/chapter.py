"""What a chapter of the report is: tables, a figure drawn from them, and a comparison with the measurement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from brian2 import Quantity, us
from matplotlib.figure import Figure

from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.score import row_error
from memneuro.experiment.target import target
from memneuro.figure.style import style
from memneuro.report import Section, provenance
from memneuro.tables import atomic_path, write_csv, write_json

#: A chapter agrees with the measurement when the mean error of its rows is at most this, and differs otherwise.
AGREEMENT = 0.12

Tables = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Chapter:
    """One part of the report.

    Parameters
    ----------
    number : int
        Its place in the report.
    name : str
        Names its files.
    title : str
        Its heading.
    paragraphs : tuple of str
        What is done and what to look at.
    caption : str
        Of the figure.
    simulate : callable
        ``simulate(fast) -> {name: DataFrame}``: tidy tables, the main one first. `fast` asks for fewer trials.
    draw : callable
        ``draw(tables) -> Figure``, from the tables of `simulate` and, where there is one, ``"comparison"``.
    compare : callable or None
        ``compare(tables) -> DataFrame``: measured beside simulated values, and ``error`` for the verdict.
    notes : tuple of str
        Reservations.
    judge : callable
        ``judge(tables) -> verdict``, one of the report's or None; by default from the errors of the comparison.
    cards : tuple of str
        The device cards that are simulated.
    seeds : tuple of int
        Of all that is random.
    fast_seeds : tuple of int or None
        The seeds of a quick run; None where they are the same.
    step : callable or None
        ``step() -> text``, the time step; None where it is the default one of each card.
    """

    number: int
    name: str
    title: str
    paragraphs: tuple[str, ...]
    caption: str
    simulate: Callable[[bool], dict[str, pd.DataFrame]]
    draw: Callable[[Tables], Figure]
    compare: Callable[[Tables], pd.DataFrame] | None = None
    notes: tuple[str, ...] = ()
    judge: Callable[[Tables], str | None] = field(default_factory=lambda: verdict)
    cards: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    fast_seeds: tuple[int, ...] | None = None
    step: Callable[[], str] | None = None

    def tables(self, fast: bool = False) -> dict[str, pd.DataFrame]:
        """The tables of the chapter, the comparison with the measurement last."""
        tables = self.simulate(fast)
        if self.compare is not None:
            tables["comparison"] = self.compare(tables)
        return tables

    def provenance(self, fast: bool = False) -> dict[str, str]:
        """What somebody needs to obtain the same numbers: versions, seed, time step, cards, quick or not."""
        seeds = self.fast_seeds if fast and self.fast_seeds is not None else self.seeds
        return provenance(
            seed=", ".join(map(str, seeds)) or "none, nothing is random",
            step=self.step() if self.step is not None else card_steps(self.cards),
            card=", ".join(self.cards) or "none",
            fast="yes, fewer trials: a look, not a result" if fast else "no",
        )

    def write(self, folder: Path, stem: str, fast: bool = False) -> dict[str, pd.DataFrame]:
        """Simulate, and write ``stem.csv`` (the main table), ``stem_NAME.csv`` (any others) and ``stem.png``.

        Where the numbers are from (see `provenance`) is written to ``stem.json`` and into the PNG.

        Parameters
        ----------
        folder : Path
            Where the files go.
        stem : str
            Beginning of their names.
        fast : bool
            Fewer trials and seeds: a look, not a result.

        Returns
        -------
        dict of str to DataFrame
            The tables.
        """
        tables = self.tables(fast)
        files = {name: f"{stem}.csv" if place == 0 else f"{stem}_{name}.csv" for place, name in enumerate(tables)}
        for name, table in tables.items():
            write_csv(table, Path(folder) / files[name])
        origin = self.provenance(fast)
        write_json({"title": self.title, **origin, "tables": files}, Path(folder) / f"{stem}.json")
        lines = "; ".join(f"{name}: {value}" for name, value in origin.items())
        with style():
            figure = self.draw(tables)
            with atomic_path(Path(folder) / f"{stem}.png") as path:
                metadata = {"Title": self.title, "Description": lines, "Software": f"memneuro {origin['memneuro']}"}
                figure.savefig(path, metadata=metadata)
        return tables

    def section(self, tables: Tables, figure: Path) -> Section:
        """The chapter as a section of the report.

        Parameters
        ----------
        tables : mapping of str to DataFrame
            What :meth:`write` gave.
        figure : Path
            The PNG image that it wrote.
        """
        return Section(
            title=self.title,
            paragraphs=self.paragraphs,
            figure=figure,
            caption=self.caption,
            table=tables.get("comparison"),
            verdict=self.judge(tables),
            notes=self.notes,
        )


def step_text(step: Quantity) -> str:
    """A time step in words, such as "10 µs"."""
    return f"{float(step / us):.4g} µs"


def card_steps(cards: Iterable[str]) -> str:
    """The default step of each card, as text."""
    return ", ".join(f"{step_text(OneM1T1R(name).default_step)} for {name}" for name in cards) or "none"


def verdict(tables: Tables) -> str:
    """Judge a chapter: ``"agrees"`` when the mean error of its rows is at most ``AGREEMENT``, else ``"differs"``.

    ``"not measured"`` when it has no comparison, or one without errors.
    """
    comparison = tables.get("comparison")
    if comparison is None or "error" not in comparison or comparison["error"].isna().all():
        return "not measured"
    return "agrees" if comparison["error"].mean() <= AGREEMENT else "differs"


def no_verdict(tables: Tables) -> None:
    """For a chapter that compares without a right answer."""


def beside_targets(
    figure: str,
    simulated: Mapping[float, tuple[float, float, float]],
    latched: Mapping[float, float] | None = None,
) -> pd.DataFrame:
    """Put simulated values beside the measurements of one figure of the paper.

    Parameters
    ----------
    figure : str
        As in the column `figure` of the targets.
    simulated : mapping of float to (value, low, high)
        By the value of the condition; low and high bound 68 % of the trials, or of the uncertainty of a probability.
    latched : mapping of float to float, optional
        Fraction of trials that latched, by the value of the condition; it becomes a column and counts in the error.

    Returns
    -------
    DataFrame
        ``figure``, ``condition``, ``condition_value``, ``condition_unit``, ``measured``, ``simulated``, ``low``,
        ``high``, ``unit``, ``reading`` and ``error`` (of the score).
    """
    rows = []
    for row in target(figure).to_dict(orient="records"):
        condition = float(row["condition_value"])
        value, low, high = simulated[condition]
        stuck = 0.0 if latched is None else float(latched[condition])
        rows.append(
            {key: row[key] for key in ("figure", "condition", "condition_value", "condition_unit", "measured")}
            | {"simulated": value, "low": low, "high": high, "unit": row["unit"], "reading": row["reading"]}
            | {"error": row_error(row["unit"], row["condition"], row["measured"], value, stuck)}
            | ({} if latched is None else {"latched": stuck})
        )
    return pd.DataFrame(rows)


def spread(values: pd.Series) -> tuple[float, float, float]:
    """Median and the bounds of the central 68 % over trials; a trial without a value counts as later than all others.

    NaN where that makes the value that of such a trial.
    """
    late = np.sort(values.fillna(np.inf).to_numpy(dtype=float))
    found = [float(np.quantile(late, q, method="nearest")) for q in (0.5, 0.16, 0.84)]
    middle, low, high = (value if np.isfinite(value) else float("nan") for value in found)
    return middle, low, high


def probability(fired: pd.Series) -> tuple[float, float, float]:
    """A fraction of trials and its 68 % Wilson interval."""
    n, p = len(fired), float(fired.mean())
    centre, half = (p + 0.5 / n) / (1 + 1 / n), np.sqrt(p * (1 - p) / n + 0.25 / n**2) / (1 + 1 / n)
    return p, float(centre - half), float(centre + half)
