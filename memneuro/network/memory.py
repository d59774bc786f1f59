r"""How much memory a network will take, told before it is built.

.. math:: M = M_0 + N m_{neuron} + N K m_{synapse} + M_{monitors}

A neuron takes its state variables and parameters with a value for each, and Brian2's index, spike list, count and
refractory state. A synapse takes the numbers of its two neurons, 4 bytes each, and its place in the list of its source,
another 4 and what such lists leave unused while they grow. In a standalone program (``cpp``, ``openmp``) M_0 is the
program; elsewhere it is Python with all that is loaded, and with ``cython`` the compiler, which takes its share only
where code is not compiled yet: small networks may then take up to 0.2 GB less than told.

The lists' unused share, the bytes of a source and M_0 were measured; the others follow from Brian2's data types.
With ``cuda`` this is the memory of the program on the host; that of the GPU comes on top.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from brian2 import Equations
from brian2.equations.equations import BOOLEAN, DIFFERENTIAL_EQUATION, INTEGER, SUBEXPRESSION

from memneuro.network.wiring import Wiring

#: Backends that run a network in a program of its own.
STANDALONE = ("cpp", "openmp", "cuda")
#: Program without neurons; a source's list and Brian2's counts of its synapses.
PROGRAM, SOURCE = 3.8e6, 64
#: What Python's process takes for making code.
COMPILER = {"cython": 200e6, "numpy": 40e6}
#: Bytes of a synapse: standalone programs; Python, whose lists grow by doubling.
SYNAPSE = {True: 13.5, False: 16.0}
#: Spikes a second that a monitor's memory is planned for, and bytes of a spike with the room of a growing list.
PLANNED_RATE, SPIKE = 100.0, 24


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes that a network will take at its peak, by what takes them; see the module's documentation.

    Parameters
    ----------
    program, neurons, synapses, monitors : int
        Bytes of each.
    """

    program: int
    neurons: int
    synapses: int
    monitors: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.program + self.neurons + self.synapses + self.monitors

    def require(self, available: int | None = None) -> None:
        """Refuse where there is not so much memory.

        Parameters
        ----------
        available : int, optional
            Bytes; by default what the machine has left.

        Raises
        ------
        ValueError
            If there is less; the message gives both figures.
        """
        left = available_memory() if available is None else available
        if self.total > left:
            raise ValueError(
                f"the network needs about {self.total / 1e9:.3g} GB of memory ({self.synapses / 1e9:.3g} GB of it for "
                f"synapses), and {left / 1e9:.3g} GB are available; accepted: fewer neurons or synapses"
            )


def bytes_per_neuron(equations: Equations, refractory: bool = False, precision: str = "double") -> int:
    """Bytes of one neuron of a group with these equations, with its index, place in the spike list and count.

    Parameters
    ----------
    equations : Equations
        Of the group.
    refractory : bool
        Whether the group has a refractory period.
    precision : {"double", "single"}
        Floating-point numbers of all variables.
    """
    real = 4 if precision == "single" else 8
    size = {BOOLEAN: 1, INTEGER: 4}
    total = 3 * 4 + (real + 1 if refractory else 0)
    for equation in equations.values():
        shared = "shared" in equation.flags
        computed = equation.type == SUBEXPRESSION and "constant over dt" not in equation.flags
        if equation.type == DIFFERENTIAL_EQUATION or not (shared or computed):
            total += size.get(equation.var_type, real)
    return total


def estimate(
    equations: Equations,
    wiring: Wiring,
    *,
    refractory: bool = False,
    backend: str = "cpp",
    precision: str = "double",
    duration_s: float = 0.0,
    sample: int = 0,
    block: int = 0,
) -> MemoryEstimate:
    """The memory of a network.

    Parameters
    ----------
    equations : Equations
        Of a neuron.
    wiring : Wiring
    refractory : bool
        Whether the group has Brian2's refractory state.
    backend : {"numpy", "cython", "cpp", "openmp", "cuda"}
    precision : {"double", "single"}
    duration_s : float
        Length of the run in seconds.
    sample : int
        Neurons whose spikes are kept in memory, planned for 100 spikes a second each.
    block : int
        Spikes of a file, where all spikes go to disk.

    Returns
    -------
    MemoryEstimate
    """
    standalone = backend in STANDALONE
    kinds = [kind for kind in ("exc", "inh") if wiring.inputs(kind)]
    sources = sum(wiring.population(kind) for kind in kinds)
    neurons = wiring.neurons * (bytes_per_neuron(equations, refractory, precision) + 4 * len(kinds))
    return MemoryEstimate(
        program=int(PROGRAM if standalone else resident_memory() + COMPILER[backend]),
        neurons=neurons + SOURCE * sources,
        synapses=int(SYNAPSE[standalone] * wiring.total),
        monitors=int(SPIKE * (sample * PLANNED_RATE * duration_s + 1.5 * block)),
    )


def available_memory() -> int:
    """Bytes that this process may still take: what the machine has left, or less where a control group says so."""
    left = _field("/proc/meminfo", "MemAvailable")
    if left is None:
        left = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for most, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        try:
            left = min(left, int(Path(most).read_text()) - int(Path(used).read_text()))
        except (OSError, ValueError):
            continue
    return max(left, 0)


def resident_memory() -> int:
    """Bytes that this process holds."""
    found = _field("/proc/self/status", "VmRSS")
    return peak_memory() if found is None else found


def peak_memory() -> int:
    """Most bytes that this process has held since it began, or since :func:`forget_peak`."""
    found = _field("/proc/self/status", "VmHWM")
    if found is None:
        import resource

        found = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return found


def forget_peak() -> None:
    """Start :func:`peak_memory` anew, where the system lets us (Linux)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass


def _field(path: str, name: str) -> int | None:
    """A line of one of Linux's files, in bytes."""
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), None)


#: C++ that writes the peak memory of a standalone program beside its results.
REPORT_PEAK = r"""
{
    std::ifstream status("/proc/self/status");
    std::string line;
    long peak = 0;
    while (std::getline(status, line))
        if (line.rfind("VmHWM:", 0) == 0) peak = std::atol(line.c_str() + 6)*1024;
    if (peak == 0) {
        struct rusage usage;
        getrusage(RUSAGE_SELF, &usage);
        peak = usage.ru_maxrss;
    }
    std::ofstream(brian::results_dir + "peak_memory.txt") << peak << std::endl;
}
"""
#: Headers that the text needs.
REPORT_HEADERS = ("<cstdlib>", "<fstream>", "<string>", "<sys/resource.h>")
