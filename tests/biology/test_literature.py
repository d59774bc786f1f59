"""Tables of the literature: complete, sourced, and the ranges computed from them."""

import numpy as np
import pytest

from memneuro.biology import traits
from memneuro.biology.literature import cell_classes, cell_statistics, statistic, trait_ranges


def test_every_row_has_a_source():
    for table in (cell_classes(), cell_statistics()):
        assert len(table) >= 11
        assert table["source"].str.len().gt(5).all()
    assert set(cell_statistics()["verified"]) <= {"yes", "partly", "no", "secondary", "computed"}


def test_cell_classes_are_those_of_the_database():
    table = cell_classes().set_index(["species", "cell_class"])
    assert table.loc[("mouse", "Pvalb (fast-spiking)"), "membrane_time_constant_ms"] == 6.95
    assert table.loc[("human", "spiny"), "adaptation_index"] == 0.072


def test_statistic_says_whether_it_was_verified():
    low, high, source = statistic("fano_factor", "cortex in vivo")
    assert (low, high) == (1.0, 1.5) and "verified: yes" in source
    with pytest.raises(KeyError, match="isi_cv"):
        statistic("fano_factor", "retina")


def test_ranges_cover_every_trait_and_use_the_names_of_the_measures():
    ranges = trait_ranges()
    assert set(ranges["trait"]) == set(traits.TRAITS)
    known = {value for name, value in vars(traits).items() if name.isupper() and isinstance(value, str)}
    assert set(ranges["measure"]) <= known
    assert (ranges["low"] < ranges["high"]).all() and (ranges["low"] > 0).all()
    assert ranges["note"].str.len().gt(10).all()


def test_leaky_integration_by_hand():
    """Fast-spiking cells: 0.2 x 270 pA x 0.93 Hz/pA = 50.2 Hz, times 6.95 ms; Vip cells: 1.9 Hz times 14.3 ms."""
    row = trait_ranges().set_index("measure").loc[traits.LEAKY]
    assert row["high"] == pytest.approx(50.22 * 6.95e-3)
    assert row["low"] == pytest.approx(1.9 * 14.3e-3)


def test_refractory_range_by_hand():
    """1 ms over the longest time constant (26.4 ms) to 2 ms over the shortest (6.95 ms)."""
    row = trait_ranges().set_index("measure").loc[traits.REFRACTORY]
    assert np.allclose([row["low"], row["high"]], [1 / 26.4, 2 / 6.95])
