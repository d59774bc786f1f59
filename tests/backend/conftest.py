"""A small network that is built in a second or two, and one built folder of it that tests copy."""

import contextlib
import gc
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, SpikeMonitor, StateMonitor, ms, prefs

import memneuro.numerics  # noqa: F401  (registers the integrator and the noise)
from memneuro.backend import backend

EQUATIONS = """
dv/dt = (drive - v)/tau + 0.2*xi*tau**-0.5 : 1
v_last : 1
square = v**2 : 1
drive : 1 (constant)
tau : second (shared, constant)
noise_seed : integer (shared, constant)
"""
N, DURATION = 4, 30 * ms


def network(seed=1, level=1.2, time_constant=5 * ms, n=N):
    """A noisy threshold unit: group, monitors and network.

    Names do not change from one to the next where nothing refers to the one before any more.
    """
    gc.collect()
    group = NeuronGroup(
        n,
        EQUATIONS,
        method="exponential_midpoint",
        threshold="v > 1 and v_last <= 1",
        reset="",
        dt=0.1 * ms,
        name="units",
        namespace={},
    )
    group.drive, group.tau, group.noise_seed = level, time_constant, seed
    group.v = "0.5*drive*threefry_normal(noise_seed, i, -1, 0)"
    spikes = SpikeMonitor(group, name="unit_spikes")
    trace = StateMonitor(group, ["v", "square"], record=[0, 2], dt=1 * ms, name="unit_trace")
    return SimpleNamespace(
        group=group, spikes=spikes, trace=trace, network=Network(group, spikes, trace, name="unit_network")
    )


def results(made):
    """Everything a run gave, as arrays."""
    order = np.lexsort((np.asarray(made.spikes.i), np.asarray(made.spikes.t)))
    return {
        "v": np.array(made.group.v[:]),
        "drive": np.array(made.group.drive[:]),
        "square": np.array(made.group.square[:]),
        "trace": np.array(made.trace.v),
        "recorded": np.array(made.trace.square),
        "i": np.asarray(made.spikes.i)[order],
        "t": np.asarray(made.spikes.t)[order],
    }


def assert_same(found, expected):
    """All arrays equal, bit for bit."""
    assert len(expected["i"]) > 5, "too few spikes to compare"
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


@contextlib.contextmanager
def without_optimisation():
    """Brian2's compiler flags without optimisation: these tests are about builds, not about speed."""
    before = prefs.codegen.cpp.extra_compile_args_gcc
    prefs.codegen.cpp.extra_compile_args_gcc = ["-w", "-O0", "-std=c++11"]
    try:
        yield
    finally:
        prefs.codegen.cpp.extra_compile_args_gcc = before


@pytest.fixture
def quick_build():
    """Builds without optimisation for one test."""
    with without_optimisation():
        yield


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """A folder with the small network's program, built once."""
    if shutil.which("g++") is None or shutil.which("make") is None:
        pytest.skip("g++ or make not found")
    folder = tmp_path_factory.mktemp("built") / "program"
    with without_optimisation(), backend("cpp", directory=folder):
        network().network.run(DURATION)
    return folder


@pytest.fixture
def folder(built, quick_build, tmp_path):
    """A copy of the built folder, in which only what a test changes is compiled."""
    return shutil.copytree(built, tmp_path / "program")


@pytest.fixture
def python(tmp_path):
    """Run Python code in a process of its own and return what it printed; `import` lines are the code's own."""

    def run(code, status=0, **environment):
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, **{name: str(value) for name, value in environment.items()}},
        )
        assert done.returncode == status, done.stdout[-2000:] + done.stderr[-4000:]
        return done

    return run
