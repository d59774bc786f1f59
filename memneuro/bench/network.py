"""``memneuro bench network``: cost of a step, memory and build time over the number of neurons."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from brian2 import us
from tqdm.auto import tqdm

from memneuro.bench.programs import Program, limit_program, machine, memneuro_program, stock_program
from memneuro.progress import no_bar

STEP = 10 * us
SIZES = (1, 10, 100, 1000, 10_000, 100_000, 1_000_000)

#: Runs a program and prints the largest memory it held, in bytes; a process of its own, since that figure only grows.
_MEASURE = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
size = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(size * (1 if sys.platform == "darwin" else 1024))
sys.exit(code)
"""


def bench_network(
    neurons: int = 1_000_000, *, work: float = 2e7, rounds: int = 3, stock: bool = True, progress: bool = True
) -> dict[str, Any]:
    """Time a step of N noisy default neurons on one core for N from 1 to `neurons`, in powers of ten.

    Parameters
    ----------
    neurons : int
        The largest N.
    work : float
        Neuron-steps of one run, which sets the number of steps (between 20 and 200 000).
    rounds : int
        Runs of each program; the fastest counts.
    stock : bool
        Whether to time stock Brian2 (``heun``, ``xi``, default flags) as well.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    dict
        ``rows``: ``program``, ``neurons``, ``ns_per_neuron_step``, ``steps_per_s``, ``build_s``, ``memory_bytes`` (peak
        of the program, but at least that of the process that starts it, about 12 MB) and ``bytes_per_neuron`` (beyond
        the smallest program; None where that floor hides it); ``machine``.

    Raises
    ------
    ValueError
        If `neurons` is below 1.
    """
    if neurons < 1:
        raise ValueError(f"neurons = {neurons!r}; accepted: a whole number of at least 1")
    sizes = [size for size in SIZES if size < neurons] + [neurons]
    rows: list[dict[str, Any]] = []
    bar = tqdm(sizes, "neurons", disable=no_bar(progress), leave=False)
    for size in bar:
        steps = int(min(max(work / size, 20), 200_000))
        with tempfile.TemporaryDirectory(prefix="memneuro_bench_") as name:
            for program in _programs(Path(name), size, steps, stock):
                fastest = min(program.run() for _ in range(rounds))
                rows.append(
                    {
                        "program": program.name,
                        "neurons": size,
                        "ns_per_neuron_step": fastest,
                        "steps_per_s": 1e9 / (fastest * size),
                        "build_s": program.build_s,
                        "memory_bytes": _peak_memory(program.command),
                    }
                )
    smallest: dict[str, int] = {}
    for row in rows:
        base = smallest.setdefault(row["program"], row["memory_bytes"])
        seen = row["memory_bytes"] > 1.1 * base
        row["bytes_per_neuron"] = (row["memory_bytes"] - base) / row["neurons"] if seen else None
    return {"rows": rows, "machine": machine()}


def _programs(folder: Path, neurons: int, steps: int, stock: bool) -> Sequence[Program]:
    found = [memneuro_program(folder / "memneuro", neurons, steps, STEP, noise=True)]
    found.append(limit_program(folder / "limit", neurons, steps, STEP, noise=True))
    if stock:
        found.append(stock_program(folder / "stock", neurons, steps, STEP / 10, noise=True, method="heun"))
    return found


def _peak_memory(command: Sequence[str]) -> int:
    """Largest resident memory of a program, in bytes."""
    done = subprocess.run([sys.executable, "-c", _MEASURE, *command], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1])


def network_text(result: dict[str, Any]) -> str:
    """Lay out what :func:`bench_network` found for reading."""
    table = pd.DataFrame(result["rows"]).to_string(index=False, na_rep="-", float_format="{:.4g}".format)
    return f"{table}\n\n" + ", ".join(f"{key} {value}" for key, value in result["machine"].items())
