"""Read tables of samples (CSV)."""

import re
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd

from memneuro.biology._samples import Samples, checked_samples, parse_unit, regular_interval, selected
from memneuro.biology.registry import UnusableRecording

__all__ = ["read_table"]

# name (unit), name [unit], name_unit or the unit alone
_COLUMN = re.compile(r".*[(\[]\s*([^)\]]*?)\s*[)\]]\s*|(?:.*_)?([^_()\[\]]+)")
_KINDS = {"s": "time", "V": "voltage", "A": "current"}
_ACCEPTED = (
    "needed is one each of time, voltage and current with the unit in its name, such as time_s, voltage_mV and "
    "'current (pA)', and optionally a column sweep"
)


def _columns(path: Path, names: list[str]) -> dict[str, tuple[str, float]]:
    """Column and factor to SI of time, voltage and current."""
    found: dict[str, list[tuple[str, float]]] = {kind: [] for kind in _KINDS.values()}
    for name in names:
        match = _COLUMN.fullmatch(name.strip())
        unit = None if match is None else parse_unit(match.group(1) or match.group(2) or "")
        if unit is not None:
            found[_KINDS[unit.letter]].append((name, unit.factor))
    for kind, columns in found.items():
        if len(columns) != 1:
            raise UnusableRecording(
                f"'{path}' has {len(columns)} columns in a unit of {kind} among {', '.join(names)}; {_ACCEPTED}"
            )
    return {kind: columns[0] for kind, columns in found.items()}


def read_table(path: Path, sweeps: Collection[int] | None = None) -> Samples:
    """Read a comma-separated table with one row per sample.

    The units come from the names of the columns: ``time_s``, ``voltage_mV``, ``current_pA``, or
    ``Vm (mV)``, ``I [nA]``. Each sweep has its own value in the column ``sweep``; without that column there is one
    sweep. Time may go on from sweep to sweep or start again. Lines that start with ``#`` are comments.

    Parameters
    ----------
    path : Path
        The file.
    sweeps : collection of int, optional
        Numbers of the sweeps to read, as in the column ``sweep`` (0 without it); all by default.

    Returns
    -------
    Samples
        Volts and amperes, shape (sweeps, samples).

    Raises
    ------
    UnusableRecording
        When the table is empty or not a table of numbers, lacks one of the three columns or has one twice, is not
        regularly sampled, or holds samples that cannot be used.
    """
    try:
        table = pd.read_csv(path, comment="#", skipinitialspace=True)
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise UnusableRecording(f"'{path}' cannot be read as a CSV table: {error}; {_ACCEPTED}") from error
    table.columns = [str(name) for name in table.columns]
    columns = _columns(path, list(table.columns))
    if table.empty:
        raise UnusableRecording(f"'{path}' has the columns {', '.join(table.columns)} but no row")
    needed = [name for name, _ in columns.values()] + [name for name in table.columns if name.strip() == "sweep"]
    for name in needed:
        if not pd.api.types.is_numeric_dtype(table[name]):
            wrong = table[name][pd.to_numeric(table[name], errors="coerce").isna()].iloc[0]
            raise UnusableRecording(f"'{path}' has '{wrong}' in its column {name}; accepted are numbers")
    if len(needed) == len(columns):
        labels = np.zeros(len(table), dtype=int)
    else:
        values = table[needed[-1]].to_numpy(dtype=float)
        if not np.all(np.isfinite(values) & (values == np.round(values))):
            raise UnusableRecording(f"'{path}' has sweeps that are not whole numbers in its column sweep")
        labels = values.astype(int)

    arrays = {kind: table[name].to_numpy(dtype=float) * factor for kind, (name, factor) in columns.items()}
    pairs, intervals = {}, {}
    for number in selected(path, np.unique(labels).tolist(), sweeps):
        rows = labels == number
        pairs[number] = (arrays["voltage"][rows], arrays["current"][rows])
        intervals[number] = regular_interval(arrays["time"][rows], f"'{path}', sweep {number},")
    return checked_samples(path, pairs, intervals, current_source="recorded")
