r"""Quasi-static current-voltage sweep: at which voltage does the device switch on, and at which does it let go?

A triangular voltage, 0 to `v_max` and back, is applied to the device in series with a resistor, and the current is
sampled like a source meter does. The criterion is that of the measured devices
(:func:`memneuro.experiment.target.measured_devices`): a current of 10 nA, reached on the way up at the **threshold
voltage** and lost on the way down at the **hold voltage**. Both are voltages of the source.

The circuit of a 1M1T1R neuron is its own with the control resistor replaced by the series resistor,

.. math:: C_g \frac{dV}{dt} = \frac{V_{in} - V}{R_d} - \frac{V}{R_s},

so the device sees all but V = I R_s. The default R_s of 1 Mohm keeps V below 10 mV up to the criterion, limits the
current to 1 uA at 1 V, as did the compliance of the measurements, and follows the sweep within R_s C_g = 10 us. A
:class:`memneuro.circuit.source_meter.SourceMeter` measures the device alone, with its own compliance.

Two limits to what the sweep can say. The threshold is read to one sample, ``rate*sample_step`` (0.5 mV by default). A
closed device carries 10 nA down to ``criterion*(r_on + r_series)``, so the hold voltage cannot fall below that
``hold_floor_V``: at the floor it is Ohm's law that ends the current, not the filament.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from brian2 import (
    Mohm,
    Network,
    NeuronGroup,
    Quantity,
    StateMonitor,
    amp,
    have_same_dimensions,
    nA,
    ohm,
    second,
    volt,
)

from memneuro.circuit.device_circuit import DeviceCircuit
from memneuro.circuit.drive import Expression
from memneuro.device.model import round_step
from memneuro.experiment.pulses import reading_step, run_with_progress

CRITERION = 10 * nA
R_SERIES = 1 * Mohm

_TRIANGLE = """
sweep_phase = t/sweep_period - floor(t/sweep_period) : 1
v_in = sweep_sign*sweep_peak*(1 - abs(2*sweep_phase - 1)) : volt
"""


def sweep_step(neuron: DeviceCircuit) -> Quantity:
    """Step of a sweep when none is given: the card's largest safe step, rounded down (nothing here is fast)."""
    return round_step(neuron.largest_step)


def _sweep(
    neuron: DeviceCircuit,
    v_max: Quantity,
    rate: Quantity,
    cycles: int,
    trials: int,
    r_series: Quantity | None,
    sample_step: Quantity,
    dt: Quantity | None,
    progress: str | None,
    sign: int,
    options: Mapping[str, Any],
) -> tuple[NeuronGroup, StateMonitor, np.ndarray]:
    """Run the sweeps; the group, the recorded currents and the source voltage of every sample (volt)."""
    for name, value, unit in (
        ("v_max", v_max, volt),
        ("rate", rate, volt / second),
        ("sample_step", sample_step, second),
    ):
        if not have_same_dimensions(value, unit) or np.ndim(value) or not 0 < float(value) < np.inf:
            raise ValueError(f"{name} = {value!r}; accepted: one positive value in {unit!r}")
    for name, count in (("cycles", cycles), ("trials", trials)):
        if isinstance(count, bool) or int(count) != count or count < 1:
            raise ValueError(f"{name} = {count!r}; accepted: a whole number of at least 1")
    if sign not in (1, -1):
        raise ValueError(f"sign = {sign!r}; accepted: 1 or -1")
    period = 2 * v_max / rate
    series = "r_control" if "r_control" in neuron.circuit.parameters else "r_series"
    group = neuron.group(
        trials,
        drive=Expression(_TRIANGLE, {"sweep_period": period, "sweep_peak": v_max, "sweep_sign": sign}),
        dt=min(sweep_step(neuron), round_step(sample_step)) if dt is None else dt,
        **{series: _series(neuron, r_series)},
        **options,
    )
    # At the end of a step the states belong to the next instant; the sample is taken before they move.
    monitor = StateMonitor(group, "i_device", record=True, dt=reading_step(sample_step, group.dt), when="start")
    run_with_progress(Network(group, monitor), cycles * period, progress)
    phase = np.asarray(monitor.t / period) % 1.0
    return group, monitor, float(v_max / volt) * (1 - np.abs(2 * phase - 1))


def _series(neuron: DeviceCircuit, r_series: Quantity | None) -> Quantity:
    """The series resistor: the given one, else 1 Mohm for a neuron and the card's on a source meter."""
    if r_series is not None:
        return r_series
    return R_SERIES if "r_control" in neuron.circuit.parameters else neuron.circuit["r_series"]


def iv_sweep(
    neuron: DeviceCircuit,
    *,
    v_max: Quantity = 1.2 * volt,
    rate: Quantity = 1 * volt / second,
    cycles: int = 4,
    trials: int = 50,
    criterion: Quantity = CRITERION,
    r_series: Quantity | None = None,
    sample_step: Quantity = 0.0005 * second,
    dt: Quantity | None = None,
    seed: int = 0,
    noise: bool = True,
    spread: bool | Mapping[str, float] = False,
    sign: int = 1,
    progress: str | None = None,
) -> pd.DataFrame:
    """Threshold and hold voltage of repeated sweeps of many devices.

    Parameters
    ----------
    neuron : DeviceCircuit
        Its device and gate capacitance.
    v_max : Quantity (volt)
        Peak of the triangle.
    rate : Quantity (volt/second)
        Sweep rate; 1.2 s each way by default.
    cycles : int
        Consecutive sweeps of each device.
    trials : int
        Devices, all of one card, each with noise of its own.
    criterion : Quantity (amp)
        Current that counts as on.
    r_series : Quantity (ohm), optional
        Series resistor; by default 1 Mohm in place of the control resistor of a neuron, and the card's on a source
        meter.
    sample_step : Quantity (second)
        Interval between two readings of the current.
    dt : Quantity (second), optional
        Time step; by default :func:`sweep_step`, or the sample step where that is shorter.
    seed : int
        Of the noise and the spread.
    noise : bool
        Whether the devices fluctuate.
    spread : bool or mapping of str to float
        Device-to-device spread, as in :meth:`memneuro.circuit.device_circuit.DeviceCircuit.group`.
    sign : {1, -1}
        Polarity of the sweep; all voltages in the result are magnitudes.
    progress : str, optional
        Label of a progress bar; none by default.

    Returns
    -------
    DataFrame
        One row a device and cycle: ``trial``, ``cycle`` (from 0), ``threshold_V`` (source voltage of the first
        reading at or above the criterion; NaN where none is), ``hold_V`` (source voltage of the last reading at or
        above it on the way down; NaN where the device was not on at the peak), ``hold_floor_V``.

    Raises
    ------
    ValueError
        For a value that is not positive, or fewer than one cycle or device.
    """
    if not have_same_dimensions(criterion, amp) or not 0 < float(criterion) < np.inf:
        raise ValueError(f"criterion = {criterion!r}; accepted: one positive current")
    options = {"seed": seed, "noise": noise, "spread": spread}
    group, monitor, voltage = _sweep(
        neuron, v_max, rate, cycles, trials, r_series, sample_step, dt, progress, sign, options
    )
    on = sign * np.asarray(monitor.i_device) >= float(criterion / amp)
    half = np.floor(np.asarray(monitor.t * rate / v_max) * (1 + 1e-12)).astype(int)
    values = {name: getattr(group, name)[:] for name in neuron.model.parameters if name in group.variables}
    closed = neuron.model.lowest_resistance(values) + float(_series(neuron, r_series) / ohm)
    floor = np.full(trials, float(criterion / amp) * closed)
    rows = []
    for cycle in range(cycles):
        up, down = half == 2 * cycle, half == 2 * cycle + 1
        for trial in range(trials):
            rising, falling = on[trial, up], on[trial, down]
            held = np.flatnonzero(~falling)
            last = held[0] - 1 if held.size else falling.size - 1
            rows.append(
                {
                    "trial": trial,
                    "cycle": cycle,
                    "threshold_V": voltage[up][np.argmax(rising)] if rising.any() else np.nan,
                    "hold_V": voltage[down][last] if last >= 0 else np.nan,
                    "hold_floor_V": floor[trial],
                }
            )
    return pd.DataFrame(rows).sort_values(["trial", "cycle"], ignore_index=True)


def iv_summary(table: pd.DataFrame, skip: int = 1) -> pd.DataFrame:
    """Mean, spread and memory of threshold and hold voltage.

    Parameters
    ----------
    table : DataFrame
        What :func:`iv_sweep` gave.
    skip : int
        First cycles of each device to leave out: a fresh device has no residue, so its first threshold is higher.

    Returns
    -------
    DataFrame
        One row for ``threshold`` and one for ``hold`` (column ``quantity``): ``n`` (cycles in which it was found),
        ``missing``, ``mean_V``, ``sd_V``, ``median_V``, ``relative_spread`` (sd/mean, over all cycles of all devices),
        ``cycle_spread`` (the part from cycle to cycle of one device: pooled sd within devices over the mean), ``lag1``
        (correlation of consecutive cycles of a device after removing nothing but the common mean; NaN with fewer than
        three pairs).

    Raises
    ------
    ValueError
        If no cycle is left.
    """
    kept = table[table["cycle"] >= skip]
    if kept.empty:
        raise ValueError(f"skip = {skip!r} leaves no cycle; accepted: less than {table['cycle'].max() + 1}")
    rows = []
    for quantity in ("threshold", "hold"):
        values = kept.pivot(index="trial", columns="cycle", values=f"{quantity}_V").to_numpy()
        found = values[np.isfinite(values)]
        before, after = values[:, :-1].ravel(), values[:, 1:].ravel()
        pairs = np.isfinite(before) & np.isfinite(after)
        varied = pairs.sum() > 2 and np.ptp(before[pairs]) > 0 and np.ptp(after[pairs]) > 0
        inside = kept.groupby("trial")[f"{quantity}_V"].agg(["var", "count"]).query("count > 1")
        freedom = (inside["count"] - 1).sum()
        within = np.sqrt((inside["var"] * (inside["count"] - 1)).sum() / freedom) if freedom else np.nan
        mean = found.mean() if found.size else np.nan
        sd = found.std(ddof=1) if found.size > 1 else np.nan
        rows.append(
            {
                "quantity": quantity,
                "n": found.size,
                "missing": values.size - found.size,
                "mean_V": mean,
                "sd_V": sd,
                "median_V": np.median(found) if found.size else np.nan,
                "relative_spread": sd / mean,
                "cycle_spread": within / mean,
                "lag1": np.corrcoef(before[pairs], after[pairs])[0, 1] if varied else np.nan,
            }
        )
    return pd.DataFrame(rows)


def iv_curves(
    neuron: DeviceCircuit,
    *,
    v_max: Quantity = 1.2 * volt,
    rate: Quantity = 1 * volt / second,
    cycles: int = 10,
    r_series: Quantity | None = None,
    sample_step: Quantity = 0.002 * second,
    dt: Quantity | None = None,
    seed: int = 0,
    noise: bool = True,
    sign: int = 1,
) -> pd.DataFrame:
    """Current against voltage of consecutive sweeps of one device, for a figure.

    Parameters
    ----------
    neuron : DeviceCircuit
        Its device and gate capacitance.
    v_max : Quantity (volt)
        Peak of the triangle.
    rate : Quantity (volt/second)
        Sweep rate.
    cycles : int
        Consecutive sweeps.
    r_series : Quantity (ohm), optional
        Series resistor; by default as in :func:`iv_sweep`.
    sample_step : Quantity (second)
        Interval between two readings of the current.
    dt : Quantity (second), optional
        Time step; by default as in :func:`iv_sweep`.
    seed : int
        Of the noise.
    noise : bool
        Whether the device fluctuates.
    sign : {1, -1}
        Polarity of the sweep.

    Returns
    -------
    DataFrame
        One row a sample: ``cycle`` (from 0), ``branch`` ("up", "down"), ``voltage_V``, ``current_A``.
    """
    _, monitor, voltage = _sweep(
        neuron, v_max, rate, cycles, 1, r_series, sample_step, dt, None, sign, {"seed": seed, "noise": noise}
    )
    half = np.floor(np.asarray(monitor.t * rate / v_max) * (1 + 1e-12)).astype(int)
    return pd.DataFrame(
        {
            "cycle": half // 2,
            "branch": np.where(half % 2 == 0, "up", "down"),
            "voltage_V": voltage,
            "current_A": np.asarray(monitor.i_device)[0],
        }
    )
