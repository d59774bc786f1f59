r"""Delay and relaxation of the hopping device at constant voltage, without noise but for a constant tip potential.

At a constant voltage the growth of :mod:`memneuro.device.hopping` has one amplitude, A = mu exp(v_tip/V_0) sinh(V/V_0),

.. math::

   \frac{dx}{dt} = \frac{A\,(1 - x)}{(1 - x)^2 + \alpha^2} - \gamma_1 (x - x_2) - \gamma_2 x_2, \qquad
   \frac{dx_2}{dt} = \beta (x - x_2)(1 - (x_2/x_c)^4) - \gamma_2 x_2 ,

with x_c infinite for a card without ``residue_cap``. So the delay, the time from x = 0 to the length at which the
criterion current flows, is one falling function t(A) for all voltages. It is infinite below the A at which the losses
win. Read backwards it says which growth a measured delay needed: ln A(t), which is ln mu + ln sinh(V/V_0) plus the
tip's part.

The tip potential v is an Ornstein-Uhlenbeck process (sigma, tau). What counts is the mean of exp(v/V_0) over the delay
t. With s = sigma/V_0 its logarithm is taken as normal with the two moments of the mean of a log-normal process
(Fenton and Wilkinson, doi:10.1002/j.1538-7305.1960.tb02522.x):

.. math::

   \sigma_L^2 = \ln\frac{2}{t^2}\int_0^t (t - u)\, \exp(s^2 e^{-u/\tau})\, du, \qquad \mu_L = (s^2 - \sigma_L^2)/2 ,

which for a tip that is slow against the delay is a standard deviation of s about zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)
_NODES, _WEIGHTS = (_NODES + 1) / 2, _WEIGHTS / 2
_STEPS = 220
#: Steps of the residue at a constant length; its error is below 1e-5.
_FILL_STEPS = 200
#: Length at which the filament counts as closed; the rest takes no time.
_CLOSED = 0.995


@dataclass(frozen=True)
class Kinetics:
    """What else the delay depends on, from the template card, in SI units.

    Parameters
    ----------
    alpha : float
        Length, in units of the gap.
    beta, gamma2 : float
        Rates, per second.
    tunnel_length : float
        Length, in units of the gap.
    tau_tip : float
        Correlation time of the tip potential, in seconds.
    residue_cap : float
        Largest residue, in units of the gap; infinite for a card without.
    """

    alpha: float
    beta: float
    gamma2: float
    tunnel_length: float
    tau_tip: float
    residue_cap: float = np.inf

    def filling(self, x: Any, residue: Any) -> Any:
        """Rate of change of the residue, dx_2/dt (per second).

        Parameters
        ----------
        x, residue : float or ndarray
            Bridged length and residue, in units of the gap.
        """
        return self.beta * (x - residue) * (1 - (residue / self.residue_cap) ** 4) - self.gamma2 * residue

    def filled(self, x: Any, residue: Any, time: Any) -> Any:
        """The residue after a time (second) at a constant length x.

        Without a bound exactly, at the rate beta + gamma2 to its target; with one by exponential Rosenbrock steps
        (Hochbruck and Ostermann 2010, doi:10.1017/S0962492910000048).

        Parameters
        ----------
        x : float
            Bridged length, in units of the gap.
        residue : float or ndarray
            At the start, in units of the gap.
        time : float or ndarray
            In seconds.
        """
        if np.isinf(self.residue_cap):
            rate = self.beta + self.gamma2
            target = self.beta * x / rate
            return target + (residue - target) * np.exp(-rate * np.asarray(time))
        h = np.asarray(time, dtype=float) / _FILL_STEPS
        value = residue + 0 * h
        for _ in range(_FILL_STEPS):
            part = value / self.residue_cap
            slope = self.beta * (1 - part**4) + self.gamma2 + 4 * self.beta * (x - value) * part**3 / self.residue_cap
            value = value - np.expm1(-slope * h) / slope * self.filling(x, value)
        return value


def length_at(resistance: np.ndarray, r_on: float, r_off: float, tunnel_length: float) -> np.ndarray:
    """The length x at which the device has a given resistance (ohm): 0 where it is open, 1 where closed.

    Parameters
    ----------
    resistance : numpy.ndarray
    r_on, r_off : float
        Ohm.
    tunnel_length : float
        Fraction of the gap.
    """
    grid = 1 - np.concatenate([[0.0], np.geomspace(1e-7, 1, 4000)])
    return np.interp(np.log(resistance), np.log(resistance_at(grid, r_on, r_off, tunnel_length)), grid)


def resistance_at(x: np.ndarray, r_on: float, r_off: float, tunnel_length: float) -> np.ndarray:
    """R_on x + R_off (exp((1 - x)/lambda) - 1)/(exp(1/lambda) - 1), in ohm.

    Parameters
    ----------
    x : ndarray
        Bridged length, 0 to 1.
    r_on, r_off : float
        In ohm.
    tunnel_length : float
        lambda, in units of the gap.
    """
    return r_on * x + r_off * np.expm1((1 - x) / tunnel_length) / np.expm1(1 / tunnel_length)


def delay_curves(
    gamma1: float, lengths: np.ndarray, kinetics: Kinetics
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Growth amplitudes and the delays they give.

    Parameters
    ----------
    gamma1 : float
        Loss (1/second).
    lengths : numpy.ndarray, shape (amplitudes,)
        Length x_c at which the criterion is reached, for each voltage.
    kinetics : Kinetics

    Returns
    -------
    ln_growth : numpy.ndarray, shape (points,)
        ln(A second), increasing.
    ln_delay : numpy.ndarray, shape (amplitudes, points)
        ln(delay/second), falling; infinite where the losses win.
    closing, residue : numpy.ndarray, shape (points,)
        Time (second) at which the filament is closed, and the residue then.
    """
    top = max(float(lengths.max()), _CLOSED)
    # Fine steps near contact and near the middle, where a growth just above the losses lingers.
    edges = np.unique(np.concatenate([np.linspace(0, top, _STEPS), 1 - (1 - top) * np.geomspace(1 / (1 - top), 1, 50)]))
    g = 1 - edges
    needed = gamma1 * edges * (g**2 + kinetics.alpha**2) / g
    critical = float(needed.max())
    growth = critical * (1 + np.exp(np.linspace(-8.0, 14.0, 140)))
    time, residue = np.zeros_like(growth), np.zeros_like(growth)
    times = np.zeros((edges.size, growth.size))

    def speed(x: float, x2: np.ndarray) -> np.ndarray:
        gap = 1 - x
        net = growth * gap / (gap**2 + kinetics.alpha**2) - gamma1 * (x - x2) - kinetics.gamma2 * x2
        return np.maximum(net, 1e-12 * growth)

    for k in range(edges.size - 1):
        width, middle = edges[k + 1] - edges[k], (edges[k + 1] + edges[k]) / 2
        first = width / speed(edges[k], residue)
        half = residue + 0.5 * first * kinetics.filling(edges[k], residue)
        took = width / speed(middle, np.clip(half, 0, middle))
        residue = kinetics.filled(middle, residue, took)
        time = time + took
        times[k + 1] = time
    delays = np.array([[np.interp(x, edges, column) for column in times.T] for x in lengths])
    with np.errstate(divide="ignore"):
        return np.log(growth), np.log(delays), time, residue


def growth_needed(
    delay: np.ndarray, which: np.ndarray, gamma1: float, lengths: np.ndarray, kinetics: Kinetics
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Which growth a delay needed, ln A(t), its slope d ln A/d ln t, and time and residue when the filament closes.

    Parameters
    ----------
    delay : numpy.ndarray, shape (n,)
        Seconds.
    which : numpy.ndarray of int, shape (n,)
        Index of the amplitude in `lengths`.
    gamma1 : float
        Loss (1/second).
    lengths : numpy.ndarray, shape (amplitudes,)
        As in :func:`delay_curves`.
    kinetics : Kinetics
        As in :func:`delay_curves`.
    """
    ln_growth, ln_delay, closing, filled = delay_curves(gamma1, lengths, kinetics)
    value, slope = np.empty(delay.size), np.empty(delay.size)
    for k in range(lengths.size):
        mask = which == k
        x, y = ln_delay[k][::-1], ln_growth[::-1]
        at = np.log(delay[mask])
        value[mask] = np.interp(at, x, y)
        slope[mask] = np.interp(at, (x[1:] + x[:-1]) / 2, np.diff(y) / np.diff(x))
        short, long = at < x[0], at > x[-1]
        part = value[mask]
        part[short] += x[0] - at[short]
        part[long] -= 1e-3 * (at[long] - x[-1])
        value[mask] = part
    return value, np.minimum(slope, -1e-4), np.interp(value, ln_growth, closing), np.interp(value, ln_growth, filled)


def tip_moments(spread: float, delay: np.ndarray, tau: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the tip's part of ln A over a delay; see the module's documentation.

    Parameters
    ----------
    spread : float
        Standard deviation of the tip potential in units of V_0.
    delay : ndarray, shape (n,)
        Seconds.
    tau : float
        Correlation time in seconds.
    """
    ratio = (delay / tau)[:, None]
    # In units of the delay: 2 integral of (1 - u) (exp(s^2 exp(-u t/tau)) - 1) du.
    inner = np.expm1(spread**2 * np.exp(-ratio * _NODES**2)) * (1 - _NODES**2) * 2 * _NODES
    variance = np.log1p(2 * (inner @ _WEIGHTS))
    return (spread**2 - variance) / 2, np.sqrt(variance)


def relaxation_times(
    growth: np.ndarray,
    gamma1: float,
    on_time: np.ndarray,
    filled: np.ndarray,
    growth_read: np.ndarray,
    r_on: float,
    r_off: float,
    kinetics: Kinetics,
) -> tuple[np.ndarray, np.ndarray]:
    """Time after the pulse until the resistance is e times what it was, and the length x at the end of the pulse.

    At the end of the pulse growth and losses balance, and the residue has filled since the filament closed.

    Parameters
    ----------
    growth : numpy.ndarray, shape (n,)
        A during the pulse (1/second).
    gamma1 : float
        Loss (1/second).
    on_time : numpy.ndarray, shape (n,)
        Time closed at the end of the pulse, in seconds.
    filled : numpy.ndarray, shape (n,)
        Residue when the filament closed.
    growth_read : numpy.ndarray, shape (n,)
        A at the reading voltage (1/second).
    r_on, r_off : float
        In ohm.
    kinetics : Kinetics
        What else it depends on.
    """
    residue = kinetics.filled(1.0, filled, on_time)
    gap = np.full(growth.shape, 1e-4)
    for _ in range(60):
        lost = gamma1 * (1 - gap - residue) + kinetics.gamma2 * residue
        gap = 0.5 * gap + 0.5 * lost * (gap**2 + kinetics.alpha**2) / growth
        gap = np.clip(gap, 0, 0.5)
    x = 1 - gap
    residue = residue * x
    end = x.copy()
    target = np.e * resistance_at(x, r_on, r_off, kinetics.tunnel_length)
    aim = length_at(target, r_on, r_off, kinetics.tunnel_length)
    steps = 200
    # Long enough for the gap that is aimed at, were nothing left as residue; the rest is found by the slower decay.
    dt = np.full(growth.shape, 4.0) * np.maximum(1 - aim, 1e-6) / gamma1 / np.maximum(aim - residue, 0.05) / steps
    found = np.full(growth.shape, np.inf)
    for k in range(steps):

        def slope(x: np.ndarray, x2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            gap = 1 - x
            lost = gamma1 * (x - x2) + kinetics.gamma2 * x2
            grown = growth_read * gap / (gap**2 + kinetics.alpha**2)
            return grown - lost, kinetics.filling(x, x2)

        one = slope(x, residue)
        two = slope(x + dt / 2 * one[0], residue + dt / 2 * one[1])
        after, residue = x + dt * two[0], residue + dt * two[1]
        hit = np.isinf(found) & (after <= aim)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = (x - aim) / (x - after)
        found[hit] = ((k + share) * dt)[hit]
        x = after
    return found, end
