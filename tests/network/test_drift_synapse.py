"""The drift synapse against its own equation, solved with a small step, and against the published learning window."""

import numpy as np
import pytest
from brian2 import DimensionMismatchError, Network, NeuronGroup, SpikeGeneratorGroup, defaultclock, ms, second, siemens
from brian2 import prefs as brian_prefs

from memneuro.device.card import card
from memneuro.network.drift_synapse import DriftSynapse

AT = 200.0  # ms, of the first spike


@pytest.fixture(autouse=True)
def numpy_target():
    before = brian_prefs.codegen.target
    brian_prefs.codegen.target = "numpy"
    yield
    brian_prefs.codegen.target = before


def pairs(synapse, distance_ms, *, start=0.5, repeats=1, period_ms=1000.0, seed=0, copies=1, learning=True):
    """States after pairs of spikes, for each distance t_post - t_pre; shape (distances, copies)."""
    distance = np.repeat(np.asarray(distance_ms, dtype=float), copies)
    n = len(distance)
    defaultclock.dt = 0.1 * ms
    first = AT + period_ms * np.arange(repeats)[:, None] + np.zeros(n)
    index = np.tile(np.arange(n), repeats)
    pre = SpikeGeneratorGroup(n, index, first.ravel() * ms)
    post = SpikeGeneratorGroup(n, index, (first + distance).ravel() * ms)
    made = synapse.synapses(pre, post, seed=seed)
    made.connect(j="i")
    made.w, made.learning = start, learning
    Network(pre, post, made).run((AT + period_ms * (repeats - 1) + 200) * ms)
    return np.array(made.w).reshape(-1, copies)


def solved(values, distance_ms, start=0.5, step=1e-5):
    """The state after one pair by the device's equation: small steps of the waveforms."""
    number = {name: float(value) for name, value in values.items()}
    distance = np.asarray(distance_ms) * 1e-3
    w = np.full(distance.shape, start)

    def wave(s, end):
        ramp = number[f"ramp_{end}"]
        inside = (s >= number["pulse_width"]) & (s < ramp)
        tail = -number[f"ramp_amplitude_{end}"] * (1 - s / ramp) * inside
        return number[f"pulse_amplitude_{end}"] * ((s >= 0) & (s < number["pulse_width"])) + tail

    for t in np.arange(-0.11, 0.28, step) + step / 2:
        v = wave(t - distance, "target") - wave(np.full(distance.shape, t), "source")
        up = 2 * number["rate_potentiation"] * np.sinh(np.maximum(v, 0) / number["v_potentiation"])
        down = 2 * number["rate_depression"] * np.sinh(np.maximum(-v, 0) / number["v_depression"])
        w = 1 - (1 - w * np.exp(-down * step)) * np.exp(-up * step)
    return w


def test_one_pair_as_by_the_device_equation():
    distance = np.array([-100.0, -50, -20, -8, -3, 3, 8, 20, 50])
    found = pairs(DriftSynapse(noise=False), distance)[:, 0] - 0.5
    exact = solved(card("drift_hippocampal").values(), distance) - 0.5
    # How two ramps change each other is left out: a hundredth of the largest change.
    assert np.abs(found - exact).max() < 0.01 * 0.5 * 0.777 / 60


def test_the_window_is_the_published_one():
    """Change of the first pair, relative to the state: a sixtieth of 0.777 exp(-t/16.8 ms) and 0.273 exp(t/33.7 ms)."""
    synapse = DriftSynapse(noise=False)
    distance = np.array([-40.0, -30, -20, -10, -5, 5, 10, 20, 30])
    change = pairs(synapse, distance)[:, 0] / 0.5 - 1
    published = np.where(
        distance > 0, 0.777 * np.exp(-np.abs(distance) / 16.8), -0.273 * np.exp(-np.abs(distance) / 33.7)
    )
    # Beside the window each pulse alone gives a hundredth, and the pulse ends half its width later.
    assert np.abs(change - published / 60).max() < 0.03 * 0.777 / 60
    slope = np.polyfit(distance[-4:], np.log(change[-4:]), 1)[0]
    assert -1 / slope == pytest.approx(16.8, rel=0.05)


def test_states_stay_within_bounds_and_saturate():
    fast = DriftSynapse(rate_potentiation=5e-3 / second, rate_depression=5e-3 / second)
    states = pairs(fast, [5.0, -5.0], repeats=40, period_ms=300.0)[:, 0]
    # Lone pulses and ramps of the other direction leave a little to the bounds.
    assert 0.95 < states[0] <= 1 and 0 <= states[1] < 0.05


def test_cycles_vary_with_the_stated_spread_and_mean():
    dose = -np.log(1 - (pairs(DriftSynapse(), [5.0], copies=4000) - 0.5) / 0.5)
    plain = -np.log(1 - (pairs(DriftSynapse(noise=False), [5.0]) - 0.5) / 0.5)
    assert dose.mean() == pytest.approx(plain[0, 0], rel=4 * 0.3 / np.sqrt(4000))
    assert (dose.std() / dose.mean()) == pytest.approx(np.sqrt(np.exp(0.3**2) - 1), rel=0.1)


def test_few_levels_keep_the_mean():
    levels = pairs(DriftSynapse(noise=False, levels=8), [5.0], copies=4000, start=4 / 7)
    assert np.abs(levels * 7 - np.round(levels * 7)).max() < 1e-9
    free = pairs(DriftSynapse(noise=False), [5.0], start=4 / 7)[0, 0]
    error = levels.std() / np.sqrt(levels.size)
    assert error > 0 and abs(levels.mean() - free) < 4 * error


def test_a_seed_is_a_course_of_learning():
    one, again, other = (pairs(DriftSynapse(levels=16), [5.0], copies=20, repeats=3, seed=s) for s in (1, 1, 2))
    assert np.array_equal(one, again) and not np.array_equal(one, other)


def test_nothing_is_learnt_unless_asked_for():
    assert np.all(pairs(DriftSynapse(), [5.0, -5.0], learning=False) == 0.5)
    assert np.all(pairs(DriftSynapse(levels=3), [5.0, -5.0], learning=False) == 0.5)


def test_spikes_are_delivered_with_the_conductance_before_the_change():
    defaultclock.dt = 0.1 * ms
    pre = SpikeGeneratorGroup(1, [0], [5] * ms)
    post = NeuronGroup(1, "g : siemens", threshold="False")
    made = DriftSynapse(noise=False).synapses(pre, post, deliver="g_post += conductance")
    made.connect()
    made.w, made.learning = 0.5, True
    Network(pre, post, made).run(10 * ms)
    assert float(post.g[0]) == pytest.approx(0.5 * (1e-6 + 50e-6)) and made.w[0] != 0.5


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"device": "hopping_2e4d"}, ValueError, "'hopping_2e4d' is a card of kind 'device'"),
        ({"levels": 1}, ValueError, "levels = 1; accepted: 0 for any state"),
        ({"levels": 2.5}, ValueError, "levels = 2.5"),
        ({"g_low": 60e-6 * siemens}, ValueError, "g_high = .*accepted: above g_low"),
        ({"speed": 1}, ValueError, "no parameter 'speed'"),
        ({"pulse_width": 1}, DimensionMismatchError, "pulse_width must have the unit 'msecond'"),
        ({"rate_depression": -1 / second}, ValueError, "must be greater than zero"),
    ],
)
def test_bad_input(arguments, error, message):
    with pytest.raises(error, match=message):
        DriftSynapse(**arguments)


def test_bad_seed():
    pre = SpikeGeneratorGroup(1, [0], [5] * ms)
    with pytest.raises(ValueError, match="seed = -1; accepted"):
        DriftSynapse().synapses(pre, pre, seed=-1)
