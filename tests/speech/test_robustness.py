"""Other devices in a trained network, and networks without a trait."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from brian2 import kelvin, us  # noqa: E402

from memneuro.speech.ablation import WITHOUT, summary  # noqa: E402
from memneuro.speech.deploy import deploy  # noqa: E402
from memneuro.speech.network import NetworkSettings, SpeechNetwork  # noqa: E402
from memneuro.speech.robustness import CONDITIONS, changed, robustness  # noqa: E402
from memneuro.speech.train import Examples  # noqa: E402

SETTINGS = NetworkSettings(lines=10, neurons=40, classes=3, delays=(0, 3), listen=3)


@pytest.fixture(scope="module")
def network():
    return SpeechNetwork(SETTINGS, seed=2)


@pytest.fixture(scope="module")
def examples():
    generator = torch.Generator().manual_seed(0)
    counts = torch.randint(0, 60, (8, 20, 10), generator=generator, dtype=torch.uint8)
    return Examples(counts, torch.full((8,), 20), torch.arange(8) % 3, np.arange(8))


def spikes(network, examples) -> int:
    with torch.no_grad():
        _, fired, _ = network(examples.counts.float(), examples.n_bins, torch.Generator().manual_seed(1))
    return int(fired.sum())


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_first_level_changes_nothing_and_the_others_do(network, examples, condition):
    levels = CONDITIONS[condition]
    same = changed(network, condition, levels[0], seed=1)
    before = spikes(network, examples)
    assert spikes(same, examples) == before
    other = changed(network, condition, levels[-1], seed=1)
    assert spikes(other, examples) != before
    assert spikes(network, examples) == before  # the network itself is as it was


def test_stuck_neurons_reach_nobody(network):
    other = changed(network, "stuck_neurons", 0.25, seed=3)
    silent = (other.w_rec == 0).all(1) & (other.w_out == 0).all(1)
    assert int(silent.sum()) == 10


def test_stuck_weights_are_at_an_end_of_their_range(network):
    other = changed(network, "stuck_weights", 0.2, seed=3)
    moved = (other.w_in != network.w_in).float().mean()
    assert 0.1 < moved < 0.3  # a device that is stuck at zero and should be at zero shows nothing
    assert other.w_in.abs().max() <= SETTINGS.largest_weight


@pytest.mark.slow
@pytest.mark.parametrize("kelvin_", [280.0, 320.0])
def test_temperature_acts_as_in_the_full_equations(network, examples, kelvin_):
    """Warmer or colder, the discrete neurons fire more or less as the full ones do: number of spikes within 20 %."""
    same = {"backend": "runtime", "noise": False, "dt": 5 * us}  # the card's own step is too long for 320 K
    full = [int(deploy(network, examples, temperature=one * kelvin, **same).spikes.sum()) for one in (300.0, kelvin_)]
    quiet = changed(network, "noise", 0.0)
    discrete = [spikes(quiet, examples), spikes(changed(quiet, "temperature_k", kelvin_), examples)]
    assert (full[1] > full[0]) == (discrete[1] > discrete[0])
    assert discrete[0] == pytest.approx(full[0], rel=0.2)
    assert discrete[1] == pytest.approx(full[1], rel=0.2)


def test_table(network, examples):
    table = robustness([network], examples, draws=2, conditions={"noise": (1.0, 3.0)})
    assert list(table.columns) == ["condition", "level", "network", "draw", "accuracy"]
    assert len(table) == 4 and table["accuracy"].between(0, 1).all()


def test_bad_input(network):
    with pytest.raises(ValueError, match="weather"):
        changed(network, "weather", 1.0)
    with pytest.raises(ValueError, match="stuck_neurons = 2"):
        changed(network, "stuck_neurons", 2)
    with pytest.raises(ValueError, match="temperature_k"):
        changed(network, "temperature_k", 0.0)
    with pytest.raises(ValueError, match="'lif'"):
        changed(SpeechNetwork(NetworkSettings("lif", lines=10, neurons=4)), "noise", 1.0)


def test_summary_of_an_ablation():
    import pandas as pd

    rows = pd.DataFrame(
        [
            {"without": what, "fold": fold, "seed": seed, "accuracy": value + 0.01 * seed + shift, "rate": 0.1}
            for what, value in (("nothing", 0.9), ("leak", 0.7))
            for fold, shift in (("a", 0.02), ("b", -0.02))
            for seed in (0, 1)
        ]
    )
    found = summary(rows).set_index("without")
    assert found.loc["leak", "worth"] == pytest.approx(0.2)
    assert found.loc["leak", "worth_spread"] == pytest.approx(0)
    assert found.loc["nothing", "accuracy"] == pytest.approx(0.905)
    assert found.loc["nothing", "spread"] == pytest.approx(0.01 / np.sqrt(2))
    assert set(found.index) <= set(WITHOUT)
