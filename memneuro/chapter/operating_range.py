"""Operating range: at which drives and resistors the neuron keeps firing."""

from __future__ import annotations

import numpy as np
import pandas as pd
from brian2 import Mohm, volt

from memneuro.chapter.chapter import Chapter, Tables, no_verdict
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.operating_range import AMPLITUDES, TRAIN, holes, operating_range, range_summary, rate_map
from memneuro.figure import operating_range as figure

DEFAULT, BOUNDED = "hopping_2e4d", "hopping_bounded_2e4d"
#: Device and circuit of the lines.
NEURONS = ((DEFAULT, "discrete_2025"), (BOUNDED, "discrete_2025"), (BOUNDED, "discrete_wide"))
SEED = 1


def simulate(fast: bool) -> dict[str, pd.DataFrame]:
    """Rates against constant drive with noise, and maps for pulse trains, over 2 s each."""
    constant = []
    for device, circuit in NEURONS:
        table = operating_range(
            OneM1T1R(device, circuit),
            amplitudes=AMPLITUDES[25 :: 5 if fast else 1],
            trials=4 if fast else 20,
            seed=SEED,
        )
        table.insert(0, "circuit", circuit)
        table.insert(0, "device", device)
        constant.append(table)
    side = 9 if fast else 25
    maps = []
    for device in (DEFAULT, BOUNDED):
        for noise in (False,) if fast else (False, True):
            table = rate_map(
                OneM1T1R(device),
                drive=TRAIN,
                amplitudes=np.linspace(0.6, 1.2, side) * volt,
                resistances=np.geomspace(30, 1500, side) * Mohm,
                trials=4,
                noise=noise,
                seed=SEED,
            )
            table.insert(0, "noise", noise)
            table.insert(0, "device", device)
            maps.append(table)
    return {"constant": pd.concat(constant, ignore_index=True), "map": pd.concat(maps, ignore_index=True)}


def compare(tables: Tables) -> pd.DataFrame:
    """The operating range of each neuron under constant drive, and the holes of each map."""
    rows = [
        {"device": device, "circuit": circuit, "drive": "constant, with noise", **range_summary(part).to_dict()}
        for (device, circuit), part in tables["constant"].groupby(["device", "circuit"], sort=False)
    ]
    rows += [
        {"device": device, "circuit": "discrete_2025", "holes": holes(part)}
        | {"drive": f"map of pulse trains, {'with' if noise else 'without'} noise"}
        for (device, noise), part in tables["map"].groupby(["device", "noise"], sort=False)
    ]
    return pd.DataFrame(rows)


CHAPTER = Chapter(
    number=21,
    name="operating_range",
    title="Operating range",
    paragraphs=(
        "A neuron keeps firing only between its rheobase and a largest sustained drive. Below, the loss of silver "
        "balances its growth. Above, the device closes again before the gate has fallen below the threshold: the input "
        "exceeds the voltage at which it closes by more than the threshold, and no further spike is reported.",
        "The default device latches a little above its rheobase, and between the measured control resistors it falls "
        "silent, because its residue can fill the whole gap. A bounded residue removes both; the calibration of that "
        "device is not finished, so it is not the default yet. A transistor of higher threshold moves the upper limit.",
    ),
    caption=(
        "a, b, rate in the second second against constant input: a, default and bounded device; b, bounded device in "
        "the circuit with a higher threshold; thick: the operating range, in which firing lasts and its rate rises "
        "with the input. c, d, rate under pulses of 1 ms every 2 ms against their amplitude and the control resistor, "
        "without noise, of the default (c) and the bounded device (d); grey: does not keep firing."
    ),
    simulate=simulate,
    draw=figure.draw,
    compare=compare,
    judge=no_verdict,
    notes=("Firing lasts where the rate of the second second is within 20 % of that from 0.5 to 1 s.",),
    cards=(DEFAULT, BOUNDED),
    seeds=(SEED,),
)
