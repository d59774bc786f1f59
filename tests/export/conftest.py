"""A short run of the default neuron, recorded."""

import pytest
from brian2 import Network, SpikeMonitor, StateMonitor, ms, prefs, volt

from memneuro import OneM1T1R, PulseTrain


@pytest.fixture(autouse=True)
def without_compiling(clean_brian2):
    """Short runs: compiling would take longer."""
    prefs.codegen.target = "numpy"


@pytest.fixture(scope="session")
def recorded():
    """Spike and state monitor of three neurons, of which the last gets no input."""
    before = prefs.codegen.target
    prefs.codegen.target = "numpy"
    drive = PulseTrain([0.95, 0.9, 0] * volt, width=1 * ms, period=2 * ms)
    group = OneM1T1R("hopping").group(3, drive=drive, seed=3)
    spikes = SpikeMonitor(group)
    trace = StateMonitor(group, ["v_gate", "x_total", "g_device"], record=[0, 2], dt=0.1 * ms)
    Network(group, spikes, trace).run(40 * ms)
    prefs.codegen.target = before
    return spikes, trace
