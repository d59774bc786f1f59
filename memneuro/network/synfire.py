r"""A synfire chain: pools of memristor neurons, each of which hands a volley of spikes on to the next.

Every neuron of a pool gets an excitatory synapse from every neuron of the pool before, at the input node of
:mod:`memneuro.network.node`; the first pool gets a volley of input spikes with normally distributed times. A volley in
a pool is described by the spikes a neuron fires, a, and by the standard deviation of their times, sigma: strong and
narrow volleys go on, weak or wide ones die out (M. Diesmann, M.-O. Gewaltig and A. Aertsen 1999, doi:10.1038/990101).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from brian2 import (
    Network,
    Quantity,
    SpikeGeneratorGroup,
    SpikeMonitor,
    Synapses,
    ms,
    second,
    uS,
    volt,
)

from memneuro.backend import backend as use
from memneuro.circuit.device_circuit import whole_number
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.network.balanced import check_delay
from memneuro.network.node import ON_PRE, InputNode

#: When the middle of the input volley arrives.
ONSET = 10 * ms


def _node() -> InputNode:
    return InputNode(v_bias=0.3 * volt, w_exc=50 * uS, tau_exc=2 * ms)


@dataclass(frozen=True)
class SynfireChain:
    """A chain; see the module's documentation.

    Parameters
    ----------
    pools, size : int
        Pools of the chain, and neurons of each.
    neuron : OneM1T1R
    node : InputNode
        Its ``w_exc`` is what the whole pool before opens together, one spike of each neuron.
    delay : Quantity (second)
        From pool to pool.
    noise : bool

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    pools: int = 8
    size: int = 50
    neuron: OneM1T1R = field(default_factory=OneM1T1R)
    node: InputNode = field(default_factory=_node)
    delay: Quantity = field(default_factory=lambda: 1 * ms)
    noise: bool = True

    def __post_init__(self) -> None:
        whole_number(self.pools, "pools", 1, 10**6)
        whole_number(self.size, "size", 1, 10**6)
        check_delay(self.delay)

    def run(
        self,
        spikes: int = 50,
        spread: Quantity = 1 * ms,
        *,
        duration: Quantity | None = None,
        dt: Quantity | None = None,
        seed: int = 0,
        backend: str = "cpp",
    ) -> pd.DataFrame:
        """Send one volley into the first pool.

        Parameters
        ----------
        spikes : int
            Of the volley; each opens the same conductance as a spike of a neuron.
        spread : Quantity (second)
            Standard deviation of their times.
        duration : Quantity (second), optional
            By default long enough for 10 ms a pool.
        dt : Quantity (second), optional
            Time step; by default the card's.
        seed : int
            Of the volley and the noise.
        backend : str
            As in :func:`memneuro.backend.backend`.

        Returns
        -------
        DataFrame
            One row a pool: ``pool`` (from 1), ``spikes`` (a neuron), ``fired`` (share of the neurons that fire),
            ``time_ms`` (median of the first spikes after the middle of the volley) and ``spread_ms`` (standard
            deviation of the first spikes); NaN where nobody fires.

        Raises
        ------
        ValueError
            If a number is out of range.
        BackendUnavailable
            If the backend cannot be used here.
        """
        spikes = whole_number(spikes, "spikes", 0, 10**6)
        seed = whole_number(seed, "seed", 0, 2**31 - 1)
        check_delay(spread, "spread")
        if duration is None:
            duration = ONSET + 10 * ms * (self.pools + 1)
        rng = np.random.default_rng([seed, 31])
        times = np.clip(float(ONSET) + float(spread) * rng.standard_normal(spikes), 0, None)
        with use(backend):
            group = self.neuron.group(self.pools * self.size, drive=self.node, dt=dt, seed=seed, noise=self.noise)
            step = group.clock.dt
            times = np.floor(times / float(step)) * float(step)
            volley = SpikeGeneratorGroup(max(spikes, 1), np.arange(spikes), times * second, dt=step)
            code = ON_PRE["exc"].replace("w_exc_post", f"w_exc_post/{self.size}")
            first = Synapses(volley, group[: self.size], on_pre=code, namespace={}, dt=step)
            first.connect()
            parts = [group, volley, first]
            if self.pools > 1:
                link = Synapses(group, group, on_pre=code, delay=self.delay, namespace={}, dt=step)
                link.connect(
                    j=f"k for k in range((i//{self.size} + 1)*{self.size}, (i//{self.size} + 2)*{self.size}) "
                    f"if i < {(self.pools - 1) * self.size}"
                )
                parts.append(link)
            monitor = SpikeMonitor(group)
            Network(*parts, monitor).run(duration, namespace={})
            index, time = np.asarray(monitor.i), np.asarray(monitor.t / ms)
        earliest = np.full(self.pools * self.size, np.nan)
        np.fmin.at(earliest, index, time - float(ONSET / ms))
        pools = earliest.reshape(self.pools, self.size)
        counts = np.bincount(index, minlength=pools.size).reshape(pools.shape)
        fired = np.isfinite(pools)
        found = [one[alive] for one, alive in zip(pools, fired, strict=True)]
        return pd.DataFrame(
            {
                "pool": np.arange(1, self.pools + 1),
                "spikes": counts.mean(axis=1),
                "fired": fired.mean(axis=1),
                "time_ms": [np.median(one) if one.size else np.nan for one in found],
                "spread_ms": [one.std() if one.size else np.nan for one in found],
            }
        )
