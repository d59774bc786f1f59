r"""Do the spikes of a surrogate come when those of the memristor neuron do? Under a fluctuating drive, held out.

The level of the drive becomes an Ornstein-Uhlenbeck process within the range of the levels,

.. math:: dx = -\frac{x - x_0}{\tau_x} dt + s \sqrt{\frac{2}{\tau_x}}\, dW,

with :math:`x_0` the middle of the range, s a quarter of its width, :math:`\tau_x` 10 ms, cut off at its ends; pulses
keep their times. No fit sees it. The coincidence factor of surrogate and device is divided by that of the device with
itself, from trial to trial: the most that any model could reach. Where the device's own is below 0.1, its spikes are as
good as random in time, and there is nothing to predict.

Sources: Jolivet et al. 2008, doi:10.1016/j.jneumeth.2007.11.006; Uhlenbeck and Ornstein 1930,
doi:10.1103/PhysRev.36.823.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from brian2 import Network, NeuronGroup, Quantity, SpikeMonitor, TimedArray, ms, second, volt
from numpy.typing import NDArray
from scipy.signal import lfilter

from memneuro.biology.matching import gamma_many
from memneuro.biology.trains import reliability
from memneuro.circuit.drive import Sampled
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.export.lif_loss import Protocol

__all__ = ["coincidence", "fluctuating"]

CORRELATION = 10 * ms
#: Standard deviation of the level, as a part of the range of the levels.
SPREAD = 0.25
#: Precision of a coincidence: at most 4 ms, and at most this part of the mean interval of the fastest device.
PRECISION, PART = 4 * ms, 0.2
#: Least coincidence factor of the device with itself that says something.
LEAST = 0.1
#: Seed of the drive, which is the same for every device.
DRIVE_SEED = 1


def fluctuating(protocol: Protocol, dt: Quantity) -> Sampled:
    """The drive of a protocol with a level that fluctuates; see the module's documentation.

    Parameters
    ----------
    protocol : Protocol
        Levels and times.
    dt : Quantity (second)
        Interval of the samples: the step of the memristor neuron.

    Returns
    -------
    Sampled
        One voltage for all neurons.
    """
    low, high, step = protocol.levels_v[0], protocol.levels_v[-1], float(dt / second)
    samples = round(protocol.duration_s / step)
    keep = np.exp(-step / float(CORRELATION / second))
    kicks = np.sqrt(1 - keep**2) * np.random.default_rng(DRIVE_SEED).standard_normal(samples)
    level = np.clip((low + high) / 2 + SPREAD * (high - low) * lfilter([1], [1, -keep], kicks), low, high)
    # A thousandth of a step, so that the edges of pulses do not depend on rounding.
    phase = np.mod((np.arange(samples) + 1e-3) * step, protocol.period_s)
    return Sampled(TimedArray(level * (phase < protocol.width_s) * volt, dt=dt))


def coincidence(
    neuron: OneM1T1R,
    surrogate: Callable[[Any], NeuronGroup],
    protocol: Protocol,
    *,
    trials: int,
    seeds: Sequence[int],
    noise: bool = True,
) -> dict[str, Any]:
    """How well the spikes of a surrogate coincide with those of the memristor neuron, means over the seeds.

    Parameters
    ----------
    neuron : OneM1T1R
        The neuron.
    surrogate : callable
        ``surrogate(drive)`` gives a group of one surrogate.
    protocol : Protocol
        Levels and times.
    trials : int
        Devices for each seed; two at least are simulated, for the factor of the device with itself.
    seeds : sequence of int
        Of the devices.
    noise : bool
        Whether the device fluctuates.

    Returns
    -------
    dict
        ``gamma``; ``reliability``, the coincidence factor of the device with itself; ``gamma_normalised``, their ratio;
        ``coincidence_error``, 1 - the ratio, from 0 to 1, 1 where the surrogate is silent, NaN where the reliability is
        below 0.1; ``precision_ms``;
        ``memristor_rate_hz`` and ``lif_rate_hz`` under this drive; ``by_seed``, the error of each seed.
    """
    drive, duration = fluctuating(protocol, neuron.default_step), protocol.duration_s
    own = _spikes(surrogate(drive), duration)[0]
    runs = {
        seed: _spikes(neuron.group(max(trials, 2), drive=drive, seed=seed, noise=noise), duration) for seed in seeds
    }
    rates = np.array([train.size for run in runs.values() for train in run]) / duration
    precision = min(float(PRECISION / second), PART / max(rates.max(), 1 / duration))
    gammas, reliabilities = [], []
    for run in runs.values():
        # Gamma is -1 for a surrogate too fast for the precision, NaN for two silent trains: no coincidence either.
        found = np.array([gamma_many(train, np.zeros(own.size, int), own, 1, duration, precision)[0] for train in run])
        gammas.append(float(np.mean(np.where(found == -1, 0.0, np.nan_to_num(found)))))
        reliabilities.append(reliability([train * second for train in run], duration * second, precision * second))
    gamma, itself = float(np.mean(gammas)), float(np.mean(np.nan_to_num(reliabilities)))
    return {
        "coincidence_error": _error(gamma, itself),
        "gamma": gamma,
        "reliability": itself,
        "gamma_normalised": gamma / itself if itself > 0 else float("nan"),
        "precision_ms": precision * 1e3,
        "memristor_rate_hz": float(rates.mean()),
        "lif_rate_hz": own.size / duration,
        "by_seed": {seed: _error(*pair) for seed, *pair in zip(runs, gammas, reliabilities, strict=True)},
    }


def _error(gamma: float, itself: float) -> float:
    """1 - gamma over the device's own, from 0 to 1; NaN where there is nothing to predict."""
    return float(np.clip(1 - gamma / itself, 0, 1)) if itself >= LEAST else float("nan")


def _spikes(group: NeuronGroup, duration: float) -> list[NDArray[np.float64]]:
    """Spike times (s) of every neuron of a group that is run alone."""
    monitor = SpikeMonitor(group)
    Network(group, monitor).run(duration * second, namespace={})
    index, times = np.asarray(monitor.i), np.asarray(monitor.t / second)
    return [np.sort(times[index == k]) for k in range(len(group))]
