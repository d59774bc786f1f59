"""What is done to docstrings on their way to a page: parameters are checked, long values of constants left out."""

from __future__ import annotations

import inspect
from typing import Any

from numpydoc.docscrape import NumpyDocString
from sphinx import addnodes
from sphinx.util import logging

logger = logging.getLogger(__name__)

#: Characters of a constant's value that are shown beside its name.
LONGEST_VALUE = 120


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


def hide_long_values(app: Any, doctree: Any) -> None:
    """Leave out the values of constants that are too long to be read; connected to ``doctree-read``."""
    for signature in doctree.findall(addnodes.desc_signature):
        for note in list(signature.findall(addnodes.desc_annotation)):
            text = note.astext()
            if text.lstrip().startswith("=") and len(text) > LONGEST_VALUE:
                note.parent.remove(note)
