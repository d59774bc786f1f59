"""Packages that are installed only with the extra ``interop``."""

from importlib import import_module
from typing import Any


def need(*names: str) -> Any:
    """Import a package, or say which extra has it; of several modules the first is returned.

    Raises
    ------
    ImportError
        If one is not installed.
    """
    try:
        return [import_module(name) for name in names][0]
    except ImportError as error:
        package = names[0].split(".")[0] if error.name is None else error.name.split(".")[0]
        raise ImportError(f'{package} is not installed: pip install "memneuro[interop]"') from error
