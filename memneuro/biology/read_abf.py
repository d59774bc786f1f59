"""Read Axon (ABF) files."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pyabf
from numpy.typing import NDArray

from memneuro.biology._samples import Samples, checked_samples, parse_unit, selected
from memneuro.biology.registry import UnusableRecording

__all__ = ["read_abf"]


def _channels(units: list[str], letter: str) -> dict[int, float]:
    """Channels in a unit of this letter, and the factor to SI."""
    parsed = {channel: parse_unit(unit) for channel, unit in enumerate(units)}
    return {channel: unit.factor for channel, unit in parsed.items() if unit is not None and unit.letter == letter}


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
    for channel, factor in _channels(list(abf.dacUnits[: abf.channelCount]), "A").items():
        waveforms = np.array([abf.stimulusByChannel[channel].stimulusWaveform(i) for i in abf.sweepList], dtype=float)
        if waveforms.shape == (abf.sweepCount, abf.sweepPointCount) and np.ptp(waveforms) > 0:
            return waveforms * factor
    raise UnusableRecording(
        f"'{path}' has no current: its recorded channels have the units {', '.join(abf.adcUnits)}, and "
        "it holds no command waveform in units of current"
    )


def read_abf(path: Path, sweeps: Collection[int] | None = None) -> Samples:
    """Read an ABF file with one voltage channel and either one current channel or a current command.

    Parameters
    ----------
    path : Path
        The file.
    sweeps : collection of int, optional
        Numbers of the sweeps to read, from 0; all by default.

    Returns
    -------
    Samples
        Volts and amperes, shape (sweeps, samples).

    Raises
    ------
    UnusableRecording
        When the file cannot be parsed, has no voltage or more than one, has more than one current, has
        neither a recorded nor a commanded current, or holds samples that cannot be used.
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

    def samples(channels: dict[int, float]) -> list[NDArray[np.float64]]:
        ((channel, factor),) = channels.items()
        rows = []
        for sweep in abf.sweepList:
            abf.setSweep(sweep, channel=channel)
            rows.append(np.array(abf.sweepY, dtype=float) * factor)
        return rows

    voltage = samples(voltages)
    current = samples(currents) if currents else list(_command(abf, path))
    numbers = selected(path, list(abf.sweepList), sweeps)
    return checked_samples(
        path,
        {n: (voltage[n], current[n]) for n in numbers},
        dict.fromkeys(numbers, 1 / abf.dataRate),
        current_source="recorded" if currents else "command",
    )
