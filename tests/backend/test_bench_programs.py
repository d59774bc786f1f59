"""What the benchmarks time is one neuron: the hand-written program and stock Brian2 give this package's results."""

import shutil
import subprocess

import numpy as np
import pytest
from brian2 import Network, SpikeMonitor, us

from memneuro import OneM1T1R
from memneuro.backend import backend
from memneuro.bench.programs import SOURCE, limit_program, stock_program, train

pytestmark = [
    pytest.mark.skipif(shutil.which("g++") is None, reason="g++ not found"),
    pytest.mark.skipif(not SOURCE.exists(), reason="not a checkout"),
]
NEURONS, STEPS, STEP = 256, 30_000, 10 * us
STATES = ("x_total", "x_residue", "v_gate")


def package(device, folder):
    """Spikes of all neurons and states of the first, without noise."""
    with backend("cpp", directory=folder):
        group = OneM1T1R(device).group(NEURONS, drive=train(), dt=STEP, noise=False)
        spikes = SpikeMonitor(group)
        Network(group, spikes).run(STEPS * STEP, namespace={})
        return int(spikes.num_spikes), np.array([float(getattr(group, name)[0]) for name in STATES])


@pytest.mark.parametrize("device", ["hopping_2e4d", "hopping_bounded_2e4d"])
def test_the_hand_written_program_is_the_same_neuron(tmp_path, device):
    count, states = package(device, tmp_path / "package")
    assert count >= 10 * NEURONS
    found = {}
    for precision in ("double", "single"):
        program = limit_program(
            tmp_path / precision, NEURONS, STEPS, STEP, noise=False, precision=precision, device=device
        )
        assert program.run() > 0
        said = subprocess.run(program.command, capture_output=True, text=True, check=True).stdout.split()
        found[precision] = int(said[1]), np.array(said[2:], dtype=float)
    assert found["double"][0] == count
    np.testing.assert_allclose(found["double"][1], states, rtol=1e-9)
    assert abs(found["single"][0] - count) <= 2 * NEURONS
    noisy = limit_program(tmp_path / "noisy", NEURONS, STEPS, STEP, noise=True, device=device)
    said = subprocess.run(noisy.command, capture_output=True, text=True, check=True).stdout.split()
    assert int(said[1]) > 5 * NEURONS and 0 <= float(said[3]) <= float(said[2]) <= 1


@pytest.mark.parametrize("cap", ["0", "-1", "inf"])
def test_a_bound_of_the_residue_that_is_none(tmp_path, cap):
    program = limit_program(tmp_path, NEURONS, 2000, STEP, noise=False)
    plain, none = (
        subprocess.run([*program.command, *more], capture_output=True, text=True, check=True).stdout.split()[1:]
        for more in ([], [f"residue_cap={cap}"])
    )
    assert plain == none


@pytest.mark.slow
@pytest.mark.parametrize("device", ["hopping_2e4d", "hopping_bounded_2e4d"])
@pytest.mark.parametrize("method", ["scheme", "rk4"])
def test_stock_brian2_runs_the_neuron(tmp_path, device, method):
    program = stock_program(tmp_path, 8, 2000, 1 * us, noise=False, method=method, device=device)
    assert program.run() > 0
    (path,) = (tmp_path / "results").glob("_dynamic_array_spikemonitor_t*")
    assert path.exists()
    final = {
        name: np.fromfile(next((tmp_path / "results").glob(f"_array_neurongroup_{name}_*")), dtype=float)
        for name in STATES
    }
    with backend("numpy"):
        group = OneM1T1R(device).group(8, drive=train(), dt=1 * us, noise=False)
        Network(group).run(2000 * us, namespace={})
        for name in STATES:
            np.testing.assert_allclose(final[name], np.asarray(getattr(group, name)), rtol=1e-3, err_msg=name)
