"""Delay and relaxation over temperature against the barrier and the Arrhenius factor of the losses."""

import numpy as np
import pytest
from brian2 import joule, volt
from scipy.stats import linregress

from memneuro import SourceMeter
from memneuro.device.langevin import BOLTZMANN
from memneuro.experiment.temperature_sweep import switched_position, temperature_sweep

EV = 1.602176634e-19
PARTICLE = SourceMeter("ag_particles_1").with_(w_pin=0.3 * EV * joule)
HOPPING = SourceMeter("hopping")


def test_hopping_is_faster_when_hot_and_its_losses_share_one_arrhenius_factor():
    table = temperature_sweep(HOPPING, voltage=1 * volt, temperatures=(250, 300, 350, 400), trials=40, seed=1)
    assert (table["switched"] == 1).all()
    assert (np.diff(table["delay_median_ms"]) < 0).all()
    slope = linregress(1 / table["temperature_K"], np.log(table["relaxation_median_ms"])).slope
    barrier = HOPPING.device.parameters["activation_loss"].value / BOLTZMANN
    assert slope == pytest.approx(barrier, rel=0.002)
    # By hand at 300 K: the closed device has R_on, the open one R_off, so the gap is to open by lambda ln 2.
    value = {name: entry.value for name, entry in HOPPING.device.parameters.items()}
    gap = value["tunnel_length"] * np.log1p(
        np.sqrt(value["r_on"] / value["r_off"]) * np.expm1(1 / value["tunnel_length"])
    )
    time = -np.log1p(-gap) / value["gamma1"] * 1e3
    assert table.set_index("temperature_K").loc[300, "relaxation_median_ms"] == pytest.approx(time, rel=0.01)


def test_step_of_the_hopping_sweep():
    options = {"voltage": 1 * volt, "temperatures": (300,), "trials": 1, "noise": False}
    full, half = (temperature_sweep(HOPPING, step_scale=scale, **options).iloc[0] for scale in (1, 0.5))
    assert half["delay_median_ms"] == pytest.approx(full["delay_median_ms"], rel=0.02)
    assert half["relaxation_median_ms"] == pytest.approx(full["relaxation_median_ms"], rel=0.002)


def test_one_particle_escapes_sooner_when_hot():
    table = temperature_sweep(PARTICLE, voltage=2 * volt, temperatures=(250, 400), trials=200, step_scale=5, seed=2)
    assert (table["switched"] == 1).all()
    assert np.diff(table["delay_median_ms"])[0] < 0
    assert table["delay_mean_ms"].to_numpy() == pytest.approx(table["theory_delay_ms"].to_numpy(), rel=0.15)


@pytest.mark.slow
def test_the_delay_of_one_particle_is_linear_in_inverse_temperature_with_the_barrier_as_slope():
    temperatures = np.arange(250, 401, 25)
    table = temperature_sweep(PARTICLE, voltage=1.6 * volt, temperatures=temperatures, trials=800, step_scale=5, seed=1)
    inverse = 1 / temperatures
    found, theory = (linregress(inverse, np.log(table[name])) for name in ("delay_mean_ms", "theory_delay_ms"))
    assert (np.diff(table["delay_median_ms"]) < 0).all()
    assert found.rvalue > 0.99 and theory.rvalue > 0.999
    assert found.slope == pytest.approx(theory.slope, rel=0.1)
    # In Kramers' formula temperature is in the exponent only, so the slope is the barrier over k_B.
    barrier = (table["barrier_kT"] * table["temperature_K"]).mean()
    assert theory.slope == pytest.approx(barrier, rel=0.05)
    assert found.slope == pytest.approx(barrier, rel=0.1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: temperature_sweep(SourceMeter("area_pulse"), voltage=1 * volt), "model = 'area'"),
        (lambda: temperature_sweep(HOPPING, voltage=0 * volt), "voltage"),
        (lambda: temperature_sweep(HOPPING, voltage=1 * volt, temperatures=(-5,)), "temperatures"),
        (lambda: temperature_sweep(HOPPING, voltage=1 * volt, step_scale=0), "step_scale = 0"),
        (lambda: temperature_sweep(HOPPING, voltage=1 * volt, trials=0), "trials = 0"),
        (lambda: switched_position(PARTICLE.device, 1.0), "conductance = 1.0"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
