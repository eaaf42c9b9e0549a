"""The page of all commands says what `--help` says."""

import re

from commands_page import PAGE, commands_in, with_help
from funcgate.cli import main
from funcgate.cli.doctor import ALL_RIGHT, UNSEEN, WRONG


def test_every_command_has_its_heading_in_the_order_of_the_list() -> None:
    assert commands_in(PAGE.read_text()) == list(main.commands)


def test_the_page_shows_the_help_of_today() -> None:
    page = PAGE.read_text()
    assert with_help(page) == page, "make commands"


def test_every_exit_code_has_its_line() -> None:
    table = PAGE.read_text().partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\d)`", table, re.MULTILINE)) == {str(code) for code in (ALL_RIGHT, WRONG, UNSEEN)}
