"""Every condition a calibration simulates, and the compiled programs that simulate them.

A program is compiled once and then run with new parameters: all points of a batch, all conditions of similar length and
all trials are neurons of one group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from brian2 import Mohm, Quantity, mV, ohm, second, volt

from memneuro.circuit.drive import Drive, Expression, PulseTrain
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.device.card import parse_unit
from memneuro.experiment import intrinsic_plasticity, leaky_integration, refractory_period, threshold_firing
from memneuro.experiment.calibrate.search import Search
from memneuro.simulation import Simulation

#: Points that one run of the programs simulates.
BATCH = 8
#: Control resistors between and beyond the measured ones (Mohm).
DENSE = (30, 40, 65, 80, 130, 160, 180, 200, 225, 300, 380, 620, 780, 1200, 1500)
#: The same without noise, on a grid fine enough to find a resistor at which the interval falls.
QUIET = tuple(np.round(np.geomspace(30, 1500, 44), 1))
#: Length of a run of the ranges of drives, and where the two windows start whose rates are compared (second).
RANGE_WINDOWS = (0.4, 0.85, 1.3)
#: Constant drives (volt), 3 % apart.
CONSTANT = tuple(np.round(0.52 * 1.03 ** np.arange(22), 4))
#: The same for a circuit whose transistor opens at ``WIDE_THRESHOLD`` (volt), 4 % apart.
WIDE = tuple(np.round(0.54 * 1.04 ** np.arange(21), 4))
WIDE_THRESHOLD = 0.38
#: Amplitudes of pulse trains (volt), 4 % apart.
TRAINS = tuple(np.round(0.6 * 1.04 ** np.arange(14), 4))
#: Triangular sweeps: 0 to 1.2 V and back at 1 V/s; the second way up counts.
SWEEP = {"peak": 1.2, "period": 2.4, "duration": 3.6}
SERIES = 1 * Mohm


@dataclass(frozen=True)
class Effort:
    """How many trials each condition has.

    Parameters
    ----------
    rows : int
        Of the measured conditions but Fig. 3d.
    firing : int
        Of each pulse of Fig. 3d, whose rows are probabilities.
    constant : int
        Of the constant drives, beside one without noise; 0 leaves out all conditions between the measured ones.
    sweeps : int
        Of the current-voltage sweep; 0 leaves it out.
    """

    rows: int = 20
    firing: int = 64
    constant: int = 4
    sweeps: int = 16


def conditions(effort: Effort) -> pd.DataFrame:
    """Every simulated condition with its pulse protocol in SI units.

    Returns
    -------
    DataFrame
        ``kind`` (a figure, or ``dense``, ``quiet``, ``constant``, ``wide``, ``train``, ``sweep``), ``value``,
        ``device``, ``amplitude``, ``width``, ``period``, ``count``, ``r_control``, ``duration``, ``trials``, ``quiet``
        (one more trial without noise).
    """
    rows: list[tuple[Any, ...]] = []
    for value in refractory_period.RESISTANCES / ohm:
        rows.append(("4d", value / 1e6, "2e4d", 0.8, 1e-3, 2e-3, np.inf, value, 0.6, effort.rows))
    for value in leaky_integration.GAPS / second:
        rows.append(("3b", value * 1e3, "3b", 0.9, 1e-3, 1e-3 + value, np.inf, np.nan, 0.7, effort.rows))
    for value in threshold_firing.AMPLITUDES / volt:
        rows.append(("3d", value, "3cd", value, 15e-3, 15e-3, 1, np.nan, 0.015, effort.firing))
    for value in intrinsic_plasticity.GAPS / second:
        rows.append(("4ab", value * 1e3, "4ab", 2.0, 20e-3, 20e-3 + value, 2, np.nan, 0.04 + value, effort.rows))
    if effort.constant:
        for value in DENSE:
            rows.append(("dense", value, "2e4d", 0.8, 1e-3, 2e-3, np.inf, value * 1e6, 0.6, 3))
        for value in QUIET:
            rows.append(("quiet", value, "2e4d", 0.8, 1e-3, 2e-3, np.inf, value * 1e6, 1.3, 0))
        for value in CONSTANT:
            rows.append(("constant", value, "2e4d", value, 1e3, 1e3, np.inf, np.nan, RANGE_WINDOWS[2], effort.constant))
        for value in WIDE:
            rows.append(("wide", value, "2e4d", value, 1e3, 1e3, np.inf, np.nan, RANGE_WINDOWS[2], 0))
        for value in TRAINS:
            rows.append(("train", value, "2e4d", value, 1e-3, 2e-3, np.inf, np.nan, RANGE_WINDOWS[2], 0))
    if effort.sweeps:
        rows.append(("sweep", 0.0, "3cd", np.nan, np.nan, np.nan, np.nan, np.nan, SWEEP["duration"], effort.sweeps))
    names = "kind value device amplitude width period count r_control duration trials".split()
    table = pd.DataFrame(rows, columns=names)
    table["quiet"] = table["kind"].isin(["quiet", "constant", "wide", "train"])
    return table


class Programs:
    """The compiled programs of a search.

    Parameters
    ----------
    search : Search
        Parameters, limits and step.
    effort : Effort
        Trials.
    backend, precision : str
        Where they run, and with which numbers. Single precision is twice as fast and moves no row by more than its
        noise; what a search returns is judged in double.
    """

    def __init__(self, search: Search, effort: Effort, backend: str = "cpp", precision: str = "single") -> None:
        self.search = search
        self.table = conditions(effort)
        self._neuron = OneM1T1R(search.template)
        self._unit = {name: parse_unit(self._neuron.device.parameters[name].unit) for name in search.parameters()}
        lots = pd.cut(self.table["duration"], [0, 0.05, 0.3, 0.7, 1.2, 3, 9], labels=False)
        self._lots = []
        for _, part in self.table.groupby(lots):
            # The points of a batch, and all points under the same seed, have the same noise.
            size = int((part["trials"] + part["quiet"]).sum())
            # A search visits parameters at which nothing is claimed.
            options = {"dt": search.step, "check_step": False, "backend": backend, "precision": precision}
            options |= {"n": size * BATCH, "streams": np.tile(np.arange(size), BATCH)}
            self._lots.append((part, Simulation(**self._program(part), **options)))

    def _program(self, part: pd.DataFrame) -> dict[str, Any]:
        """Arguments of the simulation of one lot."""
        duration = float(part["duration"].max()) * second
        names = list(self.search.parameters())
        if (part["kind"] == "sweep").all():
            text = (
                "sweep_phase = t/sweep_period - floor(t/sweep_period) : 1\n"
                "v_in = sweep_peak*(1 - abs(2*sweep_phase - 1)) : volt\n"
            )
            drive: Drive = Expression(
                text, {"sweep_period": SWEEP["period"] * second, "sweep_peak": SWEEP["peak"] * volt}
            )
            # A current of 10 nA through the series resistor.
            neuron = self._neuron.with_(r_control=SERIES, v_threshold=10 * mV)
            return {"neuron": neuron, "drive": drive, "duration": duration, "varying": names}
        pulses = PulseTrain(0.8 * volt, 1e-3 * second, 2e-3 * second)
        varying = [*names, "r_control", "v_threshold", "pulse_amplitude", "pulse_width", "pulse_period", "pulse_count"]
        return {"neuron": self._neuron, "drive": pulses, "duration": duration, "varying": varying}

    def run(self, points: Sequence[np.ndarray], seed: int) -> list[dict[int, tuple[list[np.ndarray], np.ndarray]]]:
        """Simulate up to ``BATCH`` points.

        Parameters
        ----------
        points : sequence of ndarray, shape (names,) each
            In the unit cube.
        seed : int
            Of the noise.

        Returns
        -------
        list of dict
            For each point, by condition: the spike times (s) of every trial, the one without noise last, and the gate
            voltages at the end.
        """
        padded = [points[min(k, len(points) - 1)] for k in range(BATCH)]
        found: list[dict[int, tuple[list[np.ndarray], np.ndarray]]] = [{} for _ in points]
        for number, (part, program) in enumerate(self._lots):
            layout = [(p, c) for p in range(BATCH) for c in part.index]
            repeats = np.array([part.at[c, "trials"] + part.at[c, "quiet"] for _, c in layout])
            index = np.repeat(np.arange(len(layout)), repeats)
            ends = np.cumsum(repeats)
            rows = part.loc[[c for _, c in layout]]
            fitted = [self.search.values(padded[p], part.at[c, "device"]) for p, c in layout]
            values = {name: np.array([one[name] for one in fitted])[index] for name in fitted[0]}
            quiet = ends[rows["quiet"].to_numpy(bool)] - 1
            values[self.search.noise][quiet] = 0
            given: dict[str, Quantity] = {name: value * self._unit[name] for name, value in values.items()}
            if not (part["kind"] == "sweep").all():
                threshold = float(self._neuron.circuit["v_threshold"])
                control = rows["r_control"].fillna(float(self._neuron.circuit["r_control"])).to_numpy()
                given |= {
                    "r_control": control[index] * ohm,
                    "v_threshold": np.where(rows["kind"] == "wide", WIDE_THRESHOLD, threshold)[index] * volt,
                    "pulse_amplitude": rows["amplitude"].to_numpy()[index] * volt,
                    "pulse_width": rows["width"].to_numpy()[index] * second,
                    "pulse_period": rows["period"].to_numpy()[index] * second,
                    "pulse_count": rows["count"].to_numpy()[index],
                }
            tables = program.run(seed + 7919 * number, **given)
            gate = tables["final"]["v_gate_V"].to_numpy()
            by_neuron = _trains(tables["spikes"], len(index))
            for (p, c), stop, n in zip(layout, ends, repeats, strict=True):
                if p < len(points):
                    end = part.at[c, "duration"]
                    trains = [train[train < end] for train in by_neuron[stop - n : stop]]
                    found[p][int(c)] = (trains, gate[stop - n : stop])
        return found


def _trains(spikes: pd.DataFrame, n: int) -> list[np.ndarray]:
    """Spike times (s) of each of n neurons."""
    neuron = spikes["neuron"].to_numpy()
    order = np.argsort(neuron, kind="stable")
    times = spikes["time_ms"].to_numpy()[order] * 1e-3
    return np.split(times, np.searchsorted(neuron[order], np.arange(1, n)))
