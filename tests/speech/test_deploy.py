"""A network of memristor neurons in Brian2 with the full equations, beside the same network in discrete time."""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import us

pytestmark = pytest.mark.slow

torch = pytest.importorskip("torch")

from memneuro.speech.deploy import PERIOD_S, deploy, summary  # noqa: E402
from memneuro.speech.network import NetworkSettings, SpeechNetwork  # noqa: E402
from memneuro.speech.train import Examples  # noqa: E402

SETTINGS = NetworkSettings(lines=10, neurons=20, classes=3, delays=(0, 3), listen=3)

#: The same code for all tests, so that it is compiled once.
SAME = {"backend": "runtime", "noise": False, "energy": True}


@pytest.fixture(scope="module")
def network():
    return SpeechNetwork(SETTINGS, seed=2)


@pytest.fixture(scope="module")
def examples():
    generator = torch.Generator().manual_seed(0)
    counts = torch.randint(0, 60, (5, 18, 10), generator=generator, dtype=torch.uint8)
    return Examples(counts, torch.tensor([18, 9, 12, 15, 18]), torch.tensor([0, 1, 2, 0, 1]), np.arange(5))


@pytest.fixture(scope="module")
def deployed(network, examples):
    return deploy(network, examples, words_at_once=2, **SAME)


def discrete(network, examples) -> np.ndarray:
    """Spikes of the network in discrete time without noise, as a deployment gives them."""
    quiet = SpeechNetwork(replace(SETTINGS, without=("noise",)))
    quiet.load_state_dict(network.state_dict())
    with torch.no_grad():
        _, spikes, inside = quiet(examples.counts.float() * _heard(examples), examples.n_bins)
    return (spikes * inside).numpy().astype(int)


def _heard(examples):
    return (torch.arange(examples.counts.shape[1])[None] < examples.n_bins[:, None])[..., None]


def test_full_equations_fire_as_in_discrete_time(network, examples, deployed):
    """Delays, recurrent spikes and slowness included: most spikes in the same period, counts alike."""
    expected, found = discrete(network, examples), deployed.spikes.astype(int)
    assert found.shape == expected.shape
    assert expected.sum() > 60
    assert found.sum() == pytest.approx(expected.sum(), rel=0.15)
    assert np.minimum(found, expected).sum() > 0.7 * expected.sum()
    assert np.corrcoef(found.sum(1).ravel(), expected.sum(1).ravel())[0, 1] > 0.9


def test_recurrent_spikes_act_in_the_next_period(network, examples):
    """Without the recurrent crossbar the first period is the same and what follows is not."""
    alone = SpeechNetwork(replace(SETTINGS, recurrent=False), seed=2)
    alone.load_state_dict(network.state_dict())
    few = examples.part(np.array([0, 4]))
    with_, without = (deploy(one, few, **SAME).spikes.astype(int) for one in (network, alone))
    first = int(np.flatnonzero(with_.sum((0, 2)))[0])
    assert np.array_equal(with_[:, : first + 1], without[:, : first + 1])
    assert not np.array_equal(with_, without)


def test_words_do_not_disturb_each_other(network, examples, deployed):
    """A word alone fires as it does beside others, and not after the network has stopped listening to it."""
    one = deploy(network, examples.part(np.array([1])), **SAME)
    assert np.array_equal(one.spikes[0], deployed.spikes[1, : one.spikes.shape[1]])
    assert not deployed.spikes[1, 9 + SETTINGS.listen :].any()


def test_half_the_step(network, examples, deployed):
    """Half the step moves few spikes to another period, and hardly changes how many there are."""
    fine = deploy(network, examples, dt=5 * us, **SAME).spikes.astype(int)
    assert deployed.spikes.sum() == pytest.approx(fine.sum(), rel=0.1)
    assert np.minimum(deployed.spikes, fine).sum() > 0.8 * fine.sum()


def test_what_is_reported(network, examples, deployed):
    assert np.array_equal(deployed.heard, deployed.evidence[np.arange(5), deployed.n_bins - 1].argmax(1))
    assert np.array_equal(deployed.n_bins, examples.n_bins.numpy() + SETTINGS.listen)
    latency = deployed.latency_s()
    assert np.all((latency >= PERIOD_S) & (latency <= deployed.n_bins * PERIOD_S + 1e-12))
    for word in range(5):  # from the latency on the evidence points to the word that is heard
        rest = deployed.evidence[word, round(latency[word] / PERIOD_S) - 1 : deployed.n_bins[word]]
        assert np.all(rest.argmax(1) == deployed.heard[word])
    assert np.all(deployed.source_j >= 0) and np.all(deployed.supply_j > 0)
    fired = deployed.spikes.sum(1) > 0
    assert deployed.source_j[fired].mean() > 3 * deployed.source_j[~fired].mean()
    found = summary(network, deployed, examples)
    assert found["accuracy"] == deployed.accuracy
    assert found["source_pj"] == pytest.approx(deployed.source_j.sum(1).mean() * 1e12)
    assert found["source_pj_device_time"] < found["source_pj"]


def test_stuck_and_other_devices(network, examples):
    few = examples.part(np.array([0]))
    silent = np.zeros(20, dtype=bool)
    silent[:15] = True
    found = deploy(network, few, silent=silent, **SAME)
    assert not found.spikes[..., :15].any() and found.spikes[..., 15:].any()
    slow_growth = deploy(network, few, factors={"mu": np.full(20, 1e-3)}, **SAME)
    assert slow_growth.spikes.sum() < 0.5 * deploy(network, few, **SAME).spikes.sum()


def test_bad_input(network, examples):
    with pytest.raises(ValueError, match="kind lif"):
        deploy(SpeechNetwork(replace(SETTINGS, kind="lif")), examples)
    with pytest.raises(ValueError, match="without leak"):
        deploy(SpeechNetwork(replace(SETTINGS, without=("leak",))), examples)
    with pytest.raises(ValueError, match="silent has the shape"):
        deploy(network, examples, silent=np.zeros(3, dtype=bool))
    with pytest.raises(ValueError, match="words_at_once = 0"):
        deploy(network, examples, words_at_once=0)
    with pytest.raises(ValueError, match="fraction of the pulse"):
        deploy(network, examples, backend="runtime", dt=30 * us)
