"""Spoken digits from the command line: train, evaluate, and one clear line where something is wrong."""

import functools
import json
import os
import wave
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("h5py")

from memneuro.cli import main  # noqa: E402
from memneuro.speech import experiment, shd  # noqa: E402
from memneuro.speech.cochlea import Cochlea  # noqa: E402
from memneuro.speech.experiment import best_epoch  # noqa: E402
from memneuro.speech.fsdd import load_fsdd  # noqa: E402
from memneuro.speech.network import NetworkSettings  # noqa: E402
from memneuro.speech.shd import write_shd  # noqa: E402
from memneuro.speech.spike_words import SpikeWords  # noqa: E402
from memneuro.speech.splits import hold_out_speaker, leave_one_speaker_out, official  # noqa: E402
from memneuro.speech.train import TrainingSettings, UnusableCheckpoint, train  # noqa: E402
from memneuro.speech.trained import load_network  # noqa: E402

TRAIN, TEST = 24, 9


def spoken(count: int, speakers: tuple[str, ...], seed: int) -> SpikeWords:
    """Words of three classes, each of which excites channels of its own; the speakers take turns."""
    rng = np.random.default_rng(seed)
    label = np.arange(count) % 3
    lengths = rng.integers(250, 350, count)
    times = [np.sort(rng.uniform(0, 0.15, n)) for n in lengths]
    channels = [(230 * one + rng.integers(0, 230, n)) for one, n in zip(label, lengths, strict=True)]
    return SpikeWords(
        times=np.concatenate(times),
        channels=np.concatenate(channels),
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        duration=np.float32([one[-1] for one in times]),
        label=label,
        speaker=np.array([speakers[i // 3 % len(speakers)] for i in range(count)]),
        index=np.arange(count),
        variant=np.zeros(count, dtype=int),
        n_channels=700,
        n_classes=3,
    )


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """No warning that the published files have more words; one thread, as the networks are small."""
    monkeypatch.setattr(shd, "COUNTS", {"train": TRAIN, "test": TEST})
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    write_shd(folder / "shd_train.h5", spoken(TRAIN, ("0", "1", "3"), 0))
    write_shd(folder / "shd_test.h5", spoken(TEST, ("2", "4"), 1))
    return folder


@pytest.fixture
def speech(data, tmp_path, capsys):
    """Run `memneuro speech` on the small files: exit status, standard output, standard error."""

    def run(what, *more, dataset="shd", out="networks"):
        given = ["speech", what, "--dataset", dataset, "--data", str(data), *more]
        status = main(given if what == "encode" else [*given, "--out", str(tmp_path / out)])
        caught = capsys.readouterr()
        return status, caught.out, caught.err

    return run


TINY = ("--kind", "lif", "--neurons", "16", "--epochs", "3", "--seeds", "2", "--json")


def refused(answer: tuple[int, str, str], *parts: str) -> None:
    """Status 2, one line on standard error and nothing on standard output."""
    status, out, err = answer
    lines = [line for line in err.splitlines() if line.strip()]
    assert status == 2 and out == ""
    assert len(lines) == 1 and lines[0].startswith("memneuro: error: "), err
    for part in parts:
        assert part in lines[0]


def test_train_and_evaluate(speech, tmp_path):
    status, out, _ = speech("train", *TINY)
    assert status == 0
    rows = json.loads(out)["rows"]
    assert [(row["fold"], row["seed"]) for row in rows] == [("official", 0), ("official", 1)]
    assert sorted(os.listdir(tmp_path / "networks")) == [
        "lif-official-0.npz",
        "lif-official-1.npz",
        "lif-official-validation.npz",
    ]
    _, looked = load_network(tmp_path / "networks" / "lif-official-validation.npz")
    heard = [one["validation"] for one in looked["history"]]
    assert len(heard) == 3 and looked["training"]["seed"] == 0
    for row in rows:
        network, description = load_network(tmp_path / "networks" / f"lif-official-{row['seed']}.npz")
        assert network.settings == NetworkSettings("lif", neurons=16, classes=20)
        assert description["training"]["seed"] == row["seed"]
        assert len(description["history"]) == row["epochs"] == description["training"]["epochs"]
        assert row["epochs"] == best_epoch(heard) and row["validation"] == heard[row["epochs"] - 1]

    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "networks").iterdir()}
    assert json.loads(speech("train", *TINY)[1])["rows"] == rows
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "networks").iterdir()} == before

    status, out, _ = speech("evaluate", "--kind", "lif", "--seeds", "2", "--json")
    assert status == 0
    (result,) = json.loads(out)["table"]
    assert json.loads(out)["folds"] == result["folds"] and json.loads(out)["accuracy"] == result["accuracy"]
    assert result["kind"] == "lif" and result["folds"] == {"official": [row["accuracy"] for row in rows]}
    assert result["accuracy"] == pytest.approx(np.mean(result["folds"]["official"]))
    assert result["spread"] == pytest.approx(np.std(result["folds"]["official"], ddof=1))
    confusion = np.array(result["confusion"])
    assert confusion.shape == (20, 20)
    assert confusion.sum(1).tolist() == [6, 6, 6] + [0] * 17  # three test words of each class, two seeds
    assert np.trace(confusion) / confusion.sum() == pytest.approx(result["accuracy"])
    assert json.loads(speech("evaluate", "--kind", "lif", "--json")[1])["table"] == [result]  # all seeds there are

    status, out, _ = speech("evaluate", "--kind", "lif", "--seeds", "1")
    assert status == 0 and "lif" in out and f"{100 * result['folds']['official'][0]:.1f}" in out


def test_memristor_networks_from_the_command_line(speech):
    tiny = ("--neurons", "8", "--epochs", "1", "--seeds", "1", "--folds", "official")
    status, out, _ = speech("train", *tiny)
    assert status == 0 and out.split()[:4] == ["fold", "seed", "epochs", "validation"] and "official" in out
    status, out, _ = speech("evaluate", "--seeds", "1", "--json")
    assert status == 0 and json.loads(out)["table"][-1]["spread"] is None


def test_encode_counts_words_and_spikes(speech, data):
    status, out, _ = speech("encode", "--json")
    parts = [shd.load_shd(name, data) for name in ("train", "test")]
    spikes = sum(len(part.times) for part in parts)
    assert status == 0 and json.loads(out) == {"words": 33, "spikes": spikes, "folds": ["official"]}


@pytest.mark.parametrize(
    ("accuracy", "epoch"),
    [
        ([0.5], 1),
        ([0.5, 0.6, 0.7], 3),
        # One lucky epoch does not make the training short.
        ([0.5, 0.9, 0.5, 0.6, 0.8, 0.8, 0.8, 0.7], 6),
        ([0.9, 0.8, 0.1, 0.1], 1),
    ],
)
def test_the_length_of_a_training_is_that_of_a_running_mean(accuracy, epoch):
    assert best_epoch(np.array(accuracy)) == epoch


def test_a_network_for_the_test_words_is_trained_without_them(data, tmp_path, monkeypatch):
    """Which words reach the training: those of the two other training speakers, then all training words."""
    task = experiment.load("shd", "official", data=data)
    (fold,) = task.folds
    assert fold.train.tolist() == list(range(24)) and fold.test.tolist() == list(range(24, 33))
    ((short, validation),) = fold.looks
    assert set(task.words.speaker[validation]) == {"0"} and set(task.words.speaker[short]) == {"1", "3"}
    calls = []

    def look(settings, training, examples, validation=None, **options):
        calls.append(
            (
                training.epochs,
                training.seed,
                examples.word.tolist(),
                None if validation is None else validation.word.tolist(),
            )
        )
        return "network", [{"validation": value} for value in (0.5, 0.75, 0.75, 0.25)[: training.epochs]]

    def hear(network, examples, seed):
        assert (network, seed, examples.word.tolist()) == ("network", 5, fold.test.tolist())
        return np.where(np.arange(9) < 3, -1, examples.label.numpy())

    monkeypatch.setattr(experiment, "train", look)
    monkeypatch.setattr(experiment, "predict", hear)
    (row,) = experiment.train_folds(task, NetworkSettings("lif"), TrainingSettings(epochs=4, seed=5), tmp_path)
    assert row == {"fold": "official", "seed": 5, "epochs": 2, "validation": 0.75, "accuracy": pytest.approx(6 / 9)}
    assert calls == [(4, 0, short.tolist(), validation.tolist()), (2, 5, list(range(24)), None)]


def test_accuracies_are_those_of_folds_and_seeds(data, tmp_path, monkeypatch):
    """Mean over folds and seeds, standard deviation over seeds of the mean over folds, worked out by hand."""
    task = experiment.load("shd", "official", data=data)
    parts = {"one": np.arange(24, 28), "two": np.arange(28, 30)}
    folds = tuple(
        experiment.Fold(name, np.arange(4), test, ((np.arange(2), np.arange(2, 4)),)) for name, test in parts.items()
    )
    right = {("one", 0): 2, ("one", 7): 3, ("two", 0): 0, ("two", 7): 2}

    def hear(network, examples, seed):
        name = "one" if len(examples.word) == 4 else "two"
        assert network == f"lif-{name}-{seed}.npz"
        said = examples.label.numpy()
        return np.where(np.arange(len(said)) < right[name, seed], said, 19)

    class Loaded(str):
        settings = NetworkSettings("lif", classes=20)

    monkeypatch.setattr(experiment, "load_network", lambda path: (Loaded(path.name), {}))
    monkeypatch.setattr(experiment, "predict", hear)
    result = experiment.evaluate(replace(task, folds=folds), "lif", tmp_path, [0, 7])
    assert result["folds"] == {"one": [0.5, 0.75], "two": [0.0, 1.0]}
    assert result["accuracy"] == pytest.approx((0.25 + 0.875) / 2)
    assert result["spread"] == pytest.approx((0.875 - 0.25) / np.sqrt(2))
    confusion = np.array(result["confusion"])
    assert confusion.sum() == 12 and np.trace(confusion) == 7 and confusion[:3, 19].sum() == 5
    text = experiment.table_text([result]).splitlines()
    assert len(text) == 2 and text[1].split() == ["lif", "2", "62.5", "50.0", "56.25", "44.19"]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Tones in files named like the Free Spoken Digits: two digits, three speakers, six repetitions."""
    folder = tmp_path_factory.mktemp("recordings")
    for digit in range(2):
        for number, speaker in enumerate(("ann", "bob", "cleo")):
            for index in range(6):
                hz = 400 * (1 + 3 * digit) + 60 * number + 5 * index
                sound = 10_000 * np.sin(2 * np.pi * hz * np.arange(800) / 8000)
                with wave.open(str(folder / f"{digit}_{speaker}_{index}.wav"), "wb") as file:
                    file.setparams((1, 2, 8000, 0, "NONE", ""))
                    file.writeframes(sound.astype("<i2").tobytes())
    return folder, tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize("split", ["official", "loso"])
def test_folds_of_recordings_with_copies(split, recorded, monkeypatch):
    """A word and its copy share a number, tests and validations have none of the copies, and no word is in two."""
    folder, cache = recorded
    options = {"folder": cache, "processes": 1, "cochlea": Cochlea(channels=140)}
    monkeypatch.setattr(experiment, "encode", functools.partial(experiment.encode, **options))
    task = experiment.load("fsdd", split, copies=1, data=folder, progress=False)
    words, word = task.words, task.examples.word
    assert len(words) == 72 and words.n_classes == 2 and task.examples.counts.shape[2] == 140
    for number in range(36):
        recorded_and_copy = np.flatnonzero(word == number)
        assert words.variant[recorded_and_copy].tolist() == [0, 1]
        for name in ("label", "speaker", "index"):
            assert len(set(getattr(words, name)[recorded_and_copy])) == 1
    assert [fold.name for fold in task.folds] == (["official"] if split == "official" else ["ann", "bob", "cleo"])
    for fold in task.folds:
        assert not words.variant[fold.test].any()
        left_out = []
        for trained, looked in fold.looks:
            assert not words.variant[looked].any()
            short, validation, test = (set(word[part]) for part in (trained, looked, fold.test))
            assert not short & validation and not (short | validation) & test
            assert short | validation == set(word[fold.train]) and len(fold.train) == 2 * len(set(word[fold.train]))
            assert len(set(words.speaker[looked])) == 1
            assert set(words.speaker[looked]).isdisjoint(words.speaker[trained])
            left_out.append(str(words.speaker[looked][0]))
        assert len(left_out) == 1 if split == "loso" else left_out == ["ann", "bob", "cleo"]
        part = task.part(fold.test)
        assert torch.equal(part.label, torch.from_numpy(words.label[fold.test].astype(np.int64)))
        assert torch.equal(part.counts, task.examples.counts[torch.from_numpy(fold.test)])
        if split == "loso":
            assert set(words.speaker[fold.test]) == {fold.name} and fold.name not in words.speaker[fold.train]
        else:
            assert set(words.index[fold.test]) == set(range(5))


@pytest.mark.parametrize("split", ["official", "loso"])
def test_no_test_word_is_trained_on(split, recordings_folder):
    """The published recordings, with two copies of each word as the encoder arranges them."""
    words = load_fsdd()
    copies = SpikeWords(
        times=np.zeros(0),
        channels=np.zeros(0, dtype=int),
        offsets=np.zeros(9001, dtype=int),
        duration=np.zeros(9000),
        label=np.tile(words.label, 3),
        speaker=np.tile(words.speaker, 3),
        index=np.tile(words.index, 3),
        variant=np.repeat([0, 1, 2], 3000),
        n_channels=1,
        n_classes=10,
    )
    for spikes in (copies.select(np.arange(3000)), copies):
        splits = [official(spikes)] if split == "official" else list(leave_one_speaker_out(spikes).values())
        number = np.arange(len(spikes)) % 3000
        tested = []
        for one in splits:
            short, validation = hold_out_speaker(one.train, spikes)
            for part in (short, validation, one.train):
                assert not set(number[part]) & set(number[one.test])
            assert not set(number[short]) & set(number[validation])
            assert set(number[short]) | set(number[validation]) == set(number[one.train])
            assert len(set(spikes.speaker[validation])) == 1
            if split == "loso":
                assert not set(spikes.speaker[one.train]) & set(spikes.speaker[one.test])
            tested.extend(number[one.test])
        assert len(tested) == len(set(tested)) == (300 if split == "official" else 3000)


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_truncated_file_is_refused(part, speech, data):
    path = data / f"shd_{part}.h5"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused(speech("train", *TINY), path.name, f"({len(whole) // 2} bytes)", "damaged or truncated")


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_missing_file_is_refused(part, speech, data):
    (data / f"shd_{part}.h5").unlink()
    refused(speech("train", *TINY), f"shd_{part}.h5", "download")


def test_a_missing_folder_is_refused(speech, data):
    for path in data.iterdir():
        path.unlink()
    data.rmdir()
    refused(speech("train", *TINY), str(data))
    refused(speech("encode", "--copies", "0", dataset="fsdd"), str(data))


def test_evaluating_what_was_not_trained_is_refused(speech):
    refused(speech("evaluate", "--kind", "lif"), "networks has no lif networks of official", "memneuro speech")
    refused(speech("evaluate", "--kind", "lif", "--seeds", "1"), "lif-official-0.npz is not there", "speech train")
    refused(speech("evaluate", "--kind", "courage"), "kind = 'courage' with shd", "memristor, lif, adaptive_lif")


def test_evaluating_a_damaged_network_is_refused(speech, tmp_path):
    speech("train", *TINY)
    path = tmp_path / "networks" / "lif-official-1.npz"
    path.write_bytes(path.read_bytes()[:-100])
    refused(speech("evaluate", "--kind", "lif", "--seeds", "2"), "lif-official-1.npz is damaged")
    np.savez(path, description=np.array("{}"))
    refused(speech("evaluate", "--kind", "lif", "--seeds", "2"), "lif-official-1.npz is damaged or not a trained")


def test_a_network_that_knows_other_words_is_refused(data, tmp_path):
    task = experiment.load("shd", "official", data=data)
    settings = NetworkSettings("lif", neurons=4, classes=10, delays=(0,))
    train(
        settings,
        TrainingSettings(epochs=1),
        task.part([0, 1]),
        checkpoint=tmp_path / "lif-official-0.npz",
        progress=False,
    )
    with pytest.raises(UnusableCheckpoint, match=r"lif-official-0\.npz knows 10 words; the data have 20"):
        experiment.evaluate(task, "lif", tmp_path, [0])


def test_training_on_with_another_configuration_is_refused(speech):
    assert speech("train", *TINY)[0] == 0
    refused(speech("train", *TINY, "--neurons", "17"), "was trained with neurons = 16, asked for is 17")


def test_energies_without_the_full_equations_are_refused(speech):
    refused(speech("evaluate", "--energy"), "--energy without --deploy")


def test_unknown_kinds_and_folds_are_refused(speech):
    refused(speech("train", *TINY, "--kind", "courage"), "kind = 'courage'", "memristor, lif, adaptive_lif")
    refused(speech("train", *TINY, "--folds", "ann"), "fold 'ann'; accepted: official")
    refused(speech("train", *TINY, "--split", "loso"), "split = 'loso'; accepted for shd: official")


@pytest.mark.parametrize("option", [("--dataset", "timit"), ("--split", "random"), ("--epochs", "0"), ("--seeds", "x")])
def test_unknown_options_are_refused(option, capsys):
    """What the parser refuses: usage and one line."""
    with pytest.raises(SystemExit) as left:
        main(["speech", "train", *option])
    caught = capsys.readouterr()
    assert left.value.code == 2 and caught.out == "" and "Traceback" not in caught.err
    assert option[0] in caught.err.splitlines()[-1] and option[1] in caught.err.splitlines()[-1]


def test_unknown_data_sets_and_splits_are_refused_before_anything_is_read():
    with pytest.raises(ValueError, match="dataset = 'timit'; accepted: fsdd, shd"):
        experiment.load("timit", "official")
    with pytest.raises(ValueError, match="split = 'random'; accepted for fsdd: official, loso"):
        experiment.load("fsdd", "random")
