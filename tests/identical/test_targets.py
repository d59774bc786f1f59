"""One definition, every target: the same noise, the same spikes."""

import numpy as np
import pytest

CODE = {"numpy": "NumpyCodeObject", "cython": "CythonCodeObject", "cpp_standalone": "CPPStandaloneDevice"}
TARGETS = [
    "cython",
    pytest.param("cpp_standalone", marks=pytest.mark.slow),
]


def test_the_reference_is_worth_comparing(noisy_run, tmp_path):
    reference = noisy_run("numpy", tmp_path)
    assert reference["settings"]["code"] == CODE["numpy"]
    assert len(reference["i"]) >= 40
    assert len(np.unique(reference["i"])) >= 10
    assert np.unique(reference["mu"]).size == 20


@pytest.mark.parametrize("target", TARGETS)
def test_same_spikes(noisy_run, needs_compiler, tmp_path, target):
    reference, found = noisy_run("numpy", tmp_path), noisy_run(target, tmp_path)
    assert found["settings"]["code"] == CODE[target]  # no silent fall-back to another target
    np.testing.assert_array_equal(found["i"], reference["i"])
    np.testing.assert_array_equal(found["step"], reference["step"])
    np.testing.assert_allclose(found["v_out"], reference["v_out"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("target", TARGETS)
def test_same_states(noisy_run, needs_compiler, tmp_path, target):
    """To rounding: exp, log and pow may differ in the last digit, which firing amplifies about a million-fold."""
    reference, found = noisy_run("numpy", tmp_path), noisy_run(target, tmp_path)
    np.testing.assert_allclose(found["v_tip"], reference["v_tip"], rtol=0, atol=1e-13)
    np.testing.assert_array_equal(found["mu"], reference["mu"])
    for name in ("x_total", "x_residue", "v_gate"):
        np.testing.assert_allclose(found[name], reference[name], rtol=0, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("target", TARGETS)
def test_same_function_values(noisy_run, needs_compiler, tmp_path, target):
    reference, found = noisy_run("numpy", tmp_path), noisy_run(target, tmp_path)
    np.testing.assert_allclose(found["normal"], reference["normal"], rtol=1e-13, atol=1e-13)
    # Above 1e-4, (1 - exp(-z))/z itself loses up to four digits; both targets lose the same ones to within 1e-12.
    np.testing.assert_allclose(found["relaxed"], reference["relaxed"], rtol=3e-12)
    np.testing.assert_allclose(found["current"], reference["current"], rtol=1e-11, atol=1e-30)
    np.testing.assert_allclose(found["drain"], reference["drain"], rtol=0, atol=1e-9)


@pytest.mark.parametrize("target", ["numpy", *TARGETS])
def test_drain_voltage_solves_its_load_line_on_every_target(noisy_run, needs_compiler, tmp_path, target):
    from importlib.util import module_from_spec, spec_from_file_location
    from pathlib import Path

    from memneuro.circuit.transistor import nmos_current

    spec = spec_from_file_location("noisy_neuron", Path(__file__).with_name("noisy_neuron.py"))
    script = module_from_spec(spec)
    spec.loader.exec_module(script)
    a = script.random_arguments()
    low, high = np.zeros_like(a["vdd"]), a["vdd"].copy()
    for _ in range(70):
        middle = 0.5 * (low + high)
        drawn = nmos_current.pyfunc(a["vg"], middle, a["kk"], a["vt"], a["nn"], a["tt"])
        above = middle - a["vdd"] + a["rl"] * drawn > 0
        high, low = np.where(above, middle, high), np.where(above, low, middle)
    np.testing.assert_allclose(noisy_run(target, tmp_path)["drain"], low, rtol=0, atol=1e-9)
