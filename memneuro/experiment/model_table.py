r"""Which model when: every device model scored on equal terms, converged, with its cost and its stiffness.

Each model stands in for the device of the 1M1T1R neuron with its own card and is scored against the published
measurements (:mod:`memneuro.experiment.score`) at its step and at half of it, with the same seeds; the same for the six
characteristics (:mod:`memneuro.experiment.six_traits`). Only ``hopping`` and ``compact_refitted`` were fitted to that
neuron. The cost is that of one step of the C++ program on this machine, and what a millisecond takes at the model's
step; the stiffness is defined in :mod:`memneuro.experiment.stiffness`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from brian2 import Quantity, ms, us
from tqdm.auto import tqdm

from memneuro.bench.programs import memneuro_program, race
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.score import FAST_SWITCH_STEPS, MODELS, neurons, score_variant
from memneuro.experiment.six_traits import TRAITS, six_traits
from memneuro.experiment.stiffness import fastest_rate
from memneuro.progress import no_bar
from memneuro.tables import write_csv

#: One letter for each of the six characteristics, in the order of ``TRAITS``.
LETTERS = dict(zip(TRAITS, "LTCPRS", strict=True))

#: A row counts as reproduced when its error is at most this: a factor of 1.35, a probability of 0.3, or 3.9 ms of gain.
REPRODUCED = 0.3

#: Neurons and steps of the timed program, and how often it is run.
TIMED_NEURONS, TIMED_STEPS, TIMED_ROUNDS = 2000, 2000, 3


def model_table(
    models: Iterable[str] | None = None,
    *,
    seeds: int = 3,
    trials: dict[str, int] | None = None,
    trait_trials: int = 20,
    out: Path | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Score, characteristics, cost and stiffness of device models.

    Parameters
    ----------
    models : iterable of str, optional
        Names in :data:`memneuro.experiment.score.MODELS`; by default all.
    seeds : int
        Seeds of the score.
    trials : dict, optional
        Trials of the score by figure.
    trait_trials : int
        Trials of the characteristics.
    out : Path, optional
        CSV file that is written after each model; models it already holds are not scored again. The cost is always
        measured, all programs taking turns.
    progress : bool
        Whether to show bars.

    Returns
    -------
    DataFrame
        One row a model: ``model``, ``card``, ``states`` (differential equations without noise), ``step_us``,
        ``mean_log_error`` and ``mean_log_error_half_step`` with their ``..._sd`` over seeds (zero for models without
        noise), ``rows`` (scored rows), ``reproduced`` (rows whose error is at most ``REPRODUCED``), ``silent`` (rows
        without a value in most trials), ``largest_row_change`` (largest change of a row's error at half the step),
        ``traits`` and ``traits_half_step`` (letters, see ``LETTERS``), ``ns_per_step`` (C++, one core),
        ``us_per_ms`` (cost of a simulated millisecond), and ``stiffness`` (fastest rate times 1 ms).

    Raises
    ------
    ValueError
        If a model is unknown.
    """
    names = list(MODELS if models is None else models)
    for name in names:
        neurons(name)
    rows: list[dict[str, Any]] = []
    if out is not None and out.exists():
        rows = pd.read_csv(out, keep_default_na=False, na_values=["nan"]).to_dict(orient="records")
    done = {row["model"] for row in rows}
    for name in tqdm([name for name in names if name not in done], desc="models", disable=no_bar(progress)):
        rows.append(model_row(name, seeds=seeds, trials=trials, trait_trials=trait_trials, progress=progress))
        if out is not None:
            write_csv(pd.DataFrame(rows), out)
    order = {name: place for place, name in enumerate(MODELS)}
    table = pd.DataFrame([row for row in rows if row["model"] in names])
    table = table.sort_values("model", key=lambda column: column.map(order), ignore_index=True)
    cost = table["model"].map(step_costs(names))
    table = table.assign(ns_per_step=cost, us_per_ms=cost / table["step_us"])
    if out is not None and set(table["model"]) == done | set(names):
        write_csv(table, out)
    return table


def model_row(
    model: str, *, seeds: int, trials: dict[str, int] | None, trait_trials: int, progress: bool = False
) -> dict[str, Any]:
    """One row of :func:`model_table`.

    Parameters
    ----------
    model : str
        A name in :data:`memneuro.experiment.score.MODELS`.
    seeds : int
        Seeds to average over.
    trials : dict of str to int or None
        As in :func:`memneuro.experiment.score.score_variant`.
    trait_trials : int
        Trials of each of the six characteristics.
    progress : bool
        Whether to show bars.
    """
    device, step = _device_and_step(model)
    halves = (step, step / 2)
    scores = [score_variant(model, step=dt, seeds=seeds, trials=trials, progress=progress) for dt in halves]
    shown = [letters(six_traits(device, dt=dt, trials=trait_trials)) for dt in halves]
    errors = [pd.Series([row["error"] for row in found["rows"]]) for found in scores]
    spread = [pd.Series(found["mean_log_error_per_seed"]).std() if len(found["seeds"]) > 1 else 0.0 for found in scores]
    rate = fastest_rate(device, dt=step)
    return {
        "model": model,
        "card": device.device.name,
        "states": len(device.equations(None, noise=False).diff_eq_names),
        "noise": device.fluctuates,
        "step_us": float(step / us),
        "mean_log_error": scores[0]["mean_log_error"],
        "mean_log_error_sd": float(spread[0]),
        "mean_log_error_half_step": scores[1]["mean_log_error"],
        "mean_log_error_half_step_sd": float(spread[1]),
        "rows": len(errors[0]),
        "reproduced": int((errors[0] <= REPRODUCED).sum()),
        "silent": int(sum(row["silent"] > 0.5 for row in scores[0]["rows"])),
        "largest_row_change": float((errors[1] - errors[0]).abs().max()),
        "traits": shown[0],
        "traits_half_step": shown[1],
        "stiffness": float(rate * ms),
    }


def _device_and_step(model: str) -> tuple[OneM1T1R, Quantity]:
    """The neuron whose characteristics, cost and stiffness stand for a model, and the step of its score."""
    device = neurons(model)["2e4d"]
    return device, FAST_SWITCH_STEPS.get(model, device.default_step)


def letters(traits: pd.DataFrame) -> str:
    """The letters of the characteristics shown, a dash for each that is not: ``"LTC-RS"``."""
    return "".join(LETTERS[row.trait] if row.shown else "-" for row in traits.itertuples())


def step_costs(models: Iterable[str]) -> dict[str, float]:
    """Median nanoseconds a neuron and step of the C++ program of each model, on one core of this machine."""
    with tempfile.TemporaryDirectory(prefix="memneuro_models_") as folder:
        programs = []
        for model in models:
            device, step = _device_and_step(model)
            options: dict[str, Any] = {"noise": device.fluctuates, "device": device.device.name}
            program = memneuro_program(Path(folder, model), TIMED_NEURONS, TIMED_STEPS, step, **options)
            programs.append(replace(program, name=model))
        return {name: float(pd.Series(times).median()) for name, times in race(programs, TIMED_ROUNDS).items()}
