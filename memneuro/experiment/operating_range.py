"""Operating range: between which drives does a neuron keep firing, how fast, and what ends it?

A neuron is driven for 2 s at every amplitude, from rest. At one amplitude it is

``silent``
    fires less than twice a second after the first half second;
``sustained``
    its rate in the second second is within 20 % of that from 0.5 to 1 s;
``latched``
    has fired, and in most trials its gate stays above the threshold without a spike: it fires no more until the input
    is taken away;
``fading``
    its rate changes by more than 20 %.

Beside that it may be ``locked``: nine of ten intervals are, to half a millisecond or a tenth, whole multiples of the
period of the pulses.

The operating range is the longest run of amplitudes at which firing is sustained and the rate rises with the drive (to
3 %): from the **rheobase** to the **largest sustained** drive. A fall of the rate ends it before the neuron latches.

What sets its upper end (doi:10.1038/s41928-025-01488-x gives the circuit): a charged gate opposes the input, and the
device closes again once the gate has fallen to V_in - V_refire. Above V_in = V_refire + v_threshold the gate does not
fall below the threshold in between, and no further spike is reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from brian2 import Mohm, Quantity, second, volt

from memneuro.circuit.drive import Constant, Current, Drive, PulseTrain, as_drive
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.simulation import simulate
from memneuro.tables import packaged_table

#: Amplitudes as multiples of the first, 2 % apart.
RATIO = 1.02
AMPLITUDES = 0.3 * RATIO ** np.arange(82) * volt
DURATION = 2 * second
#: Change of the rate within which firing is sustained, and fall with rising drive that is none.
TOLERANCE, FALL = 0.2, 0.03
LEAST_RATE = 2.0
#: The pulses of the paper's figures.
TRAIN = PulseTrain(0.8 * volt, 1e-3 * second, 2e-3 * second)
#: Neurons of one run.
BATCH = 4000
#: The parameter of each kind of drive that is its amplitude.
_AMPLITUDE: dict[type[Drive], str] = {Constant: "v_in", PulseTrain: "pulse_amplitude", Current: "i_in"}


def operating_range(
    neuron: OneM1T1R,
    *,
    drive: Any = None,
    amplitudes: Quantity = AMPLITUDES,
    trials: int = 20,
    noise: bool = True,
    dt: Quantity | None = None,
    seed: int = 0,
    backend: str = "runtime",
    progress: str | None = None,
    **parameters: Any,
) -> pd.DataFrame:
    """Firing of a neuron against the amplitude of its drive, over 2 s.

    Parameters
    ----------
    neuron : OneM1T1R
        The neuron.
    drive : Drive, Quantity (volt) or None
        The kind of drive: a constant voltage (by default), a PulseTrain or a Current; its amplitude is replaced.
    amplitudes : Quantity (volt), shape (m,)
        Amplitudes from low to high, in ampere for a current. By default 0.3 to 1.5 V, 2 % apart.
    trials : int
        Neurons at each amplitude, each with noise of its own; 1 without noise.
    noise : bool
        Whether the devices fluctuate.
    dt : Quantity (second), optional
        Time step; by default the card's.
    seed : int
        Of the noise.
    backend : str
        As in :func:`memneuro.backend.backend`.
    progress : str, optional
        Label of a progress bar; none by default.
    **parameters : Quantity (any unit), one or shape (m,)
        Other values of the cards or the drive, such as ``r_control``.

    Returns
    -------
    DataFrame
        One row an amplitude: ``amplitude`` (SI unit), ``rate_start_hz``, ``rate_early_hz``, ``rate_late_hz`` (0 to 0.5
        s, 0.5 to 1 s, 1 to 2 s), ``isi_cv`` (of the intervals after 0.5 s), ``first_spike_ms`` (median), ``latched``
        (fraction of trials), ``locked`` (bool), ``state`` and ``in_range`` (bool).

    Raises
    ------
    ValueError
        If the amplitudes do not rise, or the kind of drive has no amplitude.
    """
    name, given = _amplitude_of(0.5 * volt if drive is None else drive)
    values = np.atleast_1d(np.asarray(amplitudes, dtype=float))
    if values.ndim != 1 or values.size < 2 or np.any(np.diff(values) <= 0):
        raise ValueError(f"amplitudes = {amplitudes!r}; accepted: at least two, from low to high")
    every = {name: amplitudes, **parameters}
    described = _run(neuron, given, every, trials if noise else 1, noise, dt, seed, backend, progress)
    described.insert(0, "amplitude", values)
    return _marked(described)


def _amplitude_of(drive: Any) -> tuple[str, Drive]:
    """The parameter that is the amplitude of a drive, and the drive."""
    given = as_drive(drive)
    name = next((one for kind, one in _AMPLITUDE.items() if isinstance(given, kind)), None)
    if name is None or name not in given.parameters():
        raise ValueError(f"drive {drive!r} has no amplitude; accepted: a voltage, a PulseTrain or a constant Current")
    return name, given


def _run(
    neuron: OneM1T1R,
    drive: Drive,
    parameters: Mapping[str, Any],
    trials: int,
    noise: bool,
    dt: Quantity | None,
    seed: int,
    backend: str,
    progress: str | None,
) -> pd.DataFrame:
    """Simulate every set of parameters and describe what it does, one row a set."""
    found = simulate(
        neuron,
        parameters,
        drive=drive,
        duration=DURATION,
        trials=trials,
        noise=noise,
        dt=dt,
        seed=seed,
        batch=max(1, BATCH // trials),
        backend=backend,
        progress=progress,
        tell_latched=False,
    )
    stuck = found.latched()
    period = float(drive.period / second) if isinstance(drive, PulseTrain) and np.ndim(drive.period) == 0 else None
    spikes = {key: part["time_ms"].to_numpy() * 1e-3 for key, part in found.spikes.groupby(["set", "trial"])}
    return pd.DataFrame(
        [
            _describe([spikes.get((k, trial), np.empty(0)) for trial in range(trials)], stuck[k], period)
            for k in range(len(found.sets))
        ]
    )


def _marked(table: pd.DataFrame) -> pd.DataFrame:
    """The table of one neuron with the column ``in_range``."""
    low, high = _longest(table)
    table["in_range"] = (np.arange(len(table)) >= low) & (np.arange(len(table)) < high)
    return table


def _describe(trains: Sequence[np.ndarray], stuck: np.ndarray, period: float | None) -> dict[str, Any]:
    """Rates, regularity and state at one amplitude."""
    every = np.concatenate(trains)
    start, early = np.sum(every < 0.5) / 0.5, np.sum((every >= 0.5) & (every < 1)) / 0.5
    late = np.sum(every >= 1) / (float(DURATION / second) - 1)
    start, early, late = (float(value) / len(trains) for value in (start, early, late))
    isi = np.concatenate([np.diff(train[train >= 0.5]) for train in trains])
    firsts = [train[0] if train.size else np.inf for train in trains]
    first = float(np.median(firsts)) * 1e3
    if stuck.mean() > 0.5:
        state = "latched"
    elif max(early, late) < LEAST_RATE:
        state = "silent"
    else:
        state = "sustained" if abs(late - early) <= TOLERANCE * early else "fading"
    locked = False
    if period is not None and isi.size:
        turns = isi / period
        locked = bool(np.mean(np.abs(turns - np.rint(turns)) < max(0.1, 0.5e-3 / period / 10)) > 0.9)
    return {
        "rate_start_hz": start,
        "rate_early_hz": early,
        "rate_late_hz": late,
        "isi_cv": float(isi.std() / isi.mean()) if isi.size > 1 else float("nan"),
        "first_spike_ms": first if np.isfinite(first) else float("nan"),
        "latched": float(stuck.mean()),
        "locked": locked,
        "state": state,
    }


def _longest(table: pd.DataFrame) -> tuple[int, int]:
    """First row of the longest run of rows at which firing is sustained and rises, and the one after its last."""
    best, low, top = (0, 0), None, 0.0
    for k, row in enumerate(table.itertuples()):
        lasts = row.state == "sustained"
        if low is not None and (not lasts or row.rate_late_hz < (1 - FALL) * top):
            low = None
        if low is None:
            low, top = (k, 0.0) if lasts else (None, 0.0)
        if low is not None:
            top = max(top, row.rate_late_hz)
            best = max(best, (low, k + 1), key=lambda run: run[1] - run[0])
    return best


def range_summary(table: pd.DataFrame) -> pd.Series:
    """The operating range in a few numbers.

    Parameters
    ----------
    table : DataFrame
        What :func:`operating_range` gave.

    Returns
    -------
    Series
        ``rheobase`` and ``largest`` (in the unit of the amplitudes; NaN where no firing is sustained), ``ratio``,
        ``rate_low_hz``, ``rate_high_hz`` (in the second second) and ``ended_by``: the state at the next amplitude,
        ``falling`` where the rate falls there, or ``not reached``.
    """
    inside = table[table["in_range"]]
    if inside.empty:
        return pd.Series(
            {"rheobase": np.nan, "largest": np.nan, "ratio": np.nan, "rate_low_hz": np.nan, "rate_high_hz": np.nan}
            | {"ended_by": "never sustained"}
        )
    after = table.index.get_loc(inside.index[-1]) + 1
    if after >= len(table):
        ended = "not reached"
    else:
        state = table["state"].iloc[after]
        ended = "falling" if state == "sustained" else state
    low, high = inside["amplitude"].iloc[0], inside["amplitude"].iloc[-1]
    return pd.Series(
        {
            "rheobase": low,
            "largest": high,
            "ratio": high / low,
            "rate_low_hz": inside["rate_late_hz"].iloc[0],
            "rate_high_hz": inside["rate_late_hz"].iloc[-1],
            "ended_by": ended,
        }
    )


def rate_map(
    neuron: OneM1T1R,
    *,
    drive: Any,
    amplitudes: Quantity,
    resistances: Quantity,
    trials: int = 4,
    noise: bool = True,
    dt: Quantity | None = None,
    seed: int = 0,
    backend: str = "runtime",
    progress: str | None = None,
) -> pd.DataFrame:
    """Firing against amplitude and control resistor, over 2 s.

    Parameters
    ----------
    neuron : OneM1T1R
        The neuron.
    drive : Drive or Quantity (volt)
        The kind of drive; its amplitude is replaced.
    amplitudes : Quantity (volt), shape (m,)
        Amplitudes from low to high.
    resistances : Quantity (ohm), shape (k,)
        Control resistors.
    trials : int
        Neurons of each resistor and amplitude; 1 without noise.
    noise : bool
        Whether the devices fluctuate.
    dt : Quantity (second), optional
        Time step; by default the card's.
    seed : int
        Of the noise.
    backend : str
        As in :func:`memneuro.backend.backend`.
    progress : str, optional
        Label of a progress bar; none by default.

    Returns
    -------
    DataFrame
        One row a resistor and amplitude: ``r_control_Mohm`` and the columns of :func:`operating_range`.
    """
    control, values = np.atleast_1d(resistances / Mohm), np.atleast_1d(np.asarray(amplitudes, dtype=float))
    name, given = _amplitude_of(drive)
    every = {name: np.tile(values, control.size) * volt, "r_control": np.repeat(control, values.size) * Mohm}
    described = _run(neuron, given, every, trials if noise else 1, noise, dt, seed, backend, progress)
    described.insert(0, "amplitude", np.tile(values, control.size))
    described.insert(0, "r_control_Mohm", np.repeat(control, values.size))
    parts = [_marked(part.reset_index(drop=True)) for _, part in described.groupby("r_control_Mohm")]
    return pd.concat(parts, ignore_index=True)


def holes(table: pd.DataFrame) -> int:
    """Number of cells of a map that do not keep firing although cells all around them do.

    A region without sustained firing that touches no edge of the map is a hole.

    Parameters
    ----------
    table : DataFrame
        What :func:`rate_map` gave.
    """
    from scipy.ndimage import label

    states = table.pivot(index="r_control_Mohm", columns="amplitude", values="state")
    regions, number = label((states != "sustained").to_numpy())
    edge = np.concatenate([regions[0], regions[-1], regions[:, 0], regions[:, -1]])
    return int(sum(np.sum(regions == k) for k in range(1, number + 1) if k not in edge))


#: Neurons whose ranges stand beside their circuit cards.
DEVICES = ("hopping_2e4d", "hopping_bounded_2e4d")
CIRCUITS = ("discrete_2025", "discrete_wide")


def circuit_ranges(trials: int = 20, seed: int = 1, backend: str = "runtime") -> pd.DataFrame:
    """The operating ranges of the package's discrete circuits with two devices, with noise.

    Parameters
    ----------
    trials : int
        Neurons at each amplitude.
    seed : int
        Of the noise.
    backend : str
        As in :func:`memneuro.backend.backend`.

    Returns
    -------
    DataFrame
        One row a circuit, device and drive: ``circuit``, ``device``, ``drive`` and the numbers of
        :func:`range_summary`.
    """
    rows = []
    for circuit in CIRCUITS:
        for device in DEVICES:
            for name, drive in (("constant", None), ("pulses, 1 ms every 2 ms", TRAIN)):
                table = operating_range(
                    OneM1T1R(device, circuit), drive=drive, trials=trials, seed=seed, backend=backend
                )
                about = {"circuit": circuit, "device": device, "drive": name}
                rows.append(about | range_summary(table).to_dict())
    return pd.DataFrame(rows)


def stored_ranges() -> pd.DataFrame:
    """The table of :func:`circuit_ranges` that comes with the package."""
    return packaged_table("memneuro.experiment", "operating_ranges.csv")


def range_lines(circuit: str) -> list[str]:
    """The operating ranges of a circuit card, one line a device; none where none is stored.

    Parameters
    ----------
    circuit : str
        Name of the card.
    """
    table = stored_ranges()
    lines = []
    for device, own in table[table["circuit"] == circuit].groupby("device", sort=False):
        parts = [
            f"{row.drive}: {row.rheobase:.2f} to {row.largest:.2f} V, "
            f"{row.rate_low_hz:.0f} to {row.rate_high_hz:.0f} Hz"
            for row in own.itertuples()
        ]
        lines.append(f"Operating range with {device} and its noise: {'; '.join(parts)}.")
    return lines
