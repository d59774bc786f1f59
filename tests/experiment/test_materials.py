"""The table of materials: what cards state, what they do, and the projections."""

import json
import math

import numpy as np
import pytest
from brian2 import ms, second

from memneuro import SourceMeter, card, card_names
from memneuro.cli import main
from memneuro.device.card import STATUS
from memneuro.device.materials import card_table, provenance, sources, stated_spread
from memneuro.experiment import materials as module
from memneuro.experiment.materials import (
    PULSES,
    Pulse,
    closing_energy,
    material_row,
    materials_markdown,
    materials_table,
)
from memneuro.experiment.projections import gate_area, projections, reading
from memneuro.experiment.target import measured_devices, target

#: A card whose sweep and pulse take few steps, and one whose voltages and times are in the card itself.
QUICK, SWITCH = "area_ag_symmetric", "vox_mott_2025"


@pytest.fixture(scope="module")
def quick():
    """The row of the quick card."""
    return material_row(SourceMeter(QUICK))


@pytest.fixture(scope="module")
def switch():
    """The row of the threshold switch."""
    return material_row(SourceMeter(SWITCH))


def test_every_device_card_has_a_row_with_source_material_and_all_its_numbers_counted():
    table = card_table().set_index("card")
    assert sorted(table.index) == card_names("device")
    for name, row in table.iterrows():
        given = card(name)
        assert row[list(STATUS)].sum() == len(given.parameters), name
        assert len(row["guessed"].split()) == row["chosen"], name
        for guessed in row["guessed"].split():
            assert given.parameters[guessed].status == "chosen"
        assert row["source"] and row["material"] and row["footprint_rule"], name
    assert set(table["measured"]) - {""} <= set(measured_devices()["device"])
    assert set(PULSES) <= set(table["measured"])


def test_a_changed_number_counts_as_guessed():
    given = card("hopping_2e4d")
    changed = given.with_(beta=1 / second)
    assert "beta" not in provenance(given)["guessed"].split()
    assert "beta" in provenance(changed)["guessed"].split()
    assert provenance(changed)["fitted"] == provenance(given)["fitted"] - 1


def test_sources_are_dois_or_words_and_the_spread_is_that_of_the_card():
    assert sources(card("compact_table1")) == "doi:10.1038/s41928-025-01488-x"
    assert "devices_measured.csv" in sources(card(SWITCH))
    assert stated_spread(card("compact_table1")) == ""
    assert "v_set_positive 0.038 volt between cycles" in stated_spread(card("and_ts"))
    assert "mu 1.01 (ln) between devices" in stated_spread(card("hopping_2e4d"))


@pytest.mark.slow
def test_a_row_has_the_simulation_beside_the_measurement(quick):
    assert quick["measured_threshold_V"] == 0.26 and quick["measured_hold_V"] == 0.012
    assert abs(quick["threshold_V"] - 0.26) < quick["measured_threshold_sd_V"]
    assert quick["hold_V"] == pytest.approx(0.012, rel=0.15)
    assert quick["r_off_ohm"] == pytest.approx(float(card(QUICK)["r_off"]))
    assert 0.02 < quick["threshold_cycle_spread"] < 0.12
    assert math.isnan(quick["threshold_device_spread"]) and "device spread: none in the card" in quick["remarks"]
    assert math.isnan(quick["measured_delay_ms"]) and math.isnan(quick["footprint_um2"])


@pytest.mark.slow
def test_an_empty_cell_has_a_reason(quick):
    """This device keeps its channel longer than it is watched."""
    assert math.isnan(quick["relaxation_ms"]) and "still closed 30 ms after the pulse" in quick["remarks"]


@pytest.mark.slow
def test_half_the_step_gives_the_same_pulse(quick):
    remarks = []
    meter = SourceMeter(QUICK)
    half = module._pulsed(meter, Pulse(), 0.5, 0, remarks)
    assert half["pulse_step_us"] == 0.5 * quick["pulse_step_us"]
    for column in ("delay_ms", "r_on_ohm", "closing_energy_pJ"):
        assert half[column] == pytest.approx(quick[column], rel=0.02), column
    assert all(remark in quick["remarks"] for remark in remarks)


@pytest.mark.slow
def test_the_delay_bounds_the_energy(quick):
    """Until it has closed, the device heats more than an open one and less than half as much as one at its lowest."""
    at_r = 1e12 * quick["delay_ms"] * 1e-3 * 1.0**2
    assert at_r / quick["r_off_ohm"] < quick["closing_energy_pJ"] < 0.55 * at_r / quick["r_on_ohm"]


@pytest.mark.slow
def test_a_threshold_switch_gives_back_its_card(switch):
    values = card(SWITCH).values()
    assert switch["threshold_V"] == pytest.approx(float(values["v_set_positive"]), abs=0.02)
    assert switch["hold_V"] == pytest.approx(float(values["v_hold_positive"]), abs=0.03)
    assert switch["threshold_V"] == pytest.approx(switch["measured_threshold_V"], abs=0.02)
    r_on, r_off = float(values["r_on"]), float(values["r_off"])
    assert switch["r_on_ohm"] == pytest.approx(1 / (1 / r_on + 1 / r_off), rel=0.01)
    relative = card(SWITCH).parameters["v_set_positive"].cycle_spread / float(values["v_set_positive"])
    assert switch["threshold_cycle_spread"] == pytest.approx(relative, rel=0.4)
    tau = float(card(SWITCH)["tau_set"] / ms)
    assert tau < switch["delay_ms"] < 5 * tau


@pytest.mark.slow
def test_half_the_step_gives_the_same_row(switch):
    half = material_row(SourceMeter(SWITCH), step_factor=0.5)
    for column in ("threshold_V", "hold_V", "delay_ms", "relaxation_ms", "r_on_ohm", "closing_energy_pJ"):
        assert half[column] == pytest.approx(switch[column], rel=0.05), column


@pytest.mark.slow
def test_the_heat_of_a_switch_grows_with_the_square_of_the_voltage():
    meter = SourceMeter(SWITCH)
    assert math.isnan(closing_energy(meter, Pulse(0.5, 0.001, after=0.001), meter.default_step))
    low, high = (closing_energy(meter, Pulse(v, 0.002, after=0.001), meter.default_step) for v in (1.0, 1.2))
    assert high == pytest.approx(low * 1.2**2, rel=0.02)


@pytest.mark.slow
def test_where_nothing_switches_the_cell_is_empty_and_says_why(monkeypatch):
    monkeypatch.setattr(module, "PEAKS", (0.05,))
    monkeypatch.setattr(module, "AMPLITUDES", (0.02,))
    row = material_row(SourceMeter("area_dc_symmetric"))
    for column in ("threshold_V", "hold_V", "delay_ms", "relaxation_ms", "r_on_ohm", "closing_energy_pJ"):
        assert math.isnan(row[column]), column
    assert row["closed"] == 0 and row["r_off_ohm"] > 0
    assert "sweeps to 0.05 V" in row["remarks"] and "open after 0.02 V" in row["remarks"]


def test_unknown_names_and_other_cards_are_refused(capsys):
    with pytest.raises(ValueError, match="unknown card 'hoping'"):
        materials_table(["hoping"])
    with pytest.raises(ValueError, match="describes a circuit"):
        materials_table(["discrete_2025"])
    assert main(["materials", "hoping"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("memneuro: error: unknown card 'hoping'")


def test_out_must_be_a_folder(capsys, tmp_path):
    taken = tmp_path / "file"
    taken.write_text("", encoding="utf-8")
    assert main(["materials", QUICK, "--out", str(taken)]) == 2
    assert str(taken) in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_gives_json_and_files(monkeypatch, capsys, tmp_path, quick):
    monkeypatch.setattr(module, "material_row", lambda meter, **options: quick)
    assert main(["materials", QUICK, "--json", "--out", str(tmp_path)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"devices", "projections"} and found["projections"] == []
    (device,) = found["devices"]
    assert device["card"] == QUICK and device["threshold_V"] == quick["threshold_V"]
    assert device["threshold_device_spread"] is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["materials.csv", "materials.md"]


@pytest.mark.slow
def test_markdown_has_simulated_values_and_measured_ones_in_brackets(quick):
    import pandas as pd

    text = materials_markdown(pd.DataFrame([quick]))
    lines = text.splitlines()
    assert {line.count("|") for line in lines[:3]} == {12}
    assert f"{quick['threshold_V']:.3g} (0.26)" in text and "nan" not in text


def test_the_gate_area_is_the_plate_capacitor():
    """10 pF at 34.5 fF/um2 (SiO2 of 1 nm)."""
    assert gate_area("discrete_2025") * 1e12 == pytest.approx(10e-12 / 34.53e-15, rel=1e-3)
    assert gate_area("projected_3nm") < 1e-9 * 1e-6


def row_of(**changes):
    return {
        "response": "fires",
        "published_pJ": 1.0,
        "at_input_pJ": 1.0,
        "gate_charging_pJ": 1.0,
        "source_pJ": 2.0,
        "supply_pJ": 1000.0,
    } | changes


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "reached by the charging of the gate only"),
        ({"source_pJ": 1.1}, "the source reaches the published energy"),
        ({"gate_charging_pJ": 5.0, "source_pJ": 10.0}, "the published energy is not reached"),
        ({"response": "silent"}, "does not fire"),
        ({"response": "latches"}, "latches after its first spikes"),
        ({"published_pJ": np.nan}, "for another input"),
    ],
)
def test_a_projection_says_whether_the_published_energy_is_reached(changes, said):
    assert said in reading(row_of(**changes))


def test_no_projection_belongs_to_other_devices():
    assert projections([QUICK]).empty


@pytest.mark.slow
def test_the_projections_stand_beside_the_published_energies():
    table = projections()
    energies = target("text").query("experiment == 'energy'")["measured"]
    assert set(table["published_pJ"].dropna()) == set(energies)
    assert set(table["circuit"]) == {"discrete_2025", "integrated_65nm", "projected_3nm"}
    fired = table[table["response"] != "silent"]
    assert (fired["source_pJ"] > fired["gate_charging_pJ"]).all()
    assert (fired["whole_pJ"] > fired["source_pJ"]).all()
    assert table["published_area_um2"].dropna().unique().tolist() == [4.0]
    assert (table["reading"] != "").all()


@pytest.mark.slow
def test_the_whole_table():
    table = materials_table().set_index("card")
    assert sorted(table.index) == card_names("device")
    assert table.loc[list(module.SLOW), "remarks"].str.startswith("not simulated").all()
    # A slow sweep gives a switch of a tenth of a microsecond time to open above its hold voltage.
    table.loc["and_ts", "measured_hold_V"] = np.nan
    for simulated, measured, tolerance in (
        ("threshold_V", "measured_threshold_V", 0.1),
        ("hold_V", "measured_hold_V", 0.2),
        ("delay_ms", "measured_delay_ms", 0.35),
        ("relaxation_ms", "measured_relaxation_ms", 0.35),
    ):
        both = table[[simulated, measured]].dropna()
        assert len(both) >= 2
        np.testing.assert_allclose(both[simulated], both[measured], rtol=tolerance)
    for column in ("threshold_V", "r_on_ohm", "delay_ms", "relaxation_ms", "closing_energy_pJ"):
        empty = table[table[column].isna()]
        assert (empty["remarks"] != "").all()
    assert (table["r_off_ohm"] > table["r_on_ohm"])[table["r_on_ohm"].notna()].all()
