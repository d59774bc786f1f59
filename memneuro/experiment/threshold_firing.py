"""Threshold firing (Fig. 3c and 3d of doi:10.1038/s41928-025-01488-x): does one pulse fire the neuron, and when?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from brian2 import Quantity, ms, volt

from memneuro.circuit.drive import check
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.pulses import run_pulses

AMPLITUDES = np.array([0.8, 0.9, 1.0]) * volt


def threshold_firing(
    neuron: OneM1T1R,
    *,
    amplitudes: Quantity = AMPLITUDES,
    width: Quantity = 15 * ms,
    trials: int = 400,
    dt: Quantity | None = None,
    seed: int = 0,
    **options: Any,
) -> pd.DataFrame:
    """Response to single pulses of 15 ms against their amplitude.

    Parameters
    ----------
    neuron : OneM1T1R
        The neuron.
    amplitudes : Quantity (volt), shape (m,)
        Of the pulses.
    width : Quantity (second)
        Of the pulses.
    trials : int
        Neurons at each amplitude, each with noise of its own.
    dt : Quantity (second), optional
        Time step; by default the card's.
    seed : int
        Of the noise.
    **options : object
        Of :func:`memneuro.experiment.pulses.run_pulses`.

    Returns
    -------
    DataFrame
        One row an amplitude and trial: ``amplitude_V``, ``trial``, ``fired`` (bool), ``delay_ms`` (NaN if it did not).
    """
    check("amplitudes", amplitudes, volt, signed=True)
    amplitude = np.atleast_1d(np.asarray(amplitudes / volt))
    run = run_pulses(
        neuron,
        amplitude=amplitude * volt,
        width=width,
        period=width,
        count=1,
        duration=width,
        trials=trials,
        dt=dt,
        seed=seed,
        **options,
    )
    delay = run.first_spikes().ravel()
    return pd.DataFrame(
        {
            "amplitude_V": np.repeat(amplitude, trials),
            "trial": np.tile(np.arange(trials), len(amplitude)),
            "fired": np.isfinite(delay),
            "delay_ms": delay,
        }
    )
