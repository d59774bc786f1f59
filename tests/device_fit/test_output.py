"""A file becomes a card that a neuron runs with, a table, a figure and a report."""

import json
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from memneuro import SourceMeter
from memneuro.cli import main
from memneuro.device.card import read_card
from memneuro.device_fit import fit_device, fit_device_text
from memneuro.tables import jsonable

spec = spec_from_file_location("synthetic", Path(__file__).with_name("synthetic.py"))
synthetic = module_from_spec(spec)
spec.loader.exec_module(synthetic)

FILES = {"card.toml", "parameters.csv", "points.csv", "line.csv", "fit.png", "report.md"}


def test_sweeps_in_a_file_become_a_card_that_runs(tmp_path):
    (one,), truth, spread = synthetic.sweeps(1, 12, 2)
    table = pd.DataFrame(
        {
            "time (ms)": 1e3 * one.table["time_s"],
            "voltage (mV)": 1e3 * one.table["voltage_V"],
            "current (uA)": 1e6 * one.table["current_A"],
        }
    )
    table.to_csv(tmp_path / "mine.csv", index=False)
    result = fit_device(tmp_path / "mine.csv", out=tmp_path / "out")
    assert set(result["files"]) == FILES == {path.name for path in (tmp_path / "out").iterdir()}
    assert result["model"] == "threshold" and result["card"] == "mine"
    made = read_card(result["files"]["card.toml"])
    for name in truth:
        entry = made.parameters[name]
        assert entry.status == "fitted" and "mine.csv" in entry.source
        assert entry.interval[0] <= entry.value <= entry.interval[1]
        assert entry.value == pytest.approx(truth[name][0], rel=0.15)
    assert made.parameters["v_set_positive"].cycle_spread == pytest.approx(spread["v_set_positive"][0], rel=0.6)
    assert made.parameters["tau_set"].status == "chosen" and "tau_set" in result["undetermined"]
    assert SourceMeter(made).group(2, drive=0.1 * synthetic.volt).N == 2
    json.dumps(jsonable(result), allow_nan=False)
    text = fit_device_text(result)
    assert "v_set_positive" in text and "not determined" in text
    assert "Lilliefors" in Path(result["files"]["report.md"]).read_text()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("seed", "said"), [(0, "no pulse relaxes below 1/e in the model"), (2, "hardly that of the hopping model")]
)
def test_a_device_of_another_kind_is_fitted_with_a_word_of_warning(tmp_path, seed, said):
    """It closes and opens at once, to 1 Mohm with 2 % of noise, 2 ms after the pulse."""
    random = np.random.default_rng(seed)
    rows = []
    for level, mean in ((0.8, 4.0), (0.9, 2.0), (1.0, 1.0)) * 6:
        delay, opens = min(random.exponential(mean) + 0.5, 14), 15 + random.normal(2, 0.2)
        for time in np.arange(-5, 25, 0.1):  # ms
            volts = level if 0 <= time < 15 else 0.05
            ohms = 1e6 / (1 + 0.02 * random.normal()) if delay < time < opens else 1e11
            rows.append((1e-4 * len(rows), volts, volts / ohms))
    table = pd.DataFrame(rows, columns=["time (s)", "voltage (V)", "current (A)"])
    table.to_csv(tmp_path / "switch.csv", index=False)
    result = fit_device(tmp_path / "switch.csv", out=tmp_path / "out", template="hopping_2e4d")
    text = fit_device_text(result)
    assert "of 18 pulses: in the others the gap" in text
    assert said in text


def test_the_same_switches_seen_at_the_compliance_leave_the_on_resistance_open(tmp_path):
    (one,), truth, _ = synthetic.sweeps(1, 6, 3)
    table = one.table.assign(current_A=one.table["current_A"].clip(-2e-8, 2e-8))
    table.to_csv(tmp_path / "limited.csv", index=False)
    result = fit_device(tmp_path / "limited.csv", out=tmp_path / "out")
    assert "at the compliance; it is at most" in result["undetermined"]["r_on"]
    fitted = {row["parameter"]: row["value"] for row in result["parameters"] if row["kind"] == "value"}
    assert "r_on" not in fitted and fitted["v_set_positive"] == pytest.approx(truth["v_set_positive"][0], rel=0.2)


def test_delays_in_a_file_become_a_card_that_runs(tmp_path):
    rng = np.random.default_rng(1)
    amplitude = np.repeat([0.8, 0.9, 1.0, 1.1], 15)
    # ln(delay) falls by 1/v_hop per volt, far above the threshold.
    delay_ms = 0.05 * np.exp(-(amplitude - 1) / 0.08 + 0.3 * rng.normal(size=amplitude.size))
    pd.DataFrame({"amplitude_V": amplitude, "delay (ms)": delay_ms}).to_csv(tmp_path / "delays.csv", index=False)
    result = fit_device(tmp_path / "delays.csv", out=tmp_path / "out", template="hopping_2e4d")
    fitted = {row["parameter"]: row for row in result["parameters"]}
    assert set(fitted) == {"mu", "v_hop", "sigma_tip"}
    assert fitted["v_hop"]["low"] < 0.08 < fitted["v_hop"]["high"]
    assert fitted["sigma_tip"]["value"] / fitted["v_hop"]["value"] == pytest.approx(0.3, rel=0.3)
    assert {"r_on", "r_off", "gamma1", "tau_tip"} <= set(result["undetermined"])
    assert result["goodness"]["chi2_freedom"] == 2 and 0 < result["goodness"]["chi2_p"] <= 1
    line = pd.read_csv(result["files"]["line.csv"])
    assert (line["low_s"] < line["median_s"]).all() and (line["median_s"] < line["high_s"]).all()
    middle = np.exp(np.interp(1.0, line["amplitude_V"], np.log(line["median_s"])))
    assert middle == pytest.approx(5e-5, rel=0.25)
    made = read_card(result["files"]["card.toml"])
    assert SourceMeter(made).group(2, drive=0.1 * synthetic.volt).N == 2


def test_a_file_of_pulses_is_fitted_whole(tmp_path):
    (one,), truth = synthetic.pulses(1, 8, 5, width=4e-3)
    one.table.to_csv(tmp_path / "pulses.csv", index=False)
    result = fit_device(tmp_path / "pulses.csv", out=tmp_path / "out")
    again = fit_device(tmp_path / "pulses.csv", out=tmp_path / "out")
    assert result["parameters"] == again["parameters"]
    assert {row["parameter"] for row in result["parameters"]} >= {"mu", "v_hop", "sigma_tip", "r_on", "r_off"}
    assert "gamma1" in result["undetermined"] or any(row["parameter"] == "gamma1" for row in result["parameters"])


def test_nothing_is_left_behind_by_a_bad_file(tmp_path):
    (tmp_path / "bad.csv").write_text("voltage (V),current (A)\n0,0\n")
    with pytest.raises(ValueError, match="accepted: at least 20"):
        fit_device(tmp_path / "bad.csv", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_criterion_and_the_kind_are_options_of_the_command(tmp_path, capsys):
    (one,), truth, _ = synthetic.sweeps(1, 8, 5)
    one.table.to_csv(tmp_path / "device.csv", index=False)
    command = ["fit-device", str(tmp_path / "device.csv"), "--out", str(tmp_path / "out"), "--json"]
    fitted = {}
    for criterion in ("10nA", "1e-7"):
        assert main([*command, "--criterion", criterion, "--kind", "sweeps"]) == 0
        rows = json.loads(capsys.readouterr().out.splitlines()[-1])["parameters"]
        fitted[criterion] = {row["parameter"]: row["value"] for row in rows if row["kind"] == "value"}
        # The fit knows at which current a sweep is read: the voltages of the model hardly depend on it.
        assert fitted[criterion]["v_set_positive"] == pytest.approx(truth["v_set_positive"][0], rel=0.15)
    assert fitted["10nA"] != fitted["1e-7"]
    for wrong, said in (("half", "criterion = 'half' for thresholds"), ("1 V", "accepted: a positive current")):
        assert main([*command, "--criterion", wrong]) == 2
        assert said in capsys.readouterr().err
