"""Pulse-train response (Fig. 2e of doi:10.1038/s41928-025-01488-x): when does a regular train first fire the neuron?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from brian2 import Quantity, ms, volt

from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.pulses import run_pulses


def pulse_train(
    neuron: OneM1T1R,
    *,
    amplitude: Quantity = 0.8 * volt,
    width: Quantity = 1 * ms,
    period: Quantity = 2 * ms,
    duration: Quantity = 400 * ms,
    trials: int = 200,
    dt: Quantity | None = None,
    seed: int = 0,
    **options: Any,
) -> pd.DataFrame:
    """First output spike under a train of 0.8 V pulses of 1 ms every 2 ms.

    Parameters
    ----------
    neuron : OneM1T1R
        The neuron.
    amplitude : Quantity (volt)
        Of the pulses.
    width, period : Quantity (second)
        Length of a pulse, and from one onset to the next.
    duration : Quantity (second)
        Length of the train.
    trials : int
        Neurons, each with noise of its own.
    dt : Quantity (second), optional
        Time step; by default the card's.
    seed : int
        Of the noise.
    **options : object
        Of :func:`memneuro.experiment.pulses.run_pulses`.

    Returns
    -------
    DataFrame
        One row a trial: ``trial``, ``first_spike_ms`` (NaN when the train ends first).
    """
    run = run_pulses(
        neuron,
        amplitude=amplitude,
        width=width,
        period=period,
        duration=duration,
        trials=trials,
        dt=dt,
        seed=seed,
        **options,
    )
    return pd.DataFrame({"trial": np.arange(trials), "first_spike_ms": run.first_spikes()[0]})
