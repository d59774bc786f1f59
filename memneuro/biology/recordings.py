"""Read recorded sweeps of voltage and current, in units, from Axon (ABF) files."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pyabf
from brian2 import Quantity, amp, second, volt
from numpy.typing import NDArray

from memneuro.biology.registry import RecordingUnavailable, UnusableRecording, find, locate

__all__ = ["Recording", "Sweep", "load", "read_abf"]

_PREFIXES = {"": 1.0, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}
_UNIT = re.compile(r"\s*([munpfµμ]?)([VA])\s*")


@dataclass(frozen=True, eq=False)
class Sweep:
    """One sweep; the three quantities have the same shape (n,).

    Attributes
    ----------
    time : Quantity
        Seconds from the start of the sweep, regularly spaced.
    voltage : Quantity
        Volts, as recorded: not compensated for the access resistance, not corrected for a liquid junction
        potential.
    current : Quantity
        Amperes, positive when depolarising.
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
        ``current_steps``; ``test``, the same noise 10 times; ``training``, 60 s of noise; ``aec``, a
        calibration of the electrode; or ``unknown``.
    sweeps : tuple of Sweep
    sampling_interval : Quantity
    current_source : str
        ``recorded``, or ``command`` when no current was recorded and the command waveform stands in for it.
    source, licence : str
        ``unknown`` for a file that is not in the registry.
    traps : tuple of str
        What is easily got wrong about this recording.
    metadata : Mapping
        What its authors noted about the cell, such as ``membrane_capacitance``, ``membrane_resistance``,
        ``access_resistance`` and ``holding_current``, with units.
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


def load(name: str | os.PathLike[str], protocol: str | None = None) -> Recording:
    """Load a recording by its name in the registry, or any ABF file by its path.

    Parameters
    ----------
    name
        ``raphe/DRN159``, ``patch_clamp/171116sh_0018``, ... (see `memneuro.biology.recording_names`), or the
        path of an ``.abf`` file.
    protocol
        ``current_steps`` (the default for a registered name), ``test``, ``training`` or ``aec``. For a path
        it is only a label.

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
        When the file is damaged or lacks a voltage or a current.

    Notes
    -----
    Channels are chosen by their unit, never by their name. In the raphe recordings the voltage is not
    compensated for the access resistance, so it includes about R_a times the current (up to 12 mV in these
    noise recordings). That shifts the voltage but hardly the time of a spike.
    """
    text = os.fspath(name)
    if isinstance(name, os.PathLike) or text.lower().endswith(".abf"):
        path = Path(text)
        if not path.is_file():
            raise RecordingUnavailable(f"there is no file '{path}'")
        return read_abf(path, protocol=protocol or "unknown")
    entry, file = find(text, protocol or "current_steps")
    return read_abf(
        locate(file),
        name=entry.name,
        protocol=protocol or "current_steps",
        source=f"{entry.source} ({file.address})",
        licence=entry.licence,
        traps=entry.traps,
        metadata=entry.metadata,
    )


def _channels(units: list[str], letter: str) -> list[int]:
    found = [_UNIT.fullmatch(unit) for unit in units]
    return [i for i, match in enumerate(found) if match is not None and match.group(2) == letter]


def _scale(unit: str) -> float:
    match = _UNIT.fullmatch(unit)
    assert match is not None, unit
    return _PREFIXES[match.group(1)]


def _open(path: Path) -> pyabf.ABF:
    try:
        return pyabf.ABF(str(path))
    except Exception as error:  # pyabf raises whatever its parsing trips over
        raise UnusableRecording(
            f"'{path}' ({path.stat().st_size} bytes) cannot be read as an ABF file, it is damaged, truncated "
            f"or of another kind: {type(error).__name__}: {error}"
        ) from error


def _command(abf: pyabf.ABF, path: Path) -> NDArray[np.float64]:
    """Command waveform of every sweep in amperes, shape (sweeps, samples)."""
    for channel in _channels(list(abf.dacUnits[: abf.channelCount]), "A"):
        waveforms = np.array([abf.stimulusByChannel[channel].stimulusWaveform(i) for i in abf.sweepList], dtype=float)
        if waveforms.shape == (abf.sweepCount, abf.sweepPointCount) and np.ptp(waveforms) > 0:
            return waveforms * _scale(abf.dacUnits[channel])
    raise UnusableRecording(
        f"'{path}' has no current: its recorded channels have the units {', '.join(abf.adcUnits)}, and "
        "it holds no command waveform in units of current"
    )


def read_abf(
    path: Path,
    *,
    name: str | None = None,
    protocol: str = "unknown",
    source: str = "unknown",
    licence: str = "unknown",
    traps: tuple[str, ...] = (),
    metadata: Mapping[str, Any] | None = None,
) -> Recording:
    """Read an ABF file with one voltage channel and either one current channel or a current command.

    Raises
    ------
    UnusableRecording
        When the file cannot be parsed, has no voltage or more than one, has more than one current, has
        neither a recorded nor a commanded current, or holds samples that are not finite.
    """
    abf = _open(path)
    units = list(abf.adcUnits)
    voltages, currents = _channels(units, "V"), _channels(units, "A")
    for kind, found, allowed in (
        ("voltage", voltages, "one"),
        ("current", currents, "one, or none and a command"),
    ):
        if len(found) > 1 or (kind == "voltage" and not found):
            raise UnusableRecording(
                f"'{path}' has {len(found)} {kind} channels among its channels with the units "
                f"{', '.join(units)}; needed is {allowed}"
            )

    def samples(channel: int) -> NDArray[np.float64]:
        rows = []
        for sweep in abf.sweepList:
            abf.setSweep(sweep, channel=channel)
            rows.append(np.array(abf.sweepY, dtype=float))
        if len({row.size for row in rows}) != 1:
            raise UnusableRecording(f"'{path}' has sweeps of different lengths, which are not supported")
        return np.array(rows) * _scale(units[channel])

    voltage = samples(voltages[0])
    current = samples(currents[0]) if currents else _command(abf, path)
    for kind, values in (("voltage", voltage), ("current", current)):
        bad = int(np.sum(~np.isfinite(values)))
        if bad:
            raise UnusableRecording(f"'{path}' has {bad} of {values.size} {kind} samples that are not finite numbers")

    time = np.arange(voltage.shape[1]) / abf.dataRate * second
    return Recording(
        name=str(path) if name is None else name,
        protocol=protocol,
        sweeps=tuple(Sweep(time, v * volt, i * amp) for v, i in zip(voltage, current, strict=True)),
        sampling_interval=second / abf.dataRate,
        current_source="recorded" if currents else "command",
        source=source,
        licence=licence,
        traps=traps,
        metadata=MappingProxyType(dict(metadata or {})),
        path=path,
    )
