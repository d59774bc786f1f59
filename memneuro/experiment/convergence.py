"""How results depend on the time step: spike times without noise, and the score with noise.

The default steps of the cards rest on these two tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from brian2 import Network, Quantity, SpikeMonitor, ms, us, volt

from memneuro.circuit.device_circuit import METHOD
from memneuro.circuit.drive import PulseTrain
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.score import score_variant

STEPS = np.array([40.0, 20.0, 10.0, 5.0, 2.0]) * us
METHODS = (METHOD, "exponential_euler", "rk4", "euler")


def spike_time_convergence(
    neuron: OneM1T1R,
    *,
    steps: Quantity = STEPS,
    methods: Sequence[str] = METHODS,
    finest: Quantity = 0.5 * us,
    duration: Quantity = 200 * ms,
) -> pd.DataFrame:
    """Error of the first spike of the noise-free neuron under the 0.8 V pulse train, against a finest step.

    Stock integrators of Brian2 are shown beside the package's own. A step at which a method does not give a finite
    state or fires at no time has no value.

    Parameters
    ----------
    neuron : OneM1T1R
        The neuron; its noise is off.
    steps : Quantity (second), shape (m,)
        Time steps.
    methods : sequence of str
        State updaters of Brian2.
    finest : Quantity (second)
        Step of the reference, with the package's own integrator.
    duration : Quantity (second)
        Length of a run.

    Returns
    -------
    DataFrame
        ``method``, ``step_us``, ``first_spike_ms``, ``error_us`` (absolute, against `finest`), ``spikes``.
    """

    def run(method: str, step: Quantity) -> tuple[float, int]:
        return _spikes(neuron, PulseTrain(0.8 * volt, 1 * ms, 2 * ms), method, step, duration)

    reference, _ = run(METHOD, finest)
    rows = []
    for method in methods:
        for step in steps:
            first, number = run(method, step)
            rows.append((method, float(step / us), first, abs(first - reference) * 1e3, number))
    return pd.DataFrame(rows, columns=["method", "step_us", "first_spike_ms", "error_us", "spikes"])


def first_spike(neuron: OneM1T1R, drive: Any, method: str, step: Quantity, duration: Quantity) -> float:
    """First spike (ms) of the noise-free neuron, NaN where it does not fire or its state is not finite.

    The rising edge of the gate voltage is interpolated between the two steps about it, so that the result is not
    rounded to the step.

    Parameters
    ----------
    neuron : OneM1T1R
        The neuron.
    drive : Drive, Quantity (volt) or TimedArray
        Input.
    method : str
        A state updater of Brian2.
    step, duration : Quantity (second)
        Time step and length of the run.
    """
    return _spikes(neuron, drive, method, step, duration, interpolate=True)[0]


def _spikes(
    neuron: OneM1T1R, drive: Any, method: str, step: Quantity, duration: Quantity, interpolate: bool = False
) -> tuple[float, int]:
    """First spike (ms) and number of spikes."""
    group = neuron.group(1, drive=drive, noise=False, dt=step, method=method, check_step=False)
    spikes = SpikeMonitor(group, variables=["v_gate", "v_gate_last"])
    Network(group, spikes).run(duration, namespace={})
    if not np.isfinite(np.asarray(group.v_gate)).all() or spikes.num_spikes == 0:
        return float("nan"), int(spikes.num_spikes)
    first = float(spikes.t[0] / ms)
    if interpolate:
        after, before = (float(np.asarray(v)[0]) for v in (spikes.v_gate, spikes.v_gate_last))
        level = float(neuron.circuit["v_threshold"])
        first += float(step / ms) * (level - before) / (after - before)
    return first, int(spikes.num_spikes)


def score_convergence(
    variant: str = "hopping",
    *,
    steps: Quantity = STEPS[1:4],
    seeds: int = 3,
    trials: dict[str, int] | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Score with noise against the step, for several seeds.

    Parameters
    ----------
    variant : str
        A variant of :data:`memneuro.experiment.score.VARIANTS`.
    steps : Quantity (second), shape (m,)
        Time steps.
    seeds : int
        Seeds at each step.
    trials : dict of str to int, optional
        As in :func:`memneuro.experiment.score.score_variant`.
    progress : bool
        Whether to show bars.

    Returns
    -------
    DataFrame
        ``device``, ``step_us``, ``seed``, ``mean_log_error``.
    """
    rows = []
    for step in steps:
        found = score_variant(variant, step=step, seeds=seeds, trials=trials, progress=progress)
        for seed, value in zip(found["seeds"], found["mean_log_error_per_seed"], strict=True):
            rows.append((variant, float(step / us), seed, value))
    return pd.DataFrame(rows, columns=["device", "step_us", "seed", "mean_log_error"])
