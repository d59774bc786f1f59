"""What the readers of the file formats share: units, regular sampling, and samples that are checked."""

import re
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memneuro.biology.registry import UnusableRecording

__all__ = [
    "CoarseSampling",
    "Samples",
    "UnitOfChannel",
    "checked_samples",
    "parse_unit",
    "regular_interval",
    "selected",
]

_PREFIXES = {"": 1.0, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}
_SYMBOL = re.compile(r"([munpfµμ]?)([VAs])")
_WORDS = {"volt": "V", "volts": "V", "amp": "A", "amps": "A", "ampere": "A", "amperes": "A", "seconds": "s", "sec": "s"}

#: Sampling rates in Hz: outside these two a recording is refused, below the third there is a warning.
_SLOWEST, _FASTEST, _COARSE = 1e3, 1e6, 5e3
#: Largest magnitude in SI units that a membrane voltage and an injected current can have.
_LARGEST = {"voltage": (1.0, "V"), "current": (1e-6, "A")}


class CoarseSampling(UserWarning):
    """The sampling rate is so low that the peaks of spikes may be missed."""


@dataclass(frozen=True)
class UnitOfChannel:
    """What a unit says about a channel: ``V``, ``A`` or ``s``, and the factor to the SI unit."""

    letter: str
    factor: float


@dataclass(frozen=True, eq=False)
class Samples:
    """The sweeps of one file in SI units, arrays of shape (sweeps, samples), and what else the file says."""

    voltage: NDArray[np.float64]
    current: NDArray[np.float64]
    interval: float
    current_source: str
    protocol: str | None = None
    traps: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)


def parse_unit(text: str) -> UnitOfChannel | None:
    """Read a unit of voltage, current or time, such as ``mV``, ``pA``, ``µs`` or ``volts``; None for any other."""
    stripped = text.strip()
    if stripped.lower() in _WORDS:
        return UnitOfChannel(_WORDS[stripped.lower()], 1.0)
    match = _SYMBOL.fullmatch(stripped)
    return None if match is None else UnitOfChannel(match.group(2), _PREFIXES[match.group(1)])


def regular_interval(times: NDArray[np.float64], what: str) -> float:
    """Sampling interval of times that are regularly spaced.

    Raises
    ------
    UnusableRecording
        When there are fewer than two times, or an interval differs from the median one by more than 10 %.
    """
    if times.size < 2:
        raise UnusableRecording(f"{what} has {times.size} samples; at least 2 are needed")
    if not np.all(np.isfinite(times)):
        raise UnusableRecording(
            f"{what} has {int(np.sum(~np.isfinite(times)))} of {times.size} times that are not finite numbers"
        )
    steps = np.diff(times)
    usual = float(np.median(steps))
    off = np.flatnonzero(np.abs(steps - usual) > 0.1 * abs(usual)) if usual > 0 else np.array([0])
    if off.size:
        raise UnusableRecording(
            f"{what} is not regularly sampled: from sample {off[0]} to the next {steps[off[0]]:g} s pass, the median "
            f"is {usual:g} s; accepted are times that increase by the same step, to within 10 %"
        )
    return float(times[-1] - times[0]) / (times.size - 1)


def selected(path: Path, available: Collection[int], wanted: Collection[int] | None) -> list[int]:
    """Sweep numbers to read, in ascending order: those wanted, or all.

    Raises
    ------
    UnusableRecording
        When a wanted sweep is not there, or none is.
    """
    if wanted is None:
        return sorted(available)
    missing = sorted(set(wanted) - set(available))
    if missing or not wanted:
        raise UnusableRecording(
            f"'{path}' has no sweeps {missing}; it has {', '.join(map(str, sorted(available)))}"
            if missing
            else f"no sweep of '{path}' is asked for; it has {', '.join(map(str, sorted(available)))}"
        )
    return sorted(set(wanted))


def _check_sweep(path: Path, number: int, values: Mapping[str, NDArray[np.float64]]) -> None:
    sizes = {kind: array.size for kind, array in values.items()}
    if len(set(sizes.values())) > 1 or not all(sizes.values()):
        raise UnusableRecording(
            f"'{path}', sweep {number}, has {sizes['voltage']} samples of voltage and {sizes['current']} of current; "
            "needed are equally many, and at least one"
        )
    for kind, array in values.items():
        bad = int(np.sum(~np.isfinite(array)))
        if bad:
            raise UnusableRecording(
                f"'{path}', sweep {number}, has {bad} of {array.size} {kind} samples that are not finite numbers; "
                "choose other sweeps with sweeps="
            )
        largest, unit = _LARGEST[kind]
        extreme = float(array[np.argmax(np.abs(array))])
        if abs(extreme) > largest:
            raise UnusableRecording(
                f"'{path}', sweep {number}, has a {kind} of {extreme:g} {unit}; accepted is at most {largest:g} {unit} "
                "of either sign, so its unit or its conversion factor must be wrong"
            )


def checked_samples(
    path: Path,
    sweeps: Mapping[int, tuple[NDArray[np.float64], NDArray[np.float64]]],
    intervals: Mapping[int, float],
    **more: Any,
) -> Samples:
    """Put sweeps of (voltage, current) in SI units together, after checking that they can be used.

    Raises
    ------
    UnusableRecording
        When there is no sweep; voltage and current of a sweep differ in length; a sample is not finite or beyond
        what a membrane or an electrode can have; the sampling rate is not between 1 kHz and 1 MHz; or the sweeps
        differ in length or sampling rate.

    Warns
    -----
    CoarseSampling
        When the sampling rate is below 5 kHz.
    """
    if not sweeps:
        raise UnusableRecording(f"'{path}' holds no sweep; at least one is needed")
    shapes: dict[tuple[int, float], list[int]] = {}
    for number, (voltage, current) in sweeps.items():
        _check_sweep(path, number, {"voltage": voltage, "current": current})
        interval = intervals[number]
        rate = 1 / interval if np.isfinite(interval) and interval > 0 else float("nan")
        if not _SLOWEST <= rate <= _FASTEST:
            raise UnusableRecording(
                f"'{path}', sweep {number}, is sampled every {interval:g} s, that is at {rate:g} Hz; accepted are "
                f"{_SLOWEST:g} to {_FASTEST:g} Hz, as spikes last about 1 ms"
            )
        shapes.setdefault((voltage.size, float(f"{rate:.6g}")), []).append(number)
    if len(shapes) > 1:
        groups = "; ".join(
            f"sweeps {', '.join(map(str, numbers))} have {size} samples at {rate:g} Hz"
            for (size, rate), numbers in shapes.items()
        )
        raise UnusableRecording(
            f"'{path}' has sweeps of different lengths or sampling rates, which are not supported together: {groups}; "
            "choose some of them with sweeps="
        )
    ((_, rate),) = shapes
    if rate < _COARSE:
        warnings.warn(
            f"'{path}' is sampled at {rate:g} Hz; below {_COARSE:g} Hz the peaks of spikes may be missed",
            CoarseSampling,
            stacklevel=5,
        )
    return Samples(
        voltage=np.array([voltage for voltage, _ in sweeps.values()], dtype=float),
        current=np.array([current for _, current in sweeps.values()], dtype=float),
        interval=next(iter(intervals[number] for number in sweeps)),
        **more,
    )
