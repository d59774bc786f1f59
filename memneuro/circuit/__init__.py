"""What makes a device a neuron: drives, the output transistor and the 1M1T1R circuit."""

from memneuro.circuit.drive import Constant, Current, Drive, Expression, External, PulseTrain, Sampled
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.circuit.parallel_capacitor import ParallelCapacitor
from memneuro.circuit.source_meter import SourceMeter
from memneuro.circuit.transistor import drain_voltage, nmos_current

__all__ = [
    "Constant",
    "Current",
    "Drive",
    "Expression",
    "External",
    "OneM1T1R",
    "ParallelCapacitor",
    "PulseTrain",
    "Sampled",
    "SourceMeter",
    "drain_voltage",
    "nmos_current",
]
