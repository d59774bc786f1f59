r"""The noise-free neuron as a SPICE netlist of behavioural sources, for ngspice.

The circuit stays a circuit: the gate node carries the capacitor c_gate and the resistor r_control, and the memristor is
a current source between input and gate,

.. math:: C_g \frac{dV}{dt} = i_{device} - \frac{V}{R_c}, \qquad i_{device} = \frac{V_{in} - V}{R_d},

which is the equation of ``v_gate`` times c_gate. Everything else is translated from the Brian2 equations, whatever the
device model:

* Every other state y with dy/dt = f is the voltage of a node (the state's SI value, in volt) on a capacitor of 1 nF,
  charged by a behavioural current source of 1 nF times f. Mathematically 1 F would do as well; 1 nF brings these
  currents closer to those of the circuit, because ngspice has one absolute tolerance for all currents and one for all
  charges.
* Subexpressions are inlined. As node voltages, resistances of 1e12 ohm would share one absolute tolerance with states
  below 1. Only a recorded subexpression gets a node, and nothing depends on that node.
* Parameters, and subexpressions made of parameters alone, are ``.param`` lines. Numbers are in SI units.

ngspice's ``**`` and ``pow`` take the absolute value of the base. Squares are therefore written as products and odd
whole powers with ``pwr``, which keeps the sign; with any other exponent the base must not be negative, as in Brian2.

Bounds that an equation may set its state (``x_total_ceiling``) are left out: they remove errors of a fixed step, and
ngspice chooses its steps by their error.

The transistor does not act back on the gate, so it is left out; its ``drain_voltage`` has no SPICE counterpart.

Source of the syntax: ngspice manual, chapters 4 (sources) and 5 (behavioural sources).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from brian2 import DEFAULT_UNITS, Equations, Quantity, TimedArray, get_dimensions, get_unit, second
from brian2.core.functions import DEFAULT_CONSTANTS
from brian2.parsing.rendering import NodeRenderer

from memneuro.circuit.drive import Constant, Current, Drive, PulseTrain, Sampled, as_drive
from memneuro.circuit.one_m1t1r import OneM1T1R

#: Capacitance of a state's node, in farad.
STATE_CAPACITANCE = 1e-9
#: Rise and fall time of an edge of the input, as a fraction of the largest time step.
EDGE = 0.001
#: Absolute tolerances in ampere, volt and coulomb. At rest the gate carries about 1 pA, 0.2 mV and 2 fC.
TOLERANCES = {"abstol": 1e-16, "vntol": 1e-9, "chgtol": 1e-16}

#: Brian2 functions of one argument, and what ngspice calls them.
FUNCTIONS = {
    "abs": "abs",
    "arccos": "acos",
    "arcsin": "asin",
    "arctan": "atan",
    "ceil": "ceil",
    "cos": "cos",
    "cosh": "cosh",
    "exp": "exp",
    "floor": "floor",
    "log": "ln",
    "log10": "log10",
    "sign": "sgn",
    "sin": "sin",
    "sinh": "sinh",
    "sqrt": "sqrt",
    "tan": "tan",
    "tanh": "tanh",
}
#: All functions that are translated; those named here become expressions.
ACCEPTED = (*FUNCTIONS, "clip", "expm1", "int", "log1p")


def spice_netlist(
    neuron: OneM1T1R,
    drive: Any,
    duration: Quantity,
    *,
    step: Quantity,
    reltol: float = 1e-6,
    n: int = 1,
    record: Iterable[str] = ("v_gate",),
    noise: bool = False,
    **parameters: Any,
) -> str:
    r"""The noise-free neuron as the text of an ngspice netlist with a transient analysis.

    A state y with dy/dt = f becomes the voltage V_y of a node,

    .. math:: C \frac{dV_y}{dt} = C\,f, \qquad C = 1\,\mathrm{nF};

    gate, control resistor and memristor stay circuit elements (see the module's documentation).

    A ``Constant`` drive is a DC source, a ``PulseTrain`` a PULSE source (PWL when the number of pulses is limited), a
    ``Sampled`` drive a PWL source that holds each sample, and an ``Expression`` a behavioural source. Edges begin on
    time and take a thousandth of `step`; each pulse keeps its area.

    Parameters
    ----------
    neuron : OneM1T1R
        The neuron.
    drive : Drive, Quantity (volt) or TimedArray
        The input. A voltage, pulse train or sampled voltage with n values gives each neuron a source of its own.
    duration : Quantity (second)
        End of the analysis.
    step : Quantity (second)
        Largest time step; ngspice takes smaller ones where its error estimate asks for it.
    reltol : float
        ngspice's relative tolerance.
    n : int
        Number of neurons: instances of one subcircuit, not connected with each other.
    record : iterable of str
        States, subexpressions or ``v_in`` to record.
    noise : bool
        Only False is accepted: ngspice cannot draw the noise of the model.
    **parameters : Quantity (any unit)
        Card values to replace, one value for all neurons.

    Returns
    -------
    str
        The netlist. Its comments ``* record NEURON COLUMN VECTOR`` name what is recorded and are read by
        :func:`memneuro.export.ngspice.run_ngspice`.

    Raises
    ------
    ValueError
        For noise, an unknown name, a value or shape that is not accepted, a drive that leaves ``v_in`` open, and an
        expression without SPICE counterpart.
    TypeError
        If the drive is not understood.
    brian2.DimensionMismatchError
        For a wrong unit of a parameter.

    Notes
    -----
    Source of the syntax: ngspice manual, chapters 4 and 5.

    Examples
    --------
    >>> from brian2 import ms, us, volt
    >>> from memneuro import OneM1T1R, PulseTrain
    >>> train = PulseTrain(0.8*volt, width=1*ms, period=2*ms)
    >>> print(spice_netlist(OneM1T1R("hopping"), train, 100*ms, step=10*us))
    """
    if noise is not False:
        raise ValueError(f"noise = {noise!r}; accepted: False, because a netlist describes the noise-free neuron only")
    end, largest = _seconds("duration", duration), _seconds("step", step)
    if largest > end:
        raise ValueError(f"step = {step!r} is longer than duration = {duration!r}")
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
        raise ValueError(f"n = {n!r}; accepted: a whole number of at least 1")
    if not 0 < reltol < 1:
        raise ValueError(f"reltol = {reltol!r}; accepted: more than 0 and less than 1")
    for name, value in parameters.items():
        if name in neuron.model.noise_parameters:
            raise ValueError(f"{name} describes the noise; a netlist describes the noise-free neuron only")
        if np.ndim(value) != 0:
            raise ValueError(f"{name} has the shape {np.shape(value)}; accepted: one value for all neurons")
    neuron = neuron.with_(**parameters)
    drive = as_drive(drive)
    drive.check_size(n)
    equations = neuron.equations(drive, noise=False)
    _check_equations(equations, drive)
    record = list(dict.fromkeys(record))
    accepted = {*equations.diff_eq_names, *equations.subexpr_names, "v_in"}
    for name in record:
        if name not in accepted:
            raise ValueError(f"cannot record {name!r}; accepted: {', '.join(sorted(accepted))}")

    edge = EDGE * largest
    sources, inputs = _sources(drive, n, end, edge)
    values = {**neuron.parameters(noise=False), **({} if sources else drive.parameters())}
    translate = _Translation(equations, values, drive.namespace())
    initial = {**neuron.model.initial(False), **drive.initial()}
    body = _circuit(translate, initial, drive, driven=bool(sources)) + _states(translate, initial)
    for name in record:
        if name != "v_in" and name not in equations.diff_eq_names:
            body.append(f"B{name} {name} 0 V = {translate.variable(name)}")
    for name in sorted(translate.sampled):
        body.append(f"V{name} {name} 0 {_samples(drive.namespace()[name], None, end, edge)}")

    # The body is translated: it is now known which parameters it needs.
    constants = translate.constants()
    lines = [f"* {neuron!r} without noise; SI units, the voltage of a state's node is the state"]
    if ceilings := [f"{state}_ceiling" for state in sorted(equations.diff_eq_names) if f"{state}_ceiling" in equations]:
        lines.append(f"* left out, since they only remove errors of a fixed step: {', '.join(ceilings)}")
    lines += [f".param {name}={_digits(float(value))}" for name, (value, _) in values.items() if name in translate.used]
    lines += sources
    lines += [".subckt neuron v_in", *constants, *body, ".ends neuron"]
    vectors = []
    for k, node in enumerate(inputs):
        lines.append(f"X{k} {node} neuron")
        for name in record:
            vectors.append(f"v({node})" if name == "v_in" else f"v(x{k}.{name})")
            lines.append(f"* record {k} {_column(name, equations)} {vectors[-1]}")
    tolerances = " ".join(f"{name}={_digits(value)}" for name, value in TOLERANCES.items())
    lines += [
        f".options reltol={_digits(reltol)} {tolerances} acct",
        f".save {' '.join(dict.fromkeys(vectors))}",
        f".tran {_digits(largest)} {_digits(end)} 0 {_digits(largest)} uic",
        ".end",
    ]
    return "\n".join(lines) + "\n"


class _Translation(NodeRenderer):
    """Brian2 expressions as ngspice expressions.

    Attributes
    ----------
    used : set of str
        Parameters and constant subexpressions that the text translated so far contains.
    sampled : set of str
        Sampled inputs (TimedArray) that it contains.
    """

    expression_ops = {**NodeRenderer.expression_ops, "And": "&&", "Or": "||", "Not": "!"}

    def __init__(
        self, equations: Equations, values: Mapping[str, tuple[Any, str]], namespace: Mapping[str, Any]
    ) -> None:
        super().__init__()
        self.equations, self.values, self.namespace = equations, values, namespace
        self.used: set[str] = set()
        self.sampled: set[str] = set()
        for name, (value, _) in values.items():
            if np.ndim(value) != 0:
                raise ValueError(f"{name} has the shape {np.shape(value)}; accepted: one value for all neurons")
        plain = {*DEFAULT_UNITS, *DEFAULT_CONSTANTS, *ACCEPTED}
        self.constant: list[str] = []
        for equation in equations.ordered:
            if equation.varname in equations.subexpr_names and equation.varname != "v_in":
                if equation.identifiers - plain <= {*values, *self.constant}:
                    self.constant.append(equation.varname)
        self._bare = False

    def variable(self, name: str) -> str:
        """The translation of one variable."""
        return self.render_Name(ast.Name(name))

    def right_side(self, name: str) -> str:
        """The translation of what defines one variable."""
        return self.render_expr(self.equations[name].expr.code)

    def constants(self) -> list[str]:
        """Lines for the constant subexpressions in use; notes the parameters they need."""
        lines: list[str] = []
        self._bare = True
        for name in reversed(self.constant):
            if name in self.used:
                lines.insert(0, f".param {name}={{{self.right_side(name)}}}")
        self._bare = False
        return lines

    def render_Name(self, node: ast.Name) -> str:
        name = node.id
        if name == "v_in" or name in self.equations.diff_eq_names:
            return f"V({name})"
        if name in self.values or name in self.constant:
            self.used.add(name)
            return name if self._bare else f"{{{name}}}"
        if name in self.equations.subexpr_names:
            return f"({self.right_side(name)})"
        if name in self.equations.parameter_names:
            raise ValueError(f"{name} is set from outside the equations; a netlist needs a value for it")
        if name == "t":
            return "time"
        value: Any = {**DEFAULT_CONSTANTS, **DEFAULT_UNITS, **self.namespace}.get(name)
        value = getattr(value, "value", value)
        if np.ndim(value) == 0 and isinstance(value, (int, float, Quantity)):
            return _number(float(value))
        raise ValueError(f"{name!r} has no SPICE counterpart; accepted: variables, parameters, numbers, units and t")

    def render_Constant(self, node: ast.Constant) -> str:
        return _number(node.value)  # type: ignore[arg-type]

    def render_Call(self, node: ast.Call) -> str:
        name, text = ast.unparse(node.func), ast.unparse(node)
        if isinstance(self.namespace.get(name), TimedArray):
            if text != f"{name}(t)":
                raise ValueError(f"{text!r} has no SPICE counterpart; accepted: {name}(t)")
            self.sampled.add(name)
            return f"V({name})"
        if name in self.namespace or name not in ACCEPTED:
            raise ValueError(
                f"the function {name!r} in {text!r} has no SPICE counterpart; accepted: {', '.join(sorted(ACCEPTED))}"
            )
        given = [self.render_node(argument) for argument in node.args]
        if name == "clip":
            return f"min(max({given[0]}, {given[1]}), {given[2]})"
        if name == "expm1":  # exp(x) - 1 without the loss of digits near x = 0
            return f"(2*exp(({given[0]})/2)*sinh(({given[0]})/2))"
        if name == "log1p":  # ln(1 + x), likewise
            return f"(2*atanh(({given[0]})/(2 + {given[0]})))"
        if name == "int":
            kind = getattr(node.args[0], "op", node.args[0])
            if isinstance(kind, (ast.Compare, ast.And, ast.Or, ast.Not)):
                return f"(({given[0]}) ? 1 : 0)"
            return f"(sgn({given[0]})*floor(abs({given[0]})))"
        return f"{FUNCTIONS[name]}({given[0]})"

    def render_element_parentheses(self, node: ast.expr) -> str:
        return self._operand(node, 3)

    def _operand(self, node: ast.expr, rank: int) -> str:
        """Translate, with parentheses around what binds less than `rank`: 1 for a sum, 2 a product, 3 anything else."""
        text = self.render_node(node)
        own = 0 if isinstance(node, (ast.Compare, ast.BoolOp, ast.UnaryOp)) else 3
        if isinstance(node, ast.BinOp):
            own = 1 if isinstance(node.op, (ast.Add, ast.Sub)) else 2 if isinstance(node.op, (ast.Mult, ast.Div)) else 3
        return f"({text})" if own < rank else text

    def render_BinOp(self, node: ast.BinOp) -> str:
        if isinstance(node.op, (ast.Add, ast.Sub)):
            sign = self.expression_ops[type(node.op).__name__]
            return f"{self._operand(node.left, 1)} {sign} {self._operand(node.right, 2)}"
        if isinstance(node.op, (ast.Mult, ast.Div)):
            left, right = self._operand(node.left, 2), self._operand(node.right, 3)
            of_one = isinstance(node.right, ast.Name) and node.right.id in DEFAULT_UNITS and right == "1"
            return left if of_one else f"{left}{self.expression_ops[type(node.op).__name__]}{right}"
        left, right = (self._operand(side, 3) for side in (node.left, node.right))
        if isinstance(node.op, ast.FloorDiv):
            return f"floor({left}/{right})"
        if isinstance(node.op, ast.Mod):
            return f"({left} - {right}*floor({left}/{right}))"
        if isinstance(node.op, ast.Pow):
            exponent = _whole_exponent(node.right)
            if exponent == 2:
                return f"({left}*{left})"
            return f"{'pow' if exponent is None or exponent % 2 == 0 else 'pwr'}({left}, {right})"
        raise ValueError(f"{ast.unparse(node)!r} has no SPICE counterpart; accepted operators: + - * / // % **")


def _whole_exponent(node: ast.expr) -> int | None:
    """The exponent, when it is written as a whole number."""
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return None
    return int(value) if float(value).is_integer() else None


def _number(value: float) -> str:
    if not np.isfinite(value):
        raise ValueError(f"the number {value!r} has no SPICE counterpart; accepted: finite numbers")
    text = _digits(value)
    return f"({text})" if text.startswith("-") else text


def _digits(value: float) -> str:
    """A number without the digits that arise from rounding."""
    return f"{value:.15g}"


def _seconds(name: str, value: Any) -> float:
    if get_dimensions(value) != get_dimensions(second):
        raise ValueError(f"{name} = {value!r} is not a time")
    if np.ndim(value) != 0 or not np.isfinite(float(value)) or float(value) <= 0:
        raise ValueError(f"{name} = {value!r}; accepted: one finite time greater than zero")
    return float(value)


def _check_equations(equations: Equations, drive: Drive) -> None:
    """Raise when the drive is noisy, leaves the input open, or uses names that differ in their case alone."""
    if equations.is_stochastic:
        raise ValueError(f"drive {drive!r} is noisy; accepted: a drive without xi")
    if "v_in" not in equations.names:
        raise ValueError(f"drive {drive!r} does not define v_in; accepted: equations with a line 'v_in = ... : volt'")
    if "v_in" in equations.parameter_names and not isinstance(drive, Constant):
        raise ValueError(f"drive {drive!r} leaves v_in to be set from outside; accepted: a drive that defines it")
    if "v_in" in equations.diff_eq_names and not isinstance(drive, Current):
        raise ValueError(f"v_in is a state of the drive {drive!r}; accepted: 'v_in = ... : volt', or Current")
    seen: dict[str, str] = {}
    for name in sorted(equations.names):
        if name.lower() in seen:
            raise ValueError(f"{seen[name.lower()]!r} and {name!r} are one name in SPICE, which ignores case")
        seen[name.lower()] = name


def _circuit(translate: _Translation, initial: Mapping[str, Any], drive: Drive, *, driven: bool) -> list[str]:
    """The circuit: what defines v_in inside the subcircuit (nothing when it is driven), memristor, gate."""
    lines: list[str] = []
    if isinstance(drive, Current):
        lines += [
            f"Cin v_in 0 {translate.variable('c_in')} ic={_start(initial, 'v_in')}",
            f"Gin v_in 0 v_in 0 {translate.variable('g_in')}",
            f"Bin 0 v_in I = {translate.variable('i_in')}",
        ]
    elif not driven:
        lines.append(f"Bin v_in 0 V = {translate.right_side('v_in')}")
    return lines + [
        f"Cgate v_gate 0 {translate.variable('c_gate')} ic={_start(initial, 'v_gate')}",
        f"Rcontrol v_gate 0 {translate.variable('r_control')}",
        f"Bdevice v_in v_gate I = {translate.right_side('i_device')}",
    ]


def _states(translate: _Translation, initial: Mapping[str, Any]) -> list[str]:
    """A capacitor and a current source for each state that is not a voltage of the circuit."""
    lines = []
    for name in translate.equations.diff_eq_names - {"v_gate", "v_in"}:
        lines.append(f"C{name} {name} 0 {_digits(STATE_CAPACITANCE)} ic={_start(initial, name)}")
        lines.append(f"B{name} 0 {name} I = {_digits(STATE_CAPACITANCE)}*({translate.right_side(name)})")
    return lines


def _start(initial: Mapping[str, Any], name: str) -> str:
    value = initial.get(name, 0.0)
    if isinstance(value, str):
        raise ValueError(f"{name} starts from the expression {value!r}; accepted: a number")
    return _digits(float(value))


def _sources(drive: Drive, n: int, end: float, edge: float) -> tuple[list[str], list[str]]:
    """Voltage sources outside the neurons, and the input node of each neuron.

    There is one source for all neurons, or one each when the drive holds arrays, and none when the neuron's own
    equations define v_in.
    """
    own = [f"v_in_{k}" for k in range(n)]
    if isinstance(drive, Sampled):
        values = drive.values
        if np.ndim(values.values) == 1:
            return [f"Vin v_in 0 {_samples(values, None, end, edge)}"], ["v_in"] * n
        return [f"Vin_{k} {node} 0 {_samples(values, k, end, edge)}" for k, node in enumerate(own)], own
    if not isinstance(drive, (Constant, PulseTrain)):
        return [], own
    given = {name: np.asarray(value, dtype=float) for name, (value, _) in drive.parameters().items()}
    for name, value in given.items():
        if value.ndim and value.shape != (n,):
            raise ValueError(f"{name} has the shape {value.shape}; accepted: one value or {n} values")
    if all(value.ndim == 0 for value in given.values()):
        return [f"Vin v_in 0 {_waveform({k: float(v) for k, v in given.items()}, end, edge)}"], ["v_in"] * n
    lines = []
    for k, node in enumerate(own):
        one = {name: float(value[k] if value.ndim else value) for name, value in given.items()}
        lines.append(f"Vin_{k} {node} 0 {_waveform(one, end, edge)}")
    return lines, own


def _waveform(given: Mapping[str, float], end: float, edge: float) -> str:
    """A constant voltage or a pulse train, from the parameters of its drive."""
    if "v_in" in given:
        return f"DC {_digits(given['v_in'])}"
    amplitude, width, period, count, start = (
        given[f"pulse_{name}"] for name in ("amplitude", "width", "period", "count", "start")
    )
    if period - width < 2 * edge:  # no gap between the pulses
        width, count = count * period, 1.0
    if np.isinf(count):
        timing = " ".join(_digits(value) for value in (start, edge, edge, width - edge, period))
        return f"PULSE(0 {_digits(amplitude)} {timing})"
    times, levels = [0.0], [0.0]
    for k in range(int(min(count, np.ceil(max(end - start, 0.0) / period)))):
        times += [start + k * period, start + k * period + width]
        levels += [amplitude, 0.0]
    return _steps(times, levels, end, edge)


def _samples(values: TimedArray, column: int | None, end: float, edge: float) -> str:
    """A TimedArray: each sample is held until the next, the last one for good."""
    if np.ndim(values.values) == 2 and column is None:
        raise ValueError(f"{values.name} has {values.values.shape[1]} columns; accepted: one for all neurons")
    levels = values.values if column is None else values.values[:, column]
    step = float(values.dt)
    return _steps([k * step for k in range(len(levels))], [float(level) for level in levels], end, min(edge, step / 2))


def _steps(times: list[float], levels: list[float], end: float, edge: float) -> str:
    """A PWL source that goes to each level at its time, which must not come before the one ahead of it."""
    points = []
    now = levels[0]
    for time, level in zip(times, levels, strict=True):
        if time == 0.0:
            points, now = [(0.0, level)], level
        elif time < end and level != now:
            points += [(time, now), (time + edge, level)]
            now = level
    return f"PWL({' '.join(f'{_digits(time)} {_digits(level)}' for time, level in points)})"


def _column(name: str, equations: Equations) -> str:
    """The variable's name with its unit as a suffix."""
    unit = re.sub(r"\W+", "_", str(get_unit(equations[name].dim))).strip("_")
    return name if unit in ("", "rad") else f"{name}_{unit}"
