"""Tables with fixed numbers, as the chapters make them: nothing is simulated, so a figure of them never changes."""

import numpy as np
import pandas as pd

from memneuro.chapter import refractory_period as chapter
from memneuro.chapter.chapter import beside_targets


def threshold_firing():
    """Probabilities on a logistic curve around 0.87 V, delays that halve every 60 mV, 40 trials of each amplitude."""
    trial = np.arange(40)
    rows = []
    for amplitude in np.round(np.arange(0.65, 1.16, 0.05), 2):
        fired = trial < np.round(40 / (1 + np.exp(-(amplitude - 0.87) / 0.025)))
        delay = 5.0 * 2 ** ((0.9 - amplitude) / 0.06) * (0.6 + 0.02 * trial)
        rows.append(
            pd.DataFrame({"amplitude_V": amplitude, "fired": fired, "delay_ms": np.where(fired, delay, np.nan)})
        )
    trials = pd.concat(rows, ignore_index=True)
    fired = {float(volts): (float(part.mean()),) * 3 for volts, part in trials.groupby("amplitude_V")["fired"]}
    compared = [beside_targets("3d", fired), beside_targets("3c", {0.9: (5.0, 3.0, 7.0)})]
    return {"trials": trials, "comparison": pd.concat(compared, ignore_index=True)}


def refractory_period():
    """Intervals in proportion to the control resistor, never shorter than the period of the pulses; five trials."""
    dense = np.union1d(np.round(np.geomspace(30, 1500, 12)), [50, 100, 250, 500, 1000])
    rows = [
        {"r_control_Mohm": mohm, "trial": k, "isi_mean_ms": max(2.0, 0.02 * mohm) * (0.8 + 0.1 * k)}
        for mohm in dense
        for k in range(5)
    ]
    trials = pd.DataFrame(rows).assign(intervals=10, latched=False)
    quiet = pd.DataFrame({"r_control_Mohm": dense, "isi_mean_ms": np.maximum(2.0, 0.019 * dense), "latched": False})
    tables = {"trials": trials, "quiet": quiet}
    return tables | {"comparison": chapter.compare(tables)}


def model_table():
    """Three models, one of them fitted, one whose characteristics depend on the step."""
    return {
        "models": pd.DataFrame(
            {
                "model": ["hopping", "area", "langevin"],
                "mean_log_error": [0.1, 0.9, 1.2],
                "mean_log_error_half_step": [0.12, 0.9, 1.1],
                "traits": ["LTCPRS", "LTCP--", "LT---S"],
                "traits_half_step": ["LTCPRS", "LTCP--", "L----S"],
            }
        )
    }
