r"""Delay and relaxation of a device over temperature, at a constant voltage.

At each temperature a device alone (:class:`memneuro.circuit.source_meter.SourceMeter`, without compliance) starts
open under a constant voltage. Its **delay** is the time until the current rises through ``i_threshold`` of the
circuit. Then the voltage is taken away from a device that is just closed, and its **relaxation** is the time until the
conductance has fallen to the geometric mean of closed and open. Times are interpolated between steps, in
ln(conductance).

* One particle (``langevin``): the delay is the first passage to the place where the current is ``i_threshold``,
  :math:`\cosh(x/\lambda) = V e^{-1/\lambda}/(2 R_t I)`, behind the barrier. Its logarithm is nearly linear in 1/T with
  the barrier over k_B as slope; the table has the exact mean beside it
  (:func:`memneuro.experiment.particle_physics.passage_theory`). The closed device has its particle in the middle; the
  interfacial energy pulls it back, so relaxation hardly depends on temperature.
* ``hopping``: all losses share one Arrhenius factor, so the relaxation is proportional to exp(W_loss/k_B T). The closed
  device is a filament without residue that bridges the gap.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from brian2 import Network, NetworkOperation, NeuronGroup, Quantity, amp, kelvin, second, siemens, volt
from tqdm.auto import tqdm

from memneuro.circuit.device_circuit import whole_number
from memneuro.circuit.drive import Constant, check
from memneuro.circuit.source_meter import SourceMeter
from memneuro.device.card import Card
from memneuro.experiment.particle_physics import isothermal, passage_theory
from memneuro.progress import no_bar

#: Models this protocol knows how to close.
MODELS = ("langevin", "hopping")
#: States of a device that is just closed.
_CLOSED: dict[str, dict[str, float]] = {"langevin": {"x_1": 0.0}, "hopping": {"x_total": 1.0, "x_residue": 0.0}}
_EVENT = """
t_event : second
g_event : siemens
g_before : siemens
g_previous : siemens
direction : 1 (shared)
level : siemens (shared)
"""
#: At the first step on the other side of the level: its time, and the conductances there and a step before.
_LATCH = """
event = int(direction*(g_device - level) > 0*siemens and t_event < 0*second)
t_event += event*(t - t_event)
g_event += event*(g_device - g_event)
g_before += event*(g_previous - g_before)
g_previous = g_device
"""
#: Steps between two looks at whether all devices have switched.
_LOOK = 200


def temperature_sweep(
    meter: SourceMeter,
    *,
    voltage: Quantity,
    temperatures: Sequence[float] = tuple(range(250, 401, 25)),
    trials: int = 200,
    longest: int = 400_000,
    step_scale: float = 1.0,
    seed: int = 0,
    noise: bool = True,
    progress: str | None = None,
) -> pd.DataFrame:
    """Delay and relaxation at each temperature.

    Parameters
    ----------
    meter : SourceMeter
        With the model ``langevin`` (one particle, kept at the temperature of its surroundings) or ``hopping``.
    voltage : Quantity (volt)
        Constant voltage during the delay; none during relaxation.
    temperatures : sequence of float
        In kelvin.
    trials : int
        Devices at each temperature.
    longest : int
        Steps after which a device that has not switched, or not relaxed, is given up.
    step_scale : float
        Time step over the default one at that temperature: below 1 to show convergence, above 1 for speed.
    seed : int
        Of the noise.
    noise : bool
        Whether the devices fluctuate.
    progress : str, optional
        Label of a progress bar; none by default.

    Returns
    -------
    DataFrame
        One row a temperature: ``model``, ``temperature_K``, ``voltage_V``, ``trials``, ``switched`` (their fraction),
        ``delay_median_ms``, ``delay_mean_ms``, ``delay_cv``, ``relaxation_median_ms``, ``relaxation_cv``,
        ``theory_delay_ms`` (exact mean; NaN for ``hopping``), ``barrier_kT`` (NaN where there is none) and ``step_us``.
        Devices that did not switch count as infinite in the medians and not at all in mean and CV.

    Raises
    ------
    ValueError
        If the model is another, or a voltage, temperature or number is out of range.

    Notes
    -----
    The run goes on until all devices have switched, so it needs a runtime target, not a standalone backend.
    """
    if meter.device.model not in MODELS:
        raise ValueError(f"model = {meter.device.model!r}; accepted: {', '.join(MODELS)}")
    check("voltage", voltage, volt, positive=True)
    check("temperatures", np.asarray(temperatures, dtype=float) * kelvin, kelvin, positive=True)
    trials, longest = whole_number(trials, "trials", 1, 10**7), whole_number(longest, "longest", 1, 10**9)
    if not 0 < step_scale < np.inf:
        raise ValueError(f"step_scale = {step_scale!r}; accepted: above 0, and finite")
    device = meter.device
    particle = device.model == "langevin"
    meter = isothermal(meter) if particle else meter.with_(i_compliance=1 * amp)
    level = float(meter.circuit["i_threshold"]) / float(voltage)
    rows = []
    for temperature in tqdm(temperatures, desc=progress, disable=no_bar(progress is not None), leave=False):
        here = meter.with_(temperature=float(temperature) * kelvin)
        drive = Constant(np.full(trials, float(voltage)) * volt)
        step = step_scale * here.default_step
        group = here.group(trials, drive=drive, dt=step, seed=seed, noise=noise, extra=_EVENT)
        group.run_regularly(_LATCH)
        network = Network(group)
        network.add(_stop_when_done(network, group))
        opened = float(group.g_device[0])
        delay = _first(network, group, 1, level, longest)
        group.v_in = 0 * volt
        for name, value in _CLOSED[device.model].items():
            setattr(group, name, value)
        relaxation = _first(network, group, -1, np.sqrt(opened * float(group.g_device[0])), longest)
        theory = barrier = np.nan
        if particle:
            expected = passage_theory(
                device,
                voltages=[float(voltage)],
                start=device.parameters["x_pin"].value,
                end=switched_position(device, level),
                temperature=float(temperature),
            ).iloc[0]
            theory, barrier = expected["exact_ms"], expected["barrier_kT"]
        finite = delay[np.isfinite(delay)]
        mean, spread = (finite.mean(), finite.std()) if finite.size else (np.nan, np.nan)
        relaxed = relaxation[np.isfinite(relaxation)]
        rows.append(
            {
                "model": device.model,
                "temperature_K": float(temperature),
                "voltage_V": float(voltage),
                "trials": trials,
                "switched": finite.size / trials,
                "delay_median_ms": float(np.median(delay)),
                "delay_mean_ms": float(mean),
                "delay_cv": float(spread / mean),
                "relaxation_median_ms": float(np.median(relaxation)),
                "relaxation_cv": float(relaxed.std() / relaxed.mean()) if relaxed.size else np.nan,
                "theory_delay_ms": float(theory),
                "barrier_kT": float(barrier),
                "step_us": float(step) * 1e6,
            }
        )
    return pd.DataFrame(rows)


def switched_position(device: Card, conductance: float) -> float:
    """Where a single particle gives the device that conductance (siemens), on its way to the middle (half gaps).

    Parameters
    ----------
    device : Card
        One particle.
    conductance : float
        In siemens.

    Raises
    ------
    ValueError
        If the device with its particle in the middle conducts less, or with the particle in its well conducts more.
    """
    value = {name: entry.value for name, entry in device.parameters.items()}
    hops = 2 * value["r_tunnel"] * np.exp(1 / value["tunnel_length"])  # of a particle in the middle, in ohm
    best = 1 / (value["r_contact"] + hops)
    at_rest = 1 / (value["r_contact"] + hops * np.cosh(value["x_pin"] / value["tunnel_length"]))
    if not at_rest < conductance < best:
        raise ValueError(f"conductance = {conductance!r} S; accepted: between {at_rest:.3g} and {best:.3g} S")
    ratio = (1 / conductance - value["r_contact"]) / hops
    return float(-value["tunnel_length"] * np.arccosh(ratio))


def _stop_when_done(network: Network, group: NeuronGroup) -> NetworkOperation:
    """Ends a run early, at the first look after every device has had its event."""

    def look() -> None:
        if (np.asarray(group.t_event) >= 0).all():
            network.stop()

    return NetworkOperation(look, dt=_LOOK * group.clock.dt)


def _first(network: Network, group: NeuronGroup, direction: int, level: float, longest: int) -> np.ndarray:
    """Time (ms) until each conductance has passed `level` (siemens) upwards (1) or downwards (-1); infinite: never."""
    start = float(network.t)
    group.direction, group.level, group.t_event = direction, level * siemens, -1 * second
    group.g_previous = np.asarray(group.g_device) * siemens
    network.run(longest * group.clock.dt, namespace={})
    event, after, before = (np.asarray(getattr(group, name)) for name in ("t_event", "g_event", "g_before"))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.nan_to_num(np.log(after / level) / np.log(after / before))
    return np.where(event >= 0, (event - start - share * float(group.clock.dt)) * 1e3, np.inf)
