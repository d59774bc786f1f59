r"""A choice between two: neurons that inhibit each other, one of which has a little more evidence.

Each trial has a pair of neurons with the input node of :mod:`memneuro.network.node`. Their biases are the base plus and
minus half the evidence. A neuron that fires pulls the other's input to ground for a while, so the first one wins: the
choice is a race between two noisy filaments, decided by the device itself. Asked are the psychometric function, the
share of right choices over the evidence, and the reaction time, as in experiments on perceptual decisions (J. Gold and
M. Shadlen 2007, doi:10.1146/annurev.neuro.29.051605.113038; for competing spiking neurons X.-J. Wang 2002,
doi:10.1016/S0896-6273(02)01092-9).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from brian2 import Network, Quantity, SpikeMonitor, Synapses, ms, second, uS, volt

from memneuro.backend import backend as use
from memneuro.circuit.device_circuit import whole_number
from memneuro.circuit.drive import check
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.network.node import ON_PRE, InputNode


def _node() -> InputNode:
    return InputNode(v_bias=0.75 * volt, w_inh=200 * uS, tau_inh=50 * ms)


@dataclass(frozen=True)
class TwoChoice:
    """Pairs of competing neurons; see the module's documentation.

    Parameters
    ----------
    neuron : OneM1T1R
    node : InputNode
        ``v_bias`` is the base; ``w_inh`` and ``tau_inh`` are what a spike does to the other neuron.
    noise : bool
    """

    neuron: OneM1T1R = field(default_factory=OneM1T1R)
    node: InputNode = field(default_factory=_node)
    noise: bool = True

    def run(
        self,
        evidence: Any,
        *,
        trials: int = 200,
        duration: Quantity = 200 * ms,
        dt: Quantity | None = None,
        seed: int = 0,
        backend: str = "cpp",
    ) -> pd.DataFrame:
        """Let the pairs choose.

        Parameters
        ----------
        evidence : Quantity (volt), shape (levels,)
            Bias of the first neuron over that of the second.
        trials : int
            Pairs for each level, each with noise of its own.
        duration : Quantity (second)
            Who has not fired by then has not chosen.
        dt : Quantity (second), optional
            Time step; by default the card's.
        seed : int
            Of the noise.
        backend : str
            As in :func:`memneuro.backend.backend`.

        Returns
        -------
        DataFrame
            One row a trial: ``evidence_mV``, ``trial``, ``choice`` (0: the first neuron, 1: the second, -1: none, or
            both in one step) and ``reaction_ms`` (of the first spike; NaN without one).

        Raises
        ------
        ValueError
            If a number is out of range.
        brian2.DimensionMismatchError
            If the evidence is no voltage.
        BackendUnavailable
            If the backend cannot be used here.
        """
        check("evidence", evidence, volt, signed=True)
        check("duration", duration, second, positive=True)
        levels = np.atleast_1d(np.asarray(evidence, dtype=float))
        trials = whole_number(trials, "trials", 1, 10**7)
        pairs = levels.size * trials
        half = 0.5 * np.repeat(levels, trials)
        bias = float(self.node.v_bias) + np.concatenate([half, -half])
        with use(backend):
            group = self.neuron.group(
                2 * pairs, drive=self.node, dt=dt, seed=seed, noise=self.noise, v_bias=bias * volt
            )
            rivals = Synapses(group, group, on_pre=ON_PRE["inh"], namespace={}, dt=group.clock.dt)
            rivals.connect(i=np.arange(2 * pairs), j=(np.arange(2 * pairs) + pairs) % (2 * pairs))
            monitor = SpikeMonitor(group)
            Network(group, rivals, monitor).run(duration, namespace={})
            index, time = np.asarray(monitor.i), np.asarray(monitor.t / ms)
        first = np.full(2 * pairs, np.inf)
        np.minimum.at(first, index, time)
        one, other = first[:pairs], first[pairs:]
        reaction = np.minimum(one, other)
        choice = np.where(one < other, 0, np.where(other < one, 1, -1))
        return pd.DataFrame(
            {
                "evidence_mV": np.repeat(levels * 1e3, trials),
                "trial": np.tile(np.arange(trials), levels.size),
                "choice": choice,
                "reaction_ms": np.where(np.isfinite(reaction), reaction, np.nan),
            }
        )


def psychometric(table: pd.DataFrame) -> pd.DataFrame:
    """Choices and reaction times by evidence.

    Parameters
    ----------
    table : DataFrame
        What :meth:`TwoChoice.run` gave.

    Returns
    -------
    DataFrame
        One row a level: ``evidence_mV``, ``first`` (share of the choices that went to the first neuron), ``error``
        (its standard error), ``chosen`` (share of the trials with a choice), ``reaction_ms`` (median).
    """
    rows = []
    for level, part in table.groupby("evidence_mV"):
        made = part[part["choice"] >= 0]
        share = float((made["choice"] == 0).mean()) if len(made) else math.nan
        rows.append(
            {
                "evidence_mV": level,
                "first": share,
                "error": math.sqrt(share * (1 - share) / len(made)) if len(made) else math.nan,
                "chosen": len(made) / len(part),
                "reaction_ms": float(part["reaction_ms"].median()),
            }
        )
    return pd.DataFrame(rows)
