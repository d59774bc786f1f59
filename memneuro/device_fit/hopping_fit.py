r"""Delays against amplitude, and relaxation times, to a card of the hopping model.

A delay t at the voltage V needed the growth ln A(t) (:mod:`memneuro.device_fit.delay_model`). The device offers
ln mu + ln sinh(V/V_0) + L, where L, the tip's part, is normal with the moments mu_L(t), sigma_L(t). So

.. math::

   P(\text{delay} < t) = \Phi(z), \qquad
   z = \frac{\ln\mu + \ln\sinh(V/V_0) + \mu_L(t) - \ln A(t)}{\sigma_L(t)} ,

the likelihood of a delay is the density of this distribution, and that of a pulse of the width w that did not switch is
1 - Phi(z(w)). Far above the threshold, where losses do not count and the tip is slow, ln(delay) is normal about the
noise-free delay with the standard deviation sigma_tip/V_0. The logarithms of the relaxation times are normal about the
model's, with a standard deviation of their own. Both determine gamma1 together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from scipy.interpolate import CubicSpline

from memneuro.device.card import Card
from memneuro.device_fit.delay_model import (
    Kinetics,
    delay_curves,
    growth_needed,
    length_at,
    relaxation_times,
    tip_moments,
)
from memneuro.device_fit.extract import FEWEST_DELAYS
from memneuro.device_fit.profile import maximise

#: Values of ln gamma1 about the first guess at which the model is evaluated.
_GRID = np.linspace(-0.6, 0.6, 7)


@dataclass(frozen=True)
class Delays:
    """Delays and relaxation times, in SI units, all of one length.

    Parameters
    ----------
    amplitude, delay, width, relaxation, read : numpy.ndarray, shape (n,)
        Volt and second. A delay of NaN did not switch within the width; a relaxation of NaN was not measured.
    level : numpy.ndarray of int, shape (n,)
        Which of `levels` an amplitude belongs to.
    levels : numpy.ndarray, shape (amplitudes,)
        The different amplitudes, increasing.
    """

    amplitude: np.ndarray
    delay: np.ndarray
    width: np.ndarray
    relaxation: np.ndarray
    read: np.ndarray
    level: np.ndarray
    levels: np.ndarray


def as_delays(
    amplitude: np.ndarray, delay: np.ndarray, width: np.ndarray, relaxation: np.ndarray, read: np.ndarray, name: str
) -> Delays:
    """Sort pulses by amplitude, amplitudes within 1 % being one.

    Parameters
    ----------
    amplitude : ndarray, shape (pulses,)
        In volt, all of one sign.
    delay, width, relaxation : ndarray, shape (pulses,)
        In seconds; a delay of NaN did not switch, and the other two are NaN where they are not known.
    read : ndarray, shape (pulses,)
        Reading voltage in volt, NaN where it is not known.
    name : str
        Of the measurement, for the errors.

    Raises
    ------
    ValueError
        If fewer than five pulses switched, a pulse that did not switch has no width, or a delay exceeds its width.
    """
    sizes = np.abs(amplitude)
    switched = np.isfinite(delay)
    if switched.sum() < FEWEST_DELAYS:
        raise ValueError(f"{name} has {int(switched.sum())} delays; accepted: at least {FEWEST_DELAYS}")
    if np.any(sizes == 0) or np.unique(np.sign(amplitude)).size > 1:
        raise ValueError(
            f"{name} has amplitudes from {amplitude.min():g} to {amplitude.max():g} V; accepted: one sign, not 0"
        )
    if np.any(~switched & ~np.isfinite(width)):
        raise ValueError(
            f"{name} has pulses without a delay and without a width; accepted: a column width (s) for these"
        )
    order = np.unique(sizes)
    starts = np.concatenate([[True], np.diff(np.log(order)) > 0.01])
    group = np.cumsum(starts) - 1
    level = group[np.searchsorted(order, sizes)]
    levels = np.array([sizes[level == k].mean() for k in range(group.max() + 1)])
    return Delays(sizes, delay, width, relaxation, read, level, levels)


@dataclass(frozen=True)
class HoppingFit:
    """What the delays and relaxation times gave; values and ranges by the name of the card's parameter.

    Parameters
    ----------
    values, ranges : dict
        Best values and 95 % ranges, in SI units.
    undetermined : dict
        Parameters kept from the template, each with the reason.
    z : numpy.ndarray
        Standardised residuals of the delays that switched: normal(0, 1) if the model holds.
    z_level : numpy.ndarray
        The amplitude's index of each.
    length_end : numpy.ndarray, shape (n,)
        Length x at the end of each pulse.
    line : DataFrame
        The model's delays over the amplitude: ``amplitude_V``, ``low_s``, ``median_s``, ``high_s`` (95 % of delays).
    free, covariance : tuple of str, numpy.ndarray
        Covariance of the logarithms of the parameters that were free.
    """

    values: dict[str, float]
    ranges: dict[str, tuple[float, float]]
    undetermined: dict[str, str]
    z: np.ndarray
    z_level: np.ndarray
    length_end: np.ndarray
    line: pd.DataFrame
    free: tuple[str, ...]
    covariance: np.ndarray


def fit_hopping(data: Delays, template: Card, r_on: float, r_off: float, criterion: float | str) -> HoppingFit:
    """Fit mu, v_hop, sigma_tip and gamma1, as far as the data determine them.

    Parameters
    ----------
    data : Delays
    template : Card
        A hopping card with all that is not fitted.
    r_on, r_off : float
        Resistances (ohm) for the length at which the criterion is reached.
    criterion : float or "half"
        Current that counts as on (ampere), or half of the current at the end of the pulse.

    Raises
    ------
    ValueError
        If the open device already carries the criterion current.
    """
    problem = _Problem(data, template, r_on, r_off, criterion)
    undetermined = {}
    fixed = {}
    if data.levels.size < 2:
        fixed["v_hop"] = np.log(problem.template_value("v_hop"))
        undetermined["v_hop"] = (
            f"delays at one amplitude ({data.levels[0]:g} V) cannot separate mu and v_hop: v_hop is kept from the card "
            f"{template.name} and mu is fitted for that value"
        )
    if not problem.relaxed.any():
        fixed["gamma1"] = np.log(problem.template_value("gamma1"))
        undetermined["gamma1"] = (
            "no relaxation was measured (the current after the pulse, at a reading voltage that is not 0): gamma1 is "
            f"kept from the card {template.name} and the delays are read with that value"
        )
    values, ranges = problem.solve(fixed)
    if "gamma1" not in fixed and problem.ln_relaxation is None:
        fixed["gamma1"] = np.log(problem.template_value("gamma1"))
        undetermined["gamma1"] = (
            f"no pulse relaxes below 1/e in the model: gamma1 is kept from the card {template.name}"
        )
        values, ranges = problem.solve(fixed)
    if "v_hop" not in fixed and not np.all(np.isfinite(ranges["v_hop"] + ranges["mu"])):
        fixed["v_hop"] = np.log(problem.template_value("v_hop"))
        undetermined["v_hop"] = (
            "the delays determine only mu/v_hop (the amplitudes are too close together or all below v_hop): v_hop is "
            f"kept from the card {template.name} and mu is fitted for that value"
        )
        values, ranges = problem.solve(fixed)
    for name in ("gamma1", "sigma_tip"):
        if name in ranges and not np.all(np.isfinite(ranges[name])):
            undetermined[name] = (
                f"the likelihood of {name} has no 95 % range within a factor of 1000: kept from {template.name}"
            )
            fixed[name] = np.log(problem.template_value(name))
            values, ranges = problem.solve(fixed)
    z = problem.residuals(values)
    return HoppingFit(
        values,
        ranges,
        undetermined,
        z,
        data.level[problem.switched],
        problem.length_end(values),
        problem.line(values),
        problem.free,
        problem.covariance,
    )


class _Problem:
    """The likelihood of the delays and relaxation times."""

    def __init__(self, data: Delays, template: Card, r_on: float, r_off: float, criterion: float | str) -> None:
        self.data, self.template, self.r_on, self.r_off = data, template, r_on, r_off
        value = self.template_value
        names = ("alpha", "beta", "gamma2", "tunnel_length", "tau_tip", "residue_cap")
        self.kinetics = Kinetics(**{name: value(name) for name in names if name in template.parameters})
        limit = 2 * r_on * np.ones(data.levels.size) if criterion == "half" else data.levels / float(criterion)
        if np.any(limit >= 0.999 * r_off):
            worst = float(data.levels[np.argmax(limit)])
            raise ValueError(
                f"criterion = {criterion} A is below the current of the open device, {worst / r_off:g} A at "
                f"{worst:g} V; "
                "accepted: a larger criterion, or 'half'"
            )
        if np.any(limit <= r_on):
            raise ValueError(
                f"criterion = {criterion} A is above the current of the closed device, "
                f"{data.levels.min() / r_on:g} A at "
                f"{data.levels.min():g} V; accepted: a smaller criterion, or 'half'"
            )
        self.lengths = length_at(limit, r_on, r_off, self.kinetics.tunnel_length)
        self.switched = np.isfinite(data.delay)
        self.relaxed = np.isfinite(data.relaxation)
        self.times = np.where(self.switched, data.delay, data.width)

    def template_value(self, name: str) -> float:
        """A value of the template in SI units."""
        return float(np.asarray(self.template[name]))

    def _prepare(self, ln_gamma: float) -> None:
        """Growth that the delays needed and ln(relaxation) of the model, as splines of ln gamma1."""
        data, grid = self.data, ln_gamma + _GRID
        needed, slopes, relaxed, closing, filled = [], [], [], [], []
        for one in grid:
            value, slope, time, residue = growth_needed(
                self.times, data.level, float(np.exp(one)), self.lengths, self.kinetics
            )
            needed.append(value)
            slopes.append(slope)
            closing.append(time)
            filled.append(residue)
            if self.relaxed.any():
                relaxed.append(self._relaxation(float(np.exp(one)), value, time, residue))
                if abs(one - ln_gamma) < 1e-9:
                    self.read_middle = self.read
        if relaxed:
            # A pulse that relaxes into its residue, not below 1/e, says nothing about gamma1.
            usable = np.isfinite(np.array(relaxed)).all(axis=(0, 1))
            self.relaxed[np.flatnonzero(self.relaxed)[~usable]] = False
            relaxed = [one[:, usable] for one in relaxed] if usable.any() else []
        self.needed, self.slopes = CubicSpline(grid, needed), CubicSpline(grid, slopes)
        self.closing, self.filled = CubicSpline(grid, closing), CubicSpline(grid, filled)
        self.ln_relaxation = CubicSpline(grid, relaxed) if relaxed else None
        self.middle = ln_gamma

    def _first_gamma(self, ln_gamma: float) -> float:
        """ln gamma1 at which the model relaxes in the mean like the device, nearly enough to start from."""
        for _ in range(6):
            gamma1 = float(np.exp(ln_gamma))
            value, _, time, residue = growth_needed(self.times, self.data.level, gamma1, self.lengths, self.kinetics)
            off = np.log(self.data.relaxation[self.relaxed]) - self._relaxation(gamma1, value, time, residue)[0]
            off = float(np.median(off))
            if not np.isfinite(off):
                break
            # The relaxation is nearly proportional to 1/gamma1.
            ln_gamma -= off
            if abs(off) < 0.05:
                break
        return ln_gamma

    def _relaxation(self, gamma1: float, needed: np.ndarray, closing: np.ndarray, filled: np.ndarray) -> np.ndarray:
        """ln(relaxation) of the model for every pulse that has one, and its slope over the growth while read.

        A pulse that switched late has a weak tip and so a slightly wider gap at its end; what is left of that after the
        time on is exp(-time on/tau).
        """
        growth, read, on = self._end_states(needed, closing)
        mask = self.relaxed
        found = []
        for factor in (1.0, 1.1):
            time, _ = relaxation_times(
                growth[mask],
                gamma1,
                on[mask],
                filled[mask],
                factor * read[mask],
                self.r_on,
                self.r_off,
                self.kinetics,
            )
            with np.errstate(divide="ignore"):
                found.append(np.log(time))
        with np.errstate(invalid="ignore"):  # never relaxed: infinite for both
            return np.array([found[0], (found[1] - found[0]) / 0.1])

    def _read_growth(self, mu: float, v_hop: float, spread: float) -> np.ndarray:
        """Mean growth at the reading voltage after each pulse, but for what is left of the tip's part in the pulse."""
        voltage = np.maximum(np.nan_to_num(self.data.read, nan=0.0), 0.0)
        return mu * np.sinh(voltage / v_hop) * np.exp((1 - self.kept**2) * spread**2 / 2)

    def _end_states(self, needed: np.ndarray, closing: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Growth at the end of each pulse, growth at the reading voltage and time closed, shape (n,)."""
        data = self.data
        mean = np.array([needed[data.level == k].mean() for k in range(data.levels.size)])[data.level]
        on = np.where(np.isfinite(data.width), np.maximum(data.width - closing, 0.0), 0.0)
        self.kept = np.where(self.switched, np.exp(-on / self.kinetics.tau_tip), 0.0)
        mu, v_hop = self._line(needed)
        away = self.kept * (needed - mean)
        self.read = self._read_growth(mu, v_hop, float(np.std((needed - mean)[self.switched])))
        return np.exp(mean + away), self.read * np.exp(away), on

    def _line(self, needed: np.ndarray, v_hop: float | None = None) -> tuple[float, float]:
        """mu and v_hop by least squares of the growth that the delays needed."""
        y, amplitude = needed[self.switched], self.data.amplitude[self.switched]
        scales = np.exp(np.linspace(-4, 1, 150)) * self.data.levels.max()
        if v_hop is not None:
            scales = np.array([v_hop])
        elif self.data.levels.size < 2:
            scales = np.array([self.template_value("v_hop")])
        left = [float(np.std(y - _ln_sinh(amplitude / one))) for one in scales]
        best = float(scales[int(np.argmin(left))])
        return float(np.exp(np.mean(y - _ln_sinh(amplitude / best)))), best

    def solve(self, fixed: dict[str, float]) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
        """Best values and ranges with some logarithms fixed."""
        data = self.data
        ln_gamma = fixed.get("gamma1", np.log(self.template_value("gamma1")))
        if "gamma1" not in fixed:
            ln_gamma = self._first_gamma(ln_gamma)
        self._prepare(ln_gamma)
        y = self.needed(ln_gamma)
        mu, v_hop = self._line(y, float(np.exp(fixed["v_hop"])) if "v_hop" in fixed else None)
        left = float(np.std((y - _ln_sinh(data.amplitude / v_hop))[self.switched]))
        start = {"mu": np.log(mu), "v_hop": np.log(v_hop), "sigma_tip": np.log(max(left, 1e-3) * v_hop)}
        start["gamma1"] = ln_gamma
        n, m = int(self.switched.sum()), int(self.relaxed.sum())
        counts = {"mu": n, "v_hop": n, "sigma_tip": n, "gamma1": max(m, 3)}
        if "gamma1" not in fixed and self.ln_relaxation is not None:
            off = np.log(data.relaxation[self.relaxed]) - self.ln_relaxation(ln_gamma)[0]
            start["relaxation_sd"] = np.log(max(float(np.std(off)), 1e-3))
        free = {name: one for name, one in start.items() if name not in fixed}

        def misfit(point: np.ndarray) -> float:
            with np.errstate(over="ignore", invalid="ignore"):  # far from the data: no likelihood
                found = self._misfit(fixed | dict(zip(free, point.tolist(), strict=True)))
            return found if np.isfinite(found) else 1e9

        best, ranges, self.covariance = maximise(
            misfit, free, {name: counts[name] for name in counts if name not in fixed}
        )
        self.free = tuple(free)
        values = {name: float(np.exp(one)) for name, one in (fixed | best).items()}
        return values, {name: tuple(np.exp(pair).tolist()) for name, pair in ranges.items()}

    def _z(self, p: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
        """Standardised residual of every pulse and its slope over ln t."""
        y, slope = self.needed(p["gamma1"]), self.slopes(p["gamma1"])
        spread, tau = float(np.exp(p["sigma_tip"] - p["v_hop"])), self.kinetics.tau_tip
        offered = p["mu"] + _ln_sinh(self.data.amplitude / np.exp(p["v_hop"]))
        mean, sd = tip_moments(spread, self.times, tau)
        later_mean, later_sd = tip_moments(spread, self.times * 1.001, tau)
        z = (offered + mean - y) / sd
        rise = ((later_mean - mean) / np.log(1.001) - slope - z * (later_sd - sd) / np.log(1.001)) / sd
        return z, np.maximum(rise, 1e-9)

    def _misfit(self, p: dict[str, float]) -> float:
        if abs(p["gamma1"] - self.middle) > _GRID[-1] or abs(p["sigma_tip"] - p["v_hop"]) > 8 or abs(p["v_hop"]) > 12:
            return 1e9 + 1e6 * (abs(p["gamma1"] - self.middle) + abs(p["sigma_tip"] - p["v_hop"]))
        z, rise = self._z(p)
        on = self.switched
        total = 0.5 * z[on] @ z[on] - np.log(rise[on]).sum() + 0.5 * on.sum() * np.log(2 * np.pi)
        total -= stats.norm.logcdf(-z[~on]).sum() if not on.all() else 0.0
        if "relaxation_sd" in p and self.ln_relaxation is not None:
            model, slope = self.ln_relaxation(p["gamma1"])
            spread = float(np.exp(p["sigma_tip"] - p["v_hop"]))
            grown = self._read_growth(float(np.exp(p["mu"])), float(np.exp(p["v_hop"])), min(spread, 3.0))
            with np.errstate(divide="ignore", invalid="ignore"):
                change = np.nan_to_num(grown / self.read_middle - 1, nan=0.0)[self.relaxed]
            model = model + slope * np.clip(change, -1.0, 5.0)
            off = (np.log(self.data.relaxation[self.relaxed]) - model) / np.exp(p["relaxation_sd"])
            total += 0.5 * off @ off + off.size * p["relaxation_sd"]
        return float(total) if np.isfinite(total) else 1e9

    def residuals(self, values: dict[str, float]) -> np.ndarray:
        """z of the pulses that switched."""
        return self._z({name: float(np.log(one)) for name, one in values.items()})[0][self.switched]

    def length_end(self, values: dict[str, float]) -> np.ndarray:
        """Length at the end of each pulse."""
        ln_gamma = np.log(values["gamma1"])
        filled = self.filled(ln_gamma)
        growth, read, on = self._end_states(self.needed(ln_gamma), self.closing(ln_gamma))
        return relaxation_times(growth, values["gamma1"], on, filled, read, self.r_on, self.r_off, self.kinetics)[1]

    def line(self, values: dict[str, float]) -> pd.DataFrame:
        """Median and 95 % range of the model's delays over the amplitude."""
        data = self.data
        low, high = data.levels.min(), data.levels.max()
        amplitude = (
            np.linspace(low - 0.05 * (high - low), high + 0.05 * (high - low), 25) if high > low else data.levels
        )
        lengths = np.interp(amplitude, data.levels, self.lengths)
        ln_growth, ln_delay, _, _ = delay_curves(values["gamma1"], lengths, self.kinetics)
        offered = np.log(values["mu"]) + _ln_sinh(amplitude / values["v_hop"])
        found = {"amplitude_V": amplitude}
        for name, side in (("low_s", 1.96), ("median_s", 0.0), ("high_s", -1.96)):
            column = []
            for k, here in enumerate(offered):
                mean, sd = tip_moments(
                    values["sigma_tip"] / values["v_hop"], np.exp(ln_delay[k]), self.kinetics.tau_tip
                )
                surplus = here + mean + side * sd - ln_growth
                # The delay at which growth offered and needed are equal; infinite where too little is offered.
                column.append(np.exp(np.interp(0.0, -surplus, ln_delay[k], left=np.inf)))
            found[name] = np.array(column)
        return pd.DataFrame(found)


def _ln_sinh(ratio: np.ndarray) -> np.ndarray:
    """ln sinh, for large arguments too."""
    return ratio + np.log(-np.expm1(-2 * ratio)) - np.log(2)
