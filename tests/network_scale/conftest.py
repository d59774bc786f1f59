"""Networks for the tests of scale: compiling takes longer than running them."""

import pytest
from brian2 import second

from memneuro.network.simulation import NetworkProgram
from memneuro.network.wiring import Wiring


@pytest.fixture(scope="session")
def run_network():
    """Run a network of a kind: `run_network(MemristorNetwork, 50, 10, 0.02, backend="numpy")`."""

    def run(kind, neurons, synapses, duration_s, *, seed=1, network=None, **options):
        made = kind(Wiring(neurons, synapses, seed=seed), **(network or {}))
        return NetworkProgram(made, duration_s * second, **options).run()

    return run
