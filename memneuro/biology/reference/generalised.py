r"""Generalised integrate-and-fire neuron (GIF): spike-history filters on current and threshold, and escape noise.

.. math::

   \tau_m \frac{dv}{dt} &= E_L - v + k \Delta_T e^{u/\Delta_T} + R_m (I - w_1 - w_2), \qquad
   u = v - v_{threshold} - \theta_1 - \theta_2 \\
   \tau_k \frac{dw_k}{dt} &= -w_k, \qquad \tau_k \frac{d\theta_k}{dt} = -\theta_k, \qquad
   \lambda = \lambda_0 \exp\frac{u - v_{upstroke}}{\Delta_u} \\
   \text{spike: } & v \to v_{reset}, \quad w_k \to w_k + \eta_k, \quad \theta_k \to \theta_k + \gamma_k

The filters of the published model, a current eta(t) and a threshold shift gamma(t) after each spike, are here sums of
two exponentials each, with common time constants. The exponential upstroke is that of the refractory exponential
integrate-and-fire neuron, whose threshold also shifts after a spike: k = 1 on the card ``exponential_gif`` and 0 on
``gif``, the published model without it, which fires at its threshold. The exponent is limited to 20.

Source: Mensi et al. 2012, doi:10.1152/jn.00408.2011; Pozzorini et al. 2015, doi:10.1371/journal.pcbi.1004275; upstroke:
Badel et al. 2008, doi:10.1152/jn.01107.2007.
"""

from brian2 import ms

from memneuro.biology.reference.model import BLOCK, FREE, READY, REFRACTORY, ReferenceModel, escape, register

GIF = register(
    ReferenceModel(
        name="gif",
        equations=f"""
dv/dt = active*(e_leak - v + upstroke + r_m*(i_in - w_fast - w_slow))/tau_m : volt
dw_fast/dt = -w_fast/tau_fast : amp
dw_slow/dt = -w_slow/tau_slow : amp
dtheta_fast/dt = -theta_fast/tau_fast : volt
dtheta_slow/dt = -theta_slow/tau_slow : volt
height = v - v_threshold - theta_fast - theta_slow : volt
upstroke = upstroke_gain*delta_t*exp_ieee(clip(height/delta_t, -50, 20)) : volt
distance = height - v_upstroke : volt
{REFRACTORY}""",
        parameters={
            "tau_m": "second",
            "r_m": "ohm",
            "e_leak": "volt",
            "v_threshold": "volt",
            "v_reset": "volt",
            "t_refractory": "second",
            "delta_u": "volt",
            "rate_threshold": "Hz",
            "tau_fast": "second",
            "tau_slow": "second",
            "upstroke_gain": "1",
            "delta_t": "volt",
            "v_upstroke": "volt",
            "eta_fast": "amp",
            "eta_slow": "amp",
            "gamma_fast": "volt",
            "gamma_slow": "volt",
        },
        threshold=f"{READY} and distance > 0*volt",
        noise_threshold=escape("distance"),
        reset=f"""
v = v_reset
{BLOCK}
w_fast += eta_fast
w_slow += eta_slow
theta_fast += gamma_fast
theta_slow += gamma_slow
""",
        initial={
            **FREE,
            "v": "e_leak",
            "w_fast": "0*amp",
            "w_slow": "0*amp",
            "theta_fast": "0*volt",
            "theta_slow": "0*volt",
        },
        default_card="gif",
        step=0.1 * ms,
        method="rk2",
    )
)
