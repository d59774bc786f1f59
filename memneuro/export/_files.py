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


def with_ending(path: str | os.PathLike[str], ending: str) -> Path:
    """The path, or a ValueError when its name does not end as files of this kind do."""
    path = Path(path)
    if path.suffix != ending:
        raise ValueError(f"path = '{path}'; accepted: a name that ends in {ending}")
    return path
