"""Spread from cycle to cycle, ageing and stuck devices: drawn as told, once a cycle, the same on every target."""

import numpy as np
import pytest
from brian2 import Network, SpikeMonitor, StateMonitor, amp, ms, us, volt

from memneuro import OneM1T1R, PulseTrain, SourceMeter, card
from memneuro.backend import backend
from memneuro.circuit.cycles import FIRST
from memneuro.circuit.faults import stuck_devices
from memneuro.numerics.threefry import threefry_normal

TRAIN = PulseTrain(0.6 * volt, 1 * ms, 2 * ms)


def cycled(target="numpy", n=20, pulses=12, **options):
    """Counter and two parameters of threshold switches that close in every pulse, sampled between pulses."""
    with backend(target):
        group = SourceMeter("and_ts").group(
            n, drive=TRAIN, dt=10 * us, seed=3, i_compliance=1 * amp, **{"cycle_spread": True, **options}
        )
        names = [name for name in ("cycle", "v_set_positive", "r_on") if name in group.variables]
        trace = StateMonitor(group, names, record=True, dt=2 * ms)
        Network(group, trace).run(2 * pulses * ms, namespace={})
        return {name: np.asarray(getattr(trace, name)) for name in names}


def test_each_cycle_draws_the_card_s_spread_about_the_nominal_value():
    # The hold voltages' spread is left out: a device with one below 0 V stays closed, and its cycle does not end.
    found = cycled(
        n=200, pulses=20, cycle_spread={"v_set_positive": card("and_ts").parameters["v_set_positive"].cycle_spread}
    )
    assert np.array_equal(found["cycle"], np.tile(np.arange(20), (200, 1)))
    parameter = card("and_ts").parameters["v_set_positive"]
    values = found["v_set_positive"]
    error = parameter.cycle_spread / np.sqrt(values.size)
    assert values.mean() == pytest.approx(parameter.value, abs=4 * error)
    assert values.std() == pytest.approx(parameter.cycle_spread, rel=0.05)
    # Cycles of one device are independent, and so are devices.
    along = np.corrcoef(values[:, :-1].ravel(), values[:, 1:].ravel())[0, 1]
    across = np.corrcoef(values[:-1].ravel(), values[1:].ravel())[0, 1]
    assert max(abs(along), abs(across)) < 4 / np.sqrt(values.size)
    assert np.allclose(found["r_on"], 806)


def test_values_are_a_function_of_seed_device_cycle_and_parameter():
    values = cycled()["v_set_positive"]
    stream = sorted(SourceMeter("and_ts").cycle_spread(SourceMeter("and_ts").model.parameters)).index("v_set_positive")
    cycles, index = np.meshgrid(np.arange(12), np.arange(20))
    expected = 0.294 + 0.038 * threefry_normal.pyfunc(3, index, FIRST - cycles, stream)
    assert np.allclose(values, expected, rtol=1e-12)
    later = cycled(n=10, offset=10)["v_set_positive"]
    assert np.array_equal(later, values[10:])


@pytest.mark.parametrize(
    "target", ["cpp", pytest.param("cython", marks=pytest.mark.slow), pytest.param("openmp", marks=pytest.mark.slow)]
)
def test_every_target_draws_the_same(target):
    here, there = cycled(ageing={"r_on": 0.01}), cycled(target, ageing={"r_on": 0.01})
    assert np.array_equal(here["cycle"], there["cycle"])
    for name in ("v_set_positive", "r_on"):
        assert np.allclose(here[name], there[name], rtol=1e-13)


def test_ageing_changes_a_parameter_with_every_cycle():
    found = cycled(cycle_spread=False, ageing={"r_on": 0.1, "v_set_positive": 0.005})
    assert np.allclose(found["r_on"], 806 * np.exp(0.1 * np.arange(12)))
    # A voltage may have any sign: it moves by volts, not by factors.
    assert np.allclose(found["v_set_positive"], 0.294 + 0.005 * np.arange(12))


def test_a_positive_parameter_is_spread_in_its_logarithm():
    values = cycled(n=200, cycle_spread={"r_on": 0.3})["r_on"]
    assert np.log(values / 806).std() == pytest.approx(0.3, rel=0.05)
    assert abs(np.log(values / 806).mean()) < 4 * 0.3 / np.sqrt(values.size)


def test_signed_parameters_are_spread_from_device_to_device_in_their_unit():
    group = SourceMeter("and_ts").group(4000, drive=TRAIN, spread={"v_set_negative": 0.05}, noise=False, seed=5)
    values = np.asarray(group.v_set_negative)
    assert values.std() == pytest.approx(0.05, rel=0.05)
    assert values.mean() == pytest.approx(-0.119, abs=4 * 0.05 / np.sqrt(4000))
    assert (values > 0).any()
    Network(group).run(0 * ms, namespace={})


def test_without_noise_nothing_changes_and_the_noisy_hopping_device_has_no_cycles():
    assert np.unique(cycled(noise=False, cycle_spread=None)["v_set_positive"]).size == 1
    assert SourceMeter("and_ts").fluctuates
    assert not OneM1T1R("compact").fluctuates
    group = OneM1T1R("hopping").group(1, drive=0.8 * volt)
    assert "cycle" not in group.variables
    Network(group).run(0 * ms, namespace={})


@pytest.mark.slow
@pytest.mark.parametrize("dt", [10 * us, 5 * us])
def test_a_firing_neuron_runs_through_cycles(dt):
    group = OneM1T1R("hopping").group(20, drive=PulseTrain(0.8 * volt, 1 * ms, 2 * ms), dt=dt, cycle_spread={"mu": 0.2})
    spikes = SpikeMonitor(group)
    Network(group, spikes).run(250 * ms, namespace={})
    cycles, counts = np.asarray(group.cycle), np.asarray(spikes.count)
    assert np.median(cycles) > 5
    # A closed device charges the gate, which opens it: cycles and spikes go together, but noise closes and opens a
    # device without a spike too.
    assert np.corrcoef(cycles, counts)[0, 1] > 0.7
    assert (counts - cycles <= 3).all()


def test_a_device_without_a_resistance_at_rest_is_a_neuron_as_long_as_nothing_counts_its_cycles(monkeypatch):
    neuron = OneM1T1R("hopping")

    def unknown(self, values):
        raise KeyError("r_off")

    monkeypatch.setattr(type(neuron.model), "rest_resistance", unknown)
    group = neuron.group(1, drive=0.8 * volt)
    Network(group).run(0 * ms, namespace={})
    with pytest.raises(KeyError):
        neuron.group(1, drive=0.8 * volt, cycle_spread={"mu": 0.1})


@pytest.mark.parametrize("name", ["hopping", "area_pulse", "ag_particles_1", "and_ts", "vo2_neuristor"])
def test_resistance_at_rest(name):
    neuron = SourceMeter(name)
    group = neuron.group(1, drive=0 * volt, noise=False)
    plain = {key: value for key, (value, _) in neuron.parameters(noise=False).items()}
    assert neuron.model.rest_resistance(plain) == pytest.approx(float(np.asarray(group.r_device)[0]), rel=0.05)
    Network(group).run(0 * ms, namespace={})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cycle_spread": {"r_control": 0.1}}, "cycle_spread of unknown parameter 'r_control'"),
        ({"cycle_spread": {"r_on": -1}}, "cycle_spread of r_on = -1; accepted: zero or more"),
        ({"ageing": {"colour": 0.1}}, "ageing of unknown parameter 'colour'"),
        ({"ageing": {"r_on": float("nan")}}, "ageing of r_on = nan; accepted: a finite number"),
    ],
)
def test_bad_input(options, said):
    with pytest.raises(ValueError, match=said):
        SourceMeter("and_ts").group(2, drive=TRAIN, **options)
    with pytest.raises(TypeError, match="cycle_spread = 0.1"):
        SourceMeter("and_ts").group(2, drive=TRAIN, cycle_spread=0.1)


def test_stuck_devices_never_close_or_never_open():
    neuron = OneM1T1R("hopping")
    n = 400
    resistances = stuck_devices(neuron, n, open=0.1, closed=0.2, seed=4)
    is_open = np.asarray(resistances["r_on"]) == float(neuron.device["r_off"])
    is_closed = np.asarray(resistances["r_off"]) == float(neuron.device["r_on"])
    assert not (is_open & is_closed).any()
    for found, asked in ((is_open, 0.1), (is_closed, 0.2)):
        assert found.mean() == pytest.approx(asked, abs=4 * np.sqrt(asked / n))
    again = stuck_devices(neuron, n // 2, open=0.1, closed=0.2, seed=4, offset=n // 2)
    assert np.array_equal(again["r_on"], resistances["r_on"][n // 2 :])
    group = neuron.group(n, drive=1.0 * volt, seed=1, **resistances)
    spikes = SpikeMonitor(group)
    Network(group, spikes).run(30 * ms, namespace={})
    counts = np.asarray(spikes.count)
    assert (counts[is_open] == 0).all()
    assert (counts[is_closed] == 1).all()  # the gate charges once and stays charged
    first = np.full(n, np.inf)
    np.minimum.at(first, np.asarray(spikes.i), np.asarray(spikes.t / ms))
    assert first[is_closed].max() < first[~is_closed].min()


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("ag_particles_1", {}, "model 'langevin' has no r_on and r_off"),
        ("hopping", {"open": 0.6, "closed": 0.6}, "open = 0.6, closed = 0.6"),
        ("hopping", {"open": -0.1}, "open = -0.1"),
        ("hopping", {"seed": -1}, "seed = -1"),
    ],
)
def test_bad_faults(name, options, said):
    with pytest.raises(ValueError, match=said):
        stuck_devices(OneM1T1R(name), 10, **options)
