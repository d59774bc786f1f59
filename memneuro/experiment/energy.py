r"""Energy per spike, by integrating the power of every element of the circuit.

Each element has an equation of its own, so no energy is the remainder of others and the balance is a test:

.. math::

   \int V_{in} I_d\,dt &= \int V_d I_d\,dt + \int V^2/R_c\,dt + \Delta(C_g V^2/2) \\
   \int V_{dd} I_L\,dt &= \int I_L^2 R_{load}\,dt + \int V_{out} I_D(V, V_{out})\,dt

The first line is the neuron itself: what the input source supplies, what device and control resistor turn into heat,
what the gate stores. The second is the output stage, fed by another supply and therefore reported apart; the
transistor current comes from the transistor equation and the load current from the resistor.

The input balance closes as far as the time step resolves the switching of the device and the charging of the gate,
R_on C_g: to about 2e-5 for the hopping cards and 2e-4 for the compact ones, whose filament closes with a kink, at
:func:`energy_step`, and better at half of it. The output stage has no state, so its balance holds at every step and
tests the drain voltage that Newton's method found.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from brian2 import Network, Quantity, SpikeMonitor, StateMonitor, ms, second, volt

from memneuro.circuit.drive import PulseTrain
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.device.model import round_step
from memneuro.experiment.pulses import run_pulses, run_with_progress
from memneuro.experiment.target import target

_POWER = """
denergy_source/dt = v_in*i_device : joule
denergy_device/dt = v_device*i_device : joule
denergy_control/dt = v_gate**2/r_control : joule
denergy_supply/dt = v_dd*i_load : joule
denergy_load/dt = i_load**2*r_load : joule
denergy_transistor/dt = v_out*nmos_current(v_gate, v_out, k_nmos, v_turn_on, slope_factor, temperature) : joule
"""
_ELEMENTS = ("source", "device", "control", "supply", "load", "transistor")
_PICO = 1e12


def energy_step(neuron: OneM1T1R) -> Quantity:
    """The default step: at most a tenth of the card's step and of R_on C_g, rounded down."""
    charging = neuron.device["r_on"] * neuron.circuit["c_gate"]
    return round_step(min(charging, neuron.default_step) / 10)


def energy(
    neuron: OneM1T1R,
    *,
    amplitude: Quantity = 0.8 * volt,
    width: Quantity = 1 * ms,
    period: Quantity = 2 * ms,
    duration: Quantity = 120 * ms,
    dt: Quantity | None = None,
    seed: int = 0,
    noise: bool = False,
    progress: str | None = None,
) -> pd.DataFrame:
    """Energies of one neuron under a pulse train, spike by spike and in total.

    A spike's window goes from the lowest gate voltage before it (the start of the run for the first) to the lowest gate
    voltage before the next (the end of the run for the last), so it holds one charging and one discharging of the gate.

    Parameters
    ----------
    neuron : OneM1T1R
        The neuron.
    amplitude : Quantity (volt)
        Of the pulses.
    width, period : Quantity (second)
        Length of a pulse, and from one onset to the next; equal for a constant voltage.
    duration : Quantity (second)
        How long to run.
    dt : Quantity (second), optional
        Time step; by default :func:`energy_step`.
    seed : int
        Of the noise.
    noise : bool
        Whether the device fluctuates.
    progress : str, optional
        Label of a progress bar; none by default.

    Returns
    -------
    DataFrame
        One row a spike and, last, one for the whole run. Columns: ``span`` ("spike", "run"); ``spike`` (number from
        0; for the run the number of spikes); ``start_ms``, ``end_ms``; ``complete`` (whether the window ends with
        another spike, so that the gate has discharged); ``v_peak_V`` (highest gate voltage); ``gate_charging_pJ``
        (C_g V^2/2 at that voltage); the integrals ``source_pJ``, ``device_pJ``, ``control_pJ``, the gain
        ``gate_stored_pJ`` of C_g V^2/2; of the output stage ``supply_pJ``, ``load_pJ``, ``transistor_pJ``; and the
        errors of the two balances relative to what the source and the supply gave, ``input_error`` and
        ``output_error``.
    """
    n = np.ones(1)
    group = neuron.group(
        1,
        drive=PulseTrain(
            n * float(amplitude / volt) * volt,
            n * float(width / second) * second,
            n * float(period / second) * second,
            n * np.inf,
            0 * n * second,
        ),
        dt=energy_step(neuron) if dt is None else dt,
        seed=seed,
        noise=noise,
        extra=_POWER,
    )
    spikes = SpikeMonitor(group)
    names = ("v_gate", *(f"energy_{name}" for name in _ELEMENTS))
    monitor = StateMonitor(group, names, record=True, when="start")
    network = Network(group, spikes, monitor)
    run_with_progress(network, duration, progress)
    monitor.record_single_timestep()
    integrals = {name: np.asarray(getattr(monitor, f"energy_{name}"))[0] for name in _ELEMENTS}
    v_gate = np.asarray(monitor.v_gate)[0]
    time = np.asarray(monitor.t / ms)
    c_gate = float(neuron.circuit["c_gate"])

    # The step that starts at a spike's time carries the gate over the threshold: below it before, above it after.
    fired = np.round(np.asarray(spikes.t / group.dt)).astype(int)
    cuts = [0]
    for before, after in zip(fired[:-1], fired[1:], strict=True):
        cuts.append(before + 1 + int(np.argmin(v_gate[before + 1 : after + 1])))
    cuts.append(v_gate.size - 1)
    windows = [("spike", k, cuts[k], cuts[k + 1], k + 1 < fired.size) for k in range(fired.size)]
    windows.append(("run", fired.size, 0, v_gate.size - 1, True))
    return pd.DataFrame([_row(*window, time, v_gate, c_gate, integrals) for window in windows])


def _row(
    span: str,
    spike: int,
    start: int,
    end: int,
    complete: bool,
    time: np.ndarray,
    v_gate: np.ndarray,
    c_gate: float,
    integrals: dict[str, np.ndarray],
) -> dict[str, Any]:
    """What happened between two samples."""
    used = {name: _PICO * float(total[end] - total[start]) for name, total in integrals.items()}
    stored = _PICO * 0.5 * c_gate * float(v_gate[end] ** 2 - v_gate[start] ** 2)
    peak = float(v_gate[start : end + 1].max())
    input_gap = used["source"] - used["device"] - used["control"] - stored
    output_gap = used["supply"] - used["load"] - used["transistor"]
    return {
        "span": span,
        "spike": spike,
        "start_ms": float(time[start]),
        "end_ms": float(time[end]),
        "complete": complete,
        "v_peak_V": peak,
        "gate_charging_pJ": _PICO * 0.5 * c_gate * peak**2,
        "source_pJ": used["source"],
        "device_pJ": used["device"],
        "control_pJ": used["control"],
        "gate_stored_pJ": stored,
        "supply_pJ": used["supply"],
        "load_pJ": used["load"],
        "transistor_pJ": used["transistor"],
        "input_error": input_gap / used["source"] if used["source"] else np.nan,
        "output_error": output_gap / used["supply"] if used["supply"] else np.nan,
    }


def energy_per_spike(table: pd.DataFrame) -> pd.Series:
    """Mean energies of the complete spikes of :func:`energy`, or of the one that the run cuts short if no other.

    Returns
    -------
    Series
        ``spikes`` (of the run), ``averaged`` (how many of them), then the mean ``v_peak_V`` and the energies in pJ;
        NaN when the neuron did not fire.
    """
    spikes = table[table["span"] == "spike"]
    whole = spikes[spikes["complete"]]
    used = whole if len(whole) else spikes
    columns = ["v_peak_V", *(name for name in table.columns if name.endswith("_pJ"))]
    return pd.concat([pd.Series({"spikes": len(spikes), "averaged": len(used)}), used[columns].mean()])


#: What is compared with the published energies: device card, circuit card, and the figure's condition it stands for.
CASES = (
    ("hopping_2e4d", "discrete_2025", "0.45 V input"),
    ("compact_table1", "discrete_2025", "0.45 V input"),
    ("compact_table7", "integrated_65nm", "65 nm"),
    ("compact_table8", "projected_3nm", "3 nm"),
)
_LATEST = 400  # time units (1 ms at the published rates) in which a neuron has to fire


def energy_comparison(cases: tuple[tuple[str, str, str], ...] = CASES) -> pd.DataFrame:
    """The published energies per spike beside what can be computed, part by part, without noise.

    Each neuron is driven with a constant 0.45 V, the input of the first published figure, and with the 0.8 V train in
    which the neuron is otherwise measured. Times scale with the card: one unit is 1 ms at a filament dissolution rate
    up to 600/s and 600/gamma1 ms beyond, so the 3 nm projection is driven with 10 ns pulses. The neuron has 400 units
    to fire.

    The published 1 pJ equals C_g V^2/2 at 0.45 V and 10 pF (``at_input_pJ``): the charging of the gate alone. The
    source supplies more (``source_pJ``) and the output stage has a supply of its own (``supply_pJ``). What the other
    two figures count, and at which input, is not stated.

    Returns
    -------
    DataFrame
        One row a neuron and drive: ``published`` (condition), ``published_pJ`` (NaN where the published figure is for
        another input), ``device``, ``circuit``, ``drive`` ("constant", "train"), ``amplitude_V``, ``response``
        ("fires", "latches": it ends above threshold without a spike in the second half; "silent"), ``step_us``,
        ``at_input_pJ``, and the columns of :func:`energy_per_spike`, NaN for a silent neuron. The energies are those
        of the first spike, before a neuron latches; of one that fires only once they include what it draws for up to
        50 units after.

    Raises
    ------
    ValueError
        If a case names none or several of the published energies.
    """
    known = target("text").query("experiment == 'energy'")
    rows = []
    for device, circuit, condition in cases:
        neuron = OneM1T1R(device, circuit)
        found = known[known["condition"].str.contains(condition, regex=False)]
        if len(found) != 1:
            raise ValueError(f"published condition {condition!r} names {len(found)} of the energies; accepted: one")
        published, at = float(found["measured"].iloc[0]), float(found["condition_value"].iloc[0])
        unit = min(1.0, 600 / float(neuron.device["gamma1"])) * ms
        c_gate = float(neuron.circuit["c_gate"])
        for drive, amplitude in (("constant", 0.45), ("train", 0.8)):
            train: dict[str, Any] = {
                "amplitude": amplitude * volt,
                "width": (2 if drive == "constant" else 1) * unit,
                "period": 2 * unit,
            }
            search = run_pulses(neuron, **train, duration=_LATEST * unit, noise=False)
            times = search.spikes["time_ms"].to_numpy() / float(unit / ms)
            held = float(search.final["v_gate_V"].iloc[0]) > float(neuron.circuit["v_threshold"])
            latched = held and not (times > _LATEST / 2).any()
            row: dict[str, Any] = {
                "published": condition,
                "published_pJ": published if np.isnan(at) or at == amplitude else np.nan,
                "device": device,
                "circuit": circuit,
                "drive": drive,
                "amplitude_V": amplitude,
                "response": "silent" if times.size == 0 else "latches" if latched else "fires",
                "step_us": float(energy_step(neuron) / second) * 1e6,
                "at_input_pJ": _PICO * 0.5 * c_gate * amplitude**2,
            }
            if times.size:
                length = times[1] + 1 if times.size > 1 else min(times[-1] + 50, _LATEST)
                row |= energy_per_spike(energy(neuron, **train, duration=length * unit)).to_dict()
            rows.append(row)
    return pd.DataFrame(rows)
