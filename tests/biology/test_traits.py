"""Traits measured on neurons whose traits are known, and the step of the memristor's."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from brian2 import Network, SpikeMonitor, StateMonitor, amp, farad, joule, kelvin, ms, second, us, volt

from memneuro.backend import backend
from memneuro.biology import Recording, traits
from memneuro.biology.adaptation import adaptation_table, smallest_change
from memneuro.biology.recordings import Sweep
from memneuro.chapter import brain_likeness
from memneuro.circuit.adapting import AdaptingOneM1T1R
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.circuit.second_device import SecondDeviceOneM1T1R
from memneuro.circuit.self_heating import SelfHeatingOneM1T1R
from memneuro.experiment.pulses import run_pulses

CARD = "hopping_2e4d"


def found(table, measure):
    (row,) = table[table["measure"] == measure].to_dict(orient="records")
    return row


# Measures


def test_threshold_recovers_a_normal_distribution():
    rng = np.random.default_rng(1)
    drive = np.repeat(np.linspace(0.8, 1.2, 41), 200)
    fired = drive > rng.normal(1.0, 0.05, drive.size)
    middle, deviation = traits.threshold(drive, fired)
    assert middle == pytest.approx(1.0, abs=0.005) and deviation == pytest.approx(0.05, rel=0.05)


def test_threshold_of_a_step_has_no_width():
    drive = np.linspace(0, 1, 11)
    assert traits.threshold(drive, drive > 0.45) == pytest.approx((0.45, 0.0))
    assert np.isnan(traits.threshold(drive, drive >= 0)).all()


@pytest.mark.parametrize("sign", [-1, 1])
def test_relaxation_recovers_the_time_constant(sign):
    """Spikes of the rate 20 (1 + sign/2 exp(-t/0.3 s)) Hz, each at the next whole number of its integral."""
    t = np.arange(0, 3, 1e-4)
    phase = 20 * (t + sign * 0.5 * 0.3 * (1 - np.exp(-t / 0.3)))
    train = t[np.flatnonzero(np.diff(np.floor(phase)))]
    assert traits.relaxation([train], 0.01) == pytest.approx(30, rel=0.1)


def test_relaxation_of_a_steady_or_short_train_is_not_known():
    assert np.isnan(traits.relaxation([np.arange(0, 2, 0.05)], 0.01))
    assert np.isnan(traits.relaxation([np.array([0, 0.1, 0.3])], 0.01))


# Neurons with known traits


@pytest.fixture(scope="module")
def lif():
    return traits.measure_neuron(traits.reference("lif", target="numpy"), noise_tau=20)


def test_lif_is_the_closed_form(lif):
    """At 1.2 x rheobase v_inf is 24 mV above rest; from the reset, 10 mV, to the threshold, 20 mV, with tau = 20 ms."""
    interval = 20 * np.log((24 - 10) / (24 - 20)) + 3
    assert found(lif.traits, traits.LEAKY)["value"] == pytest.approx(20 / interval, rel=0.02)
    assert found(lif.traits, traits.LATENCY)["value"] == pytest.approx(np.log(30 / (30 - 20)), rel=0.02)


def test_lif_has_neither_plasticity_nor_noise(lif):
    for measure in (traits.WIDTH, traits.CV):
        assert found(lif.traits, measure)["value"] == pytest.approx(0, abs=1e-9)
    assert abs(found(lif.traits, traits.INDEX)["value"]) < 1e-3
    assert abs(found(lif.traits, traits.PAIRED)["value"]) < 0.01
    assert found(lif.traits, traits.REFRACTORY)["value"] >= 3 / 20


def test_adex_adapts():
    """Its index and second latency are positive, and its rate relaxes faster than tau_w = 15.4 membrane constants."""
    table = traits.measure_neuron(traits.reference("adex", target="numpy"), noise_tau=5).traits
    assert found(table, traits.INDEX)["value"] > 0.01
    assert found(table, traits.PAIRED)["value"] > 0.1
    assert 1 < found(table, traits.SLOW)["value"] < 15.4


# Memristor neurons


@pytest.mark.slow
def test_the_residue_facilitates_and_the_foot_adapts():
    table = adaptation_table(blocks=2, trials=15, names=("plain", "RC foot"))
    by_name = table.set_index("circuit")
    assert by_name.loc["plain", "high"] < 0 < by_name.loc["RC foot", "low"]
    assert by_name["repetitive"].all() and list(by_name["parts"]) == [0, 2]
    assert smallest_change(table) == "RC foot"
    assert smallest_change(table[table["circuit"] == "plain"]) == ""


def short_run(neuron):
    """Three neurons for 24 ms at 0.88 V."""
    with backend("numpy"):
        options = {"duration": 24 * ms, "trials": 3, "dt": 20 * us, "seed": 1}
        return run_pulses(neuron, amplitude=0.88 * volt, width=0.1 * second, period=0.2 * second, **options)


def spikes_of(neuron):
    return short_run(neuron).spikes


def test_a_second_device_that_cannot_grow_is_the_plain_circuit_and_a_fast_one_latches():
    plain = spikes_of(OneM1T1R(CARD))
    slow = spikes_of(SecondDeviceOneM1T1R(CARD, speed=1e-6))
    fast = short_run(SecondDeviceOneM1T1R(CARD, speed=1000.0))
    assert len(plain) > 5
    # Its off resistance of 1 Tohm is in parallel to the 250 Mohm of the control resistor; later spikes amplify that.
    assert np.allclose(plain["time_ms"][:5], slow["time_ms"][:5], atol=0.05)
    # Both devices closed, the gate is held at part of the input.
    longest = [table.groupby("trial")["time_ms"].agg(np.ptp).max() for table in (plain, fast.spikes)]
    assert longest[0] > 5 and longest[1] < 1
    assert (fast.final["x_total"] > 0.9).all() and (fast.final["v_gate_V"] > 0.1).all()


@pytest.mark.parametrize("card", ["hopping_2e4d", "hopping_bounded_2e4d"])
def test_a_second_device_is_the_first_where_both_see_the_same_voltage(card):
    """The gate, held by a large capacitance at half the input, is the voltage of both."""
    neuron = SecondDeviceOneM1T1R(card).with_(c_gate=1 * farad)
    with backend("numpy"):
        group = neuron.group(4, drive=1.2 * volt, noise=False, dt=10 * us)
        group.v_gate = 0.6 * volt
        group.x_total = group.x_b = [0.0, 0.3, 0.8, 1.0]
        group.x_residue = group.x_residue_b = [0.0, 0.1, 0.8, 0.5]
        Network(group).run(20 * ms, namespace={})
    assert np.ptp(group.x_residue) > 0.01 and np.all(np.asarray(group.x_total) > 0.01)
    np.testing.assert_allclose(group.x_b, group.x_total, rtol=1e-9)
    np.testing.assert_allclose(group.x_residue_b, group.x_residue, rtol=1e-9)
    names = {"x_b_ceiling", "x_residue_b_ceiling"} | ({"crowding_b"} if card == "hopping_bounded_2e4d" else set())
    assert names <= set(group.equations.subexpr_names) and ("crowding_b" in group.variables) is (len(names) == 3)


def test_a_second_device_keeps_its_speed_and_needs_the_hopping_model():
    assert SecondDeviceOneM1T1R(CARD, speed=7.0).with_(c_gate=2e-11 * farad).speed == 7.0
    with pytest.raises(ValueError, match="speed"):
        SecondDeviceOneM1T1R(CARD, speed=0)
    with pytest.raises(ValueError, match="hopping"):
        SecondDeviceOneM1T1R("compact")


def test_a_large_heat_capacity_is_the_plain_circuit():
    plain = spikes_of(OneM1T1R(CARD))
    cold = SelfHeatingOneM1T1R(CARD, heat_capacity=1 * joule / kelvin)
    assert np.allclose(plain["time_ms"], spikes_of(cold)["time_ms"], atol=0.05)
    kept = SelfHeatingOneM1T1R(CARD, thermal_time=2 * second).with_(temperature=310 * kelvin)
    assert kept.thermal_time == 2 * second and float(kept.parameters()["temperature_ambient"][0]) == 310


def test_the_heat_of_a_spike_is_what_the_charging_dissipates():
    """Charging C through a resistor turns C V^2/2 into heat: 3.9 pJ at 0.88 V and 10 pF, 12 K at 0.32 pJ/K."""
    with backend("numpy"):
        group = SelfHeatingOneM1T1R(CARD, thermal_time=100 * second).group(1, drive=0.88 * volt, noise=False)
        monitor, spikes = StateMonitor(group, "temperature", record=True), SpikeMonitor(group)
        Network(group, monitor, spikes).run(20 * ms, namespace={})
    first = int(spikes.t[0] / group.dt)
    rise = float(monitor.temperature[0][first + 100] - monitor.temperature[0][max(first - 100, 0)])
    assert rise == pytest.approx(0.5 * 1e-11 * 0.88**2 / 3.2e-13, rel=0.35)


NOT_CONVERGED = pytest.mark.xfail(reason="integration time over interval moves by 5.1 %, not 5 %", strict=False)


@pytest.mark.slow
@pytest.mark.parametrize("circuit", [OneM1T1R, pytest.param(AdaptingOneM1T1R, marks=NOT_CONVERGED)])
def test_half_the_step_gives_the_same_traits(circuit):
    """Within what three blocks of trials scatter, for the numbers that the chapter reports."""
    subject = traits.memristor(circuit(CARD), "coarse")
    coarse = traits.measure_neuron(subject, trials=30).traits
    fine = traits.measure_neuron(traits.memristor(circuit(CARD), "fine", dt=5 * us), trials=30).traits
    limits = {
        traits.LEAKY: 0.05,
        traits.WIDTH: 0.25,
        traits.LATENCY: 0.2,
        traits.CV: 0.15,
        traits.FANO: 0.25,
    }
    for measure, limit in limits.items():
        assert found(fine, measure)["value"] == pytest.approx(found(coarse, measure)["value"], rel=limit), measure
    signs = [np.sign(found(table, traits.INDEX)["value"]) for table in (coarse, fine)]
    assert signs[0] == signs[1] == (-1 if circuit is OneM1T1R else 1)


# Cells


def cell(interval_ms, rheobase=3, tau_ms=20.0):
    """Ten steps of 1 s from -20 pA by 10 pA on; spikes with a given interval from the rheobase on; no noise."""
    time = np.arange(0, 1.5, 1e-4)
    sweeps = []
    for k in range(10):
        level = (k - 2) * 10e-12
        on = (time >= 0.2) & (time < 1.2)
        voltage = -0.07 + 0.3e9 * level * np.where(on, 1 - np.exp(-(time - 0.2) / (tau_ms * 1e-3)), 0)
        if k - 2 >= rheobase:
            voltage = np.minimum(voltage, -0.05)
            for t in np.arange(0.2 + 0.03, 1.2, interval_ms * 1e-3):
                voltage += 0.1 * np.exp(-(((time - t) / 5e-4) ** 2))
        sweeps.append(Sweep(time * second, voltage * volt, on * level * amp))
    return Recording(
        name="made/cell",
        protocol="current_steps",
        sweeps=tuple(sweeps),
        sampling_interval=1e-4 * second,
        current_source="recorded",
        source="made",
        licence="none",
        traps=(),
        metadata={},
        path=Path("made"),
    )


def test_a_made_cell_gives_what_it_was_made_of():
    made = cell(interval_ms=50.0)
    assert float(traits.membrane_time_constant(made)) == pytest.approx(0.02, rel=0.01)
    table = traits.measure_cell(made)
    assert found(table, traits.LEAKY)["value"] == pytest.approx(20 / 50, rel=0.02)
    assert found(table, traits.INDEX)["value"] == pytest.approx(0, abs=1e-3)
    assert found(table, traits.CV)["value"] == pytest.approx(0, abs=1e-2)
    limit = found(table, traits.WIDTH)
    assert np.isnan(limit["value"]) and limit["high"] == pytest.approx((30 - 20) / (30 + 20))


def test_recorded_cortical_cells_adapt(recorded):
    table = traits.measure_cell(recorded("patch_clamp/18711001"))
    assert found(table, traits.INDEX)["value"] > 0.02
    assert 0.02 < found(table, traits.LEAKY)["value"] < 0.5


def test_cells_that_cannot_be_had_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("MEMNEURO_DATA", str(tmp_path))
    table, missing = traits.measure_cells()
    assert table.empty and list(table) == traits.COLUMNS
    assert len(missing) >= 10 and all("MEMNEURO_DATA" in line for line in missing)
    with pytest.raises(ValueError, match="neither"):
        traits.measure_cell()


# Verdicts


@pytest.mark.parametrize(
    ("value", "signed", "ratio", "words"),
    [
        (0.2, False, 1.0, "inside"),
        (0.6, False, 1.5, "nearly brain-like, above the range by a factor of 1.50"),
        (0.01, False, 0.1, "not brain-like, below the range by a factor of 10"),
        (-0.2, True, np.nan, "facilitation"),
        (-0.2, False, np.nan, "below the range by 0.3"),
        (np.nan, False, np.nan, "not measurable"),
    ],
)
def test_verdicts_in_words(value, signed, ratio, words):
    number, text = brain_likeness.judge(value, 0.1, 0.4, signed)
    assert number == pytest.approx(ratio, nan_ok=True) and words in text


def test_a_verdict_needs_something_to_compare_with():
    rows = [
        ("t", traits.LEAKY, "m", "memristor", 0.5, 0.4, 0.6, ""),
        ("t", traits.LEAKY, "c", "recorded", 0.4, 0.4, 0.4, ""),
    ]
    table = brain_likeness.verdicts(pd.DataFrame(rows, columns=traits.COLUMNS))
    assert table["cells_ratio"].tolist() == pytest.approx([1.25]) and "literature" not in table["verdict"][0]
    alone = brain_likeness.verdicts(pd.DataFrame(rows[:1], columns=traits.COLUMNS))
    assert alone["verdict"].tolist() == ["nothing to compare with"]


def test_the_figure_is_drawn_without_recordings():
    rows = [
        ("leaky integration", traits.LEAKY, "1M1T1R", "memristor", 0.5, 0.4, 0.6, ""),
        ("threshold firing", traits.WIDTH, "LIF", "reference", 0.0, 0.0, 0.0, ""),
    ]
    curves = pd.DataFrame({"neuron": ["1M1T1R"], "drive": [1.2], "cv": [0.2]})
    figure = brain_likeness.CHAPTER.draw({"traits": pd.DataFrame(rows, columns=traits.COLUMNS), "curves": curves})
    drawn = [axes.get_title(loc="left") for axes in figure.axes]
    assert len(drawn) == 6 and "plasticity" in drawn[3]
