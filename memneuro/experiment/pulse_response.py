r"""Delay and relaxation of a device under one pulse, as measured with a pulse generator.

The device alone (:class:`memneuro.circuit.source_meter.SourceMeter`, without compliance) gets one pulse, after which
the voltage stays at a low value at which it is read. The **delay** is the time until the conductance has reached half
of what it is at the end of the pulse, the **relaxation** the time from the end of the pulse until it has fallen to a
given fraction of that (1/2 or 1/e).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from brian2 import Network, NeuronGroup, Quantity, StateMonitor, amp, ms, second, us, volt

from memneuro.circuit.drive import Expression, check
from memneuro.circuit.source_meter import SourceMeter
from memneuro.experiment.pulses import reading_step, run_with_progress

# The clip is 1 while t + 0.001 dt < t_pulse, then 0. A condition in its place, int(...) times a voltage, does not
# commute for SymPy, which then refuses to compare the device's voltage with zero, as the compact model does.
_PULSE = "v_in = v_read + (v_pulse - v_read)*clip(1e6*((t_pulse - t)/dt - 0.001), 0, 1) : volt"


def watch_pulse(
    device: SourceMeter,
    n: int,
    amplitude: Quantity,
    width: Quantity,
    read: Quantity,
    after: Quantity,
    sample_step: Quantity,
    record: Sequence[str],
    **options: Any,
) -> tuple[NeuronGroup, StateMonitor]:
    """Give n devices, without compliance, one pulse and record them; the group and the recording.

    Parameters
    ----------
    device : SourceMeter
        The device; its compliance is set to 1 A.
    n : int
        Number of devices.
    amplitude : Quantity (volt)
        Of the pulse.
    width : Quantity (second)
        Of the pulse.
    read : Quantity (volt)
        Voltage after the pulse.
    after, sample_step : Quantity (second)
        Length of the reading after the pulse, and interval of the readings.
    record : sequence of str
        Variables to record, read before the step that moves them.
    **options : object
        Of :meth:`memneuro.circuit.device_circuit.DeviceCircuit.group`.

    Raises
    ------
    ValueError
        If a time is not positive.
    """
    for name, value in (("width", width), ("after", after), ("sample_step", sample_step)):
        check(name, value, second, positive=True)
    drive = Expression(_PULSE, {"v_read": read, "v_pulse": amplitude, "t_pulse": width})
    group = device.with_(i_compliance=1 * amp).group(n, drive=drive, **options)
    step = reading_step(sample_step, group.dt)
    monitor = StateMonitor(group, list(record), record=True, dt=step, when="start")
    run_with_progress(Network(group, monitor), width + after)
    return group, monitor


def pulse_response(
    device: SourceMeter,
    *,
    amplitude: Quantity = 1 * volt,
    width: Quantity = 20 * ms,
    read: Quantity = 0.1 * volt,
    after: Quantity = 30 * ms,
    fraction: float = 0.5,
    trials: int = 200,
    sample_step: Quantity = 20 * us,
    dt: Quantity | None = None,
    seed: int = 0,
    noise: bool = True,
    **options: Any,
) -> pd.DataFrame:
    """Delay and relaxation of many trials.

    Parameters
    ----------
    device : SourceMeter
        The device; its compliance is set to 1 A.
    amplitude : Quantity (volt)
        Voltage of the pulse.
    width : Quantity (second)
        Length of the pulse.
    read : Quantity (volt)
        Voltage after the pulse.
    after : Quantity (second)
        Length of the reading after the pulse.
    fraction : float
        Fraction of the conductance at the end of the pulse at which the device counts as relaxed.
    trials : int
        Devices, all of one card.
    sample_step : Quantity (second)
        Interval of the readings.
    dt : Quantity (second), optional
        Time step; by default the card's.
    seed : int
        Of the noise and the spread.
    noise : bool
        Whether the devices fluctuate.
    **options : object
        As in :meth:`memneuro.circuit.device_circuit.DeviceCircuit.group`.

    Returns
    -------
    DataFrame
        One row a trial: ``trial``, ``delay_ms`` (infinite where the device did not close: its resistance at the end of
        the pulse is above the geometric mean of open and closed), ``relaxation_ms`` (NaN where it did not close,
        infinite where it has not relaxed at the end), ``on_resistance_ohm``.

    Raises
    ------
    ValueError
        If a time or voltage is not positive, or the fraction is not between 0 and 1.
    """
    check("amplitude", amplitude, volt, positive=True)
    check("read", read, volt)
    if not 0 < fraction < 1:
        raise ValueError(f"fraction = {fraction!r}; accepted: between 0 and 1")
    options |= {"dt": dt, "seed": seed, "noise": noise}
    _, monitor = watch_pulse(device, trials, amplitude, width, read, after, sample_step, ("g_device",), **options)
    time, conductance = np.asarray(monitor.t / ms), np.asarray(monitor.g_device)
    end = float(width / ms)
    pulse, later = time < end - 1e-9, time >= end - 1e-9
    last = conductance[:, later][:, 0]
    closed = last > np.sqrt(conductance[:, 0] / device.model.lowest_resistance(device.device.values()))
    reached = conductance[:, pulse] >= 0.5 * last[:, None]
    fallen = conductance[:, later] <= fraction * last[:, None]
    delay = np.where(closed & reached.any(axis=1), time[pulse][np.argmax(reached, axis=1)], np.inf)
    relaxed = np.where(fallen.any(axis=1), time[later][np.argmax(fallen, axis=1)] - end, np.inf)
    return pd.DataFrame(
        {
            "trial": np.arange(trials),
            "delay_ms": delay,
            "relaxation_ms": np.where(closed, relaxed, np.nan),
            "on_resistance_ohm": 1 / last,
        }
    )
