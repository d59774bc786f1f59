"""Compiler flags: vectorise the whole step, and leave every IEEE operation as it is written.

Brian2's default, ``-ffast-math -fno-finite-math-only``, lets the compiler reorder and fuse operations as it likes, so
the last bits depend on the target and on the number of threads. Vectorising does not need that: it needs leave to
compute both sides of a condition (``-fno-trapping-math``) and to forget ``errno`` (``-fno-math-errno``). Fused
multiply-adds are written out where they are wanted (``memneuro/numerics/elementary.h``), so the compiler may not make
any of its own (``-ffp-contract=off``). NaN and infinity keep their meaning.

Scheduling before register allocation (GCC only) gains about a tenth: the loop is long and bound by latency.
"""

from __future__ import annotations

import os
import subprocess
from functools import cache

from memneuro.doctor import compiler_command

#: Tells the noise to work in single precision.
SINGLE = "-DMEMNEURO_SINGLE"

#: Flags of Brian2's default that change results from target to target.
INEXACT = ("-ffast-math", "-fno-finite-math-only", "-funsafe-math-optimizations")

VECTORISE = ("-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off")
SCHEDULE = ("-fschedule-insns", "-fsched-pressure")
#: As far as the compiler knows, arrays may overlap. By default it gives a loop up where more than ten pairs need a
#: check; a few parameters with a value for each neuron are enough for that.
CHECKS = ("--param=vect-max-version-for-alias-checks=500",)


def compiler_flags(default: list[str], standard: str | None = None, single: bool = False) -> list[str]:
    """Brian2's default flags with the exact and vectorising ones in place of ``-ffast-math``.

    Parameters
    ----------
    default : list of str
        The preference ``codegen.cpp.extra_compile_args_gcc``.
    standard : str, optional
        C++ standard such as ``"c++17"`` in place of the default's.
    single : bool
        Whether variables are in single precision.

    Returns
    -------
    list of str
    """
    kept = [flag for flag in default if flag not in (*INEXACT, *VECTORISE, *SCHEDULE, *CHECKS, SINGLE)]
    if standard is not None:
        kept = [flag for flag in kept if not flag.startswith("-std=")] + [f"-std={standard}"]
    of_gcc = (*SCHEDULE, *CHECKS) if _is_gcc(tuple(compiler_command())) else ()
    return [*kept, *VECTORISE, *of_gcc, *([SINGLE] if single else [])]


@cache
def _is_gcc(command: tuple[str, ...]) -> bool:
    """Whether a compiler calls itself GCC and not Clang, which takes its name on some systems."""
    if not command:
        return False
    done = subprocess.run([*command, "-dM", "-E", "-x", "c++", os.devnull], capture_output=True, text=True)
    return done.returncode == 0 and "__GNUC__" in done.stdout and "__clang__" not in done.stdout
