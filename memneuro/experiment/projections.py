r"""The 1M1T1R neuron as built and as projected: simulated energy of a spike beside the published one, and area.

The energies are those of :func:`memneuro.experiment.energy.energy_comparison`, of the discrete circuit, the 65 nm
configuration and the 3 nm projection. Area has two rules, which disagree and are shown side by side:

* **published**: the neuron that was made has the footprint of one transistor, about 4 um2, with memristor and resistor
  stacked on it. No area is stated for the other circuits.
* **gate area**: the least area that the circuit's own C_g needs as a gate oxide of an equivalent thickness of 1 nm,
  :math:`A = C_g\,t_{ox}/(3.9\,\epsilon_0)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from memneuro.device.card import card
from memneuro.experiment.energy import CASES, energy_comparison
from memneuro.network.energy import AREA

#: Equivalent oxide thickness (metre) and permittivity (farad per metre) of the rule for the gate area.
OXIDE_THICKNESS = 1e-9
OXIDE_PERMITTIVITY = 3.9 * 8.8541878128e-12

#: What each published energy is of.
PUBLISHED_RULES = {
    "0.45 V input": "equals C_g V^2/2 at the input: the charging of the gate alone",
    "65 nm": "what it counts, and at which input, is not stated",
    "3 nm": "what it counts, and at which input, is not stated",
}
GATE_RULE = "C_g as a gate oxide of 1 nm equivalent thickness: C_g t/(3.9 eps_0)"
AREA_RULE = "footprint of one transistor, memristor and resistor stacked on it (doi:10.1038/s41928-025-01488-x)"
#: A simulated energy within this factor of the published one reaches it.
REACHED = 1.35


def projections(devices: Iterable[str] | None = None) -> pd.DataFrame:
    """Energy of a spike and area of the 1M1T1R neurons, published and simulated.

    Parameters
    ----------
    devices : iterable of str, optional
        Device cards; neurons with others are left out. By default all.

    Returns
    -------
    DataFrame
        The columns of :func:`memneuro.experiment.energy.energy_comparison`, and ``published_rule`` (what the published
        energy counts), ``whole_pJ`` (what source and output stage are supplied with), ``published_area_um2`` and
        ``area_rule`` (NaN and the reason where no area is stated), ``gate_area_um2`` and ``gate_area_rule``, and
        ``reading`` (how the simulation compares, in words). Two rows a neuron: a constant 0.45 V and the 0.8 V train.
    """
    wanted = None if devices is None else set(devices)
    cases = tuple(case for case in CASES if wanted is None or case[0] in wanted)
    if not cases:
        return pd.DataFrame()
    rows = []
    for row in energy_comparison(cases).to_dict(orient="records"):
        built = row["circuit"] == "discrete_2025"
        row |= {
            "whole_pJ": row.get("source_pJ", np.nan) + row.get("supply_pJ", np.nan),
            "published_rule": PUBLISHED_RULES[row["published"]],
            "published_area_um2": AREA * 1e12 if built else np.nan,
            "area_rule": f"of the integrated neuron: {AREA_RULE}" if built else "no area is stated",
            "gate_area_um2": gate_area(row["circuit"]) * 1e12,
            "gate_area_rule": GATE_RULE,
        }
        rows.append(row | {"reading": reading(row)})
    return pd.DataFrame(rows)


def gate_area(circuit: str) -> float:
    """Least area (square metre) of the gate capacitance of a circuit card; by ``GATE_RULE``."""
    return float(card(circuit)["c_gate"]) * OXIDE_THICKNESS / OXIDE_PERMITTIVITY


def reading(row: Mapping[str, Any]) -> str:
    """How a simulated spike compares with the published energy, in words.

    Parameters
    ----------
    row : mapping
        ``response``, ``published_pJ``, ``at_input_pJ``, ``gate_charging_pJ``, ``source_pJ`` and ``supply_pJ``.
    """
    published = row["published_pJ"]
    if row["response"] == "silent":
        alone = "" if np.isnan(published) else f"; C_g V^2/2 at the input is {_times(row['at_input_pJ'], published)}"
        return f"does not fire at this input, so it has no energy of a spike{alone}"
    words = ["latches after its first spikes: the energy is that of the first"] if row["response"] == "latches" else []
    if np.isnan(published):
        return "; ".join([*words, "the published energy is for another input"])
    charging, source = row["gate_charging_pJ"], row["source_pJ"]
    words.append(f"gate charging {_times(charging, published)}, source {_times(source, published)}")
    if 1 / REACHED <= source / published <= REACHED:
        words.append("the source reaches the published energy")
    elif 1 / REACHED <= charging / published <= REACHED:
        words.append("reached by the charging of the gate only")
    else:
        words.append("the published energy is not reached")
    words.append(f"with the output stage {_times(source + row['supply_pJ'], published)}")
    return "; ".join(words)


def _times(value: float, published: float) -> str:
    return f"{value / published:.2g} times the published"
