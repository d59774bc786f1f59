r"""A reservoir of memristor neurons: a fixed random network that a signal is sent into, and a linear read-out.

Sample n of a signal u, 0 to 1, is held for a while. Every neuron gets a train of pulses whose amplitude follows the
signal with an offset and a gain of its own,

.. math:: v_{bias,i}(t) = (o_i + k_i\, u_{\lfloor t/T \rfloor})\, p(t), \qquad p = 1 \text{ in a pulse, else } 0

behind the input node of :mod:`memneuro.network.node`, and has a slowness of its own
(:mod:`memneuro.circuit.time_scale`), so that silver remembers over different times. Neurons can be coupled by the
wiring of :mod:`memneuro.network.wiring`. Read out, at the end of each sample, are each neuron's spikes and its gate
voltage, both low-pass filtered with the time T of a sample.

Tasks: to recall the input of k samples ago, whose squared correlations add up to the memory capacity (H. Jaeger 2001,
GMD report 152); NARMA-10 (A. Atiya and A. Parlos 2000, doi:10.1109/72.846741); the Mackey-Glass series some steps
ahead (M. Mackey and L. Glass 1977, doi:10.1126/science.267326). The last series and the echo-state network to compare
with come from reservoirpy (N. Trouvain et al. 2020, doi:10.1007/978-3-030-61616-8_40), the ridge regression from
scikit-learn: ``pip install "memneuro[reservoir]"``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from brian2 import Network, Quantity, StateMonitor, Synapses, TimedArray, get_dimensions, ms, second, volt

from memneuro.backend import backend as use
from memneuro.circuit.device_circuit import whole_number
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.circuit.time_scale import slowed_parameters
from memneuro.network.node import ON_PRE, InputNode
from memneuro.network.wiring import Wiring

#: Ridge parameters among which the training samples choose.
RIDGES = np.logspace(-4, 5, 19)

#: A state that varies less than this share of the most variable one during the training is not read.
LEAST = 0.01

_SIGNAL = """
pulse_time = t + 0.001*dt - floor((t + 0.001*dt)/pulse_period)*pulse_period : second
v_bias = (v_offset + v_gain*signal(t + 0.5*dt))*int(pulse_time < pulse_width) : volt
"""
_READ = """
dspikes/dt = -spikes/tau_read : 1
dgate/dt = (v_gate - gate)/tau_read : volt
tau_read : second (shared, constant)
"""


@dataclass(frozen=True)
class SignalNode(InputNode):
    """An input node whose bias is a train of pulses that follow a signal; see the module's documentation.

    Parameters
    ----------
    v_bias : Quantity (volt)
        As in :class:`memneuro.network.node.InputNode`.
    g_bias, w_exc, w_inh : Quantity (siemens)
        As there.
    tau_exc, tau_inh : Quantity (second)
        As there.
    e_exc, e_inh : Quantity (volt)
        As there.
    signal : TimedArray
        The signal, without unit, one value a sample.
    pulse_width, pulse_period : Quantity (second)
        Length of a pulse, and from one onset to the next.
    """

    signal: Any = None
    pulse_width: Quantity = field(default_factory=lambda: 1 * ms)
    pulse_period: Quantity = field(default_factory=lambda: 2 * ms)

    def equations(self) -> str:
        """The node and its bias."""
        return super().equations() + _SIGNAL

    def parameters(self) -> dict[str, tuple[Any, str]]:
        """Those of the node, pulses, and an offset and gain of each neuron."""
        found = super().parameters()
        del found["v_bias"]
        return {
            **found,
            "v_offset": (0 * volt, "volt"),
            "v_gain": (0 * volt, "volt"),
            "pulse_width": (self.pulse_width, "second"),
            "pulse_period": (self.pulse_period, "second"),
        }

    def namespace(self) -> dict[str, Any]:
        """The signal."""
        return {"signal": self.signal}


@dataclass(frozen=True)
class Reservoir:
    """A reservoir; see the module's documentation.

    Parameters
    ----------
    neurons : int
    synapses : int
        Inputs that each neuron gets from others.
    neuron : OneM1T1R
    node : SignalNode
        Synapses and pulses; its signal is replaced.
    sample : Quantity (second)
        How long a sample is held.
    offset, gain : (float, float)
        Ranges, in volt, from which those of the neurons are drawn.
    slowest : float
        Slowness is drawn between 1 and this, evenly in its logarithm.
    noise : bool
    seed : int
        Of all that is drawn, and of the noise.

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    neurons: int = 200
    synapses: int = 0
    neuron: OneM1T1R = field(default_factory=OneM1T1R)
    node: SignalNode = field(default_factory=SignalNode)
    sample: Quantity = field(default_factory=lambda: 10 * ms)
    offset: tuple[float, float] = (0.6, 0.9)
    gain: tuple[float, float] = (-0.7, 0.7)
    slowest: float = 10.0
    noise: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        whole_number(self.neurons, "neurons", 1, 10**7)
        whole_number(self.seed, "seed", 0, 2**31 - 1)
        if get_dimensions(self.sample) != get_dimensions(second) or not float(self.sample) > 0:
            raise ValueError(f"sample = {self.sample!r}; accepted: a time above zero")
        if not (np.isfinite(self.slowest) and self.slowest >= 1):
            raise ValueError(f"slowest = {self.slowest!r}; accepted: at least 1")
        for name in ("offset", "gain"):
            low, high = getattr(self, name)
            if not (np.isfinite([low, high]).all() and low <= high):
                raise ValueError(f"{name} = {getattr(self, name)!r}; accepted: two finite numbers, the lower first")

    def states(self, signal: Any, *, backend: str = "cpp") -> np.ndarray:
        """What the read-out sees at the end of each sample.

        Parameters
        ----------
        signal : array_like, shape (samples,)
            From 0 to 1.
        backend : str
            As in :func:`memneuro.backend.backend`.

        Returns
        -------
        ndarray, shape (samples, 2 neurons)
            Filtered spikes of all neurons, then their filtered gate voltages over ``v_threshold``: both of order one,
            and not scaled to unit variance, so that a neuron that rarely does anything has little weight.

        Raises
        ------
        ValueError
            If the signal is no series of finite numbers from 0 to 1.
        BackendUnavailable
            If the backend cannot be used here.
        """
        u = np.asarray(signal, dtype=float)
        if u.ndim != 1 or not u.size or not np.isfinite(u).all() or u.min() < 0 or u.max() > 1:
            raise ValueError(f"signal of shape {u.shape}; accepted: a series of finite numbers from 0 to 1")
        rng = np.random.default_rng([self.seed, 23])
        n = self.neurons
        drive = replace(self.node, signal=TimedArray(u, dt=self.sample))
        slowness = np.exp(rng.uniform(0, np.log(self.slowest), n))
        with use(backend):
            group = self.neuron.group(
                n,
                drive=drive,
                seed=self.seed,
                noise=self.noise,
                extra=_READ,
                v_offset=rng.uniform(*self.offset, n) * volt,
                v_gain=rng.uniform(*self.gain, n) * volt,
                **slowed_parameters(self.neuron, slowness),
            )
            group.tau_read = self.sample
            counted = Synapses(group, group, on_pre="spikes_post += 1", namespace={})
            counted.connect(j="i")
            monitor = StateMonitor(group, ["spikes", "gate"], record=True, dt=self.sample, when="start")
            parts = [group, counted, monitor]
            if self.synapses:
                parts += Wiring(n, self.synapses, seed=self.seed).connect(group, ON_PRE)
            Network(*parts).run((len(u) + 0.5) * self.sample, namespace={})
            read = [np.asarray(getattr(monitor, name)).T[1 : len(u) + 1] for name in ("spikes", "gate")]
        return np.hstack([read[0], read[1] / float(self.neuron.circuit["v_threshold"])])


def nrmse(states: Any, target: Any, train: int, washout: int = 100) -> float:
    """Error of a ridge read-out on the samples after the training, over the standard deviation of the target there.

    Parameters
    ----------
    states : array_like, shape (samples, features)
    target : array_like, shape (samples,)
    train : int
        Samples of the training, after the `washout`; the strength of the ridge is chosen on them.
    washout : int
        First samples, which are left out.

    Raises
    ------
    ValueError
        If lengths differ or nothing is left to train or to test.
    ImportError
        Without scikit-learn.
    """
    from sklearn.linear_model import RidgeCV

    x, y = np.asarray(states, dtype=float), np.asarray(target, dtype=float)
    if x.ndim != 2 or y.shape != x.shape[:1]:
        raise ValueError(
            f"states of shape {x.shape} and target {y.shape}; accepted: (samples, features) and (samples,)"
        )
    if washout < 0 or train < 2 or washout + train >= len(y):
        raise ValueError(f"washout = {washout!r}, train = {train!r} of {len(y)}; accepted: samples left to test")
    split = washout + train
    spread = x[washout:split].std(axis=0)
    x = x[:, spread >= LEAST * spread.max()]
    model = RidgeCV(alphas=RIDGES).fit(x[washout:split], y[washout:split])
    return float(np.sqrt(np.mean((model.predict(x[split:]) - y[split:]) ** 2)) / np.std(y[split:]))


def memory_capacity(states: Any, signal: Any, train: int, washout: int = 100, longest: int = 20) -> float:
    """Sum over k = 0 ... `longest` of the share of the variance of u(n - k) that the read-out explains.

    Parameters
    ----------
    states : array_like, shape (samples, features)
        What the read-out sees.
    signal : array_like, shape (samples,)
        u, what was sent in.
    train, washout : int
        As in :func:`nrmse`.
    longest : int
        Largest delay k, in samples.
    """
    u = np.asarray(signal, dtype=float)
    return float(sum(max(0.0, 1 - nrmse(states, np.roll(u, k), train, washout) ** 2) for k in range(longest + 1)))


@dataclass(frozen=True)
class Series:
    """A task: the signal that is sent in, 0 to 1, and what is asked for at the end of each sample.

    Parameters
    ----------
    signal, target : ndarray, shape (samples,)
        Both without unit.
    """

    signal: np.ndarray
    target: np.ndarray


def narma(samples: int, seed: int = 0) -> Series:
    """NARMA-10: y(n+1) = 0.3 y(n) + 0.05 y(n) (y(n) + ... + y(n-9)) + 1.5 u(n-9) u(n) + 0.1, u uniform in 0 to 0.5.

    The signal is 2 u(n), the target y(n+1). Some series diverge; the seed is then raised until one does not.

    Parameters
    ----------
    samples : int
        Length of the series.
    seed : int
        Of u.

    Raises
    ------
    RuntimeError
        If a thousand seeds in a row diverge.
    """
    samples = whole_number(samples, "samples", 1, 10**8)
    for attempt in range(seed, seed + 1000):
        u = np.random.default_rng([attempt, 29]).uniform(0, 0.5, samples)
        y = np.zeros(samples + 1)
        for n in range(9, samples):
            y[n + 1] = 0.3 * y[n] + 0.05 * y[n] * y[n - 9 : n + 1].sum() + 1.5 * u[n - 9] * u[n] + 0.1
            if y[n + 1] > 1:
                break
        else:
            return Series(2 * u, y[1:])
    raise RuntimeError(f"seeds {seed} to {seed + 999} all diverge over {samples} samples")


def mackey_glass(samples: int, ahead: int = 6, seed: int = 0) -> Series:
    """The Mackey-Glass series, tau = 17, one sample a unit of time, and itself `ahead` samples later.

    Parameters
    ----------
    samples : int
        Length of the series.
    ahead : int
        How many samples later the target is.
    seed : int
        Of the start.
    """
    from reservoirpy.datasets import mackey_glass as published

    x = published(samples + ahead + 200, tau=17, seed=seed)[200:, 0]
    x = (x - x.min()) / (x.max() - x.min())
    return Series(x[:samples], x[ahead : ahead + samples])
