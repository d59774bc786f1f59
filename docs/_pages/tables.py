"""Pages of tables that come with the package as measurements or as data."""

from __future__ import annotations


def pages() -> dict[str, str]:
    """None yet."""
    return {}
