r"""Energy per spike, by integrating the power of every element of the circuit.

Each element has an equation of its own, so no energy is the remainder of others and the balance is a test:

.. math::

   \int V_{in} I_d\,dt &= \int V_d I_d\,dt + \int V^2/R_c\,dt + \Delta(C_g V^2/2) \\
   \int V_{dd} I_L\,dt &= \int I_L^2 R_{load}\,dt + \int V_{out} I_D(V, V_{out})\,dt

The first line is the neuron itself: what the input source supplies, what device and control resistor turn into heat, what
the gate stores. The second is the output stage, fed by another supply and therefore reported apart; the transistor current
comes from the transistor equation and the load current from the resistor.

The stages agree only as far as the time step resolves the charging of the gate, R_on C_g; :func:`energy_step` gives a
twentieth of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from brian2 import Network, Quantity, SpikeMonitor, StateMonitor, ms, second, volt

from memneuro.circuit.drive import PulseTrain
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.device.hopping import round_step
from memneuro.experiment.pulses import run_with_progress
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
    """Step of the energy integrals when none is given: R_on C_g/20 rounded down, or the card's step if that is finer."""
    charging = neuron.device["r_on"] * neuron.circuit["c_gate"]
    return min(round_step(charging / 20), neuron.default_step)


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
    amplitude, width, period : Quantity
        The train (volt, second, second); equal width and period for a constant voltage.
    duration : Quantity (second)
        How long to run.
    dt : Quantity (second), optional
        Time step; by default :func:`energy_step`.
    seed, noise
        As in :meth:`memneuro.circuit.one_m1t1r.OneM1T1R.group`.
    progress : str, optional
        Label of a progress bar; none by default.

    Returns
    -------
    DataFrame
        One row a spike and, last, one for the whole run. Columns: ``span`` ("spike", "run"); ``spike`` (number from 0; for
        the run the number of spikes); ``start_ms``, ``end_ms``; ``complete`` (whether the window ends with another spike,
        so that the gate has discharged); ``v_peak_V`` (highest gate voltage); ``gate_charging_pJ`` (C_g V^2/2 at that
        voltage); the integrals ``source_pJ``, ``device_pJ``, ``control_pJ``, the gain ``gate_stored_pJ`` of C_g V^2/2; of
        the output stage ``supply_pJ``, ``load_pJ``, ``transistor_pJ``; and the errors of the two balances relative to what
        the source and the supply gave, ``input_error`` and ``output_error``.
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
    """Mean energies of the complete spikes of :func:`energy`; of the last, cut short by the end of the run, if no other.

    Returns
    -------
    Series
        ``spikes`` (of the run), ``averaged`` (how many of them), then the mean ``v_peak_V`` and the energies in pJ; NaN when
        the neuron did not fire.
    """
    spikes = table[table["span"] == "spike"]
    whole = spikes[spikes["complete"]]
    used = whole if len(whole) else spikes
    columns = ["v_peak_V", *(name for name in table.columns if name.endswith("_pJ"))]
    return pd.concat([pd.Series({"spikes": len(spikes), "averaged": len(used)}), used[columns].mean()])
