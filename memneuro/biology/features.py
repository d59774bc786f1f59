"""Features of the response to one current step, the same code for recorded cells and simulated neurons.

Features of a voltage trace come from eFEL. Features that need spike times only are in
`memneuro.biology.trains`, with eFEL's definitions where it has one. The f-I curve's own numbers, rheobase
and gain, are here.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import efel
import numpy as np
from brian2 import Hz, Quantity, farad, joule, ms, mV, second, volt
from brian2.units.fundamentalunits import get_dimensions
from numpy.typing import NDArray

from memneuro.biology._quantities import si_array, si_number, si_train

__all__ = [
    "SPIKE_THRESHOLD",
    "StepFeatures",
    "action_potential_energy",
    "gain",
    "latency",
    "rheobase",
    "spike_times",
    "step_features",
]

SPIKE_THRESHOLD = -5 * mV
"""Spikes are excursions above this voltage.

The voltage of the raphe recordings includes the drop over the access resistance, so that noise alone reaches
-8 mV in their tests, while the smallest spike there peaks at 0 mV; -5 mV separates the two in every file.
The one exception is DRN159 training, where about ten small spikes of 520 peak between -10 and 0 mV among
fluctuations that reach -4 mV. The usual -20 mV counts fluctuations as spikes in all cells but one (DRN160).
"""

_ELEMENTARY_CHARGE = 1.602176634e-19  # coulomb
_SODIUM_PER_ATP = 3
_ENERGY_PER_ATP = 8.3e-20  # joule, from 50 kJ/mol


@dataclass(frozen=True)
class StepFeatures:
    """Response of one voltage trace to a step from `start` to `end`.

    Attributes
    ----------
    spike_times : Quantity (second), shape (n,)
        Times of the peaks within the step, from the start of the trace.
    mean_frequency : Quantity (hertz)
        eFEL ``mean_frequency``: number of spikes divided by the time from the start of the step to the last
        spike. NaN without spikes.
    latency : Quantity (second)
        eFEL ``time_to_first_spike``: from the start of the step to the first peak. NaN without spikes.
    isi_cv : float
        eFEL ``ISI_CV`` with the first interval included. NaN for fewer than three spikes.
    adaptation_index : float
        eFEL ``adaptation_index2``. NaN for fewer than four spikes.
    half_width : Quantity (second)
        Median of eFEL ``spike_half_width`` over the spikes, as a single one can be far off when the voltage
        does not come down again. NaN without spikes.
    """

    spike_times: Quantity
    mean_frequency: Quantity
    latency: Quantity
    isi_cv: float
    adaptation_index: float
    half_width: Quantity


@contextmanager
def _efel_settings(threshold_mv: float, dt_ms: float) -> Iterator[None]:
    """Set what the features need, and restore eFEL's global settings afterwards."""
    before = asdict(efel.get_settings())
    try:
        efel.set_setting("Threshold", float(threshold_mv))
        efel.set_setting("interp_step", float(dt_ms))
        efel.set_setting("strict_stiminterval", True)
        efel.set_setting("ignore_first_ISI", False)
        yield
    finally:
        for setting in ("Threshold", "interp_step", "strict_stiminterval", "ignore_first_ISI"):
            efel.set_setting(setting, before[setting])


def _trace(time: Any, voltage: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    t = si_array(time, second, "time")
    v = si_array(voltage, volt, "voltage")
    if t.ndim != 1 or t.shape != v.shape:
        raise ValueError(
            f"time and voltage must be one-dimensional and equally long, got shapes {t.shape} and {v.shape}"
        )
    if t.size < 10:
        raise ValueError(f"a voltage trace needs at least 10 samples, got {t.size}")
    if not np.all(np.isfinite(v)):
        raise ValueError(f"voltage has {int(np.sum(~np.isfinite(v)))} samples that are not finite")
    if not np.all(np.diff(t) > 0):
        raise ValueError("time must increase from sample to sample")
    return t, v


def _efel(
    t: NDArray[np.float64],
    v: NDArray[np.float64],
    start: float,
    end: float,
    threshold: float,
    names: Sequence[str],
) -> dict[str, NDArray[np.float64]]:
    """Values of eFEL features; an empty array where eFEL has none. Times are in ms, voltages in mV."""
    with _efel_settings(threshold * 1e3, float(np.median(np.diff(t))) * 1e3):
        trace = {"T": t * 1e3, "V": v * 1e3, "stim_start": [start * 1e3], "stim_end": [end * 1e3]}
        values = efel.get_feature_values([trace], list(names), raise_warnings=False)[0]
    return {key: np.array([]) if value is None else np.asarray(value, dtype=float) for key, value in values.items()}


def spike_times(time: Any, voltage: Any, threshold: Quantity = SPIKE_THRESHOLD) -> Quantity:
    """Times of the peaks of all spikes in a voltage trace (eFEL ``peak_time``).

    Parameters
    ----------
    time : Quantity (second), shape (n,)
        Regularly spaced.
    voltage : Quantity (volt), shape (n,)
        The trace.
    threshold : Quantity (volt)
        Voltage that a spike exceeds; see `SPIKE_THRESHOLD`.

    Returns
    -------
    Quantity (second), shape (spikes,)
        Ascending; empty without spikes.

    Notes
    -----
    The peak comes up to a millisecond after the threshold crossing that a Brian2 ``SpikeMonitor`` reports.
    """
    t, v = _trace(time, voltage)
    level = si_number(threshold, volt, "threshold")
    return _efel(t, v, t[0], t[-1], level, ["peak_time"])["peak_time"] * 1e-3 * second


def step_features(
    time: Any, voltage: Any, start: Quantity, end: Quantity, threshold: Quantity = SPIKE_THRESHOLD
) -> StepFeatures:
    """Features of the response to a step, from eFEL.

    Parameters
    ----------
    time : Quantity (second), shape (n,)
        Regularly spaced.
    voltage : Quantity (volt), shape (n,)
        The trace, recorded or simulated.
    start, end : Quantity (second)
        The step; spikes outside it are ignored.
    threshold : Quantity (volt)
        Voltage that a spike exceeds.

    Returns
    -------
    StepFeatures
        NaN where there are too few spikes.

    Raises
    ------
    ValueError
        When the trace is malformed or the step does not lie within it.
    """
    t, v = _trace(time, voltage)
    first, last = si_number(start, second, "start"), si_number(end, second, "end")
    spacing = (t[-1] - t[0]) / (t.size - 1)
    if not t[0] <= first < last <= t[-1] + 1.5 * spacing:
        raise ValueError(
            f"the step from {first:g} to {last:g} s must lie within the trace from {t[0]:g} to {t[-1]:g} s"
        )
    names = [
        "peak_time",
        "mean_frequency",
        "time_to_first_spike",
        "ISI_CV",
        "adaptation_index2",
        "spike_half_width",
    ]
    values = _efel(t, v, first, last, si_number(threshold, volt, "threshold"), names)

    def single(name: str) -> float:
        return float(np.median(values[name])) if values[name].size else float("nan")

    return StepFeatures(
        spike_times=values["peak_time"] * 1e-3 * second,
        mean_frequency=single("mean_frequency") * Hz,
        latency=single("time_to_first_spike") * ms,
        isi_cv=single("ISI_CV"),
        adaptation_index=single("adaptation_index2"),
        half_width=single("spike_half_width") * ms,
    )


def latency(train: Any, start: Quantity) -> Quantity:
    """Time from `start` to the first spike at or after it; NaN without one.

    Parameters
    ----------
    train : Quantity (second), shape (n,)
        Ascending spike times.
    start : Quantity (second)
        From where it is counted.

    Returns
    -------
    Quantity (second)
        NaN where no spike comes.
    """
    times = si_train(train, second)
    first = si_number(start, second, "start")
    later = times[times >= first]
    return (float(later[0]) - first if later.size else float("nan")) * second


def _curve(amplitudes: Any, rates: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    stimulus = np.asarray(amplitudes, dtype=float)
    rate = si_array(rates, Hz, "rates")
    if stimulus.ndim != 1 or stimulus.shape != rate.shape:
        raise ValueError(f"amplitudes and rates must be equally long, got shapes {stimulus.shape} and {rate.shape}")
    order = np.argsort(stimulus, kind="stable")
    return stimulus[order], rate[order]


def rheobase(amplitudes: Any, rates: Any) -> Quantity:
    """Smallest step amplitude with at least one spike, in the units of `amplitudes`.

    Its resolution is the spacing of the amplitudes. NaN when nothing fires; zero or negative for a cell that
    fires without stimulation, for which a rheobase means little.

    Parameters
    ----------
    amplitudes : Quantity (any unit), shape (steps,)
        Of the steps, in any order.
    rates : Quantity (hertz), shape (steps,)
        The response to each.

    Returns
    -------
    Quantity (any unit)
        In the unit of `amplitudes`.
    """
    stimulus, rate = _curve(amplitudes, rates)
    firing = stimulus[rate > 0]
    return Quantity(firing[0] if firing.size else math.nan, dim=get_dimensions(amplitudes))


def gain(amplitudes: Any, rates: Any) -> Quantity:
    """Slope of the f-I curve: least-squares slope of rate against amplitude from the rheobase up.

    Parameters
    ----------
    amplitudes : Quantity (any unit), shape (steps,)
        Of the steps, in any order.
    rates : Quantity (hertz), shape (steps,)
        The response to each.

    Returns
    -------
    Quantity (any unit)
        Hertz per unit of amplitude; NaN when fewer than two amplitudes are at or above the rheobase.
    """
    stimulus, rate = _curve(amplitudes, rates)
    if not np.any(rate > 0):
        slope = math.nan
    else:
        above = stimulus >= stimulus[rate > 0][0]
        x, y = stimulus[above], rate[above]
        spread = float(np.sum((x - x.mean()) ** 2))
        slope = float(np.sum((x - x.mean()) * (y - y.mean()))) / spread if spread > 0 else math.nan
    return Quantity(slope, dim=get_dimensions(Hz) / get_dimensions(amplitudes))


def action_potential_energy(capacitance: Quantity, amplitude: Quantity, overlap: float = 1.24) -> Quantity:
    """Estimate of what one action potential of a cell costs, as the ATP that pumps the sodium out again::

        E = overlap * C_m * dV / e / 3 * 8.3e-20 J

    ``C_m dV / e`` is the least number of sodium ions that charge the membrane, the pump takes out three for
    each ATP, and the hydrolysis of one ATP yields about 8.3e-20 J (50 kJ/mol).

    Parameters
    ----------
    capacitance : Quantity (farad)
        Of the membrane that takes part in the spike; shape (n,) or a single one.
    amplitude : Quantity (volt)
        Height of the action potential above the resting voltage.
    overlap : float
        Sodium that enters, as a multiple of the least amount: the rest flows while potassium leaves already.
        About 1.25 in cortical pyramidal neurons and 2 in fast-spiking ones; 1 is the lower limit of the
        estimate. Attwell & Laughlin used 4, after the squid axon.

    Returns
    -------
    Quantity (joule)
        Of the shape that capacitance and amplitude have together.

    Raises
    ------
    ValueError
        When the capacitance or the amplitude is not greater than zero, or the overlap is below 1.

    Notes
    -----
    The capacitance measured at the soma leaves out the axon and distant dendrites, so the estimate is a lower
    limit for the whole cell. 100 pF and 100 mV give 2.1 pJ. Sources: Attwell & Laughlin 2001,
    doi:10.1097/00004647-200110000-00001 (method); Carter & Bean 2009, doi:10.1016/j.neuron.2009.12.011
    (overlap).
    """
    c = si_array(capacitance, farad, "capacitance")
    height = si_array(amplitude, volt, "amplitude")
    for name, value in (("capacitance", c), ("amplitude", height)):
        if not np.all(value > 0):
            raise ValueError(f"{name} must be greater than zero, got {value}")
    if not overlap >= 1:
        raise ValueError(f"overlap must be at least 1, got {overlap}")
    return overlap * c * height / _ELEMENTARY_CHARGE / _SODIUM_PER_ATP * _ENERGY_PER_ATP * joule
