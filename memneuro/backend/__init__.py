"""Where a simulation runs: NumPy, Cython, C++, C++ with threads, CUDA, from one switch."""

from memneuro.backend.backend import Backend, backend
from memneuro.backend.unavailable import BackendUnavailable

__all__ = ["Backend", "BackendUnavailable", "backend"]
