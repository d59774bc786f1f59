r"""The 1M1T1R neuron in discrete time, differentiable: one step is one pulse of its drive.

The ``hopping`` equations without a bound on the residue, under a pulse train (amplitude A_n, width w, period P, as in
the published measurements), are split into parts that are solved exactly, one after the other. In device time, with the
filament f = x - x_2, the residue r = x_2, the gap g = 1 - f - r and the voltages in units of V_0:

.. math::

   \text{loss}\quad & f \leftarrow f e^{-(\gamma_1 + \beta)\delta}, \qquad
   r \leftarrow (r + \tfrac{\beta}{\gamma_1 + \beta}\, \Delta f)\, e^{-\gamma_2 \delta} \\
   \text{growth}\quad & g^2 \leftarrow g^2 - \kappa, \qquad
   \kappa = 2 \mu w\, e^{tip - \epsilon (\gamma_1 + \beta) w} \sinh(A - v_g) \\
   \text{firing}\quad & \kappa > g^2: \quad g \leftarrow 0, \quad
   z \leftarrow \min\!\big(z + u_o t/\tau_c,\ e^{\delta_0}\big), \qquad v_g = A - u_o + \ln z \\
   \text{gate}\quad & \tau_g\, dv_g/dt = v_\infty - v_g \ \text{with}\ R_d(g)\ \text{held}

Growth is exact because G (1 - x) = mu sinh(.)/g makes the *square* of the gap fall at a constant rate; alpha, which
rounds that off at contact, is left out there. A closed filament charges the gate until growth cannot hold it any more:
at the device voltage u_o = ln(4 alpha gamma_1 (1 - r) e^{-tip}/mu) its growth no longer makes up for the loss. Until
then growth leaves the gap alpha/2 exp(u_o - v_device), and the gate charges through that gap's resistance, which makes
z = exp(u_o - v_device) grow by u_o/tau_c in time, with tau_c = C_g R_off alpha / (2 lambda (e^{1/lambda} - 1)), for the
time t that is left of the pulse. The filament decays from z = 1 on; charging goes on to delta_0 = 1. A spike counts, as
in the full neuron, when the gate was below v_threshold before. A neuron that is slower by the factor s has all its
rates divided by s. Two numbers are fitted to the full neuron: delta_0, and epsilon = 0.1 for what is lost while the
filament grows.

The drive of the network is dimensionless: a = A/V_0 - ln(1/(mu w)), so a neuron at rest with s = 1 closes its gap in
one pulse at a little more than a = 0. A is limited to the supply.

Gradients: the spike uses a fast sigmoid of ln(kappa/g^2)/2; a gap is differentiated as
g - kappa/(g + g'), the divisor held, so that the runaway before closure does not make gradients explode; gate and
noise are held.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.speech.pulse import Pulse, PulseCard, library

#: Device card of the trained networks.
DEVICE = "hopping_unbounded_2e4d"

#: Charging of the gate beyond the opening voltage in units of V_0, fitted to the full neuron.
OPENING = 1.0

#: Share of the loss of a pulse by which growth is smaller than without loss, fitted to the full neuron.
LOST = 0.1

#: Slope of the surrogate gradient.
SURROGATE = 2.0

#: Traits that can be taken away.
TRAITS = ("leak", "plasticity", "refractory", "noise", "soft_threshold")


class Spike(torch.autograd.Function):
    """1 where the margin is above zero, with the derivative of a fast sigmoid."""

    @staticmethod
    def forward(ctx: Any, margin: Tensor, slope: float) -> Tensor:
        """See :func:`spike`.

        Parameters
        ----------
        margin : Tensor
            Of any shape.
        slope : float
            Of the surrogate.
        """
        ctx.slope = slope
        ctx.save_for_backward(margin)
        return (margin > 0).to(margin.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """See :func:`spike`."""
        (margin,) = ctx.saved_tensors
        return gradient / margin.abs().mul_(ctx.slope).add_(1).square_(), None


def spike(margin: Tensor, slope: float = SURROGATE) -> Tensor:
    """1 where `margin` > 0, with the derivative ``1/(1 + slope |margin|)**2`` of a fast sigmoid.

    Parameters
    ----------
    margin : Tensor
        Of any shape.
    slope : float
        Of the surrogate.
    """
    return Spike.apply(margin, slope)


@dataclass(frozen=True)
class Fixed:
    """What does not change from pulse to pulse: slowness and devices of a layer, and how its tips fluctuate.

    Parameters
    ----------
    slowness : Tensor, shape (neurons,)
        By which the neurons are slower than their card.
    devices : Tensor, shape (5, neurons)
        As :meth:`MemristorLayer.devices` gives them.
    tip_kept, tip_fresh : Tensor, shape (neurons,)
        Share of a tip potential that a period leaves, and standard deviation of what it adds.
    """

    slowness: Tensor
    devices: Tensor
    tip_kept: Tensor
    tip_fresh: Tensor


@dataclass
class MemristorState:
    """State of a layer between two pulses.

    Parameters
    ----------
    filament, residue : Tensor, shape (batch, neurons)
        Lengths, in units of the gap.
    gate, tip : Tensor, shape (batch, neurons)
        Gate voltage and tip potential, in units of V_0.
    fixed : Fixed
        What does not change from pulse to pulse.
    """

    filament: Tensor
    residue: Tensor
    gate: Tensor
    tip: Tensor
    fixed: Fixed


class MemristorLayer(nn.Module):
    """Neurons of one kind of device in discrete time; see the module's documentation.

    Parameters
    ----------
    neurons : int
    neuron : OneM1T1R, optional
        Device and circuit, by default :data:`DEVICE`; the model must be ``hopping``, without a ``residue_cap``.
    width_s, period_s : float
        Pulse, in the device's own time.
    supply_v : float
        Largest amplitude of a pulse.
    slowest : float
        Slowness of a neuron lies between 1 and this; it is trained.
    spread : mapping of str to float, optional
        Standard deviation of ln(mu) and ln(v_hop) from device to device; all devices are alike by default.
    device_seed : int
        Of the devices.
    without : tuple of str
        Traits to take away, of :data:`TRAITS`. Without ``leak`` nothing dissolves before firing; without
        ``plasticity`` nothing passes to the residue; without ``refractory`` the gate is empty before each pulse;
        without ``noise`` the tip is quiet; without ``soft_threshold`` the gap shrinks in proportion to its drive,
        g <- g - kappa, down to a hard threshold, where the device's own growth speeds up as the gap closes.

    Raises
    ------
    ValueError
        For another device model, a card that bounds the residue, an unknown trait or a pulse longer than its period.
    """

    #: mu and v_hop of each device over its card's.
    mu_factor: Tensor
    hop_factor: Tensor

    #: Bias of the drive before training: well below firing.
    resting_drive = -1.5

    def __init__(
        self,
        neurons: int,
        neuron: OneM1T1R | None = None,
        width_s: float = 1e-3,
        period_s: float = 10e-3,
        supply_v: float = 1.25,
        slowest: float = 5.0,
        spread: Mapping[str, float] | None = None,
        device_seed: int = 0,
        without: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        neuron = OneM1T1R(DEVICE) if neuron is None else neuron
        if neuron.device.model != "hopping":
            raise ValueError(f"device {neuron.device.name!r} of model {neuron.device.model!r}; accepted: 'hopping'")
        if "residue_cap" in neuron.device.parameters:
            raise ValueError(
                f"device {neuron.device.name!r} bounds the residue; accepted: a card without residue_cap, as {DEVICE!r}"
            )
        if not 0 < width_s <= period_s:
            raise ValueError(f"width_s = {width_s!r}; accepted: above zero and up to period_s = {period_s!r}")
        for trait in without:
            if trait not in TRAITS:
                raise ValueError(f"without = {trait!r}; accepted: {', '.join(TRAITS)}")
        self.neurons, self.without = neurons, tuple(without)
        self.width_s, self.period_s, self.slowest = width_s, period_s, slowest
        for name in spread or {}:
            if name not in ("mu", "v_hop"):
                raise ValueError(f"spread of {name!r}; accepted: 'mu', 'v_hop'")
        self.card = {k: float(v) for k, v in {**neuron.device.values(), **neuron.circuit.values()}.items()}
        v_hop = self.card["v_hop"]
        self.base = math.log(1 / (self.card["mu"] * width_s))
        self.supply = supply_v / v_hop
        self.loss = self.card["gamma1"] + self.card["beta"]
        self.share = 0.0 if "plasticity" in without else self.card["beta"] / self.loss
        self.tunnel = self.card["r_off"] / math.expm1(1 / self.card["tunnel_length"])
        self.charging = self.card["c_gate"] * self.tunnel / self.card["tunnel_length"] * self.card["alpha"] / 2
        self.lost = LOST * self.loss * width_s
        drawn = {
            name: (spread or {}).get(name, 0.0) * normal
            for name, normal in zip(
                ("mu", "v_hop"), np.random.default_rng(device_seed).standard_normal((2, neurons)), strict=True
            )
        }
        self.register_buffer("mu_factor", torch.tensor(np.exp(drawn["mu"]), dtype=torch.float32))
        self.register_buffer("hop_factor", torch.tensor(np.exp(drawn["v_hop"]), dtype=torch.float32))
        self._numbers = PulseCard(
            base=self.base,
            loss=self.loss,
            share=self.share,
            opening=OPENING,
            charging=self.charging,
            lost=self.lost,
            tunnel=self.tunnel,
            width=width_s,
            period=period_s,
            keep="leak" in without,
            no_refractory="refractory" in without,
            hard="soft_threshold" in without,
            **{name: self.card[name] for name in ("r_on", "tunnel_length", "r_control", "c_gate", "gamma2")},
        )
        self.log_slowness = nn.Parameter(torch.rand(neurons) * math.log(0.8 * slowest))

    def devices(self) -> Tensor:
        """What the pulse needs of each device, shape (5, neurons): V_0 of the card over its own; and, the voltages in
        units of its own V_0, ln(1/(mu w)), supply, opening voltage of an empty device, threshold."""
        card, log_mu, hop = self.card, torch.log(self.mu_factor), 1 / self.hop_factor
        hold = math.log(4 * card["alpha"] * card["gamma1"] / card["mu"]) - log_mu
        threshold = card["v_threshold"] / card["v_hop"] * hop
        return torch.stack([hop, self.base - log_mu, self.supply * hop, hold, threshold])

    def tip_deviation(self) -> Tensor:
        """Standard deviation of each tip potential in units of its device's V_0, shape (neurons,)."""
        quiet = "noise" in self.without
        return (0.0 if quiet else self.card["sigma_tip"] / self.card["v_hop"]) / self.hop_factor

    @property
    def slowness(self) -> Tensor:
        """Factor by which each neuron is slower than its card, shape (neurons,)."""
        return torch.exp(self.log_slowness.clamp(0, math.log(self.slowest)))

    def start(self, batch: int, generator: torch.Generator | None = None) -> MemristorState:
        """No silver in the gap, an empty gate, tips as they fluctuate.

        Parameters
        ----------
        batch : int
            Words at a time.
        generator : torch.Generator, optional
            Of the tips.
        """
        empty = torch.zeros(batch, self.neurons)
        tip = self.tip_deviation() * torch.randn(batch, self.neurons, generator=generator)
        return MemristorState(empty, empty, empty, tip, self.fixed())

    def fixed(self) -> Fixed:
        """What all pulses of a run share, worked out once."""
        slowness = self.slowness
        kept = torch.exp(-self.period_s / self.card["tau_tip"] / slowness.detach())
        return Fixed(slowness, self.devices(), kept, self.tip_deviation() * torch.sqrt(1 - kept**2))

    def next_tip(self, state: MemristorState, generator: torch.Generator | None = None) -> Tensor:
        """Tip potentials one period later.

        Parameters
        ----------
        state : MemristorState
            With the tips as they are.
        generator : torch.Generator, optional
            Of the noise.
        """
        fresh = torch.randn(state.tip.shape, generator=generator)
        return state.fixed.tip_kept * state.tip + state.fixed.tip_fresh * fresh

    def step(
        self, state: MemristorState, drive: Tensor, generator: torch.Generator | None = None
    ) -> tuple[MemristorState, Tensor]:
        """One pulse with new noise; see :meth:`forward`.

        Parameters
        ----------
        state : MemristorState
            Before the pulse; its tips are replaced.
        drive : Tensor, shape (batch, neurons)
            What the crossbars give.
        generator : torch.Generator, optional
            Of the noise.
        """
        if "noise" not in self.without:
            state.tip = self.next_tip(state, generator)
        return self(state, drive)

    def conductance(self, gap: Tensor) -> Tensor:
        """1/R_d of a gap, in siemens."""
        return 1 / (self.card["r_on"] * (1 - gap) + self.tunnel * torch.expm1(gap / self.card["tunnel_length"]))

    def forward(self, state: MemristorState, drive: Tensor) -> tuple[MemristorState, Tensor]:
        """One pulse: the state before the next one, and which neurons fired (0 or 1, shape (batch, neurons)).

        Parameters
        ----------
        state : MemristorState
            Before the pulse.
        drive : Tensor, shape (batch, neurons)
            What the crossbars give.
        """
        if drive.dtype == torch.float32 and drive.device.type == "cpu" and library() is not None:
            given = (
                state.fixed.slowness,
                state.fixed.devices,
                state.filament,
                state.residue,
                state.gate,
                state.tip,
                drive,
            )
            f, r, gate, fired = Pulse.apply(self._numbers, SURROGATE, *given)
            return MemristorState(f, r, gate, state.tip, state.fixed), fired
        return self.equations(state, drive)

    def equations(self, state: MemristorState, drive: Tensor) -> tuple[MemristorState, Tensor]:
        """The same, operation by operation in PyTorch.

        Parameters
        ----------
        state : MemristorState
            Before the pulse.
        drive : Tensor, shape (batch, neurons)
            What the crossbars give.
        """
        card, loss, share = self.card, self.loss, self.share
        f, r, gate, tip = state.filament, state.residue, state.gate, state.tip
        slower = state.fixed.slowness
        rate = 1 / slower
        hop, growth, supply, hold, threshold = state.fixed.devices
        amplitude = ((drive + self.base) * hop).clamp(min=0).minimum(supply)
        width = self.width_s * rate
        half = torch.exp(-loss / 2 * width)
        leak = torch.ones_like(half) if "leak" in self.without else half
        r = r + f * (share * (1 - leak))
        f = f * leak
        gap = 1 - f - r
        discharge = (rate / (card["r_control"] * card["c_gate"])).detach()
        push = (amplitude - gate * torch.exp(-discharge * self.width_s / 2)).clamp(min=0)
        kappa = torch.exp(push + tip - growth - self.lost * rate) * rate * (1 - torch.exp(-2 * push.detach()))
        hard = "soft_threshold" in self.without
        square = gap if hard else gap * gap
        with torch.no_grad():
            holds = hold + torch.log((1 - r).clamp(min=1e-6)) - tip
            closed = (kappa > square) & (amplitude - holds + OPENING > gate)
            stays = 1 - closed.to(f.dtype)
            left = (square - kappa).clamp(min=0)
            gap_after = (left if hard else torch.sqrt(left)) * stays
            rest = torch.where(closed, 1 - square / kappa.clamp(min=1e-9), 1.0)
            armed = (gate <= threshold).to(f.dtype)
            after_closing = width * rest
            resists = torch.exp((holds - amplitude + gate).clamp(max=0))
            pace = holds.clamp(min=1) / self.charging
            grown = (resists + pace * after_closing).clamp(max=math.exp(OPENING))
            gate = torch.where(closed, amplitude - holds + torch.log(grown), gate)
            open_ = torch.where(closed, (after_closing - (1 - resists) / pace).clamp(min=0), after_closing)
            decay = torch.exp(-loss / 2 * open_)
            gate = self._charged(gate, amplitude, 1 - (1 - gap_after - r) * decay - r, open_)
            closed_decay = decay * decay
        fired = spike((torch.log(kappa + 1e-6) - torch.log(square + 1e-6)) / 2) * armed
        divisor = 1.0 if hard else (gap + gap_after + 1e-9).detach()
        f = 1 - (gap - kappa / divisor).clamp(min=0) * stays - r
        after = f * torch.where(closed, closed_decay, leak)
        r = r + (f - after) * share
        off = torch.exp(-loss / 2 * (self.period_s - self.width_s) * rate)
        if "leak" in self.without:
            # What has fired is cleared; everything else stays.
            off = torch.where(closed, torch.zeros_like(off), torch.ones_like(off))
        f = after * off
        r = r + (after - f) * share
        with torch.no_grad():
            period_left = (self.period_s - self.width_s) * rate
            gate = self._charged(gate, torch.zeros_like(gate), 1 - f - r, period_left)
            if "refractory" in self.without:
                gate = torch.zeros_like(gate)
        before = f
        f = f * off
        r = (r + (before - f) * share) * torch.exp(-card["gamma2"] * self.period_s * rate)
        return MemristorState(f, r, gate, tip, state.fixed), fired

    def _charged(self, gate: Tensor, amplitude: Tensor, gap: Tensor, seconds: Tensor) -> Tensor:
        """Gate voltage after a while with the gap held."""
        device = self.conductance(gap)
        total = device + 1 / self.card["r_control"]
        target = amplitude * device / total
        return target + (gate - target) * torch.exp(-total / self.card["c_gate"] * seconds)
