r"""Leaky integrate-and-fire neurons in discrete time, to compare with: plain and adaptive.

.. math::

   v_n &= \lambda v_{n-1} (1 - s_{n-1}) + (1 - \lambda)\, k\, a_n, \qquad s_n = [v_n > 1 + b_n] \\
   b_n &= \rho b_{n-1} + (1 - \rho)\, \beta s_{n-1}

with one lambda a neuron (trained), k = 4, and for the adaptive neuron one rho a neuron (trained) and beta = 1.8
(Bellec et al. 2018, arXiv:1803.09574; Yin et al. 2021, doi:10.1038/s42256-021-00397-w). The plain neuron has beta = 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from memneuro.speech.memristor import spike

#: Gain of the drive.
GAIN = 4.0

#: Slope of the surrogate gradient.
SLOPE = 5.0

#: Rise of the threshold by a spike.
ADAPTATION = 1.8


@dataclass
class LifState:
    """State of a layer, and what a step keeps and takes.

    Parameters
    ----------
    potential, raised, fired : Tensor, shape (batch, neurons)
        Potential, rise of the threshold and last spikes.
    keep, keep_raised, take : Tensor, shape (neurons,)
        What a step keeps of the potential and of the rise, and takes of the drive.
    """

    potential: Tensor
    raised: Tensor
    fired: Tensor
    keep: Tensor
    keep_raised: Tensor
    take: Tensor


class LifLayer(nn.Module):
    """Plain or adaptive leaky integrate-and-fire neurons; see the module's documentation.

    Parameters
    ----------
    neurons : int
    adaptive : bool
        Whether the threshold rises with each spike.
    """

    #: Bias of the drive before training.
    resting_drive = 0.0

    def __init__(self, neurons: int, adaptive: bool = False) -> None:
        super().__init__()
        self.neurons, self.adaptive = neurons, adaptive
        self.leak_logit = nn.Parameter(torch.rand(neurons) * 3.0)
        if adaptive:
            self.adaptation_logit = nn.Parameter(torch.rand(neurons) * 2.0 + 2.0)

    def start(self, batch: int, generator: torch.Generator | None = None) -> LifState:
        """At rest.

        Parameters
        ----------
        batch : int
            Words at a time.
        generator : torch.Generator, optional
            Without effect: nothing is drawn.
        """
        rest = torch.zeros(batch, self.neurons)
        keep = torch.sigmoid(self.leak_logit)
        keep_raised = torch.sigmoid(self.adaptation_logit) if self.adaptive else keep
        return LifState(rest, rest, rest, keep, keep_raised, (1 - keep) * GAIN)

    def step(self, state: LifState, drive: Tensor, generator: torch.Generator | None = None) -> tuple[LifState, Tensor]:
        """One step: the new state, and which neurons fired (0 or 1).

        Parameters
        ----------
        state : LifState
            Before the step.
        drive : Tensor, shape (batch, neurons)
            What the crossbars give.
        generator : torch.Generator, optional
            Without effect: nothing is drawn.
        """
        left = state.potential * (1 - state.fired.detach())
        potential = torch.addcmul(state.take * drive, state.keep, left)
        raised = state.raised
        if self.adaptive:
            raised = torch.lerp(ADAPTATION * state.fired, raised, state.keep_raised.expand_as(raised))
            fired = spike(potential - raised - 1, SLOPE)
        else:
            fired = spike(potential - 1, SLOPE)
        return replace(state, potential=potential, raised=raised, fired=fired), fired
