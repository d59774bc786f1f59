"""Where a simulation runs: NumPy, Cython, C++, C++ with threads, CUDA, from one switch.

The package can be called in place of its function: ``from memneuro import backend`` and then ``backend("cpp")``.
"""

import sys
from types import ModuleType
from typing import Any

from memneuro.backend.backend import Backend, backend
from memneuro.backend.unavailable import BackendUnavailable

__all__ = ["Backend", "BackendUnavailable", "backend"]


class _Callable(ModuleType):
    """A module that passes a call on to the function of its name."""

    def __call__(self, *arguments: Any, **options: Any) -> Backend:
        return backend(*arguments, **options)


sys.modules[__name__].__class__ = _Callable
