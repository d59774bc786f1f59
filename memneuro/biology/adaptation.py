"""Which change of the circuit turns facilitation into adaptation?

Cortical cells adapt: their intervals lengthen during a step. The memristor neuron does the opposite, since the residue
of silver that a spike leaves behind makes the next one easier. Compared here, all with the same device card, noise and
steps: the plain circuit, a capacitor and resistor below the control resistor, a second volatile device from the gate to
ground, and a device that warms up by its own current.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from brian2 import Quantity

from memneuro.biology.traits import DRIVES, LEAST_SPIKES, Subject, find_rheobase, index_median, memristor, step_trains
from memneuro.circuit.adapting import AdaptingOneM1T1R
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.circuit.second_device import SecondDeviceOneM1T1R
from memneuro.circuit.self_heating import SelfHeatingOneM1T1R

CARD = "hopping_unbounded_2e4d"


@dataclass(frozen=True)
class Change:
    """One change of the circuit.

    Parameters
    ----------
    name : str
    neuron : OneM1T1R
    parts : int
        Added parts.
    why : str
        What it does to the next spike.
    """

    name: str
    neuron: OneM1T1R
    parts: int
    why: str


def changes() -> list[Change]:
    """The circuits that are compared."""
    return [
        Change("plain", OneM1T1R(CARD), 0, "the residue of each spike shortens the way to the next: facilitation"),
        Change(
            "RC foot",
            AdaptingOneM1T1R(CARD),
            2,
            "each spike charges the foot; the gate rests higher and less voltage is left across the device: adaptation",
        ),
        Change(
            "second device",
            SecondDeviceOneM1T1R(CARD),
            1,
            "the gate reaches half of the input for a few milliseconds, too little for a device of this card to grow: "
            "nothing changes",
        ),
        Change(
            "second device, growth x 100",
            SecondDeviceOneM1T1R(CARD, speed=100.0),
            1,
            "where it closes it empties the gate, the first device has its voltage back sooner and fires earlier; then "
            "both stay closed and the neuron is silent",
        ),
        Change(
            "self-heating",
            SelfHeatingOneM1T1R(CARD),
            0,
            "heat speeds up growth as well as dissolution, so the next spike is not later; and a device of this size "
            "cools within a microsecond, not within the 0.1 s assumed here",
        ),
    ]


def adaptation_table(
    blocks: int = 3, trials: int = 20, seed: int = 1, dt: Quantity | None = None, names: tuple[str, ...] = ()
) -> pd.DataFrame:
    """Adaptation index of each circuit over steps of 50 integration times.

    Parameters
    ----------
    blocks, trials : int
        Blocks with noise of their own, and trials at each drive in each.
    seed : int
        Of the first block.
    dt : Quantity (second), optional
        Time step.
    names : tuple of str
        Only these circuits; all when empty.

    Returns
    -------
    DataFrame
        One row a circuit: ``circuit``; ``parts``, added; ``rheobase_V``; ``adaptation_index``, the median over the
        blocks of the median over all trials and drives with 6 spikes or more; ``low`` and ``high``, the extremes of the
        blocks; ``steps``, trials that count; ``spikes``, the most at one drive, mean over trials;
        ``drive_of_most_spikes``, over the rheobase; ``repetitive``, whether at some drive half of the trials have 6
        spikes or more; ``adapts``, whether the index is above 0 in every block; ``explanation``.
    """
    rows = []
    for change in changes():
        if names and change.name not in names:
            continue
        subject = memristor(change.neuron, change.name, dt)
        rows.append(_row(change, subject, blocks, trials, seed))
    return pd.DataFrame(rows)


def _row(change: Change, subject: Subject, blocks: int, trials: int, seed: int) -> dict[str, object]:
    unit = find_rheobase(subject)
    trains = step_trains(subject, unit, blocks * trials, seed)
    found = []
    for block in range(blocks):
        part = [train for at in trains for train in at[block * trials : (block + 1) * trials]]
        found.append(index_median(part))
    counts = np.array([[train.size for train in at] for at in trains])
    values = np.array([value for value in found if np.isfinite(value)])
    middle, low, high = (float(np.median(values)), values.min(), values.max()) if values.size else (np.nan,) * 3
    return {
        "circuit": change.name,
        "parts": change.parts,
        "rheobase_V": unit,
        "adaptation_index": middle,
        "low": low,
        "high": high,
        "steps": int(np.sum(counts >= LEAST_SPIKES)),
        "spikes": float(counts.mean(axis=1).max()),
        "drive_of_most_spikes": DRIVES[int(np.argmax(counts.mean(axis=1)))],
        "repetitive": bool(np.mean(counts >= LEAST_SPIKES, axis=1).max() >= 0.5),
        "adapts": bool(values.size == blocks and low > 0),
        "explanation": change.why,
    }


def smallest_change(table: pd.DataFrame) -> str:
    """The circuit with the fewest added parts that adapts and fires repetitively; an empty text when none does."""
    good = table[table["adapts"] & table["repetitive"]]
    return "" if good.empty else str(good.sort_values("parts", kind="stable").iloc[0]["circuit"])
