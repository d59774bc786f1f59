r"""Every device card in one table: what it does, simulated, beside what was measured.

Each card goes through the protocols in which devices are measured, the device alone on a source meter:

* **Sweep** (:mod:`memneuro.experiment.iv_sweep`): threshold and hold voltage, with noise. The peak is the first of
  ``PEAKS`` up to which at least half of the cycles switch on. The rate is 1 V/s, or as much faster as a sweep of
  ``SWEEP_STEPS`` steps needs: a device of nanoseconds cannot be followed for seconds. On is 10 nA with the compliance
  of 1 uA, as in the measurements. Where an open device carries as much, or a closed one hardly more, on is
  :math:`V_{peak}/\sqrt{R_{on} R_{off}}`, without a compliance. A threshold switch has no compliance either: it is so
  fast that it would settle, half closed, where it just carries it.
* **Pulse** (:mod:`memneuro.experiment.pulse_response`): delay, relaxation and the resistance of the closed device. The
  condition is that of the measurement a card is named after (``PULSES``), else a pulse of 20 ms, at most
  ``PULSE_STEPS`` steps, of the first of ``AMPLITUDES`` at which at least half of the devices close; after it the device
  is left at 0 V and its conductance watched until it has halved.
* **Energy of a switching event**: what the device turns into heat from the start of that pulse until it has closed,
  without noise. What flows afterwards is up to the circuit, V^2/R_on in each second. A filament closes within less than
  a time step, so this is a run of its own with ``ENERGY_STEPS`` steps until then.

The spread from cycle to cycle is that of the threshold voltage. The spread between devices is too, what their means
differ beyond what their cycles explain; it needs a spread in the card, which few cards have.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from brian2 import Quantity, amp, ms, ohm, second, volt
from tqdm.auto import tqdm

from memneuro.circuit.source_meter import SourceMeter
from memneuro.device.card import card_names
from memneuro.device.materials import card_facts
from memneuro.device.model import round_step
from memneuro.experiment.iv_sweep import CRITERION, iv_summary, iv_sweep, sweep_step
from memneuro.experiment.projections import projections
from memneuro.experiment.pulse_response import pulse_response, watch_pulse
from memneuro.experiment.target import measured_devices, target
from memneuro.progress import no_bar
from memneuro.tables import write_csv, write_text

#: Peaks of the sweep (volt), tried in this order, and voltages of the pulse.
PEAKS = (0.6, 1.2, 2.4, 12.0)
AMPLITUDES = (1.0, 2.0, 5.0, 10.0)
#: Longest sweep and longest pulse, in time steps.
SWEEP_STEPS, PULSE_STEPS = 120_000, 10_000
#: Devices of a sweep and of a pulse, and cycles of a sweep, of which the first is left out; 1 and 2 without noise.
SWEEP_TRIALS, PULSE_TRIALS, CYCLES = 20, 100, 3
#: Devices that are drawn from a card's device-to-device spread, and the peak of their sweep (volt).
SPREAD_TRIALS, SPREAD_PEAK = 40, 1.2
#: Later thresholds below this fraction of the first are remarked on.
REMEMBERS = 0.25
#: Cards that are simulated only where they are named: a hundred particles are a hundred equations.
SLOW = ("ag_particles_100",)
#: Readings of a sweep are this far apart (volt).
READING = 0.0005
#: For the energy: the pulse's step over that of the first run, and the least number of steps until a device has closed.
FINER, ENERGY_STEPS = 5, 10_000
#: A relaxation within so many time steps is not resolved.
RESOLVED = 3


@dataclass(frozen=True)
class Pulse:
    """Condition of a pulse.

    Parameters
    ----------
    amplitude : float or None
        Of the pulse, in volt; None is searched for.
    width : float
        Of the pulse, in ms.
    read : float
        Voltage after the pulse, in volt.
    after : float
        Length of the reading after the pulse, in ms.
    fraction : float
        Of the conductance at the end of the pulse, at which the device counts as relaxed.
    """

    amplitude: float | None = None
    width: float = 20.0
    read: float = 0.0
    after: float = 30.0
    fraction: float = 0.5

    def __str__(self) -> str:
        fraction = "1/2" if self.fraction == 0.5 else "1/e" if self.fraction == math.exp(-1) else f"{self.fraction:g}"
        return f"{self.amplitude:g} V {self.width:.3g} ms, then {self.read:g} V, relaxed at {fraction}"


#: Condition of the measurements that were made with pulses, by row of the measured devices.
PULSES = {
    "Ag pulse 1 V 20 ms read 0.1 V": Pulse(1.0, read=0.1),
    "Ag 0.5 V 4 ms at 11.5 uA": Pulse(0.5, 4.0, after=150.0, fraction=math.exp(-1)),
    "Ag 0.5 V 4 ms at 63-114 uA": Pulse(0.5, 4.0, after=150.0, fraction=math.exp(-1)),
    "AND-TS (Ag nanodots; HfO2)": Pulse(1.5),
}
#: Ends of the names of cards fitted to a figure that has a delay: figure and condition.
FIGURES = {"_3cd": ("3c", Pulse(0.9, 15.0)), "_4ab": ("4ab", Pulse(2.0, 20.0))}

#: Rule behind the column ``closing_energy_pJ``.
ENERGY_RULE = "heat in the device from the start of the pulse until it has closed, without noise"


def materials_table(
    names: Iterable[str] | None = None, *, step_factor: float = 1.0, seed: int = 0, progress: bool = False
) -> pd.DataFrame:
    """All device cards, or some, simulated and beside the measurements.

    Parameters
    ----------
    names : iterable of str, optional
        Device cards, or models, which stand for their default card; by default all cards of the package, of which those
        in ``SLOW`` are not simulated.
    step_factor : float
        Factor on every time step, 0.5 to check convergence.
    seed : int
        Seed of noise and spread.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    DataFrame
        One row a card. What the card states: the columns of :func:`memneuro.device.materials.card_table`. Simulated:
        ``first_threshold_V`` (median, of devices at rest before), ``threshold_V`` and ``hold_V`` (medians, of the later
        sweeps), ``threshold_cycle_spread`` and ``threshold_device_spread`` (standard deviation over mean), ``sweep``
        (the condition, in words), ``r_on_ohm`` (at the end of the pulse, without a compliance), ``r_off_ohm`` (at
        rest), ``delay_ms`` and ``relaxation_ms`` (medians of the devices that closed), ``closed`` (their share),
        ``pulse`` (the condition, in words), ``closing_energy_pJ`` with its ``energy_rule``, and the time steps
        ``sweep_step_us`` and ``pulse_step_us``. Measured: ``measured_threshold_V`` with ``measured_threshold_sd_V``,
        ``measured_hold_V``, ``measured_r_on_ohm``, ``measured_r_off_low_ohm`` and ``measured_r_off_high_ohm``,
        ``measured_delay_ms``, ``measured_relaxation_ms`` and ``measured_note``. ``remarks`` says why simulated cells
        are empty, and what else to know.

    Raises
    ------
    ValueError
        If a name is unknown or not that of a device.
    """
    meters = [SourceMeter(name) for name in (card_names("device") if names is None else names)]
    meters.sort(key=lambda meter: (meter.device.model, meter.device.name))
    rows = []
    for meter in tqdm(meters, desc="devices", disable=no_bar(progress)):
        if names is None and meter.device.name in SLOW:
            rows.append({**card_facts(meter.device), "remarks": "not simulated unless it is named: it takes too long"})
        else:
            rows.append(material_row(meter, step_factor=step_factor, seed=seed))
    return pd.DataFrame(rows)


def material_row(meter: SourceMeter, *, step_factor: float = 1.0, seed: int = 0) -> dict[str, Any]:
    """One row of :func:`materials_table`.

    Parameters
    ----------
    meter : SourceMeter
        The device.
    step_factor : float
        Factor on every time step.
    seed : int
        Of noise and spread.
    """
    facts = card_facts(meter.device)
    measured = _measured(facts["measured"], meter.device.name)
    remarks: list[str] = []
    found = _swept(meter, step_factor, seed, remarks)
    found |= _pulsed(meter, _condition(facts["measured"], meter.device.name), step_factor, seed, remarks)
    return {**facts, **found, **measured, "remarks": "; ".join(remarks)}


def _measured(row: str, name: str) -> dict[str, Any]:
    """What was measured on the device, NaN and empty where nothing was."""
    columns = {
        "threshold_V_mean": "measured_threshold_V",
        "threshold_V_sd": "measured_threshold_sd_V",
        "hold_V_median": "measured_hold_V",
        "low_resistance_ohm": "measured_r_on_ohm",
        "high_resistance_low_ohm": "measured_r_off_low_ohm",
        "high_resistance_high_ohm": "measured_r_off_high_ohm",
        "delay_ms_median": "measured_delay_ms",
        "relaxation_ms_median": "measured_relaxation_ms",
        "note": "measured_note",
    }
    known = measured_devices().set_index("device").rename(columns=columns)
    found: dict[str, Any] = dict.fromkeys(columns.values(), np.nan) | {"measured_note": ""}
    if row:
        found |= {column: known.loc[row, column] for column in columns.values()}
    for end, (figure, _) in FIGURES.items():
        if name.endswith(end):
            delay = target(figure).query("unit == 'ms'").iloc[0]
            found |= {"measured_delay_ms": delay["measured"], "measured_note": f"of the neuron: {delay['condition']}"}
    return found


def _condition(row: str, name: str) -> Pulse:
    """The pulse a card gets: that of its measurement, if it had one."""
    of_figure = [pulse for end, (_, pulse) in FIGURES.items() if name.endswith(end)]
    return of_figure[0] if of_figure else PULSES.get(row, Pulse())


def _run(protocol: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Run a protocol after removing what is left of the last.

    Brian2 numbers the names of groups by those that still exist. With the same name the compiled code of the model's
    other cards is found again instead of being compiled anew.
    """
    gc.collect()
    return protocol(*args, **options)


def _number(value: float, digits: int = 3) -> str:
    return f"{value:.{digits}g}"


def _swept(meter: SourceMeter, step_factor: float, seed: int, remarks: list[str]) -> dict[str, Any]:
    """Threshold, hold voltage and spreads."""
    found: dict[str, Any] = dict.fromkeys(
        ("first_threshold_V", "threshold_V", "hold_V", "threshold_cycle_spread", "threshold_device_spread"), np.nan
    )
    noisy = meter.fluctuates
    for peak in PEAKS:
        device, criterion, options, words = _sweep_options(meter, peak, step_factor)
        table = _run(
            iv_sweep,
            device,
            **options,
            cycles=CYCLES if noisy else 2,
            trials=SWEEP_TRIALS if noisy else 1,
            seed=seed,
            noise=noisy,
        )
        summary = iv_summary(table).set_index("quantity")
        threshold, hold = summary.loc["threshold"], summary.loc["hold"]
        found |= {"sweep": words, "sweep_step_us": float(options["dt"] / second) * 1e6}
        if threshold["n"] > threshold["missing"]:
            break
    else:
        remarks.append(f"threshold, hold: half of the sweeps to {peak:g} V do not reach {_amperes(criterion)}")
        return found
    found["first_threshold_V"] = table.loc[table["cycle"] == 0, "threshold_V"].median()
    if threshold["median_V"] < REMEMBERS * found["first_threshold_V"]:
        remarks.append("threshold: a filament or residue is left when the next sweep starts; compare the first")
    found["threshold_V"] = threshold["median_V"]
    floor = float(table["hold_floor_V"].max())
    if not hold["n"] > hold["missing"]:
        remarks.append("hold: most devices are open again at the peak of the sweep")
    elif hold["median_V"] <= floor + 2 * READING:
        remarks.append(
            f"hold: closed down to {_number(floor)} V, below which not even a closed device carries the current"
        )
    else:
        found["hold_V"] = hold["median_V"]
    if threshold["median_V"] <= floor + 2 * READING:
        remarks.append("cycle spread: closed from the start of the later sweeps")
    elif noisy:
        found["threshold_cycle_spread"] = threshold["cycle_spread"]
    else:
        remarks.append("cycle spread: the card states neither noise nor spread")
    if meter.device_spread(meter.model.parameters):
        _, _, options, _ = _sweep_options(meter, max(peak, SPREAD_PEAK), step_factor)
        drawn = _run(
            iv_sweep, device, **options, cycles=CYCLES, trials=SPREAD_TRIALS, seed=seed, noise=noisy, spread=True
        )
        found["threshold_device_spread"], share = _between_devices(drawn)
        if share < 1:
            remarks.append(
                f"device spread: of the {share:.0%} of devices that switch up to {max(peak, SPREAD_PEAK):g} V"
            )
    else:
        remarks.append("device spread: none in the card")
    return found


def _sweep_options(
    meter: SourceMeter, peak: float, step_factor: float
) -> tuple[SourceMeter, Quantity, dict[str, Any], str]:
    """Device with its compliance, criterion, options of the sweep and the condition in words."""
    values = meter.device.values()
    r_on, r_off = meter.model.lowest_resistance(values), meter.model.rest_resistance(values)
    criterion, device, limit = CRITERION, meter, f"compliance {_amperes(meter.circuit['i_compliance'])}"
    apart = peak / r_off < float(CRITERION) < 0.2 * peak / r_on
    if not apart:
        criterion = peak / math.sqrt(r_on * r_off) * amp
    if not apart or meter.device.model == "threshold":
        device, limit = meter.with_(i_compliance=1000 * amp), "no compliance"
    step = sweep_step(meter)
    period = min(2 * peak * second, SWEEP_STEPS * step)
    rate = 2 * peak * volt / period
    reading = READING * volt / rate
    options = {"v_max": peak * volt, "rate": rate, "criterion": criterion, "sample_step": reading}
    options["dt"] = min(step, round_step(reading)) * step_factor
    words = f"to {peak:g} V at {_number(float(rate / (volt / second)))} V/s, on at {_amperes(criterion)}, {limit}"
    return device, criterion, options, words


def _amperes(current: Quantity) -> str:
    value = float(current / amp)
    for scale, unit in ((1.0, "A"), (1e-3, "mA"), (1e-6, "uA"), (1e-9, "nA")):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value:.3g} A"


def _between_devices(table: pd.DataFrame) -> tuple[float, float]:
    """Spread of devices beyond that of their cycles (standard deviation over mean), and the share that switches."""
    kept = table[table["cycle"] >= 1].groupby("trial")["threshold_V"].agg(["mean", "var", "count"])
    switching = kept[kept["count"] > 1]
    if len(switching) < 2:
        return np.nan, len(switching) / len(kept)
    between = switching["mean"].var() - (switching["var"] / switching["count"]).mean()
    return math.sqrt(max(between, 0.0)) / switching["mean"].mean(), len(switching) / len(kept)


def _pulsed(meter: SourceMeter, pulse: Pulse, step_factor: float, seed: int, remarks: list[str]) -> dict[str, Any]:
    """Delay, relaxation, resistances and the energy until the device has closed."""
    found: dict[str, Any] = dict.fromkeys(("r_on_ohm", "delay_ms", "relaxation_ms", "closing_energy_pJ"), np.nan)
    found["r_off_ohm"] = meter.model.rest_resistance(meter.device.values())
    noisy, step = meter.fluctuates, meter.default_step * step_factor
    shorter = min(1.0, float(PULSE_STEPS * meter.default_step / ms) / pulse.width)
    pulse = replace(pulse, width=pulse.width * shorter, after=pulse.after * shorter)
    for amplitude in AMPLITUDES if pulse.amplitude is None else (pulse.amplitude,):
        tried = replace(pulse, amplitude=amplitude)
        table = _run(
            pulse_response,
            meter,
            amplitude=amplitude * volt,
            width=tried.width * ms,
            read=tried.read * volt,
            after=tried.after * ms,
            fraction=tried.fraction,
            trials=PULSE_TRIALS if noisy else 1,
            sample_step=step,
            dt=step,
            seed=seed,
            noise=noisy,
        )
        closed = table[np.isfinite(table["delay_ms"])]
        if 2 * len(closed) >= len(table):
            break
    found |= {
        "closed": len(closed) / len(table),
        "pulse": str(tried),
        "pulse_step_us": float(step / second) * 1e6,
        "energy_rule": ENERGY_RULE,
    }
    if 2 * len(closed) < len(table):
        remarks.append(f"R_on, delay, relaxation, energy: half of the devices are open after {tried.amplitude:g} V")
        return found
    found |= {"r_on_ohm": closed["on_resistance_ohm"].median(), "delay_ms": closed["delay_ms"].median()}
    relaxation = closed["relaxation_ms"].median()
    if relaxation <= RESOLVED * float(step / ms):
        remarks.append(f"relaxation: less than {_number(RESOLVED * float(step / ms))} ms, {RESOLVED} time steps")
    elif np.isfinite(relaxation):
        found["relaxation_ms"] = relaxation
    else:
        remarks.append(f"relaxation: still closed {_number(tried.after)} ms after the pulse")
    found["closing_energy_pJ"] = closing_energy(meter, tried, step / FINER)
    if np.isnan(found["closing_energy_pJ"]):
        remarks.append(f"energy: without noise the device is open after {tried.amplitude:g} V")
    return found


def closing_energy(meter: SourceMeter, pulse: Pulse, step: Quantity, steps: int = ENERGY_STEPS) -> float:
    """Heat (pJ) in a device without noise from the start of a pulse until it has closed; NaN where it does not close.

    Closed is as in :func:`memneuro.experiment.pulse_response.pulse_response`: half of the conductance at the end. A
    first run tells that conductance and when it is reached, a second one resolves the time until then.

    Parameters
    ----------
    meter : SourceMeter
        The device.
    pulse : Pulse
        The condition.
    step : Quantity (second)
        Time step of the first run, the largest of the second.
    steps : int
        Least number of steps of the second run.
    """
    time, conductance = _watched(meter, pulse, pulse.width * ms, step)
    last = conductance[-1]
    if last <= math.sqrt(conductance[0] / meter.model.lowest_resistance(meter.device.values())):
        return np.nan
    span = min(1.2 * time[int(np.argmax(conductance >= 0.5 * last))] + 2 * float(step), pulse.width * 1e-3)
    time, conductance = _watched(meter, pulse, span * second, min(float(step), span / steps) * second)
    at = int(np.argmax(conductance >= 0.5 * last))
    if at == 0:
        return np.nan
    share = (0.5 * last - conductance[at - 1]) / (conductance[at] - conductance[at - 1])
    time[at], conductance[at] = time[at - 1] + share * (time[at] - time[at - 1]), 0.5 * last
    return 1e12 * (pulse.amplitude or np.nan) ** 2 * float(np.trapezoid(conductance[: at + 1], time[: at + 1]))


def _watched(meter: SourceMeter, pulse: Pulse, width: Quantity, step: Quantity) -> tuple[np.ndarray, np.ndarray]:
    """Time (second) and conductance (siemens) of a device without noise and series resistance during a pulse."""
    _, monitor = _run(
        watch_pulse,
        meter.with_(r_series=0 * ohm),
        1,
        pulse.amplitude * volt,
        width,
        pulse.read * volt,
        step,
        step,
        ("g_device",),
        noise=False,
        dt=step,
    )
    time = np.array(monitor.t / second)
    during = time < float(width) + 0.5 * float(step)
    return time[during], np.array(monitor.g_device)[0, during]


#: Columns of the Markdown tables: heading and the column or columns that fill it.
_SIMULATED: dict[str, str | tuple[str, str]] = {
    "card": "card",
    "threshold (V)": ("threshold_V", "measured_threshold_V"),
    "first threshold (V)": "first_threshold_V",
    "hold (V)": ("hold_V", "measured_hold_V"),
    "cycle spread": "threshold_cycle_spread",
    "device spread": "threshold_device_spread",
    "R_on (ohm)": ("r_on_ohm", "measured_r_on_ohm"),
    "R_off (ohm)": ("r_off_ohm", "measured_r_off_low_ohm"),
    "delay (ms)": ("delay_ms", "measured_delay_ms"),
    "relaxation (ms)": ("relaxation_ms", "measured_relaxation_ms"),
    "closing energy (pJ)": "closing_energy_pJ",
}
_STATED: dict[str, str | tuple[str, str]] = {
    "card": "card",
    "model": "model",
    "material": "material",
    "published": "published",
    "fitted": "fitted",
    "derived": "derived",
    "guessed": "chosen",
    "which are guessed": "guessed",
    "area (um2)": "footprint_um2",
    "source": "source",
}
_CONDITIONS: dict[str, str | tuple[str, str]] = {
    "card": "card",
    "sweep": "sweep",
    "pulse": "pulse",
    "remarks": "remarks",
}
_PROJECTED: dict[str, str | tuple[str, str]] = {
    "neuron": "circuit",
    "device": "device",
    "drive": "drive",
    "input (V)": "amplitude_V",
    "response": "response",
    "published (pJ)": "published_pJ",
    "gate charging (pJ)": "gate_charging_pJ",
    "source (pJ)": "source_pJ",
    "output stage (pJ)": "supply_pJ",
    "published area (um2)": "published_area_um2",
    "gate area (um2)": "gate_area_um2",
    "reading": "reading",
}


def materials_markdown(table: pd.DataFrame, projected: pd.DataFrame | None = None) -> str:
    """The tables as Markdown: what the cards state, what they do, under which condition, and the projections.

    Parameters
    ----------
    table : DataFrame
        From :func:`materials_table`.
    projected : DataFrame, optional
        From :func:`memneuro.experiment.projections.projections`.

    Returns
    -------
    str
        Simulated values stand before the measured ones, which are in brackets.
    """
    parts = [_markdown(table, columns) for columns in (_SIMULATED, _STATED, _CONDITIONS)]
    if projected is not None and len(projected):
        parts.append(_markdown(projected, _PROJECTED))
    return "\n".join(parts)


def _markdown(table: pd.DataFrame, columns: Mapping[str, str | tuple[str, str]]) -> str:
    """One Markdown table."""
    lines = [list(columns), ["---"] * len(columns)]
    for row in table.to_dict(orient="records"):
        lines.append([_cell(row, column) for column in columns.values()])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(row: Mapping[str, Any], column: str | tuple[str, str]) -> str:
    """A value as text; a pair as the first with the second in brackets."""
    if isinstance(column, tuple):
        simulated, measured = (_cell(row, name) for name in column)
        return f"{simulated} ({measured})".strip() if measured else simulated
    value = row[column]
    if isinstance(value, str):
        return value.replace("|", "\\|")
    return "" if pd.isna(value) else f"{value:.3g}"


def materials(
    names: Iterable[str] | None = None, out: str | Path | None = None, progress: bool = True
) -> dict[str, Any]:
    """Work of `memneuro materials`: the table of devices and the projections of the circuits they belong to.

    Parameters
    ----------
    names : iterable of str, optional
        Device cards; by default all.
    out : path-like, optional
        Folder for ``materials.csv``, ``materials.md`` and, with a projection, ``projections.csv``.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    dict
        ``devices`` and ``projections`` (DataFrames).

    Raises
    ------
    NotADirectoryError
        If `out` is a file.
    """
    folder = None if out is None else Path(out)
    if folder is not None and folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"--out must name a folder, and {folder} is a file")
    devices = materials_table(names, progress=progress)
    projected = projections(list(devices["card"]))
    if folder is not None:
        write_csv(devices, folder / "materials.csv")
        if len(projected):
            write_csv(projected, folder / "projections.csv")
        write_text(materials_markdown(devices, projected), folder / "materials.md")
    return {"devices": devices, "projections": projected}


def materials_text(result: Mapping[str, Any]) -> str:
    """Lay out the result of :func:`materials`."""
    return materials_markdown(result["devices"], result["projections"])
