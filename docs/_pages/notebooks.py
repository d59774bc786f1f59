"""Numbered notebooks as pages: copied as they are, with the outputs they hold, and never run."""

from __future__ import annotations

from pathlib import Path

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
FOLDER = "tutorials/generated"


def pages() -> dict[str, str]:
    """The notebooks ``01_*.ipynb`` and so on."""
    return {
        f"{FOLDER}/{path.name}": path.read_text(encoding="utf-8")
        for path in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
    }
