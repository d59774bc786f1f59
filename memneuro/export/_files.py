"""Files that are written whole, and not over another one by accident."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from memneuro.tables import atomic_path


@contextmanager
def new_file(path: str | os.PathLike[str], overwrite: bool) -> Iterator[Path]:
    """A temporary path beside `path` that becomes the file when the block ends without an error.

    Raises
    ------
    FileExistsError
        If the file is there and `overwrite` is False.
    """
    free(path, overwrite)
    with atomic_path(path) as temporary:
        yield temporary


def free(path: str | os.PathLike[str], overwrite: bool) -> None:
    """Raise FileExistsError when the file is there and must stay."""
    if Path(path).exists() and not overwrite:
        raise FileExistsError(f"{Path(path)} exists; accepted: another path, or overwrite=True")
