"""The pulse of :mod:`memneuro.speech.memristor` as compiled code: several times faster than operation by operation.

Used on a CPU where a C++ compiler is found; elsewhere the equations run in PyTorch. ``MEMNEURO_PULSE=torch`` forces
that.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from memneuro.speech.words import default_cache

#: Set to ``torch`` to do without compiled code.
VARIABLE = "MEMNEURO_PULSE"

_SOURCE = Path(__file__).with_suffix(".cpp")

#: Of -ffast-math what vector code needs: all of it would make the whole process flush denormal numbers to zero.
_FLAGS = (
    "-O3",
    "-march=native",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-signed-zeros",
    "-fassociative-math",
    "-freciprocal-math",
    "-fopenmp",
    "-shared",
    "-fPIC",
)

FIELDS = (
    "base",
    "loss",
    "share",
    "opening",
    "charging",
    "lost",
    "r_on",
    "tunnel",
    "tunnel_length",
    "r_control",
    "c_gate",
    "gamma2",
    "width",
    "period",
)


class PulseCard(ctypes.Structure):
    """The numbers that all neurons share, as the compiled code takes them."""

    _fields_ = [(name, ctypes.c_float) for name in (*FIELDS, "keep", "no_refractory", "hard")]


@functools.cache
def library() -> Any:
    """The compiled code, or None where it cannot be had."""
    if os.environ.get(VARIABLE) == "torch":
        return None
    compiler = os.environ.get("CXX", "g++")
    processor = platform.processor() + platform.node()
    key = hashlib.sha256(_SOURCE.read_bytes() + repr((compiler, _FLAGS, processor)).encode()).hexdigest()[:16]
    path = default_cache() / "speech" / f"pulse-{key}.so"
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=path.parent) as folder:
                built = Path(folder) / "pulse.so"
                command = [compiler, *_FLAGS, "-o", str(built), str(_SOURCE)]
                subprocess.run(command, check=True, capture_output=True, timeout=120)
                os.replace(built, path)
        return ctypes.CDLL(str(path))
    except (OSError, subprocess.SubprocessError):
        return None


def _pointers(*tensors: Tensor) -> list[ctypes.c_void_p]:
    return [ctypes.c_void_p(tensor.data_ptr()) for tensor in tensors]


class Pulse(torch.autograd.Function):
    """One pulse: filament, residue, gate and spikes after it, differentiable in slowness, filament, residue, drive."""

    @staticmethod
    def forward(
        ctx: Any,
        card: PulseCard,
        surrogate: float,
        slowness: Tensor,
        devices: Tensor,
        filament: Tensor,
        residue: Tensor,
        gate: Tensor,
        tip: Tensor,
        drive: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """See :class:`Pulse`.

        Parameters
        ----------
        card : PulseCard
            Numbers of the layer.
        surrogate : float
            Slope of the surrogate derivative.
        slowness : Tensor, shape (neurons,)
            By which the neurons are slower than their card.
        devices : Tensor, shape (5, neurons)
            As :meth:`memneuro.speech.memristor.MemristorLayer.devices` gives them.
        filament, residue, gate, tip, drive : Tensor, shape (batch, neurons)
            State before the pulse, and the drive.
        """
        given = [one.detach().contiguous() for one in (slowness, devices, filament, residue, gate, tip, drive)]
        batch, neurons = drive.shape
        out = [torch.empty(batch, neurons) for _ in range(4)]
        library().pulse_forward(
            ctypes.byref(card), ctypes.c_long(batch), ctypes.c_long(neurons), *_pointers(*given, *out)
        )
        ctx.card, ctx.surrogate = card, surrogate
        ctx.save_for_backward(*given)
        ctx.mark_non_differentiable(out[2])
        return out[0], out[1], out[2], out[3]

    @staticmethod
    def backward(ctx: Any, d_filament: Tensor, d_residue: Tensor, d_gate: Tensor, d_fired: Tensor) -> tuple:
        """See :class:`Pulse`.

        Parameters
        ----------
        d_filament, d_residue, d_gate, d_fired : Tensor, shape (batch, neurons)
            Gradients of what :meth:`forward` gave; that of the gate is not used.
        """
        given = ctx.saved_tensors
        batch, neurons = given[-1].shape
        gradients = [one.contiguous() for one in (d_filament, d_residue, d_fired)]
        out = [torch.empty(batch, neurons) for _ in range(4)]
        library().pulse_backward(
            ctypes.byref(ctx.card),
            ctypes.c_float(ctx.surrogate),
            ctypes.c_long(batch),
            ctypes.c_long(neurons),
            *_pointers(*given, *gradients, *out),
        )
        slowness = given[0]
        return None, None, -out[3].sum(0) / slowness**2, None, out[0], out[1], None, None, out[2]
