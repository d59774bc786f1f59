"""Arrhenius rates, the hopping voltage and their reference at 300 K."""

import numpy as np
import pytest
from brian2 import Network, kelvin, ms, volt

from memneuro import OneM1T1R

BOLTZMANN = 1.380649e-23
NEURON = OneM1T1R("hopping")


def at(temperature, drive=0.6 * volt, **options):
    return NEURON.group(1, drive=drive, noise=False, temperature=temperature * kelvin, **options)


def test_at_300_kelvin_nothing_is_scaled():
    group = at(300)
    assert float(group.arrhenius_growth[:]) == 1.0
    assert float(group.arrhenius_loss[:]) == 1.0
    assert float(group.v_hop_now[:]) == float(NEURON.device["v_hop"])


@pytest.mark.parametrize("temperature", [280.0, 320.0, 350.0])
def test_rates_scale_as_stated(temperature):
    group = at(temperature)
    inverse = 1 / 300 - 1 / temperature
    for name in ("growth", "loss"):
        energy = float(NEURON.device[f"activation_{name}"])
        assert energy > 0
        found = float(getattr(group, f"arrhenius_{name}")[:])
        np.testing.assert_allclose(found, np.exp(energy * inverse / BOLTZMANN), rtol=1e-12)
    v_hop = float(NEURON.device["v_hop"]) * temperature / 300
    np.testing.assert_allclose(float(group.v_hop_now[:] / volt), v_hop, rtol=1e-14)


def test_growth_combines_both():
    """G = mu A sinh(v/V_0) / (gap^2 + alpha^2) with A and V_0 at 320 K."""
    group = at(320)
    group.x_total = 0.3
    card = NEURON.device
    a = np.exp(float(card["activation_growth"]) / BOLTZMANN * (1 / 300 - 1 / 320))
    sinh = np.sinh(0.6 / (float(card["v_hop"]) * 320 / 300))
    expected = float(card["mu"]) * a * sinh / (0.7**2 + float(card["alpha"]) ** 2)
    np.testing.assert_allclose(float(group.growth[0]), expected, rtol=1e-12)


def test_a_hot_filament_decays_faster_by_the_arrhenius_factor():
    group = at(320, drive=0 * volt)
    group.x_total, group.x_residue = 0.8, 0.0
    Network(group).run(3 * ms, namespace={})
    factor = np.exp(float(NEURON.device["activation_loss"]) / BOLTZMANN * (1 / 300 - 1 / 320))
    rate = factor * (float(NEURON.device["gamma1"]) + float(NEURON.device["beta"]))
    found = float(group.x_total[0] - group.x_residue[0])
    np.testing.assert_allclose(found, 0.8 * np.exp(-rate * 3e-3), rtol=1e-4)


def test_the_largest_step_follows_the_hottest_rate():
    """A step is safe for the rates in use, so it must shrink with the Arrhenius factor of the loss."""
    temperature = 400.0
    factor = np.exp(float(NEURON.device["activation_loss"]) / BOLTZMANN * (1 / 300 - 1 / temperature))
    assert factor > 3
    with pytest.raises(ValueError, match="largest safe step"):
        at(temperature, dt=NEURON.largest_step)
