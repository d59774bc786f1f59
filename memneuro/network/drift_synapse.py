r"""A synapse that keeps its state: a drift memristor that learns from overlapping pulses.

The device holds a filament of state w, 0 to 1, between two inert ends; its conductance is
``g_low + w (g_high - g_low)``. Ions hop as in the neuron's own device (Mott and Gurney), but nothing dissolves while no
voltage is across it:

.. math::

   dw/dt = 2 k_p \sinh(v/v_p)\,(1 - w) \;\; (v > 0), \qquad dw/dt = -2 k_d \sinh(-v/v_d)\,w \;\; (v < 0)

so updates are bounded, depend on the state, and differ between the two directions.

Each spike of either neuron sends a pulse to its own end of the device: ``pulse_amplitude_source`` or
``pulse_amplitude_target`` for ``pulse_width``, then a ramp of the other sign, from ``ramp_amplitude_source`` or
``ramp_amplitude_target`` to zero at ``ramp_source`` or ``ramp_target`` after the spike; a new spike starts it anew.
With u(s) this waveform, the device sees ``v = u(t - t_post) - u(t - t_pre)``. Where a pulse meets the other neuron's
ramp the voltages add, and as hopping rises exponentially with the voltage and the ramp is linear in time, the change
falls off exponentially with the time between the spikes: spike-timing-dependent plasticity with the time constants

.. math:: \tau_+ = T_{source} v_p / V_{source}, \qquad \tau_- = T_{target} v_d / V_{target}

A high ramp moves the device by itself: one of the target depresses all its synapses a little at each of its spikes, so
that those that did not help to fire it fade.

The learning here is this equation, solved once for each spike. Over a rectangular pulse the state moves by a dose D,
``w -> 1 - (1 - w) exp(-D)`` or ``w -> w exp(-D)``, with the other neuron's ramp taken in the middle of the pulse; the
spike's own ramp follows at once, with its dose in closed form. Left out is how two ramps change each other. The dose of
a pulse varies from cycle to cycle by a log-normal factor of mean 1, and a device of few levels comes to rest at one of
the two next to it, at random, so that the mean is kept.

Sources: overlapping pulses, C. Zamarreno-Ramos et al. 2011, doi:10.3389/fnins.2011.00026; exponential ionic drift,
D. B. Strukov and R. S. Williams 2009, doi:10.1007/s00339-008-4975-3. The numbers are in the card.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import NeuronGroup, SpikeSource, Synapses

from memneuro.device.card import Card, card
from memneuro.numerics.threefry import MAX_SEED, threefry_normal, threefry_uniform

_MODEL = """
w : 1
learning : boolean (shared)
pulsed_source : second
pulsed_target : second
conductance = g_low + w*(g_high - g_low) : siemens
"""

# `pulsed_source` and `pulsed_target` are the ends of the steps of the last spikes, 0 before the first. Where both
# pulses last, the device sees their difference.
_DOSE = """
since = t + dt - pulsed_{other} + (pulse_width + ramp_{other})*int(pulsed_{other} == 0*second)
left = clip(1 - (since + 0.5*pulse_width)/ramp_{other}, 0, 1)
apart = clip(since/pulse_width, 0, 1)
alone = apart*sinh((pulse_amplitude_{end} + ramp_amplitude_{other}*left)/v_{way})
both = (1 - apart)*sinh(clip(pulse_amplitude_{end} - pulse_amplitude_{other}, 0*volt, inf*volt)/v_{way})
dose = 2*rate_{way}*pulse_width*(alone + both)*int(learning)
"""
_SPREAD = "dose = dose*exp(cycle_spread*threefry_normal(synapse_seed, j, t_in_timesteps, 8*i + {stream}) "
_SPREAD += "- 0.5*cycle_spread**2)\n"
_MOVE = {"potentiation": "w = 1 - (1 - w)*exp(-{dose})\n", "depression": "w = w*exp(-{dose})\n"}
_LEVEL = "w = clip(floor(w*(levels - 1) + int(learning)*threefry_uniform(synapse_seed, j, t_in_timesteps, "
_LEVEL += "8*i + {stream}) + int(not learning)*0.5)/(levels - 1), 0, 1)\n"


class DriftSynapse:
    """Non-volatile memristor synapses with bounded, asymmetric, noisy and, on demand, discrete updates.

    Parameters
    ----------
    device : str or Card
        A card of kind ``"synapse"`` and model ``"drift"``, or its name.
    levels : int
        Number of levels at which the device can rest; 0: any state.
    noise : bool
        Whether updates vary from cycle to cycle.
    **changes : Quantity (any unit) or float
        Parameters of the card to change.

    Raises
    ------
    ValueError
        For a card of another kind, an unknown parameter, or a number out of range.
    brian2.DimensionMismatchError
        If a value has the wrong unit.
    """

    def __init__(
        self, device: str | Card = "drift_hippocampal", *, levels: int = 0, noise: bool = True, **changes: Any
    ) -> None:
        found = card(device) if isinstance(device, str) else device
        if (found.kind, found.model) != ("synapse", "drift"):
            raise ValueError(
                f"device = {found.name!r} is a card of kind {found.kind!r} and model {found.model!r}; "
                "accepted: kind 'synapse', model 'drift'"
            )
        if isinstance(levels, bool) or not isinstance(levels, int) or levels < 0 or levels == 1:
            raise ValueError(f"levels = {levels!r}; accepted: 0 for any state, or a whole number of at least 2")
        found = found.with_(**changes)
        if found["g_high"] <= found["g_low"]:
            raise ValueError(f"g_high = {found['g_high']!r}; accepted: above g_low = {found['g_low']!r}")
        self.card, self.levels, self.noise = found, levels, noise

    def synapses(
        self,
        source: SpikeSource | NeuronGroup,
        target: NeuronGroup,
        *,
        deliver: str = "",
        seed: int = 0,
        **options: Any,
    ) -> Synapses:
        """Synapses that are still to be connected, and then given their states ``w``.

        Parameters
        ----------
        source, target : SpikeSource, NeuronGroup
        deliver : str
            Code for a spike of the source, such as ``"g_exc_post += conductance"``; it may use ``conductance``,
            in siemens, and ``w``. It runs before the pulse changes the state.
        seed : int
            Of the spread from cycle to cycle and the levels; 0 to 2**31 - 1. With the same seed every target draws
            the same numbers, for a synapse, a time step and a direction of change.
        **options : object
            Passed on to Brian2's ``Synapses``.

        Returns
        -------
        Synapses
            ``learning``, shared by all, is false at first: set it to true to let them learn.

        Raises
        ------
        ValueError
            If the seed is out of range.
        """
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MAX_SEED:
            raise ValueError(f"seed = {seed!r}; accepted: a whole number from 0 to {MAX_SEED}")
        names = {
            **self.card.values(),
            "own_source": self.ramp_dose("source"),
            "own_target": self.ramp_dose("target"),
            "levels": float(self.levels),
            "synapse_seed": seed,
            "threefry_normal": threefry_normal,
            "threefry_uniform": threefry_uniform,
        }
        made = Synapses(
            source,
            target,
            _MODEL,
            on_pre=f"{deliver}\n{self._spike('source', 0)}",
            on_post=self._spike("target", 1),
            namespace={**names, **options.pop("namespace", {})},
            **options,
        )
        return made

    def ramp_dose(self, end: str) -> float:
        """Dose of the ramp of one spike of the ``"source"`` (potentiates) or the ``"target"`` (depresses)."""
        way = "potentiation" if end == "source" else "depression"
        ramp, width = self.card[f"ramp_{end}"], self.card["pulse_width"]
        steepness = self.card[f"ramp_amplitude_{end}"] / self.card[f"v_{way}"]
        left = max(1 - float(width / ramp), 0.0)
        return float(2 * self.card[f"rate_{way}"] * ramp / steepness * (np.cosh(float(steepness) * left) - 1))

    def _spike(self, end: str, stream: int) -> str:
        """Code for a spike of one end: its pulse, given the waveform of the other end, and its ramp."""
        way, back, other = (
            ("depression", "potentiation", "target") if end == "source" else ("potentiation", "depression", "source")
        )
        code = _DOSE.format(way=way, end=end, other=other)
        if self.noise and self.card.parameters["cycle_spread"].value > 0:
            code += _SPREAD.format(stream=stream)
        code += _MOVE[way].format(dose="dose") + _MOVE[back].format(dose=f"(own_{end}*int(learning))")
        if self.levels:
            code += _LEVEL.format(stream=2 + stream)
        return f"{code}pulsed_{end} = t + dt\n"
