"""A current injected into a neuron, given as samples: what an experimenter sends through the electrode.

:class:`Injected` gives ``i_in`` to neurons that take a current. :class:`LowPass` makes a voltage ``v_in`` of it for
neurons that take a voltage, through a resistance and a capacitance, as a cell membrane does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Quantity, TimedArray, amp, ohm, second, volt

from memneuro.circuit.drive import Drive, check


@dataclass(frozen=True)
class Injected(Drive):
    """A sampled current ``i_in``, held from one sample to the next.

    Parameters
    ----------
    current : TimedArray (amp)
        One current for all neurons, or several in its columns.
    column : array_like of int, shape (n,), optional
        The column that each neuron gets; by default neuron i gets column i.

    Raises
    ------
    TypeError
        If `current` is not a TimedArray.
    ValueError
        If a current is not finite, or `column` is not a number of one of its columns for each neuron.
    brian2.DimensionMismatchError
        If the values are not currents.
    """

    current: TimedArray
    column: Any = None

    def __post_init__(self) -> None:
        if not isinstance(self.current, TimedArray):
            raise TypeError(f"an injected current is a brian2.TimedArray, got {type(self.current).__name__}")
        check("the injected current", self.current.values * Quantity(1, dim=self.current.dim), amp, signed=True)
        columns = np.shape(self.current.values)[1:]
        if self.column is not None:
            column = np.asarray(self.column)
            if not columns:
                raise ValueError("column is given for a current without columns; accepted: None")
            if column.ndim != 1 or column.dtype.kind not in "iu" or np.any((column < 0) | (column >= columns[0])):
                raise ValueError(f"column = {self.column!r}; accepted: one number from 0 to {columns[0] - 1} a neuron")

    def equations(self) -> str:
        """``i_in``, read once a step."""
        index = ", current_column" if np.ndim(self.current.values) == 2 else ""
        text = f"i_in = i_in_sampled(t{index}) : amp (constant over dt)\n"
        return text + ("current_column : integer (constant)\n" if index else "")

    def namespace(self) -> dict[str, Any]:
        """The sampled current."""
        return {"i_in_sampled": self.current}

    def initial(self) -> dict[str, Any]:
        """The column of each neuron."""
        if np.ndim(self.current.values) != 2:
            return {}
        return {"current_column": "i" if self.column is None else np.asarray(self.column)}

    def check_size(self, n: int) -> None:
        """Refuse columns that do not serve `n` neurons.

        Raises
        ------
        ValueError
            If there is not one column, or one entry of `column`, for each neuron.
        """
        if np.ndim(self.current.values) != 2:
            return
        given = self.current.values.shape[1] if self.column is None else np.size(self.column)
        if given != n:
            what = "columns" if self.column is None else "entries of column"
            raise ValueError(f"the injected current has {given} {what}; accepted: one for each of {n} neurons")


@dataclass(frozen=True)
class LowPass(Injected):
    """A current through a resistance and a capacitance: ``tau_in dv_in/dt = v_offset + r_in i_in - v_in``.

    Parameters
    ----------
    current : TimedArray (amp)
        As for :class:`Injected`.
    column : array_like of int, shape (n,), optional
        As for :class:`Injected`.
    resistance : Quantity (ohm)
        Input gain.
    time_constant : Quantity (second)
        Of the input.
    offset : Quantity (volt), optional
        Voltage without a current; 0 V by default.
    """

    resistance: Any = None
    time_constant: Any = None
    offset: Any = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check("resistance", self.resistance, ohm, positive=True)
        check("time_constant", self.time_constant, second, positive=True)
        if self.offset is not None:
            check("offset", self.offset, volt, signed=True)

    def equations(self) -> str:
        """``i_in`` and ``v_in``."""
        return super().equations() + "dv_in/dt = (v_offset + r_in*i_in - v_in)/tau_in : volt\n"

    def parameters(self) -> dict[str, tuple[Any, str]]:
        """Resistance, time constant and offset."""
        return {
            "r_in": (self.resistance, "ohm"),
            "tau_in": (self.time_constant, "second"),
            "v_offset": (0 * volt if self.offset is None else self.offset, "volt"),
        }

    def initial(self) -> dict[str, Any]:
        """The input starts at its resting value."""
        return {**super().initial(), "v_in": "v_offset"}
