"""Score a device model against the published measurements of the 1M1T1R neuron.

Every row of the packaged targets (doi:10.1038/s41928-025-01488-x) is simulated by the protocol of its figure with the
card of its device, and its error is

* ``|ln(simulated/measured)|`` for times, counts, intervals and energies,
* ``|simulated - measured|`` for probabilities,
* ``|simulated - measured| / first integration time`` for the gains of the second of two pulses,
* 3 for an interval row that latches or never fires, and for any row without a simulated value; no error exceeds 3.

Of first spikes, counts and gains the median over trials is compared (defined even when some trials do not fire); of
intervals the mean over all intervals of the stable phase; of firing, the fraction of trials.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from brian2 import Quantity, us
from tqdm.auto import tqdm

from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.energy import CASES, energy_comparison
from memneuro.experiment.intrinsic_plasticity import intrinsic_plasticity
from memneuro.experiment.leaky_integration import leaky_integration
from memneuro.experiment.pulse_train import pulse_train
from memneuro.experiment.refractory_period import pooled_interval, refractory_period
from memneuro.experiment.shape import shape_rows
from memneuro.experiment.six_traits import six_traits
from memneuro.experiment.target import scored_targets
from memneuro.experiment.threshold_firing import threshold_firing
from memneuro.progress import no_bar

WORST = 3.0
FIRST_INTEGRATION_MS = 13.0

#: The paper's four devices, and the figures each was measured for.
DEVICES = {"2e4d": ("2e", "4d"), "3b": ("3b",), "3cd": ("3c", "3d"), "4ab": ("4ab",)}

#: A variant of a model: the card of each of the four devices.
VARIANTS: dict[str, dict[str, str]] = {
    "hopping": {device: f"hopping_{device}" for device in DEVICES},
    "compact": dict.fromkeys(DEVICES, "compact_table1"),
    "compact_refitted": {device: f"compact_refitted_{device}" for device in DEVICES},
}

#: The other published device models, each with one card for all four devices: none was fitted to this neuron.
OTHER_MODELS = {
    "area": "area_pulse",
    "langevin": "ag_particles_1",
    "langevin_3": "ag_particles_3",
    "threshold": "and_ts",
    "neuristor": "vo2_neuristor",
}

#: The hopping model with a bounded residue, which keeps firing over a wider range of drives and at every control
#: resistor, at a larger error than ``hopping``; and that of ``hopping`` under the name that shipped fits and speech
#: networks use.
BOUNDED = {
    "hopping_bounded": {device: f"hopping_bounded_{device}" for device in DEVICES},
    "hopping_unbounded": {device: f"hopping_unbounded_{device}" for device in DEVICES},
}

#: Every name that can be scored, and the card of each of the four devices.
MODELS: dict[str, dict[str, str]] = {
    **VARIANTS,
    **BOUNDED,
    **{name: dict.fromkeys(DEVICES, one) for name, one in OTHER_MODELS.items()},
}

#: Steps of models that switch within a microsecond. Their cards' steps, 10 ns, resolve the switching, which no
#: measurement here does: the score is the same at 10 and at 1 us.
FAST_SWITCH_STEPS = {"threshold": 10 * us, "neuristor": 10 * us}

#: Trials of each protocol, by figure.
TRIALS = {"2e": 200, "3b": 200, "3cd": 400, "4ab": 200, "4d": 100}


def neurons(variant: str) -> dict[str, OneM1T1R]:
    """The neuron that stands for each of the paper's devices.

    Raises
    ------
    ValueError
        If the variant is unknown; the message lists the known ones.
    """
    if variant not in MODELS:
        raise ValueError(f"unknown device model {variant!r}; known: {', '.join(sorted(MODELS))}")
    return {device: OneM1T1R(name) for device, name in MODELS[variant].items()}


def simulate_rows(
    devices: Mapping[str, OneM1T1R],
    *,
    step: Quantity | None = None,
    seed: int = 0,
    trials: Mapping[str, int] | None = None,
    noise: bool = True,
    check_step: bool = True,
) -> pd.DataFrame:
    """Simulate every scored row once.

    Parameters
    ----------
    devices : mapping of str to OneM1T1R
        A neuron for each of ``"2e4d"``, ``"3b"``, ``"3cd"``, ``"4ab"``.
    step : Quantity (second), optional
        Time step; by default each card's.
    seed : int
        Seed of the noise.
    trials : mapping of str to int, optional
        Trials by figure; see ``TRIALS``.
    noise : bool
        Whether the devices fluctuate.
    check_step : bool
        As in :meth:`memneuro.circuit.one_m1t1r.OneM1T1R.group`.

    Returns
    -------
    DataFrame
        ``figure``, ``condition_value``, ``simulated``, ``latched`` (fraction of trials) and ``silent`` (fraction of
        trials that gave no value).
    """
    number = {**TRIALS, **(trials or {})}
    options: dict[str, Any] = {"dt": step, "seed": seed, "noise": noise, "check_step": check_step}
    if not noise:
        number = dict.fromkeys(number, 1)
    rows: list[tuple[str, float, float, float, float]] = []

    first = pulse_train(devices["2e4d"], trials=number["2e"], **options)["first_spike_ms"]
    rows.append(("2e", 0.8, _median(first), 0.0, float(first.isna().mean())))

    table = leaky_integration(devices["3b"], trials=number["3b"], **options)
    for gap, pulses in table.groupby("gap_ms")["pulses"]:
        rows.append(("3b", float(gap), _median(pulses), 0.0, float(pulses.isna().mean())))

    table = threshold_firing(devices["3cd"], trials=number["3cd"], **options)
    for amplitude, part in table.groupby("amplitude_V"):
        rows.append(("3d", float(amplitude), float(part["fired"].mean()), 0.0, 0.0))
    delay = table.loc[np.isclose(table["amplitude_V"], 0.9) & table["fired"], "delay_ms"]
    rows.append(("3c", 0.9, float(delay.median()), 0.0, 0.0))

    table = intrinsic_plasticity(devices["4ab"], trials=number["4ab"], **options)
    silent = 1 - float(table["fired_first"].mean())
    rows.append(("4ab", 2.0, _median(table["first_ms"].where(table["fired_first"])), 0.0, silent))
    for gap, part in table.groupby("gap_ms"):
        silent = 1 - float((part["fired_first"] & part["fired_second"]).mean())
        rows.append(("4ab", float(gap), float(part["gain_ms"].median()), 0.0, silent))

    table = refractory_period(devices["2e4d"], trials=number["4d"], **options)
    for control, interval in pooled_interval(table).items():
        part = table[table["r_control_Mohm"] == control]
        rows.append(
            (
                "4d",
                float(control),
                float(interval),
                float(part["latched"].mean()),
                float((part["intervals"] == 0).mean()),
            )
        )
    return pd.DataFrame(rows, columns=["figure", "condition_value", "simulated", "latched", "silent"])


def _median(values: pd.Series) -> float:
    """Median in which a trial without a value counts as later than all others; NaN when it would be one of those."""
    late = values.fillna(np.inf).median()
    return float(late) if np.isfinite(late) else float("nan")


def row_error(unit: str, condition: str, measured: float, simulated: float, latched: float = 0.0) -> float:
    """The error of one row, as the module's documentation defines it.

    Parameters
    ----------
    unit, condition : str
        As in the target table.
    measured, simulated : float
        In `unit`.
    latched : float
        Fraction of trials that latched; more than one half makes the row as wrong as a row can be.
    """
    if latched > 0.5 or not math.isfinite(simulated):
        return WORST
    if unit == "probability":
        return abs(simulated - measured)
    if condition.startswith("second integration shorter by"):
        return min(abs(simulated - measured) / FIRST_INTEGRATION_MS, WORST)
    if simulated <= 0:
        return WORST
    return min(abs(math.log(simulated / measured)), WORST)


def score_variant(
    variant: str,
    *,
    step: Quantity | None = None,
    seeds: int = 3,
    trials: Mapping[str, int] | None = None,
    progress: bool = False,
) -> dict[str, Any]:
    """Score one variant: the mean over seeds of the mean error over the scored rows.

    Parameters
    ----------
    variant : str
        A variant of :data:`VARIANTS`.
    step : Quantity (second), optional
        Time step; by default that of each card, or of a fast switch that in ``FAST_SWITCH_STEPS``.
    seeds : int
        Seeds to average over, from 1 on; a variant without noise has one run.
    trials : mapping of str to int, optional
        Trials of each figure.
    progress : bool
        Whether to show bars.

    Returns
    -------
    dict
        ``device``, ``step_us`` (by card), ``seeds``, ``mean_log_error``, ``mean_log_error_per_seed`` and ``rows``.
    """
    devices = neurons(variant)
    noisy = any(one.fluctuates for one in devices.values())
    fast = FAST_SWITCH_STEPS.get(variant)
    step = fast if step is None else step
    wanted = scored_targets()
    runs = []
    seed_list = list(range(1, seeds + 1)) if noisy else [0]
    for seed in tqdm(seed_list, desc=f"score {variant}", disable=no_bar(progress), leave=False):
        run = simulate_rows(devices, step=step, seed=seed, trials=trials, noise=noisy, check_step=fast is None)
        runs.append(run.set_index(["figure", "condition_value"]))
    rows = []
    errors = np.empty((len(runs), len(wanted)))
    for k, row in enumerate(wanted.to_dict(orient="records")):
        key = (row["figure"], float(row["condition_value"]))
        values = np.array([float(run.loc[key, "simulated"]) for run in runs])
        latched = np.array([float(run.loc[key, "latched"]) for run in runs])
        silent = np.array([float(run.loc[key, "silent"]) for run in runs])
        errors[:, k] = [
            row_error(row["unit"], row["condition"], row["measured"], value, stuck)
            for value, stuck in zip(values, latched, strict=True)
        ]
        rows.append(
            {
                **{name: row[name] for name in ("figure", "experiment", "condition", "condition_value")},
                "condition_unit": row["condition_unit"],
                "measured": float(row["measured"]),
                "unit": row["unit"],
                "simulated": float(np.mean(values)),
                "spread": float(np.std(values, ddof=1)) if len(values) > 1 else 0.0,
                "error": float(errors[:, k].mean()),
                "in_score": "yes",
                "latched": float(latched.mean()),
                "silent": float(silent.mean()),
            }
        )
    per_seed = errors.mean(axis=1)
    return {
        "device": variant,
        "step_us": {name: float((one.default_step if step is None else step) / us) for name, one in devices.items()},
        "seeds": seed_list,
        "mean_log_error": float(per_seed.mean()),
        "mean_log_error_per_seed": [float(value) for value in per_seed],
        "rows": rows,
    }


def energy_rows(variant: str) -> list[dict[str, Any]]:
    """The published energies per spike beside the simulated ones, part by part; they do not count in the score.

    Returns
    -------
    list of dict
        The rows of :func:`memneuro.experiment.energy.energy_comparison` for the cards of the variant, and ``error``:
        ``|ln(source energy/published)|``, NaN for a silent neuron or where nothing was published for that input.
    """
    own = set(MODELS[variant].values())
    model = OneM1T1R(next(iter(own))).model.name
    cases = tuple(case for case in CASES if case[0] in own or (variant == model and case[0].startswith(model)))
    if not cases:
        return []
    table = energy_comparison(cases)
    table["error"] = np.nan
    if "source_pJ" in table:
        table["error"] = np.abs(np.log(table["source_pJ"] / table["published_pJ"]))
    return table.to_dict(orient="records")


def score(
    device: str = "hopping",
    step: Quantity | None = None,
    seeds: int = 3,
    trials: Mapping[str, int] | None = None,
    beside: bool = True,
    progress: bool = True,
) -> dict[str, Any]:
    """Score a device model, with the other variants beside it.

    Parameters
    ----------
    device : str
        A name in ``MODELS``: ``"hopping"``, ``"compact"`` (as published), ``"compact_refitted"``, ``"area"``,
        ``"langevin"`` ...
    step : Quantity (second), optional
        Time step of `device`; by default the one of each card. The models beside it keep their own.
    seeds : int
        Seeds to average over.
    trials : mapping of str to int, optional
        Trials by figure; see ``TRIALS``.
    beside : bool
        Whether to score the variants fitted or published for this neuron too, with one seed: their score hardly
        depends on it.
    progress : bool
        Whether to show progress bars.

    Returns
    -------
    dict
        The result of :func:`score_variant`, and ``shape``: what must hold between the measurements
        (:func:`memneuro.experiment.shape.shape_rows`), empty for models that were neither fitted nor published for this
        neuron; with `beside`, each row has one more value for each other variant, and
        ``beside`` holds their mean errors; ``energy`` holds the published energies (see :func:`energy_rows`) and
        ``traits`` the six characteristics (see :mod:`memneuro.experiment.six_traits`).

    Raises
    ------
    ValueError
        If the device is unknown or the step too large for its cards.
    """
    if device not in MODELS:
        raise ValueError(f"unknown device model {device!r}; known: {', '.join(sorted(MODELS))}")
    run = partial(score_variant, seeds=seeds, trials=trials, progress=progress)
    result = run(device, step=step)
    result["shape"] = shape_rows(neurons(device), step=step, trials=trials) if device in (*VARIANTS, *BOUNDED) else []
    if beside:
        result["beside"] = {}
        for other in VARIANTS:
            if other == device:
                continue
            found = run(other, seeds=1)
            result["beside"][other] = {
                key: found[key] for key in ("mean_log_error", "mean_log_error_per_seed", "step_us")
            }
            for row, theirs in zip(result["rows"], found["rows"], strict=True):
                row[other] = theirs["simulated"]
                row[f"{other}_error"] = theirs["error"]
        result["energy"] = energy_rows(device)
        result["traits"] = six_traits(neurons(device)["2e4d"], dt=FAST_SWITCH_STEPS.get(device)).to_dict(
            orient="records"
        )
    return result
