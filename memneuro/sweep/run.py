"""Run a sweep on dask.distributed: local processes by default, any cluster by the address of its scheduler.

Each point is a task. Its result comes back to the client, which writes it at once; what is there already is not
computed again. A worker that dies is replaced and its points are given to others; a client that dies loses the points
that were being computed and nothing else. The workers of a cluster need memneuro installed, and no shared folder.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from memneuro.circuit.device_circuit import whole_number
from memneuro.cores import usable_cores
from memneuro.progress import no_bar
from memneuro.sweep.point import run_point
from memneuro.sweep.spec import Sweep, read_sweep
from memneuro.sweep.store import Store

#: How often a point may lose its worker before it is given up.
LOSSES = 20

#: Seconds within which a scheduler has to answer.
TIMEOUT_S = 10.0


class SweepUnavailable(ValueError):
    """The sweep cannot be run here; the message says what is missing."""


class PointFailed(ValueError):
    """A point of a sweep cannot be simulated; the message names it."""


def run_sweep(
    spec: str | os.PathLike[str] | Sweep,
    out: str | os.PathLike[str],
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Compute all points of a sweep that have no result yet, and write the table.

    Parameters
    ----------
    spec : path-like or Sweep
        See :mod:`memneuro.sweep.spec`.
    out : path-like
        Folder of the results; a stopped sweep goes on in it.
    scheduler : str, optional
        Address such as ``tcp://10.0.0.1:8786``; by default a cluster of local processes is started.
    workers : int, optional
        Local processes; by default one for each core.
    progress : bool

    Returns
    -------
    dict
        ``points``, ``computed`` (those that had no result) and ``table`` (path of the Parquet file).

    Raises
    ------
    ValueError
        If the spec or an argument is wrong.
    SweepUnavailable
        If a package is missing or the scheduler cannot be reached.
    OSError
        If a result cannot be written.
    PointFailed
        If a point fails on its worker; results that are there are kept.
    """
    sweep = spec if isinstance(spec, Sweep) else read_sweep(Path(spec))
    if scheduler is not None and workers is not None:
        raise ValueError(f"workers = {workers!r} with a scheduler; accepted: one of the two")
    if workers is not None:
        workers = whole_number(workers, "workers", 1, 10**4)
    _need("pyarrow")
    store = Store(out)
    points = [sweep.point(number) for number in range(len(sweep.points))]
    missing = {str(store.path(point)): point for point in points if store.load(point) is None}
    if missing:
        with (
            _client(scheduler, workers) as client,
            tqdm(total=len(points), initial=len(points) - len(missing), unit="point", disable=no_bar(progress)) as bar,
        ):
            for point, result in _results(client, list(missing.values())):
                store.save(point, result)
                bar.update()
    return {"points": len(points), "computed": len(missing), "table": store.table(sweep)}


def _results(client: Any, points: list[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], dict[str, Any]]]:
    """Points and their results, as they come."""
    from dask.distributed import as_completed

    futures = {client.submit(run_point, point, pure=False): number for number, point in enumerate(points)}
    for future in as_completed(list(futures)):
        point = points[futures.pop(future)]
        try:
            result = future.result()
        except Exception as error:
            raise PointFailed(f"the point {dict(point['varied'])} failed: {error}") from error
        yield point, result


def _need(package: str) -> None:
    try:
        importlib.import_module(package)
    except ImportError as error:
        raise SweepUnavailable(f'sweeps need {package}: pip install "memneuro[sweep]"') from error


@contextmanager
def _client(scheduler: str | None, workers: int | None) -> Iterator[Any]:
    """A client of the scheduler at an address, or of a cluster of local processes that ends with it."""
    _need("dask.distributed")
    import dask
    from dask.distributed import Client, LocalCluster

    with dask.config.set({"distributed.scheduler.allowed-failures": LOSSES}):
        if scheduler is None:
            with (
                LocalCluster(
                    n_workers=workers or usable_cores(),
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address=None,
                    local_directory=None,
                ) as cluster,
                Client(cluster) as client,
            ):
                yield client
            return
        try:
            client = Client(scheduler, timeout=TIMEOUT_S)
        except (OSError, TimeoutError, ValueError) as error:
            raise SweepUnavailable(
                f"scheduler = {scheduler!r} did not answer within {TIMEOUT_S:g} s; accepted: the address of a running "
                f"scheduler, such as tcp://127.0.0.1:8786 ({error})"
            ) from error
        with client:
            yield client


def sweep_text(result: Mapping[str, Any]) -> str:
    """Lay out what :func:`run_sweep` returns."""
    return f"{result['points']} points, {result['computed']} computed\n{Path(result['table'])}"
