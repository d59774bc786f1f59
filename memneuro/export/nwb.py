"""Spikes and traces as Neurodata Without Borders (NWB) files.

Spikes go into the Units table, one unit a neuron, with its observation interval; variables into plain TimeSeries in
SI units. A pair of a voltage and an injected current is stored as current clamp, a ``CurrentClampSeries`` with its
``CurrentClampStimulusSeries`` for each neuron, which :func:`memneuro.biology.load` reads back.

Sources: Rübel et al. (2022), *The Neurodata Without Borders ecosystem for neurophysiological data science*,
doi:10.7554/eLife.78362; the specification, https://nwb-schema.readthedocs.io.
"""

from __future__ import annotations

import json
import os
import uuid
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from brian2 import DimensionMismatchError, amp, volt

from memneuro.export._needed import needed, target
from memneuro.export._recorded import Traces, Trains, keys, label, traces_of, trains_of
from memneuro.export.frames import unit_text
from memneuro.export.provenance import provenance_of
from memneuro.simulation import Simulated
from memneuro.tables import atomic_path

#: What NWB calls units, by Brian2's symbol; others are written as they are.
_UNITS = {
    "1": "n.a.",
    "V": "volts",
    "A": "amperes",
    "ohm": "ohms",
    "S": "siemens",
    "s": "seconds",
    "Hz": "hertz",
    "K": "kelvin",
    "F": "farads",
    "W": "watts",
    "J": "joules",
}
_KEYWORDS = ("simulation", "memristor", "spiking neuron")


def write_nwb(
    path: str | os.PathLike[str],
    spikes: Any = None,
    traces: Any = None,
    *,
    clamp: tuple[str, str] | None = None,
    neuron: Any = None,
    session_description: str | None = None,
    identifier: str | None = None,
    session_start_time: datetime | None = None,
    experimenter: str | Sequence[str] | None = None,
    institution: str | None = None,
    lab: str | None = None,
    keywords: Sequence[str] = _KEYWORDS,
    overwrite: bool = False,
) -> Path:
    """Write spikes and traces of one run as an NWB file.

    Parameters
    ----------
    path : path-like
        Ends in ``.nwb``; the file is written whole or not at all.
    spikes : SpikeMonitor or Simulated, optional
        A monitor that has recorded, or what :func:`memneuro.simulation.simulate` gave; of the latter traces are taken
        too, if there are any.
    traces : StateMonitor or Simulated, optional
        A monitor that has recorded.
    clamp : (str, str), optional
        Names of a recorded voltage and of the current that was injected, such as ``("v", "i_in")``, to be stored as
        current clamp: one electrode and one sweep a neuron, numbered from 0.
    neuron : OneM1T1R or ReferenceNeuron, optional
        Its cards go into the notes.
    session_description : str, optional
        By default "Simulation of" the neuron.
    identifier : str, optional
        By default a random UUID.
    session_start_time : datetime, optional
        With a time zone; by default now. Times in the file count from it.
    experimenter : str or sequence of str, optional
        Names in the form ``Last, First``.
    institution, lab : str, optional
        Where the simulation was made.
    keywords : sequence of str
        For those who search.
    overwrite : bool
        Whether an existing file may be replaced.

    Returns
    -------
    Path

    Raises
    ------
    TypeError
        If `spikes` or `traces` is something else.
    ValueError
        If both are None, nothing was recorded, `clamp` names no recorded variable, the path has another ending, or
        `session_start_time` has no time zone.
    brian2.DimensionMismatchError
        If the variables of `clamp` are not a voltage and a current.
    FileExistsError
        If the file exists and `overwrite` is False.
    ImportError
        If pynwb is not installed.

    Notes
    -----
    Columns of a TimeSeries are the recorded neurons; its comments say which, as JSON. Values are stored in SI units
    with ``conversion`` 1. Of several neurons under clamp, :func:`memneuro.biology.load` reads one at a time
    (``sweeps=[k]``), because each has its own electrode; it accepts 1 kHz to 1 MHz.
    Source: doi:10.7554/eLife.78362, https://nwb-schema.readthedocs.io.

    Examples
    --------
    >>> write_nwb("run.nwb", spikes, trace, neuron=neuron, experimenter="Hodgkin, Alan")
    """
    pynwb = needed("pynwb", "writing NWB")
    if isinstance(spikes, Simulated) and traces is None and not spikes.traces.empty:
        traces = spikes
    if spikes is None and traces is None:
        raise ValueError("neither spikes nor traces are given; accepted: at least one of them")
    path = target(path, ".nwb", overwrite)
    start = datetime.now(UTC) if session_start_time is None else session_start_time
    if start.tzinfo is None:
        raise ValueError(f"session_start_time = {start!r} has no time zone; accepted: datetime(..., tzinfo=UTC)")
    trains = None if spikes is None else trains_of(spikes)
    found = None if traces is None else traces_of(traces)
    if clamp is not None:
        _check_clamp(clamp, found)
    origin = provenance_of(traces if spikes is None else spikes, neuron)
    what = origin.get("neuron", "neurons")
    file = pynwb.NWBFile(
        session_description=session_description or f"Simulation of {what} with memneuro",
        identifier=identifier or str(uuid.uuid4()),
        session_start_time=start,
        experimenter=experimenter,
        institution=institution,
        lab=lab,
        keywords=list(keywords),
        notes=json.dumps(origin, ensure_ascii=False),
        was_generated_by=[(name, origin[name]) for name in ("memneuro", "Brian2", "NumPy")],
    )
    if trains is not None:
        _add_units(pynwb, file, trains)
    if found is not None:
        for variable in found.values:
            if clamp is None or variable not in clamp:
                file.add_acquisition(_series(pynwb, found, variable))
        if clamp is not None:
            _add_clamp(pynwb, file, found, clamp, what)
    with atomic_path(path) as temporary, pynwb.NWBHDF5IO(str(temporary), "w") as stream:
        stream.write(file)
    return path


def _check_clamp(clamp: tuple[str, str], traces: Traces | None) -> None:
    recorded = [] if traces is None else list(traces.values)
    if len(clamp) != 2 or not set(clamp) <= set(recorded) or traces is None:
        raise ValueError(
            f"clamp = {clamp!r}; accepted: a voltage and a current of what was recorded, {', '.join(recorded) or 'none'}"
        )
    for name, unit in zip(clamp, (volt, amp), strict=True):
        if traces.units[name].dim is not unit.dim:
            raise DimensionMismatchError(
                f"clamp = {clamp!r}: {name} must have the unit of {unit!r}", traces.units[name].dim, unit.dim
            )


def _add_units(pynwb: Any, file: Any, trains: Trains) -> None:
    """One unit a neuron, with the columns that tell neurons apart."""
    units = pynwb.misc.Units(
        name="units", description="spikes of simulated neurons, one unit a neuron", resolution=trains.step
    )
    for column in trains.neurons.columns:
        units.add_column(name=str(column), description=_MEANINGS.get(str(column), "parameter of the set, in SI units"))
    rows = trains.neurons.to_dict(orient="records")
    for times, row in zip(trains.times, rows, strict=True):
        units.add_unit(spike_times=times, obs_intervals=[[0.0, trains.duration]], **row)
    file.units = units


_MEANINGS = {
    "neuron": "number of the neuron in its group",
    "set": "number of the parameter set",
    "trial": "number of the trial of the set; trials differ in the noise only",
}


def _series(pynwb: Any, traces: Traces, variable: str) -> Any:
    """One variable of all recorded neurons."""
    unit = unit_text(traces.units[variable])
    columns = {key: traces.neurons[key].tolist() for key in keys(traces.neurons)}
    return pynwb.TimeSeries(
        name=variable,
        data=traces.values[variable],
        unit=_UNITS.get(unit, unit),
        conversion=1.0,
        rate=traces.rate,
        starting_time=traces.start,
        description=f"{variable} of {traces.values[variable].shape[1]} simulated neurons, one column each",
        comments=json.dumps(columns),
    )


def _add_clamp(pynwb: Any, file: Any, traces: Traces, clamp: tuple[str, str], what: str) -> None:
    """Response and stimulus of every neuron as an intracellular recording."""
    device = file.create_device(name="simulator", description="Brian2, through memneuro")
    voltage, current = clamp
    common = {"rate": traces.rate, "starting_time": traces.start, "conversion": 1.0, "gain": 1.0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # hdmf on tables that grow row by row
        for k, row in enumerate(traces.neurons.to_dict(orient="records")):
            electrode = file.create_icephys_electrode(
                name=f"electrode {k}", description=f"ideal electrode in {what}", device=device, cell_id=label(row)
            )
            response = pynwb.icephys.CurrentClampSeries(
                name=f"{voltage} {k}",
                data=traces.values[voltage][:, k],
                electrode=electrode,
                description=f"{voltage} of {label(row)}",
                stimulus_description="simulated",
                **common,
            )
            stimulus = pynwb.icephys.CurrentClampStimulusSeries(
                name=f"{current} {k}",
                data=traces.values[current][:, k],
                electrode=electrode,
                description=f"{current} into {label(row)}",
                stimulus_description="simulated",
                **common,
            )
            file.add_acquisition(response)
            file.add_stimulus(stimulus)
            file.add_intracellular_recording(electrode=electrode, stimulus=stimulus, response=response)
