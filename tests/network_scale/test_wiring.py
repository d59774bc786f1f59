"""The wiring: as many inputs as asked for, all different, none from itself, each source as likely on every target."""

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, ms
from scipy.stats import chi2

from memneuro.backend import backend
from memneuro.network.wiring import MOST_SYNAPSES, Wiring

KINDS = ("exc", "inh")


@pytest.mark.parametrize(
    ("neurons", "synapses", "share"),
    [(2, 1, 1.0), (50, 10, 0.8), (50, 39, 0.8), (60, 55, 0.5), (1000, 100, 0.8), (30, 5, 0.0), (997, 333, 0.73)],
)
def test_every_neuron_has_its_inputs(neurons, synapses, share):
    """60 x 55 at one half needs nearly all neurons of a kind: the stretches hold one or two each."""
    wiring = Wiring(neurons, synapses, share, seed=3)
    target = np.arange(neurons)
    for kind in KINDS:
        found = wiring.sources(kind, target)
        assert found.shape == (neurons, wiring.inputs(kind))
        first = wiring.first(kind)
        assert np.all((found >= first) & (found < first + wiring.population(kind)))
        assert np.all(found != target[:, None])
        assert np.all(np.diff(np.sort(found, axis=1), axis=1) > 0)
    assert wiring.inputs("exc") + wiring.inputs("inh") == synapses
    assert wiring.total == neurons * synapses


def test_every_source_is_as_likely():
    """Numbers of outputs over 40 seeds scatter as in independent draws: chi-squared, at 1e-4 on either side."""
    neurons, seeds = 100, 40
    wirings = [Wiring(neurons, 20, 0.8, seed) for seed in range(seeds)]
    drawn = np.concatenate([wiring.sources("exc", np.arange(neurons)).ravel() for wiring in wirings])
    outputs = np.bincount(drawn, minlength=80)
    assert len(outputs) == 80 and outputs.mean() == seeds * neurons * 16 / 80
    p = 16 * (79 / 79 + 20 / 80) / 99  # of a synapse from one neuron to another
    statistic = np.sum((outputs - outputs.mean()) ** 2) / (seeds * 99 * p * (1 - p))
    assert chi2.ppf(1e-4, 79) < statistic < chi2.ppf(1 - 1e-4, 79)


def test_pairs_of_sources_are_as_a_random_draw_has_them():
    """Inputs that two neurons share: k*k/m of them, as for independent draws."""
    wiring = Wiring(2000, 100, 1.0, seed=5)
    found = [set(row) for row in wiring.sources("exc", np.arange(400))]
    shared = np.array([len(found[a] & found[b]) for a in range(0, 400, 2) for b in [a + 1]])
    expected = 100 * 100 / 1999
    assert shared.mean() == pytest.approx(expected, abs=4 * np.sqrt(expected / len(shared)))
    assert shared.var() == pytest.approx(expected * 0.9, rel=0.5)


def synapses_of(wiring, target):
    """Sources of every neuron as Brian2 made them on a backend, sorted; shape (neurons, synapses)."""
    with backend(target):
        group = NeuronGroup(wiring.neurons, "g : 1", threshold="False", dt=1 * ms, name="some")
        made = wiring.connect(group, dict.fromkeys(KINDS, "g_post += 1"))
        Network(group, *made).run(1 * ms)
        source = np.concatenate([np.asarray(s.i) + wiring.first(s.name[-3:]) for s in made])
        to = np.concatenate([np.asarray(s.j) for s in made])
    order = np.lexsort((source, to))
    assert np.array_equal(to[order], np.repeat(np.arange(wiring.neurons), wiring.synapses))
    return source[order].reshape(wiring.neurons, wiring.synapses)


def in_numpy(wiring):
    return np.sort(np.hstack([wiring.sources(kind, np.arange(wiring.neurons)) for kind in KINDS]), axis=1)


def test_brian2_makes_the_same_synapses():
    wiring = Wiring(83, 17, 0.7, seed=11)
    assert np.array_equal(synapses_of(wiring, "numpy"), in_numpy(wiring))


@pytest.mark.slow
@pytest.mark.parametrize("target", ["cython", "cpp", "openmp"])
def test_compiled_code_makes_the_same_synapses(target):
    wiring = Wiring(3000, 150, 0.8, seed=12)
    assert np.array_equal(synapses_of(wiring, target), in_numpy(wiring))


def test_a_seed_is_a_wiring():
    one, again, other = (in_numpy(Wiring(200, 20, seed=seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    same = np.mean([len(set(a) & set(b)) for a, b in zip(one, other, strict=True)])
    assert same < 2 * 20 * 20 / 200


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 0), "neurons = 0; accepted: a whole number from 1"),
        ((-5, 1), "neurons = -5"),
        ((10.5, 1), "neurons = 10.5"),
        (("many", 1), "neurons = 'many'"),
        ((10, -1), "synapses = -1; accepted: a whole number from 0"),
        ((10, 10), "synapses = 10 a neuron with neurons = 10; accepted: .*at most 9"),
        ((10, 11), "synapses = 11 a neuron with neurons = 10"),
        ((10, True), "synapses = True"),
        ((100, 10, 1.2), "excitatory = 1.2; accepted: a share from 0 to 1"),
        ((100, 10, -0.1), "excitatory = -0.1"),
        ((100, 10, float("nan")), "excitatory = nan"),
        ((100, 10, "most"), "excitatory = 'most'"),
        ((100, 10, 0.8, -1), "seed = -1"),
        ((100, 98, 0.8), "inputs of kind '(exc|inh)' from .*accepted: at most"),
        ((2_000_000, 2000), f"neurons x synapses = 2000000 x 1600 .*at most {MOST_SYNAPSES}"),
    ],
)
def test_bad_numbers_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        Wiring(*arguments)


def test_a_group_of_another_size_is_refused():
    group = NeuronGroup(5, "g : 1", threshold="False", name="five")
    with pytest.raises(ValueError, match="'five' has 5 neurons; accepted: 6"):
        Wiring(6, 2).connect(group, dict.fromkeys(KINDS, "g_post += 1"))
