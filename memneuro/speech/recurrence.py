r"""The gradient of recurrent weights in one product instead of one a step.

With :math:`a_n = d_n + s_{n-1} W` the gradient of W is the sum over all steps of :math:`s_{n-1}^T\, \partial L/\partial
a_n`, and that of the drive d is :math:`\partial L/\partial a_n` itself. So all it takes is the gradient of the drive,
which comes in one piece, and the spikes.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class RecurrentWeights(torch.autograd.Function):
    """The drive as it is, with the gradient of weights that are applied to it, detached, step by step."""

    @staticmethod
    def forward(ctx: Any, drive: Tensor, weights: Tensor, fired: list[Tensor]) -> Tensor:
        """The drive.

        Parameters
        ----------
        drive : Tensor, shape (steps, batch, neurons)
        weights : Tensor, shape (neurons, neurons)
        fired : list of Tensor, each of shape (batch, neurons)
            The spikes of each step, detached; filled in while the network runs.
        """
        ctx.fired = fired
        return drive.view_as(drive)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        """Gradients of the drive and of the weights."""
        if len(ctx.fired) < 2:
            neurons = gradient.shape[2]
            return gradient, gradient.new_zeros(neurons, neurons), None
        before = torch.stack(ctx.fired[:-1]).flatten(0, 1)
        return gradient, before.T @ gradient[1:].flatten(0, 1), None
