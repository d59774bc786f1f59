"""Integrators and counter-based noise, registered with Brian2 by name."""

from memneuro.numerics.exponential_midpoint import ExponentialMidpoint
from memneuro.numerics.philox import philox_normal

__all__ = ["ExponentialMidpoint", "philox_normal"]
