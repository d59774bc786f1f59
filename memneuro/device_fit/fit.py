"""From samples to a card: which model, which parameters the data determine, and which are kept from a template."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from memneuro.device.card import Card, Parameter, card
from memneuro.device_fit.delay_model import resistance_at
from memneuro.device_fit.extract import CRITERION, FEWEST_CYCLES, pulse_samples, sweep_samples
from memneuro.device_fit.hopping_fit import HoppingFit, as_delays, fit_hopping
from memneuro.device_fit.ranges import Sample, normal_ranges, normality_p
from memneuro.device_fit.read import Measurement
from memneuro.device_fit.threshold_fit import VOLTAGES, describe, ramp_offsets, voltage_spreads

#: Cards from which parameters are kept that the data cannot determine.
TEMPLATES = {"threshold": "midya_2017", "hopping": "hopping_2e4d"}
#: Sweep rate (volt/second) that is assumed where the file has no time.
ASSUMED_RATE = 1.0

_UNSEEN = {
    "v_width_set": "sweeps at one rate show where the device switches, not how sharply",
    "v_width_reset": "sweeps at one rate show where the device switches, not how sharply",
    "tau_set": "switching is faster than the readings of a sweep",
    "tau_reset": "switching is faster than the readings of a sweep",
    "feedback": "it shapes the switching itself, which is faster than the readings of a sweep",
    "nucleation_set": "it shapes the switching itself, which is faster than the readings of a sweep",
    "nucleation_reset": "it shapes the switching itself, which is faster than the readings of a sweep",
    "alpha": "it matters within the last hundredth of the gap, which delays do not show",
    "beta": "single pulses do not show the residue; trains of pulses would",
    "gamma2": "single pulses do not show the residue; trains of pulses would",
    "residue_cap": "single pulses do not show the residue; trains of pulses would",
    "tunnel_length": "it needs the resistance of partly closed states",
    "tau_tip": "single delays show the size of the fluctuation, not how long it lasts",
    "activation_growth": "one temperature shows no activation energy",
    "activation_loss": "one temperature shows no activation energy",
}


@dataclass
class Fit:
    """A card and how well it describes the measurement.

    Parameters
    ----------
    card : Card
        With 95 % ranges of what was fitted.
    parameters : DataFrame
        One row a fitted number: ``parameter``, ``kind`` ("value", "cycle_spread"), ``value``, ``low``, ``high``,
        ``unit``, ``n``.
    undetermined : dict
        Parameters kept from the template, each with the reason.
    goodness : dict
        Tests of the model against the data.
    points, line : DataFrame
        What the figure shows: measured points and the model's line.
    notes : list of str
        What a reader has to know.
    """

    card: Card
    parameters: pd.DataFrame
    undetermined: dict[str, str]
    goodness: dict[str, Any]
    points: pd.DataFrame
    line: pd.DataFrame
    notes: list[str] = field(default_factory=list)


class _Builder:
    """Collects parameters of a card, fitted ones and those of the template."""

    def __init__(self, template: Card, source: str) -> None:
        self.template, self.source = template, source
        self.fitted: dict[str, Parameter] = {}
        self.rows: list[dict[str, Any]] = []

    def add(
        self, name: str, value: float, limits: tuple[float, float], n: int, cycle: Any = None, device: float = 0.0
    ) -> None:
        """Enter one fitted parameter, with its cycle spread as (value, range) where there is one."""
        old = self.template.parameters[name]
        unit = old.unit
        low, high = sorted(limits)
        spread = 0.0 if cycle is None else float(cycle[0])
        self.fitted[name] = replace(
            old,
            value=float(value),
            source=self.source,
            status="fitted",
            interval=(float(low), float(high)),
            cycle_spread=spread,
            device_spread=device,
        )
        self.rows.append(_row(name, "value", value, low, high, unit, n))
        if cycle is not None:
            of = unit if old.signed else "1"
            self.rows.append(_row(name, "cycle_spread", spread, cycle[1][0], cycle[1][1], of, n))

    def card(self, name: str, about: str) -> Card:
        """The card; what was not fitted is the template's, with the status "chosen"."""
        kept = {
            key: replace(
                old,
                status="chosen",
                source=f"kept from the card {self.template.name}, the data do not determine it ({old.source})",
                interval=None,
                cycle_spread=0.0,
                device_spread=0.0,
            )
            for key, old in self.template.parameters.items()
        }
        return Card(name, "device", self.template.model, about, kept | self.fitted)


def _row(name: str, kind: str, value: float, low: float, high: float, unit: str, n: int) -> dict[str, Any]:
    return {
        "parameter": name,
        "kind": kind,
        "value": float(value),
        "low": float(low),
        "high": float(high),
        "unit": unit,
        "n": n,
    }


def fit_measurement(
    measurement: Measurement,
    criterion: float | str = CRITERION,
    model: str | None = None,
    template: str | Card | None = None,
) -> Fit:
    """Fit a card to a measurement.

    Parameters
    ----------
    measurement : Measurement
        What :func:`memneuro.device_fit.read.read_measurement` gave.
    criterion : float or "half"
        Current that counts as on (ampere); "half" of the current at the end of the pulse, for pulses and delays.
    model : {"threshold", "hopping"}, optional
        By default what the data are for: hopping for delays, threshold for sweeps and threshold voltages.
    template : str or Card, optional
        Card of that model from which everything is kept that the data do not determine.

    Returns
    -------
    Fit
        The card, with its 95 % ranges.

    Raises
    ------
    ValueError
        If the model does not fit the kind of data, the template is of another model, or the data are too few.
    """
    delays = measurement.kind == "pulses" or "delay_s" in measurement.table
    possible = ["hopping"] if delays else ["threshold"]
    if measurement.kind == "samples" and delays and "threshold_voltage_V" in measurement.table:
        possible.append("threshold")
    model = possible[0] if model is None else model
    if model not in possible:
        raise ValueError(
            f"model = {model!r} for {measurement.kind} of {measurement.name}; accepted: {', '.join(possible)}"
        )
    chosen = card(TEMPLATES[model] if template is None else template) if not isinstance(template, Card) else template
    if chosen.kind != "device" or chosen.model != model:
        raise ValueError(f"template = {chosen.name!r} is a card of {chosen.model}; accepted: a device card of {model}")
    if model == "threshold":
        return _fit_threshold(measurement, criterion, chosen)
    return _fit_delays(measurement, criterion, chosen)


def _fit_threshold(measurement: Measurement, criterion: float | str, template: Card) -> Fit:
    if isinstance(criterion, str):
        raise ValueError(f"criterion = {criterion!r} for thresholds; accepted: a current in ampere")
    swept = measurement.kind == "sweeps"
    table = sweep_samples(measurement, criterion) if swept else _given_thresholds(measurement)
    spreads, lacking = voltage_spreads(table)
    if not any("set" in name for name in spreads):
        count = int(table["threshold_V"].notna().sum())
        raise ValueError(
            f"{measurement.name} has {count} threshold voltages; accepted: at least {FEWEST_CYCLES} of one polarity"
        )
    build = _Builder(template, f"fit-device: {measurement.name}")
    undetermined = {name: f"{why}: kept from the card {template.name}" for name, why in lacking.items()}
    notes: list[str] = []
    _resistances(build, table, undetermined)
    values = {name: float(np.asarray(template[name])) for name in VOLTAGES}
    values |= {name: one.sample.mean for name, one in spreads.items()}
    offsets = dict.fromkeys(VOLTAGES, 0.0)
    if swept:
        offsets = _offsets(values, spreads, build, table, criterion, notes)
    for name, one in spreads.items():
        low, high = one.sample.mean_range
        off = offsets[name]
        cycle = (one.sample.sd, one.sample.sd_range)
        build.add(name, one.sample.mean - off, (low - off, high - off), one.sample.n, cycle, one.device_sd)
    notes += _threshold_notes(table, spreads, swept)
    undetermined |= {name: _UNSEEN[name] for name in template.parameters if name in _UNSEEN}
    goodness = {
        name: {
            "n": one.sample.n,
            "normality_p": normality_p(one.values),
            "lag1": one.sample.lag1,
            "n_effective": one.sample.n_effective,
        }
        for name, one in spreads.items()
    }
    points, line = [], []
    for name, one in spreads.items():
        ordered = np.sort(one.values)
        share = (np.arange(ordered.size) + 0.5) / ordered.size
        points.append(pd.DataFrame({"parameter": name, "voltage_V": ordered, "share": share}))
        spread = max(math.hypot(one.sample.sd, one.device_sd), 1e-9)
        grid = one.sample.mean + spread * np.linspace(-3, 3, 121)
        line.append(
            pd.DataFrame({"parameter": name, "voltage_V": grid, "share": stats.norm.cdf(grid, one.sample.mean, spread)})
        )
    stem = Path(measurement.name).stem
    about = f"Threshold switch fitted to {measurement.name}: {max(one.sample.n for one in spreads.values())} cycles."
    return Fit(
        build.card(stem, about),
        pd.DataFrame(build.rows),
        undetermined,
        goodness,
        pd.concat(points, ignore_index=True),
        pd.concat(line, ignore_index=True),
        notes,
    )


def _given_thresholds(measurement: Measurement) -> pd.DataFrame:
    """Samples as a table like that of sweeps; a hold voltage has the polarity of its threshold, else of its sign."""
    table = measurement.table
    blank = np.full(len(table), np.nan)
    threshold = table.get("threshold_voltage_V", pd.Series(blank)).to_numpy(dtype=float)
    hold = table.get("hold_voltage_V", pd.Series(blank)).to_numpy(dtype=float)
    sign = np.sign(np.where(np.isfinite(threshold), threshold, hold))
    device = table["device"].to_numpy() if "device" in table else np.full(len(table), "")
    return pd.DataFrame({"device": device, "polarity": sign, "threshold_V": threshold, "hold_V": hold})


def _resistances(build: _Builder, table: pd.DataFrame, undetermined: dict[str, str]) -> None:
    """On resistance of each polarity and off resistance, from the sweeps."""
    kept = f"kept from the card {build.template.name}"
    for name, sign in (("r_on", 1), ("r_on_negative", -1)):
        rows = table[table["polarity"] == sign]
        rows = rows[rows["r_on_ohm"].notna()] if "r_on_ohm" in rows else rows.iloc[:0]
        if len(rows) >= FEWEST_CYCLES:
            one = describe(np.log(rows["r_on_ohm"].to_numpy()), rows["device"].to_numpy())
            limits = (math.exp(one.sample.mean_range[0]), math.exp(one.sample.mean_range[1]))
            # No cycle spread: it cannot be told from the noise of the readings.
            build.add(name, math.exp(one.sample.mean), limits, one.sample.n, None, one.device_sd)
            continue
        most = table.loc[table["polarity"] == sign, "r_on_most_ohm"].min() if "r_on_most_ohm" in table else np.nan
        why = (
            f"every reading of the closed device is at the compliance; it is at most {most:.3g} ohm"
            if np.isfinite(most)
            else "no current of the closed device was measured in this polarity"
        )
        undetermined[name] = f"{why}: {kept}"
    conductance = table["g_off_S"].dropna().to_numpy() if "g_off_S" in table else np.empty(0)
    _off_resistance(build, conductance, undetermined, "the current of the open device was not measured")


def _off_resistance(build: _Builder, conductance: np.ndarray, undetermined: dict[str, str], without: str) -> None:
    """Off resistance from the conductance of the open device in every sweep or pulse."""
    kept = f"kept from the card {build.template.name}"
    if conductance.size < FEWEST_CYCLES:
        undetermined["r_off"] = f"{without}: {kept}"
        return
    one = normal_ranges(conductance)
    low, high = one.mean_range
    if low <= 0:
        least = 1 / high if high > 0 else math.inf
        undetermined["r_off"] = (
            f"the current of the open device is below its noise; it is at least {least:.3g} ohm: {kept}"
        )
        return
    build.add("r_off", 1 / one.mean, (1 / high, 1 / low), one.n)


def _offsets(
    values: dict[str, float],
    spreads: dict[str, Any],
    build: _Builder,
    table: pd.DataFrame,
    criterion: float,
    notes: list[str],
) -> dict[str, float]:
    """What the sweep shows less what the card says, found by repeating until both agree."""
    rate = float(table["rate_V_per_s"].median())
    if not (math.isfinite(rate) and rate > 0):
        rate = ASSUMED_RATE
        notes.append(f"The file has no time: the sweep rate is taken as {rate:g} V/s for the difference below.")
    known = {name: one.value for name, one in build.fitted.items()}
    r_on, r_off = (known.get(name, float(np.asarray(build.template[name]))) for name in ("r_on", "r_off"))
    now = dict(values)
    offsets = dict.fromkeys(VOLTAGES, 0.0)
    for _ in range(3):
        offsets = ramp_offsets(now, build.template, rate, criterion, r_on, r_off)
        for name in spreads:
            now[name] = values[name] - offsets[name]
    for name in spreads:
        beyond = now[name] * np.sign(values[name]) <= 0 if "hold" in name else False
        if beyond:
            offsets[name] = 0.0
            notes.append(
                f"{name}: no value of the card lets a sweep show the measured {values[name]:.4g} V with the widths of "
                f"{build.template.name}; the measured value is entered as it is."
            )
        else:
            notes.append(
                f"{name}: a sweep at {rate:.3g} V/s shows {1e3 * offsets[name]:+.2f} mV against the card's value."
            )
    return offsets


def _threshold_notes(table: pd.DataFrame, spreads: dict[str, Any], swept: bool) -> list[str]:
    notes = []
    if swept:
        missed = int(table["threshold_V"].isna().sum())
        if missed:
            notes.append(f"{missed} of {len(table)} sweeps do not cross the criterion and are left out.")
        step = float(table["resolution_V"].median())
        least = min(one.sample.sd for one in spreads.values())
        if step > 0.5 * least:
            notes.append(
                f"Readings are {1e3 * step:.3g} mV apart, a spread of {1e3 * least:.3g} mV is not resolved by that."
            )
    for name, one in spreads.items():
        if one.sample.n_effective < one.sample.n and one.device_sd == 0:
            notes.append(
                f"{name}: consecutive cycles are correlated by {one.sample.lag1:.2f}; {one.sample.n} cycles are worth "
                f"{one.sample.n_effective:.0f} independent ones."
            )
    return notes


def _fit_delays(measurement: Measurement, criterion: float | str, template: Card) -> Fit:
    table = measurement.table
    build = _Builder(template, f"fit-device: {measurement.name}")
    undetermined: dict[str, str] = {}
    notes: list[str] = []
    stem = Path(measurement.name).stem
    kept = f"kept from the card {template.name}"
    r_end = None
    if measurement.kind == "pulses":
        pulses = pulse_samples(measurement, criterion)
        rest = pulses["g_off_S"].dropna().to_numpy()
        _off_resistance(build, rest, undetermined, "the device was not read at a voltage before at least 3 pulses")
        columns = [pulses[c].to_numpy() for c in ("amplitude_V", "delay_s", "width_s", "relaxation_s", "read_V")]
        r_end = pulses["r_end_ohm"].to_numpy()
        delay = pulses["delay_s"].median()
        if pulses["resolution_s"].median() > 0.1 * delay:
            notes.append(
                f"Readings are {pulses['resolution_s'].median():.3g} s apart, the median delay is {delay:.3g} s."
            )
    else:
        if "device" in table and table["device"].nunique() > 1:
            raise ValueError(f"{measurement.name} holds delays of several devices; accepted: one device a file")
        blank = np.full(len(table), np.nan)
        names = ("amplitude_V", "delay_s", "width_s", "relaxation_s", "read_voltage_V")
        columns = [table[c].to_numpy() if c in table else blank for c in names]
        undetermined["r_on"] = f"delays alone do not show the resistance: {kept}"
        undetermined["r_off"] = f"delays alone do not show the resistance: {kept}"
    amplitude, delays, width, relaxation, read = columns
    data = as_delays(amplitude, delays, width, relaxation, read, measurement.name)
    r_off = build.fitted["r_off"].value if "r_off" in build.fitted else float(np.asarray(template["r_off"]))
    r_on = float(np.nanmedian(r_end)) if r_end is not None else float(np.asarray(template["r_on"]))
    fit = fit_hopping(data, template, r_on, r_off, criterion)
    if r_end is not None:
        # What the last of the gap adds to the resistance is taken off, and the fit repeated with the rest.
        tunnel = float(np.asarray(template["tunnel_length"]))
        closed = (r_end - resistance_at(fit.length_end, 0.0, r_off, tunnel)) / fit.length_end
        readings = int(np.isfinite(closed).sum())
        closed = closed[np.isfinite(closed) & (closed > 0)]
        if closed.size >= FEWEST_CYCLES:
            one: Sample = normal_ranges(np.log(closed))
            limits = (math.exp(one.mean_range[0]), math.exp(one.mean_range[1]))
            build.add("r_on", math.exp(one.mean), limits, one.n)
            if closed.size < readings:
                notes.append(
                    f"r_on is from {closed.size} of {readings} pulses: in the others the gap that the model leaves at "
                    "the end of the pulse has more resistance than was read. Its range does not allow for that."
                )
            if abs(one.mean - math.log(r_on)) > 0.01:
                fit = fit_hopping(data, template, math.exp(one.mean), r_off, criterion)
        else:
            undetermined["r_on"] = f"the gap that is left at the end of the pulse hides it: {kept}"
    if "r_off" in build.fitted and r_end is not None:
        _undo_rest(build, pulses, fit)
    switched, relaxed = int(np.isfinite(data.delay).sum()), int(np.isfinite(data.relaxation).sum())
    for name, limits in fit.ranges.items():
        build.add(name, fit.values[name], limits, relaxed if name == "gamma1" else switched)
    beta = float(np.asarray(template["beta"]))
    if "gamma1" in fit.ranges and fit.values["gamma1"] < beta:
        notes.append(
            f"gamma1 is slower than the transfer of silver into the residue, {beta:.3g} 1/second on the card "
            f"{template.name}: the relaxation of this device is hardly that of the hopping model."
        )
    undetermined |= fit.undetermined
    undetermined |= {name: _UNSEEN[name] for name in template.parameters if name in _UNSEEN}
    missed = int((~np.isfinite(data.delay)).sum())
    if missed:
        notes.append(
            f"{missed} of {data.delay.size} pulses did not switch the device; they count as delays beyond the pulse."
        )
    made = build.card(
        stem, f"Hopping device fitted to {measurement.name}: {switched} delays, {relaxed} relaxation times."
    )
    points = pd.DataFrame({"amplitude_V": data.amplitude, "delay_s": data.delay})
    points = points[np.isfinite(points["delay_s"])].reset_index(drop=True)
    return Fit(
        made,
        pd.DataFrame(build.rows),
        undetermined,
        _delay_goodness(fit.z, fit.z_level, data.levels, missed),
        points,
        fit.line,
        notes,
    )


def _undo_rest(build: _Builder, pulses: pd.DataFrame, fit: HoppingFit) -> None:
    """Take off what the reading voltage itself grows during the rest before a pulse.

    By the time t the length is x = (A/gamma1)(1 - exp(-gamma1 t)), and the resistance has fallen by exp(-x/lambda). The
    uncertainty of A, which is extrapolated from the pulses, is added to that of the readings.
    """
    values, tunnel = fit.values, float(np.asarray(build.template["tunnel_length"]))
    gamma1, spread = values["gamma1"], values["sigma_tip"] / values["v_hop"]
    rest, voltage = (float(pulses[name].median()) for name in ("rest_s", "rest_V"))
    ratio = voltage / values["v_hop"]
    growth = values["mu"] * math.sinh(ratio) * math.exp(spread**2 / 2)
    fall = growth / gamma1 * (1 + math.expm1(-gamma1 * rest) / (gamma1 * rest)) / tunnel
    # ln A over the logarithms of the parameters.
    slopes = {"mu": 1.0, "v_hop": -ratio / math.tanh(ratio) - spread**2, "sigma_tip": spread**2}
    gradient = np.array([slopes.get(name, 0.0) for name in fit.free])
    error = fall * math.sqrt(max(float(gradient @ fit.covariance @ gradient), 0.0))
    old = build.fitted["r_off"]
    assert old.interval is not None
    value = old.value * math.exp(fall)
    down, up = (math.hypot(math.log(end / old.value), 1.96 * error) for end in old.interval)
    limits = (value * math.exp(-down), value * math.exp(up))
    build.fitted["r_off"] = replace(old, value=value, interval=limits)
    for row in build.rows:
        if row["parameter"] == "r_off":
            row |= {"value": value, "low": limits[0], "high": limits[1]}


def _delay_goodness(z: np.ndarray, level: np.ndarray, levels: np.ndarray, missed: int) -> dict[str, Any]:
    """Normality of the standardised residuals, and whether their means agree at every amplitude."""
    counts = np.bincount(level, minlength=levels.size)
    used = counts > 0
    sums = np.bincount(level, weights=z, minlength=levels.size)
    chi2 = float((sums[used] ** 2 / counts[used]).sum())
    freedom = int(used.sum()) - min(2, int(used.sum()))
    found: dict[str, Any] = {
        "n": int(z.size),
        "not_switched": missed,
        "normality_p": normality_p(z),
        "chi2": chi2,
        "chi2_freedom": freedom,
        "chi2_p": float(stats.chi2.sf(chi2, freedom)) if freedom > 0 else float("nan"),
        "lag1": float(np.corrcoef(z[1:], z[:-1])[0, 1]) if z.size > 3 and np.ptp(z) > 0 else float("nan"),
    }
    found["mean_z_by_amplitude"] = {
        f"{v:.4g} V": float(s / n) for v, s, n in zip(levels[used], sums[used], counts[used], strict=True)
    }
    return found
