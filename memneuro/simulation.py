"""Many parameter sets from one program: compiled once, run for every set, on every backend.

:func:`~memneuro.simulation.simulate` takes a table of parameter sets and returns tidy tables. Sets are batched along
the group, and the program is run once for each batch with new parameters, without compiling. The result of a set
depends neither on the batch it was in nor on the backend: noise and spread are keyed by the number of the set and of
the trial.
:class:`Simulation` is the compiled program by itself.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from brian2 import (
    Network,
    Quantity,
    SpikeMonitor,
    StateMonitor,
    amp,
    farad,
    get_unit,
    kelvin,
    ms,
    ohm,
    second,
    volt,
)
from tqdm.auto import tqdm

from memneuro.backend import backend as use
from memneuro.circuit.device_circuit import whole_number
from memneuro.circuit.drive import as_drive
from memneuro.circuit.latch import latched, say_latched
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.numerics.threefry import MAX_SEED
from memneuro.progress import no_bar

#: Neurons of a program when `batch` is not given; large enough to spread the fixed cost of a step.
NEURONS = 1000


@dataclass(frozen=True)
class Simulated:
    """What :func:`simulate` gives.

    Parameters
    ----------
    sets : DataFrame
        One row a parameter set: ``set`` and one column a parameter, in SI units (``r_control_ohm``).
    spikes : DataFrame
        One row a spike: ``set``, ``trial``, ``time_ms``.
    final : DataFrame
        One row a neuron: ``set``, ``trial`` and the states at the end (``v_gate_V``, ``x_total``).
    traces : DataFrame
        Empty unless something was recorded: ``set``, ``trial``, ``time_ms`` and one column a variable (``v_gate_V``).
    build_s, run_s : float
        Seconds spent on building the program, and on all its runs with reading the results.
    runs : int
        Number of runs.
    duration_s, step_s : float
        Length of a run and its time step.
    seed : int
        Of the noise.
    neuron : OneM1T1R
        The neuron.
    units : dict of str to Unit
        Unit of every recorded variable.
    """

    sets: pd.DataFrame
    spikes: pd.DataFrame
    final: pd.DataFrame
    traces: pd.DataFrame
    build_s: float
    run_s: float
    runs: int
    duration_s: float
    step_s: float
    seed: int
    neuron: OneM1T1R
    units: Mapping[str, Any]

    def counts(self) -> np.ndarray:
        """Number of spikes, shape (sets, trials)."""
        found = np.zeros((len(self.sets), self.final["trial"].max() + 1), dtype=int)
        np.add.at(found, (self.spikes["set"].to_numpy(), self.spikes["trial"].to_numpy()), 1)
        return found

    def latched(self) -> np.ndarray:
        """Whether each neuron is latched at the end, shape (sets, trials); see :func:`memneuro.circuit.latch.latched`.

        Always false where the circuit has no gate.
        """
        shape = (len(self.sets), int(self.final["trial"].max()) + 1)
        if "v_gate_V" not in self.final or "v_threshold" not in self.neuron.circuit.parameters:
            return np.zeros(shape, dtype=bool)
        last = np.full(shape, np.nan)
        np.fmax.at(last, (self.spikes["set"], self.spikes["trial"]), self.spikes["time_ms"].to_numpy() * 1e-3)
        threshold = float(self.neuron.circuit["v_threshold"] / volt)
        if "v_threshold_V" in self.sets:
            threshold = self.sets["v_threshold_V"].to_numpy()[:, np.newaxis]
        gate = self.final.sort_values(["set", "trial"])["v_gate_V"].to_numpy().reshape(shape)
        return latched(last * second, gate * volt, end=self.duration_s * second, threshold=threshold * volt)


def grid(**axes: Any) -> dict[str, Any]:
    """All combinations of some values, as columns for :func:`simulate`; the last axis varies fastest.

    Parameters
    ----------
    **axes : Quantity (any unit), one or shape (m,)
        The values of each parameter.

    Returns
    -------
    dict of str to Quantity (any unit)
        A column for each of `axes`, shape (product of all m,), in its unit.

    Raises
    ------
    ValueError
        If an axis is empty or has more than one dimension.

    Examples
    --------
    >>> grid(r_control=[50, 100]*Mohm, pulse_amplitude=[0.7, 0.8, 0.9]*volt)  # six sets
    """
    columns = {name: np.atleast_1d(np.asarray(values)) for name, values in axes.items()}
    for name, values in columns.items():
        if values.ndim != 1 or values.size == 0:
            raise ValueError(f"{name} has the shape {values.shape}; accepted: one value or a list of values")
    rows = list(itertools.product(*(range(values.size) for values in columns.values())))
    picked = np.array(rows, dtype=int).reshape(len(rows), len(columns))
    return {
        name: np.asarray(values)[picked[:, k]] * get_unit(getattr(axes[name], "dim", None) or Quantity(1).dim)
        for k, (name, values) in enumerate(columns.items())
    }


class Simulation:
    """A program of n neurons that is compiled once and then run with any parameters.

    Parameters
    ----------
    neuron : OneM1T1R
        The neuron.
    n : int
        Number of neurons.
    drive : Drive, Quantity (volt) or TimedArray
        Input; see :func:`memneuro.circuit.drive.as_drive`.
    duration : Quantity (second)
        How long each run is.
    varying : iterable of str
        Parameters that a run may change, of the cards or of the drive; each neuron has its own value.
    dt : Quantity (second), optional
        Time step; by default the card's converged step.
    noise : bool
        Whether the devices fluctuate.
    spread : bool or mapping of str to float
        As in :meth:`memneuro.circuit.one_m1t1r.OneM1T1R.group`; `varying` parameters have none.
    record : str or sequence of str
        Variables to record.
    record_neurons : sequence of int, optional
        Neurons to record; by default all.
    record_step : Quantity (second), optional
        Interval of the recording; by default the time step.
    backend : str
        Where it runs; this and the next two as in :func:`memneuro.backend.backend`.
    threads : int, optional
        Of the backend ``openmp``.
    precision : {"double", "single"}
        Floating-point numbers of all variables.
    check_step : bool
        As in :meth:`memneuro.circuit.one_m1t1r.OneM1T1R.group`.
    streams : ndarray of int, shape (n,), optional
        Number of each neuron's noise; by default its index. Neurons with the same number have the same noise.

    Raises
    ------
    ValueError
        For an unknown parameter or backend, or a value, number or step that is not accepted.
    brian2.DimensionMismatchError
        For a wrong unit.
    BackendUnavailable
        If the backend cannot be used here.

    Examples
    --------
    >>> program = Simulation(OneM1T1R("hopping"), 100, drive=train, duration=1*second,
    ...                      varying=["r_control"], backend="cpp")
    >>> spikes = [program.run(seed=seed, r_control=100*Mohm)["spikes"] for seed in range(20)]
    """

    def __init__(
        self,
        neuron: OneM1T1R,
        n: int = 1,
        *,
        drive: Any,
        duration: Quantity,
        varying: Iterable[str] = (),
        dt: Quantity | None = None,
        noise: bool = True,
        spread: bool | Mapping[str, float] = False,
        record: str | Sequence[str] = (),
        record_neurons: Sequence[int] | None = None,
        record_step: Quantity | None = None,
        backend: str = "runtime",
        threads: int | None = None,
        precision: str = "double",
        check_step: bool = True,
        streams: np.ndarray | None = None,
    ) -> None:
        self.neuron, self.n, self.noise = neuron, whole_number(n, "n", 1, 2**31 - 1), noise
        self.drive, self.duration = as_drive(drive), _duration(duration)
        self.varying = tuple(varying)
        self._offset = 0 if streams is None else np.asarray(streams) - np.arange(self.n)
        self._record = (record,) if isinstance(record, str) else tuple(record)
        self._options: dict[str, Any] = {"name": backend, "threads": threads, "precision": precision}
        known = {**neuron.parameters(noise), **self.drive.parameters()}
        for name in self.varying:
            if name not in known:
                raise ValueError(f"unknown parameter {name!r}; accepted: {', '.join(sorted(known))}")
        if spread:
            every = neuron.device_spread(known) if spread is True else dict(spread)
            spread = {name: deviation for name, deviation in every.items() if name not in self.varying}
        nominal = {name: known[name][0] for name in self.varying}
        start = time.perf_counter()
        self._used = use(build_on_run=False, **self._options)
        try:
            self.group = neuron.group(
                self.n,
                drive=self.drive,
                dt=dt,
                noise=noise,
                spread=spread,
                check_step=check_step,
                offset=self._offset,
                **{name: _each(value, self.n) for name, value in nominal.items()},
            )
            self._spikes = SpikeMonitor(self.group)
            self._network = Network(self.group, self._spikes)
            self._trace = None
            if self._record:
                kept = np.arange(self.n) if record_neurons is None else np.asarray(record_neurons)
                step = self.group.clock.dt if record_step is None else record_step
                for name in self._record:
                    if name not in self.group.variables:
                        known_names = sorted(name for name in self.group.variables if not name.startswith("_"))
                        raise ValueError(f"record has {name!r}; accepted: {', '.join(known_names)}")
                self._trace = StateMonitor(self.group, list(self._record), record=kept, dt=step)
                self._network.add(self._trace)
            if self._used.standalone:
                self._network.run(self.duration, namespace={})
                self._used.build(run=False)
            else:
                self._network.store()
        finally:
            self._used.close()
        self._nominal = {name: np.asarray(_each(value, self.n), dtype=float) for name, value in nominal.items()}
        self._has_spread = bool(spread)
        self.build_s = time.perf_counter() - start

    def run(self, seed: int = 0, offset: int = 0, **parameters: Any) -> dict[str, pd.DataFrame]:
        """Run once.

        Parameters
        ----------
        seed, offset : int
            As in :meth:`memneuro.circuit.one_m1t1r.OneM1T1R.group`. The spread is that of seed 0, offset 0: it belongs
            to the devices, which stay the same from run to run.
        **parameters : Quantity (any unit), one or shape (n,)
            New values of the `varying` parameters; the others are those of the card.

        Returns
        -------
        dict
            ``spikes`` (``neuron``, ``time_ms``), ``final`` (``neuron`` and states) and, when recorded, ``traces``.

        Raises
        ------
        ValueError
            If a parameter is not among the varying ones, or has another number of values than one or n.
        RuntimeError
            If the program did not take a value.
        """
        changes: dict[str, Any] = {}
        for name, value in parameters.items():
            if name not in self.varying:
                raise ValueError(f"{name!r} does not vary; accepted: {', '.join(self.varying) or 'none'}")
            if np.ndim(value) > 1 or np.size(value) not in (1, self.n):
                raise ValueError(f"{name} has the shape {np.shape(value)}; accepted: one value or {self.n} values")
            changes[name] = _each(self.neuron.checked(name, value, self.drive), self.n)
        seed = whole_number(seed, "seed", 0, MAX_SEED)
        offset = whole_number(offset, "offset", 0, 2**31 - 1 - self.n)
        for name in self.varying:
            changes.setdefault(name, self._nominal[name] * get_unit(getattr(self.group, name).dim))
        if "noise_seed" in self.group.variables:
            changes |= {"noise_seed": seed, "noise_offset": self._offset + offset}
        if self._used.standalone:
            self._used.run_again({getattr(self.group, name): value for name, value in changes.items()})
        else:
            self._run_here(changes)
        return self._tables()

    def _run_here(self, changes: Mapping[str, Any]) -> None:
        """One run of a runtime backend, from the stored start."""
        with use(**self._options):
            self._network.restore()
            for name, value in changes.items():
                setattr(self.group, name, value)
            self.neuron.set_initial(self.group, self.drive, self.noise)
            self._network.run(self.duration, namespace={})
        for name, value in changes.items():
            if not np.allclose(np.asarray(getattr(self.group, name)), np.asarray(value), rtol=1e-6, atol=0):
                raise RuntimeError(f"{name} was to be {value!r} and the run had another value")

    def _tables(self) -> dict[str, pd.DataFrame]:
        """Spikes, end values and traces of the run just made."""
        index, times = np.asarray(self._spikes.i), np.asarray(self._spikes.t / ms)
        order = np.lexsort((index, times))  # the order within a step is the backend's own
        found = {"spikes": pd.DataFrame({"neuron": index[order], "time_ms": times[order]})}
        states = [name for name in self.group.equations.diff_eq_names]
        final = {self._column(name): np.array(np.asarray(getattr(self.group, name))) for name in sorted(states)}
        found["final"] = pd.DataFrame({"neuron": np.arange(self.n), **final})
        if self._trace is not None:
            recorded = np.asarray(self._trace.record)
            samples = np.asarray(self._trace.t / ms)
            columns = {self._column(name): np.asarray(getattr(self._trace, name)).ravel() for name in self._record}
            found["traces"] = pd.DataFrame(
                {"neuron": np.repeat(recorded, samples.size), "time_ms": np.tile(samples, recorded.size), **columns}
            )
        return found

    def _column(self, name: str) -> str:
        """Name of a table's column for a variable: with the unit, in SI, behind it."""
        return with_unit(name, self.group.variables[name].dim)


def with_unit(name: str, dim: Any) -> str:
    """`name` with its SI unit behind it (``v_gate_V``); the bare name for a number and for compound units.

    Parameters
    ----------
    name : str
        A variable or parameter.
    dim : Dimension
        Its dimension, as Brian2 has it.
    """
    for unit, suffix in ((volt, "V"), (amp, "A"), (ohm, "ohm"), (second, "s"), (kelvin, "K"), (farad, "F")):
        if dim is unit.dim:
            return f"{name}_{suffix}"
    return name


def simulate(
    neuron: OneM1T1R,
    parameters: Mapping[str, Any] | None = None,
    *,
    drive: Any,
    duration: Quantity,
    trials: int = 1,
    seed: int = 0,
    batch: int | None = None,
    dt: Quantity | None = None,
    noise: bool = True,
    record: str | Sequence[str] = (),
    record_step: Quantity | None = None,
    backend: str = "runtime",
    threads: int | None = None,
    precision: str = "double",
    progress: str | None = None,
    tell_latched: bool = True,
) -> Simulated:
    """Simulate many parameter sets with one compiled program.

    Parameters
    ----------
    neuron : OneM1T1R
        The neuron.
    parameters : mapping of str to Quantity (any unit), optional
        Columns of the table of sets: a parameter of the cards or of the drive (``pulse_amplitude``) and its values, one
        for all sets or one each. :func:`grid` makes all combinations.
    drive : Drive, Quantity (volt) or TimedArray
        Input; see :func:`memneuro.circuit.drive.as_drive`.
    duration : Quantity (second)
        How long each run is.
    trials : int
        Neurons of each set, each with noise of its own.
    seed : int
        Seed of the noise.
    batch : int, optional
        Sets in one run; by default as many as make about 1000 neurons. The results do not depend on it.
    dt : Quantity (second), optional
        Time step; by default the card's converged step.
    noise : bool
        Whether the devices fluctuate.
    record : str or sequence of str
        Variables to record in the first trial of each set.
    record_step : Quantity (second), optional
        Interval of the recording; by default the time step.
    backend : str
        Where it runs; this and the next two as in :func:`memneuro.backend.backend`.
    threads : int, optional
        Of the backend ``openmp``.
    precision : {"double", "single"}
        Floating-point numbers of all variables.
    progress : str, optional
        Label of a progress bar; none by default.
    tell_latched : bool
        Whether to say in one line of Brian2's log that neurons latched.

    Returns
    -------
    Simulated
        Its tables have columns with units (``time_ms``, ``v_gate_V``).

    Raises
    ------
    ValueError
        For an unknown parameter, a wrong number of values, a value out of range.
    brian2.DimensionMismatchError
        For a wrong unit.

    Examples
    --------
    >>> sets = grid(r_control=[50, 100, 250]*Mohm)
    >>> found = simulate(OneM1T1R("hopping"), sets, drive=train, duration=1*second, trials=20,
    ...                  backend="cpp")
    >>> found.counts().mean(axis=1)
    """
    drive = as_drive(drive)
    trials = whole_number(trials, "trials", 1, 2**31 - 1)
    columns = {name: neuron.checked(name, value, drive) for name, value in (parameters or {}).items()}
    sizes = {name: np.size(value) for name, value in columns.items()}
    total = max(sizes.values(), default=1)
    for name, size in sizes.items():
        if np.ndim(columns[name]) > 1 or size not in (1, total):
            raise ValueError(f"{name} has the shape {np.shape(columns[name])}; accepted: one value or {total} values")
    columns = {name: _each(value, total) for name, value in columns.items()}
    size = max(1, NEURONS // trials) if batch is None else whole_number(batch, "batch", 1, 2**31 - 1)
    size = min(size, total)
    program = Simulation(
        neuron,
        size * trials,
        drive=drive,
        duration=duration,
        varying=columns,
        dt=dt,
        noise=noise,
        record=record,
        record_neurons=[k * trials for k in range(size)],
        record_step=record_step,
        backend=backend,
        threads=threads,
        precision=precision,
    )
    parts: dict[str, list[pd.DataFrame]] = {"spikes": [], "final": [], "traces": []}
    start = time.perf_counter()
    firsts = range(0, total, size)
    for first in tqdm(firsts, desc=progress, unit="run", disable=no_bar(progress is not None)):
        rows = np.minimum(first + np.arange(size), total - 1)  # the last batch is filled up with the last set
        values = {name: np.repeat(np.asarray(value)[rows], trials) for name, value in columns.items()}
        units = {name: get_unit(getattr(program.group, name).dim) for name in columns}
        run = program.run(seed, first * trials, **{name: value * units[name] for name, value in values.items()})
        for name, table in run.items():
            parts[name].append(_by_set(table, first, trials, total))
    tables = {name: pd.concat(rows, ignore_index=True) if rows else pd.DataFrame() for name, rows in parts.items()}
    named = {with_unit(name, program.group.variables[name].dim): np.asarray(v) for name, v in columns.items()}
    sets = pd.DataFrame({"set": np.arange(total), **named})
    spikes = tables["spikes"].sort_values(["set", "trial", "time_ms"], ignore_index=True)
    run_s = time.perf_counter() - start
    result = Simulated(
        sets,
        spikes,
        tables["final"],
        tables["traces"],
        program.build_s,
        run_s,
        len(firsts),
        duration_s=float(duration),
        step_s=float(program.group.clock.dt),
        seed=seed,
        neuron=neuron,
        units={name: get_unit(program.group.variables[name].dim) for name in program._record},
    )
    if tell_latched:
        say_latched(result.latched(), f"simulate, {float(duration):g} s")
    return result


def _by_set(table: pd.DataFrame, first: int, trials: int, total: int) -> pd.DataFrame:
    """A table by neuron as one by set and trial, without the filling of the last batch."""
    index = table["neuron"].to_numpy() + first * trials
    found = table.drop(columns="neuron")
    found.insert(0, "set", index // trials)
    found.insert(1, "trial", index % trials)
    return found[found["set"] < total]


def _each(value: Any, n: int) -> Any:
    """One value for each of n, with the unit kept."""
    return value if np.ndim(value) == 1 and np.size(value) == n else value * np.ones(n)


def _duration(value: Any) -> Quantity:
    try:
        fine = float(value / second) > 0 and np.isfinite(float(value / second))
    except (TypeError, ValueError):
        fine = False
    if not fine:
        raise ValueError(f"duration = {value!r}; accepted: a time above zero")
    return value
