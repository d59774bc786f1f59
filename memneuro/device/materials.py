"""What the device cards themselves state: material, source, how well each number is known, spread and footprint.

Nothing here is simulated; :mod:`memneuro.experiment.materials` adds what a card does. The material, the row of the
measured devices a card is named after and the electrode area are in ``materials.csv``, with the source of the area. A
cell is empty where the sources of a card say nothing.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pandas as pd

from memneuro.device.card import STATUS, Card, card, card_names
from memneuro.tables import packaged_table

#: Columns of materials.csv.
COLUMNS = ("card", "material", "measured", "footprint_um2", "footprint_rule")
_DOI = re.compile(r"doi:10\.\d{4,9}/[^\s,;:()]+")


def provenance(given: Card) -> dict[str, Any]:
    """How well the numbers of a card are known, as the card states it.

    Parameters
    ----------
    given : Card

    Returns
    -------
    dict
        The number of parameters of each status (``published``, ``fitted``, ``chosen``, ``derived``) and ``guessed``,
        the names of those chosen, separated by spaces.
    """
    counts: dict[str, Any] = {
        status: sum(entry.status == status for entry in given.parameters.values()) for status in STATUS
    }
    return counts | {"guessed": " ".join(name for name, entry in given.parameters.items() if entry.status == "chosen")}


def sources(given: Card) -> str:
    """Where the numbers of a card come from.

    Parameters
    ----------
    given : Card

    Returns
    -------
    str
        The DOIs in its sources, separated by spaces; where it has none, its distinct sources in words.
    """
    texts = dict.fromkeys(entry.source for entry in given.parameters.values())
    dois = dict.fromkeys(found.rstrip(".") for text in texts for found in _DOI.findall(text))
    return " ".join(dois) if dois else "; ".join(texts)


def stated_spread(given: Card) -> str:
    """The spreads a card states, in words: standard deviations of ln(value), or with the unit of a signed value."""
    words = []
    for name, entry in given.parameters.items():
        for what, value in (("devices", entry.device_spread), ("cycles", entry.cycle_spread)):
            if value:
                words.append(f"{name} {value:g} {entry.unit if entry.signed else '(ln)'} between {what}")
    return "; ".join(words)


@cache
def _known() -> pd.DataFrame:
    """The table of materials by card, empty text where a cell is empty."""
    table = packaged_table("memneuro.device", "materials.csv", dtype=str, keep_default_na=False)
    if tuple(table.columns) != COLUMNS:
        raise ValueError(f"materials.csv: the columns must be {', '.join(COLUMNS)}; they are {', '.join(table)}")
    if not table["card"].is_unique:
        raise ValueError(f"materials.csv: card {table['card'][table['card'].duplicated()].iloc[0]!r} has two rows")
    return table.set_index("card")


def card_facts(given: Card) -> dict[str, Any]:
    """One row of :func:`card_table`."""
    known = dict.fromkeys(COLUMNS[1:], "")
    if given.name in _known().index:
        known = _known().loc[given.name].to_dict()
    return {
        "card": given.name,
        "model": given.model,
        "material": known["material"],
        "source": sources(given),
        "measured": known["measured"],
        **provenance(given),
        "stated_spread": stated_spread(given),
        "footprint_um2": float(known["footprint_um2"] or "nan"),
        "footprint_rule": known["footprint_rule"] or "no electrode area in the sources of this card",
    }


def card_table() -> pd.DataFrame:
    """What every device card of the package states.

    Returns
    -------
    DataFrame
        One row a card, by model and name: ``card``, ``model``, ``material``, ``source``, ``measured`` (its row in
        :func:`memneuro.experiment.target.measured_devices`, else empty), the counts ``published``, ``fitted``,
        ``chosen`` and ``derived``, ``guessed`` (names of the chosen ones), ``stated_spread`` (in words),
        ``footprint_um2`` and ``footprint_rule``.
    """
    rows = [card_facts(card(name)) for name in card_names("device")]
    return pd.DataFrame(rows).sort_values(["model", "card"], ignore_index=True)
