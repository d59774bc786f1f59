r"""A leaky integrate-and-fire neuron that stands in for the memristor neuron where only the former is known.

.. math:: \tau \frac{dv}{dt} = (v_{leak} - v) + r u, \qquad v > v_{threshold}: v \to v_{reset}

u is the drive voltage in volt. The scale of v is free, so v_leak = 0 and v_threshold = 1. Fitted are tau, r and
v_reset, to the rate of the memristor neuron over the level of its drive and, with a tenth of the weight, to the time
of its first spike, which else would be free where only intervals count. A lower v_reset is the only thing like a
refractory period that these equations have. What is lost is measured by :mod:`memneuro.export.lif_loss`, on levels that
the fit did not see.

Source of the equations: the primitive LIF of NIR, Pedersen et al. 2024, doi:10.1038/s41467-024-52259-9.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from brian2 import Network, NeuronGroup, Quantity, SpikeMonitor, ms, second, us, volt
from numpy.typing import NDArray
from scipy.optimize import differential_evolution

from memneuro.circuit.device_circuit import whole_number
from memneuro.circuit.drive import Constant, PulseTrain, as_drive
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.pulses import run_pulses
from memneuro.export.lif_coincidence import coincidence
from memneuro.export.lif_loss import Levels, Protocol, differences, loss_report, statistics

__all__ = ["LIFSurrogate", "fit_lif"]

#: Time step of the surrogate; its integration is exact between steps, so this is only the resolution of its spikes.
STEP = 50 * us
#: Weight of the first spike in the fit, beside that of the rate, 1.
FIRST_WEIGHT = 0.1

_EQUATIONS = """
dv/dt = (v_leak - v + r*v_in/volt)/tau : 1
tau : second (constant)
r : 1 (constant)
v_leak : 1 (constant)
v_threshold : 1 (constant)
v_reset : 1 (constant)
"""


@dataclass(frozen=True)
class LIFSurrogate:
    """A leaky integrate-and-fire neuron with a voltage as its input.

    Parameters
    ----------
    tau_s : float
        Time constant (s).
    r : float
        Rise of v at rest for an input of 1 V.
    v_leak, v_threshold, v_reset : float
        Rest, threshold and reset, without unit.
    report : mapping
        What the surrogate loses, see :func:`memneuro.export.lif_loss.loss_report`; empty for one that was not fitted.

    Raises
    ------
    ValueError
        If a number is not finite, the time constant not above zero, or the reset not below the threshold.
    """

    tau_s: float
    r: float
    v_leak: float = 0.0
    v_threshold: float = 1.0
    v_reset: float = 0.0
    report: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        values = {name: getattr(self, name) for name in ("tau_s", "r", "v_leak", "v_threshold", "v_reset")}
        for name, value in values.items():
            if not np.isfinite(value):
                raise ValueError(f"{name} = {value!r} is not finite")
        if self.tau_s <= 0:
            raise ValueError(f"tau_s = {self.tau_s!r}; accepted: a time above zero")
        if self.v_reset >= self.v_threshold:
            raise ValueError(f"v_reset = {self.v_reset!r}; accepted: below v_threshold = {self.v_threshold!r}")

    def group(self, n: int = 1, *, drive: Any, dt: Quantity = STEP) -> NeuronGroup:
        """The surrogate as an ordinary Brian2 group.

        Parameters
        ----------
        n : int
            Number of neurons.
        drive : Drive, Quantity (volt) or TimedArray
            Anything that defines ``v_in`` from itself: see :func:`memneuro.circuit.drive.as_drive`.
        dt : Quantity (second)
            Time step.

        Returns
        -------
        NeuronGroup
            With the variable ``v`` (no unit), starting at rest.
        """
        n, drive = whole_number(n, "n", 1, 2**31 - 1), as_drive(drive)
        drive.check_size(n)
        text = _EQUATIONS + drive.equations()
        text += "".join(f"{name} : {unit} (constant)\n" for name, (_, unit) in drive.parameters().items())
        group = NeuronGroup(
            n,
            text,
            threshold="v > v_threshold",
            reset="v = v_reset",
            method="exponential_euler",
            dt=dt,
            namespace=drive.namespace(),
        )
        for name, (value, _) in drive.parameters().items():
            setattr(group, name, value)
        group.tau = self.tau_s * second
        for name in ("r", "v_leak", "v_threshold", "v_reset"):
            setattr(group, name, getattr(self, name))
        group.v = self.v_leak
        return group


def fit_lif(
    neuron: OneM1T1R,
    drive: Constant | PulseTrain,
    *,
    duration: Quantity = 300 * ms,
    settle: Quantity | None = None,
    trials: int = 4,
    seeds: Sequence[int] = (1, 2, 3),
    noise: bool = True,
) -> LIFSurrogate:
    """Fit a leaky integrate-and-fire neuron to the rate of a memristor neuron over the level of its drive.

    Every second level is held out: the fit sees the first, third, fifth ... level, the loss is that on the others and
    under a fluctuating level.

    Parameters
    ----------
    neuron : OneM1T1R
        The neuron.
    drive : Constant or PulseTrain
        Its voltage or amplitude is an array of at least 5 ascending levels; width and period are one value each.
    duration : Quantity (second)
        How long each level is given.
    settle : Quantity (second), optional
        Rates and intervals are those after this time; by default half of `duration`.
    trials : int
        Neurons at each level and seed, each with noise of its own.
    seeds : sequence of int
        At least three; the memristor neuron is simulated with each.
    noise : bool
        Whether the device fluctuates.

    Returns
    -------
    LIFSurrogate
        With its report of losses.

    Raises
    ------
    TypeError
        If the drive is of another kind.
    ValueError
        If there are too few levels or seeds, or the neuron fires at too few of the levels to fit or to test.

    Examples
    --------
    >>> train = PulseTrain(np.linspace(0.76, 0.96, 9)*volt, width=1*ms, period=2*ms)
    >>> surrogate = fit_lif(OneM1T1R("hopping"), train)
    >>> surrogate.report["rate_error"], surrogate.report["traits_lacking"]
    """
    protocol = _protocol(drive, duration, settle)
    seeds = [whole_number(seed, "seed", 0, 2**63 - 1) for seed in seeds]
    if len(set(seeds)) < 3:
        raise ValueError(f"seeds = {seeds!r}; accepted: at least three different ones")
    trials = whole_number(trials, "trials", 1, 100_000)
    measured = {seed: _measure(neuron, protocol, trials, seed, noise) for seed in seeds}
    pooled = [[train for run in measured.values() for train in run[k]] for k in range(protocol.levels_v.size)]
    target = statistics(pooled, protocol)
    train, held = protocol.train, ~protocol.train
    for part, least, what in ((train, 2, "fit"), (held, 1, "test")):
        if np.sum(target.rate_hz[part] > 0) < least:
            raise ValueError(
                f"the neuron fires again and again at {np.sum(target.rate_hz[part] > 0)} of the levels "
                f"{', '.join(f'{level:g}' for level in protocol.levels_v[part])} V that {what} the surrogate; needed "
                f"are at least {least}: give other levels"
            )
    fitted = _search(target, protocol)
    surrogate = LIFSurrogate(**fitted)
    answer = statistics([[times] for times in _spikes_of(surrogate, drive, protocol)], protocol)
    together = coincidence(
        neuron, lambda given: surrogate.group(1, drive=given), protocol, trials=trials, seeds=seeds, noise=noise
    )
    report = loss_report(
        fitted,
        target,
        answer,
        {seed: statistics(run, protocol) for seed, run in measured.items()},
        protocol,
        discharge_s=float(neuron.circuit["r_control"] * neuron.circuit["c_gate"] / second),
        coincidence=together,
    )
    report |= {
        "neuron": {"device": neuron.device.name, "circuit": neuron.circuit.name},
        "drive": {
            "kind": "constant" if isinstance(drive, Constant) else "pulses",
            "width_ms": protocol.width_s * 1e3,
            "period_ms": protocol.period_s * 1e3,
            "duration_ms": protocol.duration_s * 1e3,
            "settle_ms": protocol.settle_s * 1e3,
        },
        "seeds": seeds,
        "trials": trials,
    }
    return LIFSurrogate(**fitted, report=report)


def _protocol(drive: Any, duration: Quantity, settle: Quantity | None) -> Protocol:
    """Levels and times of a drive."""
    if isinstance(drive, Constant):
        levels, width, period = drive.voltage, duration, duration
    elif isinstance(drive, PulseTrain):
        if drive.count is not None or np.any(np.asarray(drive.start) != 0):
            raise ValueError("a pulse train with a count or a start; accepted: one that begins at 0 s and goes on")
        levels, width, period = drive.amplitude, drive.width, drive.period
    else:
        raise TypeError(f"drive is a {type(drive).__name__}; accepted: Constant and PulseTrain")
    levels = np.atleast_1d(np.asarray(levels / volt, dtype=float))
    if levels.ndim != 1 or levels.size < 5 or np.any(np.diff(levels) <= 0) or levels[0] <= 0:
        raise ValueError(f"levels = {levels.tolist()} V; accepted: at least 5 that ascend, all above zero")
    if np.size(width) != 1 or np.size(period) != 1:
        raise ValueError("several widths or periods; accepted: one of each for all levels")
    whole = float(duration / second)
    start = whole / 2 if settle is None else float(settle / second)
    if not 0 <= start < whole:
        raise ValueError(f"settle = {start * 1e3:g} ms; accepted: from 0 ms to below the duration, {whole * 1e3:g} ms")
    return Protocol(levels, float(width / second), float(period / second), whole, start, float(STEP / second))


def _measure(
    neuron: OneM1T1R, protocol: Protocol, trials: int, seed: int, noise: bool
) -> list[list[NDArray[np.float64]]]:
    """Spike times (s) of the memristor neuron, by level and trial."""
    run = run_pulses(
        neuron,
        amplitude=protocol.levels_v * volt,
        width=protocol.width_s * second,
        period=protocol.period_s * second,
        duration=protocol.duration_s * second,
        trials=trials,
        seed=seed,
        noise=noise,
    )
    return [[times * 1e-3 for times in level] for level in run.trains()]


def _spikes_of(surrogate: LIFSurrogate, drive: Constant | PulseTrain, protocol: Protocol) -> list[NDArray[np.float64]]:
    """Spike times (s) of the surrogate in Brian2, by level."""
    group = surrogate.group(protocol.levels_v.size, drive=drive)
    spikes = SpikeMonitor(group)
    Network(group, spikes).run(protocol.duration_s * second, namespace={})
    index, times = np.asarray(spikes.i), np.asarray(spikes.t / second)
    return [np.sort(times[index == k]) for k in range(protocol.levels_v.size)]


def _search(target: Levels, protocol: Protocol) -> dict[str, Any]:
    """Time constant, gain and reset with the smallest mean error of the rates, by differential evolution."""
    part = protocol.train
    levels, rates = protocol.levels_v[part], target.rate_hz[part]
    speeds = 1 / np.maximum(target.first_s[part], protocol.step_s)

    def parameters(point: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        tau, gain, depth = (10.0 ** np.asarray(value, dtype=float) for value in point)
        return tau, gain, 1 - depth

    def cost(points: NDArray[np.float64]) -> NDArray[np.float64]:
        tau, gain, reset = (value[:, None] for value in parameters(points))
        rate, first = lif_rates(tau, gain, reset, levels, protocol)
        early = differences(1 / np.maximum(first, protocol.step_s), speeds)
        return (differences(rate, rates) + FIRST_WEIGHT * early).mean(axis=1)

    bounds = [(-4.0, 1.0), (np.log10(0.8 / levels[-1]), np.log10(20 / levels[0])), (-2.0, 2.0)]
    found = differential_evolution(
        cost, bounds, rng=1, popsize=15, maxiter=60, tol=1e-6, polish=False, vectorized=True, updating="deferred"
    )
    tau, gain, reset = (float(value) for value in parameters(found.x))
    return {"tau_s": tau, "r": gain, "v_reset": reset}


def lif_rates(
    tau: Any, gain: Any, reset: Any, levels_v: Any, protocol: Protocol
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rate and first spike of neurons with v_leak = 0 and v_threshold = 1 under pulses, without time steps.

    Parameters
    ----------
    tau, gain, reset : array_like
        Time constant (s), ``r`` and ``v_reset``; they broadcast with the levels.
    levels_v : array_like
        Amplitudes (V).
    protocol : Protocol
        Times of the pulses, and of the window in which intervals count.

    Returns
    -------
    rate_hz : ndarray
        One over the mean interval in the window; 0 where it has fewer than two spikes.
    first_s : ndarray
        Time of the first spike of all (s); infinite where there is none.
    """
    tau, gain, reset, levels_v = np.broadcast_arrays(tau, gain, reset, levels_v)
    final = gain * levels_v
    fires = final > 1
    charge = np.where(fires, final - 1, 1.0)
    between = tau * np.log(np.where(fires, final - reset, 2.0) / charge)
    v, count = np.zeros(final.shape), np.zeros(final.shape)
    first, last = np.full(final.shape, np.inf), np.full(final.shape, -np.inf)
    earliest = np.full(final.shape, np.inf)
    for start, width, rest in protocol.pulses():
        ahead = tau * np.log(np.where(fires, final - v, 1.0) / charge)
        hit = fires & (ahead <= width)
        earliest = np.where(hit, np.minimum(earliest, start + ahead), earliest)
        number = np.where(hit, 1 + np.floor((width - ahead) / between), 0)
        since = np.where(hit, width - ahead - (number - 1) * between, width)
        v = final + (np.where(hit, reset, v) - final) * np.exp(-since / tau)
        skipped = np.clip(np.ceil((protocol.settle_s - start - ahead) / between), 0, None)
        counted = hit & (skipped < number)
        count += np.where(counted, number - skipped, 0)
        first = np.where(counted, np.minimum(first, start + ahead + skipped * between), first)
        last = np.where(counted, start + ahead + (number - 1) * between, last)
        v = v * np.exp(-rest / tau)
    many = count > 1
    return np.where(many, (count - 1) / np.where(many, last - first, 1.0), 0.0), earliest
