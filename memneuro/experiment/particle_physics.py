r"""One silver particle against the theory of overdamped Brownian motion.

A particle of the model :mod:`memneuro.device.langevin` at a fixed voltage V and temperature T obeys
:math:`\eta\,dx = (qV/2 - U'(x))\,dt + \sqrt{2 \eta k_B T}\,dW`, so with :math:`\Phi(x) = U(x) - qVx/2`:

.. math::

   p(x) &\propto e^{-\Phi(x)/k_B T}, \qquad D = k_B T/\eta, \qquad \mu = 1/\eta \\
   \tau(a \to b) &= \frac{1}{D}\int_a^b dy\, e^{\Phi(y)/k_B T} \int_{-\infty}^y dz\, e^{-\Phi(z)/k_B T}
       \;\approx\; \frac{2\pi\eta}{\sqrt{\Phi''(x_{well})\,|\Phi''(x_{top})|}}\, e^{\Delta\Phi/k_B T}

(Boltzmann's density, Einstein's relation, the mean first-passage time and Kramers' formula for it), and with heat, over
any time: :math:`\int V^2/R_d\,dt = C_h\,[T]_{start}^{end} + C_h \kappa \int (T - T_0)\,dt`.

Positions are in half gaps. The functions measure one of these each and return a table with the theory beside it. All
but :func:`energy_balance` keep the particle at the temperature of the surroundings, by cooling at ``COOLING``.

Sources: H. Risken, *The Fokker-Planck Equation* (1989), chapter 5; P. Hanggi, P. Talkner and M. Borkovec, Rev. Mod.
Phys. 62, 251 (1990), doi:10.1103/RevModPhys.62.251.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from brian2 import Hz, Network, Quantity, StateMonitor, amp, kelvin, ms, second, volt
from scipy.integrate import cumulative_trapezoid

from memneuro.circuit.device_circuit import whole_number
from memneuro.circuit.drive import check
from memneuro.circuit.source_meter import SourceMeter
from memneuro.device.card import Card
from memneuro.device.langevin import BOLTZMANN
from memneuro.experiment.pulses import run_with_progress

#: So fast a cooling that the particle keeps the temperature of its surroundings.
COOLING = 1e7 * Hz
#: Where the quadratures begin and end, beyond the electrodes, and their number of points.
_EDGE, _POINTS = 1.6, 32_001


def isothermal(meter: SourceMeter) -> SourceMeter:
    """The same device without a compliance, at the temperature of its surroundings.

    Raises
    ------
    ValueError
        If the device is not one particle.
    """
    if meter.device.model != "langevin":
        raise ValueError(f"model = {meter.device.model!r}; accepted: 'langevin' (one particle)")
    return meter.with_(i_compliance=1 * amp, cooling_rate=COOLING)


def potential(device: Card, x: Any, voltage: float) -> np.ndarray:
    """Potential energy of one particle with the field's share (joule) at positions `x` and a voltage in volt.

    Parameters
    ----------
    device : Card
        One particle.
    x : float or array_like
        Positions in half gaps, 0 in the middle.
    voltage : float
        In volt.
    """
    value = {name: entry.value for name, entry in device.parameters.items()}
    x = np.asarray(x, dtype=float)
    well = -value["w_pin"] * np.exp(-0.5 * ((x - value["x_pin"]) / value["width_pin"]) ** 2)
    wall = 0.5 * value["stiffness_wall"] * np.maximum(np.abs(x) - 1, 0) ** 2
    return well + wall + 0.25 * value["w_return"] * (1 + x) ** 2 - 0.5 * value["charge"] * voltage * x


def boltzmann(device: Card, voltage: float, temperature: float = 300.0) -> pd.DataFrame:
    """Boltzmann's density and its integral on a fine grid: ``x``, ``density``, ``cumulative``.

    Parameters
    ----------
    device : Card
        One particle.
    voltage, temperature : float
        In volt and kelvin.
    """
    x = np.linspace(-_EDGE, _EDGE, _POINTS)
    energy = potential(device, x, voltage) / (BOLTZMANN * temperature)
    weight = np.exp(energy.min() - energy)
    cumulative = cumulative_trapezoid(weight, x, initial=0)
    return pd.DataFrame({"x": x, "density": weight / cumulative[-1], "cumulative": cumulative / cumulative[-1]})


def stationary_distance(
    meter: SourceMeter,
    *,
    voltages: Sequence[float] = (0.0, 0.4),
    neurons: int = 2000,
    times: int = 50,
    spacing: Quantity = 1 * ms,
    settle: Quantity = 20 * ms,
    dt: Quantity | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Kolmogorov-Smirnov distance of simulated positions from Boltzmann's distribution.

    Parameters
    ----------
    meter : SourceMeter
        With one particle; see :func:`isothermal`.
    voltages : sequence of float
        Constant voltages in volt.
    neurons, times : int
        Particles at each voltage, and samples of each.
    spacing, settle : Quantity (second)
        Time between samples and before the first.
    dt : Quantity (second), optional
        Time step; by default the card's.
    seed : int
        Of the noise.

    Returns
    -------
    DataFrame
        One row a voltage: ``voltage_V``, ``samples``, ``mean_x``, ``theory_mean_x``, ``distance``, ``step_us``.
    """
    neurons, times = whole_number(neurons, "neurons", 1, 10**7), whole_number(times, "times", 1, 10**6)
    check("spacing", spacing, second, positive=True)
    check("settle", settle, second, positive=True)
    meter = isothermal(meter)
    group = meter.group(
        neurons * len(voltages), drive=np.repeat(np.asarray(voltages, dtype=float), neurons) * volt, dt=dt, seed=seed
    )
    monitor = StateMonitor(group, "x_1", record=True, dt=spacing)
    run_with_progress(Network(group, monitor), settle + times * spacing)
    samples = np.asarray(monitor.x_1)[:, -times:].reshape(len(voltages), -1)
    temperature = float(meter.circuit["temperature"])
    rows = []
    for voltage, found in zip(voltages, np.sort(samples, axis=1), strict=True):
        theory = boltzmann(meter.device, voltage, temperature)
        expected = np.interp(found, theory["x"], theory["cumulative"])
        ranks = np.arange(found.size + 1) / found.size
        distance = max(np.abs(expected - ranks[1:]).max(), np.abs(expected - ranks[:-1]).max())
        mean = float(np.trapezoid(theory["x"] * theory["density"], theory["x"]))
        rows.append((float(voltage), found.size, found.mean(), mean, distance, float(group.clock.dt) * 1e6))
    return pd.DataFrame(rows, columns=["voltage_V", "samples", "mean_x", "theory_mean_x", "distance", "step_us"])


def passage_theory(
    device: Card,
    *,
    voltages: Sequence[float],
    start: float = -0.8,
    end: float = -0.25,
    temperature: float = 300.0,
) -> pd.DataFrame:
    """Mean first-passage time over the barrier at each voltage: the exact double integral and Kramers' formula.

    Parameters
    ----------
    device : Card
        One particle.
    voltages : sequence of float
        In volt.
    start, end : float
        Where the particle is let go and where it counts as escaped, behind the barrier.
    temperature : float
        In kelvin.

    Returns
    -------
    DataFrame
        One row a voltage: ``voltage_V``, ``temperature_K``, ``barrier_kT``, ``exact_ms``, ``kramers_ms`` (the last and
        the barrier NaN where the field has removed the barrier).

    Raises
    ------
    ValueError
        If start and end are not -1 < start < end < 1.
    """
    _check_passage(start, end)
    diffusion = BOLTZMANN * temperature / device.parameters["friction"].value
    x = np.linspace(-_EDGE, end, _POINTS)
    path = x >= start
    rows = []
    for voltage in voltages:
        energy = potential(device, x, float(voltage)) / (BOLTZMANN * temperature)
        inner = cumulative_trapezoid(np.exp(-energy), x, initial=0)
        exact = np.trapezoid(np.exp(energy[path]) * inner[path], x[path]) / diffusion
        slope = np.gradient(energy, x)
        well = np.flatnonzero((slope[:-1] < 0) & (slope[1:] >= 0))
        top = np.flatnonzero((slope[:-1] > 0) & (slope[1:] <= 0))
        barrier = kramers = np.nan
        if well.size and (top > well[0]).any():
            low, high = well[0], top[top > well[0]][0]
            curve = np.gradient(slope, x)
            barrier = energy[high] - energy[low]
            kramers = 2 * np.pi / (diffusion * np.sqrt(curve[low] * abs(curve[high]))) * np.exp(barrier)
        rows.append((float(voltage), temperature, barrier, exact * 1e3, kramers * 1e3))
    return pd.DataFrame(rows, columns=["voltage_V", "temperature_K", "barrier_kT", "exact_ms", "kramers_ms"])


def escape_times(
    meter: SourceMeter,
    *,
    voltages: Sequence[float],
    start: float = -0.8,
    end: float = -0.25,
    neurons: int = 400,
    duration: Quantity = 200 * ms,
    seeds: Sequence[int] = (1, 2, 3),
    dt: Quantity | None = None,
) -> pd.DataFrame:
    """Mean first-passage times over the barrier, beside :func:`passage_theory`.

    A particle that arrives at `end` is put back to `start` at once, so that no passage is cut short: the mean is the
    time of all particles over their number of passages.

    Parameters
    ----------
    meter : SourceMeter
        With one particle; see :func:`isothermal`.
    voltages : sequence of float
        Constant voltages in volt.
    start, end : float
        As in :func:`passage_theory`, in half gaps.
    neurons : int
        Particles at each voltage.
    duration : Quantity (second)
        How long each is followed.
    seeds : sequence of int
        One run each; a standalone backend makes one run only, so give it one seed a call.
    dt : Quantity (second), optional
        Time step.

    Returns
    -------
    DataFrame
        One row a seed and voltage: ``seed``, those of :func:`passage_theory`, ``passages``, ``mean_ms`` (infinite
        without a passage) and ``error_ms``, its standard error for exponential times.

    Raises
    ------
    ValueError
        As in :func:`passage_theory`, or for a number or time out of range.
    """
    _check_passage(start, end)
    neurons = whole_number(neurons, "neurons", 1, 10**7)
    check("duration", duration, second, positive=True)
    meter = isothermal(meter)
    theory = passage_theory(
        meter.device, voltages=voltages, start=start, end=end, temperature=float(meter.circuit["temperature"])
    )
    drive = np.repeat(np.asarray(voltages, dtype=float), neurons) * volt
    tables = []
    for seed in seeds:
        group = meter.group(drive.size, drive=drive, dt=dt, seed=seed, extra="passages : 1")
        group.x_1 = start
        group.run_regularly(f"passages += int(x_1 > {end!r})\nx_1 = x_1 + int(x_1 > {end!r})*({start!r} - x_1)")
        run_with_progress(Network(group), duration)
        passages = np.asarray(group.passages).reshape(len(voltages), neurons).sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = neurons * float(duration / ms) / passages
            error = mean / np.sqrt(passages)
        table = theory.assign(passages=passages.astype(int), mean_ms=mean, error_ms=error)
        table.insert(0, "seed", seed)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def einstein_relation(
    meter: SourceMeter,
    *,
    voltage: Quantity = 0.2 * volt,
    neurons: int = 20_000,
    intervals: int = 5,
    interval: Quantity = 4 * ms,
    steps: int = 8,
    seed: int = 0,
) -> pd.DataFrame:
    """Diffusion and mobility of a free particle, from its variance without and its drift with a field.

    The forces of U are turned off (a billionth of themselves), so the equation is solved exactly at any step.

    Parameters
    ----------
    meter : SourceMeter
        With one particle; see :func:`isothermal`.
    voltage : Quantity (volt)
        Voltage of the second half of the particles.
    neurons, intervals : int
        Particles with and without a field, and independent displacements of each.
    interval : Quantity (second)
        Length of a displacement.
    steps : int
        Time steps in it.
    seed : int
        Seed of the noise.

    Returns
    -------
    DataFrame
        One row a ``quantity``: ``diffusion`` (1/s), ``mobility`` (1/(J s)) and ``energy``, their ratio (J): ``value``,
        ``theory`` and ``relative_error``.
    """
    neurons = whole_number(neurons, "neurons", 2, 10**7)
    intervals, steps = whole_number(intervals, "intervals", 1, 10**5), whole_number(steps, "steps", 1, 10**6)
    check("voltage", voltage, volt, positive=True)
    check("interval", interval, second, positive=True)
    meter = isothermal(meter)
    free = meter.with_(**{name: 1e-9 * meter.device[name] for name in ("w_pin", "w_return", "stiffness_wall")})
    drive = np.repeat([0.0, float(voltage)], neurons) * volt
    group = free.group(2 * neurons, drive=drive, dt=interval / steps, seed=seed, check_step=False)
    network = Network(group)
    places = [np.array(group.x_1)]
    for _ in range(intervals):
        run_with_progress(network, interval)
        places.append(np.array(group.x_1))
    still, driven = np.diff(places, axis=0).reshape(intervals, 2, neurons).swapaxes(0, 1)
    diffusion = np.mean(still**2) / (2 * float(interval))
    mobility = driven.mean() / float(interval) / (0.5 * meter.device.parameters["charge"].value * float(voltage))
    friction = meter.device.parameters["friction"].value
    energy = BOLTZMANN * float(meter.circuit["temperature"])
    found = {
        "diffusion": (diffusion, energy / friction),
        "mobility": (mobility, 1 / friction),
        "energy": (diffusion / mobility, energy),
    }
    return pd.DataFrame(
        [(name, value, theory, value / theory - 1) for name, (value, theory) in found.items()],
        columns=["quantity", "value", "theory", "relative_error"],
    )


def harmonic_variance(
    meter: SourceMeter, *, temperatures: Sequence[float] = (300.0,), neurons: int = 20_000, seed: int = 0
) -> pd.DataFrame:
    """Variance of position in the returning potential alone, W_r (1 + x)^2/4, beside 2 k_B T/W_r.

    Well and walls are turned off. The equation is then linear, so the variance holds at any step.

    Parameters
    ----------
    meter : SourceMeter
        With one particle; see :func:`isothermal`.
    temperatures : sequence of float
        In kelvin.
    neurons : int
        Particles at each temperature.
    seed : int
        Of the noise.

    Returns
    -------
    DataFrame
        One row a temperature: ``temperature_K``, ``variance``, ``theory``, ``relative_error``.
    """
    neurons = whole_number(neurons, "neurons", 2, 10**7)
    meter = isothermal(meter)
    bound = meter.with_(**{name: 1e-9 * meter.device[name] for name in ("w_pin", "stiffness_wall")})
    stiffness = 0.5 * meter.device.parameters["w_return"].value
    relaxation = meter.device.parameters["friction"].value / stiffness * second
    warmth = np.repeat(np.asarray(temperatures, dtype=float), neurons)
    group = bound.group(
        warmth.size, drive=0 * volt, dt=relaxation / 5, seed=seed, check_step=False, temperature=warmth * kelvin
    )
    run_with_progress(Network(group), 12 * relaxation)
    variance = np.asarray(group.x_1).reshape(-1, neurons).var(axis=1)
    theory = BOLTZMANN * np.asarray(temperatures, dtype=float) / stiffness
    return pd.DataFrame(
        {
            "temperature_K": np.asarray(temperatures, dtype=float),
            "variance": variance,
            "theory": theory,
            "relative_error": variance / theory - 1,
        }
    )


def energy_balance(
    meter: SourceMeter,
    *,
    voltage: Quantity = 0.3 * volt,
    duration: Quantity = 5 * ms,
    neurons: int = 20,
    dt: Quantity | None = None,
    seed: int = 0,
    noise: bool = True,
) -> pd.DataFrame:
    """Electrical energy of a run beside the heat that it became, for any number of particles.

    The device starts closed, its particles evenly spread over the gap. Both integrals are states of the neuron and are
    solved with it.

    Parameters
    ----------
    meter : SourceMeter
        With a device that has a heat capacity.
    voltage : Quantity (volt)
        Constant voltage.
    duration : Quantity (second)
        Length of the run.
    neurons : int
        Devices, each with noise of its own.
    dt : Quantity (second), optional
        Time step; by default the card's.
    seed : int
        Of the noise.
    noise : bool
        Whether the particles fluctuate.

    Returns
    -------
    DataFrame
        One row a neuron: ``neuron``, ``electrical_J``, ``stored_J`` (in the heat capacity), ``lost_J`` (to the
        surroundings), ``temperature_K`` at the end, ``relative_error`` of stored and lost together, ``step_us``.

    Raises
    ------
    ValueError
        If the device has no heat capacity, or a voltage, time or number is out of range.
    """
    check("voltage", voltage, volt, positive=True)
    check("duration", duration, second, positive=True)
    if "heat_capacity" not in meter.device.parameters:
        raise ValueError(
            f"device = {meter.device.name!r}; accepted: one with a heat_capacity, such as 'ag_particles_1'"
        )
    meter = meter.with_(i_compliance=1 * amp)
    extra = (
        "denergy_spent/dt = v_device**2/r_device : joule\ndwarmth/dt = temperature_device - temperature : kelvin*second"
    )
    group = meter.group(neurons, drive=voltage, dt=dt, seed=seed, noise=noise, extra=extra)
    particles = sum(name.startswith("x_") and name[2:].isdigit() for name in group.variables)
    for i in range(1, particles + 1):
        setattr(group, f"x_{i}", 2 * i / (particles + 1) - 1)
    run_with_progress(Network(group), duration)
    capacity, rate = (meter.device.parameters[name].value for name in ("heat_capacity", "cooling_rate"))
    temperature = np.asarray(group.temperature_device)
    stored = capacity * (temperature - float(meter.circuit["temperature"]))
    lost = capacity * rate * np.asarray(group.warmth)
    spent = np.asarray(group.energy_spent)
    return pd.DataFrame(
        {
            "neuron": np.arange(spent.size),
            "electrical_J": spent,
            "stored_J": stored,
            "lost_J": lost,
            "temperature_K": temperature,
            "relative_error": (stored + lost) / spent - 1,
            "step_us": float(group.clock.dt) * 1e6,
        }
    )


def _check_passage(start: float, end: float) -> None:
    if not -1 < start < end < 1:
        raise ValueError(f"start = {start!r}, end = {end!r}; accepted: -1 < start < end < 1")
