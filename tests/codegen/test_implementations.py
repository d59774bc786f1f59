"""Every function the equations may call exists for every target."""

import re
import shutil
import subprocess

import numpy as np
import pytest
from brian2 import DEFAULT_FUNCTIONS

import memneuro.circuit  # noqa: F401
from memneuro.numerics.elementary import INCLUDES, PORTABLE

NAMES = (
    "threefry_normal",
    "relaxation",
    "relaxation_pade",
    *PORTABLE.values(),
    "nmos_current",
    "drain_voltage",
)


def source(name, target):
    """Text of one implementation, and the name it has there."""
    implementations = DEFAULT_FUNCTIONS[name].implementations._implementations
    assert target in implementations, f"{name} has no implementation for {target}"
    entry = implementations[target]
    return entry._code, entry.name


@pytest.mark.parametrize("name", NAMES)
def test_registered_for_every_target(name):
    function = DEFAULT_FUNCTIONS[name]
    assert function.stateless
    for target in ("numpy", "cython", "cpp", "cuda"):
        text, known_as = source(name, target)
        if target != "numpy":
            assert known_as == f"_{name}"
            assert re.search(rf"\b{known_as}\s*\(", text), f"{target} text of {name} does not define {known_as}"


@pytest.mark.parametrize("name", NAMES)
def test_cpp_and_cuda_have_the_same_text(name):
    """One text, in which a macro makes every function, helpers included, one for host and device under nvcc."""
    text, _ = source(name, "cuda")
    assert text == source(name, "cpp")[0]
    definitions = re.findall(r"^(.*)\b(?:double|float|void|uint64_t|uint32_t)\s+(\w+)\s*\([^;]*$", text, re.MULTILINE)
    functions = [(before, defined) for before, defined in definitions if not before.startswith((" ", "#"))]
    assert functions
    for before, defined in functions:
        assert before.strip() == "MEMNEURO_FN", defined


def test_the_registered_names_stay_within_the_group_language():
    """The functions are found by name in a group's equations, with their units."""
    from brian2 import Network, NeuronGroup, volt

    arguments = "0.5*volt, 0.5*volt, 47*kohm, 375*uA/volt**2, 0.22*volt, 1.5, 300*kelvin"
    group = NeuronGroup(1, f"y = drain_voltage({arguments}) : volt")
    Network(group)
    assert 0 < float(group.y[:] / volt) < 0.5


PROGRAM = """
#include <cstdio>
{text}
struct Result {{ double normal[64], relaxed[64], clipped[64], current[64], drain[64]; }};
{kernel_qualifier} void fill(Result *r)
{{
    for (int k = 0; k < 64; k++)
    {{
        r->normal[k] = _threefry_normal(12345, k, 1000003LL * k - 1, k % 3);
        r->relaxed[k] = _relaxation((k - 10) * 0.37);
        r->clipped[k] = _clip_ieee((k - 10) * 0.37, 0, 1.5f);
        r->current[k] = _nmos_current(0.02 * k, 0.5, 375e-6, 0.22, 1.5, 300.0);
        r->drain[k] = _drain_voltage(0.02 * k, 0.5, 47e3, 375e-6, 0.22, 1.5, 300.0);
    }}
}}
int main()
{{
    {call}
    for (int k = 0; k < 64; k++)
        std::printf("%.17g %.17g %.17g %.17g %.17g\\n", r->normal[k], r->relaxed[k], r->clipped[k], r->current[k],
                    r->drain[k]);
    return 0;
}}
"""


def expected_table():
    """The same numbers from the NumPy implementations, shape (64, 5)."""
    k = np.arange(64)
    functions = {name: DEFAULT_FUNCTIONS[name].pyfunc for name in NAMES}
    return np.column_stack(
        [
            [functions["threefry_normal"](12345, j, 1000003 * j - 1, j % 3) for j in k],
            functions["relaxation"]((k - 10) * 0.37),
            functions["clip_ieee"]((k - 10) * 0.37, 0, 1.5),
            functions["nmos_current"](0.02 * k, 0.5, 375e-6, 0.22, 1.5, 300.0),
            functions["drain_voltage"](0.02 * k, 0.5, 47e3, 375e-6, 0.22, 1.5, 300.0),
        ]
    )


def all_text(target):
    """Everything the functions need, as one C text."""
    return "\n".join([*(f"#include {name}" for name in INCLUDES), *(source(name, target)[0] for name in NAMES)])


def compile_and_run(folder, compiler, target, kernel, call, options=()):
    text = all_text(target)
    path = folder / f"table.{'cu' if target == 'cuda' else 'cpp'}"
    path.write_text(PROGRAM.format(text=text, kernel_qualifier=kernel, call=call), encoding="utf-8")
    built = subprocess.run([compiler, *options, str(path), "-o", str(folder / "table")], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    ran = subprocess.run([str(folder / "table")], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return np.array([[float(word) for word in line.split()] for line in ran.stdout.splitlines()])


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ not found")
def test_cpp_values(tmp_path):
    found = compile_and_run(tmp_path, "g++", "cpp", "static", "static Result store, *r = &store; fill(r);", ["-O2"])
    np.testing.assert_allclose(found, expected_table(), rtol=1e-12, atol=1e-15)


@pytest.mark.nvcc
def test_cuda_text_compiles_for_the_device(tmp_path):
    text = all_text("cuda")
    program = PROGRAM.format(text=text, kernel_qualifier="__global__", call="Result *r = nullptr; fill<<<1, 1>>>(r);")
    path = tmp_path / "table.cu"
    path.write_text(program, encoding="utf-8")
    built = subprocess.run(
        ["nvcc", "-diag-suppress", "177", "-c", str(path), "-o", str(tmp_path / "table.o")],
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    assert "warning" not in built.stderr, built.stderr


@pytest.mark.nvcc
@pytest.mark.gpu
def test_cuda_values(tmp_path):
    call = "Result *r; cudaMallocManaged(&r, sizeof(Result)); fill<<<1, 1>>>(r); if (cudaDeviceSynchronize()) return 1;"
    found = compile_and_run(tmp_path, "nvcc", "cuda", "__global__", call)
    np.testing.assert_allclose(found, expected_table(), rtol=1e-11, atol=1e-14)
