"""Loading CSV tables and Igor waves, and what every format has in common: each value is right, each fault is named."""

import struct
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from brian2 import ms, mV, pA

from memneuro.biology import (
    CoarseSampling,
    RecordingUnavailable,
    UnusableRecording,
    fi_table,
    load,
    step_windows,
)

DT = 1e-4
N = 6000
START, END = 1000, 5000


def spike(at: int) -> np.ndarray:
    """A spike of 80 mV and 1 ms, with its peak at one sample."""
    return 80.0 * np.exp(-(((np.arange(N) - at) / 5.0) ** 2))


def step(amplitude: float, peaks: tuple[int, ...] = ()) -> tuple[np.ndarray, np.ndarray]:
    """Voltage in mV and current in pA of one sweep with a step and spikes."""
    current = np.zeros(N)
    current[START:END] = amplitude
    voltage = -70.0 + 0.1 * current
    for at in peaks:
        voltage = voltage + spike(at)
    return voltage, current


SWEEPS = [step(0.0), step(50.0, (2000,)), step(100.0, (1500, 2500, 3500, 4500))]


def table(path: Path, sweeps=SWEEPS, header="sweep,time_s,voltage_mV,current_pA", scale=(1.0, 1.0, 1.0), dt=DT) -> Path:
    """Write sweeps as a CSV table, with the columns in the order sweep, time, voltage, current."""
    rows = [
        f"{k},{scale[0] * j * dt:.8g},{scale[1] * v:.6f},{scale[2] * i:.6f}"
        for k, (voltage, current) in enumerate(sweeps)
        for j, (v, i) in enumerate(zip(voltage, current, strict=True))
    ]
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def check_sweeps(recording, tolerance_mv=1e-3):
    assert len(recording.sweeps) == len(SWEEPS)
    assert float(recording.sampling_interval / ms) == pytest.approx(0.1)
    for sweep, (voltage, current) in zip(recording.sweeps, SWEEPS, strict=True):
        assert np.allclose(sweep.voltage / mV, voltage, atol=tolerance_mv)
        assert np.allclose(sweep.current / pA, current, atol=1e-3)
        assert np.allclose(sweep.time / ms, 0.1 * np.arange(N))


# ------------------------------------------------------------------------------------------------ CSV


@pytest.mark.parametrize(
    ("header", "scale"),
    [
        ("sweep,time_s,voltage_mV,current_pA", (1, 1, 1)),
        ("sweep,time (ms),Vm (mV),I (nA)", (1e3, 1, 1e-3)),
        ("sweep,t [us],soma_membrane_V,injected_uA", (1e6, 1e-3, 1e-6)),
        ("sweep, s, mV, A", (1, 1, 1e-12)),
    ],
)
def test_a_table_in_any_unit_and_style_of_header(tmp_path, header, scale):
    rows = table(tmp_path / "cell.csv", header=header).read_text().splitlines()[1:]
    scaled = [
        f"{k},{float(t) * scale[0]!r},{float(v) * scale[1]!r},{float(i) * scale[2]!r}"
        for k, t, v, i in map(lambda row: row.split(","), rows)
    ]
    path = tmp_path / "scaled.csv"
    path.write_text("\n".join(["# recorded yesterday", header, *scaled]) + "\n")
    recording = load(path)
    check_sweeps(recording)
    assert recording.current_source == "recorded"
    assert recording.protocol == "unknown"
    assert load(str(path), protocol="steps").protocol == "steps"


def test_columns_are_chosen_by_unit_although_their_names_are_exchanged(tmp_path):
    check_sweeps(load(table(tmp_path / "cell.csv", header="sweep,current_s,I_mV,Vm_pA")))


def test_a_table_without_a_column_sweep_is_one_sweep(tmp_path):
    path = table(tmp_path / "cell.csv", SWEEPS[1:2])
    path.write_text("\n".join(line.split(",", 1)[1] for line in path.read_text().splitlines()))
    recording = load(path)
    assert len(recording.sweeps) == 1
    assert np.allclose(recording.sweeps[0].voltage / mV, SWEEPS[1][0], atol=1e-3)


def test_sweeps_can_be_chosen(tmp_path):
    path = table(tmp_path / "cell.csv")
    recording = load(path, sweeps=[2, 0])
    assert [float(np.max(sweep.current) / pA) for sweep in recording.sweeps] == pytest.approx([0, 100])
    with pytest.raises(UnusableRecording, match=r"no sweeps \[7\]; it has 0, 1, 2"):
        load(path, sweeps=[0, 7])
    with pytest.raises(UnusableRecording, match="no sweep .* is asked for; it has 0, 1, 2"):
        load(path, sweeps=[])


def test_responses_without_spikes_with_one_and_with_several(tmp_path):
    """What the table of responses says where there is nothing to measure is zero or NaN, never an error."""
    recording = load(table(tmp_path / "cell.csv"))
    ((start, end),) = step_windows(recording)
    assert (float(start / ms), float(end / ms)) == pytest.approx((100, 500))
    none, one, four = fi_table(recording).to_dict("records")
    assert (none["spikes"], none["rate_hz"]) == (0, 0.0)
    assert all(np.isnan(none[key]) for key in ("latency_ms", "isi_mean_ms", "isi_cv", "adaptation_index"))
    assert (one["spikes"], one["rate_hz"]) == (1, pytest.approx(2.5))
    assert one["latency_ms"] == pytest.approx(100, abs=0.11)
    assert all(np.isnan(one[key]) for key in ("isi_mean_ms", "isi_cv", "adaptation_index"))
    assert (four["spikes"], four["isi_mean_ms"]) == (4, pytest.approx(100, abs=0.11))
    assert four["latency_ms"] == pytest.approx(50, abs=0.11)


def test_a_table_without_current(tmp_path):
    path = table(tmp_path / "cell.csv", header="sweep,time_s,voltage_mV,current")
    with pytest.raises(UnusableRecording, match="0 columns in a unit of current among .*current; needed is one each"):
        load(path)


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("sweep,time_s,voltage_counts,current_pA", "0 columns in a unit of voltage"),
        ("sweep,time_s,voltage_dB,current_pA", "0 columns in a unit of voltage"),
        ("sweep,time,voltage_mV,current_pA", "0 columns in a unit of time"),
        ("sweep,time_s,voltage_mV,command_mV", "2 columns in a unit of voltage"),
    ],
)
def test_a_unit_that_is_missing_unknown_or_there_twice(tmp_path, header, kind):
    with pytest.raises(UnusableRecording, match=f"{kind} among .*such as time_s, voltage_mV and 'current"):
        load(table(tmp_path / "cell.csv", header=header))


def test_a_voltage_whose_unit_is_wrong(tmp_path):
    path = table(tmp_path / "cell.csv", header="sweep,time_s,voltage_V,current_pA")
    with pytest.raises(UnusableRecording, match="sweep 0, has a voltage of -70 V; accepted is at most 1 V"):
        load(path)


def test_a_current_whose_unit_is_wrong(tmp_path):
    path = table(tmp_path / "cell.csv", header="sweep,time_s,voltage_mV,current_uA")
    with pytest.raises(UnusableRecording, match="sweep 1, has a current of 5e-05 A; accepted is at most 1e-06 A"):
        load(path)


def test_an_irregular_time(tmp_path):
    lines = table(tmp_path / "cell.csv", SWEEPS[:1]).read_text().splitlines()
    path = tmp_path / "gap.csv"
    path.write_text("\n".join(lines[:501] + lines[502:]))  # one row lost
    with pytest.raises(UnusableRecording, match="sweep 0, is not regularly sampled: from sample 499 .* 0.0002 s pass"):
        load(path)
    path.write_text("\n".join([lines[0], *reversed(lines[1:])]))
    with pytest.raises(UnusableRecording, match="not regularly sampled.*times that increase"):
        load(path)


def test_time_may_go_on_from_sweep_to_sweep(tmp_path):
    head, *lines = table(tmp_path / "cell.csv").read_text().splitlines()
    rows = [line.split(",") for line in lines]
    path = tmp_path / "continuous.csv"
    path.write_text("\n".join([head, *(f"{k},{float(t) + 0.9 * int(k):.4f},{v},{i}" for k, t, v, i in rows)]))
    check_sweeps(load(path))


@pytest.mark.parametrize(("dt", "rate"), [(1e-1, "10 Hz"), (2e-3, "500 Hz"), (1e-7, "1e\\+07 Hz")])
def test_a_sampling_rate_at_which_there_are_no_spikes_to_see(tmp_path, dt, rate):
    with pytest.raises(UnusableRecording, match=f"at {rate}; accepted are 1000 to 1e\\+06 Hz"):
        load(table(tmp_path / "cell.csv", dt=dt))


def test_a_coarse_sampling_rate_brings_a_warning_and_a_usual_one_none(tmp_path):
    with pytest.warns(CoarseSampling, match="sampled at 2000 Hz; below 5000 Hz"):
        assert float(load(table(tmp_path / "coarse.csv", dt=5e-4)).sampling_interval / ms) == pytest.approx(0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load(table(tmp_path / "fine.csv", dt=2e-4))


@pytest.mark.parametrize(("column", "kind"), [(2, "voltage"), (3, "current")])
@pytest.mark.parametrize("value", ["", "nan", "inf"])
def test_samples_that_are_not_finite(tmp_path, column, kind, value):
    lines = table(tmp_path / "cell.csv").read_text().splitlines()
    for row in (N + 5, N + 6):
        cells = lines[row].split(",")
        cells[column] = value
        lines[row] = ",".join(cells)
    path = tmp_path / "cell.csv"
    path.write_text("\n".join(lines))
    with pytest.raises(UnusableRecording, match=f"sweep 1, has 2 of {N} {kind} samples that are not finite"):
        load(path)
    assert len(load(path, sweeps=[0, 2]).sweeps) == 2


def test_a_time_that_is_not_a_number(tmp_path):
    text = table(tmp_path / "cell.csv", SWEEPS[:1]).read_text()
    path = tmp_path / "cell.csv"
    path.write_text(text.replace("\n0,0.01,", "\n0,,", 1))
    with pytest.raises(UnusableRecording, match=f"sweep 0, has 1 of {N} times that are not finite"):
        load(path)
    path.write_text(text.replace("\n0,0.01,", "\n0,soon,", 1))
    with pytest.raises(UnusableRecording, match="'soon' in its column time_s; accepted are numbers"):
        load(path)


def test_sweeps_that_are_not_numbered(tmp_path):
    text = table(tmp_path / "cell.csv", SWEEPS[:1]).read_text()
    path = tmp_path / "cell.csv"
    path.write_text(text.replace("\n0,0.01,", "\n0.5,0.01,", 1))
    with pytest.raises(UnusableRecording, match="not whole numbers in its column sweep"):
        load(path)


def test_sweeps_of_different_lengths_are_named_and_can_be_chosen(tmp_path):
    lines = table(tmp_path / "cell.csv").read_text().splitlines()
    path = tmp_path / "short.csv"
    path.write_text("\n".join(lines[: 2 * N + 1] + lines[2 * N + 1 : 2 * N + 4001]))
    with pytest.raises(UnusableRecording, match="sweeps 0, 1 have 6000 samples at 10000 Hz; sweeps 2 have 4000 sam"):
        load(path)
    assert len(load(path, sweeps=[2]).sweeps[0].time) == 4000
    path.write_text("\n".join(lines[: N + 2]))
    with pytest.raises(UnusableRecording, match="sweep 1, has 1 samples; at least 2"):
        load(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"\n\n", "cannot be read as a CSV table"),
        (b"time_s,voltage_mV,current_pA\n", "no row"),
        (b"\xff\xfe\x00\x01" * 50, "cannot be read as a CSV table"),
        (b"a,b\n1,2\n1,2,3,4\n", "cannot be read as a CSV table"),
    ],
)
def test_an_empty_file_and_one_that_is_no_table(tmp_path, content, message):
    path = tmp_path / "cell.csv"
    path.write_bytes(content)
    with pytest.raises(UnusableRecording, match=message):
        load(path)


# ----------------------------------------------------------------------------------- every format


@pytest.mark.parametrize("ending", ["abf", "nwb", "csv", "ibw"])
def test_an_empty_file_of_every_format(tmp_path, ending):
    path = tmp_path / f"cell.{ending}"
    path.touch()
    with pytest.raises(UnusableRecording, match=r"0 bytes\) is damaged, truncated or of another kind: it is empty"):
        load(path)
    with pytest.raises(RecordingUnavailable, match="there is no file"):
        load(tmp_path / f"another.{ending}")


def test_an_unknown_format_names_those_that_are_read(tmp_path):
    path = tmp_path / "cell.smr"
    path.write_bytes(b"\x01" * 100)
    for name in (path, str(path)):
        with pytest.raises(UnusableRecording, match="unknown format '.smr'; accepted are .abf, .nwb, .csv, .ibw"):
            load(name)


def test_a_second_file_goes_with_igor_waves_only(tmp_path):
    path = table(tmp_path / "cell.csv")
    with pytest.raises(UnusableRecording, match="current= goes with an .ibw file"):
        load(path, current=path)


def test_without_the_reader_of_a_format_the_error_says_what_to_install(tmp_path):
    """In a Python in which both are blocked in the way that Python itself marks what it must not import."""
    files = [tmp_path / "cell.nwb", tmp_path / "cell.ibw"]
    for file in files:
        file.write_bytes(b"\x00" * 1000)
    code = f"""
import sys
sys.modules["pynwb"] = sys.modules["igor2"] = None
from memneuro.biology import load
for path, more in (({str(files[0])!r}, {{}}), ({str(files[1])!r}, {{"current": {str(files[1])!r}}})):
    try:
        load(path, **more)
    except ImportError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    nwb, ibw = done.stdout.splitlines()
    assert nwb == 'NWB files are read by pynwb, which is not installed: pip install "memneuro[nwb]"'
    assert ibw == 'Igor waves are read by igor2, which is not installed: pip install "memneuro[nwb]"'


def test_sweeps_of_an_abf_file_can_be_chosen(recorded):
    whole = recorded("raphe/DRN159")
    part = load("raphe/DRN159", sweeps=[3, 5])
    assert len(part.sweeps) == 2
    assert np.array_equal(part.sweeps[1].voltage, whole.sweeps[5].voltage)
    with pytest.raises(UnusableRecording, match=r"no sweeps \[13\]"):
        load("raphe/DRN159", sweeps=[13])


# ------------------------------------------------------------------------------------- Igor waves


def write_ibw(path: Path, values: np.ndarray, unit: str, dt: float = DT, time_unit: str = "s") -> Path:
    """Write a version 5 Igor binary wave of double precision with the given units."""
    data = np.asfortranarray(values, dtype="<f8")
    wave = bytearray(320)
    shape = [*data.shape, 0, 0, 0][:4]
    for code, position, value in (
        ("i", 12, data.size),
        ("h", 16, 4),  # double precision
        ("h", 26, 1),
        ("32s", 28, b"wave0"),
        ("4i", 68, shape),
        ("4d", 84, [dt, 1.0, 1.0, 1.0]),
        ("4s", 148, unit.encode("latin-1")),
        ("4s", 152, time_unit.encode("latin-1")),
    ):
        struct.pack_into("<" + code, wave, position, *(value if isinstance(value, list) else [value]))
    header = bytearray(64)
    struct.pack_into("<h", header, 0, 5)
    struct.pack_into("<i", header, 4, len(wave) + data.nbytes)
    total = int(np.frombuffer(bytes(header + wave), dtype="<i2").astype(np.int64).sum())
    struct.pack_into("<H", header, 2, -total % 2**16)
    path.write_bytes(bytes(header + wave) + data.tobytes(order="F"))
    return path


@pytest.fixture
def waves(tmp_path):
    """Write voltage and current as a pair of Igor waves, one column per sweep."""
    pytest.importorskip("igor2")

    def write(voltage_unit="mV", current_unit="pA", scale=(1.0, 1.0), **more):
        voltage, current = (np.array(column).T for column in zip(*SWEEPS, strict=True))
        return (
            write_ibw(tmp_path / "v.ibw", scale[0] * voltage, voltage_unit, **more),
            write_ibw(tmp_path / "i.ibw", scale[1] * current, current_unit, **more),
        )

    return write


def test_a_pair_of_igor_waves(waves):
    voltage, current = waves()
    recording = load(voltage, current=current)
    check_sweeps(recording)
    assert recording.current_source == "recorded"
    assert len(load(str(voltage), current=str(current), sweeps=[1]).sweeps) == 1


def test_igor_waves_in_other_units_and_the_other_order(waves):
    voltage, current = waves("V", "nA", scale=(1e-3, 1e-3), dt=0.1, time_unit="ms")
    check_sweeps(load(current, current=voltage))


def test_an_igor_wave_of_one_sweep(tmp_path):
    pytest.importorskip("igor2")
    voltage = write_ibw(tmp_path / "v.ibw", SWEEPS[1][0], "mV")
    current = write_ibw(tmp_path / "i.ibw", SWEEPS[1][1], "pA")
    (sweep,) = load(voltage, current=current).sweeps
    assert np.allclose(sweep.voltage / mV, SWEEPS[1][0])
    assert np.allclose(sweep.current / pA, SWEEPS[1][1])


def test_an_igor_wave_alone_has_no_current(waves):
    voltage, _ = waves()
    with pytest.raises(UnusableRecording, match="no current: an Igor wave holds one quantity.*current='current.ibw'"):
        load(voltage)
    with pytest.raises(RecordingUnavailable, match="there is no file '.*missing.ibw'"):
        load(voltage, current=voltage.with_name("missing.ibw"))


@pytest.mark.parametrize(("first", "second_"), [("", "pA"), ("mV", "mV"), ("dB", "pA"), ("mV", "s")])
def test_igor_waves_in_units_that_do_not_tell(waves, first, second_):
    voltage, current = waves(first, second_)
    with pytest.raises(UnusableRecording, match=f"units '{first}' and '{second_}'; needed is one in a unit of vol"):
        load(voltage, current=current)


def test_igor_waves_that_do_not_go_together(waves, tmp_path):
    voltage, current = waves()
    with pytest.raises(UnusableRecording, match=r"shape \(6000, 3\), the current \(6000, 1\)"):
        load(voltage, current=write_ibw(tmp_path / "other.ibw", SWEEPS[0][1], "pA"))
    every_other = np.array([i for _, i in SWEEPS]).T
    with pytest.raises(UnusableRecording, match="sampled every 0.0001 and 0.0002 s"):
        load(voltage, current=write_ibw(tmp_path / "other.ibw", every_other, "pA", dt=2e-4))


def test_igor_waves_without_a_sampling_interval_in_time(waves):
    voltage, current = waves(time_unit="Hz")
    with pytest.raises(UnusableRecording, match="a wave over 'Hz'; accepted is a unit of time"):
        load(voltage, current=current)
    for dt in (0.0, -1e-4, float("nan")):
        voltage, current = waves(dt=dt)
        with pytest.raises(UnusableRecording, match="accepted are 1000 to 1e|and they are sampled every nan"):
            load(voltage, current=current)


@pytest.mark.parametrize("kept", [10, 200, 3000])
def test_a_truncated_igor_wave(waves, kept):
    voltage, current = waves()
    current.write_bytes(current.read_bytes()[:kept])
    with pytest.raises(UnusableRecording, match=f"i.ibw' \\({kept} bytes\\) cannot be read as an Igor binary wave"):
        load(voltage, current=current)


def test_an_igor_wave_with_a_gap(waves, tmp_path):
    voltage, current = waves()
    values = np.array([v for v, _ in SWEEPS]).T
    values[17, 2] = np.nan
    write_ibw(voltage, values, "mV")
    with pytest.raises(UnusableRecording, match="sweep 2, has 1 of 6000 voltage samples that are not finite"):
        load(voltage, current=current)
