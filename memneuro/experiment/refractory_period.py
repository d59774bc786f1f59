"""Refractory period (Fig. 4c and 4d of doi:10.1038/s41928-025-01488-x): the control resistor sets the interval.

The charged gate opposes the input until it has discharged through R_c.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from brian2 import Mohm, Quantity, ms, volt

from memneuro.circuit.drive import check
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.pulses import run_pulses

RESISTANCES = np.array([50.0, 100.0, 250.0, 500.0, 1000.0]) * Mohm


def refractory_period(
    neuron: OneM1T1R,
    *,
    resistances: Quantity = RESISTANCES,
    amplitude: Quantity = 0.8 * volt,
    width: Quantity = 1 * ms,
    period: Quantity = 2 * ms,
    duration: Quantity = 600 * ms,
    settle: Quantity = 100 * ms,
    trials: int = 100,
    dt: Quantity | None = None,
    seed: int = 0,
    **options: Any,
) -> pd.DataFrame:
    """Inter-spike intervals in the stable phase of a pulse train against the control resistor.

    The stable phase begins `settle` after a neuron's first spike.

    Parameters
    ----------
    neuron : OneM1T1R
        The neuron.
    resistances : Quantity (ohm), shape (m,)
        Control resistors.
    amplitude : Quantity (volt)
        Of the pulses.
    width, period : Quantity (second)
        Length of a pulse, and from one onset to the next.
    duration, settle : Quantity (second)
        Length of the train, and of what is left out after the first spike.
    trials : int
        Neurons at each resistance, each with noise of its own.
    dt : Quantity (second), optional
        Time step; by default the card's.
    seed : int
        Of the noise.
    **options : object
        Of :func:`memneuro.experiment.pulses.run_pulses`.

    Returns
    -------
    DataFrame
        One row a resistor and trial: ``r_control_Mohm``, ``trial``, ``first_spike_ms``, ``intervals``,
        ``isi_mean_ms``, ``isi_cv``, ``latched``.
    """
    check("resistances", resistances, Mohm, signed=True)
    control = np.atleast_1d(np.asarray(resistances / Mohm))
    run = run_pulses(
        neuron,
        amplitude=amplitude,
        width=width,
        period=period,
        r_control=control * Mohm,
        duration=duration,
        trials=trials,
        dt=dt,
        seed=seed,
        **options,
    )
    rows = []
    for c, trains in enumerate(run.trains()):
        for k, train in enumerate(trains):
            first = train[0] if train.size else np.nan
            stable = train[train > first + float(settle / ms)]
            isi = np.diff(stable)
            mean = isi.mean() if isi.size else np.nan
            cv = isi.std() / mean if isi.size > 1 else np.nan
            rows.append((control[c], k, first, isi.size, mean, cv, bool(run.latched[c, k])))
    columns = ["r_control_Mohm", "trial", "first_spike_ms", "intervals", "isi_mean_ms", "isi_cv", "latched"]
    return pd.DataFrame(rows, columns=columns)


def pooled_interval(table: pd.DataFrame) -> pd.Series:
    """Mean interval (ms) over all intervals of all trials, by resistor; NaN where no trial has an interval."""
    total = (table["isi_mean_ms"] * table["intervals"]).groupby(table["r_control_Mohm"]).sum()
    number = table["intervals"].groupby(table["r_control_Mohm"]).sum()
    return total / number.where(number > 0)


def intervals(table: pd.DataFrame) -> pd.DataFrame:
    """The stable interval against the control resistor, with its spread over trials.

    Parameters
    ----------
    table : DataFrame
        What :func:`refractory_period` gave.

    Returns
    -------
    DataFrame
        One row a resistor: ``r_control_Mohm``, ``mean_ms`` (pooled), ``low``, ``high`` (central 68 % of the trials'
        means) and ``latched`` (fraction of trials).
    """
    by = table.groupby("r_control_Mohm")
    low, high = (by["isi_mean_ms"].quantile(part) for part in (0.16, 0.84))
    found = {"mean_ms": pooled_interval(table), "low": low, "high": high, "latched": by["latched"].mean()}
    return pd.DataFrame(found).rename_axis("r_control_Mohm").reset_index()
