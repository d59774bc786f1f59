"""A balanced network in NEURON, its neurons dealt out to MPI ranks: for networks that one machine does not hold.

The mechanism is that of :mod:`memneuro.export.nmodl`, which takes Brian2's own steps; wiring and start are worked out
by each rank for its own neurons from the seed, so that no list of synapses is passed on. Neuron ``i`` lives on rank
``i % ranks``.

A spike that Brian2 reports at t is seen at the end of its step, t + dt; NEURON reports it there. In both it reaches the
other neurons a delay later.

NEURON and MPI come as wheels: ``pip install "memneuro[simulators]"``. Without noise only: NEURON has not this package's
generator.

Source: M. Migliore et al. 2006, *Parallel network simulations with NEURON*, doi:10.1007/s10827-006-7949-5.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from brian2 import Quantity

from memneuro.circuit.device_circuit import whole_number
from memneuro.export.nmodl import nmodl
from memneuro.network.balanced import START, MemristorNetwork
from memneuro.network.simulation import checked_duration

MECHANISM = "memristor_neuron"
#: States that a positive and a negative weight add to.
RECEIVE = ("g_exc", "g_inh")


class NeuronUnavailable(ValueError):
    """NEURON, its compiler or MPI cannot be used here."""


@dataclass(frozen=True)
class RanksRun:
    """What a network did in NEURON.

    Parameters
    ----------
    index : ndarray of int, shape (spikes,)
    times : ndarray, shape (spikes,)
        Seconds, as Brian2 reports them; sorted, and those of one time by neuron.
    counts : ndarray of int, shape (neurons,)
    ranks : int
    seconds : float
        Of the time loop on the slowest rank.
    """

    index: np.ndarray
    times: np.ndarray
    counts: np.ndarray
    ranks: int
    seconds: float


def simulate_on_neuron(network: MemristorNetwork, duration: Quantity, *, ranks: int = 1) -> RanksRun:
    """Run a network in NEURON.

    Parameters
    ----------
    network : MemristorNetwork
        Without noise, and with a delay of at least one step: ranks exchange their spikes once in a delay.
    duration : Quantity (second)
    ranks : int
        MPI processes.

    Returns
    -------
    RanksRun

    Raises
    ------
    ValueError
        If the network is noisy or its delay too short, or another argument is out of range.
    NeuronUnavailable
        If NEURON, its compiler or ``mpiexec`` is missing or fails; the message has its last words.
    """
    ranks = whole_number(ranks, "ranks", 1, 2**15)
    duration = checked_duration(duration, network.step)
    if network.noise:
        raise ValueError("noise = True; accepted: False, as NEURON has not the generator of the noise")
    if float(network.delay) < float(network.step):
        raise ValueError(f"delay = {network.delay!s}; accepted: at least one step, {network.step!s}")
    node = network.weighted()
    with tempfile.TemporaryDirectory(prefix="memneuro_neuron_") as name:
        folder = Path(name)
        text = nmodl(network.neuron, node, name=MECHANISM, receive=RECEIVE)
        compiled = folder / "mechanism"  # of its own: NEURON would load what it finds in the folder it starts in
        compiled.mkdir()
        (compiled / f"{MECHANISM}.mod").write_text(text)
        settings = {
            "wiring": asdict(network.wiring),
            "step_ms": float(network.step) * 1e3,
            "delay_ms": float(network.delay) * 1e3,
            "duration_ms": float(duration) * 1e3,
            "weights": {"exc": float(node.w_exc), "inh": -float(node.w_inh)},
            "start": START,
        }
        (folder / "network.json").write_text(json.dumps(settings))
        _call([_program("nrnivmodl"), "."], compiled)
        launch = [] if ranks == 1 else [_program("mpiexec"), "-n", str(ranks)]
        _call([*launch, sys.executable, "-m", "memneuro.network.neuron_rank", str(folder), str(ranks)], folder)
        parts = []
        for rank in range(ranks):
            with np.load(folder / f"spikes_{rank}.npz") as file:
                parts.append({key: file[key] for key in file.files})
    index = np.concatenate([part["index"] for part in parts]).astype(int)
    times = np.concatenate([part["times_ms"] for part in parts]) * 1e-3 - float(network.step)
    order = np.lexsort((index, np.rint(times / float(network.step))))
    return RanksRun(
        index=index[order],
        times=times[order],
        counts=np.bincount(index, minlength=network.wiring.neurons),
        ranks=ranks,
        seconds=max(float(part["seconds"]) for part in parts),
    )


def _environment() -> dict[str, str]:
    """This interpreter's folder first on the path, and the MPI library beside it where there is one."""
    found = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    libraries = sorted((Path(sys.prefix) / "lib").glob("libmpi.so.*"))  # libmpi.so itself is a linker's text there
    if "MPI_LIB_NRN_PATH" not in found and libraries:
        found["MPI_LIB_NRN_PATH"] = str(libraries[0])
    return found


def _program(name: str) -> str:
    found = shutil.which(name, path=_environment()["PATH"])
    if found is None:
        raise NeuronUnavailable(f'{name!r} is not installed; accepted: after pip install "memneuro[simulators]"')
    return found


def _call(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, env=_environment(), capture_output=True, text=True)
    if done.returncode != 0:
        words = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise NeuronUnavailable(f"{Path(command[0]).name} ended with {done.returncode}:\n{words}")
