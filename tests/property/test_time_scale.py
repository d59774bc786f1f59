"""A slowed neuron under a slowed drive and step is the same neuron: the same spikes, later by the factor."""

import numpy as np
import pytest
from brian2 import Network, SpikeMonitor, TimedArray, farad, ms, ohm, pA, second, volt

from memneuro import OneM1T1R, PulseTrain
from memneuro.circuit.adapting import AdaptingOneM1T1R
from memneuro.circuit.injected import LowPass
from memneuro.circuit.time_scale import POWERS, slowed, slowed_parameters

NEURONS = 6


def pulses(factor):
    height = np.linspace(0.5, 1.0, NEURONS) * volt
    return PulseTrain(height, width=1.5 * factor * ms, period=2 * factor * ms)


def current(factor):
    samples = 80 * np.random.default_rng(1).random(30)
    return LowPass(
        TimedArray(np.repeat(samples[:, np.newaxis], NEURONS, axis=1) * pA, dt=factor * ms),
        resistance=1.5e10 * ohm,
        time_constant=3 * factor * ms,
        offset=0.2 * volt,
    )


def run(neuron, factor, drive, noise):
    """Number and time of the spikes, and the states at the end, with times divided by the factor.

    At coarse steps some trains of pulses amplify rounding to a part in a thousand; at these they do not.
    """
    step, duration = (5e-6, 20e-3) if drive is pulses else (20e-6, 30e-3)
    group = slowed(neuron, factor).group(NEURONS, drive=drive(factor), dt=step * factor * second, noise=noise, seed=3)
    spikes = SpikeMonitor(group)
    Network(group, spikes).run(duration * factor * second, namespace={})
    states = {name: np.array(getattr(group, name)) for name in group.equations.diff_eq_names}
    return np.array(spikes.i), np.asarray(spikes.t / second) / factor, states


def compared(neuron, factors, drive, noise):
    plain = run(neuron, 1, drive, noise)
    assert plain[0].size >= 5
    for factor in factors:
        found = run(neuron, factor, drive, noise)
        np.testing.assert_array_equal(found[0], plain[0])
        np.testing.assert_allclose(found[1], plain[1], rtol=1e-9)
        for name, values in plain[2].items():
            np.testing.assert_allclose(found[2][name], values, rtol=1e-9, atol=1e-14, err_msg=name)


@pytest.mark.parametrize("card", ["hopping_2e4d", "hopping_bounded_2e4d"])
def test_without_noise(card):
    compared(OneM1T1R(card), (8, 10, 0.37), pulses, False)


@pytest.mark.parametrize("card", ["hopping_2e4d", "hopping_bounded_2e4d"])
def test_with_noise_which_belongs_to_the_step(card):
    compared(OneM1T1R(card), (10, 2.9), pulses, True)


@pytest.mark.parametrize("noise", [False, True])
def test_with_an_injected_current_and_a_foot(noise):
    """The time constant of the input slows down with the drive, the foot with the neuron."""
    compared(AdaptingOneM1T1R("hopping_2e4d").with_(c_foot=50e-12 * farad), (12.5,), current, noise)


def test_the_neuron_alone_does_not_have_the_slowed_spikes():
    """Against the plain drive it must differ, or the tests above compare nothing."""
    plain = run(OneM1T1R("hopping_2e4d"), 1, pulses, False)
    other = run(OneM1T1R("hopping_2e4d"), 2, lambda factor: pulses(1), False)
    assert plain[0].size != other[0].size or np.max(np.abs(plain[1] - other[1])) > 1e-4


def test_parameters_of_many_factors():
    neuron = AdaptingOneM1T1R("hopping_2e4d")
    cards = {**neuron.device.values(), **neuron.circuit.values()}
    factors = np.array([0.1, 1.0, 25.0])
    found = slowed_parameters(neuron, factors)
    assert set(found) == set(POWERS)
    for name, values in found.items():
        change = factors if name in ("tau_tip", "c_gate", "c_foot") else 1 / factors
        np.testing.assert_allclose(np.asarray(values), float(cards[name]) * change, rtol=1e-12)
        assert values.dim == cards[name].dim
    assert "c_foot" not in slowed_parameters(OneM1T1R("hopping_2e4d"), 2)


def test_nothing_else_changes_and_the_way_back():
    neuron = OneM1T1R("hopping_2e4d")
    slow = slowed(neuron, 7)
    for name, (value, _) in slow.parameters().items():
        power = POWERS.get(name, 0)
        assert float(value) == pytest.approx(float(neuron.parameters()[name][0]) * 7.0**power, rel=1e-12), name
    back = slowed(slow, 1 / 7).parameters()
    assert all(float(back[name][0]) == pytest.approx(float(value)) for name, (value, _) in neuron.parameters().items())
    assert isinstance(slowed(AdaptingOneM1T1R("hopping_2e4d"), 2), AdaptingOneM1T1R)


def test_steps_may_grow_with_the_factor():
    neuron = OneM1T1R("hopping_2e4d")
    for factor in (0.2, 10):
        assert float(slowed(neuron, factor).largest_step / neuron.largest_step) == pytest.approx(factor)


@pytest.mark.parametrize("factor", [0, -1, np.nan, np.inf, [1, 0], [2.0, np.nan]], ids=str)
def test_factors_that_are_none(factor):
    with pytest.raises(ValueError, match="factor = .*; accepted: finite numbers greater than zero"):
        slowed_parameters(OneM1T1R("hopping_2e4d"), factor)


def test_a_factor_is_a_number():
    with pytest.raises((ValueError, TypeError)):
        slowed(OneM1T1R("hopping_2e4d"), "slow")
