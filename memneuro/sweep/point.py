"""One point of a sweep: what is simulated, and what is kept of it.

A process compiles the neuron of a sweep once and runs it for one point after the other. The result is a function of
the point's configuration alone, to the last bit on one kind of backend.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2 import second

from memneuro.simulation import Simulation
from memneuro.sweep.spec import build, with_unit

_programs: dict[str, tuple[Simulation, Any, Any]] = {}


def run_point(point: Mapping[str, Any]) -> dict[str, float | None]:
    """Simulate one point.

    Parameters
    ----------
    point : mapping
        Of :meth:`memneuro.sweep.spec.Sweep.point`.

    Returns
    -------
    dict
        Over the trials: ``spikes_mean``, ``spikes_sd``, ``rate_hz``, ``fired`` (share of trials with a spike),
        ``first_ms`` (median time of the first spike, of those that fired), ``interval_ms`` and ``interval_cv`` (mean
        and coefficient of variation of all intervals), ``v_gate_end_v`` (mean gate voltage at the end); None where
        there is nothing to take it of.
    """
    shared = {name: value for name, value in point.items() if name != "varied"}
    name = json.dumps([shared, sorted(point["varied"])], sort_keys=True)
    run = point["run"]
    if name not in _programs:
        _programs.clear()
        neuron, drive = build(shared)
        program = Simulation(
            neuron,
            run["trials"],
            drive=drive,
            duration=run["duration"] * second,
            varying=list(point["varied"]),
            dt=run["step"] * second,
            noise=run["noise"],
            backend=run["backend"],
        )
        _programs[name] = (program, neuron, drive)
    program, neuron, drive = _programs[name]
    values = {key: with_unit(neuron, drive, key, value) for key, value in point["varied"].items()}
    found = program.run(run["seed"], **values)
    return _kept(found["spikes"], found["final"], run)


def _kept(spikes: Any, final: Any, run: Mapping[str, Any]) -> dict[str, float | None]:
    trials = run["trials"]
    counts = np.bincount(spikes["neuron"], minlength=trials)
    times = [np.sort(part.to_numpy()) for _, part in spikes.groupby("neuron")["time_ms"]]
    intervals = np.concatenate([np.diff(one) for one in times]) if times else np.empty(0)
    return {
        "spikes_mean": float(counts.mean()),
        "spikes_sd": float(counts.std(ddof=1)) if trials > 1 else None,
        "rate_hz": float(counts.mean() / run["duration"]),
        "fired": float(np.mean(counts > 0)),
        "first_ms": float(np.median([one[0] for one in times])) if times else None,
        "interval_ms": float(intervals.mean()) if len(intervals) else None,
        "interval_cv": float(intervals.std() / intervals.mean()) if len(intervals) > 1 else None,
        "v_gate_end_v": float(final["v_gate_V"].mean()),
    }
