r"""The NMOS output stage: one smooth equation from sub-threshold to saturation.

EKV form (Enz, Krummenacher and Vittoz 1995, doi:10.1007/BF01239381), source and bulk grounded, pinch-off voltage
V_P = (V_G - V_T)/n, thermal voltage U_T = k_B T/q:

.. math::

   I_D = 4 n^2 K U_T^2 \left[\ln^2(1 + e^{V_P/2U_T}) - \ln^2(1 + e^{(V_P - V_D)/2U_T})\right]

so that I_D tends to K (V_G - V_T)^2 in saturation well above threshold. With a load resistor to the supply the drain
voltage solves V_D = V_dd - R_load I_D(V_G, V_D), found by Newton's method: the residual is increasing and concave in
V_D, so the iteration from V_D = 0 rises monotonically to the only root.

Both are known to Brian2 as ``nmos_current(v_gate, v_drain, k, v_t, n, temperature)`` and
``drain_voltage(v_gate, v_dd, r_load, k, v_t, n, temperature)`` once memneuro is imported.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import DEFAULT_FUNCTIONS, amp, kelvin, ohm, volt
from brian2.core.functions import Function

THERMAL = 8.617333262e-5  # k_B / q in volt per kelvin
ITERATIONS = 16


def _current(v_gate: Any, v_drain: Any, k: Any, v_t: Any, n: Any, temperature: Any) -> Any:
    u = THERMAL * np.asarray(temperature)
    pinch = (np.asarray(v_gate) - v_t) / n
    forward = np.logaddexp(0.0, pinch / (2 * u))
    reverse = np.logaddexp(0.0, (pinch - v_drain) / (2 * u))
    return 4 * n**2 * k * u**2 * (forward - reverse) * (forward + reverse)


def _drain(v_gate: Any, v_dd: Any, r_load: Any, k: Any, v_t: Any, n: Any, temperature: Any) -> Any:
    u = THERMAL * np.asarray(temperature)
    scale = r_load * 4 * n**2 * k * u**2
    pinch = (np.asarray(v_gate) - v_t) / n
    forward = np.logaddexp(0.0, pinch / (2 * u))
    v = np.zeros(np.broadcast(v_gate, v_dd, r_load, k, v_t, n, temperature).shape)
    for _ in range(ITERATIONS):
        z = (pinch - v) / (2 * u)
        reverse = np.logaddexp(0.0, z)
        residual = v - v_dd + scale * (forward - reverse) * (forward + reverse)
        slope = 1.0 + scale * reverse / u / (1.0 + np.exp(-np.clip(z, -700, 700)))
        v = v - residual / slope
    return v


_C_CODE = """
static inline double _softplus(double z)
{
    return z > 0.0 ? z + log1p(exp(-z)) : log1p(exp(z));
}
static inline double _nmos_current(double vg, double vd, double k, double vt, double n, double temperature)
{
    const double u = 8.617333262e-5 * temperature, pinch = (vg - vt) / n;
    const double forward = _softplus(pinch / (2.0 * u)), reverse = _softplus((pinch - vd) / (2.0 * u));
    return 4.0 * n * n * k * u * u * (forward - reverse) * (forward + reverse);
}
static inline double _drain_voltage(double vg, double vdd, double rload, double k, double vt, double n,
                                    double temperature)
{
    const double u = 8.617333262e-5 * temperature, pinch = (vg - vt) / n;
    const double scale = rload * 4.0 * n * n * k * u * u;
    const double forward = _softplus(pinch / (2.0 * u));
    double v = 0.0;
    for (int iteration = 0; iteration < 16; iteration++)
    {
        const double z = (pinch - v) / (2.0 * u);
        const double reverse = _softplus(z);
        const double residual = v - vdd + scale * (forward - reverse) * (forward + reverse);
        const double slope = 1.0 + scale * reverse / u / (1.0 + exp(-z));
        v -= residual / slope;
    }
    return v;
}
"""


def _cython_code(declaration: str) -> str:
    body = "\n".join("    " + line for line in _C_CODE.splitlines())
    guard = "    #ifndef MEMNEURO_NMOS\n    #define MEMNEURO_NMOS\n"
    text = f"#include <math.h>\n{guard}{body}\n    #endif"
    return f'cdef extern from *:\n    """\n    {text}\n    """\n    {declaration} nogil\n'


nmos_current = Function(
    pyfunc=_current,
    arg_units=[volt, volt, amp / volt**2, volt, 1, kelvin],
    return_unit=amp,
    stateless=True,
)
drain_voltage = Function(
    pyfunc=_drain,
    arg_units=[volt, volt, ohm, amp / volt**2, volt, 1, kelvin],
    return_unit=volt,
    stateless=True,
)
for _function, _name, _declaration in (
    (
        nmos_current,
        "_nmos_current",
        "double _nmos_current(double vg, double vd, double k, double vt, double n, double temperature)",
    ),
    (
        drain_voltage,
        "_drain_voltage",
        "double _drain_voltage(double vg, double vdd, double rload, double k, double vt, double n, double temperature)",
    ),
):
    _guarded = f"#ifndef MEMNEURO_NMOS\n#define MEMNEURO_NMOS\n{_C_CODE}\n#endif\n"
    _function.implementations.add_implementation("numpy", _function.pyfunc)
    _function.implementations.add_implementation("cython", _cython_code(_declaration), name=_name)
    _function.implementations.add_implementation("cpp", _guarded, name=_name)
    _function.implementations.add_implementation(
        "cuda", _guarded.replace("static inline", "__host__ __device__ static inline"), name=_name
    )

DEFAULT_FUNCTIONS["nmos_current"] = nmos_current
DEFAULT_FUNCTIONS["drain_voltage"] = drain_voltage
