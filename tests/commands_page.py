"""
The page of all commands, with what `--help` says today: `make commands` writes it.

Only what stands in a fence below the heading of a command is made; the words around it are people's.
"""

import re
from pathlib import Path

import click

from funcgate.cli import main

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "commands.md"
SECTION = re.compile(r"(^## funcgate (\w+)\n\n```text\n).*?(^```$)", re.MULTILINE | re.DOTALL)
COLUMNS = 80


def with_help(page: str) -> str:
    """The page with the help of today in it."""
    return SECTION.sub(lambda found: f"{found[1]}{_help(found[2])}\n{found[3]}", page)


def commands_in(page: str) -> list[str]:
    """The commands that have a heading, in their order."""
    return [found[2] for found in SECTION.finditer(page)]


def _help(name: str) -> str:
    command = main.commands[name]
    parent = click.Context(main, info_name="funcgate", terminal_width=COLUMNS, **main.context_settings)
    context = command.make_context(name, [], parent=parent, resilient_parsing=True)
    return command.get_help(context)


if __name__ == "__main__":
    PAGE.write_text(with_help(PAGE.read_text()))
