"""The neuron in the languages of other simulators, and its recordings in the formats of other tools."""

from importlib import import_module
from typing import Any

#: Public names and the module each comes from; loaded on first use, because most need an optional package.
_PUBLIC = {
    "LIFSurrogate": "memneuro.export.lif_surrogate",
    "export_nir": "memneuro.export.nir",
    "fit_lif": "memneuro.export.lif_surrogate",
    "neo_segment": "memneuro.export.neo",
    "read_nir": "memneuro.export.nir",
    "read_parquet": "memneuro.export.tables",
    "run_ngspice": "memneuro.export.ngspice",
    "spice_netlist": "memneuro.export.spice",
    "spike_table": "memneuro.export.tables",
    "trace_table": "memneuro.export.tables",
    "write_nwb": "memneuro.export.nwb",
    "write_parquet": "memneuro.export.tables",
}

__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'memneuro.export' has no attribute {name!r}")
    value = getattr(import_module(_PUBLIC[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
