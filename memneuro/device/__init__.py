"""What one diffusive memristor does: cards (parameters) and models (equations)."""

from memneuro.device.card import Card, Parameter, card, card_names
from memneuro.device.compact import CompactDevice
from memneuro.device.hopping import HoppingDevice
from memneuro.device.model import DeviceModel, device_model

__all__ = [
    "Card",
    "CompactDevice",
    "DeviceModel",
    "HoppingDevice",
    "Parameter",
    "card",
    "card_names",
    "device_model",
]
