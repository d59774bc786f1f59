"""Recorded spikes and traces as a `neo <https://neo.readthedocs.io>`_ segment, for Elephant, Viziphant and others.

Source of the object model: Garcia et al. 2014, doi:10.3389/fninf.2014.00010.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from brian2 import Quantity, SpikeMonitor, StateMonitor

from memneuro.export._monitors import label, rate_hz, read_all, stop_time, unit_powers
from memneuro.export._optional import need
from memneuro.simulation import Simulated

if TYPE_CHECKING:
    import neo

__all__ = ["neo_segment"]


def neo_segment(
    *monitors: SpikeMonitor | StateMonitor | Simulated,
    t_stop: Quantity | None = None,
    name: str = "memneuro",
    description: str | None = None,
    **annotations: Any,
) -> neo.Segment:
    """What Brian2 monitors recorded, as one segment.

    Parameters
    ----------
    *monitors : SpikeMonitor or StateMonitor, or one Simulated
        At least one; they have run. Or what :func:`memneuro.simulation.simulate` gave.
    t_stop : Quantity (second), optional
        End of the spike trains; by default the time at which the run ended.
    name : str
        Name of the segment.
    description : str, optional
        Description of the segment.
    **annotations : object
        What else is to be noted about it, such as ``seed=1``.

    Returns
    -------
    neo.Segment
        ``spiketrains``: one for every neuron of a group, silent ones included, from 0 s to `t_stop`, in s, annotated
        with ``neuron`` and ``group``; of a simulation with ``set``, ``trial`` and the parameters of the set
        (``r_control_ohm``). Their sampling rate is that of the time step. ``analogsignals``: one for every recorded
        variable, of shape (samples, neurons), in the SI unit of the variable, with the same as array annotations and
        the annotation ``group``. The numbers are those of the monitors.

    Raises
    ------
    ValueError
        If there is no monitor, one has recorded nothing, or `t_stop` is before a spike or a sample.
    TypeError
        For other monitors.
    ImportError
        When neo or quantities is not installed: ``pip install "memneuro[interop]"``.

    Examples
    --------
    >>> segment = neo_segment(spikes, trace, seed=1)
    >>> segment.spiketrains[0], segment.analogsignals[0].sampling_rate
    """
    neo, pq = need("neo", "quantities"), need("quantities")
    spikes, traces = read_all(monitors)
    stop = stop_time(spikes, traces, t_stop)
    segment = neo.Segment(name=name, description=description, **annotations)
    for group in spikes:
        for neuron, times in enumerate(group.trains()):
            segment.spiketrains.append(
                neo.SpikeTrain(
                    times * pq.s,
                    t_start=0 * pq.s,
                    t_stop=stop * pq.s,
                    sampling_rate=rate_hz(group.step_s) * pq.Hz,
                    name=f"{group.name} {label(group.labels, neuron)}",
                    group=group.name,
                    **{key: values[neuron].item() for key, values in group.labels.items()},
                )
            )
    for trace in traces:
        for variable, values in trace.values.items():
            segment.analogsignals.append(
                neo.AnalogSignal(
                    np.asarray(values),
                    units=_unit(pq, trace.dimensions[variable]),
                    t_start=trace.time_s[0] * pq.s,
                    sampling_rate=rate_hz(trace.step_s) * pq.Hz,
                    name=variable,
                    group=trace.name,
                    array_annotations=trace.labels,
                )
            )
    return segment


def _unit(pq: Any, dim: Any) -> Any:
    """The unit in the package quantities."""
    unit = pq.dimensionless
    for name, power in unit_powers(dim).items():
        unit = unit * pq.Quantity(1, name) ** power
    return unit
