"""Intrinsic plasticity (Fig. 4a and 4b of doi:10.1038/s41928-025-01488-x): the residue makes the next firing earlier.

This is facilitation, the opposite sign of the spike-frequency adaptation of most cortical cells.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from brian2 import Quantity, ms, volt

from memneuro.circuit.drive import check
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.pulses import run_pulses

GAPS = np.array([3.0, 30.0, 80.0, 200.0, 1000.0]) * ms


def intrinsic_plasticity(
    neuron: OneM1T1R,
    *,
    gaps: Quantity = GAPS,
    amplitude: Quantity = 2 * volt,
    width: Quantity = 20 * ms,
    trials: int = 200,
    dt: Quantity | None = None,
    seed: int = 0,
    **options: Any,
) -> pd.DataFrame:
    """Integration times of two equal pulses against the gap between them.

    The integration time is the time from the onset of a pulse to the first spike in it; a pulse without a spike counts
    with its full width, which is the least the integration time can be.

    Parameters
    ----------
    neuron : OneM1T1R
        The neuron.
    gaps : Quantity (second), shape (m,)
        Between the end of the first pulse and the onset of the second.
    amplitude : Quantity (volt)
        Of both pulses.
    width : Quantity (second)
        Of both pulses.
    trials : int
        Neurons at each gap, each with noise of its own.
    dt : Quantity (second), optional
        Time step; by default the card's.
    seed : int
        Of the noise of the first gap; each further gap has the next one.
    **options : object
        Of :func:`memneuro.experiment.pulses.run_pulses`.

    Returns
    -------
    DataFrame
        One row a gap and trial: ``gap_ms``, ``trial``, ``first_ms``, ``second_ms``, ``gain_ms`` (first - second),
        ``fired_first``, ``fired_second``.
    """
    check("gaps", gaps, ms, signed=True)
    gap = np.atleast_1d(np.asarray(gaps / ms))
    wide = float(width / ms)
    runs = []
    for k, one in enumerate(gap):  # one run a gap: the longest gap must not make all the others run as long
        run = run_pulses(
            neuron,
            amplitude=amplitude,
            width=width,
            period=(one + wide) * ms,
            count=2,
            duration=(one + 2 * wide) * ms,
            trials=trials,
            dt=dt,
            seed=seed + k,
            **options,
        )
        first = run.first_spikes()[0]
        first[first >= one + wide] = np.nan
        second = run.first_spikes(after_ms=one + wide)[0] - (one + wide)
        runs.append(
            pd.DataFrame(
                {
                    "gap_ms": one,
                    "trial": np.arange(trials),
                    "first_ms": np.where(np.isfinite(first), first, wide),
                    "second_ms": np.where(np.isfinite(second), second, wide),
                    "fired_first": np.isfinite(first),
                    "fired_second": np.isfinite(second),
                }
            )
        )
    table = pd.concat(runs, ignore_index=True)
    table.insert(4, "gain_ms", table["first_ms"] - table["second_ms"])
    return table
