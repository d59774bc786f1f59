r"""A recurrent network for spoken words: a crossbar from the cochlea, a recurrent crossbar, a read-out.

.. math::

   a_n = b + \sum_d W_d\, (c_{n-d} - \bar c)/\sigma_c + W_{rec} s_{n-1}, \qquad
   \mathrm{logit} = W_{out}\, \frac{10}{N} \sum_{n=1}^{N} s_n + b_{out}

c_n are the numbers of input spikes on each line in bin n, with their mean and standard deviation over the training
words, which are a bias and a gain of each line; outside the word a line is at its mean. Each line reaches the crossbar
over several delays d, as the axons of a delay line do. s_n are the spikes of the neurons, N the number of bins of the
word and of the `listen` bins after it, in which what is delayed still arrives. A weight is the difference of two
conductances of a crossbar, w = w_max (G+ - G-)/G_max, from -w_max to w_max; with `levels` each conductance takes that
many values.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.speech.integrate_and_fire import LifLayer
from memneuro.speech.memristor import DEVICE, TRAITS, MemristorLayer
from memneuro.speech.recurrence import RecurrentWeights

#: Read-out of the mean number of spikes a bin.
OUTPUT_SCALE = 10.0

#: The kinds of neuron.
KINDS = ("memristor", "lif", "adaptive_lif")


@dataclass(frozen=True)
class NetworkSettings:
    """What a network is made of.

    Parameters
    ----------
    kind : str
        One of :data:`KINDS`.
    lines, neurons, classes : int
        Input lines, neurons and words.
    recurrent : bool
        Whether there is a recurrent crossbar.
    delays : tuple of int
        Delays of the input lines in steps.
    listen : int
        Steps after the end of the word.
    largest_weight : float
        Of all crossbars.
    levels : int
        Values of a conductance; 0 for any.
    spread : float
        Device-to-device spread in units of the card's own: 0 for devices all alike. The devices are drawn from the
        network's seed, and training knows them.
    without : tuple of str
        Traits of the memristor neuron to take away.

    Raises
    ------
    ValueError
        For an unknown kind or trait, or a number that is out of range.
    """

    kind: str = "memristor"
    lines: int = 35
    neurons: int = 256
    classes: int = 10
    recurrent: bool = True
    delays: tuple[int, ...] = (0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20)
    listen: int = 10
    largest_weight: float = 2.0
    levels: int = 0
    spread: float = 0.0
    without: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind = {self.kind!r}; accepted: {', '.join(KINDS)}")
        for name, least in (("lines", 1), ("neurons", 1), ("classes", 1), ("listen", 0), ("levels", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(f"{name} = {value!r}; accepted: a whole number of at least {least}")
        if self.levels == 1:
            raise ValueError(f"levels = {self.levels!r}; accepted: 0 for any value, or at least 2")
        for name, positive in (("largest_weight", True), ("spread", False)):
            value = getattr(self, name)
            number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
            if not number or value < 0 or (positive and value == 0):
                raise ValueError(f"{name} = {value!r}; accepted: {'greater than zero' if positive else 'zero or more'}")
        if not isinstance(self.recurrent, bool):
            raise ValueError(f"recurrent = {self.recurrent!r}; accepted: True, False")
        for name in ("without", "delays"):
            value = getattr(self, name)
            if not isinstance(value, (tuple, list)):
                raise ValueError(f"{name} = {value!r}; accepted: a tuple")
            object.__setattr__(self, name, tuple(value))
        if not self.delays or any(isinstance(d, bool) or not isinstance(d, int) or d < 0 for d in self.delays):
            raise ValueError(f"delays = {self.delays!r}; accepted: whole numbers of at least 0, at least one")
        for trait in self.without:
            if trait not in TRAITS:
                raise ValueError(f"without = {trait!r}; accepted: {', '.join(TRAITS)}")
        for name in ("without", "spread"):
            if getattr(self, name) and self.kind != "memristor":
                raise ValueError(
                    f"{name} = {getattr(self, name)!r} with kind = {self.kind!r}; accepted with 'memristor' only"
                )

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a file."""
        return {**asdict(self), "without": list(self.without), "delays": list(self.delays)}


class SpeechNetwork(nn.Module):
    """The network; see the module's documentation.

    Parameters
    ----------
    settings : NetworkSettings
    seed : int
        Of the initial weights.
    """

    #: Spikes a bin on each line in the training words.
    line_mean: Tensor
    line_deviation: Tensor

    def __init__(self, settings: NetworkSettings, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.settings = settings
        lines, neurons, classes = settings.lines, settings.neurons, settings.classes
        self.layer: MemristorLayer | LifLayer
        if settings.kind == "memristor":
            device = OneM1T1R(DEVICE)
            card = device.device_spread(("mu", "v_hop"))
            spread = {name: settings.spread * deviation for name, deviation in card.items()}
            self.layer = MemristorLayer(neurons, device, spread=spread, device_seed=seed, without=settings.without)
        else:
            self.layer = LifLayer(neurons, adaptive=settings.kind == "adaptive_lif")
        self.register_buffer("line_mean", torch.zeros(lines))
        self.register_buffer("line_deviation", torch.ones(lines))
        rows = lines * len(settings.delays)
        self.w_in = nn.Parameter(torch.randn(rows, neurons) / math.sqrt(rows))
        self.w_rec = nn.Parameter(0.5 * torch.randn(neurons, neurons) / math.sqrt(neurons))
        self.w_rec.requires_grad_(settings.recurrent)
        self.w_out = nn.Parameter(torch.randn(neurons, classes) / math.sqrt(neurons))
        self.bias = nn.Parameter(torch.full((neurons,), self.layer.resting_drive))
        self.bias_out = nn.Parameter(torch.zeros(classes))

    def held(self, weight: Tensor) -> Tensor:
        """`weight` as the crossbar holds it: rounded to its levels, the gradient passed on."""
        if not self.settings.levels:
            return weight
        step = self.settings.largest_weight / (self.settings.levels - 1)
        return weight + (torch.round(weight / step) * step - weight).detach()

    @torch.no_grad()
    def bound(self) -> None:
        """Bring every weight back into the range of the crossbar."""
        largest = self.settings.largest_weight
        for weight in (self.w_in, self.w_rec, self.w_out):
            weight.clamp_(-largest, largest)

    def forward(
        self, counts: Tensor, n_bins: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Evidence for each word.

        Parameters
        ----------
        counts : Tensor, shape (batch, bins, lines or a multiple)
            Input spikes; neighbouring lines are joined where there are more than the network has.
        n_bins : Tensor of int, shape (batch,)
            Bins of each word.
        generator : torch.Generator, optional
            Of the devices' noise.

        Returns
        -------
        logits : Tensor, shape (batch, classes)
        spikes : Tensor, shape (batch, bins + listen, neurons)
        inside : Tensor, shape (batch, bins + listen, 1)
            1 in the bins of the word and the `listen` bins after it.
        """
        listen = self.settings.listen
        drive = self.input_drive(functional.pad(counts, (0, 0, 0, listen)), n_bins)
        n_bins = n_bins + listen
        batch, bins, _ = drive.shape
        drive = drive.transpose(0, 1).contiguous()
        state: Any = self.layer.start(batch, generator)
        trains: list[Tensor] = []
        fired_before: list[Tensor] = []
        if self.settings.recurrent:
            w_rec = self.held(self.w_rec)
            drive = RecurrentWeights.apply(drive, w_rec, fired_before)
            w_rec = w_rec.detach()
        # Unbound once: an index a step would make the gradient of the whole drive anew in each.
        for total in drive.unbind(0):
            if self.settings.recurrent and trains:
                total = torch.addmm(total, trains[-1], w_rec)
            state, fired = self.layer.step(state, total, generator)
            trains.append(fired)
            fired_before.append(fired.detach())
        spikes = torch.stack(trains, 1)
        inside = _inside(bins, n_bins)
        return self.read_out((spikes * inside).sum(1) / n_bins[:, None]), spikes, inside

    def read_out(self, rate: Tensor) -> Tensor:
        """Evidence for each word from the spikes a bin, shape (..., neurons) to (..., classes)."""
        return OUTPUT_SCALE * rate @ self.held(self.w_out) + self.bias_out

    def joined(self, counts: Tensor) -> Tensor:
        """Counts on the network's lines; neighbouring lines are joined where there are more of them.

        Raises
        ------
        ValueError
            If the lines of `counts` are no multiple of the network's.
        """
        lines = self.settings.lines
        if counts.shape[2] % lines:
            raise ValueError(f"counts of {counts.shape[2]} lines; accepted: a multiple of the network's {lines}")
        return counts.reshape(*counts.shape[:2], lines, -1).sum(3, dtype=torch.float32)

    @torch.no_grad()
    def measure_lines(self, counts: Tensor, n_bins: Tensor) -> None:
        """Take mean and deviation of each line from training words.

        Parameters
        ----------
        counts : Tensor, shape (words, bins, lines or a multiple)
            Input spikes.
        n_bins : Tensor of int, shape (words,)
            Bins of each word.
        """
        total = torch.zeros(2, self.settings.lines, dtype=torch.float64)
        for first in range(0, len(counts), 512):
            part = self.joined(counts[first : first + 512])
            inside = _inside(part.shape[1], n_bins[first : first + 512])
            total += torch.stack([(part * inside).sum((0, 1)), (part**2 * inside).sum((0, 1))])
        mean, square = total / n_bins.sum()
        self.line_mean.copy_(mean)
        self.line_deviation.copy_((square - mean**2).clamp(min=1e-4).sqrt())

    def input_drive(self, counts: Tensor, n_bins: Tensor) -> Tensor:
        """What the input crossbar and the bias give each neuron in each bin, shape (batch, bins, neurons).

        Parameters
        ----------
        counts : Tensor, shape (batch, bins, lines or a multiple)
            Input spikes.
        n_bins : Tensor of int, shape (batch,)
            Bins of each word.
        """
        lines = (self.joined(counts) - self.line_mean) / self.line_deviation * _inside(counts.shape[1], n_bins)
        bins = counts.shape[1]
        late = [functional.pad(lines, (0, 0, delay, 0))[:, :bins] for delay in self.settings.delays]
        return torch.cat(late, 2) @ self.held(self.w_in) + self.bias


def _inside(bins: int, n_bins: Tensor) -> Tensor:
    """1 in the bins of each word, shape (batch, bins, 1)."""
    return (torch.arange(bins)[None] < n_bins[:, None]).to(torch.float32)[..., None]
