"""The same neuron, slower: every rate divided by one factor.

Dividing the rates of the device (mu, beta, gamma1, gamma2, 1/tau_tip) by s and multiplying the capacitances by s
turns the solution x(t) under the drive v(t) into x(t/s) under v(t/s), exactly: R_c C_g and R_on C_g become s times as
long, and nothing else contains a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2 import Quantity

from memneuro.circuit.one_m1t1r import OneM1T1R

#: Power of the factor by which each parameter changes.
POWERS = {"mu": -1, "beta": -1, "gamma1": -1, "gamma2": -1, "tau_tip": 1, "c_gate": 1, "c_foot": 1}


def slowed_parameters(neuron: OneM1T1R, factor: Any) -> dict[str, Quantity]:
    """The parameters of `neuron` that change when it is made slower by one factor or several.

    Parameters
    ----------
    neuron : OneM1T1R
    factor : float or array_like
        Greater than zero.

    Raises
    ------
    ValueError
        If a factor is not greater than zero and finite.
    """
    number = np.asarray(factor, dtype=float)
    if not np.all((number > 0) & np.isfinite(number)):
        raise ValueError(f"factor = {factor!r}; accepted: finite numbers greater than zero")
    known: Mapping[str, Any] = {**neuron.device.values(), **neuron.circuit.values()}
    return {name: known[name] * number**power for name, power in POWERS.items() if name in known}


def slowed(neuron: OneM1T1R, factor: float) -> OneM1T1R:
    """`neuron`, slower by `factor`.

    Parameters
    ----------
    neuron : OneM1T1R
        The neuron.
    factor : float
        How many times as slow, above zero.
    """
    return neuron.with_(**slowed_parameters(neuron, factor))
