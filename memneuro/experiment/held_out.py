"""Held-out test: how far is a measurement that the calibration did not see?

The scored rows are dealt into five folds (``folds.csv``; a device keeps at least two of its rows in training, and every
row is held out once). ``python -m memneuro.experiment.calibrate held-out`` calibrates a model once for each fold, from
scratch, to the other rows. Here those devices are simulated by the protocols of the score, and their errors on the rows
of their own fold are taken. The calibrated devices of the package's own run are in ``fold_devices.csv``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from brian2 import Quantity

from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.device.card import parse_unit
from memneuro.experiment.score import DEVICES, neurons, row_error, simulate_rows
from memneuro.experiment.target import scored_targets
from memneuro.tables import packaged_table


def stored_devices(variant: str) -> pd.DataFrame:
    """The devices of a model that were calibrated fold by fold, as they come with the package.

    Parameters
    ----------
    variant : str
        A name in :data:`memneuro.experiment.score.MODELS`.

    Raises
    ------
    ValueError
        If the model was not calibrated fold by fold.
    """
    table = packaged_table("memneuro.experiment", "fold_devices.csv", dtype={"device": str})
    if variant not in set(table["device_model"]):
        raise ValueError(
            f"{variant!r} was not calibrated fold by fold; accepted: {', '.join(table['device_model'].unique())}"
        )
    return table[table["device_model"] == variant]


def folds() -> np.ndarray:
    """The fold, from 1 on, in which each scored row is held out, in the order of the scored targets.

    Raises
    ------
    ValueError
        If a row has no fold, or a device keeps fewer than two rows in training.
    """
    wanted = scored_targets()
    dealt = packaged_table("memneuro.experiment", "folds.csv", dtype={"figure": str})
    merged = wanted.merge(dealt, on=["figure", "condition_value"], how="left")
    if merged["fold"].isna().any() or len(merged) != len(wanted):
        raise ValueError("folds.csv: every scored row must have one fold")
    number = merged["fold"].to_numpy(dtype=int)
    for device, figures in DEVICES.items():
        own = wanted["figure"].isin(figures).to_numpy()
        for fold in np.unique(number):
            if np.sum(own & (number != fold)) < 2:
                raise ValueError(f"folds.csv: fold {fold} leaves device {device} fewer than two rows in training")
    return number


def held_out(
    fitted: pd.DataFrame,
    *,
    step: Quantity | None = None,
    seeds: int = 3,
    trials: dict[str, int] | None = None,
) -> dict[str, Any]:
    """Errors of every scored row with the devices that were calibrated without it.

    Parameters
    ----------
    fitted : DataFrame
        What :func:`memneuro.experiment.calibrate.cross_validate.cross_validate` gives, of one model.
    step : Quantity (second), optional
        Time step; by default each device's.
    seeds : int
        Seeds to average over.
    trials : dict of str to int, optional
        Trials of each figure, as in :func:`memneuro.experiment.score.simulate_rows`.

    Returns
    -------
    dict
        ``held_out_mean_log_error`` and ``held_out_rows``: ``figure``, ``condition_value``, ``fold``, ``measured``,
        ``simulated`` (mean over seeds) and ``error``.

    Raises
    ------
    ValueError
        If the table is of several models, or lacks a fold.
    """
    variants = fitted["device_model"].unique()
    if len(variants) != 1 or set(fitted["fold"]) != set(folds()):
        raise ValueError(
            f"a table of the models {', '.join(variants)} and the folds {sorted(set(fitted['fold']))}; "
            f"accepted: one model, folds {sorted(set(folds()))}"
        )
    wanted, number = scored_targets().reset_index(drop=True), folds()
    rows = []
    for fold, part in fitted.groupby("fold"):
        devices = {name: _with(one, part[part["device"] == name]) for name, one in neurons(variants[0]).items()}
        runs = [simulate_rows(devices, step=step, seed=seed, trials=trials) for seed in range(1, seeds + 1)]
        for k in np.flatnonzero(number == fold):
            row = wanted.loc[k]
            own = [
                run[(run["figure"] == row["figure"]) & np.isclose(run["condition_value"], row["condition_value"])]
                for run in runs
            ]
            values = [float(one["simulated"].iloc[0]) for one in own]
            errors = [
                row_error(row["unit"], row["condition"], row["measured"], value, float(one["latched"].iloc[0]))
                for value, one in zip(values, own, strict=True)
            ]
            rows.append(
                {key: row[key] for key in ("figure", "condition", "condition_value", "condition_unit")}
                | {"fold": int(fold), "measured": float(row["measured"]), "unit": row["unit"]}
                | {"simulated": float(np.mean(values)), "error": float(np.mean(errors))}
            )
    return {
        "held_out_mean_log_error": float(np.mean([row["error"] for row in rows])),
        "held_out_rows": sorted(rows, key=lambda row: (row["figure"], row["condition_value"])),
    }


def _with(neuron: OneM1T1R, values: pd.DataFrame) -> OneM1T1R:
    """A neuron with the fitted values of one device and fold."""
    units = {name: parse_unit(parameter.unit) for name, parameter in neuron.device.parameters.items()}
    return neuron.with_(**{name: x * units[name] for name, x in zip(values["parameter"], values["value"], strict=True)})
