"""Devices that are stuck: open ones that never close and closed ones that never open.

A stuck device is one whose resistance does not depend on its filament: in the devices with a resistance of the closed
and one of the open state, both are given the same value.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import ohm

from memneuro.circuit.device_circuit import DeviceCircuit, whole_number
from memneuro.numerics.threefry import MAX_SEED, threefry_uniform

#: Step number of the draw: time steps are 0 and above, -1 and -2 belong to initial values and to the spread.
_STEP, _STREAM = -2, 9999


def stuck_devices(
    neuron: DeviceCircuit, n: int, *, open: float = 0.0, closed: float = 0.0, seed: int = 0, offset: int = 0
) -> dict[str, Any]:
    """Resistances of a group in which some devices are stuck, to hand to ``neuron.group``.

    Parameters
    ----------
    neuron : DeviceCircuit
        A neuron whose device has a resistance of the closed state, ``r_on``, and of the open one, ``r_off``.
    n : int
        Number of neurons.
    open, closed : float
        Probability that a device is stuck open, and that it is stuck closed; together at most 1.
    seed, offset : int
        As in ``neuron.group``: the same seed gives the same devices on every target.

    Returns
    -------
    dict
        ``r_on``, ``r_off`` and, where the model has it, ``r_on_negative``: Quantity (ohm), shape (n,).

    Raises
    ------
    ValueError
        If the model has no such resistances, or for a bad probability, number, seed or offset.

    Examples
    --------
    >>> from brian2 import volt
    >>> from memneuro import OneM1T1R
    >>> neuron = OneM1T1R("hopping")
    >>> group = neuron.group(100, drive=0.8*volt, **stuck_devices(neuron, 100, open=0.05, seed=1))
    """
    names = [name for name in ("r_on", "r_on_negative") if name in neuron.model.parameters]
    if "r_on" not in names or "r_off" not in neuron.model.parameters:
        raise ValueError(
            f"model {neuron.model.name!r} has no r_on and r_off; accepted: hopping, compact, area and threshold devices"
        )
    n = whole_number(n, "n", 1, 2**31 - 1)
    seed = whole_number(seed, "seed", 0, MAX_SEED)
    offset = whole_number(offset, "offset", 0, 2**31 - 1 - n)
    if not (0 <= open <= 1 and 0 <= closed <= 1 and open + closed <= 1):
        raise ValueError(f"open = {open!r}, closed = {closed!r}; accepted: probabilities with a sum of at most 1")
    draw = threefry_uniform.pyfunc(seed, np.arange(n) + offset, _STEP, _STREAM)
    high = float(neuron.device["r_off"])
    low = {name: float(neuron.device[name]) for name in names}
    found: dict[str, Any] = {name: np.where(draw < open, high, value) * ohm for name, value in low.items()}
    return {**found, "r_off": np.where(draw >= 1 - closed, low["r_on"], high) * ohm}
