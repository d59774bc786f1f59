"""Programs to time: each is built first and then run in turn with the others, so that all see the same machine.

The neuron is the default one under a train of 0.8 V pulses of 1 ms every 2 ms, with a spike monitor.
"""

from __future__ import annotations

import platform
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from brian2 import Network, Quantity, SpikeMonitor, ms, second, volt

from memneuro.backend import BackendUnavailable, backend
from memneuro.backend.flags import VECTORISE
from memneuro.circuit.drive import PulseTrain
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.doctor import compiler_command, describe_tool, versions

AMPLITUDE, WIDTH, PERIOD = 0.8 * volt, 1 * ms, 2 * ms
SEED = 1
SOURCE = Path(__file__).resolve().parents[2] / "benchmarks" / "limit.cpp"


def train() -> PulseTrain:
    """The drive of every benchmark."""
    return PulseTrain(AMPLITUDE, WIDTH, PERIOD)


@dataclass(frozen=True)
class Program:
    """A built program.

    Parameters
    ----------
    name : str
        What it is.
    command : tuple of str
        How to run it.
    info : Path or None
        File to which it writes the seconds of its time loop; None for one that prints them first.
    neurons, steps : int
        Size of the group and number of steps.
    step : Quantity (second)
        Time step.
    build_s : float
        Seconds spent on building it.
    """

    name: str
    command: tuple[str, ...]
    info: Path | None
    neurons: int
    steps: int
    step: Quantity
    build_s: float

    def run(self) -> float:
        """Run once; nanoseconds a neuron-step of the time loop, without start, initial values and results.

        Raises
        ------
        RuntimeError
            If the program fails; the message ends with what it said.
        """
        done = subprocess.run(self.command, capture_output=True, text=True, cwd=Path(self.command[0]).parent)
        if done.returncode != 0:
            raise RuntimeError(f"{self.name} failed: {(done.stderr or done.stdout).strip()[-300:]}")
        seconds = float((done.stdout if self.info is None else self.info.read_text()).split()[0])
        return seconds * 1e9 / (self.neurons * self.steps)


def memneuro_program(
    folder: Path,
    neurons: int,
    steps: int,
    step: Quantity,
    *,
    noise: bool,
    precision: str = "double",
    threads: int = 0,
    device: str = "hopping",
) -> Program:
    """This package's C++ program of a device; with `threads` the one with threads.

    Parameters
    ----------
    folder : Path
        Build folder.
    neurons, steps : int
        Size of the group and number of steps.
    step : Quantity (second)
        Time step.
    noise : bool
        Whether the devices fluctuate.
    precision : {"double", "single"}
        Floating-point numbers of all variables.
    threads : int
        Number of threads; 0 for the program without.
    device : str
        Device model or card.
    """
    name = f"openmp_{threads}" if threads else "memneuro"
    options: dict[str, Any] = {"threads": threads} if threads else {}
    with backend(
        "openmp" if threads else "cpp", directory=folder, build_on_run=False, precision=precision, **options
    ) as b:
        group = OneM1T1R(device).group(neurons, drive=train(), dt=step, noise=noise, seed=SEED, check_step=False)
        Network(group, SpikeMonitor(group)).run(steps * step, namespace={})
        b.build(run=False)
        build_s = b.seconds["build"] or 0.0
    return _standalone(name, folder, neurons, steps, step, build_s)


def stock_program(
    folder: Path, neurons: int, steps: int, step: Quantity, *, noise: bool, method: str, device: str = "hopping"
) -> Program:
    """Stock Brian2's C++ program with its default flags, made in a process that uses nothing of this package's code.

    Parameters
    ----------
    folder : Path
        Build folder.
    neurons, steps : int
        Size of the group and number of steps.
    step : Quantity (second)
        Time step.
    noise : bool
        Whether the devices fluctuate.
    method : str
        A state updater of Brian2, or ``"scheme"``, this package's written with Brian2's own functions.
    device : str
        Device model or card.

    Raises
    ------
    RuntimeError
        If the program was not built; the message ends with what the compiler said.
    """
    words = [sys.executable, "-m", "memneuro.bench.stock", folder, neurons, steps, repr(float(step / second))]
    done = subprocess.run([*map(str, words), str(int(noise)), method, device], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"stock Brian2 ({method}) was not built: {done.stderr.strip()[-300:]}")
    return _standalone(f"stock_{method}", folder, neurons, steps, step, float(done.stdout.split()[-1]))


def limit_program(
    folder: Path,
    neurons: int,
    steps: int,
    step: Quantity,
    *,
    noise: bool,
    precision: str = "double",
    device: str = "hopping",
) -> Program:
    """The hand-written program ``benchmarks/limit.cpp``.

    Parameters
    ----------
    folder : Path
        Folder of the compiled program.
    neurons, steps : int
        Size of the group and number of steps.
    step : Quantity (second)
        Time step.
    noise : bool
        Whether the devices fluctuate.
    precision : {"double", "single"}
        Floating-point numbers of all variables.
    device : str
        A ``hopping`` card, or the model.

    Raises
    ------
    FileNotFoundError
        If the package does not run from a checkout, where that file is.
    BackendUnavailable
        If there is no compiler, or it does not take the file.
    """
    if not SOURCE.exists():
        raise FileNotFoundError(
            f"{SOURCE} is not there: the hand-written program is part of a checkout, not of a wheel"
        )
    if not compiler_command():
        raise BackendUnavailable("no C++ compiler found; set CXX or install g++")
    folder.mkdir(parents=True, exist_ok=True)
    flags = ["-std=c++17", "-O3", "-march=native", *VECTORISE[:2], *(["-DSINGLE"] if precision == "single" else [])]
    start = pd.Timestamp.now()
    built = subprocess.run(
        [*compiler_command(), *flags, str(SOURCE), "-o", str(folder / "limit")], capture_output=True, text=True
    )
    if built.returncode != 0:
        raise BackendUnavailable(f"{SOURCE.name} was not compiled: {built.stderr.strip()[-300:]}")
    neuron = OneM1T1R(device)
    values = {name: float(np.asarray(value)) for name, (value, _) in neuron.parameters().items()}
    values |= {"amplitude": float(AMPLITUDE), "width": float(WIDTH), "period": float(PERIOD)}
    values |= {"neurons": neurons, "steps": steps, "step": float(step), "noise": int(noise), "seed": SEED}
    command = (str(folder / "limit"), *(f"{name}={value!r}" for name, value in values.items()))
    build_s = (pd.Timestamp.now() - start).total_seconds()
    return Program("limit", command, None, neurons, steps, step, build_s)


def _standalone(name: str, folder: Path, neurons: int, steps: int, step: Quantity, build_s: float) -> Program:
    results = folder / "results"
    results.mkdir(exist_ok=True)
    command = (str(folder / "main"), "--results_dir", f"{results}/")
    return Program(name, command, results / "last_run_info.txt", neurons, steps, step, build_s)


def race(programs: list[Program], rounds: int) -> dict[str, list[float]]:
    """Nanoseconds a neuron-step of every program in every round; the programs take turns within a round.

    Parameters
    ----------
    programs : list of Program
        What to run; each has a name of its own.
    rounds : int
        How often each runs.
    """
    found: dict[str, list[float]] = {program.name: [] for program in programs}
    for _ in range(rounds):
        for program in programs:
            found[program.name].append(program.run())
    return found


def machine() -> dict[str, str]:
    """Processor, compiler, versions and date, for the head of a table."""
    compiler = describe_tool(compiler_command()[0]) if compiler_command() else None
    found = versions()
    model = next(
        (line.split(":")[1].strip() for line in _cpu_lines() if line.startswith("model name")), platform.processor()
    )
    return {
        "date": date.today().isoformat(),
        "processor": model,
        "compiler": compiler["version"] if compiler else "none",
        **{name: str(found[name]) for name in ("python", "system", "memneuro", "brian2", "numpy")},
    }


def _cpu_lines() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []
