"""What Brian2 monitors recorded and what ``simulate`` gives, as plain arrays with their units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    ms,
    ohm,
    second,
    siemens,
    volt,
    watt,
)
from numpy.typing import NDArray

from memneuro.simulation import Simulated, with_unit

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

#: Group name of what ``simulate`` gives.
SIMULATED = "simulation"


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
    labels : dict of str to ndarray, shape (size,)
        What tells the neurons apart: ``neuron``, or ``set``, ``trial`` and the parameters of the set.
    """

    name: str
    neuron: NDArray[np.int64]
    time_s: NDArray[np.float64]
    size: int
    stop_s: float
    step_s: float
    labels: dict[str, NDArray[Any]]

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
    labels : dict of str to ndarray, shape (neurons,)
        As in :class:`Spikes`.
    """

    name: str
    neuron: NDArray[np.int64]
    time_s: NDArray[np.float64]
    step_s: float
    values: dict[str, NDArray[Any]]
    dimensions: dict[str, Any]
    labels: dict[str, NDArray[Any]]


def label(labels: Mapping[str, Any], k: int) -> str:
    """What distinguishes neuron k, in words: ``3``, or ``set 0 trial 2``."""
    if "neuron" in labels:
        return str(labels["neuron"][k])
    return f"set {labels['set'][k]} trial {labels['trial'][k]}"


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
        labels={"neuron": np.arange(len(monitor.source))},
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
        labels={"neuron": neuron},
    )


def read_simulated(found: Simulated) -> tuple[Spikes, list[Trace]]:
    """Spikes and, if something was recorded, traces of what ``simulate`` gave; neurons are counted set by set."""
    trials = int(found.final["trial"].max()) + 1
    neurons = found.final[["set", "trial"]].merge(found.sets, on="set")
    index = found.spikes["set"].to_numpy() * trials + found.spikes["trial"].to_numpy()
    times = found.spikes["time_ms"].to_numpy() * float(ms / second)
    order = np.lexsort((index, times))
    spikes = Spikes(
        name=SIMULATED,
        neuron=index[order],
        time_s=times[order],
        size=len(neurons),
        stop_s=found.duration_s,
        step_s=found.step_s,
        labels={str(name): neurons[name].to_numpy() for name in neurons},
    )
    if found.traces.empty:
        return spikes, []
    recorded = found.traces[["set", "trial"]].drop_duplicates().merge(found.sets, on="set")
    shape = len(recorded), len(found.traces) // len(recorded)
    trace_times = found.traces["time_ms"].to_numpy()[: shape[1]] * float(ms / second)
    trace = Trace(
        name=SIMULATED,
        neuron=(recorded["set"] * trials + recorded["trial"]).to_numpy(),
        time_s=trace_times,
        step_s=float(trace_times[-1] - trace_times[0]) / (shape[1] - 1) if shape[1] > 1 else found.step_s,
        values={
            name: found.traces[with_unit(name, unit.dim)].to_numpy().reshape(shape).T
            for name, unit in found.units.items()
        },
        dimensions={name: unit.dim for name, unit in found.units.items()},
        labels={str(name): recorded[name].to_numpy() for name in recorded},
    )
    return spikes, [trace]


def read_all(monitors: Sequence[Any]) -> tuple[list[Spikes], list[Trace]]:
    """What several monitors recorded, or what ``simulate`` gave.

    Raises
    ------
    ValueError
        If there is none, one recorded nothing, or a result of ``simulate`` is not alone.
    TypeError
        If one is of another kind.
    """
    if not monitors:
        raise ValueError("no monitor was given; accepted: at least one SpikeMonitor or StateMonitor")
    if isinstance(monitors[0], Simulated) and len(monitors) == 1:
        simulated, traces_of_it = read_simulated(monitors[0])
        return [simulated], traces_of_it
    if any(isinstance(monitor, Simulated) for monitor in monitors):
        raise ValueError(f"got {len(monitors)} recordings; accepted: one result of simulate, or monitors only")
    spikes, traces = [], []
    for monitor in monitors:
        if isinstance(monitor, SpikeMonitor):
            spikes.append(read_spikes(monitor))
        elif isinstance(monitor, StateMonitor):
            traces.append(read_trace(monitor))
        else:
            raise TypeError(
                f"got a {type(monitor).__name__}; accepted: SpikeMonitor and StateMonitor, or a result of simulate"
            )
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
