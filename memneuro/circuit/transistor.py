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

from importlib import resources
from typing import Any

import numpy as np
from brian2 import amp, kelvin, ohm, volt
from brian2.core.functions import Function

from memneuro.numerics.elementary import HEADER as ELEMENTARY
from memneuro.numerics.elementary import register

THERMAL = 8.617333262e-5  # k_B / q in volt per kelvin
ITERATIONS = 16
HEADER = ELEMENTARY + (resources.files("memneuro.circuit") / "transistor.h").read_text(encoding="utf-8")


def _softplus(z: Any) -> Any:
    """ln(1 + exp(z))."""
    return np.maximum(z, 0.0) + np.log1p(np.exp(-np.abs(z)))


def _current(v_gate: Any, v_drain: Any, k: Any, v_t: Any, n: Any, temperature: Any) -> Any:
    u = THERMAL * np.asarray(temperature)
    pinch = (np.asarray(v_gate) - v_t) / n
    forward = _softplus(pinch / (2 * u))
    reverse = _softplus((pinch - v_drain) / (2 * u))
    return 4 * n**2 * k * u**2 * (forward - reverse) * (forward + reverse)


def _drain(v_gate: Any, v_dd: Any, r_load: Any, k: Any, v_t: Any, n: Any, temperature: Any) -> Any:
    u = THERMAL * np.asarray(temperature)
    scale = r_load * 4 * n**2 * k * u**2
    pinch = (np.asarray(v_gate) - v_t) / n
    forward = _softplus(pinch / (2 * u))
    v = np.zeros(np.broadcast(v_gate, v_dd, r_load, k, v_t, n, temperature).shape)
    for _ in range(ITERATIONS):
        z = (pinch - v) / (2 * u)
        reverse = _softplus(z)
        residual = v - v_dd + scale * (forward - reverse) * (forward + reverse)
        slope = 1.0 + scale * reverse / u / (1.0 + np.exp(np.minimum(-z, 709.0)))
        v = v - residual / slope
    return v


#: Drain current (amp), ``nmos_current(v_gate, v_drain, k, v_t, n, temperature)`` in equations.
nmos_current = Function(
    pyfunc=_current,
    arg_units=[volt, volt, amp / volt**2, volt, 1, kelvin],
    return_unit=amp,
    stateless=True,
)
#: Drain voltage (volt) with a load, ``drain_voltage(v_gate, v_dd, r_load, k, v_t, n, temperature)`` in equations.
drain_voltage = Function(
    pyfunc=_drain,
    arg_units=[volt, volt, ohm, amp / volt**2, volt, 1, kelvin],
    return_unit=volt,
    stateless=True,
)
_ARGUMENTS = "double k, double vt, double n, double temperature"
register("nmos_current", nmos_current, HEADER, f"double _nmos_current(double vg, double vd, {_ARGUMENTS})")
register(
    "drain_voltage",
    drain_voltage,
    HEADER,
    f"double _drain_voltage(double vg, double vdd, double rload, {_ARGUMENTS})",
)
