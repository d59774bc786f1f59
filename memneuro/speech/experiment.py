"""Spoken digits from beginning to end: encode, train each fold, evaluate on the words that were held out.

Protocol of a fold: the words of its test are not looked at. One training speaker is left out (a fixed rule, see
:mod:`memneuro.speech.splits`) and a network trained on the others; the epoch with the best accuracy on the left-out
speaker, as a running mean over three epochs, gives the length of the training. A network trained for that long on all
training speakers is the one tested. One such run, of seed 0, serves the networks of all seeds. The official split of
the spoken digits is one fold only: there each training speaker is left out in turn, and the curve is the mean over
them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from memneuro.speech.encode import encode
from memneuro.speech.fsdd import load_fsdd
from memneuro.speech.network import NetworkSettings
from memneuro.speech.shd import load_shd
from memneuro.speech.spike_words import SpikeWords
from memneuro.speech.splits import Split, hold_out_speaker, leave_one_speaker_out, official
from memneuro.speech.train import Examples, TrainingSettings, UnusableCheckpoint, predict, train
from memneuro.speech.trained import load_network

#: Step of the network, longest word and resolution of the input, which the network joins to fewer lines.
STEP_S = 10e-3
LONGEST_S = 1.0
LINES = 140

DATASETS = ("fsdd", "shd")
SPLITS = ("official", "loso")


@dataclass(frozen=True)
class Fold:
    """Positions of the words of one fold.

    Parameters
    ----------
    name : str
        Its name.
    train, test : ndarray of int
        Positions of the words.
    looks : tuple of (ndarray, ndarray)
        For the length of the training: the words that are trained on and those of a training speaker who is left out.
    """

    name: str
    train: np.ndarray
    test: np.ndarray
    looks: tuple[tuple[np.ndarray, np.ndarray], ...]


@dataclass(frozen=True)
class Task:
    """Words with their copies, as counts, and the folds.

    Parameters
    ----------
    words : SpikeWords
        The words as spikes.
    examples : Examples
        The same as counts.
    folds : tuple of Fold
        Positions in both.
    """

    words: SpikeWords
    examples: Examples
    folds: tuple[Fold, ...]

    def part(self, which: np.ndarray) -> Examples:
        """The examples at some positions."""
        return self.examples.part(which)


def load(
    dataset: str,
    split: str,
    *,
    copies: int = 0,
    data: Path | None = None,
    test_only: bool = False,
    progress: bool = True,
) -> Task:
    """Words of a data set and its folds.

    Parameters
    ----------
    dataset : str
        ``"fsdd"`` or ``"shd"``.
    split : str
        ``"official"``, or ``"loso"``: leave one speaker out (fsdd only).
    copies : int
        Augmented copies of each word (fsdd only; the other holds spikes, not sound).
    data : Path, optional
        Folder of the recordings or of ``shd_train.h5`` and ``shd_test.h5``; found or downloaded by default.
    test_only : bool
        Only the words of the tests, with folds that have nothing to train on: there is less to encode.
    progress : bool

    Raises
    ------
    ValueError
        For an unknown data set or split, or one that does not go with the other.
    """
    if dataset not in DATASETS:
        raise ValueError(f"dataset = {dataset!r}; accepted: {', '.join(DATASETS)}")
    if split not in SPLITS or (dataset == "shd" and split != "official"):
        accepted = "official" if dataset == "shd" else ", ".join(SPLITS)
        raise ValueError(f"split = {split!r}; accepted for {dataset}: {accepted}")
    none = np.empty(0, dtype=np.int64)
    if isinstance(copies, bool) or not isinstance(copies, int) or copies < 0:
        raise ValueError(f"copies = {copies!r}; accepted: a whole number of at least 0")
    if dataset == "fsdd":
        recordings = load_fsdd(data)
        if test_only:
            tests = {name: one.test for name, one in fsdd_splits(split, recordings).items()}
            kept = np.unique(np.concatenate(list(tests.values())))
            words = encode(recordings.select(kept), progress=progress)
            pairs = {name: (none, np.searchsorted(kept, test)) for name, test in tests.items()}
            copies = 0
        else:
            words = encode(recordings, copies=copies, progress=progress)
            pairs = {name: (one.train, one.test) for name, one in fsdd_splits(split, words).items()}
        recorded = len(words) // (copies + 1)
        number = np.arange(len(words)) % recorded
    else:
        parts = [load_shd(name, None if data is None else data / f"shd_{name}.h5") for name in ("train", "test")]
        words = SpikeWords.concatenate(parts)
        number = np.arange(len(words))
        pairs = {"official": (number[: len(parts[0])], number[len(parts[0]) :])}
    counts, n_bins = words.counts(STEP_S, LINES, LONGEST_S)
    examples = Examples(
        torch.from_numpy(counts), torch.from_numpy(n_bins), torch.from_numpy(words.label.astype(np.int64)), number
    )
    folds = []
    for name, (training, test) in pairs.items():
        looks: tuple[tuple[np.ndarray, np.ndarray], ...] = ()
        if not test_only and dataset == "fsdd" and split == "official":
            speakers = np.unique(words.speaker[training])
            looks = tuple(hold_out_speaker(training, words, str(speaker)) for speaker in speakers)
        elif not test_only:
            looks = (hold_out_speaker(training, words),)
        folds.append(Fold(name, none if test_only else training, test, looks))
    return Task(words, examples, tuple(folds))


def fsdd_splits(split: str, words: Any) -> dict[str, Split]:
    """The folds of a split of the Free Spoken Digit Dataset, by name.

    Parameters
    ----------
    split : {"official", "loso"}
        Which one.
    words : Words or SpikeWords
        Of the data set.
    """
    return {"official": official(words)} if split == "official" else dict(leave_one_speaker_out(words))


def train_folds(
    task: Task,
    settings: NetworkSettings,
    training: TrainingSettings,
    folder: Path,
    *,
    folds: Sequence[str] | None = None,
    progress: bool = True,
) -> list[dict[str, Any]]:
    """Train a network for each fold below `folder`; what is there already is kept.

    Parameters
    ----------
    task : Task
        Words and folds.
    settings : NetworkSettings
        Of every network.
    training : TrainingSettings
        Of every training; the epochs are the most that are tried.
    folder : Path
        Where the networks go.
    folds : sequence of str, optional
        Some folds only, by name.
    progress : bool
        Whether to show bars.

    Returns
    -------
    list of dict
        ``fold``, ``seed``, ``epochs`` (picked on left-out training speakers), ``validation`` (the accuracy on them
        then), ``accuracy`` (on the test).

    Raises
    ------
    ValueError
        If a fold is unknown.
    UnusableCheckpoint
        If a file in `folder` is damaged or of another configuration.
    """
    known = {fold.name: fold for fold in task.folds}
    wanted = list(known) if folds is None else list(dict.fromkeys(folds))
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise ValueError(f"fold {unknown[0]!r}; accepted: {', '.join(known)}")
    rows = []
    for name in wanted:
        fold = known[name]
        curves = []
        for number, (short, validation) in enumerate(fold.looks):
            _, history = train(
                settings,
                replace(training, seed=0),
                task.part(short),
                task.part(validation),
                checkpoint=look_path(folder, settings.kind, name, number),
                progress=progress,
            )
            curves.append([row["validation"] for row in history])
        heard = np.mean(curves, axis=0)
        epochs = best_epoch(heard)
        network, _ = train(
            settings,
            replace(training, epochs=epochs),
            task.part(fold.train),
            checkpoint=folder / f"{settings.kind}-{name}-{training.seed}.npz",
            progress=progress,
        )
        test = task.part(fold.test)
        right = np.mean(predict(network, test, training.seed) == test.label.numpy())
        rows.append(
            {
                "fold": name,
                "seed": training.seed,
                "epochs": epochs,
                "validation": float(heard[epochs - 1]),
                "accuracy": float(right),
            }
        )
    return rows


def best_epoch(accuracy: np.ndarray) -> int:
    """Number, from 1, of the epoch with the best running mean over itself and its two neighbours, shape (epochs,).

    One left-out speaker says 500 words, so an accuracy of 0.85 is known to 0.016: the best single epoch is often one
    by luck. At both ends the mean is over the neighbours that there are.
    """
    there = np.convolve(np.ones(len(accuracy)), np.ones(3))[1:-1]
    return int(np.argmax(np.convolve(accuracy, np.ones(3))[1:-1] / there)) + 1


def look_path(folder: Path, kind: str, fold: str, number: int = 0) -> Path:
    """File of the training with a left-out speaker.

    Parameters
    ----------
    folder : Path
        Where the networks are.
    kind, fold : str
        Of the neurons, and name of the fold.
    number : int
        Which of the fold's ``looks``.
    """
    return folder / f"{kind}-{fold}-validation{f'-{number}' if number else ''}.npz"


def seeds_in(folder: Path, kind: str, folds: Sequence[str]) -> list[int]:
    """Seeds for which `folder` has a network of each fold.

    Parameters
    ----------
    folder : Path
        Where the networks are.
    kind : str
        Of the neurons.
    folds : sequence of str
        Names of the folds.
    """
    found = []
    for path in folder.glob(f"{kind}-{folds[0]}-*.npz"):
        seed = path.stem.removeprefix(f"{kind}-{folds[0]}-")
        if seed.isdigit() and all((folder / f"{kind}-{name}-{seed}.npz").exists() for name in folds):
            found.append(int(seed))
    return sorted(found)


def evaluate(task: Task, kind: str, folder: Path, seeds: Sequence[int] | None = None) -> dict[str, Any]:
    """Accuracy on the held-out words of each fold, with each seed's network.

    Parameters
    ----------
    task : Task
    kind : str
        Of :data:`memneuro.speech.network.KINDS`.
    folder : Path
        Where the networks are; :data:`memneuro.speech.trained.SHIPPED` for those of the package.
    seeds : sequence of int, optional
        By default all for which every fold has a network.

    Returns
    -------
    dict
        ``kind``; ``seeds``; ``accuracy`` (mean over folds and seeds), ``spread`` (standard deviation over seeds of the
        mean over folds, None for one seed), ``folds`` {name: [accuracy of each seed]} and ``confusion`` (said, heard;
        counts over folds and seeds).

    Raises
    ------
    UnusableCheckpoint
        If a network is missing, damaged, or knows another number of words.
    """
    names = [fold.name for fold in task.folds]
    seeds = seeds_in(folder, kind, names) if seeds is None else list(seeds)
    if not seeds:
        raise UnusableCheckpoint(f"{folder} has no {kind} networks of {', '.join(names)}; train with `memneuro speech`")
    folds: dict[str, list[float]] = {}
    classes = task.words.n_classes
    confusion = np.zeros((classes, classes), dtype=int)
    for fold in task.folds:
        test = task.part(fold.test)
        said = test.label.numpy()
        for seed in seeds:
            network, _ = load_network(folder / f"{kind}-{fold.name}-{seed}.npz")
            if network.settings.classes != classes:
                raise UnusableCheckpoint(
                    f"the network of {kind}-{fold.name}-{seed}.npz knows {network.settings.classes} words; "
                    f"the data have {classes}"
                )
            heard = predict(network, test, seed)
            folds.setdefault(fold.name, []).append(float(np.mean(heard == said)))
            np.add.at(confusion, (said, heard), 1)
    return _result(kind, list(seeds), folds, confusion)


def evaluate_svm(split: str, data: Path | None = None) -> dict[str, Any]:
    """The support-vector machine on the folds of the spoken digits, in the form of :func:`evaluate`; without seeds.

    Parameters
    ----------
    split : {"official", "loso"}
        Which folds.
    data : Path, optional
        Folder of the recordings; found or downloaded by default.
    """
    from memneuro.speech.svm import features, hears

    words = load_fsdd(data)
    found = features(words)
    folds: dict[str, list[float]] = {}
    confusion = np.zeros((10, 10), dtype=int)
    for name, one in fsdd_splits(split, words).items():
        said = words.label[one.test]
        heard = hears(found, words.label, one.train, one.test)
        folds[name] = [float(np.mean(heard == said))]
        np.add.at(confusion, (said, heard), 1)
    return _result("svm", [], folds, confusion)


def _result(kind: str, seeds: list[int], folds: dict[str, list[float]], confusion: np.ndarray) -> dict[str, Any]:
    by_seed = np.mean(list(folds.values()), axis=0)
    return {
        "kind": kind,
        "seeds": seeds,
        "accuracy": float(by_seed.mean()),
        "spread": float(by_seed.std(ddof=1)) if len(by_seed) > 1 else None,
        "folds": folds,
        "confusion": confusion.tolist(),
    }


def table_text(results: Sequence[Mapping[str, Any]]) -> str:
    """Lay out the accuracies of several kinds: each fold's mean over the seeds, their mean, and its spread."""
    rows = [
        {
            "network": one["kind"],
            "seeds": len(one["seeds"]) or "-",
            **{name: f"{100 * np.mean(found):.1f}" for name, found in one["folds"].items()},
            "mean %": f"{100 * one['accuracy']:.2f}",
            "spread": "-" if one["spread"] is None else f"{100 * one['spread']:.2f}",
        }
        for one in results
    ]
    return pd.DataFrame(rows).to_string(index=False)
