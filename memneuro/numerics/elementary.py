r"""Elementary functions that give the same value on every target, in a form compilers can vectorise.

The functions of the C library differ from one machine to the next and, within one program, between its scalar and its
vector versions. These are made of IEEE additions, multiplications, divisions and fused multiply-adds alone
(``elementary.h``), so Cython, C++, threads and CUDA agree to the last bit where the compiler leaves those operations as
they are written (:func:`memneuro.backend.backend` sees to it). NumPy, which has no fused multiply-add, takes its own
functions of the same name and agrees to rounding.

==============================  ==========================================================================
``exp_ieee``, ``expm1_ieee``    2**k (1 + f Q(f)) with k + f = x/ln 2, Q a polynomial of degree 9
``log_ieee``, ``log1p_ieee``    k ln 2 + ln((1 + s)/(1 - s)), s = (m - 1)/(m + 1), odd polynomial in s
``sinh_ieee``, ``cosh_ieee``,   from ``expm1_ieee`` and ``exp_ieee``
``tanh_ieee``
``relaxation``                  (1 - exp(-z))/z: how far a linear equation moves within a step
``relaxation_pade``             the same with 1/(1 + z + z**2/2 + z**3/6) in place of exp(-z): no exponential; held
                                below z = -1e6 (-1e3 in single precision)
``clip_ieee``                   x within [low, high], of the type of x
==============================  ==========================================================================

Relative error: below ``(2 + |x|) 1.1e-16`` for exp, 2e-15 for expm1 and relaxation, 3e-16 for log, 3e-15 for the
others. NaN and the infinities give what the C library gives; results below 1e-307 are flushed to zero.

The names are known to Brian2 once memneuro is imported; ``exponential_midpoint`` writes them in place of ``exp``,
``log`` and so on (:data:`PORTABLE`).
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from typing import Any

import numpy as np
from brian2 import DEFAULT_FUNCTIONS
from brian2.core.functions import Function

#: What the C text includes; kept out of it, because Brian2 puts the text in a namespace.
INCLUDES = ("<math.h>", "<stdint.h>", "<string.h>")
HEADER = (resources.files("memneuro.numerics") / "elementary.h").read_text(encoding="utf-8")

#: Brian2's names and the functions here that stand for them.
PORTABLE = {name: f"{name}_ieee" for name in ("clip", "exp", "expm1", "log", "log1p", "sinh", "cosh", "tanh")}


def _relaxation(z: Any) -> Any:
    with np.errstate(over="ignore"):
        return -np.expm1(-z) / z if np.ndim(z) == 0 and z != 0 else _relaxation_array(np.asarray(z, dtype=float))


def _relaxation_array(z: np.ndarray) -> np.ndarray:
    zero = z == 0.0
    return np.where(zero, 1.0, -np.expm1(-z) / np.where(zero, 1.0, z))[()]


def _relaxation_pade(z: Any) -> Any:
    a = np.minimum(np.abs(z), 1e6)
    rise = ((a * 0.16666666666666667 + 0.5) * a + 1.0) * 2.0**-38
    return rise / (np.maximum(z, 0.0) * rise + 2.0**-38)


def cython_code(header: str, *declarations: str) -> str:
    """Wrap C text and the declarations of its functions for Brian2's Cython target.

    Parameters
    ----------
    header : str
        C text with an include guard: several functions may bring the same text.
    *declarations : str
        For example ``"double f(double x)"``; overloads are declared one by one.

    Returns
    -------
    str
    """
    text = "".join(f"#include {name}\n" for name in INCLUDES) + header
    body = "\n".join("    " + line for line in text.splitlines())
    named = "\n".join(f"    {declaration} nogil" for declaration in declarations)
    return f'cdef extern from *:\n    """\n{body}\n    """\n{named}\n'


def register(name: str, function: Function, header: str, *declarations: str) -> None:
    """Give a Brian2 function its implementations on every target, from one C text, and make it known by `name`.

    Parameters
    ----------
    name : str
        What equations call it.
    function : Function
        The Brian2 function, with a `pyfunc` for NumPy.
    header : str
        C text that defines ``_name``.
    *declarations : str
        The C prototypes that Cython needs, of ``_name`` and what else it calls.
    """
    implementations = function.implementations
    implementations.add_implementation("numpy", function.pyfunc)
    implementations.add_implementation("cython", cython_code(header, *declarations), name=f"_{name}")
    for target in ("cpp", "cuda"):
        implementations.add_implementation(target, header, name=f"_{name}", compiler_kwds={"headers": list(INCLUDES)})
    DEFAULT_FUNCTIONS[name] = function


_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    **{portable: getattr(np, name) for name, portable in PORTABLE.items() if name != "clip"},
    "relaxation": _relaxation,
    "relaxation_pade": _relaxation_pade,
}

for _name, _pyfunc in _FUNCTIONS.items():
    register(
        _name,
        Function(pyfunc=_pyfunc, arg_units=[1], return_unit=1, stateless=True),
        HEADER,
        f"double _{_name}(double x)",
        f"float _{_name}(float x)",
    )

register(
    "clip_ieee",
    Function(
        pyfunc=np.clip,
        arg_units=[None, "x", "x"],
        arg_names=["x", "low", "high"],
        return_unit=lambda x, low, high: x,
        return_type="highest",
        stateless=True,
    ),
    HEADER,
    "double _clip_ieee(double x, double low, double high)",
)
