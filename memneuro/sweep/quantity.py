"""Numbers with units, as text: ``"0.8 V"``, ``"50 Mohm"``, ``"1.5e-3 second"``, ``"200 / second"``."""

from __future__ import annotations

import re
from typing import Any

from memneuro.device.card import parse_unit

_NUMBER = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*)")
_SYMBOLS = {"V": "volt", "s": "second", "A": "amp", "F": "farad", "S": "siemens", "Hz": "hertz", "K": "kelvin"}
_SYMBOLS |= {"J": "joule", "W": "watt", "C": "coulomb"}
_PREFIXES = ("", "f", "p", "n", "u", "m", "k", "M", "G")
_SHORT = {prefix + short: prefix + long for short, long in _SYMBOLS.items() for prefix in _PREFIXES}
_WORD = re.compile(r"[A-Za-z]+")


def quantity(text: Any, name: str) -> Any:
    """A Brian2 quantity, or a plain number where there is no unit.

    Parameters
    ----------
    text : str, int or float
        Text with a unit, or a number.
    name : str
        What the number is, for the error.

    Raises
    ------
    ValueError
        If it is neither; the message names it and says what is accepted.
    """
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        return text
    found = _NUMBER.fullmatch(text) if isinstance(text, str) else None
    if found is not None:
        number, unit = float(found[1]), _WORD.sub(lambda word: _SHORT.get(word[0], word[0]), found[2].strip())
        if not unit:
            return number
        try:
            return number * parse_unit("1" + unit if unit.startswith("/") else unit)
        except ValueError:
            pass
    raise ValueError(f"{name} = {text!r}; accepted: a number, with a unit as in '0.8 V', '50 Mohm' or '2 / second'")
