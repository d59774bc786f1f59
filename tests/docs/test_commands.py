"""Every command in the documentation and the README is one that the command line understands."""

import re
import shlex

import markdown_pages
import pytest

from memneuro.cli import build_parser

COMMANDS = [
    (path, line.strip().removeprefix("$ "))
    for path in markdown_pages.pages()
    for block in markdown_pages.blocks(path)
    if block.language in ("console", "bash", "sh")
    for line in block.code.splitlines()
    if re.match(r"(\$ )?memneuro ", line.strip())
]


@pytest.mark.parametrize("path, line", COMMANDS, ids=[line for _, line in COMMANDS])
def test_command_is_understood(path, line):
    words = shlex.split(line, comments=True)[1:]
    build_parser().parse_args(words)


def test_commands_are_found():
    assert len(COMMANDS) > 10
