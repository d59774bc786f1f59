"""Take the voltage drop over the access resistance out of a recording.

With one electrode the recorded voltage is that of the membrane plus that of the electrode. Either the electrode is a
resistance R_a that someone noted, and bridge balance takes R_a times the current out, or its response is estimated
from a recording of small noise and convolved with the current: active electrode compensation, R. Brette et al.,
Neuron 59:379 (2008), doi:10.1016/j.neuron.2008.07.021.
"""

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from brian2 import Quantity, amp, ms, ohm, second, volt
from numpy.typing import NDArray
from scipy.linalg import solve_toeplitz
from scipy.optimize import minimize_scalar
from scipy.signal import correlate, lfilter

from memneuro.biology._quantities import si_array, si_number
from memneuro.biology.features import SPIKE_THRESHOLD
from memneuro.biology.recordings import Recording, Sweep

__all__ = ["ElectrodeKernel", "compensate", "electrode_kernel"]

_UNCOMPENSATED = "The voltage is not compensated for the access resistance"


@dataclass(frozen=True, eq=False)
class ElectrodeKernel:
    """Linear response of an electrode, and of the membrane behind it, to current.

    Attributes
    ----------
    kernel : Quantity (ohm), shape (n,)
        Electrode kernel: what one sample of current adds to the voltage 0, 1, ... samples later.
    full : Quantity (ohm), shape (m,)
        The same for electrode and membrane together, from which the electrode kernel was taken.
    sampling_interval : Quantity (second)
        Of the recording, and of both kernels.
    membrane_time_constant : Quantity (second)
        Of the exponential that was fitted to the tail of the full kernel.
    membrane_resistance : Quantity (ohm)
        Integral of that exponential. Too small where the full kernel is shorter than several time constants.
    """

    kernel: Quantity
    full: Quantity
    sampling_interval: Quantity
    membrane_time_constant: Quantity
    membrane_resistance: Quantity

    @property
    def resistance(self) -> Quantity:
        """Integral of the electrode kernel, the access resistance in ohm."""
        return np.sum(np.asarray(self.kernel)) * ohm


def _full_kernel(recording: Recording, lags: int) -> NDArray[np.float64]:
    """Regress the change of voltage on the changes of current up to `lags` samples ago, over all sweeps."""
    power, cross = np.zeros(lags), np.zeros(lags)
    for sweep in recording.sweeps:
        current = np.diff(si_array(sweep.current, amp, "current"))
        voltage = np.diff(si_array(sweep.voltage, volt, "voltage"))
        middle = current.size - 1
        power += correlate(current, current, method="fft")[middle : middle + lags]
        cross += correlate(voltage, current, method="fft")[middle : middle + lags]
    if not power[0] > 0:
        raise ValueError(f"{recording.name} ({recording.protocol}) has a constant current; needed is noise")
    return solve_toeplitz(power, cross)


def _exponential(kernel: NDArray[np.float64], start: int) -> tuple[float, float]:
    """Amplitude at lag 0 and decay per sample of the exponential that fits the kernel best from `start` on."""
    lags = np.arange(start, kernel.size)
    tail = kernel[start:]

    def amplitude(log_tau: float) -> tuple[float, NDArray[np.float64]]:
        shape = np.exp(-lags / np.exp(log_tau))
        return float(shape @ tail / (shape @ shape)), shape

    def error(log_tau: float) -> float:
        size, shape = amplitude(log_tau)
        return float(np.sum((tail - size * shape) ** 2))

    best = minimize_scalar(error, bounds=(np.log(start + 1), np.log(10 * kernel.size)), method="bounded").x
    return amplitude(best)[0], float(np.exp(-1 / np.exp(best)))


def _without_membrane(
    full: NDArray[np.float64], amplitude: float, decay: float, resistance: float
) -> NDArray[np.float64]:
    """Solve full = k + (amplitude decay^n) * k / resistance for the electrode kernel k."""
    ratio = amplitude / resistance
    return full - lfilter([ratio / (1 + ratio)], [1, -decay / (1 + ratio)], full)


def electrode_kernel(
    recording: Recording, electrode: Quantity = 0.5 * ms, length: Quantity = 150 * ms
) -> ElectrodeKernel:
    r"""Estimate the response of the electrode from a recording of small noise, such as ``aec``.

    The full kernel :math:`K`, with :math:`V_n = \sum_k K_k I_{n-k}`, comes from linear regression, done on the changes
    from sample to sample so that slow drifts do not matter. The membrane's part of it is taken to be an exponential,
    fitted to :math:`K` from `electrode` on. The current reaches the membrane through the electrode, so that

    .. math:: K = K_e + \frac{K_m * K_e}{R_a}, \qquad K_m(n) = A\, e^{-n\,\Delta t / \tau_m}, \qquad R_a = \sum_k K_e(k)

    with :math:`K`, :math:`K_e`, :math:`A` and :math:`R_a` in ohm; this is solved for :math:`K_e` up to `electrode`.

    Parameters
    ----------
    recording : Recording
        Fluctuating current and the voltage below threshold.
    electrode : Quantity (second)
        How long the electrode's response lasts. Longer also counts what charges first in the cell, near the electrode,
        as electrode.
    length : Quantity (second)
        How long the full kernel is; five or more membrane time constants.

    Returns
    -------
    ElectrodeKernel

    Raises
    ------
    ValueError
        When the voltage exceeds `memneuro.biology.SPIKE_THRESHOLD`, the current is constant, the recording is shorter
        than ten kernels, the kernel is not longer than twice the electrode's, or no positive resistance comes out.

    Notes
    -----
    R. Brette et al., Neuron 59:379 (2008), doi:10.1016/j.neuron.2008.07.021.

    The estimate grows with `electrode`, as the fast part of a cell's own response is not the single exponential that
    is subtracted: for the six raphe cells it is 16 to 27 Mohm at 0.5 ms and 20 to 34 Mohm at 1 ms. At 0.5 ms it differs
    from the access resistance that the authors noted by -8 to +9 Mohm.
    """
    dt = si_number(recording.sampling_interval, second, "sampling interval", positive=True)
    start = int(round(si_number(electrode, second, "electrode", positive=True) / dt))
    lags = int(round(si_number(length, second, "length", positive=True) / dt))
    if not 1 <= start < lags / 2:
        raise ValueError(
            f"the electrode's {start} samples must be at least 1 and fewer than half of the kernel's {lags}; "
            f"a sample is {recording.sampling_interval}"
        )
    shortest = min(len(sweep.time) for sweep in recording.sweeps)
    if shortest < 10 * lags:
        raise ValueError(
            f"{recording.name} ({recording.protocol}) has sweeps of {shortest} samples; "
            f"a kernel of {length} needs at least {10 * lags}"
        )
    highest = max(float(np.max(np.asarray(sweep.voltage))) for sweep in recording.sweeps)
    if highest > float(SPIKE_THRESHOLD):
        raise ValueError(
            f"{recording.name} ({recording.protocol}) has spikes: its voltage reaches {highest * 1e3:.1f} mV; "
            f"accepted is up to {SPIKE_THRESHOLD}"
        )
    full = _full_kernel(recording, lags)
    amplitude, decay = _exponential(full, start)

    # At the solution the resistance assumed is the integral of the kernel that follows from it.
    found = float(np.sum(full[:start] - amplitude * decay ** np.arange(start)))
    for _ in range(100):
        if not (amplitude > 0 and found > 0):
            raise ValueError(f"{recording.name} ({recording.protocol}) yields no positive access resistance")
        found = float(np.sum(_without_membrane(full[:start], amplitude, decay, found)))
    return ElectrodeKernel(
        kernel=_without_membrane(full[:start], amplitude, decay, found) * ohm,
        full=full * ohm,
        sampling_interval=recording.sampling_interval,
        membrane_time_constant=-dt / np.log(decay) * second,
        membrane_resistance=amplitude / (1 - decay) * ohm,
    )


def _drop(current: NDArray[np.float64], kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Voltage over the electrode; before the sweep the current is taken to be that of its first sample."""
    before = np.full(kernel.size - 1, current[0])
    return np.convolve(np.concatenate((before, current)), kernel, mode="valid")


def compensate(
    recording: Recording, resistance: Quantity | None = None, *, kernel: ElectrodeKernel | None = None
) -> Recording:
    r"""Take the voltage drop over the electrode out of a recording.

    .. math:: V_m(t) = V(t) - R_a\, I(t) \qquad\text{or}\qquad V_m(n) = V(n) - \sum_k K_e(k)\, I(n-k)

    in volts, amperes and ohm: bridge balance with a resistance, active electrode compensation with a kernel.

    Parameters
    ----------
    recording : Recording
        With the voltage as recorded. It is not changed.
    resistance : Quantity (ohm), optional
        R_a; by default ``recording.metadata["access_resistance"]``.
    kernel : ElectrodeKernel, optional
        As estimated by `electrode_kernel` from another recording with the same electrode and sampling interval.

    Returns
    -------
    Recording
        With ``metadata["compensated_resistance"]``, and ``traps`` that say so.

    Raises
    ------
    ValueError
        When resistance and kernel are both given, the resistance is not known or not positive, the kernel has another
        sampling interval, or the recording has been compensated before.

    Notes
    -----
    R. Brette et al., Neuron 59:379 (2008), doi:10.1016/j.neuron.2008.07.021.

    In the training recordings of the raphe cells (noise of 65 pA) it moves no spike by more than 0.2 ms, lowers the
    median peak by 2 to 5 mV, and makes the number of spikes independent of the threshold: from -20 to 0 mV it is the
    same in every cell but DRN159. In the tests the fluctuations that exceed -15 mV before are below it afterwards.
    """
    if "compensated_resistance" in recording.metadata:
        raise ValueError(
            f"{recording.name} has been compensated for {recording.metadata['compensated_resistance']} before; "
            "start from the recording as loaded"
        )
    if kernel is not None:
        if resistance is not None:
            raise ValueError("give a resistance or a kernel, not both")
        dt = si_number(recording.sampling_interval, second, "sampling interval", positive=True)
        if not np.isclose(dt, float(kernel.sampling_interval), rtol=1e-6, atol=0):
            raise ValueError(
                f"{recording.name} is sampled every {recording.sampling_interval}, the kernel every "
                f"{kernel.sampling_interval}; needed is the same"
            )
        response, how = np.asarray(kernel.kernel, dtype=float), "an electrode kernel"
    else:
        given: Any = recording.metadata.get("access_resistance") if resistance is None else resistance
        if given is None:
            raise ValueError(f"{recording.name} states no access resistance; give resistance= or kernel=")
        response, how = np.array([si_number(given, ohm, "resistance", positive=True)]), "bridge balance"
    total = float(np.sum(response)) * ohm
    sweeps = tuple(
        Sweep(
            sweep.time,
            (si_array(sweep.voltage, volt, "voltage") - _drop(si_array(sweep.current, amp, "current"), response))
            * volt,
            sweep.current,
        )
        for sweep in recording.sweeps
    )
    traps = tuple(trap for trap in recording.traps if not trap.startswith(_UNCOMPENSATED))
    return replace(
        recording,
        sweeps=sweeps,
        traps=(*traps, f"The voltage has been compensated for an access resistance of {total} by {how}."),
        metadata=MappingProxyType({**recording.metadata, "compensated_resistance": total}),
    )
