"""What the noise-free neuron costs in ngspice, and how accurate its first spike is for that cost.

Run as a script, it prints the whole table and, for each number of neurons, the fastest setting within 0.5 % and 1 %.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import pandas as pd
from brian2 import Quantity, ms, us, volt

from memneuro import OneM1T1R, PulseTrain
from memneuro.export.ngspice import NgspiceError, NgspiceRun, run_ngspice
from memneuro.export.spice import spice_netlist

STEPS = (500.0, 200.0, 50.0, 20.0, 10.0) * us
RELTOLS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
REFERENCE = (1 * us, 1e-8)


def measure(
    neurons: Sequence[int] = (1, 3, 10),
    *,
    device: str = "hopping",
    steps: Quantity = STEPS,
    reltols: Sequence[float] = RELTOLS,
    duration: Quantity = 110 * ms,
    reference_ms: float | None = None,
    repeats: int = 3,
) -> pd.DataFrame:
    """Time ngspice on identical neurons under the 0.8 V train of 1 ms pulses every 2 ms.

    Parameters
    ----------
    neurons : sequence of int
        Numbers of neurons, at most 10.
    device : str
        Device card or model.
    steps : Quantity (second)
        Largest time steps; ngspice takes smaller ones after each edge and where its error estimate asks for it.
    reltols : sequence of float
        Relative tolerances; each is combined with each step.
    duration : Quantity (second)
        Simulated time.
    reference_ms : float, optional
        Converged time of the first spike; by default ngspice's own at a step of 1 us and a tolerance of 1e-8.
    repeats : int
        Runs of each setting; the fastest counts.

    Returns
    -------
    DataFrame
        One row a setting: ``simulator``, ``neurons``, ``step_us`` (largest), ``reltol``, ``points`` (accepted time
        points), ``first_spike_ms`` (NaN when there is none), ``error`` (relative, against the reference), ``wall_s``
        (whole program), ``transient_s`` (time stepping alone) and ``ns_per_neuron_step`` (``transient_s`` over neurons
        and points). Where ngspice did not finish, the measured columns are empty.

    Raises
    ------
    ValueError
        If a number of neurons is not a whole number from 1 to 10.
    RuntimeError
        If ngspice is missing, or the reference fails or does not fire.
    """
    for count in neurons:
        if isinstance(count, bool) or int(count) != count or not 1 <= count <= 10:
            raise ValueError(f"neurons = {count!r}; accepted: whole numbers from 1 to 10")
    neuron, drive = OneM1T1R(device), PulseTrain(0.8 * volt, width=1 * ms, period=2 * ms)
    threshold = neuron.circuit["v_threshold"]

    def run(count: int, step: Quantity, reltol: float) -> NgspiceRun:
        return run_ngspice(spice_netlist(neuron, drive, duration, step=step, reltol=reltol, n=count))

    if reference_ms is None:
        reference_ms = float(run(1, *REFERENCE).crossings_ms(threshold)[0])
        if not reference_ms > 0:
            raise RuntimeError(f"the {device!r} neuron does not fire within {duration!s}; there is no reference")
    rows = []
    for count in neurons:
        for step in steps:
            for reltol in reltols:
                row: dict[str, Any] = {
                    "simulator": "ngspice",
                    "neurons": count,
                    "step_us": float(step / us),
                    "reltol": reltol,
                }
                rows.append(row)
                try:
                    best = min((run(count, step, reltol) for _ in range(repeats)), key=lambda one: one.wall_s)
                except NgspiceError:
                    continue
                row["points"] = best.points
                row["first_spike_ms"] = first = float(best.crossings_ms(threshold)[0])
                row["error"] = abs(first - reference_ms) / reference_ms
                row["wall_s"] = best.wall_s
                row["transient_s"] = best.transient_s
                row["ns_per_neuron_step"] = 1e9 * best.transient_s / (count * best.points)
    return pd.DataFrame(rows)


def fastest(table: pd.DataFrame, accuracy: float) -> pd.DataFrame:
    """The fastest setting for each number of neurons whose first spike is right to a relative `accuracy`.

    A setting counts only when all settings measured with the same or a smaller step and tolerance are as accurate:
    the error of a loose setting may be small by chance.

    Returns
    -------
    DataFrame
        Rows of `table`, at most one for each number of neurons.
    """
    found = []
    for _, rows in table.groupby("neurons"):
        sound = [
            index
            for index, row in rows.iterrows()
            if (rows.loc[(rows.step_us <= row.step_us) & (rows.reltol <= row.reltol), "error"] <= accuracy).all()
        ]
        if sound:
            found.append(rows.loc[sound].sort_values("wall_s").head(1))
    return pd.concat(found) if found else table.head(0)


def main() -> None:
    """Print the table and the fastest settings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--neurons", type=int, nargs="+", default=[1, 3, 10], help="numbers of neurons, at most 10")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each setting; the fastest counts")
    given = parser.parse_args()
    table = measure(given.neurons, repeats=given.repeats)
    print(table.to_string(index=False, float_format="{:.6g}".format))
    for accuracy in (0.005, 0.01):
        print(f"\nfastest within {100 * accuracy:g} % of the first spike")
        print(fastest(table, accuracy).to_string(index=False, float_format="{:.6g}".format))


if __name__ == "__main__":
    main()
