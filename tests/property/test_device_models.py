"""What every device model promises, in every circuit: bounded states, a positive resistance, reported spikes."""

import numpy as np
import pytest
from brian2 import Network, SpikeMonitor, StateMonitor, TimedArray, amp, hertz, kelvin, ms, nA, pF, second, us, volt

from memneuro import OneM1T1R, ParallelCapacitor, PulseTrain, SourceMeter, card
from memneuro.circuit.drive import Constant, Current
from memneuro.device.langevin import langevin_model
from memneuro.device.model import device_model, model_names

BOUNDED = {
    "area": {"x_total": (0, 1), "x_residue": (0, 1), "s_channel": (1, np.inf)},
    "threshold": {"x_on": (0, 1)},
    "hopping": {"x_total": (0, 1), "x_residue": (0, 1)},
}
# Left out: many particles take long, and SymPy recurses without end on the compact model's abs() of a sampled drive.
SMALL = [name for name in model_names() if name not in ("langevin_10", "langevin_100", "compact")]


def wild_drive(amplitude, step, steps, n, seed):
    """A voltage that jumps at every fourth step, different in every neuron."""
    values = np.random.default_rng(seed).uniform(-amplitude, amplitude, (steps // 4, n))
    return TimedArray(values * volt, dt=4 * step)


@pytest.mark.parametrize("circuit", [OneM1T1R, ParallelCapacitor, SourceMeter])
@pytest.mark.parametrize("model", SMALL)
def test_every_model_works_in_every_circuit(model, circuit):
    neuron = circuit(device_model(model).default_card)
    step = neuron.default_step
    group = neuron.group(20, drive=wild_drive(2, step, 400, 20, seed=3), seed=1)
    watched = StateMonitor(group, ["r_device", "v_device", *BOUNDED.get(model, {})], record=True)
    Network(group, watched).run(400 * step, namespace={})
    resistance = np.asarray(watched.r_device)
    assert np.isfinite(resistance).all() and (resistance > 0).all()
    assert np.isfinite(np.asarray(watched.v_device)).all()
    for state, (low, high) in BOUNDED.get(model, {}).items():
        values = np.asarray(getattr(watched, state))
        assert values.min() >= low - 1e-12 and values.max() <= high + 1e-12, state


@pytest.mark.parametrize("name", ["area_dc_symmetric", "area_oscillator", "area_ag_thick"])
def test_channel_states_keep_their_bounds_at_the_largest_step(name):
    meter = SourceMeter(name)
    step = meter.largest_step
    group = meter.group(100, drive=wild_drive(3, step, 1000, 100, seed=5), dt=step, seed=2, sigma_growth=1.0)
    watched = StateMonitor(group, ["x_total", "x_residue", "s_channel"], record=True)
    Network(group, watched).run(1000 * step, namespace={})
    assert np.asarray(watched.x_total).max() > 0.999
    assert np.asarray(watched.s_channel).min() >= 1 - 1e-12
    for state in ("x_total", "x_residue"):
        values = np.asarray(getattr(watched, state))
        assert values.min() >= -1e-12 and values.max() <= 1 + 1e-12, state


def test_the_published_oscillator_closes_and_its_series_resistor_holds_it():
    # Closed, the device still gets V r_on/r_series = 25 mV, and mu times that over alpha, 750/s, exceeds the losses.
    neuron = ParallelCapacitor("area_oscillator", "parallel_oscillator_2024")
    group = neuron.group(2, drive=Constant([1, 0.05] * volt), noise=False)
    spikes = SpikeMonitor(group)
    Network(group, spikes).run(100 * ms, namespace={})
    assert list(np.asarray(spikes.count)) == [1, 0]
    assert np.asarray(group.r_device)[0] < 1e4


def test_the_threshold_switch_closes_above_and_opens_below_its_voltages():
    values = {name: entry.value for name, entry in card("and_ts").parameters.items()}
    levels = np.array(
        [
            0.5 * (values["v_set_positive"] + values["v_hold_positive"]),
            values["v_set_positive"] + 0.05,
            values["v_set_negative"] - 0.05,
        ]
    )
    group = SourceMeter("and_ts").with_(i_compliance=1 * amp).group(3, drive=Constant(levels * volt))
    network = Network(group)
    network.run(2e-6 * second, namespace={})
    assert np.asarray(group.x_on) == pytest.approx([0, 1, 1], abs=0.01)
    group.v_in = 0.5 * (values["v_hold_positive"] + values["v_hold_negative"]) * volt
    network.run(2e-6 * second, namespace={})
    assert np.asarray(group.x_on) == pytest.approx([0, 0, 0], abs=0.02)


def test_the_film_follows_both_published_branches():
    film = card("vo2_neuristor").parameters
    value = {name: film[name].value for name in film}
    meter = SourceMeter("vo2_neuristor")
    base = np.array([325.0, 332.0, 345.0])

    def published(temperature, direction):
        switch = value["steepness"] * (
            direction * value["hysteresis_width"] / 2 + value["temperature_critical"] - temperature
        )
        share = 0.5 + 0.5 * np.tanh(switch)
        return value["r_prefactor"] * np.exp(value["activation_temperature"] / temperature) * share + value["r_metal"]

    group = meter.group(3, drive=0 * volt, temperature_base=base * kelvin)
    network = Network(group)
    for direction, start in ((1, 320.0), (-1, 360.0)):
        group.temperature_play = (start - direction * value["hysteresis_width"] / 2) * kelvin
        group.temperature_film = base * kelvin
        network.run(1e-8 * second, namespace={})
        now = np.asarray(group.temperature_film)
        assert np.asarray(group.r_device) == pytest.approx(published(now, direction), rel=0.01)


def test_an_injected_current_needs_a_gate():
    with pytest.raises(ValueError, match="needs a circuit with a gate"):
        ParallelCapacitor("area_lif").group(1, drive=Current(1 * nA, 1 * pF))


@pytest.mark.parametrize("particles", [0, -1, 2.5, True])
def test_a_number_of_particles_that_makes_no_sense(particles):
    with pytest.raises(ValueError, match="accepted: a whole number of at least 1"):
        langevin_model(particles)


def test_any_number_of_particles_makes_a_model():
    model = langevin_model(2)
    assert model.name == "langevin_2" and "dx_2/dt" in model.equations(True)


def test_a_hopping_device_that_hardly_dissolves_still_has_a_short_step():
    """The step follows gamma1, but not to where a pulse would be a fraction of it."""
    slow = OneM1T1R("hopping").with_(gamma1=1e-3 * hertz)
    assert slow.default_step <= 0.1 * ms
    for width, step in ((1 * ms, 10 * us), (0.05 * ms, 5 * us)):
        drive = PulseTrain(0.9 * volt, width=width, period=2 * ms)
        assert float(OneM1T1R("hopping").group(drive=drive).clock.dt) == pytest.approx(float(step), rel=1e-9)
