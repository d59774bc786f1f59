"""How the C++ programs of this package differ from Brian2's: single precision that is single, and a faster threshold.

* Brian2 writes literals without a suffix and integer powers as ``pow``, both of which C++ computes in double precision;
  every operation with a literal then costs two conversions and half the width of a vector.
* Brian2's threshold looks at one neuron after the other. ``templates/threshold.cpp`` first asks, in a loop that the
  compiler vectorises, whether any of 256 neurons is above threshold, which is seldom the case.
"""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
from brian2 import prefs
from brian2.codegen.generators.cpp_generator import CPPCodeGenerator
from brian2.core.functions import Function
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject
from brian2.parsing.rendering import CPPNodeRenderer
from brian2.utils.stringtools import word_substitute


class SingleRenderer(CPPNodeRenderer):
    """Brian2's C++ expressions with single-precision literals and powers."""

    def render_Constant(self, node: Any) -> str:
        """A literal, with an ``f`` behind a floating-point one."""
        text = super().render_Constant(node)
        return f"{text}f" if isinstance(node.value, float) else str(text)

    def render_BinOp(self, node: Any) -> str:
        """An operation; a power is that of two single-precision numbers."""
        if not isinstance(node.op, ast.Pow):
            return str(super().render_BinOp(node))
        base, exponent = self.render_node(node.left), self.render_node(node.right)
        return f"powf((float)({base}), (float)({exponent}))"


class CppGenerator(CPPCodeGenerator):
    """Brian2's C++ generator with literals of the precision in use."""

    def translate_expression(self, expr: str) -> str:
        """See Brian2."""
        if prefs["core.default_float_dtype"] != np.float32:
            return str(super().translate_expression(expr))
        renamed = word_substitute(expr, self.func_name_replacements)
        return SingleRenderer(auto_vectorise=self.auto_vectorise).render_expr(renamed).strip()

    def determine_keywords(self) -> dict[str, Any]:
        """See Brian2; adds whether the code may be evaluated twice, which a draw of a random number may not."""
        functions = [variable for variable in self.variables.values() if isinstance(variable, Function)]
        return {**super().determine_keywords(), "repeatable": all(function.stateless for function in functions)}


class CppCodeObject(CPPStandaloneCodeObject):
    """A C++ code object made by :class:`CppGenerator` and the templates beside this file."""

    templater = CPPStandaloneCodeObject.templater.derive("memneuro.backend")
    generator_class = CppGenerator
