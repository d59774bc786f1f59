"""One silver particle against the theory of overdamped Brownian motion."""

import numpy as np
import pytest
from brian2 import Hz, Network, StateMonitor, amp, joule, ms, second, volt
from scipy.integrate import cumulative_trapezoid
from scipy.stats import linregress

from memneuro import SourceMeter
from memneuro.backend import backend
from memneuro.device.langevin import BOLTZMANN

EV = 1.602176634e-19
T = 300.0


def device(**changes):
    """One particle with a fixed voltage and no heat."""
    return SourceMeter("ag_particles_1").with_(i_compliance=1 * amp, cooling_rate=1e7 * Hz, **changes)


def potential(card, x, voltage):
    """The potential energy in units of k_B T, written here anew."""
    value = {name: card.parameters[name].value for name in card.parameters}
    well = -value["w_pin"] * np.exp(-((x - value["x_pin"]) ** 2) / (2 * value["width_pin"] ** 2))
    wall = 0.5 * value["stiffness_wall"] * np.maximum(np.abs(x) - 1, 0) ** 2
    energy = well + 0.25 * value["w_return"] * (1 + x) ** 2 + wall - 0.5 * value["charge"] * voltage * x
    return energy / (BOLTZMANN * T)


def stationary_samples(dt, voltage, seed, n, times):
    group = device().group(n, drive=voltage * volt, dt=dt, seed=seed)
    monitor = StateMonitor(group, "x_1", record=True, dt=5 * ms)
    Network(group, monitor).run((60 + 5 * times) * ms)
    return np.asarray(monitor.x_1)[:, -times:].ravel()


@pytest.mark.parametrize(
    ("voltage", "n", "times"),
    [(0.4, 2000, 10), *(pytest.param(v, 5000, 20, marks=pytest.mark.slow) for v in (0.0, 0.4))],
)
def test_stationary_density_is_boltzmanns(voltage, n, times):
    samples = np.sort(stationary_samples(20e-6 * second, voltage, seed=1, n=n, times=times))
    assert samples.size == n * times
    x = np.linspace(-1.6, 1.6, 20001)
    density = np.exp(-potential(device().device, x, voltage))
    cdf = cumulative_trapezoid(density, x, initial=0)
    cdf /= cdf[-1]
    ranks = (np.arange(samples.size) + 0.5) / samples.size
    distance = np.abs(np.interp(samples, x, cdf) - ranks).max()
    assert distance < 0.02


def passage_times(neuron, voltage, start, end, seeds, dt, n=400, longest=0.75):
    """Mean first-passage times (s) from `start` to `end`, shape (seeds, voltages)."""
    result = []
    for seed in seeds:
        volts = np.repeat(voltage, n)
        with backend("cpp"):
            group = neuron.group(volts.size, drive=volts * volt, dt=dt, seed=seed, extra="t_escape : second")
            group.x_1 = start
            group.run_regularly(f"t_escape = t_escape + int(x_1 > {end} and t_escape < 0.5*dt)*t")
            Network(group).run(longest * second)
            times = np.array(group.t_escape).reshape(len(voltage), n)
        assert (times > 0).all()
        result.append(times.mean(axis=1))
    return np.array(result)


@pytest.mark.slow
def test_escape_over_the_barrier_is_kramers():
    neuron = device(w_pin=0.25 * EV * joule)
    friction = neuron.device.parameters["friction"].value
    diffusion = BOLTZMANN * T / friction
    voltage = np.array([1.1, 1.2, 1.3, 1.4])
    x = np.linspace(-1.6, 1.2, 28001)
    start, end = -0.8, -0.25
    theory, barrier, kramers = [], [], []
    for one in voltage:
        u = potential(neuron.device, x, one)
        inner = cumulative_trapezoid(np.exp(-u), x, initial=0)
        path = (x >= start) & (x <= end)
        theory.append(np.trapezoid((np.exp(u) * inner)[path], x[path]) / diffusion)
        bottom = np.argmin(np.where(x < -0.5, u, np.inf))
        top = bottom + np.argmax(u[(x <= end)][bottom:])
        curve = np.gradient(np.gradient(u, x), x)
        barrier.append(u[top] - u[bottom])
        kramers.append(2 * np.pi / (diffusion * np.sqrt(curve[bottom] * -curve[top])) * np.exp(barrier[-1]))
    assert min(barrier) > 2.4
    measured = passage_times(neuron, voltage, start, end, seeds=(1, 2, 3), dt=4e-6 * second)
    slopes = [linregress(voltage, np.log(row)).slope for row in measured]
    expected = linregress(voltage, np.log(theory)).slope
    print("slopes per seed", slopes, "exact", expected, "Kramers", linregress(voltage, np.log(kramers)).slope)
    assert np.mean(slopes) == pytest.approx(expected, rel=0.05)
    assert measured.mean(axis=0) == pytest.approx(theory, rel=0.1)
    assert linregress(voltage, np.log(kramers)).slope == pytest.approx(expected, rel=0.15)


def test_diffusion_and_mobility_obey_the_einstein_relation():
    tiny = 1e-9 * EV * joule
    free = device(w_pin=tiny, w_return=tiny, stiffness_wall=tiny)
    friction = free.device.parameters["friction"].value
    span, n = 20 * ms, 20_000
    moved = {}
    for voltage in (0.0, 0.2):
        group = free.group(n, drive=voltage * volt, dt=0.5 * ms, seed=3, check_step=False)
        start = np.array(group.x_1)
        Network(group).run(span)
        moved[voltage] = np.asarray(group.x_1) - start
    diffusion = moved[0.0].var() / (2 * float(span))
    # The same noise moves both groups, so it drops out of the difference.
    mobility = (moved[0.2] - moved[0.0]).mean() / float(span) / (0.5 * EV * 0.2)
    assert mobility == pytest.approx(1 / friction, rel=0.001)
    assert diffusion / mobility == pytest.approx(BOLTZMANN * T, rel=0.02)


def test_variance_in_a_harmonic_well_is_that_of_equipartition():
    tiny = 1e-9 * EV * joule
    bound = device(w_pin=tiny, w_return=0.8 * EV * joule, stiffness_wall=tiny)
    group = bound.group(20_000, drive=0 * volt, dt=0.1 * ms, seed=4, check_step=False)
    Network(group).run(40 * ms)
    assert np.var(np.asarray(group.x_1)) == pytest.approx(BOLTZMANN * T / (0.4 * EV), rel=0.03)


def heat_balance(dt):
    """Electrical energy and heat (J) of a run with a closed device, trapezoidal over the steps."""
    meter = SourceMeter("ag_particles_1").with_(i_compliance=1 * amp)
    extra = "denergy/dt = v_device*i_device : joule\ndheat/dt = temperature_device - temperature : kelvin*second"
    group = meter.group(1, drive=0.8 * volt, dt=dt, noise=False, extra=extra, check_step=False)
    Network(group).run(20 * ms)
    card = meter.device
    capacity, rate = (card.parameters[name].value for name in ("heat_capacity", "cooling_rate"))
    stored = capacity * (float(group.temperature_device[0]) - T)
    return float(group.energy[0]), stored + capacity * rate * float(group.heat[0]), float(group.temperature_device[0])


def test_electrical_energy_becomes_heat():
    spent, warmth, temperature = heat_balance(5e-6 * second)
    assert temperature > 301
    assert warmth == pytest.approx(spent, rel=1e-3)
    half = heat_balance(2.5e-6 * second)
    assert half[0] == pytest.approx(spent, rel=1e-3)
