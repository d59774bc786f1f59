"""Training: it learns, the same seed gives the same network, and a killed run ends as if it had not been killed."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from memneuro.speech.network import KINDS, NetworkSettings  # noqa: E402
from memneuro.speech.train import (  # noqa: E402
    Examples,
    TrainingSettings,
    UnusableCheckpoint,
    _at_other_tempo,
    _disturbed,
    _one_copy_each,
    accuracy,
    predict,
    train,
)


def made(words: int = 60, seed: int = 0, copies: int = 0) -> Examples:
    """Words of three classes, each of which excites four of twelve lines more than the others."""
    rng = np.random.default_rng(seed)
    total = words * (copies + 1)
    label = np.arange(total) % 3
    n_bins = rng.integers(10, 21, total)
    rate = np.where(np.arange(12)[None] // 4 == label[:, None], 6.0, 0.5)
    counts = rng.poisson(rate[:, None], (total, 20, 12)) * (np.arange(20)[None] < n_bins[:, None])[..., None]
    return Examples(
        torch.from_numpy(counts.astype(np.uint8)),
        torch.from_numpy(n_bins),
        torch.from_numpy(label),
        np.arange(total) % words,
    )


def network(kind: str = "memristor", **changes) -> NetworkSettings:
    return NetworkSettings(kind, **{"lines": 6, "neurons": 24, "classes": 3, "delays": (0, 2), "listen": 3} | changes)


def training(**changes) -> TrainingSettings:
    return TrainingSettings(**{"epochs": 4, "batch": 10, "learning_rate": 0.02, "shift_lines": 1} | changes)


def same(one, other) -> bool:
    """Whether all weights are the same to the last bit."""
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.fixture(autouse=True)
def one_thread():
    """Networks this small are slower with more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_learns(kind):
    """Chance is a third; words that were not trained on."""
    settings = training(epochs=6, shift_lines=0)
    trained, history = train(network(kind), settings, made(), made(30, seed=1), progress=False)
    assert len(history) == 6 and history[-1]["loss"] < history[0]["loss"]
    assert history[-1]["accuracy"] > 0.8 and history[-1]["validation"] > 0.8
    assert 0.005 < history[-1]["rate"] < 0.5
    assert accuracy(trained, made(30, seed=2)) > 0.8


def test_training_keeps_the_weights_in_the_range_of_the_crossbar():
    trained, _ = train(network("lif", largest_weight=0.25), training(epochs=2), made(), progress=False)
    for weight in (trained.w_in, trained.w_rec, trained.w_out):
        assert weight.detach().abs().max() == 0.25


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_sets_everything(kind):
    settings = training(epochs=2, tempo=0.1)
    first, history = train(network(kind), settings, made(copies=1), made(9, seed=1), progress=False)
    torch.manual_seed(12345)
    np.random.seed(12345)
    second, again = train(network(kind), settings, made(copies=1), made(9, seed=1), progress=False)
    other, _ = train(network(kind), training(epochs=2, tempo=0.1, seed=1), made(copies=1), progress=False)
    assert same(first, second) and history == again
    assert not torch.equal(first.w_in, other.w_in)


def test_looking_at_validation_changes_nothing():
    with_, _ = train(network(), training(epochs=2), made(), made(9, seed=1), progress=False)
    without, _ = train(network(), training(epochs=2), made(), progress=False)
    assert same(with_, without)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_was_stopped_ends_as_if_it_had_not_been(kind, tmp_path):
    path = tmp_path / "new" / "one.npz"
    whole, history = train(network(kind), training(), made(copies=1), made(9, seed=1), progress=False)
    for until in (1, 3, None):
        resumed, found = train(
            network(kind), training(), made(copies=1), made(9, seed=1), checkpoint=path, until=until, progress=False
        )
        assert found == history[:until]
        assert same(resumed, whole) == (until is None)
    assert os.listdir(path.parent) == ["one.npz"]
    written = path.stat().st_mtime_ns
    finished, found = train(network(kind), training(), made(copies=1), made(9, seed=1), checkpoint=path, progress=False)
    assert same(finished, whole) and found == history and path.stat().st_mtime_ns == written


def test_a_checkpoint_belongs_to_its_words(tmp_path):
    """Neither other training words nor another validation go on with it."""
    path = tmp_path / "one.npz"
    train(network("lif"), training(), made(copies=1), made(9, seed=1), checkpoint=path, until=1, progress=False)
    before = path.read_bytes()
    for words, looked, which in ((made(), made(9, seed=1), "examples"), (made(copies=1), None, "validation")):
        with pytest.raises(UnusableCheckpoint, match=rf"one\.npz was trained with other words \({which}\)"):
            train(network("lif"), training(), words, looked, checkpoint=path, progress=False)
    assert path.read_bytes() == before


SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {folder!r})
from test_train import made, network, torch, train, training
torch.set_num_threads(1)
train(network("memristor"), training(epochs=12), made(copies=1), checkpoint=Path({path!r}), progress=False)
"""


def test_a_run_that_was_killed_ends_as_if_it_had_not_been(tmp_path):
    """SIGKILL in mid-epoch: at most the epoch in progress is lost."""
    path = tmp_path / "killed.npz"
    script = SCRIPT.format(folder=os.path.dirname(__file__), path=str(path))
    process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, text=True)
    seen = 0
    try:
        limit = time.monotonic() + 120
        while seen < 2 and process.poll() is None and time.monotonic() < limit:
            time.sleep(0.01)
            if path.exists():
                with np.load(path) as file:
                    seen = len(json.loads(str(file["description"]))["history"])
        assert process.poll() is None, process.stderr.read()
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    with np.load(path) as file:
        kept = json.loads(str(file["description"]))["history"]
    assert 2 <= seen <= len(kept) < 12
    whole, history = train(network(), training(epochs=12), made(copies=1), progress=False)
    assert kept == history[: len(kept)]
    resumed, found = train(network(), training(epochs=12), made(copies=1), checkpoint=path, progress=False)
    assert found == history and same(resumed, whole)


def test_a_write_that_fails_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    path = tmp_path / "one.npz"
    train(network("lif"), training(), made(), checkpoint=path, until=1, progress=False)
    before = path.read_bytes()

    def failing(stream, **arrays):
        stream.write(b"half")
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", failing)
        with pytest.raises(OSError, match="disk full"):
            train(network("lif"), training(), made(), checkpoint=path, progress=False)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["one.npz"]


def resume(path, settings=None, how=None) -> None:
    train(settings or network("lif"), how or training(), made(), checkpoint=path, progress=False)


def test_damaged_checkpoints_are_refused_and_left_alone(tmp_path):
    path = tmp_path / "one.npz"
    train(network("lif"), training(), made(), checkpoint=path, until=1, progress=False)
    whole = path.read_bytes()
    inside = whole.index(b"weight/w_in.npy") + 400
    for damaged in (
        whole[: len(whole) // 2],
        whole[:-1],
        b"",
        b"not a checkpoint",
        whole[:inside] + bytes([whole[inside] ^ 1]) + whole[inside + 1 :],
    ):
        path.write_bytes(damaged)
        with pytest.raises(UnusableCheckpoint, match=r"one\.npz is damaged or not a checkpoint .*remove it"):
            resume(path)
        assert path.read_bytes() == damaged
    np.savez(path, other=np.zeros(3))
    with pytest.raises(UnusableCheckpoint, match=r"one\.npz is damaged or not a checkpoint"):
        resume(path)
    folder = tmp_path / "folder.npz"
    folder.mkdir()
    with pytest.raises(UnusableCheckpoint, match=r"folder\.npz is damaged or not a checkpoint"):
        resume(folder)
    path.write_bytes(whole)
    resume(path)


@pytest.mark.parametrize(
    ("settings", "how", "message"),
    [
        ({"neurons": 25}, {}, "one.npz was trained with neurons = 24, asked for is 25"),
        ({"kind": "adaptive_lif"}, {}, "kind = 'lif', asked for is 'adaptive_lif'"),
        ({"delays": (0, 3)}, {}, r"delays = \[0, 2\], asked for is \[0, 3\]"),
        ({"largest_weight": 1.0}, {}, r"largest_weight = 2\.0, asked for is 1\.0"),
        ({}, {"seed": 1}, "seed = 0, asked for is 1"),
        ({}, {"epochs": 5}, "epochs = 4, asked for is 5"),
        ({}, {"learning_rate": 0.01}, r"learning_rate = 0\.02, asked for is 0\.01"),
    ],
)
def test_a_checkpoint_of_another_configuration_is_refused_and_left_alone(settings, how, message, tmp_path):
    path = tmp_path / "one.npz"
    train(network("lif"), training(), made(), checkpoint=path, until=1, progress=False)
    before = path.read_bytes()
    with pytest.raises(UnusableCheckpoint, match=message):
        resume(path, network(**{"kind": "lif"} | settings), training(**how))
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs = 0; accepted: a whole number of at least 1"),
        ({"epochs": 2.0}, r"epochs = 2\.0"),
        ({"batch": True}, "batch = True"),
        ({"seed": -1}, "seed = -1; accepted: a whole number of at least 0"),
        ({"shift_lines": -1}, "shift_lines = -1"),
        ({"learning_rate": 1.0}, r"learning_rate = 1\.0; accepted: from 0 up to 1"),
        ({"learning_rate": float("nan")}, "learning_rate = nan"),
        ({"weight_decay": -0.1}, r"weight_decay = -0\.1"),
        ({"label_smoothing": 1.5}, r"label_smoothing = 1\.5"),
        ({"drop_input": float("inf")}, "drop_input = inf"),
        ({"tempo": -0.1}, r"tempo = -0\.1"),
    ],
)
def test_bad_settings_are_refused_by_name(changes, message):
    with pytest.raises(ValueError, match=message):
        TrainingSettings(**changes)


def test_examples_that_do_not_fit_together_are_refused():
    examples = made(6)
    with pytest.raises(ValueError, match="differ in length; accepted: one entry a word in each"):
        Examples(examples.counts, examples.n_bins, examples.label[:5], examples.word)


def test_an_epoch_takes_one_copy_of_each_word():
    """Every copy gets its turn, about as often as any other."""
    word = np.random.default_rng(1).permutation(np.repeat([2, 5, 6, 9, 11], 4))
    taken = np.zeros(20, dtype=int)
    for epoch in range(400):
        chosen = _one_copy_each(word, np.random.default_rng([0, epoch]))
        assert sorted(word[chosen]) == [2, 5, 6, 9, 11]
        taken[chosen] += 1
    assert taken.sum() == 2000 and taken.min() > 60 and taken.max() < 140


def test_training_sees_one_copy_of_each_word_in_each_epoch(monkeypatch):
    """Copies are told by the counts that reach the network: copy k of word i has i + 1 in line k only."""
    words, copies = 7, 3
    counts = np.zeros((words * copies, 4, 12), dtype=np.uint8)
    for number in range(words * copies):
        counts[number, 0, number // words] = number % words + 1
    examples = Examples(
        torch.from_numpy(counts),
        torch.full((words * copies,), 4),
        torch.zeros(words * copies, dtype=torch.int64),
        np.arange(words * copies) % words,
    )
    seen = []

    def look(counts, training, rng, mean):
        seen.extend((int(one.max()), int(one.argmax()) % 12) for one in counts)
        return counts

    monkeypatch.setattr("memneuro.speech.train._disturbed", look)
    train(network("lif"), training(epochs=8, batch=3), examples, progress=False)
    assert len(seen) == 8 * words
    for epoch in range(8):
        assert sorted(word for word, _ in seen[epoch * words : (epoch + 1) * words]) == list(range(1, words + 1))
    assert {copy for _, copy in seen} == {0, 1, 2}


def test_words_are_shifted_along_the_lines_and_some_lines_are_at_their_mean():
    counts = torch.zeros(200, 3, 12)
    counts[:, 1, 0], counts[:, 2, 6] = 7, 9
    rng = np.random.default_rng(0)
    mean = torch.full((6,), 8.0)  # of two lines together
    moved = _disturbed(counts, training(shift_lines=2, drop_input=0.0), rng, mean)
    shifts = moved[:, 2].argmax(1) - 6
    assert sorted(shifts.unique().tolist()) == [-2, -1, 0, 1, 2]
    for one, shift in zip(moved, shifts.tolist(), strict=True):
        assert one[2].sum() == 9  # inside
        assert one[1].sum() == (7 if shift >= 0 else 0)  # beyond the edge is lost, not wrapped
    quiet = _disturbed(torch.zeros(200, 3, 12), training(shift_lines=0, drop_input=0.25), rng, mean)
    assert torch.equal(quiet[:, 0], quiet[:, 2])  # a line is held in the whole word
    assert quiet.mean() / 4 == pytest.approx(0.25, abs=0.04)
    assert torch.equal(_disturbed(counts, training(shift_lines=0, drop_input=0.0), rng, mean), counts)


def test_a_word_at_another_tempo():
    counts = torch.arange(1, 21).float().reshape(1, 20, 1).repeat(50, 1, 1)
    n_bins = torch.full((50,), 20)
    changed, bins = _at_other_tempo(counts, n_bins, 0.25, np.random.default_rng(0))
    assert 16 <= bins.min() < 18 and 24 < bins.max() <= 27 and changed.shape == (50, int(bins.max()), 1)
    for one, length in zip(changed[..., 0], bins.tolist(), strict=True):
        assert (one[:length].diff() >= 0).all() and one[0] == 1
        assert one[length - 1] >= 19
        assert not one[length:].any()
    assert _at_other_tempo(counts, n_bins, 0.0, np.random.default_rng(0))[0] is counts


def test_predictions_do_not_depend_on_the_order_of_the_words():
    trained, _ = train(network("lif"), training(epochs=3), made(), progress=False)
    examples = made(31, seed=2)
    order = torch.from_numpy(np.random.default_rng(0).permutation(31))
    turned = Examples(examples.counts[order], examples.n_bins[order], examples.label[order], examples.word[order])
    heard = predict(trained, examples, batch=7)
    assert len(set(heard.tolist())) == 3
    np.testing.assert_array_equal(predict(trained, turned, batch=31), heard[order])
    assert accuracy(trained, examples) == np.mean(heard == examples.label.numpy())
