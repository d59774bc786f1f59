"""Counter-based Gaussian noise: a pure function of seed, neuron index, time step and stream.

The generator is Philox4x32-10 (Salmon et al. 2011, doi:10.1145/2063384.2063405) followed by the Box-Muller transform.
It keeps no state, so the same four numbers give the same sample on every target, in any order, with any number of
threads, and the seed is an ordinary run-time value.

The function is known to Brian2 as ``philox_normal(seed, index, step, stream)`` once memneuro is imported.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import DEFAULT_FUNCTIONS
from brian2.core.functions import Function

_M0, _M1 = 0xD2511F53, 0xCD9E8D57
_W0, _W1 = 0x9E3779B9, 0xBB67AE85
_MASK = 0xFFFFFFFF
ROUNDS = 10
MAX_SEED = 2**31 - 1


def philox4x32(counter: tuple, key: tuple[int, int]) -> tuple[np.ndarray, ...]:
    """Four 32-bit words of Philox4x32-10.

    Parameters
    ----------
    counter : tuple of four array_like of unsigned 32-bit values
        Broadcast against each other.
    key : tuple of two int
        The two 32-bit key words.

    Returns
    -------
    tuple of four numpy.ndarray of uint64
        Words in [0, 2**32).
    """
    c0, c1, c2, c3 = np.broadcast_arrays(*[np.asarray(c).astype(np.uint64) & np.uint64(_MASK) for c in counter])
    k0, k1 = int(key[0]) & _MASK, int(key[1]) & _MASK
    mask, shift = np.uint64(_MASK), np.uint64(32)
    for _ in range(ROUNDS):
        p0, p1 = c0 * np.uint64(_M0), c2 * np.uint64(_M1)
        c0, c1, c2, c3 = (
            (p1 >> shift) ^ c1 ^ np.uint64(k0),
            p1 & mask,
            (p0 >> shift) ^ c3 ^ np.uint64(k1),
            p0 & mask,
        )
        k0, k1 = (k0 + _W0) & _MASK, (k1 + _W1) & _MASK
    return c0, c1, c2, c3


def _numpy_normal(seed: Any, index: Any, step: Any, stream: Any) -> np.ndarray:
    seed = int(seed)
    step = np.asarray(step, dtype=np.int64).astype(np.uint64)
    words = philox4x32(
        (np.asarray(index), np.asarray(stream), step & np.uint64(_MASK), step >> np.uint64(32)),
        (seed, seed >> 32),
    )
    u1 = (((words[0] << np.uint64(21)) | (words[1] >> np.uint64(11))).astype(np.float64) + 0.5) * 2.0**-53
    u2 = (((words[2] << np.uint64(21)) | (words[3] >> np.uint64(11))).astype(np.float64) + 0.5) * 2.0**-53
    return np.sqrt(-2.0 * np.log(u1)) * np.cos(2.0 * np.pi * u2)


_C_CODE = """
static inline double _philox_normal(int64_t seed, int64_t index, int64_t step, int64_t stream)
{
    uint32_t c0 = (uint32_t)index, c1 = (uint32_t)stream;
    uint32_t c2 = (uint32_t)step, c3 = (uint32_t)((uint64_t)step >> 32);
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)((uint64_t)seed >> 32);
    for (int round = 0; round < 10; round++)
    {
        const uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    const double u1 = ((double)(int64_t)(((uint64_t)c0 << 21) | (c1 >> 11)) + 0.5) * 1.1102230246251565e-16;
    const double u2 = ((double)(int64_t)(((uint64_t)c2 << 21) | (c3 >> 11)) + 0.5) * 1.1102230246251565e-16;
    return sqrt(-2.0 * log(u1)) * cos(6.283185307179586 * u2);
}
"""

_CYTHON_CODE = (
    'cdef extern from *:\n    """\n    #include <stdint.h>\n    #include <math.h>\n'
    + "\n".join("    " + line for line in _C_CODE.splitlines())
    + '\n    """\n    double _philox_normal(long long seed, long long index, long long step, long long stream) nogil\n'
)

philox_normal = Function(
    pyfunc=_numpy_normal,
    arg_units=[1, 1, 1, 1],
    return_unit=1,
    arg_types=["integer", "integer", "integer", "integer"],
    return_type="float",
    stateless=True,
)
philox_normal.implementations.add_implementation("numpy", _numpy_normal)
philox_normal.implementations.add_implementation("cython", _CYTHON_CODE, name="_philox_normal")
philox_normal.implementations.add_implementation("cpp", _C_CODE, name="_philox_normal")
philox_normal.implementations.add_implementation(
    "cuda", _C_CODE.replace("static inline", "__host__ __device__ static inline"), name="_philox_normal"
)

DEFAULT_FUNCTIONS["philox_normal"] = philox_normal
