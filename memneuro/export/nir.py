"""A leaky integrate-and-fire surrogate of the memristor neuron in the Neuromorphic Intermediate Representation (NIR).

NIR has no primitive for the memristor neuron, so what is written is :class:`memneuro.export.lif_surrogate.LIFSurrogate`
and, in the metadata of the graph, the report of what it loses.

Source of the format: Pedersen et al. 2024, doi:10.1038/s41467-024-52259-9; https://neuroir.org/docs.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from memneuro import __version__
from memneuro.circuit.device_circuit import whole_number
from memneuro.export._files import free, new_file
from memneuro.export._optional import need
from memneuro.export.lif_surrogate import LIFSurrogate
from memneuro.tables import jsonable, with_ending

__all__ = ["export_nir", "read_nir"]

#: Largest loss that is written without being accepted: a mean error of about a fifth.
MAX_LOSS = 0.2
_REPORT = "memneuro_loss_report"


def export_nir(
    surrogate: LIFSurrogate,
    path: str | os.PathLike[str],
    *,
    n: int = 1,
    max_loss: float = MAX_LOSS,
    accept_loss: bool = False,
    overwrite: bool = False,
) -> Any:
    """Write a fitted surrogate as a NIR graph: input, LIF, output.

    The input of the graph is the drive voltage in volt; ``tau`` is in seconds; v has no unit.

    Parameters
    ----------
    surrogate : LIFSurrogate
        From :func:`memneuro.export.lif_surrogate.fit_lif`.
    path : path-like
        The file, ending in ``.nir``.
    n : int
        Number of neurons of the node, all alike.
    max_loss : float
        Largest loss that is written without `accept_loss`.
    accept_loss : bool
        Write whatever the loss is.
    overwrite : bool
        Replace an existing file.

    Returns
    -------
    nir.NIRGraph
        What was written. Its metadata hold the version, what the input is, and the report as JSON under
        ``memneuro_loss_report``.

    Raises
    ------
    ValueError
        If the loss is above `max_loss` or unknown and not accepted, or the path has another ending.
    FileExistsError
        If the file is there and `overwrite` is False.
    ImportError
        When nir is not installed: ``pip install "memneuro[interop]"``.
    """
    nir = need("nir")
    n = whole_number(n, "n", 1, 2**31 - 1)
    path = with_ending(path, ".nir")
    if not accept_loss:
        _check_loss(surrogate, max_loss)
    free(path, overwrite)
    values = {name: np.full(n, getattr(surrogate, name)) for name in ("r", "v_leak", "v_threshold", "v_reset")}
    shape = np.array([n])
    graph = nir.NIRGraph(
        nodes={
            "input": nir.Input(input_type={"input": shape}),
            "lif": nir.LIF(tau=np.full(n, surrogate.tau_s), **values),
            "output": nir.Output(output_type={"output": shape}),
        },
        edges=[("input", "lif"), ("lif", "output")],
        metadata={
            "source": f"memneuro {__version__}",
            "model": "leaky integrate-and-fire surrogate of a diffusive-memristor neuron (1M1T1R)",
            "input": "drive voltage in volt; tau in second",
            _REPORT: json.dumps(jsonable(dict(surrogate.report)), allow_nan=False),
        },
    )
    with new_file(path, overwrite) as temporary:
        nir.write(temporary, graph)
    return graph


def read_nir(path: str | os.PathLike[str]) -> LIFSurrogate:
    """Read the LIF neuron of a NIR graph, from this package or from another program.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    LIFSurrogate
        Its ``group`` runs it in Brian2; its ``report`` is empty for a file of another program.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no NIR file, or has not exactly one LIF node with neurons that are all alike.
    ImportError
        When nir is not installed: ``pip install "memneuro[interop]"``.
    """
    nir = need("nir")
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file '{path}'")
    try:
        graph = nir.read(path)
    except Exception as error:  # h5py and nir raise whatever their parsing trips over
        raise ValueError(f"'{path}' cannot be read as a NIR file: {type(error).__name__}: {error}") from error
    found = {name: node for name, node in graph.nodes.items() if isinstance(node, nir.LIF)}
    if len(found) != 1:
        kinds = ", ".join(f"{name} ({type(node).__name__})" for name, node in graph.nodes.items())
        raise ValueError(f"'{path}' has {len(found)} LIF nodes among {kinds}; accepted: exactly one")
    (node,) = found.values()
    values = {}
    for name, key in (("tau_s", "tau"), *((key, key) for key in ("r", "v_leak", "v_threshold", "v_reset"))):
        numbers = np.unique(np.asarray(getattr(node, key), dtype=float))
        if numbers.size != 1:
            raise ValueError(f"'{path}' has neurons with {numbers.size} values of {key}; accepted: all alike")
        values[name] = float(numbers[0])
    return LIFSurrogate(**values, report=json.loads(graph.metadata.get(_REPORT, "{}")))


def _check_loss(surrogate: LIFSurrogate, max_loss: float) -> None:
    """Raise ValueError when too much is lost, or nobody knows how much."""
    report = surrogate.report
    if "loss" not in report:
        raise ValueError("the surrogate has no loss report; accepted: one from fit_lif, or accept_loss=True")
    if report["loss"] <= max_loss:
        return
    errors = ", ".join(
        f"{name} {'unknown' if report[key] is None else format(report[key], '.2g')}"
        for name, key in (
            ("rate", "rate_error"),
            ("interval CV", "cv_error"),
            ("first spike", "first_spike_error"),
            ("coincidence", "coincidence_error"),
        )
    )
    raise ValueError(
        f"the surrogate has the loss {report['loss']:.2g}, above max_loss = {max_loss:g}: errors on held-out drives "
        f"{errors}; it lacks {', '.join(report['traits_lacking'])}; accept_loss=True writes it all the same"
    )
