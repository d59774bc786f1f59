"""What Brian2 monitors recorded, as plain arrays with their units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import (
    Quantity,
    SpikeMonitor,
    StateMonitor,
    amp,
    coulomb,
    farad,
    hertz,
    joule,
    kelvin,
    metre,
    ohm,
    second,
    siemens,
    volt,
    watt,
)
from numpy.typing import NDArray

#: SI units with a name of their own.
_NAMED = (
    (volt, "V"),
    (amp, "A"),
    (ohm, "ohm"),
    (siemens, "S"),
    (farad, "F"),
    (second, "s"),
    (hertz, "Hz"),
    (kelvin, "K"),
    (metre, "m"),
    (coulomb, "C"),
    (joule, "J"),
    (watt, "W"),
)
_BASE = ("m", "kg", "s", "A", "K", "mol", "cd")


@dataclass(frozen=True, eq=False)
class Spikes:
    """Spikes of a group.

    Parameters
    ----------
    name : str
        Name of the group.
    neuron : ndarray of int, shape (spikes,)
        Index within the group.
    time_s : ndarray of float, shape (spikes,)
        Seconds, ordered by time and then by neuron.
    size : int
        Neurons of the group.
    stop_s : float
        Time up to which the group was simulated (s).
    step_s : float
        Time step of the group (s).
    """

    name: str
    neuron: NDArray[np.int64]
    time_s: NDArray[np.float64]
    size: int
    stop_s: float
    step_s: float

    def trains(self) -> list[NDArray[np.float64]]:
        """Spike times (s) of every neuron, silent ones included."""
        order = np.argsort(self.neuron, kind="stable")
        edges = np.cumsum(np.bincount(self.neuron, minlength=self.size))[:-1]
        return np.split(self.time_s[order], edges)


@dataclass(frozen=True, eq=False)
class Trace:
    """Variables of some neurons of a group, sampled regularly.

    Parameters
    ----------
    name : str
        Name of the group.
    neuron : ndarray of int, shape (neurons,)
        Index within the group.
    time_s : ndarray of float, shape (samples,)
        Seconds.
    step_s : float
        Interval of the samples (s).
    values : dict of str to ndarray, shape (samples, neurons)
        In SI units.
    dimensions : dict
        Dimension of each variable, as Brian2 gives it.
    """

    name: str
    neuron: NDArray[np.int64]
    time_s: NDArray[np.float64]
    step_s: float
    values: dict[str, NDArray[Any]]
    dimensions: dict[str, Any]


def unit_text(dim: Any) -> str:
    """SI unit of a dimension: ``V``, ``1`` for a number, ``m*A/s**2`` for a compound one."""
    powers = unit_powers(dim)
    over = [_power(name, power) for name, power in powers.items() if power > 0]
    under = [_power(name, -power) for name, power in powers.items() if power < 0]
    return "*".join(over or ["1"]) + "".join(f"/{part}" for part in under)


def rate_hz(step_s: float) -> float:
    """Sampling rate (Hz) of a step; 100000 and not 99999.99999999999 for 10 us."""
    return float(f"{1 / step_s:.12g}")


def unit_powers(dim: Any) -> dict[str, float]:
    """Powers of SI units that make a dimension: of one with a name where there is one, otherwise of base units."""
    for unit, text in _NAMED:
        if dim is unit.dim:
            return {text: 1.0}
    return {name: round(float(power), 12) for name, power in zip(_BASE, dim._dims, strict=True) if power}


def _power(name: str, power: float) -> str:
    return name if power == 1 else f"{name}**{power:g}"


def read_spikes(monitor: SpikeMonitor) -> Spikes:
    """What a spike monitor recorded.

    Raises
    ------
    ValueError
        If the monitor has not run, or recorded counts only (``record=False``). A group that ran and stayed silent is
        fine.
    """
    if not monitor.record:
        raise ValueError(f"{monitor.name} recorded counts only; accepted: a SpikeMonitor with record=True")
    if monitor.codeobj is None:
        raise ValueError(f"{monitor.name} recorded nothing: its group has not run; run the network first")
    neuron, times = np.array(monitor.i, dtype=np.int64), np.array(monitor.t / second, dtype=float)
    order = np.lexsort((neuron, times))  # the order within a step is the backend's own
    return Spikes(
        name=str(monitor.source.name),
        neuron=neuron[order],
        time_s=times[order],
        size=len(monitor.source),
        stop_s=float(monitor.clock.t / second),
        step_s=float(monitor.clock.dt / second),
    )


def read_trace(monitor: StateMonitor) -> Trace:
    """What a state monitor recorded.

    Raises
    ------
    ValueError
        If it recorded no neuron, no variable or no sample, or its samples are not regular, as after a run in two parts
        with another step or with a pause of the monitor.
    """
    neuron, names = np.array(monitor.record, dtype=np.int64), list(monitor.record_variables)
    times = np.array(monitor.t / second, dtype=float)
    for found, what in ((neuron, "neuron"), (names, "variable"), (times, "sample")):
        if len(found) == 0:
            raise ValueError(
                f"{monitor.name} recorded nothing: it has no {what}; needed are variables of at least one neuron and "
                "a run of the network"
            )
    step = float(monitor.clock.dt / second)
    if not np.allclose(np.diff(times), step, rtol=0, atol=1e-3 * step):
        raise ValueError(
            f"{monitor.name} has samples that are not {step * 1e3:g} ms apart everywhere; accepted: one regular step"
        )
    return Trace(
        name=str(monitor.source.name),
        neuron=neuron,
        time_s=times,
        step_s=step,
        values={name: np.array(np.asarray(getattr(monitor, name)).T) for name in names},
        dimensions={name: monitor.source.variables[name].dim for name in names},
    )


def read_all(monitors: Sequence[Any]) -> tuple[list[Spikes], list[Trace]]:
    """What several monitors recorded.

    Raises
    ------
    ValueError
        If there is none, or one recorded nothing.
    TypeError
        If one is of another kind than SpikeMonitor or StateMonitor.
    """
    if not monitors:
        raise ValueError("no monitor was given; accepted: at least one SpikeMonitor or StateMonitor")
    spikes, traces = [], []
    for monitor in monitors:
        if isinstance(monitor, SpikeMonitor):
            spikes.append(read_spikes(monitor))
        elif isinstance(monitor, StateMonitor):
            traces.append(read_trace(monitor))
        else:
            raise TypeError(f"got a {type(monitor).__name__}; accepted: SpikeMonitor and StateMonitor")
    return spikes, traces


def stop_time(spikes: Sequence[Spikes], traces: Sequence[Trace], given: Quantity | None) -> float:
    """End (s) of what was recorded, or the one given.

    Raises
    ------
    ValueError
        If the given end is before a spike or a sample.
    """
    times = [part.time_s for part in spikes] + [part.time_s for part in traces]
    last = max([float(part[-1]) for part in times if part.size], default=0.0)
    if given is not None:
        stop = float(Quantity(given) / second)
        if not stop >= last:
            raise ValueError(
                f"t_stop = {given!s}; accepted: a time not before the last spike or sample, {last * 1e3:g} ms"
            )
        return stop
    stop = max([part.stop_s for part in spikes] + [float(part.time_s[-1]) + part.step_s for part in traces])
    if stop < last:
        raise ValueError(
            f"the clock was set back to {stop * 1e3:g} ms after the last spike at {last * 1e3:g} ms, by the run of "
            "another network; give t_stop"
        )
    return stop
