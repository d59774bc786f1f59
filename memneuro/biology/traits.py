r"""The six traits as biology sees them: dimensionless numbers, the same for cells, models and memristor neurons.

Every neuron is measured in units of its own. Its time unit is the integration time tau: the membrane time constant of a
cell or a model, the time 1/gamma1 in which a filament dissolves. Its unit of drive is the rheobase: the smallest step
that fires it without noise, a current for models (15 tau long) and a voltage for memristor neurons (50 tau); for cells
the smallest that fires in the one sweep recorded of each current, 0.5 or 1 s long.

=====================  ================================================================================================
Trait                  Measure
=====================  ================================================================================================
leaky integration      tau over the mean interval in a step of 1.2 x rheobase
threshold firing       relative width of the threshold, ``(d(p = 0.84) - d(p = 0.16))/(2 d(p = 0.5))``, with p(d) the
                       probability that a pulse of 5 tau and drive d fires; sigma/mu of a normal distribution
cascaded connection    delay of a stage after the one before, and its standard deviation (jitter), over tau; and the
                       latency of one neuron in a step of 1.5 x rheobase over tau
intrinsic plasticity   adaptation index, ``mean of (I[i+1] - I[i])/(I[i+1] + I[i])``, over the steps with 6 spikes or
                       more; relative change of the latency in a second step, ``(L2 - L1)/L1``: positive is adaptation,
                       negative facilitation. Over tau, the time constant of the change of the rate within a step, or
                       for memristor neurons, whose rate hardly changes, that of the latency's change with the gap
refractory period      shortest interval under fluctuating drive that chance does not explain
                       (:func:`memneuro.biology.hazard.refractory_period`), over tau
stochasticity          CV of the intervals and Fano factor at 1.2 x rheobase, and the CV under fluctuating drive
=====================  ================================================================================================

The fluctuating drive of the simulated neurons has the rheobase as mean and as standard deviation and a correlation time
of 3 tau, as the noise of the recordings roughly does; every trial has its own. A shortest interval found so is an upper
limit of the refractory period: in an integrator the time to charge comes on top. Nothing is fitted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from brian2 import Network, Quantity, SpikeMonitor, TimedArray, amp, ms, second, us, volt
from numpy.typing import NDArray
from scipy.optimize import curve_fit, minimize
from scipy.signal import lfilter
from scipy.stats import norm

from memneuro.backend import backend
from memneuro.biology import trains as st
from memneuro.biology._quantities import si_array
from memneuro.biology.comparison import fi_table, reliability_table, repeated_trains
from memneuro.biology.features import rheobase, spike_times
from memneuro.biology.hazard import refractory_period
from memneuro.biology.memristor import cell_time_constant, leak_time
from memneuro.biology.recordings import Recording, load
from memneuro.biology.reference import ReferenceNeuron
from memneuro.biology.registry import RECORDINGS, RecordingUnavailable, find, locate
from memneuro.biology.stimulus import holding_and_step, step_windows
from memneuro.circuit.drive import Drive, check
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.cascade import cascade

__all__ = ["Measured", "Subject", "measure_cell", "measure_cells", "measure_neuron", "memristor", "reference"]

TRAITS = (
    "leaky integration",
    "threshold firing",
    "cascaded connection",
    "intrinsic plasticity",
    "refractory period",
    "stochasticity",
)
COLUMNS = ["trait", "measure", "neuron", "kind", "value", "low", "high", "note"]

LEAKY = "integration time / mean interval"
WIDTH = "relative width of the threshold"
DELAY = "delay of a stage / integration time"
JITTER = "jitter of a stage / integration time"
LATENCY = "latency at 1.5 x rheobase / integration time"
INDEX = "adaptation index"
PAIRED = "relative change of a second latency"
SLOW = "time constant of plasticity / integration time"
REFRACTORY = "absolute refractory period / integration time"
CV = "interval CV at 1.2 x rheobase"
NOISE_CV = "interval CV under noise"
FANO = "Fano factor"

DRIVES = (1.05, 1.1, 1.2, 1.3, 1.4, 1.5, 1.7, 2.0)
STEP_TAU, SEARCH_TAU, PULSE_TAU, NOISE_TAU = 50.0, 15.0, 5.0, 150.0
FANO_TAU, SETTLE_TAU = 5.0, 10.0
PAIR_TAU, PAIR_GAP_TAU, PAIR_DRIVE = 20.0, 5.0, 1.2
GAPS_TAU = (2.0, 10.0, 40.0, 120.0, 300.0)
FLUCTUATION, CORRELATION_TAU = 1.0, 3.0
LEAST_SPIKES = 6
BLOCKS = 3

Times = NDArray[np.float64]


@dataclass(frozen=True)
class Probe(Drive):
    """Rectangular pulses with a fluctuating part: a voltage ``v_in`` or a current ``i_in``, one each for every neuron.

    Parameters
    ----------
    level : Quantity (volt or amp), shape (n,)
        Of the pulses; its unit decides what the drive is.
    width, period : Quantity (second), shape (n,)
        Length of a pulse, and from one onset to the next.
    count : ndarray, shape (n,)
        Number of pulses.
    fluctuation : Quantity (volt or amp), shape (n,)
        Standard deviation of the fluctuating part, in the unit of the level.
    noise : TimedArray
        Samples without unit, mean 0 and standard deviation 1.
    shift : Quantity (second), shape (n,)
        Where in the samples each neuron starts.
    """

    level: Quantity
    width: Quantity
    period: Quantity
    count: Any
    fluctuation: Quantity
    noise: TimedArray
    shift: Quantity

    def __post_init__(self) -> None:
        unit = volt if self.level.dim is volt.dim else amp
        check("level", self.level, unit, signed=True)
        check("fluctuation", self.fluctuation, unit)

    def equations(self) -> str:
        """``v_in`` or ``i_in``."""
        name, unit = ("v_in", "volt") if self.level.dim is volt.dim else ("i_in", "amp")
        return f"""
probe_number = floor((t + 0.001*dt)/probe_period) : 1
probe_time = t + 0.001*dt - probe_number*probe_period : second
probe_pulse = probe_level*int(probe_time < probe_width and probe_number < probe_count) : {unit}
{name} = probe_pulse + probe_fluctuation*probe_noise(t + probe_shift) : {unit} (constant over dt)
"""

    def parameters(self) -> dict[str, tuple[Any, str]]:
        """Level, fluctuation, width, period, count and shift."""
        unit = "volt" if self.level.dim is volt.dim else "amp"
        return {
            "probe_level": (self.level, unit),
            "probe_fluctuation": (self.fluctuation, unit),
            "probe_width": (self.width, "second"),
            "probe_period": (self.period, "second"),
            "probe_count": (np.asarray(self.count, dtype=float), "1"),
            "probe_shift": (self.shift, "second"),
        }

    def namespace(self) -> dict[str, Any]:
        """The samples."""
        return {"probe_noise": self.noise}


@dataclass(frozen=True)
class Subject:
    """A simulated neuron to be measured.

    Parameters
    ----------
    name, kind : str
        As in the table; kind is ``memristor`` or ``reference``.
    neuron : OneM1T1R or ReferenceNeuron
        The neuron.
    tau : Quantity (second)
        Integration time.
    unit : Quantity (volt or amp)
        Of the drive: one volt or one ampere.
    search : tuple of float
        Range of drives, in SI units, that holds the rheobase.
    target : str, optional
        Where it is simulated; Brian2's own choice when empty.
    dt : Quantity (second), optional
        Time step; the neuron's own by default.
    """

    name: str
    kind: str
    neuron: Any
    tau: Quantity
    unit: Quantity
    search: tuple[float, float]
    target: str = ""
    dt: Quantity | None = None

    @property
    def step(self) -> Quantity:
        """Length of a step."""
        return STEP_TAU * self.tau


@dataclass(frozen=True)
class Measured:
    """What a neuron gave.

    Parameters
    ----------
    traits : DataFrame
        ``trait``, ``measure``, ``neuron``, ``kind``, ``value``, ``low``, ``high``, ``note``. Without a value, but with
        a ``high``: an upper limit.
    curves : DataFrame
        Steps, one row a drive: ``neuron``, ``kind``, ``drive`` (over the rheobase), ``rate`` (times tau), ``latency``
        (over tau), ``cv``, ``fano``, ``adaptation_index``.
    firing : DataFrame
        Pulses of 5 tau, one row a drive: ``neuron``, ``kind``, ``drive``, ``probability``.
    """

    traits: pd.DataFrame
    curves: pd.DataFrame
    firing: pd.DataFrame


@dataclass
class _Rows:
    """Collects the rows of one neuron."""

    neuron: str
    kind: str
    rows: list[tuple[Any, ...]] = field(default_factory=list)

    def add(self, trait: str, measure: str, values: Iterable[float], note: str = "") -> None:
        """One row: median and extremes of the values that are there."""
        found = np.array([value for value in values if np.isfinite(value)], dtype=float)
        numbers = (np.median(found), found.min(), found.max()) if found.size else (np.nan,) * 3
        note = note or ("" if found.size else "too few spikes")
        self.rows.append((trait, measure, self.neuron, self.kind, *map(float, numbers), note))

    def table(self) -> pd.DataFrame:
        """All rows."""
        return pd.DataFrame(self.rows, columns=COLUMNS)


# Subjects


def memristor(neuron: OneM1T1R, name: str, dt: Quantity | None = None) -> Subject:
    """A memristor neuron as a subject; its integration time is that of the filament's dissolution.

    Parameters
    ----------
    neuron : OneM1T1R
        The neuron.
    name : str
        As in the table.
    dt : Quantity (second), optional
        Time step; the neuron's own by default.

    Returns
    -------
    Subject
        Driven by a voltage, with its rheobase sought from 0.4 V to 1.2 V.
    """
    return Subject(name, "memristor", neuron, leak_time(neuron), volt, (0.4, 1.2), dt=dt)


def reference(name: str, label: str | None = None, target: str = "") -> Subject:
    """A reference neuron as a subject; its integration time is the membrane time constant of its card.

    Parameters
    ----------
    name : str
        Of a reference card.
    label : str, optional
        As in the table; by default the name.
    target : str
        Where it is simulated; Brian2's own choice when empty.

    Returns
    -------
    Subject
        Driven by a current, with its rheobase sought from 10 pA to 3 nA.
    """
    neuron = ReferenceNeuron(name)
    values = {key: value for key, (value, _) in neuron.parameters().items()}
    if "tau_m" in values:
        tau = values["tau_m"]
    elif "c_area" in values:
        tau = values["c_area"] / values["g_leak"]
    else:
        tau = values["c_m"] / values["g_leak"]
    return Subject(label or name, "reference", neuron, tau, amp, (1e-11, 3e-9), target)


# Simulation


def _noise(subject: Subject, seed: int) -> TimedArray:
    """Samples of an Ornstein-Uhlenbeck process of mean 0 and standard deviation 1, longer than any run."""
    step = float(subject.neuron.default_step if subject.dt is None else subject.dt)
    spacing = max(round(0.02 * float(subject.tau) / step), 1) * step
    correlation = CORRELATION_TAU * float(subject.tau)
    keep = np.exp(-spacing / correlation)
    fresh = np.random.default_rng(seed).standard_normal(round(3 * NOISE_TAU * float(subject.tau) / spacing))
    fresh[1:] *= np.sqrt(1 - keep**2)
    return TimedArray(lfilter([1.0], [1.0, -keep], fresh), dt=spacing * second)


def _run(
    subject: Subject,
    level: NDArray[np.float64],
    duration: Quantity,
    *,
    width: Any = None,
    period: Any = None,
    count: Any = 1,
    fluctuation: Any = 0.0,
    seed: int = 0,
    noise: bool = True,
) -> list[Times]:
    """Spike times (s) of one neuron for each level (SI)."""
    n = len(level)

    def each(value: Any) -> NDArray[np.float64]:
        return np.broadcast_to(np.asarray(value, dtype=float), (n,)).copy()

    drive = Probe(
        each(level) * subject.unit,
        each(float(duration) if width is None else width) * second,
        each(2 * float(duration) if period is None else period) * second,
        each(count),
        each(fluctuation) * subject.unit,
        _noise(subject, seed + 1000),
        np.arange(n) / n * NOISE_TAU * subject.tau,
    )
    with backend(subject.target) if subject.target else nullcontext():
        group = subject.neuron.group(n, drive=drive, dt=subject.dt, seed=seed, noise=noise)
        monitor = SpikeMonitor(group)
        Network(group, monitor).run(duration, namespace={})
    index, times = np.asarray(monitor.i), np.asarray(monitor.t / second)
    order = np.lexsort((times, index))
    return np.split(times[order], np.searchsorted(index[order], np.arange(1, n)))


def find_rheobase(subject: Subject) -> float:
    """Smallest drive (SI) at which a step fires the neuron without its noise, to 1 % or better.

    Raises
    ------
    ValueError
        When nothing in the range of the subject fires.
    """
    low, high = subject.search
    length = (STEP_TAU if subject.kind == "memristor" else SEARCH_TAU) * subject.tau
    for points in (30, 30):
        levels = np.geomspace(low, high, points)
        fired = np.array([train.size > 0 for train in _run(subject, levels, length, noise=False)])
        if not fired.any():
            raise ValueError(f"{subject.name} does not fire between {low:g} and {high:g}")
        first = int(np.argmax(fired))
        low, high = float(levels[max(first - 1, 0)]), float(levels[first])
    return high


def _noisy(subject: Subject) -> bool:
    model = subject.neuron.model
    return bool(getattr(model, "noise_parameters", ())) or bool(getattr(model, "stochastic", False))


def threshold(drive: NDArray[np.float64], fired: NDArray[np.bool_]) -> tuple[float, float]:
    """Middle and standard deviation of a cumulative normal distribution, the maximum likelihood estimate.

    Parameters
    ----------
    drive, fired : ndarray, shape (n,)
        Drive of each trial, and whether it fired.

    Returns
    -------
    (float, float)
        In the unit of the drive. The standard deviation is 0 when every drive that fires is above every one that does
        not; NaN when all fire or none does.
    """
    if fired.all() or not fired.any():
        return float("nan"), float("nan")
    lowest, highest = drive[fired].min(), drive[~fired].max()
    if lowest > highest:
        return float(lowest + highest) / 2, 0.0
    scale = float(np.mean(drive))
    x = drive / scale

    def cost(p: NDArray[np.float64]) -> float:
        z = (x - p[0]) / np.exp(p[1])
        return -float(np.sum(norm.logcdf(np.where(fired, z, -z))))

    start = [(lowest + highest) / 2 / scale, np.log(max((highest - lowest) / scale / 4, 1e-4))]
    found = minimize(cost, start, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-6})
    return float(found.x[0]) * scale, float(np.exp(found.x[1])) * scale


# Measures of spike trains


def relaxation(trains: Sequence[Times], tau: float) -> float:
    """Time constant (in tau) with which the rate changes after the first spikes of a step.

    The instantaneous rates of all trains, each divided by its train's mean rate, are fitted with ``r = r_inf + (r_0 -
    r_inf) exp(-t/T)``. NaN for fewer than 8 intervals, a change of the rate by less than a tenth, a fit that fails, or
    a T outside the range that the data can show (half a mean interval to the length of the step).

    Parameters
    ----------
    trains : sequence of ndarray, shape (n,) each
        Ascending spike times in seconds.
    tau : float
        Integration time in seconds.
    """
    points: list[NDArray[np.float64]] = []
    for train in trains:
        isi = np.diff(train)
        if isi.size >= LEAST_SPIKES - 1:
            middle = (train[1:] + train[:-1]) / 2 - train[0]
            points.append(np.column_stack([middle, np.mean(isi) / isi]))
    if not points or sum(map(len, points)) < 8:
        return float("nan")
    t, rate = np.concatenate(points).T
    longest, shortest = float(t.max()), 0.5 * float(np.mean([np.mean(np.diff(p[:, 0])) for p in points]))
    try:
        (final, start, scale), _ = curve_fit(
            lambda x, a, b, s: a + (b - a) * np.exp(-x / s),
            t,
            rate,
            p0=[1.0, 1.2, longest / 4],
            bounds=([0, 0, shortest / 4], [10, 100, 4 * longest]),
        )
    except RuntimeError:
        return float("nan")
    usable = shortest < scale < longest and abs(start - final) > 0.1
    return float(scale) / tau if usable else float("nan")


def index_median(trains: Sequence[Times]) -> float:
    """Median adaptation index of the trains with six spikes or more; NaN without one."""
    found = [st.adaptation_index(train * second) for train in trains if train.size >= LEAST_SPIKES]
    return float(np.median(found)) if found else float("nan")


def _mean(values: Iterable[float]) -> float:
    found = [value for value in values if np.isfinite(value)]
    return float(np.mean(found)) if found else float("nan")


def _median(values: Iterable[float]) -> float:
    found = [value for value in values if np.isfinite(value)]
    return float(np.median(found)) if found else float("nan")


def _pooled_interval(trains: Sequence[Times]) -> float:
    isi = np.concatenate([np.diff(train) for train in trains])
    return float(np.mean(isi)) if isi.size else float("nan")


def _first(train: Times, start: float, end: float) -> float:
    later = train[(train >= start) & (train < end)]
    return float(later[0]) - start if later.size else float("nan")


# A simulated neuron


def measure_neuron(subject: Subject, trials: int = 20, seed: int = 1, noise_tau: float = NOISE_TAU) -> Measured:
    """All traits of a simulated neuron.

    Parameters
    ----------
    subject : Subject
    trials : int
        Trials at each drive in each of three blocks; the blocks have noise of their own, and the table gives the median
        of the blocks with their extremes.
    seed : int
        Of the first block.
    noise_tau : float
        Length of the run with a fluctuating drive, in integration times.

    Returns
    -------
    Measured
    """
    rows = _Rows(subject.name, subject.kind)
    tau, step = float(subject.tau), float(subject.step)
    noisy = _noisy(subject)
    trials = trials if noisy else 1
    unit = find_rheobase(subject)
    drives = np.array(DRIVES)
    pulses = unit * np.concatenate([np.arange(0.05, 0.8, 0.05), np.arange(0.8, 1.3, 0.03), [1.4, 1.6, 2.0, 3.0]])
    pair_period = (PAIR_TAU + PAIR_GAP_TAU) * tau
    level = np.concatenate([unit * drives, pulses, [PAIR_DRIVE * unit]])
    width = np.concatenate([np.full(len(drives), step), np.full(len(pulses), PULSE_TAU * tau), [PAIR_TAU * tau]])
    period = np.concatenate([np.full(len(level) - 1, 2 * step), [pair_period]])
    count = np.concatenate([np.ones(len(level) - 1), [2]])
    blocks = BLOCKS if noisy else 1
    many = blocks * trials
    levels, lengths, periods, counts = (np.repeat(values, many) for values in (level, width, period, count))
    spikes = _run(subject, levels, step * second, width=lengths, period=periods, count=counts, seed=seed)
    runs = [
        [spikes[k * many + block * trials : k * many + (block + 1) * trials] for k in range(len(level))]
        for block in range(blocks)
    ]

    def at(drive: float) -> list[list[Times]]:
        return [run[DRIVES.index(drive)] for run in runs]

    where = f"rheobase {unit:.3g} {'V' if subject.unit is volt else 'A'}, tau {1e3 * tau:.3g} ms"
    rows.add(TRAITS[0], LEAKY, (tau / _pooled_interval(trains) for trains in at(1.2)), where)
    widths, probabilities = [], []
    for run in runs:
        single = run[len(drives) : -1]
        fired = np.array([[train[train < PULSE_TAU * tau].size > 0 for train in trains] for trains in single])
        centre, deviation = threshold(np.repeat(pulses, trials), fired.ravel())
        widths.append(deviation / centre)
        probabilities.append(fired.mean(axis=1))
    rows.add(TRAITS[1], WIDTH, widths, "" if noisy else "no noise: a step")
    rows.add(TRAITS[2], LATENCY, (_median(_first(t, 0, step) / tau for t in trains) for trains in at(1.5)))
    everything = [[train for trains in run[: len(drives)] for train in trains] for run in runs]
    rows.add(TRAITS[3], INDEX, map(index_median, everything))
    changes = []
    for run in runs:
        first = [_first(train, 0, PAIR_TAU * tau) for train in run[-1]]
        again = [_first(train, pair_period, pair_period + PAIR_TAU * tau) for train in run[-1]]
        changes.append((_median(again) - _median(first)) / _median(first))
    rows.add(TRAITS[3], PAIRED, changes, f"two steps of {PAIR_TAU:g} tau, {PAIR_GAP_TAU:g} tau apart")
    if subject.kind == "memristor":
        rows.add(TRAITS[3], SLOW, forgetting(subject, unit, trials, seed), "from second latencies against the gap")
    else:
        rows.add(TRAITS[3], SLOW, (relaxation(trains, tau) for trains in everything), _slowest(subject))
    absolute, noise_cv = _under_noise(subject, unit, seed, noise_tau, trials if noisy else 20)
    rows.add(TRAITS[4], REFRACTORY, absolute, _flag(subject))
    rows.add(TRAITS[5], CV, (_mean(st.isi_cv(t[t > SETTLE_TAU * tau] * second) for t in b) for b in at(1.2)))
    rows.add(TRAITS[5], NOISE_CV, noise_cv)
    rows.add(TRAITS[5], FANO, (_fano(b, tau, step) for b in at(1.2)), "at 1.2 x rheobase, windows of 5 tau")
    curves = pd.DataFrame(
        {
            "neuron": subject.name,
            "kind": subject.kind,
            "drive": DRIVES,
            "rate": [_mean(t.size / step * tau for b in at(d) for t in b) for d in DRIVES],
            "latency": [_median(_first(t, 0, step) / tau for b in at(d) for t in b) for d in DRIVES],
            "cv": [_mean(st.isi_cv(t[t > SETTLE_TAU * tau] * second) for b in at(d) for t in b) for d in DRIVES],
            "fano": [_mean(_fano(b, tau, step) for b in at(d)) for d in DRIVES],
            "adaptation_index": [index_median([t for b in at(d) for t in b]) for d in DRIVES],
        }
    )
    firing = pd.DataFrame(
        {"neuron": subject.name, "kind": subject.kind, "drive": pulses / unit, "probability": np.mean(probabilities, 0)}
    )
    return Measured(rows.table(), curves, firing)


def step_trains(subject: Subject, unit: float, trials: int, seed: int) -> list[list[Times]]:
    """Spike times (s) in steps of ``DRIVES`` x `unit`, as ``found[drive][trial]``.

    Parameters
    ----------
    subject : Subject
        The neuron.
    unit : float
        Its rheobase, in volt or ampere.
    trials : int
        Neurons at each drive.
    seed : int
        Of the noise.
    """
    levels = np.repeat(unit * np.array(DRIVES), trials)
    spikes = _run(subject, levels, subject.step, seed=seed)
    return [spikes[k * trials : (k + 1) * trials] for k in range(len(DRIVES))]


def forgetting(subject: Subject, unit: float, trials: int, seed: int) -> list[float]:
    """Time constants (in tau) with which a second latency comes back to the first as the gap grows, one a block.

    The relative changes of the median latency are fitted with ``A exp(-gap/T)``.

    Parameters
    ----------
    subject : Subject
        The neuron.
    unit : float
        Its rheobase, in volt or ampere.
    trials : int
        Neurons of a block, for each gap.
    seed : int
        Of the noise.
    """
    tau, gaps = float(subject.tau), np.array(GAPS_TAU)
    n = BLOCKS * trials
    period = np.repeat((PAIR_TAU + gaps) * tau, n)
    spikes = _run(
        subject,
        np.full(period.size, PAIR_DRIVE * unit),
        (2 * PAIR_TAU + gaps.max()) * subject.tau,
        width=PAIR_TAU * tau,
        period=period,
        count=2,
        seed=seed,
    )
    wide = PAIR_TAU * tau
    first = np.array([_first(train, 0, wide) for train in spikes])
    again = np.array([_first(train, p, p + wide) for train, p in zip(spikes, period, strict=True)])
    found = []
    for block in range(BLOCKS):
        part = slice(block * trials, (block + 1) * trials)
        before = np.nanmedian(first.reshape(len(gaps), n)[:, part])
        change = np.nanmedian(again.reshape(len(gaps), n)[:, part], axis=1) / before - 1
        try:
            (_, scale), _ = curve_fit(
                lambda x, a, s: a * np.exp(-x / s), gaps, change, p0=[change[0], 100.0], bounds=([-10, 1], [10, 1e4])
            )
        except (RuntimeError, ValueError):
            scale = np.nan
        found.append(float(scale) if np.isfinite(scale) and scale < gaps.max() else float("nan"))
    return found


def _slowest(subject: Subject) -> str:
    """What a model's card says about its slow time constant."""
    values = subject.neuron.parameters()
    for name in ("tau_w", "tau_slow", "tau_max"):
        if name in values:
            return f"card: {name} = {float(values[name][0] / subject.tau):.3g} tau"
    return "no slow variable"


def _flag(subject: Subject) -> str:
    """What a model says about its own refractory period."""
    values = subject.neuron.parameters()
    if "t_refractory" in values:
        return f"written into the model: {float(values['t_refractory'][0] / subject.tau):.3g} tau"
    return "not written into the model"


def _fano(trains: Sequence[Times], tau: float, step: float) -> float:
    """Mean Fano factor of the counts in windows of 5 tau, after the settling time."""
    start = SETTLE_TAU * tau
    late = [train[train >= start] - start for train in trains]
    if step - start < 2 * FANO_TAU * tau:
        return float("nan")
    return _mean(st.fano_factor(t * second, (step - start) * second, FANO_TAU * tau * second) for t in late if t.size)


def _under_noise(
    subject: Subject, unit: float, seed: int, noise_tau: float, trials: int
) -> tuple[list[float], list[float]]:
    """Absolute refractory period (in tau) and interval CV of three blocks under a fluctuating drive."""
    duration = noise_tau * subject.tau
    n = BLOCKS * trials
    spikes = _run(subject, np.full(n, unit), duration, fluctuation=FLUCTUATION * unit, seed=seed)
    blocks = [[train * second for train in spikes[k * trials : (k + 1) * trials]] for k in range(BLOCKS)]
    found = [float(refractory_period(block, duration=duration).absolute / subject.tau) for block in blocks]
    absolute = [value if value > 0 else float("nan") for value in found]  # 0: as short as chance alone would have it
    return absolute, [_mean(st.isi_cv(train) for train in block) for block in blocks]


def measure_chain(
    neuron: OneM1T1R,
    name: str,
    trials: int = 10,
    duration: Quantity = 1200 * ms,
    seed: int = 1,
    dt: Quantity | None = 20 * us,
) -> pd.DataFrame:
    """Delay and jitter along a chain of three memristor neurons, as rows of the table of traits.

    The chain is that of :func:`memneuro.experiment.cascade.cascade`. Delay and jitter are the median of the time from
    the first spike of a stage to the first spike of the next, over the chains in which the earlier stage fired, and
    half of its central 68 %; a stage that has not fired by the end counts as later than all others. Value: mean of the
    second and third stage; low, high: the two.

    Parameters
    ----------
    neuron : OneM1T1R
        The neuron.
    name : str
        As in the table.
    trials : int
        Chains, each with noise of its own.
    duration : Quantity (second)
        How long they are driven.
    seed : int
        Of the noise.
    dt : Quantity (second), optional
        Time step; None for the neuron's own.
    """
    tau = float(leak_time(neuron) / ms)
    table = cascade(neuron, trials=trials, duration=duration, seed=seed, dt=dt)
    first = table.pivot(index="trial", columns="stage", values="first_spike_ms")
    delays, jitters, fired = [], [], []
    for stage in (2, 3):
        started = first[first[stage - 1].notna()]
        late = (started[stage] - started[stage - 1]).fillna(np.inf).to_numpy()
        fired.append(f"{int(np.isfinite(late).sum())} of {late.size}")
        q = [float(np.quantile(late, p, method="nearest")) if late.size else np.nan for p in (0.16, 0.5, 0.84)]
        delays.append(q[1] / tau)
        jitters.append((q[2] - q[0]) / 2 / tau)
    rows = _Rows(name, "memristor")
    note = f"stage 2 fired in {fired[0]} chains, stage 3 in {fired[1]}"
    rows.add(TRAITS[2], DELAY, delays, note)
    rows.add(TRAITS[2], JITTER, jitters, note)
    return rows.table()


# Recorded cells


def membrane_time_constant(recording: Recording) -> Quantity:
    """Time constant of the response to a hyperpolarising current, from a single exponential.

    For cells without a note of their resistance and capacitance. The current is the strongest hyperpolarising step, or
    a hyperpolarising pulse of at least 20 ms that all sweeps have in common, whose responses are then averaged. The
    fit begins 1 ms after the onset and takes the first 100 ms or the whole pulse, whichever is shorter.

    Raises
    ------
    ValueError
        When there is no such current, or the fit fails.
    """
    start, end = step_windows(recording)[0]
    holding, level = holding_and_step(recording, (start, end))
    change = np.asarray(level - holding)
    k = int(np.argmin(change))
    time = np.asarray(recording.sweeps[0].time / second)
    if change[k] < 0:
        first, last = float(start / second), float(end / second)
        voltage = si_array(recording.sweeps[k].voltage, volt, "voltage")
    else:
        current = np.median([si_array(sweep.current, amp, "current") for sweep in recording.sweeps], axis=0)
        down = np.flatnonzero((current < current[0] - 1e-11) & (time < float(start / second)))
        if down.size == 0 or time[down[-1]] - time[down[0]] < 0.02:
            raise ValueError(f"{recording.name} has no hyperpolarising current")
        first, last = float(time[down[0]]), float(time[down[-1]])
        voltage = np.mean([si_array(sweep.voltage, volt, "voltage") for sweep in recording.sweeps], axis=0)
    first, last = first + 1e-3, min(last, first + 0.1)
    part = (time >= first) & (time < last)
    x, y = time[part] - first, voltage[part]
    try:
        found, _ = curve_fit(
            lambda s, a, b, tau: a + b * np.exp(-s / tau), x, y, p0=[y[-1], y[0] - y[-1], 0.02], maxfev=5000
        )
    except RuntimeError as error:
        raise ValueError(f"{recording.name}: no exponential fits the response to a hyperpolarising current") from error
    if not 1e-3 < found[2] < 0.3:
        raise ValueError(f"{recording.name}: a time constant of {found[2]:.3g} s is not one of a membrane")
    return float(found[2]) * second


def _time_constant(recording: Recording) -> tuple[float, str]:
    try:
        return float(cell_time_constant(recording)), "tau noted by the authors"
    except ValueError:
        pass
    try:
        return float(membrane_time_constant(recording)), "tau fitted to the response to a hyperpolarising current"
    except ValueError as error:
        return float("nan"), str(error)


def measure_cell(steps: Recording | None = None, noise: Recording | None = None) -> pd.DataFrame:
    """The traits of a recorded cell, as far as its recordings show them.

    Parameters
    ----------
    steps : Recording, optional
        Current steps.
    noise : Recording, optional
        Repeats of one fluctuating current.

    Returns
    -------
    DataFrame
        Rows of the table of traits (``COLUMNS``), with the name of the cell as neuron.

    Raises
    ------
    ValueError
        When neither is given.
    """
    one = steps if steps is not None else noise
    if one is None:
        raise ValueError("a cell needs current steps or repeats of a noise; neither was given")
    rows = _Rows(one.name, "recorded")
    tau, how = _time_constant(one)
    if steps is not None:
        _cell_steps(rows, steps, tau, how)
    if noise is not None:
        spikes, duration = repeated_trains(noise)
        found = refractory_period(spikes, duration=duration)
        rows.add(TRAITS[4], REFRACTORY, [float(found.absolute) / tau], f"hazard, p = {found.p_value:.1g}; {how}")
        rows.add(TRAITS[5], NOISE_CV, [st.isi_cv(train) for train in spikes], f"{len(spikes)} repeats")
        fano = float(reliability_table(noise)["fano_across_repeats"].iloc[0])
        rows.add(TRAITS[5], FANO, [fano], "across repeats of a noise, windows of 100 ms")
    return rows.table()


def _cell_steps(rows: _Rows, steps: Recording, tau: float, how: str) -> None:
    """Rows from current steps."""
    start, end = (float(edge / second) for edge in step_windows(steps)[0])
    table = fi_table(steps).sort_values("amplitude_pA", kind="stable").reset_index(drop=True)
    amplitude, rate = table["amplitude_pA"].to_numpy(dtype=float), table["rate_hz"].to_numpy(dtype=float)
    unit = float(rheobase(amplitude * amp, rate * second**-1))
    trains = []
    for sweep in steps.sweeps:
        times = np.asarray(spike_times(sweep.time, sweep.voltage) / second)
        trains.append(times[(times >= start) & (times <= end)] - start)
    # Cells that fire slowly: the index needs four spikes, six are asked of the faster simulated neurons.
    usable = table.loc[table["spikes"] >= LEAST_SPIKES, "adaptation_index"]
    few = usable.empty
    if few:
        usable = table.loc[table["spikes"] >= 4, "adaptation_index"]
    index = float(usable.median())
    rows.add(TRAITS[3], INDEX, [index], "steps with 4 spikes or more" if few else "")
    rows.add(TRAITS[3], SLOW, [relaxation(trains, tau)], how)
    if not unit > 0:
        return
    relative = amplitude / unit
    silent, firing = amplitude[rate == 0], amplitude[rate > 0]
    below = silent[silent < unit].max() if np.any(silent < unit) else np.nan
    bound = (firing.min() - below) / (firing.min() + below)
    rows.rows.append((TRAITS[1], WIDTH, rows.neuron, rows.kind, np.nan, 0.0, bound, "a limit: one sweep a current"))
    for measure, trait, drive, column, needed, power in (
        (LEAKY, TRAITS[0], 1.2, "isi_mean_ms", 2, -1),
        (LATENCY, TRAITS[2], 1.5, "latency_ms", 1, 1),
        (CV, TRAITS[5], 1.2, "isi_cv", 3, 0),
    ):
        enough = table[(relative >= drive - 0.1) & (relative <= drive + 0.35) & (table["spikes"] >= needed)]
        if enough.empty:
            rows.add(trait, measure, [], f"too few spikes up to {drive + 0.35:g} x rheobase")
            continue
        value = float(enough[column].iloc[0])
        note = f"at {relative[enough.index[0]]:.2f} x rheobase, one sweep"
        if power:
            value, note = (value * 1e-3 / tau) ** power, f"{note}; {how}"
        rows.add(trait, measure, [value], note)


def measure_cells() -> tuple[pd.DataFrame, list[str]]:
    """Every known recorded cell that can be had, and what could not.

    Returns
    -------
    (DataFrame, list of str)
        Rows of the table of traits (``COLUMNS``), and one message for each recording that is not there.
    """
    tables: list[pd.DataFrame] = []
    missing: list[str] = []
    for name, entry in RECORDINGS.items():
        found: dict[str, Recording] = {}
        for protocol in ("current_steps", "test"):
            if protocol in entry.files:
                try:
                    if missing:  # one download that failed is enough: take what is there
                        locate(find(name, protocol)[1], download=False)
                    found[protocol] = load(name, protocol)
                except RecordingUnavailable as error:
                    missing.append(f"{name}, {protocol}: {error}")
        if found:
            tables.append(measure_cell(found.get("current_steps"), found.get("test")))
    empty = pd.DataFrame(columns=COLUMNS)
    return (pd.concat(tables, ignore_index=True) if tables else empty), missing
