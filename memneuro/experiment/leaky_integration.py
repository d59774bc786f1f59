"""Leaky integration (Fig. 3b of doi:10.1038/s41928-025-01488-x): longer gaps leak more, so more pulses are needed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from brian2 import Quantity, ms, volt

from memneuro.circuit.drive import check
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.pulses import run_pulses

GAPS = np.array([0.4, 0.6, 0.8, 1.0, 1.2]) * ms


def leaky_integration(
    neuron: OneM1T1R,
    *,
    gaps: Quantity = GAPS,
    amplitude: Quantity = 0.9 * volt,
    width: Quantity = 1 * ms,
    duration: Quantity = 900 * ms,
    trials: int = 200,
    dt: Quantity | None = None,
    seed: int = 0,
    **options: Any,
) -> pd.DataFrame:
    """Pulses needed for the first spike against the gap between pulses.

    Parameters
    ----------
    neuron : OneM1T1R
        The neuron.
    gaps : Quantity (second), shape (m,)
        Between the end of a pulse and the onset of the next.
    amplitude : Quantity (volt)
        Of the pulses.
    width : Quantity (second)
        Of the pulses.
    duration : Quantity (second)
        Length of a run.
    trials : int
        Neurons at each gap, each with noise of its own.
    dt : Quantity (second), optional
        Time step; by default the card's.
    seed : int
        Of the noise.
    **options : object
        Of :func:`memneuro.experiment.pulses.run_pulses`.

    Returns
    -------
    DataFrame
        One row a gap and trial: ``gap_ms``, ``trial``, ``pulses``, ``first_spike_ms``. NaN where the neuron did not
        fire within `duration`.
    """
    check("gaps", gaps, ms, signed=True)
    gap = np.atleast_1d(np.asarray(gaps / ms))
    run = run_pulses(
        neuron,
        amplitude=amplitude,
        width=width,
        period=(gap + width / ms) * ms,
        duration=duration,
        trials=trials,
        dt=dt,
        seed=seed,
        **options,
    )
    first = run.first_spikes()
    pulses = np.floor(first / (gap + width / ms)[:, None]) + 1
    return pd.DataFrame(
        {
            "gap_ms": np.repeat(gap, trials),
            "trial": np.tile(np.arange(trials), len(gap)),
            "pulses": pulses.ravel(),
            "first_spike_ms": first.ravel(),
        }
    )
