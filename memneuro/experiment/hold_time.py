r"""How long a closed channel holds, against the current that made it (channel-area model).

A pulse closes the gap and then widens the channel; the device is read at 0 V through its resistance. While the channel
is wide its length is frozen, and it thins as :math:`dS/dt = -\gamma_3 e^{S - 1}`. So a channel of cross-section
:math:`S_0 > \sqrt{e}` at the end of the pulse has lost a factor e of its conductance, which goes as S^2, after

.. math:: t_{1/e} = \frac{e^{1 - S_0/\sqrt e} - e^{1 - S_0}}{\gamma_3},

and one that stayed at S = 1 as soon as its gap has opened by :math:`g^*`, after about :math:`g^*/\gamma_1`:

.. math:: e^{g^*/\lambda} = 1 + (e - 1)\,\frac{R_{on}}{R_{off}}\,(e^{1/\lambda} - 1).

The current in the pulse is V S_0^2/R_on. The time until the channel opens, ``hold_ms``, is the thinning
:math:`(1 - e^{1 - S_0})/\gamma_3` and the opening: it grows with the current, towards 1/gamma_3
(doi:10.1038/s41467-018-07979-0 has the growth with the filament's width). The relaxation to 1/e grows from that of a
thin channel to its largest value near :math:`S_0 = \sqrt e` and falls slowly beyond, where it no longer contains the
opening and a wider channel thins faster. Source of the model: doi:10.1109/TCASAI.2024.3484370.

**Two delays.** ``contact_ms`` is when the current rises through a fixed value, ``half_ms`` when the conductance has
reached half of what it is at the end of the pulse. For a thin channel they agree; a thick one goes on widening after
contact. :func:`fit_one_set` fits the first, because no single set can fit the second: with one growth rate the thick
channel makes contact when the thin one does, and comes to half its conductance about a millisecond later.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from brian2 import Hz, Quantity, amp, ms, ohm, uA, us, volt
from scipy.stats import qmc

from memneuro.circuit.drive import check
from memneuro.circuit.source_meter import SourceMeter
from memneuro.experiment.pulse_response import watch_pulse
from memneuro.experiment.target import measured_devices

#: The two conditions of devices_measured.csv: 0.5 V for 4 ms, to two currents.
ROWS = {"thin": "Ag 0.5 V 4 ms at 11.5 uA", "thick": "Ag 0.5 V 4 ms at 63-114 uA"}
#: What the search is free to choose, with its bounds: theta once for each condition, the rest shared.
BOUNDS = {
    "mu": (500.0, 3000.0),
    "gamma1": (2.0, 10.0),
    "gamma3": (5.0, 20.0),
    "r_on": (3.5e4, 5.1e4),
    "theta_thin": (0.5, 50.0),
    "theta_thick": (500.0, 5000.0),
}
_UNITS = {"mu": Hz / volt, "gamma1": Hz, "gamma3": Hz, "r_on": ohm, "theta": Hz / volt}


def hold_times(
    meter: SourceMeter,
    *,
    voltage: Quantity = 0.5 * volt,
    width: Quantity = 4 * ms,
    after: Quantity = 150 * ms,
    contact: Quantity = 1 * uA,
    trials: int = 1,
    sample_step: Quantity = 20 * us,
    dt: Quantity | None = None,
    seed: int = 0,
    noise: bool = False,
    check_step: bool = True,
    **parameters: Any,
) -> pd.DataFrame:
    """Delays, resistance, cross-section and relaxation of many devices under one pulse, in one group.

    Parameters
    ----------
    meter : SourceMeter
        With the model ``area``; its compliance is set to 1 A.
    voltage : Quantity (volt)
        Of the pulse; after it the voltage is zero.
    width : Quantity (second)
        Of the pulse.
    after : Quantity (second)
        How long the device is watched after the pulse.
    contact : Quantity (amp)
        Current that counts as contact.
    trials : int
        Devices for each condition.
    sample_step : Quantity (second)
        Interval of the readings; times are interpolated between them.
    dt : Quantity (second), optional
        Time step; by default the card's.
    seed : int
        Of the noise and the spread.
    noise : bool
        Whether the devices fluctuate.
    check_step : bool
        False accepts any step.
    **parameters : Quantity (any unit), one or shape (conditions,)
        Card values to replace, one for all conditions or one for each: ``theta=[1, 100]*Hz/volt``.

    Returns
    -------
    DataFrame
        One row a condition and trial: ``condition``, ``trial``, ``contact_ms`` and ``half_ms`` (infinite: not reached),
        ``cross_section``, ``resistance_ohm`` and ``current_uA`` at the end of the pulse, ``relaxation_ms`` (until 1/e
        of the conductance at the end of the pulse), ``hold_ms`` (until 1/e of that of a closed channel with S = 1; both
        infinite: later than watched, and NaN without contact) and ``step_us``.

    Raises
    ------
    ValueError
        If the model is another, the conditions disagree in number, or a value is out of range.
    """
    if meter.device.model != "area":
        raise ValueError(f"model = {meter.device.model!r}; accepted: 'area'")
    check("voltage", voltage, volt, positive=True)
    check("contact", contact, amp, positive=True)
    sizes = {np.size(value) for value in parameters.values() if np.ndim(value) > 0}
    if len(sizes) > 1:
        raise ValueError(f"parameters of {sorted(sizes)} values; accepted: one value each or as many as conditions")
    conditions = sizes.pop() if sizes else 1
    spread: dict[str, Any] = {
        name: np.repeat(value, trials) if np.ndim(value) > 0 else value for name, value in parameters.items()
    }
    spread |= {"dt": dt, "seed": seed, "noise": noise, "check_step": check_step}
    group, monitor = watch_pulse(
        meter,
        conditions * trials,
        voltage,
        width,
        0 * volt,
        after,
        sample_step,
        ("g_device", "s_channel"),
        **spread,
    )
    time, conductance = np.asarray(monitor.t / ms), np.asarray(monitor.g_device)
    at = int(np.argmin(np.abs(time - float(width / ms))))
    last = conductance[:, at]
    level = float(contact / voltage)
    pulse, later = slice(None, at + 1), slice(at, None)
    touched = _crossing(time[pulse], conductance[:, pulse], np.full(last.size, level), upwards=True)
    relaxation = _crossing(time[later], conductance[:, later], last / math.e, upwards=False) - time[at]
    alone = 1 / np.broadcast_to(np.asarray(group.r_on), last.shape)
    hold = _crossing(time[later], conductance[:, later], alone / math.e, upwards=False) - time[at]
    return pd.DataFrame(
        {
            "condition": np.repeat(np.arange(conditions), trials),
            "trial": np.tile(np.arange(trials), conditions),
            "contact_ms": touched,
            "half_ms": _crossing(time[pulse], conductance[:, pulse], last / 2, upwards=True),
            "cross_section": np.asarray(monitor.s_channel)[:, at],
            "resistance_ohm": 1 / last,
            "current_uA": float(voltage) * last * 1e6,
            "relaxation_ms": np.where(np.isfinite(touched), relaxation, np.nan),
            "hold_ms": np.where(np.isfinite(touched), hold, np.nan),
            "step_us": float(group.clock.dt) * 1e6,
        }
    )


def thinning_time(cross_section: Any, gamma3: Quantity) -> np.ndarray:
    """The closed form of the relaxation of a thick channel (ms); NaN where the channel is not above sqrt(e).

    Parameters
    ----------
    cross_section : float or array_like
        S at the end of the pulse.
    gamma3 : Quantity (hertz)
        Rate at which a channel thins.
    """
    start = np.asarray(cross_section, dtype=float)
    time = (np.exp(1 - start / np.sqrt(math.e)) - np.exp(1 - start)) / float(gamma3) * 1e3
    return np.where(start > np.sqrt(math.e), time, np.nan)


def opening_gap(meter: SourceMeter) -> float:
    """The gap (fraction of the whole) at which a thin channel has lost a factor e of its conductance."""
    r_on, r_off, length = (meter.device.parameters[name].value for name in ("r_on", "r_off", "tunnel_length"))
    return float(length * np.log1p((math.e - 1) * r_on / r_off * np.expm1(1 / length)))


def targets() -> pd.DataFrame:
    """Measured ``delay_ms``, ``relaxation_ms`` and ``resistance_ohm`` of the two conditions, thin and thick."""
    table = measured_devices().set_index("device").loc[list(ROWS.values())]
    return pd.DataFrame(
        {
            "condition": list(ROWS),
            "delay_ms": table["delay_ms_median"].to_numpy(),
            "relaxation_ms": table["relaxation_ms_median"].to_numpy(),
            "resistance_ohm": table["low_resistance_ohm"].to_numpy(),
        }
    )


def fit_one_set(
    meter: SourceMeter, *, candidates: int = 256, rounds: int = 3, dt: Quantity = 20 * us, after: Quantity = 60 * ms
) -> pd.DataFrame:
    """Search one set of mu, gamma1, gamma3 and r_on for both conditions; only theta, the thickening, differs.

    Deterministic: Sobol points within ``BOUNDS`` in the logarithm, then within a third of that range about the best,
    and so on. The error is the mean square of ln(simulated/measured) over contact delay, relaxation and resistance of
    both conditions. All candidates are neurons of one group, without noise.

    Parameters
    ----------
    meter : SourceMeter
        What is not free comes from its card.
    candidates : int
        Points a round, a power of two.
    rounds : int
        Number of rounds.
    dt, after : Quantity (second)
        Step of the search, and how long each device is watched.

    Returns
    -------
    DataFrame
        One row a round: ``round``, ``error`` and the best values so far (SI units), the last row being the result.

    Raises
    ------
    ValueError
        If the number of candidates is not a power of two.
    """
    if isinstance(candidates, bool) or candidates < 2 or candidates & (candidates - 1):
        raise ValueError(f"candidates = {candidates!r}; accepted: a power of two")
    wanted = targets()[["delay_ms", "relaxation_ms", "resistance_ohm"]].to_numpy()
    low, high = np.log(np.array(list(BOUNDS.values()))).T
    centre, reach = (low + high) / 2, (high - low) / 2
    best, least, rows = centre, np.inf, []
    for number in range(rounds):
        unit = qmc.Sobol(len(BOUNDS), scramble=False).random(candidates)
        points = np.vstack([best, np.clip(best + (2 * unit - 1) * reach / 3**number, low, high)])
        found = both_conditions(meter, dict(zip(BOUNDS, np.exp(points).T, strict=True)), dt=dt, after=after)
        value = found[["contact_ms", "relaxation_ms", "resistance_ohm"]].to_numpy().reshape(2, len(points), 3)
        with np.errstate(invalid="ignore", over="ignore"):
            error = np.nan_to_num(np.mean(np.log(value / wanted[:, None]) ** 2, axis=(0, 2)), nan=np.inf, posinf=np.inf)
        if error.min() < least:
            best, least = points[error.argmin()], float(error.min())
        rows.append({"round": number, "error": least, **dict(zip(BOUNDS, np.exp(best), strict=True))})
    return pd.DataFrame(rows)


def both_conditions(meter: SourceMeter, values: Mapping[str, Any], **options: Any) -> pd.DataFrame:
    """:func:`hold_times` of one or more parameter sets, first all of them as thin and then as thick devices.

    Parameters
    ----------
    meter : SourceMeter
        What is not in `values` comes from its card.
    values : mapping of str to float or array
        The names of ``BOUNDS``, in SI units.
    **options : object
        Of :func:`hold_times`.

    Returns
    -------
    DataFrame
        As of :func:`hold_times`; ``condition`` counts the thin devices, then the thick ones.

    Raises
    ------
    ValueError
        If `values` has other names than ``BOUNDS``, and as :func:`hold_times`.
    """
    if set(values) != set(BOUNDS):
        raise ValueError(f"values of {sorted(values)}; accepted: {', '.join(BOUNDS)}")
    arrays = {name: np.atleast_1d(np.asarray(value, dtype=float)) for name, value in values.items()}
    arrays["theta"] = np.concatenate([arrays.pop("theta_thin"), arrays.pop("theta_thick")])
    given = {n: (a if n == "theta" else np.tile(a, 2)) * _UNITS[n] for n, a in arrays.items()}
    return hold_times(meter, check_step=False, **options, **given)


def _crossing(time: np.ndarray, value: np.ndarray, level: np.ndarray, *, upwards: bool) -> np.ndarray:
    """When each row of `value` first reaches its `level`, interpolated in ln(value); infinite where it does not."""
    sign = 1 if upwards else -1
    beyond = sign * (value - level[:, None]) >= 0
    at = np.argmax(beyond, axis=1)
    row, before = np.arange(len(value)), np.maximum(at - 1, 0)
    old, new = np.log(value[row, before]), np.log(value[row, at])
    share = np.where(new == old, 1.0, (np.log(level) - old) / np.where(new == old, 1.0, new - old))
    found = time[before] + np.clip(share, 0, 1) * (time[at] - time[before])
    return np.where(beyond.any(axis=1), found, np.inf)
