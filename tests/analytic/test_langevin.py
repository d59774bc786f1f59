"""One silver particle against the theory of overdamped Brownian motion."""

import numpy as np
import pandas as pd
import pytest
from brian2 import Network, joule, ms, second, us, volt
from scipy.stats import linregress

from memneuro import SourceMeter
from memneuro.backend import backend
from memneuro.device.langevin import BOLTZMANN
from memneuro.experiment.particle_physics import (
    boltzmann,
    einstein_relation,
    energy_balance,
    escape_times,
    harmonic_variance,
    isothermal,
    passage_theory,
    potential,
    stationary_distance,
)

EV = 1.602176634e-19
METER = SourceMeter("ag_particles_1")
#: A well deep enough for a barrier of more than 3 k_B T under the voltages of VOLTAGES.
DEEP = METER.with_(w_pin=0.3 * EV * joule)
VOLTAGES = (1.3, 1.4, 1.5, 1.6)


def test_the_force_in_the_equations_is_the_slope_of_the_potential():
    x = np.linspace(-1.05, 1.05, 43)
    step = 1e-9 * second
    group = isothermal(METER).group(x.size, drive=0.7 * volt, dt=step, noise=False)
    group.x_1 = x
    Network(group).run(step)
    speed = (np.asarray(group.x_1) - x) / float(step)
    slope = (potential(METER.device, x + 1e-5, 0.7) - potential(METER.device, x - 1e-5, 0.7)) / 2e-5
    assert speed == pytest.approx(-slope / METER.device.parameters["friction"].value, rel=1e-3, abs=0.1)


def test_stationary_density_is_boltzmanns():
    table = stationary_distance(METER, voltages=(0.4,), neurons=2000, times=50, dt=20 * us, seed=1)
    assert table["samples"].iloc[0] == 100_000
    assert table["distance"].iloc[0] < 0.02
    # The distance would tell: another voltage is farther away.
    density = boltzmann(METER.device, 0.4), boltzmann(METER.device, 0.5)
    assert np.abs(density[0]["cumulative"] - density[1]["cumulative"]).max() > 0.03


@pytest.mark.slow
def test_stationary_density_with_half_the_step():
    for step in (20, 10, 5):
        with backend("cpp"):
            table = stationary_distance(
                METER, voltages=(0.0, 0.4), neurons=5000, times=20, spacing=5 * ms, settle=60 * ms, dt=step * us, seed=2
            )
        print(table.to_string())
        assert (table["samples"] == 100_000).all()
        assert (table["distance"] < (0.02 if step == 20 else 0.01)).all()


def test_escape_takes_the_mean_first_passage_time():
    table = escape_times(DEEP, voltages=(1.8, 2.0), neurons=150, duration=40 * ms, seeds=(1,), dt=10 * us)
    assert (table["passages"] > 500).all()
    assert table["mean_ms"].to_numpy() == pytest.approx(table["exact_ms"].to_numpy(), rel=0.12)


def test_passage_theory_without_a_potential_is_that_of_a_walk_from_a_wall():
    """On a flat floor from a reflecting wall at -1 to b: (b + 1)^2/(2 D)."""
    flat = METER.with_(**{name: 1e-6 * METER.device[name] for name in ("w_pin", "w_return")})
    flat = flat.with_(stiffness_wall=1e4 * METER.device["stiffness_wall"])
    diffusion = BOLTZMANN * 300 / METER.device.parameters["friction"].value
    found = passage_theory(flat.device, voltages=[0.0], start=-0.999999, end=0.5).iloc[0]
    assert found["exact_ms"] == pytest.approx(1.5**2 / (2 * diffusion) * 1e3, rel=0.005)
    assert np.isnan(found["barrier_kT"]) and np.isnan(found["kramers_ms"])


@pytest.mark.slow
def test_escape_over_the_barrier_is_kramers():
    tables = []
    for seed, step in ((1, 5), (2, 5), (3, 5), (4, 2.5)):
        with backend("cpp"):
            table = escape_times(DEEP, voltages=VOLTAGES, neurons=1000, duration=250 * ms, seeds=(seed,), dt=step * us)
        tables.append(table)
        print(table.to_string())
    theory = tables[0]
    assert theory["barrier_kT"].min() > 3

    def slope(table, name):
        return linregress(table["voltage_V"], np.log(table[name])).slope

    exact = slope(theory, "exact_ms")
    slopes = [slope(table, "mean_ms") for table in tables]
    print("slopes per seed and with half the step", slopes, "exact", exact, "Kramers", slope(theory, "kramers_ms"))
    assert np.mean(slopes[:3]) == pytest.approx(exact, rel=0.05)
    assert np.std(slopes[:3], ddof=1) < 0.05 * abs(exact)
    assert slopes[3] == pytest.approx(exact, rel=0.05)
    mean = pd.concat(tables[:3]).groupby("voltage_V")["mean_ms"].mean()
    assert mean.to_numpy() == pytest.approx(theory["exact_ms"].to_numpy(), rel=0.05)
    # Kramers' formula holds for high barriers: right in the slope, low in the time at 3 to 5 k_B T.
    assert slope(theory, "kramers_ms") == pytest.approx(exact, rel=0.05)
    assert (theory["kramers_ms"] / theory["exact_ms"]).between(0.8, 0.9).all()


def test_diffusion_and_mobility_obey_the_einstein_relation():
    table = einstein_relation(METER, seed=1).set_index("quantity")
    assert table.loc["energy", "theory"] == pytest.approx(1.380649e-23 * 300)
    assert (table["relative_error"].abs() < 0.02).all()


def test_variance_in_a_harmonic_well_is_that_of_equipartition():
    table = harmonic_variance(METER, temperatures=(250, 400), neurons=20_000, seed=1)
    assert (table["relative_error"].abs() < 0.03).all()
    assert table["theory"].iloc[1] / table["theory"].iloc[0] == pytest.approx(1.6)


def test_electrical_energy_becomes_heat():
    options = {"neurons": 10, "duration": 2 * ms, "seed": 1}
    error, half = (energy_balance(METER, dt=dt * us, **options)["relative_error"].abs().max() for dt in (5, 2.5))
    print("largest relative error", error, "with half the step", half)
    assert error < 2e-3 and half < 1e-3 and half < 0.7 * error


def test_electrical_energy_of_three_particles_becomes_heat():
    meter, voltage = SourceMeter("ag_particles_3"), 0.1 * volt
    table = energy_balance(meter, voltage=voltage, neurons=10, duration=1 * ms, dt=2.5 * us, seed=1)
    assert (table["relative_error"].abs() < 1e-3).all()
    assert table["temperature_K"].between(300, 700).all()


def test_heat_balances_to_rounding_of_the_integrator_without_noise():
    table = energy_balance(METER, neurons=1, noise=False)
    assert table["relative_error"].iloc[0] == pytest.approx(0, abs=1e-4)
    assert table["stored_J"].iloc[0] + table["lost_J"].iloc[0] > 1e-13


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: isothermal(SourceMeter("hopping")), "model = 'hopping'"),
        (lambda: passage_theory(METER.device, voltages=[1], start=0.5, end=0.2), "start = 0.5, end = 0.2"),
        (lambda: escape_times(METER, voltages=[1], end=2.0), "end = 2.0"),
        (lambda: escape_times(METER, voltages=[1], neurons=0), "neurons = 0"),
        (lambda: stationary_distance(METER, times=1.5), "times = 1.5"),
        (lambda: einstein_relation(METER, voltage=0 * volt), "voltage"),
        (lambda: energy_balance(SourceMeter("hopping")), "device = 'hopping"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
