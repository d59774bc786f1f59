"""The published measurements arrive whole, and a damaged table is refused."""

import numpy as np
import pytest

from memneuro.experiment import target as measurements


@pytest.fixture
def damaged(monkeypatch, tmp_path):
    """Read the packaged table `name` with `old` replaced by `new`."""
    from importlib.resources import files

    def damage(name, old, new):
        text = (files("memneuro.experiment") / name).read_text(encoding="utf-8")
        assert old in text
        (tmp_path / name).write_text(text.replace(old, new, 1), encoding="utf-8")
        monkeypatch.setattr("memneuro.tables.files", lambda package: tmp_path)

    return damage


def test_the_21_rows_of_the_score():
    table = measurements.targets()
    scored = table[table["in_score"]]
    assert len(scored) == 21
    assert scored["figure"].value_counts().to_dict() == {
        "2e": 1,
        "3b": 5,
        "3c": 1,
        "3d": 3,
        "4ab": 6,
        "4d": 5,
    }
    assert scored["condition_value"].notna().all()
    assert set(scored["unit"]) == {"ms", "pulses", "probability"}
    assert set(table["reading"]) == {"stated", "read off plot", "press summary"}


def test_types():
    table = measurements.targets()
    assert table["in_score"].dtype == bool
    assert table["measured"].dtype == table["condition_value"].dtype == float
    assert (table.loc[table["unit"] == "probability", "measured"] <= 1).all()


def test_a_figure():
    table = measurements.target("4d")
    assert table["condition_value"].tolist() == [50, 100, 250, 500, 1000]
    assert table["measured"].tolist() == [2.25, 2.3, 4.0, 8.0, 23.8]
    assert table.index.tolist() == [0, 1, 2, 3, 4]


def test_an_unknown_figure_names_the_known_ones():
    with pytest.raises(ValueError, match="'5z'.*2e, 3b, 3d, 3c, 4ab, 4d, text"):
        measurements.target("5z")


def test_a_caller_cannot_change_the_table_for_the_next_one():
    table = measurements.targets()
    table["measured"] = 0.0
    assert (measurements.targets()["measured"] > 0).all()


def test_measured_devices():
    table = measurements.measured_devices().set_index("device")
    row = table.loc["Ag symmetric; positive polarity"]
    assert (row["high_resistance_low_ohm"], row["high_resistance_high_ohm"]) == (1.6e10, 3.5e10)
    assert (row["threshold_V_mean"], row["threshold_V_sd"], row["n"]) == (0.26, 0.015, 99)
    single = table.loc["AND-TS (Ag nanodots; HfO2)"]
    assert single["high_resistance_low_ohm"] == single["high_resistance_high_ohm"] == 1e12
    assert np.isnan(single["n"])


def test_compact_checks_have_one_row_for_each_condition():
    table = measurements.compact_checks()
    pulses = table[table["check"] == "pulses_to_fire"]
    assert dict(zip(pulses["condition_value"], pulses["value"], strict=True)) == {
        0.4: 46,
        0.6: 56,
        0.8: 65,
        1.0: 74,
        1.2: 83,
    }
    gains = table[table["check"] == "paired_pulse_gain"]
    assert gains["condition_value"].tolist() == [3, 30, 80, 200, 1000]
    assert set(gains["condition_unit"]) == {"ms"}
    train = table[table["condition"] == "Fig. 2e train"].iloc[0]
    assert train["value"] == 192.9 and np.isnan(train["condition_value"])
    statements = table[table["value"].isna()]
    assert statements["statement"].tolist() == ["never below 0.2 V"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("reading,in_score", "reading,score", "the columns must be"),
        ("stated,yes", "stated,maybe", "in_score must be yes or no, got 'maybe'"),
        ("0.8,V,88,ms", "0.8,V,-88,ms", "positive number; it is not in line 2"),
        ("0.8,V,88,ms", "0.8,V,,ms", "positive number; it is not in line 2"),
        ("0.8,V,88,ms", "0.8,V,many,ms", "column measured must hold numbers.*many"),
        ("0.8,V,88,ms", "high,V,88,ms", "column condition_value must hold numbers.*high"),
    ],
)
def test_damaged_targets_are_refused(damaged, old, new, said):
    damaged("zhao2025_targets.csv", old, new)
    with pytest.raises(ValueError, match=f"zhao2025_targets.csv: .*{said}"):
        measurements.targets()


def test_a_damaged_range_is_refused(damaged):
    damaged("devices_measured.csv", "1.6e10-3.5e10", "1.6e10 to 3.5e10")
    with pytest.raises(ValueError, match="1.6e10 to 3.5e10"):
        measurements.measured_devices()


def test_a_list_of_another_length_is_refused(damaged):
    damaged("compact_model_checks.csv", "46/56/65/74/83", "46/56/65/74")
    with pytest.raises(ValueError, match="4 values for 5 conditions"):
        measurements.compact_checks()
