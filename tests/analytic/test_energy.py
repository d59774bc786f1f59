"""Energy: closed forms of a charged capacitor, a divider and an idle output stage; balances that close."""

import numpy as np
import pytest
from brian2 import ms, ohm, pF, second, us, volt
from scipy.optimize import brentq

from memneuro import OneM1T1R
from memneuro.experiment.energy import energy, energy_comparison, energy_per_spike, energy_step

FROZEN = 1e-300 / second


@pytest.fixture(autouse=True)
def numpy_target(clean_brian2):
    """Long runs of one neuron: the default target, instead of the NumPy one of the other tests here."""


def resistor(r_device, r_control):
    """A neuron whose device is a plain resistor of `r_device` ohm."""
    return OneM1T1R("hopping").with_(
        mu=FROZEN, beta=FROZEN, gamma1=FROZEN, gamma2=FROZEN, r_off=r_device * ohm, r_control=r_control * ohm
    )


def run(table):
    return table[table["span"] == "run"].iloc[0]


def test_charging_a_capacitor_costs_twice_what_it_stores():
    # R C = 1 ms/10; after 3 ms the gate is charged and the control resistor has drawn nothing.
    neuron = resistor(1e7, 1e18).with_(c_gate=10 * pF)
    row = run(energy(neuron, amplitude=0.7 * volt, width=2 * ms, period=2 * ms, duration=3 * ms, dt=1 * us))
    stored = 0.5 * 10 * 0.7**2
    assert row["gate_stored_pJ"] == pytest.approx(stored, rel=1e-6)
    assert row["gate_charging_pJ"] == pytest.approx(stored, rel=1e-6)
    assert row["source_pJ"] == pytest.approx(2 * stored, rel=1e-4)
    assert row["device_pJ"] == pytest.approx(stored, rel=1e-4)
    assert row["control_pJ"] < 1e-6 * stored


def test_steady_divider_heats_both_resistors():
    neuron = resistor(1e7, 3e7)
    short, long = (
        run(energy(neuron, amplitude=0.8 * volt, width=2 * ms, period=2 * ms, duration=t * ms, dt=2 * us))
        for t in (4, 9)
    )
    power = 0.8**2 / 4e7 * 5e-3 * 1e12  # pJ drawn in the 5 ms between
    assert long["source_pJ"] - short["source_pJ"] == pytest.approx(power, rel=1e-6)
    assert long["device_pJ"] - short["device_pJ"] == pytest.approx(power / 4, rel=1e-6)
    assert long["control_pJ"] - short["control_pJ"] == pytest.approx(power * 3 / 4, rel=1e-6)


def test_idle_output_stage_draws_its_leakage():
    neuron = OneM1T1R("hopping")
    row = run(energy(neuron, amplitude=0 * volt, duration=2 * ms))
    v_dd, r_load, k, v_t, n = (
        float(neuron.circuit[name]) for name in ("v_dd", "r_load", "k_nmos", "v_turn_on", "slope_factor")
    )
    u = 1.380649e-23 * float(neuron.circuit["temperature"]) / 1.602176634e-19

    def leak(v_out):
        forward, reverse = (np.log1p(np.exp((-v_t / n - v) / 2 / u)) for v in (0, v_out))
        return 4 * n**2 * k * u**2 * (forward**2 - reverse**2)

    v_out = brentq(lambda v: v_dd - r_load * leak(v) - v, 0, v_dd, xtol=1e-15)
    current = leak(v_out)
    assert row["supply_pJ"] == pytest.approx(v_dd * current * 2e-3 * 1e12, rel=1e-6)
    assert row["load_pJ"] == pytest.approx(current**2 * r_load * 2e-3 * 1e12, rel=1e-6)
    assert row["transistor_pJ"] == pytest.approx(v_out * current * 2e-3 * 1e12, rel=1e-6)
    assert row["source_pJ"] == 0 and row["spike"] == 0


CASES = [
    ("hopping_2e4d", "discrete_2025", {"amplitude": 0.9 * volt, "duration": 40 * ms}, 1),
    ("compact_table1", "discrete_2025", {"amplitude": 1.2 * volt, "width": 2 * ms, "duration": 11 * ms}, 1),
    ("compact_table8", "projected_3nm", {"amplitude": 0.8 * volt, "width": 2e-5 * ms, "duration": 8e-5 * ms}, 1e-5),
]


@pytest.mark.parametrize(("device", "circuit", "drive", "unit"), CASES, ids=[case[0] for case in CASES])
def test_balance_closes_to_a_thousandth_and_better_at_half_the_step(device, circuit, drive, unit):
    neuron = OneM1T1R(device, circuit)
    step = energy_step(neuron)
    table, finer = (energy(neuron, **drive, period=2 * unit * ms, dt=dt) for dt in (step, step / 2))
    assert run(table)["spike"] >= 1, "the neuron must fire for the balance to mean anything"
    assert table["input_error"].abs().max() < 1e-3
    assert table["output_error"].abs().max() < 1e-9
    assert finer["input_error"].abs().max() < max(0.6 * table["input_error"].abs().max(), 1e-6)
    for name in ("source_pJ", "device_pJ", "control_pJ", "supply_pJ"):
        assert run(table)[name] == pytest.approx(run(finer)[name], rel=2e-3)


def test_a_step_too_coarse_for_the_charging_does_not_close():
    # At 3 us a compact device (R_on C_g = 10 us) jumps over its own switching: the balance is a test that can fail.
    drive = {"amplitude": 1 * volt, "width": 2 * ms, "period": 2 * ms, "duration": 22 * ms}
    assert abs(run(energy(OneM1T1R("compact_table1"), **drive, dt=3 * us))["input_error"]) > 1e-3


def test_windows_of_spikes_partition_the_run():
    neuron = OneM1T1R("hopping_2e4d").with_(r_control=5e7 * ohm)
    table = energy(neuron, amplitude=0.9 * volt, duration=50 * ms)
    spikes, total = table[table["span"] == "spike"], run(table)
    assert len(spikes) == total["spike"] >= 3
    for name in table.columns[table.columns.str.endswith("_pJ")].drop("gate_charging_pJ"):
        assert spikes[name].sum() == pytest.approx(total[name], rel=1e-9, abs=1e-12)
    assert np.array_equal(spikes["start_ms"][1:], spikes["end_ms"][:-1])
    assert spikes["complete"].tolist() == [True] * (len(spikes) - 1) + [False]
    assert (spikes["v_peak_V"] > float(neuron.circuit["v_threshold"])).all()
    mean = energy_per_spike(table)
    assert mean["averaged"] == len(spikes) - 1
    assert mean["source_pJ"] == pytest.approx(spikes["source_pJ"][:-1].mean())


def test_published_energy_is_the_gate_charging_alone():
    table = energy_comparison((("hopping_2e4d", "discrete_2025", "0.45 V input"),)).set_index("drive")
    constant, train = table.loc["constant"], table.loc["train"]
    assert constant["published_pJ"] == 1.0
    assert constant["at_input_pJ"] == pytest.approx(0.5 * 10 * 0.45**2)
    assert constant["response"] == "silent" and np.isnan(constant["source_pJ"])
    assert train["response"] == "fires" and np.isnan(train["published_pJ"])
    assert train["source_pJ"] > 2 * train["gate_charging_pJ"]
    assert train["source_pJ"] == pytest.approx(
        train["device_pJ"] + train["control_pJ"] + train["gate_stored_pJ"], rel=1e-3
    )


def test_unknown_published_energy_is_refused():
    with pytest.raises(ValueError, match="'7 nm' names 0"):
        energy_comparison((("compact_table7", "integrated_65nm", "7 nm"),))
