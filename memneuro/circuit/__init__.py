"""What makes a device a neuron: drives, the output transistor and the 1M1T1R circuit."""

from memneuro.circuit.drive import Constant, Current, Drive, Expression, External, PulseTrain, Sampled
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.circuit.transistor import drain_voltage, nmos_current

__all__ = [
    "Constant",
    "Current",
    "Drive",
    "Expression",
    "External",
    "OneM1T1R",
    "PulseTrain",
    "Sampled",
    "drain_voltage",
    "nmos_current",
]
