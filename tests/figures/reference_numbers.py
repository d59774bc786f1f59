"""The numbers behind the figures, the tolerance of each, and how both were made.

The reference of a figure holds, from its quick run: each number of the comparison with the measurement, the mean of
each column of numbers of the other tables, and the largest number of each column of traces. The tolerance of a number
is four standard deviations of it over the seeds 1 to 8 (1 to 4 where the figure takes long), and never less than 1e-6
of it, so that numbers without noise may differ in rounding only. Figures that take very long, and those with several
seeds of their own, are run once: compiled targets give the same bits everywhere. What PyTorch computes is rounded in
another order on another machine, so some words may be heard differently. Written by

    python tests/figures/reference_numbers.py            # every figure that has a reference
    python tests/figures/reference_numbers.py cascade    # this one
"""

import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd

from memneuro.tables import write_csv

FOLDER = Path(__file__).parent / "reference"

#: Quick runs of a few seconds each, with one seed of noise.
NOISY = {"firing", "pulse_train", "leaky_integration", "threshold_firing", "intrinsic_plasticity", "refractory_period"}
#: All quick runs of a few seconds each.
CHEAP = NOISY | {"spoken_digits", "oscillation", "model_table"}

#: How many seeds the tolerances are from, by figure.
SEEDS = {
    **dict.fromkeys(sorted(NOISY), 8),
    "cascade": 4,
    "stochasticity": 4,
    "iv_sweep": 4,
    "energy": 1,
    "recorded_cell": 4,
    **dict.fromkeys(["convergence", "score", "brain_likeness", "fitted_cells", "spoken_digits"], 1),
    **dict.fromkeys(["pattern_learning", "oscillation", "model_table"], 1),
    "speech_network": 4,
}
#: Those that need recordings.
RECORDINGS = {"recorded_cell", "brain_likeness", "fitted_cells", "spoken_digits", "speech_network"}
DEVIATIONS = 4.0
#: Smallest tolerance, relative to the number.
ROUNDING = {"speech_network": 0.02}


def numbers(tables):
    """What the reference holds, by name."""
    found = {}
    for name, table in tables.items():
        columns = table.select_dtypes("number").astype(float)
        if name == "comparison":
            for row, values in enumerate(columns.to_dict(orient="records")):
                found |= {f"comparison, row {row}, {column}": value for column, value in values.items()}
        else:
            found |= {f"{name}, mean {column}": float(columns[column].mean()) for column in columns}
        if name == "traces":  # what a spike looks like differs less from seed to seed than when it comes
            found |= {f"{name}, largest {column}": float(columns[column].max()) for column in columns}
    return pd.Series(found, dtype=float)


def differences(found, reference):
    """What is further from the reference than its tolerance, missing or new, in words."""
    wrong = [f"new: {name}" for name in found.index.difference(reference.index)]
    for name, row in reference.iterrows():
        if name not in found.index:
            wrong.append(f"missing: {name}")
        elif np.isnan(found[name]) != np.isnan(row["value"]) or abs(found[name] - row["value"]) > row["tolerance"]:
            wrong.append(f"{name}: {found[name]:.6g}, reference {row['value']:.6g} ± {row['tolerance']:.2g}")
    return wrong


def load_reference(name):
    """The reference of a figure, by the name of the number."""
    return pd.read_csv(FOLDER / f"{name}.csv", index_col="number")


def make_reference(name):
    """Run a figure quickly with every seed; the values are those of its own seed, the tolerances are from all."""
    module = import_module(f"memneuro.chapter.{name}")
    own = getattr(module, "SEED", None) if SEEDS[name] > 1 else None
    first = 1 if own is None else min(own, 1)
    seeds, runs = list(range(first, first + SEEDS[name])), []
    for seed in seeds:
        if own is not None:
            module.SEED = seed
        runs.append(numbers(module.CHAPTER.tables(fast=True)))
    value = runs[0 if own is None else seeds.index(own)]
    if own is not None:
        module.SEED = own
    spread = pd.concat(runs, axis=1).std(axis=1).fillna(0.0)
    tolerance = np.maximum(DEVIATIONS * spread, ROUNDING.get(name, 1e-6) * value.abs().fillna(0.0))
    short = [[float(f"{number:.8g}") for number in column] for column in (value, tolerance)]
    return pd.DataFrame({"number": value.index, "value": short[0], "tolerance": short[1]})


if __name__ == "__main__":
    for figure in sys.argv[1:] or SEEDS:
        print(write_csv(make_reference(figure), FOLDER / f"{figure}.csv"))
