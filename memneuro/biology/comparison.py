"""Tidy tables of how a neuron responds to steps and to repeated noise, the same for recorded and simulated
neurons.

Each ``..._from_spikes`` function takes spike trains, so a simulated neuron goes through exactly the code
that a recorded cell does.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from brian2 import Hz, Quantity, amp, ms, mV, pA, second, volt
from brian2.units.fundamentalunits import Dimension, get_dimensions

from memneuro.biology import trains as st
from memneuro.biology._quantities import si_number, si_train
from memneuro.biology.features import (
    SPIKE_THRESHOLD,
    gain,
    latency,
    rheobase,
    spike_times,
    step_features,
)
from memneuro.biology.recordings import Recording
from memneuro.biology.stimulus import holding_and_step, noise_window, repeated_current, step_windows

__all__ = [
    "dimensionless",
    "fi_from_spikes",
    "fi_from_traces",
    "fi_summary",
    "fi_table",
    "reliability_from_spikes",
    "reliability_pairs",
    "reliability_table",
    "repeated_trains",
]

_AMPLITUDE_UNITS = {"pA": pA, "mV": mV}


def _amplitude_unit(amplitudes: Any) -> tuple[str, Quantity]:
    dimensions: Dimension = get_dimensions(amplitudes)
    for label, unit in _AMPLITUDE_UNITS.items():
        if dimensions is get_dimensions(unit):
            return label, unit
    raise ValueError(f"amplitudes must be currents or voltages, got units of {dimensions}")


def _amplitude_column(table: pd.DataFrame) -> tuple[str, Quantity]:
    for label, unit in _AMPLITUDE_UNITS.items():
        if f"amplitude_{label}" in table:
            return f"amplitude_{label}", unit
    raise ValueError(
        f"the table has no column amplitude_pA or amplitude_mV; it has {', '.join(map(str, table.columns))}"
    )


def fi_from_spikes(spikes: Sequence[Any], amplitudes: Quantity, start: Quantity, end: Quantity) -> pd.DataFrame:
    """Response to steps, from spike trains: one row per step.

    Parameters
    ----------
    spikes : sequence of Quantity (second)
        One spike train per step.
    amplitudes : Quantity (amp or volt), shape (steps,)
        Currents or voltages.
    start, end : Quantity (second)
        The step; spikes outside it are ignored.

    Returns
    -------
    DataFrame
        ``amplitude_pA`` (or ``amplitude_mV`` for a voltage drive); ``spikes``; ``rate_hz``, spikes divided
        by the length of the step; ``latency_ms``, from the start of the step to the first spike;
        ``isi_mean_ms``; ``isi_cv``; ``isi_cv2``; ``adaptation_index``, positive when the intervals lengthen.
        NaN where there are too few spikes.

    Raises
    ------
    ValueError
        When the numbers of trains and amplitudes differ, the step has no length, or the amplitudes are
        neither currents nor voltages.
    """
    label, unit = _amplitude_unit(amplitudes)
    levels = np.atleast_1d(np.asarray(amplitudes / unit, dtype=float))
    if levels.ndim != 1 or levels.size != len(spikes):
        raise ValueError(
            f"one amplitude per spike train is needed, got {levels.size} amplitudes and {len(spikes)} trains"
        )
    first, last = si_number(start, second, "start"), si_number(end, second, "end")
    if last <= first:
        raise ValueError(f"the step must end after it starts, got start {first:g} s and end {last:g} s")
    rows = []
    for level, train in zip(levels, spikes, strict=True):
        times = si_train(train, second)
        inside = times[(times >= first) & (times <= last)] * second
        isi = st.intervals(inside)
        rows.append(
            {
                f"amplitude_{label}": level,
                "spikes": len(inside),
                "rate_hz": float(st.firing_rate(inside, end - start) / Hz),
                "latency_ms": float(latency(inside, start) / ms),
                "isi_mean_ms": float(np.mean(isi) / ms) if len(isi) else np.nan,
                "isi_cv": st.isi_cv(inside),
                "isi_cv2": st.isi_cv2(inside),
                "adaptation_index": st.adaptation_index(inside),
            }
        )
    return pd.DataFrame(rows)


def fi_from_traces(
    time: Any,
    voltages: Sequence[Any],
    amplitudes: Quantity,
    start: Quantity,
    end: Quantity,
    threshold: Quantity = SPIKE_THRESHOLD,
) -> pd.DataFrame:
    """Response to steps, from voltage traces: `fi_from_spikes` of the spikes that eFEL finds, and what only
    the voltage shows.

    Parameters
    ----------
    time : Quantity (second), shape (n,)
        Common to all traces.
    voltages : sequence of Quantity (volt), shape (n,) each
        One trace per step, recorded or simulated.
    amplitudes : Quantity (amp or volt), shape (steps,)
        Currents or voltages.
    start, end : Quantity (second)
        The step; spikes outside it are ignored.
    threshold : Quantity (volt)
        Voltage that a spike exceeds.

    Returns
    -------
    DataFrame
        As `fi_from_spikes`, and ``mean_frequency_hz`` (eFEL: spikes divided by the time to the last spike)
        and ``half_width_ms`` (eFEL, median over the spikes).

    Raises
    ------
    ValueError
        When a trace is malformed, the step does not lie within it, and as in `fi_from_spikes`.
    """
    found = [step_features(time, voltage, start, end, threshold) for voltage in voltages]
    table = fi_from_spikes([f.spike_times for f in found], amplitudes, start, end)
    table["mean_frequency_hz"] = [float(f.mean_frequency / Hz) for f in found]
    table["half_width_ms"] = [float(f.half_width / ms) for f in found]
    return table


def fi_table(recording: Recording, step: int = 0, threshold: Quantity = SPIKE_THRESHOLD) -> pd.DataFrame:
    """Response of a recorded cell to current steps: one row per sweep.

    Parameters
    ----------
    recording : Recording
        Current steps.
    step : int
        Which of the steps of a sweep, when it has several; the first by default.
    threshold : Quantity (volt)
        Voltage that a spike exceeds.

    Returns
    -------
    DataFrame
        As `fi_from_traces`, with ``amplitude_pA`` the change of current at the step, and ``holding_pA``, the
        current before it.

    Raises
    ------
    ValueError
        When the recording holds no current steps, or fewer than asked for.

    Notes
    -----
    The raphe voltages are not compensated for the access resistance. Spike times hardly change by it;
    half-widths, which need the voltage at the foot and the peak of one spike, do not either, as the current
    is constant during a step.
    """
    windows = step_windows(recording)
    if not 0 <= step < len(windows):
        raise ValueError(
            f"{recording.name} has {len(windows)} steps in each sweep, so step must be below that; got {step}"
        )
    start, end = windows[step]
    holding, level = holding_and_step(recording, (start, end))
    voltages = [sweep.voltage for sweep in recording.sweeps]
    table = fi_from_traces(recording.sweeps[0].time, voltages, level - holding, start, end, threshold)
    table["holding_pA"] = np.asarray(holding / pA)
    return table


def fi_summary(table: pd.DataFrame) -> pd.DataFrame:
    """One row that sums up an f-I table.

    Returns
    -------
    DataFrame
        ``rheobase_pA``, the smallest amplitude with a spike; ``gain_hz_per_pA``, the slope from there up;
        ``rate_max_hz``; ``latency_rheobase_ms`` and ``latency_min_ms``, at the rheobase and the shortest;
        ``isi_cv_median`` and ``adaptation_index_median`` over the steps where they are defined. With a
        voltage drive the units are mV.
    """
    column, unit = _amplitude_column(table)
    label = column.removeprefix("amplitude_")
    amplitudes = table[column].to_numpy(dtype=float) * unit
    rates = table["rate_hz"].to_numpy(dtype=float) * Hz
    lowest = rheobase(amplitudes, rates)
    firing = table[table["rate_hz"] > 0].sort_values(column, kind="stable")
    return pd.DataFrame(
        [
            {
                f"rheobase_{label}": float(lowest / unit),
                f"gain_hz_per_{label}": float(gain(amplitudes, rates) / (Hz / unit)),
                "rate_max_hz": float(table["rate_hz"].max()),
                "latency_rheobase_ms": float(firing["latency_ms"].iloc[0]) if len(firing) else np.nan,
                "latency_min_ms": float(table["latency_ms"].min()),
                "isi_cv_median": float(table["isi_cv"].median()),
                "adaptation_index_median": float(table["adaptation_index"].median()),
            }
        ]
    )


def reliability_pairs(spikes: Sequence[Any], duration: Quantity, precision: Quantity = 4 * ms) -> pd.DataFrame:
    """Coincidence factor of every ordered pair of repeats.

    Parameters
    ----------
    spikes : sequence of Quantity (second)
        One spike train per repeat, within 0 and `duration`.
    duration : Quantity (second)
        Length of the stimulus.
    precision : Quantity (second)
        Of a coincidence, see `memneuro.biology.trains.coincidence_factor`.

    Returns
    -------
    DataFrame
        One row per pair: ``repeat_reference``, ``repeat_other``, ``gamma``.
    """
    rows = st.pairwise_coincidence_factors(spikes, duration, precision)
    return pd.DataFrame(rows, columns=["repeat_reference", "repeat_other", "gamma"])


def reliability_from_spikes(
    spikes: Sequence[Any],
    duration: Quantity,
    precision: Quantity = 4 * ms,
    jitter_window: Quantity = 10 * ms,
    fano_window: Quantity = 100 * ms,
) -> pd.DataFrame:
    """How alike the responses to repeats of one stimulus are: one row.

    Parameters
    ----------
    spikes : sequence of Quantity (second)
        One spike train per repeat, within 0 and `duration`.
    duration : Quantity (second)
        Length of the stimulus.
    precision : Quantity (second)
        Of a coincidence, see `memneuro.biology.trains.coincidence_factor`.
    jitter_window : Quantity (second)
        See `memneuro.biology.trains.spike_time_jitter`.
    fano_window : Quantity (second)
        Counting window of the Fano factor across repeats.

    Returns
    -------
    DataFrame
        ``repeats``; ``gamma_mean`` and ``gamma_sd`` over all ordered pairs; ``rate_mean_hz`` and
        ``rate_sd_hz`` over repeats; ``isi_cv_mean`` and ``isi_cv2_mean`` over the repeats where they are
        defined; ``jitter_ms``; ``fano_across_repeats``; and the settings ``duration_s``, ``precision_ms``,
        ``jitter_window_ms``, ``fano_window_ms``.

    Raises
    ------
    ValueError
        For fewer than two repeats, spikes outside the stimulus, or a precision too wide for the rate.
    """
    gamma = reliability_pairs(spikes, duration, precision)["gamma"]
    rates = pd.Series([float(st.firing_rate(train, duration) / Hz) for train in spikes])
    return pd.DataFrame(
        [
            {
                "repeats": len(spikes),
                "gamma_mean": float(gamma.mean()),
                "gamma_sd": float(gamma.std()),
                "rate_mean_hz": float(rates.mean()),
                "rate_sd_hz": float(rates.std()),
                "isi_cv_mean": float(pd.Series([st.isi_cv(train) for train in spikes]).mean()),
                "isi_cv2_mean": float(pd.Series([st.isi_cv2(train) for train in spikes]).mean()),
                "jitter_ms": float(st.spike_time_jitter(spikes, jitter_window) / ms),
                "fano_across_repeats": st.fano_factor_across_repeats(spikes, duration, fano_window),
                "duration_s": float(duration / second),
                "precision_ms": float(precision / ms),
                "jitter_window_ms": float(jitter_window / ms),
                "fano_window_ms": float(fano_window / ms),
            }
        ]
    )


def repeated_trains(recording: Recording, threshold: Quantity = SPIKE_THRESHOLD) -> tuple[list[Quantity], Quantity]:
    """Spike trains of the repeats of a noise stimulus, measured from its start, and its duration.

    Holding current before and after the noise is left out.

    Parameters
    ----------
    recording : Recording
        Repeats of one noise current.
    threshold : Quantity (volt)
        Voltage that a spike exceeds.

    Returns
    -------
    trains : list of Quantity (second), shape (spikes,) each
        One a repeat.
    duration : Quantity (second)
        Length of the noise.
    """
    start, end = noise_window(recording)
    found = []
    for sweep in recording.sweeps:
        times = spike_times(sweep.time, sweep.voltage, threshold)
        found.append(times[(times >= start) & (times <= end)] - start)
    return found, end - start


def reliability_table(
    recording: Recording,
    precision: Quantity = 4 * ms,
    jitter_window: Quantity = 10 * ms,
    fano_window: Quantity = 100 * ms,
    threshold: Quantity = SPIKE_THRESHOLD,
) -> pd.DataFrame:
    """`reliability_from_spikes` of the repeats of one noise stimulus in a recorded cell.

    Parameters
    ----------
    recording : Recording
        Repeats of one noise current.
    precision, jitter_window, fano_window : Quantity (second)
        As in `reliability_from_spikes`.
    threshold : Quantity (volt)
        Voltage that a spike exceeds.

    Returns
    -------
    DataFrame
        One row, with the columns of `reliability_from_spikes`.

    Raises
    ------
    ValueError
        When the recording has fewer than two sweeps, or its current is not the same in all of them
        (correlation below 0.99).
    """
    if len(recording.sweeps) < 2:
        raise ValueError(f"{recording.name} ({recording.protocol}) has a single sweep; at least two repeats are needed")
    repeated_current(recording)
    spikes, duration = repeated_trains(recording, threshold)
    return reliability_from_spikes(spikes, duration, precision, jitter_window, fano_window)


def dimensionless(table: pd.DataFrame, time_scale: Quantity, current_scale: Quantity | None = None) -> pd.DataFrame:
    """Express a table in a neuron's own units of time and drive, to compare neurons of different time scales.

    With tau the time scale, a column ``x_hz`` becomes ``x = x_hz * tau``, and ``x_ms`` and ``x_s`` become
    ``x = x / tau``. With a drive scale I_0 (usually the rheobase), columns in pA become ``x = x_pA / I_0``
    and ``x_hz_per_pA`` becomes ``x_hz_per_pA * tau * I_0``; for a voltage scale the same holds for mV. A
    column without a unit is left as it is, and so are columns in a unit that no scale was given for.

    Parameters
    ----------
    table : DataFrame
        As made by the functions of this module.
    time_scale : Quantity (second)
        For example the membrane time constant of a cell, or the time that a memristor's residue takes to
        decay.
    current_scale : Quantity (amp or volt), optional
        A current, or a voltage for neurons driven by a voltage.

    Returns
    -------
    DataFrame
        A new table; ``time_scale_ms`` and, if given, ``drive_scale_pA`` or ``drive_scale_mV`` record the
        scales.

    Raises
    ------
    ValueError
        When a scale is not greater than zero.
    """
    tau = si_number(time_scale, second, "time_scale", positive=True)
    drive: tuple[str, float] | None = None
    if current_scale is not None:
        label, unit = _amplitude_unit(current_scale)
        base = amp if label == "pA" else volt
        drive = label, si_number(current_scale, base, "current_scale", positive=True) / float(unit)
    factors = {"_hz": tau, "_ms": 1e-3 / tau, "_s": 1 / tau}
    if drive is not None:
        factors |= {f"_hz_per_{drive[0]}": tau * drive[1], f"_{drive[0]}": 1 / drive[1]}
    result = {}
    for name, values in table.items():
        suffix = next((s for s in sorted(factors, key=len, reverse=True) if str(name).endswith(s)), None)
        result[name if suffix is None else str(name).removesuffix(suffix)] = (
            values if suffix is None else values * factors[suffix]
        )
    scaled = pd.DataFrame(result)
    scaled["time_scale_ms"] = tau * 1e3
    if drive is not None:
        scaled[f"drive_scale_{drive[0]}"] = drive[1]
    return scaled
