"""The neuron as a user of stock Brian2 would build it: ``xi``, default flags, C++ standalone.

Run as ``python -m memneuro.bench.stock FOLDER NEURONS STEPS STEP NOISE METHOD [DEVICE]``; prints the seconds of the
build.

Methods are Brian2's own (``euler``, ``heun``, ``rk4``, ``exponential_euler``), or ``scheme``: this package's integrator
with Brian2's ``randn()`` for the noise and the C library for every function, so that a comparison with it shows what
the generator and the functions are worth, and nothing of the scheme.
"""

from __future__ import annotations

import re
import sys
from typing import Any

from brian2 import DEFAULT_FUNCTIONS, Network, NeuronGroup, SpikeMonitor, get_device, prefs, second, set_device
from brian2.core.functions import Function
from brian2.stateupdaters.base import StateUpdateMethod
from brian2.utils.stringtools import word_substitute

from memneuro.bench.programs import train
from memneuro.circuit.one_m1t1r import THRESHOLD, OneM1T1R
from memneuro.numerics.elementary import PORTABLE
from memneuro.numerics.exponential_midpoint import ExponentialMidpoint


class StockScheme(StateUpdateMethod):
    """The exponential midpoint scheme with Brian2's generator and the C library's functions."""

    def __call__(self, equations: Any, variables: Any = None, method_options: Any = None) -> str:
        """See :class:`memneuro.numerics.exponential_midpoint.ExponentialMidpoint`."""
        text = ExponentialMidpoint()(equations, variables, method_options)
        text = re.sub(r"threefry_normal\([^)]*\)", "randn()", text)
        return word_substitute(text, {ours: name for name, ours in PORTABLE.items()} | {"relaxation": "weight"})


def _weight(z: Any) -> Any:
    return DEFAULT_FUNCTIONS["relaxation"].pyfunc(z)


_C = "static inline double _weight(double z) { return z == 0.0 ? 1.0 : (1.0 - exp(-z))/z; }"


def build(
    folder: str, neurons: int, steps: int, step: float, noise: bool, method: str, device: str = "hopping"
) -> float:
    """Write and compile the program; seconds of the compilation.

    Parameters
    ----------
    folder : str
        Build folder.
    neurons, steps : int
        Size of the group and number of steps.
    step : float
        Time step in seconds.
    noise : bool
        Whether the devices fluctuate.
    method : str
        A state updater of Brian2, or ``"scheme"`` for :class:`StockScheme`.
    device : str
        Device model or card.
    """
    weight = Function(pyfunc=_weight, arg_units=[1], return_unit=1, stateless=True)
    weight.implementations.add_implementation("cpp", _C, name="_weight")
    DEFAULT_FUNCTIONS["weight"] = weight
    StateUpdateMethod.register("scheme", StockScheme())
    set_device("cpp_standalone", directory=folder, build_on_run=False)
    neuron, drive = OneM1T1R(device), train()
    equations = neuron.equations(drive, noise=noise)
    group = NeuronGroup(neurons, equations, method=method, threshold=THRESHOLD, reset="", dt=step * second)
    for name, (value, unit) in {**neuron.parameters(noise), **drive.parameters()}.items():
        setattr(group, name, float(value) if unit == "1" else value)
    if method != "scheme":
        group.run_regularly("v_gate_last = v_gate", when="before_groups")
    Network(group, SpikeMonitor(group)).run(steps * step * second, namespace={})
    project = get_device()
    prefs["devices.cpp_standalone.extra_make_args_unix"] = ["-j2"]
    project.build(directory=folder, run=False, with_output=False)
    return float(project.timers["compile"]["make"])


if __name__ == "__main__":
    place, n, number, dt, noisy, updater, *card = sys.argv[1:]
    print(build(place, int(n), int(number), float(dt), noisy == "1", updater, *card))
