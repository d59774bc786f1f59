"""Run random valid neurons in the precision named first; say nothing unless a state leaves its range.

Started in a process of its own by the tests, which look at what it writes. The second word is the number of neurons.

Every parameter of a card is drawn log-uniformly over the range that the card gives, or from a tenth of its value to ten
times that where it gives none; activation energies too, at 300 K. A group has one step, set by its fastest loss: at the
largest step all devices of a group have the card's loss, so that it is the largest for each of them.
"""

import sys

import numpy as np
from brian2 import Network, StateMonitor, second, volt

from memneuro import OneM1T1R, PulseTrain
from memneuro.backend import backend
from memneuro.device.card import parse_unit

#: Card, and whether the step is the largest (or the default).
KINDS = (("hopping_bounded_2e4d", True), ("hopping_bounded_2e4d", False), ("hopping_2e4d", True))
SPREAD = OneM1T1R("hopping_2e4d").device_spread(("mu", "v_hop"))
STATES = ("x_total", "x_residue", "v_gate", "v_tip")
#: Steps of each group, and how often it is looked at.
STEPS, EVERY = 400, 7


def parameters(neuron, rng, n, same_loss):
    """Values of all parameters but the temperature, one for each neuron."""
    found = {}
    for name, entry in {**neuron.device.parameters, **neuron.circuit.parameters}.items():
        low, high = entry.interval or (entry.value / 10, entry.value * 10)
        if name == "gamma1" and same_loss:
            low = high = entry.value
        if name != "temperature":
            found[name] = np.exp(rng.uniform(np.log(low), np.log(high), n)) * parse_unit(entry.unit)
    return found


def drive(rng, n):
    """From -3 V to 10 V: constant for half of the neurons, pulses of any length for the others."""
    period = np.exp(rng.uniform(np.log(2e-4), np.log(5e-3), n))
    width = period * np.where(np.arange(n) % 2, rng.uniform(0.02, 1, n), 1)
    return PulseTrain(rng.uniform(-3, 10, n) * volt, width * second, period * second)


def main(precision, neurons):
    """Build and run all groups as one program."""
    n = -(-neurons // len(KINDS))
    seen = []
    with backend("cpp", precision=precision, build_on_run=False) as program:
        for k, (card, largest) in enumerate(KINDS):
            rng, neuron = np.random.default_rng(k), OneM1T1R(card)
            given, train = parameters(neuron, rng, n, largest), drive(rng, n)
            own = neuron.with_(gamma1=np.max(given["gamma1"]))
            step = own.largest_step if largest else own.default_step
            group = neuron.group(n, drive=train, dt=step, seed=k, spread=SPREAD, **given)
            start = rng.random(n)
            group.x_total, group.x_residue = start, start * rng.random(n)
            seen.append(StateMonitor(group, STATES, record=True, dt=EVERY * step))
            Network(group, seen[-1]).run(STEPS * step, namespace={})
        program.build()
        for monitor, (card, _) in zip(seen, KINDS, strict=True):
            x, residue, gate, tip = (np.asarray(getattr(monitor, name)) for name in STATES)
            assert x.shape == (n, -(-STEPS // EVERY)), x.shape
            assert np.isfinite(gate).all() and np.isfinite(tip).all(), card
            assert (residue >= 0).all() and (residue <= x).all() and (x <= 1).all(), card
            assert ((x > 0.95).any(axis=1)).mean() > 0.1, "the drives were meant to close many filaments"


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
