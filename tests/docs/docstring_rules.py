"""What a docstring of the package must hold, as functions from a name and an object to a list of complaints."""

import ast
import builtins
import dataclasses
import functools
import importlib
import inspect
import pkgutil
import re
import sys
from pathlib import Path

from numpydoc.docscrape import NumpyDocString

import memneuro
from memneuro.device.card import parse_unit

#: A script that is started with MPI, not a module to import.
SCRIPTS = ("memneuro.network.neuron_rank",)


def modules():
    """Public modules of the package; those whose extra is not installed are left out."""
    yield memneuro
    for info in pkgutil.walk_packages(memneuro.__path__, "memneuro."):
        if info.name in SCRIPTS or any(part.startswith("_") for part in info.name.split(".")):
            continue
        try:
            yield importlib.import_module(info.name)
        except ModuleNotFoundError as error:
            if (error.name or "memneuro").split(".")[0] == "memneuro":
                raise


def members(owner, prefix):
    """Public functions, classes, methods and properties that are defined in a module or a class."""
    for name, value in vars(owner).items():
        # The default of a dataclass's field may be a function too.
        if name.startswith("_") or (inspect.isclass(owner) and name in vars(owner).get("__annotations__", {})):
            continue
        if isinstance(value, (staticmethod, classmethod)):
            value = value.__func__
        elif isinstance(value, property):
            value = value.fget
        elif isinstance(value, functools.cached_property):
            value = value.func
        plain = inspect.unwrap(value) if callable(value) else value
        # Left out: what is imported, and methods that other packages give to their subclasses.
        if getattr(plain, "__module__", None) != (owner.__name__ if inspect.ismodule(owner) else owner.__module__):
            continue
        if inspect.isfunction(plain):
            yield f"{prefix}.{name}", plain
        elif inspect.isclass(plain) and inspect.ismodule(owner):
            yield f"{prefix}.{name}", plain
            yield from members(plain, f"{prefix}.{name}")


def public():
    """Name and object of everything public: modules and what :func:`members` finds in them."""
    for module in modules():
        yield module.__name__, module
        yield from members(module, module.__name__)


def exported():
    """Objects that are named in the `__all__` of some module."""
    found = {}
    for module in modules():
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if callable(value):
                found[id(inspect.unwrap(value))] = value
    return set(found)


def called(thing):
    """The function that is called: the object, or the `__init__` a class defines; None where there is none."""
    if inspect.isclass(thing):
        return vars(thing).get("__init__") if inspect.isfunction(vars(thing).get("__init__")) else None
    return thing if inspect.isfunction(thing) else None


def parameters(thing):
    """Parameters by name, without `self`, `cls` and the `ctx` that PyTorch passes."""
    function = called(thing)
    if function is None:
        return {}
    found = inspect.signature(function).parameters
    return {name: value for name, value in found.items() if name not in ("self", "cls", "ctx")}


def documented(thing):
    """Name and type of each entry of the Parameters section; an entry may name several.

    The fields of a dataclass may be its Attributes, and an overriding method may leave both to the one it overrides.
    """
    doc = _doc(thing)
    section = doc["Parameters"] or (doc["Attributes"] if dataclasses.is_dataclass(thing) else [])
    found = [(name.strip().lstrip("*"), entry.type) for entry in section for name in entry.name.split(",")]
    return found or next((documented(one) for one in overridden(thing) if documented(one)), [])


def overridden(thing):
    """The methods of the same name and parameters that a method of the package overrides."""
    owner = sys.modules.get(thing.__module__) if inspect.isfunction(thing) else None
    for part in thing.__qualname__.split(".")[:-1] if owner is not None else []:
        owner = getattr(owner, part, None)
    parents = owner.__mro__[1:] if inspect.isclass(owner) else ()
    found = [vars(one).get(thing.__name__) for one in parents if one.__module__.split(".")[0] == "memneuro"]
    return [one for one in found if inspect.isfunction(one) and list(parameters(one)) == list(parameters(thing))]


def sentence(name, thing):
    """A docstring begins with a sentence; a colon leads to an equation."""
    text = thing.__doc__ if inspect.isclass(thing) else inspect.getdoc(thing)
    if not text:
        return [f"{name}: no docstring"]
    first = " ".join(text.split("\n\n")[0].split())
    if not re.match(r"[A-Z0-9`:*\"'(]", first) or not re.search(r"[.?:][`\"')]*$", first):
        return [f"{name}: the first line is not a sentence: {first!r}"]
    return []


def agreement(name, thing):
    """Documented parameters are those of the signature, in the same order."""
    found, wanted = [entry[0] for entry in documented(thing)], list(parameters(thing))
    if called(thing) is not None and found and found != wanted:
        return [f"{name}: documents {found}, takes {wanted}"]
    return []


def types(name, thing):
    """Two or more parameters are documented, each with a type, and that of a quantity has a unit."""
    given = parameters(thing)
    entries = documented(thing)
    if not entries:
        return [f"{name}: no Parameters section for {list(given)}"] if len(given) > 1 else []
    complaints = []
    for one, kind in entries:
        annotation = str(given[one].annotation) if one in given else ""
        if not kind:
            complaints.append(f"{name}: {one} has no type")
        elif "Quantity" in annotation and "Quantity" not in kind:
            complaints.append(f"{name}: {one} is a Quantity, not {kind!r}")
        else:
            complaints += [f"{name}: {one}: {text}" for text in _units(kind)]
    return complaints


def returns(name, thing):
    """What an exported function returns is described, with unit, shape or columns."""
    function = called(thing)
    kind = inspect.signature(function).return_annotation if function is not None else None
    if inspect.isclass(thing) or kind in (None, "None", inspect.Signature.empty, "NoReturn"):
        return []
    doc = _doc(thing)
    section = doc["Returns"] or doc["Yields"]
    if not section:
        return [f"{name}: no Returns section for {kind}"]
    complaints = []
    for entry in section:
        text = " ".join([entry.type, *entry.desc])
        complaints += [f"{name}: {said}" for said in _units(entry.type)]
        if "ndarray" in entry.type and "shape" not in text:
            complaints.append(f"{name}: returns an array without a shape")
        if re.search(r"DataFrame|^dict\b", entry.type) and not re.search(r"``|:func:|:class:|`\w", text):
            complaints.append(f"{name}: returns a {entry.type} without its columns")
        if not entry.type:
            complaints.append(f"{name}: returns something without a type")
    return complaints


def raises(name, thing):
    """Errors that the body itself raises have a Raises section which names them."""
    functions = [thing] if inspect.isfunction(thing) else []
    if inspect.isclass(thing):
        functions = [vars(thing)[key] for key in ("__init__", "__post_init__") if key in vars(thing)]
    types = ",".join(entry.type for entry in _doc(thing)["Raises"])
    said = {word.strip().split(".")[-1] for word in types.split(",") if word}
    complaints = []
    for function in functions:
        for error in raised(function):
            known = function.__globals__.get(error, getattr(builtins, error, None))
            names = {one.__name__ for one in known.__mro__} if inspect.isclass(known) else set()
            if not said or (names and not names & said):
                complaints.append(f"{name}: raises {error}, and its Raises section names {sorted(said) or 'nothing'}")
    return complaints


def raised(function):
    """Names of what the body raises; functions within it, and errors that are passed on or caught, are left out."""
    node = _definitions(function.__code__.co_filename).get(function.__code__.co_firstlineno)
    # The `__init__` that dataclasses writes stands in no file.
    found, todo = set(), [(one, frozenset()) for one in node.body] if node is not None else []
    while todo:
        node, caught = todo.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            continue
        if isinstance(node, ast.Raise) and node.exc is not None:
            error = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            name = ast.unparse(error)
            if isinstance(node.exc, ast.Call) or hasattr(builtins, name):
                found |= {name} - caught
        inner = caught
        if isinstance(node, ast.Try):
            kinds = [one for handler in node.handlers if handler.type for one in ast.walk(handler.type)]
            inner = caught | {one.id for one in kinds if isinstance(one, ast.Name)}
            if "Exception" in inner:
                inner |= {name for name, one in vars(builtins).items() if inspect.isclass(one)}
        for part, child in ((part, child) for part, value in ast.iter_fields(node) for child in _nodes(value)):
            todo.append((child, inner if part == "body" else caught))
    return found


def _nodes(value):
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, ast.AST)]


@functools.cache
def _definitions(path):
    """Definitions of functions in a file by the line they begin at, decorators included."""
    file = Path(path)
    tree = ast.parse(file.read_text(encoding="utf-8") if file.is_file() else "")
    defs = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return {min([node.lineno, *(one.lineno for one in node.decorator_list)]): node for node in defs}


@functools.cache
def _parsed(text):
    return NumpyDocString(text)


def _doc(thing):
    return _parsed("" if inspect.ismodule(thing) else inspect.getdoc(thing) or "")


def _units(kind):
    """Complaints about the units in a type such as ``Quantity (second), shape (n,)``."""
    complaints = []
    for match in re.finditer(r"Quantity(?: \(([^)]*)\))?", kind):
        unit = match[1]
        if unit is None:
            complaints.append(f"a Quantity has its unit in the type, e.g. Quantity (second); found {kind!r}")
        elif unit != "any unit":
            for one in unit.split(" or "):
                try:
                    parse_unit(one)
                except ValueError:
                    complaints.append(f"{one!r} is no unit")
    return complaints
