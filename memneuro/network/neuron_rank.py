"""One MPI rank of :mod:`memneuro.network.neuron_mpi`: ``python -m memneuro.network.neuron_rank FOLDER RANKS``."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

from memneuro.network.neuron_mpi import MECHANISM
from memneuro.network.wiring import Wiring
from memneuro.numerics.threefry import threefry_uniform


def main() -> None:
    """Make this rank's neurons and their inputs, run with the other ranks, write this rank's spikes."""
    from neuron import h, load_mechanisms

    folder, ranks = Path(sys.argv[1]), int(sys.argv[2])
    settings = json.loads((folder / "network.json").read_text())
    wiring, delay = Wiring(**settings["wiring"]), settings["delay_ms"]
    load_mechanisms(str(folder / "mechanism"))
    if ranks > 1:
        h.nrnmpi_init()
    context = h.ParallelContext()
    rank = int(context.id())
    if int(context.nhost()) != ranks:
        raise SystemExit(f"NEURON runs on {int(context.nhost())} ranks instead of {ranks}: is MPI installed?")
    carrier = h.Section(name="carrier")
    own = np.arange(rank, wiring.neurons, ranks)
    neurons, connections = {}, []
    for i in own.tolist():
        neurons[i] = getattr(h, MECHANISM)(carrier(0.5))
        context.set_gid2node(i, rank)
        context.cell(i, h.NetCon(neurons[i], None))
    times, index = h.Vector(), h.Vector()
    context.spike_record(-1, times, index)
    for kind, weight in settings["weights"].items():
        for target, sources in zip(own.tolist(), wiring.sources(kind, own).tolist(), strict=True):
            for source in sources:
                connection = context.gid_connect(source, neurons[target])
                connection.weight[0], connection.delay = weight, delay
                connections.append(connection)
    h.dt = settings["step_ms"]
    context.set_maxstep(delay)
    h.finitialize()
    start = settings["start"] * threefry_uniform.pyfunc(wiring.seed, own, -3, 0)
    for i, value in zip(own.tolist(), start.tolist(), strict=True):
        neurons[i].x_total = value
    began = time.perf_counter()
    context.psolve(settings["duration_ms"] + 0.5 * settings["step_ms"])
    np.savez(
        folder / f"spikes_{rank}.npz",
        index=np.array(index, dtype=int),
        times_ms=np.array(times),
        seconds=time.perf_counter() - began,
    )
    context.barrier()
    h.quit()


if __name__ == "__main__":
    main()
