r"""A neuron's Brian2 equations as a JavaScript function that integrates them.

Nothing is written twice: the statements of a step are those of
:class:`memneuro.numerics.exponential_midpoint.ExponentialMidpoint`, and the initial values, the condition of a spike
and the recorded subexpressions those of the neuron; here they are only put into another language, one for one. Two
things change for speed: a statement that depends on parameters alone is evaluated once, and so is a function call with
such arguments. The functions the statements call (``threefry_normal``, ``drain_voltage``, ``relaxation`` ...) are in
``functions.js``; their constants come from the modules that define them (:func:`constants`).

Numbers are doubles and every operation keeps its place, so results differ from those of Brian2's NumPy target by the
rounding of ``exp`` and its like only.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from brian2 import DEFAULT_UNITS, Equations
from brian2.core.functions import DEFAULT_CONSTANTS
from brian2.parsing.rendering import NodeRenderer
from brian2.utils.stringtools import get_identifiers

from memneuro.circuit import transistor
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.numerics import threefry
from memneuro.numerics.exponential_midpoint import ExponentialMidpoint, _ordered_subexpressions

#: Functions of the equations and what JavaScript calls them; those without "Math." are in functions.js.
FUNCTIONS = {
    **{name: f"Math.{name}" for name in ("abs", "ceil", "cos", "cosh", "exp", "expm1", "floor", "log", "log10")},
    **{name: f"Math.{name}" for name in ("log1p", "sign", "sin", "sinh", "sqrt", "tan", "tanh")},
    **{f"arc{name}": f"Math.a{name}" for name in ("cos", "sin", "tan")},
    **{name: name for name in ("clip", "drain_voltage", "nmos_current", "relaxation", "relaxation_pade")},
    **{name: name for name in ("threefry_normal", "threefry_uniform")},
}
#: Given to the function beside the parameters: the step and what the noise depends on.
GIVEN = ("dt", "i", "noise_seed", "noise_offset")
#: Words that JavaScript keeps for itself and Brian2 does not.
_RESERVED = frozenset(
    "arguments await case catch const debugger default delete do enum eval export extends function implements "
    "instanceof interface let new null package private protected public static super switch this throw typeof "
    "undefined var void "
    "NaN Infinity Math".split()
)


class _Renderer(NodeRenderer):
    """Brian2 expressions as JavaScript.

    Attributes
    ----------
    fixed : set of str
        Names that do not change during a run.
    once : list of str
        Statements evaluated once; function calls with fixed arguments are added here.
    """

    expression_ops = {**NodeRenderer.expression_ops, "Eq": "===", "NotEq": "!==", "And": "&&", "Or": "||", "Not": "!"}

    def __init__(self, fixed: Iterable[str]) -> None:
        super().__init__()
        self.fixed = set(fixed)
        self.once: list[str] = []
        self.calls: dict[str, str] = {}

    def is_fixed(self, node: ast.AST) -> bool:
        """Whether an expression keeps its value during a run."""
        names = {part.id.removesuffix("_ieee") for part in ast.walk(node) if isinstance(part, ast.Name)}
        return names <= self.fixed | set(FUNCTIONS) | set(DEFAULT_UNITS) | set(DEFAULT_CONSTANTS) | {"int"}

    def render_Name(self, node: ast.Name) -> str:
        name = node.id
        if name in self.fixed or name not in {**DEFAULT_UNITS, **DEFAULT_CONSTANTS}:
            return f"{name}$" if name in _RESERVED else name
        value = DEFAULT_UNITS.get(name, DEFAULT_CONSTANTS.get(name))
        return number(float(getattr(value, "value", value)))

    def render_Constant(self, node: ast.Constant) -> str:
        return number(float(node.value))  # type: ignore[arg-type]

    def render_Call(self, node: ast.Call) -> str:
        name = ast.unparse(node.func).removesuffix("_ieee")  # the integrator's own exp, log and so on
        arguments = [self.render_node(argument) for argument in node.args]
        if name == "int":
            kind = getattr(node.args[0], "op", node.args[0])
            condition = isinstance(kind, (ast.Compare, ast.And, ast.Or, ast.Not))
            return f"(({arguments[0]}) ? 1 : 0)" if condition else f"Math.trunc({arguments[0]})"
        if name not in FUNCTIONS or node.keywords:
            raise ValueError(
                f"the function {name!r} in {ast.unparse(node)!r} has no counterpart on the page; "
                f"accepted: int, {', '.join(sorted(FUNCTIONS))}"
            )
        text = f"{FUNCTIONS[name]}({', '.join(arguments)})"
        if not self.is_fixed(node):
            return text
        if text not in self.calls:
            self.calls[text] = f"$fixed{len(self.calls)}"
            self.once.append(f"const {self.calls[text]} = {text};")
        return self.calls[text]

    def render_BinOp(self, node: ast.BinOp) -> str:
        if isinstance(node.op, (ast.Mod, ast.FloorDiv)):
            raise ValueError(f"{ast.unparse(node)!r} has no counterpart on the page; accepted: + - * / **")
        square = isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant) and node.right.value == 2
        if square and isinstance(node.left, ast.Name):
            name = self.render_Name(node.left)
            return f"{name} * {name}"
        right = self.render_node(node.right)
        if right == "1" and isinstance(node.op, (ast.Mult, ast.Div)):  # an SI unit
            return self.render_node(node.left)
        return super().render_BinOp(node)


def number(value: float) -> str:
    """A number as JavaScript text that reads back as the same double."""
    if np.isinf(value):
        return "Infinity" if value > 0 else "(-Infinity)"
    whole = value.is_integer() and abs(value) < 1e15
    return str(int(value)) if whole else repr(value)


def constants() -> str:
    """The constants of ``functions.js``, from the modules that define the functions."""
    values = {
        "THERMAL_VOLTAGE": transistor.THERMAL,
        "DRAIN_ITERATIONS": transistor.ITERATIONS,
        "ROTATIONS": threefry.ROTATIONS,
        "ROUNDS": threefry.ROUNDS,
        "PARITY": threefry.PARITY,
        "LOGARITHM": threefry._LOGARITHM,
        "SINE": threefry._SINE,
    }
    return "".join(f"const {name} = {json.dumps(value)};\n" for name, value in values.items())


def parameter_values(neuron: OneM1T1R, drive: Any) -> dict[str, float]:
    """SI number of every parameter of the neuron and its drive.

    Parameters
    ----------
    neuron : OneM1T1R
        The neuron.
    drive : Drive
        Its input.

    Raises
    ------
    ValueError
        If a parameter has more than one value.
    """
    found = {}
    for name, (value, _) in {**neuron.parameters(), **drive.parameters()}.items():
        if np.ndim(value) != 0:
            raise ValueError(f"{name} has the shape {np.shape(value)}; accepted: one value")
        found[name] = float(np.asarray(value))
    return found


def program(name: str, neuron: OneM1T1R, drive: Any, observed: Iterable[str]) -> str:
    """A neuron under one kind of drive as the text of a JavaScript function.

    The function takes an object with the parameters (SI numbers), ``dt``, ``i``, ``noise_seed`` and ``noise_offset``,
    and gives an object with

    ``advance(count, spikes)``
        integrates ``count`` steps and appends the times (second) at which the threshold was crossed;
    ``observe()``
        the values of `observed` before the next step.

    Parameters
    ----------
    name : str
        Name of the function.
    neuron : OneM1T1R
        The neuron, with its noise.
    drive : Drive
        What drives it; its values are parameters too.
    observed : iterable of str
        States, parameters and subexpressions.

    Raises
    ------
    ValueError
        For a drive that needs a table or a value from outside, and for an expression without JavaScript counterpart.
    """
    if drive.namespace():
        raise ValueError(f"drive {type(drive).__name__} needs {', '.join(drive.namespace())}, which a page cannot hold")
    equations = neuron.equations(drive)
    remembered = [key for key in equations.parameter_names if key.endswith("_last")]
    parameters = sorted(set(equations.parameter_names) - set(remembered) - set(GIVEN))
    unset = set(parameters) - set(parameter_values(neuron, drive))
    if unset:
        raise ValueError(f"drive {type(drive).__name__} leaves {', '.join(sorted(unset))} to be set from outside")
    renderer = _Renderer({*parameters, *GIVEN})
    body = _statements(renderer, equations)
    condition = renderer.render_expr(neuron.threshold)
    states = [*sorted(equations.diff_eq_names), *remembered]
    initial = _initial(renderer, equations, {**neuron.model.initial(True), **drive.initial()}, states)
    watched = _observation(renderer, equations, list(observed))
    load = [f"let {renderer.render_expr(key)} = $state[{k}];" for k, key in enumerate(states)]
    store = [f"$state[{k}] = {renderer.render_expr(key)};" for k, key in enumerate(states)]
    names = ", ".join(f"{key}: {key}$" if key in _RESERVED else key for key in [*parameters, *GIVEN])
    lines = [
        f"function {name}($given) {{",
        f"  const {{ {names} }} = $given;",
        "  let $done = 0;",
        *_indent(1, renderer.once),
        *_indent(1, initial),
        "  return {",
        "    advance($count, $spikes) {",
        *_indent(3, load),
        "      for (let $step = $done; $step < $done + $count; $step++) {",
        "        const t = $step * dt, t_in_timesteps = $step;",
        *_indent(4, body),
        f"        if ({condition}) $spikes.push(t);",
        "      }",
        *_indent(3, store),
        "      $done += $count;",
        "    },",
        "    observe() {",
        "      const t = $done * dt;",
        *_indent(3, load),
        *_indent(3, watched),
        "    },",
        "  };",
        "}",
    ]
    return "\n".join(lines) + "\n"


def _statements(renderer: _Renderer, equations: Equations) -> list[str]:
    """The integrator's statements of one step; those that need to be evaluated only once go to ``renderer.once``."""
    varying = {*equations.diff_eq_names, *(key for key in equations.parameter_names if key.endswith("_last"))}
    lines = []
    for line in ExponentialMidpoint()(equations).splitlines():
        target, code = (part.strip() for part in line.split("=", 1))
        tree = ast.parse(code, mode="eval").body
        text = renderer.render_node(tree)
        if target in varying:
            lines.append(f"{renderer.render_expr(target)} = {text};")
        elif renderer.is_fixed(tree):
            renderer.fixed.add(target)
            renderer.once.append(f"const {target} = {text};")
        else:
            lines.append(f"const {target} = {text};")
    return lines


def _initial(renderer: _Renderer, equations: Equations, given: Mapping[str, Any], states: Iterable[str]) -> list[str]:
    """The array of the states; what has no initial value starts at zero, as in Brian2."""
    values = []
    for state in states:
        value = given.get(state, 0)
        text = renderer.render_expr(value) if isinstance(value, str) else number(float(np.asarray(value)))
        values.append(f"  {text}, // {state}")
    return ["const $state = Float64Array.of(", *values, ");"]


def _observation(renderer: _Renderer, equations: Equations, observed: list[str]) -> list[str]:
    """The body of ``observe``: the subexpressions that the observed ones need, in order, and the values."""
    known = equations.names | equations.parameter_names
    for name in observed:
        if name not in known:
            raise ValueError(f"cannot observe {name!r}; accepted: {', '.join(sorted(known))}")
    needed = set(observed)
    ordered = _ordered_subexpressions(equations)
    for name in reversed(ordered):
        if name in needed:
            needed |= get_identifiers(equations[name].expr.code)
    lines = [
        f"const {renderer.render_expr(name)} = {renderer.render_expr(equations[name].expr.code)};"
        for name in ordered
        if name in needed
    ]
    return [*lines, f"return [{', '.join(renderer.render_expr(name) for name in observed)}];"]


def _indent(levels: int, lines: Iterable[str]) -> list[str]:
    return ["  " * levels + re.sub(r"\s+$", "", line) for line in lines]
