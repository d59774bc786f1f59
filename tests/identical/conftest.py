"""The same equations on several targets, each in the way its users run it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

HAS_COMPILER = shutil.which("g++") is not None or shutil.which("clang++") is not None


@pytest.fixture
def needs_compiler():
    """Skip where there is no C++ compiler."""
    if not HAS_COMPILER:
        pytest.skip("no C++ compiler found")


@pytest.fixture(scope="session")
def noisy_run():
    """Run ``noisy_neuron.py`` on one target in a process of its own; return its spikes and values.

    Every target starts from a fresh Brian2, so none can leave a device or a preference to the next.
    """
    done = {}

    def run(target, folder):
        if target not in done:
            path = Path(folder) / f"{target}.npz"
            script = Path(__file__).with_name("noisy_neuron.py")
            finished = subprocess.run(
                [sys.executable, str(script), target, str(path)], capture_output=True, text=True, cwd=folder
            )
            assert finished.returncode == 0, finished.stdout[-2000:] + finished.stderr[-4000:]
            with np.load(path) as arrays:
                done[target] = {name: arrays[name] for name in arrays.files}
            done[target]["settings"] = json.loads(finished.stdout.splitlines()[-1])
        return done[target]

    return run
