"""The published measurements that the simulations are compared with, as tidy tables.

The numbers of the 1M1T1R neuron are those of R. Zhao et al., Nature Electronics 8, 1211-1221 (2025),
doi:10.1038/s41928-025-01488-x. Some are stated in the text and some were read off a plot: the column
`reading` says which.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from memneuro.tables import packaged_table

TARGET_COLUMNS = (
    "figure",
    "experiment",
    "condition",
    "condition_value",
    "condition_unit",
    "measured",
    "unit",
    "reading",
    "in_score",
)
DEVICE_COLUMNS = (
    "device",
    "n",
    "threshold_V_mean",
    "threshold_V_sd",
    "hold_V_median",
    "high_resistance_ohm",
    "low_resistance_ohm",
    "delay_ms_median",
    "relaxation_ms_median",
    "note",
)
CHECK_COLUMNS = ("check", "condition", "value", "unit", "note")

_NUMBER = r"\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"


def targets() -> pd.DataFrame:
    """Give every published measurement of the 1M1T1R neuron, one row each.

    Returns
    -------
    DataFrame
        Columns `figure`, `experiment`, `condition` (in words), `condition_value` and `condition_unit` (NaN
        and empty where there is none), `measured` with its `unit`, `reading` ("stated", "read off plot",
        "press summary") and `in_score` (bool: whether the row counts in the score).

    Raises
    ------
    ValueError
        If the table that ships with the package was changed into something invalid.
    """
    name = "zhao2025_targets.csv"
    table = _read(name, TARGET_COLUMNS)
    if bad := sorted(set(table["in_score"]) - {"yes", "no"}):
        raise ValueError(f"{name}: in_score must be yes or no, got {', '.join(map(repr, bad))}")
    table["in_score"] = table["in_score"] == "yes"
    table["condition_value"] = _numbers(table["condition_value"], name)
    table["measured"] = _numbers(table["measured"], name)
    if not (table["measured"] > 0).all():
        rows = ", ".join(str(row + 2) for row in np.flatnonzero(~(table["measured"] > 0)))
        raise ValueError(f"{name}: every measured value must be a positive number; it is not in line {rows}")
    return table


def scored_targets() -> pd.DataFrame:
    """Give the measurements that count in the score."""
    table = targets()
    return table[table["in_score"]]


def target(figure: str) -> pd.DataFrame:
    """Give the measurements of one figure of the paper, such as "2e" or "4ab".

    Raises
    ------
    ValueError
        If no measurement of that figure is known.
    """
    table = targets()
    known = list(dict.fromkeys(table["figure"]))
    if figure not in known:
        raise ValueError(f"no measurement of figure {figure!r} is known; known are {', '.join(known)}")
    return table[table["figure"] == figure].reset_index(drop=True)


def measured_devices() -> pd.DataFrame:
    """Give what was measured on single diffusive memristors, one row for each device and condition.

    Returns
    -------
    DataFrame
        Columns `device`, `n` (number of cycles), `threshold_V_mean`, `threshold_V_sd`, `hold_V_median`,
        `high_resistance_low_ohm` and `high_resistance_high_ohm` (the range of the high-resistance state,
        equal where one value is known), `low_resistance_ohm`, `delay_ms_median`, `relaxation_ms_median` (all
        numbers, NaN where not measured) and `note`.
    """
    name = "devices_measured.csv"
    table = _read(name, DEVICE_COLUMNS)
    ranges = [_range(text, name) for text in table["high_resistance_ohm"]]
    at = DEVICE_COLUMNS.index("high_resistance_ohm")
    table = table.drop(columns="high_resistance_ohm")
    table.insert(at, "high_resistance_low_ohm", [low for low, _ in ranges])
    table.insert(at + 1, "high_resistance_high_ohm", [high for _, high in ranges])
    for column in table.columns.drop(["device", "note"]):
        table[column] = _numbers(table[column], name)
    return table


def compact_checks() -> pd.DataFrame:
    """Give converged values of the published compact model, to check an implementation against.

    A line of the file that lists several conditions ("gaps 0.4/0.6/... ms") becomes one row for each.

    Returns
    -------
    DataFrame
        Columns `check`, `condition` (in words), `condition_value` and `condition_unit` (NaN and empty where
        there is none), `value` with its `unit` (NaN where the expectation is a statement), `statement` (that
        expectation in words, else empty) and `note`.

    Raises
    ------
    ValueError
        If a line of the file lists other numbers of values than of conditions.
    """
    name = "compact_model_checks.csv"
    rows = []
    for line in _read(name, CHECK_COLUMNS).to_dict(orient="records"):
        values = _slashed(line["value"])
        conditions, unit = _condition(line["condition"])
        if len(values) > 1 and len(values) != len(conditions):
            raise ValueError(
                f"{name}: {line['check']} lists {len(values)} values for {len(conditions)} conditions: "
                f"{line['value']!r} for {line['condition']!r}"
            )
        if len(conditions) != len(values):
            conditions, unit = [np.nan] * len(values), ""
        for condition_value, value in zip(conditions, values, strict=True) if values else [(np.nan, np.nan)]:
            rows.append(
                {
                    "check": line["check"],
                    "condition": line["condition"],
                    "condition_value": condition_value,
                    "condition_unit": unit,
                    "value": value,
                    "unit": line["unit"],
                    "statement": "" if values else line["value"],
                    "note": line["note"],
                }
            )
    return pd.DataFrame(rows)


def _read(name: str, columns: tuple[str, ...]) -> pd.DataFrame:
    """Read a packaged table as text, empty where a cell is empty, and check its columns."""
    table = packaged_table("memneuro.experiment", name, dtype=str, keep_default_na=False)
    if tuple(table.columns) != columns:
        raise ValueError(f"{name}: the columns must be {', '.join(columns)}; they are {', '.join(table.columns)}")
    if table.empty:
        raise ValueError(f"{name}: the table has no rows")
    return table


def _numbers(column: pd.Series, name: str) -> pd.Series:
    """Turn a column of text into numbers, NaN where it is empty."""
    try:
        return pd.to_numeric(column).astype(float)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{name}: column {column.name} must hold numbers: {error}") from error


def _range(text: str, name: str) -> tuple[float, float]:
    """Read "1e12" or "1.6e10-3.5e10" as its lower and upper end; empty text as NaN."""
    if not text:
        return np.nan, np.nan
    match = re.fullmatch(rf"({_NUMBER})(?:-({_NUMBER}))?", text)
    if match is None:
        raise ValueError(f"{name}: {text!r} is neither a number nor a range such as 1.6e10-3.5e10")
    low = float(match[1])
    return low, float(match[2]) if match[2] else low


def _slashed(text: str) -> list[float]:
    """Read "46/56/65" as numbers; no numbers where the text is a statement."""
    return [float(part) for part in text.split("/")] if re.fullmatch(rf"{_NUMBER}(/{_NUMBER})*", text) else []


def _condition(text: str) -> tuple[list[float], str]:
    """Read the numbers and the unit in a condition in words, such as "constant 0.6 V"; none for none."""
    lists = re.findall(rf"({_NUMBER}(?:/{_NUMBER})*) (V|ms)\b", text)
    if not lists:
        return [], ""
    numbers, unit = max(lists, key=lambda found: found[0].count("/"))
    return _slashed(numbers), unit
