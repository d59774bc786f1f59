"""The memristor neuron beside a recorded neuron of the dorsal raphe."""

from __future__ import annotations

import numpy as np
import pandas as pd
from brian2 import Quantity, ms, pA, volt

from memneuro.biology.comparison import (
    dimensionless,
    fi_summary,
    fi_table,
    reliability_from_spikes,
    repeated_trains,
)
from memneuro.biology.memristor import (
    cell_time_constant,
    cross_coincidence,
    firing_threshold,
    leak_time,
    noise_response,
    rising_branch,
    step_response,
)
from memneuro.biology.recordings import Recording, load
from memneuro.biology.stimulus import step_windows
from memneuro.chapter.chapter import Chapter, Tables, no_verdict
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.figure import recorded_cell as figure

CELL = "raphe/DRN162"
CARD = "hopping_2e4d"
SEED = 1
AMPLITUDES = np.round(np.arange(0.5, 1.501, 0.025), 3) * volt
PULSE = {"width": 1 * ms, "period": 2 * ms}
PRECISION = 4 * ms
SHIFTS = np.arange(-60.0, 61.0, 3.0) * ms
NEURONS = ("cell", "memristor, constant", "memristor, pulses")

#: What is compared: name, column, table.
QUANTITIES = (
    ("gain on the rising branch (rate per rheobase)", "gain", "steps"),
    ("highest rate", "rate_max", "steps"),
    ("latency at the rheobase", "latency_rheobase", "steps"),
    ("shortest latency", "latency_min", "steps"),
    ("interval CV, median over steps", "isi_cv_median", "steps"),
    ("adaptation index, median over steps", "adaptation_index_median", "steps"),
    ("noise: rate", "rate_mean", "noise"),
    ("noise: interval CV", "isi_cv_mean", "noise"),
    ("noise: local interval CV2", "isi_cv2_mean", "noise"),
    ("noise: reliability (coincidence factor)", "gamma_mean", "noise"),
    ("noise: jitter of a spike", "jitter", "noise"),
    ("noise: Fano factor across repeats", "fano_across_repeats", "noise"),
    ("noise: coincidence factor with the cell", "gamma_with_cell", "noise"),
    ("noise: the same with the best shift of all spikes", "gamma_with_cell_shifted", "noise"),
    ("noise: that shift, positive for later", "best_shift", "noise"),
)


def simulate(fast: bool) -> dict[str, pd.DataFrame]:
    """Steps and repeated noise, for the cell and for the memristor neuron, all in dimensionless form.

    Raises
    ------
    RecordingUnavailable
        When the recordings are not on this machine and cannot be downloaded.
    """
    steps, noise = load(CELL, "current_steps"), load(CELL, "test")
    neuron = OneM1T1R(CARD)
    tau, tau_cell = leak_time(neuron), cell_time_constant(steps)
    start, end = step_windows(steps)[0]
    trials = 5 if fast else 20
    duration = (end - start) * float(tau / tau_cell)

    cell = fi_table(steps)
    cell.insert(0, "trial", 0)
    responses = {
        NEURONS[0]: (cell, tau_cell, float(fi_summary(cell)["rheobase_pA"].iloc[0]) * pA),
    }
    for name, pulse in ((NEURONS[1], {}), (NEURONS[2], PULSE)):
        table = step_response(neuron, AMPLITUDES, duration, trials=trials, seed=SEED, **pulse)
        responses[name] = (table, tau, firing_threshold(table))
    curves = pd.concat([_curve(name, *found) for name, found in responses.items()], ignore_index=True)
    summary = pd.concat([_summary(name, *found) for name, found in responses.items()], ignore_index=True)

    threshold = responses[NEURONS[1]][2]
    spikes, reliability = _noise(neuron, noise, threshold, tau_cell)
    return {"steps": curves, "step_summary": summary, "noise_spikes": spikes, "noise": reliability}


def _curve(name: str, table: pd.DataFrame, tau: Quantity, rheobase: Quantity) -> pd.DataFrame:
    """Response to steps in a neuron's own units."""
    columns = ["trial", "spikes", "rate_hz", "latency_ms", "isi_cv", "adaptation_index"]
    columns.append(next(str(column) for column in table.columns if str(column).startswith("amplitude_")))
    curve = dimensionless(table[columns], tau, rheobase)
    curve.insert(0, "neuron", name)
    return curve


def _summary(name: str, table: pd.DataFrame, tau: Quantity, rheobase: Quantity) -> pd.DataFrame:
    """Median over trials of the summary of the response to steps, in a neuron's own units."""
    each = []
    for _, trial in table.groupby("trial"):
        rising = fi_summary(rising_branch(trial))
        summary = fi_summary(trial)
        gain = next(str(column) for column in rising.columns if str(column).startswith("gain_"))
        summary[gain] = rising[gain]
        each.append(dimensionless(summary, tau, rheobase))
    median = pd.concat(each).median().to_frame().T
    rename = {column: str(column).split("_hz_per_")[0] for column in median.columns}
    median = median.rename(columns=rename)
    median.insert(0, "neuron", name)
    return median


def _noise(
    neuron: OneM1T1R, recording: Recording, threshold: Quantity, tau_cell: Quantity
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Spikes and reliability under the cell's noise; the memristor's times are expressed in the cell's time."""
    recorded, duration = repeated_trains(recording)
    factor = float(leak_time(neuron) / tau_cell)
    simulated, length = noise_response(neuron, recording, threshold, factor, trials=len(recorded), seed=SEED)
    duration = max(duration, length)
    spikes, rows = [], []
    for name, trains in ((NEURONS[0], recorded), (NEURONS[1], simulated)):
        row = dimensionless(reliability_from_spikes(trains, duration, PRECISION), tau_cell)
        row.insert(0, "neuron", name)
        row["gamma_with_cell"] = np.nan
        rows.append(row)
        spikes += [
            pd.DataFrame({"neuron": name, "repeat": k, "time": np.asarray(train / tau_cell)})
            for k, train in enumerate(trains)
        ]
    rows[1]["gamma_with_cell"] = cross_coincidence(recorded, simulated, duration, PRECISION)
    shifted = [cross_coincidence(recorded, simulated, duration, PRECISION, shift) for shift in SHIFTS]
    rows[1]["gamma_with_cell_shifted"] = np.max(shifted)
    rows[1]["best_shift"] = float(SHIFTS[int(np.argmax(shifted))] / tau_cell)
    return pd.concat(spikes, ignore_index=True), pd.concat(rows, ignore_index=True)


def compare(tables: Tables) -> pd.DataFrame:
    """The cell beside the memristor neuron, in the leak time and the rheobase of each."""
    found = {"steps": tables["step_summary"].set_index("neuron"), "noise": tables["noise"].set_index("neuron")}
    rows = []
    for label, column, table in QUANTITIES:
        values = {
            name: float(found[table].loc[name, column]) if name in found[table].index else np.nan for name in NEURONS
        }
        rows.append({"quantity": label, **values})
    return pd.DataFrame(rows)


CHAPTER = Chapter(
    number=13,
    name="recorded_cell",
    title="Beside a recorded neuron",
    paragraphs=(
        "A serotonin neuron of the dorsal raphe (whole-cell current clamp, github.com/apayeur/GIF-K, cell DRN162) "
        "and the memristor neuron, measured by the same code. Times are in units of the leak of each integrator, "
        "the membrane time constant of the cell and the dissolution time of the filament; drives in units of the "
        "rheobase of each.",
        "Steps: the cell gets currents, the memristor neuron constant voltages or trains of 1 ms pulses every 2 "
        "ms. The cell fires faster the stronger the current. The memristor neuron fires only in a band above its "
        "threshold: under a stronger drive the gate stays charged after the first spike and the neuron falls "
        "silent, which resembles a depolarisation block.",
        "Noise: both get the same fluctuating current, ten times. For the memristor neuron it is turned into a "
        "voltage by a gain alone, so that the mean current becomes the firing threshold, and its time axis is "
        "compressed by the ratio of the leak times. Nothing is fitted to the cell.",
    ),
    caption=(
        "a, rate against the amplitude of a step; shaded: central 68 % of the trials. b, spikes in ten repeats of "
        "the same noise. One leak time is 28 ms in the cell and a few ms in the memristor neuron."
    ),
    simulate=simulate,
    draw=figure.draw,
    compare=compare,
    judge=no_verdict,
    notes=(
        "Positive adaptation index: the intervals lengthen during a step.",
        "The coincidence factor counts spikes within 4 ms of the cell's time, the same fraction of the leak time "
        "in both.",
        "One cell only; the comparison is a first look, not evidence about neurons in general.",
    ),
    cards=(CARD,),
    seeds=(SEED,),
)
