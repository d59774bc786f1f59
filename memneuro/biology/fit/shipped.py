"""Fit every model to every recording that the package knows, and write the tables that come with it.

``python -m memneuro.biology.fit.shipped --out DIR`` writes journals, ``fits.csv`` and ``comparison.csv`` and resumes
what
it finds in DIR. Hours on two cores; models can be shared out over several calls, and ``--collect`` joins their tables.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from memneuro.biology.fit.compare import SEEDS, cell
from memneuro.biology.fit.evaluate import evaluate
from memneuro.biology.fit.memristor import ABLATIONS
from memneuro.biology.fit.model import fit_model, fit_model_names
from memneuro.biology.fit.search import GENERATIONS, fit, fits_from_table
from memneuro.biology.registry import recording_names
from memneuro.tables import write_csv


def groups(ablation: bool) -> dict[str, list[str]]:
    """The recordings that are fitted in one program; models with a trait taken away are fitted to the noise only."""
    found: dict[str, list[str]] = {}
    for name in sorted(recording_names(), reverse=True):
        found.setdefault(name.split("/")[0], []).append(name)
    return {kind: names for kind, names in found.items() if kind == "raphe" or not ablation}


def write_fits(model: str, folder: Path, generations: int = GENERATIONS) -> None:
    """Fit one model to all recordings and write ``fits_MODEL.csv``.

    Parameters
    ----------
    model : str
        Name of a model.
    folder : Path
        Where the table goes, and the journals, from which a search that was cut off is resumed.
    generations : int
        Budget of each fit.
    """
    fits = []
    for kind, recordings in groups(model in ABLATIONS.values()).items():
        cells = [cell(name) for name in recordings]
        journal = folder / f"{model}_{kind}.npz"
        found = fit(fit_model(model), cells, SEEDS, generations=generations, journal=journal)
        fits.append(found.table())
    write_csv(pd.concat(fits, ignore_index=True), folder / f"fits_{model}.csv")


def retest(model: str, folder: Path) -> None:
    """Test the fits of ``fits_MODEL.csv`` once more and write ``comparison_MODEL.csv``, with half the step beside.

    Parameters
    ----------
    model : str
        Name of a model.
    folder : Path
        Where its fits are and the table goes.
    """
    built = fit_model(model)
    table = pd.read_csv(folder / f"fits_{model}.csv")
    tests = []
    for recordings in groups(model in ABLATIONS.values()).values():
        cells = [cell(name) for name in recordings]
        own = table[table["cell"].isin(recordings)]
        if own.empty:
            continue
        found = fits_from_table(own, built)
        whole, half = evaluate(found, cells), evaluate(found, cells, dt=built.test_step / 2)
        tests.append(whole.assign(gamma_half_step=half["gamma"], rate_half_step_hz=half["rate_hz"]))
    write_csv(pd.concat(tests, ignore_index=True), folder / f"comparison_{model}.csv")


def collect(folder: Path) -> None:
    """Join the tables of the models in `folder` into ``fits.csv`` and ``comparison.csv``."""
    for table in ("fits", "comparison"):
        paths = [folder / f"{table}_{model}.csv" for model in fit_model_names()]
        write_csv(pd.concat([pd.read_csv(path) for path in paths if path.exists()]), folder / f"{table}.csv")


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("results/fits"), help="default: %(default)s")
    parser.add_argument("--models", nargs="+", default=fit_model_names(), metavar="MODEL", help="default: all")
    parser.add_argument("--generations", type=int, default=GENERATIONS, help="default: %(default)s")
    parser.add_argument("--test", action="store_true", help="test the fits that are there, with a step-halving check")
    parser.add_argument("--collect", action="store_true", help="only join the tables that are there")
    given = parser.parse_args(arguments)
    for model in [] if given.collect else given.models:
        if given.test:
            retest(model, given.out)
        else:
            write_fits(model, given.out, given.generations)
            retest(model, given.out)
    collect(given.out)


if __name__ == "__main__":
    main()
