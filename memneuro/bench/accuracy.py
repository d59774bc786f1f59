"""``memneuro bench accuracy``: which step an integrator needs for a spike time right to 1 %, and what that costs."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from brian2 import Quantity, ms, us, volt
from tqdm.auto import tqdm

from memneuro.backend import backend
from memneuro.bench.programs import machine, memneuro_program, race, stock_program
from memneuro.circuit.device_circuit import METHOD
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.convergence import first_spike
from memneuro.progress import no_bar

STEPS = np.array([100.0, 50.0, 20.0, 10.0, 5.0, 2.0, 1.0, 0.5]) * us
METHODS = (METHOD, "exponential_euler", "rk4", "heun", "euler")
FINEST = 0.2 * us
NEURONS = 10_000


def bench_accuracy(
    *, accuracy: float = 0.01, steps: Quantity = STEPS, rounds: int = 3, progress: bool = True
) -> dict[str, Any]:
    """Error of the first spike of the noise-free neuron against the step, and the time to reach an accuracy.

    The drive is constant, 0.9 V, so that the spike is not locked to the edge of a pulse. The cost of a step is measured
    on 10 000 neurons: this package's method with its own backend, the others in stock Brian2 with default flags.

    Parameters
    ----------
    accuracy : float
        Relative error of the first spike time that is to be reached, there and at every smaller step.
    steps : Quantity (second)
        Time steps, descending.
    rounds : int
        Runs of each program.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    dict
        ``rows``: ``method``, ``step_us``, ``first_spike_ms``, ``error`` (relative), ``ns_per_neuron_step`` and
        ``us_per_neuron_ms`` (computing time for one neuron over one millisecond of model time); ``best``: the cheapest
        row of each method within `accuracy`; ``machine``.
    """
    neuron = OneM1T1R("hopping")
    voltage = 0.9 * volt
    rows: list[dict[str, Any]] = []
    with backend("runtime"):
        reference = first_spike(neuron, voltage, METHOD, FINEST, 10 * ms)
        for method in tqdm(METHODS, "methods", disable=no_bar(progress), leave=False):
            for step in steps:
                first = first_spike(neuron, voltage, method, step, 10 * ms)
                error = abs(first - reference) / reference
                rows.append({"method": method, "step_us": float(step / us), "first_spike_ms": first, "error": error})
    cost = _costs(rounds)
    for row in rows:
        row["ns_per_neuron_step"] = cost[row["method"]]
        row["us_per_neuron_ms"] = cost[row["method"]] / row["step_us"]
    table = pd.DataFrame(rows)
    best = []
    for _, part in table.groupby("method", sort=False):
        fine = part[(part["error"] <= accuracy)[::-1].cummin()[::-1]]
        if len(fine):
            best.append(fine.loc[fine["us_per_neuron_ms"].idxmin()].to_dict())
    return {"accuracy": accuracy, "reference_ms": reference, "rows": rows, "best": best, "machine": machine()}


def _costs(rounds: int) -> dict[str, float]:
    """Median nanoseconds a neuron-step of every method, noise-free, measured in turns."""
    with tempfile.TemporaryDirectory(prefix="memneuro_bench_") as name:
        folder = Path(name)
        programs = [memneuro_program(folder / "own", NEURONS, 2000, 10 * us, noise=False)]
        programs += [
            stock_program(folder / method, NEURONS, 1000, 1 * us, noise=False, method=method) for method in METHODS[1:]
        ]
        found = race(programs, rounds)
    return {method: float(np.median(found[p.name])) for method, p in zip(METHODS, programs, strict=True)}


def accuracy_text(result: dict[str, Any]) -> str:
    """Lay out what :func:`bench_accuracy` found for reading."""
    rows, best = (
        pd.DataFrame(result[key]).to_string(index=False, na_rep="-", float_format="{:.4g}".format)
        for key in ("rows", "best")
    )
    head = f"first spike at 0.9 V, {result['reference_ms']:.5f} ms; cheapest within {result['accuracy']:.3g}"
    tail = ", ".join(f"{key} {value}" for key, value in result["machine"].items())
    return f"{rows}\n\n{head}\n\n{best}\n\n{tail}"
