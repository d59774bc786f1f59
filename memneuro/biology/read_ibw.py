"""Read Igor binary waves (IBW)."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memneuro.biology._samples import Samples, checked_samples, parse_unit, selected
from memneuro.biology.registry import UnusableRecording

__all__ = ["read_ibw"]


def _text(raw: object) -> str:
    """Text of a unit in a wave header, which comes as bytes or as an array of single bytes."""
    joined = raw if isinstance(raw, bytes) else b"".join(bytes(part) for part in np.ravel(np.asarray(raw)))
    return joined.split(b"\0")[0].decode("latin-1").strip()


def _wave(path: Path) -> tuple[str, NDArray[np.float64], float, str]:
    """Unit, samples of shape (samples, sweeps), sampling interval in units of time, and that unit."""
    try:
        from igor2 import binarywave
    except ImportError as error:
        raise ImportError(
            'Igor waves are read by igor2, which is not installed: pip install "memneuro[nwb]"'
        ) from error
    try:
        wave = binarywave.load(str(path))["wave"]
        header = wave["wave_header"]
        values = np.array(wave["wData"], dtype=float)
        if "sfA" in header:  # version 5
            unit, step, time_unit = _text(header["dataUnits"]), float(header["sfA"][0]), header["dimUnits"][0]
        else:  # version 2
            unit, step, time_unit = _text(header["dataUnits"]), float(header["hsA"]), header["xUnits"]
    except Exception as error:  # igor2 raises whatever its parsing trips over
        raise UnusableRecording(
            f"'{path}' ({path.stat().st_size} bytes) cannot be read as an Igor binary wave, it is damaged, truncated "
            f"or of another kind: {type(error).__name__}: {error}"
        ) from error
    if values.ndim not in (1, 2) or not values.size:
        raise UnusableRecording(
            f"'{path}' holds a wave of shape {values.shape}; accepted are (samples,) and (samples, sweeps)"
        )
    return unit, values.reshape(len(values), -1), step, _text(time_unit)


def read_ibw(path: Path, current: Path | None = None, sweeps: Collection[int] | None = None) -> Samples:
    """Read a pair of Igor binary waves, one of voltage and one of current.

    The unit in the header of each wave says which one it is, so their order does not matter. A wave with two
    dimensions holds one sweep per column.

    Parameters
    ----------
    path : Path
        The file of one quantity.
    current : Path, optional
        The file of the other; needed, as a wave holds one quantity.
    sweeps : collection of int, optional
        Numbers of the sweeps to read, from 0; all by default.

    Returns
    -------
    Samples
        Volts and amperes, shape (sweeps, samples).

    Raises
    ------
    ImportError
        When igor2 is not installed.
    UnusableRecording
        When a file cannot be parsed, the second one is not given, the two are not one voltage and one current,
        they differ in shape or sampling, or they hold samples that cannot be used.
    """
    if current is None:
        raise UnusableRecording(
            f"'{path}' has no current: an Igor wave holds one quantity; give the wave of the other one, "
            "load('voltage.ibw', current='current.ibw')"
        )
    waves: dict[str, NDArray[np.float64]] = {}
    steps: list[float] = []
    units: list[str] = []
    for file in (path, current):
        unit, values, step, time_unit = _wave(file)
        parsed, clock = parse_unit(unit), parse_unit(time_unit)
        units.append(f"'{unit}'")
        if clock is None or clock.letter != "s":
            raise UnusableRecording(
                f"'{file}' is a wave over '{time_unit}'; accepted is a unit of time, such as s or ms"
            )
        if parsed is not None:
            waves[parsed.letter] = values * parsed.factor
        steps.append(step * clock.factor)
    if set(waves) != {"V", "A"}:
        raise UnusableRecording(
            f"'{path}' and '{current}' hold waves in the units {' and '.join(units)}; "
            "needed is one in a unit of voltage and one in a unit of current"
        )
    voltage, amperes = waves["V"], waves["A"]
    if voltage.shape != amperes.shape or not np.isclose(steps[0], steps[1], rtol=1e-6, atol=0):
        raise UnusableRecording(
            f"'{path}' and '{current}' differ: the voltage has the shape {voltage.shape}, the current {amperes.shape}, "
            f"and they are sampled every {steps[0]:g} and {steps[1]:g} s; needed are the same"
        )
    numbers = selected(path, range(voltage.shape[1]), sweeps)
    return checked_samples(
        path,
        {n: (voltage[:, n], amperes[:, n]) for n in numbers},
        dict.fromkeys(numbers, steps[0]),
        current_source="recorded",
    )
