"""Test fitted models on the stimulus that was held out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from brian2 import Quantity, ms, second

from memneuro.biology import trains as st
from memneuro.biology.fit.data import CellData, Response
from memneuro.biology.fit.program import FitProgram
from memneuro.biology.fit.search import Fits
from memneuro.biology.matching import gamma_many

#: Precision of a coincidence.
PRECISION = 4 * ms
WIDE = 8 * ms
#: Repeats of a stochastic model where the cell has a single one.
TRIALS = 10


def cell_reliability(response: Response, precision: Quantity = PRECISION) -> float:
    """Coincidence factor of the cell with itself; NaN for a single repeat.

    Parameters
    ----------
    response : Response
        Repeats of one stimulus.
    precision : Quantity (second)
        Largest distance of a coincidence.
    """
    if len(response.trains) < 2:
        return float("nan")
    return st.reliability([train * second for train in response.trains], response.duration * second, precision)


def evaluate(
    fits: Fits,
    cells: Sequence[CellData],
    *,
    seed: int = 12345,
    dt: Quantity | None = None,
    backend: str = "cpp",
) -> pd.DataFrame:
    """Test fits on the held-out stimulus.

    Parameters
    ----------
    fits : Fits
        Of one model.
    cells : sequence of CellData
        The cells that were fitted; only their test part is used.
    seed : int
        Of the noise.
    dt : Quantity (second), optional
        Time step; by default the model's `test_step`.
    backend : str
        As in :func:`memneuro.backend.backend`.

    Returns
    -------
    DataFrame
        One row a fit: ``model``, ``cell``, ``seed``; ``loss`` of the training; ``gamma``, the mean coincidence factor
        of all pairs of a recorded repeat and a model's; ``reliability``, that of the cell with itself;
        ``gamma_normalised``, their ratio (NaN for a cell with a single repeat); ``rate_hz``, ``rate_cell_hz``,
        ``rate_error`` (relative, with its sign); ``cv``, ``cv_cell``, ``cv_error`` (of the intervals, likewise);
        ``model_reliability``, the coincidence factor of the model with itself; ``fi_error``, for current steps, the
        spikes a sweep has too many or too few over the spikes of the cell (NaN for noise); and
        ``gamma_normalised_8ms``, at the precision of 8 ms, which is usual in publications that fit such recordings
        (doi:10.7554/eLife.72951).
    """
    tests, found = _run(fits, cells, seed, dt, backend)
    trials = _trials(fits)
    rows = []
    for (name, fit_seed), loss, test, (index, times) in zip(fits.jobs, fits.loss, tests, found, strict=True):
        gamma, wide = (_gamma(test, index, times, trials, precision) for precision in (PRECISION, WIDE))
        own = [np.sort(times[index == k]) for k in range(trials)]
        reliability, cell_cv, cv = cell_reliability(test), _cv(test.trains), _cv(own)
        rate = float(np.mean([train.size for train in own])) / test.duration
        rows.append(
            {
                "model": fits.model.name,
                "cell": name,
                "seed": fit_seed,
                "loss": loss,
                "gamma": gamma,
                "reliability": reliability,
                "gamma_normalised": gamma / reliability,
                "rate_hz": rate,
                "rate_cell_hz": test.rate,
                "rate_error": rate / test.rate - 1,
                "cv": cv,
                "cv_cell": cell_cv,
                "cv_error": cv / cell_cv - 1,
                "gamma_normalised_8ms": wide / cell_reliability(test, WIDE),
                "fi_error": _fi_error(test, own),
                "model_reliability": _self_gamma(test, own),
            }
        )
    return pd.DataFrame(rows)


def held_out_spikes(
    fits: Fits, cells: Sequence[CellData], *, seed: int = 12345, dt: Quantity | None = None, backend: str = "cpp"
) -> list[list[np.ndarray]]:
    """The spikes behind :func:`evaluate`: for each fit the trains of its trials, in seconds from the start.

    Parameters
    ----------
    fits : Fits
        Of one model.
    cells : sequence of CellData
        With the cells of the fits.
    seed : int
        Of the noise.
    dt : Quantity (second), optional
        Time step; by default the model's step for tests.
    backend : str
        As in :func:`memneuro.backend.backend`.
    """
    _, found = _run(fits, cells, seed, dt, backend)
    trials = _trials(fits)
    return [[np.sort(times[index == k]) for k in range(trials)] for index, times in found]


def _trials(fits: Fits) -> int:
    """Repeats that a fit is tested with; those of a deterministic model would be alike."""
    return TRIALS if fits.model.stochastic else 1


def _run(
    fits: Fits, cells: Sequence[CellData], seed: int, dt: Quantity | None, backend: str
) -> tuple[list[Response], list[tuple[np.ndarray, np.ndarray]]]:
    """The held-out stimulus and the spikes of each fit."""
    known = {cell.name: cell.test for cell in cells}
    tests = [known[name] for name, _ in fits.jobs]
    trials = _trials(fits)
    step = fits.model.test_step if dt is None else dt
    program = FitProgram(fits.model, tests, 1, trials, dt=step, backend=backend)
    return tests, program.run(fits.points[:, np.newaxis, :], seed)


def _gamma(test: Response, index: np.ndarray, times: np.ndarray, trials: int, precision: Quantity) -> float:
    """Mean coincidence factor over all pairs of a recorded repeat and a trial of the model."""
    width = float(precision / second)
    return float(np.mean([gamma_many(train, index, times, trials, test.duration, width) for train in test.trains]))


def _fi_error(test: Response, own: list[np.ndarray]) -> float:
    """Sum over the sweeps of the difference in spikes, over the spikes of the cell; mean over the trials."""
    if test.sweep is None:
        return float("nan")
    edges = np.arange(round(test.duration / test.sweep) + 1) * test.sweep
    cell = np.histogram(test.trains[0], edges)[0]
    differences = [np.abs(np.histogram(train, edges)[0] - cell).sum() for train in own]
    return float(np.mean(differences)) / cell.sum()


def _cv(trains: Sequence[np.ndarray]) -> float:
    """Mean CV of the intervals over the repeats that have one."""
    each = np.array([st.isi_cv(train * second) for train in trains])
    return float(np.nanmean(each)) if np.isfinite(each).any() else float("nan")


def _self_gamma(test: Response, own: list[np.ndarray]) -> float:
    """Mean coincidence factor over the ordered pairs of a model's trials; NaN for a single one."""
    if len(own) < 2:
        return float("nan")
    each = []
    for k, train in enumerate(own):
        others = own[:k] + own[k + 1 :]
        index = np.repeat(np.arange(len(others)), [other.size for other in others])
        precision = float(PRECISION / second)
        each.append(gamma_many(train, index, np.concatenate(others), len(others), test.duration, precision))
    return float(np.nanmean(each)) if np.isfinite(each).any() else float("nan")
