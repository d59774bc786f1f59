"""Reservoirs: memristor neurons beside an echo-state network of the same size, on the same samples.

``python benchmarks/reservoir.py [--neurons N] [--samples N] [--seeds N] [--csv FILE]`` prints the error (NRMSE) on
NARMA-10 and the Mackey-Glass series, and the memory capacity, mean and standard deviation over the seeds, for

* ``memristor``: :class:`memneuro.network.reservoir.Reservoir`, uncoupled;
* ``memristor, coupled``: with inputs of ten others a neuron;
* ``memristor, no noise``: uncoupled, quiet devices;
* ``echo state``: reservoirpy's, tanh units, spectral radius, leak and input scaling picked for each task and seed;
* ``input only``: the read-out of the present sample alone.

Three quarters of the samples after the first hundred train the read-out. The settings of the echo-state network are
those with the least error on the last third of the training samples, by a read-out that was trained on the others.
Those of the memristor reservoir are its defaults. Needs ``pip install "memneuro[reservoir]"``; some minutes on a core.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from memneuro.bench.programs import machine
from memneuro.network.reservoir import Reservoir, Series, mackey_glass, memory_capacity, narma, nrmse
from memneuro.tables import write_csv

TASKS: dict[str, Callable[..., Series]] = {
    "NARMA-10": narma,
    "Mackey-Glass, 6 ahead": partial(mackey_glass, ahead=6),
}
#: Spectral radius, leak and input scaling among which the echo-state network is picked.
GRID = tuple(itertools.product((0.8, 0.95, 1.1), (0.3, 0.6, 1.0), (0.1, 0.5, 1.0)))
WASHOUT = 100


def echo_state(series: Series, neurons: int, train: int, seed: int) -> np.ndarray:
    """States of the best echo-state network of the grid."""
    from reservoirpy.nodes import Reservoir as Echo

    found = []
    part = slice(0, WASHOUT + train)
    for radius, leak, scaling in GRID:
        units = Echo(neurons, sr=radius, lr=leak, input_scaling=scaling, bias=0.2, seed=seed)
        states = units.run(series.signal[:, None])
        error = nrmse(states[part], series.target[part], 2 * train // 3, WASHOUT)
        found.append((error, states))
    return min(found, key=lambda one: one[0])[1]


def measure(neurons: int = 200, samples: int = 2500, seeds: int = 3) -> pd.DataFrame:
    """One row a task, network and seed, with ``nrmse`` and, on the input of NARMA-10, ``memory_capacity``."""
    train = 3 * (samples - WASHOUT) // 4
    rows = []
    for seed in range(seeds):
        for task, make in TASKS.items():
            series = make(samples, seed=seed)
            networks = {
                "memristor": partial(Reservoir(neurons, seed=seed).states, series.signal),
                "memristor, coupled": partial(Reservoir(neurons, 10, seed=seed).states, series.signal),
                "memristor, no noise": partial(Reservoir(neurons, noise=False, seed=seed).states, series.signal),
                "echo state": partial(echo_state, series, neurons, train, seed),
                "input only": partial(np.reshape, series.signal, (-1, 1)),
            }
            for network, run in networks.items():
                states = run()
                error = nrmse(states, series.target, train, WASHOUT)
                capacity = memory_capacity(states, series.signal, train, WASHOUT) if task == "NARMA-10" else np.nan
                rows.append(
                    {"task": task, "network": network, "seed": seed, "nrmse": error, "memory_capacity": capacity}
                )
                print(f"{task}, {network}, seed {seed}: {error:.3f}", file=sys.stderr, flush=True)
    return pd.DataFrame(rows).assign(neurons=neurons, samples=samples)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--neurons", type=int, default=200)
    parser.add_argument("--samples", type=int, default=2500)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--csv", type=Path)
    given = parser.parse_args()
    table = measure(given.neurons, given.samples, given.seeds)
    if given.csv is not None:
        write_csv(table.assign(**machine()), given.csv)
    print(table.groupby(["task", "network"], sort=False)[["nrmse", "memory_capacity"]].agg(["mean", "std"]).round(3))


if __name__ == "__main__":
    main()
