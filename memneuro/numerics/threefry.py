"""Counter-based Gaussian noise: a pure function of seed, neuron index, time step and stream.

The generator is Threefry2x32 with 20 rounds (Salmon et al. 2011, doi:10.1145/2063384.2063405). Its key holds the seed
and the stream, its counter the index and the step. The 64 bits it gives become one normal variate by the transform of
Box and Muller, R sin(phi) with R**2 = -2 ln u, u uniform in (0, 1) from 40 bits and phi uniform in (-pi/2, pi/2) from
24 bits; its magnitude is at most 7.55. No state is kept, so the same four numbers give the same variate, to the last
bit, on every target, in any order, with any number of threads, and the seed is an ordinary run-time value.

Threefry is chosen over its sibling Philox because it needs no products of 32-bit words, which vector units below
AVX-512 lack: compiled, it is about twice as fast.

The function is known to Brian2 as ``threefry_normal(seed, index, step, stream)`` once memneuro is imported, and so is
``threefry_uniform`` with the same arguments: the u above, for events that happen with a probability. Give the two
different streams.
"""

from __future__ import annotations

from importlib import resources
from typing import Any

import numpy as np
from brian2.core.functions import Function

from memneuro.numerics.elementary import HEADER as ELEMENTARY
from memneuro.numerics.elementary import register

ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
ROUNDS = 20
PARITY = 0x1BD11BDA
MAX_SEED = 2**31 - 1
HEADER = ELEMENTARY + (resources.files("memneuro.numerics") / "threefry.h").read_text(encoding="utf-8")

_MASK = 0xFFFFFFFF
_LOGARITHM = (0.19363269405523553, 0.22191369134263433, 0.2857175503526905, 0.3999999879489125, 0.6666666666737688)
_SINE = (
    0.0004474920849077101,
    -0.007364005472115722,
    0.08214479467064854,
    -0.5992644339357286,
    2.550164035906745,
    -5.167712779987959,
    3.141592653589635,
)


def threefry2x32(counter: tuple, key: tuple) -> tuple[np.ndarray, np.ndarray]:
    """Two 32-bit words of Threefry2x32 with 20 rounds.

    Parameters
    ----------
    counter, key : tuple of two array_like of integers
        Taken modulo 2**32 and broadcast against each other.

    Returns
    -------
    tuple of two numpy.ndarray of uint32
    """
    c0, c1, k0, k1 = ((np.asarray(word) & _MASK).astype(np.uint32) for word in (*counter, *key))
    shape = np.broadcast_shapes(c0.shape, c1.shape, k0.shape, k1.shape)
    with np.errstate(over="ignore"):
        keys = (k0, k1, k0 ^ k1 ^ np.uint32(PARITY))
        x0, x1 = np.broadcast_to(c0 + k0, shape).copy(), np.broadcast_to(c1 + k1, shape).copy()
        for number in range(ROUNDS):
            turn = ROTATIONS[number % 8]
            x0 += x1
            low = x1 >> np.uint32(32 - turn)
            x1 <<= np.uint32(turn)
            x1 |= low
            x1 ^= x0
            if number % 4 == 3:
                block = number // 4 + 1
                x0 += keys[block % 3]
                x1 += keys[(block + 1) % 3] + np.uint32(block)
    return x0, x1


def _horner(coefficients: tuple[float, ...], x: np.ndarray) -> np.ndarray:
    value: Any = coefficients[0]
    for coefficient in coefficients[1:]:
        value = coefficient + x * value
    return value


_ONE = np.uint64(0x3FF0000000000000)


def _words(seed: Any, index: Any, step: Any, stream: Any) -> tuple[np.ndarray, np.ndarray]:
    index, step, stream = (np.asarray(value, dtype=np.int64) for value in (index, step, stream))
    w0, w1 = threefry2x32((index, step), (int(seed), stream + ((step >> 32) << 16)))
    return w0.astype(np.uint64), w1.astype(np.uint64)


def _open_unit(w0: np.ndarray, w1: np.ndarray) -> np.ndarray:
    """A number in (0, 1) from 40 bits, by writing a mantissa."""
    bits = (w0 << np.uint64(20)) | ((w1 >> np.uint64(24)) << np.uint64(12)) | np.uint64(0x800)
    return 2.0 - (bits | _ONE).view(np.float64)


def _numpy_uniform(seed: Any, index: Any, step: Any, stream: Any) -> np.ndarray:
    return _open_unit(*_words(seed, index, step, stream))


def _numpy_normal(seed: Any, index: Any, step: Any, stream: Any) -> np.ndarray:
    w0, w1 = _words(seed, index, step, stream)
    angle = ((w1 & np.uint64(0xFFFFFF)) << np.uint64(28)) | np.uint64(0x8000000)
    u = _open_unit(w0, w1)
    w = (angle | _ONE).view(np.float64) - 1.5
    m, k = np.frexp(u)
    low = m < np.sqrt(0.5)
    m, k = np.where(low, 2.0 * m, m), k - low
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    log_u = k * 0.6931471805599453 + (2.0 * s + s * z * _horner(_LOGARITHM, z))
    return np.sqrt(-2.0 * log_u) * (w * _horner(_SINE, w * w))


_ARGUMENTS: dict[str, Any] = {
    "arg_units": [1, 1, 1, 1],
    "return_unit": 1,
    "arg_types": ["integer", "integer", "integer", "integer"],
    "return_type": "float",
    "stateless": True,
}
#: A standard normal variate, ``threefry_normal(seed, index, step, stream)`` in equations.
threefry_normal = Function(pyfunc=_numpy_normal, **_ARGUMENTS)
#: A variate uniform in (0, 1), ``threefry_uniform(seed, index, step, stream)`` in equations.
threefry_uniform = Function(pyfunc=_numpy_uniform, **_ARGUMENTS)
for _name, _function in (("threefry_normal", threefry_normal), ("threefry_uniform", threefry_uniform)):
    register(
        _name,
        _function,
        HEADER,
        f"double _{_name}(long long seed, long long index, long long step, long long stream)",
    )
