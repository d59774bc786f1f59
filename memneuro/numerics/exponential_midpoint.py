r"""Exponential midpoint: each equation is solved exactly as the linear equation it is written as.

An equation that is linear in its own variable *as written*,

.. math:: dy/dt = a - b\,y + \sum_k g_k\,\xi_k,

where a, b and g may contain other variables and named subexpressions (which may themselves depend on y), is advanced
from y_n over a step h in two stages:

1. coefficients from the states at the start of the step; the solution over h/2, with exp(-z) replaced by
   ``1/(1 + z + z**2/2 + z**3/6)``, gives the midpoint states: ``y_n + h/2 (a - b y_n) relaxation_pade(b h/2)``;
2. coefficients from the midpoint states; exact solution over h from y_n:
   ``y_n + h (a - b y_n) relaxation(b h)``, with ``relaxation(z) = (1 - exp(-z))/z``.

The midpoint states only set coefficients, which a rational function serves as well as an exponential does and in a
fraction of the time.

Explicit time is read in the middle of the step in both stages, so a pulse edge on the time grid is never ambiguous.

What follows from it
--------------------
* Exact for a circuit voltage behind a constant resistance, however small the time constant.
* Second order in h for smooth right-hand sides (Hochbruck & Ostermann 2010, doi:10.1017/S0962492910000048).
* ``dx/dt = growth*(1 - x) - loss*x`` with non-negative rates keeps x in [0, 1] at every step size: the new value is a
  weighted mean of the old one and ``growth/(growth + loss)``.
* Noise is read in the **Ito** sense: amplitudes g_k are taken at the start of the step. An Ornstein-Uhlenbeck process
  with constant coefficients is sampled exactly; state-dependent amplitudes have weak order 1.
* Noise comes from :func:`memneuro.numerics.threefry.threefry_normal`, keyed by the integer parameter ``noise_seed``,
  the neuron's index, the time step and the number of the noise term. An integer parameter ``noise_offset``, where
  there is one, is added to the index: groups that share a seed then have noise of their own.
* ``exp``, ``log``, ``sinh``, ``cosh``, ``tanh``, ``expm1``, ``log1p`` and ``clip`` become the functions of
  :mod:`memneuro.numerics.elementary`, which give the same value on every target and vectorise.

An equation that is not linear in its own variable is advanced with the explicit midpoint rule (b = 0).

A subexpression named ``<state>_ceiling`` (a number, a parameter or another state) bounds a state: in the middle and at
the end of a step it is clipped to the range from 0 to that value, where a ceiling that is another state is read after
that state has moved. Where the exact solution stays within those bounds, only errors of the step are taken away.

A parameter named ``<variable>_last`` receives the value that a state or subexpression had at the start of the step;
this is how a rising edge is seen without a refractory flag.
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from brian2.equations.equations import Equations
from brian2.parsing.sympytools import str_to_sympy, sympy_to_str
from brian2.stateupdaters.base import StateUpdateMethod, UnsupportedEquationsException, extract_method_options
from brian2.utils.stringtools import get_identifiers, word_substitute

from memneuro.numerics import threefry  # noqa: F401  (registers the noise that the generated code calls)
from memneuro.numerics.elementary import PORTABLE

SEED_NAME = "noise_seed"
OFFSET_NAME = "noise_offset"
#: Zero as a variable: against limits that are numbers, compilers clip with two instructions a limit and not with one.
ZERO_NAME = "_zero"


def _decay_rate(code: str, name: str) -> str | None:
    """The coefficient b of dy/dt = a - b*y for the expression as written, None when it is not linear, '' when 0."""
    expression = str_to_sympy(code)
    symbol = sp.Symbol(name, real=True)
    switches = expression.atoms(sp.Function, sp.core.relational.Relational)
    if any(part.has(symbol) for part in switches):
        return None
    slope = sp.diff(expression, symbol)
    if slope.has(symbol) or slope.has(sp.Derivative):
        return None
    rate = sp.simplify(-slope) if slope.count_ops() < 20 else -slope
    return "" if rate == 0 else sympy_to_str(rate)


def _state_dependent(equations: Equations) -> set[str]:
    """Names of the subexpressions that change within a step because they contain a state variable."""
    moving: set[str] = set(equations.diff_eq_names)
    found: set[str] = set()
    for name in _ordered_subexpressions(equations):
        if get_identifiers(equations[name].expr.code) & (moving | found):
            found.add(name)
    return found


def _ordered_subexpressions(equations: Equations) -> list[str]:
    """Subexpressions evaluated within the step, each after those it uses."""
    return [
        equation.varname
        for equation in equations.ordered
        if equation.varname in equations.subexpr_names and "constant over dt" not in equation.flags
    ]


def _used_subexpressions(equations: Equations, codes: list[str]) -> list[str]:
    """The subexpressions that `codes` use, directly or through others, in the order of their evaluation."""
    needed = set().union(*(get_identifiers(code) for code in codes)) if codes else set()
    ordered = _ordered_subexpressions(equations)
    for name in reversed(ordered):
        if name in needed:
            needed |= get_identifiers(equations[name].expr.code)
    return [name for name in ordered if name in needed]


class ExponentialMidpoint(StateUpdateMethod):
    """The ``exponential_midpoint`` state updater; see the module's documentation for the scheme."""

    def __call__(self, equations: Equations, variables: Any = None, method_options: Any = None) -> str:
        """Return the abstract code of one step.

        Parameters
        ----------
        equations : Equations
            The equations to integrate.
        variables : dict, optional
            The variables of the group (used to find the noise seed).
        method_options : dict, optional
            No options are accepted.

        Raises
        ------
        UnsupportedEquationsException
            If a noise term is not additive in ``xi``, or noise is used without an integer parameter ``noise_seed``.
        """
        extract_method_options(method_options, {})
        states = [name for name, _ in equations.diff_eq_expressions]
        deterministic: dict[str, str] = {}
        noise: dict[str, dict[str, str]] = {}
        for name, expression in equations.diff_eq_expressions:
            try:
                smooth, stochastic = expression.split_stochastic()
            except ValueError as error:
                raise UnsupportedEquationsException(
                    f"the noise of d{name}/dt must be written as amplitude*xi: {error}"
                ) from error
            deterministic[name] = "0" if smooth is None else smooth.code
            noise[name] = {xi: g.code for xi, g in sorted((stochastic or {}).items())}
        for name in equations.subexpr_names:
            used = get_identifiers(equations[name].expr.code)
            if any(word == "xi" or word.startswith("xi_") for word in used):
                raise UnsupportedEquationsException(f"move the noise of subexpression {name!r} into its equation")

        streams = {xi: k for k, xi in enumerate(sorted({xi for terms in noise.values() for xi in terms}))}
        if streams and SEED_NAME not in equations.parameter_names:
            raise UnsupportedEquationsException(
                f"equations with noise need the parameter '{SEED_NAME} : integer (shared, constant)'"
            )

        if streams and "shared" not in equations[SEED_NAME].flags:
            raise UnsupportedEquationsException(f"'{SEED_NAME}' must be declared as 'integer (shared, constant)'")
        owner = getattr((variables or {}).get(SEED_NAME), "owner", None)
        if streams and owner is not None and "_synaptic_pre" in owner.variables:
            raise UnsupportedEquationsException(
                "noise in Synapses is not supported: 'i' is the index of the source, which several synapses share"
            )

        decay = {name: _decay_rate(code, name) for name, code in deterministic.items()}
        moving = _state_dependent(equations)
        remembered = [name for name in equations.subexpr_names if f"{name}_last" in equations.parameter_names]
        used = _used_subexpressions(
            equations, [*deterministic.values(), *(g for d in noise.values() for g in d.values()), *remembered]
        )
        middle = _used_subexpressions(equations, list(deterministic.values()))
        time = {"t": "(t + 0.5*dt)"}
        start_names = {**time, **{name: f"_{name}_start" for name in used}}
        mid_names = {
            **start_names,
            **{name: f"_{name}_mid" for name in middle if name in moving},
            **{name: f"_{name}_mid" for name in states},
        }

        lines = [f"{name}_last = {name}" for name in states if f"{name}_last" in equations.parameter_names]
        index = f"i + {OFFSET_NAME}" if OFFSET_NAME in equations.parameter_names else "i"
        for xi, stream in streams.items():
            lines.append(f"_{xi} = threefry_normal({SEED_NAME}, {index}, t_in_timesteps, {stream})")
        for name in used:
            lines.append(f"_{name}_start = {word_substitute(equations[name].expr.code, start_names)}")
        lines += [f"{name}_last = _{name}_start" for name in remembered]
        for name in states:
            if noise[name]:
                terms = " + ".join(f"({word_substitute(g, start_names)})*_{xi}" for xi, g in noise[name].items())
                memory = f"*relaxation(2*dt*({word_substitute(decay[name], start_names)}))" if decay[name] else ""
                lines.append(f"_noise_{name} = ({terms})*sqrt(dt{memory})")
        ceilings = {
            name: equations[f"{name}_ceiling"].expr.code
            for name in states
            if f"{name}_ceiling" in equations.subexpr_names
        }
        if ceilings:
            lines.append(f"{ZERO_NAME} = dt - dt")
        # A ceiling that another state sets is read after that state has moved.
        order = sorted(states, key=lambda name: bool(get_identifiers(ceilings.get(name, "")) & set(states)))

        def bounded(name: str, value: str, moved: str) -> str:
            if name not in ceilings:
                return value
            top = ceilings[name]
            top = moved.format(top) if top in states else f"({top}) + {ZERO_NAME}"
            return f"clip({value}, {ZERO_NAME}, {top})"

        for name in order:
            kick = f" + 0.5*_noise_{name}" if noise[name] else ""
            move = self._advance(name, deterministic[name], decay[name], start_names, "0.5*dt", "relaxation_pade")
            lines.append(f"_{name}_mid = {bounded(name, move + kick, '_{}_mid')}")
        for name in middle:
            if name in moving:
                lines.append(f"_{name}_mid = {word_substitute(equations[name].expr.code, mid_names)}")
        for name in states:
            kick = f" + _noise_{name}" if noise[name] else ""
            lines.append(
                f"_{name}_new = "
                f"{self._advance(name, deterministic[name], decay[name], mid_names, 'dt', 'relaxation')}{kick}"
            )
        lines += [f"{name} = {bounded(name, f'_{name}_new', '{}')}" for name in order]
        return word_substitute("\n".join(lines), PORTABLE)

    @staticmethod
    def _advance(name: str, code: str, decay: str | None, names: dict[str, str], step: str, relaxation: str) -> str:
        """The solution over `step`, from the start of the step, of the equation with given coefficients."""
        own = names if decay is None else {**names, name: name}
        move = f"{name} + {step}*({word_substitute(code, own)})"
        return f"{move}*{relaxation}(({word_substitute(decay, names)})*{step})" if decay else move


StateUpdateMethod.register("exponential_midpoint", ExponentialMidpoint())
