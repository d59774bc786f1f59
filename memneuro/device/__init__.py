"""What one diffusive memristor does: cards (parameters) and models (equations)."""

from memneuro.device.area import AreaDevice
from memneuro.device.card import Card, Parameter, card, card_names
from memneuro.device.compact import CompactDevice
from memneuro.device.hopping import HoppingDevice
from memneuro.device.langevin import LangevinDevice, langevin_model
from memneuro.device.model import DeviceModel, device_model
from memneuro.device.neuristor import NeuristorDevice
from memneuro.device.threshold import ThresholdDevice

__all__ = [
    "AreaDevice",
    "Card",
    "CompactDevice",
    "DeviceModel",
    "HoppingDevice",
    "LangevinDevice",
    "NeuristorDevice",
    "Parameter",
    "ThresholdDevice",
    "card",
    "card_names",
    "device_model",
    "langevin_model",
]
