"""Run a network: memory checked before, progress and time left during, rate, spikes, seconds and memory after."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Network, Quantity, SpikeMonitor, Synapses, get_device, have_same_dimensions, second
from tqdm.auto import tqdm

from memneuro.backend import Backend, backend
from memneuro.circuit.device_circuit import whole_number
from memneuro.network.balanced import MemristorNetwork
from memneuro.network.cuba import CubaNetwork
from memneuro.network.memory import (
    REPORT_HEADERS,
    REPORT_PEAK,
    MemoryEstimate,
    estimate,
    forget_peak,
    peak_memory,
)
from memneuro.network.spike_files import BLOCK, SpikeFiles
from memneuro.progress import no_bar

#: Neurons whose spikes are kept by default.
SAMPLE = 500

_PROGRESS = "progress.txt"
# C++ that a program runs now and then; `completed` is the finished share of the run.
_REPORT = r"""
const std::string path = brian::results_dir + "progress.txt", partial = path + ".part";
{ std::ofstream file(partial); file << completed << std::endl; }
std::rename(partial.c_str(), path.c_str());
"""


@dataclass(frozen=True)
class NetworkRun:
    """What a network did.

    Parameters
    ----------
    counts : ndarray of int, shape (neurons,)
        Spikes of each neuron.
    index, times : ndarray, shape (sampled spikes,)
        Neuron, numbered within the sample, and time (s) of the spikes of the sample.
    sample : int
        Neurons of the sample: excitatory and inhibitory ones in the shares of the network.
    seconds : float
        Of the time loop; without building and initial values. With ``cpp`` seconds of the processor.
    build_seconds, total_seconds : float
        From the start to a network ready to run, with compiling; and all of it.
    peak_memory_bytes : int
        Most memory held by the program, or by this process where it ran the network.
    memory : MemoryEstimate
        As told before.
    backend : str
        In use.
    """

    counts: np.ndarray
    index: np.ndarray
    times: np.ndarray
    sample: int
    seconds: float
    build_seconds: float
    total_seconds: float
    peak_memory_bytes: int
    memory: MemoryEstimate
    backend: str

    @property
    def spikes(self) -> int:
        """Spikes of all neurons."""
        return int(self.counts.sum())


class NetworkProgram:
    """A network that is built once and run; on a standalone backend any number of times, with other parameters.

    Parameters
    ----------
    network : MemristorNetwork or CubaNetwork
    duration : Quantity (second)
    backend : str
        This and the next two as in :func:`memneuro.backend.backend`.
    threads : int, optional
        Of the backend ``openmp``.
    precision : {"double", "single"}
        Floating-point numbers of all variables.
    sample : int
        Neurons whose spikes are kept; of all others only the number of spikes is.
    spikes_to : path-like, optional
        Folder to which all spikes are written while the network runs; see :mod:`memneuro.network.spike_files`.
    block : int
        Spikes of one such file.
    keep_wiring : bool
        Whether ``synapses`` can be read after the run of a standalone program, which then writes them to disk.
    progress : bool
        Whether to show a bar with the time left.

    Attributes
    ----------
    group, synapses
        Brian2's objects.
    memory : MemoryEstimate
        Worked out before anything is built.

    Raises
    ------
    ValueError
        If an argument is out of range, or the network would take more memory than there is; the message gives both
        figures.
    BackendUnavailable
        If the backend cannot be used here.
    """

    def __init__(
        self,
        network: MemristorNetwork | CubaNetwork,
        duration: Quantity,
        *,
        backend: str = "cpp",
        threads: int | None = None,
        precision: str = "double",
        sample: int = SAMPLE,
        spikes_to: str | os.PathLike[str] | None = None,
        block: int = BLOCK,
        keep_wiring: bool = False,
        progress: bool = False,
    ) -> None:
        self.network, self.duration = network, checked_duration(duration, network.step)
        self.sample = min(whole_number(sample, "sample", 1, 2**31 - 1), network.wiring.neurons)
        block = whole_number(block, "block", 1, 2**31 - 1)
        self._progress, self._ran = progress, False
        self._options: dict[str, Any] = {"name": backend, "threads": threads, "precision": precision}
        self._start = time.perf_counter()
        self._used = _use(build_on_run=False, **self._options)
        try:
            self.memory = estimate(
                network.equations(),
                network.wiring,
                refractory=isinstance(network, CubaNetwork),
                backend=self._used.name,
                precision=precision,
                duration_s=float(self.duration),
                sample=self.sample,
                block=block if spikes_to is not None else 0,
            )
            self.memory.require()
            self._build(spikes_to, block, keep_wiring)
        finally:
            self._used.close()
        self.build_seconds = time.perf_counter() - self._start

    def _build(self, spikes_to: str | os.PathLike[str] | None, block: int, keep_wiring: bool) -> None:
        if not self._used.standalone:
            forget_peak()
        self.group, self.synapses = self.network.build()
        first = sample_start(self.network.wiring.population("exc"), self.network.wiring.neurons, self.sample)
        self._sampled = SpikeMonitor(self.group[first : first + self.sample])
        parts: list[Any] = [self.group, *self.synapses, self._sampled]
        self._files = None
        if spikes_to is None:
            self._counts = SpikeMonitor(self.group, record=False)
            parts.append(self._counts)
        else:
            self._files = SpikeFiles(self.group, spikes_to, self._used, block)
            self._counts = self._files.monitor
            parts += self._files.parts
        self._brian = Network(*parts)
        if self._files is not None:
            self._files.attach(self._brian)
        if self._used.standalone:
            device: Any = get_device()
            device.headers += [*REPORT_HEADERS, "<cstdio>"]
            device.insert_code("after_end", REPORT_PEAK)
            if not keep_wiring:
                device.insert_code("before_end", _forget(self.synapses))
            self._brian.run(self.duration, namespace={}, report=_REPORT, report_period=0.2 * second)
            self._used.build(run=False)
        else:
            self._brian.run(0 * second, namespace={})  # compiles

    def run(self, changes: dict[Any, Any] | None = None) -> NetworkRun:
        """Run the network.

        Parameters
        ----------
        changes : dict, optional
            New values by variable, such as ``{program.group.v_bias: 0.7*volt}``; standalone backends only.

        Returns
        -------
        NetworkRun

        Raises
        ------
        RuntimeError
            For a second run where the backend is not standalone or spikes go to disk.
        """
        if self._ran and (self._files is not None or not self._used.standalone):
            raise RuntimeError("this network has been run; accepted: a new one, or a standalone backend without files")
        if changes and not self._used.standalone:
            raise RuntimeError(f"changes with backend {self._used.name!r}; accepted: a standalone backend")
        self._ran = True
        if self._used.standalone:
            assert self._used.directory is not None
            results = self._used.directory / "results"
            with watched(results / _PROGRESS, self._bar()):
                self._used.run_again(changes)
            seconds = float(self._used.seconds["run"] or 0.0)
            peak = int((results / "peak_memory.txt").read_text())
        else:
            seconds = self._run_here()
            peak = peak_memory()
        counts = np.array(self._counts.count)
        if self._files is not None:
            self._files.close(
                neurons=self.network.wiring.neurons,
                duration_s=float(self.duration),
                step_s=float(self.network.step),
            )
        index, times = np.asarray(self._sampled.i), np.asarray(self._sampled.t)
        order = np.lexsort((index, times))
        return NetworkRun(
            counts=counts,
            index=index[order],
            times=times[order],
            sample=self.sample,
            seconds=seconds,
            build_seconds=self.build_seconds,
            total_seconds=time.perf_counter() - self._start,
            peak_memory_bytes=peak,
            memory=self.memory,
            backend=self._used.name,
        )

    def _run_here(self) -> float:
        with _use(**self._options):
            start = time.perf_counter()
            with self._bar() as bar:

                def report(elapsed: Any, completed: float, began: Any, total: Any) -> None:
                    bar.update(100 * completed - bar.n)

                self._brian.run(self.duration, namespace={}, report=report, report_period=0.2 * second)
            return time.perf_counter() - start

    def _bar(self) -> tqdm:
        return tqdm(
            total=100,
            desc=f"{self.network.wiring.neurons} neurons",
            unit="%",
            leave=False,
            disable=no_bar(self._progress),
            bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed}, {remaining} left",
        )


def _use(**options: Any) -> Backend:
    return backend(**options)


def sample_start(excitatory: int, neurons: int, sample: int) -> int:
    """First of `sample` neurons in a row among which excitatory ones, which come first, have their share of all.

    Parameters
    ----------
    excitatory, neurons, sample : int
        Numbers of excitatory neurons, of all neurons and of those in the sample.
    """
    return min(max(excitatory - round(sample * excitatory / neurons), 0), neurons - sample)


def simulate_network(network: MemristorNetwork | CubaNetwork, duration: Quantity, **options: Any) -> NetworkRun:
    """Build and run a network once.

    Parameters
    ----------
    network : MemristorNetwork or CubaNetwork
        The network.
    duration : Quantity (second)
        Length of the run.
    **options : object
        Of :class:`NetworkProgram`.

    Examples
    --------
    >>> network = MemristorNetwork(Wiring(10_000, 100, seed=1))
    >>> run = simulate_network(network, 1*second, backend="cpp")
    >>> run.spikes, run.peak_memory_bytes
    """
    return NetworkProgram(network, duration, **options).run()


@contextlib.contextmanager
def watched(path: Path, bar: tqdm, every: float = 0.2) -> Iterator[None]:
    """Show the share of a run that a program writes to a file now and then.

    Parameters
    ----------
    path : Path
        The file; it is removed first.
    bar : tqdm
        A bar of 100.
    every : float
        Seconds between two looks.
    """
    path.unlink(missing_ok=True)
    done = threading.Event()

    def look() -> None:
        while not done.wait(every):
            with contextlib.suppress(OSError, ValueError):
                bar.update(100 * float(path.read_text()) - bar.n)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        with bar:
            yield
    finally:
        done.set()
        watcher.join()


def _forget(synapses: list[Synapses]) -> str:
    """Code that empties the lists of synapses, so that a program does not write them to disk at its end."""
    device: Any = get_device()
    arrays = [
        device.get_array_name(made.variables[name], access_data=False)
        for made in synapses
        for name in ("_synaptic_pre", "_synaptic_post")
    ]
    return "\n".join(f"brian::{array.split('::')[-1]}.clear();" for array in arrays)


def checked_duration(value: Any, step: Quantity) -> Quantity:
    """A duration of at least one step.

    Parameters
    ----------
    value : Quantity (second)
        The duration.
    step : Quantity (second)
        The time step.

    Raises
    ------
    ValueError
        If it is no time, or shorter than the step.
    """
    if not have_same_dimensions(value, second) or np.ndim(value) != 0 or not float(step) <= float(value) < np.inf:
        raise ValueError(f"duration = {value!r}; accepted: a time of at least one step, {step!s}")
    return value


#: How to make a network of a kind.
KINDS: dict[str, Callable[..., MemristorNetwork | CubaNetwork]] = {"memristor": MemristorNetwork, "cuba": CubaNetwork}
