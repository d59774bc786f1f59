"""Order of convergence of the exponential midpoint, measured against solutions found without Brian2."""

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, SpikeMonitor, second, us, volt
from scipy.integrate import solve_ivp

import memneuro.numerics  # noqa: F401
from memneuro import Expression, OneM1T1R


def slope(steps, errors):
    """Least-squares slope of log error against log step."""
    return np.polyfit(np.log(steps), np.log(errors), 1)[0]


def run(equations, start, steps, duration):
    """End values of x at each step (seconds)."""
    ends = []
    for step in steps:
        group = NeuronGroup(1, equations, method="exponential_midpoint", dt=step * second)
        group.x = start
        Network(group).run(duration * second, namespace={})
        ends.append(float(group.x[0]))
    return np.array(ends)


STEPS = 0.8 / 2.0 ** np.arange(3, 8)


def test_conditionally_linear_equation():
    """dx/dt = g(x)(1 - x) - 0.5 x, g = 1/(0.1 + (1 - x)^2), written as a subexpression: the form of the device."""

    def right(t, x):
        return 1 / (0.1 + (1 - x) ** 2) * (1 - x) - 0.5 * x

    equations = "dx/dt = g*(1 - x) - 0.5*Hz*x : 1\ng = Hz/(0.1 + (1 - x)**2) : Hz"
    exact = solve_ivp(right, (0, 0.8), [0.1], method="DOP853", rtol=1e-13, atol=1e-14).y[0, -1]
    errors = np.abs(run(equations, 0.1, STEPS, 0.8) - exact)
    assert errors[-1] < 1e-4
    assert abs(slope(STEPS, errors) - 2) < 0.4, errors


def test_nonlinear_equation_falls_back_to_the_explicit_midpoint():
    """dx/dt = -x^3 has the solution x_0/sqrt(1 + 2 x_0^2 t)."""
    errors = np.abs(run("dx/dt = -x**3*Hz : 1", 1.5, STEPS, 0.8) - 1.5 / np.sqrt(1 + 2 * 1.5**2 * 0.8))
    assert abs(slope(STEPS, errors) - 2) < 0.4, errors
    # One step of it is the explicit midpoint rule, term by term.
    half = 1.5 - 0.05 * 1.5**3
    np.testing.assert_allclose(run("dx/dt = -x**3*Hz : 1", 1.5, [0.1], 0.1)[0], 1.5 - 0.1 * half**3, rtol=1e-14)


def test_explicit_time_keeps_the_order():
    """dx/dt = -x (1 + sin 3t) + cos t, whose decay rate moves with time."""

    def right(t, x):
        return -x * (1 + np.sin(3 * t)) + np.cos(t)

    equations = "dx/dt = (-x*(1 + sin(3*Hz*t)) + cos(t*Hz))*Hz : 1"
    exact = solve_ivp(right, (0, 1.6), [0.3], method="DOP853", rtol=1e-13, atol=1e-14).y[0, -1]
    errors = np.abs(run(equations, 0.3, 2 * STEPS, 1.6) - exact)
    assert abs(slope(STEPS, errors) - 2) < 0.4, errors


def test_coupled_equations():
    """Predator and prey: each linear in itself with the other as its coefficient."""

    def right(t, y):
        return [y[0] * (1 - y[1]), y[1] * (y[0] - 1)]

    exact = solve_ivp(right, (0, 1.6), [0.5, 1.5], method="DOP853", rtol=1e-13, atol=1e-14).y[:, -1]
    errors = []
    for step in 2 * STEPS:
        equations = "dx/dt = x*(1 - y)*Hz : 1\ndy/dt = y*(x - 1)*Hz : 1"
        group = NeuronGroup(1, equations, method="exponential_midpoint", dt=step * second)
        group.x, group.y = 0.5, 1.5
        Network(group).run(1.6 * second, namespace={})
        errors.append(np.hypot(float(group.x[0]) - exact[0], float(group.y[0]) - exact[1]))
    assert abs(slope(STEPS, errors) - 2) < 0.4, errors


@pytest.mark.parametrize("step", [0.01, 0.5, 4.0, 1000.0])
def test_exact_for_a_linear_equation(step):
    found = run("dx/dt = (0.7 - x)/(0.3*second) : 1", 0.1, [step], 3 * step)[0]
    np.testing.assert_allclose(found, 0.7 - 0.6 * np.exp(-3 * step / 0.3), rtol=1e-14)


def test_exact_for_growth_and_for_a_constant():
    np.testing.assert_allclose(run("dx/dt = 2*Hz*x : 1", 0.1, [0.25], 1.0)[0], 0.1 * np.exp(2), rtol=1e-13)
    np.testing.assert_allclose(run("dx/dt = 3*Hz : 1", 0.1, [0.25], 1.0)[0], 3.1, rtol=1e-14)


def test_a_very_small_rate_loses_no_digits():
    """Across the change from the series to the closed form of (1 - exp(-z))/z."""
    for rate in (0.0, 1e-12, 9.99e-5, 1.01e-4, 1e-2):
        found = run(f"dx/dt = 1*Hz - {rate!r}*Hz*x : 1", 0.0, [1.0], 1.0)[0]
        expected = -np.expm1(-rate) / rate if rate else 1.0
        np.testing.assert_allclose(found, expected, rtol=3e-12)


def hopping_reference(card, circuit, duration, voltage):
    """x_total, x_residue and v_gate at the end, integrated by scipy from equations written out here."""
    p = {name: float(card[name]) for name in card.parameters}
    c = {name: float(circuit[name]) for name in circuit.parameters}
    r_scale = p["r_off"] / np.expm1(1 / p["tunnel_length"])

    def right(t, y):
        x, residue, v = y
        gap, push = 1 - x, max(voltage(t) - v, 0.0) / p["v_hop"]
        growth = p["mu"] * np.sinh(push) / (gap**2 + p["alpha"] ** 2)
        r = p["r_on"] * x + r_scale * np.expm1(gap / p["tunnel_length"])
        filament = x - residue
        return [
            growth * gap - p["gamma1"] * filament - p["gamma2"] * residue,
            p["beta"] * filament * (1 - (residue / p.get("residue_cap", np.inf)) ** 4) - p["gamma2"] * residue,
            (voltage(t) - v) / (r * c["c_gate"]) - v / (c["r_control"] * c["c_gate"]),
        ]

    return solve_ivp(right, (0, duration), [0, 0, 0], method="Radau", rtol=1e-11, atol=1e-15).y[:, -1]


@pytest.mark.parametrize(
    ("card", "changes"),
    [("hopping_2e4d", {}), ("hopping_4ab", {}), ("hopping_bounded_2e4d", {"residue_cap": 0.01, "beta": 100 / second})],
)
def test_hopping_neuron_below_threshold(card, changes):
    """A smooth drive that moves the filament well away from zero without closing it; a bound that is felt."""
    neuron = OneM1T1R(card).with_(**changes)
    v_hop, mu, gamma1 = (float(neuron.device[name]) for name in ("v_hop", "mu", "gamma1"))
    peak = v_hop * np.arcsinh(0.2 * gamma1 / mu)  # just below what fires
    duration = 5e-3
    exact = hopping_reference(neuron.device, neuron.circuit, duration, lambda t: peak * np.sin(np.pi * t / 8e-3) ** 2)
    assert 0.02 < exact[0] < 0.5 and (not changes or 0.6 < exact[1] / changes["residue_cap"] < 1)
    drive = Expression("v_in = v_peak*sin(pi*t/(8*ms))**2 : volt", {"v_peak": peak * volt})
    largest = 2.5 * 2 ** int(np.log2(float(neuron.largest_step / us) / 2.5))
    steps = largest / 2.0 ** np.arange(3)
    errors = []
    for step in steps:
        group = neuron.group(1, drive=drive, noise=False, dt=step * us)
        Network(group).run(duration * second, namespace={})
        errors.append([float(group.x_total[0]), float(group.x_residue[0]), float(group.v_gate[0] / volt)] - exact)
    errors = np.abs(np.array(errors))
    for column, name in enumerate(("x_total", "x_residue", "v_gate")):
        assert abs(slope(steps, errors[:, column]) - 2) < 0.4, (name, errors[:, column])
    assert np.all(errors[-1] / exact < 1e-4)


def test_time_of_the_first_spike_converges():
    """Through the firing itself, where the circuit is stiff: crossing times at 20, 10 and 5 us approach each other."""
    neuron = OneM1T1R("hopping_2e4d")
    v_hop, mu, gamma1 = (float(neuron.device[name]) for name in ("v_hop", "mu", "gamma1"))
    voltage = v_hop * np.arcsinh(0.8 * gamma1 / mu)  # about three times what just fires
    times = []
    for step in (20, 10, 5):
        group = neuron.group(1, drive=voltage * volt, noise=False, dt=step * us)
        spikes = SpikeMonitor(group)
        Network(group, spikes).run(4 / gamma1 * second, namespace={})
        assert len(spikes.t) >= 1
        times.append(float(spikes.t[0] / us))
    assert times[-1] > 500
    assert abs(times[1] - times[2]) <= 10 and abs(times[0] - times[1]) <= 20, times
