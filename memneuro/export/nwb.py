"""Recorded spikes and traces in a file of Neurodata Without Borders (NWB), version 2.

Source of the format: Rübel et al. 2022, doi:10.7554/eLife.78362; https://nwb-schema.readthedocs.io.
"""

from __future__ import annotations

import datetime
import json
import os
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Quantity, SpikeMonitor, StateMonitor, amp, volt

from memneuro import __version__
from memneuro.export._files import free, new_file
from memneuro.export._monitors import Spikes, Trace, label, rate_hz, read_all, stop_time, unit_text
from memneuro.export._optional import need
from memneuro.export._origin import origin
from memneuro.simulation import Simulated
from memneuro.tables import with_ending

__all__ = ["write_nwb"]

#: A simulated neuron has no age, sex or species; the standard asks for the first two.
SUBJECT = {
    "subject_id": "simulation",
    "description": "No animal: simulated neurons. Age and sex are unknown in the sense of the standard.",
    "age": "P0D/",
    "sex": "U",
}
_WORDS = {"V": "volts", "A": "amperes", "ohm": "ohms", "S": "siemens", "F": "farads", "s": "seconds", "K": "kelvin"}

_LABELS = {
    "neuron": "index of the neuron within its group, from 0",
    "set": "number of the set of parameters, from 0",
    "trial": "number of the trial of a set, from 0",
}


def write_nwb(
    path: str | os.PathLike[str],
    *monitors: SpikeMonitor | StateMonitor | Simulated,
    t_stop: Quantity | None = None,
    current_clamp: tuple[str, str] | None = None,
    protocol: str = "simulated",
    session_description: str = "Simulated neurons recorded in Brian2",
    identifier: str | None = None,
    session_start_time: datetime.datetime | None = None,
    subject: Mapping[str, Any] | None = None,
    neuron: Any = None,
    overwrite: bool = False,
    **metadata: Any,
) -> Path:
    """Write what Brian2 monitors recorded as an NWB file.

    Spikes become the table of units, one row a neuron with ``spike_times`` (s), ``obs_intervals`` (from 0 s to
    `t_stop`), ``neuron`` and ``group``; silent neurons have a row without spikes. Each recorded variable becomes a
    ``TimeSeries`` of shape (samples, neurons) with its SI unit and a regular rate, in ``acquisition``, named
    ``<group>_<variable>``; its comments list the neurons.

    Parameters
    ----------
    path : path-like
        The file, ending in ``.nwb``.
    *monitors : SpikeMonitor or StateMonitor, or one Simulated
        At least one; they have run. Or what :func:`memneuro.simulation.simulate` gave: units then have the columns
        ``set``, ``trial`` and those of the parameters (``r_control_ohm``) in place of ``neuron``.
    t_stop : Quantity (second), optional
        End of the observation; by default the time at which the run ended.
    current_clamp : (str, str), optional
        A voltage and a current of a StateMonitor, such as ``("v_in", "i_in")``. Each recorded neuron then is one
        current-clamp sweep, which ``memneuro.biology.load`` reads like a recorded cell. The samples are those of
        the monitor; `load` takes at least 1 kHz, and voltages up to 1 V and currents up to 1 uA.
    protocol : str
        Description of the stimulus of these sweeps.
    session_description : str
        What the session was.
    identifier : str, optional
        By default a random UUID.
    session_start_time : datetime, optional
        With its time zone; by default now.
    subject : mapping, optional
        Fields of ``pynwb.file.Subject`` that replace those of :data:`SUBJECT`.
    neuron : OneM1T1R or another neuron with cards, optional
        Its cards go into the session's ``notes``, JSON that also holds the seed and the step of the first monitor; what
        ``simulate`` gave knows its neuron.
    overwrite : bool
        Replace an existing file.
    **metadata : object
        Further fields of ``pynwb.NWBFile``: ``experimenter``, ``institution``, ``keywords`` ...

    Returns
    -------
    Path
        The file.

    Raises
    ------
    FileExistsError
        If the file is there and `overwrite` is False.
    ValueError
        If the ending is another, a monitor has recorded nothing, two have the same group and variable, `t_stop` is
        before a spike or a sample, the start has no time zone, or `current_clamp` names no recorded voltage and
        current.
    TypeError
        For other monitors, and for metadata that pynwb does not know.
    ImportError
        When pynwb is not installed: ``pip install "memneuro[interop]"``.

    Examples
    --------
    >>> write_nwb("run.nwb", spikes, trace, experimenter=["Hopper, Grace"], keywords=["memristor"])
    """
    pynwb = need("pynwb")
    path = with_ending(path, ".nwb")
    free(path, overwrite)
    spikes, traces = read_all(monitors)
    stop = stop_time(spikes, traces, t_stop)
    start = datetime.datetime.now(datetime.UTC) if session_start_time is None else session_start_time
    if start.tzinfo is None:
        raise ValueError(f"session_start_time = {start!r} has no time zone; accepted: one such as datetime.UTC")
    file = pynwb.NWBFile(
        session_description=session_description,
        identifier=str(uuid.uuid4()) if identifier is None else identifier,
        session_start_time=start,
        subject=pynwb.file.Subject(**{**SUBJECT, **(subject or {})}),
        **{
            "experiment_description": session_description,
            "source_script": f"memneuro {__version__}",
            "source_script_file_name": "memneuro.export.nwb",
            "keywords": ["simulation", "memristor", "spiking neuron"],
            "notes": json.dumps(origin(monitors[0], neuron)),
            **metadata,
        },
    )
    if spikes:
        _add_units(file, spikes, stop)
    clamped = None if current_clamp is None else _clamped(traces, current_clamp)
    for trace in traces:
        left_out = current_clamp if trace is clamped and current_clamp is not None else ()
        _add_traces(pynwb, file, trace, left_out)
    if clamped is not None and current_clamp is not None:
        _add_sweeps(pynwb, file, clamped, current_clamp, protocol)
    with new_file(path, overwrite) as temporary, pynwb.NWBHDF5IO(str(temporary), "w") as stream:
        stream.write(file)
    return path


def _add_units(file: Any, spikes: Sequence[Spikes], stop: float) -> None:
    """The table of units."""
    for key in spikes[0].labels:
        file.add_unit_column(key, _LABELS.get(key, "parameter of the set, in the SI unit its name ends in"))
    file.add_unit_column("group", "name of the group of neurons")
    for group in spikes:
        for neuron, times in enumerate(group.trains()):
            labels = {key: values[neuron].item() for key, values in group.labels.items()}
            file.add_unit(spike_times=times, obs_intervals=[[0.0, stop]], group=group.name, **labels)
    file.units.resolution = max(group.step_s for group in spikes)


def _add_traces(pynwb: Any, file: Any, trace: Trace, left_out: Sequence[str]) -> None:
    """A time series for each variable that is not among those left out."""
    neurons = ", ".join(label(trace.labels, k) for k in range(trace.neuron.size))
    for variable, values in trace.values.items():
        if variable in left_out:
            continue
        name = f"{trace.name}_{variable}"
        if name in file.acquisition:
            raise ValueError(f"two monitors recorded {variable} of {trace.name}; accepted: one for each variable")
        file.add_acquisition(
            pynwb.TimeSeries(
                name=name,
                data=_compressed(values),
                unit=_unit(trace, variable),
                rate=rate_hz(trace.step_s),
                starting_time=float(trace.time_s[0]),
                description=f"{variable} of the group {trace.name}; one column a neuron",
                comments=f"neurons: {neurons}",
            )
        )


def _clamped(traces: Sequence[Trace], names: tuple[str, str]) -> Trace:
    """The trace with the voltage and the current of the sweeps."""
    if len(names) == 2:
        for trace in traces:
            dims = [trace.dimensions.get(name) for name in names]
            if dims[0] is volt.dim and dims[1] is amp.dim:
                return trace
    recorded = "; ".join(
        f"{trace.name}: " + ", ".join(f"{name} ({unit_text(dim)})" for name, dim in trace.dimensions.items())
        for trace in traces
    )
    raise ValueError(
        f"current_clamp = {names!r}; accepted: the names of a voltage and of a current that one StateMonitor "
        f"recorded; recorded are {recorded or 'no variables'}"
    )


def _add_sweeps(pynwb: Any, file: Any, trace: Trace, names: tuple[str, str], protocol: str) -> None:
    """Each neuron as a current-clamp sweep of one electrode, in the table of intracellular recordings."""
    device = file.create_device(name="simulation", description="Brian2")
    electrode = file.create_icephys_electrode(
        name="electrode", cell_id=trace.name, description=f"ideal, one sweep a neuron of {trace.name}", device=device
    )
    for number, neuron in enumerate(trace.neuron):
        voltage, current = (trace.values[name][:, number] for name in names)
        common = {
            "electrode": electrode,
            "gain": 1.0,
            "rate": rate_hz(trace.step_s),
            "starting_time": float(trace.time_s[0]),
            "stimulus_description": protocol,
            "sweep_number": np.uint32(number),
            "description": f"neuron {label(trace.labels, number)} of the group {trace.name}",
        }
        stem = f"{trace.name}_{neuron}"
        response = pynwb.icephys.CurrentClampSeries(name=f"{stem}_{names[0]}", data=_compressed(voltage), **common)
        stimulus = pynwb.icephys.CurrentClampStimulusSeries(
            name=f"{stem}_{names[1]}", data=_compressed(current), **common
        )
        file.add_intracellular_recording(electrode=electrode, stimulus=stimulus, response=response)


def _compressed(values: np.ndarray) -> Any:
    return need("hdmf.backends.hdf5").H5DataIO(values, compression="gzip")


def _unit(trace: Trace, variable: str) -> str:
    """Unit in the words of the standard."""
    text = unit_text(trace.dimensions[variable])
    return "n.a." if text == "1" else _WORDS.get(text, text)
