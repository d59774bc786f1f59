"""Tables that pages include hold what the measured tables hold."""

import pandas as pd
import pytest
from _pages import tables

ROW = {
    "model": "hopping",
    "card": "hopping_2e4d",
    "states": 3,
    "step_us": 10.0,
    "mean_log_error": 0.0741,
    "mean_log_error_sd": 0.0021,
    "mean_log_error_half_step": 0.0782,
    "mean_log_error_half_step_sd": 0.0,
    "rows": 21,
    "reproduced": 20,
    "silent": 1,
    "traits": "LTCPRS",
    "traits_half_step": "------",
    "ns_per_step": 21.4,
    "us_per_ms": 2.14,
    "stiffness": 4321.0,
}


def test_the_table_of_models_shows_each_row():
    text = tables.model_table(pd.DataFrame([ROW, {**ROW, "model": "area", "card": "area_pulse"}]))
    lines = [line for line in text.splitlines() if line.startswith("|")]
    header, _, first, second = ([cell.strip() for cell in line.strip("|").split(" | ")] for line in lines)
    shown = dict(zip(header, first, strict=True))
    assert shown["model"] == "[hopping](#card-hopping_2e4d)" and second[0] == "[area](#card-area_pulse)"
    assert shown["error"].split() == ["0.074", "±", "0.002"] and shown["error, half step"] == "0.078"
    assert shown["reproduced"] == "20 of 21" and shown["silent"] == "1"
    assert shown["traits"] == "LTCPRS (none)"
    assert shown["us per ms"] == "2.1" and shown["stiffness"] == "4321"


def test_an_unknown_card_is_no_link():
    with pytest.raises(ValueError, match="unknown card 'missing'"):
        tables.model_table(pd.DataFrame([{**ROW, "card": "missing"}]))
