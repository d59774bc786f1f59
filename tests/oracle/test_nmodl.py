"""The NMODL mechanism: its text everywhere, and its spikes where NEURON or Arbor are installed."""

import json
import math
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from brian2 import (
    DimensionMismatchError,
    Mohm,
    Network,
    StateMonitor,
    TimedArray,
    amp,
    farad,
    ms,
    mV,
    pfarad,
    prefs,
    us,
    volt,
)

from memneuro import Constant, Current, Expression, OneM1T1R, PulseTrain
from memneuro.export.nmodl import DIALECTS, METHODS, nmodl


def pulses(amplitude):
    """The train of 1 ms pulses at 500 Hz, with an amplitude in volt."""
    return PulseTrain(amplitude * volt, width=1 * ms, period=2 * ms)


PULSES = pulses(0.8)
STRONG = 1.2  # volt; fires the hopping neuron within a few pulses
HOPPING = ["x_total", "x_residue", "v_gate"]
STATES = {"hopping": HOPPING, "hopping_bounded_2e4d": HOPPING, "compact": ["x_filament", "x_residue", "v_gate"]}
ALL = [(device, dialect, method) for device in STATES for dialect in DIALECTS for method in METHODS]


def block(text, title):
    """The lines of one block, without indentation."""
    return re.search(rf"^{re.escape(title)}[^\n]*\{{\n(.*?)^\}}$", text, re.M | re.S).group(1).split("\n    ")


@cache
def brian2_trace(device, amplitude, step_us, length_ms):
    """States of one noise-free neuron in Brian2, at the start of each step."""
    prefs.codegen.target = "numpy"
    group = OneM1T1R(device).group(1, drive=pulses(amplitude), noise=False, dt=step_us * us, check_step=False)
    monitor = StateMonitor(group, STATES[device], record=0)
    Network(group, monitor).run(length_ms * ms, namespace={})
    return {name: np.asarray(getattr(monitor, name)[0]) for name in STATES[device]}


@cache
def duration_ms():
    """Past the first spike of the default neuron without noise."""
    for duration in (130, 260, 520):
        values = brian2_trace("hopping", 0.8, 10.0, duration)["v_gate"]
        if values.max() > 0.2:
            return math.ceil(crossing(np.arange(values.size) / 100, values, 0.2)) + 3
    raise AssertionError("the default neuron does not fire")


def crossing(times, values, level):
    """The first rising edge through `level`, interpolated."""
    times, values = np.asarray(times), np.asarray(values)
    k = np.flatnonzero((values[1:] > level) & (values[:-1] <= level))[0]
    return times[k] + (times[k + 1] - times[k]) * (level - values[k]) / (values[k + 1] - values[k])


def relaxation_pade(z):
    """(1 - r(z))/z with r(z) = 1/(1 + z + z**2/2 + z**3/6) in place of exp(-z)."""
    rise = 1 + z / 2 + z**2 / 6
    return rise / (1 + z * rise)


def python_step(text, dialect):
    """The mechanism's own statements as a Python function of (names, time in ms, step in ms)."""

    def translate(lines):
        out, depth = [], 0
        for line in (line.strip() for line in "\n".join(lines).splitlines()):
            line = line.replace("&&", "and").replace("||", "or").replace("^", "**")
            depth -= line.startswith("}")
            if line.startswith("if"):
                line = f"if {line[2:-1].strip()}:"
            elif line.startswith("} else"):
                line = "else:"
            if line and line != "}" and not line.startswith(("LOCAL", "net_send", "RANGE")):
                out.append("    " * depth + line)
            depth += line.endswith(":")
        return compile("\n".join(out), "<nmodl>", "exec")

    parameters = dict(line.split(" : ")[0].split(" = ") for line in block(text, "PARAMETER") if " = " in line)
    names = {key.strip(): float(value) for key, value in parameters.items()}
    names |= {"exp": math.exp, "fabs": abs, "floor": math.floor}
    names["relaxation"] = lambda z: -math.expm1(-z) / z if z else 1.0
    names["relaxation_pade"] = relaxation_pade
    names["exprelr"] = lambda z: z / math.expm1(z) if z else 1.0
    exec(translate(block(text, "INITIAL")), names)
    body = translate(block(text, "PROCEDURE advance" if dialect == "neuron" else "DERIVATIVE advance"))

    def step(number, width):
        names.update(t=(number + 1) * width, dt=width, clock_last=number * width, clock_ms=(number + 1) * width)
        exec(body, names)
        return names

    return step


@pytest.mark.parametrize("device, dialect, method", ALL)
def test_nothing_of_python_or_of_units_is_left(device, dialect, method):
    text = nmodl(OneM1T1R(device), PULSES, dialect=dialect, method=method)
    code = "\n".join(line.split(" : ")[0] for line in text.splitlines() if not line.startswith(":"))
    assert not re.search(r"\*\*|\band\b|\bor\b|\bnot\b|int\(|clip\(|(?<!f)abs\(|\bmax\(|\bmin\(", code)
    assert not re.search(r"\b(volt|kelvin|joule|second|xi\w*|noise_seed|drain_voltage|v_out)\b", code)
    assert not re.search(r"(?<![\w.])_\w", code)  # NMODL names start with a letter
    assert ";" not in text  # Arbor's compiler refuses it even in a comment


@pytest.mark.parametrize("device, dialect, method", ALL)
def test_every_name_is_declared_and_set_before_its_use(device, dialect, method):
    text = nmodl(OneM1T1R(device), PULSES, dialect=dialect, method=method)
    known = {
        "v",
        "t",
        "dt",
        "exp",
        "fabs",
        "floor",
        "exprelr",
        "relaxation",
        "relaxation_pade",
        "if",
        "else",
        "clock_ms",
        "clock_last",
    }
    for title in ("PARAMETER", "STATE"):
        known |= {re.match(r"\s*(\w+)", line).group(1) for line in block(text, title) if line.strip()}
    for line in "\n".join(block(text, "INITIAL")).splitlines():
        if " = " in line:
            target, expression = (part.strip() for part in line.split(" = "))
            assert set(re.findall(r"\b[a-z]\w*", expression)) <= known, line
            known.add(target)
    advance = re.search(r"^(PROCEDURE|DERIVATIVE) advance.*?^\}$", text, re.M | re.S).group(0).splitlines()
    declared = {name.strip() for name in advance[1].replace("LOCAL", "").split(",")}
    for line in advance[2:-1]:
        target, _, expression = line.strip().partition(" = ")
        target, expression = (target.rstrip("'"), expression) if expression else ("", target)
        used = set(re.findall(r"(?<![\w.])[a-z]\w*", expression))
        assert used <= known, f"{used - known} used before it is set in {line!r}"
        assert not target or target in declared | known, f"{target} is not declared"
        known.add(target)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "device, step_us, length_ms", [("hopping", 20.0, 24), ("hopping_bounded_2e4d", 20.0, 24), ("compact", 2.0, 4)]
)
def test_the_text_means_what_brian2_runs(device, step_us, length_ms, dialect):
    """The exported statements, run as Python, give Brian2's states at every step."""
    expected = brian2_trace(device, STRONG, step_us, length_ms)
    step = python_step(nmodl(OneM1T1R(device), pulses(STRONG), dialect=dialect), dialect)
    count = expected["v_gate"].size - 1
    found = np.empty((count, len(STATES[device])))
    for k in range(count):
        names = step(k, step_us / 1000)
        found[k] = [names[name] for name in STATES[device]]
    # The closing filament amplifies differences in rounding.
    for column, name in zip(found.T, STATES[device], strict=True):
        np.testing.assert_allclose(column, expected[name][1:], rtol=1e-5, atol=1e-12)
    assert found[:, 2].max() > (1e-4 if device == "compact" else 0.2)  # volt


@pytest.mark.parametrize("dialect", DIALECTS)
def test_bounds_of_the_states_are_kept_where_a_step_can_keep_them(dialect):
    """The midpoint step ends with them; the simulators' own solver has no place for them, and the file says so."""
    step = python_step(nmodl(OneM1T1R("hopping"), Constant(3 * volt), dialect=dialect), dialect)
    for k in range(300):
        names = step(k, 0.5)  # ms, far beyond the largest step
        assert 0 <= names["x_residue"] <= names["x_total"] <= 1
    assert names["x_total"] > 0.9
    for method in METHODS:
        text = nmodl(OneM1T1R("hopping"), PULSES, dialect=dialect, method=method)
        assert ("left out" in text.split("NEURON {")[0]) is (method == "cnexp") is ("x_residue_ceiling" in text)


def test_the_rational_relaxation_of_the_file_is_right_however_large_its_argument():
    text = nmodl(OneM1T1R("hopping"), PULSES)
    lines = block(text, "FUNCTION relaxation_pade(z)")[1:]
    source = "\n".join(lines).replace("} else {", "else:").replace(" {", ":").replace("}", "")
    for z in (-2.0, 0.0, 1e-3, 3.0, 1e6, 1e60, 1e200, 1e290):
        names = {"z": z, "fabs": abs}
        exec(source, names)
        expected = 1 / z if z > 1e4 else 1 + 2 / 2 + 4 / 6 if z < 0 else relaxation_pade(z)
        assert names["relaxation_pade"] == pytest.approx(expected, rel=1e-3 if z > 1e4 else 1e-12)


def test_cnexp_has_the_coefficients_of_the_linear_equation():
    text = nmodl(OneM1T1R("hopping"), Constant(0.8 * volt), method="cnexp")
    assert "SOLVE advance METHOD cnexp" in text
    lines = [line.strip() for line in "\n".join(block(text, "DERIVATIVE advance")).splitlines()]
    assert "v_gate' = 0.001*(a_v_gate - b_v_gate*v_gate)" in lines
    # A coefficient does not contain its own variable; subexpressions that it names may.
    for state in STATES["hopping"]:
        coefficients = [line for line in text.splitlines() if re.match(rf"\s*[ab]_{state} = ", line)]
        assert len(coefficients) == 2
        assert not any(re.search(rf"(?<!\w){state}\b", line) for line in coefficients)
    # No derivative before the last coefficient: cnexp would advance a state that others still need.
    first = next(k for k, line in enumerate(lines) if "' =" in line)
    assert all("' =" in line or not line for line in lines[first:])


def test_parameters_are_si_numbers_and_can_be_replaced():
    text = nmodl(OneM1T1R("hopping"), PULSES, r_control=100 * Mohm, v_threshold=150 * mV)
    assert "r_control = 100000000.0 : ohm" in text and "v_threshold = 0.15 : volt" in text
    assert "pulse_count = 1e+300" in text  # NMODL has no infinity
    counted = PulseTrain(0.8 * volt, width=1 * ms, period=2 * ms, count=3, start=5 * ms)
    assert re.search(r"pulse_count = 3.0 .*pulse_start = 0.005 ", nmodl(OneM1T1R("hopping"), counted), re.S)


def test_other_drives_that_are_equations_work():
    neuron = OneM1T1R("hopping")
    text = nmodl(neuron, Expression("v_in = 0.4*volt*(1 + sin(2*pi*10*Hz*t)) : volt"), dialect="arbor")
    assert "sin(" in text and "3.14159" not in text  # 2*pi*10 is one number
    current = nmodl(neuron, Current(1e-9 * amp, capacitance=1 * pfarad), method="cnexp")
    assert "v_in' = 0.001*(a_v_in - b_v_in*v_in)" in current


@pytest.mark.parametrize(
    "condition, expected",
    [
        ("not (t < 1*ms)", "start_s + 0.5*step_s >= 0.001"),
        ("not (t < 1*ms and t > 2*ms)", "(start_s + 0.5*step_s >= 0.001) || (start_s + 0.5*step_s <= 0.002)"),
        ("t < 1*ms or t > 2*ms", "(start_s + 0.5*step_s < 0.001) || (start_s + 0.5*step_s > 0.002)"),
    ],
)
def test_conditions_become_if_and_else(condition, expected):
    text = nmodl(OneM1T1R("hopping"), Expression(f"v_in = 0.8*volt*int({condition}) : volt"))
    assert f"if ({expected}) {{\n        holds = 1\n    }} else {{\n        holds = 0\n    }}" in text


@pytest.mark.parametrize(
    "drive, message",
    [
        (None, "External leaves v_in to be set from outside"),
        (TimedArray([0.1, 0.8] * volt, dt=1 * ms), "Sampled needs v_in_sampled"),
        (Current(None, capacitance=1e-12 * farad), "leaves i_in to be set from outside"),
        (PulseTrain([0.8, 0.9] * volt, width=1 * ms, period=2 * ms), r"pulse_amplitude has the shape \(2,\)"),
        (Expression("v_in = 0.8*volt*arctan(t/second) : volt"), "function 'arctan' with 1 argument"),
        (Expression("v_in = 0.8*volt*(i + 1) : volt"), "'i' has no NMODL counterpart"),
        (Expression("v_in = 0.8*volt*int(t/second) : volt"), "int() of a comparison"),
    ],
)
def test_a_drive_that_nmodl_cannot_hold_is_refused(drive, message):
    message = message if "\\" in message else re.escape(message)
    with pytest.raises(ValueError, match=message) as error:
        nmodl(OneM1T1R("hopping"), drive)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"dialect": "nest"}, "dialect = 'nest'; accepted: neuron, arbor"),
        ({"method": "derivimplicit"}, "method = 'derivimplicit'; accepted: exponential_midpoint, cnexp"),
        ({"name": "1neuron"}, "name = '1neuron'"),
        ({"noise": True}, "noise belongs to the noise"),
        ({"sigma_tip": 10 * mV}, "sigma_tip belongs to the noise"),
        ({"r_nothing": 1 * Mohm}, "unknown parameter 'r_nothing'"),
    ],
)
def test_a_wrong_choice_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        nmodl(OneM1T1R("hopping"), PULSES, **changes)


def test_wrong_types_and_units_are_refused():
    with pytest.raises(TypeError, match="accepted: a OneM1T1R"):
        nmodl("hopping", PULSES)
    with pytest.raises(DimensionMismatchError):
        nmodl(OneM1T1R("hopping"), PULSES, r_control=1 * volt)


# --- NEURON and Arbor -------------------------------------------------------------------------------------------------

NEURON_SCRIPT = """
import json, sys
from neuron import h, load_mechanisms
folder, name, step, duration = sys.argv[1], sys.argv[2], float(sys.argv[3]) / 1000, float(sys.argv[4])
load_mechanisms(folder)
carrier = h.Section(name="carrier")
mechanism = getattr(h, name)(carrier(0.5))
spikes, times, gate = h.Vector(), h.Vector().record(h._ref_t), h.Vector().record(mechanism._ref_v_gate)
connection = h.NetCon(mechanism, None)
connection.record(spikes)
h.dt = step
h.finitialize()
while h.t < duration - step / 2:
    h.fadvance()
print(json.dumps({"spikes": list(spikes), "t": list(times), "v_gate": list(gate)}))
"""

ARBOR_SCRIPT = """
import json, sys
import arbor
from arbor import units
folder, name, step, duration = sys.argv[1], sys.argv[2], float(sys.argv[3]) * units.us, float(sys.argv[4]) * units.ms
centre = "(location 0 0.5)"

class Recipe(arbor.recipe):
    def __init__(self):
        arbor.recipe.__init__(self)
        self.properties = arbor.neuron_cable_properties()
        self.properties.catalogue = arbor.load_catalogue(folder + "/test-catalogue.so")
    def num_cells(self): return 1
    def cell_kind(self, gid): return arbor.cell_kind.cable
    def global_properties(self, kind): return self.properties
    def probes(self, gid): return [arbor.cable_probe_membrane_voltage(centre, "v")]
    def cell_description(self, gid):
        tree = arbor.segment_tree()
        tree.append(arbor.mnpos, arbor.mpoint(-1, 0, 0, 1), arbor.mpoint(1, 0, 0, 1), tag=1)
        decor = arbor.decor().paint("(all)", arbor.voltage_process(name))
        decor.place(centre, arbor.threshold_detector(200 * units.mV), "spikes")
        return arbor.cable_cell(tree, decor)

simulation = arbor.simulation(Recipe())
simulation.record(arbor.spike_recording.local)
handle = simulation.sample((0, "v"), arbor.regular_schedule(step))
simulation.run(duration, step)
samples = simulation.samples(handle)[0][0]
spikes = [float(time) for _, time in simulation.spikes()]
print(json.dumps({"spikes": spikes, "t": samples[:, 0].tolist(), "v_gate": (samples[:, 1] / 1000).tolist()}))
"""


def environment():
    """This interpreter's folder first on the path: there lie the compilers of the two simulators."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def build(folder, dialect, command):
    """Compile the default neuron with both methods, or skip where there is no compiler."""
    if shutil.which("c++") is None or (dialect == "arbor" and shutil.which("cmake") is None):
        pytest.skip("no compiler")
    for method in METHODS:
        text = nmodl(OneM1T1R("hopping"), PULSES, name=f"neuron_{method}", dialect=dialect, method=method)
        (folder / f"neuron_{method}.mod").write_text(text)
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    script = folder / "run.py"
    script.write_text(NEURON_SCRIPT if dialect == "neuron" else ARBOR_SCRIPT)

    def run(method, step_us):
        arguments = [folder, f"neuron_{method}", step_us, duration_ms()]
        done = subprocess.run(
            [sys.executable, script, *map(str, arguments)],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture(scope="module")
def in_neuron(tmp_path_factory):
    pytest.importorskip("neuron")
    folder = tmp_path_factory.mktemp("neuron")
    return build(folder, "neuron", ["nrnivmodl", "."])


@pytest.fixture(scope="module")
def in_arbor(tmp_path_factory):
    pytest.importorskip("arbor")
    folder = tmp_path_factory.mktemp("arbor")
    return build(folder, "arbor", ["arbor-build-catalogue", "test", "."])


@pytest.fixture(params=["neuron", "arbor"])
def simulator(request):
    return request.getfixturevalue(f"in_{request.param}")


def brian2_first_spike(step_us):
    values = brian2_trace("hopping", 0.8, step_us, duration_ms())["v_gate"]
    return crossing(np.arange(values.size) * step_us / 1000, values, 0.2)


def first_spike(result):
    return crossing(result["t"], result["v_gate"], 0.2)


@pytest.mark.slow
def test_exponential_midpoint_is_brian2s_at_the_same_step(simulator):
    """Same equations, scheme and step: the gate voltage agrees to rounding, the first spike to a nanosecond."""
    result = simulator("exponential_midpoint", 10)
    expected = brian2_trace("hopping", 0.8, 10.0, duration_ms())["v_gate"]
    count = min(len(result["v_gate"]), expected.size)
    np.testing.assert_allclose(result["v_gate"][:count], expected[:count], rtol=1e-5, atol=1e-12)
    assert first_spike(result) == pytest.approx(brian2_first_spike(10.0), abs=1e-6)


@pytest.mark.slow
def test_step_halving_of_exponential_midpoint(simulator):
    converged = first_spike(simulator("exponential_midpoint", 1))
    assert converged == pytest.approx(brian2_first_spike(5.0), rel=0.01)
    errors = [abs(first_spike(simulator("exponential_midpoint", step)) - converged) for step in (5, 2.5)]
    assert errors[0] < 0.005 and errors[1] < errors[0] / 3


@pytest.mark.slow
def test_cnexp_converges_to_the_same_spike_at_first_order(simulator):
    converged = brian2_first_spike(5.0)
    errors = [first_spike(simulator("cnexp", step)) - converged for step in (2, 1)]
    assert abs(errors[0]) < 0.01 * converged
    assert 1.6 < errors[0] / errors[1] < 2.5


@pytest.mark.slow
def test_neuron_reports_the_rising_edge_at_the_end_of_its_step(in_neuron):
    result = in_neuron("exponential_midpoint", 10)
    assert len(result["spikes"]) == 1
    assert 0 <= result["spikes"][0] - first_spike(result) <= 0.01 + 1e-9


@pytest.mark.slow
def test_arbor_reports_the_rising_edge_interpolated(in_arbor):
    result = in_arbor("exponential_midpoint", 10)
    assert result["spikes"] == pytest.approx([first_spike(result)], abs=1e-9)
