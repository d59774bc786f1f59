"""Equation pages: every device model, circuit and drive as Brian2 itself holds its equations."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Iterable, Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from brian2 import Equations, amp, farad, ms, volt
from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER, SUBEXPRESSION

from memneuro.circuit.device_circuit import DeviceCircuit
from memneuro.circuit.drive import Current, PulseTrain
from memneuro.circuit.one_m1t1r import OneM1T1R
from memneuro.device.card import card, card_names
from memneuro.device.model import DeviceModel, device_model, model_names

from . import rst

FOLDER = "reference/generated/equations"
#: A model with more equations than this is named and not printed.
MOST = 60
HEADER = ("name", "unit", "what it is")
KINDS = {DIFFERENTIAL_EQUATION: "state", SUBEXPRESSION: "subexpression", PARAMETER: "set while it runs"}


def equation_block(equations: Equations) -> str:
    """The equations as Brian2 prints them: states first, then subexpressions in the order of evaluation."""
    order = list(equations.ordered)
    parts = ["\n".join(str(equation) for equation in order if equation.type == kind) for kind in KINDS]
    return rst.literal("\n\n".join(filter(None, parts)))


def unit_text(equation: Any) -> str:
    """The unit of an equation as Brian2 prints it."""
    return str(equation).rsplit(" : ", 1)[1].split(" (")[0]


def variable_table(equations: Equations) -> str:
    """Name, unit and kind of what the equations define."""
    rows = [
        (rst.code(one.varname), rst.code(unit_text(one)), KINDS[one.type])
        for one in sorted(equations.values(), key=lambda one: list(KINDS).index(one.type))
    ]
    return rst.table(HEADER, rows, (30, 20, 60))


def parameter_table(units: Mapping[str, str], meanings: Mapping[str, str] | None = None) -> str:
    """Name, unit and, where they are given, meanings of parameters."""
    rows = [(rst.code(name), rst.code(unit)) for name, unit in units.items()]
    if meanings is None:
        return rst.table(("parameter", "unit"), rows, (30, 80))
    told = [(*row, rst.escape(meanings.get(name, ""))) for row, name in zip(rows, units, strict=True)]
    return rst.table(("parameter", "unit", "meaning"), told, (30, 20, 60))


def device_equations(model: DeviceModel, noise: bool = True) -> Equations:
    """The equations of a device model by themselves."""
    return Equations(model.equations(noise))


def models_by_module() -> dict[str, list[DeviceModel]]:
    """All device models that have a card, by the module that defines their class."""
    found: dict[str, list[DeviceModel]] = defaultdict(list)
    cards = card_names("device")
    for model in map(device_model, model_names()):
        if model.default_card not in cards:  # one that somebody made for a number of particles of their own
            continue
        found[module_of(type(model))].append(model)
    return {name: sorted(models, key=lambda model: len(model.equations(True))) for name, models in found.items()}


def module_of(cls: type) -> str:
    """Name of the module of the class in which the equations of `cls` are written."""
    for base in cls.__mro__:
        if "equations" in vars(base) or "circuit_equations" in vars(base):
            return base.__module__
    raise ValueError(f"{cls.__name__} has no equations")


def circuits() -> list[type[DeviceCircuit]]:
    """All circuits of the package, base circuits first."""
    import memneuro.circuit

    for module in iter_modules(memneuro.circuit.__path__):
        import_module(f"memneuro.circuit.{module.name}")
    found: list[type[DeviceCircuit]] = []
    waiting: list[type[DeviceCircuit]] = DeviceCircuit.__subclasses__()
    while waiting:
        one = waiting.pop(0)
        waiting += one.__subclasses__()
        if one.__module__.startswith("memneuro.circuit."):
            found.append(one)
    return found


def circuit_units(neuron: DeviceCircuit) -> dict[str, str]:
    """Units of a circuit's own parameters."""
    return {name: unit for name, (_, unit) in neuron.parameters().items() if name not in neuron.model.parameters}


def _device_page(module: str, models: Iterable[DeviceModel]) -> str:
    blocks = [
        rst.heading(f"Device model {module.rsplit('.', 1)[-1]}", label=f"equations-{module.rsplit('.', 1)[-1]}"),
        f".. automodule:: {module}\n   :no-index:",
    ]
    for model in models:
        equations = device_equations(model)
        blocks.append(rst.heading(f"Brian2 equations of {model.name}", 2))
        if len(equations) > MOST:
            blocks.append(f"{len(equations)} equations of the same form; the card is :ref:`card-{model.default_card}`.")
            continue
        # A card need not have every parameter, such as a bound.
        cards = [card(name) for name in card_names("device") if card(name).model == model.name]
        parameters = {name: p for one in (*cards, card(model.default_card)) for name, p in one.parameters.items()}
        blocks += [
            "With noise; ``OneM1T1R(..., ...).equations(noise=False)`` is the same without the noise terms."
            if model.fluctuates({name: p.quantity for name, p in parameters.items()}) or model.noise_parameters
            else "This model has no noise.",
            equation_block(equations),
            variable_table(equations),
            f"Parameters; values are on the card, by default :ref:`card-{model.default_card}`.",
            parameter_table(
                {name: parameters[name].unit for name in model.parameters},
                {name: parameters[name].meaning for name in model.parameters},
            ),
        ]
    return rst.page(*blocks)


def _circuit_page(circuit: type[DeviceCircuit]) -> str:
    neuron = circuit()
    equations = Equations(neuron.circuit_equations)
    return rst.page(
        rst.heading(f"Circuit {circuit.__name__}", label=f"equations-{circuit.__name__}"),
        f".. automodule:: {circuit.__module__}\n   :no-index:",
        rst.heading("Brian2 equations", 2),
        equation_block(equations),
        "A spike is reported where",
        rst.literal(neuron.threshold, "python"),
        variable_table(equations),
        f"Parameters; values are on the card, by default :ref:`card-{neuron.circuit.name}`.",
        parameter_table(
            circuit_units(neuron),
            {name: one.meaning for name, one in neuron.circuit.parameters.items()} | dict(circuit.meanings),
        ),
    )


def drives() -> dict[str, Any]:
    """One drive of each kind that brings equations of its own."""
    return {
        "PulseTrain": PulseTrain(0.8 * volt, width=1 * ms, period=2 * ms),
        "Current": Current(1e-9 * amp, capacitance=1e-11 * farad),
    }


def _drive_page() -> str:
    blocks = [
        rst.heading("Drives", label="equations-drives"),
        "A drive defines the input voltage ``v_in``. A constant voltage is a parameter, a "
        ":class:`~memneuro.circuit.drive.Sampled` one is read from a ``TimedArray``, an "
        ":class:`~memneuro.circuit.drive.Expression` is your own text. These two bring equations:",
    ]
    for name, drive in drives().items():
        equations = Equations(drive.equations())
        units = {key: unit for key, (_, unit) in drive.parameters().items()}
        blocks += [
            rst.heading(name, 2),
            inspect.getdoc(type(drive)).split("\n\nParameters\n")[0],
            equation_block(equations),
            variable_table(equations),
            parameter_table(units),
        ]
    return rst.page(*blocks)


def _whole_page() -> str:
    neuron = OneM1T1R("hopping")
    return rst.page(
        rst.heading("The whole default neuron", label="equations-whole"),
        '``print(OneM1T1R("hopping").equations())``: device, circuit, input and every parameter, as Brian2 gets them.',
        equation_block(neuron.equations()),
    )


def pages() -> dict[str, str]:
    """A page for each device model and circuit, the drives, and the whole default neuron."""
    found = {}
    devices, wired = [], []
    for module, models in models_by_module().items():
        devices.append(module.rsplit(".", 1)[-1])
        found[f"{FOLDER}/{devices[-1]}.rst"] = _device_page(module, models)
    for circuit in circuits():
        wired.append(circuit.__module__.rsplit(".", 1)[-1])
        found[f"{FOLDER}/{wired[-1]}.rst"] = _circuit_page(circuit)
    found[f"{FOLDER}/drives.rst"] = _drive_page()
    found[f"{FOLDER}/whole_neuron.rst"] = _whole_page()
    found[f"{FOLDER}/index.rst"] = rst.page(
        rst.heading("Equations", label="equations"),
        "A neuron is the equations of a device, of a circuit and of a drive, put together as text. These pages show "
        "them "
        "as Brian2 holds them in this version of the package; the mathematics above them is that of the modules' "
        "documentation. Names without an equation are parameters.",
        rst.heading("Device models", 2),
        rst.toctree(devices, ":maxdepth: 1"),
        rst.heading("Circuits", 2),
        rst.toctree(wired, ":maxdepth: 1"),
        rst.heading("Drives, and all together", 2),
        rst.toctree(("drives", "whole_neuron"), ":maxdepth: 1"),
    )
    return found
