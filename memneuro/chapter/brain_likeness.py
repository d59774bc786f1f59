"""The six traits of the memristor neuron beside recorded cells, reference neurons and the literature."""

from __future__ import annotations

import numpy as np
import pandas as pd

from memneuro.biology import traits as tr
from memneuro.biology.adaptation import adaptation_table, smallest_change
from memneuro.biology.literature import trait_ranges
from memneuro.chapter.chapter import Chapter, Tables, no_verdict
from memneuro.circuit.adapting import AdaptingOneM1T1R
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.figure import brain_likeness as figure

CARD = "hopping_2e4d"
PLAIN, ADAPTING = "1M1T1R", "1M1T1R, adapting"
REFERENCES = {
    "lif": "LIF",
    "stochastic_lif": "stochastic LIF",
    "adex": "AdEx",
    "gif": "GIF",
    "cortical_hodgkin_huxley": "Hodgkin-Huxley",
}
#: Integration times of noise for the slow model, whose steps take long.
SHORT_NOISE_TAU = 60.0
SIGNS = (tr.INDEX, tr.PAIRED)


def simulate(fast: bool) -> dict[str, pd.DataFrame]:
    """Traits of every neuron, the curves behind two of them, and the changes of the circuit.

    Without recordings the rows of the cells are missing, and the table ``missing`` says which and why.
    """
    trials = 6 if fast else 20
    cells, missing = tr.measure_cells()
    found = []
    for name, neuron in ((PLAIN, OneM1T1R(CARD)), (ADAPTING, AdaptingOneM1T1R(CARD))):
        found.append(tr.measure_neuron(tr.memristor(neuron, name), trials))
    for model, label in REFERENCES.items():
        slow = model == "cortical_hodgkin_huxley"
        if not (fast and slow):
            length = SHORT_NOISE_TAU if fast or slow else tr.NOISE_TAU
            found.append(tr.measure_neuron(tr.reference(model, label), trials, noise_tau=length))
    chain = tr.measure_chain(OneM1T1R(CARD), PLAIN, trials=10 if fast else 30)
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
        "adaptation": adaptation_table(blocks=3, trials=4 if fast else 15),
        "missing": pd.DataFrame({"recording": missing}),
    }


def verdicts(traits: pd.DataFrame) -> pd.DataFrame:
    """How far each memristor neuron is from the literature, or where that has no range from the recorded cells.

    Returns
    -------
    DataFrame
        ``trait``, ``measure``, ``neuron``, ``value``, ``low``, ``high`` (of the range compared with), ``range`` (whose
        it is), ``ratio`` (1 inside the range, else value over the nearest edge; NaN where the signs differ) and
        ``verdict`` in words.
    """
    rows = []
    for row in traits[traits["kind"] == "memristor"].to_dict(orient="records"):
        same = traits[traits["measure"] == row["measure"]]
        whose, (low, high) = "literature", _extent(same[same["kind"] == "literature"], ("low", "high"))
        if not np.isfinite(low):
            whose, (low, high) = "recorded cells", _extent(same[same["kind"] == "recorded"], ("value", "value"))
        if not np.isfinite(low):
            whose, (low, high) = "reference neurons", _extent(same[same["kind"] == "reference"], ("value", "value"))
        ratio, words = judge(row["value"], low, high, row["measure"] in SIGNS)
        rows.append(
            {key: row[key] for key in ("trait", "measure", "neuron", "value")}
            | {"low": low, "high": high, "range": whose, "ratio": ratio, "verdict": words}
        )
    return pd.DataFrame(rows)


def _extent(part: pd.DataFrame, columns: tuple[str, str]) -> tuple[float, float]:
    return float(part[columns[0]].min()), float(part[columns[1]].max())


def judge(value: float, low: float, high: float, signed: bool = False) -> tuple[float, str]:
    """Ratio of a value to the nearest edge of a range, and the comparison in words.

    Parameters
    ----------
    value, low, high : float
    signed : bool
        The sign of the measure has a meaning: below 0 facilitation, above 0 adaptation.
    """
    if not np.isfinite(value):
        return float("nan"), "not measurable: too few spikes"
    if not np.isfinite(low):
        return float("nan"), "nothing to compare with"
    if low <= value <= high:
        return 1.0, "brain-like: inside the range"
    if signed and value < 0 <= low:
        return float("nan"), "opposite in sign: facilitation, where cells adapt"
    edge = low if value < low else high
    side = "below" if value < low else "above"
    if edge == 0 or value / edge < 0:
        return float("nan"), f"{side} the range, by {abs(value - edge):.2g}"
    if value == 0:
        return 0.0, "below the range: none at all"
    ratio = value / edge
    factor = max(ratio, 1 / ratio)
    near = "nearly brain-like" if factor <= 2 else "not brain-like"
    return float(ratio), f"{near}: {side} the range by a factor of {factor:.2g}"


def compare(tables: Tables) -> pd.DataFrame:
    """The verdicts, and below them the smallest change of the circuit that makes it adapt."""
    found = tables["verdicts"].rename(columns={"low": "from", "high": "to"})
    change = smallest_change(tables["adaptation"])
    last = {
        "trait": tr.TRAITS[3],
        "measure": "smallest change of the circuit that adapts",
        "neuron": change or "none of those tried",
        "verdict": _change_in_words(tables["adaptation"]),
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
        "dissolution time of the filament. Drives are in units of the rheobase, the smallest step that fires a neuron (without "
        "its noise, where that can be switched off): a current for cells and models, a voltage for memristor neurons.",
        "The sign of the plasticity is that of biology: positive where intervals lengthen and a second response is later, "
        "which is adaptation, as in cortical cells; negative where they shorten, which is facilitation. The residue in "
        "the memristor facilitates. Of the changes of the circuit tried here, the table below the figure names the "
        "smallest that turns it round.",
        "A verdict compares with the range of the literature; where that has none, with the recorded cells, and else with "
        "the reference neurons. Nothing is fitted to any of them.",
    ),
    caption=(
        "One panel a trait. Grey band: literature; diamonds: recorded cells; blue and orange: memristor neuron and its "
        "adapting variant; green: reference neurons; bars: extremes of three blocks of trials or of the repeats. a, c "
        "and e have logarithmic axes; values of 0 lie on their left edge. b and f: curves against the drive. d: dotted "
        "line, no plasticity."
    ),
    simulate=simulate,
    draw=figure.draw,
    compare=compare,
    judge=no_verdict,
    notes=(
        "The recorded cells were given one sweep for each current, so the width of their threshold is only bounded, and "
        "their numbers at 1.2 times the rheobase come from one sweep.",
        "The refractory periods are shortest intervals under noise. The time to charge the integrator comes on top, so "
        "they are upper limits: the LIF neuron's own 0.15 shows by how much.",
        "The ranges of delays and thresholds mix cells and axons of several species; the table of traits says for each "
        "where it is from and what was not verified.",
        "The second device and self-heating have not been built; heat capacity and thermal time are assumptions.",
    ),
)
