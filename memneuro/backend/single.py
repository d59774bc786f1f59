"""Expressions of C++ programs in single precision.

Brian2 writes literals without a suffix and integer powers as ``pow``, both of which C++ computes in double precision:
every operation with a literal then costs two conversions and half the width of a vector.
"""

from __future__ import annotations

import ast
from typing import Any

from brian2.parsing.rendering import CPPNodeRenderer


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
