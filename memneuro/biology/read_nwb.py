"""Read current-clamp sweeps from Neurodata Without Borders (NWB) files, versions 2 and 1."""

import warnings
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import amp, ohm
from numpy.typing import NDArray

from memneuro.biology._samples import CoarseSampling, Samples, checked_samples, parse_unit, regular_interval, selected
from memneuro.biology.registry import UnusableRecording

__all__ = ["read_nwb"]

#: The stimulus that is taken from a file with several when none is asked for: steps of current, in Allen's words.
_PREFERRED = "long square"


@dataclass(frozen=True, eq=False)
class _Series:
    """One time series of the file, not yet read into memory."""

    name: str
    unit: str
    rate: Callable[[], float | None]
    read: Callable[[], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class _Trial:
    """Response and stimulus of one current-clamp sweep."""

    number: int
    protocol: str
    electrode: str
    response: _Series
    stimulus: _Series | None
    bias_current: float = float("nan")
    bridge_balance: float = float("nan")


def _word(value: Any) -> str:
    """Text of an HDF5 attribute or scalar."""
    item = np.asarray(value).reshape(-1)[0] if np.size(value) else ""
    return item.decode() if isinstance(item, bytes) else str(item)


def _number(value: Any) -> float:
    return float("nan") if value is None else float(np.asarray(value).reshape(-1)[0])


# ---------------------------------------------------------------------------------------------- version 2


def _series(series: Any, first: int = 0, count: int | None = None) -> _Series:
    # pynwb gives every series the unit that the schema prescribes; the file may say another.
    unit = _word(getattr(series.data, "attrs", {}).get("unit", series.unit))
    last = None if count is None else first + count

    def rate() -> float | None:
        if series.rate is not None or series.timestamps is None:
            return None if series.rate is None else float(series.rate)
        return 1 / regular_interval(np.asarray(series.timestamps[first:last], dtype=float), f"the series {series.name}")

    conversion, offset = float(series.conversion), float(series.offset or 0.0)
    return _Series(
        series.name,
        unit,
        rate,
        lambda: np.asarray(series.data[first:last], dtype=float) * conversion + offset,
    )


def _trial(number: int, response: _Series, stimulus: _Series | None, recorded: Any, presented: Any) -> _Trial:
    names = [getattr(series, "stimulus_description", None) for series in (recorded, presented)]
    return _Trial(
        number,
        next((str(name) for name in names if name and str(name) != "N/A"), "unknown"),
        recorded.electrode.name,
        response,
        stimulus,
        _number(recorded.bias_current),
        _number(recorded.bridge_balance),
    )


def _from_table(nwb: Any, is_response: Callable[[Any], bool]) -> list[_Trial]:
    """Trials from the table of intracellular recordings."""
    table = nwb.intracellular_recordings
    responses, stimuli = table["responses"]["response"], table["stimuli"]["stimulus"]
    trials = []
    for row in range(len(table)):
        reference, given = responses[row], stimuli[row]
        recorded = reference.timeseries
        if recorded is None or not is_response(recorded):
            continue
        number = row if recorded.sweep_number is None else int(recorded.sweep_number)
        presented = given.timeseries
        stimulus = None if presented is None else _series(presented, int(given.idx_start), int(given.count))
        response = _series(recorded, int(reference.idx_start), int(reference.count))
        trials.append(_trial(number, response, stimulus, recorded, presented))
    return trials


def _from_numbers(nwb: Any, path: Path, is_response: Callable[[Any], bool]) -> list[_Trial]:
    """Trials from the sweep numbers of the series, or from the sweep table."""
    tabled: dict[str, int] = {}
    if nwb.sweep_table is not None:
        for row in range(len(nwb.sweep_table)):
            for series in nwb.sweep_table["series"][row]:
                tabled[series.object_id] = int(nwb.sweep_table["sweep_number"][row])

    def number(series: Any) -> int | None:
        own = getattr(series, "sweep_number", None)
        return tabled.get(series.object_id) if own is None else int(own)

    recorded = [series for series in nwb.acquisition.values() if is_response(series)]
    presented = [series for series in nwb.stimulus.values() if getattr(series, "electrode", None) is not None]
    if len(recorded) == len(presented) == 1:
        one, other = number(recorded[0]), number(presented[0])
        if one is None and other is None:
            return [_trial(0, _series(recorded[0]), _series(presented[0]), recorded[0], presented[0])]
    without = [series.name for series in recorded if number(series) is None]
    if without:
        raise UnusableRecording(
            f"'{path}' does not say which stimulus goes with the responses {', '.join(without)}: needed is a sweep "
            "number, a sweep table or a table of intracellular recordings"
        )
    trials = []
    for series in recorded:
        found = [
            other
            for other in presented
            if number(other) == number(series) and other.electrode.name == series.electrode.name
        ]
        if len(found) > 1:
            raise UnusableRecording(
                f"'{path}' has {len(found)} stimuli for the response {series.name}: "
                f"{', '.join(other.name for other in found)}; needed is one"
            )
        stimulus = found[0] if found else None
        trials.append(
            _trial(
                number(series) or 0, _series(series), None if stimulus is None else _series(stimulus), series, stimulus
            )
        )
    return trials


def _trials_2(nwb: Any, path: Path) -> list[_Trial]:
    from pynwb.icephys import CurrentClampSeries, IZeroClampSeries

    def is_response(series: Any) -> bool:
        return isinstance(series, CurrentClampSeries) and not isinstance(series, IZeroClampSeries)

    if nwb.intracellular_recordings is not None and len(nwb.intracellular_recordings):
        return _from_table(nwb, is_response)
    return _from_numbers(nwb, path, is_response)


# ---------------------------------------------------------------------------------------------- version 1


def _trials_1(file: Any, path: Path, version: str) -> list[_Trial]:
    """Trials of a version 1 file in the layout of the Allen Cell Types Database."""
    epochs = [name for name in file.get("epochs", {}) if name.startswith("Experiment_")]
    if not epochs:
        raise UnusableRecording(
            f"'{path}' is an NWB file of version {version} without epochs/Experiment_<number>; of version 1, the "
            "layout of the Allen Cell Types Database is accepted, otherwise version 2"
        )

    def series(group: Any, name: str) -> _Series:
        data = group["timeseries/data"]
        first = int(_number(group["idx_start"][()]))
        last = first + int(_number(group["count"][()]))
        conversion = float(data.attrs.get("conversion", 1.0))
        clock = group["timeseries"].get("starting_time")
        return _Series(
            name,
            _word(data.attrs.get("unit", "")),
            lambda: None if clock is None or "rate" not in clock.attrs else _number(clock.attrs["rate"]),
            lambda: np.asarray(data[first:last], dtype=float) * conversion,
        )

    trials = []
    for name in epochs:
        number, epoch = int(name.split("_")[1]), file["epochs"][name]
        response = series(epoch["response"], f"{name}/response")
        unit = parse_unit(response.unit)
        if unit is not None and unit.letter == "A":  # voltage clamp
            continue
        presentation = file.get(f"stimulus/presentation/Sweep_{number}", {})
        stated = [
            presentation[key][()] for key in ("aibs_stimulus_name", "stimulus_description") if key in presentation
        ]
        stimulus = series(epoch["stimulus"], f"{name}/stimulus") if "stimulus" in epoch else None
        trials.append(_Trial(number, _word(stated[0]) if stated else "unknown", "electrode", response, stimulus))
    return trials


# ------------------------------------------------------------------------------------------- both versions


def _chosen(path: Path, trials: Sequence[_Trial], protocol: str | None) -> list[_Trial]:
    """Trials of one stimulus protocol."""
    counts: dict[str, int] = {}
    for trial in trials:
        counts[trial.protocol] = counts.get(trial.protocol, 0) + 1
    described = ", ".join(f"'{name}' ({count} sweeps)" for name, count in counts.items())
    if not trials:
        raise UnusableRecording(f"'{path}' has no current-clamp sweep; needed is at least one with its stimulus")
    if protocol is None:
        names = [name for name in counts if name.lower().startswith(_PREFERRED)] or list(counts)
        if len(names) > 1:
            raise UnusableRecording(f"'{path}' has several stimulus protocols: {described}; choose one with protocol=")
    else:
        asked = protocol.lower()
        names = [name for name in counts if name.lower() == asked]
        names = names or [name for name in counts if name.lower().startswith(asked)]
        if not names:
            raise UnusableRecording(f"'{path}' has no stimulus protocol '{protocol}'; it has {described}")
    return [trial for trial in trials if trial.protocol in names]


def _pair(path: Path, trial: _Trial) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Voltage, current and sampling interval of one trial, told apart by their units."""
    assert trial.stimulus is not None
    found = {}
    for series in (trial.response, trial.stimulus):
        unit = parse_unit(series.unit)
        if unit is not None:
            found[unit.letter] = series, unit.factor
    if set(found) != {"V", "A"}:
        raise UnusableRecording(
            f"'{path}', sweep {trial.number}, has a response in '{trial.response.unit}' and a stimulus in "
            f"'{trial.stimulus.unit}'; needed are one unit of voltage and one of current, such as volts and amperes"
        )
    rates = [trial.response.rate(), trial.stimulus.rate()]
    if any(rate is None or not np.isfinite(rate) or rate <= 0 for rate in rates) or rates[0] != rates[1]:
        raise UnusableRecording(
            f"'{path}', sweep {trial.number}, declares sampling rates of {rates[0]} Hz for the response and {rates[1]} "
            "Hz for the stimulus; needed is the same rate above zero for both"
        )
    (voltage, to_volts), (current, to_amperes) = found["V"], found["A"]
    assert rates[0] is not None
    return voltage.read() * to_volts, current.read() * to_amperes, 1 / rates[0]


def _samples(path: Path, trials: list[_Trial], protocol: str | None, sweeps: Collection[int] | None) -> Samples:
    if sweeps is not None:
        wanted = set(selected(path, [trial.number for trial in trials], sweeps))
        trials = [trial for trial in trials if trial.number in wanted]
    trials = sorted(_chosen(path, trials, protocol), key=lambda trial: trial.number)
    electrodes = sorted({trial.electrode for trial in trials})
    numbers = [trial.number for trial in trials]
    if len(electrodes) > 1 or len(set(numbers)) < len(numbers):
        raise UnusableRecording(
            f"'{path}' has responses from {len(electrodes)} electrodes ({', '.join(electrodes)}) in the sweeps "
            f"{', '.join(map(str, sorted(set(numbers))))}; accepted is one response per sweep, from one electrode"
        )
    without = [trial.number for trial in trials if trial.stimulus is None]
    if without:
        raise UnusableRecording(
            f"'{path}' has no current for the sweeps {', '.join(map(str, without))}; needed is a stimulus with the "
            "same sweep number and electrode; choose other sweeps with sweeps="
        )
    read = {trial.number: _pair(path, trial) for trial in trials}
    metadata: dict[str, Any] = {"sweep_numbers": tuple(read)}
    for name, unit in (("bridge_balance", ohm), ("bias_current", amp)):
        values = np.array([getattr(trial, name) for trial in trials])
        if np.all(np.isfinite(values)):
            metadata[name] = values * unit
    traps = ["The current is the stimulus in the file, which may leave out a bias current of the amplifier."]
    if "bridge_balance" in metadata and np.any(np.asarray(metadata["bridge_balance"]) > 0):
        traps.append("The amplifier's bridge was balanced: the voltage is already compensated.")
    return checked_samples(
        path,
        {number: (voltage, current) for number, (voltage, current, _) in read.items()},
        {number: interval for number, (_, _, interval) in read.items()},
        current_source="command",
        protocol=" + ".join(dict.fromkeys(trial.protocol for trial in trials)),
        traps=tuple(traps),
        metadata=metadata,
    )


def read_nwb(path: Path, protocol: str | None = None, sweeps: Collection[int] | None = None) -> Samples:
    """Read the current-clamp sweeps of one stimulus protocol.

    Of version 2, response (``CurrentClampSeries``) and stimulus (``CurrentClampStimulusSeries``) are paired by the
    table of intracellular recordings where there is one, otherwise by electrode and sweep number, which may stand in
    the series or in a sweep table. Of version 1, the layout of the Allen Cell Types Database is read, without the test
    pulse that precedes each experiment. Voltage-clamp sweeps, and sweeps with the amplifier off, are skipped.

    Parameters
    ----------
    path : Path
        The file.
    protocol : str, optional
        Stimulus description, such as ``Long Square`` or ``Noise 1``, or how it begins; capitals do not matter.
        By default the only one in the file, or that which begins with ``Long Square``.
    sweeps : collection of int, optional
        Numbers of the sweeps to read, as in the file; all of the protocol by default.

    Returns
    -------
    Samples
        Volts and amperes, shape (sweeps, samples).

    Raises
    ------
    ImportError
        When pynwb or h5py is not installed.
    UnusableRecording
        When the file cannot be parsed, has no such protocol, or several and none is asked for, or holds no current,
        no sampling rate, or samples that cannot be used.
    """
    try:
        import h5py
        import pynwb
    except ImportError as error:
        raise ImportError('NWB files are read by pynwb, which is not installed: pip install "memneuro[nwb]"') from error
    try:
        with h5py.File(path, "r") as file:
            version = _word(file.attrs["nwb_version"] if "nwb_version" in file.attrs else file["nwb_version"][()])
            if version.upper().removeprefix("NWB-").startswith("1"):
                return _samples(path, _trials_1(file, path, version), protocol, sweeps)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about schemas of other versions than the installed ones
            stream = pynwb.NWBHDF5IO(str(path), "r", load_namespaces=True)
        with stream:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                trials = _trials_2(stream.read(), path)
            return _samples(path, trials, protocol, sweeps)
    except (UnusableRecording, CoarseSampling):  # the second when warnings are errors
        raise
    except Exception as error:  # h5py and pynwb raise whatever their parsing trips over
        raise UnusableRecording(
            f"'{path}' ({path.stat().st_size} bytes) cannot be read as an NWB file, it is damaged, truncated, of "
            f"another kind or breaks the standard: {type(error).__name__}: {error.args[-1] if error.args else ''}"
        ) from error
