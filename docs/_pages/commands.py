"""The page of the command line, from the parser itself."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from memneuro.cli import build_parser

from . import rst

PAGE = "reference/generated/command_line.rst"


def commands(parser: argparse.ArgumentParser) -> Iterator[tuple[argparse.ArgumentParser, str]]:
    """All commands below `parser` with their one-line help, depth first."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for name, child in action.choices.items():
                yield child, helps.get(name, "")
                yield from commands(child)


def usage(parser: argparse.ArgumentParser) -> str:
    """The usage line."""
    text = " ".join(parser.format_usage().split())
    return text.removeprefix("usage: ")


def option_rows(parser: argparse.ArgumentParser) -> list[tuple[str, str]]:
    """Flags and help of every argument."""
    formatter = parser._get_formatter()
    rows = []
    for action in parser._actions:
        if isinstance(action, (argparse._SubParsersAction, argparse._HelpAction)):
            continue
        invocation = formatter._format_action_invocation(action)
        rows.append((rst.code(invocation), rst.escape(formatter._expand_help(action)) if action.help else ""))
    return rows


def pages() -> dict[str, str]:
    """One page for all commands."""
    parser = build_parser()
    blocks = [
        rst.heading("Command line", label="command-line"),
        parser.description,
        "With ``--json`` a command prints one JSON object as the last line of its standard output. Bad input gives one "
        "line on standard error and exit status 2; ``--debug`` shows the traceback.",
    ]
    for command, text in commands(parser):
        label = command.prog.replace(" ", "-")
        level = 2 if len(command.prog.split()) == 2 else 3
        summary = text.replace("%%", "%")
        blocks += [
            rst.heading(command.prog, level, label=label),
            rst.escape(summary[:1].upper() + summary[1:]) + ".",
            rst.literal(usage(command)),
            rst.table(("argument", "meaning"), option_rows(command), (35, 65)),
        ]
    return {PAGE: rst.page(*blocks)}
