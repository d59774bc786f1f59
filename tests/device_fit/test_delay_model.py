"""The delay model is the hopping device: the same delays, residues and relaxation times as its simulation."""

import dataclasses
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from brian2 import Network, StateMonitor, amp, ohm, second, us, volt
from scipy.integrate import solve_ivp

from memneuro.circuit.drive import Expression
from memneuro.circuit.source_meter import SourceMeter
from memneuro.device_fit import Measurement, fit_measurement
from memneuro.device_fit.delay_model import Kinetics, delay_curves, growth_needed, relaxation_times

spec = spec_from_file_location("synthetic", Path(__file__).with_name("synthetic.py"))
synthetic = module_from_spec(spec)
spec.loader.exec_module(synthetic)

STEP = 5 * us
# The devices are read below the voltage that holds a closed one.
WIDTH, AFTER, READ = 0.01, 0.006, 0.02
LENGTH = 0.7


def template(cap):
    """A card whose residue fills within a pulse, to `cap` at most; without a bound for None."""
    name = "hopping_2e4d" if cap is None else "hopping_bounded_2e4d"
    found = synthetic.hopping_template(name).with_(beta=150 / second, gamma2=5 / second, r_on=1e5 * ohm)
    return found if cap is None else found.with_(residue_cap=cap)


def simulated(device, ratios):
    """Pulses of growth `ratios` times gamma1: growth, delay, closing time, residue then, relaxation time (SI units)."""
    gamma1, mu, v_hop = (float(np.asarray(device[name])) for name in ("gamma1", "mu", "v_hop"))
    voltage = v_hop * np.arcsinh(np.asarray(ratios) * gamma1 / mu)
    meter = SourceMeter(device).with_(r_series=1e-3 * ohm, i_compliance=1 * amp)
    text = "v_in = v_read + (v_pulse - v_read)*int(t + 0.001*dt < t_end) : volt\nv_pulse : volt"
    drive = Expression(text, {"v_read": READ * volt, "t_end": WIDTH * second})
    group = meter.group(voltage.size, drive=drive, dt=STEP, noise=False)
    group.v_pulse = voltage * volt
    monitor = StateMonitor(group, ("x_total", "x_residue", "r_device"), record=True, when="start")
    Network(group, monitor).run((WIDTH + AFTER) * second, namespace={})
    x, x2, r = (np.asarray(getattr(monitor, name)).T for name in ("x_total", "x_residue", "r_device"))
    t = np.arange(len(x)) * float(STEP)

    def crossing(column, level):
        k = int(np.argmax(column >= level))
        share = (level - column[k - 1]) / (column[k] - column[k - 1])
        return (t[k - 1] + share * (t[k] - t[k - 1])) if column[k] >= level else np.inf, k

    delay = np.array([crossing(column, LENGTH)[0] for column in x.T])
    closing, at = (np.array(one) for one in zip(*(crossing(column, 0.995) for column in x.T), strict=True))
    end = int(round(WIDTH / float(STEP)))
    relaxation = np.array([crossing(column[end:], np.e * column[end])[0] for column in r.T])
    residue = x2[at.astype(int), np.arange(voltage.size)]
    return mu * np.sinh(voltage / v_hop), delay, closing, residue, relaxation, x2[end]


@pytest.mark.parametrize("cap", [None, 0.5, 0.3])
def test_delays_and_relaxation_of_the_simulation(cap):
    device = template(cap)
    names = ("alpha", "beta", "gamma2", "tunnel_length", "tau_tip", "residue_cap")
    values = {name: float(np.asarray(device[name])) for name in names if name in device.parameters}
    kinetics = Kinetics(**values)
    gamma1, r_on, r_off, mu, v_hop = (
        float(np.asarray(device[name])) for name in ("gamma1", "r_on", "r_off", "mu", "v_hop")
    )
    growth, delay, closing, residue, relaxation, filled = simulated(device, [0.45, 0.7, 1.5, 4.0])
    assert np.all(np.isfinite(delay)) and np.all(np.isfinite(closing))
    ln_growth, ln_delay, time, left = delay_curves(gamma1, np.array([LENGTH]), kinetics)
    at = np.log(growth)
    np.testing.assert_allclose(np.exp(np.interp(at, ln_growth, ln_delay[0])), delay, rtol=0.01, atol=float(STEP))
    np.testing.assert_allclose(np.interp(at, ln_growth, time), closing, rtol=0.01, atol=float(STEP))
    np.testing.assert_allclose(np.interp(at, ln_growth, left), residue, rtol=0.02, atol=1e-3)
    needed = growth_needed(delay, np.zeros(delay.size, dtype=int), gamma1, np.array([LENGTH]), kinetics)[0]
    np.testing.assert_allclose(needed, at, atol=0.03)
    unbounded = dataclasses.replace(kinetics, residue_cap=np.inf).filled(1.0, residue, WIDTH - closing)
    assert np.all(filled < (0.8 * unbounded if cap else 1.02 * unbounded)), "the bound was meant to be felt"
    read = np.full(growth.size, mu * np.sinh(READ / v_hop))
    found, _ = relaxation_times(growth, gamma1, WIDTH - closing, residue, read, r_on, r_off, kinetics)
    np.testing.assert_allclose(found, relaxation, rtol=0.05)


@pytest.mark.parametrize("cap", [np.inf, 2.0, 0.8, 0.5])
def test_the_residue_at_a_constant_length_is_solved(cap):
    kinetics = Kinetics(alpha=0.01, beta=80.0, gamma2=5.0, tunnel_length=0.1, tau_tip=0.06, residue_cap=cap)
    times = np.array([0.0, 1e-4, 3e-3, 0.02, 1.0])
    for x, start in ((1.0, 0.0), (0.6, 0.3), (0.2, 0.2)):
        found = solve_ivp(
            lambda _, y, x=x: kinetics.filling(x, y), (0, 1), [start], "Radau", times, rtol=1e-10, atol=1e-13
        )
        tolerance = 1e-7 if np.isinf(cap) else 3e-5
        np.testing.assert_allclose(kinetics.filled(x, start, times), found.y[0], rtol=tolerance, atol=tolerance * 1e-3)


@pytest.mark.parametrize("cap", [None, 0.6])
def test_the_bound_of_the_template_is_kept(cap):
    """Single pulses say nothing about it."""
    rng = np.random.default_rng(4)
    delays = pd.DataFrame({"amplitude_V": 1.0, "delay_s": 2e-4 * np.exp(0.3 * rng.normal(size=40))})
    found = fit_measurement(Measurement("samples", delays, "one.csv"), template=template(cap))
    assert ("residue_cap" in found.card.parameters) is (cap is not None)
    if cap is not None:
        assert found.card.parameters["residue_cap"].value == cap
        assert "single pulses" in found.undetermined["residue_cap"]
    SourceMeter(found.card)
