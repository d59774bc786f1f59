"""Run a netlist of :mod:`memneuro.export.spice` in ngspice and read back what it recorded."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from brian2 import Quantity, ms, second

_RECORD = re.compile(r"^\* record (\d+) (\S+) (\S+)$", re.MULTILINE)
_COMPLAINT = re.compile(r"error|too small|undefined|unknown|no such|singular", re.IGNORECASE)


class NgspiceError(RuntimeError):
    """The analysis was not finished by ngspice."""


@dataclass(frozen=True)
class NgspiceRun:
    """What ngspice gave.

    Parameters
    ----------
    trace : DataFrame
        One row a neuron and time point: ``neuron``, ``time_ms`` and one column a recorded variable in SI units
        (``v_gate_V``, ``x_total``). The time points are those that ngspice accepted; they are not evenly spaced.
    points, rejected : int
        Accepted and rejected time points.
    iterations : int
        Newton iterations.
    transient_s : float
        Time of the transient analysis as ngspice reports it, to a millisecond.
    wall_s : float
        Wall time of the whole program, with its start and the writing of the result.
    """

    trace: pd.DataFrame
    points: int
    rejected: int
    iterations: int
    transient_s: float
    wall_s: float

    def crossings_ms(self, level: Quantity | float, column: str = "v_gate_V") -> np.ndarray:
        """Time (ms) at which a column first rises above a level (in SI units), interpolated between time points.

        Parameters
        ----------
        level : Quantity (any unit) or float
            The level; a number is in SI units.
        column : str
            A column of ``trace``.

        Returns
        -------
        numpy.ndarray, shape (neurons,)
            NaN for a neuron that never rises above it.
        """
        level = float(level)
        found = []
        for _, rows in self.trace.groupby("neuron", sort=True):
            times, values = rows["time_ms"].to_numpy(), rows[column].to_numpy()
            (rises,) = np.nonzero((values[:-1] <= level) & (values[1:] > level))
            if len(rises) == 0:
                found.append(np.nan)
                continue
            k = rises[0]
            part = (level - values[k]) / (values[k + 1] - values[k])
            found.append(times[k] + part * (times[k + 1] - times[k]))
        return np.array(found)


def run_ngspice(netlist: str, *, timeout: Quantity = 600 * second) -> NgspiceRun:
    """Run a netlist in a temporary folder and read the recorded variables.

    Parameters
    ----------
    netlist : str
        Text from :func:`memneuro.export.spice.spice_netlist`.
    timeout : Quantity (second)
        Wall time after which ngspice is ended.

    Returns
    -------
    NgspiceRun

    Raises
    ------
    ValueError
        If the netlist records nothing.
    RuntimeError
        If ngspice is not installed.
    NgspiceError
        If ngspice fails or stops before the end of the analysis; the message has its first complaint. Loose tolerances
        can do that: Newton's method may find no solution where the filament closes.
    TimeoutError
        If it takes longer than `timeout`.

    Notes
    -----
    ngspice reads no start-up file of the user here. The result is the binary raw file described in the ngspice manual.
    """
    records = [(int(neuron), column, vector) for neuron, column, vector in _RECORD.findall(netlist)]
    if not records:
        raise ValueError("the netlist records nothing; accepted: text from spice_netlist with a variable in record")
    program = shutil.which("ngspice")
    if program is None:
        raise RuntimeError(
            "ngspice is not installed; get it with 'apt install ngspice' (Debian, Ubuntu) or 'brew install ngspice' "
            "(macOS)"
        )
    with tempfile.TemporaryDirectory(prefix="memneuro-ngspice-") as folder:
        Path(folder, "neuron.cir").write_text(netlist, encoding="utf-8")
        command = [program, "-n", "-b", "-r", "neuron.raw", "neuron.cir"]
        begin = time.perf_counter()
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=float(timeout)
            )
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"ngspice took longer than timeout = {timeout!s}") from None
        wall = time.perf_counter() - begin
        result = Path(folder, "neuron.raw")
        if done.returncode != 0 or not result.exists():
            raise NgspiceError(f"ngspice failed: {_complaint(done.stderr + done.stdout)}")
        table = _read_raw(result)
    frames = []
    for neuron in sorted({neuron for neuron, _, _ in records}):
        columns = {column: table[vector] for k, column, vector in records if k == neuron}
        frames.append(pd.DataFrame({"neuron": neuron, "time_ms": table["time"] * float(second / ms), **columns}))
    return NgspiceRun(
        trace=pd.concat(frames, ignore_index=True),
        points=int(_statistic(done.stdout, "Accepted timepoints")),
        rejected=int(_statistic(done.stdout, "Rejected timepoints")),
        iterations=int(_statistic(done.stdout, "Transient iterations")),
        transient_s=_statistic(done.stdout, "Transient analysis time"),
        wall_s=wall,
    )


def _complaint(output: str) -> str:
    """The first line that says what is wrong: later ones repeat that there was an error."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return next((line for line in lines if _COMPLAINT.search(line)), lines[-1] if lines else "no message")


def _statistic(output: str, name: str) -> float:
    """A number of the statistics printed with ``.options acct``."""
    found = re.search(rf"^{name} = ([-+.\deE]+)", output, re.MULTILINE)
    return float(found.group(1)) if found else float("nan")


def _read_raw(path: Path) -> dict[str, np.ndarray]:
    """The real vectors of a binary raw file, by their lower-case name."""
    head, _, data = path.read_bytes().partition(b"Binary:\n")
    lines = head.decode("utf-8", errors="replace").splitlines()
    number = next(int(line.split(":")[1]) for line in lines if line.startswith("No. Variables:"))
    first = lines.index("Variables:") + 1
    names = [line.split()[1].lower() for line in lines[first : first + number]]
    rows = len(data) // (8 * number)
    values = np.frombuffer(data, dtype=np.float64, count=rows * number).reshape(rows, number)
    return {name: values[:, k] for k, name in enumerate(names)}
