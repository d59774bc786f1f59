r"""Energy and area of a balanced network: for each spike, each synaptic event, and at rest.

Every element of the input node and of the neuron has an equation of its own, so the balance of what the supplies give
and what the elements turn into heat or store is a test:

.. math::

   \int (v_{bias} i_{bias} + e_{exc} i_{exc} + e_{inh} i_{inh})\,dt
   = \int \Big(\frac{i_{bias}^2}{g_{bias}} + \frac{i_{exc}^2}{g_{exc}} + \frac{i_{inh}^2}{g_{inh}}
   + V_d I_d + \frac{V^2}{R_c}\Big) dt + \Delta\frac{C_g V^2}{2}, \qquad i_k = g_k (e_k - V_{in})

The output stage has a supply of its own and is reported apart; its transistor and load do share the energy of it, see
:mod:`memneuro.experiment.energy`.

What is counted: the neurons, their output stages and the resistive paths of the synapses. What is not: the circuits
that shape the synaptic conductances, wires, the supplies' own losses, and whatever carries a spike to its targets. The
figures of other hardware count other things: see the column ``basis`` of :func:`published_energies`.
"""

from __future__ import annotations

import io
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pandas as pd
from brian2 import Network, Quantity, SpikeMonitor, second

from memneuro.backend import backend as use
from memneuro.device.model import round_step
from memneuro.network.balanced import MemristorNetwork
from memneuro.network.simulation import checked_duration

#: Footprint of a neuron in square metres: one transistor, the memristor and the resistor stacked on it
#: (doi:10.1038/s41928-025-01488-x).
AREA = 4e-12

_POWER = """
denergy_bias/dt = v_bias*g_bias*(v_bias - v_in) : joule
denergy_exc/dt = e_exc*g_exc*(e_exc - v_in) : joule
denergy_inh/dt = e_inh*g_inh*(e_inh - v_in) : joule
dheat_bias/dt = g_bias*(v_bias - v_in)**2 : joule
dheat_exc/dt = g_exc*(e_exc - v_in)**2 : joule
dheat_inh/dt = g_inh*(e_inh - v_in)**2 : joule
dheat_device/dt = v_device*i_device : joule
dheat_control/dt = v_gate**2/r_control : joule
denergy_output/dt = v_dd*i_load : joule
dopened_exc/dt = g_exc : coulomb/volt
dopened_inh/dt = g_inh : coulomb/volt
"""
_INTEGRALS = tuple(line.split("/dt")[0][1:] for line in _POWER.strip().splitlines())


def energy_step(network: MemristorNetwork) -> Quantity:
    """The default step: at most the network's own, and a tenth of the time R_on C_g in which the gate charges."""
    charging = network.neuron.device["r_on"] * network.neuron.circuit["c_gate"]
    return round_step(min(charging / 10, network.step))


def network_energy(
    network: MemristorNetwork, duration: Quantity, *, dt: Quantity | None = None, backend: str = "cpp"
) -> pd.DataFrame:
    """Run a network and say where its energy went.

    Parameters
    ----------
    network : MemristorNetwork
    duration : Quantity (second)
    dt : Quantity (second), optional
        Time step; by default :func:`energy_step`.
    backend : str
        As in :func:`memneuro.backend.backend`.

    Returns
    -------
    DataFrame
        One row an item: ``item``, ``value``, ``unit`` and ``counts`` (what the value counts, in words). The items are

        * ``neuron, a spike`` and ``output stage, a spike`` (J): the input energy of device, control resistor and gate,
          and that of the output stage, over the spikes;
        * ``excitatory event``, ``inhibitory event`` (J): what the supply of the synapse gives, and what its path turns
          into heat, for one presynaptic spike at one target;
        * ``bias, a neuron`` (W): what the bias supply gives while the network runs;
        * ``at rest, a neuron`` (W): all supplies of a neuron whose device is open and which gets no spikes;
        * ``whole network`` (W), ``area of the neurons`` (m2), ``spikes`` and ``synaptic events`` (1/s);
        * ``error of the balance`` (1): of the equation above, relative to what the supplies gave.

        An item for which there were no events is NaN.

    Raises
    ------
    ValueError
        If the duration is no time of at least one step.
    BackendUnavailable
        If the backend cannot be used here.
    """
    network = replace(network, dt=energy_step(network) if dt is None else dt)
    duration = checked_duration(duration, network.step)
    seconds = float(duration)
    with use(backend):
        group, synapses = network.build(extra=_POWER)
        spikes = SpikeMonitor(group, record=False)
        Network(group, *synapses, spikes).run(duration, namespace={})
        total = {name: float(np.sum(np.asarray(getattr(group, name)))) for name in _INTEGRALS}
        v_gate = np.asarray(group.v_gate)
        fired = int(np.sum(np.asarray(spikes.count)))
    node, wiring = network.weighted(), network.wiring
    # A spike opens a path by w tau in all, so the open time says how many have taken effect by the end of the run.
    events = {
        kind: total[f"opened_{kind}"] / float(weight * tau) if float(weight) > 0 else 0.0
        for kind, weight, tau in (("exc", node.w_exc, node.tau_exc), ("inh", node.w_inh, node.tau_inh))
    }
    given = total["energy_bias"] + total["energy_exc"] + total["energy_inh"]
    stored = float(np.sum(0.5 * float(network.neuron.circuit["c_gate"]) * v_gate**2))
    heat = sum(value for name, value in total.items() if name.startswith("heat_"))
    own = total["heat_device"] + total["heat_control"] + stored
    rest = _at_rest(network)
    rows = [
        ("neuron, a spike", _over(own, fired), "J", "device, control resistor, gate"),
        ("output stage, a spike", _over(total["energy_output"], fired), "J", "its own supply; load and transistor"),
        ("excitatory event", _over(total["energy_exc"], events["exc"]), "J", "from the excitatory supply"),
        ("inhibitory event", _over(total["heat_inh"], events["inh"]), "J", "heat in the path to ground"),
        ("bias, a neuron", total["energy_bias"] / wiring.neurons / seconds, "W", "bias supply while the network runs"),
        ("at rest, a neuron", rest, "W", "bias and output supply; open device, no spikes"),
        ("whole network", (given + total["energy_output"]) / seconds, "W", "all of the above"),
        ("area of the neurons", AREA * wiring.neurons, "m2", "footprint of the neurons, without synapses"),
        ("spikes", fired / seconds, "1/s", "of all neurons"),
        ("synaptic events", (events["exc"] + events["inh"]) / seconds, "1/s", "spikes times targets"),
        ("error of the balance", (given - heat - stored) / given, "1", "supplies less heat and charge"),
    ]
    return pd.DataFrame(rows, columns=["item", "value", "unit", "counts"])


def published_energies() -> pd.DataFrame:
    """Energies of other neurons, artificial and biological.

    Returns
    -------
    DataFrame
        ``neuron``, ``energy_per_spike_J``, ``basis`` (what is counted, and how it is known) and ``source``. Figures
        for a synaptic event, not for a spike, are marked in ``basis``.
    """
    text = files("memneuro.network").joinpath("neuron_energy.csv").read_text(encoding="utf-8")
    return pd.read_csv(io.StringIO(text), keep_default_na=False, dtype={"energy_per_spike_J": float})


def _over(energy: float, number: float) -> float:
    return energy / number if number > 0 else float("nan")


def _at_rest(network: MemristorNetwork) -> float:
    """Power (W) of one neuron at its first step, when nothing has moved."""
    with use("numpy"):
        group = network.neuron.group(1, drive=network.weighted(), noise=False, dt=network.step)
        Network(group).run(0 * second, namespace={})
        current = group.g_bias * (group.v_bias - group.v_in[0])
        return float(group.v_bias * current + group.v_dd * group.i_load[0])
