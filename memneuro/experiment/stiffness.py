r"""How stiff a neuron is: the fastest rate of its noise-free equations on the way to a spike.

Along a noise-free run with the published pulse train the Jacobian J of the right-hand side is taken by central
differences at every recorded state, and

.. math:: \lambda = \max_t \max_k |\mathrm{Re}\,\lambda_k(J(t))|

is the fastest rate at which anything grows or decays. Forward Euler is stable up to a step of :math:`2/\lambda`; a
pulse of 1 ms holds :math:`\lambda \times 1` ms such time constants, which is called the stiffness here.
"""

from __future__ import annotations

import numpy as np
from brian2 import Network, NeuronGroup, Quantity, StateMonitor, get_unit, ms, second, volt

from memneuro.backend import backend
from memneuro.circuit.device_circuit import DeviceCircuit
from memneuro.circuit.drive import Drive, PulseTrain

PULSE = 1 * ms

#: Perturbation of the central differences, relative to the largest value of the state along the run.
PERTURBATION = 1e-6


def fastest_rate(
    neuron: DeviceCircuit,
    *,
    drive: Drive | None = None,
    duration: Quantity = 200 * ms,
    dt: Quantity | None = None,
    every: Quantity = 10e-6 * second,
) -> Quantity:
    """The largest absolute real part of an eigenvalue of the Jacobian along a noise-free run.

    Parameters
    ----------
    neuron : DeviceCircuit
        The neuron.
    drive : Drive, optional
        Its input; by default pulses of 0.8 V and 1 ms every 2 ms.
    duration : Quantity (second)
        Length of the run.
    dt : Quantity (second), optional
        Time step, not checked; by default the card's.
    every : Quantity (second)
        Time between two Jacobians.

    Returns
    -------
    Quantity (hertz)
    """
    drive = PulseTrain(0.8 * volt, PULSE, 2 * PULSE) if drive is None else drive
    equations = neuron.equations(drive, noise=False)
    states = sorted(equations.diff_eq_names)
    step = neuron.default_step if dt is None else dt
    with backend("numpy"):
        group = neuron.group(1, drive=drive, noise=False, dt=step, check_step=False)
        stride = max(1, round(float(every / step)))
        trace = StateMonitor(group, [*states, "v_in"], record=0, dt=stride * step)
        Network(group, trace).run(duration, namespace={})
        path = np.array([np.asarray(getattr(trace, name)[0], dtype=float) for name in states])
        found = jacobians(neuron, states, path, np.asarray(trace.v_in[0], dtype=float))
    return float(np.abs(np.linalg.eigvals(found).real).max()) / second


def jacobians(neuron: DeviceCircuit, states: list[str], path: np.ndarray, v_in: np.ndarray) -> np.ndarray:
    """Jacobians of the noise-free right-hand side at given states.

    Parameters
    ----------
    neuron : DeviceCircuit
        The neuron.
    states : list of str
        Names of its differential equations.
    path : numpy.ndarray, shape (states, points)
        Values in SI units.
    v_in : numpy.ndarray, shape (points,)
        Input in volt.

    Returns
    -------
    numpy.ndarray, shape (points, states, states)
        Derivative of the rate of row by the state of column, in SI units.
    """
    number, points = path.shape
    step = PERTURBATION * np.maximum(np.abs(path).max(axis=1), 1e-12)
    moved = np.repeat(path[:, None, None, :], number, axis=1).repeat(2, axis=2)  # state, moved state, sign, point
    for k in range(number):
        moved[k, k, 0] += step[k]
        moved[k, k, 1] -= step[k]
    rates = right_hand_side(neuron, states, moved.reshape(number, -1), np.tile(v_in, 2 * number))
    rates = rates.reshape(number, number, 2, points)
    slope = (rates[:, :, 0] - rates[:, :, 1]) / (2 * step[None, :, None])
    return np.moveaxis(slope, 2, 0)


def right_hand_side(neuron: DeviceCircuit, states: list[str], values: np.ndarray, v_in: np.ndarray) -> np.ndarray:
    """Time derivatives of the states, evaluated by Brian2 from the neuron's own equations.

    Parameters
    ----------
    neuron, states : see :func:`jacobians`
    values : numpy.ndarray, shape (states, points)
        In SI units.
    v_in : numpy.ndarray, shape (points,)
        In volt.

    Returns
    -------
    numpy.ndarray, shape (states, points)
        In SI units a second.
    """
    equations = neuron.equations(None, noise=False)
    lines = []
    for name, expression in equations.diff_eq_expressions:
        unit = repr(get_unit(equations[name].dim / second.dim)) if name in states else ""
        lines.append(f"rate_of_{name} = {expression.code} : {'Hz' if unit == 'hertz' else unit}")
    group: NeuronGroup = neuron.group(values.shape[1], noise=False, extra="\n".join(lines), check_step=False)
    for name, row in zip(states, values, strict=True):
        group.variables[name].get_value()[:] = row
    group.variables["v_in"].get_value()[:] = v_in
    Network(group).run(0 * second, namespace={})  # a group that no network ever held is warned about
    return np.array([np.asarray(getattr(group, f"rate_of_{name}")[:], dtype=float) for name in states])
