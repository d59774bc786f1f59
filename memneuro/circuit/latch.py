"""Latching: a neuron that has fired and whose charged gate keeps it from firing again while the input lasts.

Once the input exceeds the voltage at which the device closes again by more than ``v_threshold``, the gate never falls
below the threshold in between, and no further spike is reported. The same reading holds where a device stays closed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import Quantity, get_logger, ms, second

#: A neuron that was silent for this long, with its gate up, is latched.
SILENT = 100 * ms

logger = get_logger(__name__)


def latched(last_spike: Any, gate: Any, *, end: Quantity, threshold: Quantity, silent: Quantity = SILENT) -> np.ndarray:
    """Whether each neuron of a run that has ended is latched.

    It has fired, not in the last `silent`, and its gate is above the threshold.

    Parameters
    ----------
    last_spike : Quantity (second), shape (n,)
        Time of the last spike of each neuron; NaN where there was none.
    gate : Quantity (volt), shape (n,)
        Gate voltage at the end.
    end : Quantity (second)
        Time of the end of the run.
    threshold : Quantity (volt)
        Gate voltage whose rise is reported as a spike.
    silent : Quantity (second)
        How long the neuron must have been silent.

    Returns
    -------
    ndarray of bool, shape (n,)

    Examples
    --------
    >>> trains = monitor.spike_trains().values()
    >>> last = [train[-1]/second if len(train) else float("nan") for train in trains]*second
    >>> latched(last, group.v_gate[:], end=group.t, threshold=group.v_threshold)
    """
    quiet = float(end / second) - np.asarray(last_spike, dtype=float) > float(silent / second)
    return quiet & (np.asarray(gate, dtype=float) > np.asarray(threshold, dtype=float))


def say_latched(stuck: np.ndarray, what: str) -> None:
    """Say in one line of Brian2's log that neurons of a run latched; nothing where none did.

    Parameters
    ----------
    stuck : ndarray of bool
        As :func:`latched` gives it.
    what : str
        What was run.
    """
    if np.any(stuck):
        logger.warn(
            f"{what}: {int(np.sum(stuck))} of {np.size(stuck)} neurons latched: they fire no more while the input "
            "lasts. A smaller drive lies within the operating range, which `memneuro range` shows",
            "latched",
            once=True,
        )
