"""The reference neurons with their search spaces.

Resting potential and threshold of the integrate-and-fire neurons are kept at the card's values: the equations depend on
potentials only as multiples of their difference.
"""

from __future__ import annotations

from memneuro.biology.fit.model import FitModel, reference, register
from memneuro.biology.fit.space import Free

_MEMBRANE = (
    Free("tau_m", 3, 200, "msecond", log=True),
    Free("r_m", 40, 1500, "Mohm", log=True),
    Free("v_reset", -160, -50, "mvolt"),
    Free("t_refractory", 1, 60, "msecond", log=True),
)
_ESCAPE = (Free("delta_u", 0.1, 10, "mvolt", log=True),)


@register("lif")
def lif() -> FitModel:
    """Leaky integrate-and-fire."""
    return reference("lif", "LIF", _MEMBRANE, "doi:10.1016/S0006-3495(65)86709-1")


@register("stochastic_lif")
def stochastic_lif() -> FitModel:
    """Leaky integrate-and-fire with escape noise."""
    return reference("stochastic_lif", "stochastic LIF", _MEMBRANE + _ESCAPE, "doi:10.1162/089976600300015835")


@register("adex")
def adex() -> FitModel:
    """Adaptive exponential integrate-and-fire."""
    free = (
        Free("c_m", 3, 500, "pfarad", log=True),
        Free("g_leak", 0.3, 30, "nsiemens", log=True),
        Free("delta_t", 0.3, 20, "mvolt", log=True),
        Free("tau_w", 5, 500, "msecond", log=True),
        Free("a", 0, 10, "nsiemens"),
        Free("b", 0, 300, "pamp"),
        Free("v_reset", -160, -50, "mvolt"),
        Free("t_refractory", 1, 60, "msecond", log=True),
    )
    return reference("adex", "AdEx", free, "doi:10.1152/jn.00686.2005")


@register("gif")
def gif() -> FitModel:
    """Generalised integrate-and-fire with spike-history filters."""
    free = (
        *_MEMBRANE,
        *_ESCAPE,
        Free("tau_fast", 3, 60, "msecond", log=True),
        Free("tau_slow", 30, 600, "msecond", log=True),
        Free("delta_t", 0.3, 20, "mvolt", log=True),
        Free("v_upstroke", 0, 40, "mvolt"),
        Free("eta_fast", -50, 150, "pamp"),
        Free("eta_slow", -20, 60, "pamp"),
        Free("gamma_fast", -10, 30, "mvolt"),
        Free("gamma_slow", -5, 15, "mvolt"),
    )
    return reference("gif", "GIF", free, "doi:10.1371/journal.pcbi.1004275", "exponential_gif")


_CONDUCTANCES = (
    Free("area", 1e-10, 1e-7, "meter**2", log=True),
    Free("e_leak", -90, -45, "mvolt"),
    Free("temperature_factor", 0.2, 5, "1", log=True),
)


@register("hodgkin_huxley")
def hodgkin_huxley() -> FitModel:
    """Squid axon."""
    free = (
        *_CONDUCTANCES,
        Free("g_leak", 1, 30, "siemens/meter**2", log=True),
        Free("g_na", 300, 4000, "siemens/meter**2", log=True),
        Free("g_k", 100, 1200, "siemens/meter**2", log=True),
    )
    return reference("hodgkin_huxley", "HH, squid", free, "doi:10.1113/jphysiol.1952.sp004764")


_CORTICAL = (
    *_CONDUCTANCES,
    Free("g_leak", 0.05, 5, "siemens/meter**2", log=True),
    Free("g_na", 100, 2000, "siemens/meter**2", log=True),
    Free("g_k", 10, 500, "siemens/meter**2", log=True),
    Free("g_m", 0.01, 10, "siemens/meter**2", log=True),
    Free("v_traub", -75, -45, "mvolt"),
)


@register("cortical_regular_spiking")
def cortical_regular_spiking() -> FitModel:
    """Cortical regular-spiking set."""
    return reference(
        "cortical_regular_spiking",
        "HH, regular spiking",
        _CORTICAL,
        "doi:10.1007/s00422-008-0263-8",
    )


@register("cortical_fast_spiking")
def cortical_fast_spiking() -> FitModel:
    """Cortical fast-spiking set."""
    return reference(
        "cortical_fast_spiking",
        "HH, fast spiking",
        _CORTICAL,
        "doi:10.1007/s00422-008-0263-8",
    )
