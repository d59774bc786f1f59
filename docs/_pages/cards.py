"""Card pages: every number of every card that comes with the package, with unit, range, spread, meaning and source."""

from __future__ import annotations

from collections import defaultdict

from memneuro.device.card import Card, Parameter, card, card_names
from memneuro.device.model import device_model
from memneuro.experiment.operating_range import range_lines

from . import rst
from .equations import module_of

FOLDER = "reference/generated/cards"
HEADER = ("parameter", "value", "unit", "range", "spread", "status", "meaning")
TITLES = {
    "circuit": "Circuits",
    "reference": "Reference neurons",
    "synapse": "Synapses",
}
_LEGEND = (
    "**Range**: confidence range of a fitted value, in its unit. **Spread**: standard deviation of ln(value) from "
    "device to device, or from cycle to cycle of one device; of the value itself, in its unit, where the value may "
    "have any sign. A number in brackets is the source, below the table."
)


def group(given: Card) -> str:
    """Name of the page on which a card stands: the module of its model for devices, else its kind."""
    if given.kind == "device":
        return module_of(type(device_model(given.model))).rsplit(".", 1)[-1]
    return given.kind


def card_table(given: Card) -> str:
    """One card as a table with its sources below."""
    sources = list(dict.fromkeys(p.source for p in given.parameters.values()))
    rows = [
        (
            rst.code(name),
            number(p.value),
            rst.code(p.unit),
            "" if p.interval is None else f"{number(p.interval[0])} to {number(p.interval[1])}",
            spread(p),
            f"{p.status} [{sources.index(p.source) + 1}]",
            rst.escape(p.meaning),
        )
        for name, p in given.parameters.items()
    ]
    listed = "\n".join(f"* [{k}] {rst.escape(source)}" for k, source in enumerate(sources, 1))
    return rst.page(rst.table(HEADER, rows, (17, 13, 14, 16, 13, 14, 33)), listed)


def number(value: float) -> str:
    """A number with as many digits as the card gives."""
    return f"{value:.10g}"


def spread(parameter: Parameter) -> str:
    """Both spreads of a parameter."""
    unit = f" {parameter.unit}" if parameter.signed and parameter.unit != "1" else ""
    given = (("device", parameter.device_spread), ("cycle", parameter.cycle_spread))
    return ", ".join(f"{name} {number(value)}{unit}" for name, value in given if value)


def pages() -> dict[str, str]:
    """One page a device model, and one each for circuits, reference neurons and synapses."""
    groups: dict[str, list[Card]] = defaultdict(list)
    for name in card_names():
        groups[group(card(name))].append(card(name))
    order = sorted(groups, key=lambda name: (name in TITLES, name))
    found = {}
    for name in order:
        blocks = [rst.heading(TITLES.get(name, f"Devices: {name}"), label=f"cards-{name}"), _LEGEND]
        for given in groups[name]:
            blocks += [rst.heading(given.name, 2, label=f"card-{given.name}"), rst.escape(given.about)]
            if given.kind != "circuit":
                blocks.append(f"Model: {rst.code(given.model)}.")
            blocks += [rst.escape(line) for line in range_lines(given.name)]
            blocks.append(card_table(given))
        found[f"{FOLDER}/{name}.rst"] = rst.page(*blocks)
    rows = [
        (f":ref:`{given.name} <card-{given.name}>`", given.kind, rst.code(given.model), rst.escape(given.about))
        for name in order
        for given in groups[name]
    ]
    found[f"{FOLDER}/index.rst"] = rst.page(
        rst.heading("Cards", label="cards"),
        "A card is one TOML file of numbers. Each number has its unit, its source, its spread and how well it is "
        "known. "
        ":func:`memneuro.device.card.card` returns one by name, :func:`memneuro.device.card.read_card` reads your own.",
        rst.table(("card", "kind", "model", "what it is"), rows, (26, 12, 22, 60)),
        rst.toctree(order, ":hidden:", ":maxdepth: 1"),
    )
    return found
