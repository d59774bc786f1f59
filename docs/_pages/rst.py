"""Pieces of reStructuredText."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_MARKS = {1: "=", 2: "-", 3: "~"}


def escape(text: str) -> str:
    """Plain text; a DOI becomes a link."""
    safe = re.sub(r"([\\`*_|])", r"\\\1", " ".join(str(text).split()))
    return re.sub(r"doi:(10\.[^\s;,)]*[^\s;,).:])", _doi, safe)


def _doi(match: re.Match[str]) -> str:
    number = match[1].replace("\\", "")
    return f"`doi:{match[1]} <https://doi.org/{number}>`__"


def code(text: object) -> str:
    """An inline literal."""
    return f"``{text}``"


def heading(text: str, level: int = 1, label: str | None = None) -> str:
    """A heading, with a label to refer to."""
    target = f".. _{label}:\n\n" if label else ""
    return f"{target}{text}\n{_MARKS[level] * len(text)}\n"


def literal(text: str, language: str = "text") -> str:
    """A block of code."""
    lines = "\n".join(f"   {line}" if line else "" for line in text.strip("\n").splitlines())
    return f".. code-block:: {language}\n   :class: wrap\n\n{lines}\n"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], widths: Sequence[int] | None = None) -> str:
    """A table of cells that are reStructuredText already."""
    lines = [".. list-table::", "   :header-rows: 1", "   :class: tight"]
    if widths:
        lines.append(f"   :widths: {' '.join(map(str, widths))}")
    lines.append("")
    for row in (header, *rows):
        for number, cell in enumerate(row):
            lines.append(f"   {'* -' if number == 0 else '  -'} {cell}".rstrip())
    return "\n".join(lines) + "\n"


def toctree(pages: Iterable[str], *options: str) -> str:
    """A table of contents."""
    given = "".join(f"   {option}\n" for option in options)
    return f".. toctree::\n{given}\n" + "".join(f"   {page}\n" for page in pages)


def page(*blocks: str) -> str:
    """Blocks of one page, a blank line between them."""
    return "\n\n".join(block.strip("\n") for block in blocks if block) + "\n"
