r"""Leaky integrate-and-fire neuron.

.. math:: \tau_m \frac{dv}{dt} = E_L - v + R_m I, \qquad v \ge v_{threshold}: v \to v_{reset}

Source: Stein 1965, doi:10.1016/S0006-3495(65)86709-1; Gerstner et al., *Neuronal Dynamics*, section 1.3.
"""

from brian2 import ms

from memneuro.biology.reference.model import BLOCK, FREE, READY, REFRACTORY, ReferenceModel, register

LIF = register(
    ReferenceModel(
        name="lif",
        equations=f"dv/dt = active*(e_leak - v + r_m*i_in)/tau_m : volt\n{REFRACTORY}",
        parameters={
            "tau_m": "second",
            "r_m": "ohm",
            "e_leak": "volt",
            "v_threshold": "volt",
            "v_reset": "volt",
            "t_refractory": "second",
        },
        threshold=f"{READY} and v > v_threshold",
        reset=f"v = v_reset; {BLOCK}",
        initial={"v": "e_leak", **FREE},
        default_card="lif",
        step=0.1 * ms,
        method="rk2",
    )
)
