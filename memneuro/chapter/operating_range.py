"""Operating range: at which drives and resistors the neuron keeps firing."""

from __future__ import annotations

import numpy as np
import pandas as pd
from brian2 import Mohm, volt

from memneuro.chapter.chapter import Chapter, Tables, no_verdict
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.operating_range import AMPLITUDES, holes, operating_range, range_summary, rate_map
from memneuro.experiment.shape import TRAIN
from memneuro.figure import operating_range as figure

CARD = "hopping_2e4d"
CIRCUITS = ("discrete_2025", "discrete_wide")
SEED = 1


def simulate(fast: bool) -> dict[str, pd.DataFrame]:
    """Rates against constant drive, and maps for pulse trains, over 2 s each."""
    every = 3 if fast else 1
    constant = []
    for circuit in CIRCUITS:
        table = operating_range(
            OneM1T1R(CARD, circuit), amplitudes=AMPLITUDES[20::every], trials=5 if fast else 20, seed=SEED
        )
        table.insert(0, "circuit", circuit)
        constant.append(table)
    side = 9 if fast else 25
    maps = []
    for noise in (False, True):
        table = rate_map(
            OneM1T1R(CARD),
            drive=TRAIN,
            amplitudes=np.linspace(0.6, 1.2, side) * volt,
            resistances=np.geomspace(30, 1500, side) * Mohm,
            trials=3 if fast else 5,
            noise=noise,
            seed=SEED,
        )
        table.insert(0, "noise", noise)
        maps.append(table)
    return {"constant": pd.concat(constant, ignore_index=True), "map": pd.concat(maps, ignore_index=True)}


def compare(tables: Tables) -> pd.DataFrame:
    """The operating range of each circuit, and the holes of each map."""
    rows = [
        {"what": f"constant drive, {circuit}", **range_summary(part).to_dict()}
        for circuit, part in tables["constant"].groupby("circuit", sort=False)
    ]
    rows += [
        {"what": f"map of pulse trains, {'with' if noise else 'without'} noise", "holes": holes(part)}
        for noise, part in tables["map"].groupby("noise")
    ]
    return pd.DataFrame(rows)


CHAPTER = Chapter(
    number=21,
    name="operating_range",
    title="Operating range",
    paragraphs=(
        "A neuron keeps firing only between its rheobase and a largest sustained drive. Below, the loss of silver "
        "balances its growth. Above, the device closes again before the gate has fallen below the threshold: the input "
        "exceeds the voltage at which it closes by more than the threshold, and no further spike is reported. The "
        "second circuit has a higher transistor threshold, which moves that limit up.",
    ),
    caption=(
        "a, b, rate in the second second against constant input for the default and the wide-range circuit; thick: the "
        "operating range, in which firing lasts and its rate rises with the input. c, d, rate under pulses of 1 ms "
        "every 2 ms against their amplitude and the control resistor, without and with noise; grey: does not keep firing."
    ),
    simulate=simulate,
    draw=figure.draw,
    compare=compare,
    judge=no_verdict,
    notes=("Firing lasts where the rate of the second second is within 20 % of that from 0.5 to 1 s.",),
    cards=(CARD,),
    seeds=(SEED,),
)
