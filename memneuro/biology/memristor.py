"""Put the memristor neuron through the protocols of a recorded cell, so that the same code measures both.

A cell is driven by currents on a scale of tens of milliseconds, the memristor neuron by voltages on a scale of
milliseconds. Both are therefore expressed in units of their own:

* time in units of the leak of the integrator: the membrane time constant R_m C_m of the cell, the time 1/gamma1 that a
  filament takes to dissolve in the memristor;
* drive in units of what makes each fire: a recorded current is turned into a voltage by a gain alone, such that its
  mean becomes the firing threshold of the memristor neuron and no current becomes no voltage. Nothing else is adjusted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from brian2 import Network, Quantity, SpikeMonitor, TimedArray, amp, mV, second, volt

from memneuro.biology import trains as st
from memneuro.biology._quantities import si_array, si_number
from memneuro.biology.comparison import fi_from_spikes
from memneuro.biology.recordings import Recording
from memneuro.biology.stimulus import noise_window
from memneuro.circuit.drive import Sampled
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.pulses import run_pulses, run_with_progress

__all__ = [
    "cell_time_constant",
    "cross_coincidence",
    "firing_threshold",
    "leak_time",
    "noise_response",
    "noise_voltage",
    "rising_branch",
    "step_response",
]


def leak_time(neuron: OneM1T1R) -> Quantity:
    """Time in which a filament dissolves by 1/e, ``1/gamma1``: the leak of the integrator.

    Returns
    -------
    Quantity (second)
        Without any drive.
    """
    return 1 / neuron.device["gamma1"]


def cell_time_constant(recording: Recording) -> Quantity:
    """Membrane time constant ``R_m C_m`` from what the authors of a recording noted about the cell.

    Returns
    -------
    Quantity (second)
        The product of what was noted.

    Raises
    ------
    ValueError
        When the resistance or the capacitance is not known.
    """
    noted = recording.metadata
    missing = [key for key in ("membrane_resistance", "membrane_capacitance") if key not in noted]
    if missing:
        raise ValueError(f"{recording.name} comes without {' and '.join(missing)}, so its time constant is unknown")
    return noted["membrane_resistance"] * noted["membrane_capacitance"]


def step_response(
    neuron: OneM1T1R,
    amplitudes: Quantity,
    duration: Quantity,
    *,
    width: Quantity | None = None,
    period: Quantity | None = None,
    trials: int = 10,
    dt: Quantity | None = None,
    seed: int = 0,
    **options: Any,
) -> pd.DataFrame:
    """Response to voltage steps, or to trains of pulses, as `fi_from_spikes` tabulates it for a cell.

    Parameters
    ----------
    neuron : OneM1T1R
        The memristor neuron.
    amplitudes : Quantity (volt), shape (steps,)
        Of the steps or pulses.
    duration : Quantity (second)
        Length of a step.
    width, period : Quantity (second), optional
        Of the pulses that make up the step; without them the voltage is constant.
    trials : int
        Neurons at each amplitude, each with noise of its own.
    dt : Quantity (second), optional
        Time step; by default the card's converged step.
    seed : int
        Of the noise.
    **options : object
        As in :func:`memneuro.experiment.pulses.run_pulses`.

    Returns
    -------
    DataFrame
        ``trial`` and the columns of `fi_from_spikes`, with ``amplitude_mV``; one row a trial and step.

    Raises
    ------
    ValueError
        When only one of `width` and `period` is given.
    """
    if (width is None) != (period is None):
        raise ValueError("pulses need a width and a period; give both, or neither for a constant voltage")
    levels = np.atleast_1d(si_array(amplitudes, volt, "amplitudes"))
    run = run_pulses(
        neuron,
        amplitude=levels * volt,
        width=duration if width is None else width,
        period=duration if period is None else period,
        duration=duration,
        trials=trials,
        dt=dt,
        seed=seed,
        **options,
    )
    trains = run.trains()
    tables = []
    for trial in range(trials):
        spikes = [trains[step][trial] * 1e-3 * second for step in range(len(levels))]
        table = fi_from_spikes(spikes, levels * volt, 0 * second, duration)
        table.insert(0, "trial", trial)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def firing_threshold(table: pd.DataFrame) -> Quantity:
    """Smallest amplitude at which at least half of the trials fire.

    Parameters
    ----------
    table : DataFrame
        As `step_response` makes it.

    Returns
    -------
    Quantity (volt)
        To the spacing of the amplitudes.

    Raises
    ------
    ValueError
        When no amplitude fires half of the trials.
    """
    fired = (table["spikes"] > 0).groupby(table["amplitude_mV"]).mean()
    enough = fired[fired >= 0.5]
    if enough.empty:
        raise ValueError(
            f"no amplitude from {fired.index.min():g} to {fired.index.max():g} mV fires half of the trials; "
            "a threshold needs stronger or longer steps"
        )
    return float(enough.index.min()) * mV


def rising_branch(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of an f-I table up to the amplitude with the highest rate.

    A cell fires faster the stronger the current, over the range recorded here. The memristor neuron stops firing at
    strong drive, because its gate stays charged; a gain is only meaningful below that.

    Returns
    -------
    DataFrame
        Sorted by amplitude, with the columns of `table`.
    """
    column = next(str(name) for name in table.columns if str(name).startswith("amplitude_"))
    ordered = table.sort_values(column, kind="stable").reset_index(drop=True)
    return ordered.loc[: int(ordered["rate_hz"].argmax())]


def noise_voltage(recording: Recording, threshold: Quantity) -> tuple[np.ndarray, Quantity]:
    """The noise of a recording as a voltage, ``v = threshold * I / mean(I)``, and its sampling interval.

    Only the mean of the current and the threshold of the memristor neuron enter. The current is that of the first
    sweep, which the others repeat.

    Parameters
    ----------
    recording : Recording
        Repeats of one noise current.
    threshold : Quantity (volt)
        What the mean of the current becomes.

    Returns
    -------
    voltage : ndarray of float, shape (samples,)
        In volts.
    interval : Quantity (second)
        Between samples, in the time of the recording.

    Raises
    ------
    ValueError
        When the mean current is not greater than zero.
    """
    start, end = (round(float(edge / recording.sampling_interval)) for edge in noise_window(recording))
    current = si_array(recording.sweeps[0].current, amp, "current")[start:end]
    if current.mean() <= 0:
        raise ValueError(
            f"{recording.name} ({recording.protocol}) has a mean current of {current.mean() * 1e12:.3g} pA; "
            "the scaling to a voltage needs a positive one"
        )
    gain = si_number(threshold, volt, "threshold", positive=True) / current.mean()
    return gain * current, recording.sampling_interval


def noise_response(
    neuron: OneM1T1R,
    recording: Recording,
    threshold: Quantity,
    time_factor: float,
    *,
    trials: int = 10,
    dt: Quantity | None = None,
    seed: int = 0,
    progress: str | None = None,
) -> tuple[list[Quantity], Quantity]:
    """Responses of the memristor neuron to the repeated noise of a recorded cell.

    Parameters
    ----------
    neuron : OneM1T1R
        The memristor neuron.
    recording : Recording
        Repeats of one noise current.
    threshold : Quantity (volt)
        See `noise_voltage`.
    time_factor : float
        Time of the memristor neuron per time of the cell, usually the ratio of their leak times.
    trials : int
        Repeats; they differ only in the noise of the device.
    dt : Quantity (second), optional
        Time step; by default the card's converged step.
    seed : int
        As in :meth:`memneuro.circuit.one_m1t1r.OneM1T1R.group`.
    progress : str, optional
        Label of a progress bar.

    Returns
    -------
    (list of Quantity (second), Quantity (second))
        One spike train a repeat and the duration, both in the time of the *cell*, so that every time in a table made
        from them can be compared with the cell's as it stands.

    Raises
    ------
    ValueError
        When the time factor is not greater than zero, and as `noise_voltage`.
    """
    if not (np.isfinite(time_factor) and time_factor > 0):
        raise ValueError(f"time_factor = {time_factor!r}; accepted: a finite number greater than zero")
    voltage, interval = noise_voltage(recording, threshold)
    step = neuron.default_step if dt is None else dt
    times = np.arange(len(voltage)) * float(interval / second) * time_factor
    samples = round(len(voltage) * float(interval / step) * time_factor)
    grid = np.arange(samples) * float(step / second)
    drive = Sampled(TimedArray(np.interp(grid, times, voltage) * volt, dt=step))
    group = neuron.group(trials, drive=drive, dt=step, seed=seed)
    monitor = SpikeMonitor(group)
    run_with_progress(Network(group, monitor), len(grid) * step, progress)
    index, spikes = np.asarray(monitor.i), np.asarray(monitor.t / second)
    duration = len(grid) * float(step / second) / time_factor
    return [np.sort(spikes[index == k]) / time_factor * second for k in range(trials)], duration * second


def cross_coincidence(
    references: Sequence[Any],
    others: Sequence[Any],
    duration: Quantity,
    precision: Quantity,
    shift: Quantity = 0 * second,
) -> float:
    """Mean coincidence factor of every train in `references` with every one in `others`.

    It says how well one neuron predicts the spikes of the other; what the first reaches with itself
    (`memneuro.biology.trains.reliability`) is the most that can be expected. The trains of `others` are first moved by
    `shift`, positive for later; spikes that leave the observation are dropped.

    Parameters
    ----------
    references, others : sequence of Quantity (second), shape (n,) each
        Spike trains within 0 and `duration`.
    duration : Quantity (second)
        Length of the observation.
    precision : Quantity (second)
        Largest distance of a coincidence.
    shift : Quantity (second)
        By how much `others` are moved.

    Returns
    -------
    float
        As `memneuro.biology.trains.coincidence_factor`; NaN when all trains are empty.
    """
    end = si_number(duration, second, "duration", positive=True)
    moved = [np.asarray(one / second) + si_number(shift, second, "shift") for one in others]
    moved = [one[(one >= 0) & (one <= end)] * second for one in moved]
    pairs = [st.coincidence_factor(one, two, duration, precision) for one in references for two in moved]
    return float(np.nanmean(pairs))
