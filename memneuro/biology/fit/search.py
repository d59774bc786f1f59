"""Search the parameters of a model for several cells and seeds at once.

Every job, one cell with one seed, is a search of its own (:mod:`memneuro.numerics.search`); only their simulations
share a program. The first generations sample the search space evenly, then CMA-ES takes over.

After the last generation the best candidates and the mean of the search are run once more with new noise, and the best
of these is taken: the lowest of many noisy losses is no fair estimate.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from memneuro.biology.fit.data import CellData
from memneuro.biology.fit.loss import losses
from memneuro.biology.fit.model import FitModel
from memneuro.biology.fit.program import FitProgram
from memneuro.biology.fit.space import numbers, points
from memneuro.numerics.search import evolve

GENERATIONS = 60
#: The first generations sample the whole cube evenly; the search starts from the best point found.
EXPLORED = 10
POPULATION = 16
TRIALS = 1
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
    jobs = [(cell, seed) for cell in cells for seed in seeds]
    trials = TRIALS if model.stochastic else 1
    program = FitProgram(model, [cell.training for cell, _ in jobs], population, trials, backend=backend)

    def evaluate(candidates: np.ndarray, seed: int) -> np.ndarray:
        found = program.run(candidates, seed)
        return np.array(
            [losses(cell.training, *spikes, population, trials) for (cell, _), spikes in zip(jobs, found, strict=True)]
        )

    history = evolve(
        evaluate,
        [seed for _, seed in jobs],
        len(model.free),
        generations=generations,
        population=population,
        explored=EXPLORED,
        journal=journal,
        label=_label(model, cells, seeds, population, trials),
        progress=f"fit {model.name}" if progress else None,
    )
    finalists = history.finalists(population)
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
        history.points,
        history.losses,
    )


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
