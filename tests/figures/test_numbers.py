"""The numbers behind the figures stay what they are, within the spread over seeds."""

from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from reference_numbers import CHEAP, FOLDER, RECORDINGS, SEEDS, differences, load_reference, numbers

FIGURES = [pytest.param(name, marks=[] if name in CHEAP else pytest.mark.slow, id=name) for name in SEEDS]


@pytest.mark.parametrize("name", FIGURES)
def test_numbers_are_those_of_the_reference(name, request):
    if name in RECORDINGS:
        request.getfixturevalue("recordings_folder")
    if name == "speech_network":
        pytest.importorskip("torch")
    tables = import_module(f"memneuro.chapter.{name}").CHAPTER.tables(fast=True)
    assert differences(numbers(tables), load_reference(name)) == []


def test_there_is_one_reference_for_each_of_these_figures():
    assert {path.stem for path in FOLDER.glob("*.csv")} == set(SEEDS)


@pytest.mark.parametrize("name", sorted(SEEDS))
def test_tolerances_are_narrow_enough_to_notice_a_change(name):
    reference = load_reference(name)
    simulated = reference[reference["value"].notna() & (reference["value"] != 0)]
    relative = (simulated["tolerance"] / simulated["value"].abs()).to_numpy()
    assert np.median(relative) < 0.5
    changed = reference["value"] + 1.5 * reference["tolerance"] + 1e-12  # some tolerances are 0
    assert len(differences(changed, reference)) == reference["value"].notna().sum()


def test_a_number_that_is_new_gone_or_undefined_is_found():
    reference = pd.DataFrame({"value": [1.0, 2.0], "tolerance": [0.1, 0.1]}, index=["a", "b"])
    assert differences(pd.Series({"a": 1.05, "b": 2.0}), reference) == []
    assert differences(pd.Series({"a": 1.0, "b": 2.0, "c": 3.0}), reference) == ["new: c"]
    assert differences(pd.Series({"a": 1.0}), reference) == ["missing: b"]
    assert differences(pd.Series({"a": 1.0, "b": float("nan")}), reference) == ["b: nan, reference 2 ± 0.1"]
