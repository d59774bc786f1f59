"""What a fit takes from the recordings of a cell: a current and spikes to train on, repeats to test on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from brian2 import Quantity, amp, second

from memneuro.biology._quantities import si_array
from memneuro.biology.comparison import repeated_trains
from memneuro.biology.features import SPIKE_THRESHOLD, spike_times
from memneuro.biology.recordings import Recording
from memneuro.biology.stimulus import noise_window, repeated_current

#: Of a training recording without repeats to test on, the part at its end that is held out.
HELD_OUT = 1 / 3
#: Step currents are averaged to this sampling interval, in seconds.
FINEST = 1e-4


@dataclass(frozen=True, eq=False)
class Response:
    """Repeats of one stimulus in one cell, in SI units.

    Parameters
    ----------
    current : ndarray, shape (samples,)
        Injected current in ampere, from the start of the sweep.
    sampling_interval : float
        Seconds.
    start, end : float
        The part of the sweep that counts, in seconds.
    trains : tuple of ndarray
        Spike times of each repeat within that part, in seconds from its start.
    sweep : float, optional
        Length of a sweep in seconds where several were joined, one step each.
    """

    current: np.ndarray
    sampling_interval: float
    start: float
    end: float
    trains: tuple[np.ndarray, ...]
    sweep: float | None = None

    @property
    def duration(self) -> float:
        """Length of the part that counts, in seconds."""
        return self.end - self.start

    @property
    def rate(self) -> float:
        """Mean rate over the repeats, in hertz."""
        return float(np.mean([train.size for train in self.trains])) / self.duration

    def part(self, start: float, end: float) -> Response:
        """The same stimulus with another part of it counting.

        Parameters
        ----------
        start, end : float
            The part, in seconds from the start of the sweep; spikes outside it are left out.
        """
        trains = tuple(
            train[(train + self.start >= start) & (train + self.start <= end)] + self.start - start
            for train in self.trains
        )
        return Response(self.current, self.sampling_interval, start, end, trains)


@dataclass(frozen=True, eq=False)
class CellData:
    """Training and test of one cell.

    Parameters
    ----------
    name : str
    training, test : Response
        `test` has several repeats of another noise, or, where there is no such recording, one: the end of the training
        noise, which then does not count in `training`.
    """

    name: str
    training: Response
    test: Response


def response(recording: Recording, threshold: Quantity = SPIKE_THRESHOLD) -> Response:
    """Current and spikes of a noise recording; the current is the mean over the sweeps.

    Parameters
    ----------
    recording : Recording
        A noise current in one sweep, or repeated in several.
    threshold : Quantity (volt)
        Voltage that a spike exceeds.

    Raises
    ------
    ValueError
        When there is no stimulus, the sweeps differ in their current, or no sweep has a spike.
    """
    start, end = (float(edge / second) for edge in noise_window(recording))
    currents = repeated_current(recording)
    trains = [np.asarray(train / second) for train in repeated_trains(recording, threshold)[0]]
    if not any(train.size for train in trains):
        raise ValueError(
            f"{recording.name} ({recording.protocol}) has no spike above {threshold}; nothing can be fitted to it"
        )
    return Response(currents.mean(axis=0), float(recording.sampling_interval / second), start, end, tuple(trains))


def cell_data(name: str, training: Recording, test: Recording | None = None) -> CellData:
    """Training and test of a cell.

    Parameters
    ----------
    name : str
    training : Recording
        Noise, usually 60 s of it.
    test : Recording, optional
        Repeats of another noise. Without it the last third of the training noise is held out.

    Raises
    ------
    ValueError
        As for :func:`response`, and when the two have different sampling intervals.
    """
    train = response(training)
    if test is None:
        cut = train.end - HELD_OUT * train.duration
        held, train = train.part(cut, train.end), train.part(train.start, cut)
        if not (held.trains[0].size and train.trains[0].size):
            raise ValueError(
                f"{name} has no spike in one of the parts before and after {cut:g} s; needed is one in each"
            )
        return CellData(name, train, held)
    held = response(test)
    if not np.isclose(held.sampling_interval, train.sampling_interval):
        raise ValueError(
            f"{name} was sampled every {train.sampling_interval:g} s in training and every "
            f"{held.sampling_interval:g} s in the test; they must agree"
        )
    return CellData(name, train, held)


def step_data(recording: Recording, threshold: Quantity = SPIKE_THRESHOLD) -> CellData:
    """Training and test from one recording of current steps: every other sweep, one after another.

    Trained on are the first, third, ... sweep, tested the others. Models see the current as it was held from sweep to
    sweep; currents sampled more finely than 0.1 ms are averaged to that.

    Parameters
    ----------
    recording : Recording
        Current steps in at least four sweeps.
    threshold : Quantity (volt)
        Voltage that a spike exceeds.

    Raises
    ------
    ValueError
        When there are fewer than four sweeps, or no spike in one of the halves.
    """
    if len(recording.sweeps) < 4:
        raise ValueError(f"{recording.name} has {len(recording.sweeps)} sweeps of steps; at least 4 are needed")
    halves = []
    for first in (0, 1):
        sweeps = recording.sweeps[first::2]
        length = float(recording.sweep_duration / second)
        found = [np.asarray(spike_times(sweep.time, sweep.voltage, threshold) / second) for sweep in sweeps]
        train = np.concatenate([times + k * length for k, times in enumerate(found)])
        if not train.size:
            raise ValueError(
                f"{recording.name} has no spike above {threshold} in every other sweep; nothing can be fitted"
            )
        current = np.concatenate([si_array(sweep.current, amp, "current") for sweep in sweeps])
        interval = float(recording.sampling_interval / second)
        pool = max(1, round(FINEST / interval))
        current = current[: current.size // pool * pool].reshape(-1, pool).mean(axis=1)
        halves.append(Response(current, interval * pool, 0.0, len(sweeps) * length, (train,), length))
    return CellData(recording.name, *halves)
