"""Units and values in the documentation are those of the code: generated and hand-written tables, prose, docstrings."""

import ast
import re

import markdown_pages
import pytest
from _pages import cards, equations
from brian2 import Equations, get_dimensions
from brian2.units import allunits

from memneuro.circuit.device_circuit import DeviceCircuit
from memneuro.device.card import card, card_names, parse_unit

CARDS = [card(name) for name in card_names()]
#: Units of each parameter name over all cards; a name has one unit wherever it stands.
KNOWN = {}
for one in CARDS:
    for key, parameter in one.parameters.items():
        KNOWN.setdefault(key, set()).add(get_dimensions(parse_unit(parameter.unit)))

_PRINTED = {name: getattr(allunits, name) for name in ("second", "volt", "ohm", "hertz", "kelvin")}
_SYMBOLS = {
    "s": "second",
    "V": "volt",
    "A": "amp",
    "F": "farad",
    "S": "siemens",
    "Hz": "hertz",
    "K": "kelvin",
    "J": "joule",
    "ohm": "ohm",
    "W": "watt",
    "m": "metre",
    "kg": "kilogram",
    "rad": "1",
}
_NUMBER = r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?"
_PREFIXES = {"f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


def dimension(text):
    """Dimension of a unit as Brian2 prints it (``V Hz^0.5``, ``A/(V^2)``) or as a card writes it (``amp/volt**2``)."""
    text = text.strip()
    if text in ("1", "integer", "boolean"):
        return get_dimensions(1)
    words = re.sub(r"[A-Za-z]+", lambda match: _SYMBOLS.get(match[0], match[0]), text)
    words = re.sub(r"(?<=[\w)]) +(?=[a-z(])", "*", words).replace("^", "**")
    return get_dimensions(parse_unit(words))


def rst_tables(text):
    """Header and rows of each list-table."""
    for block in re.split(r"^\.\. list-table::\n", text, flags=re.MULTILINE)[1:]:
        rows = []
        for line in block.splitlines():
            if match := re.match(r"   (\*| ) -(?: (.*))?$", line):
                if match[1] == "*":
                    rows.append([])
                rows[-1].append(re.sub(r"``(.*?)``", r"\1", match[2] or ""))
            elif rows and line and not line.startswith("   "):
                break
        yield rows[0], rows[1:]


def markdown_tables(text):
    """Header and rows of each Markdown table."""
    for block in re.findall(r"(?:^\|.*\|\n)+", text, flags=re.MULTILINE):
        lines = [[cell.strip().strip("`") for cell in line.strip("|\n ").split("|")] for line in block.splitlines()]
        if len(lines) > 1 and set("".join(lines[1])) <= set("-: "):
            yield lines[0], lines[2:]


@pytest.fixture(scope="module")
def made():
    return cards.pages() | equations.pages()


def test_printed_units_are_read():
    assert dimension("V Hz^0.5") == get_dimensions(_PRINTED["volt"] * _PRINTED["hertz"] ** 0.5)
    assert dimension("K^-1") == get_dimensions(1 / _PRINTED["kelvin"])
    assert dimension("A/(V^2)") == get_dimensions(allunits.amp / allunits.volt**2) == dimension("amp/volt**2")
    assert dimension("volt") != dimension("ohm")


def test_a_parameter_has_one_unit_on_all_cards_of_a_model():
    found = {}
    for one in CARDS:
        for name, parameter in one.parameters.items():
            unit = get_dimensions(parse_unit(parameter.unit))
            assert found.setdefault((one.kind, one.model, name), unit) == unit, (one.name, name)


def test_card_tables_equal_the_cards(made):
    shown = {}
    for name, text in made.items():
        if not name.startswith("reference/generated/cards/") or name.endswith("index.rst"):
            continue
        for section in re.split(r"^\.\. _card-", text, flags=re.MULTILINE)[1:]:
            label = section.split(":", 1)[0]
            ((header, rows),) = rst_tables(section)
            shown[label] = [dict(zip(header, row, strict=True)) for row in rows]
    assert set(shown) == set(card_names())
    for one in CARDS:
        assert [row["parameter"] for row in shown[one.name]] == list(one.parameters)
        for row in shown[one.name]:
            parameter = one.parameters[row["parameter"]]
            assert row["unit"] == parameter.unit
            assert float(row["value"]) == pytest.approx(parameter.value, rel=1e-9)
            if parameter.interval:
                low, high = map(float, row["range"].split(" to "))
                assert (low, high) == pytest.approx(parameter.interval, rel=1e-9)


def test_equation_tables_equal_the_equations(made):
    printed = {}
    for models in equations.models_by_module().values():
        for model in models:
            found = equations.device_equations(model)
            if len(found) <= equations.MOST:
                printed |= {(model.name, one.varname): one.dim for one in found.values()}
    for circuit in equations.circuits():
        found = Equations(circuit().circuit_equations)
        printed |= {(circuit.__name__, one.varname): one.dim for one in found.values()}
    names = {name for _, name in printed}
    seen = set()
    for page, text in made.items():
        if not page.startswith("reference/generated/equations/"):
            continue
        for header, rows in rst_tables(text):
            if header[:2] != ["name", "unit"]:
                continue
            for name, unit, _ in rows:
                dims = {dim for (_, known), dim in printed.items() if known == name}
                assert name not in names or dimension(unit) in dims, (page, name, unit)
                seen.add(name)
    assert names <= seen


def test_parameter_tables_equal_the_code(made):
    count = 0
    circuits = {circuit.__name__: circuit for circuit in equations.circuits()}
    for page, text in made.items():
        if not page.startswith("reference/generated/equations/"):
            continue
        own = {}
        if match := re.search(r"^Circuit (\w+)$", text, re.MULTILINE):
            neuron: DeviceCircuit = circuits[match[1]]()
            own = {name: unit for name, (_, unit) in neuron.parameters().items()}
        for header, rows in rst_tables(text):
            if header != ["parameter", "unit", "meaning"]:
                continue
            for name, unit, meaning in rows:
                known = {dimension(own[name])} if name in own else KNOWN[name]
                assert dimension(unit) in known, (page, name, unit)
                assert meaning, (page, name)
                count += 1
    assert count > 50


PAGES = markdown_pages.pages()


def test_hand_written_tables_equal_the_cards():
    """A table with the columns parameter and unit; where it has a value, some card of that unit has it."""
    count = 0
    for page in PAGES:
        for header, rows in markdown_tables(page.read_text(encoding="utf-8")):
            if header[0] != "parameter" or "unit" not in header:
                continue
            for row in rows:
                cells = dict(zip(header, row, strict=True))
                name, unit = cells["parameter"], cells["unit"]
                assert dimension(unit) in KNOWN[name], (page, name, unit)
                if "value" in cells:
                    values = [one.parameters[name].value for one in CARDS if name in one.parameters]
                    near = [value for value in values if float(cells["value"]) == pytest.approx(value)]
                    assert near, (page, name, cells["value"], values)
                count += 1
    assert count >= 5


def test_units_in_prose_equal_the_cards():
    """```name` = 250 Mohm`` and ``name = "250 Mohm"``, in pages and in configuration blocks."""
    patterns = (
        rf"`(\w+)` (?:=|of|is) {_NUMBER} ?([A-Za-z]+)",
        rf"\b(\w+) ?= ?\"{_NUMBER} ?([A-Za-z]+)\"",
        rf"\b(\w+) ?= ?\[?{_NUMBER}(?:, {_NUMBER})*\]? \* ([A-Za-z]+)",
        rf"\b(\w+) ?= ?\[?\"{_NUMBER} ([A-Za-z]+)\"",
        rf"\b(\w+) = {{ low = \"{_NUMBER} ([A-Za-z]+)\"",
    )
    count = 0
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for pattern in patterns:
            for name, unit in re.findall(pattern, text):
                if name in KNOWN:
                    assert get_dimensions(getattr(allunits, unit)) in KNOWN[name], (page, name, unit)
                    count += 1
    assert count >= 5


def test_units_in_docstrings_equal_the_cards():
    """``r_control : Quantity (ohm)`` in a section of parameters."""
    count = 0
    for path in sorted((markdown_pages.REPOSITORY / "memneuro").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Module)):
                continue
            text = ast.get_docstring(node) or ""
            for names, unit in re.findall(r"^([\w, ]+) : [^\n(]*Quantity \(([^)\n]+)\)", text, re.MULTILINE):
                for name in names.split(", "):
                    if name in KNOWN:
                        assert dimension(unit) in KNOWN[name], (path, name, unit)
                        count += 1
    assert count >= 3
