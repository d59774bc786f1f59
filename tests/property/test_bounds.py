"""What holds for every parameter, drive and step: 0 <= x_residue <= x_total <= 1, a gate within the drive's range."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from brian2 import Network, NetworkOperation, TimedArray, kelvin, ms, ohm, second, us, volt

from memneuro import OneM1T1R

N, STEPS = 200, 400
KINDS = ("hopping", "hopping_bounded")


def random_parameters(rng, gamma1, bounded):
    """Card values for N devices that share gamma1, so that each of them runs at its own largest step."""

    def log(low, high):
        return np.exp(rng.uniform(np.log(low), np.log(high), N))

    return {
        "mu": log(1e-4, 1e3) / second,
        "v_hop": log(0.03, 0.5) * volt,
        "alpha": log(1e-3, 0.3),
        "beta": log(1e-2, 0.3 * gamma1) / second,
        "gamma1": gamma1 / second,
        "gamma2": log(1e-2, 0.3 * gamma1) / second,
        "tunnel_length": log(0.05, 0.4),
        "r_on": log(1e4, 1e7) * ohm,
        "r_off": log(1e9, 1e13) * ohm,
        "r_control": log(1e6, 1e10) * ohm,
        "sigma_tip": log(1e-3, 0.3) * volt,
        "tau_tip": log(1e-4, 1.0) * second,
    } | ({"residue_cap": log(0.02, 2)} if bounded else {})


def run_and_watch(group, step):
    """Extremes over every step: smallest residue and filament, largest total, range of the gate."""
    found = {
        "residue": np.inf,
        "filament": np.inf,
        "total": -np.inf,
        "low": np.inf,
        "high": -np.inf,
        "fired": 0,
    }

    def watch():
        x, residue, v = np.asarray(group.x_total), np.asarray(group.x_residue), np.asarray(group.v_gate)
        assert np.all(np.isfinite(x)) and np.all(np.isfinite(residue)) and np.all(np.isfinite(v))
        found["residue"] = min(found["residue"], residue.min())
        found["filament"] = min(found["filament"], (x - residue).min())
        found["total"] = max(found["total"], x.max())
        found["low"], found["high"] = min(found["low"], v.min()), max(found["high"], v.max())
        found["fired"] = max(found["fired"], int(np.sum(x > 0.95)))

    Network(group, NetworkOperation(watch, dt=step, when="end")).run(STEPS * step, namespace={})
    return found


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("fraction", [1.0, 0.1])
@pytest.mark.parametrize("card", ["hopping_2e4d", "hopping_bounded_2e4d"])
def test_states_stay_in_their_range(seed, fraction, card):
    """Random devices, noise on, random voltages from -1 V to 3 V that jump every few steps."""
    rng = np.random.default_rng(seed)
    gamma1 = float(np.exp(rng.uniform(np.log(20), np.log(5000))))
    parameters = random_parameters(rng, gamma1, "bounded" in card)
    neuron = OneM1T1R(card).with_(gamma1=gamma1 / second)
    step = fraction * neuron.largest_step
    samples = rng.uniform(-1, 3, (STEPS // 8, N)) * (rng.random((STEPS // 8, N)) < 0.6)
    group = neuron.group(N, drive=TimedArray(samples * volt, dt=8 * step), dt=step, seed=seed, **parameters)
    start = rng.random(N)
    group.x_total, group.x_residue = start, start * rng.random(N)
    found = run_and_watch(group, step)
    assert found["fired"] > 10, "the drives were meant to close many filaments"
    assert found["residue"] >= 0 and found["filament"] >= 0 and found["total"] <= 1, found
    assert -1 - 1e-9 <= found["low"] and found["high"] <= 3 + 1e-9, found


@pytest.mark.parametrize("card", [f"{kind}_{part}" for kind in KINDS for part in ("2e4d", "3b", "3cd", "4ab")])
@pytest.mark.parametrize("temperature", [250, 300, 350])
def test_the_cards_stay_in_range(card, temperature):
    neuron = OneM1T1R(card).with_(temperature=temperature * kelvin)
    rng = np.random.default_rng(99)
    step = neuron.default_step
    samples = rng.uniform(-0.5, 2.5, (STEPS // 20, N))
    drive = TimedArray(samples * volt, dt=20 * step)
    group = neuron.group(N, drive=drive, dt=step, seed=1)
    group.x_total, group.x_residue = 0.5 * rng.random(N), 0.0
    found = run_and_watch(group, step)
    assert min(found["residue"], found["filament"]) >= 0 and found["total"] <= 1, found


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ not found")
@pytest.mark.parametrize("precision", ["double", "single"])
def test_a_hundred_thousand_random_neurons(precision):
    """Parameters over the ranges of the cards, spread, noise, constant drive and pulses from -3 V to 10 V."""
    script = Path(__file__).with_name("random_neurons.py")
    done = subprocess.run([sys.executable, str(script), precision, "100000"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("cap", [1e-3, 1e-30])
def test_a_bound_that_no_step_resolves_stays_finite(cap):
    """The residue then fills and empties within a step; it stays in its range all the same."""
    neuron = OneM1T1R("hopping_bounded_2e4d").with_(residue_cap=cap)
    group = neuron.group(N, drive=np.linspace(0, 3, N) * volt, dt=neuron.largest_step, seed=1)
    found = run_and_watch(group, neuron.largest_step)
    assert min(found["residue"], found["filament"]) >= 0 and found["total"] <= 1, found
    assert found["fired"] > 10


def test_a_pure_residue_stays_a_residue():
    """No drive and no filament: x_total and x_residue are the same quantity and must not part company."""
    neuron = OneM1T1R("hopping")
    group = neuron.group(1, drive=0 * volt, noise=False, dt=neuron.largest_step)
    group.x_total, group.x_residue = 0.7, 0.7
    Network(group).run(20 * ms, namespace={})
    assert float(group.x_total[0]) >= float(group.x_residue[0])


def test_an_extreme_voltage_stays_finite():
    group = OneM1T1R("hopping").group(3, drive=[5.0, 8.0, -8.0] * volt, noise=True, dt=5 * us)
    Network(group).run(2 * ms, namespace={})
    for name in ("x_total", "x_residue", "v_gate", "v_tip"):
        assert np.all(np.isfinite(np.asarray(getattr(group, name)))), name
