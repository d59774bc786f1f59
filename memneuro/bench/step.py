"""``memneuro bench step``: the time of one step, stock Brian2, this package and the hand-written limit in one run."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from brian2 import us
from tqdm.auto import tqdm

from memneuro.bench.programs import Program, limit_program, machine, memneuro_program, race, stock_program
from memneuro.progress import no_bar

#: Step of this package's scheme, and the one that Brian2's explicit methods need to stay finite.
STEP, EXPLICIT_STEP = 10 * us, 1 * us
NOISY = ("scheme", "euler", "heun")
NOISE_FREE = ("scheme", "euler", "exponential_euler", "rk4")


def bench_step(
    neurons: int = 10_000, *, steps: int | None = None, rounds: int = 5, single: bool = True, progress: bool = True
) -> dict[str, Any]:
    """Time one step of the default neuron, with and without noise, on one core.

    Every program is built first; then they take turns for `rounds` rounds, and medians are reported.

    Parameters
    ----------
    neurons : int
        Number of uncoupled neurons.
    steps : int, optional
        Steps of one run; by default about a second of stock Brian2.
    rounds : int
        Runs of every program.
    single : bool
        Whether to time single precision too.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    dict
        ``ns_stock`` (stock Brian2 with the same scheme, ``xi`` and default flags), ``ns_memneuro``, ``ns_limit`` for
        the noisy neuron in double precision, medians; ``ratio_stock`` and ``ratio_limit``, medians of the ratio of each
        round; the same with ``noise_free`` in front; ``rows``, every program with its spread; ``machine``.

    Raises
    ------
    ValueError
        If a number is below 1.
    FileNotFoundError, BackendUnavailable, RuntimeError
        If a program cannot be built or run.
    """
    if neurons < 1 or rounds < 1:
        raise ValueError(f"neurons = {neurons!r}, rounds = {rounds!r}; accepted: whole numbers of at least 1")
    count = max(20, int(20e6 / neurons)) if steps is None else steps
    with tempfile.TemporaryDirectory(prefix="memneuro_bench_") as name:
        rows, times = [], {}
        for noise in (True, False):
            makers = _makers(Path(name), neurons, count, noise, single)
            label = "noisy" if noise else "noise-free"
            programs = [make() for make in tqdm(makers, f"building, {label}", disable=no_bar(progress), leave=False)]
            found = race(programs, rounds)
            times[noise] = found
            rows += [_row(program, noise, found[program.name]) for program in programs]
    result: dict[str, Any] = {"neurons": neurons, "steps": count, "rounds": rounds}
    for noise, before in ((True, ""), (False, "noise_free_")):
        arrays = {key: np.array(values) for key, values in times[noise].items()}
        for key, program in (("stock", "stock_scheme"), ("memneuro", "memneuro"), ("limit", "limit")):
            result[f"{before}ns_{key}"] = float(np.median(arrays[program]))
        result[f"{before}ratio_stock"] = float(np.median(arrays["stock_scheme"] / arrays["memneuro"]))
        result[f"{before}ratio_limit"] = float(np.median(arrays["memneuro"] / arrays["limit"]))
    return {**result, "rows": rows, "machine": machine()}


def _makers(folder: Path, neurons: int, steps: int, noise: bool, single: bool) -> list[Callable[[], Program]]:
    """How to build each program; nothing is built yet."""
    kind = "noisy" if noise else "noise_free"
    methods = NOISY if noise else NOISE_FREE

    def stock(method: str) -> Callable[[], Program]:
        step = STEP if method == "scheme" else EXPLICIT_STEP
        place = folder / f"{kind}_{method}"
        return lambda: stock_program(place, neurons, steps, step, noise=noise, method=method)

    def own(precision: str) -> Callable[[], Program]:
        place = folder / f"{kind}_memneuro_{precision}"
        return lambda: _named(
            memneuro_program(place, neurons, steps, STEP, noise=noise, precision=precision), precision
        )

    def limit(precision: str) -> Callable[[], Program]:
        place = folder / f"{kind}_limit_{precision}"
        return lambda: _named(limit_program(place, neurons, steps, STEP, noise=noise, precision=precision), precision)

    precisions = ("double", "single") if single else ("double",)
    return [stock(m) for m in methods] + [own(p) for p in precisions] + [limit(p) for p in precisions]


def _named(program: Program, precision: str) -> Program:
    return program if precision == "double" else replace(program, name=f"{program.name}_single")


def _row(program: Program, noise: bool, times: list[float]) -> dict[str, Any]:
    return {
        "program": program.name,
        "noise": noise,
        "step_us": float(program.step / us),
        "ns_per_neuron_step": float(np.median(times)),
        "fastest_ns": float(np.min(times)),
        "slowest_ns": float(np.max(times)),
        "build_s": program.build_s,
    }


def step_text(result: dict[str, Any]) -> str:
    """Lay out what :func:`bench_step` found for reading."""
    table = pd.DataFrame(result["rows"]).to_string(index=False, float_format="{:.3g}".format)
    lines = [
        f"{result['neurons']} neurons, {result['steps']} steps, one core, median of {result['rounds']} rounds",
        table,
    ]
    for before, label in (("", "noisy"), ("noise_free_", "noise-free")):
        lines.append(
            f"{label}: {result[before + 'ratio_stock']:.2f} times as fast as stock Brian2 with the same scheme, "
            f"{result[before + 'ratio_limit']:.2f} times the time of the hand-written program"
        )
    return "\n\n".join([lines[0], lines[1], "\n".join(lines[2:]), _machine_line(result["machine"])])


def _machine_line(found: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in found.items())
