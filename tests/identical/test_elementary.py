"""Portable elementary functions: right to rounding, at the limits too, and the same bits however they are compiled."""

import shutil
import subprocess

import numpy as np
import pytest
from brian2 import DEFAULT_FUNCTIONS

import memneuro.numerics  # noqa: F401
from memneuro.numerics.elementary import HEADER, INCLUDES, PORTABLE

SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, -5e-324, 1e-300, 1e300, -1e300, 720.0, -760.0, 1.0])
EPS = np.finfo(float).eps


def arguments(name):
    """Arguments over the whole range of a function."""
    rng = np.random.default_rng(1)
    wide = np.concatenate([rng.uniform(-700, 700, 20_000), rng.uniform(-3, 3, 20_000), rng.normal(size=2000) * 1e-9])
    if name == "log":
        return np.concatenate([10 ** rng.uniform(-320, 308, 20_000), rng.uniform(0.5, 2, 20_000)])
    return wide[wide > -1] if name == "log1p" else wide


#: Functions whose result carries the error of their argument, |x| half units; and relative accuracy in units.
CARRIES = {"exp_ieee", "expm1_ieee", "sinh_ieee", "cosh_ieee", "relaxation"}
ACCURACY = {"expm1_ieee": 12, "sinh_ieee": 14, "relaxation": 14, "relaxation_pade": 4, "exp_ieee": 6, "log_ieee": 3}


def test_rational_relaxation():
    """Third order at 0, and a weight in (0, 1] for any decay, so that the midpoint lies between state and target."""
    z = 10.0 ** np.linspace(-3, 12, 400)
    pade = DEFAULT_FUNCTIONS["relaxation_pade"].pyfunc
    exact = DEFAULT_FUNCTIONS["relaxation"].pyfunc
    assert np.all((pade(z) > 0) & (z * pade(z) <= 1 + EPS))
    small = np.array([0.004, 0.008])
    errors = np.abs(pade(small) - exact(small))
    assert abs(np.log2(errors[1] / errors[0]) - 3) < 0.05
    assert pade(0.0) == 1.0 and np.isnan(pade(np.nan)) and pade(np.inf) == 0
    np.testing.assert_allclose(pade(-2.0), 1 + 2 / 2 + 4 / 6)
    far = np.array([1e6, 1e12, 1e49, 1e51, 1e60, 1e200, 1e300])
    np.testing.assert_allclose(pade(far), 1 / far, rtol=2 / far[0])
    np.testing.assert_allclose(pade(far[1:]), 1 / far[1:], rtol=3 * EPS + 1e-12)


PROGRAM = """
#include <cstdio>
#include <cstdlib>
#include <vector>
{includes}
{header}
template <typename R> void apply(const std::vector<double> &x)
{{
    const int n = (int)x.size();
    std::vector<R> a(n), out(9 * n);
    for (int k = 0; k < n; k++) a[k] = (R)x[k];
    R *o = out.data();
    const R *in = a.data();
    {calls}
    std::fwrite(o, sizeof(R), out.size(), stdout);
}}
int main()
{{
    std::vector<double> x({n});
    if (std::fread(x.data(), sizeof(double), x.size(), stdin) != x.size()) return 1;
    apply<double>(x);
    apply<float>(x);
}}
"""
NAMES = [*(name for name in PORTABLE.values() if name != "clip_ieee"), "relaxation", "relaxation_pade"]
FAR = np.array([1e3, 2e3, 1e6, 1e7, 1e12, 3e12, 1e20, 1e37, 1e38, 1e49, 1e51, 1e60, 1e200, 1e300, 1.7e308])


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """Values of all functions from one C++ program, by compiler flags."""
    if shutil.which("g++") is None:
        pytest.skip("g++ not found")
    folder = tmp_path_factory.mktemp("elementary")
    x = np.concatenate([SPECIAL, FAR, -FAR[:1], arguments("exp"), arguments("log")])
    calls = "\n".join(f"for (int k = 0; k < n; k++) o[{j} * n + k] = _{name}(in[k]);" for j, name in enumerate(NAMES))
    text = PROGRAM.format(
        includes="\n".join(f"#include {name}" for name in INCLUDES), header=HEADER, calls=calls, n=len(x)
    )
    (folder / "apply.cpp").write_text(text, encoding="utf-8")

    def run(*flags):
        built = ["g++", *flags, "-ffp-contract=off", str(folder / "apply.cpp"), "-o", str(folder / "apply")]
        subprocess.run(built, check=True)
        raw = subprocess.run([str(folder / "apply")], input=x.tobytes(), capture_output=True, check=True).stdout
        size = 8 * len(NAMES) * len(x)
        double = np.frombuffer(raw[:size]).reshape(len(NAMES), -1)
        single = np.frombuffer(raw[size:], dtype=np.float32).reshape(len(NAMES), -1)
        return x, dict(zip(NAMES, double, strict=True)), dict(zip(NAMES, single, strict=True))

    return run


def test_vectorised_and_scalar_code_give_the_same_bits(compiled):
    x, fast, fast_single = compiled("-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math")
    _, plain, plain_single = compiled("-O1", "-march=native")
    for name in NAMES:
        np.testing.assert_array_equal(fast[name], plain[name], err_msg=name)
        np.testing.assert_array_equal(fast_single[name], plain_single[name], err_msg=name)


def test_compiled_values_are_right(compiled):
    x, found, single = compiled("-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math")
    for name in NAMES:
        with np.errstate(all="ignore"):
            expected = DEFAULT_FUNCTIONS[name].pyfunc(x)
            near = DEFAULT_FUNCTIONS[name].pyfunc(x.astype(np.float32).astype(float))
        bounds = ACCURACY.get(name, 16) * EPS + (np.minimum(np.abs(x), 1e3) * EPS if name in CARRIES else 0.0)
        with np.errstate(invalid="ignore"):
            error = np.abs(found[name] - expected)
            fine = (error <= bounds * np.abs(expected) + 1e-307) | (found[name] == expected) | np.isnan(expected)
        assert np.all(fine), (name, x[~fine][:5], found[name][~fine][:5], expected[~fine][:5])
        assert np.all(np.isnan(found[name]) == np.isnan(expected)), name
        inside = (np.abs(near) < 1e36) & (np.abs(x) < 1e12)
        tolerance = (20 + 2 * np.minimum(np.abs(x[inside]), 1e3)) * np.finfo(np.float32).eps
        error = np.abs(single[name][inside] - near[inside])
        assert np.all((error <= tolerance * np.abs(near[inside]) + 2e-38) | ~np.isfinite(near[inside])), name
        assert np.all(np.isnan(single[name]) == np.isnan(near)), name


def test_the_rational_relaxation_is_right_however_large_its_argument(compiled):
    """1/(z + 1/rise(z)), rise being the upper polynomial: 1/z to rounding once z is large."""
    x, found, single = compiled("-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math")
    for values, limit, far in ((found, 1.8e308, 1e16), (single, 3.4e38, 1e7)):
        z = x[(x > 0) & (x < limit)]
        value = values["relaxation_pade"][(x > 0) & (x < limit)].astype(float)
        eps = np.finfo(values["relaxation_pade"].dtype).eps
        scale = np.minimum(z, 1e100)
        expected = 1 / (z + 1 / ((scale / 6 + 0.5) * scale + 1))
        normal = expected > (3e-308 if eps == EPS else 1.2e-38)
        np.testing.assert_allclose(value[normal], expected[normal], rtol=6 * eps)
        assert np.all(value[~normal] <= expected[~normal] * (1 + 6 * eps))
        assert np.sum(z[normal] > far) > 3


CLIP = r"""
#include <cstdio>
#include <cmath>
{includes}
{header}
int main()
{{
    const double x[] = {{-2.0, -0.0, 0.0, 0.25, 1.0, 1.5, NAN, INFINITY, -INFINITY}};
    for (double one : x)
    {{
        const float low = 0.0f;
        std::printf("%.17g %.17g %.17g\n", _clip_ieee(one, 0, 1), (double)_clip_ieee((float)one, low, 1.0),
                    _clip_ieee(one, -1.0, low));
    }}
}}
"""


def test_clipping(tmp_path):
    """As NumPy clips, for limits of any type; NaN stays NaN."""
    if shutil.which("g++") is None:
        pytest.skip("g++ not found")
    text = CLIP.format(includes="\n".join(f"#include {name}" for name in INCLUDES), header=HEADER)
    (tmp_path / "clip.cpp").write_text(text, encoding="utf-8")
    subprocess.run(["g++", "-O2", str(tmp_path / "clip.cpp"), "-o", str(tmp_path / "clip")], check=True)
    said = subprocess.run([str(tmp_path / "clip")], capture_output=True, text=True, check=True).stdout
    found = np.array([[float(word) for word in line.split()] for line in said.splitlines()])
    x = np.array([-2.0, -0.0, 0.0, 0.25, 1.0, 1.5, np.nan, np.inf, -np.inf])
    clip = DEFAULT_FUNCTIONS["clip_ieee"].pyfunc
    np.testing.assert_array_equal(found, np.column_stack([clip(x, 0, 1), clip(x, 0, 1), clip(x, -1, 0)]))
