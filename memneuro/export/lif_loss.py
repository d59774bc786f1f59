"""What a leaky integrate-and-fire surrogate loses: errors of rate, interval CV, first spike, and missing traits.

The errors are those on held-out levels of the drive, as in the score of the package: ``|ln(surrogate/memristor)|`` for
rates and times, at most 3, which is also the error where only one of the two fires; the difference for the CV. The
loss is the mean of them and of the error of coincidences (:mod:`memneuro.export.lif_coincidence`). Whether the
surrogate has a trait is decided by the rules of :mod:`memneuro.experiment.six_traits`, from its own spikes, with one
change: pulses for leaky integration are of twice the rheobase, because at 1.2 times the rheobase no train of pulses
with these gaps fires a leaky integrator.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, inf, isfinite, log
from typing import Any

import numpy as np
from brian2 import second
from numpy.typing import NDArray

from memneuro.experiment.score import WORST
from memneuro.experiment.six_traits import AMPLITUDES, LONGEST, PULSES, TRAITS
from memneuro.tables import jsonable

__all__ = ["Levels", "Protocol", "differences", "loss_report", "statistics", "surrogate_traits"]


@dataclass(frozen=True, eq=False)
class Protocol:
    """Pulses of several levels; a constant drive is one pulse.

    Parameters
    ----------
    levels_v : ndarray, shape (levels,)
        Amplitudes (V), ascending.
    width_s, period_s, duration_s, settle_s : float
        Width and period of the pulses, length of the run, start of the window in which intervals count (s).
    step_s : float
        Time step of the surrogate (s).
    """

    levels_v: NDArray[np.float64]
    width_s: float
    period_s: float
    duration_s: float
    settle_s: float
    step_s: float

    @property
    def train(self) -> NDArray[np.bool_]:
        """Which levels are fitted: the first, the third ...; the others are held out."""
        return np.arange(self.levels_v.size) % 2 == 0

    def pulses(self) -> Iterator[tuple[float, float, float]]:
        """Onset and width of each pulse and the gap behind it (s)."""
        for k in range(int(np.ceil(self.duration_s / self.period_s - 1e-9))):
            start = k * self.period_s
            yield start, min(self.width_s, self.duration_s - start), self.period_s - self.width_s


@dataclass(frozen=True, eq=False)
class Levels:
    """Firing at each level of a drive.

    Parameters
    ----------
    rate_hz : ndarray, shape (levels,)
        One over the mean interval, 0 without an interval.
    cv : ndarray, shape (levels,)
        Coefficient of variation of the intervals; NaN with fewer than three.
    first_s : ndarray, shape (levels,)
        Median time of the first spike (s); infinite where fewer than half of the trials fire.
    """

    rate_hz: NDArray[np.float64]
    cv: NDArray[np.float64]
    first_s: NDArray[np.float64]


def statistics(trains: Sequence[Sequence[NDArray[np.float64]]], protocol: Protocol) -> Levels:
    """Firing from spike times by level and trial; intervals of the trials are pooled.

    Parameters
    ----------
    trains : sequence of sequence of ndarray
        Spike times in seconds of each trial of each level.
    protocol : Protocol
        Its ``settle_s`` is left out of the intervals.

    Returns
    -------
    Levels
        Arrays of shape (levels,).
    """
    rate, cv, first = (np.zeros(len(trains)) for _ in range(3))
    for k, level in enumerate(trains):
        intervals = np.concatenate([np.diff(times[times >= protocol.settle_s]) for times in level])
        rate[k] = 1 / intervals.mean() if intervals.size else 0.0
        cv[k] = intervals.std() / intervals.mean() if intervals.size >= 3 else np.nan
        first[k] = np.median([times[0] if times.size else np.inf for times in level])
    return Levels(rate, cv, first)


def differences(found: Any, wanted: Any) -> NDArray[np.float64]:
    """Relative error ``|ln(found / wanted)|``, at most 3; 0 where both are 0 and 3 where one is.

    Parameters
    ----------
    found, wanted : array_like
        Numbers of zero or more, of shapes that broadcast.

    Returns
    -------
    ndarray of float
        Of the common shape.
    """
    found, wanted = np.broadcast_arrays(np.asarray(found, dtype=float), np.asarray(wanted, dtype=float))
    both = (found > 0) & (wanted > 0)
    ratio = np.log(np.where(both, found, 1.0) / np.where(both, wanted, 1.0))
    return np.where(both, np.minimum(np.abs(ratio), WORST), np.where(found == wanted, 0.0, WORST))


def _errors(
    found: Levels, wanted: Levels, part: NDArray[np.bool_], step_s: float, coincidence_error: float = np.nan
) -> dict[str, float]:
    """The three errors over some levels, that of the coincidences, and the mean of those that are known."""
    # One over the time: 0 for no spike, so that silence compares as it does for rates.
    speed = [1 / np.maximum(levels.first_s[part], step_s) for levels in (found, wanted)]
    apart = np.abs(found.cv - wanted.cv)[part]
    errors = {
        "rate_error": float(differences(found.rate_hz[part], wanted.rate_hz[part]).mean()),
        "cv_error": float(np.mean(apart[np.isfinite(apart)])) if np.isfinite(apart).any() else np.nan,
        "first_spike_error": float(differences(*speed).mean()),
        "coincidence_error": coincidence_error,
    }
    return {"loss": float(np.nanmean(list(errors.values()))), **errors}


def loss_report(
    parameters: Mapping[str, float],
    wanted: Levels,
    found: Levels,
    by_seed: Mapping[int, Levels],
    protocol: Protocol,
    discharge_s: float,
    coincidence: Mapping[str, Any],
) -> dict[str, Any]:
    """What the surrogate loses.

    Parameters
    ----------
    parameters : mapping
        ``tau_s``, ``r`` and ``v_reset`` of the surrogate.
    wanted, found : Levels
        Firing of the memristor neuron, all seeds together, and of the surrogate.
    by_seed : mapping
        Firing of the memristor neuron by seed.
    protocol : Protocol
        What both were driven with.
    discharge_s : float
        Time constant of the memristor neuron's gate (s), the unit of the gap in the rule of intrinsic plasticity.
    coincidence : mapping
        From :func:`memneuro.export.lif_coincidence.coincidence`.

    Returns
    -------
    dict
        ``loss`` (mean of the four errors, of those that are known), ``rate_error``, ``cv_error``,
        ``first_spike_error`` on the held-out levels, ``coincidence_error`` under a held-out fluctuating drive, and
        ``coincidence``, all about it; ``fitted_rate_error`` on the others; ``loss_by_seed``; ``levels``, one entry each
        with ``level_V``,
        ``held_out`` and rate, CV and first spike of both; ``traits``, and ``traits_lacking``, their names. Numbers
        that are not there are None.
    """
    held = ~protocol.train
    columns = {
        "level_V": protocol.levels_v,
        "held_out": held,
        "memristor_rate_hz": wanted.rate_hz,
        "lif_rate_hz": found.rate_hz,
        "memristor_cv": wanted.cv,
        "lif_cv": found.cv,
        "memristor_first_spike_ms": wanted.first_s * 1e3,
        "lif_first_spike_ms": found.first_s * 1e3,
    }
    traits = surrogate_traits(**parameters, discharge_s=discharge_s, step_s=protocol.step_s)
    return jsonable(
        {
            **_errors(found, wanted, held, protocol.step_s, coincidence["coincidence_error"]),
            "coincidence": coincidence,
            "fitted_rate_error": _errors(found, wanted, ~held, protocol.step_s)["rate_error"],
            "loss_by_seed": {
                seed: _errors(found, levels, held, protocol.step_s, coincidence["by_seed"][seed])["loss"]
                for seed, levels in by_seed.items()
            },
            "levels": [{name: values[k] for name, values in columns.items()} for k in range(protocol.levels_v.size)],
            "traits": traits,
            "traits_lacking": [row["trait"] for row in traits if not row["shown"]],
        }
    )


def surrogate_traits(
    tau_s: float, r: float, v_reset: float, *, discharge_s: float, step_s: float
) -> list[dict[str, Any]]:
    """The six traits of a surrogate with v_leak = 0 and v_threshold = 1.

    Parameters
    ----------
    tau_s : float
        Time constant in seconds.
    r : float
        Rise of v at rest for an input of 1 V.
    v_reset : float
        Reset, without unit.
    discharge_s : float
        As in :func:`loss_report`, in seconds.
    step_s : float
        Time step of the chain, in seconds.

    Returns
    -------
    list of dict
        ``trait``, ``shown``, ``value`` (the number the rule compares) and ``measure`` (what it is).
    """
    longest = float(LONGEST / second)

    def spikes(level: float, width: float, period: float, count: int) -> list[float]:
        return _pulse_spikes(tau_s, r, v_reset, level, width, period, count)

    rheobase = next((float(level) for level in AMPLITUDES if spikes(level, longest, longest, 1)), None)
    if rheobase is None:
        return [dict(trait=name, shown=False, value=None, measure="does not fire at up to 5 V") for name in TRAITS]
    unit, fast = (spikes(level * rheobase, longest, longest, 1)[0] for level in (1.2, 2))

    def pulses_needed(gap: float) -> float:
        width, period = 0.3 * fast, (0.3 + gap) * fast
        found = spikes(2 * rheobase, width, period, PULSES)
        return found[0] // period + 1 if found else inf

    few, many = pulses_needed(0.2), pulses_needed(2.0)
    ratio = many / few if isfinite(few) else 1.0
    low, high = (bool(spikes(part * rheobase, longest, longest, 1)) for part in (0.7, 1.4))
    passed = _chain(tau_s, r, v_reset, 1.2 * rheobase, step_s)
    changes = []
    for gap in (5 * discharge_s, 1.0):
        width = 4 * unit
        second_pulse = [time for time in spikes(1.2 * rheobase, width, width + gap, 2) if time >= width + gap]
        delay = second_pulse[0] - width - gap if second_pulse else width
        changes.append(delay / unit - 1)
    plastic = abs(changes[0]) > 0.1 and abs(changes[1] - changes[0]) > 0.05
    rows = (
        (few > 1 and ratio >= 1.2, ratio, "pulses needed with long over short gaps"),
        (high and not low, float(high) - float(low), "rise of the firing probability"),
        (passed, float(passed), "third of a chain fires when each spike is handed on as it is, 1 for one step"),
        (plastic, changes[0], "change of the delay after a short gap"),
        (False, 1.0, "interval with 500 Mohm over that with 50 Mohm: the surrogate has no control resistor"),
        (False, 0.0, "CV of the delay: the surrogate has no noise"),
    )
    return [
        {"trait": name, "shown": bool(shown), "value": value if isfinite(value) else None, "measure": measure}
        for name, (shown, value, measure) in zip(TRAITS, rows, strict=True)
    ]


def _pulse_spikes(
    tau: float, gain: float, reset: float, level: float, width: float, period: float, count: int
) -> list[float]:
    """Time (s) of the first spike in each pulse that has one, from one spike to the next without steps."""
    v, final, found = 0.0, gain * level, []
    between = tau * log((final - reset) / (final - 1)) if final > 1 else inf
    for k in range(count):
        left = width
        ahead = tau * log((final - v) / (final - 1)) if final > 1 else inf
        if ahead <= width:
            found.append(k * period + ahead)
            left, v = (width - ahead) % between, reset
        v = (final + (v - final) * exp(-left / tau)) * exp(-(period - width) / tau)
    return found


def _chain(tau: float, gain: float, reset: float, level: float, step: float) -> bool:
    """Whether the third of three neurons fires within 600 ms when a spike is the input 1 during one step."""
    keep = exp(-step / tau)
    v, given = [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]
    for _ in range(round(0.6 / step)):
        given[0] = level
        out = [0.0, 0.0, 0.0]
        for k in range(3):
            v[k] = gain * given[k] + (v[k] - gain * given[k]) * keep
            if v[k] > 1:
                v[k], out[k] = reset, 1.0
        if out[2]:
            return True
        given = [level, out[0], out[1]]
    return False
