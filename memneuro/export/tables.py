"""Recorded spikes and traces as tidy pandas tables, and tables in Parquet files that keep units and provenance.

Columns have their unit in their name, as everywhere in this package: ``time_ms``, ``v_gate_V``; see
:func:`memneuro.simulation.with_unit`. ``attrs["units"]`` of a table has the unit of every column, compound ones
included.

Source of the format: https://parquet.apache.org/docs/file-format/; the metadata of columns and tables is that of
Apache Arrow, https://arrow.apache.org/docs/format/Columnar.html.
"""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import brian2
import numpy as np
import pandas as pd
from brian2 import SpikeMonitor, StateMonitor, ms

from memneuro import __version__
from memneuro.export._files import free, new_file
from memneuro.export._monitors import read_spikes, read_trace, unit_text
from memneuro.export._optional import need
from memneuro.export._origin import origin
from memneuro.simulation import Simulated, with_unit
from memneuro.tables import jsonable, with_ending

__all__ = ["read_parquet", "spike_table", "trace_table", "write_parquet"]

#: Key of a table's metadata, and of a column's.
_PROVENANCE, _UNIT = b"memneuro", b"unit"
#: What is said about the writing of a file, not about the table.
_WRITING = ("memneuro", "brian2", "written")
#: Units that names of columns end in.
_SUFFIXES = frozenset(("s", "ms", "us", "V", "mV", "A", "uA", "nA", "pA", "ohm", "K", "F", "J", "Hz"))


def spike_table(monitor: SpikeMonitor | Simulated, *, neuron: Any = None) -> pd.DataFrame:
    """Spikes of a group, or of all sets of a simulation.

    Parameters
    ----------
    monitor : SpikeMonitor or Simulated
        It has run, and recorded more than counts. Or what :func:`memneuro.simulation.simulate` gave.
    neuron : OneM1T1R or another neuron with cards, optional
        Its cards are added to the provenance, because a monitor does not know them.

    Returns
    -------
    DataFrame
        One row a spike, ordered by time and then by neuron: ``neuron`` (index within the group), ``time_ms``. Without
        a spike it has no row. Of a simulation ``set``, ``trial``, ``time_ms`` and the parameters of the set
        (``r_control_ohm``), ordered by set, trial and time. ``attrs`` has ``units`` and ``provenance``, which
        :func:`write_parquet` writes too.

    Raises
    ------
    ValueError
        If the monitor recorded nothing.
    TypeError
        If `monitor` is of another kind.
    """
    if isinstance(monitor, Simulated):
        return _of_sets(monitor.spikes, monitor, {}, neuron)
    if not isinstance(monitor, SpikeMonitor):
        raise TypeError(f"got a {type(monitor).__name__}; accepted: a SpikeMonitor or a result of simulate")
    found = read_spikes(monitor)
    frame = pd.DataFrame({"neuron": found.neuron, "time_ms": found.time_s / float(ms)})
    frame.attrs |= {"units": {"neuron": "1", "time_ms": "ms"}, "provenance": origin(monitor, neuron)}
    return frame


def trace_table(monitor: StateMonitor | Simulated, *, neuron: Any = None) -> pd.DataFrame:
    """Recorded variables of a group, or of all sets of a simulation.

    Parameters
    ----------
    monitor : StateMonitor or Simulated
        It has run. Or what :func:`memneuro.simulation.simulate` gave with ``record``.
    neuron : OneM1T1R or another neuron with cards, optional
        As in :func:`spike_table`.

    Returns
    -------
    DataFrame
        One row a neuron and sample, neuron by neuron: ``neuron`` (index within the group), ``time_ms`` and one column
        a variable in its SI unit (``v_gate_V``, ``x_total``). Of a simulation ``set``, ``trial``, ``time_ms``, the
        variables and the parameters of the set. ``attrs`` is as in :func:`spike_table`.

    Raises
    ------
    ValueError
        If nothing was recorded, or not at one regular step.
    TypeError
        If `monitor` is of another kind.
    """
    if isinstance(monitor, Simulated):
        if monitor.traces.empty:
            raise ValueError("the simulation recorded no variable; accepted: simulate(..., record=['v_gate'])")
        dims = {with_unit(name, unit.dim): unit_text(unit.dim) for name, unit in monitor.units.items()}
        return _of_sets(monitor.traces, monitor, dims, neuron)
    if not isinstance(monitor, StateMonitor):
        raise TypeError(f"got a {type(monitor).__name__}; accepted: a StateMonitor or a result of simulate")
    found = read_trace(monitor)
    count, samples = found.neuron.size, found.time_s.size
    columns = {
        "neuron": np.repeat(found.neuron, samples),
        "time_ms": np.tile(found.time_s / float(ms), count),
    }
    units = {"neuron": "1", "time_ms": "ms"}
    for variable, values in found.values.items():
        column = with_unit(variable, found.dimensions[variable])
        columns[column], units[column] = values.T.ravel(), unit_text(found.dimensions[variable])
    frame = pd.DataFrame(columns)
    frame.attrs |= {"units": units, "provenance": origin(monitor, neuron)}
    return frame


def _of_sets(table: pd.DataFrame, found: Simulated, units: Mapping[str, str], neuron: Any) -> pd.DataFrame:
    """A table of a simulation with the parameters of each row's set."""
    frame = table.merge(found.sets, on="set", how="left")
    known = {"set": "1", "trial": "1", "time_ms": "ms", **units}
    named = {name: _suffix(name) or "1" for name in map(str, found.sets.columns)}
    frame.attrs = {"units": named | known, "provenance": origin(found, neuron)}
    return frame


def write_parquet(
    frame: pd.DataFrame,
    path: str | os.PathLike[str],
    *,
    units: Mapping[str, str] | None = None,
    provenance: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a table as Parquet, with the unit of each column and where the table comes from.

    Parameters
    ----------
    frame : DataFrame
        A tidy table; its index is not written.
    path : path-like
        The file, ending in ``.parquet``.
    units : mapping of str to str, optional
        Units of columns, beside those in ``frame.attrs["units"]`` and those that the names of columns end in.
        ``1`` is a number.
    provenance : mapping, optional
        What the table comes from, such as ``{"device": "hopping", "seed": 1}``: numbers, text, lists, mappings. Added
        to what ``frame.attrs["provenance"]`` says (cards, seed, step), the versions of memneuro and Brian2 and the
        time of writing.
    overwrite : bool
        Replace an existing file.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    FileExistsError
        If the file is there and `overwrite` is False.
    ValueError
        If the ending is another, two columns share a name, or `units` names a column that is not there.
    TypeError
        If `frame` is no DataFrame, or JSON cannot hold the provenance.
    ImportError
        When pyarrow is not installed: ``pip install "memneuro[interop]"``.

    Examples
    --------
    >>> origin = {"device": "hopping", "seed": 1}
    >>> write_parquet(spike_table(spikes), "spikes.parquet", provenance=origin)
    >>> read_parquet("spikes.parquet").attrs["provenance"]["seed"]
    """
    arrow, parquet = need("pyarrow"), need("pyarrow.parquet")
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"a pandas DataFrame is needed to write a table, got {type(frame).__name__}")
    path = with_ending(path, ".parquet")
    if not frame.columns.is_unique:
        twice = sorted({str(name) for name in frame.columns[frame.columns.duplicated()]})
        raise ValueError(f"a table needs distinct column names, got twice: {', '.join(twice)}")
    known = {name: unit for name in map(str, frame.columns) if (unit := _suffix(name)) is not None}
    known |= {name: unit for name, unit in frame.attrs.get("units", {}).items() if name in frame.columns}
    for name in units or {}:
        if name not in frame.columns:
            raise ValueError(f"units name the column {name!r}; accepted: {', '.join(map(str, frame.columns))}")
    known |= units or {}
    facts = {
        "memneuro": __version__,
        "brian2": brian2.__version__,
        "written": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        **{key: value for key, value in frame.attrs.get("provenance", {}).items() if key not in _WRITING},
        **(provenance or {}),
    }
    told = json.dumps(jsonable(facts), allow_nan=False).encode()
    free(path, overwrite)
    bare = frame.copy(deep=False)
    bare.attrs = {}
    table = arrow.Table.from_pandas(bare, preserve_index=False)
    fields = [
        field.with_metadata({_UNIT: known[field.name].encode()}) if field.name in known else field
        for field in table.schema
    ]
    table = table.cast(arrow.schema(fields, metadata={**(table.schema.metadata or {}), _PROVENANCE: told}))
    with new_file(path, overwrite) as temporary:
        parquet.write_table(table, temporary)
    return path


def read_parquet(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a table that :func:`write_parquet` wrote, or any Parquet file.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    DataFrame
        The table; ``attrs["units"]`` has the unit of each column that has one, ``attrs["provenance"]`` where the table
        comes from. Both are empty for a file of another program.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no Parquet file.
    ImportError
        When pyarrow is not installed: ``pip install "memneuro[interop]"``.
    """
    arrow, parquet = need("pyarrow"), need("pyarrow.parquet")
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file '{Path(path)}'")
    try:
        table = parquet.read_table(path)
    except arrow.ArrowInvalid as error:
        raise ValueError(f"'{Path(path)}' is no Parquet file, or is damaged: {error}") from error
    frame = table.to_pandas()
    metadata = {field.name: field.metadata or {} for field in table.schema}
    frame.attrs["units"] = {name: held[_UNIT].decode() for name, held in metadata.items() if _UNIT in held}
    frame.attrs["provenance"] = json.loads((table.schema.metadata or {}).get(_PROVENANCE, b"{}"))
    return frame


def _suffix(name: str) -> str | None:
    """Unit at the end of a column's name; None where there is none."""
    stem, _, last = name.rpartition("_")
    return last if stem and last in _SUFFIXES else None
