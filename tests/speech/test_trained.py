"""The networks that ship with the package, and small files of networks."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from memneuro.speech import experiment  # noqa: E402
from memneuro.speech.deploy import deploy  # noqa: E402
from memneuro.speech.experiment import best_epoch  # noqa: E402
from memneuro.speech.network import NetworkSettings  # noqa: E402
from memneuro.speech.train import Examples, TrainingSettings, UnusableCheckpoint, train  # noqa: E402
from memneuro.speech.trained import SHIPPED, load_network, make_small  # noqa: E402

SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")


def words(count: int, seed: int) -> Examples:
    rng = np.random.default_rng(seed)
    label = np.arange(count) % 3
    counts = rng.poisson(2, (count, 8, 6)) + 6 * (np.arange(6) // 2 == label[:, None, None])
    return Examples(
        torch.from_numpy(counts.astype(np.uint8)),
        torch.full((count,), 8),
        torch.from_numpy(label),
        np.arange(count),
    )


@pytest.fixture
def files(tmp_path):
    settings, training = NetworkSettings(lines=6, neurons=12, classes=3, delays=(0,)), TrainingSettings(epochs=2)
    paths = [tmp_path / "final.npz", tmp_path / "look.npz", tmp_path / "look-1.npz"]
    for path, looked in zip(paths, (None, words(9, 1), words(9, 2)), strict=True):
        train(settings, training, words(30, 0), looked, checkpoint=path, progress=False)
    return paths


def test_a_small_file_holds_the_network_to_the_last_step_of_its_crossbars(files, tmp_path):
    final, *looked_at = files
    make_small(final, tmp_path / "sub" / "small.npz", looked_at)
    network, _ = load_network(final)
    small, description = load_network(tmp_path / "sub" / "small.npz")
    for name, value in network.state_dict().items():
        step = value.abs().max() / 127 if name in ("w_in", "w_rec", "w_out") else 0
        assert (small.state_dict()[name] - value).abs().max() <= 0.5001 * step, name
    curves = [[row["validation"] for row in load_network(path)[1]["history"]] for path in looked_at]
    assert description["validation"] == pytest.approx(np.mean(curves, axis=0), abs=1e-5)
    assert (tmp_path / "sub" / "small.npz").stat().st_size < 0.5 * final.stat().st_size


def test_what_is_no_finished_network(files, tmp_path):
    with pytest.raises(UnusableCheckpoint, match=r"nowhere\.npz is not there"):
        load_network(tmp_path / "nowhere.npz")
    cut = tmp_path / "cut.npz"
    cut.write_bytes(files[0].read_bytes()[:2000])
    with pytest.raises(UnusableCheckpoint, match=r"cut\.npz is damaged"):
        load_network(cut)
    with np.load(files[0]) as file:
        arrays = dict(file)
    description = json.loads(str(arrays["description"]))
    arrays["description"] = np.array(json.dumps({**description, "history": description["history"][:1]}))
    np.savez(tmp_path / "stopped.npz", **arrays)
    with pytest.raises(UnusableCheckpoint, match="after 1 of 2 epochs"):
        load_network(tmp_path / "stopped.npz")


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("kind", ["memristor", "lif", "adaptive_lif"])
def test_the_package_has_a_network_for_each_fold_and_seed(kind, seed):
    for name in (*SPEAKERS, "official"):
        _, description = load_network(SHIPPED / f"{kind}-{name}-{seed}.npz")
        settings, training = description["network"], description["training"]
        assert settings["kind"] == kind and settings["neurons"] == 256 and training["seed"] == seed
        assert training["epochs"] == best_epoch(description["validation"])


@pytest.fixture(scope="module")
def official(tmp_path_factory, request):
    import os

    if not os.environ.get("MEMNEURO_DATA"):
        pytest.skip("needs the recordings; set MEMNEURO_DATA")
    return experiment.load("fsdd", "official", test_only=True, progress=False)


@pytest.mark.slow
def test_official_split(official):
    """The networks of the package, of each seed, hear at least 99 % of the words that were held out."""
    assert min(experiment.evaluate(official, "memristor", SHIPPED)["folds"]["official"]) >= 0.99


@pytest.mark.slow
def test_full_equations_lose_at_most_one_point(official):
    test = official.part(official.folds[0].test)
    network, _ = load_network(SHIPPED / "memristor-official-0.npz")
    trained = experiment.evaluate(official, "memristor", SHIPPED, [0])["accuracy"]
    assert deploy(network, test, backend="cpp").accuracy >= trained - 0.01
