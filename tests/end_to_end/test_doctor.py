"""`memneuro doctor` tells the truth: the same machine with less on it, or with something broken on it."""

import json
import os
import shutil
import stat
import time

import pytest

from memneuro import doctor

KEYS = {"versions", "compilers", "gpus", "backends", "break_even_neurons", "recordings", "missing"}


@pytest.fixture(scope="module")
def found(run_memneuro):
    started = time.monotonic()
    done = run_memneuro("doctor", "--json")
    assert time.monotonic() - started < 120
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    return json.loads(done.stdout)


def make_program(folder, name, script):
    """Put a shell script on the PATH under the name of a tool."""
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def test_keys(found):
    assert set(found) == KEYS
    assert list(found["backends"]) == ["numpy", "cython", "cpp", "openmp", "cuda"]
    for state in found["backends"].values():
        assert set(state) == {"usable", "reason", "fix"}
        assert isinstance(state["usable"], bool)
        assert state["reason"] and "the check itself failed" not in state["reason"]
        assert bool(state["fix"]) is not state["usable"]
    for package in ("python", "memneuro", "brian2", "numpy", "cython"):
        assert found["versions"][package]


def test_what_this_machine_can_do_is_reported_as_usable(found):
    """The tests need NumPy and a compiler to run at all, so the probes must find that they work."""
    assert found["backends"]["numpy"]["usable"]
    if shutil.which("g++"):
        assert found["backends"]["cython"]["usable"]
        assert found["backends"]["cpp"]["usable"] is bool(shutil.which("make"))


def test_everything_unusable_is_listed_with_a_way_to_get_it(found):
    unusable = [name for name, state in found["backends"].items() if not state["usable"]]
    assert [item["what"] for item in found["missing"] if item["what"] != "recordings"] == unusable
    assert all(item["fix"] for item in found["missing"])


def test_the_text_names_every_target_and_every_gap(found):
    text = doctor.doctor_text(found)
    for name in (*found["backends"], *(item["fix"] for item in found["missing"])):
        assert name in text


def test_without_a_compiler_the_compiled_targets_are_unusable(run_memneuro, tmp_path):
    done = run_memneuro("doctor", "--json", env={"PATH": str(tmp_path), "CXX": "", "CUDA_HOME": "", "CUDA_PATH": ""})
    found = json.loads(done.stdout)
    assert found["compilers"]["g++"] is None
    assert found["backends"]["numpy"]["usable"]
    for name in ("cython", "cpp", "openmp", "cuda"):
        assert not found["backends"][name]["usable"], name
    for name in ("cython", "cpp", "openmp"):
        assert found["backends"][name]["fix"]
    assert done.returncode == 0 and "Traceback" not in done.stderr


def test_a_compiler_that_fails_is_quoted(monkeypatch, tmp_path):
    make_program(tmp_path, "broken", "echo 'fatal error: no headers' >&2; exit 1")
    monkeypatch.setenv("CXX", str(tmp_path / "broken"))
    state = doctor._probe_openmp()
    assert not state["usable"] and "fatal error: no headers" in state["reason"] and state["fix"]


def test_a_compiler_that_makes_wrong_programs_is_found_out(monkeypatch, tmp_path):
    """Compiling is not enough: the program must give the right answer."""
    writes = 'while [ "$1" != -o ]; do shift; done; printf "#!/bin/sh\\necho 0.5\\n" > "$2"; chmod +x "$2"'
    make_program(tmp_path, "wrong", writes)
    monkeypatch.setenv("CXX", str(tmp_path / "wrong"))
    monkeypatch.setattr(doctor, "find_tool", lambda name: "/usr/bin/make")
    state = doctor._probe_cpp()
    assert not state["usable"] and "0.5" in state["reason"]


def test_a_tool_that_hangs_is_given_up(monkeypatch, tmp_path):
    make_program(tmp_path, "asleep", "exec sleep 30")
    monkeypatch.setattr(doctor, "_PROBE_SECONDS", 0.2)
    started = time.monotonic()
    assert doctor.describe_tool(str(tmp_path / "asleep")) == {
        "path": str(tmp_path / "asleep"),
        "version": "version unknown",
    }
    assert time.monotonic() - started < 10


def test_a_compiler_with_a_launcher_in_front_of_it(monkeypatch, tmp_path):
    if shutil.which("g++") is None:
        pytest.skip("g++ not found")
    make_program(tmp_path, "launcher", 'exec "$@"')
    monkeypatch.setenv("CXX", f"{tmp_path / 'launcher'} g++")
    assert doctor._probe_openmp()["usable"]


def test_a_probe_that_raises_becomes_a_line():
    state = doctor._guarded(lambda: {}["absent"])
    assert not state["usable"] and "KeyError" in state["reason"]


def test_gpus_are_read_from_nvidia_smi(monkeypatch, tmp_path):
    make_program(tmp_path, "nvidia-smi", "echo 'NVIDIA H200, 143771, 9.0'")
    monkeypatch.setenv("PATH", str(tmp_path) + os.pathsep + os.environ["PATH"])
    assert doctor.gpus() == [{"name": "NVIDIA H200", "memory_MiB": "143771", "compute_capability": "9.0"}]
    make_program(tmp_path, "nvidia-smi", "echo 'No devices were found'; exit 6")
    assert doctor.gpus() == []


def test_recordings_are_found_where_memneuro_data_points(monkeypatch, tmp_path):
    (tmp_path / "raphe").mkdir()
    monkeypatch.setenv("MEMNEURO_DATA", str(tmp_path))
    state = doctor.find_recordings()
    assert state["found"] and state["folder"] == str(tmp_path) and state["contents"] == ["raphe"]

    monkeypatch.setenv("MEMNEURO_DATA", str(tmp_path / "elsewhere"))
    state = doctor.find_recordings()
    assert not state["found"] and "MEMNEURO_DATA" in state["fix"] and "elsewhere" in state["fix"]


def test_the_break_even_size_follows_from_its_two_costs(monkeypatch):
    """N t_neuron = t_launch: 10 and 20 us over 20 ns are 500 and 1000 neurons."""
    monkeypatch.setattr(doctor, "LAUNCH_US_PER_STEP", (10.0, 20.0))
    monkeypatch.setattr(doctor, "NS_PER_NEURON_STEP", 20.0)
    size = doctor.break_even_neurons()
    assert (size["low"], size["high"]) == (500, 1000)
    assert size["basis"].count("assumed") == 2
    size = doctor.break_even_neurons(10.0, (3.0, 5.0))
    assert (size["low"], size["high"]) == (300, 500)
    assert size["basis"].count("measured") == 2


def test_the_cost_of_a_step_is_measured(found):
    """Where C++ works: between the vectorised step of a fast core and a scalar one of a slow, busy core."""
    size = found["break_even_neurons"]
    if not found["backends"]["cpp"]["usable"]:
        assert size["ns_per_neuron_step"] is None and "assumed" in size["basis"]
        return
    assert 1 < size["ns_per_neuron_step"] < 1000
    assert "on one core (measured)" in size["basis"]
