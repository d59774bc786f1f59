"""When the stimulus of a recording is on, read from its current."""

import numpy as np
from brian2 import Quantity, amp, ms, second
from numpy.typing import NDArray

from memneuro.biology._quantities import si_array, si_number
from memneuro.biology.recordings import Recording

__all__ = ["holding_and_step", "noise_window", "repeated_current", "step_windows"]


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First index and one past the last of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], mask.astype(np.int8), [0]))))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def step_windows(recording: Recording, shortest: Quantity = 20 * ms) -> list[tuple[Quantity, Quantity]]:
    """Start and end of every current step whose amplitude changes from sweep to sweep.

    A step is where the current, compared across sweeps at the same time, spreads by more than half of its
    largest spread; pulses that are the same in every sweep, such as test pulses and prepulses, are thereby
    left out.

    Parameters
    ----------
    recording : Recording
        Current steps in at least two sweeps.
    shortest : Quantity (second)
        Shorter runs are not steps.

    Returns
    -------
    list of (Quantity (second), Quantity (second))
        Start and end.
        In order of time, measured from the start of the sweep.

    Raises
    ------
    ValueError
        When the sweeps do not differ in current by more than their noise.
    """
    current = np.array([si_array(sweep.current, amp, "current") for sweep in recording.sweeps])
    spread = np.ptp(current, axis=0)
    dt = si_number(recording.sampling_interval, second, "sampling interval", positive=True)
    least = si_number(shortest, second, "shortest step", positive=True)
    # Away from the steps only noise is left; a step must stand well out of it.
    noise = float(np.quantile(spread, 0.1))
    if current.shape[0] < 2 or spread.max() <= 5 * noise:
        raise ValueError(
            f"{recording.name} ({recording.protocol}) holds no current steps: over its "
            f"{current.shape[0]} sweeps the current differs by at most {spread.max() * 1e12:.3g} pA, "
            f"with {noise * 1e12:.3g} pA at quiet times"
        )
    runs = [(a, b) for a, b in _runs(spread > 0.5 * spread.max()) if (b - a) * dt >= least]
    return [(a * dt * second, b * dt * second) for a, b in runs]


def holding_and_step(recording: Recording, window: tuple[Quantity, Quantity]) -> tuple[Quantity, Quantity]:
    """Current before and during a step, per sweep.

    The holding current is the median over the 50 ms before the window (less when the window starts earlier;
    zero when it starts with the sweep), the step current the median within it.

    Parameters
    ----------
    recording : Recording
        Current steps.
    window : tuple of Quantity (second)
        Start and end of the step, as `step_windows` gives them.

    Returns
    -------
    holding, step : Quantity (amp), shape (sweeps,)
        The two currents.
    """
    dt = si_number(recording.sampling_interval, second, "sampling interval", positive=True)
    start = int(round(si_number(window[0], second, "start") / dt))
    end = int(round(si_number(window[1], second, "end") / dt))
    before = max(start - int(round(0.05 / dt)), 0)
    current = np.array([si_array(sweep.current, amp, "current") for sweep in recording.sweeps])
    holding = np.median(current[:, before:start], axis=1) if start > before else np.zeros(current.shape[0])
    return holding * amp, np.median(current[:, start:end], axis=1) * amp


def repeated_current(recording: Recording) -> NDArray[np.float64]:
    """The current of every sweep, after a check that all are alike.

    Returns
    -------
    ndarray of float, shape (sweeps, samples)
        In ampere.

    Raises
    ------
    ValueError
        When the current of a sweep correlates by less than 0.99 with that of the first.
    """
    currents = np.array([si_array(sweep.current, amp, "current") for sweep in recording.sweeps])
    if len(currents) > 1:
        varying = np.std(currents, axis=1) > 0
        alike = np.corrcoef(currents)[0] if np.all(varying) else np.array([0.0])
        if np.min(alike) < 0.99:
            raise ValueError(
                f"{recording.name} ({recording.protocol}) does not repeat one stimulus: the current of its "
                f"sweeps correlates by only {np.min(alike):.3f} with the first"
            )
    return currents


def noise_window(recording: Recording) -> tuple[Quantity, Quantity]:
    """Start and end of a fluctuating stimulus that begins and ends with a constant holding current.

    The stimulus begins with the first and ends with the last sample of the first sweep at which the current
    is further from its level in the first 10 ms than 8 times its standard deviation there.

    Returns
    -------
    (Quantity (second), Quantity (second))
        Start and end, from the start of the sweep.

    Raises
    ------
    ValueError
        When the current never leaves its initial level.
    """
    dt = si_number(recording.sampling_interval, second, "sampling interval", positive=True)
    current = si_array(recording.sweeps[0].current, amp, "current")
    initial = current[: max(int(round(0.01 / dt)), 2)]
    away = np.flatnonzero(np.abs(current - np.median(initial)) > 8 * np.std(initial))
    if away.size < 2:
        raise ValueError(f"{recording.name} ({recording.protocol}) has no stimulus: its current stays at one level")
    return float(away[0]) * dt * second, float(away[-1] + 1) * dt * second
