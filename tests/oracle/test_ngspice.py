"""The noise-free neuron in ngspice, an independent circuit simulator, and the text of its netlist.

Two measures of agreement are used, each with both programs converged:

* the first rise of the gate voltage above the threshold, interpolated between time points, within 0.05 %;
* the gate voltage from the start to 1 ms after that rise, so through the spike, on Brian2's time points: the
  root-mean-square difference is at most 2 % of the root-mean-square voltage. In the spike the voltage rises within
  microseconds, so this bounds its shape and also a shift in time of a few microseconds.
"""

import functools
import math
import re
import shutil

import numpy as np
import pytest
from brian2 import (
    DimensionMismatchError,
    Hz,
    Mohm,
    Network,
    NeuronGroup,
    StateMonitor,
    TimedArray,
    kelvin,
    ms,
    nA,
    pF,
    prefs,
    second,
    us,
    volt,
)

from memneuro import Constant, Current, Expression, OneM1T1R, PulseTrain
from memneuro.export.ngspice import NgspiceError, run_ngspice
from memneuro.export.spice import ACCEPTED, spice_netlist

HOPPING = OneM1T1R("hopping")
COMPACT = OneM1T1R("compact")
FIRST_SPIKE, TRACE = 5e-4, 0.02
TRAIN = PulseTrain(0.8 * volt, 1 * ms, 2 * ms)


def netlist(neuron=HOPPING, drive=TRAIN, duration=5 * ms, step=10 * us, **options):
    return spice_netlist(neuron, drive, duration, step=step, **options)


# ---- ngspice against Brian2 -----------------------------------------------------------------------------------------


def first_rise(times, values, level):
    """Time of the first upward crossing, interpolated."""
    k = np.flatnonzero((values[:-1] <= level) & (values[1:] > level))[0]
    return times[k] + (level - values[k]) / (values[k + 1] - values[k]) * (times[k + 1] - times[k])


CASES = {
    # neuron, drive, duration, Brian2's step, card values that are replaced
    "hopping, 0.8 V train": (HOPPING, TRAIN, 104 * ms, 5 * us, {}),
    "hopping, constant": (HOPPING, Constant(0.9 * volt), 3 * ms, 2 * us, {}),
    "hopping, constant, cold": (HOPPING, Constant(0.9 * volt), 3.5 * ms, 2 * us, {"temperature": 290 * kelvin}),
    "hopping_4ab, constant": (OneM1T1R("hopping_4ab"), Constant(2 * volt), 15.1 * ms, 8 * us, {}),
    "hopping, current": (HOPPING, Current(8 * nA, 20 * pF), 3.8 * ms, 2 * us, {}),
    "hopping_bounded_2e4d, constant": (
        OneM1T1R("hopping_bounded_2e4d"),
        Constant(0.9 * volt),
        3 * ms,
        1 * us,
        {"residue_cap": 0.02, "beta": 150 / second},  # the bound is reached
    ),
    "compact, constant": (COMPACT, Constant(1.5 * volt), 5.6 * ms, 1.5 * us, {}),
}


@functools.cache
def brian2_trace(case, factor=1):
    """Times (ms) and gate voltages (V) at every step, and the first rise above the threshold (ms).

    The step is that of the case times `factor`.
    """
    neuron, drive, duration, step, parameters = CASES[case]
    if duration / step > 5000:
        prefs.codegen.target = "cython"  # to compile takes less time than that many steps of NumPy
    group = neuron.group(1, drive=drive, noise=False, dt=factor * step, **parameters)
    trace = StateMonitor(group, "v_gate", record=0)
    Network(group, trace).run(duration, namespace={})
    times, values = np.asarray(trace.t / ms), np.asarray(trace.v_gate[0] / volt)
    return times, values, first_rise(times, values, float(neuron.circuit["v_threshold"]))


def trace_difference(run, times, values, first):
    """Root-mean-square difference until 1 ms after the first spike, relative to the root-mean-square voltage."""
    window = times <= first + 1
    found = np.interp(times, run.trace["time_ms"], run.trace["v_gate_V"])
    return np.sqrt(np.mean((found - values)[window] ** 2) / np.mean(values[window] ** 2))


@pytest.mark.ngspice
@pytest.mark.parametrize("case", CASES)
def test_first_spike_and_trace(case):
    neuron, drive, duration, _, parameters = CASES[case]
    threshold = neuron.circuit["v_threshold"]
    loose, tight = (
        run_ngspice(spice_netlist(neuron, drive, duration, step=largest, reltol=reltol, **parameters))
        for largest, reltol in ((10 * us, 1e-6), (5 * us, 1e-7))
    )
    (spice,) = tight.crossings_ms(threshold)
    assert loose.crossings_ms(threshold)[0] == pytest.approx(spice, rel=1e-4), "ngspice is not converged"

    _, _, coarse = brian2_trace(case, 2)
    times, values, first = brian2_trace(case)
    assert coarse == pytest.approx(first, rel=1e-3), "Brian2 is not converged"

    assert spice == pytest.approx(first, rel=FIRST_SPIKE)
    assert trace_difference(tight, times, values, first) < TRACE


@pytest.mark.ngspice
def test_a_wrong_parameter_is_noticed():
    """The bounds above are tight enough: a small error of one parameter breaks the one or the other."""
    times, values, first = brian2_trace("hopping, 0.8 V train")
    gamma1 = 1.01 * HOPPING.device["gamma1"]
    run = run_ngspice(netlist(duration=110 * ms, gamma1=gamma1))
    assert run.crossings_ms(0.2)[0] > 1.005 * first
    # The control resistor hardly moves the first spike, but the trace.
    run = run_ngspice(netlist(duration=104 * ms, r_control=1.02 * HOPPING.circuit["r_control"]))
    assert run.crossings_ms(0.2)[0] == pytest.approx(first, rel=FIRST_SPIKE)
    assert trace_difference(run, times, values, first) > 2 * TRACE


@pytest.mark.ngspice
def test_every_form_of_a_drive_gives_the_same_spike():
    """The same pulses as PULSE, as PWL with a last pulse, as samples, and as an expression without edges in time."""
    train = {"amplitude": 1 * volt, "width": 0.5 * ms, "period": 1 * ms}
    samples = np.zeros(4)
    samples[::2] = 1
    drives = [
        PulseTrain(**train),
        PulseTrain(**train, count=2),
        TimedArray(samples * volt, dt=0.5 * ms),
        Expression("v_in = 1*volt*int(t % (1*ms) < 0.5*ms) : volt"),
    ]
    found = [run_ngspice(netlist(drive=drive, duration=2 * ms, step=1 * us)).crossings_ms(0.2)[0] for drive in drives]
    assert 1 < found[0] < 1.5
    np.testing.assert_allclose(found, found[0], atol=1e-3)


@pytest.mark.ngspice
def test_neurons_of_one_netlist_are_independent():
    """Three neurons, each with its own amplitude, fire as they do alone; equal ones have equal traces."""
    amplitudes = [0.9, 1.0, 1.1]
    together = run_ngspice(netlist(drive=Constant(amplitudes * volt), duration=3 * ms, n=3))
    assert sorted(together.trace["neuron"].unique()) == [0, 1, 2]
    alone = [run_ngspice(netlist(drive=v * volt, duration=3 * ms)).crossings_ms(0.2)[0] for v in amplitudes]
    np.testing.assert_allclose(together.crossings_ms(0.2), alone, rtol=1e-4)

    equal = run_ngspice(netlist(drive=1 * volt, duration=2 * ms, n=2)).trace
    first, second_ = (rows["v_gate_V"].to_numpy() for _, rows in equal.groupby("neuron"))
    np.testing.assert_array_equal(first, second_)


@pytest.mark.ngspice
def test_recorded_variables():
    """Columns carry their unit, a recorded subexpression has the value its definition gives, and changes nothing."""
    record = ["v_gate", "x_total", "v_in", "r_device", "i_device", "growth", "arrhenius_loss"]
    run = run_ngspice(netlist(drive=1 * volt, duration=2 * ms, record=record, temperature=310 * kelvin))
    trace = run.trace
    columns = ["v_gate_V", "x_total", "v_in_V", "r_device_ohm", "i_device_A", "growth_Hz", "arrhenius_loss"]
    assert list(trace.columns) == ["neuron", "time_ms", *columns]
    assert len(trace) == pytest.approx(run.points, abs=2) and trace["time_ms"].iloc[-1] == pytest.approx(2)
    np.testing.assert_allclose(
        trace["i_device_A"], (trace["v_in_V"] - trace["v_gate_V"]) / trace["r_device_ohm"], rtol=1e-3, atol=1e-18
    )
    energy = float(HOPPING.device["activation_loss"])
    assert trace["arrhenius_loss"].iloc[-1] == pytest.approx(
        math.exp(energy / 1.380649e-23 * (1 / 300 - 1 / 310)), rel=1e-8
    )
    plain = run_ngspice(netlist(drive=1 * volt, duration=2 * ms, temperature=310 * kelvin))
    assert plain.crossings_ms(0.2)[0] == pytest.approx(run.crossings_ms(0.2)[0], rel=1e-4)


@pytest.mark.ngspice
def test_functions_mean_the_same_in_ngspice():
    """Every translated function, and powers, remainder and logic, at arguments of both signs."""
    one = ["abs", "arctan", "ceil", "cos", "cosh", "exp", "floor", "int", "sign", "sin", "sinh", "tan", "tanh"]
    texts = [f"{name}({sign}1.3*v_gate_like)" for name in one for sign in ("", "-")]
    texts += [f"{name}(0.3*v_gate_like)" for name in ("arccos", "arcsin", "log", "log10", "sqrt")]
    texts += [f"({sign}v_gate_like)**{power}" for sign in ("", "-") for power in ("2", "3", "4", "-1", "(-2)")]
    texts += [f"{name}({sign}1e-9*v_gate_like)" for name in ("expm1", "log1p") for sign in ("", "-")]
    texts += [
        "expm1(v_gate_like)",
        "log1p(v_gate_like)",
        "v_gate_like**0.7",
        "clip(v_gate_like, 0, 1)",
        "clip(-v_gate_like, 0, 1)",
        "(-v_gate_like) % 0.5",
    ]
    texts += ["v_gate_like // 0.5", "-v_gate_like*2 - (3 - v_gate_like)/(2/v_gate_like)", "6/v_gate_like/2*3"]
    texts += ["int(v_gate_like > 1 and not v_gate_like > 2)", "int(v_gate_like < 1 or v_gate_like != 3)"]
    assert set(ACCEPTED) <= set(re.findall(r"\w+", " ".join(texts)))
    names = [f"q{k}" for k in range(len(texts))]
    lines = "\n".join(f"{name} = {text} : 1" for name, text in zip(names, texts, strict=True))
    drive = Expression("v_in = 0*volt : volt\nv_gate_like = 1.7 + 0*Hz*t : 1\n" + lines)
    run = run_ngspice(netlist(drive=drive, duration=0.1 * ms, record=names))
    group = NeuronGroup(1, "v_gate_like : 1\n" + lines)
    group.v_gate_like = 1.7
    Network(group).run(0 * ms)
    expected = [float(getattr(group, name)[0]) for name in names]
    found = [run.trace[name].iloc[-1] for name in names]
    for text, one_found, one_expected in zip(texts, found, expected, strict=True):
        assert one_found == pytest.approx(one_expected, rel=1e-9), text


@pytest.mark.ngspice
def test_failures_of_ngspice_are_one_line():
    good = netlist()
    with pytest.raises(NgspiceError, match="^ngspice failed: .*no such function 'nonsense'$"):
        run_ngspice(good.replace("1e-09*(", "1e-09*nonsense("))
    with pytest.raises(NgspiceError, match="^ngspice failed: .*Timestep too small"):
        run_ngspice(good.replace(".ends neuron", "Cbad bad 0 1n ic=1\nBbad 0 bad I = V(bad)*V(bad)*1e3\n.ends neuron"))
    with pytest.raises(TimeoutError, match="longer than timeout = 1"):
        run_ngspice(netlist(duration=10 * second, step=1 * us), timeout=1 * ms)


# ---- the text, without ngspice --------------------------------------------------------------------------------------


def spice_values(text, state):
    """Evaluate the .param lines and behavioural sources of the neuron's subcircuit at given node voltages."""
    names = {
        "exp": math.exp,
        "abs": abs,
        "min": min,
        "max": max,
    }

    def evaluate(expression):
        python = re.sub(r"V\((\w+)\)", r"\1", expression).replace("{", "(").replace("}", ")")
        return eval(python.replace(" ? 1 : 0", " and 1 or 0"), {"__builtins__": {}}, {**names, **state})

    for name, expression in re.findall(r"^\.param (\w+)=(.+)$", text, re.MULTILINE):
        names[name] = evaluate(expression)
    return {name: evaluate(right) for name, right in re.findall(r"^B(\w+) \w+ \w+ [IV] = (.+)$", text, re.MULTILINE)}


def brian2_rates(equations, values):
    """The right-hand sides of the differential equations, in SI units, at given values of all variables."""
    units = {name: 1.0 for name in ("volt", "kelvin", "joule")}
    functions = {"exp": np.exp, "abs": abs, "clip": np.clip, "int": int}
    return {
        name: eval(expression.code, {"__builtins__": {}}, {**units, **functions, **values})
        for name, expression in equations.get_substituted_expressions()
    }


@pytest.mark.parametrize("name", ["hopping", "hopping_4ab", "hopping_bounded_2e4d", "compact", "compact_refitted_4ab"])
def test_exported_expressions_have_the_values_of_the_equations(name):
    """At random states on both sides of every switch, and away from the reference temperature."""
    neuron = OneM1T1R(name)
    equations = neuron.equations(1 * volt, noise=False)
    parameters = {key: float(value) for key, (value, _) in neuron.parameters(noise=False).items()}
    parameters["temperature"] = 307.0
    text = netlist(neuron, 1 * volt, temperature=307 * kelvin)
    generator = np.random.default_rng(1)
    states = [state for state in equations.diff_eq_names if state not in ("v_gate", "v_in")]
    assert len(states) == 2
    for _ in range(50):
        state = dict(zip(states, generator.uniform(0, 1.1, 2), strict=True))
        state |= {"v_gate": generator.uniform(0, 0.5), "v_in": generator.uniform(-0.5, 1)}
        found, expected = spice_values(text, state), brian2_rates(equations, {**parameters, **state})
        for one in states:
            assert found[one] / 1e-9 == pytest.approx(expected[one], rel=1e-9)
        gate = (found["device"] - state["v_gate"] / parameters["r_control"]) / parameters["c_gate"]
        assert gate == pytest.approx(expected["v_gate"], rel=1e-9)


def test_the_text_is_a_circuit():
    text = netlist(duration=100 * ms, reltol=1e-5, n=3, record=["v_gate", "v_in"], r_control=100 * Mohm)
    lines = text.splitlines()
    assert "Vin v_in 0 PULSE(0 0.8 0 1e-08 1e-08 0.00099999 0.002)" in lines
    assert {"Cgate v_gate 0 {c_gate} ic=0", "Rcontrol v_gate 0 {r_control}"} <= set(lines)
    assert {".param c_gate=1e-11", ".param r_control=100000000"} <= set(lines)
    assert [line for line in lines if line.startswith("X")] == [f"X{k} v_in neuron" for k in range(3)]
    assert {"* record 2 v_gate_V v(x2.v_gate)", "* record 2 v_in_V v(v_in)"} <= set(lines)
    assert ".tran 1e-05 0.1 0 1e-05 uic" in lines and lines[-1] == ".end"
    assert any(line.startswith(".options reltol=1e-05 ") for line in lines)
    for unused in ("sigma_tip", "v_threshold", "drain_voltage", "v_gate_last"):
        assert unused not in text


def pwl(text):
    """Times and levels of a netlist's only PWL source."""
    (points,) = re.findall(r"PWL\((.*)\)", text)
    return np.array(points.split(), dtype=float).reshape(-1, 2).T


def test_drives_become_sources():
    assert "Vin v_in 0 DC -0.3" in netlist(drive=-0.3 * volt)
    own = netlist(drive=Constant([0.1, 0.2] * volt), n=2)
    assert "Vin_1 v_in_1 0 DC 0.2" in own and "X1 v_in_1 neuron" in own
    # A limited number of pulses; pulses without a gap between them are one long pulse.
    times, levels = pwl(netlist(drive=PulseTrain(1 * volt, 0.5 * ms, 1 * ms, count=2, start=1 * ms)))
    np.testing.assert_allclose(times[1::2], [1e-3, 1.5e-3, 2e-3, 2.5e-3])
    np.testing.assert_array_equal(levels, [0, 0, 1, 1, 0, 0, 1, 1, 0])
    times, levels = pwl(netlist(drive=PulseTrain(1 * volt, 1 * ms, 1 * ms, count=2)))
    np.testing.assert_array_equal(levels, [1, 1, 0])
    np.testing.assert_allclose(times[1:], [2e-3, 2e-3 + 1e-8])
    # Samples are held, equal ones are joined, and those after the end are left out.
    times, levels = pwl(netlist(drive=TimedArray([0.1, 0.1, 0.4, 0.2] * volt, dt=2 * ms)))
    np.testing.assert_allclose(times, [0, 4e-3, 4e-3 + 1e-8])
    np.testing.assert_array_equal(levels, [0.1, 0.1, 0.4])
    columns = netlist(drive=TimedArray([[0.1, 0.2], [0.3, 0.2]] * volt, dt=2 * ms), n=2)
    assert "Vin_1 v_in_1 0 PWL(0 0.2)" in columns
    current = netlist(drive=Current(TimedArray([1, 2] * nA, dt=2 * ms), 20 * pF))
    assert "Bin 0 v_in I = (V(i_in_sampled))" in current and "Cin v_in 0 {c_in} ic=0" in current
    np.testing.assert_array_equal(pwl(current)[1], [1e-9, 1e-9, 2e-9])


ERRORS = {
    "noise": (lambda: netlist(noise=True), ValueError, "noise = True; accepted: False, .* noise-free"),
    "noise parameter": (lambda: netlist(sigma_tip=0.1 * volt), ValueError, "sigma_tip describes the noise.*noise-free"),
    "noisy drive": (
        lambda: netlist(drive=Expression("v_in = u : volt\ndu/dt = -u/ms + xi*volt/ms**0.5 : volt")),
        ValueError,
        "is noisy; accepted: a drive without xi",
    ),
    "function": (
        lambda: netlist(record=["v_out"]),
        ValueError,
        "function 'drain_voltage' in .* no SPICE counterpart; accepted: abs, .*, tanh",
    ),
    "own function": (
        lambda: netlist(drive=Expression("v_in = exprel(t/ms)*volt : volt")),
        ValueError,
        "function 'exprel' in 'exprel",
    ),
    "name": (lambda: netlist(drive=Expression("v_in = t/dt*volt : volt")), ValueError, "'dt' has no SPICE counterpart"),
    "case": (
        lambda: netlist(drive=Expression("v_in = U + u : volt\nU = 1*volt : volt\nu = 2*volt : volt")),
        ValueError,
        "'U' and 'u' are one name in SPICE",
    ),
    "open input": (lambda: netlist(drive=None), ValueError, "leaves v_in to be set from outside"),
    "open current": (lambda: netlist(drive=Current(None, 20 * pF)), ValueError, "i_in is set from outside"),
    "no input": (lambda: netlist(drive=Expression("u = 1*volt : volt")), ValueError, "does not define v_in"),
    "input as a state": (
        lambda: netlist(drive=Expression("dv_in/dt = -v_in/ms : volt")),
        ValueError,
        "v_in is a state of the drive",
    ),
    "drive": (lambda: netlist(drive=0.8), TypeError, "drive 0.8 is not understood"),
    "drive shape": (
        lambda: netlist(drive=Constant([1, 2, 3] * volt), n=2),
        ValueError,
        r"v_in has the shape \(3,\).*2 values",
    ),
    "current shape": (
        lambda: netlist(drive=Current([1, 2] * nA, 20 * pF), n=2),
        ValueError,
        r"i_in has the shape \(2,\)",
    ),
    "unit": (lambda: netlist(r_control=1 * volt), DimensionMismatchError, "r_control must have the unit 'ohm'"),
    "range": (lambda: netlist(r_control=-1 * Mohm), ValueError, "r_control.*must be greater than zero"),
    "parameter": (
        lambda: netlist(r_contrl=1 * Mohm),
        ValueError,
        "unknown parameter 'r_contrl'; accepted: .*r_control",
    ),
    "parameter shape": (lambda: netlist(gamma1=[1, 2] * Hz), ValueError, r"gamma1 has the shape \(2,\)"),
    "record": (lambda: netlist(record=["v_gat"]), ValueError, "cannot record 'v_gat'; accepted: .*v_gate"),
    "duration": (lambda: netlist(duration=1 * volt), ValueError, "duration = .* is not a time"),
    "step": (lambda: netlist(step=0 * us), ValueError, "step = .*greater than zero"),
    "long step": (lambda: netlist(step=6 * ms), ValueError, "step = .* is longer than duration"),
    "reltol": (lambda: netlist(reltol=0), ValueError, "reltol = 0; accepted"),
    "number": (lambda: netlist(n=0), ValueError, "n = 0; accepted: a whole number of at least 1"),
    "nothing recorded": (lambda: run_ngspice(netlist(record=[])), ValueError, "the netlist records nothing"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_one_clear_error(case):
    call, error, message = ERRORS[case]
    with pytest.raises(error, match=message) as caught:
        call()
    assert "\n" not in str(caught.value).strip()


def test_a_missing_ngspice_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(RuntimeError, match="ngspice is not installed; get it with 'apt install ngspice'"):
        run_ngspice(netlist())
