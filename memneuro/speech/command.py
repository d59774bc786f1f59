"""``memneuro speech``: what each of its commands does, as plain values."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from memneuro.speech import ablation, deploy, experiment, robustness
from memneuro.speech.network import KINDS, NetworkSettings
from memneuro.speech.train import TrainingSettings
from memneuro.speech.trained import SHIPPED, load_network


def encode(args: Namespace) -> dict[str, Any]:
    """Words, spikes and folds."""
    task = experiment.load(args.dataset, args.split, copies=args.copies, data=args.data)
    return {"words": len(task.words), "spikes": len(task.words.times), "folds": [fold.name for fold in task.folds]}


def train(args: Namespace) -> dict[str, Any]:
    """A network for each fold and seed, and its accuracy."""
    task = experiment.load(args.dataset, args.split, copies=args.copies, data=args.data)
    settings = NetworkSettings(args.kind, neurons=args.neurons, classes=task.words.n_classes)
    rows = [
        row
        for seed in range(args.seeds)
        for row in experiment.train_folds(
            task, settings, TrainingSettings(epochs=args.epochs, seed=seed), args.out, folds=args.folds
        )
    ]
    folds: dict[str, list[float]] = {}
    for row in rows:
        folds.setdefault(row["fold"], []).append(row["accuracy"])
    return {"accuracy": float(np.mean([row["accuracy"] for row in rows])), "folds": folds, "rows": rows}


def evaluate(args: Namespace) -> dict[str, Any]:
    """The table of accuracies; ``accuracy`` and ``folds`` are those of the last network in it.

    Raises
    ------
    ValueError
        For an unknown kind, or options that do not go together.
    """
    kinds: tuple[str, ...] = ("svm", *KINDS[1:], KINDS[0]) if args.kind == "all" else (args.kind,)
    if args.dataset != "fsdd":
        kinds = tuple(kind for kind in kinds if kind != "svm")
    if not set(kinds) <= {"svm", *KINDS} or not kinds:
        raise ValueError(
            f"kind = {args.kind!r} with {args.dataset}; accepted: all, svm (fsdd only), {', '.join(KINDS)}"
        )
    if (args.deploy or args.robust) and "memristor" not in kinds:
        raise ValueError(f"kind = {args.kind!r} with --deploy or --robust; accepted: all, memristor")
    if args.energy and not args.deploy:
        raise ValueError("--energy without --deploy; accepted: both, as only the full equations have energies")
    folder = SHIPPED if args.out is None else args.out
    task = experiment.load(args.dataset, args.split, data=args.data, test_only=True)
    seeds = None if args.seeds is None else range(args.seeds)
    names = [fold.name for fold in task.folds]
    if args.kind == "all":
        kinds = tuple(
            kind for kind in kinds if kind in ("svm", "memristor") or experiment.seeds_in(folder, kind, names)
        )
    table = [
        experiment.evaluate_svm(args.split, args.data)
        if kind == "svm"
        else experiment.evaluate(task, kind, folder, seeds)
        for kind in kinds
    ]
    result = {"accuracy": table[-1]["accuracy"], "folds": table[-1]["folds"], "table": table}
    if args.deploy or args.robust:
        rows, stress = [], []
        for fold in task.folds:
            test = task.part(fold.test)
            networks = [load_network(folder / f"memristor-{fold.name}-{seed}.npz")[0] for seed in table[-1]["seeds"]]
            if args.deploy:
                for seed, network in zip(table[-1]["seeds"], networks, strict=True):
                    found = deploy.deploy(network, test, backend=args.backend, seed=seed, energy=args.energy)
                    rows.append({"fold": fold.name, "seed": seed, **deploy.summary(network, found, test, seed)})
            if args.robust:
                stress.append(robustness.robustness(networks, test).assign(fold=fold.name))
        if rows:
            result["deployed"] = rows
        if stress:
            mean = pd.concat(stress).groupby(["condition", "level"], sort=False)["accuracy"].agg(["mean", "std"])
            result["robustness"] = mean.reset_index().to_dict("records")
    return result


def ablate(args: Namespace) -> dict[str, Any]:
    """What each trait is worth."""
    task = experiment.load(args.dataset, args.split, copies=args.copies, data=args.data)
    settings = NetworkSettings(neurons=args.neurons, classes=task.words.n_classes)
    rows = ablation.ablate(
        task,
        TrainingSettings(epochs=args.epochs),
        args.out,
        settings=settings,
        seeds=range(args.seeds),
        variants=None if args.variants is None else ["nothing", *args.variants],
        folds=args.folds,
    )
    whole = rows[rows["without"] == "nothing"]
    return {
        "accuracy": float(whole["accuracy"].mean()),
        "folds": {str(name): list(part["accuracy"]) for name, part in whole.groupby("fold", sort=False)},
        "table": ablation.summary(rows).to_dict("records"),
        "rows": rows.to_dict("records"),
    }


def text(result: Mapping[str, Any]) -> str:
    """A result in lines to read."""
    parts = []
    if "words" in result:
        parts.append("\n".join(f"{name}: {value}" for name, value in result.items()))
    if "table" in result:
        table = result["table"]
        parts.append(experiment.table_text(table) if "kind" in table[0] else _frame(table))
    elif "rows" in result:
        parts.append(_frame(result["rows"]))
    parts += [f"{name}\n{_frame(result[name])}" for name in ("deployed", "robustness") if name in result]
    return "\n\n".join(parts)


def _frame(rows: list[dict[str, Any]]) -> str:
    return pd.DataFrame(rows).to_string(index=False, float_format="{:.4g}".format)
