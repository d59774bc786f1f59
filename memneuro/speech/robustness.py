"""How a trained network bears devices other than those it was trained with.

Nothing is trained anew. Each condition changes the neurons or the crossbars of a network and the test words are heard
again, with several draws of the devices:

* ``device_spread``: ln(mu) and ln(v_hop) of each neuron spread as the card's do, times the level;
* ``stuck_neurons``: this share of the neurons never fires;
* ``stuck_weights``: this share of the crossbar devices is stuck, half of them at zero and half at the largest
  conductance;
* ``temperature_k``: all neurons at this temperature, by the Arrhenius factors of the ``hopping`` equations;
* ``noise``: the standard deviation of the tip potentials times the level.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.speech.memristor import DEVICE, MemristorLayer
from memneuro.speech.network import SpeechNetwork
from memneuro.speech.train import Examples, accuracy

#: Conditions and their levels; the first level of each leaves the network as it was.
CONDITIONS: Mapping[str, tuple[float, ...]] = {
    "device_spread": (0.0, 0.05, 0.1, 0.2, 0.5, 1.0),
    "stuck_neurons": (0.0, 0.02, 0.05, 0.1, 0.2),
    "stuck_weights": (0.0, 0.005, 0.01, 0.02, 0.05),
    "temperature_k": (300.0, 280.0, 290.0, 310.0, 320.0),
    "noise": (1.0, 0.0, 2.0, 3.0, 4.0),
}


def changed(network: SpeechNetwork, condition: str, level: float, seed: int = 0) -> SpeechNetwork:
    """A copy of a memristor network under a condition of :data:`CONDITIONS`.

    Parameters
    ----------
    network : SpeechNetwork
        Of kind ``memristor``; it is left as it is.
    condition : str
        A key of :data:`CONDITIONS`.
    level : float
        A share, a factor, or a temperature in kelvin, as the condition has it.
    seed : int
        Of the draw.

    Raises
    ------
    ValueError
        For an unknown condition, a level that makes no sense, or a network of other neurons.
    """
    if condition not in CONDITIONS:
        raise ValueError(f"condition = {condition!r}; accepted: {', '.join(CONDITIONS)}")
    share = condition.startswith("stuck")
    if not (math.isfinite(level) and 0 <= level <= (1 if share else math.inf)):
        raise ValueError(f"{condition} = {level!r}; accepted: {'from 0 to 1' if share else 'zero or more'}")
    if not isinstance(network.layer, MemristorLayer):
        raise ValueError(f"a network of kind {network.settings.kind!r}; accepted: memristor")
    found = copy.deepcopy(network)
    layer = found.layer
    assert isinstance(layer, MemristorLayer)
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        if condition == "device_spread":
            spread = OneM1T1R(DEVICE).device_spread(("mu", "v_hop"))
            for name, factor in (("mu", layer.mu_factor), ("v_hop", layer.hop_factor)):
                drawn = np.exp(level * spread[name] * rng.standard_normal(layer.neurons))
                factor *= torch.from_numpy(drawn.astype(np.float32))
        elif condition == "stuck_neurons":
            silent = torch.from_numpy(rng.permutation(layer.neurons)[: round(level * layer.neurons)])
            found.w_rec[silent] = 0
            found.w_out[silent] = 0
        elif condition == "stuck_weights":
            for weight in (found.w_in, found.w_rec, found.w_out):
                _stick(weight, level, found.settings.largest_weight, rng)
        elif condition == "temperature_k":
            found.layer = at_temperature(layer, level)
        else:
            layer.card["sigma_tip"] *= level
    return found


def _stick(weight: torch.Tensor, share: float, largest: float, rng: np.random.Generator) -> None:
    """Of the two conductances behind each weight, this share is stuck at zero or at its largest value."""
    for sign in (1, -1):
        own = (sign * weight).clamp(min=0)
        other = (-sign * weight).clamp(min=0)
        drawn = rng.random(tuple(weight.shape))
        own[torch.from_numpy(drawn < share / 2)] = 0
        own[torch.from_numpy((drawn >= share / 2) & (drawn < share))] = largest
        weight.copy_(sign * (own - other))


def at_temperature(layer: MemristorLayer, kelvin: float) -> MemristorLayer:
    """The same neurons at another temperature; the drive's scale stays that of 300 K.

    Parameters
    ----------
    layer : MemristorLayer
        The neurons at 300 K.
    kelvin : float
        The other temperature.

    Raises
    ------
    ValueError
        If it is not greater than zero.
    """
    if not kelvin > 0:
        raise ValueError(f"temperature_k = {kelvin!r}; accepted: greater than zero")
    card = layer.card
    inverse = (1 / kelvin - 1 / 300) / 1.380649e-23
    growth, loss = (math.exp(-card[f"activation_{name}"] * inverse) for name in ("growth", "loss"))
    neuron = OneM1T1R(DEVICE)
    rates = {name: neuron.device[name] * loss for name in ("beta", "gamma1", "gamma2")}
    noise = {
        "sigma_tip": neuron.device["sigma_tip"] * math.sqrt(kelvin / 300),
        "tau_tip": neuron.device["tau_tip"] / growth,
    }
    found = MemristorLayer(
        layer.neurons,
        neuron.with_(**rates, **noise),
        layer.width_s,
        layer.period_s,
        layer.supply * card["v_hop"],
        layer.slowest,
        without=layer.without,
    )
    found.load_state_dict(layer.state_dict())
    found.mu_factor *= growth
    found.hop_factor *= kelvin / 300
    return found


def robustness(
    networks: Sequence[SpeechNetwork],
    examples: Examples,
    *,
    draws: int = 3,
    conditions: Mapping[str, Sequence[float]] = CONDITIONS,
) -> pd.DataFrame:
    """Accuracy of several networks under each condition.

    Parameters
    ----------
    networks : sequence of SpeechNetwork
        Trained alike from other seeds.
    examples : Examples
        Test words.
    draws : int
        Devices drawn for each network and level.
    conditions : mapping of str to sequence of float
        Levels of some of :data:`CONDITIONS`.

    Returns
    -------
    DataFrame
        One row a network, level and draw: ``condition``, ``level``, ``network``, ``draw``, ``accuracy``.
    """
    rows: list[dict[str, Any]] = []
    for condition, levels in conditions.items():
        for level in levels:
            for number, network in enumerate(networks):
                for draw in range(draws):
                    rows.append(
                        {
                            "condition": condition,
                            "level": level,
                            "network": number,
                            "draw": draw,
                            "accuracy": accuracy(changed(network, condition, level, draw), examples, draw),
                        }
                    )
    return pd.DataFrame(rows)
