"""Physical artificial neurons in Brian2: one diffusive memristor, one transistor, one resistor."""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

try:
    __version__ = version("memneuro")
except PackageNotFoundError:  # the source tree is on the path but was never installed
    __version__ = "0+unknown"

del PackageNotFoundError, version

#: Public names and the module each comes from; loaded on first use, so that importing the package costs nothing.
_PUBLIC = {
    "Card": "memneuro.device.card",
    "Constant": "memneuro.circuit.drive",
    "Current": "memneuro.circuit.drive",
    "Expression": "memneuro.circuit.drive",
    "External": "memneuro.circuit.drive",
    "OneM1T1R": "memneuro.circuit.one_m1t1r",
    "ParallelCapacitor": "memneuro.circuit.parallel_capacitor",
    "Parameter": "memneuro.device.card",
    "PulseTrain": "memneuro.circuit.drive",
    "Sampled": "memneuro.circuit.drive",
    "Simulation": "memneuro.simulation",
    "SourceMeter": "memneuro.circuit.source_meter",
    "card": "memneuro.device.card",
    "card_names": "memneuro.device.card",
    "grid": "memneuro.simulation",
    "read_card": "memneuro.device.card",
    "score": "memneuro.experiment.score",
    "simulate": "memneuro.simulation",
    "targets": "memneuro.experiment.target",
    "write_card": "memneuro.device.card",
}

__all__ = ["__version__", *sorted(_PUBLIC)]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'memneuro' has no attribute {name!r}")
    value = getattr(import_module(_PUBLIC[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
