"""Balanced networks: time beside Brian2's CUBA network, cost over the number of neurons, memory beside its estimate.

``python benchmarks/network_scale.py [--neurons N] [--synapses K] [--duration T] [--sizes N ...] [--csv FILE]`` prints
three tables:

* ``against``: the memristor network and the CUBA network (:mod:`memneuro.network.cuba`) with the same neurons, the same
  synapses and the same step. The drive of the CUBA network is searched for until it fires as many spikes, to 5 %; then
  both take turns. Both are C++ programs of one thread; the seconds are those of the time loop.
* ``scaling``: seconds of computing a second of model time over N at 100 synapses a neuron, and the exponent of a power
  law fitted to it by least squares of the logarithms.
* memory: in both tables, the peak of each program and what was told before it was built.

The defaults are 10 000 neurons with 1000 synapses each for one second, and 1000 to 1 000 000 neurons: a quarter of an
hour on one core, and 2 GB of memory.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from brian2 import mV, second

from memneuro.bench.programs import machine
from memneuro.network.balanced import MemristorNetwork
from memneuro.network.cuba import CubaNetwork
from memneuro.network.simulation import NetworkProgram, NetworkRun
from memneuro.network.wiring import Wiring
from memneuro.tables import write_csv

SIZES = (1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
SYNAPSES = 100

#: Drives between which a CUBA network is searched for, and how near its spikes must come.
DRIVES, TOLERANCE, TRIES = (-58.0, 100.0), 0.05, 30


def row(part: str, program: NetworkProgram, runs: Sequence[NetworkRun]) -> dict[str, object]:
    """What some runs of one program took: medians, with the fastest and the slowest."""
    wiring, duration = program.network.wiring, float(program.duration)
    seconds = np.array([run.seconds for run in runs])
    last = runs[-1]
    steps = duration / float(program.network.step)
    return {
        "part": part,
        "network": program.network.name,
        "neurons": wiring.neurons,
        "synapses": wiring.synapses,
        "duration_s": duration,
        "step_us": float(program.network.step) * 1e6,
        "spikes": last.spikes,
        "rate_hz": last.spikes / wiring.neurons / duration,
        "seconds": float(np.median(seconds)),
        "seconds_min": float(seconds.min()),
        "seconds_max": float(seconds.max()),
        "ns_per_neuron_step": float(np.median(seconds)) * 1e9 / (wiring.neurons * steps),
        "build_s": program.build_seconds,
        "peak_memory_bytes": last.peak_memory_bytes,
        "estimated_memory_bytes": last.memory.total,
        "estimate_over_peak": last.memory.total / last.peak_memory_bytes,
    }


def matched_drive(program: NetworkProgram, spikes: int) -> float:
    """Drive (mV) at which a CUBA network fires so many spikes, by halving the range.

    Raises
    ------
    RuntimeError
        If no drive within the range does.
    """
    low, high = DRIVES
    for _ in range(TRIES):
        middle = (low + high) / 2
        found = program.run({program.group.v_drive: middle * mV}).spikes
        if abs(found / spikes - 1) <= TOLERANCE:
            return middle
        low, high = (middle, high) if found < spikes else (low, middle)
    raise RuntimeError(f"no drive from {DRIVES[0]} to {DRIVES[1]} mV gives {spikes} spikes; the last gave {found}")


def against_cuba(neurons: int, synapses: int, duration_s: float, rounds: int) -> pd.DataFrame:
    """The memristor network beside CUBA; one row each, with the ratio of the times in ``over_cuba``."""
    wiring = Wiring(neurons, synapses, seed=1)
    memristor = NetworkProgram(MemristorNetwork(wiring), duration_s * second)
    cuba = NetworkProgram(CubaNetwork(wiring, dt=memristor.network.step), duration_s * second)
    runs: dict[str, list[NetworkRun]] = {"memristor": [memristor.run()], "cuba": []}
    drive = matched_drive(cuba, runs["memristor"][0].spikes)
    for number in range(rounds):
        if number:
            runs["memristor"].append(memristor.run())
        runs["cuba"].append(cuba.run({cuba.group.v_drive: drive * mV}))
    rows = pd.DataFrame([row("against", memristor, runs["memristor"]), row("against", cuba, runs["cuba"])])
    rows["over_cuba"] = rows["seconds"] / rows["seconds"].iloc[1]
    rows["v_drive_mV"] = [np.nan, drive]
    return rows


def scaling(sizes: Sequence[int], synapses: int, duration_s: float) -> pd.DataFrame:
    """Cost of a network of each size, with the exponent fitted to the seconds over N in ``exponent``."""
    rows = []
    for neurons in sizes:
        for kind in (MemristorNetwork, CubaNetwork):
            network = kind(Wiring(neurons, synapses, seed=1))
            if isinstance(network, CubaNetwork):
                network = CubaNetwork(network.wiring, dt=MemristorNetwork(network.wiring).step)
            program = NetworkProgram(network, duration_s * second)
            rows.append(row("scaling", program, [program.run()]))
            print(f"{network.name}, {neurons} neurons: {rows[-1]['seconds']:.3g} s", file=sys.stderr, flush=True)
    table = pd.DataFrame(rows)
    table["exponent"] = np.nan
    for name, group in table.groupby("network"):
        if len(group) > 1:
            table.loc[table["network"] == name, "exponent"] = np.polyfit(
                np.log(group["neurons"]), np.log(group["seconds"]), 1
            )[0]
    return table


def measure(
    neurons: int = 10_000,
    synapses: int = 1000,
    duration_s: float = 1.0,
    sizes: Sequence[int] = SIZES,
    scaling_s: float = 0.1,
    rounds: int = 3,
) -> pd.DataFrame:
    """All tables, one below the other."""
    return pd.concat(
        [against_cuba(neurons, synapses, duration_s, rounds), scaling(sizes, SYNAPSES, scaling_s)], ignore_index=True
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--neurons", type=int, default=10_000)
    parser.add_argument("--synapses", type=int, default=1000)
    parser.add_argument("--duration", type=float, default=1.0, help="seconds of model time beside CUBA")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--scaling-duration", type=float, default=0.1, help="seconds of model time at each size")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--csv", type=Path)
    given = parser.parse_args()
    table = measure(
        given.neurons, given.synapses, given.duration, given.sizes, given.scaling_duration, max(given.rounds, 1)
    )
    if given.csv is not None:
        write_csv(table.assign(**machine()), given.csv)
    for _, part in table.groupby("part", sort=False):
        print(part.dropna(axis=1, how="all").T.to_string(header=False, float_format="{:.4g}".format), end="\n\n")


if __name__ == "__main__":
    main()
