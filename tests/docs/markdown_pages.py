"""The code of Markdown pages: fenced blocks in order, with what a comment before the fence says about them.

``<!-- test: slow -->`` takes more than a few seconds; ``<!-- test: recordings -->`` needs recorded cells. A block that
uses what such a block defines is marked too. A block of ``text`` straight after one of ``python`` is what that prints.
"""

import re
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
MARKS = {"slow", "recordings"}

_FENCE = re.compile(
    r"^(?:<!-- test: (?P<marks>[a-z, ]+) -->\n)?(?P<indent> *)```(?P<language>\w+)\n(?P<code>.*?)^(?P=indent)```$"
    r"(?P<rest>\s*```text\n(?P<output>.*?)^```$)?",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    language: str
    code: str
    line: int
    marks: frozenset[str]
    output: str | None


def pages():
    """README.md and all pages of the documentation that are written by hand."""
    docs = REPOSITORY / "docs"
    written = [path for path in docs.rglob("*.md") if not {"generated", "_build"} & set(path.relative_to(docs).parts)]
    return [REPOSITORY / "README.md", *sorted(written)]


def blocks(path):
    """The fenced blocks of a page, in order."""
    text = path.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        marks = frozenset(filter(None, re.split(r"[, ]+", match["marks"] or "")))
        assert marks <= MARKS, f"{path}: marks {sorted(marks - MARKS)} are unknown; accepted: {sorted(MARKS)}"
        line = text.count("\n", 0, match.start("code")) + 1
        found.append(Block(match["language"], match["code"], line, marks, match["output"]))
    return found
