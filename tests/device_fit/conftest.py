"""These tests are about statistics, not about targets: NumPy, which needs no compiler."""

import pytest
from brian2 import prefs


@pytest.fixture(autouse=True)
def numpy_target(clean_brian2):
    """Run on the NumPy target; the test suite's own fixture puts the preference back."""
    prefs.codegen.target = "numpy"
