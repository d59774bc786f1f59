"""Fit a device model jointly to the published measurements and write the resulting cards.

Kinetics and noise are shared by the paper's four devices; each device has only a growth rate and (for ``hopping``) a
voltage scale of its own. The compact model's growth is linear in the voltage, so there a voltage scale is the same
freedom as a growth rate.

The objective is the mean error of :mod:`memneuro.experiment.score` over the scored rows, plus the fraction of latched
trials of each interval row, and it is minimised by CMA-ES (Hansen 2016, arXiv:1604.00772) over the logarithms of the
parameters within the ranges below. All candidates of a generation, all rows and all trials run in a few Brian2 groups.
Trials start from evenly spaced quantiles of the tip potential, which lowers the sampling error; the score itself draws
them at random. Everything depends on the seed alone.

Run ``python -m memneuro.experiment.calibrate --help``, or ``make calibrate``.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from brian2 import Network, Quantity, SpikeMonitor, ms, ohm, second, us, volt
from scipy.stats import norm
from tqdm.auto import tqdm

from memneuro.circuit.drive import PulseTrain
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.device.card import Card, card, parse_unit, write_card
from memneuro.experiment import intrinsic_plasticity, leaky_integration, refractory_period, threshold_firing
from memneuro.experiment.score import DEVICES, VARIANTS, row_error
from memneuro.experiment.target import scored_targets
from memneuro.progress import no_bar
from memneuro.tables import write_csv

LATCH_WEIGHT = 2.0
PROBABILITY_TOLERANCE = 0.06
INTERVAL_RISE = 0.02


@dataclass(frozen=True)
class Search:
    """What is fitted and within which limits.

    Parameters
    ----------
    variant : str
        A variant of :data:`memneuro.experiment.score.VARIANTS`.
    template : str
        The card whose other values are kept.
    shared, by_device : dict of str to (float, float)
        Lowest and highest value of each fitted parameter, in the card's unit.
    step : Quantity (second)
        Time step of the search.
    """

    variant: str
    template: str
    shared: dict[str, tuple[float, float]]
    by_device: dict[str, tuple[float, float]]
    step: Quantity

    def names(self) -> list[tuple[str, str]]:
        """Every fitted number as (device, parameter); shared ones have the device ``""``."""
        own = [(device, name) for device in DEVICES for name in self.by_device]
        return [("", name) for name in self.shared] + own

    def limits(self) -> tuple[np.ndarray, np.ndarray]:
        """Logarithms of the limits, in the order of :meth:`names`."""
        pairs = [self.by_device[name] if device else self.shared[name] for device, name in self.names()]
        low, high = np.log(np.array(pairs)).T
        return low, high

    def values(self, point: np.ndarray, device: str) -> dict[str, float]:
        """Parameter values of one device at a point of the unit cube.

        Parameters
        ----------
        point : ndarray, shape (names,)
            In the unit cube, in the order of :meth:`names`; clipped to it.
        device : str
            Whose values.
        """
        low, high = self.limits()
        numbers = np.exp(low + (high - low) * np.clip(point, 0, 1))
        return {name: x for (owner, name), x in zip(self.names(), numbers, strict=True) if owner in ("", device)}

    def point(self, cards: Mapping[str, Card]) -> np.ndarray:
        """The point of the unit cube that stands for given cards, moved inside the limits."""
        low, high = self.limits()
        first = cards[next(iter(DEVICES))]
        numbers = [cards[d].parameters[n].value if d else first.parameters[n].value for d, n in self.names()]
        return np.clip((np.log(np.maximum(numbers, 1e-300)) - low) / (high - low), 0, 1)


#: A start from the physics alone: a noise-free fit of the same growth law, with a plausible noise.
LITERATURE: dict[str, Any] = {
    "shared": {
        "alpha": 0.0229, "gamma1": 162, "beta": 16.7, "gamma2": 5.65, "tunnel_length": 0.228,
        "sigma_tip": 0.04, "tau_tip": 0.04,
    },
    "mu": {"2e4d": 0.0956, "3b": 0.0221, "3cd": 0.162, "4ab": 0.0099},
    "v_hop": {"2e4d": 0.112, "3b": 0.113, "3cd": 0.124, "4ab": 0.204},
}  # fmt: skip

SEARCHES = {
    "hopping": Search(
        "hopping",
        "hopping_2e4d",
        {
            "alpha": (0.003, 0.3),
            "gamma1": (20, 3000),
            "beta": (1, 300),
            "gamma2": (1, 40),
            "tunnel_length": (0.05, 1),
            "sigma_tip": (0.005, 0.15),
            "tau_tip": (0.005, 5),
        },
        {"mu": (1e-5, 30), "v_hop": (0.04, 0.5)},
        20 * us,
    ),
    "compact_refitted": Search(
        "compact_refitted",
        "compact_table1",
        {
            "alpha": (0.003, 0.3),
            "gamma1": (20, 3000),
            "beta": (1, 300),
            "gamma2": (1, 40),
            "tunnel_length": (0.05, 1),
            "sigma": (1e-6, 0.1),
        },
        {"mu": (1, 3000)},
        4 * us,
    ),
}


def literature_start(search: Search) -> np.ndarray:
    """The point of the unit cube that stands for ``LITERATURE``."""
    low, high = search.limits()
    numbers = [LITERATURE[name][device] if device else LITERATURE["shared"][name] for device, name in search.names()]
    return (np.log(numbers) - low) / (high - low)


def conditions() -> pd.DataFrame:
    """Every simulated condition of the scored rows: ``figure``, ``value``, ``device`` and the pulse protocol (SI)."""
    rows = []
    for value in refractory_period.RESISTANCES / ohm:
        rows.append(("4d", value / 1e6, "2e4d", 0.8, 1e-3, 2e-3, np.inf, value, 0.6))
    for value in leaky_integration.GAPS / second:
        rows.append(("3b", value * 1e3, "3b", 0.9, 1e-3, 1e-3 + value, np.inf, np.nan, 0.9))
    for value in threshold_firing.AMPLITUDES / volt:
        rows.append(("3d", value, "3cd", value, 15e-3, 15e-3, 1, np.nan, 0.015))
    for value in intrinsic_plasticity.GAPS / second:
        rows.append(("4ab", value * 1e3, "4ab", 2.0, 20e-3, 20e-3 + value, 2, np.nan, 0.04 + value))
    names = ["figure", "value", "device", "amplitude", "width", "period", "count", "r_control", "duration"]
    return pd.DataFrame(rows, columns=names)


def evaluate(
    search: Search,
    points: Sequence[np.ndarray],
    *,
    trials: int,
    trials_3d: int,
    seed: int,
    noise: bool = True,
) -> np.ndarray:
    """Error of every scored row (and the latched fraction) at every point.

    Parameters
    ----------
    search : Search
        Parameters and limits.
    points : sequence of ndarray, shape (names,) each
        In the unit cube.
    trials : int
        Of each condition; 1 without noise.
    trials_3d : int
        The same for Fig. 3d.
    seed : int
        Of the noise.
    noise : bool
        Whether the devices fluctuate.

    Returns
    -------
    numpy.ndarray, shape (points, rows + 1)
        Errors in the order of the scored targets; the last column is the sum of latched fractions.
    """
    table = conditions()
    number = {"3d": trials_3d if noise else 1}
    trials = trials if noise else 1
    neuron = OneM1T1R(search.template)
    trains: dict[tuple[int, int], list[np.ndarray]] = {}
    gates: dict[tuple[int, int], np.ndarray] = {}
    # The conditions are run in order of length, those of similar length together.
    for lot in np.split(table.sort_values("duration").index, [3, 7, 12]):
        layout = [(p, c, number.get(table.at[c, "figure"], trials)) for p in range(len(points)) for c in lot]
        repeats = [n for _, _, n in layout]
        index = np.repeat(np.arange(len(layout)), repeats)
        rank = np.concatenate([(np.arange(n) + 0.5) / n for n in repeats])
        rows = table.loc[[c for _, c, _ in layout]]
        control = rows["r_control"].fillna(float(neuron.circuit["r_control"])).to_numpy()
        drive = PulseTrain(
            rows["amplitude"].to_numpy()[index] * volt,
            rows["width"].to_numpy()[index] * second,
            rows["period"].to_numpy()[index] * second,
            rows["count"].to_numpy()[index],
            np.zeros(len(index)) * second,
        )
        fitted = [search.values(points[p], table.at[c, "device"]) for p, c, _ in layout]
        values: dict[str, Any] = {
            name: np.array([one[name] for one in fitted])[index] * parse_unit(neuron.device.parameters[name].unit)
            for name in fitted[0]
        }
        group = neuron.group(
            len(index),
            drive=drive,
            dt=search.step,
            seed=seed,
            noise=noise,
            check_step=False,
            r_control=control[index] * ohm,
            **values,
        )
        if noise and search.variant == "hopping":
            group.v_tip = np.asarray(values["sigma_tip"]) * norm.ppf(rank) * volt
        spikes = SpikeMonitor(group)
        Network(group, spikes).run(float(rows["duration"].max()) * second, namespace={})
        by_neuron = spikes.spike_trains()
        gate = np.asarray(group.v_gate)
        starts = np.concatenate([[0], np.cumsum(repeats)])
        for k, (p, c, n) in enumerate(layout):
            end = table.at[c, "duration"] * 1e3
            found = [np.asarray(by_neuron[j] / ms) for j in range(starts[k], starts[k] + n)]
            trains[p, c] = [train[train < end] for train in found]
            gates[p, c] = gate[starts[k] : starts[k] + n]
    return np.array(
        [
            _errors(table, {c: trains[p, c] for c in table.index}, {c: gates[p, c] for c in table.index})
            for p in range(len(points))
        ]
    )


def _errors(table: pd.DataFrame, trains: dict[int, list[np.ndarray]], gates: dict[int, np.ndarray]) -> np.ndarray:
    """Errors of the scored rows from the spike trains of every condition."""
    simulated: dict[tuple[str, float], float] = {}
    latched: dict[float, float] = {}
    firsts: list[np.ndarray] = []
    for c, row in table.iterrows():
        own = trains[int(c)]
        first = np.array([train[0] if train.size else np.inf for train in own])
        if row["figure"] == "3b":
            simulated["3b", row["value"]] = np.median(np.floor(first / (row["period"] * 1e3)) + 1)
        elif row["figure"] == "3d":
            simulated["3d", row["value"]] = np.isfinite(first).mean()
            if np.isclose(row["value"], 0.9) and np.isfinite(first).any():
                simulated["3c", row["value"]] = np.median(first[np.isfinite(first)])
        elif row["figure"] == "4ab":
            onset, width = row["period"] * 1e3, row["width"] * 1e3
            late = np.array([train[train >= onset][0] if (train >= onset).any() else np.inf for train in own])
            first = np.where(first < onset, first, np.inf)
            firsts.append(first)
            gain = np.minimum(first, width) - np.minimum(late - onset, width)
            simulated["4ab", row["value"]] = np.median(gain)
        else:
            if np.isclose(row["value"], 250):
                simulated["2e", 0.8] = np.median(first)
            end = row["duration"] * 1e3
            isi = np.concatenate([np.diff(train[train > f + 100]) for train, f in zip(own, first, strict=True)])
            if isi.size:
                simulated["4d", row["value"]] = isi.mean()
            stuck = [
                train.size > 0 and end - train[-1] > refractory_period.SILENT_MS and v > 0.2
                for train, v in zip(own, gates[int(c)], strict=True)
            ]
            latched[row["value"]] = float(np.mean(stuck))
    simulated["4ab", 2.0] = np.median(np.concatenate(firsts))
    wanted = scored_targets()
    errors = []
    for row in wanted.to_dict(orient="records"):
        value = next(
            (x for (f, v), x in simulated.items() if f == row["figure"] and np.isclose(v, row["condition_value"])),
            np.nan,
        )
        errors.append(row_error(row["unit"], row["condition"], row["measured"], value))
    return np.array([*errors, sum(latched.values())])


def objective(errors: np.ndarray) -> np.ndarray:
    """Mean error, plus a push away from latching and towards the measured firing probabilities."""
    rows = errors[:, :-1]
    wanted = scored_targets()
    probability = wanted["unit"].to_numpy() == "probability"
    excess = np.maximum(rows[:, probability] - PROBABILITY_TOLERANCE, 0).sum(axis=1)
    return rows.mean(axis=1) + LATCH_WEIGHT * errors[:, -1] / rows.shape[1] + 0.3 * excess


def calibrate(
    search: Search,
    *,
    start: np.ndarray | None = None,
    sigma: float = 0.02,
    generations: int = 60,
    population: int = 16,
    trials: int = 24,
    trials_3d: int = 96,
    seed: int = 1,
    noise: bool = True,
) -> tuple[np.ndarray, pd.DataFrame]:
    """Minimise the objective with CMA-ES.

    Parameters
    ----------
    search : Search
        Parameters and limits.
    start : ndarray, optional
        Start in the unit cube; by default the cards that come with the package.
    sigma : float
        First step, as a fraction of the logarithmic ranges.
    generations, population : int
        Number of generations, and of points in each.
    trials, trials_3d, seed : int
        As in :func:`evaluate`; the generations have three noises in turn.
    noise : bool
        Whether the devices fluctuate.

    Returns
    -------
    point : ndarray
        The best of the start and the means of the search distribution, judged on noise of its own.
    history : DataFrame
        ``generation``, ``best``, ``mean_point`` (objective), ``step``.
    """
    import cma

    if start is None:
        start = search.point({device: card(name) for device, name in VARIANTS[search.variant].items()})
    options = {"seed": seed, "popsize": population, "verbose": -9, "bounds": [0, 1]}
    strategy = cma.CMAEvolutionStrategy(start, sigma, options)
    effort: dict[str, Any] = {"trials": trials, "trials_3d": trials_3d, "noise": noise}

    def judge(point: np.ndarray) -> float:
        """The objective on noise that the search does not see."""
        return float(np.mean([objective(evaluate(search, [point], seed=90000 + k, **effort))[0] for k in range(3)]))

    best, best_value, history = start, judge(start), []
    bar = tqdm(range(generations), desc=f"calibrate {search.variant}", disable=no_bar())
    for generation in bar:
        points = strategy.ask()
        # The mean of the distribution rides along, on the same noise, to be judged with the others.
        values = objective(evaluate(search, [*points, strategy.mean], seed=1000 * seed + generation % 3, **effort))
        strategy.tell(points, list(values[:-1]))
        if generation % 4 == 3 or generation == generations - 1:
            value = judge(strategy.mean)
            if value < best_value:
                best, best_value = np.array(strategy.mean), value
        history.append((generation, float(values[:-1].min()), float(values[-1]), float(strategy.sigma)))
        bar.set_postfix(best=f"{best_value:.4f}", mean=f"{values[-1]:.4f}", step=f"{strategy.sigma:.4f}")
        if strategy.stop():
            break
    return best, pd.DataFrame(history, columns=["generation", "best", "mean_point", "step"])


def intervals(
    search: Search, point: np.ndarray, *, trials: int, trials_3d: int, seed: int
) -> list[tuple[float, float]]:
    """Range of each parameter, the others kept, within which the mean error rises by at most 0.02.

    Parameters
    ----------
    search : Search
        Parameters and limits.
    point : ndarray, shape (names,)
        In the unit cube.
    trials, trials_3d, seed : int
        As in :func:`evaluate`.

    Returns
    -------
    list of (float, float)
        In the order of :meth:`Search.names`, in the card's units.
    """
    reach = np.array([0.005, 0.01, 0.02, 0.04, 0.07, 0.12, 0.2, 0.3])  # decades
    offsets = np.concatenate([-reach, reach])
    low, high = search.limits()
    reference = objective(evaluate(search, [point], trials=trials, trials_3d=trials_3d, seed=seed))[0]
    ranges = []
    for k in tqdm(range(len(point)), desc="confidence ranges", disable=no_bar()):
        width = high[k] - low[k]
        moved = [np.where(np.arange(len(point)) == k, point + d / width * np.log(10), point) for d in offsets]
        rise = objective(evaluate(search, moved, trials=trials, trials_3d=trials_3d, seed=seed)) - reference
        down, up = (_crossing(reach, part, INTERVAL_RISE) for part in (rise[: len(reach)], rise[len(reach) :]))
        centre = np.exp(low[k] + width * point[k])
        ranges.append((float(centre / 10**down), float(centre * 10**up)))
    return ranges


def _crossing(reach: np.ndarray, rise: np.ndarray, limit: float) -> float:
    """Where a rise that starts from nothing at zero first exceeds the limit, by linear interpolation; else the end."""
    x, y = np.concatenate([[0.0], reach]), np.concatenate([[0.0], rise])
    above = np.flatnonzero(y > limit)
    if not above.size:
        return float(reach[-1])
    first = above[0]
    return float(x[first - 1] + (x[first] - x[first - 1]) * (limit - y[first - 1]) / (y[first] - y[first - 1]))


def make_cards(
    search: Search, point: np.ndarray, ranges: Sequence[tuple[float, float]] | None, source: str
) -> dict[str, Card]:
    """The four cards at a point, with confidence ranges where they were computed.

    The device-to-device spread of a parameter is the standard deviation of its logarithm over the four fitted devices.

    Parameters
    ----------
    search : Search
        Parameters and limits.
    point : ndarray, shape (names,)
        In the unit cube.
    ranges : sequence of (float, float) or None
        As :func:`intervals` gives them.
    source : str
        What the cards say of where the fitted values are from.
    """
    template = card(search.template)
    known = dict(zip(search.names(), ranges, strict=True)) if ranges is not None else {}
    cards = {}
    for device, figures in DEVICES.items():
        parameters = dict(template.parameters)
        for name, value in search.values(point, device).items():
            owner = device if name in search.by_device else ""
            among = [search.values(point, other)[name] for other in DEVICES]
            parameters[name] = replace(
                parameters[name],
                device_spread=float(f"{np.std(np.log(among), ddof=1):.3g}") if name in search.by_device else 0.0,
                value=float(f"{value:.5g}"),
                source=source,
                status="fitted",
                interval=known.get((owner, name)),
            )
        about = (
            f"{template.model.capitalize()} device fitted to Fig. {', '.join(figures)}; "
            "its kinetics are shared by the four devices."
        )
        cards[device] = Card(VARIANTS[search.variant][device], "device", template.model, about, parameters)
    return cards


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line of the calibration."""
    parser = argparse.ArgumentParser(prog="python -m memneuro.experiment.calibrate", description=__doc__.split("\n")[0])
    parser.add_argument("--device", choices=sorted(SEARCHES), default="hopping", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--generations", type=int, default=60)
    parser.add_argument("--population", type=int, default=16)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--sigma", type=float, default=0.02, help="first step as a fraction of the ranges")
    parser.add_argument("--no-noise", action="store_true", help="fit without noise, a fast first stage")
    parser.add_argument("--no-ranges", action="store_true", help="skip the confidence ranges")
    parser.add_argument(
        "--from-scratch", action="store_true", help="start hopping from a noise-free fit, not the cards"
    )
    parser.add_argument("--start", type=Path, help="folder of cards to start from (default: the package's)")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("calibration"),
        help="folder for cards and history (default: %(default)s)",
    )
    args = parser.parse_args(arguments)
    search = SEARCHES[args.device]
    start = None
    if args.start is not None:
        from memneuro.device.card import read_card

        start = search.point({d: read_card(args.start / f"{n}.toml") for d, n in VARIANTS[search.variant].items()})
    if args.from_scratch:
        if args.device != "hopping":
            parser.error("--from-scratch is for --device hopping")
        start = literature_start(search)
    effort = {"trials": args.trials, "trials_3d": 4 * args.trials}
    point, history = calibrate(
        search,
        start=start,
        sigma=args.sigma,
        generations=args.generations,
        population=args.population,
        seed=args.seed,
        noise=not args.no_noise,
        **effort,
    )
    ranges = None if args.no_ranges else intervals(search, point, seed=70000, **effort)
    source = (
        f"fit to the scored rows of doi:10.1038/s41928-025-01488-x by memneuro.experiment.calibrate, seed {args.seed}, "
        f"{len(history)} generations of {args.population}, {args.trials} trials, step {search.step / us:g} us"
    )
    args.out.mkdir(parents=True, exist_ok=True)
    for made in make_cards(search, point, ranges, source).values():
        write_card(made, args.out / f"{made.name}.toml")
    write_csv(history, args.out / f"{args.device}_history.csv")
    print(f"cards: {args.out}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
