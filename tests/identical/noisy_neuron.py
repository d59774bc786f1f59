"""Run 20 noisy neurons on the target named first and write spikes, states and function values to the file named second.

Started in a process of its own by the tests; prints its settings as JSON on the last line.
"""

import json
import sys

import numpy as np
from brian2 import (
    Network,
    NeuronGroup,
    SpikeMonitor,
    get_device,
    ms,
    prefs,
    second,
    set_device,
    us,
    volt,
)

from memneuro import OneM1T1R, PulseTrain

N, STEP, DURATION = 20, 10 * us, 40 * ms


def random_arguments(n=500):
    """Arguments of the functions, far beyond any card."""
    rng = np.random.default_rng(4)
    return {
        "vg": rng.uniform(-0.5, 2.5, n),
        "vd": rng.uniform(0.0, 2.5, n),
        "vdd": rng.uniform(0.05, 5.0, n),
        "rl": 10 ** rng.uniform(2, 10, n),
        "kk": 10 ** rng.uniform(-6, -2, n),
        "vt": rng.uniform(0.0, 1.0, n),
        "nn": rng.uniform(1.0, 2.0, n),
        "tt": rng.uniform(200.0, 450.0, n),
        "z": np.concatenate([rng.uniform(-5, 50, n - 10), [0, 1e-4, -1e-4, 9.9e-5, 1e-12, 1e-300, 700, 1e4, -1e-9, 1]]),
        "stepno": rng.integers(-2, 2**40, n),
    }


PROBE = """
vg : volt
vd : volt
vdd : volt
rl : ohm
kk : amp/volt**2
vt : volt
nn : 1
tt : kelvin
z : 1
stepno : integer
current : amp
drain : volt
relaxed : 1
normal : 1
"""
FILL = """
current = nmos_current(vg, vd, kk, vt, nn, tt)
drain = drain_voltage(vg, vdd, rl, kk, vt, nn, tt)
relaxed = relaxation(z)
normal = threefry_normal(123456789, i, 3*t_in_timesteps + i*40000, i % 3)
"""


def main(target, path):
    """Build, run and write."""
    if target == "cpp_standalone":
        set_device("cpp_standalone", directory=path + ".build", build_on_run=True)
    else:
        prefs.codegen.target = target
    neuron = OneM1T1R("hopping_2e4d")
    v_hop, mu, gamma1 = (float(neuron.device[name]) for name in ("v_hop", "mu", "gamma1"))
    amplitude = v_hop * np.arcsinh(np.linspace(0.3, 1.2, N) * gamma1 / mu)
    group = neuron.group(
        N,
        drive=PulseTrain(amplitude * volt, 1 * ms, 2 * ms),
        dt=STEP,
        seed=11,
        spread={"mu": 0.1, "r_control": 0.2},
    )
    spikes = SpikeMonitor(group, variables=["v_out"])
    arguments = random_arguments()
    probe = NeuronGroup(len(arguments["z"]), PROBE, dt=DURATION)
    for name, values in arguments.items():
        probe.variables[name].set_value(values)
    probe.run_regularly(FILL, dt=DURATION)
    Network(group, spikes, probe).run(DURATION, namespace={})
    found = {"i": np.asarray(spikes.i), "step": np.round(np.asarray(spikes.t / second) / float(STEP)).astype(int)}
    order = np.lexsort((found["i"], found["step"]))  # the order within a step is the target's own
    found = {name: values[order] for name, values in found.items()}
    found["v_out"] = np.asarray(spikes.v_out / volt)[order]
    for name in ("x_total", "x_residue", "v_gate", "v_tip", "mu"):
        found[name] = np.asarray(getattr(group, name))
    for name in ("current", "drain", "relaxed", "normal"):
        found[name] = np.asarray(getattr(probe, name))
    np.savez(path, **found)
    used = type(get_device()).__name__
    kind = type(group.state_updater.codeobj).__name__ if target != "cpp_standalone" else used
    print(json.dumps({"device": used, "code": kind, "spikes": int(len(found["i"]))}))


if __name__ == "__main__":
    main(*sys.argv[1:])
