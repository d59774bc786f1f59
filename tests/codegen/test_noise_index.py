"""The noise is keyed by seed, index, step and stream, and each of them must tell two samples apart."""

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, Synapses, ms
from brian2.core.base import BrianObjectException
from brian2.stateupdaters.base import UnsupportedEquationsException

import memneuro.numerics  # noqa: F401
from memneuro import OneM1T1R

NOISY = "dx/dt = xi*Hz**0.5 : 1\nnoise_seed : integer (shared, constant)"


def test_neurons_of_a_group_have_noise_of_their_own():
    group = NeuronGroup(50, NOISY, method="exponential_midpoint", dt=1 * ms)
    Network(group).run(3 * ms, namespace={})
    assert np.unique(np.asarray(group.x)).size == 50


def test_noise_goes_on_where_the_run_before_ended():
    """Two runs in a row are one long run; the same run anew is the same."""
    ends = []
    for parts in ((20,), (7, 13), (20,)):
        group = NeuronGroup(5, NOISY, method="exponential_midpoint", dt=1 * ms)
        group.noise_seed = 4
        network = Network(group)
        for part in parts:
            network.run(part * ms, namespace={})
        ends.append(np.asarray(group.x).copy())
    np.testing.assert_array_equal(ends[0], ends[1])
    np.testing.assert_array_equal(ends[0], ends[2])


def test_a_larger_group_leaves_the_first_neurons_as_they_were():
    ends = []
    for n in (3, 30):
        group = OneM1T1R("hopping").group(n, seed=9)
        Network(group).run(1 * ms, namespace={})
        ends.append(np.asarray(group.v_tip)[:3])
    np.testing.assert_array_equal(*ends)


def test_synapses_have_noise_of_their_own_or_are_refused():
    """In Synapses ``i`` is the source's index, which many synapses share."""
    source, target = NeuronGroup(2, "z : 1"), NeuronGroup(3, "z : 1")
    equations = NOISY.replace(": 1\n", ": 1 (clock-driven)\n")
    synapses = Synapses(source, target, equations, method="exponential_midpoint")
    synapses.connect()
    try:
        Network(source, target, synapses).run(1 * ms, namespace={})
    except BrianObjectException as error:
        assert isinstance(error.__cause__, UnsupportedEquationsException)
    else:
        assert np.unique(np.asarray(synapses.x)).size == 6


def test_a_seed_that_is_not_shared_works_or_is_refused_before_the_run():
    group = NeuronGroup(3, NOISY.replace("shared, constant", "constant"), method="exponential_midpoint", dt=1 * ms)
    group.noise_seed = [1, 1, 2]
    try:
        Network(group).run(1 * ms, namespace={})
    except BrianObjectException as error:
        assert isinstance(error.__cause__, UnsupportedEquationsException), repr(error.__cause__)
    else:
        assert np.unique(np.asarray(group.x)).size == 3


@pytest.mark.parametrize("kind", ["integer", "1"])
def test_seed_types(kind):
    """A seed declared as a plain number is refused: it would be rounded in silence on some targets."""
    equations = f"dx/dt = xi*Hz**0.5 : 1\nnoise_seed : {kind} (shared, constant)"
    group = NeuronGroup(1, equations, method="exponential_midpoint", dt=1 * ms)
    if kind == "integer":
        Network(group).run(1 * ms, namespace={})
        return
    with pytest.raises(BrianObjectException) as caught:
        Network(group).run(1 * ms, namespace={})
    assert caught.value.__cause__ is not None
