r"""Fixed points of one noise-free particle beside a capacitor, and whether they are stable.

The circuit is :class:`memneuro.circuit.parallel_capacitor.ParallelCapacitor`, the device the model ``langevin`` with
one particle (:mod:`memneuro.device.langevin`); the three states are V (volt), x (half gaps) and T (kelvin):

.. math::

   \frac{dV}{dt} &= \frac{1}{C}\left(\frac{V_{in} - V}{R_s} - \frac{V}{R_d(x)}\right) \\
   \frac{dx}{dt} &= \frac{1}{\eta}\left(\frac{q V}{2} - U'(x)\right) \\
   \frac{dT}{dt} &= \frac{V^2}{C_h R_d(x)} - \kappa\,(T - T_0)

At a fixed point :math:`V = V_{in} R_d/(R_d + R_s)` and :math:`T = T_0 + V^2/(\kappa C_h R_d)`, so one equation in x is
left: :math:`q V(x)/2 = U'(x)`. Its roots are bracketed on a fine grid of x, and stability is read from the eigenvalues
of the Jacobian.

Without noise the temperature does not act on V or x: the Jacobian is block triangular, one eigenvalue is
:math:`-\kappa`, and V and x are a planar system, which has fixed points and limit cycles only (Poincare-Bendixson).
Heat acts on the particle through the size of its thermal noise.

The particle's rest is close to the electrode, where the device is open. A fixed point is called open when its
resistance is above the geometric mean of that at rest without voltage and the lowest one, closed when below
(:func:`open_above`). Prediction for a start from rest:

* ``silent``: an open fixed point near the electrode is stable;
* ``latched``: none is, but a closed one is;
* ``crossed``: all fixed points are far ones, with the particle stuck at the other electrode (x > 0, open);
* ``oscillating``: all fixed points but far ones are unstable.

A far one is stable at almost every drive: beyond the middle the resistance rises again, the device takes a larger share
of the voltage, and that holds the particle there. It is no part of the prediction, except where nothing else is left.

Linear stability is local: a limit cycle around a stable fixed point, or a start that overshoots it, is not seen.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from brian2 import ohm, volt
from scipy.optimize import brentq

from memneuro.circuit.parallel_capacitor import ParallelCapacitor

#: Grid of positions on which roots are bracketed: 1e-3 half gaps, from beyond one electrode to beyond the other.
GRID = np.linspace(-1.5, 1.5, 3001)


def numbers(neuron: ParallelCapacitor) -> dict[str, float]:
    """The card values of a one-particle neuron as plain numbers in SI units, by name.

    Raises
    ------
    ValueError
        If the neuron is not one particle beside a capacitor.
    """
    if not isinstance(neuron, ParallelCapacitor) or neuron.device.model != "langevin":
        raise ValueError(f"neuron = {neuron!r}; accepted: ParallelCapacitor with a card of the model 'langevin'")
    return {name: float(value) for name, (value, _) in neuron.parameters(noise=False).items()}


def resistance(p: dict[str, float], x: Any) -> Any:
    """Resistance of the device (ohm) with the particle at x.

    Parameters
    ----------
    p : dict of str to float
        Of :func:`numbers`.
    x : float or array_like
        Position in half gaps, 0 in the middle.
    """
    hops = np.exp((x + 1) / p["tunnel_length"]) + np.exp((1 - x) / p["tunnel_length"])
    return p["r_contact"] + p["r_tunnel"] * hops


def restoring_force(p: dict[str, float], x: Any) -> Any:
    """U'(x), in joule a half gap: well, interfacial energy and walls.

    Parameters
    ----------
    p : dict of str to float
        Of :func:`numbers`.
    x : float or array_like
        Position in half gaps, 0 in the middle.
    """
    z = (x - p["x_pin"]) / p["width_pin"]
    well = p["w_pin"] / p["width_pin"] * z * np.exp(-0.5 * z**2)
    wall = p["stiffness_wall"] * np.where(np.abs(x) > 1, x - np.sign(x), 0.0)
    return well + 0.5 * p["w_return"] * (1 + x) + wall


def right_hand_side(p: dict[str, float], state: Any, drive: Any, r_series: Any) -> np.ndarray:
    """Time derivatives of the states.

    Parameters
    ----------
    p : dict
        Of :func:`numbers`.
    state : array_like, shape (3, ...)
        V (volt), x (half gaps) and T (kelvin).
    drive, r_series : float or array_like
        V_in (volt) and R_s (ohm).

    Returns
    -------
    numpy.ndarray, shape (3, ...)
        In volt, half gaps and kelvin a second.
    """
    v, x, temperature = np.asarray(state, dtype=float)
    r = resistance(p, x)
    return np.array(
        [
            ((drive - v) / r_series - v / r) / p["c_parallel"],
            (0.5 * p["charge"] * v - restoring_force(p, x)) / p["friction"],
            v**2 / (r * p["heat_capacity"]) - p["cooling_rate"] * (temperature - p["temperature"]),
        ]
    )


def jacobian(p: dict[str, float], state: Any, r_series: float) -> np.ndarray:
    """Derivatives of :func:`right_hand_side` by V, x and T at one state.

    Parameters
    ----------
    p : dict of str to float
        Of :func:`numbers`.
    state : array_like, shape (3,)
        V (volt), x (half gaps) and T (kelvin).
    r_series : float
        R_s (ohm).

    Returns
    -------
    numpy.ndarray, shape (3, 3)
    """
    v, x, _ = np.asarray(state, dtype=float)
    r = resistance(p, x)
    slope = p["r_tunnel"] / p["tunnel_length"]
    slope *= np.exp((x + 1) / p["tunnel_length"]) - np.exp((1 - x) / p["tunnel_length"])
    z = (x - p["x_pin"]) / p["width_pin"]
    curvature = p["w_pin"] / p["width_pin"] ** 2 * (1 - z**2) * np.exp(-0.5 * z**2)
    curvature += 0.5 * p["w_return"] + p["stiffness_wall"] * (abs(x) > 1)
    by_x = v * slope / r**2
    return np.array(
        [
            [-(1 / r_series + 1 / r) / p["c_parallel"], by_x / p["c_parallel"], 0.0],
            [0.5 * p["charge"] / p["friction"], -curvature / p["friction"], 0.0],
            [2 * v / (r * p["heat_capacity"]), -v * by_x / p["heat_capacity"], -p["cooling_rate"]],
        ]
    )


def open_above(neuron: Any, r_rest: float) -> float:
    """Resistance (ohm) above which a device counts as open: geometric mean of that at rest and the lowest one.

    Parameters
    ----------
    neuron : DeviceCircuit
        The neuron; the lowest resistance is that of its cards' values.
    r_rest : float
        Resistance at rest (ohm).
    """
    plain = {name: value for name, (value, _) in neuron.parameters(noise=False).items()}
    return float(np.sqrt(r_rest * neuron.model.lowest_resistance(plain)))


def fixed_points(neuron: ParallelCapacitor, drive: Any, r_series: Any) -> pd.DataFrame:
    """All fixed points of one noise-free neuron for one drive and one series resistor, by increasing x.

    Parameters
    ----------
    neuron : ParallelCapacitor
        With the model ``langevin``, one particle.
    drive : Quantity (volt)
        One voltage.
    r_series : Quantity (ohm)
        One resistance.

    Returns
    -------
    DataFrame
        ``v_V``, ``x``, ``temperature_K``, ``r_ohm``, ``growth_Hz`` (largest real part of an eigenvalue), ``ring_Hz``
        (the imaginary part of that eigenvalue, over 2 pi), and as bool ``stable``, ``open`` (also the far ones) and
        ``far`` (at the other electrode).

    Raises
    ------
    ValueError
        If the neuron is of another kind, or a value is not finite, or the resistance not positive.
    """
    p = numbers(neuron)
    v_in = float(_one("drive", drive, volt))
    r_s = float(_one("r_series", r_series, ohm))
    if r_s <= 0:
        raise ValueError(f"r_series = {r_series!r}; accepted: greater than zero")
    return _fixed_points(p, v_in, r_s, open_above(neuron, float(resistance(p, p["x_pin"]))))


def _one(name: str, value: Any, unit: Any) -> float:
    number = np.asarray(value / unit)
    if number.ndim or not np.isfinite(number):
        raise ValueError(f"{name} = {value!r}; accepted: one finite value")
    return float(number)


def _fixed_points(p: dict[str, float], drive: float, r_series: float, limit: float) -> pd.DataFrame:
    def voltage(x: Any) -> Any:
        r = resistance(p, x)
        return drive * r / (r + r_series)

    def force(x: Any) -> Any:
        return 0.5 * p["charge"] * voltage(x) - restoring_force(p, x)

    sign = np.sign(force(GRID))
    rows = []
    for k in np.flatnonzero(sign[1:] * sign[:-1] < 0):
        x = float(brentq(force, GRID[k], GRID[k + 1], xtol=1e-14))
        v, r = float(voltage(x)), float(resistance(p, x))
        temperature = p["temperature"] + v**2 / (r * p["heat_capacity"] * p["cooling_rate"])
        values = np.linalg.eigvals(jacobian(p, (v, x, temperature), r_series))
        leading = values[np.argmax(values.real)]
        rows.append(
            {
                "v_V": v,
                "x": x,
                "temperature_K": temperature,
                "r_ohm": r,
                "growth_Hz": float(leading.real),
                "ring_Hz": float(abs(leading.imag)) / (2 * np.pi),
                "stable": bool(leading.real < 0),
                "open": r > limit,
                "far": r > limit and x > 0,
            }
        )
    return pd.DataFrame(rows)


def predicted_regimes(neuron: ParallelCapacitor, drive: Any, r_series: Any) -> pd.DataFrame:
    """The regime that linear stability predicts, for every pair of a drive and a series resistor.

    Parameters
    ----------
    neuron : ParallelCapacitor
        With the model ``langevin``, one particle.
    drive : Quantity (volt), one-dimensional
        The voltages.
    r_series : Quantity (ohm), one-dimensional
        The resistances.

    Returns
    -------
    DataFrame
        One row a cell, the drive changing fastest: ``drive_V``, ``r_series_ohm``, ``predicted`` (``silent``,
        ``latched``, ``crossed``, ``oscillating``), ``fixed_points`` (their number), ``bistable`` (an open and a closed
        one are both stable) and ``growth_Hz`` (largest real part of an eigenvalue at the fixed point nearest to
        the electrode).

    Raises
    ------
    ValueError
        As :func:`fixed_points`.
    """
    p = numbers(neuron)
    limit = open_above(neuron, float(resistance(p, p["x_pin"])))
    rows = []
    for r_s in np.atleast_1d(np.asarray(r_series / ohm)):
        for v_in in np.atleast_1d(np.asarray(drive / volt)):
            _one("drive", v_in, 1)
            if _one("r_series", r_s, 1) <= 0:
                raise ValueError(f"r_series = {r_s!r} ohm; accepted: greater than zero")
            found = _fixed_points(p, float(v_in), float(r_s), limit)
            rest = bool((found["stable"] & found["open"] & ~found["far"]).any())
            closed = bool((found["stable"] & ~found["open"]).any())
            crossed = bool(found["far"].all())
            regime = "silent" if rest else "latched" if closed else "crossed" if crossed else "oscillating"
            rows.append(
                {
                    "drive_V": float(v_in),
                    "r_series_ohm": float(r_s),
                    "predicted": regime,
                    "fixed_points": len(found),
                    "bistable": rest and closed,
                    "growth_Hz": float(found["growth_Hz"].iloc[0]),
                }
            )
    return pd.DataFrame(rows)
