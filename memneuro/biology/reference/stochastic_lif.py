r"""Leaky integrate-and-fire neuron with escape noise.

.. math::

   \tau_m \frac{dv}{dt} = E_L - v + R_m I, \qquad
   \lambda = \lambda_0 \exp\frac{v - v_{threshold}}{\Delta_u}

It fires within a step with probability ``1 - exp(-lambda dt)``. Without noise it fires at `v_threshold`.

Source: Plesser & Gerstner 2000, doi:10.1162/089976600300015835; Gerstner et al., *Neuronal Dynamics*, section 9.1.
"""

from brian2 import ms

from memneuro.biology.reference.lif import LIF
from memneuro.biology.reference.model import ReferenceModel, escape, register

HAZARD = "hazard = rate_threshold*exp_ieee(clip((v - v_threshold)/delta_u, -50, 50)) : Hz"

STOCHASTIC_LIF = register(
    ReferenceModel(
        name="stochastic_lif",
        equations=f"{LIF.equations}\n{HAZARD}",
        parameters={**LIF.parameters, "delta_u": "volt", "rate_threshold": "Hz"},
        threshold="v > v_threshold",
        noise_threshold=escape("hazard"),
        reset=LIF.reset,
        refractory=LIF.refractory,
        initial=LIF.initial,
        default_card="stochastic_lif",
        step=0.1 * ms,
    )
)
