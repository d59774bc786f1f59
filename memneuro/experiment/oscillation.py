r"""Regimes of a device beside a capacitor: silence, regular spikes, bursts, or a device that stays closed.

Every cell of a map of drive and series resistance is one neuron of a single group, started from rest under a constant
drive. The first part of the run is discarded; what is left decides the regime, in this order:

* ``latched``: no spike, and the device is closed at the end;
* ``crossed``: no spike, and the particle is stuck at the far electrode (one particle, x > 0, open);
* ``silent``: no spike, and the device is open at the end;
* ``bursting``: the intervals fall into two groups (:func:`is_bursting`);
* ``spiking``: any other train, one spike upwards.

A spike is the circuit's: the device's current rises through ``i_threshold``. Crossings that follow one another within
``SAME_SPIKE`` times R_s C belong to one discharge and count as one spike, at the first of them: the capacitor had no
time to recharge, and it is noise that opened and closed the device. A device is closed when its resistance is below the
geometric mean of that at the start and the lowest one, or its current above ``i_threshold``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from brian2 import Network, Quantity, SpikeMonitor, StateMonitor, have_same_dimensions, ms, ohm, second, volt

from memneuro.circuit.parallel_capacitor import ParallelCapacitor
from memneuro.experiment.linear_stability import open_above, predicted_regimes
from memneuro.experiment.pulses import reading_step, run_with_progress

#: Crossings closer than this fraction of R_s C are one spike.
SAME_SPIKE = 0.2
#: Fewest intervals from which bursts are told.
FEWEST_INTERVALS = 10
#: A burst's pauses are at least this many times as long as the intervals within it.
PAUSE = 3.0
#: How far apart the two groups of ln(interval) are, in their mean standard deviations (Ashman's D).
SEPARATION = 5.0


def is_bursting(intervals: Any) -> bool:
    r"""Whether interspike intervals are bimodal: groups of spikes with pauses between them.

    The logarithms of the intervals are split in two where the variance between the parts is largest (Otsu). Means m and
    standard deviations s of the parts give Ashman's :math:`D = (m_2 - m_1)/\sqrt{(s_1^2 + s_2^2)/2}`. A train bursts
    when there are at least ``FEWEST_INTERVALS`` intervals, at least two pauses (long intervals), at least as many short
    intervals as pauses, ``m_2 - m_1 > ln PAUSE`` and ``D > SEPARATION``. Regular and Poisson trains do not burst.

    Parameters
    ----------
    intervals : array_like
        In any unit.

    Returns
    -------
    bool

    Raises
    ------
    ValueError
        If an interval is not positive and finite.

    Notes
    -----
    Otsu 1979 (doi:10.1109/TSMC.1979.4310076); Ashman, Bird and Zepf 1994 (doi:10.1086/117248).
    """
    given = np.asarray(intervals, dtype=float)
    if given.size and not (np.isfinite(given).all() and (given > 0).all()):
        raise ValueError(f"intervals = {given}; accepted: positive and finite")
    if given.size < FEWEST_INTERVALS:
        return False
    logs = np.sort(np.log(given))
    below = np.arange(1, logs.size)
    left = np.cumsum(logs)[:-1]
    between = (logs.mean() * below - left) ** 2 / (below * (logs.size - below))
    cut = 1 + int(np.argmax(between))
    short, pauses = logs[:cut], logs[cut:]
    apart = pauses.mean() - short.mean()
    width = np.sqrt((short.var() + pauses.var()) / 2)
    return bool(2 <= pauses.size <= short.size and apart > np.log(PAUSE) and apart > SEPARATION * width)


def regime_map(
    neuron: ParallelCapacitor,
    drive: Any,
    r_series: Any,
    *,
    duration: Quantity = 250 * ms,
    discard: Quantity = 100 * ms,
    dt: Quantity | None = None,
    noise: bool = False,
    seed: int = 0,
    progress: str | None = None,
) -> pd.DataFrame:
    """Simulate every pair of a drive and a series resistor from rest, and tell the regime of each.

    Parameters
    ----------
    neuron : ParallelCapacitor
        Any device beside a capacitor.
    drive : Quantity (volt), one-dimensional
        The voltages.
    r_series : Quantity (ohm), one-dimensional
        The resistances.
    duration, discard : Quantity (second)
        Length of the run, and of its beginning that is not looked at.
    dt : Quantity (second), optional
        Time step; by default the card's.
    noise : bool
        Whether the devices fluctuate.
    seed : int
        Of the noise.
    progress : str, optional
        Label of a progress bar; none by default.

    Returns
    -------
    DataFrame
        One row a cell, the drive changing fastest: ``drive_V``, ``r_series_ohm``, ``simulated`` (the regime),
        ``spikes`` (after the discarded part), ``rate_Hz``, ``isi_ms`` (mean interval), ``isi_cv`` (both NaN below two
        intervals), ``r_end_ohm``.

    Raises
    ------
    ValueError
        If an axis is empty or not one-dimensional, or the times do not fit.
    """
    volts, ohms = _axis("drive", drive, volt), _axis("r_series", r_series, ohm)
    for name, value in (("duration", duration), ("discard", discard)):
        if not have_same_dimensions(value, second) or np.ndim(value) or not 0 <= float(value) < np.inf:
            raise ValueError(f"{name} = {value!r}; accepted: one time, zero or more")
    if not discard < duration:
        raise ValueError(f"discard = {discard!r}; accepted: less than the duration, {duration!r}")
    v_in, r_s = np.tile(volts, ohms.size), np.repeat(ohms, volts.size)
    group = neuron.group(v_in.size, drive=v_in * volt, r_series=r_s * ohm, dt=dt, noise=noise, seed=seed)
    limit = open_above(neuron, float(np.asarray(group.r_device)[0]))
    monitor = SpikeMonitor(group)
    run_with_progress(Network(group, monitor), duration, progress)
    times, cells = np.asarray(monitor.t / second), np.asarray(monitor.i)
    same = SAME_SPIKE * r_s * float(neuron.circuit["c_parallel"])
    r_end = np.asarray(group.r_device)
    closed = (r_end < limit) | (np.asarray(group.i_device) > float(neuron.circuit["i_threshold"]))
    far = np.asarray(group.x_1) > 0 if "x_1" in group.variables else np.zeros(v_in.size, dtype=bool)
    rows = []
    for cell in range(v_in.size):
        spikes = _discharges(times[cells == cell], same[cell])
        spikes = spikes[spikes >= float(discard)]
        intervals, count = np.diff(spikes), spikes.size
        enough = intervals.size >= 2
        rows.append(
            {
                "drive_V": v_in[cell],
                "r_series_ohm": r_s[cell],
                "simulated": _regime(count, intervals, bool(closed[cell]), bool(far[cell])),
                "spikes": count,
                "rate_Hz": count / float(duration - discard),
                "isi_ms": 1e3 * intervals.mean() if enough else np.nan,
                "isi_cv": intervals.std() / intervals.mean() if enough else np.nan,
                "r_end_ohm": r_end[cell],
            }
        )
    return pd.DataFrame(rows)


def _axis(name: str, value: Any, unit: Any) -> np.ndarray:
    if not have_same_dimensions(value, unit):
        raise ValueError(f"{name} = {value!r}; accepted: values in {unit!r}")
    numbers = np.asarray(value / unit, dtype=float)
    if numbers.ndim != 1 or not numbers.size or not np.isfinite(numbers).all():
        raise ValueError(f"{name} = {value!r}; accepted: a one-dimensional array of finite values")
    return numbers


def _discharges(times: np.ndarray, same: float) -> np.ndarray:
    """The first of each group of crossings that follow one another within `same`."""
    return times[np.diff(times, prepend=-np.inf) > same]


def _regime(count: int, intervals: np.ndarray, closed: bool, far: bool) -> str:
    if count:
        return "bursting" if is_bursting(intervals) else "spiking"
    return "latched" if closed else "crossed" if far else "silent"


def compared_map(neuron: ParallelCapacitor, drive: Any, r_series: Any, **options: Any) -> pd.DataFrame:
    """Simulated and predicted regimes side by side, for one particle.

    Parameters
    ----------
    neuron : ParallelCapacitor
        With the model ``langevin``, one particle.
    drive : Quantity (volt), one-dimensional
        The voltages.
    r_series : Quantity (ohm), one-dimensional
        The resistances.
    **options : object
        Of :func:`regime_map`.

    Returns
    -------
    DataFrame
        The columns of :func:`regime_map` and of :func:`memneuro.experiment.linear_stability.predicted_regimes`, and
        ``agrees`` and ``within_one_cell`` of :func:`agreement`.
    """
    predicted = predicted_regimes(neuron, drive, r_series)
    simulated = regime_map(neuron, drive, r_series, **options)
    extra = predicted.columns.difference(simulated.columns, sort=False)
    return agreement(pd.concat([simulated, predicted[extra]], axis=1))


def agreement(table: pd.DataFrame) -> pd.DataFrame:
    """Add whether each cell agrees with its prediction, and whether it or one of its 8 neighbours does.

    Parameters
    ----------
    table : DataFrame
        One row a cell of a full grid, with ``drive_V``, ``r_series_ohm``, ``simulated`` and ``predicted``. Spikes and
        bursts both count as the prediction ``oscillating``.

    Returns
    -------
    DataFrame
        The table with ``agrees``, and ``within_one_cell``: the simulated regime is predicted in the cell or in a
        neighbour.

    Raises
    ------
    ValueError
        If the table is not a full grid with one row a cell.
    """
    table = table.sort_values(["r_series_ohm", "drive_V"], ignore_index=True)
    shape = (table["r_series_ohm"].nunique(), table["drive_V"].nunique())
    if len(table) != shape[0] * shape[1] or table.duplicated(["drive_V", "r_series_ohm"]).any():
        raise ValueError(f"{len(table)} rows for {shape[0]} resistances and {shape[1]} drives; accepted: one for each")
    found = table["simulated"].replace({"spiking": "oscillating", "bursting": "oscillating"}).to_numpy().reshape(shape)
    framed = np.pad(table["predicted"].to_numpy(dtype=object).reshape(shape), 1, constant_values="")
    near = np.zeros(shape, dtype=bool)
    for down in range(3):
        for right in range(3):
            near |= framed[down : down + shape[0], right : right + shape[1]] == found
    return table.assign(
        agrees=(framed[1:-1, 1:-1] == found).ravel().astype(bool),
        within_one_cell=near.ravel(),
    )


def traces(
    neuron: ParallelCapacitor,
    drive: Any,
    r_series: Any,
    *,
    duration: Quantity = 100 * ms,
    sample_step: Quantity = 0.05 * ms,
    dt: Quantity | None = None,
    noise: bool = False,
    seed: int = 0,
) -> pd.DataFrame:
    """Voltage and current in time of some pairs of a drive and a series resistor, from rest.

    Parameters
    ----------
    neuron : ParallelCapacitor
        Any device beside a capacitor.
    drive : Quantity (volt), one-dimensional
        The voltages.
    r_series : Quantity (ohm), one-dimensional
        As many resistances.
    duration, sample_step : Quantity (second)
        Length and interval of the recording.
    dt : Quantity (second), optional
        Time step; by default the card's.
    noise : bool
        Whether the devices fluctuate.
    seed : int
        Of the noise.

    Returns
    -------
    DataFrame
        ``example`` (0, 1, ...), ``drive_V``, ``r_series_ohm``, ``time_ms``, ``v_node_V``, ``i_device_A``.

    Raises
    ------
    ValueError
        If the numbers of voltages and resistances differ, or an axis is not one-dimensional.
    """
    volts, ohms = _axis("drive", drive, volt), _axis("r_series", r_series, ohm)
    if volts.size != ohms.size:
        raise ValueError(f"r_series has {ohms.size} values; accepted: {volts.size}, one for each drive")
    group = neuron.group(volts.size, drive=volts * volt, r_series=ohms * ohm, dt=dt, noise=noise, seed=seed)
    monitor = StateMonitor(group, ["v_node", "i_device"], record=True, dt=reading_step(sample_step, group.dt))
    run_with_progress(Network(group, monitor), duration)
    rows = [
        pd.DataFrame(
            {
                "example": k,
                "drive_V": volts[k],
                "r_series_ohm": ohms[k],
                "time_ms": np.asarray(monitor.t / ms),
                "v_node_V": np.asarray(monitor.v_node[k]),
                "i_device_A": np.asarray(monitor.i_device[k]),
            }
        )
        for k in range(volts.size)
    ]
    return pd.concat(rows, ignore_index=True)
