"""The compiled state update works on several neurons at once: GCC reports its loops as vectorised.

One call, one branch or one function that it cannot vectorise, and a step takes two to four times as long. The code is
compiled for a named processor, x86-64-v3 (AVX2 and FMA), and not run: the answer does not depend on this machine.
"""

import re
import shlex
import shutil
import subprocess
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, get_device, ms, prefs, set_device, volt

from memneuro import OneM1T1R, PulseTrain
from memneuro.backend import backend

ARCHITECTURE = "-march=x86-64-v3"


def gcc_for_avx():
    """Whether g++ is GCC and can compile for AVX2, on whatever processor it runs."""
    if shutil.which("g++") is None:
        return False
    asked = ["g++", ARCHITECTURE, "-dM", "-E", "-x", "c++", "/dev/null"]
    said = subprocess.run(asked, capture_output=True, text=True).stdout
    return "__AVX2__" in said and "__clang__" not in said


pytestmark = pytest.mark.skipif(not gcc_for_avx(), reason="no GCC that compiles for AVX2 here")


def generate(folder, flags, noise, precision, spread=False):
    """Write the program of the default neuron and return the source of its state update."""
    use = backend("cpp", precision=precision, build_on_run=False) if flags == "backend" else nullcontext()
    with use:
        if flags == "brian2":
            set_device("cpp_standalone", build_on_run=False)
            if precision == "single":
                prefs.core.default_float_dtype = np.float32
        group = OneM1T1R("hopping").group(
            100, drive=PulseTrain(0.8 * volt, 1 * ms, 2 * ms), seed=1, noise=noise, name="neurons", spread=spread
        )
        Network(group).run(1 * ms, namespace={})
        get_device().build(directory=str(folder), compile=False, run=False, with_output=False)
    (source,) = Path(folder, "code_objects").glob("neurons_stateupdater_codeobject*.cpp")
    return source


def compile_and_report(source):
    """Compile one file as the makefile does, but for AVX2; lines of vectorised loops by width, and the rest."""
    makefile = (source.parents[1] / "makefile").read_text()
    options = shlex.split(re.search(r"^OPTIMISATIONS = (.*)$", makefile, re.MULTILINE)[1])
    done = subprocess.run(
        ["g++", *options, ARCHITECTURE, "-I.", "-fopt-info-vec", "-S", str(source), "-o", "-"],
        capture_output=True,
        text=True,
        cwd=source.parents[1],
    )
    assert done.returncode == 0, done.stderr[-3000:]
    report = re.findall(r"(\S+?):(\d+):\d+: optimized: loop vectorized using (\d+) byte", done.stderr)
    widths = {}
    for path, line, width in report:
        if Path(path).name == source.name:
            widths[int(line)] = max(int(width), widths.get(int(line), 0))
    return options, widths, done.stdout


def loops(source):
    """Numbers of the lines on which a loop over neurons starts."""
    lines = source.read_text().splitlines()
    return [number for number, line in enumerate(lines, 1) if re.search(r"for\s*\(int (_idx|_k)\s*=\s*0;", line)]


CASES = [
    ("backend", True, "double"),
    ("brian2", True, "double"),
    pytest.param("backend", True, "single", marks=pytest.mark.slow),
    pytest.param("backend", False, "double", marks=pytest.mark.slow),
    pytest.param("backend", False, "single", marks=pytest.mark.slow),
    pytest.param("brian2", True, "single", marks=pytest.mark.slow),
    pytest.param("brian2", False, "double", marks=pytest.mark.slow),
    pytest.param("brian2", False, "single", marks=pytest.mark.slow),
]


def test_many_parameters_with_a_value_for_each_neuron(tmp_path):
    """Every array more is one that the others might overlap with, as far as GCC knows; Brian2's flags stop here."""
    names = ("mu", "gamma1", "gamma2", "v_hop", "r_on", "r_control", "c_gate", "sigma_tip", "tau_tip", "alpha")
    source = generate(tmp_path, "backend", True, "double", {name: 0.1 for name in names})
    _, widths, _ = compile_and_report(source)
    assert loops(source) and all(widths.get(line, 0) >= 32 for line in loops(source))
    assert len(re.findall(r"__restrict .*_ptr_array_neurons_", source.read_text())) > 14


@pytest.mark.parametrize(("flags", "noise", "precision"), CASES)
def test_the_state_update_is_vectorised(tmp_path, flags, noise, precision):
    source = generate(tmp_path, flags, noise, precision)
    assert ("threefry_normal(" in source.read_text()) is noise
    options, widths, assembly = compile_and_report(source)
    assert ("-ffast-math" in options) is (flags == "brian2")
    found = loops(source)
    assert found, "no loop over neurons in the generated code"
    scalar = [source.read_text().splitlines()[line - 1].strip() for line in found if widths.get(line, 0) < 32]
    assert not scalar, f"{len(scalar)} of {len(found)} loops are not vectorised"
    instruction = "vfmadd" + r"\d+" + ("ps" if precision == "single" else "pd") + r".*%[yz]mm"
    assert len(re.findall(instruction, assembly)) > 20
    # The loops call nothing: what is called would be called for one neuron after another.
    assert not re.search(r"call\s+(exp|log|sinh|tanh|pow|fma)", assembly)


def test_a_loop_that_cannot_be_vectorised_is_found_out(tmp_path):
    """The test above can fail: with a function of the C library in the equations, GCC reports no such loop."""
    with backend("cpp", build_on_run=False):
        group = NeuronGroup(100, "dx/dt = arctan(x)/(10*ms) : 1", method="euler", dt=1 * ms, name="neurons")
        Network(group).run(1 * ms, namespace={})
        get_device().build(directory=str(tmp_path), compile=False, run=False, with_output=False)
    (source,) = Path(tmp_path, "code_objects").glob("neurons_stateupdater_codeobject*.cpp")
    _, widths, _ = compile_and_report(source)
    assert loops(source) and not any(widths.get(line) for line in loops(source))
