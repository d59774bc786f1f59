"""A check of each docstring that is shown: the parameters it documents are those of the signature."""

from __future__ import annotations

import inspect
from typing import Any

from numpydoc.docscrape import NumpyDocString
from sphinx.util import logging

logger = logging.getLogger(__name__)


def documented(lines: list[str]) -> list[str]:
    """Names in the section of parameters, without stars."""
    sections = NumpyDocString("\n".join(lines))
    return [name.strip().lstrip("*") for entry in sections["Parameters"] for name in entry.name.split(",")]


def complaint(value: Any, lines: list[str]) -> str | None:
    """What is wrong with the documented parameters of a function or class, None where nothing is."""
    names = documented(lines)
    if not names:
        return None
    try:
        accepted = list(inspect.signature(value).parameters)
    except (TypeError, ValueError):
        return None
    if unknown := [name for name in names if name not in accepted]:
        return f"documents {', '.join(unknown)}, which the signature ({', '.join(accepted)}) has not"
    return None


def check(app: Any, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Warn about a docstring before numpydoc lays it out; connected to ``autodoc-process-docstring``."""
    if what in ("function", "class", "method", "exception") and name.startswith("memneuro."):
        if wrong := complaint(value, lines):
            logger.warning("docstring of %s %s", name, wrong)
