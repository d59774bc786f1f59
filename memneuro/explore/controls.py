"""The sliders of the page: which parameters they move, over which values, and what is said beside them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import ms, volt

from memneuro.circuit.drive import Constant, PulseTrain
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.device.card import Parameter
from memneuro.experiment.target import targets

#: Unit of a card: what is shown, its SI value, and its name in Brian2 code.
SHOWN = {
    "ohm": ("MΩ", 1e6, "Mohm"),
    "volt": ("mV", 1e-3, "mV"),
    "kelvin": ("K", 1.0, "kelvin"),
    "1": ("", 1.0, ""),
}
#: Pulses of Fig. 2e of the publication: amplitude (V), width and period (ms).
AMPLITUDE, WIDTH, PERIOD = 0.8, 1.0, 2.0
#: Range of the temperature (K).
COLDEST, WARMEST = 280, 340
#: Positions of a slider over a range without a natural step.
POSITIONS = 80
#: What is said of a parameter in place of its meaning on the card.
EFFECTS = {"r_control": "Discharges the gate after a spike: a larger one makes longer intervals"}


@dataclass(frozen=True)
class Control:
    """One slider.

    Attributes
    ----------
    name : str
        What it is called on the page; for a parameter of a card the parameter's own name.
    sets : tuple of str
        Parameters of the equations that it sets.
    label, help : str
        Shown beside it.
    unit : str
        Unit shown with the value.
    factor : float
        SI value of that unit.
    brian : str
        The unit in Brian2 code, "" for a pure number.
    values : tuple of float
        The values it can take, in `unit`, rising.
    start : int
        Place of the initial value among them.
    drive : str
        Kind of drive it belongs to, "" for any.
    """

    name: str
    sets: tuple[str, ...]
    label: str
    help: str
    unit: str
    factor: float
    brian: str
    values: tuple[float, ...]
    start: int
    drive: str = ""


def drives() -> dict[str, Any]:
    """The kinds of drive that the page offers, with their initial values."""
    return {
        "pulses": PulseTrain(AMPLITUDE * volt, width=WIDTH * ms, period=PERIOD * ms),
        "constant": Constant(AMPLITUDE * volt),
    }


def controls(neuron: OneM1T1R) -> list[Control]:
    """The sliders for a neuron: drive, control resistor, temperature, and the amplitudes of its noise."""
    cards = {**neuron.device.parameters, **neuron.circuit.parameters}
    noise = [name for name in neuron.model.noise_parameters if name.startswith("sigma")]
    found = [*_drive_controls(), _resistor(cards["r_control"]), _temperature(cards["temperature"])]
    return found + [_noise(name, cards[name], alone=len(noise) == 1) for name in noise]


def _drive_controls() -> list[Control]:
    published = targets()
    amplitudes = published.loc[published["condition_unit"] == "V", "condition_value"]
    times = [*_steps(0.1, 5, 0.1), *_steps(5.5, 20, 0.5)]
    return [
        _control(
            "amplitude",
            ("pulse_amplitude", "v_in"),
            "Drive amplitude",
            "Voltage of each pulse, or the constant input voltage.",
            ("V", 1.0, "volt"),
            _steps(0, max(amplitudes), 0.01),
            AMPLITUDE,
        ),
        _control(
            "width",
            ("pulse_width",),
            "Pulse width",
            "How long each pulse lasts, at most one period.",
            ("ms", 1e-3, "ms"),
            times,
            WIDTH,
            "pulses",
        ),
        _control(
            "period",
            ("pulse_period",),
            "Pulse period",
            "Time from the onset of one pulse to the onset of the next.",
            ("ms", 1e-3, "ms"),
            times,
            PERIOD,
            "pulses",
        ),
    ]


def _resistor(parameter: Parameter) -> Control:
    """The range is that of the published measurement, and a factor of two beyond."""
    published = targets()
    measured = published.loc[published["figure"] == "4d", "condition_value"]
    factor = SHOWN[parameter.unit][1]
    value = parameter.value / factor
    low, high = min(measured.min() / 2, value), max(measured.max() * 2, value)
    values = [float(f"{x:.2g}") for x in np.geomspace(low, high, POSITIONS)]
    return _of_card("r_control", "Control resistor R<sub>c</sub>", parameter, values)


def _temperature(parameter: Parameter) -> Control:
    values = _steps(min(COLDEST, math.floor(parameter.value)), max(WARMEST, math.ceil(parameter.value)), 1)
    return _of_card("temperature", "Temperature", parameter, values)


def _noise(name: str, parameter: Parameter, alone: bool) -> Control:
    """From no noise to twice the value of the card."""
    factor = SHOWN[parameter.unit][1]
    high = 2 * parameter.value / factor if parameter.value > 0 else 1.0
    step = 10 ** math.floor(math.log10(high / POSITIONS) + 0.5)
    label = "Noise level" if alone else f"Noise level <code>{name}</code>"
    return _of_card(name, label, parameter, _steps(0, high, step))


def _of_card(name: str, label: str, parameter: Parameter, values: Iterable[float]) -> Control:
    """A slider for a parameter of a card."""
    shown = SHOWN[parameter.unit]
    unit, factor, _ = shown
    meaning = EFFECTS.get(name, parameter.meaning)
    card = f"{parameter.value / factor:g}\N{NO-BREAK SPACE}{unit}".strip()
    if parameter.interval:
        card += f" ({parameter.interval[0] / factor:.2g} to {parameter.interval[1] / factor:.2g})"
    said = f"{meaning[:1].upper()}{meaning[1:]}. Card: {card}, {parameter.status}."
    return _control(name, (name,), label, said, shown, values, parameter.value / factor)


def _control(
    name: str,
    sets: tuple[str, ...],
    label: str,
    said: str,
    shown: tuple[str, float, str],
    values: Iterable[float],
    start: float,
    drive: str = "",
) -> Control:
    """A slider whose positions include the initial value."""
    start = float(f"{start:.12g}")
    places = sorted({float(f"{value:.12g}") for value in values} | {start})
    unit, factor, brian = shown
    return Control(name, sets, label, said, unit, factor, brian, tuple(places), places.index(start), drive)


def _steps(low: float, high: float, step: float) -> list[float]:
    """Values from `low` to `high`, both included, a step apart."""
    return [float(f"{low + k * step:.12g}") for k in range(round((high - low) / step) + 1)]
