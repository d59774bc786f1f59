"""Run many candidates of one model on the currents of several cells, all of them in one group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from brian2 import Quantity, TimedArray, amp, second

from memneuro.biology.fit.data import Response
from memneuro.biology.fit.model import FitModel
from memneuro.biology.fit.space import numbers
from memneuro.simulation import Simulation


class FitProgram:
    """A compiled program of ``jobs x candidates x trials`` neurons.

    Parameters
    ----------
    model : FitModel
        The model.
    responses : sequence of Response
        The stimulus of each job; all with the same sampling interval. Shorter currents are continued with their last
        value.
    candidates, trials : int
        Of each job; the trials of a candidate differ in their noise.
    dt : Quantity (second), optional
        Time step; by default the model's.
    backend : str
        As in :func:`memneuro.backend.backend`.

    Raises
    ------
    ValueError
        If the sampling intervals of the responses differ.
    """

    def __init__(
        self,
        model: FitModel,
        responses: Sequence[Response],
        candidates: int,
        trials: int,
        *,
        dt: Quantity | None = None,
        backend: str = "cpp",
    ) -> None:
        intervals = {round(one.sampling_interval * 1e9) for one in responses}
        if len(intervals) != 1:
            raise ValueError("the recordings of one fit must have the same sampling interval")
        self.model, self.responses = model, list(responses)
        self.candidates, self.trials = candidates, trials
        stimuli: list[np.ndarray] = []
        column = []
        for one in responses:  # jobs on the same recording share a column
            found = next((k for k, other in enumerate(stimuli) if other is one.current), len(stimuli))
            if found == len(stimuli):
                stimuli.append(one.current)
            column.append(found)
        longest = max(one.size for one in stimuli)
        table = np.array([np.pad(one, (0, longest - one.size), mode="edge") for one in stimuli]).T
        interval = responses[0].sampling_interval
        current = TimedArray(table * amp, dt=interval * second)
        each = candidates * trials
        self.n = len(self.responses) * each
        middle = model.program_parameters({k: np.array([v]) for k, v in _centre(model).items()})
        self._program = Simulation(
            model.neuron,
            self.n,
            drive=model.drive(current, np.repeat(column, each)),
            duration=max(one.end for one in responses) * second,
            varying=list(middle),
            dt=model.step if dt is None else dt,
            noise=model.noise,
            backend=backend,
        )
        self.build_s = self._program.build_s

    def run(self, points: np.ndarray, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Run once.

        Parameters
        ----------
        points : ndarray, shape (jobs, candidates, free parameters)
            In the unit cube.
        seed : int
            Of the noise.

        Returns
        -------
        list of (index, times)
            For each job the spikes within the part that counts: number of the train, ``candidate*trials + trial``, and
            time in seconds from the start of that part.
        """
        each = self.candidates * self.trials
        flat = np.repeat(points.reshape(-1, points.shape[-1]), self.trials, axis=0)
        parameters: dict[str, Any] = self.model.program_parameters(numbers(self.model.free, flat))
        spikes = self._program.run(seed=seed, **parameters)["spikes"]
        index, times = spikes["neuron"].to_numpy(), spikes["time_ms"].to_numpy() * 1e-3
        job = index // each
        found = []
        for k, one in enumerate(self.responses):
            own = (job == k) & (times >= one.start) & (times <= one.end)
            found.append((index[own] - k * each, times[own] - one.start))
        return found


def _centre(model: FitModel) -> dict[str, float]:
    middle = numbers(model.free, np.full((1, len(model.free)), 0.5))
    return {name: float(value[0]) for name, value in middle.items()}
