"""What it takes to meet the published energies: which parameter has to change, by how much, and what that would mean.

The card of the measured device is never changed; each row is a projection of one parameter alone.

* **1 pJ at 0.45 V**: the measured device does not fire at 0.45 V. For each parameter that could make it fire, the least
  change at which it keeps firing under a constant 0.45 V without noise, and the energy of a spike there.
* **1.39 pJ, 65 nm**: the gate capacitance at which the source supplies 1.39 pJ a spike under the 0.8 V train.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from brian2 import Quantity, ms, second, volt

from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.energy import energy, energy_per_spike
from memneuro.experiment.operating_range import operating_range

INPUT = 0.45 * volt
#: Parameters that could make the device fire at a lower input: the sense of the change, and what it would mean.
LEVERS = {
    "mu": (1, "a hopping barrier lower by k_B T ln(factor), such as another oxide or interface"),
    "v_hop": (-1, "a longer lever arm of the hop: a thinner gap, or ions of a higher charge"),
    "gamma1": (-1, "slower dissolution: a filament of lower surface energy; spikes become as much longer"),
    "beta": (1, "more silver left in the gap by each filament"),
    "gamma2": (-1, "a residue that stays for longer; facilitation lasts as much longer"),
}
#: Changes that are tried, as factors.
FACTORS = np.geomspace(1, 300, 115)
ACCURACY, TRIES = 0.005, 6


def lower_input(neuron: OneM1T1R, voltage: Quantity = INPUT) -> pd.DataFrame:
    """The least change of each parameter at which a neuron keeps firing under a constant voltage, without noise.

    Parameters
    ----------
    neuron : OneM1T1R
        The neuron; its card is not changed.
    voltage : Quantity (volt)
        The input.

    Returns
    -------
    DataFrame
        One row a parameter: ``parameter``, ``value`` and ``needed`` (SI units), ``factor``, ``rate_hz``, ``source_pJ``
        (energy of a spike from the input) and ``meaning``; NaN where no change up to 300 times suffices.
    """
    rows = []
    for name, (sense, meaning) in LEVERS.items():
        value = neuron.device[name]
        # The amplitudes of the protocol rise by a part in 1e9: every one of them is the same voltage.
        same = voltage * (1 + 1e-9 * np.arange(len(FACTORS)))
        table = operating_range(neuron, drive=voltage, amplitudes=same, noise=False, **{name: value * FACTORS**sense})
        lasting = np.flatnonzero(table["state"] == "sustained")
        row: dict[str, Any] = {"parameter": name, "value": float(value)}
        if lasting.size:
            factor = FACTORS[lasting[0]]
            changed = neuron.with_(**{name: value * factor**sense})
            row |= {"needed": float(value * factor**sense), "factor": float(factor)}
            row |= {"rate_hz": float(table["rate_late_hz"].iloc[lasting[0]])}
            row["source_pJ"] = _source(changed, amplitude=voltage, width=2 * ms, period=2 * ms, duration=500 * ms)
        rows.append(row | {"meaning": meaning})
    return pd.DataFrame(rows)


def capacitance_for(neuron: OneM1T1R, published: float, **train: Any) -> dict[str, float]:
    """The gate capacitance at which the source supplies a published energy a spike.

    R_c is changed with it so that R_c C_g, and with it the refractory period, stays.

    Parameters
    ----------
    neuron : OneM1T1R
        The neuron; its card is not changed.
    published : float
        Energy in pJ.
    **train : object
        The pulses, as in :func:`memneuro.experiment.energy.energy`.

    Returns
    -------
    dict
        ``value``, ``needed`` (farad), ``factor`` and ``source_pJ``.

    Raises
    ------
    ValueError
        If the neuron does not fire, or no capacitance is found.
    """
    value, control = neuron.circuit["c_gate"], neuron.circuit["r_control"]
    factor = 1.0
    for _ in range(TRIES):
        found = _source(neuron.with_(c_gate=value * factor, r_control=control / factor), **train)
        if not np.isfinite(found):
            break
        if abs(found / published - 1) < ACCURACY:
            return {"value": float(value), "needed": float(value * factor), "factor": factor, "source_pJ": found}
        factor *= published / found
    raise ValueError(f"no gate capacitance gives {published:g} pJ a spike for {neuron!r}")


def _source(neuron: OneM1T1R, **train: Any) -> float:
    """Energy (pJ) of a spike from the input, NaN for a silent neuron."""
    found = energy_per_spike(energy(neuron, **train))
    return float(found["source_pJ"]) if found["spikes"] else float("nan")


def energy_targets(device: str = "hopping_2e4d") -> pd.DataFrame:
    """Both projections as one table: ``target``, ``device``, ``circuit``, and the columns of :func:`lower_input`.

    Parameters
    ----------
    device : str
        Card of the measured device.
    """
    low = lower_input(OneM1T1R(device))
    low.insert(0, "target", "fires at 0.45 V (1 pJ)")
    low.insert(1, "device", device)
    low.insert(2, "circuit", "discrete_2025")
    small = OneM1T1R("compact_table7", "integrated_65nm")
    pulses = {"amplitude": 0.8 * volt, "width": 1 * ms, "period": 2 * ms, "duration": 0.4 * second}
    row = capacitance_for(small, 1.39, **pulses)
    row |= {"target": "1.39 pJ (65 nm)", "device": "compact_table7", "circuit": "integrated_65nm"}
    row |= {"parameter": "c_gate", "meaning": "a gate of that part of the area, with R_c larger by the inverse"}
    return pd.concat([low, pd.DataFrame([row])], ignore_index=True)
