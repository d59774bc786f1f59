"""All benchmarks of this machine, as CSV tables and figures.

``python benchmarks/run.py [--out DIR] [--only NAME ...] [--draw]`` writes one table a benchmark; ``--draw`` draws the
tables already there and measures nothing. About an hour on two cores; close other programs first.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from memneuro.bench.accuracy import bench_accuracy
from memneuro.bench.network import bench_network
from memneuro.bench.programs import machine
from memneuro.bench.step import bench_step
from memneuro.bench.targets import bench_targets
from memneuro.figure.benchmark import draw_accuracy, draw_network, draw_network_scale, draw_step
from memneuro.figure.style import style
from memneuro.tables import atomic_path, write_csv

HERE = Path(__file__).resolve().parent


def other(name: str) -> Callable[[], pd.DataFrame]:
    """The ``measure`` function of a script beside this one."""

    def measure() -> pd.DataFrame:
        spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module.measure()

    return measure


MEASURES: dict[str, Callable[[], pd.DataFrame]] = {
    "step": lambda: pd.DataFrame(bench_step()["rows"]),
    "network": lambda: pd.DataFrame(bench_network()["rows"]),
    "accuracy": lambda: pd.DataFrame(bench_accuracy()["rows"]),
    "targets": lambda: pd.DataFrame(bench_targets()["rows"]),
    "ngspice": other("ngspice"),
    "neuron_arbor": other("neuron_arbor"),
    "network_scale": other("network_scale"),
    "reservoir": other("reservoir"),
    "speech_snntorch": other("speech_snntorch"),
}
FIGURES = {
    "step": draw_step,
    "network": draw_network,
    "network_scale": draw_network_scale,
    "accuracy": draw_accuracy,
}


def main() -> None:
    """Measure, write, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "cpu")
    parser.add_argument("--only", nargs="+", choices=list(MEASURES), default=list(MEASURES), metavar="NAME")
    parser.add_argument("--draw", action="store_true", help="draw the tables that are there")
    arguments = parser.parse_args()
    head = machine()
    for name in arguments.only:
        path = arguments.out / f"{name}.csv"
        if not arguments.draw:
            print(f"{name} ...", file=sys.stderr, flush=True)
            write_csv(MEASURES[name]().assign(**head), path)
        if name in FIGURES and path.exists():
            with style(), atomic_path(path.with_suffix(".png")) as temporary:
                FIGURES[name](pd.read_csv(path)).savefig(temporary, dpi=200)


if __name__ == "__main__":
    main()
