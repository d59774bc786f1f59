"""The chapters of the report, one file each; ``chapters()`` gives them in order."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memneuro.chapter.chapter import Chapter

#: Modules of this package that define a ``CHAPTER``, in the order of the report.
NAMES = (
    "firing",
    "pulse_train",
    "leaky_integration",
    "threshold_firing",
    "cascade",
    "intrinsic_plasticity",
    "refractory_period",
    "stochasticity",
    "iv_sweep",
    "energy",
    "convergence",
    "score",
    "recorded_cell",
    "brain_likeness",
    "fitted_cells",
    "spoken_digits",
    "speech_network",
    "pattern_learning",
    "oscillation",
    "model_table",
)


def chapters() -> list[Chapter]:
    """Every chapter, in the order of the report."""
    return [import_module(f"memneuro.chapter.{name}").CHAPTER for name in NAMES]
