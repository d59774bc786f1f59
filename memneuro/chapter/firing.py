"""The neuron firing under a train of pulses: input, gate, ions and output."""

from __future__ import annotations

import numpy as np
import pandas as pd
from brian2 import ms, us, volt

from memneuro.chapter.chapter import Chapter
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.pulses import run_pulses
from memneuro.figure import firing

CARD = "hopping_2e4d"
SEED = 1
TRIALS = 21
VARIABLES = ("v_in", "v_gate", "x_total", "x_residue", "v_load", "i_load")


def simulate(fast: bool) -> dict[str, pd.DataFrame]:
    """Traces of the one among 21 trials whose first spike is the median one, and its spikes."""
    run = run_pulses(
        OneM1T1R(CARD),
        amplitude=np.full(TRIALS, 0.8) * volt,
        width=1 * ms,
        period=2 * ms,
        duration=200 * ms,
        seed=SEED,
        record=VARIABLES,
        record_step=50 * us,
    )
    first = np.nan_to_num(run.first_spikes()[:, 0], nan=np.inf)
    shown = int(np.argsort(first, kind="stable")[TRIALS // 2])
    traces = run.traces[run.traces["condition"] == shown]
    table = pd.DataFrame(
        {
            "time_ms": traces["time_ms"],
            "v_in_V": traces["v_in"],
            "v_gate_V": traces["v_gate"],
            "x_total": traces["x_total"],
            "x_residue": traces["x_residue"],
            "v_load_V": traces["v_load"],
            "i_load_uA": traces["i_load"] * 1e6,
        }
    )
    spikes = run.spikes.loc[run.spikes["condition"] == shown, ["time_ms"]]
    return {"traces": table.reset_index(drop=True), "spikes": spikes.reset_index(drop=True)}


CHAPTER = Chapter(
    number=1,
    name="firing",
    title="The neuron firing",
    paragraphs=(
        "Pulses of 0.8 V, 1 ms long, every 2 ms. Silver grows into the gap during a pulse and dissolves between "
        "pulses, so the bridged length x adds up. When it reaches across the gap the device conducts, charges the "
        "gate, and the transistor opens: that is the spike. The charged gate then takes the voltage off the "
        "device, the filament dissolves, and the gate discharges through the control resistor.",
        "Nothing is reset and there is no refractory flag: the end of the spike and the pause after it come out "
        "of the circuit.",
    ),
    caption=(
        "Input, gate voltage, bridged length with the residue in it, and load current. Left: from rest. Right: "
        "around the first spike. The trial shown has the median first-spike time of 21."
    ),
    simulate=simulate,
    draw=firing.draw,
    cards=(CARD,),
    seeds=(SEED,),
)
