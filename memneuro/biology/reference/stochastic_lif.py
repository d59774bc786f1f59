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

DISTANCE = "distance = v - v_threshold : volt"

STOCHASTIC_LIF = register(
    ReferenceModel(
        name="stochastic_lif",
        equations=f"{LIF.equations}\n{DISTANCE}",
        parameters={**LIF.parameters, "delta_u": "volt", "rate_threshold": "Hz"},
        threshold=LIF.threshold,
        noise_threshold=escape("distance"),
        reset=LIF.reset,
        initial=LIF.initial,
        default_card="stochastic_lif",
        step=0.1 * ms,
        method="rk2",
    )
)
