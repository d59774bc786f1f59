r"""Posterior of the calibrated numbers: what the measurements determine, and what they do not.

Affine-invariant ensemble sampling (Goodman and Weare 2010; the package emcee, doi:10.1086/670067) with differential-
evolution moves over the unit cube of the search, log-uniform within its ranges, and over the size delta of what the
model cannot do, log-uniform from 0.01 to 0.3. The likelihood of a row with the measured value y is normal,

.. math:: \ln y \sim N(\ln m, \; s^2 + s_r^2 + \delta^2),

with m the median of the simulated trials; a gain is compared as a part of 13 ms, a probability as itself. The paper
does not say what a point is, so two readings are sampled:

``single``
    a point is one trial: s is the standard deviation of the trials (robust: half the central 68 %);
``mean``
    a point is the mean of many: s is 0.

s_r is 3 % for a stated value and 5 % for one read off a plot; 0.02 and 0.05 for gains. A probability has
s**2 = p (1 - p)/100, from the hundredths in which the three are stated. Trials have the same noise at every point, so
the likelihood is a function of the parameters; its sampling error is part of delta.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from brian2 import volt
from tqdm.auto import tqdm

from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.calibrate import optimise
from memneuro.experiment.calibrate.objective import samples
from memneuro.experiment.calibrate.optimise import Evaluator
from memneuro.experiment.calibrate.protocols import BATCH, Effort
from memneuro.experiment.calibrate.search import Search
from memneuro.experiment.score import DEVICES, FIRST_INTEGRATION_MS
from memneuro.experiment.target import scored_targets
from memneuro.progress import no_bar
from memneuro.tables import atomic_path

READINGS = ("single", "mean")
EFFORT = Effort(rows=16, firing=96, constant=0, sweeps=0)
DISCREPANCY = (0.01, 0.3)
READ_ERROR = {"stated": 0.03, "read off plot": 0.05}
GAIN_ERROR = {"stated": 0.02, "read off plot": 0.05}
PULSES = 100
#: Distance of a row that has no value: that of a thousandfold error.
FAR = 7.0


def distances(points: list[np.ndarray], seed: int) -> np.ndarray:
    """Distance of the simulated median from the measurement, and spread of the trials, of every row.

    Runs in a worker of :class:`memneuro.experiment.calibrate.optimise.Evaluator`.

    Parameters
    ----------
    points : list of ndarray, shape (names,) each
        At most ``BATCH``, in the unit cube.
    seed : int
        Of the noise.

    Returns
    -------
    ndarray, shape (points, rows, 2)
        Logarithms; parts of 13 ms for gains; probabilities as they are.
    """
    programs = optimise._programs
    assert programs is not None
    threshold = float(OneM1T1R(programs.search.template).circuit["v_threshold"] / volt)
    wanted = scored_targets().to_dict(orient="records")
    found = np.zeros((len(points), len(wanted), 2))
    for k, spikes in enumerate(programs.run(points, seed)):
        simulated = samples(programs.table, spikes, threshold)
        for r, row in enumerate(wanted):
            value, trials, stuck = simulated[row["figure"], round(float(row["condition_value"]), 6)]
            measured = row["measured"]
            if row["unit"] == "probability":
                found[k, r] = value - measured, np.sqrt(max(value * (1 - value), 0.25 / PULSES) / PULSES)
            elif row["condition"].startswith("second integration shorter by"):
                assert trials is not None
                found[k, r] = (value - measured) / FIRST_INTEGRATION_MS, _half(trials) / FIRST_INTEGRATION_MS
            elif stuck > 0.5 or not np.isfinite(value) or value <= 0:
                found[k, r] = FAR, 0.0
            else:
                spread = 0.0 if trials is None else _half(np.log(trials))
                found[k, r] = np.log(value / measured), spread
    return found


def _half(values: np.ndarray) -> float:
    """Half the width of the central 68 %; a trial without a value lies at the end."""
    finite = values[np.isfinite(values)]
    if finite.size < 3:
        return FAR
    low, high = np.quantile(np.where(np.isfinite(values), values, finite.max()), [0.16, 0.84])
    return float(0.5 * (high - low))


class Likelihood:
    """Log posterior density over (unit cube, delta in [0, 1]), vectorised.

    Parameters
    ----------
    evaluator : Evaluator
        Of the search, with ``EFFORT``.
    reading : {"single", "mean"}
        What a measured point is.
    seed : int
        Of the noise.

    Raises
    ------
    ValueError
        If the reading is unknown.
    """

    def __init__(self, evaluator: Evaluator, reading: str, seed: int = 0) -> None:
        if reading not in READINGS:
            raise ValueError(f"reading = {reading!r}; accepted: {', '.join(READINGS)}")
        self._evaluator, self._reading, self._seed = evaluator, reading, seed
        wanted = scored_targets()
        gains = wanted["condition"].str.startswith("second integration shorter by").to_numpy()
        self._chance = (wanted["unit"] == "probability").to_numpy()
        self._read = np.where(gains, wanted["reading"].map(GAIN_ERROR), wanted["reading"].map(READ_ERROR))
        self._read[self._chance] = 0.0

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """Log density of each row of `vectors`, shape (m, names + 1); minus infinity outside the cube."""
        inside = np.all((vectors >= 0) & (vectors <= 1), axis=1)
        density = np.full(len(vectors), -np.inf)
        if not inside.any():
            return density
        kept = vectors[inside]
        tasks = [
            self._evaluator.submit(distances, list(kept[k : k + BATCH, :-1]), self._seed)
            for k in range(0, len(kept), BATCH)
        ]
        found = np.concatenate([task.result() for task in tasks])
        low, high = np.log(DISCREPANCY)
        delta = np.exp(low + (high - low) * kept[:, -1:])
        spread = found[:, :, 1] * (self._chance | (self._reading == "single"))
        variance = spread**2 + self._read**2 + delta**2
        density[inside] = -0.5 * np.sum(found[:, :, 0] ** 2 / variance + np.log(variance), axis=1)
        return density


def sample(
    search: Search,
    start: np.ndarray,
    reading: str,
    *,
    steps: int = 300,
    walkers: int = 48,
    seed: int = 1,
    workers: int | None = None,
    backend: str = "cpp",
    journal: Path | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Sample the posterior under one reading.

    Parameters
    ----------
    search : Search
        Parameters and ranges.
    start : ndarray, shape (names,)
        A point of the unit cube around which the walkers start.
    reading : {"single", "mean"}
        What a measured point is.
    steps, walkers : int
        Length of the chains and their number.
    seed : int
        Of the sampler.
    workers : int, optional
        As in :class:`memneuro.experiment.calibrate.optimise.Evaluator`.
    backend : str
        As in :class:`memneuro.experiment.calibrate.optimise.Evaluator`.
    journal : Path, optional
        File (``.npz``) to keep the chains in and to resume from.

    Returns
    -------
    chain : ndarray, shape (steps, walkers, names + 1)
        Points of the unit cube; the last is delta.
    density : ndarray, shape (steps, walkers)

    Raises
    ------
    ValueError
        When the journal belongs to another search.
    """
    import emcee

    size = len(start) + 1
    said = optimise.label(
        search, EFFORT, reading=reading, walkers=walkers, start=np.round(start, 9).tolist(), seed=seed
    )
    chain, density = _read(journal, said, walkers, size)
    with Evaluator(search, EFFORT, workers, backend) as evaluator:
        target = Likelihood(evaluator, reading)
        moves = [(emcee.moves.DEMove(), 0.6), (emcee.moves.DESnookerMove(), 0.1), (emcee.moves.StretchMove(), 0.3)]
        sampler = emcee.EnsembleSampler(walkers, size, target, moves=moves, vectorize=True)
        rng = np.random.default_rng(seed)
        if len(chain):
            position, known = chain[-1], density[-1]
        else:
            position = np.clip(np.append(start, 0.5) + 0.02 * rng.standard_normal((walkers, size)), 1e-3, 1 - 1e-3)
            known = None
        state = emcee.State(position, log_prob=known, random_state=np.random.RandomState(seed + len(chain)).get_state())
        bar = tqdm(total=steps, initial=len(chain), desc=f"posterior, {reading}", disable=no_bar())
        while len(chain) < steps:
            state = sampler.run_mcmc(state, 1, store=False)
            chain = np.concatenate([chain, state.coords[np.newaxis]])
            density = np.concatenate([density, state.log_prob[np.newaxis]])
            if journal is not None and (len(chain) % 5 == 0 or len(chain) == steps):
                with atomic_path(journal) as temporary:
                    np.savez_compressed(temporary, label=np.array(said), chain=chain, density=density)
                # What follows depends on the number of steps alone, so that a resumed run is the undisturbed one.
                state.random_state = np.random.RandomState(seed + len(chain)).get_state()
            bar.update()
        bar.close()
    return chain, density


def _read(journal: Path | None, said: str, walkers: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    if journal is None or not journal.exists():
        return np.empty((0, walkers, size)), np.empty((0, walkers))
    with np.load(journal, allow_pickle=False) as held:
        if str(held["label"]) != said:
            raise ValueError(f"{journal} is the journal of another posterior; name another file, or remove it")
        return held["chain"], held["density"]


def posterior_table(search: Search, chains: dict[str, np.ndarray], keep: int = 400) -> pd.DataFrame:
    """Samples of the posterior in the cards' units, evenly taken from the second half of the chains.

    Parameters
    ----------
    search : Search
        Parameters and ranges.
    chains : dict of str to ndarray
        By reading, as :func:`sample` gives them.
    keep : int
        Samples of each reading.

    Returns
    -------
    DataFrame
        ``reading``, ``sample``, ``delta`` and one column a number: ``alpha``, ..., ``mu_3b``, ``v_hop_3b``.
    """
    rows = []
    for reading, chain in chains.items():
        late = chain[len(chain) // 2 :].reshape(-1, chain.shape[-1])
        low, high = np.log(DISCREPANCY)
        for k, vector in enumerate(late[np.linspace(0, len(late) - 1, keep).astype(int)]):
            row = {"reading": reading, "sample": k, "delta": float(np.exp(low + (high - low) * vector[-1]))}
            rows.append(row | named_values(search, vector[:-1]))
    return pd.DataFrame(rows)


def named_values(search: Search, point: np.ndarray) -> dict[str, float]:
    """The values at a point by name, those of one device with its name behind (``mu_3b``).

    Parameters
    ----------
    search : Search
        Parameters and ranges.
    point : ndarray, shape (names,)
        In the unit cube.
    """
    own = ["mu", *(name for name in search.by_device if name != "growth")]
    found: dict[str, float] = {}
    for device in DEVICES:
        for name, value in search.values(point, device).items():
            found[f"{name}_{device}" if name in own else name] = float(value)
    return found


def ranges(table: pd.DataFrame, readings: Sequence[str] = READINGS) -> pd.DataFrame:
    """Median and central 95 % of every number under each reading.

    Parameters
    ----------
    table : DataFrame
        As :func:`posterior_table` gives it.
    readings : sequence of str
        Which of them.
    """
    rows = []
    for reading in readings:
        part = table[table["reading"] == reading].drop(columns=["reading", "sample"])
        for name, values in part.items():
            low, middle, high = values.quantile([0.025, 0.5, 0.975])
            rows.append({"reading": reading, "parameter": name, "median": middle, "low": low, "high": high})
    return pd.DataFrame(rows)
