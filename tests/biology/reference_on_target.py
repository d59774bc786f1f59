"""Run a few neurons of every reference card on the backend named first; write spikes to the file named second.

Started in a process of its own by the tests. All cards are in one program, so that there is one to compile.
"""

import sys

import numpy as np
from brian2 import Network, NeuronGroup, SpikeMonitor, amp, get_device, ms

from memneuro.backend import backend
from memneuro.biology.reference import ReferenceNeuron
from memneuro.biology.reference.neuron import ConstantCurrent
from memneuro.device.card import card_names

NEURONS = 6
DURATION = 60 * ms
#: Current of the first and last neuron, pA.
RANGES = {"adex": (600, 1500), "hodgkin_huxley": (500, 2000)}
SMALL = (60, 600)


def main(target, path):
    """Build, run and write."""
    with backend(target, **({"directory": path + ".build"} if target == "cpp" else {})):
        monitors, groups = {}, []
        for name in card_names("reference"):
            low, high = RANGES.get(name, SMALL)
            current = np.linspace(low, high, NEURONS) * 1e-12 * amp
            groups.append(ReferenceNeuron(name).group(NEURONS, drive=ConstantCurrent(current), seed=5))
            monitors[name] = SpikeMonitor(groups[-1])
        probe = NeuronGroup(1000, "uniform : 1\nstepno : integer", dt=DURATION)
        probe.variables["stepno"].set_value(np.random.default_rng(4).integers(-2, 2**40, 1000))
        probe.run_regularly("uniform = threefry_uniform(123456789, i, stepno + t_in_timesteps, i % 3)", dt=DURATION)
        Network(*groups, *monitors.values(), probe).run(DURATION, namespace={})
        found = {"uniform": np.asarray(probe.uniform), "device": type(get_device()).__name__}
        for group, (name, spikes) in zip(groups, monitors.items(), strict=True):
            index = np.asarray(spikes.i)
            step = np.round(np.asarray(spikes.t / ms) / float(group.dt / ms)).astype(int)
            order = np.lexsort((index, step))
            found[f"{name}_i"], found[f"{name}_step"] = index[order], step[order]
        np.savez(path, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
