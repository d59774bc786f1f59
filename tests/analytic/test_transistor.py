"""The transistor in its known limits, and the drain voltage as the root it stands for."""

import numpy as np
import pytest

from memneuro.circuit.transistor import THERMAL, drain_voltage, nmos_current

current = nmos_current.pyfunc
drain = drain_voltage.pyfunc
K, V_T, SLOPE, T = 375e-6, 0.22, 1.5, 300.0
U = THERMAL * T


def test_thermal_voltage_is_k_over_q():
    np.testing.assert_allclose(THERMAL, 1.380649e-23 / 1.602176634e-19, rtol=1e-9)


@pytest.mark.parametrize("overdrive", [0.8, 1.2, 2.0])
def test_square_law_in_saturation(overdrive):
    found = current(V_T + overdrive, 10.0, K, V_T, SLOPE, T)
    np.testing.assert_allclose(found, K * overdrive**2, rtol=2e-4 if overdrive < 1 else 1e-5)


def test_square_law_in_the_linear_region():
    """I = K (2 n (V_G - V_T) V_D - n^2 V_D^2) well above threshold."""
    overdrive, v_drain = 2.0, np.array([0.01, 0.1, 0.3, 0.6])
    expected = K * (2 * SLOPE * overdrive * v_drain - SLOPE**2 * v_drain**2)
    np.testing.assert_allclose(current(V_T + overdrive, v_drain, K, V_T, SLOPE, T), expected, rtol=1e-5)


@pytest.mark.parametrize("temperature", [250.0, 300.0, 400.0])
def test_subthreshold_slope(temperature):
    """ln I rises by 1 per n U_T, which is 89 mV a decade at 300 K and n = 1.5."""
    v_gate = V_T - np.array([0.5, 0.45, 0.4])
    log = np.log(current(v_gate, 1.0, K, V_T, SLOPE, temperature))
    np.testing.assert_allclose(np.diff(log) / 0.05, 1 / (SLOPE * THERMAL * temperature), rtol=1e-2)
    deep = np.log(current(np.array([V_T - 1.61, V_T - 1.6]), 1.0, K, V_T, SLOPE, temperature))
    np.testing.assert_allclose(np.diff(deep) / 0.01, 1 / (SLOPE * THERMAL * temperature), rtol=1e-6)


def test_subthreshold_drain_dependence():
    """I(V_D)/I(infinity) = 1 - exp(-V_D/U_T) deep below threshold."""
    v_drain = np.array([0.2, 1.0, 3.0]) * U
    ratio = current(V_T - 1.3, v_drain, K, V_T, SLOPE, T) / current(V_T - 1.3, 50 * U, K, V_T, SLOPE, T)
    np.testing.assert_allclose(ratio, -np.expm1(-v_drain / U), rtol=1e-6)


def test_smooth_and_monotonic():
    """No kink between the regions: I and its first two differences are continuous, and I rises with both voltages."""
    v_gate = np.linspace(-0.3, 1.0, 4001)
    for v_drain in (0.02, 0.2, 1.0):
        i = current(v_gate, v_drain, K, V_T, SLOPE, T)
        assert np.all(np.diff(i) > 0)
        second = np.diff(i, 2) / (v_gate[1] - v_gate[0]) ** 2
        assert np.max(np.abs(np.diff(second))) < 0.02 * np.max(np.abs(second))
    v_drain = np.linspace(0, 1, 2001)
    assert np.all(np.diff(current(0.5, v_drain, K, V_T, SLOPE, T)) >= -1e-15 * K)
    assert current(0.5, 0.0, K, V_T, SLOPE, T) == 0


def random_cases(n=20_000, seed=12):
    """Parameters far beyond any card: v_gate, v_dd, r_load, k, v_t, n, temperature."""
    rng = np.random.default_rng(seed)
    return (
        rng.uniform(-0.5, 2.5, n),
        rng.uniform(0.05, 5.0, n),
        10 ** rng.uniform(2, 10, n),
        10 ** rng.uniform(-6, -2, n),
        rng.uniform(0.0, 1.0, n),
        rng.uniform(1.0, 2.0, n),
        rng.uniform(200.0, 450.0, n),
    )


def test_drain_voltage_solves_the_load_line():
    """Against bisection on V_D = V_dd - R_load I_D, which needs neither slope nor starting point."""
    v_gate, v_dd, r_load, k, v_t, n, temperature = random_cases()
    low, high = np.zeros_like(v_dd), v_dd.copy()
    for _ in range(70):
        middle = 0.5 * (low + high)
        above = middle - v_dd + r_load * current(v_gate, middle, k, v_t, n, temperature) > 0
        high, low = np.where(above, middle, high), np.where(above, low, middle)
    found = drain(v_gate, v_dd, r_load, k, v_t, n, temperature)
    np.testing.assert_allclose(found, low, rtol=0, atol=1e-9)
    assert np.all((found >= 0) & (found <= v_dd))


def test_drain_voltage_at_the_ends():
    assert abs(drain(-2.0, 0.5, 47e3, K, V_T, SLOPE, T) - 0.5) < 1e-12
    on = drain(5.0, 0.5, 47e3, K, V_T, SLOPE, T)
    assert 0 < on < 0.01


def test_output_swings_over_the_supply_when_the_gate_passes_the_turn_on_voltage():
    v_gate = np.linspace(0, 1, 201)
    out = drain(v_gate, 0.5, 47e3, K, V_T, SLOPE, T)
    assert np.all(np.diff(out) < 0)
    assert out[0] > 0.49 and out[-1] < 0.06
