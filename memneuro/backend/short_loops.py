"""State updates of C++ programs as several short loops over blocks of neurons.

Brian2 writes a state update as one loop whose body is the whole step. With several exponentials in it the body is
longer than what a processor looks ahead (a few hundred instructions), so it works on one neuron, or one vector of
neurons, at a time and waits for every result: half its speed is lost. Here the same statements, in the same order, are
cut into loops of about :data:`LONGEST` operations, each run over a block of :data:`BLOCK` neurons before the next one
starts. What one loop hands to a later one is kept in arrays of a block's size, which stay in the first-level cache.

The values are the same to the last bit: neurons do not depend on one another within a state update, and each sees its
statements in their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from brian2 import prefs
from brian2.codegen.generators.cpp_generator import CPPCodeGenerator
from brian2.core.functions import Function
from brian2.core.variables import ArrayVariable
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject
from brian2.utils.stringtools import get_identifiers, stripped_deindented_lines, word_substitute

from memneuro.backend.single import SingleRenderer

BLOCK = 256
LONGEST = 100

#: Rough cost of a call in machine operations; of a division, and of anything else, as below.
CALL, NORMAL, DIVISION = 30, 120, 8


class ShortLoopGenerator(CPPCodeGenerator):
    """Brian2's C++ generator, with the vector statements cut into short loops where that is possible."""

    def translate_expression(self, expr: str) -> str:
        """See Brian2; literals are of the precision in use."""
        if prefs["core.default_float_dtype"] != np.float32:
            return str(super().translate_expression(expr))
        renamed = word_substitute(expr, self.func_name_replacements)
        return SingleRenderer(auto_vectorise=self.auto_vectorise).render_expr(renamed).strip()

    def translate_statement_sequence(self, sc_statements: Any, ve_statements: Any) -> Any:
        """See Brian2; adds the keywords that ``templates/stateupdate.cpp`` needs."""
        scalar, vector, keywords = super().translate_statement_sequence(sc_statements, ve_statements)
        loops, arrays = self._short_loops(next(iter(ve_statements.values()))) if len(ve_statements) == 1 else ([], [])
        keywords.update(short_loops=loops, block_arrays=arrays, block_size=BLOCK)
        return scalar, vector, keywords

    def _short_loops(self, statements: Sequence[Any]) -> tuple[list[str], list[str]]:
        """Code of each loop and declarations of the block arrays; empty lists where one loop is to be kept."""
        _, write, _, conditional = self.arrays_helper(statements)
        parts = self._cut(statements)
        if len(parts) < 2 or conditional or any(self.variable_indices[name] != "_idx" for name in write):
            return [], []
        types = {stmt.var: self.c_data_type(stmt.dtype) for stmt in statements if not self._is_array(stmt.var)}
        used = [set().union(*(self._names(stmt) for stmt in part)) for part in parts]
        assigned = [{stmt.var for stmt in part} for part in parts]
        shared = {
            name
            for k, names in enumerate(assigned)
            for name in names & set(types)
            for later in used[k + 1 :]
            if name in later
        }
        loops = []
        for k, part in enumerate(parts):
            before = set().union(*assigned[:k])
            taken = sorted(used[k] & shared & before)
            lines = [f"{types[name]} {name} = _block_{name}[_k];" for name in taken]
            read, write, indices, _ = self.arrays_helper(part)
            read = {name for name in read if not self.variables[name].scalar}
            lines += self.translate_to_read_arrays(read, write, indices)
            lines += self.translate_to_declarations(read, write, indices)
            lines += self.translate_to_statements(part, {})
            lines += self.translate_to_write_arrays(write)
            later = set().union(*used[k + 1 :])
            lines += [f"_block_{name}[_k] = {name};" for name in sorted(assigned[k] & shared & later)]
            loops.append("\n".join(stripped_deindented_lines("\n".join(lines))))
        return loops, [f"{types[name]} _block_{name}[{BLOCK}];" for name in sorted(shared)]

    def _is_array(self, name: str) -> bool:
        return isinstance(self.variables.get(name), ArrayVariable)

    @staticmethod
    def _names(statement: Any) -> set[str]:
        """What a statement reads."""
        return get_identifiers(statement.expr) | ({statement.var} if statement.inplace else set())

    def _cost(self, statement: Any) -> int:
        """A rough number of machine operations."""
        names = get_identifiers(statement.expr)
        calls = [name for name in names if isinstance(self.variables.get(name), Function)]
        times = {name: statement.expr.count(f"{name}(") for name in calls}
        cost = sum(times[name] * (NORMAL if "normal" in name or "rand" in name else CALL) for name in calls)
        return cost + DIVISION * statement.expr.count("/") + sum(statement.expr.count(sign) for sign in "+-*<>")

    def _cut(self, statements: Sequence[Any]) -> list[list[Any]]:
        """The statements in order, in parts of at most about LONGEST operations."""
        parts: list[list[Any]] = [[]]
        total = 0
        for statement in statements:
            cost = self._cost(statement)
            if parts[-1] and total + cost > LONGEST:
                parts.append([])
                total = 0
            parts[-1].append(statement)
            total += cost
        return parts


class ShortLoopCodeObject(CPPStandaloneCodeObject):
    """A C++ code object made by :class:`ShortLoopGenerator` from the template beside this file."""

    templater = CPPStandaloneCodeObject.templater.derive("memneuro.backend")
    generator_class = ShortLoopGenerator
