"""CMA-ES over the unit cube, several searches side by side, with a journal to resume from.

The first generations may sample the cube evenly (Sobol); CMA-ES starts from the best point they found, or from a given
one. Every job is a search of its own with its own seed; only their evaluations are made together. After each generation
the journal holds all points and losses. A search that starts on it asks for the same points, which its seed fixes, is
told the losses that are there, and goes on where the journal ends: the result is that of an undisturbed run.

CMA-ES: Hansen 2016, arXiv:1604.00772; the package cma.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats.qmc import Sobol
from tqdm.auto import tqdm

from memneuro.progress import no_bar
from memneuro.tables import atomic_path

#: First step of a search, as a part of the unit cube.
SIGMA = 0.15


@dataclass(frozen=True, eq=False)
class History:
    """What searches visited.

    Parameters
    ----------
    points : ndarray, shape (generations, jobs, population, size)
        All points.
    losses : ndarray, shape (generations, jobs, population)
        And their losses.
    favourites : ndarray, shape (jobs, size), or None
        Where each search expects the best point; None after a budget that ended while the cube was sampled.
    """

    points: np.ndarray
    losses: np.ndarray
    favourites: np.ndarray | None

    def finalists(self, number: int) -> np.ndarray:
        """Of each job the favourite and the best points visited, `number` in all, shape (jobs, number, size)."""
        chosen = []
        for k in range(self.losses.shape[1]):
            own = self.points[:, k].reshape(-1, self.points.shape[-1])
            best = own[np.argsort(self.losses[:, k].ravel(), kind="stable")[:number]]
            if self.favourites is not None:
                best = np.vstack([self.favourites[k], best[: number - 1]])
            chosen.append(best)
        return np.array(chosen)


def evolve(
    evaluate: Callable[[np.ndarray, int], np.ndarray],
    seeds: Sequence[int],
    size: int,
    *,
    generations: int,
    population: int,
    explored: int,
    start: np.ndarray | None = None,
    sigma: float = SIGMA,
    journal: Path | None = None,
    label: str = "",
    progress: str | None = None,
) -> History:
    """Minimise several noisy functions on the unit cube.

    Parameters
    ----------
    evaluate : callable
        From points, shape (jobs, population, size), and the number of the generation, from 1 on, to their losses, shape
        (jobs, population).
    seeds : sequence of int
        One search for each.
    size : int
        Number of dimensions.
    generations, population : int
        Budget of each search: ``generations*population`` points.
    explored : int
        Generations that sample the cube evenly before the search starts.
    start : ndarray, shape (size,) or (jobs, size), optional
        Where the searches start instead of at the best point explored; needed where `explored` is 0.
    sigma : float
        First step, as a part of the unit cube.
    journal : Path, optional
        File (``.npz``) to keep the searches in and to resume from.
    label : str
        What a journal must agree in to be resumed.
    progress : str, optional
        Label of a progress bar; none by default.

    Returns
    -------
    History

    Raises
    ------
    ValueError
        When the journal belongs to another search.
    """
    import cma

    jobs = len(seeds)
    past_points, past_losses = read_journal(journal, label, (jobs, population, size))
    past_points, past_losses = past_points[:generations], past_losses[:generations]
    every_point, every_loss = list(past_points), list(past_losses)
    samplers = [Sobol(size, seed=seed) for seed in seeds]
    searches: list[Any] = []
    bar = tqdm(total=generations, desc=progress, unit="generation", disable=no_bar(progress is not None))
    for generation in range(generations):
        if generation == explored:
            visited = np.array(every_point[:explored]), np.array(every_loss[:explored])
            given = _best(*visited) if start is None else start
            for seed, own in zip(seeds, np.broadcast_to(given, (jobs, size)), strict=True):
                # A generator of its own: the default is NumPy's global one, which the searches would share.
                options = {"popsize": population, "bounds": [0, 1], "verbose": -9}
                options |= {"seed": 1 + seed, "randn": np.random.RandomState(1 + seed).randn}
                searches.append(cma.CMAEvolutionStrategy(own, sigma, options))
        if generation < explored:
            asked = np.array([sampler.random(population) for sampler in samplers])
        else:
            asked = np.array([search.ask() for search in searches])
        if generation < len(past_points):
            if not np.allclose(asked, past_points[generation], rtol=0, atol=1e-9):
                raise ValueError(f"{journal} was written by another version of the search; remove it to start anew")
            asked, found = past_points[generation], past_losses[generation]
        else:
            found = evaluate(asked, 1 + generation)
            every_point.append(asked)
            every_loss.append(found)
            if journal is not None:
                with atomic_path(journal) as temporary:
                    np.savez_compressed(
                        temporary, label=np.array(label), points=np.array(every_point), losses=np.array(every_loss)
                    )
        for search, own_points, own in zip(searches, asked, found, strict=False):
            search.tell(list(own_points), list(own))
        bar.set_postfix(loss=f"{np.min(every_loss[: generation + 1], axis=(0, 2)).mean():.3f}", refresh=False)
        bar.update()
    bar.close()
    favourites = np.array([np.clip(search.result.xfavorite, 0, 1) for search in searches]) if searches else None
    return History(np.array(every_point), np.array(every_loss), favourites)


def _best(visited: np.ndarray, found: np.ndarray) -> np.ndarray:
    """The best point of each job, shape (jobs, size), of those visited, (generations, jobs, population, size)."""
    jobs, size = visited.shape[1], visited.shape[-1]
    flat = visited.transpose(1, 0, 2, 3).reshape(jobs, -1, size)
    return flat[np.arange(jobs), found.transpose(1, 0, 2).reshape(jobs, -1).argmin(axis=1)]


def read_journal(path: Path | None, label: str, shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Points and losses of a journal; none where there is no file.

    Parameters
    ----------
    path : Path or None
        The file.
    label : str
        What it must have been written with.
    shape : (int, int, int)
        Jobs, population and dimensions.

    Raises
    ------
    ValueError
        If it is no journal, or that of another search.
    """
    if path is None or not Path(path).exists():
        return np.empty((0, *shape)), np.empty((0, *shape[:2]))
    try:
        with np.load(path, allow_pickle=False) as held:
            written, visited, found = str(held["label"]), held["points"], held["losses"]
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is not a journal of a search: {error}; remove it to start anew") from error
    if written != label:
        raise ValueError(f"{path} is the journal of another search; name another file, or remove it to start anew")
    return visited, found
