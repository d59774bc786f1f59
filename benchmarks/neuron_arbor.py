r"""The noise-free neuron in NEURON, in Arbor and in Brian2: the time of a step, and the error of the first spike.

Every simulator runs in a process of its own, with one thread, on mechanisms exported by :mod:`memneuro.export.nmodl`:

* speed: N uncoupled neurons under a train of 0.8 V pulses at a fixed step, spikes recorded, best of three runs. NEURON
  has all mechanisms in one carrier section and Arbor all cells in one group, the fastest layout of each; Brian2 is C++
  standalone. Building the mechanism, creating the neurons and initialization are not part of ``wall_s``.
* error: one neuron through its first spike at several steps. The first spike is the gate voltage's rising edge through
  the threshold, interpolated between the recorded values, in all three; how a simulator rounds an event to its step
  plays no part. The reference is an implicit Runge-Kutta solution of the same equations, restarted at each pulse edge.

Run ``python benchmarks/neuron_arbor.py``.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from brian2 import DEFAULT_UNITS, Network, SpikeMonitor, StateMonitor, ms, prefs, set_device, us, volt
from brian2.devices.device import get_device
from scipy.integrate import solve_ivp

from memneuro import Constant, OneM1T1R, PulseTrain
from memneuro.export.nmodl import METHODS, nmodl
from memneuro.numerics.exponential_midpoint import _used_subexpressions

AMPLITUDE, WIDTH, PERIOD = 0.8 * volt, 1 * ms, 2 * ms
THRESHOLD = 0.2  # volt, the default circuit's v_threshold
REPEATS = 3
SPEED_MS, SPIKE_MS = 20.0, 106.0
SIMULATORS = {"NEURON": "neuron", "Arbor": "arbor", "Brian2": "brian2"}
COLUMNS = [
    *("simulator", "method", "neurons", "step_us", "wall_s", "build_s", "ns_per_neuron_step"),
    *("first_spike_ms", "error", "note"),
]


def _drive() -> PulseTrain:
    return PulseTrain(AMPLITUDE, width=WIDTH, period=PERIOD)


def reference(tolerance: float = 1e-10) -> float:
    """First spike of the neuron in ms, from an adaptive implicit solver (Radau, order 5) between pulse edges.

    Parameters
    ----------
    tolerance : float
        Relative tolerance; the absolute one is a thousandth of it.

    Returns
    -------
    float
        Time at which v_gate rises through the threshold, in ms.
    """
    neuron = OneM1T1R("hopping")
    equations = neuron.equations(Constant(AMPLITUDE), noise=False)
    names: dict[str, Any] = {key: float(value) for key, value in DEFAULT_UNITS.items()}
    names |= {key: float(np.asarray(value)) for key, (value, _) in neuron.parameters(noise=False).items()}
    names |= {"exp": np.exp, "clip": np.clip}
    codes = {state: expression.code for state, expression in equations.diff_eq_expressions}
    lines = [f"{name} = {equations[name].expr.code}" for name in _used_subexpressions(equations, [*codes.values()])]
    lines += [f"d_{state} = {code}" for state, code in codes.items()]
    program, states = compile("\n".join(lines), "<equations>", "exec"), list(codes)

    def slope(_: float, y: np.ndarray) -> list[float]:
        names.update(zip(states, y, strict=True))
        exec(program, names)
        return [names[f"d_{state}"] for state in states]

    def edge(_: float, y: np.ndarray) -> float:
        return y[states.index("v_gate")] - THRESHOLD

    edge.terminal, edge.direction = True, 1  # type: ignore[attr-defined]
    y = np.zeros(len(states))
    for pulse in range(200):
        start = pulse * float(PERIOD)
        for begin, end, v_in in (
            (start, start + float(WIDTH), float(AMPLITUDE)),
            (start + float(WIDTH), start + float(PERIOD), 0.0),
        ):
            names["v_in"] = v_in
            found = solve_ivp(
                slope, (begin, end), y, method="Radau", rtol=tolerance, atol=tolerance / 1000, events=edge
            )
            if found.t_events[0].size:
                return 1000 * float(found.t_events[0][0])
            y = found.y[:, -1]
    raise RuntimeError("no spike within 200 pulses")


def _first_edge(times_ms: np.ndarray, volts: np.ndarray) -> float:
    """The first rising edge through the threshold, interpolated; NaN if there is none."""
    found = np.flatnonzero((volts[1:] > THRESHOLD) & (volts[:-1] <= THRESHOLD))
    if found.size == 0:
        return float("nan")
    k = found[0]
    return float(np.interp(THRESHOLD, volts[k : k + 2], times_ms[k : k + 2]))


def _best(run: Callable[[], float]) -> float:
    return min(run() for _ in range(REPEATS))


def _compile(folder: Path, dialect: str, command: Sequence[str]) -> float:
    """Write and compile the mechanisms of all methods; seconds."""
    for method in METHODS:
        text = nmodl(OneM1T1R("hopping"), _drive(), name=f"neuron_{method}", dialect=dialect, method=method)
        (folder / f"neuron_{method}.mod").write_text(text)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, env={**os.environ, "PATH": path}, check=True, capture_output=True)
    return time.perf_counter() - start


Job = tuple[str, int, float, float]  # method, neurons, step in us, duration in ms
Result = tuple[float, float, float]  # wall seconds, build seconds, first spike in ms


def run_neuron(jobs: Sequence[Job], folder: Path) -> Iterator[Result]:
    """Every job in NEURON, with the fixed step."""
    build = _compile(folder, "neuron", ["nrnivmodl", "."])
    from neuron import h, load_mechanisms

    load_mechanisms(str(folder))
    carrier, parallel = h.Section(name="carrier"), h.ParallelContext()
    parallel.set_maxstep(10)
    for method, neurons, step_us, duration in jobs:
        mechanisms = [getattr(h, f"neuron_{method}")(carrier(0.5)) for _ in range(neurons)]
        times, indices, connections = h.Vector(), h.Vector(), []
        for k, mechanism in enumerate(mechanisms):
            connections.append(h.NetCon(mechanism, None))
            connections[-1].record(times, indices, k)
        traced = neurons == 1 and duration == SPIKE_MS
        record = (h.Vector().record(h._ref_t), h.Vector().record(mechanisms[0]._ref_v_gate)) if traced else ()

        def run(step_us: float = step_us, duration: float = duration) -> float:
            h.dt = step_us / 1000
            h.finitialize()
            start = time.perf_counter()
            parallel.psolve(duration)
            return time.perf_counter() - start

        wall = run() if traced else _best(run)
        yield wall, build, _first_edge(np.array(record[0]), np.array(record[1])) if traced else float("nan")
        del mechanisms, connections, record


def run_arbor(jobs: Sequence[Job], folder: Path) -> Iterator[Result]:
    """Every job in Arbor, one cell of one control volume for each neuron, all in one cell group."""
    build = _compile(folder, "arbor", ["arbor-build-catalogue", "benchmark", "."])
    import arbor
    from arbor import units

    centre = "(location 0 0.5)"

    class Recipe(arbor.recipe):
        def __init__(self, method: str, neurons: int, traced: bool) -> None:
            arbor.recipe.__init__(self)
            self.neurons, self.traced = neurons, traced
            self.properties = arbor.neuron_cable_properties()
            self.properties.catalogue = arbor.load_catalogue(str(folder / "benchmark-catalogue.so"))
            tree = arbor.segment_tree()
            tree.append(arbor.mnpos, arbor.mpoint(-1, 0, 0, 1), arbor.mpoint(1, 0, 0, 1), tag=1)
            decor = arbor.decor().paint("(all)", arbor.voltage_process(f"neuron_{method}"))
            decor.place(centre, arbor.threshold_detector(1000 * THRESHOLD * units.mV), "spikes")
            self.cell = arbor.cable_cell(tree, decor)

        def num_cells(self) -> int:
            return self.neurons

        def cell_kind(self, gid: int) -> Any:
            return arbor.cell_kind.cable

        def cell_description(self, gid: int) -> Any:
            return self.cell

        def global_properties(self, kind: Any) -> Any:
            return self.properties

        def probes(self, gid: int) -> list[Any]:
            return [arbor.cable_probe_membrane_voltage(centre, "v")] if self.traced else []

    for method, neurons, step_us, duration in jobs:
        traced = neurons == 1 and duration == SPIKE_MS
        recipe, context = Recipe(method, neurons, traced), arbor.context(threads=1)
        hint = arbor.partition_hint()
        hint.cpu_group_size = neurons
        groups = arbor.partition_load_balance(recipe, context, {arbor.cell_kind.cable: hint})
        simulation = arbor.simulation(recipe, context, groups)
        simulation.record(arbor.spike_recording.local)
        step = step_us * units.us
        handle = simulation.sample((0, "v"), arbor.regular_schedule(step)) if traced else None

        def run(simulation: Any = simulation, step: Any = step, duration: float = duration) -> float:
            simulation.reset()
            start = time.perf_counter()
            simulation.run(duration * units.ms, step)
            return time.perf_counter() - start

        wall, first = (run() if traced else _best(run)), float("nan")
        if traced:
            samples = simulation.samples(handle)[0][0]
            first = _first_edge(samples[:, 0], samples[:, 1] / 1000)
        yield wall, build, first


def run_brian2(jobs: Sequence[Job], folder: Path) -> Iterator[Result]:
    """Every job in Brian2's C++ standalone mode, one project each; the error sweep in the runtime mode."""
    for k, (_, neurons, step_us, duration) in enumerate(jobs):
        traced = neurons == 1 and duration == SPIKE_MS
        if traced:
            set_device("runtime")
            prefs.codegen.target = "cython"
        else:
            set_device("cpp_standalone", directory=str(folder / f"project{k}"), build_on_run=False)
        group = OneM1T1R("hopping").group(neurons, drive=_drive(), noise=False, dt=step_us * us, check_step=False)
        monitor = StateMonitor(group, "v_gate", record=0) if traced else SpikeMonitor(group)
        network = Network(group, monitor)
        if traced:
            start = time.perf_counter()
            network.run(0 * ms)
            build = time.perf_counter() - start
            start = time.perf_counter()
            network.run(duration * ms)
            wall = time.perf_counter() - start
            yield wall, build, _first_edge(np.asarray(monitor.t / ms), np.asarray(monitor.v_gate[0]))
            continue
        network.run(duration * ms)
        device = get_device()
        start = time.perf_counter()
        device.build(directory=str(folder / f"project{k}"), run=False)
        build = time.perf_counter() - start

        def run(device: Any = device) -> float:
            device.run(with_output=False)
            return float(device._last_run_time)

        yield _best(run), build, float("nan")
        device.reinit()


RUNNERS = {"NEURON": run_neuron, "Arbor": run_arbor, "Brian2": run_brian2}


def measure(
    neurons: Sequence[int] = (1, 100, 1000, 10000),
    step_us: float = 10.0,
    steps_us: Sequence[float] = (20.0, 10.0, 5.0, 2.0, 1.0, 0.5),
    *,
    simulators: Sequence[str] = tuple(SIMULATORS),
    limit_s: float = 120.0,
) -> pd.DataFrame:
    """Time and error of the neuron in each simulator.

    Parameters
    ----------
    neurons : sequence of int
        Numbers of uncoupled neurons whose step is timed.
    step_us : float
        Fixed step of these, in microseconds.
    steps_us : sequence of float
        Steps at which the first spike of one neuron is looked for, in microseconds.
    simulators : sequence of {"NEURON", "Arbor", "Brian2"}
        What to measure.
    limit_s : float
        Seconds after which a simulator is stopped; what it finished by then is kept.

    Returns
    -------
    pandas.DataFrame
        One row a run: simulator, method, neurons, step_us, wall_s, build_s (all mechanisms of a simulator together, or
        one Brian2 project), ns_per_neuron_step, first_spike_ms, error (first spike minus reference, in ms) and note
        (why a number is missing). Rows with a first spike belong to the sweep over steps. A simulator that
        is not installed has one row.

    Raises
    ------
    ValueError
        If a simulator is unknown.
    """
    converged, rows = reference(), []
    for simulator in simulators:
        if simulator not in SIMULATORS:
            raise ValueError(f"simulator {simulator!r}; accepted: {', '.join(SIMULATORS)}")
        if importlib.util.find_spec(SIMULATORS[simulator]) is None:
            rows.append({"simulator": simulator, "note": "not installed"})
            continue
        methods = METHODS[:1] if simulator == "Brian2" else METHODS
        jobs = [(method, 1, float(step), SPIKE_MS) for method in methods for step in steps_us]
        jobs += [(method, int(n), float(step_us), SPEED_MS) for method in methods for n in neurons]
        results, note = _in_process(simulator, jobs, limit_s)
        for k, (method, n, step, duration) in enumerate(jobs):
            row: dict[str, Any] = {"simulator": simulator, "method": method, "neurons": n, "step_us": step}
            if k < len(results):
                wall, build, first = results[k]
                row |= {"wall_s": wall, "build_s": build, "first_spike_ms": first, "error": first - converged}
                row["ns_per_neuron_step"] = 1e9 * wall / (n * round(1000 * duration / step))
                row["note"] = "no spike" if duration == SPIKE_MS and np.isnan(first) else ""
            else:
                row["note"] = note
            rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


def _in_process(simulator: str, jobs: Sequence[Job], limit_s: float) -> tuple[list[Result], str]:
    """Results of the jobs that another process finished in time, and why the others are missing."""
    command = [sys.executable, str(Path(__file__).resolve()), "--jobs", simulator, json.dumps(jobs)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryFile("w+") as output:
        try:
            done = subprocess.run(
                command, stdout=output, stderr=subprocess.PIPE, text=True, timeout=limit_s, env=environment
            )
            error = done.stderr.strip().splitlines()[-1:] if done.returncode else []
            note = f"failed: {error[0]}" if error else "failed"
        except subprocess.TimeoutExpired:
            note = f"not finished within {limit_s:g} s"
        output.seek(0)
        lines = [line.removeprefix("result ") for line in output if line.startswith("result ")]
    return [tuple(json.loads(line)) for line in lines], note


def _run_jobs(simulator: str, jobs: Sequence[Job]) -> None:
    """Print one line a job, as soon as it is done."""
    with tempfile.TemporaryDirectory() as folder:
        for result in RUNNERS[simulator]([tuple(job) for job in jobs], Path(folder)):
            print("result", json.dumps(result), flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.jobs:
        _run_jobs(arguments.jobs[0], json.loads(arguments.jobs[1]))
        return
    with pd.option_context("display.width", 200, "display.max_columns", None, "display.max_rows", None):
        print(measure().to_string(index=False, na_rep="-", float_format=lambda value: f"{value:.6g}"))


if __name__ == "__main__":
    main()
