"""The switch sets what a backend needs, puts all of it back, and results stay readable."""

import gc
import json
import os
import shutil
import weakref
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
from brian2 import (
    Network,
    NeuronGroup,
    Synapses,
    defaultclock,
    get_device,
    ms,
    mV,
    ohm,
    prefs,
    second,
    set_device,
    us,
    volt,
)
from brian2.codegen.runtime.cython_rt.extension_manager import cython_extension_manager, get_cython_cache_dir
from brian2.devices.device import all_devices, previous_devices, runtime_device

from memneuro import OneM1T1R, PulseTrain
from memneuro.backend import backend

spec = spec_from_file_location("backend_networks", Path(__file__).with_name("conftest.py"))
networks = module_from_spec(spec)
spec.loader.exec_module(networks)
network, results, assert_same, DURATION = networks.network, networks.results, networks.assert_same, networks.DURATION

STANDALONE = ("cpp", "openmp")


def surroundings():
    """Everything of Brian2 and of the process that a backend may touch."""
    return {
        "preferences": {name: prefs[name] for name in prefs},
        "device": get_device(),
        "build_on_run": get_device().build_on_run,
        "build_options": dict(get_device().build_options or {}),
        "devices": dict(all_devices),
        "stack": len(previous_devices),
        "environment": dict(os.environ),
        "step": float(defaultclock.dt),
        "cython": get_cython_cache_dir(),
        "folder": os.getcwd(),
    }


@pytest.fixture(scope="module")
def reference():
    """The small network on NumPy, without backend()."""
    prefs.codegen.target = "numpy"
    made = network()
    made.network.run(DURATION)
    found = results(made)
    prefs.codegen.target = "auto"
    return found


def assert_close(found, expected):
    """Same spikes; states to rounding."""
    for name in ("i", "t"):
        np.testing.assert_array_equal(found[name], expected[name])
    assert len(found["i"]) > 5
    for name in ("v", "square", "trace", "recorded"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["numpy", "cython", "cpp", "openmp"])
@pytest.mark.parametrize("precision", ["double", "single"])
def test_everything_is_put_back(name, precision, tmp_path):
    defaultclock.dt = 0.5 * ms
    before = surroundings()
    with backend(name, precision=precision, threads=2 if name == "openmp" else None) as used:
        assert surroundings() != before
        assert defaultclock.dt == 0.5 * ms
        assert prefs.core.default_float_dtype is (np.float32 if precision == "single" else np.float64)
        assert used.standalone is (name in STANDALONE)
        defaultclock.dt = 2 * ms
    assert surroundings() == before
    assert all(used is not active for active in backend.__globals__["_active"])


def test_an_error_in_the_block_closes_the_backend():
    before = surroundings()
    with pytest.raises(ZeroDivisionError), backend("cpp"):
        1 / 0  # noqa: B018
    assert surroundings() == before


def test_devices_set_in_the_block_are_undone(tmp_path):
    before = surroundings()
    with backend("numpy"):
        set_device("cpp_standalone", directory=str(tmp_path), build_on_run=True)
        set_device("runtime")
    assert surroundings() == before
    set_device("cpp_standalone", directory=str(tmp_path / "own"), build_on_run=False)
    before = surroundings()
    with backend("cpp"):
        assert get_device() is not before["device"]
        set_device("runtime")
    assert surroundings() == before and get_device().build_on_run is False


def test_nested_and_repeated():
    states = [surroundings()]
    for _ in range(2):
        opened = []
        for name in ("cpp", "numpy", "cython", "openmp", "cython", "cpp"):
            opened.append(backend(name))
            states.append(surroundings())
        while opened:
            assert surroundings() == states.pop()
            opened.pop().close()
        assert surroundings() == states[0]


def test_closing_an_outer_backend_closes_the_inner_ones_and_closing_twice_does_nothing():
    before = surroundings()
    outer = backend("cpp")
    inner = backend("numpy")
    outer.close()
    assert surroundings() == before
    inner.close()
    outer.close()
    assert surroundings() == before
    with backend("numpy") as used:
        within = surroundings()
        outer.close()
        assert surroundings() == within
        used.close()
        assert surroundings() == before
    assert surroundings() == before


def test_the_compiler_flags_are_those_in_effect():
    """`extra_compile_args` takes the place of the compiler's own where a user has set it."""
    prefs.codegen.cpp.extra_compile_args = ["-O1", "-ffast-math"]
    with backend("cpp"):
        flags = prefs.codegen.cpp.extra_compile_args
        assert "-ffast-math" not in flags and "-ffp-contract=off" in flags and "-O1" in flags
    assert prefs.codegen.cpp.extra_compile_args == ["-O1", "-ffast-math"]
    prefs.codegen.cpp.extra_compile_args = None
    with backend("cpp"):
        assert prefs.codegen.cpp.extra_compile_args is None
        assert "-ffast-math" not in prefs.codegen.cpp.extra_compile_args_gcc


def test_importing_sets_nothing(python):
    code = """
import json, os
import brian2
from brian2.devices.device import all_devices, previous_devices
def state():
    prefs = {name: brian2.prefs[name] for name in brian2.prefs}
    return repr([prefs, brian2.get_device(), dict(os.environ), all_devices, previous_devices, brian2.defaultclock.dt])
before = state()
import memneuro.backend
print(json.dumps(state() == before))
"""
    assert json.loads(python(code).stdout.splitlines()[-1]) is True


def test_nothing_heavy_is_loaded_before_it_is_used(python):
    code = (
        "import sys, memneuro\nassert 'brian2' not in sys.modules\n"
        "from memneuro.backend import Backend, BackendUnavailable, backend\n"
        "assert issubclass(BackendUnavailable, RuntimeError)\n"
        "with backend('numpy') as used:\n    assert isinstance(used, Backend)\n    print(used.name)\n"
        "import memneuro.simulation\nassert callable(memneuro.simulate)\n"
    )
    assert python(code).stdout.split() == ["numpy"]


def test_results_stay_readable(folder, reference):
    with backend("cpp", directory=folder) as used:
        made = network()
        made.network.run(DURATION)
        inside = results(made)
    after = results(made)
    assert_same(after, inside)
    assert_close(after, reference)
    with backend("numpy"):
        assert_same(results(made), inside)
    with backend("cpp"):  # has not run anything itself
        assert_same(results(made), inside)
        mine = network(n=3)
        with pytest.raises(NotImplementedError, match="square"):
            mine.group.square[:]
    assert made.spikes.num_spikes == len(inside["i"])
    assert made.spikes.spike_trains()[0].size == np.sum(inside["i"] == 0)
    assert set(used.seconds) == {"build", "program", "run"} and used.seconds["run"] > 0


def test_the_temporary_folder_goes_with_the_results(quick_build):
    def run():  # Brian2 keeps a view of the variables of the function that calls it
        used = backend("cpp")
        group = NeuronGroup(2, "x : 1", dt=1 * ms)
        group.x = [1, 2]
        group.run_regularly("x += 1")
        Network(group).run(3 * ms, namespace={})
        used.close()
        return group, used.directory, weakref.ref(used._device)

    group, folder, device = run()
    gc.collect()
    assert folder.is_dir()
    np.testing.assert_array_equal(group.x[:], [4, 5])
    del group
    gc.collect()
    assert device() is None
    assert not folder.exists()


def test_temporary_folders_go_when_python_ends(python, tmp_path):
    """Also of a backend that is never closed; a forked copy of the process leaves them alone."""
    place = tmp_path / "temporary"
    place.mkdir()
    code = """
import os, sys
from memneuro.backend import backend
kept = backend("cpp")
child = os.fork()
if child == 0:
    sys.exit(0)
os.waitpid(child, 0)
print(kept.directory, kept.directory.is_dir())
"""
    said = python(code, TMPDIR=place).stdout.split()
    assert said[-1] == "True" and Path(said[0]).parent == place
    assert [entry.name for entry in place.iterdir() if entry.name.startswith("memneuro_")] == []


def test_a_folder_with_a_space_and_a_quote(tmp_path, quick_build, built, reference):
    folder = shutil.copytree(built, tmp_path / "it's a folder")
    with backend("cpp", directory=folder):
        made = network()
        made.network.run(DURATION)
    assert_close(results(made), reference)


@pytest.mark.slow
def test_one_after_another_in_one_process(folder, reference):
    """The same network on every target in turn, with a plain Brian2 run in between."""
    found = {}
    for name in ("numpy", "cpp", "numpy"):
        with backend(name, directory=folder if name == "cpp" else None):
            made = network()
            made.network.run(DURATION)
        found[name] = results(made)
        del made
        assert_close(found[name], reference)


def test_interleaved(folder, reference):
    """A network on NumPy is built and run while a C++ program is being put together."""
    with backend("cpp", directory=folder, build_on_run=False) as used:
        made = network()
        with backend("numpy"):
            other = network()
            other.network.run(10 * ms)
            other.network.run(DURATION - 10 * ms)
            assert_close(results(other), reference)
        made.network.run(DURATION)
        with backend("numpy"), pytest.raises(RuntimeError, match="closed or replaced"):
            used.build()
        used.build()
    assert_close(results(made), reference)


def test_objects_of_another_backend_are_refused(quick_build):
    made = network()
    with backend("cpp"), pytest.raises(RuntimeError, match="was made before this backend"):
        made.network.run(DURATION)
    with backend("cpp"):
        made = network()
        with backend("cpp"), pytest.raises(RuntimeError, match="was made before this backend"):
            made.network.run(DURATION)


def test_several_runs_in_one_program(folder):
    """Runs, changes of a parameter between them, and one build; as on NumPy."""
    found = []
    for name in ("numpy", "cpp"):
        options = {} if name == "numpy" else {"directory": folder, "build_on_run": False}
        with backend(name, **options) as used:
            made = network()
            made.network.run(20 * ms)
            made.group.drive = "0.5 + 0.5*i"
            made.network.run(30 * ms)
            if name == "cpp":
                with pytest.raises(RuntimeError, match="before anything was built"):
                    used.run_again()
                used.build()
                for again in (used.build, lambda made=made: made.network.run(1 * ms)):
                    with pytest.raises(RuntimeError, match="has been built") as caught:
                        again()
                    assert "\n" not in str(caught.value)
        assert made.trace.t[-1] == 49 * ms
        found.append(results(made))
        if name == "cpp":  # the program sets it between the runs, after it took the new value
            with pytest.raises(RuntimeError, match="units.drive was to be 2.0 and the program ran with another value"):
                used.run_again({made.group.drive: 2})
            with pytest.raises(NotImplementedError):  # what is there belongs to other values
                made.group.v[:]
            used.run_again()
            assert_same(results(made), found[-1])
        del made
    assert_close(found[1], found[0])


def test_a_second_run_with_build_on_run_is_refused(folder):
    with backend("cpp", directory=folder) as used:
        made = network()
        made.network.run(DURATION)
        values = results(made)
        with pytest.raises(RuntimeError, match="build_on_run=False") as caught:
            made.network.run(DURATION)
        assert "\n" not in str(caught.value)
        with pytest.raises(RuntimeError, match="where run\\(\\) builds"):
            used.build()
        assert_same(results(made), values)


def test_build_needs_a_standalone_backend_in_use_with_something_to_build():
    with backend("numpy") as used:
        for call in (used.build, used.run_again, lambda: used.seconds):
            with pytest.raises(RuntimeError, match="'numpy'"):
                call()
    with backend("cpp", build_on_run=False) as used:
        with pytest.raises(RuntimeError, match="nothing to build"):
            used.build()
        network().network.run(1 * ms)
    with pytest.raises(RuntimeError, match="closed or replaced"):
        used.build()


@pytest.mark.slow
def test_a_later_build_in_the_same_folder_makes_old_results_unreadable(quick_build, tmp_path):
    """They would be another network's numbers."""

    def run(start):
        with backend("cpp", directory=tmp_path) as used:
            group = NeuronGroup(2, "x : 1\ny = 2*x : 1", dt=1 * ms, name="cells")
            group.x = start
            group.run_regularly("x += 1")
            Network(group).run(3 * ms, namespace={})
        return used, group

    first, old = run([1, 2])
    np.testing.assert_array_equal(old.x[:], [4, 5])
    _, new = run([7, 8])
    for read in (lambda: old.x[:], lambda: old.y[:]):
        with pytest.raises(RuntimeError, match="a later build"):
            read()
    with pytest.raises(RuntimeError, match="a later build"):
        first.run_again()
    np.testing.assert_array_equal(new.y[:], [20, 22])


CHANGES = {"seed": 5, "level": np.array([0.9, 1.0, 1.3, 1.6]), "time_constant": 4 * ms}


def changes(made):
    """The same as keys of run_again."""
    return {made.group.noise_seed: 5, made.group.drive: CHANGES["level"], made.group.tau: 4 * ms}


def stamp(folder):
    """When the program and its objects were made."""
    return {str(path): path.stat().st_mtime_ns for path in [folder / "main", *folder.rglob("*.o")]}


@pytest.fixture(scope="module")
def changed(built, tmp_path_factory):
    """What a fresh build with the changed values gives."""
    folder = shutil.copytree(built, tmp_path_factory.mktemp("changed") / "program")
    with networks.without_optimisation(), backend("cpp", directory=folder):
        made = network(**CHANGES)
        made.network.run(DURATION)
    return results(made)


def test_run_again_is_a_fresh_build_without_compiling(folder, changed):
    """Also for initial values that are expressions of what changes, and when the backend is closed already."""
    with backend("cpp", directory=folder) as used:
        made = network()
        made.network.run(DURATION)
        first = results(made)
        stamps = stamp(folder)
        used.run_again(changes(made))
        again = results(made)
    assert_same(again, changed)
    assert not np.array_equal(again["v"], first["v"])
    used.run_again()
    assert_same(results(made), first)  # changes hold for one run
    used.run_again(changes(made))
    assert_same(results(made), again)
    used.run_again({made.group.v: [0.1, 0.2, 0.3, 0.4], made.group.drive: np.float32(0)})
    start = np.array(made.trace.v)[:, 0]
    np.testing.assert_array_equal(start, [0.1, 0.3])
    assert stamp(folder) == stamps


def test_run_again_of_a_program_that_was_only_built(folder, changed):
    with backend("cpp", directory=folder, build_on_run=False) as used:
        made = network()
        made.network.run(DURATION)
        used.build(run=False)
        with pytest.raises(ValueError, match="one value or 4"):
            used.run_again({made.group.drive: [1, 2]})
        used.run_again(changes(made))
    assert_same(results(made), changed)


@pytest.mark.slow
@pytest.mark.parametrize("name", STANDALONE)
def test_run_again_of_the_neuron(name):
    """Seed, a shared parameter, one of each neuron and the input's amplitude."""

    def neurons(seed=3, r_control=1e9, sigma=None, amplitude=0.9):
        neuron = OneM1T1R("hopping")
        sigma = float(neuron.device["sigma_tip"]) * np.ones(10) if sigma is None else sigma
        group = neuron.group(
            10,
            drive=PulseTrain(np.full(10, amplitude) * volt, 1 * ms, 2 * ms),
            seed=seed,
            dt=10 * us,
            sigma_tip=sigma * volt,
            r_control=r_control * ohm,
            name="neurons",
        )
        return group, Network(group)

    sigma = np.linspace(1e-3, 60e-3, 10)
    with backend(name) as used:
        group, run = neurons()
        run.run(60 * ms)
        used.run_again(
            {
                group.noise_seed: 8,
                group.r_control: 2e8 * ohm,
                group.sigma_tip: sigma * volt,
                group.pulse_amplitude: 0.95 * volt,
            }
        )
    with backend(name):
        fresh, run = neurons(8, 2e8, sigma, 0.95)
        run.run(60 * ms)
    for state in ("v_gate", "x_total", "x_residue", "v_tip", "v_out"):
        np.testing.assert_array_equal(getattr(group, state)[:], getattr(fresh, state)[:], err_msg=state)


@pytest.mark.slow
def test_synapses_in_run_again(quick_build):
    """Their variables have no size before the synapses are created; initial values follow them all the same."""

    def synapses(weight=2.0):
        source = NeuronGroup(3, "x : 1", threshold="True", name="sources", dt=1 * ms)
        target = NeuronGroup(2, "y : 1", name="targets", dt=1 * ms)
        target.y = "1 + i"
        joined = Synapses(source, target, "w : 1\nhalf : 1", on_pre="y += half", name="joined")
        joined.connect()
        joined.w = weight
        joined.half = "w/2"
        return source, target, joined, Network(source, target, joined)

    with backend("cpp") as used:
        source, target, joined, run = synapses()
        run.run(3 * ms)
        np.testing.assert_allclose(target.y[:], np.array([1, 2]) + 3 * 3 * 1.0)
        used.run_again({joined.w: np.arange(6.0)})
        np.testing.assert_array_equal(joined.w[:], np.arange(6.0))
        np.testing.assert_array_equal(joined.half[:], np.arange(6.0) / 2)
        with pytest.raises(ValueError, match="joined.w has values of the shape \\(5,\\); accepted: one value or 6"):
            used.run_again({joined.w: np.arange(5.0)})


def test_bad_changes_are_refused_before_anything_runs(folder):
    with backend("cpp", directory=folder) as used:
        made = network()
        made.network.run(DURATION)
    before = {path: path.stat().st_mtime_ns for path in (folder / "results").iterdir()}
    group = made.group
    other = NeuronGroup(4, "drive : 1 (constant)", name="units")
    for change, error, said in (
        ({group.drive: [1, 2]}, ValueError, "units.drive has values of the shape (2,); accepted: one value or 4"),
        ({group.drive: np.ones((4, 1))}, ValueError, "shape (4, 1)"),
        ({group.drive: []}, ValueError, "shape (0,)"),
        ({group.tau: [1, 2] * ms}, ValueError, "units.tau has values of the shape (2,); accepted: one value"),
        ({group.tau: 4}, ValueError, "units.tau = 4 has the wrong unit; accepted: a value in s"),
        ({group.drive: 4 * mV}, ValueError, "accepted: a number without unit"),
        ({group.drive: "1 + i"}, ValueError, "is an expression"),
        ({group.drive: [None] * 4}, ValueError, "units.drive"),
        ({group.tau: np.nan * second}, ValueError, "finite"),
        ({group.noise_seed: 1.5}, ValueError, "units.noise_seed = 1.5; accepted: numbers of type int32"),
        ({group.noise_seed: 2**31}, ValueError, "int32"),
        ({group.noise_seed: np.nan}, ValueError, "int32"),
        ({group.square: 1}, ValueError, "units.square is not a variable of this program"),
        ({group.i: [0, 1, 2, 3]}, ValueError, "units.i is read-only"),
        ({made.spikes.t: 1 * ms}, ValueError, "unit_spikes.t is read-only"),
        ({made.trace.variables["t"]: 1 * ms}, TypeError, "changes are given by variable"),
        ({other.drive: 1}, ValueError, "units.drive is not a variable of this program"),
        ({"drive": 1}, TypeError, "got str 'drive'"),
        (
            {group[:2].drive: 1},
            ValueError,
            "is not a variable of this program; accepted: parameters and states of whole",
        ),
    ):
        with pytest.raises(error) as caught:
            used.run_again(change)
        assert said in str(caught.value) and "\n" not in str(caught.value)
    assert {path: path.stat().st_mtime_ns for path in (folder / "results").iterdir()} == before


def test_nan_and_infinity_reach_the_program(folder):
    """The program reads a single number as text, in which it knows neither."""
    with backend("cpp", directory=folder) as used:
        made = network()
        made.network.run(DURATION)
    for value in (np.nan, np.inf, -np.inf):
        used.run_again({made.group.drive: value})
        np.testing.assert_array_equal(made.group.drive[:], np.full(4, value))
    used.run_again({made.group.drive: [1.5, np.nan, np.inf, 1.5]})
    np.testing.assert_array_equal(np.isfinite(made.group.v[:]), [True, False, False, True])


def test_a_file_of_values_that_was_cut_short_is_written_again(folder):
    """Brian2 takes one that is there for what it should be."""
    with backend("cpp", directory=folder) as used:
        made = network()
        made.network.run(DURATION)
    wanted = np.array([0.1, 0.2, 0.3, 0.4])
    for _ in range(2):
        used.run_again({made.group.v: wanted})
        np.testing.assert_array_equal(np.array(made.trace.v)[:, 0], wanted[[0, 2]])
        for file in (folder / "static_arrays").glob("init_units_v_*.dat"):
            file.write_bytes(file.read_bytes()[:10])


def test_a_program_that_fails_leaves_no_results_of_before(folder, capfd):
    with backend("cpp", directory=folder) as used:
        made = network()
        made.network.run(DURATION)
        values = results(made)
        (folder / "main").rename(folder / "aside")
        (folder / "main").write_text("#!/bin/sh\nexit 3\n")
        (folder / "main").chmod(0o755)
        with pytest.raises(RuntimeError, match="failed"):
            used.run_again()
        with pytest.raises(NotImplementedError):
            made.group.v[:]
        (folder / "aside").replace(folder / "main")
        used.run_again()
        assert_same(results(made), values)


@pytest.mark.slow
def test_the_environment_is_left_alone(folder):
    """The number of turns that waiting threads make is the program's, not this process's."""
    os.environ.pop("GOMP_SPINCOUNT", None)
    before = dict(os.environ)
    with backend("openmp", threads=2, directory=folder) as used:
        made = network()
        (folder / "main").unlink()
        made.network.run(DURATION)
        assert dict(os.environ) == before
        assert used.threads == 2 and "GOMP_SPINCOUNT" in used._device.run_environment_variables
        used.run_again()
    assert dict(os.environ) == before


def modules():
    """Folders of the compiled modules that Brian2 has at hand."""
    return {Path(module.__file__).parent for module in cython_extension_manager._code_cache.values()}


@pytest.mark.slow
def test_cython_modules_of_other_flags_are_kept_apart():
    """The same equations within and without the backend, there and back: each with the modules of its own flags."""
    pytest.importorskip("Cython")

    def run():
        group = NeuronGroup(5, "dx/dt = (exp(-x) - x)/(10*ms) : 1", method="exponential_midpoint", dt=1 * ms)
        Network(group).run(50 * ms, namespace={})
        return np.array(group.x[:])

    with backend("numpy"):
        expected = run()
    folders = []
    for use in (False, True, False, True):
        if use:
            with backend("cython"):
                found = run()
                folders.append(modules())
        else:
            prefs.codegen.target = "cython"
            found = run()
            folders.append(modules())
            prefs.codegen.target = "auto"
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert all(len(found) == 1 for found in folders)
    plain, exact = folders[0].pop(), folders[1].pop()
    assert folders[2:] == [{plain}, {exact}] and plain != exact
    with backend("cython"):
        assert Path(prefs.codegen.runtime.cython.cache_dir) == exact
        with backend("cython"):
            assert Path(prefs.codegen.runtime.cython.cache_dir) == exact
    prefs.codegen.cpp.extra_compile_args_gcc = ["-w", "-O0"]
    with backend("cython"):
        assert Path(prefs.codegen.runtime.cython.cache_dir) != exact
    assert runtime_device is get_device()
