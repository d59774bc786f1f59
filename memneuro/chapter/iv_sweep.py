"""Quasi-static current-voltage sweeps of the device: where it switches on and where it lets go."""

from __future__ import annotations

import pandas as pd

from memneuro.chapter.chapter import Chapter, Tables, step_text
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.iv_sweep import iv_curves, iv_summary, iv_sweep, sweep_step
from memneuro.experiment.target import measured_devices
from memneuro.figure import iv_sweep as figure

CARD = "hopping_3cd"
SEED = 1
SIMULATED = f"simulated, {CARD}"


def simulate(fast: bool) -> dict[str, pd.DataFrame]:
    """Thresholds and hold voltages of many sweeps, and the curves of a few."""
    neuron = OneM1T1R(CARD)
    sweeps = iv_sweep(neuron, cycles=2 if fast else 4, trials=30 if fast else 50, seed=SEED)
    return {"sweeps": sweeps, "curves": iv_curves(neuron, cycles=2 if fast else 5, seed=SEED)}


def compare(tables: Tables) -> pd.DataFrame:
    """Threshold and hold voltage beside those of measured devices."""
    summary = iv_summary(tables["sweeps"]).set_index("quantity")
    rows = [
        {
            "device": SIMULATED,
            "n": summary.loc["threshold", "n"],
            "threshold_V_mean": summary.loc["threshold", "mean_V"],
            "threshold_V_sd": summary.loc["threshold", "sd_V"],
            "hold_V_median": summary.loc["hold", "median_V"],
        }
    ]
    devices = measured_devices()
    known = devices[devices["threshold_V_mean"].notna() & devices["threshold_V_sd"].notna()]
    table = pd.concat([pd.DataFrame(rows), known[list(rows[0])]], ignore_index=True)
    table["relative_spread"] = table["threshold_V_sd"] / table["threshold_V_mean"]
    return table


def judge(tables: Tables) -> str:
    """Whether the relative spread of the threshold lies within that of the measured Ag devices."""
    table = tables["comparison"].set_index("device")["relative_spread"]
    measured = table[table.index.str.startswith("Ag")]
    return "agrees" if measured.min() <= table[SIMULATED] <= measured.max() else "differs"


CHAPTER = Chapter(
    number=9,
    name="iv_sweep",
    title="Current-voltage sweep",
    paragraphs=(
        "The voltage rises slowly from 0 V and falls again, with a resistor of 1 MΩ in series. The device "
        "switches on at the threshold voltage (the current reaches 10 nA) and lets go at the hold voltage. Both "
        "differ from sweep to sweep.",
        "The measured devices are of the same kind, not the ones in the neuron, and were swept on their own "
        "terms; their thresholds differ twofold among themselves. What can be compared is the relative spread, "
        "and the verdict is on that alone.",
    ),
    caption=(
        "a, current against source voltage, rising (solid) and falling (dashed) branch of a few sweeps of one "
        "device. b, threshold (mean and standard deviation) and hold voltage (median), simulated and of measured "
        "devices."
    ),
    simulate=simulate,
    draw=figure.draw,
    compare=compare,
    judge=judge,
    notes=(
        "The simulated device switches at a higher voltage than the measured ones, and lets go at a much higher "
        "one: it was fitted to the firing of the neuron at 0.8 to 2 V, and the sweeps were no part of the fit.",
        "The first sweep of each device is left out: a fresh device has no residue.",
        "A closed device carries 10 nA down to a fixed voltage whatever the filament does; no hold voltage lies below.",
    ),
    cards=(CARD,),
    seeds=(SEED,),
    step=lambda: step_text(sweep_step(OneM1T1R(CARD))),
)
