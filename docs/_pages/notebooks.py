"""Numbered notebooks as pages: copied as they are; Sphinx runs them."""

from __future__ import annotations

from pathlib import Path

from . import rst

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
FOLDER = "tutorials/generated"


def pages() -> dict[str, str]:
    """The notebooks ``01_*.ipynb`` and so on, and a page that lists them."""
    paths = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
    listed = rst.page(
        rst.heading("Notebooks"),
        "The tutorials and more as notebooks, with figures; they are in the folder ``notebooks`` of the repository. "
        "Here each is shown in its short form, with few trials: ``MEMNEURO_FAST=1``.",
        rst.toctree([path.stem for path in paths], ":maxdepth: 1") if paths else "",
    )
    copies = {f"{FOLDER}/{path.name}": path.read_text(encoding="utf-8") for path in paths}
    return {f"{FOLDER}/notebooks.rst": listed} | copies
