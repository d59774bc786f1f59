"""From a user's own measurement of a volatile threshold switch to a device card.

``read`` turns a file into a measurement in SI units, ``extract`` turns readings into samples, ``fit`` turns samples
into a card with 95 % ranges, ``report`` writes it down. :func:`~memneuro.device_fit.command.fit_device` does all of
that; so does ``memneuro fit-device``.
"""

from memneuro.device_fit.command import fit_device, fit_device_text
from memneuro.device_fit.fit import Fit, fit_measurement
from memneuro.device_fit.read import Measurement, read_measurement

__all__ = ["Fit", "Measurement", "fit_device", "fit_device_text", "fit_measurement", "read_measurement"]
