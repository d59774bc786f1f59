"""What all tests share: a clean Brian2, skipping where a tool is absent, and the command line."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest

matplotlib.use("Agg")

REPOSITORY = Path(__file__).resolve().parents[1]


def pytest_collection_modifyitems(items):
    """Skip the tests that need a program this machine does not have."""
    for marker, program in (("nvcc", "nvcc"), ("gpu", "nvidia-smi"), ("ngspice", "ngspice")):
        if shutil.which(program) is None:
            skip = pytest.mark.skip(reason=f"{program} not found")
            for item in items:
                if item.get_closest_marker(marker):
                    item.add_marker(skip)


@pytest.fixture(autouse=True)
def clean_brian2():
    """Undo what a test changed in Brian2: the device, the preferences and the clock."""
    before = dict(sys.modules["brian2"].prefs.items()) if "brian2" in sys.modules else None
    yield
    if "brian2" not in sys.modules:
        return
    import brian2
    from brian2.devices.device import runtime_device

    current = brian2.get_device()
    if current is not runtime_device:
        current.reinit()
        brian2.set_device("runtime")
    if before is None:
        brian2.prefs.reset_to_defaults()
    else:
        for name, value in before.items():
            if brian2.prefs[name] != value:
                brian2.prefs[name] = value
    brian2.defaultclock.dt = 0.1 * brian2.ms
    brian2.start_scope()


@pytest.fixture(scope="session")
def repository():
    """The folder of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def run_memneuro():
    """Run the command line in a process of its own: `run_memneuro("score", "--json", env={...})`."""

    def run(*arguments, env=None, cwd=None):
        return subprocess.run(
            [sys.executable, "-m", "memneuro.cli", *map(str, arguments)],
            capture_output=True,
            text=True,
            env={**os.environ, **(env or {})},
            cwd=cwd,
        )

    return run


@pytest.fixture(scope="session")
def recordings_folder():
    """The folder `MEMNEURO_DATA`; tests that need real recordings are skipped where it is not set."""
    folder = os.environ.get("MEMNEURO_DATA")
    if not folder:
        pytest.skip("MEMNEURO_DATA is not set")
    return Path(folder)
