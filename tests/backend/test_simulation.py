"""Many parameter sets from one program: the same results however they are batched and wherever they run."""

import time

import numpy as np
import pandas as pd
import pytest
from brian2 import DimensionMismatchError, Mohm, Network, SpikeMonitor, ms, ohm, us, volt

from memneuro import OneM1T1R, PulseTrain
from memneuro.backend import backend
from memneuro.simulation import Simulation, grid, simulate

TRAIN = PulseTrain(0.9 * volt, 1 * ms, 2 * ms)
SETS = {"r_control": [50, 100, 250, 400, 600] * Mohm, "pulse_amplitude": [0.9, 1.0, 0.95, 0.9, 0.8] * volt}
OPTIONS = {"drive": TRAIN, "duration": 8 * ms, "dt": 20 * us, "trials": 3, "seed": 4}


@pytest.fixture(scope="module")
def reference():
    return simulate(OneM1T1R("hopping"), SETS, backend="numpy", record=["v_gate"], record_step=1 * ms, **OPTIONS)


def test_tables(reference):
    assert list(reference.sets.columns) == ["set", "r_control_ohm", "pulse_amplitude_V"]
    np.testing.assert_allclose(reference.sets["r_control_ohm"], [50e6, 100e6, 250e6, 400e6, 600e6])
    assert list(reference.final.columns) == ["set", "trial", "v_gate_V", "v_tip_V", "x_residue", "x_total"]
    assert len(reference.final) == 15 and reference.runs == 1
    assert list(reference.traces.columns) == ["set", "trial", "time_ms", "v_gate_V"]
    assert len(reference.traces) == 5 * 8 and set(reference.traces["trial"]) == {0}
    assert list(reference.spikes.columns) == ["set", "trial", "time_ms"]
    counts = reference.counts()
    assert counts.shape == (5, 3) and counts.sum() == len(reference.spikes) > 0


def test_what_is_recorded():
    """Every step by default; one name is a list of one, and an unknown one is answered with those there are."""
    options = {**OPTIONS, "duration": 1 * ms, "backend": "numpy"}
    found = simulate(OneM1T1R("hopping"), None, record="v_gate", **options)
    assert len(found.traces) == 50 and list(found.traces.columns) == ["set", "trial", "time_ms", "v_gate_V"]
    with pytest.raises(ValueError, match=r"record has 'vgate'; accepted: .*v_gate"):
        simulate(OneM1T1R("hopping"), None, record=["vgate"], **options)


@pytest.mark.parametrize("batch", [1, 2])
def test_batches_do_not_matter(reference, batch):
    found = simulate(OneM1T1R("hopping"), SETS, backend="numpy", batch=batch, **OPTIONS)
    assert found.runs == {1: 5, 2: 3}[batch]
    pd.testing.assert_frame_equal(found.spikes, reference.spikes)
    pd.testing.assert_frame_equal(found.final, reference.final)


@pytest.mark.parametrize("name", ["cpp", pytest.param("openmp", marks=pytest.mark.slow)])
def test_compiled_once_and_the_same(reference, name):
    found = simulate(OneM1T1R("hopping"), SETS, backend=name, batch=2, record=["v_gate"], record_step=1 * ms, **OPTIONS)
    assert found.runs == 3
    pd.testing.assert_frame_equal(found.spikes, reference.spikes)
    np.testing.assert_allclose(found.final.to_numpy(), reference.final.to_numpy(), rtol=0, atol=1e-6)
    np.testing.assert_allclose(found.traces.to_numpy(), reference.traces.to_numpy(), rtol=0, atol=1e-6)


def test_one_set_is_an_ordinary_group(reference):
    """Set 3, whose first neuron is number 9 of the noise."""
    group = OneM1T1R("hopping").group(3, drive=TRAIN, dt=20 * us, seed=4, offset=9, r_control=400 * Mohm)
    spikes = SpikeMonitor(group)
    with backend("numpy"):
        Network(group, spikes).run(8 * ms, namespace={})
    expected = reference.spikes[reference.spikes["set"] == 3]
    order = np.lexsort((spikes.t, spikes.i))
    np.testing.assert_array_equal(np.asarray(spikes.i)[order], expected["trial"])
    np.testing.assert_array_equal(np.asarray(spikes.t / ms)[order], expected["time_ms"])
    ends = reference.final[reference.final["set"] == 3]
    # A parameter that all neurons share is multiplied in another order than one of each neuron: the last digit.
    np.testing.assert_allclose(np.asarray(group.x_total), ends["x_total"], rtol=1e-12)


@pytest.fixture(scope="module")
def program():
    return Simulation(
        OneM1T1R("hopping"), 10, drive=TRAIN, duration=8 * ms, dt=20 * us, varying=["r_control"], backend="cpp"
    )


def test_seeds_and_parameters_without_compiling(program):
    main = program._used.directory / "main"
    built = main.stat().st_mtime_ns
    runs = [program.run(seed=seed, r_control=100 * Mohm) for seed in (1, 2, 1)]
    assert main.stat().st_mtime_ns == built
    pd.testing.assert_frame_equal(runs[0]["final"], runs[2]["final"])
    assert not np.array_equal(runs[0]["final"]["v_tip_V"], runs[1]["final"]["v_tip_V"])
    nominal, changed = program.run(seed=1)["final"], program.run(seed=1, r_control=np.full(10, 1e8) * ohm)["final"]
    pd.testing.assert_frame_equal(changed, runs[0]["final"])
    assert not np.array_equal(nominal["v_gate_V"], changed["v_gate_V"])  # the card's value is back when none is given


def test_a_hundred_runs_cost_a_hundred_runs(program):
    """Well below a second build, and within a few times the bare program: most of it is reading results."""
    started = time.perf_counter()
    for seed in range(20):
        program.run(seed=seed)
    each = (time.perf_counter() - started) / 20
    assert each < 0.1 * program.build_s


def test_bad_input_is_refused_before_anything_runs(program):
    with pytest.raises(ValueError, match="'mu' does not vary; accepted: r_control"):
        program.run(mu=1)
    with pytest.raises(ValueError, match=r"r_control has the shape \(3,\); accepted: one value or 10 values"):
        program.run(r_control=[1, 2, 3] * Mohm)
    with pytest.raises(DimensionMismatchError, match="r_control must have the unit 'ohm'"):
        program.run(r_control=1 * volt)
    with pytest.raises(ValueError, match="r_control = -1"):
        program.run(r_control=-1 * ohm)
    with pytest.raises(ValueError, match="seed = -1"):
        program.run(seed=-1)


def test_bad_tables():
    neuron, options = OneM1T1R("hopping"), {"drive": TRAIN, "duration": 1 * ms}
    with pytest.raises(ValueError, match="unknown parameter 'r_controll'"):
        simulate(neuron, {"r_controll": 1 * ohm}, **options)
    with pytest.raises(ValueError, match=r"pulse_amplitude has the shape \(2,\); accepted: one value or 3 values"):
        simulate(neuron, {"r_control": [1, 2, 3] * Mohm, "pulse_amplitude": [1, 2] * volt}, **options)
    with pytest.raises(ValueError, match="trials = 0"):
        simulate(neuron, trials=0, **options)
    with pytest.raises(ValueError, match="duration = .*; accepted: a time above zero"):
        simulate(neuron, drive=TRAIN, duration=-1 * ms)
    with pytest.raises(DimensionMismatchError, match="pulse_width"):
        simulate(neuron, {"pulse_width": 3 * volt}, **options)


def test_grid():
    found = grid(r_control=[1, 2] * Mohm, pulse_amplitude=[0.7, 0.8, 0.9] * volt, alpha=0.1)
    np.testing.assert_allclose(np.asarray(found["r_control"]), np.repeat([1e6, 2e6], 3))
    np.testing.assert_allclose(np.asarray(found["pulse_amplitude"]), np.tile([0.7, 0.8, 0.9], 2))
    assert found["r_control"].dim == ohm.dim and np.shape(found["alpha"]) == (6,)
    with pytest.raises(ValueError, match="r_control has the shape"):
        grid(r_control=[[1, 2]] * Mohm)
