"""Compare a recorded cell with the memristor neuron and the reference neurons: fit each, test each, one table.

Fits of the recordings that the package knows come with it (``fits.csv``, with seeds and ranges); other recordings are
fitted, and the search of each model is kept so that it can be resumed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib import resources
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd

from memneuro.biology.fit.data import CellData, cell_data, step_data
from memneuro.biology.fit.evaluate import evaluate
from memneuro.biology.fit.memristor import ABLATIONS
from memneuro.biology.fit.model import fit_model, fit_model_names
from memneuro.biology.fit.search import GENERATIONS, Fits, fit, fits_from_table
from memneuro.biology.recordings import load
from memneuro.biology.registry import RECORDINGS, find
from memneuro.cores import usable_cores
from memneuro.tables import write_csv

#: Seeds of the fits.
SEEDS = (1, 2, 3)
#: What is averaged over the fits of a model.
MEASURES = (
    "gamma",
    "gamma_normalised",
    "gamma_normalised_8ms",
    "rate_hz",
    "rate_error",
    "cv",
    "cv_error",
    "fi_error",
    "loss",
    "model_reliability",
)


def default_models() -> list[str]:
    """Names of the models that are compared: all but those with a trait taken away."""
    return [name for name in fit_model_names() if name not in ABLATIONS.values()]


def shipped_fits() -> pd.DataFrame:
    """The fits that come with the package, one row a fit and parameter, as `Fits.table` makes it."""
    return _shipped("fits.csv")


def shipped_comparison() -> pd.DataFrame:
    """Their tests, one row a fit; see `memneuro.biology.fit.evaluate.evaluate`."""
    return _shipped("comparison.csv")


def _shipped(name: str) -> pd.DataFrame:
    path = resources.files("memneuro") / "biology" / "fit" / name
    with path.open(encoding="utf-8") as stream:
        return pd.read_csv(stream)


def cell(name: str, test: str | os.PathLike[str] | None = None) -> CellData:
    """Training and test of a cell.

    Parameters
    ----------
    name : str
        In the registry, or the path of a file: repeats of one noise, a long noise, or current steps.
    test : path-like, optional
        File with repeats of another noise, for a `name` that is a path.

    Raises
    ------
    ValueError
        When the recording holds neither noise nor steps, or no spikes.
    """
    if name in RECORDINGS:
        files = RECORDINGS[name].files
        if "training" not in files:
            return step_data(load(name, "current_steps"))
        return cell_data(name, load(name, "training"), load(name, "test") if "test" in files else None)
    if not (Path(name).suffix or Path(name).exists()):
        find(name)  # says which recordings are known
    recording = load(Path(name))
    if test is not None and len(recording.sweeps) != 1:
        raise ValueError(
            f"{name} has {len(recording.sweeps)} sweeps; accepted with repeats to test on: one sweep of long noise"
        )
    if len(recording.sweeps) == 1:
        return cell_data(recording.name, recording, None if test is None else load(Path(test)))
    return step_data(recording)


def compare(
    name: str,
    *,
    test: str | os.PathLike[str] | None = None,
    models: Sequence[str] | None = None,
    seeds: Sequence[int] = SEEDS,
    generations: int = GENERATIONS,
    refit: bool = False,
    folder: Path | None = None,
    processes: int | None = None,
    backend: str = "cpp",
    progress: bool = True,
) -> dict[str, Any]:
    """A recorded cell beside the memristor neuron and the reference neurons.

    Parameters
    ----------
    name : str
        The recording; see :func:`cell`.
    test : path-like, optional
        Repeats of another noise, for a `name` that is a path.
    models : sequence of str, optional
        By default :func:`default_models`.
    seeds : sequence of int
        One fit for each.
    generations : int
        Budget of each fit; see :func:`memneuro.biology.fit.search.fit`.
    refit : bool
        Fit anew also where the package holds fits.
    folder : Path, optional
        Where journals, fits and the table go; a search found there is resumed.
    processes : int, optional
        Models fitted at the same time; by default the number of cores.
    backend : str
        As in :func:`memneuro.backend.backend`.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    dict
        ``recording``; ``reliability`` of the cell; ``fitted``, the models whose fits are new; ``models``: for each
        model ``gamma``, ``gamma_normalised``, ``rate_error``, ``cv_error`` and more, means over the fits, with
        ``..._sd``; ``rows``, one a fit, as :func:`memneuro.biology.fit.evaluate.evaluate` gives them.

    Raises
    ------
    ValueError
        For an unknown model, or a recording that cannot be used.
    """
    wanted = default_models() if models is None else list(models)
    for one in wanted:
        fit_model(one)
    data = cell(name, test)
    held = shipped_fits()
    held = held[(held["cell"] == name) & held["seed"].isin(list(seeds))]
    fits = {one: None if refit else _held(held, one, seeds) for one in wanted}
    jobs = [(one, data, tuple(seeds), generations, fits[one], folder, backend, progress) for one in wanted]
    workers = min(len(jobs), usable_cores()) if processes is None else processes
    if workers == 1:
        found = [_one(*job) for job in jobs]
    else:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            found = list(pool.map(_one, *zip(*jobs, strict=True)))
    rows = pd.concat([table for table, _ in found], ignore_index=True)
    if folder is not None:
        write_csv(rows, folder / "comparison.csv")
        if any(one is None for one in fits.values()):
            write_csv(pd.concat([table for _, table in found if table is not None]), folder / "fits.csv")
    return {
        "recording": name,
        "reliability": float(rows["reliability"].iloc[0]),
        "fitted": [one for one in wanted if fits[one] is None],
        "models": summary(rows),
        "rows": rows.to_dict(orient="records"),
    }


def _held(held: pd.DataFrame, model: str, seeds: Sequence[int]) -> pd.DataFrame | None:
    """The fits of a model among those held; None when a seed is missing."""
    own = held[held["model"] == model]
    return own if set(seeds) <= set(own["seed"]) else None


def _one(
    model: str,
    data: CellData,
    seeds: tuple[int, ...],
    generations: int,
    held: pd.DataFrame | None,
    folder: Path | None,
    backend: str,
    progress: bool,
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Fit (or take the fits held) and test one model: the test, and the fits when they are new."""
    built = fit_model(model)
    if held is not None:
        return evaluate(fits_from_table(held, built), [data], backend=backend), None
    journal = None if folder is None else folder / f"{model}.npz"
    fits: Fits = fit(built, [data], seeds, generations=generations, journal=journal, backend=backend, progress=progress)
    return evaluate(fits, [data], backend=backend), fits.table()


def summary(rows: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Mean and standard deviation over the fits of each model."""
    found: dict[str, dict[str, float]] = {}
    for model, own in rows.groupby("model", sort=False):
        found[str(model)] = {measure: float(own[measure].mean()) for measure in MEASURES} | {
            f"{measure}_sd": float(own[measure].std()) for measure in MEASURES
        }
    return found


def compare_text(result: Mapping[str, Any]) -> str:
    """Lay out a comparison as a table."""
    rows = []
    for name, found in result["models"].items():
        row = {"model": fit_model(name).title}
        for measure, label in (
            ("gamma", "gamma"),
            ("gamma_normalised", "normalised"),
            ("rate_error", "rate error"),
            ("cv_error", "CV error"),
        ):
            row[label] = f"{found[measure]:.3f} ± {found[measure + '_sd']:.3f}"
        rows.append(row)
    new = ", ".join(result["fitted"])
    kind = f"fitted now: {new}" if new else "fits that come with the package"
    head = f"{result['recording']}: reliability of the cell {result['reliability']:.3f}; held-out test, {kind}"
    return f"{head}\n\n{pd.DataFrame(rows).to_string(index=False)}"
