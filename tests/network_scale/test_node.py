"""The input node: Kirchhoff's law, conductances that decay as written, and the whole neuron against SciPy."""

from functools import cache

import numpy as np
import pytest
from brian2 import (
    DimensionMismatchError,
    Network,
    SpikeGeneratorGroup,
    StateMonitor,
    Synapses,
    ms,
    mV,
    prefs,
    second,
    siemens,
    uS,
    us,
    volt,
)
from scipy.integrate import solve_ivp

from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.network.node import ON_PRE, InputNode

NEURON = OneM1T1R("hopping")
NODE = InputNode(v_bias=0.9 * volt, w_exc=3 * uS, w_inh=5 * uS)
#: Times of the spikes that arrive, on a grid of 0.1 ms.
TIMES = {"exc": [1.0, 1.5, 1.5, 4.0, 9.0], "inh": [2.0, 6.0]}


@pytest.fixture(autouse=True)
def numpy_target():
    prefs.codegen.target = "numpy"


@cache
def driven(step_us, duration=12 * ms, record=("g_exc", "g_inh", "v_in", "v_gate", "x_total", "g_device")):
    """One neuron without noise under given spikes; values at the start of each 0.1 ms, shape (samples,)."""
    step = step_us * us
    group = NEURON.group(1, drive=NODE, noise=False, dt=step)
    group.x_total = 0.6
    parts = []
    for kind, times in TIMES.items():
        source = SpikeGeneratorGroup(len(times), range(len(times)), times * ms, dt=step)
        made = Synapses(source, group, on_pre=ON_PRE[kind], clock=group.clock)
        made.connect()
        parts += [source, made]
    trace = StateMonitor(group, record, record=0, dt=0.1 * ms)
    Network(group, trace, *parts).run(duration, namespace={})
    return np.asarray(trace.t / second), {name: np.asarray(getattr(trace, name)[0]) for name in record}


def test_conductances_are_the_sum_of_their_spikes():
    """Each decays from the end of the step in which the spike came."""
    t, found = driven(10)
    for kind, weight, tau in (("exc", 3e-6, 1e-3), ("inh", 5e-6, 2e-3)):
        since = t[:, None] - np.array(TIMES[kind]) * 1e-3 - 10e-6
        expected = weight * np.sum(np.where(since > -1e-9, np.exp(-np.maximum(since, 0) / tau), 0), axis=1)
        np.testing.assert_allclose(found[f"g_{kind}"], expected, rtol=1e-9, atol=1e-18)


def test_currents_into_the_node_add_up_to_nothing():
    _, found = driven(10)
    v, g = found["v_in"], {name: found[name] for name in ("g_exc", "g_inh", "g_device")}
    currents = [10e-6 * (0.9 - v), g["g_exc"] * (1.2 - v), g["g_inh"] * (0 - v), g["g_device"] * (found["v_gate"] - v)]
    assert np.abs(np.sum(currents, axis=0)).max() < 1e-12 * np.abs(currents).max()
    assert np.all((v > 0) & (v < 1.2))


def test_no_number_of_spikes_leaves_the_supplies():
    group = NEURON.group(3, drive=NODE, noise=False)
    group.g_exc, group.g_inh = [0, 1, 0] * siemens, [0, 0, 1] * siemens
    assert np.asarray(group.v_in / volt) == pytest.approx([0.9, 1.2, 0], abs=1e-4)


def exact(t_end, late):
    """The neuron's states at a time (ms) by SciPy, from one spike to the next; each arrives `late` (ms)."""
    value = {name: float(np.asarray(quantity)) for name, (quantity, _) in NEURON.parameters(noise=False).items()}
    a = value["alpha"]

    def right(t, y):
        x, residue, v, g_exc, g_inh = y
        r = value["r_on"] * x + value["r_off"] * np.expm1((1 - x) / value["tunnel_length"]) / np.expm1(
            1 / value["tunnel_length"]
        )
        v_in = (10e-6 * 0.9 + g_exc * 1.2 + v / r) / (10e-6 + g_exc + g_inh + 1 / r)
        growth = value["mu"] * np.sinh(max(v_in - v, 0) / value["v_hop"]) / ((1 - x) ** 2 + a**2)
        loss, leave = value["gamma1"] * (x - residue), value["gamma2"] * residue
        charge = ((v_in - v) / r - v / value["r_control"]) / value["c_gate"]
        return [
            growth * (1 - x) - loss - leave,
            value["beta"] * (x - residue) - leave,
            charge,
            -g_exc / 1e-3,
            -g_inh / 2e-3,
        ]

    y = np.array([0.6, 0, 0, 0, 0])
    arriving = [(t, 3, 3e-6) for t in TIMES["exc"]] + [(t, 4, 5e-6) for t in TIMES["inh"]]
    events = sorted((t + late, which, weight) for t, which, weight in arriving)
    now = 0.0
    for when, which, weight in [*events, (t_end, 3, 0.0)]:
        if when > now:
            y = solve_ivp(right, (now * 1e-3, when * 1e-3), y, method="LSODA", rtol=1e-10, atol=1e-14).y[:, -1]
        y[which] += weight
        now = when
    return y


def test_the_neuron_converges_to_the_exact_solution():
    """After it has fired: second order is a quarter of the error for half the step; asked for is 0.4 of it."""
    errors = []
    for step in (10, 5, 2.5):
        t, found = driven(step)
        reference = exact(11.9, step * 1e-3)
        at = np.argmin(np.abs(t - 11.9e-3))
        errors.append(max(abs(found["x_total"][at] / reference[0] - 1), abs(found["v_gate"][at] / reference[2] - 1)))
    assert found["v_gate"].max() > 0.4
    assert errors[0] < 0.005 and errors[1] < 0.4 * errors[0] and errors[2] < 0.4 * errors[1]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"v_bias": 1}, DimensionMismatchError, "v_bias must have the unit"),
        ({"g_bias": 0 * uS}, ValueError, "g_bias = .*must be greater than zero"),
        ({"w_exc": -1 * uS}, ValueError, "w_exc = .*must not be negative"),
        ({"tau_inh": 0 * ms}, ValueError, "tau_inh = .*must be greater than zero"),
        ({"e_exc": np.nan * mV}, ValueError, "e_exc = .*is not finite"),
    ],
)
def test_bad_values_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        InputNode(**arguments)
