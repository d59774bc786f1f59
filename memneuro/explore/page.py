"""Writes the page: one HTML file with style, equations and code inside, which loads nothing."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict
from html import escape
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
from brian2 import kelvin

from memneuro import __version__
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.device.card import Card
from memneuro.explore.controls import Control, controls, drives
from memneuro.explore.javascript import constants, parameter_values, program
from memneuro.figure import style
from memneuro.numerics.threefry import MAX_SEED
from memneuro.tables import with_ending, write_text

#: Time steps below this (second) are refused: a trace would take seconds.
SMALLEST_STEP = 1e-6
#: Choices of the duration (ms), the initial one and the initial seed.
DURATIONS, DURATION, SEED = (200, 500, 1000, 2000), 500, 1
#: The rate curve has every so-manieth amplitude of the slider.
CURVE_EVERY = 5
#: Share of the duration for which the gate must have stayed above its threshold to be called latched.
LATCHED = 0.2
COLOURS = {
    "blue": style.BLUE,
    "vermilion": style.VERMILION,
    "green": style.GREEN,
    "purple": style.PURPLE,
    "orange": style.ORANGE,
    "sky": style.SKY,
}
_LIGHT = {"ink": "#1b1f24", "faint": "#57606a", "paper": "#ffffff", "line": "#d8dee4", "edge": "#8c959f"}
_LIGHT |= {"shade": "#f6f8fa", "link": "#0b5cad"}
_DARK = {"ink": "#e6e9ed", "faint": "#a3adb8", "paper": "#14181d", "line": "#2c343d", "edge": "#6b7681"}
_DARK |= {"shade": "#1d232a", "link": "#7cbcf5", "blue": "#4aa3df"}


def write_page(path: str | os.PathLike[str], device: str | Card = "hopping") -> Path:
    """Write the page for a device in its 1M1T1R circuit and return its path.

    Parameters
    ----------
    path : path-like
        The HTML file; it is written whole or not at all.
    device : str or Card
        A device card, its name, or the name of a model.

    Raises
    ------
    ValueError
        For an unknown device, one that needs a time step below 1 us, or one whose parameters differ from cycle to
        cycle; for a file whose name does not end in ``.html``.
    """
    path = with_ending(path, ".html")
    return write_text(page(OneM1T1R(device)), path)


def page(neuron: OneM1T1R) -> str:
    """The text of the page for a neuron; see :func:`write_page`."""
    found = controls(neuron)
    data = page_data(neuron, found)
    names = sorted(drives())
    programs = [program(name, neuron, drives()[name], data["observed"]) for name in names]
    model = [f"const PAGE = {_literal(data)};", constants(), _file("functions.js"), *programs]
    model += [f"const PROGRAMS = {{ {', '.join(names)} }};", _file("simulation.js")]
    note = (
        "The curve is further neurons of the same group. Neuron 0 is the one above; neurons 1 to "
        f"{len(data['amplitudes'])} have the amplitudes of the curve, from the lowest to the highest: "
        "<code>neuron.group(n, drive=..., seed=...)</code> with an array of amplitudes gives them all."
    )
    durations = "".join(
        f'<option value="{ms}"{" selected" if ms == DURATION else ""}>{ms} ms</option>' for ms in DURATIONS
    )
    return Template(_file("template.html")).substitute(
        title=f"The 1M1T1R neuron, device {escape(neuron.device.name)}",
        about=escape(neuron.device.about),
        colours=_colours(),
        style=_file("page.css"),
        legend=_legend(data["panels"]),
        controls="\n".join(_slider(control) for control in found),
        max_seed=MAX_SEED,
        seed=SEED,
        durations=durations,
        curve_note=note,
        equations=escape(str(neuron.equations(drives()["pulses"]))),
        threshold=escape(neuron.threshold),
        footer=f"memneuro {escape(__version__)}, cards {escape(neuron.device.name)} and {escape(neuron.circuit.name)}. "
        "Numbers and ranges come from the cards and the published measurements.",
        model=_script("\n".join(model)),
        script=_script(_file("chart.js") + _file("page.js")),
    )


def page_data(neuron: OneM1T1R, found: list[Control]) -> dict[str, Any]:
    """What the code on the page reads as ``PAGE``: parameters in SI units, sliders, time steps, panels.

    Parameters
    ----------
    neuron : OneM1T1R
        The neuron.
    found : list of Control
        The sliders, those of amplitude and temperature among them.

    Raises
    ------
    ValueError
        If the device needs too short a time step, or differs from cycle to cycle.
    """
    temperature = next(control for control in found if control.name == "temperature")
    steps = [float(neuron.with_(temperature=value * kelvin).default_step) for value in temperature.values]
    if min(steps) < SMALLEST_STEP:
        raise ValueError(
            f"device {neuron.device.name!r} needs a time step of {min(steps):.2g} s between {temperature.values[0]:g} "
            f"and {temperature.values[-1]:g} K; accepted: devices with {SMALLEST_STEP:g} s or more, such as 'hopping'"
        )
    if neuron.cycle_spread(neuron.model.parameters):
        raise ValueError(f"card {neuron.device.name!r} differs from cycle to cycle, which the page does not draw")
    panels = _panels(neuron)
    amplitude = next(control for control in found if control.name == "amplitude")
    return {
        "device": neuron.device.name,
        "circuit": neuron.circuit.name,
        "drives": {name: parameter_values(neuron, drive) for name, drive in drives().items()},
        "controls": [asdict(control) for control in found],
        "of_cards": [control.name for control in found if control.name in neuron.parameters()],
        "steps": steps,
        "amplitudes": [value * amplitude.factor for value in amplitude.values[::CURVE_EVERY]],
        "observed": [series["name"] for panel in panels for series in panel["series"]],
        "panels": panels,
        "threshold": next(panel["level"] for panel in panels if "level" in panel),
        "latched": LATCHED,
    }


def _panels(neuron: OneM1T1R) -> list[dict[str, Any]]:
    """Input, gate, device and output, as the figure of the firing neuron has them."""
    equations = neuron.equations(drives()["pulses"])
    if "x_total" in equations.names:
        device = [_series("x_total", "bridged length", "vermilion"), _series("x_residue", "residue", "green", "5 3")]
        label = "Bridged\n(of gap)"
    else:
        noisy = {name for name, expression in equations.diff_eq_expressions if expression.stochastic_variables}
        states = sorted(name for name in equations.diff_eq_names if equations[name].dim.is_dimensionless)
        looks = (("vermilion", ""), ("green", "5 3"), ("purple", "2 2"))
        states = [name for name in states if name not in noisy] or states
        device = [_series(name, name, *look) for name, look in zip(states, looks, strict=False)]
        label = "Device\nstate"
    threshold = float(np.asarray(neuron.circuit["v_threshold"]))
    return [
        {"label": "Input\n(V)", "unit": 1, "share": 0.5, "series": [_series("v_in", "input", "ink") | {"thin": True}]},
        {
            "label": "Gate\n(V)",
            "unit": 1,
            "level": threshold,
            "series": [_series("v_gate", "gate voltage", "blue")],
        },
        {"label": label, "unit": 1, "series": device},
        {"label": "Load\n(µA)", "unit": 1e-6, "series": [_series("i_load", "load current", "orange")]},
    ]


def _series(name: str, label: str, colour: str, dash: str = "") -> dict[str, Any]:
    return {"name": name, "label": label, "colour": colour, "dash": dash}


def _slider(control: Control) -> str:
    """The HTML of one slider; it counts positions, and the page lists the value of each."""
    value = f"{control.values[control.start]:g} {control.unit}".strip()
    name = control.name
    return (
        f'<div class="control">\n<div class="top"><label for="{name}">{control.label}</label>'
        f'<output id="{name}-value" for="{name}">{value}</output></div>\n'
        f'<input type="range" id="{name}" min="0" max="{len(control.values) - 1}" step="1" value="{control.start}" '
        f'aria-valuetext="{value}" aria-describedby="{name}-help">\n'
        f'<p class="help" id="{name}-help">{escape(control.help)}</p>\n</div>'
    )


def _legend(panels: list[dict[str, Any]]) -> str:
    """One entry for each line in a panel of several lines, and one for the threshold."""
    shared = [panel for panel in panels if len(panel["series"]) > 1]
    entries = [(s["label"], f"var(--{s['colour']})", s["dash"], 2.0) for panel in shared for s in panel["series"]]
    entries.append(("spike threshold", "var(--faint)", "2 3", 1.0))
    return "\n".join(
        f'<span><svg viewBox="0 0 26 11"><line x1="0" x2="26" y1="6" y2="6" stroke="{colour}" stroke-width="{width}" '
        f'stroke-dasharray="{dash}"></line></svg>{escape(label)}</span>'
        for label, colour, dash, width in entries
    )


def _colours() -> str:
    def rule(values: Mapping[str, str]) -> str:
        return ":root { " + " ".join(f"--{name}: {value};" for name, value in values.items()) + " }"

    return f"{rule(_LIGHT | COLOURS)}\n@media (prefers-color-scheme: dark) {{ {rule(_DARK)} }}"


def _literal(value: Any) -> str:
    """A JavaScript literal; unlike strict JSON it may hold Infinity."""
    return json.dumps(value, ensure_ascii=False)


def _script(text: str) -> str:
    """Text that cannot end the script element it stands in."""
    return re.sub(r"</(?=script)|<!--", lambda found: "<\\" + found[0][1:], text, flags=re.IGNORECASE)


def _file(name: str) -> str:
    return (resources.files("memneuro.explore") / name).read_text(encoding="utf-8")
