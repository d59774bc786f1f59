"""These tests compare equations, not targets: Brian2 runs on NumPy unless a run is long."""

import pytest
from brian2 import prefs


@pytest.fixture(autouse=True)
def numpy_target(clean_brian2):
    """Run on the NumPy target; the test suite's own fixture puts the preference back."""
    prefs.codegen.target = "numpy"
