"""The neuron in the languages of other simulators, and its results in the formats of other tools."""

from importlib import import_module
from typing import Any

#: Public names and the module each comes from; loaded on first use.
_PUBLIC = {
    "LifSurrogate": "memneuro.export.lif_surrogate",
    "LossyExport": "memneuro.export.nir_graph",
    "SurrogateFit": "memneuro.export.lif_surrogate",
    "export_nir": "memneuro.export.nir_graph",
    "fit_lif": "memneuro.export.lif_surrogate",
    "neo_segment": "memneuro.export.neo_segment",
    "nir_graph": "memneuro.export.nir_graph",
    "nmodl": "memneuro.export.nmodl",
    "provenance_of": "memneuro.export.provenance",
    "read_nir": "memneuro.export.nir_graph",
    "read_parquet": "memneuro.export.frames",
    "run_ngspice": "memneuro.export.ngspice",
    "spice_netlist": "memneuro.export.spice",
    "spike_table": "memneuro.export.frames",
    "trace_table": "memneuro.export.frames",
    "write_nwb": "memneuro.export.nwb",
    "write_parquet": "memneuro.export.frames",
}
