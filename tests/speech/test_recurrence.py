"""The gradient of recurrent weights in one product is that of automatic differentiation, step by step."""

import pytest

torch = pytest.importorskip("torch")

from memneuro.speech.recurrence import RecurrentWeights  # noqa: E402


@pytest.mark.parametrize("steps", [1, 2, 7])
def test_gradients_are_those_of_step_by_step(steps):
    torch.manual_seed(0)
    drive0, weights0 = torch.randn(steps, 3, 5, dtype=torch.float64), torch.randn(5, 5, dtype=torch.float64)
    found = []
    for at_once in (False, True):
        drive, weights = drive0.clone().requires_grad_(), weights0.clone().requires_grad_()
        fired, total = [], drive
        applied = weights
        if at_once:
            total, applied = RecurrentWeights.apply(drive, weights, fired), weights.detach()
        last, loss = torch.zeros(3, 5, dtype=torch.float64), 0.0
        for one in total.unbind(0):
            last = torch.tanh(one + last @ applied)
            fired.append(last.detach())
            loss = loss + (last**3).sum()
        loss.backward()
        found.append((drive.grad, torch.zeros_like(weights) if weights.grad is None else weights.grad))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)
