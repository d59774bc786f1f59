"""Reference neurons against closed forms, published behaviour and independent integration."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from brian2 import (
    DimensionMismatchError,
    Hz,
    Mohm,
    Network,
    SpikeMonitor,
    StateMonitor,
    TimedArray,
    amp,
    ms,
    mV,
    nA,
    nS,
    pA,
    siemens,
    uA,
    um,
    volt,
)
from scipy import stats
from scipy.integrate import solve_ivp

from memneuro.backend import backend
from memneuro.biology.reference import ReferenceNeuron, reference_names
from memneuro.biology.reference.neuron import ConstantCurrent
from memneuro.circuit.injected import Injected, LowPass
from memneuro.device.card import card_names
from memneuro.numerics.threefry import threefry_normal, threefry_uniform

CARDS = card_names("reference")
TARGETS = ("cython", "cpp")
uniform, normal = threefry_uniform.pyfunc, threefry_normal.pyfunc


def spikes_of(neuron, current, duration=500 * ms, **given):
    """Spike times in ms, a list of arrays, of one neuron for each current."""
    n = np.size(current)
    with backend("numpy"):
        group = neuron.group(n, drive=ConstantCurrent(current), **given)
        monitor = SpikeMonitor(group)
        Network(group, monitor).run(duration, namespace={})
        return [np.asarray(monitor.t / ms)[np.asarray(monitor.i) == k] for k in range(n)]


def numbers(neuron):
    """Parameters in SI units."""
    return {name: float(value) for name, (value, _) in neuron.parameters().items()}


# Integrate-and-fire


def test_lif_first_spike_and_rate_are_the_closed_form():
    """From v_0 the threshold is reached after tau ln((v_inf - v_0)/(v_inf - v_threshold))."""
    neuron = ReferenceNeuron("lif")
    p = numbers(neuron)
    current = np.array([60, 70, 100, 200, 500]) * pA
    found = spikes_of(neuron, current)
    v_inf = p["e_leak"] + p["r_m"] * np.asarray(current)
    assert found[0].size == 0 and v_inf[0] < p["v_threshold"]
    for times, v in zip(found[1:], v_inf[1:], strict=True):
        first, again = (
            1e3 * p["tau_m"] * np.log((v - start) / (v - p["v_threshold"])) for start in (p["e_leak"], p["v_reset"])
        )
        assert 0 <= times[0] + 0.1 - first < 0.1 + 1e-6  # a spike carries the time of the step's start
        interval = np.diff(times)
        ideal = again + 1e3 * p["t_refractory"]
        assert np.all((interval > ideal - 0.1) & (interval < ideal + 0.2 + 1e-6))


def test_lif_is_held_at_reset_while_refractory():
    neuron = ReferenceNeuron("lif").with_(t_refractory=8 * ms)
    with backend("numpy"):
        group = neuron.group(1, drive=1 * nA)
        spikes, trace = SpikeMonitor(group), StateMonitor(group, "v", record=True)
        Network(group, spikes, trace).run(60 * ms, namespace={})
    times, at = np.asarray(spikes.t / ms), np.asarray(trace.t / ms)
    assert times.size > 4 and np.diff(times).min() >= 8
    for start in times[:-1]:
        held = np.asarray(trace.v[0] / mV)[(at > start + 0.05) & (at < start + 7.95)]
        np.testing.assert_allclose(held, -60, atol=1e-9)


def test_a_refractory_period_that_ends_within_a_step():
    """Of the step in which 8.04 ms end, the last 0.6 count."""
    neuron = ReferenceNeuron("lif").with_(t_refractory=8.04 * ms)
    p = numbers(neuron)
    with backend("numpy"):
        group = neuron.group(1, drive=1 * nA)
        spikes, trace = SpikeMonitor(group), StateMonitor(group, "v", record=True)
        Network(group, spikes, trace).run(30 * ms, namespace={})
    first = round(float(spikes.t[0] / ms) / 0.1)
    v = np.asarray(trace.v[0])
    assert np.all(v[first + 1 : first + 81] == p["v_reset"])
    slope = (p["e_leak"] - p["v_reset"] + p["r_m"] * 1e-9) / p["tau_m"]
    assert v[first + 81] - p["v_reset"] == pytest.approx(0.6e-4 * slope, rel=0.01)


def test_escape_noise_ends_far_below_the_threshold():
    """More than 20 delta_u below it there is none, however high the rate; just above there is."""
    found = []
    for depth in (20.2, 19.8):
        rest = -50 * mV - depth * 1 * mV
        neuron = ReferenceNeuron("stochastic_lif").with_(delta_u=1 * mV, rate_threshold=1e13 * Hz)
        found += spikes_of(neuron.with_(e_leak=rest, v_reset=rest), [0] * amp, 20 * ms, seed=1)
    assert found[0].size == 0 and found[1].size >= 5


def test_escape_noise_at_a_constant_potential_gives_exponential_intervals():
    """With v_reset = v_inf = v_0 the hazard is lambda_0 exp((v_0 - v_threshold)/delta_u) throughout."""
    n, rate = 400, 10e3 * np.exp(-5 / 2)
    neuron = ReferenceNeuron("stochastic_lif").with_(
        e_leak=-55 * mV, v_reset=-55 * mV, t_refractory=0 * ms, tau_m=1 * ms
    )
    found = spikes_of(neuron, np.zeros(n) * amp, 60 * ms, seed=3)
    counts = np.array([times.size for times in found])
    fires = 1 - np.exp(-rate * 1e-4)  # probability in a step
    expected = n * 600 * fires
    assert abs(counts.sum() - expected) < 4 * np.sqrt(expected)
    steps = np.round(np.concatenate([np.diff(times) for times in found]) / 0.1).astype(int)
    # Intervals end with the run, which cuts off e**-49 of them; within it they are geometric, exponential on the grid.
    assert abs(steps.mean() - 1 / fires) < 4 * np.sqrt(1 - fires) / fires / np.sqrt(steps.size) + 0.02 / fires
    seen = np.bincount(np.minimum(steps, 8), minlength=9)[1:]
    ideal = np.append(stats.geom.pmf(np.arange(1, 8), fires), stats.geom.sf(7, fires)) * steps.size
    assert np.sum((seen - ideal) ** 2 / ideal) < stats.chi2.ppf(0.9999, 7)
    assert counts.var() / counts.mean() == pytest.approx(1 - fires, abs=5 * np.sqrt(2 / n))


@pytest.mark.parametrize("name", ["stochastic_lif", "gif"])
def test_without_noise_it_fires_at_its_threshold(name):
    zero = {f"{kind}_{speed}": 0 * unit for kind, unit in (("eta", amp), ("gamma", volt)) for speed in ("fast", "slow")}
    neuron = ReferenceNeuron(name).with_(**(zero if name == "gif" else {}))
    current = np.array([60, 100, 300]) * pA
    found = spikes_of(neuron, current, 200 * ms, noise=False)
    for times, other in zip(found, spikes_of(ReferenceNeuron("lif"), current, 200 * ms), strict=True):
        np.testing.assert_array_equal(times, other)


def test_noise_vanishes_with_the_softness_of_the_threshold():
    current = np.array([60, 100, 300]) * pA
    found = spikes_of(ReferenceNeuron("stochastic_lif").with_(delta_u=0.001 * mV), current, 200 * ms)
    assert found[0].size == 0
    for times, other in zip(found, spikes_of(ReferenceNeuron("lif"), current, 200 * ms), strict=True):
        assert times.size == pytest.approx(other.size, abs=1)
        assert abs(times[0] - other[0] if other.size else 0) < 0.35


def test_seeds_and_offsets():
    neuron = ReferenceNeuron("stochastic_lif")
    current = np.full(6, 80) * pA
    first = spikes_of(neuron, current, 100 * ms, seed=1)
    for k, times in enumerate(spikes_of(neuron, current[:4], 100 * ms, seed=1, offset=2)):
        np.testing.assert_array_equal(times, first[k + 2])
    other = spikes_of(neuron, current, 100 * ms, seed=2)
    assert all(a.size != b.size or np.any(a != b) for a, b in zip(first, other, strict=True))
    assert len({times.tobytes() for times in first}) == 6


# AdEx


def test_adex_rheobase_is_that_of_touboul_and_brette():
    """Touboul & Brette 2008, doi:10.1007/s00422-008-0267-4: for a/g_L < C/(g_L tau_w) the rheobase is
    (g_L + a)(v_T - E_L - Delta_T + Delta_T ln(1 + a/g_L))."""
    neuron = ReferenceNeuron("adex")
    p = numbers(neuron)
    a, g = p["a"], p["g_leak"]
    for value in (4 * nS, 0 * nS, 0.5 * nS):
        a = float(value)
        ideal = (g + a) * (p["v_t"] - p["e_leak"] - p["delta_t"] + p["delta_t"] * np.log(1 + a / g))
        changed = neuron.with_(a=value, tau_w=20 * ms)  # C/(g_L tau_w) = 0.47: every a above is below it
        below, above = spikes_of(changed, np.array([0.99, 1.02]) * ideal * amp, 400 * ms)
        assert below.size == 0 and above.size > 0


def test_adex_adapts():
    """The intervals of the published cell lengthen; without w they are equal."""
    (adapting,) = spikes_of(ReferenceNeuron("adex"), [1000] * pA, 200 * ms)
    intervals = np.diff(adapting)
    assert intervals.size >= 5 and intervals[-1] > 1.8 * intervals[0]
    assert np.all(np.diff(intervals[:4]) > 0)
    (steady,) = spikes_of(ReferenceNeuron("adex").with_(a=0 * nS, b=0 * pA), [1000] * pA, 100 * ms)
    assert np.ptp(np.diff(steady)) < 0.15


def test_adex_overshoot_does_not_reach_the_adaptation():
    """The potential passes v_cut by volts within a step; w must not see that."""
    coarse, fine = (spikes_of(ReferenceNeuron("adex"), [700] * pA, 100 * ms, dt=dt * ms)[0] for dt in (0.1, 0.025))
    np.testing.assert_allclose(coarse, fine, rtol=0.02)


# GIF


def gif(**changes):
    """A GIF without filters but for `changes`."""
    zero = {f"{kind}_{speed}": 0 * unit for kind, unit in (("eta", amp), ("gamma", volt)) for speed in ("fast", "slow")}
    return ReferenceNeuron("gif").with_(**{**zero, **changes})


def test_gif_without_filters_is_the_stochastic_lif():
    current = np.linspace(50, 150, 8) * pA
    plain = spikes_of(ReferenceNeuron("stochastic_lif"), current, 200 * ms, seed=9)
    for times, other in zip(spikes_of(gif(), current, 200 * ms, seed=9), plain, strict=True):
        np.testing.assert_array_equal(times, other)
    assert sum(times.size for times in plain) > 50


@pytest.mark.parametrize(
    "changes, lengthens",
    [({"eta_slow": 20 * pA}, True), ({"gamma_slow": 4 * mV}, True), ({"eta_slow": -10 * pA}, False)],
)
def test_gif_adapts_and_facilitates(changes, lengthens):
    found = spikes_of(gif(**changes), np.full(20, 120) * pA, 300 * ms, seed=2)
    intervals = [np.diff(times) for times in found]
    first = np.array([one[:3].mean() for one in intervals])
    last = np.array([one[-5:].mean() for one in intervals])
    assert np.all(last > first) if lengthens else np.mean(last < first) > 0.75


def test_the_upstroke_fires_where_that_of_the_exponential_neuron_does():
    """The rheobase of the exponential integrate-and-fire neuron is (v_threshold - Delta_T - E_L)/R_m."""
    neuron = gif(upstroke_gain=1, delta_t=2 * mV, v_upstroke=20 * mV)
    p = numbers(neuron)
    ideal = (p["v_threshold"] - p["delta_t"] - p["e_leak"]) / p["r_m"]
    below, above = spikes_of(neuron, np.array([0.99, 1.03]) * ideal * amp, 350 * ms, noise=False)
    assert below.size == 0 and above.size > 0
    (plain,) = spikes_of(gif(delta_t=2 * mV), [1.03 * ideal] * amp, 350 * ms, noise=False)
    assert plain.size == 0
    assert ReferenceNeuron("exponential_gif").parameters()["upstroke_gain"][0] == 1


# Hodgkin and Huxley


def lin(z):
    """z/(1 - exp(-z))."""
    return z / -np.expm1(-z) if abs(z) > 1e-9 else 1 + z / 2


def squid_rates(v):
    """Opening and closing rates of m, h, n, in 1/ms, of the axon at v mV."""
    return (
        (0.1 * (10 * lin((v + 40) / 10)), 4 * np.exp(-(v + 65) / 18)),
        (0.07 * np.exp(-(v + 65) / 20), 1 / (1 + np.exp(-(v + 35) / 10))),
        (0.01 * (10 * lin((v + 55) / 10)), 0.125 * np.exp(-(v + 65) / 80)),
    )


def cortical_rates(v, v_traub):
    """The same of the cortical cell."""
    u = v - v_traub
    return (
        (0.32 * 4 * lin((u - 13) / 4), 0.28 * 5 * lin(-(u - 40) / 5)),
        (0.128 * np.exp(-(u - 17) / 18), 4 / (1 + np.exp(-(u - 40) / 5))),
        (0.032 * 5 * lin((u - 15) / 5), 0.5 * np.exp(-(u - 10) / 40)),
    )


def integrated(neuron, current, duration=100.0):
    """Spike times in ms by `solve_ivp`, of a constant current in A, from equations written here once more."""
    p = {"g_m": 0.0, "tau_max": 1.0, **numbers(neuron)}
    squid = neuron.model.name == "hodgkin_huxley"
    phi, drive = p["temperature_factor"], current / p["area"]

    def rates(v):
        return squid_rates(v) if squid else cortical_rates(v, 1e3 * p["v_traub"])

    def slow(v):
        return 1 / (1 + np.exp(-(v + 35) / 10)), 1e3 * p["tau_max"] / (
            3.3 * np.exp((v + 35) / 20) + np.exp(-(v + 35) / 20)
        )

    def slope(_, y):
        v, m, h, n, q = y
        volts = 1e-3 * v
        total = (
            p["g_leak"] * (volts - p["e_leak"])
            + p["g_na"] * m**3 * h * (volts - p["e_na"])
            + p["g_k"] * n**4 * (volts - p["e_k"])
            + p["g_m"] * q * (volts - p["e_k"])
        )
        gates = [phi * (a * (1 - x) - b * x) for x, (a, b) in zip((m, h, n), rates(v), strict=True)]
        target, tau = slow(v)
        return [(drive - total) / p["c_area"], *gates, phi * (target - q) / tau]  # V/s is mV/ms

    start = -65.0 if squid else 1e3 * p["e_leak"]
    state = [start, *(a / (a + b) for a, b in rates(start)), slow(start)[0]]

    def crossing(_, y):
        return y[0] - 1e3 * p["v_spike"]

    crossing.direction = 1
    found = solve_ivp(slope, (0, duration), state, method="LSODA", rtol=1e-8, atol=1e-9, events=crossing)
    return found.t_events[0], found.y[:, -1]


CONDUCTANCE = [("hodgkin_huxley", 1.0), ("cortical_regular_spiking", 0.5), ("cortical_fast_spiking", 0.5)]


@pytest.mark.parametrize("name, current", CONDUCTANCE)
def test_spikes_are_those_of_an_independent_integration(name, current):
    """The first spike is in the right step; intervals are right to 1 % at the default step, to 0.1 % at a quarter."""
    neuron = ReferenceNeuron(name)
    ideal, _ = integrated(neuron, current * 1e-9, 70.0)
    assert ideal.size >= 4
    (coarse,) = spikes_of(neuron, [current] * nA, 70 * ms)
    (fine,) = spikes_of(neuron, [current] * nA, 25 * ms, dt=0.0125 * ms)
    assert abs(coarse[0] - ideal[0]) < 0.05
    assert coarse.size == pytest.approx(ideal.size, abs=1)
    few = min(coarse.size, ideal.size)
    np.testing.assert_allclose(np.diff(coarse[:few]), np.diff(ideal[:few]), atol=0.05 + 0.01 * np.diff(ideal).max())
    np.testing.assert_allclose(fine, ideal[: fine.size], rtol=1e-3, atol=0.02)


@pytest.mark.parametrize("name, current", CONDUCTANCE)
def test_temperature_factor_speeds_the_gates(name, current):
    neuron = ReferenceNeuron(name).with_(temperature_factor=1.5)
    ideal, _ = integrated(neuron, 2e-9 * current, 30.0)
    (found,) = spikes_of(neuron, [2 * current] * nA, 30 * ms, dt=0.02 * ms)
    assert ideal.size >= 2
    np.testing.assert_allclose(found, ideal, atol=0.05)


@pytest.mark.parametrize("name, rest", [("hodgkin_huxley", -65), ("cortical_fast_spiking", -71.4)])
def test_rest(name, rest):
    """Without a current it stays, and after a displacement returns, silently."""
    with backend("numpy"):
        group = ReferenceNeuron(name).group(2, drive=0 * amp)
        group.v[1] = (rest - 10) * mV if name != "hodgkin_huxley" else (rest + 3) * mV
        spikes = SpikeMonitor(group)
        Network(group, spikes).run(200 * ms, namespace={})
    np.testing.assert_allclose(np.asarray(group.v / mV), rest, atol=0.1)
    assert len(spikes.i) == 0


def test_squid_rheobase_and_rate():
    """From rest it fires on above about 6.3 uA/cm2, a few times below; at 10 uA/cm2 about 68 times a second."""
    density = np.array([2.0, 5.5, 6.0, 6.6, 10.0]) * uA / (1e4 * um) ** 2
    neuron = ReferenceNeuron("hodgkin_huxley")
    found = spikes_of(neuron, density * neuron.parameters()["area"][0], 500 * ms)
    late = [np.sum(times > 300) for times in found]
    assert found[0].size == 0 and found[1].size >= 1
    assert late[1:3] == [0, 0] and late[3] > 8
    assert 1e3 / np.diff(found[4])[5:].mean() == pytest.approx(68.2, abs=0.6)


def test_spike_counts_once():
    """The potential stays above v_spike for many steps."""
    neuron = ReferenceNeuron("hodgkin_huxley")
    for v_spike in (-20, 0, 20):
        (times,) = spikes_of(neuron.with_(v_spike=v_spike * mV), [1] * nA, 100 * ms)
        assert times.size == 7 and np.diff(times).min() > 10


def test_no_singular_rates():
    """At the potentials where (v - v_0)/(1 - exp(-(v - v_0)/k)) is 0/0."""
    for name, places in (("hodgkin_huxley", (-40, -55)), ("cortical_fast_spiking", (-44.9, -17.9, -42.9))):
        with backend("numpy"):
            group = ReferenceNeuron(name).group(3 * len(places), drive=0 * amp)
            group.v = np.add.outer(places, (-1e-9, 0, 1e-9)).ravel() * mV
            for rate in ("alpha_m", "beta_m", "alpha_n"):
                values = np.asarray(getattr(group, rate)[:]).reshape(len(places), 3)
                assert np.all(np.isfinite(values)) and np.all(np.ptp(values, axis=1) < 1e-6 * values[:, 0])
            Network(group).run(1 * ms, namespace={})
            assert np.all(np.isfinite(np.asarray(group.v)))


def test_cortical_cells():
    """At one current density the fast-spiking cell fires faster; the regular-spiking one adapts through g_m."""
    fast, regular = ReferenceNeuron("cortical_fast_spiking"), ReferenceNeuron("cortical_regular_spiking")
    rates = {}
    for name, neuron in (("fast", fast), ("regular", regular), ("no M", regular.with_(g_m=0 * siemens / um**2))):
        (times,) = spikes_of(neuron, [float(neuron.parameters()["area"][0]) * 0.06] * amp, 400 * ms)
        rates[name] = times.size, np.diff(times)[-1] / np.diff(times)[0]
    assert rates["fast"][0] > 1.05 * rates["regular"][0]
    assert rates["regular"][1] > 1.2
    assert rates["no M"][1] == pytest.approx(1, abs=0.05)
    assert rates["no M"][0] > rates["regular"][0]


# All


@pytest.mark.parametrize("name", CARDS)
def test_half_the_step(name):
    """Without noise, spikes of the default step are within a step, and 1 %, of those of half the step."""
    neuron = ReferenceNeuron(name)
    current = [1000 if name in ("adex", "hodgkin_huxley") else 250] * pA
    step = float(neuron.default_step / ms)
    (coarse,), (fine,) = (spikes_of(neuron, current, 60 * ms, dt=d * ms, noise=False) for d in (step, step / 2))
    few = min(coarse.size, fine.size)
    assert few >= 2 and abs(coarse.size - fine.size) <= 1
    assert np.all(np.abs(coarse[:few] - fine[:few]) < step * np.arange(1, few + 1) + 0.01 * fine[:few])


@pytest.fixture(scope="module")
def on_target(tmp_path_factory):
    """Run ``reference_on_target.py`` on one backend in a process of its own."""
    folder, done = tmp_path_factory.mktemp("reference"), {}

    def run(target):
        if target not in done:
            path = folder / f"{target}.npz"
            script = Path(__file__).with_name("reference_on_target.py")
            finished = subprocess.run(
                [sys.executable, str(script), target, str(path)], capture_output=True, text=True, cwd=folder
            )
            assert finished.returncode == 0, finished.stdout[-2000:] + finished.stderr[-4000:]
            with np.load(path) as arrays:
                done[target] = {name: arrays[name] for name in arrays.files}
        return done[target]

    return run


@pytest.mark.slow
def test_the_run_on_numpy_is_worth_comparing(on_target):
    found = on_target("numpy")
    for name in CARDS:
        assert found[f"{name}_i"].size >= 10 and np.unique(found[f"{name}_i"]).size >= 3, name


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_same_spikes_and_uniform_numbers_as_numpy(on_target, target):
    reference, found = on_target("numpy"), on_target(target)
    assert found["device"] == ("CPPStandaloneDevice" if target == "cpp" else "RuntimeDevice")
    for name in reference:
        if name != "device":
            np.testing.assert_array_equal(found[name], reference[name], err_msg=name)


# Bad input


def test_unknown_model_and_card_of_another_kind():
    with pytest.raises(ValueError, match=r"unknown card 'lif2'.*lif"):
        ReferenceNeuron("lif2")
    with pytest.raises(ValueError, match="describes a device"):
        ReferenceNeuron("hopping_2e4d")
    assert {"lif", "stochastic_lif", "adex", "gif", "hodgkin_huxley"} < set(reference_names())
    assert ReferenceNeuron("cortical_fast_spiking").model.name == "cortical_hodgkin_huxley"


@pytest.mark.parametrize(
    "changes, error, message",
    [
        ({"tau_m": 20 * mV}, DimensionMismatchError, "tau_m"),
        ({"tau_m": 20}, DimensionMismatchError, "tau_m"),
        ({"tau_m": -1 * ms}, ValueError, "tau_m = -1 msecond must be greater than zero"),
        ({"tau_m": [20, 0] * ms}, ValueError, "greater than zero"),
        ({"tau_m": [20, 20, 20] * ms}, ValueError, r"tau_m has the shape \(3,\); accepted: one value or 2 values"),
        ({"tau_m": [[20, 20]] * ms}, ValueError, "shape"),
        ({"t_refractory": -1 * ms}, ValueError, "must not be negative"),
        ({"v_reset": np.nan * mV}, ValueError, "not finite"),
        ({"i_in": 1 * mV}, DimensionMismatchError, "i_in"),
        ({"tau": 1 * ms}, ValueError, "unknown parameter 'tau'; accepted: .*tau_m"),
        ({"spread": True}, ValueError, "spread"),
        ({"dt": 0 * ms}, ValueError, "dt"),
        ({"dt": 1 * mV}, ValueError, "dt"),
        ({"seed": -1}, ValueError, "seed"),
        ({"offset": 2**31}, ValueError, "offset"),
    ],
    ids=str,
)
def test_bad_parameters(changes, error, message):
    with pytest.raises(error, match=message):
        ReferenceNeuron("stochastic_lif").group(2, drive=1 * pA, **changes)


@pytest.mark.parametrize("n", [0, -1, 1.5, "two"])
def test_bad_number_of_neurons(n):
    with pytest.raises((ValueError, TypeError), match="n"):
        ReferenceNeuron("lif").group(n, drive=1 * pA)


@pytest.mark.parametrize(
    "drive, error",
    [
        (1 * mV, DimensionMismatchError),
        (TimedArray([1, 2] * mV, dt=1 * ms), DimensionMismatchError),
        (1.0, TypeError),
        ("100*pA", TypeError),
        (np.nan * pA, ValueError),
        ([1, 2, 3] * pA, ValueError),
    ],
    ids=["voltage", "voltages", "number", "text", "not finite", "three currents"],
)
def test_bad_drive(drive, error):
    with pytest.raises(error):
        ReferenceNeuron("lif").group(2, drive=drive)


CURRENTS = TimedArray(np.array([[1.0, 2.0], [3.0, 4.0]]) * pA, dt=1 * ms)


@pytest.mark.parametrize("kind", [Injected, lambda *a: LowPass(*a, resistance=1 * Mohm, time_constant=1 * ms)])
@pytest.mark.parametrize("column", [[0, 2], [-1, 0], [0.0, 1.0], 0, [[0, 1]]], ids=str)
def test_columns_out_of_range(kind, column):
    with pytest.raises(ValueError, match="accepted: one number from 0 to 1 a neuron"):
        kind(CURRENTS, column)


def test_injected_of_the_wrong_kind():
    with pytest.raises(ValueError, match="accepted: None"):
        Injected(TimedArray([1, 2] * pA, dt=1 * ms), [0])
    with pytest.raises(TypeError, match="TimedArray"):
        Injected([1, 2] * pA)
    with pytest.raises(ValueError, match="3 neurons"):
        ReferenceNeuron("lif").group(3, drive=CURRENTS)
    with pytest.raises(ValueError, match="3 neurons"):
        ReferenceNeuron("lif").group(3, drive=Injected(CURRENTS, [0, 1]))
    for bad, error in (
        ({"resistance": -1 * Mohm}, ValueError),
        ({"resistance": 1 * ms}, DimensionMismatchError),
        ({"time_constant": 0 * ms}, ValueError),
        ({"offset": 1 * pA}, DimensionMismatchError),
    ):
        with pytest.raises(error):
            LowPass(CURRENTS, **{"resistance": 1 * Mohm, "time_constant": 1 * ms, **bad})


def test_each_neuron_gets_its_column():
    drive = Injected(TimedArray(np.array([[0.0, 100.0], [50.0, 200.0]]) * pA, dt=1 * ms), [1, 0, 1])
    with backend("numpy"):
        group = ReferenceNeuron("lif").group(3, drive=drive)
        trace = StateMonitor(group, "i_in", record=True)
        Network(group, trace).run(2 * ms, namespace={})
    for k, (first, second) in enumerate(((100, 200), (0, 50), (100, 200))):
        np.testing.assert_allclose(np.asarray(trace.i_in[k] / pA), [first] * 10 + [second] * 10)


# Uniform numbers


def test_uniform_numbers():
    index, step = np.meshgrid(np.arange(1000), np.arange(200), indexing="ij")
    u = uniform(7, index, step, 64).ravel()
    n = u.size
    assert 0 < u.min() < 1e-4 and 1 - 1e-4 < u.max() < 1
    assert stats.kstest(u, "uniform").pvalue > 1e-3
    assert abs(u.mean() - 0.5) < 4 / np.sqrt(12 * n)
    assert abs(u.var() - 1 / 12) < 4 / np.sqrt(180 * n)
    z = stats.norm.cdf(normal(7, index, step, 0).ravel())
    for other in (z, np.abs(z - 0.5), uniform(7, index, step + 1, 64).ravel(), uniform(7, index + 1, step, 64).ravel()):
        assert abs(np.corrcoef(u, other)[0, 1]) < 4 / np.sqrt(n)
    table = np.histogram2d(u, z, bins=8, range=[[0, 1], [0, 1]])[0]
    assert stats.chi2_contingency(table).pvalue > 1e-3
    assert float(uniform(7, 3, 4, 64)) == u[3 * 200 + 4]
