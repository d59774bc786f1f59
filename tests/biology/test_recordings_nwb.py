"""Loading NWB files in the layouts of the Allen Cell Types Database, written here with pynwb and h5py."""

import datetime
from pathlib import Path

import numpy as np
import pytest
from brian2 import Mohm, amp, ms, mV, pA

from memneuro.biology import UnusableRecording, fi_summary, fi_table, load

pynwb = pytest.importorskip("pynwb")
h5py = pytest.importorskip("h5py")

from pynwb.icephys import (  # noqa: E402
    CurrentClampSeries,
    CurrentClampStimulusSeries,
    IZeroClampSeries,
    VoltageClampSeries,
    VoltageClampStimulusSeries,
)

RATE = 20_000.0
N = 8_000
START, END = 2_000, 6_000  # the step, 0.2 s
AMPLITUDES = (-50.0, 50.0, 100.0)
PEAKS = {-50.0: (), 50.0: (3000,), 100.0: (2500, 3500, 4500, 5500)}


def sweep(amplitude: float, points: int = N) -> tuple[np.ndarray, np.ndarray]:
    """Voltage in volts and current in amperes: a test pulse, then a step with spikes."""
    current = np.zeros(points)
    current[200:400] = -20.0
    current[START:END] = amplitude
    voltage = -70.0 + 0.1 * current
    for at in PEAKS.get(amplitude, ()):
        voltage = voltage + 80.0 * np.exp(-(((np.arange(points) - at) / 10.0) ** 2))
    return voltage * 1e-3, current * 1e-12


class Writer:
    """One NWB 2 file with one electrode, to which current-clamp sweeps are added."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.nwb = pynwb.NWBFile(
            "a cell in a slice", "cell-1", datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), session_id="1"
        )
        self.device = self.nwb.create_device(name="amplifier")
        self.electrode = self.nwb.create_icephys_electrode(
            name="Electrode 0", device=self.device, description="whole cell"
        )

    def add(
        self,
        number,
        amplitude=0.0,
        protocol="Long Square",
        *,
        stimulus=True,
        scale=(1.0, 1.0),
        points=N,
        stimulus_points=None,
        clock=None,
        electrode=None,
        name=None,
        voltage=None,
        **more,
    ):
        """Add response and stimulus; `scale` is what the stored numbers are multiplied with on reading."""
        volts, amperes = sweep(amplitude, points)
        volts = volts if voltage is None else voltage
        stem = f"data_{len(self.nwb.acquisition):05d}" if name is None else name
        common = {
            "electrode": electrode or self.electrode,
            "stimulus_description": protocol,
            **({"rate": RATE} if clock is None else clock),
            **({} if number is None else {"sweep_number": np.uint32(number)}),
        }
        response = CurrentClampSeries(
            name=f"{stem}_AD0", data=volts / scale[0], conversion=scale[0], gain=1.0, **common, **more
        )
        self.nwb.add_acquisition(response, use_sweep_table=False)
        if not stimulus:
            return response, None
        given = CurrentClampStimulusSeries(
            name=f"{stem}_DA0", data=amperes[:stimulus_points] / scale[1], conversion=scale[1], gain=1.0, **common
        )
        self.nwb.add_stimulus(given, use_sweep_table=False)
        return response, given

    def write(self) -> Path:
        with pynwb.NWBHDF5IO(str(self.path), "w") as stream:
            stream.write(self.nwb)
        return self.path


@pytest.fixture
def writer(tmp_path):
    return Writer(tmp_path / "cell.nwb")


def set_attribute(path, series, dataset, **attributes):
    """Set, or with None delete, attributes of a data set in a file that is already written."""
    with h5py.File(path, "r+") as file:
        group = file["acquisition"] if series in file["acquisition"] else file["stimulus/presentation"]
        for key, value in attributes.items():
            if value is None:
                del group[series][dataset].attrs[key]
            else:
                group[series][dataset].attrs[key] = value


def check(recording, amplitudes=AMPLITUDES):
    assert len(recording.sweeps) == len(amplitudes)
    assert float(recording.sampling_interval / ms) == pytest.approx(0.05)
    for got, amplitude in zip(recording.sweeps, amplitudes, strict=True):
        volts, amperes = sweep(amplitude)
        assert np.allclose(got.voltage / mV, 1e3 * volts, atol=1e-4)
        assert np.allclose(got.current / pA, 1e12 * amperes, atol=1e-4)


# ------------------------------------------------------------------------------------------- version 2


def test_long_squares_give_an_f_i_table(writer):
    # Stored as the amplifier delivers them, in mV and pA; out of order, so that only the number pairs them.
    for number, amplitude in ((7, 100.0), (3, -50.0), (5, 50.0)):
        writer.add(number, amplitude, scale=(1e-3, 1e-12))
    recording = load(writer.write())
    check(recording)
    assert recording.protocol == "Long Square"
    assert recording.metadata["sweep_numbers"] == (3, 5, 7)
    assert recording.current_source == "command"
    table = fi_table(recording)
    assert table["amplitude_pA"].tolist() == pytest.approx(AMPLITUDES)
    assert table["spikes"].tolist() == [0, 1, 4]
    assert table["rate_hz"].tolist() == pytest.approx([0, 5, 20])
    assert np.isnan(table["latency_ms"][0])
    assert table["latency_ms"][1:].tolist() == pytest.approx([50, 25], abs=0.06)
    assert fi_summary(table)["rheobase_pA"][0] == pytest.approx(50)


def test_one_protocol_of_several_is_chosen_and_long_square_by_default(writer):
    writer.add(0, 100.0, "Short Square")
    for number, amplitude in enumerate(AMPLITUDES, start=1):
        writer.add(number, amplitude, "Long Square")
    writer.add(4, 50.0, "Noise 1", points=3 * N)
    writer.add(5, 50.0, "Noise 2", points=3 * N)
    path = writer.write()
    check(load(path))
    check(load(path, protocol="long square"))
    check(load(path, protocol="Short"), (100.0,))
    assert load(path, protocol="Noise 1").metadata["sweep_numbers"] == (4,)
    both = load(path, protocol="Noise")
    assert both.protocol == "Noise 1 + Noise 2"
    assert both.metadata["sweep_numbers"] == (4, 5)
    check(load(path, sweeps=[2, 3]), AMPLITUDES[1:])
    assert load(path, sweeps=[5]).protocol == "Noise 2"
    with pytest.raises(
        UnusableRecording, match=r"no stimulus protocol 'Ramp'; it has 'Short Square' \(1 sweeps\), 'Lo"
    ):
        load(path, protocol="Ramp")
    with pytest.raises(UnusableRecording, match=r"no sweeps \[9\]; it has 0, 1, 2, 3, 4, 5"):
        load(path, sweeps=[9])


def test_several_protocols_without_long_square_are_named(writer):
    writer.add(0, 50.0, "Ramp")
    writer.add(1, 50.0, "Noise 1")
    with pytest.raises(
        UnusableRecording, match=r"several stimulus protocols: 'Ramp' .*, 'Noise 1' .*choose one with pr"
    ):
        load(writer.write())


def test_sweeps_are_paired_by_the_table_of_intracellular_recordings(writer):
    order = []
    for k, amplitude in enumerate(AMPLITUDES):
        order.append(writer.add(None, amplitude, name=f"series_{'bca'[k]}"))
    for response, stimulus in order:
        writer.nwb.add_intracellular_recording(
            electrode=writer.electrode,
            response=response,
            response_start_index=0,
            response_index_count=N,
            stimulus=stimulus,
            stimulus_start_index=0,
            stimulus_index_count=N,
        )
    check(load(writer.write()))


def test_the_table_of_intracellular_recordings_may_name_parts_of_a_series(writer):
    response, stimulus = writer.add(None, 100.0)
    for first in (0, START):
        writer.nwb.add_intracellular_recording(
            electrode=writer.electrode,
            response=response,
            response_start_index=first,
            response_index_count=2_000,
            stimulus=stimulus,
            stimulus_start_index=first,
            stimulus_index_count=2_000,
        )
    recording = load(writer.write())
    volts, amperes = sweep(100.0)
    assert recording.metadata["sweep_numbers"] == (0, 1)
    assert np.allclose(recording.sweeps[1].voltage / mV, 1e3 * volts[START : START + 2_000])
    assert np.allclose(recording.sweeps[1].current / pA, 1e12 * amperes[START : START + 2_000])


def test_a_row_of_the_table_without_stimulus_has_no_current(writer):
    response, _ = writer.add(None, 50.0, stimulus=False)
    writer.nwb.add_intracellular_recording(electrode=writer.electrode, response=response)
    with pytest.raises(UnusableRecording, match="no current for the sweeps 0; needed is a stimulus"):
        load(writer.write())


def test_sweeps_are_paired_by_the_sweep_table(writer):
    for number, amplitude in enumerate(AMPLITUDES):
        writer.add(number, amplitude)
    path = writer.write()
    add_sweep_table(path, len(AMPLITUDES))
    check(load(path))


def add_sweep_table(path, sweeps):
    """Move the sweep numbers from the series into a sweep table, which pynwb reads but no longer writes."""
    with h5py.File(path, "r+") as file:
        references, numbers, index = [], [], []
        for k in range(sweeps):
            for name in (f"acquisition/data_{k:05d}_AD0", f"stimulus/presentation/data_{k:05d}_DA0"):
                del file[name].attrs["sweep_number"]
                references.append(file[name].ref)
                numbers.append(k)
                index.append(len(references))
        common = {"namespace": "core", "object_id": "00000000-0000-4000-8000-00000000000"}
        table = file["general/intracellular_ephys"].create_group("sweep_table")
        table.attrs.update(
            {
                **common,
                "object_id": common["object_id"] + "0",
                "neurodata_type": "SweepTable",
                "description": "sweeps",
                "colnames": np.array(["series", "sweep_number"], dtype=h5py.string_dtype()),
            }
        )
        for k, (name, data, kind) in enumerate(
            (
                ("id", np.arange(len(index)), "ElementIdentifiers"),
                ("sweep_number", np.array(numbers, dtype="uint64"), "VectorData"),
                ("series", np.array(references, dtype=h5py.ref_dtype), "VectorData"),
                ("series_index", np.array(index, dtype="uint8"), "VectorIndex"),
            ),
            start=1,
        ):
            column = table.create_dataset(name, data=data, dtype=h5py.ref_dtype if name == "series" else None)
            column.attrs.update(
                {
                    "namespace": "hdmf-common",
                    "object_id": common["object_id"] + str(k),
                    "neurodata_type": kind,
                    "description": name,
                }
            )
        table["series_index"].attrs["target"] = table["series"].ref


def test_a_single_pair_needs_no_sweep_number_and_several_do(writer, tmp_path):
    writer.add(None, 100.0)
    check(load(writer.write()), (100.0,))
    other = Writer(tmp_path / "other.nwb")
    other.add(None, 50.0)
    other.add(None, 100.0)
    with pytest.raises(
        UnusableRecording, match="not say which stimulus goes with the responses data_00000_AD0, data_00"
    ):
        load(other.write())


def test_voltage_clamp_and_sweeps_with_the_amplifier_off_are_skipped(writer):
    for number, amplitude in enumerate(AMPLITUDES):
        writer.add(number, amplitude)
    more = {"electrode": writer.electrode, "rate": RATE, "sweep_number": np.uint32(9), "data": np.zeros(N)}
    writer.nwb.add_acquisition(VoltageClampSeries(name="vc", gain=1.0, **more), use_sweep_table=False)
    writer.nwb.add_stimulus(VoltageClampStimulusSeries(name="vc_command", gain=1.0, **more), use_sweep_table=False)
    writer.nwb.add_acquisition(
        IZeroClampSeries(name="rest", gain=1.0, **{**more, "sweep_number": np.uint32(10)}), use_sweep_table=False
    )
    path = writer.write()
    check(load(path))
    with pytest.raises(UnusableRecording, match=r"no sweeps \[9\]; it has 0, 1, 2"):
        load(path, sweeps=[9])


def test_a_file_without_current_clamp(writer):
    writer.nwb.add_acquisition(
        VoltageClampSeries(name="vc", gain=1.0, electrode=writer.electrode, rate=RATE, data=np.zeros(N)),
        use_sweep_table=False,
    )
    with pytest.raises(UnusableRecording, match="has no current-clamp sweep"):
        load(writer.write())


def test_a_response_without_stimulus_has_no_current(writer):
    writer.add(0, 50.0)
    writer.add(4, 50.0, stimulus=False)
    path = writer.write()
    with pytest.raises(
        UnusableRecording, match="no current for the sweeps 4; needed is a stimulus with the same sweep"
    ):
        load(path)
    check(load(path, sweeps=[0]), (50.0,))


def test_the_settings_of_the_amplifier_are_kept(writer):
    writer.add(0, 50.0, bridge_balance=12e6, bias_current=-20e-12)
    writer.add(1, 100.0, bridge_balance=12e6, bias_current=-30e-12)
    recording = load(writer.write())
    assert np.allclose(recording.metadata["bridge_balance"] / Mohm, 12)
    assert np.allclose(recording.metadata["bias_current"] / pA, [-20, -30])
    assert any("already compensated" in trap for trap in recording.traps)


def test_regular_times_stand_for_a_rate_and_irregular_ones_do_not(writer, tmp_path):
    times = np.arange(N) / RATE + 12.5
    writer.add(0, 50.0, clock={"timestamps": times})
    check(load(writer.write()), (50.0,))
    gap = times + 0.002 * (np.arange(N) >= 4_000)
    other = Writer(tmp_path / "other.nwb")
    other.add(0, 50.0, clock={"timestamps": gap})
    with pytest.raises(UnusableRecording, match="data_00000_AD0 is not regularly sampled: from sample 3999"):
        load(other.write())


@pytest.mark.parametrize("rate", [0.0, -20_000.0, float("nan")])
def test_a_sampling_rate_that_is_none(writer, rate):
    writer.add(0, 50.0)
    path = writer.write()
    for name in ("data_00000_AD0", "data_00000_DA0"):
        set_attribute(path, name, "starting_time", rate=rate)
    with pytest.raises(UnusableRecording, match=f"sampling rates of {rate} Hz .*needed is the same rate above zero"):
        load(path)


def test_a_sampling_rate_that_is_absent(writer):
    writer.add(0, 50.0)
    path = writer.write()
    set_attribute(path, "data_00000_AD0", "starting_time", rate=None)
    with pytest.raises(
        UnusableRecording, match="breaks the standard: .*either 'timestamps' or 'rate' must be specified"
    ):
        load(path)


def test_a_sampling_rate_in_the_wrong_unit(writer):
    writer.add(0, 50.0, clock={"rate": 20.0})  # meant as 20 kHz
    with pytest.raises(UnusableRecording, match="at 20 Hz; accepted are 1000 to 1e"):
        load(writer.write())


def test_response_and_stimulus_at_different_rates(writer):
    writer.add(0, 50.0)
    path = writer.write()
    set_attribute(path, "data_00000_DA0", "starting_time", rate=50_000.0)
    with pytest.raises(UnusableRecording, match="rates of 20000.0 Hz for the response and 50000.0 Hz"):
        load(path)


def test_response_and_stimulus_of_different_length(writer):
    writer.add(0, 50.0, stimulus_points=N - 7)
    with pytest.raises(UnusableRecording, match="sweep 0, has 8000 samples of voltage and 7993 of current"):
        load(writer.write())


def test_sweeps_of_different_length_or_rate_are_named_and_can_be_chosen(writer):
    writer.add(2, 50.0)
    writer.add(3, 100.0)
    writer.add(6, 100.0, points=N + 500)
    writer.add(8, 100.0, clock={"rate": 50_000.0})
    path = writer.write()
    message = (
        "sweeps 2, 3 have 8000 samples at 20000 Hz; sweeps 6 have 8500 .* at 20000 Hz; sweeps 8 have 8000 .* 50000 Hz"
    )
    with pytest.raises(UnusableRecording, match=message):
        load(path)
    check(load(path, sweeps=[2, 3]), (50.0, 100.0))


def test_the_unit_in_the_file_counts_not_the_one_in_the_schema(writer):
    writer.add(0, 50.0)
    path = writer.write()
    set_attribute(path, "data_00000_AD0", "data", unit="mV", conversion=1e3)
    check(load(path), (50.0,))
    set_attribute(path, "data_00000_AD0", "data", unit="counts", conversion=1.0)
    with pytest.raises(UnusableRecording, match="a response in 'counts' and a stimulus in 'amperes'; needed are one"):
        load(path)
    set_attribute(path, "data_00000_AD0", "data", unit="amperes")
    with pytest.raises(UnusableRecording, match="a response in 'amperes' and a stimulus in 'amperes'"):
        load(path)


def test_exchanged_channels_are_told_apart_by_unit(writer):
    volts, amperes = sweep(50.0)
    common = {
        "electrode": writer.electrode,
        "rate": RATE,
        "sweep_number": np.uint32(0),
        "stimulus_description": "Long Square",
    }
    writer.nwb.add_acquisition(CurrentClampSeries(name="current", data=amperes, **common), use_sweep_table=False)
    writer.nwb.add_stimulus(CurrentClampStimulusSeries(name="voltage", data=volts, **common), use_sweep_table=False)
    path = writer.write()
    set_attribute(path, "current", "data", unit="amperes")
    set_attribute(path, "voltage", "data", unit="volts")
    check(load(path), (50.0,))


def test_a_conversion_factor_that_was_left_out(writer):
    volts, _ = sweep(50.0)
    writer.add(0, 50.0, voltage=1e3 * volts)
    with pytest.raises(UnusableRecording, match="sweep 0, has a voltage of -72 V; accepted is at most 1 V"):
        load(writer.write())


def test_samples_that_are_not_numbers(writer):
    volts, _ = sweep(50.0)
    volts[-20:] = np.nan
    writer.add(0, 50.0)
    writer.add(1, 50.0, voltage=volts)
    path = writer.write()
    with pytest.raises(UnusableRecording, match="sweep 1, has 20 of 8000 voltage samples that are not finite"):
        load(path)
    check(load(path, sweeps=[0]), (50.0,))


def test_two_electrodes_and_two_stimuli(writer, tmp_path):
    second = writer.nwb.create_icephys_electrode(name="Electrode 1", device=writer.device, description="whole cell")
    writer.add(0, 50.0)
    writer.add(0, 100.0, electrode=second)
    writer.add(1, 100.0)
    path = writer.write()
    with pytest.raises(UnusableRecording, match=r"2 electrodes \(Electrode 0, Electrode 1\) in the sweeps 0, 1"):
        load(path)
    check(load(path, sweeps=[1]), (100.0,))
    other = Writer(tmp_path / "other.nwb")
    _, stimulus = other.add(0, 50.0)
    other.nwb.add_stimulus(
        CurrentClampStimulusSeries(
            name="again", data=stimulus.data, rate=RATE, electrode=other.electrode, sweep_number=np.uint32(0)
        ),
        use_sweep_table=False,
    )
    with pytest.raises(UnusableRecording, match="2 stimuli for the response data_00000_AD0: again, data_00000_DA0"):
        load(other.write())


@pytest.mark.parametrize("kept", [100, 20_000])
def test_a_truncated_file(writer, kept):
    writer.add(0, 50.0)
    path = writer.write()
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UnusableRecording, match=f"\\({kept} bytes\\) cannot be read as an NWB file, it is damaged"):
        load(path)


def test_another_hdf5_file(tmp_path):
    path = tmp_path / "cell.nwb"
    with h5py.File(path, "w") as file:
        file["values"] = np.arange(10)
    with pytest.raises(UnusableRecording, match="cannot be read as an NWB file.*nwb_version"):
        load(path)


# ------------------------------------------------------------------------------------------- version 1


def write_version_1(path: Path, epochs: bool = True) -> Path:
    """Write the layout of the Allen downloads: experiments as parts of sweeps, without the test pulse."""
    with h5py.File(path, "w") as file:
        file["nwb_version"] = "NWB-1.0.5"
        sweeps = [(11, 50.0, "Long Square", b"Volts"), (12, 100.0, "Long Square", b"Volts")]
        sweeps += [(13, 50.0, "Noise 1", b"Volts"), (14, 50.0, "Seal", b"Amps")]
        for number, amplitude, protocol, unit in sweeps:
            volts, amperes = sweep(amplitude)
            given = file.create_group(f"stimulus/presentation/Sweep_{number}")
            recorded = file.create_group(f"acquisition/timeseries/Sweep_{number}")
            given["aibs_stimulus_name"] = protocol
            for group, data, of in (
                (recorded, volts, unit),
                (given, amperes, b"Amps" if unit == b"Volts" else b"Volts"),
            ):
                group["data"] = (data / 0.5).astype("f4")
                group["data"].attrs.update(conversion=0.5, unit=of)
                group["starting_time"] = 0.0
                group["starting_time"].attrs["rate"] = RATE
            for kind, first in (("Sweep", 0), ("Experiment", 1_000)) if epochs else ():
                for role, group in (("response", recorded), ("stimulus", given)):
                    epoch = file.create_group(f"epochs/{kind}_{number}/{role}")
                    epoch["timeseries"] = group
                    epoch["idx_start"] = first
                    epoch["count"] = N - first
    return path


def test_a_version_1_file_from_the_allen_institute(tmp_path):
    path = write_version_1(tmp_path / "cell.nwb")
    recording = load(path)
    assert recording.metadata["sweep_numbers"] == (11, 12)
    for got, amplitude in zip(recording.sweeps, (50.0, 100.0), strict=True):
        volts, amperes = sweep(amplitude)
        assert np.allclose(got.voltage / mV, 1e3 * volts[1_000:], atol=1e-4)
        assert np.allclose(got.current / amp, amperes[1_000:], atol=1e-16)
    table = fi_table(recording)
    assert table["spikes"].tolist() == [1, 4]
    assert table["latency_ms"].tolist() == pytest.approx([50, 25], abs=0.06)
    assert load(path, protocol="Noise 1").metadata["sweep_numbers"] == (13,)
    with pytest.raises(
        UnusableRecording, match=r"no stimulus protocol 'Seal'; it has 'Long Square' \(2 .*'Noise 1' \(1"
    ):
        load(path, protocol="Seal")


def test_another_layout_of_version_1_names_the_version(tmp_path):
    path = write_version_1(tmp_path / "cell.nwb", epochs=False)
    with pytest.raises(UnusableRecording, match="version NWB-1.0.5 without epochs/Experiment_<number>; of version 1"):
        load(path)


def test_a_version_1_file_without_a_sampling_rate(tmp_path):
    path = write_version_1(tmp_path / "cell.nwb")
    with h5py.File(path, "r+") as file:
        del file["stimulus/presentation/Sweep_11/starting_time"].attrs["rate"]
    with pytest.raises(UnusableRecording, match="sweep 11, declares sampling rates of 20000.0 Hz .* and None Hz"):
        load(path)
