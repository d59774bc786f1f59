"""Energy per spike, element by element."""

from __future__ import annotations

import pandas as pd
from brian2 import ms

from memneuro.chapter.chapter import Chapter, Tables, no_verdict, step_text
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.energy import CASES, energy, energy_comparison, energy_step
from memneuro.figure import energy as figure

CARD = "hopping_2e4d"
SHOWN = (
    "published",
    "published_pJ",
    "device",
    "circuit",
    "drive",
    "amplitude_V",
    "response",
    "at_input_pJ",
    "gate_charging_pJ",
    "source_pJ",
    "device_pJ",
    "control_pJ",
    "supply_pJ",
)


def simulate(fast: bool) -> dict[str, pd.DataFrame]:
    """Energies of single spikes without noise, and the published figures beside what can be computed."""
    spikes = energy(OneM1T1R(CARD), duration=200 * ms)
    return {"spikes": spikes, "cases": energy_comparison(CASES[:1] if fast else CASES)}


def step() -> str:
    """The step of each card."""
    return ", ".join(f"{step_text(energy_step(OneM1T1R(card, circuit)))} for {card}" for card, circuit, _ in CASES)


def compare(tables: Tables) -> pd.DataFrame:
    """Published energies beside the parts that can be computed."""
    return tables["cases"][[name for name in SHOWN if name in tables["cases"]]]


CHAPTER = Chapter(
    number=10,
    name="energy",
    title="Energy per spike",
    paragraphs=(
        "The power of every element is integrated on its own, so that the balance is a check: what the input "
        "supplies equals what the device and the control resistor turn into heat plus what the gate stores.",
        "The published 1 pJ equals C V²/2 at 0.45 V and 10 pF, the charging of the gate alone. The input supplies "
        "more, and the output stage, which has a supply of its own, uses far more than the neuron itself. What "
        "the other published figures count is not stated, so there is no verdict. 1 pJ is not low beside CMOS "
        "neurons, which reach femtojoules.",
    ),
    caption=(
        "a, energy of each spike under 0.8 V pulses without noise, what the input supplies (dots) and where it "
        "goes (bars). b, published energies (diamonds) and the computed parts: gate charging C V²/2 at the input "
        "voltage, supplied by the input, supplied to the output stage."
    ),
    simulate=simulate,
    draw=figure.draw,
    compare=compare,
    judge=no_verdict,
    notes=(
        "Silent: the neuron does not fire under that drive. Latches: it ends charged and does not fire again; its "
        "energies are those up to the end of the run, not per spike.",
    ),
    cards=tuple(dict.fromkeys((CARD, *(card for card, _, _ in CASES)))),
    step=step,
)
