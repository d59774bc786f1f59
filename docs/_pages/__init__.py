"""Pages that are written from the code whenever the documentation is built: a Sphinx extension.

Each module here turns one part of the package into reStructuredText, as a mapping of page to text. They are written
below the folders named ``generated``, which git ignores; a page whose text has not changed is left alone, so that a
second build is quick, and one that is no longer made is removed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

FOLDERS = ("reference/generated", "tutorials/generated", "explanation/generated")


def pages() -> dict[str, str]:
    """Text of every page by its path below ``docs``."""
    from . import api, cards, commands, equations, notebooks, tables

    found: dict[str, str] = {}
    for module in (api, cards, commands, equations, notebooks, tables):
        found |= module.pages()
    return found


def write(source: Path) -> None:
    """Write the pages below `source`, only where they changed, and remove old ones."""
    wanted = {source / name: text for name, text in pages().items()}
    for path, text in wanted.items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for folder in FOLDERS:
        for path in (source / folder).rglob("*"):
            if path.is_file() and path not in wanted:
                path.unlink()


def setup(app: Any) -> dict[str, bool]:
    """Connect to Sphinx."""
    from sphinx.ext.autodoc.mock import mock

    from memneuro.explore.page import write_page

    from .docstrings import check, hide_long_values

    def write_with_what_is_installed(app: Any, config: Any) -> None:
        with mock(config.autodoc_mock_imports):
            write(Path(app.srcdir))
        for folder in config.html_extra_path:
            write_page(Path(app.srcdir) / folder / "explore.html")

    app.connect("config-inited", write_with_what_is_installed)
    app.connect("autodoc-process-docstring", check, priority=100)
    app.connect("doctree-read", hide_long_values)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
