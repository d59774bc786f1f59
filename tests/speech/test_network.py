"""The network of spoken words: what it refuses, its crossbars, its delay lines, and where a word ends."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from memneuro.speech.integrate_and_fire import LifLayer  # noqa: E402
from memneuro.speech.network import KINDS, NetworkSettings, SpeechNetwork  # noqa: E402

SMALL = {"lines": 4, "neurons": 12, "classes": 3, "delays": (0, 2), "listen": 3}


def network(kind: str = "lif", seed: int = 0, **changes) -> SpeechNetwork:
    return SpeechNetwork(NetworkSettings(kind, **SMALL | changes), seed)


def words(batch: int = 5, bins: int = 8, lines: int = 4, seed: int = 0) -> torch.Tensor:
    """Enough spikes that neurons fire."""
    return torch.poisson(torch.full((batch, bins, lines), 40.0), torch.Generator().manual_seed(seed))


def same(one: SpeechNetwork, other: SpeechNetwork) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "izhikevich"}, "kind = 'izhikevich'; accepted: memristor, lif, adaptive_lif"),
        ({"lines": 0}, "lines = 0; accepted: a whole number of at least 1"),
        ({"lines": 35.0}, r"lines = 35\.0"),
        ({"neurons": -3}, "neurons = -3"),
        ({"neurons": True}, "neurons = True"),
        ({"classes": "10"}, "classes = '10'"),
        ({"levels": 1}, "levels = 1; accepted: 0 for any value, or at least 2"),
        ({"levels": -2}, "levels = -2"),
        ({"delays": ()}, r"delays = \(\); accepted: whole numbers of at least 0, at least one"),
        ({"delays": (0, -1)}, r"delays = \(0, -1\)"),
        ({"delays": (0, 1.5)}, r"delays = \(0, 1\.5\)"),
        ({"delays": (True,)}, r"delays = \(True,\)"),
        ({"listen": -1}, "listen = -1; accepted: a whole number of at least 0"),
        ({"listen": 2.0}, r"listen = 2\.0"),
        ({"largest_weight": 0.0}, r"largest_weight = 0\.0; accepted: greater than zero"),
        ({"largest_weight": float("nan")}, "largest_weight = nan"),
        ({"spread": -0.5}, r"spread = -0\.5; accepted: zero or more"),
        ({"spread": float("inf")}, "spread = inf"),
        (
            {"kind": "lif", "without": ("noise",)},
            r"without = \('noise',\) with kind = 'lif'; accepted with 'memristor'",
        ),
        ({"kind": "adaptive_lif", "spread": 1.0}, r"spread = 1\.0 with kind = 'adaptive_lif'"),
    ],
)
def test_bad_settings_are_refused_by_name(changes, message):
    with pytest.raises(ValueError, match=message):
        NetworkSettings(**changes)


def test_a_trait_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="courage"):
        network("memristor", without=("courage",))


def test_settings_come_back_from_a_file():
    settings = NetworkSettings("memristor", delays=[0, 3], without=["noise"], levels=8, spread=0.5)
    assert settings.delays == (0, 3) and settings.without == ("noise",)
    assert NetworkSettings(**json.loads(json.dumps(settings.as_dict()))) == settings


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_sets_the_initial_weights(kind):
    torch.manual_seed(99)
    first = network(kind, seed=4)
    torch.manual_seed(7)
    assert same(first, network(kind, seed=4))
    assert not torch.equal(first.w_in, network(kind, seed=5).w_in)


def test_devices_differ_by_the_spread_and_by_the_seed():
    alike, spread = network("memristor"), network("memristor", spread=1.0)
    assert torch.equal(alike.layer.mu_factor, torch.ones(12)) and torch.equal(alike.layer.hop_factor, torch.ones(12))
    assert spread.layer.mu_factor.std() > 0 and spread.layer.hop_factor.std() > 0
    assert not torch.equal(spread.layer.mu_factor, network("memristor", spread=1.0, seed=1).layer.mu_factor)
    assert torch.equal(spread.w_in, alike.w_in)


@pytest.mark.parametrize("kind", KINDS)
def test_neighbouring_lines_are_joined(kind):
    """140 lines on a network of 35 are as four neighbours summed beforehand."""
    made = network(kind, lines=35)
    fine = torch.poisson(torch.full((3, 6, 140), 12.0), torch.Generator().manual_seed(2))
    coarse = torch.stack([fine[:, :, 4 * line : 4 * line + 4].sum(2) for line in range(35)], 2)
    n_bins = torch.tensor([6, 4, 5])
    given = [made(counts, n_bins, torch.Generator().manual_seed(3)) for counts in (fine, coarse)]
    assert given[0][1].sum() > 0
    for one, other in zip(*given, strict=True):
        assert torch.equal(one, other)
    with pytest.raises(ValueError, match="counts of 36 lines; accepted: a multiple of the network's 35"):
        made(fine[:, :, :36], n_bins)


def test_lines_are_measured_on_the_words():
    """Mean and deviation of each joined line over the bins of the words, whatever comes after a word."""
    made = network(lines=4)
    rng = np.random.default_rng(0)
    counts = torch.from_numpy(rng.poisson(np.arange(1, 9), (600, 7, 8)).astype(np.uint8))
    n_bins = torch.from_numpy(rng.integers(2, 8, 600))
    counts[torch.arange(7)[None] >= n_bins[:, None]] = 200
    made.measure_lines(counts, n_bins)
    inside = torch.arange(7)[None] < n_bins[:, None]
    joined = counts[inside].float().reshape(-1, 4, 2).sum(2)
    torch.testing.assert_close(made.line_mean, joined.mean(0), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(made.line_deviation, joined.std(0, correction=0), rtol=1e-4, atol=1e-4)
    at_mean = made.line_mean.expand(1, 5, 4)
    with torch.no_grad():
        assert torch.allclose(made.input_drive(at_mean, torch.tensor([5])), made.bias.expand(1, 5, -1), atol=1e-5)


def test_a_delayed_line_acts_later():
    """A count in bin 3 acts through the rows of delay d in bin 3 + d, and nowhere else."""
    delays = (0, 2, 5)
    made = network(delays=delays)
    counts = torch.zeros(1, 12, 4)
    counts[0, 3, 1] = 6
    with torch.no_grad():
        made.bias.uniform_(-1, 1)
        made.line_deviation.fill_(3.0)
        drive = made.input_drive(counts, torch.tensor([12]))[0] - made.bias
    expected = torch.zeros(12, 12)
    for number, delay in enumerate(delays):
        expected[3 + delay] = 6 / 3 * made.w_in.detach()[number * 4 + 1]
    torch.testing.assert_close(drive, expected)
    assert (drive.abs().sum(1) > 0.01).nonzero().ravel().tolist() == [3, 5, 8]


def test_what_is_delayed_beyond_the_word_is_still_heard():
    """A count in the last bin, delayed by 2, reaches the network in the bins after the word, and not without them."""
    counts = torch.zeros(1, 4, 4)
    counts[0, 3] = 200
    for listen, heard in ((3, True), (1, False)):
        made = network(delays=(2,), listen=listen, recurrent=False)
        with torch.no_grad():
            made.w_in.fill_(1.0)
        _, spikes, inside = made(counts, torch.tensor([4]))
        assert spikes.shape == (1, 4 + listen, 12) and inside.all()
        assert (spikes[0].sum(1) > 0).nonzero().ravel().tolist() == ([5] if heard else [])


@pytest.mark.parametrize("levels", [2, 5])
def test_levels(levels):
    """A weight is the difference of two conductances of so many levels: 2*levels - 1 values."""
    made = network(levels=levels, largest_weight=1.5)
    weight = torch.linspace(-1.5, 1.5, 4001, requires_grad=True)
    held = made.held(weight)
    step = 1.5 / (levels - 1)
    values = torch.arange(-(levels - 1), levels) * step
    distance = (held.detach()[:, None] - values[None]).abs()
    assert distance.min(1).values.max() < 1e-5
    assert len(distance.argmin(1).unique()) == 2 * levels - 1
    assert (held - weight).abs().max() <= step / 2 + 1e-5
    factor = torch.linspace(1, 2, 4001)
    (held * factor).sum().backward()
    assert torch.equal(weight.grad, factor)


def test_every_crossbar_has_levels():
    """The spikes and the evidence are those of a network whose weights were rounded beforehand."""
    made, rounded = network(levels=3, largest_weight=1.0), network(levels=0, largest_weight=1.0)
    counts, n_bins = words(), torch.tensor([8, 8, 6, 5, 8])
    with torch.no_grad():
        without_levels = rounded(counts, n_bins)[0]
        for name in ("w_in", "w_rec", "w_out"):
            for one in (made, rounded):
                getattr(one, name).mul_(3.0)
            getattr(rounded, name).copy_(torch.round(2 * getattr(made, name)) / 2)
        for one, other in zip(made(counts, n_bins), rounded(counts, n_bins), strict=True):
            torch.testing.assert_close(one, other)
        assert made(counts, n_bins)[1].sum() > 0
        for name in ("w_in", "w_rec", "w_out"):
            with_one_other = network(levels=3, largest_weight=1.0)
            with_one_other.load_state_dict(made.state_dict())
            getattr(with_one_other, name).copy_(getattr(made, name) + 0.5)
            assert not torch.equal(with_one_other(counts, n_bins)[0], made(counts, n_bins)[0])
    assert not torch.equal(without_levels, made(counts, n_bins)[0])


def test_no_weight_leaves_the_range_of_the_crossbar():
    made = network(largest_weight=0.25)
    with torch.no_grad():
        for weight in (made.w_in, made.w_rec, made.w_out):
            weight.copy_(torch.linspace(-3, 3, weight.numel()).reshape(weight.shape))
        made.bias.fill_(-1.5)
        inside = made.w_in.abs() < 0.25
        before = made.w_in[inside].clone()
    made.bound()
    for weight in (made.w_in, made.w_rec, made.w_out):
        assert weight.min() == -0.25 and weight.max() == 0.25
    assert inside.any() and torch.equal(made.w_in[inside], before)
    assert torch.equal(made.bias, torch.full((12,), -1.5))  # no crossbar


@pytest.mark.parametrize(("kind", "without"), [("lif", ()), ("adaptive_lif", ()), ("memristor", ("noise",))])
def test_what_follows_a_word_has_no_influence(kind, without):
    """A word among longer ones is heard as it is alone, whatever its counts hold after its own bins."""
    made = network(kind, without=without)
    n_bins = torch.tensor([8, 4, 6])
    counts = words(3, 8) * (torch.arange(8)[None] < n_bins[:, None])[..., None]
    logits, spikes, inside = made(counts, n_bins)
    assert inside[..., 0].sum(1).tolist() == [11, 7, 9]
    assert (spikes * inside).sum((1, 2)).min() > 0
    for number, bins in enumerate(n_bins.tolist()):
        alone, trains, _ = made(counts[number : number + 1, :bins], n_bins[number : number + 1])
        assert torch.equal(trains[0], spikes[number, : bins + 3])
        torch.testing.assert_close(alone[0], logits[number], rtol=1e-5, atol=1e-6)
    loud = counts.clone()
    loud[1, 4:] = 150
    changed, later, _ = made(loud, n_bins)
    assert torch.equal(later[1], spikes[1])
    assert torch.equal(changed, logits)
    loud[1, 3] = 150
    assert not torch.equal(made(loud, n_bins)[0][1], logits[1])


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_that_is_not_recurrent_does_not_use_the_recurrent_crossbar(kind):
    made = network(kind, recurrent=False, **({"without": ("noise",)} if kind == "memristor" else {}))
    counts, n_bins = words(), torch.full((5,), 8)
    logits, spikes, _ = made(counts, n_bins)
    logits.square().sum().backward()
    assert spikes.sum() > 0
    assert made.w_rec.grad is None and not made.w_rec.requires_grad
    assert made.w_in.grad.abs().max() > 0 and made.w_out.grad.abs().max() > 0
    with torch.no_grad():
        made.w_rec.fill_(5.0)
    assert torch.equal(made(counts, n_bins)[0], logits)


@pytest.mark.parametrize("kind", KINDS)
def test_every_weight_of_a_recurrent_network_has_a_gradient(kind):
    made = network(kind)
    logits, _, _ = made(words(), torch.full((5,), 8), torch.Generator().manual_seed(0))
    logits.square().sum().backward()
    for name, value in made.named_parameters():
        assert torch.isfinite(value.grad).all() and value.grad.abs().max() > 0, name


def test_the_noise_of_the_devices_comes_from_the_generator():
    made = network("memristor")
    counts, n_bins = words(), torch.full((5,), 8)
    found = [made(counts, n_bins, torch.Generator().manual_seed(seed))[1] for seed in (1, 1, 2)]
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])


def test_an_adaptive_neuron_fires_less_under_a_constant_drive():
    """The plain one keeps its rate; the adaptive one begins like it and slows down."""
    fired = {}
    for adaptive in (False, True):
        torch.manual_seed(0)
        layer = LifLayer(20, adaptive)
        with torch.no_grad():
            layer.leak_logit.fill_(1.0)
            state, trains = layer.start(1), []
            for _ in range(120):
                state, spikes = layer.step(state, torch.full((1, 20), 0.6))
                trains.append(spikes[0])
        fired[adaptive] = torch.stack(trains)
    first = int(fired[False][:, 0].nonzero()[0])
    assert torch.equal(fired[True][: first + 1], fired[False][: first + 1])
    assert (fired[True].sum(0) < 0.8 * fired[False].sum(0)).all()
    assert fired[True].sum() > 0
    plain = [fired[False][part].sum() for part in (slice(0, 60), slice(60, 120))]
    assert abs(plain[0] - plain[1]) <= 20  # one spike a neuron


def test_a_plain_neuron_follows_its_equation():
    """v <- keep v (1 - s) + (1 - keep) 4 a with a spike above 1, worked out by hand."""
    layer = LifLayer(1)
    keep, drive = 0.75, 0.5
    with torch.no_grad():
        layer.leak_logit.fill_(float(torch.logit(torch.tensor(keep))))
        state = layer.start(1)
        potential, spikes, found, expected = 0.0, 0.0, [], []
        for _ in range(12):
            state, fired = layer.step(state, torch.full((1, 1), drive))
            potential = keep * potential * (1 - spikes) + (1 - keep) * 4 * drive
            spikes = float(potential > 1)
            expected.append((potential, spikes))
            found.append((float(state.potential), float(fired)))
    torch.testing.assert_close(torch.tensor(found), torch.tensor(expected))
    assert 0 < sum(spike for _, spike in expected) < 12
