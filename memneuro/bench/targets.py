"""``memneuro bench targets``: the same spikes on every target, and what a step costs on each."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
from brian2 import Network, SpikeMonitor, second, us
from tqdm.auto import tqdm

from memneuro.backend import BackendUnavailable, backend
from memneuro.bench.programs import SEED, machine, train
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.progress import no_bar

STEP = 10 * us
TARGETS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("numpy", {}),
    ("cython", {}),
    ("cpp", {}),
    ("openmp", {"threads": 1}),
    ("openmp", {"threads": 2}),
    ("openmp", {"threads": 4}),
    ("cuda", {}),
)


def bench_targets(neurons: int = 100, *, duration: float = 1.0, progress: bool = True) -> dict[str, Any]:
    """Run the noisy default neuron on every target that works here and compare spikes and states.

    Parameters
    ----------
    neurons : int
        Number of uncoupled neurons.
    duration : float
        Model time in seconds.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    dict
        ``rows``: ``target``, ``threads``, ``spikes``, ``same_spikes`` (as the first target), ``first_difference_ms``
        (None when there is none), ``largest_difference`` (of the bridged length at the end), ``ns_per_neuron_step``,
        ``steps_per_s``, ``build_s`` (code generation and compilation) and ``note`` (why a target was left out);
        ``identical``, whether all spikes are the same; ``machine``.

    Raises
    ------
    ValueError
        If `neurons` is below 1, or `duration` is not above 0 s and below 1e6 s.
    """
    if neurons < 1 or not 0 < duration < 1e6:
        raise ValueError(
            f"neurons = {neurons!r}, duration = {duration!r}; accepted: at least one neuron, a time above 0"
        )
    steps = round(duration / float(STEP))
    rows: list[dict[str, Any]] = []
    reference: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
    for name, options in tqdm(TARGETS, "targets", disable=no_bar(progress), leave=False):
        row: dict[str, Any] = {"target": name, "threads": options.get("threads", 1)}
        try:
            index, step, states, seconds, build_s = _run(name, options, neurons, duration)
        except BackendUnavailable as error:
            rows.append({**row, "note": str(error)})
            continue
        if reference is None:
            reference = index, step, states
        rows.append(
            {
                **row,
                "spikes": len(index),
                "same_spikes": np.array_equal(index, reference[0]) and np.array_equal(step, reference[1]),
                "first_difference_ms": _first_difference((index, step), reference[:2]),
                "largest_difference": float(np.max(np.abs(states - reference[2]))),
                "ns_per_neuron_step": seconds * 1e9 / (neurons * steps),
                "steps_per_s": steps / seconds,
                "build_s": build_s,
                "note": "",
            }
        )
    compared = [row["same_spikes"] for row in rows if "same_spikes" in row]
    return {
        "neurons": neurons,
        "duration_s": duration,
        "identical": all(compared) and len(compared) > 1,
        "rows": rows,
        "machine": machine(),
    }


def _run(name: str, options: dict[str, Any], neurons: int, duration: float) -> tuple[Any, Any, Any, float, float]:
    """Spikes by step and neuron, final bridged length, seconds of the time loop and of the rest."""
    start = time.perf_counter()
    with backend(name, **options) as used:
        group = OneM1T1R("hopping").group(neurons, drive=train(), dt=STEP, seed=SEED)
        spikes = SpikeMonitor(group)
        network = Network(group, spikes)
        if not used.standalone:
            network.run(0 * second, namespace={})
        before = time.perf_counter()
        network.run(duration * second, namespace={})
        seconds = (used.seconds["run"] or 0.0) if used.standalone else time.perf_counter() - before
        rest = time.perf_counter() - start - seconds
        index, step = np.asarray(spikes.i), np.round(np.asarray(spikes.t / STEP)).astype(int)
        order = np.lexsort((index, step))
        return index[order], step[order], np.asarray(group.x_total, dtype=float).copy(), seconds, rest


def _first_difference(found: tuple[Any, Any], reference: tuple[Any, Any]) -> float | None:
    """Time (ms) of the first spike that the two do not share."""
    ours, theirs = (set(zip(s.tolist(), i.tolist(), strict=True)) for i, s in (found, reference))
    odd = ours ^ theirs
    return min(odd)[0] * float(STEP) * 1e3 if odd else None


def targets_text(result: dict[str, Any]) -> str:
    """Lay out what :func:`bench_targets` found for reading."""
    table = pd.DataFrame(result["rows"]).to_string(index=False, na_rep="-", float_format="{:.3g}".format)
    same = "the same spikes on all targets" if result["identical"] else "NOT the same spikes on all targets"
    head = f"{result['neurons']} noisy neurons, {result['duration_s']:g} s: {same}"
    return f"{head}\n\n{table}\n\n" + ", ".join(f"{key} {value}" for key, value in result["machine"].items())
