r"""Conductance-based neurons with the gates of Hodgkin and Huxley.

Both are a patch of membrane of one area, so they take a current in ampere:

.. math::

   C \frac{dv}{dt} &= g_L (E_L - v) + g_{Na} m^3 h (E_{Na} - v) + g_K n^4 (E_K - v) + g_M p (E_K - v) + I/A \\
   \frac{dx}{dt} &= \varphi\,(\alpha_x (1 - x) - \beta_x x), \qquad x = m, h, n

with C and g per area, and no M-current (p) in the squid axon. `temperature_factor` is the phi that multiplies all
rates: ``3**((T - 6.3 C)/10 C)`` for the axon. A spike is an upward crossing of `v_spike`; nothing is reset.

Rates in 1/ms, with L(z) = z/(1 - exp(-z)), which is 1 at z = 0, and v in mV:

============  ========================================  =================================================
Rate          Squid axon, u = v + 65                    Cortical cell, u = v - v_traub
============  ========================================  =================================================
``alpha_m``   L((u - 25)/10)                            1.28 L((u - 13)/4)
``beta_m``    4 exp(-u/18)                              1.4 L((40 - u)/5)
``alpha_h``   0.07 exp(-u/20)                           0.128 exp((17 - u)/18)
``beta_h``    1/(1 + exp((30 - u)/10))                  4/(1 + exp((40 - u)/5))
``alpha_n``   0.1 L((u - 10)/10)                        0.16 L((u - 15)/5)
``beta_n``    0.125 exp(-u/80)                          0.5 exp((10 - u)/40)
============  ========================================  =================================================

.. math::

   \frac{dp}{dt} = \varphi \frac{p_\infty - p}{\tau_p}, \qquad
   p_\infty = \frac{1}{1 + e^{-(v + 35)/10}}, \qquad
   \tau_p = \frac{\tau_{max}}{3.3\,e^{(v + 35)/20} + e^{-(v + 35)/20}}

Exponentials whose arguments are multiples of one another are computed once (``fall``, ``rise``).

Steps: at 0.05 ms, the default, the first spike after a current step is within 0.03 ms of the exact solution, and
intervals are 0.2 to 0.6 % too long (at most 0.05 ms each); both errors fall with the square of the step.

Source: Hodgkin & Huxley 1952, doi:10.1113/jphysiol.1952.sp004764, in the modern sign and shifted to a rest of -65 mV;
Pospischil et al. 2008, doi:10.1007/s00422-008-0263-8, with the kinetics of Traub & Miles 1991 for sodium and delayed
potassium and those of Yamada et al. 1989 for the M-current.
"""

from brian2 import ms

from memneuro.biology.reference.model import ReferenceModel, register

_GATES = """
dm/dt = temperature_factor*(alpha_m*(1 - m) - beta_m*m) : 1
dh/dt = temperature_factor*(alpha_h*(1 - h) - beta_h*h) : 1
dn/dt = temperature_factor*(alpha_n*(1 - n) - beta_n*n) : 1
g_sodium = g_na*m*m*m*h : siemens/meter**2
g_potassium = g_k*n*n*n*n : siemens/meter**2
"""
_PARAMETERS = {
    "area": "meter**2",
    "c_area": "farad/meter**2",
    "g_leak": "siemens/meter**2",
    "g_na": "siemens/meter**2",
    "g_k": "siemens/meter**2",
    "e_leak": "volt",
    "e_na": "volt",
    "e_k": "volt",
    "temperature_factor": "1",
    "v_spike": "volt",
}
_STEADY = {x: f"alpha_{x}/(alpha_{x} + beta_{x})" for x in "mhn"}

HODGKIN_HUXLEY = register(
    ReferenceModel(
        name="hodgkin_huxley",
        equations=f"""
dv/dt = (g_leak*(e_leak - v) + g_sodium*(e_na - v) + g_potassium*(e_k - v) + i_in/area)/c_area : volt
v_last : volt
{_GATES}
u = v/mV + 65 : 1
fall = exp(-0.0125*u) : 1
fall_4 = fall*fall*fall*fall : 1
alpha_m = 1/relaxation(0.1*(u - 25))/ms : Hz
beta_m = 4*exp(-u/18)/ms : Hz
alpha_h = 0.07*fall_4/ms : Hz
beta_h = 1/(1 + 20.085536923187668*fall_4*fall_4)/ms : Hz
alpha_n = 0.1/relaxation(0.1*(u - 10))/ms : Hz
beta_n = 0.125*fall/ms : Hz
""",
        parameters=_PARAMETERS,
        threshold="v > v_spike and v_last <= v_spike",
        reset="",
        initial={"v": "-65*mV", "v_last": "v", **_STEADY},
        default_card="hodgkin_huxley",
        step=0.05 * ms,
    )
)

CORTICAL_HODGKIN_HUXLEY = register(
    ReferenceModel(
        name="cortical_hodgkin_huxley",
        equations=f"""
dv/dt = (g_leak*(e_leak - v) + g_sodium*(e_na - v) + (g_potassium + g_m*p)*(e_k - v) + i_in/area)/c_area : volt
v_last : volt
{_GATES}
dp/dt = temperature_factor*p_rate*(p_infinity - p) : 1
u = (v - v_traub)/mV : 1
fall = exp(0.025*(10 - u)) : 1
fall_4 = fall*fall*fall*fall : 1
alpha_m = 1.28/relaxation(0.25*(u - 13))/ms : Hz
beta_m = 1.4/relaxation(0.2*(40 - u))/ms : Hz
alpha_h = 0.128*exp((17 - u)/18)/ms : Hz
beta_h = 4/(1 + 403.4287934927351*fall_4*fall_4)/ms : Hz
alpha_n = 0.16/relaxation(0.2*(u - 15))/ms : Hz
beta_n = 0.5*fall/ms : Hz
rise = exp(0.05*(v/mV + 35)) : 1
p_infinity = rise*rise/(1 + rise*rise) : 1
p_rate = (3.3*rise + 1/rise)/tau_max : Hz
""",
        parameters={**_PARAMETERS, "g_m": "siemens/meter**2", "tau_max": "second", "v_traub": "volt"},
        threshold="v > v_spike and v_last <= v_spike",
        reset="",
        initial={"v": "e_leak", "v_last": "v", **_STEADY, "p": "p_infinity"},
        default_card="cortical_regular_spiking",
        step=0.05 * ms,
    )
)
