"""Search the parameters of a model with CMA-ES, several cells and seeds at once, with a journal to resume from.

The first generations sample the search space evenly (Sobol); CMA-ES starts from the best point they found.
Every job, one cell with one seed, is a search of its own; only their simulations share a program. After each generation
the journal holds all points and losses. A search that starts on it asks for the same points, which its seed fixes, is
told the losses that are there, and goes on where the journal ends: the result is that of an undisturbed run.

After the last generation the best candidates and the mean of the search are run once more with new noise, and the best
of these is taken: the lowest of many noisy losses is no fair estimate.

CMA-ES: Hansen 2016, arXiv:1604.00772; the package cma.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats.qmc import Sobol
from tqdm.auto import tqdm

from memneuro.biology.fit.data import CellData
from memneuro.biology.fit.loss import losses
from memneuro.biology.fit.model import FitModel
from memneuro.biology.fit.program import FitProgram
from memneuro.biology.fit.space import numbers, points
from memneuro.progress import no_bar
from memneuro.tables import atomic_path

GENERATIONS = 60
#: The first generations sample the whole cube evenly; the search starts from the best point found.
EXPLORED = 10
POPULATION = 16
TRIALS = 1
#: First step of the search, as a part of the unit cube.
SIGMA = 0.15
#: Loss above the best within which a point counts as equally good, for confidence ranges.
TOLERANCE = 0.02


@dataclass(frozen=True, eq=False)
class Fits:
    """Fits of one model: to several cells, with several seeds.

    Parameters
    ----------
    model : FitModel
    jobs : list of (str, int)
        Cell and seed of each fit.
    points : ndarray, shape (jobs, free parameters)
        The best points of the unit cube.
    loss : ndarray, shape (jobs,)
        Their loss with new noise.
    history_points : ndarray, shape (generations, jobs, population, free parameters)
        All points visited.
    history_losses : ndarray, shape (generations, jobs, population)
        And their losses.
    """

    model: FitModel
    jobs: list[tuple[str, int]]
    points: np.ndarray
    loss: np.ndarray
    history_points: np.ndarray | None = None
    history_losses: np.ndarray | None = None

    def table(self) -> pd.DataFrame:
        """The fits as a table, one row a fit and parameter.

        Columns: ``model``, ``cell``, ``seed``, ``loss``, ``parameter``, ``value``, ``unit``, and ``low`` and ``high``,
        the range of the value and of the points whose loss is within ``TOLERANCE`` of the best.

        Raises
        ------
        ValueError
            If the fits came from a table and have no history.
        """
        if self.history_points is None or self.history_losses is None:
            raise ValueError("these fits came from a table, without the history that ranges are made of")
        rows = []
        for k, (cell, seed) in enumerate(self.jobs):
            visited = self.history_losses[:, k].ravel()
            near = self.history_points[:, k].reshape(visited.size, -1)[visited <= visited.min() + TOLERANCE]
            near = np.vstack([near, self.points[k]])
            best = numbers(self.model.free, self.points[k])
            around = numbers(self.model.free, near)
            for one in self.model.free:
                rows.append(
                    {
                        "model": self.model.name,
                        "cell": cell,
                        "seed": seed,
                        "loss": self.loss[k],
                        "parameter": one.name,
                        "value": float(best[one.name]),
                        "unit": one.unit,
                        "low": float(around[one.name].min()),
                        "high": float(around[one.name].max()),
                    }
                )
        return pd.DataFrame(rows)


def fits_from_table(table: pd.DataFrame, model: FitModel) -> Fits:
    """The fits of one model from a table as :meth:`Fits.table` makes it; rows of other models are ignored.

    Parameters
    ----------
    table : DataFrame
        With the columns ``model``, ``cell``, ``seed``, ``loss``, ``parameter`` and ``value``.
    model : FitModel
        The model.

    Raises
    ------
    ValueError
        If the table has no fit of the model, or lacks a parameter.
    """
    own = table[table["model"] == model.name]
    if own.empty:
        raise ValueError(f"the table has no fit of {model.name}")
    jobs, found, loss = [], [], []
    for (cell, seed), rows in own.groupby(["cell", "seed"], sort=False):
        jobs.append((str(cell), int(seed)))
        found.append(points(model.free, dict(zip(rows["parameter"], rows["value"], strict=True))))
        loss.append(float(rows["loss"].iloc[0]))
    return Fits(model, jobs, np.array(found), np.array(loss))


def fit(
    model: FitModel,
    cells: Sequence[CellData],
    seeds: Sequence[int] = (1, 2, 3),
    *,
    generations: int = GENERATIONS,
    population: int = POPULATION,
    journal: Path | None = None,
    backend: str = "cpp",
    progress: bool = True,
) -> Fits:
    """Fit one model to the training noise of cells.

    Parameters
    ----------
    model : FitModel
        What is fitted.
    cells : sequence of CellData
        Only their training part is used.
    seeds : sequence of int
        One independent search for each.
    generations, population : int
        Budget of each search: ``generations*population`` candidates.
    journal : Path, optional
        File (``.npz``) to keep the search in and to resume from.
    backend : str
        As in :func:`memneuro.backend.backend`.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    Fits

    Raises
    ------
    ValueError
        When the journal belongs to another fit.
    """
    import cma

    jobs = [(cell, seed) for cell in cells for seed in seeds]
    trials = TRIALS if model.stochastic else 1
    size = len(model.free)
    options = {"popsize": population, "bounds": [0, 1], "verbose": -9}
    searches: list[Any] = []
    samplers = [Sobol(size, seed=seed) for _, seed in jobs]
    label = _label(model, cells, seeds, population, trials)
    past_points, past_losses = _read(journal, label, len(jobs), population, size)
    if len(past_points) > generations:
        past_points, past_losses = past_points[:generations], past_losses[:generations]
    program = FitProgram(model, [cell.training for cell, _ in jobs], population, trials, backend=backend)
    every_point, every_loss = list(past_points), list(past_losses)

    def evaluate(candidates: np.ndarray, seed: int) -> np.ndarray:
        found = program.run(candidates, seed)
        return np.array(
            [losses(cell.training, *spikes, population, trials) for (cell, _), spikes in zip(jobs, found, strict=True)]
        )

    bar = tqdm(total=generations, desc=f"fit {model.name}", unit="generation", disable=no_bar(progress))
    for generation in range(generations):
        if generation < EXPLORED:
            asked = np.array([sampler.random(population) for sampler in samplers])
        else:
            asked = np.array([search.ask() for search in searches])
        if generation < len(past_points):
            if not np.allclose(asked, past_points[generation], rtol=0, atol=1e-9):
                raise ValueError(f"{journal} was written by another version of the search; remove it to start anew")
            asked, found = past_points[generation], past_losses[generation]
        else:
            found = evaluate(asked, seed=1 + generation)
            every_point.append(asked)
            every_loss.append(found)
            if journal is not None:
                _write(journal, label, every_point, every_loss)
        if generation >= EXPLORED:
            for search, own_points, own in zip(searches, asked, found, strict=True):
                search.tell(list(own_points), list(own))
        if generation == EXPLORED - 1:
            explored = np.array(every_point[:EXPLORED]), np.array(every_loss[:EXPLORED])
            for (_, seed), start in zip(jobs, _best(*explored), strict=True):
                # A generator of its own: the default is NumPy's global one, which the searches would share.
                own_options = {**options, "seed": 1 + seed, "randn": np.random.RandomState(1 + seed).randn}
                searches.append(cma.CMAEvolutionStrategy(start, SIGMA, own_options))
        bar.set_postfix(loss=f"{np.min(every_loss[: generation + 1], axis=(0, 2)).mean():.3f}", refresh=False)
        bar.update()
    bar.close()
    history_points, history_losses = np.array(every_point), np.array(every_loss)
    finalists = _finalists(searches, history_points, history_losses, population)
    again = np.mean(
        [evaluate(finalists, seed=generations + 1 + k) for k in range(4 if model.stochastic else 1)], axis=0
    )
    best = again.argmin(axis=1)
    rows = np.arange(len(jobs))
    return Fits(
        model,
        [(cell.name, seed) for cell, seed in jobs],
        finalists[rows, best],
        again[rows, best],
        history_points,
        history_losses,
    )


def _best(visited: np.ndarray, found: np.ndarray) -> np.ndarray:
    """The best point of each job, shape (jobs, size), of those visited, (generations, jobs, population, size)."""
    jobs, size = visited.shape[1], visited.shape[-1]
    flat = visited.transpose(1, 0, 2, 3).reshape(jobs, -1, size)
    return flat[np.arange(jobs), found.transpose(1, 0, 2).reshape(jobs, -1).argmin(axis=1)]


def _finalists(searches: list[Any], visited: np.ndarray, found: np.ndarray, population: int) -> np.ndarray:
    """Of each job the mean of the search and the best points visited, shape (jobs, population, size).

    Without a search, after a budget that ended while the cube was sampled, the best points alone.
    """
    chosen = []
    for k in range(found.shape[1]):
        own = visited[:, k].reshape(-1, visited.shape[-1])
        best = own[np.argsort(found[:, k].ravel(), kind="stable")[:population]]
        if searches:
            best = np.vstack([np.clip(searches[k].result.xfavorite, 0, 1), best[:-1]])
        chosen.append(best)
    return np.array(chosen)


def _label(model: FitModel, cells: Sequence[CellData], seeds: Sequence[int], population: int, trials: int) -> str:
    """What a journal must agree in to be resumed."""
    return json.dumps(
        {
            "model": model.name,
            "free": [[one.name, one.low, one.high, one.unit, one.log] for one in model.free],
            "cells": [[cell.name, _checksum(cell)] for cell in cells],
            "fixed": repr(sorted(model.neuron.parameters().items())),
            "seeds": list(seeds),
            "population": population,
            "trials": trials,
            "step_s": float(model.step),
        }
    )


def _checksum(cell: CellData) -> str:
    """Of everything a fit sees of a cell."""
    training = cell.training
    digest = hashlib.sha256(training.current.tobytes())
    digest.update(training.trains[0].tobytes())
    digest.update(np.array([training.sampling_interval, training.start, training.end]).tobytes())
    return digest.hexdigest()


def _write(path: Path, label: str, visited: list[np.ndarray], found: list[np.ndarray]) -> None:
    with atomic_path(path) as temporary:
        np.savez_compressed(temporary, label=np.array(label), points=np.array(visited), losses=np.array(found))


def _read(path: Path | None, label: str, jobs: int, population: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and losses of a journal; none where there is no file."""
    if path is None or not Path(path).exists():
        return np.empty((0, jobs, population, size)), np.empty((0, jobs, population))
    try:
        with np.load(path, allow_pickle=False) as held:
            written, visited, found = str(held["label"]), held["points"], held["losses"]
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is not a journal of a fit: {error}; remove it to start anew") from error
    if written != label:
        raise ValueError(f"{path} is the journal of another fit; name another file, or remove it to start anew")
    return visited, found
