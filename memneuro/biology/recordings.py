"""Recorded sweeps of voltage and current, in units, and how to load them."""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from brian2 import Quantity, amp, second, volt

from memneuro.biology._samples import CoarseSampling, Samples
from memneuro.biology.read_abf import read_abf
from memneuro.biology.read_ibw import read_ibw
from memneuro.biology.read_nwb import read_nwb
from memneuro.biology.read_table import read_table
from memneuro.biology.registry import RECORDINGS, RecordingUnavailable, UnusableRecording, find, locate

__all__ = ["FORMATS", "CoarseSampling", "Recording", "Sweep", "load"]

FORMATS = (".abf", ".nwb", ".csv", ".ibw")
"""Endings of the files that `load` reads."""


@dataclass(frozen=True, eq=False)
class Sweep:
    """One sweep; the three quantities have the same shape (n,).

    Attributes
    ----------
    time : Quantity (second)
        From the start of the sweep, regularly spaced.
    voltage : Quantity (volt)
        As recorded: not compensated for the access resistance (see `memneuro.biology.compensate`), not
        corrected for a liquid junction potential.
    current : Quantity (amp)
        Positive when depolarising.
    """

    time: Quantity
    voltage: Quantity
    current: Quantity


@dataclass(frozen=True, eq=False)
class Recording:
    """Sweeps of one protocol in one cell, and where they come from.

    Attributes
    ----------
    name : str
        Name in the registry, or the path of the file.
    protocol : str
        Of a registered recording ``current_steps``; ``test``, the same noise 10 times; ``training``, 60 s of
        noise; or ``aec``, a calibration of the electrode. Of an NWB file its description of the stimulus, such as
        ``Long Square``. Otherwise as given to `load`, or ``unknown``.
    sweeps : tuple of Sweep
        All of one length, in the order of the file.
    sampling_interval : Quantity (second)
        The same in all sweeps.
    current_source : str
        ``recorded``, or ``command`` when no current was recorded and the command waveform stands in for it.
    source, licence : str
        ``unknown`` for a file that is not in the registry.
    traps : tuple of str
        What is easily got wrong about this recording.
    metadata : Mapping
        What its authors noted about the cell, such as ``membrane_capacitance``, ``membrane_resistance``,
        ``access_resistance`` and ``holding_current``, with units. Of an NWB file ``sweep_numbers`` and, where
        stated, ``bridge_balance`` and ``bias_current``, one per sweep.
    path : Path
        The file that was read.
    """

    name: str
    protocol: str
    sweeps: tuple[Sweep, ...] = field(repr=False)
    sampling_interval: Quantity
    current_source: str
    source: str
    licence: str
    traps: tuple[str, ...]
    metadata: Mapping[str, Any]
    path: Path

    @property
    def sweep_duration(self) -> Quantity:
        """Length of one sweep."""
        return len(self.sweeps[0].time) * self.sampling_interval


def _read(path: Path, protocol: str | None, current: Path | None, sweeps: Collection[int] | None) -> Samples:
    """Read a file in the format that its ending says."""
    ending = path.suffix.lower()
    if ending not in FORMATS:
        raise UnusableRecording(f"'{path}' is of an unknown format '{ending}'; accepted are {', '.join(FORMATS)}")
    for file in (path, current):
        if file is not None and not file.is_file():
            raise RecordingUnavailable(f"there is no file '{file}'")
    if path.stat().st_size == 0:
        raise UnusableRecording(f"'{path}' (0 bytes) is damaged, truncated or of another kind: it is empty")
    if ending == ".ibw":
        return read_ibw(path, current, sweeps)
    if current is not None:
        raise UnusableRecording(f"current= goes with an .ibw file; '{path}' must hold its own current")
    if ending == ".nwb":
        return read_nwb(path, protocol, sweeps)
    return read_abf(path, sweeps) if ending == ".abf" else read_table(path, sweeps)


def load(
    name: str | os.PathLike[str],
    protocol: str | None = None,
    *,
    current: str | os.PathLike[str] | None = None,
    sweeps: Collection[int] | None = None,
) -> Recording:
    """Load a recording by its name in the registry, or any ABF, NWB, CSV or IBW file by its path.

    Parameters
    ----------
    name : str or path-like
        ``raphe/DRN159``, ``patch_clamp/171116sh_0018``, ... (see `memneuro.biology.recording_names`), or the
        path of an ``.abf``, ``.nwb``, ``.csv`` or ``.ibw`` file.
    protocol : str, optional
        ``current_steps`` (the default for a registered name), ``test``, ``training`` or ``aec``. For an NWB file the
        stimulus description, such as ``Long Square``, or how it begins; by default the only one, or ``Long Square``
        where the file has several. For any other path it is only a label.
    current : path-like, optional
        The second file of a pair of Igor waves, of which one holds the voltage and the other the current.
    sweeps : collection of int, optional
        Numbers of the sweeps to load: in an NWB file its sweep numbers, in a CSV file those in the column ``sweep``,
        otherwise counted from 0. All by default.

    Returns
    -------
    Recording

    Raises
    ------
    UnknownRecording
        When the registry has no such name or protocol.
    RecordingUnavailable
        When the file is not on this machine and cannot be downloaded.
    UnusableRecording
        When the file is damaged, empty or of another format, lacks a voltage or a current, has no regular sampling
        rate between 1 kHz and 1 MHz, or holds samples that are not finite or not plausible (beyond 1 V or 1 uA).
    ImportError
        When the reader of NWB or Igor files is not installed: ``pip install "memneuro[nwb]"``.

    Warns
    -----
    CoarseSampling
        When the sampling rate is below 5 kHz.

    Notes
    -----
    Channels are chosen by their unit, never by their name. In the raphe recordings the voltage is not
    compensated for the access resistance, so it includes about R_a times the current (up to 12 mV in these
    noise recordings); `memneuro.biology.compensate` takes it out.

    A CSV file has one row per sample and the units in the names of its columns, ``time_s,voltage_mV,current_pA`` or
    ``time (s),Vm (mV),I (pA)``, and optionally a column ``sweep``.

    Examples
    --------
    >>> load("cell.nwb", protocol="Long Square")  # doctest: +SKIP
    >>> load("voltage.ibw", current="current.ibw", sweeps=[0, 1])  # doctest: +SKIP
    """
    text = os.fspath(name)
    second_file = None if current is None else Path(current)
    origin: dict[str, Any] = {"source": "unknown", "licence": "unknown"}
    traps: tuple[str, ...] = ()
    notes: dict[str, Any] = {}
    is_path = isinstance(name, os.PathLike) or text.lower().endswith(FORMATS)
    if is_path or (text not in RECORDINGS and Path(text).is_file()):
        path = Path(text)
        samples = _read(path, protocol, second_file, sweeps)
        label = samples.protocol or protocol or "unknown"
    else:
        label = protocol or "current_steps"
        entry, file = find(text, label)
        path = locate(file)
        samples = _read(path, None, second_file, sweeps)
        origin = {"source": f"{entry.source} ({file.address})", "licence": entry.licence}
        text, traps, notes = entry.name, entry.traps, dict(entry.metadata)
    time = np.arange(samples.voltage.shape[1]) * samples.interval * second
    return Recording(
        name=text,
        protocol=label,
        sweeps=tuple(Sweep(time, v * volt, i * amp) for v, i in zip(samples.voltage, samples.current, strict=True)),
        sampling_interval=samples.interval * second,
        current_source=samples.current_source,
        traps=traps + samples.traps,
        metadata=MappingProxyType(notes | dict(samples.metadata)),
        path=path,
        **origin,
    )
