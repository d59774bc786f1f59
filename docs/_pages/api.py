"""API pages: one for each public module, from its docstrings."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages
from types import ModuleType

from sphinx.pycode import ModuleAnalyzer

import memneuro

from . import rst

FOLDER = "reference/generated/api"
#: Modules whose classes are shown with what they inherit.
INHERITED = ("memneuro.circuit.one_m1t1r",)


def modules() -> Iterator[ModuleType]:
    """All public modules of the package, packages before what they hold."""
    for found in walk_packages(memneuro.__path__, "memneuro."):
        if not any(part.startswith("_") for part in found.name.split(".")):
            yield import_module(found.name)


def summary(value: object) -> str:
    """The first paragraph of a docstring as one line of reStructuredText."""
    first = " ".join((inspect.getdoc(value) or "").split("\n\n")[0].split())
    first = re.sub(r":\w+:`(\w+)`", r"``\1``", first)  # a name that is only known within its own module
    return f"{first[:-2]}." if first.endswith("::") else first


def own(module: ModuleType) -> list[str]:
    """Public names that are defined in a module and documented there, in the order of the source."""
    analyzer = ModuleAnalyzer.for_module(module.__name__)
    analyzer.analyze()
    documented = {name for scope, name in analyzer.attr_docs if not scope}
    found = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (
            name in documented
            or (callable(value) and getattr(value, "__module__", None) == module.__name__ and inspect.getdoc(value))
        )
    ]
    return sorted(found, key=lambda name: analyzer.tagorder.get(name, 0))


def offered(package: ModuleType) -> list[tuple[str, str]]:
    """Names a package hands on, and the page on which each is documented."""
    rows = []
    for name in getattr(package, "__all__", ()):
        value = getattr(package, name)
        home = getattr(value, "__module__", None)
        if callable(value) and home in sys.modules and not any(part.startswith("_") for part in home.split(".")):
            rows.append((f":py:obj:`{name} <{home}.{getattr(value, '__qualname__', name)}>`", summary(value)))
    return rows


def _module_page(module: ModuleType) -> str:
    members = ", ".join(own(module))
    options = [f":members: {members}" if members else ":no-members:"]
    if module.__name__ in INHERITED:
        options.append(":inherited-members:")
    body = f".. automodule:: {module.__name__}\n" + "".join(f"   {option}\n" for option in options)
    return rst.page(rst.heading(module.__name__), body)


def _package_page(package: ModuleType, children: list[ModuleType]) -> str:
    blocks = [
        rst.heading(package.__name__),
        f".. automodule:: {package.__name__}\n   :no-members:",
    ]
    if rows := offered(package):
        blocks += [f"Names that ``{package.__name__}`` offers:", rst.table(("name", "what it is"), rows, (35, 65))]
    if children:
        rows = [(f":py:mod:`{child.__name__}`", summary(child)) for child in children]
        pages = [f"{child.__name__.rpartition('.')[2]} <{child.__name__}>" for child in children]
        blocks += ["Modules:", rst.table(("module", "what it is"), rows, (35, 65)), rst.toctree(pages, ":hidden:")]
    return rst.page(*blocks)


def pages() -> dict[str, str]:
    """A page for each public module and an index."""
    every = {module.__name__: module for module in [memneuro, *modules()]}
    children: dict[str, list[ModuleType]] = {}
    for name, module in every.items():
        children.setdefault(name.rpartition(".")[0], []).append(module)
    found = {}
    for name, module in every.items():
        below = children.get(name, [])
        is_package = hasattr(module, "__path__")
        found[f"{FOLDER}/{name}.rst"] = _package_page(module, below) if is_package else _module_page(module)
    return found
