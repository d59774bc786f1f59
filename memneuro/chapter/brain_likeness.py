"""The six traits of the memristor neuron beside recorded cells, reference neurons and the literature."""

from __future__ import annotations

import numpy as np
import pandas as pd
from brian2 import ms

from memneuro.biology import traits as tr
from memneuro.biology.adaptation import adaptation_table, smallest_change
from memneuro.biology.literature import trait_ranges
from memneuro.chapter.chapter import Chapter, Tables, card_steps, no_verdict
from memneuro.circuit.adapting import AdaptingOneM1T1R
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.figure import brain_likeness as figure

CARD = "hopping_2e4d"
SEED = 1
PLAIN, ADAPTING = "1M1T1R", "1M1T1R, adapting"
REFERENCES = {
    "lif": "LIF",
    "stochastic_lif": "stochastic LIF",
    "adex": "AdEx",
    "gif": "GIF",
    "cortical_hodgkin_huxley": "Hodgkin-Huxley",
}
#: The models and the circuits of a quick look.
FAST = ("lif", "adex")
FAST_CHANGES = ("plain", "RC foot", "second device")
SIGNS = (tr.INDEX, tr.PAIRED)
#: The measure of each trait that the table below the figure shows.
PRIMARY = (tr.LEAKY, tr.WIDTH, tr.DELAY, tr.JITTER, tr.INDEX, tr.REFRACTORY, tr.CV)
#: Whose range, its kind in the table of traits, and the columns that hold its limits.
RANGES = (
    ("literature", "literature", ("low", "high")),
    ("cells", "recorded", ("value", "value")),
    ("models", "reference", ("value", "value")),
)
#: A value this many times beyond a range or less is nearly in it.
NEAR = 2.0


def simulate(fast: bool) -> dict[str, pd.DataFrame]:
    """Traits of every neuron, the curves behind two of them, and the changes of the circuit.

    Without recordings the rows of the cells are missing, and the table ``missing`` says which and why.
    """
    trials = 4 if fast else 20
    cells, missing = tr.measure_cells()
    found = []
    for name, neuron in ((PLAIN, OneM1T1R(CARD)), (ADAPTING, AdaptingOneM1T1R(CARD))):
        length = tr.NOISE_TAU * (0.4 if fast else 1.0)
        found.append(tr.measure_neuron(tr.memristor(neuron, name), 2 * trials, SEED, noise_tau=length))
    for model, label in REFERENCES.items():
        slow = model == "cortical_hodgkin_huxley"
        if fast and model not in FAST:
            continue
        length = tr.NOISE_TAU * (0.2 if fast else 0.4 if slow else 1.0)
        # Few neurons and few steps are done before a program for them is compiled.
        target = "numpy" if fast or model in ("lif", "adex") else ""
        found.append(tr.measure_neuron(tr.reference(model, label, target), trials, SEED, noise_tau=length))
    chain = tr.measure_chain(OneM1T1R(CARD), PLAIN, 10 if fast else 30, (800 if fast else 1500) * ms, seed=SEED)
    literature = trait_ranges().assign(neuron="literature", kind="literature")
    literature["value"] = np.sqrt(literature["low"] * literature["high"])
    parts = [cells, *(one.traits for one in found), chain, literature[tr.COLUMNS]]
    traits = pd.concat([part for part in parts if len(part)], ignore_index=True)
    traits["order"] = traits["trait"].map(tr.TRAITS.index)
    traits = traits.sort_values("order", kind="stable", ignore_index=True).drop(columns="order")
    return {
        "traits": traits,
        "verdicts": verdicts(traits),
        "curves": pd.concat([one.curves for one in found], ignore_index=True),
        "firing": pd.concat([one.firing for one in found], ignore_index=True),
        "adaptation": adaptation_table(trials=10 if fast else 40, seed=SEED, names=FAST_CHANGES if fast else ()),
        "missing": pd.DataFrame({"recording": missing}),
    }


def verdicts(traits: pd.DataFrame) -> pd.DataFrame:
    """How far each memristor neuron is from the literature and from the recorded cells.

    Returns
    -------
    DataFrame
        ``trait``, ``measure``, ``neuron``, ``value``, and for the range of the ``literature``, of the ``cells`` and,
        where there is neither, of the ``models``: ``..._low``, ``..._high``, ``..._ratio`` (1 inside, else value over
        the nearest edge; NaN where the signs differ); ``verdict`` in words.
    """
    rows = []
    for row in traits[traits["kind"] == "memristor"].to_dict(orient="records"):
        same = traits[traits["measure"] == row["measure"]]
        found = {key: row[key] for key in ("trait", "measure", "neuron", "value")}
        words: list[str] = []
        for whose, kind, columns in RANGES:
            part = same[same["kind"] == kind]
            low, high = float(part[columns[0]].min()), float(part[columns[1]].max())
            if whose == "models" and words:
                low = high = float("nan")
            ratio, text = judge(row["value"], low, high, row["measure"] in SIGNS)
            found |= {f"{whose}_low": low, f"{whose}_high": high, f"{whose}_ratio": ratio}
            if np.isfinite(low):
                words.append(f"{whose}: {text}")
        rows.append(found | {"verdict": "; ".join(words) or "nothing to compare with"})
    return pd.DataFrame(rows)


def judge(value: float, low: float, high: float, signed: bool = False) -> tuple[float, str]:
    """Ratio of a value to the nearest edge of a range, and the comparison in words.

    Parameters
    ----------
    value, low, high : float
    signed : bool
        The sign of the measure has a meaning: below 0 facilitation, above 0 adaptation.
    """
    if not np.isfinite(value):
        return float("nan"), "not measurable, too few spikes"
    if not np.isfinite(low):
        return float("nan"), "nothing to compare with"
    if low <= value <= high:
        return 1.0, "brain-like, inside the range"
    if signed and value * (low + high) < 0:
        return float("nan"), "opposite in sign, " + ("facilitation" if value < 0 else "adaptation")
    edge, side = (low, "below") if value < low else (high, "above")
    if edge == 0 or value / edge <= 0:
        return float("nan"), f"not brain-like, {side} the range by {abs(value - edge):.2g}"
    ratio = value / edge
    factor = max(ratio, 1 / ratio)
    near = "nearly brain-like" if factor <= NEAR else "not brain-like"
    times = f"{factor:.2f}" if factor < 10 else f"{factor:.0f}"
    return float(ratio), f"{near}, {side} the range by a factor of {times}"


def compare(tables: Tables) -> pd.DataFrame:
    """The verdict on each trait, and below them the smallest change of the circuit that makes it adapt."""
    found = tables["verdicts"]
    found = found[found["measure"].isin(PRIMARY)]
    columns = ["trait", "measure", "neuron", "value", "literature_low", "literature_high", "cells_low", "cells_high"]
    found = found[[*columns, "verdict"]]
    change = smallest_change(tables["adaptation"])
    last = {
        "trait": tr.TRAITS[3],
        "measure": "smallest change of the circuit that adapts",
        "neuron": change or "none of those tried",
        "verdict": "index: " + _change_in_words(tables["adaptation"]),
    }
    return pd.concat([found, pd.DataFrame([last])], ignore_index=True)


def _change_in_words(table: pd.DataFrame) -> str:
    return "; ".join(
        f"{row.circuit} ({row.parts} more parts): {row.adaptation_index:+.3f}" for row in table.itertuples()
    )


CHAPTER = Chapter(
    number=14,
    name="brain_likeness",
    title="How brain-like are the six traits?",
    paragraphs=(
        "Each trait as one number without a unit, measured in the same way for recorded cells, memristor neurons and "
        "models from the literature. Times are in units of the integration time: the membrane time constant, or the "
        "dissolution time of the filament. Drives are in units of the rheobase, the smallest step that fires a neuron "
        "(without its noise, where that can be switched off): a current for cells and models, a voltage for memristor "
        "neurons.",
        "The sign of the plasticity is that of biology: positive where intervals lengthen and a second response is "
        "later, which is adaptation, as in cortical cells; negative where they shorten, which is facilitation. The "
        "residue in the memristor facilitates. Of the changes of the circuit tried here, the table below the figure "
        "names the smallest that turns it round.",
        "A verdict compares with the range of the literature and with that of the recorded cells, which are mostly "
        "serotonin neurons; where there is neither, with the reference neurons. Nothing is fitted to any of them.",
    ),
    caption=(
        "One panel a trait. Grey band: literature; diamonds: recorded cells; blue and vermilion: memristor neuron and "
        "its adapting variant; others: reference neurons; bars: extremes of three blocks of trials. τ: integration "
        "time. a, b, c, e: logarithmic axes, with zeros on their left edge. b: triangles for cells are upper limits. "
        "d: dotted line, no plasticity; facilitation to its left."
    ),
    simulate=simulate,
    draw=figure.draw,
    compare=compare,
    judge=no_verdict,
    notes=(
        "The recorded cells were given one sweep for each current, so the width of their threshold is only bounded, "
        "and their numbers at 1.2 times the rheobase come from one sweep.",
        "The refractory periods are shortest intervals under noise. The time to charge the integrator comes on top, so "
        "they are upper limits: the LIF neuron's own 0.15 shows by how much.",
        "The ranges of delays and thresholds mix cells and axons of several species; the table of traits says for each "
        "where it is from and what was not verified.",
        "The second device and self-heating have not been built; heat capacity and thermal time are assumptions.",
    ),
    cards=(CARD,),
    seeds=(SEED,),
    step=lambda: f"{card_steps([CARD])}, that of its card for each reference neuron",
)
