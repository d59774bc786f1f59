"""Fit neuron models to a recorded cell and test them on what was held out."""

from memneuro.biology.fit import memristor, references  # noqa: F401  (register the models)
from memneuro.biology.fit.model import FitModel, fit_model, fit_model_names

__all__ = ["FitModel", "fit_model", "fit_model_names"]
