"""Command line of the calibration: cards, the held-out test and the posterior."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from brian2 import us

from memneuro.device.card import card, write_card
from memneuro.experiment.calibrate.cards import calibrated_cards
from memneuro.experiment.calibrate.cross_validate import cross_validate
from memneuro.experiment.calibrate.optimise import calibrate
from memneuro.experiment.calibrate.posterior import READINGS, posterior_table, ranges, sample
from memneuro.experiment.calibrate.protocols import Effort
from memneuro.experiment.calibrate.search import SEARCHES
from memneuro.experiment.held_out import held_out
from memneuro.experiment.score import MODELS
from memneuro.tables import write_csv

#: Trials of the last choice between the best points of a search.
FINAL = Effort(rows=64, firing=256, constant=12, sweeps=32)
#: The measured conditions alone: for the compact model, whose step is a fifth, and for every held-out test.
ROWS_ONLY = Effort(rows=12, firing=48, constant=0, sweeps=0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; 0 when done, 2 for bad input, 130 when interrupted (a journal keeps what was done)."""
    parser = argparse.ArgumentParser(
        prog="python -m memneuro.experiment.calibrate", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("what", choices=("cards", "held-out", "posterior"), nargs="?", default="cards")
    parser.add_argument("--device", choices=sorted(SEARCHES), default="hopping_bounded", help="default: %(default)s")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2], help="one search each (default: 1 2)")
    parser.add_argument("--generations", type=int, default=200, help="default: %(default)s")
    parser.add_argument("--population", type=int, default=16, help="default: %(default)s")
    parser.add_argument("--steps", type=int, default=300, help="of the posterior's chains (default: %(default)s)")
    parser.add_argument("--workers", type=int, help="processes (default: one a core)")
    parser.add_argument(
        "--out", type=Path, default=Path("calibration"), help="folder for results and journals (default: %(default)s)"
    )
    args = parser.parse_args(arguments)
    if min(args.generations, args.population, args.steps, *args.seeds) < 1:
        parser.error("--seeds, --generations, --population and --steps: whole numbers of at least 1")
    try:
        return {"cards": _cards, "held-out": _held_out, "posterior": _posterior}[args.what](args)
    except ValueError as error:
        print(f"calibrate: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("calibrate: interrupted; the same command goes on from its journal", file=sys.stderr)
        return 130


def _effort(device: str) -> Effort:
    return Effort() if device == "hopping_bounded" else ROWS_ONLY


def _cards(args: argparse.Namespace) -> int:
    search = SEARCHES[args.device]
    points, losses, history = calibrate(
        search,
        seeds=args.seeds,
        generations=args.generations,
        population=args.population,
        effort=_effort(args.device),
        final_effort=FINAL if args.device == "hopping_bounded" else None,
        workers=args.workers,
        journal=args.out / f"{args.device}.npz",
    )
    best = int(np.argmin(losses))
    source = (
        "fit to the scored rows of doi:10.1038/s41928-025-01488-x and to what must hold between them, by "
        f"memneuro.experiment.calibrate from scratch: seeds {', '.join(map(str, args.seeds))} (this one "
        f"{args.seeds[best]}), {len(history.losses)} generations of {args.population}, step {search.step / us:g} us"
    )
    for made in calibrated_cards(search, points[best], source).values():
        write_card(made, args.out / f"{made.name}.toml")
    print(f"objective by seed: {', '.join(f'{loss:.4f}' for loss in losses)}; cards: {args.out}")
    return 0


def _held_out(args: argparse.Namespace) -> int:
    table = cross_validate(
        SEARCHES[args.device],
        generations=args.generations,
        population=args.population,
        effort=ROWS_ONLY,
        workers=args.workers,
        journal=args.out / f"{args.device}_folds.npz",
    )
    path = args.out / f"{args.device}_folds.csv"
    write_csv(table, path)
    print(f"fitted numbers of every fold: {path}", flush=True)
    found = held_out(table)
    write_csv(pd.DataFrame(found["held_out_rows"]), args.out / f"{args.device}_held_out.csv")
    print(f"mean error of the held-out rows: {found['held_out_mean_log_error']:.3f}")
    return 0


def _posterior(args: argparse.Namespace) -> int:
    search = SEARCHES[args.device]
    start = search.point({device: card(name) for device, name in MODELS[search.variant].items()})
    chains = {}
    for reading in READINGS:
        chains[reading], _ = sample(
            search,
            start,
            reading,
            steps=args.steps,
            workers=args.workers,
            journal=args.out / f"{args.device}_posterior_{reading}.npz",
        )
    table = posterior_table(search, chains)
    write_csv(table, args.out / f"{args.device}_posterior.csv")
    write_csv(ranges(table), args.out / f"{args.device}_posterior_ranges.csv")
    print(f"posterior: {args.out}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
