"""What a backend cannot do is refused at once, in one line, and leaves nothing behind that spoils the next build."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, check_units, defaultclock, get_device, implementation, ms, prefs
from brian2.devices.device import previous_devices

from memneuro import cli
from memneuro.backend import BackendUnavailable, backend

spec = spec_from_file_location("backend_networks", Path(__file__).with_name("conftest.py"))
networks = module_from_spec(spec)
spec.loader.exec_module(networks)
network, results, assert_same, DURATION = networks.network, networks.results, networks.assert_same, networks.DURATION


def surroundings():
    return {name: prefs[name] for name in prefs}, get_device(), len(previous_devices), dict(os.environ), defaultclock.dt


def program(folder, name, script):
    """Put a shell script where it stands for a tool."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    return folder / name


def refused(error, said, *arguments, **options):
    """The backend is refused with one line that says `said`, and nothing was changed."""
    before = surroundings()
    with pytest.raises(error) as caught:
        backend(*arguments, **options)
    assert said in str(caught.value) and "\n" not in str(caught.value), str(caught.value)
    assert surroundings() == before


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        (("gpu",), {}, "unknown backend 'gpu'; accepted: runtime, numpy, cython, cpp, openmp, cuda"),
        (("CPP",), {}, "unknown backend 'CPP'"),
        ((None,), {}, "unknown backend None"),
        ((["cpp"],), {}, "unknown backend ['cpp']"),
        (("openmp",), {"threads": 0}, "threads = 0; accepted: a whole number from 1 to 4096"),
        (("openmp",), {"threads": -1}, "threads = -1"),
        (("openmp",), {"threads": 1.5}, "threads = 1.5"),
        (("openmp",), {"threads": "2"}, "threads = '2'"),
        (("openmp",), {"threads": True}, "threads = True"),
        (("openmp",), {"threads": 5000}, "threads = 5000"),
        (("openmp",), {"threads": float("nan")}, "threads = nan"),
        (("cpp",), {"threads": 2}, "threads = 2 with backend 'cpp'; only 'openmp' has threads"),
        (("numpy",), {"threads": 1}, "only 'openmp' has threads"),
        (("cpp",), {"precision": "half"}, "precision = 'half'; accepted: double, single"),
        (("cpp",), {"precision": np.float32}, "accepted: double, single"),
        (("cpp",), {"precision": ["single"]}, "precision = ['single']"),
        (("cpp",), {"compute_capability": 9.0}, "only 'cuda' has one"),
        (
            ("cuda",),
            {"compute_capability": "9.0", "build_on_run": False},
            "compute_capability = '9.0'",
        ),
        (("cuda",), {"compute_capability": -1, "build_on_run": False}, "compute_capability = -1"),
        (("cuda",), {"compute_capability": float("nan"), "build_on_run": False}, "compute_capability = nan"),
        (("cuda",), {"compute_capability": 90, "build_on_run": True}, "build_on_run = True with compute_capability"),
        (("cpp",), {"directory": 5}, "directory = 5; accepted: the path of a folder"),
        (("cpp",), {"directory": ""}, "directory = ''"),
    ],
)
def test_bad_arguments(arguments, options, said):
    refused(ValueError, said, *arguments, **options)


def test_whole_numbers_of_numpy_are_threads():
    with backend("openmp", threads=np.int64(3)) as used:
        assert used.threads == 3 and type(used.threads) is int
        assert prefs.devices.cpp_standalone.openmp_threads == 3


@pytest.mark.parametrize("name", ["cython", "cpp", "openmp"])
def test_no_compiler(name, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    refused(BackendUnavailable, "no C++ compiler found (g++); to get one: ", name)
    monkeypatch.undo()
    monkeypatch.setenv("CXX", "nonsense -O9")
    refused(BackendUnavailable, "no C++ compiler found (nonsense -O9)", name)
    monkeypatch.setenv("CXX", "g++ '-O9")
    refused(BackendUnavailable, "no C++ compiler found (g++ '-O9)", name)


@pytest.mark.parametrize("blank", ["", " "])
def test_a_blank_name_of_the_compiler_is_none(folder, monkeypatch, blank):
    """`make` would take it for the compiler's name."""
    monkeypatch.setenv("CXX", blank)
    (folder / "main.o").unlink()
    with backend("cpp", directory=folder):
        made = network()
        made.network.run(DURATION)
    assert len(made.spikes.i) > 5 and os.environ["CXX"] == blank


def test_no_make(monkeypatch, tmp_path):
    program(tmp_path, "g++", "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    for name in ("cpp", "openmp"):
        refused(BackendUnavailable, "make not found; to get it: ", name)


def test_a_folder_that_cannot_be_written_to(monkeypatch, tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("mine")
    places = [file, file / "below"] + ([Path("/proc/memneuro")] if Path("/proc/self").exists() else [])
    for place in places:
        refused(BackendUnavailable, f"cannot build in {place}: ", "cpp", directory=place)
        prefs.codegen.runtime.cython.cache_dir = str(place)
        refused(BackendUnavailable, f"cannot keep compiled code in {place}", "cython")
    assert file.read_text() == "mine"
    monkeypatch.setattr(tempfile, "tempdir", str(file / "below"))
    refused(BackendUnavailable, "cannot build in", "cpp")


def test_runtime_without_a_compiler_takes_numpy_and_says_so(python, tmp_path):
    code = """
from brian2 import prefs
from memneuro.backend import backend
with backend("runtime") as used:
    print(used.name, prefs.codegen.target)
"""
    done = python(code, PATH=tmp_path, CXX="")
    assert done.stdout.split() == ["numpy", "numpy"]
    assert "takes NumPy" in done.stderr and "no C++ compiler found (g++)" in done.stderr
    if shutil.which("g++"):
        done = python(code)
        assert done.stdout.split() == ["cython", "cython"] and "takes NumPy" not in done.stderr


def test_a_compiler_that_fails(folder, tmp_path, monkeypatch, capfd):
    """Its own words reach the user in one line; the next build, with the compiler mended, is right."""
    broken = program(tmp_path / "bin", "compiler", 'echo "objects.cpp:1:1: fatal error: out of luck" >&2; exit 1')
    monkeypatch.setenv("CXX", str(broken))
    with backend("cpp", directory=folder):
        made = network(seed=2)
        with pytest.raises(BackendUnavailable) as caught:
            made.network.run(DURATION)
        said = str(caught.value)
        assert "fatal error: out of luck" in said and "\n" not in said
        assert "out of luck" in (folder / "build.log").read_text()
        with pytest.raises(NotImplementedError):
            made.group.v[:]
        with pytest.raises(RuntimeError, match="use a new one"):
            made.network.run(DURATION)
        del made
    assert "out of luck" not in capfd.readouterr().out
    program(tmp_path / "bin", "compiler", f'exec {shutil.which("g++")} "$@"')
    with backend("cpp", directory=folder):
        made = network(seed=2)
        made.network.run(DURATION)
    found = results(made)
    assert "-ffp-contract=off" in (folder / "makefile").read_text()
    del made
    with backend("numpy"):
        made = network(seed=2)
        made.network.run(DURATION)
    np.testing.assert_array_equal(found["t"], results(made)["t"])
    np.testing.assert_allclose(found["v"], results(made)["v"], rtol=1e-9)


def test_a_program_that_does_not_compile_is_quoted(quick_build):
    """A function whose text is no C++."""

    @implementation("cpp", "double nonsense(double x) { return undeclared_name; }")
    @check_units(x=1, result=1)
    def nonsense(x):
        return x

    with backend("cpp"):
        group = NeuronGroup(1, "x : 1", dt=1 * ms)
        group.run_regularly("x = nonsense(x)")
        with pytest.raises(BackendUnavailable, match="undeclared_name"):
            Network(group).run(1 * ms, namespace={"nonsense": nonsense})


BUILD = """
import sys
sys.path.insert(0, {tests!r})
from conftest import DURATION, network
from brian2 import prefs
from memneuro.backend import backend
prefs.codegen.cpp.extra_compile_args_gcc = ["-w", "-O0", "-std=c++11"]
with backend("cpp", directory=sys.argv[1]):
    network().network.run(DURATION)
"""


@pytest.mark.slow
def test_an_interrupted_build_is_made_anew(built, folder):
    """Killed while it compiles, with an object file that was cut short: `make` would take it for a finished one."""
    (folder / "main").unlink()
    objects = sorted(folder.rglob("*.o"))
    slow = objects[0].with_suffix(".cpp")
    slow.write_text(slow.read_text() + "\n")  # one file to compile
    bin_folder = folder.parent / "bin"
    started = folder.parent / "started"
    # In the midst of writing an object file of the program; Brian2 may try the compiler's flags on one of its own.
    cut = (
        'case "$*" in *-MM* | *flag_test*) ;; '
        f'*"-c "*) echo cut > "${{*##* }}"; touch {started}; sleep 60;; esac; exec g++ "$@"'
    )
    program(bin_folder, "compiler", cut)
    code = BUILD.format(tests=str(Path(__file__).parent))
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
        env={**os.environ, "CXX": str(bin_folder / "compiler")},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    for _ in range(600):
        if started.exists() or child.poll() is not None:
            break
        time.sleep(0.1)
    assert child.poll() is None, child.stderr.read()
    os.killpg(child.pid, signal.SIGKILL)
    child.communicate()
    assert started.exists() and not (folder / "main").exists()
    for path in objects:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if path.exists() else b"")
        later = time.time() + 5
        os.utime(path, (later, later))
    (folder / "make.deps").write_text("main.o: main.cpp \\\n")
    foreign = folder / "mine" / "precious.o"
    foreign.parent.mkdir()
    foreign.write_text("not of this build")
    with backend("cpp", directory=folder):
        made = network()
        made.network.run(DURATION)
    found = results(made)
    del made
    with backend("cpp", directory=built):  # nothing to compile
        made = network()
        made.network.run(DURATION)
    assert_same(found, results(made))
    assert foreign.read_text() == "not of this build"


def test_the_command_line_says_it_in_one_line(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("CXX", "nonsense")
    monkeypatch.setattr(cli, "run_doctor", lambda args: backend("cpp"))
    assert cli.main(["doctor"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("memneuro: error: no C++ compiler found (nonsense)") and err.count("\n") == 1
    with pytest.raises(BackendUnavailable):
        cli.main(["--debug", "doctor"])


def test_the_command_line_loads_nothing_heavy(python):
    code = """
import sys
from memneuro import cli
try:
    cli.main(["--help"])
except SystemExit:
    pass
print([name for name in ("brian2", "numpy", "pandas", "sympy", "scipy") if name in sys.modules])
"""
    assert python(code).stdout.splitlines()[-1] == "[]"
