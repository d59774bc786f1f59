r"""An epoch of the spoken-digit network's training, here and in snnTorch: the same network, batches and optimiser.

Recurrent, 256 neurons, the lines and delays of :class:`memneuro.speech.network.NetworkSettings`; counts drawn at random
that look like a cochlea's, words of 25 to 80 bins, sorted into batches of like length. Timed are zeroing, forward,
backward and AdamW over all batches, cross entropy as the loss. Making the batches, augmentation, clipping of gradients
and the limits of the weights are left out on all sides. The sides, which take turns:

* ``snntorch``: `snntorch.RLeaky`, one trained leak a neuron, reset by subtraction, its default. The others are
  compared with this one.
* ``snntorch_fixed``: the same with one leak for all neurons, which is not trained: snnTorch's least work.
* ``snntorch_zero``: `snntorch.Leaky`, reset to zero, the recurrent weights outside: the equations of ``lif``. With
  `RLeaky` a reset to zero also drops the input of the next step and multiplies by the recurrent weights twice.
* ``lif``, ``adaptive_lif``, ``memristor``: :class:`memneuro.speech.network.SpeechNetwork`.

In snnTorch the input weights are applied to all bins at once, time first, and the recurrent layer has no bias, as ours
has none. Its weights start as those of ``lif``: w (1 - lambda) k. Denormal numbers are flushed to zero on all sides,
because the compiled pulse of the memristor neuron, once loaded, does so in the whole process with GCC 12 and older.

Before timing, ``lif`` and ``snntorch_zero`` are put beside each other with the same weights: spikes of each neuron in
each word without recurrence, loss and gradient with it.

``python benchmarks/speech_snntorch.py [--words N] [--repeats N] [--threads N] [--sides NAME ...] [--out FILE]``; needs
``pip install snntorch==1.0.0``. Close other programs first.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from memneuro.bench.programs import machine
from memneuro.speech.integrate_and_fire import GAIN
from memneuro.speech.memristor import SURROGATE
from memneuro.speech.network import KINDS, OUTPUT_SCALE, NetworkSettings, SpeechNetwork
from memneuro.speech.pulse import library
from memneuro.speech.train import TrainingSettings
from memneuro.tables import write_csv

REFERENCE = "snntorch"
SIDES = (REFERENCE, "snntorch_fixed", "snntorch_zero", "lif", "adaptive_lif", "memristor")

#: Leak of ``snntorch_fixed``: the mean of the trained ones at the start.
FIXED_LEAK = 0.785

#: Bins of a word: about the median and the spread of the Free Spoken Digit Dataset, and the limits.
BINS, BINS_SPREAD, BINS_LEAST, BINS_MOST = 42.0, 0.3, 25, 80

#: Spikes a bin and line where a digit is loud; the mean is then about that of the encoded digits, 11.
LOUD = 40.0

#: Correlation of the spike counts below which the two programs do not compute the same.
AGREEMENT = 0.999

Batch = tuple[Tensor, Tensor, Tensor]  # counts (uint8), bins of each word, labels


def draw_batches(words: int, settings: NetworkSettings, batch: int, seed: int = 0) -> list[Batch]:
    """Words of each class around a pattern of its own, sorted by length, the batches shuffled."""
    rng = np.random.default_rng(seed)
    patterns = torch.from_numpy(rng.standard_normal((settings.classes, 1, 8, 8))).float()
    drawn = np.exp(np.log(BINS) + BINS_SPREAD * rng.standard_normal(words))
    n_bins = np.sort(np.clip(np.rint(drawn), BINS_LEAST, BINS_MOST).astype(np.int64))
    labels = rng.integers(settings.classes, size=words)
    batches = []
    for first in range(0, words, batch):
        bins, label = n_bins[first : first + batch], labels[first : first + batch]
        counts = torch.zeros(len(bins), int(bins.max()), settings.lines, dtype=torch.uint8)
        for k, (length, digit) in enumerate(zip(bins.tolist(), label.tolist(), strict=True)):
            shape = (length, settings.lines)
            loud = functional.interpolate(patterns[digit : digit + 1], shape, mode="bilinear", align_corners=True)
            drawn_counts = rng.poisson(LOUD * np.maximum(loud[0, 0].numpy(), 0))
            counts[k, :length] = torch.from_numpy(np.minimum(drawn_counts, 255).astype(np.uint8))
        batches.append((counts, torch.from_numpy(bins), torch.from_numpy(label)))
    rng.shuffle(batches)
    return batches


class SnnTorchNetwork(nn.Module):
    """The network in snnTorch, with the weights that `SpeechNetwork` of kind ``lif`` starts from.

    Parameters
    ----------
    settings : NetworkSettings
    side : str
        One of :data:`SIDES` that begin with ``snntorch``.
    batch : tuple
        From which the lines are standardised.
    seed : int
        Of the initial weights.
    """

    def __init__(self, settings: NetworkSettings, side: str, batch: Batch, seed: int = 0) -> None:
        import snntorch
        from snntorch import surrogate

        super().__init__()
        ours = speech_network(replace(settings, kind="lif"), batch, seed)
        self.mean, self.deviation = ours.line_mean, ours.line_deviation
        keep = torch.sigmoid(ours.layer.leak_logit.detach())
        gain = (1 - keep) * GAIN
        self.settings, self.zero = settings, side == "snntorch_zero"
        self.project = _linear(ours.w_in * gain, ours.bias * gain)
        recurrent = _linear(ours.w_rec * gain)
        self.output = _linear(ours.w_out, ours.bias_out)
        grad = surrogate.fast_sigmoid(slope=SURROGATE)
        if self.zero:
            self.recurrent = recurrent
            self.layer = snntorch.Leaky(beta=keep, learn_beta=True, spike_grad=grad, reset_mechanism="zero")
            return
        fixed = side == "snntorch_fixed"
        self.layer = snntorch.RLeaky(
            beta=FIXED_LEAK if fixed else keep,
            learn_beta=not fixed,
            linear_features=settings.neurons,
            all_to_all=True,
            spike_grad=grad,
        )
        self.layer.recurrent = recurrent

    def forward(self, counts: Tensor, n_bins: Tensor, generator: Any = None) -> tuple[Tensor, Tensor, Tensor]:
        """As :meth:`memneuro.speech.network.SpeechNetwork.forward`, but for spikes and mask, which have time first."""
        listen = self.settings.listen
        counts = (counts - self.mean) / self.deviation * (torch.arange(counts.shape[1]) < n_bins[:, None])[..., None]
        n_bins = n_bins + listen
        counts = functional.pad(counts.transpose(0, 1), (0, 0, 0, 0, 0, listen))
        bins = len(counts)
        late = [functional.pad(counts, (0, 0, 0, 0, delay, 0))[:bins] for delay in self.settings.delays]
        drive = self.project(torch.cat(late, 2))
        trains = []
        if self.zero:
            memory, fired = self.layer.init_leaky(), torch.zeros_like(drive[0])
            for total in drive.unbind(0):
                if self.settings.recurrent:
                    total = total + self.recurrent(fired)
                fired, memory = self.layer(total, memory)
                trains.append(fired)
        else:
            fired, memory = self.layer.init_rleaky()
            for total in drive.unbind(0):
                fired, memory = self.layer(total, fired, memory)
                trains.append(fired)
        spikes = torch.stack(trains)
        inside = (torch.arange(bins)[:, None] < n_bins).to(counts.dtype)[..., None]
        rate = (spikes * inside).sum(0) / n_bins[:, None]
        return self.output(OUTPUT_SCALE * rate), spikes, inside


def speech_network(settings: NetworkSettings, batch: Batch, seed: int = 0) -> SpeechNetwork:
    """Our network, its lines standardised on a batch."""
    network = SpeechNetwork(settings, seed)
    network.measure_lines(batch[0], batch[1])
    return network


def _linear(weight: Tensor, bias: Tensor | None = None) -> nn.Linear:
    """A layer with these weights, shape (in, out)."""
    layer = nn.Linear(*weight.shape, bias=bias is not None)
    with torch.no_grad():
        layer.weight.copy_(weight.T)
        if bias is not None:
            layer.bias.copy_(bias)
    return layer


class Side:
    """A network with its optimiser, trained on from epoch to epoch."""

    def __init__(self, side: str, settings: NetworkSettings, training: TrainingSettings, batch: Batch) -> None:
        self.network: nn.Module
        if side in KINDS:
            self.network = speech_network(replace(settings, kind=side), batch, training.seed)
        else:
            self.network = SnnTorchNetwork(settings, side, batch, training.seed)
        trained = [p for p in self.network.parameters() if p.requires_grad]
        self.weights = sum(p.numel() for p in trained)
        self.optimiser = torch.optim.AdamW(trained, lr=training.learning_rate, weight_decay=training.weight_decay)
        self.generator = torch.Generator().manual_seed(training.seed)
        self.seconds: list[float] = []
        self.cpu_seconds: list[float] = []
        self.losses: list[float] = []

    def learn(self, batch: Batch) -> float:
        """One step of the optimiser; the loss before it."""
        counts, n_bins, label = batch
        logits, _, _ = self.network(counts.float(), n_bins, self.generator)
        loss = functional.cross_entropy(logits, label)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        return loss.item()

    def epoch(self, batches: Sequence[Batch]) -> None:
        """Time one pass."""
        gc.collect()
        start, cpu_start = time.perf_counter(), time.process_time()
        losses = [self.learn(batch) for batch in batches]
        self.seconds.append(time.perf_counter() - start)
        self.cpu_seconds.append(time.process_time() - cpu_start)
        self.losses.append(float(np.mean(losses)))

    @torch.no_grad()
    def rate(self, batch: Batch) -> float:
        """Spikes a neuron and bin."""
        _, spikes, inside = self.network(batch[0].float(), batch[1], self.generator)
        return ((spikes * inside).sum() / inside.sum() / spikes.shape[2]).item()


def agreement(batch: Batch, settings: NetworkSettings, seed: int = 0) -> dict[str, float]:
    """``lif`` and ``snntorch_zero`` with the same weights on one batch.

    Parameters
    ----------
    batch : tuple
        As of :func:`draw_batches`.
    settings : NetworkSettings
    seed : int
        Of the weights.

    Returns
    -------
    dict
        Without recurrence ``correlation`` of the spike counts (one a word and neuron), ``same`` (share of equal counts)
        and ``rate`` (spikes a bin); with it ``loss`` (relative difference) and ``gradient`` (cosine between the
        gradients of the recurrent weights).
    """
    counts, n_bins, label = batch[0].float(), batch[1], batch[2]
    found = {}
    for recurrent in (False, True):
        now = replace(settings, kind="lif", recurrent=recurrent)
        ours, theirs = speech_network(now, batch, seed), SnnTorchNetwork(now, "snntorch_zero", batch, seed)
        logits, spikes, inside = ours(counts, n_bins)
        logits_there, spikes_there, inside_there = theirs(counts, n_bins)
        if not recurrent:
            here, there = (spikes * inside).sum(1).detach(), (spikes_there * inside_there).sum(0).detach()
            found["correlation"] = torch.corrcoef(torch.stack([here.flatten(), there.flatten()]))[0, 1].item()
            found["same"] = (here == there).float().mean().item()
            found["rate"] = (here.sum() / inside.sum() / settings.neurons).item()
            continue
        loss, loss_there = functional.cross_entropy(logits, label), functional.cross_entropy(logits_there, label)
        loss.backward()
        loss_there.backward()
        # The weights there are ours times the gain, so a gradient with respect to ours is theirs times the gain.
        gain = (1 - torch.sigmoid(ours.layer.leak_logit.detach())) * GAIN
        gradients = ours.w_rec.grad.double(), theirs.recurrent.weight.grad.T.double() * gain
        found["loss"] = (loss_there / loss - 1).item()
        found["gradient"] = functional.cosine_similarity(*(one.flatten() for one in gradients), dim=0).item()
    return found


def measure(
    words: int = 2700,
    *,
    repeats: int = 3,
    threads: int | None = None,
    sides: Sequence[str] = SIDES,
    batch: int = 128,
    neurons: int = 256,
) -> pd.DataFrame:
    """Time an epoch on each side, the sides taking turns.

    Parameters
    ----------
    words : int
        Words of an epoch.
    repeats : int
        Epochs of each side, after one batch that is not timed.
    threads : int, optional
        Of PyTorch and of the compiled pulse; by default PyTorch's own choice.
    sides : sequence of str
        Of :data:`SIDES`.
    batch, neurons : int
        Words of a batch, neurons of the network.

    Returns
    -------
    DataFrame
        One row a side: ``side``, ``median_s``, ``best_s`` and ``slowest_s`` of an epoch, ``cpu_s`` (median time of all
        threads on a processor), ``batch_ms`` (median), ``relative`` (median over that of ``snntorch``; empty without
        it), ``first_loss`` and ``last_loss`` (means of the first and the last epoch), ``rate`` (spikes a neuron and bin
        after the last), ``weights`` (trained numbers), ``words``, ``batches``, ``batch``, ``bins`` (time steps of an
        epoch's batches), ``neurons``, ``repeats``, ``count_correlation`` (of :func:`agreement`), ``pulse`` (compiled or
        torch), ``threads``, ``torch``, ``snntorch``.

    Raises
    ------
    ValueError
        If a number is below 1 or a side unknown.
    RuntimeError
        If snnTorch is missing, or ``lif`` is not the same in both programs.
    """
    for name, value in (("words", words), ("repeats", repeats), ("batch", batch), ("threads", threads)):
        if value is not None and (isinstance(value, bool) or int(value) != value or value < 1):
            raise ValueError(f"{name} = {value!r}; accepted: a whole number of at least 1")
    for side in sides:
        if side not in SIDES:
            raise ValueError(f"side {side!r}; accepted: {', '.join(SIDES)}")
    if importlib.util.find_spec("snntorch") is None:
        raise RuntimeError("snnTorch is missing; install it with: pip install snntorch==1.0.0")
    if threads is not None:
        torch.set_num_threads(threads)
    # Before any work in parallel: threads take the mode over when they start.
    pulse = "torch" if library() is None else "compiled"
    torch.set_flush_denormal(True)
    settings, training = NetworkSettings(neurons=neurons), TrainingSettings()
    batches = draw_batches(words, settings, batch)
    longest = max(batches, key=lambda one: one[0].shape[1])
    same = agreement(longest, settings)
    print(
        f"lif and snntorch_zero, same weights, {len(longest[1])} words\n"
        f"  without recurrence: correlation of the spike counts {same['correlation']:.6f}, "
        f"{100 * same['same']:.2f} % equal, {same['rate']:.3f} spikes a bin\n"
        f"  with recurrence: loss off by {same['loss']:.1e} of itself, cosine of the gradients {same['gradient']:.6f}",
        flush=True,
    )
    if not same["correlation"] > AGREEMENT:
        raise RuntimeError(f"correlation of the spike counts {same['correlation']:.4f}, wanted: above {AGREEMENT}")
    runs = {side: Side(side, settings, training, longest) for side in sides}
    for run in runs.values():
        run.learn(longest)
    for _ in range(repeats):
        for run in runs.values():
            run.epoch(batches)
    medians = {side: statistics.median(run.seconds) for side, run in runs.items()}
    rows = []
    for side, run in runs.items():
        rows.append(
            {
                "side": side,
                "median_s": medians[side],
                "best_s": min(run.seconds),
                "slowest_s": max(run.seconds),
                "cpu_s": statistics.median(run.cpu_seconds),
                "batch_ms": 1000 * medians[side] / len(batches),
                "relative": medians[side] / medians.get(REFERENCE, float("nan")),
                "first_loss": run.losses[0],
                "last_loss": run.losses[-1],
                "rate": run.rate(longest),
                "weights": run.weights,
                "words": words,
                "batches": len(batches),
                "batch": batch,
                "bins": sum(counts.shape[1] + settings.listen for counts, _, _ in batches),
                "neurons": neurons,
                "repeats": repeats,
                "count_correlation": same["correlation"],
                "pulse": pulse,
                "threads": torch.get_num_threads(),
                "torch": torch.__version__,
                "snntorch": version("snntorch"),
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    """Print the table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--words", type=int, default=2700, help="words of an epoch")
    parser.add_argument("--repeats", type=int, default=3, help="epochs of each side")
    parser.add_argument("--threads", type=int, help="threads; PyTorch's own choice by default")
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=SIDES, metavar="NAME", help=", ".join(SIDES))
    parser.add_argument("--batch", type=int, default=128, help="words of a batch")
    parser.add_argument("--neurons", type=int, default=256, help="neurons of the network")
    parser.add_argument("--out", type=Path, metavar="FILE", help="CSV, such as results/cpu/speech_snntorch.csv")
    given = parser.parse_args()
    head = machine()
    table = measure(
        given.words,
        repeats=given.repeats,
        threads=given.threads,
        sides=given.sides,
        batch=given.batch,
        neurons=given.neurons,
    )
    first = table.iloc[0]
    print(
        f"\n{first.words} words in {first.batches} batches, {first.bins} steps, {first.neurons} neurons, median of "
        f"{first.repeats}; {head['processor']}, {first.threads} threads; torch {first.torch}, snntorch "
        f"{first.snntorch}, memneuro {head['memneuro']}, {first.pulse} pulse; {head['date']}"
    )
    shown = ["side", "median_s", "best_s", "cpu_s", "batch_ms", "relative", "first_loss", "last_loss", "rate"]
    print(table[shown].to_string(index=False, na_rep="-", float_format="{:.4g}".format))
    if given.out is not None:
        print(f"written: {write_csv(table.assign(**head), given.out)}")


if __name__ == "__main__":
    main()
