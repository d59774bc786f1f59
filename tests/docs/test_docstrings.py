"""Docstrings of everything public, and the help texts of the command line, are complete and agree with the code."""

import argparse
import inspect
import re

import docstring_rules as rules
import pytest
from brian2 import Quantity, ms
from brian2.stateupdaters.base import StateUpdateMethod

from memneuro import cli
from memneuro.circuit.device_circuit import DeviceCircuit
from memneuro.device.model import DeviceModel

PUBLIC = list(rules.public())
EXPORTED = rules.exported()


def complaints(rule, things=PUBLIC):
    return [text for name, thing in things for text in rule(name, thing)]


def test_much_is_public():
    assert len(PUBLIC) > 1000 and len(EXPORTED) > 80
    assert {"memneuro.cli", "memneuro.cli.main", "memneuro.simulation.Simulation.run"} <= {name for name, _ in PUBLIC}


@pytest.mark.parametrize("rule", [rules.sentence, rules.agreement, rules.types, rules.raises], ids=lambda r: r.__name__)
def test_everything_public(rule):
    found = complaints(rule)
    assert not found, "\n".join(found)


def test_results_of_what_is_exported():
    found = complaints(rules.returns, [pair for pair in PUBLIC if id(pair[1]) in EXPORTED])
    assert not found, "\n".join(found)


def modules_of(parent):
    """Modules with a subclass of `parent` that has equations of its own."""
    found = [
        module
        for module in rules.modules()
        for thing in vars(module).values()
        if inspect.isclass(thing)
        and thing.__module__ == module.__name__
        and issubclass(thing, parent)
        and thing is not parent
        and {"equations", "circuit_equations", "__call__"} & set(vars(thing))
        and not module.__name__.startswith("memneuro.bench")
    ]
    return list(dict.fromkeys(found))


@pytest.mark.parametrize(
    "parent, least", [(DeviceModel, 6), (DeviceCircuit, 6), (StateUpdateMethod, 1)], ids=lambda value: str(value)
)
def test_models_have_an_equation_and_a_source(parent, least):
    found = modules_of(parent)
    assert len(found) >= least
    # A device on a source meter is Ohm's law.
    for module in found:
        assert ".. math::" in module.__doc__, module.__name__
        assert re.search(r"doi:10\.\d{4,}/\S|Source: Ohm's law", module.__doc__), module.__name__


def test_the_transistor_has_an_equation_and_a_source():
    from memneuro.circuit import transistor

    assert ".. math::" in transistor.__doc__ and "doi:10." in transistor.__doc__


def commands(parser, name="memneuro"):
    """Name, help and parser of every command below a parser."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            texts = {one.dest: one.help for one in action._choices_actions}
            for word, one in action.choices.items():
                yield f"{name} {word}", texts.get(word), one
                yield from commands(one, f"{name} {word}")


def command_complaints(parser):
    """Commands and arguments without a help text, and durations whose help shows no unit."""
    found = []
    for name, text, one in commands(parser):
        if not text:
            found.append(f"{name} has no help")
        for action in one._actions:
            if isinstance(action, (argparse._SubParsersAction, argparse._HelpAction)):
                continue
            said = re.sub(r"\(?default: .*", "", action.help or "").strip()
            label = f"{name} {'/'.join(action.option_strings) or action.dest}"
            if not said or action.help == argparse.SUPPRESS:
                found.append(f"{label} does not say what it is")
            elif action.type is cli.duration and not re.search(r"\d(us|ms|s)\b", said):
                found.append(f"{label} shows no time with its unit")
    return found


def test_commands_have_help():
    parser = cli.build_parser()
    assert len(list(commands(parser))) >= 15
    assert not command_complaints(parser)


def test_commands_that_lack_help_are_found():
    parser = argparse.ArgumentParser()
    kinds = parser.add_subparsers()
    kinds.add_parser("silent").add_argument("--size", help="(default: 3)")
    kinds.add_parser("told", help="what it does").add_argument("--step", type=cli.duration, help="the step")
    assert command_complaints(parser) == [
        "memneuro silent has no help",
        "memneuro silent --size does not say what it is",
        "memneuro told --step shows no time with its unit",
    ]


def good(step: Quantity, count: int = 1) -> Quantity:
    """Repeat a step.

    Parameters
    ----------
    step : Quantity (second)
        The step.
    count : int
        How often.

    Returns
    -------
    Quantity (second)
        The sum.

    Raises
    ------
    ValueError
        If `count` is negative.
    """
    if count < 0:
        raise ValueError(count)
    return step * count


def bare(step: Quantity, count: int = 1) -> Quantity:
    """repeat a step"""
    if count < 0:
        raise ValueError(count)
    return step * count


def wrong(step: Quantity = 1 * ms, count: int = 1) -> Quantity:
    """Repeat a step.

    Parameters
    ----------
    count
        How often.
    step : Quantity (parsec)
        The step.

    Returns
    -------
    Quantity
        The sum.

    Raises
    ------
    KeyError
        If `count` is negative.
    """
    if count < 0:
        raise ValueError(count)
    return step * count


class Held:
    """What `good` was given."""

    def __init__(self, step: Quantity, count: int) -> None:
        if count < 0:
            raise ValueError(count)
        self.step, self.count = step, count


RULES = (rules.sentence, rules.agreement, rules.types, rules.returns, rules.raises)


def test_a_complete_docstring_passes():
    assert [text for rule in RULES for text in rule("good", good)] == []


@pytest.mark.parametrize(
    "rule, thing, text",
    [
        (rules.sentence, bare, "not a sentence: 'repeat a step'"),
        (rules.types, bare, r"no Parameters section for \['step', 'count'\]"),
        (rules.returns, bare, "no Returns section"),
        (rules.raises, bare, "raises ValueError, and its Raises section names nothing"),
        (rules.agreement, wrong, r"documents \['count', 'step'\], takes \['step', 'count'\]"),
        (rules.types, wrong, "count has no type"),
        (rules.types, wrong, "'parsec' is no unit"),
        (rules.returns, wrong, "a Quantity has its unit in the type"),
        (rules.raises, wrong, r"raises ValueError, and its Raises section names \['KeyError'\]"),
        (rules.types, Held, "no Parameters section"),
        (rules.raises, Held, "raises ValueError"),
    ],
)
def test_what_is_lacking_is_found(rule, thing, text):
    assert any(re.search(text, said) for said in rule(thing.__name__, thing))
