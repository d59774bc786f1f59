"""Every kind of bad file or option raises one clear line."""

import numpy as np
import pandas as pd
import pytest

from memneuro.device_fit import fit_device, read_measurement
from memneuro.device_fit.read import parse_criterion, parse_mapping


def saved(folder, text, name="device.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def sweep(points=60, resistance=1e5, header="voltage (V),current (A)"):
    voltage = np.concatenate([np.linspace(0, 0.5, points), np.linspace(0.5, 0, points)])
    rows = [f"{v:.6g},{v / resistance:.6g}" for v in voltage]
    return "\n".join([header, *rows]) + "\n"


def pulse_rows(on=1e-5, off=1e-9, rest="0.1"):
    rows = []
    for k in range(6):
        for step in range(40):
            level = "1.0" if 5 <= step < 30 else rest
            current = on if 12 + k <= step < 30 else off
            rows.append(f"{1e-4 * (40 * k + step):.6g},{level},{current:.4g}")
    return rows


CASES = {
    "no unit": ("voltage,current (A)\n" + "0.1,1e-9\n" * 30, "'voltage' has no unit; accepted: voltage \\(V\\)"),
    "unknown unit": ("voltage (furlong),current (A)\n0.1,1\n", "unknown unit 'furlong'; accepted: V, mV"),
    "too few readings": ("voltage (V),current (A)\n0.1,1e-9\n", "has 1 readings; accepted: at least 20"),
    "empty file": ("", "not a CSV table"),
    "no rows": ("voltage (V),current (A)\n", "holds no readings"),
    "nan": ("voltage (V),current (A)\n0.1,1e-9\n0.2,nan\n" + "0.3,1\n" * 30, "'nan' in line 3"),
    "word": ("voltage (V),current (A)\n0.1,hello\n" + "0.3,1\n" * 30, "'hello' in line 2"),
    "empty cell": ("voltage (V),current (A)\n0.1,\n" + "0.3,1\n" * 30, "an empty cell in line 2"),
    "time goes back": (
        "time (s),voltage (V),current (A)\n" + "".join(f"{t},0.1,1e-9\n" for t in [*range(25), 3, 30]),
        "time does not increase in line 27",
    ),
    "other columns": ("apples,pears\n1,2\n", "no known quantity; accepted: voltage and current"),
    "two of one": ("voltage (V),V (mV),current (A)\n1,2,3\n", "two columns hold the voltage"),
    "no switching": (sweep(resistance=1e9), "largest current 5e-10 A.*criterion of 1e-08 A|criterion of 1e-08 A"),
    "one sweep": (sweep(resistance=1e7), "has 1 threshold voltages; accepted: at least 3"),
    "two thresholds": ("threshold (V)\n0.2\n0.3\n", "has 2 threshold voltages; accepted: at least 3"),
    "delay without amplitude": ("delay (ms)\n1\n2\n", "delays need the amplitude"),
    "negative delay": ("amplitude (V),delay (ms)\n1,-1\n", "delay_s = -0.001 in line 2; accepted: above 0"),
    "few delays": ("amplitude (V),delay (ms)\n1,1\n1,2\n", "has 2 delays; accepted: at least 5"),
    "no width": ("amplitude (V),delay (ms)\n1,\n" + "1,0.1\n" * 6, "without a delay and without a width"),
    "both signs": ("amplitude (V),delay (ms)\n-1,0.1\n" + "1,0.1\n" * 6, "from -1 to 1 V; accepted: one sign"),
    "pulses never switch": (
        "\n".join(["time (s),voltage (V),current (A)", *pulse_rows(on=2e-9)]),
        "no pulse switches the device: the largest current is 2e-09 A",
    ),
    "pulses on at once": (
        "\n".join(["time (s),voltage (V),current (A)", *pulse_rows(off=1e-7)]),
        "starts with 1e-07 A, not below the criterion",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_bad_file_is_refused(tmp_path, case):
    text, message = CASES[case]
    with pytest.raises(ValueError, match=message) as error:
        fit_device(saved(tmp_path, text), out=tmp_path / "out")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_bad_options(tmp_path):
    good = saved(tmp_path, "threshold (V)\n" + "".join(f"0.{k}\n" for k in range(21, 29)))
    for options, message in (
        ({"criterion": "half"}, "criterion = 'half' for thresholds"),
        ({"template": "hopping_2e4d"}, "accepted: a device card of threshold"),
        ({"template": "unheard"}, "unknown card 'unheard'"),
        ({"model": "hopping"}, "model = 'hopping'"),
        ({"kind": "dreams"}, "kind = 'dreams'; accepted: sweeps"),
        ({"mapping": {"x": ("voltage", "V")}}, "no column 'x'"),
    ):
        with pytest.raises(ValueError, match=message):
            fit_device(good, out=tmp_path / "out", **options)
    swept = saved(tmp_path, sweep(), "sweep.csv")
    with pytest.raises(ValueError, match="criterion = -1"):
        fit_device(swept, out=tmp_path / "out", criterion=-1.0)
    with pytest.raises(FileNotFoundError):
        fit_device(tmp_path / "absent.csv")
    (tmp_path / "file").write_text("x")
    with pytest.raises(NotADirectoryError):
        fit_device(good, out=tmp_path / "file")


@pytest.mark.parametrize(
    "header", ["voltage (mV),current (uA)", "voltage_mV,current_uA", "Voltage [mV], Current [µA]", "V1,I1"]
)
def test_headers_give_units(tmp_path, header):
    path = saved(tmp_path, header + "\n" + "250,3\n" * 30)
    mapping = parse_mapping(["voltage=V1:mV", "current=I1:uA"]) if header == "V1,I1" else None
    table = read_measurement(path, mapping).table
    assert table["voltage_V"].iloc[0] == pytest.approx(0.25) and table["current_A"].iloc[0] == pytest.approx(3e-6)


def test_a_bad_mapping_is_refused():
    for text, message in (("V1", "accepted: QUANTITY=COLUMN:UNIT"), ("a=b:V", "names no quantity")):
        with pytest.raises(ValueError, match=message):
            parse_mapping([text])


def test_the_kind_is_told_by_the_columns(tmp_path):
    pulses = saved(tmp_path, "\n".join(["time (s),voltage (V),current (A)", *pulse_rows()]))
    assert read_measurement(pulses).kind == "pulses"
    assert read_measurement(saved(tmp_path, sweep())).kind == "sweeps"
    samples = pd.DataFrame({"threshold_voltage_V": [0.2, 0.3]})
    samples.to_csv(tmp_path / "samples.csv", index=False)
    assert read_measurement(tmp_path / "samples.csv").kind == "samples"


@pytest.mark.parametrize(
    ("text", "value"), [("10nA", 1e-8), ("0.1 uA", 1e-7), ("1e-8", 1e-8), ("2 µA", 2e-6), ("half", "half")]
)
def test_criteria_with_units(text, value):
    found = parse_criterion(text)
    assert found == (value if value == "half" else pytest.approx(value, rel=1e-12))


@pytest.mark.parametrize("text", ["", "third", "-1nA", "0", "1 V", "inf", "e"])
def test_other_criteria_are_refused(text):
    with pytest.raises(ValueError, match="accepted: a positive current such as 10nA"):
        parse_criterion(text)
