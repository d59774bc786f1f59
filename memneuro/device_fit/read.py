"""Reading a device measurement: a CSV file whose header names quantities and units, or a mapping that does.

Three kinds of file are told apart by their columns:

* **sweeps**: voltage and current, with or without time, cycle and device: quasi-static current-voltage curves;
* **pulses**: time, voltage and current, the voltage jumping between levels: responses to pulses;
* **samples**: values that were read off already: threshold and hold voltages, or delays against the amplitude of the
  pulse, with or without relaxation times.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

KINDS = ("sweeps", "pulses", "samples")
#: Fewest readings of a file of sweeps or pulses.
FEWEST_READINGS = 20

_VOLTS = {"V": 1.0, "mV": 1e-3, "uV": 1e-6, "kV": 1e3}
_AMPS = {"A": 1.0, "mA": 1e-3, "uA": 1e-6, "nA": 1e-9, "pA": 1e-12, "fA": 1e-15}
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "min": 60.0}
_UNITS = {"V": _VOLTS, "A": _AMPS, "s": _SECONDS}
#: Column in the table by quantity: its SI unit, empty for labels.
QUANTITIES = {
    "voltage": "V",
    "current": "A",
    "time": "s",
    "threshold_voltage": "V",
    "hold_voltage": "V",
    "amplitude": "V",
    "delay": "s",
    "relaxation": "s",
    "width": "s",
    "read_voltage": "V",
    "cycle": "",
    "pulse": "",
    "device": "",
}
_ALIASES = {
    "v": "voltage",
    "bias": "voltage",
    "i": "current",
    "t": "time",
    "threshold": "threshold_voltage",
    "v_threshold": "threshold_voltage",
    "v_th": "threshold_voltage",
    "v_set": "threshold_voltage",
    "hold": "hold_voltage",
    "v_hold": "hold_voltage",
    "pulse_amplitude": "amplitude",
    "v_pulse": "amplitude",
    "delay_time": "delay",
    "switching_delay": "delay",
    "relaxation_time": "relaxation",
    "pulse_width": "width",
    "v_read": "read_voltage",
}
_SAMPLES = ("threshold_voltage", "hold_voltage", "delay", "relaxation")


@dataclass(frozen=True)
class Measurement:
    """A measurement in SI units.

    Parameters
    ----------
    kind : {"sweeps", "pulses", "samples"}
        What it is.
    table : DataFrame
        Columns by quantity with the SI unit as a suffix (``voltage_V``, ``current_A``, ``time_s``,
        ``threshold_voltage_V``, ...), and the labels ``cycle``, ``pulse``, ``device``. Row k stands in line k + 2 of
        the file.
    name : str
        Name of the file.
    """

    kind: str
    table: pd.DataFrame
    name: str


def read_measurement(
    path: str | Path, mapping: Mapping[str, tuple[str, str]] | None = None, kind: str | None = None
) -> Measurement:
    """Read a CSV file with units in its header.

    Parameters
    ----------
    path : path-like
        The file. A header is ``voltage (V),current (uA)``, ``voltage [mV]`` or ``voltage_V``.
    mapping : mapping of str to (str, str), optional
        Quantity and unit of columns whose header does not say them, as ``{"V1": ("voltage", "mV")}``; an empty unit
        for the labels cycle, pulse and device. Columns that are not in it are read as the header says.
    kind : {"sweeps", "pulses", "samples"}, optional
        What the file holds, where the columns do not tell.

    Returns
    -------
    Measurement
        Columns in SI units.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a column lacks a unit or has an unknown one, the file is empty, has cells that are not numbers, too few
        readings, time that does not increase, or columns that are none of the three kinds.
    """
    path = Path(path)
    if kind is not None and kind not in KINDS:
        raise ValueError(f"kind = {kind!r}; accepted: {', '.join(KINDS)}")
    try:
        raw = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True, encoding="utf-8-sig")
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} is not a CSV table with a header: {error}") from error
    if raw.empty:
        raise ValueError(f"{path.name} holds no readings; accepted: a header and at least {FEWEST_READINGS} rows")
    columns = _columns(list(raw.columns), dict(mapping or {}), path.name)
    table = pd.DataFrame()
    for header, (quantity, factor) in columns.items():
        si = QUANTITIES[quantity]
        if not si:
            table[quantity] = raw[header].str.strip()
        else:
            table[f"{quantity}_{si}"] = _numbers(raw[header], path.name, quantity in _SAMPLES) * factor
    found = kind or _kind(table, path.name)
    _check(table, found, path.name)
    return Measurement(found, table, path.name)


def parse_mapping(texts: list[str] | None) -> dict[str, tuple[str, str]]:
    """Read ``["V1=voltage:mV", "n=cycle"]`` as a mapping of columns; ``QUANTITY=COLUMN:UNIT`` is understood too.

    Raises
    ------
    ValueError
        If a text has another form or names no known quantity.
    """
    found: dict[str, tuple[str, str]] = {}
    for text in texts or []:
        match = re.fullmatch(r"([^=]+)=([^:]+)(?::(.*))?", text)
        if match is None:
            raise ValueError(f"--map {text!r}; accepted: QUANTITY=COLUMN:UNIT, such as voltage=V1:mV")
        left, right, unit = match[1].strip(), match[2].strip(), (match[3] or "").strip()
        if _quantity(left) is not None:
            found[right] = (left, unit)
        elif _quantity(right) is not None:
            found[left] = (right, unit)
        else:
            raise ValueError(f"--map {text!r} names no quantity; accepted: {', '.join(QUANTITIES)}")
    return found


def parse_criterion(text: str) -> float | str:
    """Read a current such as ``"10nA"``, ``"0.1 uA"`` or ``"1e-8"`` (ampere), or ``"half"``; currents in ampere.

    Raises
    ------
    ValueError
        If the text is neither.
    """
    plain = text.strip().replace("µ", "u").replace("μ", "u")
    if plain == "half":
        return plain
    match = re.fullmatch(r"([-+.0-9eE]+)\s*([a-zA-Z]*)", plain)
    try:
        value = float(match[1]) * (_AMPS[match[2]] if match[2] else 1.0) if match else -1.0
    except (ValueError, KeyError):
        value = -1.0
    if not 0 < value < np.inf:
        raise ValueError(f"--criterion {text!r}; accepted: a positive current such as 10nA or 1e-8 (ampere), or half")
    return value


def _quantity(text: str) -> str | None:
    """The quantity a header means, None where it means none that is known."""
    name = re.sub(r"[\s\-]+", "_", text.strip().lower())
    name = _ALIASES.get(name, name)
    return name if name in QUANTITIES else None


def _columns(headers: list[str], mapping: dict[str, tuple[str, str]], name: str) -> dict[str, tuple[str, float]]:
    """Quantity and factor to SI of every column that is known; others are left out."""
    if lacking := [column for column in mapping if column not in headers]:
        raise ValueError(f"{name} has no column {lacking[0]!r}; it has: {', '.join(headers)}")
    found: dict[str, tuple[str, float]] = {}
    for header in headers:
        if header in mapping:
            quantity, unit = _quantity(mapping[header][0]), mapping[header][1]
            if quantity is None:
                raise ValueError(
                    f"quantity {mapping[header][0]!r} of column {header!r}; accepted: {', '.join(QUANTITIES)}"
                )
        else:
            quantity, unit = _split(header)
        if quantity is None:
            continue
        if quantity in {known for known, _ in found.values()}:
            raise ValueError(f"{name}: two columns hold the {quantity}; accepted: one of each quantity")
        found[header] = (quantity, _factor(quantity, unit, header, name))
    return found


def _split(header: str) -> tuple[str | None, str]:
    """Quantity and unit of a header such as ``voltage (V)`` or ``voltage_V``."""
    match = re.fullmatch(r"(.+?)\s*[(\[]\s*([^()\[\]]*?)\s*[)\]]\s*", header)
    if match:
        return _quantity(match[1]), match[2]
    if _quantity(header) is not None:
        return _quantity(header), ""
    base, _, unit = header.rpartition("_")
    return (_quantity(base), unit.strip()) if base else (None, "")


def _factor(quantity: str, unit: str, header: str, name: str) -> float:
    si = QUANTITIES[quantity]
    if not si:
        return 1.0
    units = _UNITS[si]
    if not unit:
        raise ValueError(
            f"{name}: column {header!r} has no unit; accepted: {quantity} ({si}) or {quantity}_m{si}, or --map"
        )
    plain = unit.replace("µ", "u").replace("μ", "u")
    if plain not in units:
        raise ValueError(f"{name}: column {header!r} has the unknown unit {unit!r}; accepted: {', '.join(units)}")
    return units[plain]


def _numbers(column: pd.Series, name: str, may_lack: bool) -> np.ndarray:
    """A column as numbers; an empty cell is NaN where it may be, else an error, as is anything that is no number."""
    text = column.str.strip()
    values = pd.to_numeric(text, errors="coerce").to_numpy(dtype=float)
    bad = ~np.isfinite(values) & ~((text == "").to_numpy() & may_lack)
    if bad.any():
        row = int(np.argmax(bad))
        what = repr(text.iloc[row]) if text.iloc[row] else "an empty cell"
        raise ValueError(f"{name}: column {column.name!r} has {what} in line {row + 2}; accepted: finite numbers")
    return values


def _kind(table: pd.DataFrame, name: str) -> str:
    columns = set(table.columns)
    if {"threshold_voltage_V", "hold_voltage_V", "delay_s", "relaxation_s"} & columns:
        return "samples"
    if not {"voltage_V", "current_A"} <= columns:
        raise ValueError(
            f"{name} holds {', '.join(sorted(columns)) or 'no known quantity'}; accepted: voltage and current, or "
            "threshold_voltage, hold_voltage, or amplitude and delay, each with its unit"
        )
    if "pulse" in columns:
        return "pulses"
    if "time_s" not in columns:
        return "sweeps"
    # A pulse jumps, a sweep creeps: which steps make up the voltage's way?
    voltage = table["voltage_V"].to_numpy()
    steps, span = np.abs(np.diff(voltage)), np.ptp(voltage)
    jumps = steps[steps >= 0.2 * span].sum()
    return "pulses" if span > 0 and jumps >= 0.8 * steps[steps >= 0.02 * span].sum() > 0 else "sweeps"


def _check(table: pd.DataFrame, kind: str, name: str) -> None:
    """Raise for what no measurement of this kind can be."""
    needed = {
        "sweeps": {"voltage_V", "current_A"},
        "pulses": {"time_s", "voltage_V", "current_A"},
        "samples": set(),
    }[kind]
    if lacking := sorted(needed - set(table.columns)):
        raise ValueError(f"{name}: {kind} need the columns time, voltage and current; lacking: {', '.join(lacking)}")
    if kind == "samples":
        if "delay_s" in table and "amplitude_V" not in table:
            raise ValueError(f"{name}: delays need the amplitude of their pulses; accepted: a column amplitude (V)")
        for column in ("delay_s", "relaxation_s", "width_s"):
            if column in table and (bad := table[column].to_numpy() <= 0).any():
                row = int(np.argmax(bad))
                raise ValueError(f"{name}: {column} = {table[column].iloc[row]:g} in line {row + 2}; accepted: above 0")
        return
    if len(table) < FEWEST_READINGS:
        raise ValueError(f"{name} has {len(table)} readings; accepted: at least {FEWEST_READINGS}")
    if "time_s" not in table:
        return
    labels = [label for label in ("device", "cycle", "pulse") if label in table]
    groups = table.groupby(labels, sort=False) if labels else [("", table)]
    for _, part in groups:
        bad = np.diff(part["time_s"].to_numpy()) <= 0
        if bad.any():
            row = int(part.index[int(np.argmax(bad)) + 1])
            raise ValueError(f"{name}: time does not increase in line {row + 2}; accepted: increasing times")
