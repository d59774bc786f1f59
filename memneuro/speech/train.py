"""Training by back-propagation through time, resumable after every epoch and the same for the same seed.

An epoch draws everything it needs (order of the words, which copy of each, the devices' noise, jitter) from the seed
and its own number. So a run that was killed goes on from its last whole epoch and ends as if it had not been.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from memneuro.progress import no_bar
from memneuro.speech.network import NetworkSettings, SpeechNetwork


@dataclass(frozen=True)
class TrainingSettings:
    """How a network is trained.

    Parameters
    ----------
    epochs : int
        The learning rate falls to zero over them along a cosine.
    batch : int
    learning_rate, weight_decay : float
        Of AdamW.
    seed : int
        Of weights, order, noise.
    label_smoothing : float
        Share of the target given to the other words.
    drop_input : float
        Share of the input lines that are held at their mean in a training word.
    shift_lines : int
        A training word is shifted along the lines by up to this many: another length of the vocal tract.
    tempo : float
        A training word is slower or faster by up to this share.

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    epochs: int = 16
    batch: int = 128
    learning_rate: float = 5e-3
    weight_decay: float = 1e-3
    seed: int = 0
    label_smoothing: float = 0.1
    drop_input: float = 0.1
    shift_lines: int = 2
    tempo: float = 0.0

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch", 1), ("seed", 0), ("shift_lines", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= 2**31 - 1:
                raise ValueError(f"{name} = {value!r}; accepted: a whole number of at least {least}, below 2**31")
        for name in ("learning_rate", "weight_decay", "label_smoothing", "drop_input", "tempo"):
            value = getattr(self, name)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not (number and math.isfinite(value) and 0 <= value < 1):
                raise ValueError(f"{name} = {value!r}; accepted: from 0 up to 1")


@dataclass(frozen=True)
class Examples:
    """Words as the network takes them.

    Parameters
    ----------
    counts : Tensor of uint8, shape (words, bins, lines)
        Spikes.
    n_bins : Tensor of int, shape (words,)
        Bins of each word.
    label : Tensor of int, shape (words,)
        What was said.
    word : ndarray of int, shape (words,)
        Number of the recorded word: its augmented copies have the same, and an epoch takes one of them.

    Raises
    ------
    ValueError
        If the four differ in length.
    """

    counts: Tensor
    n_bins: Tensor
    label: Tensor
    word: np.ndarray

    def __post_init__(self) -> None:
        if not len(self.counts) == len(self.n_bins) == len(self.label) == len(self.word):
            raise ValueError("counts, n_bins, label and word differ in length; accepted: one entry a word in each")

    def __len__(self) -> int:
        return len(self.counts)

    def digest(self) -> str:
        """Short text that another set of examples does not have."""
        found = hashlib.sha256()
        for one in (self.counts.numpy(), self.n_bins.numpy(), self.label.numpy(), np.asarray(self.word)):
            found.update(repr((one.shape, one.dtype)).encode())
            found.update(np.ascontiguousarray(one).data)
        return found.hexdigest()[:20]

    def part(self, which: np.ndarray) -> Examples:
        """The examples at some positions."""
        which = np.asarray(which, dtype=np.int64)
        index = torch.from_numpy(which)
        return Examples(self.counts[index], self.n_bins[index], self.label[index], self.word[which])


class UnusableCheckpoint(ValueError):
    """A checkpoint cannot be used; the message says whether it is damaged or of another configuration."""


def train(
    settings: NetworkSettings,
    training: TrainingSettings,
    examples: Examples,
    validation: Examples | None = None,
    *,
    checkpoint: Path | None = None,
    until: int | None = None,
    progress: bool = True,
) -> tuple[SpeechNetwork, list[dict[str, float]]]:
    """Train a network.

    Parameters
    ----------
    settings : NetworkSettings
        What the network is made of.
    training : TrainingSettings
        How it is trained.
    examples : Examples
        Training words with their copies.
    validation : Examples, optional
        Words of a speaker who is left out; only looked at, unless the caller picks an epoch by them.
    checkpoint : Path, optional
        File to resume from if it exists and to write after each epoch.
    until : int, optional
        Stop after this many epochs, with the learning rate of the whole run.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    network : SpeechNetwork
    history : list of dict
        For each epoch ``loss``, ``accuracy``, ``rate`` (spikes a bin) and, with validation, ``validation``.

    Raises
    ------
    UnusableCheckpoint
        If the checkpoint is damaged or belongs to another configuration or other words.
    ValueError
        If there are no words, or words that the network does not know.
    """
    for name, one in (("training", examples), ("validation", validation)):
        if one is not None and not len(one):
            raise ValueError(f"there are no words for {name}; accepted: at least one")
        if one is not None and int(one.label.max()) >= settings.classes:
            raise ValueError(f"a word for {name} is number {int(one.label.max())}; accepted: below {settings.classes}")
    configuration = {
        "network": settings.as_dict(),
        "training": asdict(training),
        "data": {
            "examples": examples.digest(),
            "validation": None if validation is None else validation.digest(),
        },
    }
    network = SpeechNetwork(settings, training.seed)
    network.measure_lines(examples.counts, examples.n_bins)
    optimiser = torch.optim.AdamW(
        [p for p in network.parameters() if p.requires_grad],
        lr=training.learning_rate,
        weight_decay=training.weight_decay,
    )
    history: list[dict[str, float]] = []
    if checkpoint is not None and checkpoint.exists():
        history = load_checkpoint(checkpoint, network, optimiser, configuration)
    last = training.epochs if until is None else min(until, training.epochs)
    with tqdm(total=last, initial=len(history), desc=settings.kind, unit="epoch", disable=no_bar(progress)) as bar:
        for epoch in range(len(history), last):
            rate = 0.5 * training.learning_rate * (1 + math.cos(math.pi * epoch / training.epochs))
            for group in optimiser.param_groups:
                group["lr"] = rate
            row = _epoch(network, optimiser, training, examples, epoch)
            if validation is not None:
                row["validation"] = accuracy(network, validation)
            history.append(row)
            if checkpoint is not None:
                save_checkpoint(checkpoint, network, optimiser, configuration, history)
            bar.set_postfix({name: f"{value:.3f}" for name, value in row.items()})
            bar.update()
    return network, history


def _epoch(
    network: SpeechNetwork, optimiser: Any, training: TrainingSettings, examples: Examples, epoch: int
) -> dict[str, float]:
    """One pass over the words, one copy of each."""
    rng = np.random.default_rng([training.seed, epoch])
    generator = torch.Generator().manual_seed(training.seed * 100_003 + epoch)
    chosen = _one_copy_each(examples.word, rng)
    length = examples.n_bins[chosen].numpy() + 8 * rng.random(len(chosen))
    chosen = chosen[np.argsort(length)]
    batches = [chosen[first : first + training.batch] for first in range(0, len(chosen), training.batch)]
    rng.shuffle(batches)
    losses, right, rates = [], 0, []
    for batch in batches:
        n_bins = examples.n_bins[batch]
        counts = examples.counts[batch][:, : int(n_bins.max())].float()
        counts, n_bins = _at_other_tempo(counts, n_bins, training.tempo, rng)
        counts = _disturbed(counts, training, rng, network.line_mean)
        logits, spikes, inside = network(counts, n_bins, generator)
        loss = functional.cross_entropy(logits, examples.label[batch], label_smoothing=training.label_smoothing)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        network.bound()
        losses.append(loss.item())
        right += int((logits.argmax(1) == examples.label[batch]).sum())
        rates.append(((spikes * inside).sum() / inside.sum() / network.settings.neurons).item())
    return {"loss": float(np.mean(losses)), "accuracy": right / len(chosen), "rate": float(np.mean(rates))}


def _one_copy_each(word: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """For each recorded word one of its copies."""
    order = rng.permutation(len(word))
    return order[np.unique(word[order], return_index=True)[1]]


def _at_other_tempo(counts: Tensor, n_bins: Tensor, tempo: float, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Each word slower or faster; a bin takes the counts of the nearest bin."""
    if not tempo:
        return counts, n_bins
    faster = torch.from_numpy(rng.uniform(1 - tempo, 1 + tempo, len(counts)))
    bins = (n_bins / faster).round().clamp(min=1).long()
    source = ((torch.arange(int(bins.max()))[None] + 0.5) * faster[:, None]).long()
    inside = source < n_bins[:, None]
    source = source.clamp(max=counts.shape[1] - 1)[..., None].expand(-1, -1, counts.shape[2])
    return counts.gather(1, source) * inside[..., None], bins


def _disturbed(counts: Tensor, training: TrainingSettings, rng: np.random.Generator, mean: Tensor) -> Tensor:
    """Words shifted along the lines, with some lines held at their mean."""
    if training.shift_lines:
        shift = rng.integers(-training.shift_lines, training.shift_lines + 1, len(counts))
        lines = counts.shape[2]
        source = np.arange(lines)[None] - shift[:, None]
        inside = torch.from_numpy((source >= 0) & (source < lines))[:, None]
        index = torch.from_numpy(np.clip(source, 0, lines - 1))[:, None].expand(-1, counts.shape[1], -1)
        counts = counts.gather(2, index) * inside
    if training.drop_input:
        kept = torch.from_numpy(rng.random((len(counts), 1, counts.shape[2])) >= training.drop_input)
        together = counts.shape[2] // len(mean)
        counts = torch.where(kept, counts, mean.repeat_interleave(together) / together)
    return counts


def predict(network: SpeechNetwork, examples: Examples, seed: int = 0, batch: int = 256) -> np.ndarray:
    """The word that the network hears in each example, shape (words,).

    Parameters
    ----------
    network : SpeechNetwork
        What listens.
    examples : Examples
        The words.
    seed : int
        Of the devices' noise.
    batch : int
        Words at a time.
    """
    return predict_with_spikes(network, examples, seed, batch)[0]


@torch.no_grad()
def predict_with_spikes(
    network: SpeechNetwork, examples: Examples, seed: int = 0, batch: int = 256
) -> tuple[np.ndarray, np.ndarray]:
    """The word that the network hears in each example and the number of its spikes in it, each of shape (words,).

    Parameters
    ----------
    network : SpeechNetwork
        What listens.
    examples : Examples
        The words.
    seed : int
        Of the devices' noise.
    batch : int
        Words at a time.
    """
    generator = torch.Generator().manual_seed(seed)
    order = np.argsort(examples.n_bins.numpy(), kind="stable")
    heard = np.zeros(len(order), dtype=np.int64)
    fired = np.zeros(len(order), dtype=np.int64)
    for first in range(0, len(order), batch):
        part = order[first : first + batch]
        n_bins = examples.n_bins[part]
        logits, spikes, inside = network(examples.counts[part][:, : int(n_bins.max())].float(), n_bins, generator)
        heard[part] = logits.argmax(1).numpy()
        fired[part] = (spikes * inside).sum((1, 2)).numpy()
    return heard, fired


def accuracy(network: SpeechNetwork, examples: Examples, seed: int = 0) -> float:
    """Share of the examples that are heard right.

    Parameters
    ----------
    network : SpeechNetwork
        What listens.
    examples : Examples
        The words.
    seed : int
        Of the devices' noise.
    """
    return float(np.mean(predict(network, examples, seed) == examples.label.numpy()))


def save_checkpoint(
    path: Path,
    network: SpeechNetwork,
    optimiser: Any,
    configuration: Mapping[str, Any],
    history: list[dict[str, float]],
) -> None:
    """Write weights, optimiser, history and configuration to one NPZ file, complete or not at all.

    Parameters
    ----------
    path : Path
        The file.
    network : SpeechNetwork
        Its weights.
    optimiser : torch.optim.Optimizer
        Its state.
    configuration : mapping of str to object
        What JSON can hold; :func:`load_checkpoint` compares it.
    history : list of dict
        One entry an epoch.
    """
    arrays: dict[str, Any] = {f"weight/{name}": value.detach().numpy() for name, value in network.state_dict().items()}
    for number, state in optimiser.state_dict()["state"].items():
        for name, value in state.items():
            arrays[f"optimiser/{number}/{name}"] = np.asarray(value)
    text = json.dumps({**configuration, "history": history})
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            np.savez(file, description=np.array(text), **arrays)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def load_checkpoint(
    path: Path, network: SpeechNetwork, optimiser: Any, configuration: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, float]]:
    """Put a checkpoint's weights and optimiser in place and return its history.

    Parameters
    ----------
    path : Path
        The file.
    network : SpeechNetwork
        Gets the weights.
    optimiser : torch.optim.Optimizer
        Gets the state.
    configuration : mapping of str to mapping
        What the file must have been saved with.

    Raises
    ------
    UnusableCheckpoint
        If the file is damaged, or its configuration is another.
    """
    try:
        with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
            description = json.loads(str(file["description"]))
            arrays = {name: file[name] for name in file.files if name != "description"}
        history = list(description["history"])
        found = {part: dict(description[part]) for part in configuration}
    except Exception as error:
        raise _damaged(path, error) from error
    for part, values in configuration.items():
        for name, value in values.items():
            if found[part].get(name) != value:
                what = f"other words ({name})" if part == "data" else f"{name} = {found[part].get(name)!r}"
                asked = "" if part == "data" else f", asked for is {value!r}"
                raise UnusableCheckpoint(
                    f"{path} was trained with {what}{asked}; give another checkpoint file or the same configuration"
                )
    try:
        state: dict[int, dict[str, Tensor]] = {}
        weights = {}
        for key, value in arrays.items():
            what, _, name = key.partition("/")
            if what == "weight":
                weights[name] = torch.from_numpy(value)
            else:
                number, _, entry = name.partition("/")
                state.setdefault(int(number), {})[entry] = torch.from_numpy(np.array(value))
        parameters = [p for group in optimiser.param_groups for p in group["params"]]
        for number, parameter in enumerate(parameters):
            if any(state[number][entry].shape != parameter.shape for entry in ("exp_avg", "exp_avg_sq")):
                raise ValueError(f"the optimiser's entry {number} has another shape")
            state[number]["step"]
        network.load_state_dict(weights)
        optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    except Exception as error:
        raise _damaged(path, error) from error
    return history


def _damaged(path: Path, error: Exception) -> UnusableCheckpoint:
    return UnusableCheckpoint(f"{path} is damaged or not a checkpoint ({error}); remove it to train anew")
