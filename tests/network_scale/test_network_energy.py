"""Energy of a network: the balance closes, events are counted, and the figures do not hang on the step."""

import numpy as np
import pytest
from brian2 import ms, siemens, us, volt

from memneuro.network.balanced import MemristorNetwork
from memneuro.network.energy import AREA, network_energy, published_energies
from memneuro.network.node import InputNode
from memneuro.network.wiring import Wiring

NETWORK = MemristorNetwork(Wiring(100, 20, seed=1))


def items(**options):
    table = network_energy(NETWORK, 200 * ms, **options)
    return table.set_index("item")["value"]


@pytest.fixture(scope="module")
def found():
    return items(dt=2 * us)


@pytest.mark.slow
def test_supplies_give_what_elements_turn_into_heat_and_store(found):
    assert found["spikes"] > 1000
    assert abs(found["error of the balance"]) < 1e-6


@pytest.mark.slow
def test_events_are_spikes_times_targets(found):
    """But for those of the last spikes, whose paths are still open: their share is tau over the duration."""
    expected = found["spikes"] * NETWORK.wiring.synapses
    assert found["synaptic events"] == pytest.approx(expected, rel=0.05)


@pytest.mark.slow
def test_the_parts_add_up_to_the_whole(found):
    """Inhibitory events draw from the bias, which is why their heat is no further part of the sum."""
    node = NETWORK.weighted()
    assert float(node.e_inh / volt) == 0
    excitatory = found["spikes"] * NETWORK.wiring.inputs("exc") * found["excitatory event"]
    parts = (
        100 * found["bias, a neuron"]
        + found["spikes"] * found["output stage, a spike"]
        + excitatory * found["synaptic events"] / (found["spikes"] * NETWORK.wiring.synapses)
    )
    assert parts == pytest.approx(found["whole network"], rel=0.05)
    assert found["area of the neurons"] == pytest.approx(100 * AREA)


@pytest.mark.slow
def test_step_halving_moves_the_energies_little(found):
    """The noise of another step is another noise, so spikes move; the energies of a run this short by some per cent."""
    fine = items(dt=1 * us)
    for item in ("neuron, a spike", "output stage, a spike", "excitatory event", "inhibitory event"):
        assert fine[item] == pytest.approx(found[item], rel=0.15), item


@pytest.mark.slow
def test_a_neuron_at_rest_takes_what_the_open_device_and_the_closed_transistor_leak(found):
    supply = float(NETWORK.neuron.circuit["v_dd"])
    assert 0 < found["at rest, a neuron"] < 0.01 * found["bias, a neuron"] + supply * 1e-8


def test_without_synapses_there_are_no_events():
    silent = MemristorNetwork(Wiring(5, 0), node=InputNode(v_bias=0.1 * volt, w_exc=0 * siemens))
    table = network_energy(silent, 5 * ms, dt=10 * us, backend="numpy").set_index("item")["value"]
    assert table["spikes"] == 0 and table["synaptic events"] == 0
    assert np.isnan(table["excitatory event"]) and np.isnan(table["neuron, a spike"])


def test_published_energies_are_sourced():
    table = published_energies()
    assert list(table.columns) == ["neuron", "energy_per_spike_J", "basis", "source"]
    assert (table["energy_per_spike_J"] > 0).all() and (table["source"].str.len() > 0).all()
    assert {"1M1T1R (2025)", "cortical action potential"} <= set(table["neuron"])
