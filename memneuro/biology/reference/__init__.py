"""Neuron models that neuroscientists use, to compare the memristor neuron with."""

from memneuro.biology.reference import adex, generalised, hodgkin_huxley, lif, stochastic_lif  # noqa: F401  (register)
from memneuro.biology.reference.model import reference_names
from memneuro.biology.reference.neuron import ReferenceNeuron

__all__ = ["ReferenceNeuron", "reference_names"]
