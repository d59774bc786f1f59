"""What a recording comes from: cards, seed and step, for the files it is written to."""

from __future__ import annotations

from typing import Any

import numpy as np

from memneuro.device.card import parse_unit
from memneuro.simulation import Simulated


def origin(source: Any, neuron: Any = None) -> dict[str, Any]:
    """Cards, seed and step of what was recorded, as JSON can hold them.

    Parameters
    ----------
    source : SpikeMonitor, StateMonitor or Simulated
        Its time step is taken, and the seed of its noise, if its group has one.
    neuron : OneM1T1R or another neuron with cards, optional
        A monitor knows equations but no cards; what ``simulate`` gives knows its neuron.

    Returns
    -------
    dict
        ``time_step_s``; ``seed``, where there is noise with a seed; with a neuron, ``neuron`` and ``parameters``, a
        text with the unit for each of its cards' values.
    """
    found: dict[str, Any]
    if isinstance(source, Simulated):
        found = {"time_step_s": source.step_s, "seed": source.seed}
        neuron = source.neuron if neuron is None else neuron
    else:
        group = source.source
        found = {"time_step_s": float(group.clock.dt)}
        if "noise_seed" in getattr(group, "variables", {}):
            found["seed"] = int(np.asarray(group.noise_seed))
    if neuron is not None:
        found["neuron"] = repr(neuron)
        found["parameters"] = {
            name: f"{float(value / parse_unit(unit)):.12g}" + ("" if unit == "1" else f" {unit}")
            for name, (value, unit) in neuron.parameters().items()
        }
    return found
