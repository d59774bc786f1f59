"""Run many conditions and trials of a pulse protocol in one group and return the spikes as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from brian2 import Network, Quantity, SpikeMonitor, StateMonitor, ms, ohm, second, volt
from tqdm.auto import tqdm

from memneuro.circuit.drive import PulseTrain, check
from memneuro.circuit.latch import latched, say_latched
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.progress import no_bar

#: Every protocol gives these one value a neuron, so that all protocols share one compiled program.
_PER_NEURON = {"amplitude": volt, "width": second, "period": second, "start": second}


@dataclass(frozen=True)
class PulseRun:
    """What a pulse protocol gave.

    Parameters
    ----------
    spikes : DataFrame
        One row a spike: ``condition``, ``trial``, ``time_ms`` (from the onset of the first pulse).
    final : DataFrame
        One row a neuron: ``condition``, ``trial`` and the end values ``v_gate_V`` and, for a device with a filament,
        ``x_total`` and ``x_residue``.
    traces : DataFrame
        Empty unless recorded: ``condition``, ``trial``, ``time_ms`` and one column a recorded variable (SI units).
    conditions, trials : int
        Their numbers.
    step : Quantity (second)
        The time step used.
    latched : ndarray of bool, shape (conditions, trials)
        Which neurons are latched at the end; see :func:`memneuro.circuit.latch.latched`.
    """

    spikes: pd.DataFrame
    final: pd.DataFrame
    traces: pd.DataFrame
    conditions: int
    trials: int
    step: Quantity
    latched: np.ndarray

    def first_spikes(self, after_ms: float | np.ndarray = 0.0) -> np.ndarray:
        """Time (ms) of each neuron's first spike in the step of `after_ms` or later, NaN where there is none.

        Returns
        -------
        numpy.ndarray, shape (conditions, trials)
        """
        first = np.full((self.conditions, self.trials), np.nan)
        limit = np.broadcast_to(np.asarray(after_ms, dtype=float), (self.conditions,))
        # Times are multiples of the step, but to rounding only.
        limit = limit - 0.5 * float(self.step / ms)
        late = self.spikes[self.spikes["time_ms"].to_numpy() >= limit[self.spikes["condition"].to_numpy()]]
        earliest = late.groupby(["condition", "trial"])["time_ms"].min()
        for (condition, trial), time in earliest.items():
            first[condition, trial] = time
        return first

    def trains(self) -> list[list[np.ndarray]]:
        """Spike times (ms) of every neuron, as ``trains[condition][trial]``."""
        found = [[np.empty(0) for _ in range(self.trials)] for _ in range(self.conditions)]
        for (condition, trial), rows in self.spikes.groupby(["condition", "trial"]):
            found[condition][trial] = np.sort(rows["time_ms"].to_numpy())
        return found


def run_pulses(
    neuron: OneM1T1R,
    *,
    amplitude: Any,
    width: Any,
    period: Any,
    duration: Quantity,
    count: Any = None,
    r_control: Any = None,
    trials: int = 1,
    dt: Quantity | None = None,
    seed: int = 0,
    noise: bool = True,
    spread: bool | Mapping[str, float] = False,
    record: Sequence[str] = (),
    record_step: Quantity | None = None,
    check_step: bool = True,
    progress: str | None = None,
) -> PulseRun:
    """Drive neurons with pulse trains, every condition in every trial, in one Brian2 run.

    Parameters
    ----------
    neuron : OneM1T1R
        The neuron.
    amplitude : Quantity (volt), one or shape (conditions,)
        Of the pulses.
    width, period : Quantity (second), one or shape (conditions,)
        Length of a pulse, and from one onset to the next.
    duration : Quantity (second)
        How long to run.
    count : int or array_like, optional
        Number of pulses a condition.
    r_control : Quantity (ohm), optional
        Control resistor, one value or one a condition; by default the card's.
    trials : int
        Repeats of each condition, each with noise of its own.
    dt : Quantity (second), optional
        Time step; by default the card's.
    seed : int
        Of the noise and the spread.
    noise : bool
        Whether the devices fluctuate.
    spread : bool or mapping of str to float
        Device-to-device spread, as in :meth:`memneuro.circuit.one_m1t1r.OneM1T1R.group`.
    record : sequence of str
        Variables to record in the first trial of every condition.
    record_step : Quantity (second), optional
        Interval of the recording.
    check_step : bool
        False accepts any step.
    progress : str, optional
        Label of a progress bar; none by default.

    Returns
    -------
    PulseRun
        Its tables have one row a spike, a neuron and a sample.

    Raises
    ------
    ValueError
        If there is no trial, the conditions disagree in number, or a value or step is not accepted.
    """
    if isinstance(trials, bool) or int(trials) < 1:
        raise ValueError(f"trials = {trials!r}; accepted: at least 1")
    control = neuron.circuit["r_control"] if r_control is None else r_control
    for name, value, unit in (("amplitude", amplitude, volt), ("width", width, second), ("period", period, second)):
        check(name, value, unit, signed=True)
    check("r_control", control, ohm, positive=True)
    counts = np.inf if count is None else count
    shape = np.broadcast_shapes(*(np.shape(v) for v in (amplitude, width, period, counts, control)))
    if len(shape) > 1:
        raise ValueError(f"conditions have the shape {shape}; accepted: one value or a one-dimensional array")
    conditions = shape[0] if shape else 1

    def expand(value: Any) -> np.ndarray:
        return np.repeat(np.broadcast_to(np.asarray(value, dtype=float), (conditions,)), trials)

    drive = PulseTrain(
        expand(amplitude) * volt,
        expand(width) * second,
        expand(period) * second,
        expand(counts),
        np.zeros(conditions * trials) * second,
    )
    group = neuron.group(
        conditions * trials,
        drive=drive,
        dt=dt,
        seed=seed,
        noise=noise,
        spread=spread,
        check_step=check_step,
        r_control=expand(control) * ohm,
    )
    spikes = SpikeMonitor(group)
    network = Network(group, spikes)
    monitor = None
    if record:
        step = group.clock.dt if record_step is None else record_step
        monitor = StateMonitor(group, list(record), record=np.arange(conditions) * trials, dt=step)
        network.add(monitor)
    run_with_progress(network, duration, progress)

    index = np.asarray(spikes.i)
    table = pd.DataFrame({"condition": index // trials, "trial": index % trials, "time_ms": spikes.t / ms})
    neurons = np.arange(conditions * trials)
    states = {name: np.asarray(getattr(group, name)) for name in ("x_total", "x_residue") if name in group.variables}
    final = pd.DataFrame(
        {
            "condition": neurons // trials,
            "trial": neurons % trials,
            "v_gate_V": np.asarray(group.v_gate),
            **states,
        }
    )
    traces = pd.DataFrame()
    if monitor is not None:
        times = np.asarray(monitor.t / ms)
        traces = pd.concat(
            [
                pd.DataFrame(
                    {"condition": c, "trial": 0, "time_ms": times}
                    | {name: np.asarray(getattr(monitor, name)[c]) for name in record}
                )
                for c in range(conditions)
            ],
            ignore_index=True,
        )
    last = np.full(conditions * trials, np.nan)
    np.fmax.at(last, index, np.asarray(spikes.t))
    threshold = neuron.circuit["v_threshold"]
    stuck = latched(last * second, group.v_gate[:] * volt, end=duration, threshold=threshold)
    say_latched(stuck, f"pulses for {float(duration):g} s")
    return PulseRun(table, final, traces, conditions, trials, group.dt, stuck.reshape(conditions, trials))


def reading_step(sample_step: Quantity, dt: Quantity) -> Quantity:
    """The interval between readings that is nearest to `sample_step` and a whole number of time steps, at least one.

    Parameters
    ----------
    sample_step, dt : Quantity (second)
        The interval that is wanted, and the time step.
    """
    return max(1, round(float(sample_step / dt))) * dt


def run_with_progress(network: Network, duration: Quantity, label: str | None = None) -> None:
    """Run a network, with a tqdm bar when a label is given.

    Parameters
    ----------
    network : Network
        What to run.
    duration : Quantity (second)
        For how long.
    label : str, optional
        Of the bar.
    """
    if label is None:
        network.run(duration, namespace={})
        return
    with tqdm(
        total=100,
        desc=label,
        unit="%",
        leave=False,
        disable=no_bar(),
        bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}",
    ) as bar:

        def report(elapsed: Any, completed: float, start: Any, total: Any) -> None:
            bar.update(100 * completed - bar.n)

        network.run(duration, namespace={}, report=report, report_period=0.5 * second)
