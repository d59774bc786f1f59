"""The search itself: CMA-ES on the objective, seeded, on several processes, resumable."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from brian2 import volt

from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.cores import usable_cores
from memneuro.experiment.calibrate.objective import row_errors, terms
from memneuro.experiment.calibrate.protocols import BATCH, Effort, Programs
from memneuro.experiment.calibrate.search import SEARCHES, Search
from memneuro.experiment.target import scored_targets
from memneuro.numerics.search import History, evolve

#: Seed of the noise of the finalists; each generation of the search has its own number, the same for all its points.
FINAL_NOISE = 90000

_programs: Programs | None = None


def _start(variant: str, effort: Effort, backend: str, precision: str) -> None:
    """Compile the programs of a worker process."""
    global _programs
    _programs = Programs(SEARCHES[variant], effort, backend, precision)


def _work(points: list[np.ndarray], rows: list[np.ndarray], seed: int) -> list[tuple[dict[str, float], np.ndarray]]:
    """Terms of the objective and errors of all rows, at each point of one batch."""
    assert _programs is not None
    threshold = float(OneM1T1R(_programs.search.template).circuit["v_threshold"] / volt)
    table = _programs.table
    found = _programs.run(points, seed)
    return [
        (terms(table, one, threshold, used), row_errors(table, one, threshold)[0])
        for one, used in zip(found, rows, strict=True)
    ]


class Evaluator:
    """Worker processes that evaluate points; a context manager.

    Parameters
    ----------
    search : Search
        Parameters, limits and step.
    effort : Effort
        Trials.
    workers : int, optional
        Processes; by default one a core.
    backend, precision : str
        Where the programs run, and with which numbers.
    """

    def __init__(
        self,
        search: Search,
        effort: Effort,
        workers: int | None = None,
        backend: str = "cpp",
        precision: str = "single",
    ) -> None:
        self.search = search
        self._pool = ProcessPoolExecutor(
            workers or usable_cores(),
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_start,
            initargs=(search.variant, effort, backend, precision),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Call a function in a worker, where the programs are.

        Parameters
        ----------
        function : callable
            A function of a module.
        *arguments : object
            What it is called with.
        """
        return self._pool.submit(function, *arguments)

    def details(
        self, points: np.ndarray, seed: int, rows: np.ndarray | None = None
    ) -> list[tuple[dict[str, float], np.ndarray]]:
        """Terms of the objective, and the errors of all scored rows, at every point.

        Parameters
        ----------
        points : ndarray, shape (m, names)
            In the unit cube.
        seed : int
            Of the noise.
        rows : ndarray of bool, shape (m, rows), optional
            The scored rows that count at each point; all by default.
        """
        used = np.ones((len(points), len(scored_targets())), bool) if rows is None else rows
        starts = range(0, len(points), BATCH)
        tasks = [self.submit(_work, list(points[k : k + BATCH]), list(used[k : k + BATCH]), seed) for k in starts]
        return [one for task in tasks for one in task.result()]

    def losses(self, points: np.ndarray, seed: int, rows: np.ndarray | None = None) -> np.ndarray:
        """The objective at every point.

        Parameters
        ----------
        points : ndarray, shape (m, names)
            As in :meth:`details`.
        seed : int
            Of the noise.
        rows : ndarray of bool, shape (m, rows), optional
            As in :meth:`details`.
        """
        return np.array([sum(found.values()) for found, _ in self.details(points, seed, rows)])


def label(search: Search, effort: Effort, **others: object) -> str:
    """What a journal must agree in to be resumed.

    Parameters
    ----------
    search : Search
        Parameters, limits and step.
    effort : Effort
        Trials.
    **others : object
        What else the result depends on.
    """
    limits = {"shared": search.shared, "by_device": search.by_device}
    targets = scored_targets()["measured"].tolist()
    text = {"variant": search.variant, "step_s": float(search.step), "effort": asdict(effort), "targets": targets}
    return json.dumps({**text, **limits, **others}, sort_keys=True)


def calibrate(
    search: Search,
    *,
    seeds: Sequence[int] = (1,),
    rows: np.ndarray | None = None,
    generations: int = 200,
    population: int = 16,
    explored: int = 0,
    effort: Effort | None = None,
    final_effort: Effort | None = None,
    start: np.ndarray | None = None,
    sigma: float = 0.08,
    workers: int | None = None,
    backend: str = "cpp",
    journal: Path | None = None,
) -> tuple[np.ndarray, np.ndarray, History]:
    """Minimise the objective, once for each seed.

    Parameters
    ----------
    search : Search
        Parameters and limits.
    seeds : sequence of int
        One search for each.
    rows : ndarray of bool, shape (seeds, rows), optional
        The scored rows that each search sees; all by default.
    generations, population, explored : int
        As in :func:`memneuro.numerics.search.evolve`.
    effort, final_effort : Effort, optional
        Trials of the search, and of the final choice between the favourite and the best points.
    start : ndarray, optional
        Where the search starts; by default from scratch, at :meth:`Search.scratch`.
    sigma : float
        First step as a fraction of the ranges.
    workers : int, optional
        Processes; by default one a core.
    backend : str
        Where the programs run.
    journal : Path, optional
        File (``.npz``) to keep the search in and to resume from.

    Returns
    -------
    points : ndarray, shape (seeds, names)
        The best of the favourite and the best points visited, judged on noises that the search did not see.
    losses : ndarray, shape (seeds,)
        Their objective on those noises.
    history : History
    """
    effort = effort or Effort()
    start = search.scratch() if start is None else start
    size, jobs = len(search.names()), len(seeds)
    seen = np.ones((jobs, len(scored_targets())), bool) if rows is None else rows
    with Evaluator(search, effort, workers, backend) as evaluator:

        def evaluate(points: np.ndarray, generation: int) -> np.ndarray:
            used = np.repeat(seen, points.shape[1], axis=0)
            return evaluator.losses(points.reshape(-1, size), generation, used).reshape(points.shape[:2])

        history = evolve(
            evaluate,
            seeds,
            size,
            generations=generations,
            population=population,
            explored=explored,
            start=start,
            sigma=sigma,
            journal=journal,
            label=label(
                search,
                effort,
                seeds=list(seeds),
                rows=seen.astype(int).tolist(),
                start=np.round(start, 12).tolist(),
                population=population,
                explored=explored,
                sigma=sigma,
            ),
            progress=f"calibrate {search.variant}",
        )
    finalists = history.finalists(BATCH)
    # Fewer than BATCH of each job after a short search.
    used = np.repeat(seen, finalists.shape[1], axis=0)
    with Evaluator(search, final_effort or effort, workers, backend, "double") as evaluator:
        flat = finalists.reshape(-1, size)
        judged = np.mean([evaluator.losses(flat, FINAL_NOISE + k, used) for k in range(3)], axis=0)
    judged = judged.reshape(finalists.shape[:2])
    best = judged.argmin(axis=1)
    return finalists[np.arange(jobs), best], judged[np.arange(jobs), best], history
