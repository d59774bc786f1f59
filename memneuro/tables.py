"""Writing tables, JSON and text so that a file is either complete or not there; reading the package's own tables."""

from __future__ import annotations

import json
import math
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


def packaged_table(package: str, name: str, **options: Any) -> pd.DataFrame:
    """A CSV table that comes with the package.

    Parameters
    ----------
    package : str
        Where it lies, such as ``"memneuro.experiment"``.
    name : str
        Name of the file.
    **options : object
        Of :func:`pandas.read_csv`.
    """
    with (files(package) / name).open(encoding="utf-8") as file:
        return pd.read_csv(file, **options)


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path`, and rename it to `path` when the block ends without an error.

    The temporary name keeps the extension, so that writers which choose a format by extension work. The
    rename is atomic on one file system: readers see the old file or the whole new one. If the block raises,
    the temporary file is removed and an existing `path` is left as it was. Missing parent folders are
    created.

    Parameters
    ----------
    path : path-like
        Where the finished file goes.

    Yields
    ------
    Path
        The temporary path to write to; the block must create this file.

    Raises
    ------
    IsADirectoryError
        If `path` is a folder.
    FileNotFoundError
        If the block ended without creating the file.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"cannot write the file {path}: a folder of that name is there")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(text: str, path: str | os.PathLike[str]) -> Path:
    """Write UTF-8 text with Unix line ends and return the path.

    Parameters
    ----------
    text : str
        What to write.
    path : path-like
        The file; it is written whole or not at all.
    """
    path = Path(path)
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    return path


def write_csv(frame: pd.DataFrame, path: str | os.PathLike[str]) -> Path:
    """Write a tidy table as CSV, without its index and with every digit of each number, and return the path.

    Parameters
    ----------
    frame : DataFrame
        The table.
    path : path-like
        The file; it is written whole or not at all.

    Raises
    ------
    TypeError
        If `frame` is not a DataFrame.
    ValueError
        If two columns share a name or the columns have several levels: such a table is not tidy.
    """
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"a pandas DataFrame is needed to write a CSV table, got {type(frame).__name__}")
    if isinstance(frame.columns, pd.MultiIndex):
        raise ValueError("a CSV table needs one level of column names, got a MultiIndex")
    if not frame.columns.is_unique:
        twice = sorted({str(name) for name in frame.columns[frame.columns.duplicated()]})
        raise ValueError(f"a CSV table needs distinct column names, got twice: {', '.join(twice)}")
    path = Path(path)
    with atomic_path(path) as temporary:
        frame.to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8")
    return path


def write_json(value: Any, path: str | os.PathLike[str]) -> Path:
    """Write `value`, turned by `jsonable`, as indented JSON and return the path.

    Parameters
    ----------
    value : object
        What to write.
    path : path-like
        The file; it is written whole or not at all.
    """
    return write_text(json.dumps(jsonable(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n", path)


def jsonable(value: Any) -> Any:
    """Turn a result into what strict JSON can hold.

    NumPy numbers and arrays become numbers and lists, a DataFrame becomes a list of records, a path becomes
    text, and NaN and the infinities become None, because JSON has no such numbers.

    Raises
    ------
    TypeError
        For anything else, a quantity with a physical unit included: JSON would drop the unit, so divide by it
        and name it in the key.
    """
    if value is None or isinstance(value, (bool, str, int)):
        return value
    if getattr(value, "dim", None) is not None:
        raise TypeError(f"JSON cannot hold the unit of {value!r}: divide by the unit and name it in the key")
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    if value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, pd.DataFrame):
        return [jsonable(record) for record in value.to_dict(orient="records")]
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return jsonable(value.tolist())
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]
    raise TypeError(f"JSON cannot hold a {type(value).__name__}: {value!r}")


def with_ending(path: str | os.PathLike[str], ending: str) -> Path:
    """The path of a file whose name ends as files of its kind do.

    Parameters
    ----------
    path : path-like
        The file.
    ending : str
        With its dot, such as ``".nwb"``.

    Raises
    ------
    ValueError
        For another ending.
    """
    path = Path(path)
    if path.suffix != ending:
        raise ValueError(f"path = '{path}'; accepted: a name that ends in {ending}")
    return path
