r"""Adaptive exponential integrate-and-fire neuron.

.. math::

   C \frac{dv}{dt} &= -g_L (v - E_L) + g_L \Delta_T \exp\frac{v - v_T}{\Delta_T} - w + I \\
   \tau_w \frac{dw}{dt} &= a (v - E_L) - w, \qquad v \ge v_{cut}: v \to v_{reset},\ w \to w + b

The exponent is limited to 20, where the potential crosses `v_cut` within one step in any case. The equation of w reads
the potential up to `v_cut`, so that the overshoot within that step does not count.

Source: Brette & Gerstner 2005, doi:10.1152/jn.00686.2005.
"""

from brian2 import ms

from memneuro.biology.reference.model import BLOCK, FREE, READY, REFRACTORY, ReferenceModel, register

ADEX = register(
    ReferenceModel(
        name="adex",
        equations=f"""
upstroke = g_leak*delta_t*exp_ieee(clip((v - v_t)/delta_t, -50, 20)) : amp
dv/dt = active*(g_leak*(e_leak - v) + upstroke - w + i_in)/c_m : volt
v_bounded = clip(v, e_leak - 1*volt, v_cut) : volt
dw/dt = (a*(v_bounded - e_leak) - w)/tau_w : amp
{REFRACTORY}""",
        parameters={
            "c_m": "farad",
            "g_leak": "siemens",
            "e_leak": "volt",
            "v_t": "volt",
            "delta_t": "volt",
            "tau_w": "second",
            "a": "siemens",
            "b": "amp",
            "v_reset": "volt",
            "v_cut": "volt",
            "t_refractory": "second",
        },
        threshold=f"{READY} and v > v_cut",
        reset=f"v = v_reset; w += b; {BLOCK}",
        initial={"v": "e_leak", "w": "0*amp", **FREE},
        default_card="adex",
        step=0.1 * ms,
        method="rk2",
    )
)
