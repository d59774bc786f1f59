"""``memneuro network``: a large recurrent network, run once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import pandas as pd
from brian2 import second

from memneuro.backend.backend import NAMES
from memneuro.network.balanced import MemristorNetwork
from memneuro.network.energy import network_energy, published_energies
from memneuro.network.simulation import KINDS, SAMPLE, simulate_network
from memneuro.network.statistics import BIN, activity
from memneuro.network.wiring import Wiring

#: Share of a run that its statistics leave out: the onset, in which all neurons start without input.
ONSET = 0.2


def network(
    neurons: int,
    synapses: int,
    duration_s: float = 1.0,
    *,
    backend: str = "cpp",
    threads: int | None = None,
    model: str = "memristor",
    excitatory: float = 0.8,
    seed: int = 0,
    step_s: float | None = None,
    spikes_to: str | os.PathLike[str] | None = None,
    energy: bool = False,
    progress: bool = True,
) -> dict[str, Any]:
    """Run a balanced network and say what it did, how long it took and how much memory it held.

    Parameters
    ----------
    neurons, synapses : int
        Neurons, and inputs of each.
    duration_s : float
        Model time in seconds.
    backend : str
        As in :func:`memneuro.backend.backend`.
    threads : int, optional
        Of the backend ``openmp``.
    model : {"memristor", "cuba"}
    excitatory : float
        Share of the neurons and inputs.
    seed : int
        Of wiring, start and noise.
    step_s : float, optional
        Time step in seconds; by default that of the model.
    spikes_to : path-like, optional
        Folder for all spikes.
    energy : bool
        Whether to run the memristor network once more, at the finer step that energies need.
    progress : bool
        Whether to show a bar with the time left.

    Returns
    -------
    dict
        ``seconds`` of the time loop, ``build_seconds``, ``spikes`` of all neurons, ``peak_memory_bytes``,
        ``estimated_memory_bytes``, the settings, and the statistics of :func:`memneuro.network.statistics.activity` of
        a sample without the first fifth of the run. On demand also ``energy``, rows of
        :func:`memneuro.network.energy.network_energy`, and ``published_energies``, other neurons to put beside them.

    Raises
    ------
    ValueError
        If an argument is out of range or the network would take more memory than there is.
    BackendUnavailable
        If the backend cannot be used here.
    """
    if backend not in NAMES:
        raise ValueError(f"backend = {backend!r}; accepted: {', '.join(NAMES)}")
    if model not in KINDS:
        raise ValueError(f"model = {model!r}; accepted: {', '.join(KINDS)}")
    if energy and model != "memristor":
        raise ValueError(f"energy of model = {model!r}; accepted: 'memristor', whose elements are physical")
    options = {} if step_s is None else {"dt": step_s * second}
    made = KINDS[model](Wiring(neurons, synapses, excitatory, seed), **options)
    run = simulate_network(
        made, duration_s * second, backend=backend, threads=threads, spikes_to=spikes_to, progress=progress
    )
    start = ONSET * duration_s * second
    energies: dict[str, Any] = {}
    if energy:
        assert isinstance(made, MemristorNetwork)
        energies["energy"] = network_energy(made, duration_s * second, backend=backend).to_dict("records")
        energies["published_energies"] = published_energies().to_dict("records")
    bin_width = min(BIN, (1 - ONSET) / 2 * duration_s * second)  # at least two bins, however short the run
    return {
        "neurons": neurons,
        "synapses": synapses,
        "duration_s": duration_s,
        "step_s": float(made.step),
        "model": model,
        "backend": run.backend,
        "seed": seed,
        "seconds": run.seconds,
        "build_seconds": run.build_seconds,
        "spikes": run.spikes,
        "peak_memory_bytes": run.peak_memory_bytes,
        "estimated_memory_bytes": run.memory.total,
        "sample": min(SAMPLE, neurons),
        **activity(run.index, run.times * second, run.sample, duration_s * second, start, bin_width),
        **energies,
    }


def network_text(result: Mapping[str, Any]) -> str:
    """Lay out what :func:`network` found for reading."""
    single = {name: value for name, value in result.items() if not isinstance(value, list)}
    width = max(map(len, single))
    lines = [
        f"{name:{width}}  {f'{value:.4g}' if isinstance(value, float) else value}" for name, value in single.items()
    ]
    tables = [pd.DataFrame(value) for value in result.values() if isinstance(value, list)]
    return "\n\n".join(
        ["\n".join(lines), *(table.to_string(index=False, float_format="{:.3g}".format) for table in tables)]
    )
