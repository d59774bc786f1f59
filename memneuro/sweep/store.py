"""Results of a sweep on disk: one small file a point, and one table at the end.

A file is written whole or not at all, and holds a digest of what is in it. One that does not fit its digest is computed
anew. So a sweep can be stopped in any way at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from memneuro.sweep.spec import Sweep, key
from memneuro.tables import atomic_path, write_text


class Store:
    """The results below a folder.

    Parameters
    ----------
    folder : path-like

    Raises
    ------
    OSError
        If the folder cannot be made.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        (self.folder / "points").mkdir(parents=True, exist_ok=True)

    def path(self, point: Mapping[str, Any]) -> Path:
        """File of a point."""
        return self.folder / "points" / f"{key(point)}.json"

    def load(self, point: Mapping[str, Any]) -> dict[str, Any] | None:
        """The result of a point; None where there is none or it is damaged."""
        try:
            text = self.path(point).read_text(encoding="utf-8")
            digest, result = json.loads(text)
        except (OSError, ValueError):
            return None
        return result if digest == _digest(result) else None

    def save(self, point: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        """Keep the result of a point.

        Parameters
        ----------
        point : mapping of str to object
            The parameters of the point.
        result : mapping of str to object
            What was found, numbers and text that JSON can hold.

        Raises
        ------
        OSError
            If it cannot be written; what was written before stays as it is.
        """
        write_text(json.dumps([_digest(result), dict(result)], allow_nan=False) + "\n", self.path(point))

    def table(self, sweep: Sweep) -> Path:
        """Write the table of all points, in the order of the design, as ``sweep.parquet``.

        Raises
        ------
        ValueError
            If the result of a point is missing.
        """
        rows = []
        for number in range(len(sweep.points)):
            point = sweep.point(number)
            result = self.load(point)
            if result is None:
                raise ValueError(f"point {number} has no result in {self.folder}; run the sweep to its end")
            rows.append({"point": number, **point["varied"], **result})
        path = self.folder / "sweep.parquet"
        with atomic_path(path) as temporary:
            _as_floats(pd.DataFrame(rows)).to_parquet(temporary, index=False)
        return path


def _as_floats(frame: pd.DataFrame) -> pd.DataFrame:
    """The same types whatever is missing."""
    return frame.astype({name: float for name in frame.columns if name != "point"})


def _digest(result: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(dict(result), sort_keys=True, allow_nan=False).encode()).hexdigest()
