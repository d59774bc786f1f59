"""What each trait is worth: the network trained anew without it.

Six traits of the neuron (doi:10.1038/s41928-025-01488-x) and how each is taken away, one at a time; see
:class:`memneuro.speech.memristor.MemristorLayer`:

* leaky integration: nothing dissolves before the neuron fires;
* threshold firing: the gap shrinks in proportion to the drive down to a hard threshold, without the device's own
  speeding up as the gap closes;
* intrinsic plasticity: no residue is left by what dissolves;
* refractory period: the gate is empty before every pulse;
* stochasticity: the tip potential does not fluctuate;
* cascaded connection: no spike reaches another neuron, there is no recurrent crossbar.

All networks of a fold are trained alike, for as many epochs and with the same seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from memneuro.speech.experiment import Task
from memneuro.speech.network import NetworkSettings
from memneuro.speech.train import TrainingSettings, accuracy, train

#: What is taken away, and the settings that do it.
WITHOUT: Mapping[str, Mapping[str, Any]] = {
    "nothing": {},
    "leak": {"without": ("leak",)},
    "soft_threshold": {"without": ("soft_threshold",)},
    "plasticity": {"without": ("plasticity",)},
    "refractory": {"without": ("refractory",)},
    "noise": {"without": ("noise",)},
    "recurrence": {"recurrent": False},
}


def ablate(
    task: Task,
    training: TrainingSettings,
    folder: Path,
    *,
    settings: NetworkSettings | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    variants: Sequence[str] | None = None,
    folds: Sequence[str] | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Train and test the network without each trait.

    Parameters
    ----------
    task : Task
    training : TrainingSettings
        The same for all; its seed is replaced.
    folder : Path
        For checkpoints; what is there already is kept.
    settings : NetworkSettings, optional
        The network from which traits are taken.
    seeds : sequence of int
    variants : sequence of str, optional
        Some of :data:`WITHOUT`; all by default.
    folds : sequence of str, optional
        Some folds of the task, by name; all by default.
    progress : bool

    Returns
    -------
    DataFrame
        One row a variant, fold and seed: ``without``, ``fold``, ``seed``, ``accuracy`` (on the test) and ``rate``
        (spikes of a neuron a bin at the end of training).

    Raises
    ------
    ValueError
        For an unknown variant or fold.
    """
    settings = NetworkSettings(classes=task.words.n_classes) if settings is None else settings
    known = {fold.name: fold for fold in task.folds}
    variants = list(WITHOUT) if variants is None else list(variants)
    folds = list(known) if folds is None else list(folds)
    for name, given, accepted in (("variant", variants, WITHOUT), ("fold", folds, known)):
        for one in given:
            if one not in accepted:
                raise ValueError(f"{name} {one!r}; accepted: {', '.join(accepted)}")
    rows = []
    for fold in folds:
        examples, test = task.part(known[fold].train), task.part(known[fold].test)
        for variant in variants:
            changed = replace(settings, **WITHOUT[variant])
            for seed in seeds:
                network, history = train(
                    changed,
                    replace(training, seed=seed),
                    examples,
                    checkpoint=folder / f"without-{variant}-{fold}-{seed}.npz",
                    progress=progress,
                )
                rows.append(
                    {
                        "without": variant,
                        "fold": fold,
                        "seed": seed,
                        "accuracy": accuracy(network, test, seed),
                        "rate": history[-1]["rate"],
                    }
                )
    return pd.DataFrame(rows)


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Means and spreads of :func:`ablate`, one row a variant.

    Returns
    -------
    DataFrame
        ``without``; ``accuracy`` and ``spread`` (mean and standard deviation over seeds of the mean over folds);
        ``worth`` and ``worth_spread`` (what is lost without the trait: mean and standard deviation over seeds of the
        difference between the networks with and without it that share the seed); ``rate``.
    """
    by_seed = rows.pivot_table(index="without", columns="seed", values="accuracy", aggfunc="mean", sort=False)
    lost = by_seed.loc["nothing"] - by_seed
    return pd.DataFrame(
        {
            "without": by_seed.index,
            "accuracy": by_seed.mean(axis=1).to_numpy(),
            "spread": by_seed.std(axis=1).to_numpy(),
            "worth": lost.mean(axis=1).to_numpy(),
            "worth_spread": lost.std(axis=1).to_numpy(),
            "rate": rows.groupby("without", sort=False)["rate"].mean().to_numpy(),
        }
    )
