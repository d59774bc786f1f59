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
def noisy_run(tmp_path_factory):
    """Run ``noisy_neuron.py`` on one target in a process of its own; return its spikes and values.

    Every target starts from a fresh Brian2, so none can leave a device or a preference to the next.
    """
    done = {}
    folder = tmp_path_factory.mktemp("noisy")

    def run(target, neurons=20, duration=40, device="hopping_2e4d"):
        key = target, neurons, duration, device
        if key not in done:
            path = folder / f"{target}_{neurons}_{duration}_{device}.npz"
            script = Path(__file__).with_name("noisy_neuron.py")
            sizes = ["--neurons", str(neurons), "--duration", str(duration), "--device", device]
            finished = subprocess.run(
                [sys.executable, str(script), target, str(path), *sizes], capture_output=True, text=True, cwd=folder
            )
            assert finished.returncode == 0, finished.stdout[-2000:] + finished.stderr[-4000:]
            with np.load(path) as arrays:
                done[key] = {name: arrays[name] for name in arrays.files}
            done[key]["settings"] = json.loads(finished.stdout.splitlines()[-1])
        return done[key]

    return run
