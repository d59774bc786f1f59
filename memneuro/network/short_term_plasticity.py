r"""Short-term plasticity of a volatile synapse, and the Tsodyks-Markram synapse that describes it.

The phenomenological synapse of M. Tsodyks, K. Pawelzik and H. Markram 1998, doi:10.1162/089976698300017502: spike n
releases A u_n R_n, with

.. math::

   u_{n+1} &= U + u_n (1 - U) e^{-\Delta t/\tau_f}, \qquad u_1 = U \\
   R_{n+1} &= 1 + (R_n (1 - u_n) - 1) e^{-\Delta t/\tau_r}, \qquad R_1 = 1

It is fitted to what the device's equations release on regular trains, and then has to tell what they release on trains
it was not fitted to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from brian2 import Network, Quantity, StateMonitor, TimedArray, ms, second, volt
from scipy.optimize import least_squares

from memneuro.backend import backend as use_backend
from memneuro.circuit.device_circuit import whole_number
from memneuro.circuit.drive import Sampled
from memneuro.network.volatile_synapse import VolatileSynapse

#: Parameters of the Tsodyks-Markram synapse.
PARAMETERS = ("scale_c", "u_rest", "tau_facilitation_s", "tau_recovery_s")

_GRID_S = 1e-3
_TAIL_S = 20e-3


def released(
    synapse: VolatileSynapse,
    trains: Mapping[str, Sequence[float]],
    *,
    width: Quantity = 5 * ms,
    trials: int = 100,
    seed: int = 0,
    dt: Quantity | None = None,
    backend: str = "cython",
) -> pd.DataFrame:
    """Charge that each spike of some trains releases.

    Parameters
    ----------
    synapse : VolatileSynapse
    trains : mapping of str to sequence of float
        Spike times (s), rising, at least a pulse and a millisecond apart, the first at 0 or later; they are rounded to
        milliseconds.
    width : Quantity (second)
        Duration of the pulse of a spike, a whole number of milliseconds.
    trials : int
        Synapses with noise of their own that hear each train.
    seed : int
    dt : Quantity (second), optional
        By default that of the device's card.
    backend : str
        ``"numpy"`` or ``"cython"``.

    Returns
    -------
    DataFrame
        One row a spike: ``train``, ``spike`` (from 1), ``time_s``, ``charge_c`` (mean over the trials, coulomb),
        ``error_c`` (standard error of that mean), ``switched`` (share of the trials in which the device released
        at least a tenth of the largest charge of the train).

    Raises
    ------
    ValueError
        For no trains, spikes too close to each other, a bad width, backend or number of trials.
    """
    trials = whole_number(trials, "trials", 2, 10**6)
    if backend not in ("numpy", "cython"):
        raise ValueError(f"backend = {backend!r}; accepted: numpy, cython")
    pulse = float(width / second) / _GRID_S
    if abs(pulse - round(pulse)) > 1e-9 or pulse < 1:
        raise ValueError(f"width = {width!r}; accepted: a whole number of milliseconds")
    bins = {name: np.round(np.asarray(times, dtype=float) / _GRID_S).astype(int) for name, times in trains.items()}
    if not bins:
        raise ValueError("trains = {}; accepted: at least one train")
    for name, one in bins.items():
        if one.ndim != 1 or not len(one) or one[0] < 0 or (np.diff(one) <= round(pulse)).any():
            raise ValueError(
                f"train {name!r}; accepted: at least one spike, rising from 0 on, more than {width!s} apart"
            )
    length = max(one[-1] for one in bins.values()) + round(pulse) + round(_TAIL_S / _GRID_S)
    source = np.zeros((length + 1, len(bins)))
    for column, one in enumerate(bins.values()):
        for start in one:
            source[start : start + round(pulse), column] = 1
    height = float(synapse.circuit["v_pulse"] / volt)
    drive = Sampled(TimedArray(height * np.repeat(source, trials, axis=1) * volt, dt=_GRID_S * second))
    with use_backend(backend):
        group = synapse.group(len(bins) * trials, drive=drive, seed=seed, dt=dt)
        monitor = StateMonitor(group, "charge", record=True, dt=_GRID_S * second)
        Network(group, monitor).run(length * _GRID_S * second)
        charge = np.asarray(monitor.charge).reshape(len(bins), trials, -1)
    rows = []
    for column, (name, one) in enumerate(bins.items()):
        sent = np.diff(charge[column][:, [*one, charge.shape[2] - 1]], axis=1)
        for spike, start in enumerate(one):
            rows.append(
                {
                    "train": name,
                    "spike": spike + 1,
                    "time_s": start * _GRID_S,
                    "charge_c": sent[:, spike].mean(),
                    "error_c": sent[:, spike].std(ddof=1) / np.sqrt(trials),
                    "switched": np.mean(sent[:, spike] > 0.1 * sent.max()),
                }
            )
    return pd.DataFrame(rows)


def tsodyks_markram(
    times_s: Sequence[float] | np.ndarray,
    *,
    scale_c: float,
    u_rest: float,
    tau_facilitation_s: float,
    tau_recovery_s: float,
) -> np.ndarray:
    """Charge of each spike, shape of `times_s` (s); see the module's documentation.

    Parameters
    ----------
    times_s : array_like, shape (spikes,)
        Ascending times in seconds.
    scale_c : float
        Charge of a spike with everything released, in coulomb.
    u_rest : float
        U, the share that is released at rest.
    tau_facilitation_s, tau_recovery_s : float
        Time constants in seconds.

    Raises
    ------
    ValueError
        If U is outside 0 to 1 or a time constant is not greater than zero.
    """
    if not 0 <= u_rest <= 1:
        raise ValueError(f"u_rest = {u_rest!r}; accepted: from 0 to 1")
    for name, value in (("tau_facilitation_s", tau_facilitation_s), ("tau_recovery_s", tau_recovery_s)):
        if not value > 0:
            raise ValueError(f"{name} = {value!r}; accepted: greater than zero")
    found, use, left = [], u_rest, 1.0
    times = np.asarray(times_s, dtype=float)
    for wait in [*np.diff(times), 0.0]:
        found.append(scale_c * use * left)
        left = 1 + (left * (1 - use) - 1) * np.exp(-wait / tau_recovery_s)
        use = u_rest + use * (1 - u_rest) * np.exp(-wait / tau_facilitation_s)
    return np.array(found)


def fit_tsodyks_markram(measured: pd.DataFrame) -> dict[str, float]:
    """The Tsodyks-Markram synapse that is nearest to all trains of :func:`released`.

    Least squares over the spikes, from several starts; time constants between 1 ms and 10 s.

    Returns
    -------
    dict
        The :data:`PARAMETERS`.
    """
    largest = measured["charge_c"].max()

    def misfit(p: np.ndarray) -> np.ndarray:
        values = _named(p, largest)
        return (predicted(measured, values) - measured["charge_c"].to_numpy()) / largest

    starts = [
        (np.log(scale), u, np.log(facilitation), np.log(recovery))
        for scale in (1.0, 5.0)
        for u in (0.1, 0.5, 0.9)
        for facilitation, recovery in ((0.3, 0.01), (0.01, 0.3), (0.3, 0.3))
    ]
    low, high = np.log([1e-2, 1e-3, 1e-3]), np.log([1e3, 10.0, 10.0])
    bounds = ([low[0], 0.0, low[1], low[2]], [high[0], 1.0, high[1], high[2]])
    fits = [least_squares(misfit, start, bounds=bounds) for start in starts]
    return _named(min(fits, key=lambda fit: fit.cost).x, largest)


def _named(p: Any, largest: float) -> dict[str, float]:
    values = (largest * np.exp(p[0]), p[1], np.exp(p[2]), np.exp(p[3]))
    return {name: float(value) for name, value in zip(PARAMETERS, values, strict=True)}


def predicted(measured: pd.DataFrame, values: Mapping[str, float]) -> np.ndarray:
    """What a Tsodyks-Markram synapse releases at the spikes of a frame of :func:`released`, in coulomb.

    Parameters
    ----------
    measured : DataFrame
        As :func:`released` gives it; ``train`` and ``time_s`` are read.
    values : mapping of str to float
        The arguments of :func:`tsodyks_markram`.
    """
    parts = [tsodyks_markram(part["time_s"].to_numpy(), **values) for _, part in measured.groupby("train", sort=False)]
    return np.concatenate(parts)


def explained(measured: pd.DataFrame, values: Mapping[str, float]) -> float:
    """Share of the variance over the spikes of a frame that a Tsodyks-Markram synapse explains (R squared).

    Parameters
    ----------
    measured : DataFrame
        As :func:`released` gives it; ``train``, ``time_s`` and ``charge_c`` are read.
    values : mapping of str to float
        The arguments of :func:`tsodyks_markram`.
    """
    found = measured["charge_c"].to_numpy()
    return float(1 - np.sum((found - predicted(measured, values)) ** 2) / np.sum((found - found.mean()) ** 2))
