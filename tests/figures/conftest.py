"""Lets the tests of the figures import their helpers, and skips comparisons of images that would compare nothing."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


def pytest_collection_modifyitems(config, items):
    """Without --mpl, pytest-mpl draws the figures and compares them with nothing."""
    if config.getoption("--mpl", default=False) or config.getoption("--mpl-generate-path", default=None):
        return
    for item in items:
        if item.get_closest_marker("mpl_image_compare"):
            item.add_marker(pytest.mark.skip(reason="compares images only with the option --mpl"))
