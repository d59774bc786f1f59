"""The calibration: its bookkeeping, and a short run from the command line that writes cards."""

import numpy as np
import pytest

from memneuro.device.card import card, read_card
from memneuro.experiment.calibrate import SEARCHES, VARIANTS, _crossing, literature_start, main, make_cards


def test_point_and_values_are_inverse():
    search = SEARCHES["hopping"]
    cards = {device: card(name) for device, name in VARIANTS["hopping"].items()}
    point = search.point(cards)
    assert ((point > 0) & (point < 1)).all(), "a card lies on the edge of the search ranges"
    for device, one in cards.items():
        for name, value in search.values(point, device).items():
            assert value == pytest.approx(one.parameters[name].value, rel=1e-9)


def test_literature_start_lies_within_the_ranges():
    point = literature_start(SEARCHES["hopping"])
    assert ((point > 0) & (point < 1)).all()


def test_crossing_interpolates():
    reach = np.array([0.1, 0.2])
    assert _crossing(reach, np.array([0.0, 0.04]), 0.02) == pytest.approx(0.15)
    assert _crossing(reach, np.array([0.04, 0.01]), 0.02) == pytest.approx(0.05)
    assert _crossing(reach, np.array([0.0, 0.01]), 0.02) == pytest.approx(0.2)


def test_cards_carry_ranges_and_spread():
    search = SEARCHES["hopping"]
    point = search.point({device: card(name) for device, name in VARIANTS["hopping"].items()})
    ranges = [(1.0, 2.0)] * len(point)
    made = make_cards(search, point, ranges, "a test")
    assert made["3b"].parameters["mu"].interval == (1.0, 2.0)
    assert made["3b"].parameters["mu"].device_spread > 0
    assert made["3b"].parameters["r_on"].interval is None


@pytest.mark.slow
def test_a_short_run_writes_readable_cards(tmp_path):
    pytest.importorskip("cma")
    arguments = ["--generations", "1", "--population", "4", "--no-noise", "--no-ranges", "--out", str(tmp_path)]
    assert main(arguments) == 0
    for name in VARIANTS["hopping"].values():
        assert read_card(tmp_path / f"{name}.toml").model == "hopping"
    assert (tmp_path / "hopping_history.csv").exists()
