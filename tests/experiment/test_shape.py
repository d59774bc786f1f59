"""What must hold between the measurements: the default is known to fail it, the bounded device to keep its promises."""

import numpy as np
import pandas as pd
import pytest
from brian2 import Mohm, volt

from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.experiment.operating_range import (
    DEVICES,
    TRAIN,
    holes,
    operating_range,
    range_lines,
    range_summary,
    rate_map,
    stored_ranges,
)
from memneuro.experiment.shape import interval_curve, largest_fall


def test_the_largest_fall_of_an_interval():
    assert largest_fall(pd.Series([2.0, 2.0, 3.0, 2.4, 6.0])) == pytest.approx(0.2)
    assert largest_fall(pd.Series([2.0, np.nan, 3.0])) == np.inf
    assert largest_fall(pd.Series([2.0, 2.0, 3.0])) == 0


def test_a_hole_touches_no_edge():
    def table(silent):
        rows = [
            {"r_control_Mohm": r, "amplitude": a, "state": "silent" if (r, a) in silent else "sustained"}
            for r in range(4)
            for a in range(5)
        ]
        return pd.DataFrame(rows)

    assert holes(table({(0, 0), (1, 0), (3, 3), (3, 4)})) == 0
    assert holes(table({(1, 1), (2, 1), (2, 3), (0, 4)})) == 3


def test_the_default_has_a_hole_and_the_bounded_device_has_none():
    """Noise-free, 0.8 V pulses: the default falls silent near 200 Mohm."""
    at = {"amplitudes": [0.78, 0.8, 0.82] * volt, "resistances": [100, 180, 200, 400] * Mohm}
    default, bounded = (rate_map(OneM1T1R(name), drive=TRAIN, noise=False, **at) for name in DEVICES)
    stopped = default[(default["amplitude"] == 0.8) & default["r_control_Mohm"].isin([180, 200])]
    assert (stopped["rate_late_hz"] == 0).all()
    assert (bounded["state"] == "sustained").all(), bounded.to_string()


@pytest.mark.slow
def test_the_interval_of_the_bounded_device_rises_with_the_resistor():
    curve = interval_curve(OneM1T1R("hopping_bounded_2e4d"), noise=False, trials=1)
    assert largest_fall(curve["mean_ms"]) <= 0.005
    assert (curve["latched"] == 0).all()


def test_the_stored_ranges_are_those_of_the_cards():
    stored = stored_ranges()
    row = stored[(stored["device"] == DEVICES[1]) & (stored["circuit"] == "discrete_2025")].iloc[0]
    inside = np.linspace(1.02 * row["rheobase"], 0.98 * row["largest"], 3)
    table = operating_range(
        OneM1T1R(DEVICES[1]), amplitudes=[0.9 * row["rheobase"], *inside, 1.15 * row["largest"]] * volt, seed=2
    )
    found = range_summary(table)
    assert found["rheobase"] == pytest.approx(inside[0]) and found["largest"] == pytest.approx(inside[-1])
    lines = range_lines("discrete_2025")
    assert len(lines) == 2 and f"{row['rheobase']:.2f} to {row['largest']:.2f} V" in lines[1]
    assert range_lines("integrated_65nm") == []
