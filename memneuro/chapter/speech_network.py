"""The trained networks on spoken digits: accuracy, what goes on inside, and what each trait is worth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from memneuro.chapter.chapter import Chapter, no_verdict
from memneuro.figure import speech_network as figure

#: Of the noise of the devices with their full equations; the trained networks have seeds of their own, see the table.
SEED = 0
KINDS = ("lif", "adaptive_lif", "memristor")


def simulate(fast: bool) -> dict[str, pd.DataFrame]:
    """The networks of the package on the words they have not heard; fast, the official split only.

    Raises
    ------
    ImportError
        Without PyTorch.
    SpeechUnavailable
        When the recordings are not on this machine and cannot be downloaded.
    """
    from memneuro.speech import experiment
    from memneuro.speech.trained import SHIPPED, load_network

    split = "official" if fast else "loso"
    task = experiment.load("fsdd", split, test_only=True, progress=False)
    accuracy, confusion = [], np.zeros((10, 10))
    names = [fold.name for fold in task.folds]
    kinds = [kind for kind in KINDS if experiment.seeds_in(SHIPPED, kind, names)]
    for kind in kinds:
        found = experiment.evaluate(task, kind, SHIPPED)
        for fold, values in found["folds"].items():
            accuracy += [
                {"network": kind, "fold": fold, "seed": seed, "accuracy": value}
                for seed, value in zip(found["seeds"], values, strict=True)
            ]
        confusion = np.array(found["confusion"])
    said, heard = np.indices(confusion.shape)
    history = [
        {"network": kind, "fold": fold.name, "epoch": epoch, "validation": value}
        for kind in kinds
        for fold in task.folds
        for epoch, value in enumerate(load_network(SHIPPED / f"{kind}-{fold.name}-0.npz")[1]["validation"], 1)
    ]
    tables = {
        "accuracy": pd.DataFrame(accuracy),
        "confusion": pd.DataFrame({"said": said.ravel(), "heard": heard.ravel(), "words": confusion.ravel()}),
        "training": pd.DataFrame(history),
        **_one_word(task),
    }
    ablation = SHIPPED.parent / "ablation.csv"
    if ablation.exists():
        tables["ablation"] = pd.read_csv(ablation)
    return tables


def _one_word(task: Any) -> dict[str, pd.DataFrame]:
    """A seven of the first test through the network of its fold, with the full equations in Brian2."""
    from memneuro.speech.deploy import PERIOD_S, deploy
    from memneuro.speech.train import predict
    from memneuro.speech.trained import SHIPPED, load_network

    fold = task.folds[0]
    test = task.part(fold.test)
    network, _ = load_network(SHIPPED / f"memristor-{fold.name}-0.npz")
    said = test.label.numpy()
    right = (said == 7) & (predict(network, test) == said)
    word = int(np.flatnonzero(right if right.any() else said == 7)[0])
    found = deploy(network, test.part(np.array([word])), backend="runtime", seed=SEED)
    counts = test.counts[word].numpy()[: found.n_bins[0]]
    periods, lines = np.nonzero(counts)
    step = PERIOD_S * 1e3
    input_ = pd.DataFrame({"time_ms": periods * step, "line": lines, "spikes": counts[periods, lines]})
    periods, neurons = np.nonzero(found.spikes[0])
    spikes = pd.DataFrame({"time_ms": periods * step, "neuron": neurons})
    classes = np.arange(found.evidence.shape[2])
    evidence = pd.DataFrame(
        [
            {"time_ms": (period + 1) * step, "digit": digit, "evidence": found.evidence[0, period, digit]}
            for period in range(found.n_bins[0])
            for digit in classes
        ]
    )
    return {"word_input": input_, "word_spikes": spikes, "word_evidence": evidence}


CHAPTER = Chapter(
    number=17,
    name="speech_network",
    title="A network that hears spoken digits",
    paragraphs=(
        "Recurrent networks of 256 neurons, trained by back-propagation through time on the digits of the Free Spoken "
        "Digit Dataset. The neurons are 1M1T1R neurons in discrete time, or plain or adaptive leaky integrate-and-fire "
        "neurons in the same network with the same training. Each network is tested on a speaker it has never heard.",
        "The word in panels d to f is the first seven of the first test that the network in discrete time hears right. "
        "It runs through that network with the full equations of every device in Brian2; they hear the digit whose "
        "line ends highest.",
    ),
    caption=(
        "a, accuracy on the test of each fold; one point a seed. b, which digit is heard for the one that was said, "
        "memristor networks. c, accuracy on the left-out training speaker over the training; line: mean over the "
        "folds. d, spikes of the cochlea in one word, e, spikes of the network with the full equations, f, evidence "
        "for each digit; solid: the digit that was said. g, accuracy lost without each trait; bars: mean over seeds, "
        "points: seeds."
    ),
    simulate=simulate,
    draw=figure.draw,
    judge=no_verdict,
    cards=("hopping_unbounded_2e4d",),
    seeds=(SEED,),
)
