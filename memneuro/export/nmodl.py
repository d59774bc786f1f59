r"""The noise-free 1M1T1R neuron as an NMODL mechanism, for NEURON and for Arbor.

Every equation of the neuron is linear in its own variable *as written*,

.. math:: dy/dt = a - b\,y,

with coefficients a and b that depend on the other quantities. A step evaluates the subexpressions and the coefficients,
then advances the states by one of two methods:

exponential_midpoint
    The two stages of :mod:`memneuro.numerics.exponential_midpoint`, statement for statement; second order. The step is
    the mechanism's own, written as a PROCEDURE in NEURON and as a DERIVATIVE block without derivatives in Arbor, where
    a procedure cannot write the membrane voltage.
cnexp
    ``y' = a - b*y`` with the coefficients of the start of the step, and METHOD cnexp; exponential Euler, first order:
    ``y + (a/b - y)(1 - exp(-b h))``. Arbor's cnexp has ``(2 - b h)/(2 + b h)`` in place of ``exp(-b h)``, which is
    negative for b h > 2: values overshoot, x_total leaves [0, 1], and the default neuron becomes NaN at h = 10 us. Use
    5 us or less there. The bounds that an equation may set its state (``x_total_ceiling``) are left out: they remove
    errors of a step, and a derivative leaves no place for them.

NEURON's derivimplicit is not offered: at 5 us and more its Newton iteration fails on the default neuron.

What the two simulators do not share
------------------------------------
* Time. A drive is read in the middle of the step, so that a pulse edge on the time grid is never ambiguous. NEURON
  advances states with ``t`` at the end of the step, so the step starts at ``t - dt``; this holds for the fixed step,
  not for CVODE. Arbor gives a mechanism neither ``t`` (a parameter of that name is accepted and stays constant) nor
  ``dt``: a state ``clock_ms`` with ``clock_ms' = 1`` is solved first and supplies both. Nor has it floor(): adding and
  subtracting 1.5 * 2**52 rounds to a whole number, and an ``if`` corrects it downwards.
* Spikes. In NEURON the mechanism is a point process with a WATCH on ``v_gate > v_threshold``. It sends an event on each
  rising edge, at the end of the step, so that ``h.NetCon(mechanism, target)`` is all that is needed. Arbor's threshold
  detector sees the membrane voltage only. The mechanism is therefore a VOLTAGE_PROCESS, which owns the membrane voltage
  of its control volume and sets it to the gate voltage (mV) before the detectors look: paint
  ``arbor.voltage_process(name)`` on a cell of one control volume, and a threshold detector at 1000 v_threshold mV
  reports the same rising edges, interpolated within the step.
* Units. Parameters and states are plain SI numbers; the only milliseconds are those of the simulators' own time.

Only what the states depend on is exported: the output stage (``v_out``, ``v_load``) follows from ``v_gate`` and is not.

Source: Hines and Carnevale (2000), *Expanding NEURON's repertoire of mechanisms with NMODL*,
doi:10.1162/089976600300015475.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import DEFAULT_UNITS, Equations
from brian2.core.functions import DEFAULT_CONSTANTS
from brian2.utils.stringtools import word_substitute

from memneuro.circuit.drive import Drive, as_drive
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.numerics.exponential_midpoint import (
    ZERO_NAME,
    ExponentialMidpoint,
    _decay_rate,
    _used_subexpressions,
)

DIALECTS = ("neuron", "arbor")
METHODS = ("exponential_midpoint", "cnexp")
_INFINITE = 1e300
_ROUNDER = 6755399441055744.0  # 1.5 * 2**52: adding and subtracting it rounds a double to a whole number

#: Brian2 functions of one argument: how each dialect writes them. Functions of conditions and `clip` become statements.
_FUNCTIONS = {
    "neuron": {
        "abs": "fabs({0})",
        "ceil": "ceil({0})",
        "cos": "cos({0})",
        "cosh": "cosh({0})",
        "exp": "exp({0})",
        "floor": "floor({0})",
        "log": "log({0})",
        "log10": "log10({0})",
        "relaxation": "relaxation({0})",
        "relaxation_pade": "relaxation_pade({0})",
        "sin": "sin({0})",
        "sinh": "sinh({0})",
        "sqrt": "sqrt({0})",
        "tan": "tan({0})",
        "tanh": "tanh({0})",
    },
    "arbor": {
        "abs": "fabs({0})",
        "cos": "cos({0})",
        "exp": "exp({0})",
        "log": "log({0})",
        "relaxation": "(1/exprelr(-({0})))",
        "relaxation_pade": "relaxation_pade({0})",
        "sin": "sin({0})",
        "sqrt": "sqrt({0})",
        "tanh": "tanh({0})",
    },
}
#: Words of the language, or of one of the two compilers, that the equations' own names must not take.
_RESERVED = (
    *("advance", "area", "celsius", "clock_last", "clock_ms", "diam", "dt", "exprelr", "flag", "relaxation"),
    *("relaxation_pade", "step", "t", "tick", "to", "v", "weight"),
)
#: The functions that the integrator brings with it; Arbor has the first built in, as 1/exprelr(-z).
_HELPERS = {
    "relaxation": """
FUNCTION relaxation(z) {
    if (fabs(z) < 1e-4) {
        relaxation = 1 - z*(0.5 - z/6)
    } else {
        relaxation = (1 - exp(-z))/z
    }
}
""",
    "relaxation_pade": """
FUNCTION relaxation_pade(z) {
    LOCAL size, rise
    size = fabs(z)
    if (size > 1e6) {
        size = 1e6
    }
    rise = (size/6 + 0.5)*size + 1
    if (z > 0) {
        relaxation_pade = rise/(z*rise + 1)
    } else {
        relaxation_pade = rise
    }
}
""",
}
_NET_RECEIVE = """
NET_RECEIVE (weight) {{
{received}    if (flag == 1) {{
        WATCH (v_gate > v_threshold) 2
    }}
    if (flag == 2) {{
        net_event(t)
    }}
}}
"""
_RECEIVED = """    if (flag == 0 && weight > 0) {{
        {up} = {up} + weight
    }}
    if (flag == 0 && weight < 0) {{
        {down} = {down} - weight
    }}
"""
_COMPARISONS: dict[type, str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
_OPERATORS: dict[type, str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "^"}
_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": operator.pow,
}
_STRENGTH = {"+": 1, "-": 1, "*": 2, "/": 2, "^": 4}


def nmodl(
    neuron: OneM1T1R,
    drive: Any,
    *,
    name: str = "memristor_neuron",
    dialect: str = "neuron",
    method: str = "exponential_midpoint",
    receive: tuple[str, str] | None = None,
    **parameters: Any,
) -> str:
    """The noise-free neuron with its drive as the text of an NMODL file; see the module's documentation.

    Parameters
    ----------
    neuron : OneM1T1R
        The neuron.
    drive : Drive or Quantity (volt)
        What drives it: a voltage, ``Constant``, ``PulseTrain``, a ``Current`` of constant value, an ``Expression``
        without objects of its own, or the ``InputNode`` of a network. One value for all neurons.
    name : str
        Name of the mechanism.
    dialect : {"neuron", "arbor"}
        The simulator the text is for.
    method : {"exponential_midpoint", "cnexp"}
        How the states are advanced: to second order, or to first order by the simulator's own solver.
    receive : (str, str), optional
        States of the drive that an event adds its weight to, where it is above zero, and takes it from, where it is
        below: ``("g_exc", "g_inh")`` for an :class:`memneuro.network.node.InputNode`. NEURON only; without it events
        do nothing.
    **parameters : Quantity (any unit)
        Card values to replace.

    Returns
    -------
    str
        The mechanism, to be written to ``<name>.mod``. Its states are those of the neuron, its parameters those of the
        card and the drive: SI numbers, one value for all instances, to be changed before initialization.

    Raises
    ------
    ValueError
        For an unknown dialect, method or parameter, a parameter of the noise, a name that is no identifier, a drive
        that needs a table or a value from outside, an array of values, or a function without a counterpart.
    TypeError
        If `neuron` is not a OneM1T1R or `drive` is nothing that drives one.
    brian2.DimensionMismatchError
        If a parameter has the wrong unit.

    Examples
    --------
    >>> from brian2 import ms, volt
    >>> from memneuro import OneM1T1R, PulseTrain
    >>> from memneuro.export.nmodl import nmodl
    >>> text = nmodl(OneM1T1R("hopping"), PulseTrain(0.8*volt, width=1*ms, period=2*ms))
    """
    if not isinstance(neuron, OneM1T1R):
        raise TypeError(f"neuron = {neuron!r}; accepted: a OneM1T1R")
    if dialect not in DIALECTS:
        raise ValueError(f"dialect = {dialect!r}; accepted: {', '.join(DIALECTS)}")
    if method not in METHODS:
        raise ValueError(f"method = {method!r}; accepted: {', '.join(METHODS)}")
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise ValueError(f"name = {name!r}; accepted: a letter, then letters, digits and underscores")
    if receive is not None and dialect != "neuron":
        raise ValueError(f"receive = {receive!r} with dialect = {dialect!r}; accepted: dialect 'neuron'")
    for key in parameters:
        if key == "noise" or key in neuron.model.noise_parameters:
            raise ValueError(
                f"{key} belongs to the noise of the device, which is not exported; accepted: noise-free only"
            )
    neuron = neuron.with_(**parameters)
    drive = as_drive(drive)
    equations = neuron.equations(drive, noise=False)
    if receive is not None and (len(receive) != 2 or not set(receive) <= set(drive.initial())):
        raise ValueError(
            f"receive = {receive!r}; accepted: two of the states of the drive, {', '.join(drive.initial()) or 'none'}"
        )
    values = _values(neuron, drive, equations)
    initial = {state: 0.0 for state in equations.diff_eq_names}
    initial |= {state: float(np.asarray(v)) for state, v in {**neuron.model.initial(False), **drive.initial()}.items()}
    title = f"{neuron!r}, drive {type(drive).__name__}, without noise, in SI units"
    return _Mechanism(equations, values, initial, dialect, method).text(name, title, receive)


def _values(neuron: OneM1T1R, drive: Drive, equations: Equations) -> dict[str, tuple[float, str]]:
    """SI number and unit text of every parameter; what is not one number raises ValueError."""
    if drive.namespace():
        raise ValueError(
            f"drive {type(drive).__name__} needs {', '.join(drive.namespace())}, which NMODL cannot hold; "
            "accepted: Constant, PulseTrain, a Current of constant value, an Expression without objects"
        )
    found = {}
    for key, (value, unit) in {**neuron.parameters(noise=False), **drive.parameters()}.items():
        if np.ndim(value) != 0:
            raise ValueError(f"{key} has the shape {np.shape(value)}; accepted: one value for all neurons")
        found[key] = (float(np.asarray(value)), unit)
    open_ = [key for key in equations.parameter_names if key not in found and not key.endswith("_last")]
    if open_:
        raise ValueError(
            f"drive {type(drive).__name__} leaves {', '.join(open_)} to be set from outside; "
            "accepted: Constant, PulseTrain, a Current of constant value, an Expression without objects"
        )
    return found


@dataclass(frozen=True)
class _Term:
    """An expression in NMODL: its text, how tightly it binds, its value if it is a number, and whether it is fixed."""

    text: str
    strength: int = 9
    number: float | None = None
    constant: bool = False


class _Mechanism:
    """The parts of one mechanism, collected while the statements of a step are translated."""

    def __init__(
        self,
        equations: Equations,
        values: Mapping[str, tuple[float, str]],
        initial: Mapping[str, float],
        dialect: str,
        method: str,
    ) -> None:
        self.equations, self.values, self.initial = equations, values, initial
        self.dialect, self.method = dialect, method
        self.states = sorted(equations.diff_eq_names)
        self.parameters = {"v_threshold"} if dialect == "neuron" else set()
        self.constants: dict[str, str] = {}  # evaluated once, in INITIAL
        self.locals: list[str] = []
        self.body: list[str] = []
        self.names: dict[str, _Term] = {}  # what a name of the equations stands for
        self.taken: set[str] = set(_RESERVED)
        for state in self.states:
            self.names[state] = _Term(self._new(state))
        if method == "exponential_midpoint":
            self._midpoint()
        else:
            self._derivatives()

    def _midpoint(self) -> None:
        """Translate the integrator's own statements, one for one."""
        self.names[ZERO_NAME] = _number(0.0)
        for line in ExponentialMidpoint()(self.equations).splitlines():
            target, code = (part.strip() for part in line.split("=", 1))
            if target not in {ZERO_NAME, *(f"{state}_last" for state in self.states)}:
                self._assign(target, code)

    def _derivatives(self) -> None:
        """Evaluate subexpressions and coefficients, then write each equation in the form that the method needs."""
        middle = {"t": "(t + 0.5*dt)"}
        codes = {state: expression.code for state, expression in self.equations.diff_eq_expressions}
        for name in _used_subexpressions(self.equations, list(codes.values())):
            self._assign(name, word_substitute(self.equations[name].expr.code, middle))
        derivatives = []
        for state in self.states:
            own = self.names[state].text
            decay = _decay_rate(codes[state], state)
            code = codes[state] if decay is None else word_substitute(codes[state], {state: "0"})
            self._assign(f"a_{state}", word_substitute(code, middle))
            right = self.names[f"a_{state}"].text
            if decay:
                self._assign(f"b_{state}", word_substitute(decay, middle))
                right += f" - {self.names[f'b_{state}'].text}*{own}"
            derivatives.append(f"{own}' = 0.001*({right})")
        self.body += derivatives

    def _new(self, wanted: str) -> str:
        """A name that is free in the mechanism."""
        wanted = wanted.lstrip("_")
        name, number = wanted, 1
        while name in self.taken:
            number += 1
            name = f"{wanted}_{number}"
        self.taken.add(name)
        return name

    def _local(self, wanted: str) -> str:
        name = self._new(wanted)
        self.locals.append(name)
        return name

    def _assign(self, target: str, code: str) -> None:
        """Translate one assignment; what cannot change during a run moves to INITIAL."""
        term = self._translate(ast.parse(code, mode="eval").body)
        if target in self.states:
            self.body.append(f"{self.names[target].text} = {term.text}")
        elif term.constant:
            self.names[target] = self._constant(target, term)
        else:
            name = self._local(target)
            self.body.append(f"{name} = {term.text}")
            self.names[target] = _Term(name)

    def _constant(self, wanted: str, term: _Term) -> _Term:
        """Name a constant expression, unless it is a name or a number already."""
        if term.number is not None or re.fullmatch(r"\w+", term.text):
            return term
        for name, text in self.constants.items():
            if text == term.text:
                return _Term(name, constant=True)
        name = self._new(wanted)
        self.constants[name] = term.text
        return _Term(name, constant=True)

    def _together(self, *terms: _Term) -> list[_Term]:
        """Operands of one operation: beside a changing one, constant expressions are replaced by names for them."""
        if all(term.constant for term in terms):
            return list(terms)
        return [self._constant("fixed", term) if term.constant else term for term in terms]

    def _translate(self, node: ast.expr) -> _Term:
        """The NMODL form of an expression; what NMODL can only say in statements is put before it."""
        if isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float)):
            return _number(float(node.value))
        if isinstance(node, ast.Name):
            return self._identifier(node.id)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            term = self._translate(node.operand)
            return term if isinstance(node.op, ast.UAdd) else _negative(term)
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            left, right = self._together(self._translate(node.left), self._translate(node.right))
            return _operation(_OPERATORS[type(node.op)], left, right)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
            return self._call(node.func.id, node.args)
        raise ValueError(
            f"{ast.unparse(node)!r} has no NMODL counterpart; accepted: + - * / ** and functions of values"
        )

    def _identifier(self, name: str) -> _Term:
        if name in self.names:
            return self.names[name]
        if name in self.values:
            self.parameters.add(name)
            self.names[name] = _Term(self._new(name), constant=True)
            return self.names[name]
        if name in ("t", "dt"):
            text = {
                "neuron": {"t": "(t - dt)", "dt": "dt"},
                "arbor": {"t": "clock_last", "dt": "(clock_ms - clock_last)"},
            }
            local = self._local({"t": "start_s", "dt": "step_s"}[name])
            self.body.insert(0, f"{local} = 0.001*{text[self.dialect][name]}")
            self.names[name] = _Term(local)
            return self.names[name]
        if name in DEFAULT_CONSTANTS:
            return _number(float(DEFAULT_CONSTANTS[name].value))
        if name in DEFAULT_UNITS:
            return _number(float(DEFAULT_UNITS[name]))
        raise ValueError(f"{name!r} has no NMODL counterpart; accepted: names of the equations, t, dt, units and pi")

    def _call(self, function: str, arguments: list[ast.expr]) -> _Term:
        function = function.removesuffix("_ieee")  # the integrator's own exp, log and so on
        if function == "int" and len(arguments) == 1:
            condition = self._condition(arguments[0], True)
            return self._choice("holds", condition, "1", "0")
        terms = [self._translate(argument) for argument in arguments]
        if function == "clip" and len(terms) == 3:
            value, low, high = (term.text for term in terms)
            name = self._choice("clipped", f"{value} < {low}", low, value).text
            self.body += [f"if ({name} > {high}) {{", f"    {name} = {high}", "}"]
            return _Term(name)
        if self.dialect == "arbor" and function in ("floor", "ceil") and len(terms) == 1:
            return self._whole(terms[0]) if function == "floor" else _negative(self._whole(_negative(terms[0])))
        known = _FUNCTIONS[self.dialect]
        if function not in known or len(terms) != 1:
            accepted = sorted({*known, "ceil", "clip", "floor", "int"})
            raise ValueError(
                f"function {function!r} with {len(terms)} argument(s) has no NMODL counterpart in the dialect "
                f"{self.dialect!r}; accepted: {', '.join(accepted)}"
            )
        return _Term(known[function].format(terms[0].text), constant=terms[0].constant)

    def _whole(self, term: _Term) -> _Term:
        """The largest whole number not above `term`, where there is no floor(): round, then correct downwards."""
        value, rounded = self._local("unrounded"), self._local("rounded")
        self.body += [f"{value} = {term.text}", f"{rounded} = ({value} + {_ROUNDER}) - {_ROUNDER}"]
        return self._choice("whole", f"{rounded} > {value}", f"{rounded} - 1", rounded)

    def _choice(self, wanted: str, condition: str, yes: str, no: str) -> _Term:
        """A local that takes one of two values."""
        name = self._local(wanted)
        self.body += [f"if ({condition}) {{", f"    {name} = {yes}", "} else {", f"    {name} = {no}", "}"]
        return _Term(name)

    def _condition(self, node: ast.expr, wanted: bool) -> str:
        """A condition, or its opposite; `not` is moved inwards, because not every dialect has it."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return self._condition(node.operand, not wanted)
        if isinstance(node, ast.BoolOp):
            joint = " && " if isinstance(node.op, ast.And) == wanted else " || "
            return joint.join(f"({self._condition(value, wanted)})" for value in node.values)
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARISONS:
            sign = _COMPARISONS[type(node.ops[0])]
            left, right = self._together(self._translate(node.left), self._translate(node.comparators[0]))
            return f"{left.text} {sign if wanted else _OPPOSITE[sign]} {right.text}"
        raise ValueError(f"int({ast.unparse(node)}) has no NMODL counterpart; accepted: int() of a comparison")

    def text(self, name: str, title: str, receive: tuple[str, str] | None) -> str:
        """The whole file."""
        up, down = ("", "") if receive is None else (self.names[state].text for state in receive)
        events = _NET_RECEIVE.format(received="" if receive is None else _RECEIVED.format(up=up, down=down))
        arbor, midpoint = self.dialect == "arbor", self.method == "exponential_midpoint"
        states = [self.names[state].text for state in self.states]
        values = {self.names[key].text if key in self.names else key: self.values[key] for key in self.parameters}
        clock = ["clock_ms"] if arbor else []
        head = [f"VOLTAGE_PROCESS {name}" if arbor else f"POINT_PROCESS {name}"]
        head.append(f"RANGE {'clock_last' if arbor else ', '.join(states)}")
        head.append(f"GLOBAL {', '.join(sorted(values) if arbor else sorted([*values, *self.constants]))}")
        if not arbor:
            head.append("THREADSAFE")
        units = {"1": "dimensionless"}
        settings = [
            f"{key} = {number!r} : {units.get(unit, unit)}" for key, (number, unit) in sorted(_finite(values).items())
        ]
        assigned = list(self.constants) + ["clock_last" if arbor else "dt (ms)"]
        initial = [f"{key} = {text}" for key, text in self.constants.items()]
        initial += [f"{self.names[state].text} = {self.initial[state]!r}" for state in self.states]
        advance = ([f"LOCAL {', '.join(self.locals)}"] if self.locals else []) + self.body
        gate = self.names["v_gate"].text
        if arbor:
            initial += ["clock_ms = 0", "clock_last = 0", f"v = 1000*{gate}"]
            advance.append(f"v = 1000*{gate}")
        else:
            initial.append("net_send(0, 1)")
        block = "PROCEDURE advance()" if midpoint and not arbor else "DERIVATIVE advance"
        solve = (
            "SOLVE advance" if midpoint and not arbor else f"SOLVE advance METHOD {'cnexp' if arbor else self.method}"
        )
        ceilings = [f"{state}_ceiling" for state in self.states if f"{state}_ceiling" in self.equations.subexpr_names]
        if ceilings and not midpoint:
            title += f"\n: left out, since they only remove errors of a step: {', '.join(ceilings)}"
        parts = [
            f": {title}\n",
            _block("NEURON", head),
            _block("PARAMETER", settings),
            _block("ASSIGNED", assigned),
            _block("STATE", [f"{state} : {self._unit(state)}" for state in self.states] + clock),
            _block("INITIAL", initial),
            _block("BREAKPOINT", (["SOLVE tick METHOD cnexp"] if arbor else []) + [solve]),
            _block("DERIVATIVE tick", ["clock_last = clock_ms", "clock_ms' = 1"]) if arbor else "",
            _block(block, advance),
            *(code.lstrip() for helper, code in _HELPERS.items() if f"{helper}(" in "\n".join(self.body)),
            "" if arbor else events.lstrip(),
        ]
        return "\n".join(part for part in parts if part)

    def _unit(self, state: str) -> str:
        return "dimensionless" if self.equations[state].dim.is_dimensionless else str(self.equations[state].unit)


def _number(value: float) -> _Term:
    """A number; whole ones are written without a decimal point, infinity as the largest power that is safe."""
    value = min(max(value, -_INFINITE), _INFINITE)
    whole = value.is_integer() and abs(value) < 1e15
    text = str(int(value)) if whole else repr(value)
    return _Term(f"({text})" if value < 0 else text, number=value, constant=True)


def _negative(term: _Term) -> _Term:
    """Minus an expression, in parentheses: the rank of a leading minus differs between dialects."""
    if term.number is not None:
        return _number(-term.number)
    return _Term(f"(-{_within(term, 3)})", constant=term.constant)


def _within(term: _Term, strength: int) -> str:
    """The text, in parentheses where it binds less tightly than its surroundings need."""
    return term.text if term.strength >= strength else f"({term.text})"


def _operation(sign: str, left: _Term, right: _Term) -> _Term:
    """`left sign right`; numbers are combined, and neutral elements (from the zero of a coefficient) dropped."""
    a, b = left.number, right.number
    if a is not None and b is not None and not (sign == "/" and b == 0):
        return _number(_ARITHMETIC[sign](a, b))
    if sign in "*/" and a == 0:
        return left
    if sign == "*" and b == 0:
        return right
    if (sign in "*/^" and b == 1) or (sign in "+-" and b == 0):
        return left
    if (sign == "*" and a == 1) or (sign == "+" and a == 0):
        return right
    if sign == "-" and a == 0:
        return _negative(right)
    constant = left.constant and right.constant
    if sign == "^" and b == 2 and re.fullmatch(r"\w+", left.text):
        return _Term(f"{left.text}*{left.text}", _STRENGTH["*"], constant=constant)
    strength = _STRENGTH[sign]
    first = _within(left, strength + (sign == "^"))
    second = _within(right, strength + (sign in "-/^"))
    space = " " if sign in "+-" else ""
    return _Term(f"{first}{space}{sign}{space}{second}", strength, constant=constant)


def _finite(values: Mapping[str, tuple[float, str]]) -> dict[str, tuple[float, str]]:
    return {key: (min(max(number, -_INFINITE), _INFINITE), unit) for key, (number, unit) in values.items()}


def _block(title: str, lines: Iterable[str]) -> str:
    """A block of NMODL, indented."""
    return "\n".join([f"{title} {{", *(f"    {line}" for line in lines), "}", ""])
