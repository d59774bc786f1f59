"""Run noisy neurons on the target named first and write spikes, states and function values to the file named second.

Started in a process of its own by the tests. The target is a name of ``memneuro.backend``, ``openmp-4`` for four
threads, ``numpy-single`` for single precision, or ``plain-cython`` for Brian2 without ``backend()``. Prints its
settings as JSON on the last line.
"""

import argparse
import contextlib
import json

import numpy as np
from brian2 import Network, NeuronGroup, SpikeMonitor, get_device, ms, prefs, second, us, volt

from memneuro import OneM1T1R, PulseTrain
from memneuro.backend import backend

STEP = 10 * us
STATES = ("x_total", "x_residue", "v_gate", "v_tip")


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


def chosen(target, folder):
    """The backend that a target's name stands for."""
    if target.startswith("plain-"):
        prefs.codegen.target = target.removeprefix("plain-")
        return contextlib.nullcontext()
    name, *rest = target.split("-")
    threads = next((int(word) for word in rest if word.isdigit()), None)
    options = {"directory": folder} if name in ("cpp", "openmp") else {}
    return backend(name, threads=threads, precision="single" if "single" in rest else "double", **options)


def amplitudes(neuron, n):
    """From silent to firing at every pulse."""
    v_hop, mu, gamma1 = (float(neuron.device[name]) for name in ("v_hop", "mu", "gamma1"))
    return v_hop * np.arcsinh(np.linspace(0.3, 1.2, n) * gamma1 / mu)


def by_step(spikes):
    """Indices, steps and output voltages of spikes; the order within a step is the target's own."""
    index, step = np.asarray(spikes.i), np.round(np.asarray(spikes.t / second) / float(STEP)).astype(int)
    order = np.lexsort((index, step))
    return {"i": index[order], "step": step[order], "v_out": np.asarray(spikes.v_out / volt)[order]}


def neurons_of(neuron, n, broken):
    """A group of n neurons from silent to firing, and two more with the input `broken`."""
    group = neuron.group(
        n + 2,
        drive=PulseTrain(np.append(amplitudes(neuron, n), [0.7, 0.7]) * volt, 1 * ms, 2 * ms),
        dt=STEP,
        seed=11,
        spread={"mu": 0.1, "r_control": 0.2},
    )
    group.pulse_amplitude = np.append(amplitudes(neuron, n), broken) * volt
    return group


def main(target, path, neurons, duration, device):
    """Build, run and write."""
    with chosen(target, path + ".build"):
        neuron = OneM1T1R(device)
        group = neurons_of(neuron, neurons, [np.nan, np.inf])
        spikes = SpikeMonitor(group, variables=["v_out"])
        # On NumPy also the neurons without the broken two.
        whole = [neurons_of(neuron, neurons, [0.7, 0.7])] if target == "numpy" else []
        arguments = random_arguments()
        probe = NeuronGroup(len(arguments["z"]), PROBE, dt=duration)
        for name, values in arguments.items():
            probe.variables[name].set_value(values.astype(probe.variables[name].dtype))
        probe.run_regularly(FILL, dt=duration)
        Network(group, spikes, probe, *whole).run(duration, namespace={})
        device = type(get_device()).__name__
        code = type(group.state_updater.codeobj).__name__
        target_used = prefs.codegen.target
    found = by_step(spikes)
    for name in (*STATES, "mu"):
        values = np.asarray(getattr(group, name))
        found[name], found[f"broken_{name}"] = values[:neurons], values[neurons:]
        if whole:
            found[f"whole_{name}"] = np.asarray(getattr(whole[0], name))[:neurons]
    for name in ("current", "drain", "relaxed", "normal"):
        found[name] = np.asarray(getattr(probe, name))
    np.savez(path, **found)
    print(json.dumps({"device": device, "code": code, "target": target_used, "spikes": int(len(found["i"]))}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("target")
    parser.add_argument("path")
    parser.add_argument("--neurons", type=int, default=20)
    parser.add_argument("--duration", type=float, default=40, help="ms")
    parser.add_argument("--device", default="hopping_2e4d")
    given = parser.parse_args()
    main(given.target, given.path, given.neurons, given.duration * ms, given.device)
