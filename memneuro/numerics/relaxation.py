"""The relaxation function (1 - exp(-z)) / z, safe at z = 0, on every target.

It is the average of exp(-s) over [0, z]: the weight with which a linear equation forgets its start within one step.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import DEFAULT_FUNCTIONS
from brian2.core.functions import Function

SERIES_BELOW = 1e-4


def _numpy_relaxation(z: Any) -> np.ndarray:
    z = np.asarray(z, dtype=float)
    small = np.abs(z) < SERIES_BELOW
    safe = np.where(small, 1.0, z)
    return np.where(small, 1.0 - z * (0.5 - z / 6.0), (1.0 - np.exp(-safe)) / safe)


_C_CODE = """
static inline double _relaxation(double z)
{
    const bool small = fabs(z) < 1e-4;
    const double safe = small ? 1.0 : z;
    const double closed = (1.0 - exp(-safe)) / safe;
    return small ? 1.0 - z * (0.5 - z / 6.0) : closed;
}
"""

_CYTHON_CODE = """
cdef inline double _relaxation(double z) nogil:
    if -1e-4 < z < 1e-4:
        return 1.0 - z * (0.5 - z / 6.0)
    return (1.0 - exp(-z)) / z
"""

relaxation = Function(pyfunc=_numpy_relaxation, arg_units=[1], return_unit=1, stateless=True)
relaxation.implementations.add_implementation("numpy", _numpy_relaxation)
relaxation.implementations.add_implementation("cython", _CYTHON_CODE, name="_relaxation")
relaxation.implementations.add_implementation("cpp", _C_CODE, name="_relaxation")
relaxation.implementations.add_implementation(
    "cuda", _C_CODE.replace("static inline", "__host__ __device__ static inline"), name="_relaxation"
)

DEFAULT_FUNCTIONS["relaxation"] = relaxation
