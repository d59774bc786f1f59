"""Sweeps: Ohm's law for a resistor, convergence of the threshold, statistics with known answers."""

import numpy as np
import pandas as pd
import pytest
from brian2 import Mohm, amp, ms, nA, ohm, second, volt

from memneuro import OneM1T1R
from memneuro.experiment.iv_sweep import iv_curves, iv_summary, iv_sweep, sweep_step

FROZEN = 1e-300 / second
NEURON = OneM1T1R("hopping_3cd")
SAMPLE = 0.0005  # volt a sample at the default rate


def resistor(value):
    """A device that is a plain resistor (ohm)."""
    return OneM1T1R("hopping").with_(mu=FROZEN, beta=FROZEN, gamma1=FROZEN, gamma2=FROZEN, r_off=value * ohm)


@pytest.mark.slow
def test_a_resistor_crosses_the_criterion_at_ohms_law_both_ways():
    table = iv_sweep(resistor(2.9e7), v_max=0.5 * volt, cycles=2, trials=2, noise=False)
    assert len(table) == 4
    np.testing.assert_allclose(table["threshold_V"], 10e-9 * 3e7, atol=SAMPLE)
    np.testing.assert_allclose(table["hold_V"], 10e-9 * 3e7, atol=SAMPLE)
    np.testing.assert_allclose(table["hold_floor_V"], 10e-9 * 2e6, rtol=1e-12)


def test_curve_of_a_resistor_is_a_triangle_of_its_conductance():
    curve = iv_curves(resistor(2.9e7), v_max=0.5 * volt, cycles=2, noise=False)
    np.testing.assert_allclose(curve["current_A"], curve["voltage_V"] / 3e7, atol=2e-11)
    assert curve["voltage_V"].max() == pytest.approx(0.5, abs=1e-9)
    assert curve.groupby(["cycle", "branch"]).size().to_dict() == {
        (c, branch): 250 for c in (0, 1) for branch in ("up", "down")
    }
    up = curve[(curve["branch"] == "up") & (curve["cycle"] == 1)]["voltage_V"]
    assert (np.diff(up) > 0).all()


def test_threshold_and_hold_are_converged_in_the_step():
    step = sweep_step(NEURON)
    coarse, fine = (iv_sweep(NEURON, cycles=1, trials=1, noise=False, dt=dt).iloc[0] for dt in (step, step / 2))
    for name in ("threshold_V", "hold_V"):
        assert coarse[name] == pytest.approx(fine[name], abs=1.01 * SAMPLE)
    assert coarse["hold_floor_V"] < coarse["hold_V"] < coarse["threshold_V"], "a threshold switch has hysteresis"


def test_noise_spreads_the_threshold():
    options = {"cycles": 2, "trials": 12, "rate": 4 * volt / second}
    noisy, quiet = (iv_summary(iv_sweep(NEURON, noise=on, **options)).set_index("quantity") for on in (True, False))
    assert 0.01 < noisy.loc["threshold", "relative_spread"] < 0.15
    assert noisy.loc["threshold", "n"] == 12
    assert quiet.loc["threshold", "relative_spread"] < 1e-12


def test_a_sweep_below_threshold_finds_nothing():
    table = iv_sweep(NEURON, v_max=0.2 * volt, cycles=1, trials=2)
    assert table["threshold_V"].isna().all() and table["hold_V"].isna().all()
    summary = iv_summary(table, skip=0)
    assert (summary["n"] == 0).all() and (summary["missing"] == 2).all()


def correlated(rho, device_sd, trials=400, cycles=6):
    """A table of thresholds with given correlation of consecutive cycles and given spread among devices."""
    random = np.random.default_rng(5)
    value = random.normal(size=trials)
    columns = []
    for _ in range(cycles):
        columns.append(value)
        value = rho * value + np.sqrt(1 - rho**2) * random.normal(size=trials)
    volts = 0.5 + 0.02 * np.array(columns).T + device_sd * random.normal(size=(trials, 1))
    trial, cycle = np.indices(volts.shape)
    data = {"trial": trial.ravel(), "cycle": cycle.ravel(), "threshold_V": volts.ravel(), "hold_V": 0.1}
    return pd.DataFrame(data)


def test_summary_recovers_spread_and_memory():
    alone = iv_summary(correlated(0.4, 0.0)).set_index("quantity").loc["threshold"]
    assert alone["mean_V"] == pytest.approx(0.5, abs=0.003)
    assert alone["relative_spread"] == pytest.approx(0.04, rel=0.06)
    assert alone["lag1"] == pytest.approx(0.4, abs=0.08)
    assert alone["n"] == 400 * 5, "the first cycle is left out"
    apart = iv_summary(correlated(0.0, 0.03)).set_index("quantity").loc["threshold"]
    assert apart["cycle_spread"] == pytest.approx(0.04, rel=0.06)
    assert apart["relative_spread"] == pytest.approx(np.hypot(0.02, 0.03) / 0.5, rel=0.08)
    hold = iv_summary(correlated(0.0, 0.0)).set_index("quantity").loc["hold"]
    assert hold["sd_V"] == pytest.approx(0, abs=1e-12) and np.isnan(hold["lag1"])


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"v_max": 0 * volt}, "v_max"),
        ({"rate": 1 * volt}, "rate"),
        ({"cycles": 0}, "cycles = 0"),
        ({"criterion": -1 * nA}, "criterion"),
        ({"criterion": 1 * ms}, "criterion"),
        ({"r_series": -1 * Mohm}, "r_control"),
        ({"dt": 1 * second}, "largest safe step"),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else "",
)
def test_bad_input_is_named(bad, message):
    with pytest.raises(ValueError, match=message):
        iv_sweep(NEURON, **{"trials": 1, "cycles": 1, **bad})


def test_skipping_every_cycle_is_refused():
    table = iv_sweep(resistor(2.9e7), v_max=0.4 * volt, cycles=1, trials=1, noise=False, criterion=1e-9 * amp)
    with pytest.raises(ValueError, match="skip = 1"):
        iv_summary(table)
