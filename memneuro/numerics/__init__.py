"""Integrators, counter-based noise and portable elementary functions, registered with Brian2 by name."""

from memneuro.numerics.exponential_midpoint import ExponentialMidpoint
from memneuro.numerics.threefry import threefry_normal, threefry_uniform

__all__ = ["ExponentialMidpoint", "threefry_normal", "threefry_uniform"]
