"""Every command and every manifest of the documentation is in a test, or somebody said why it is not."""

import json
import re

import pytest

from pages import blocks
from readings import ELSEWHERE, OTHERWISE, READINGS, all_pages, name_of, path_of
from standins.contract import FILE, Refused, taken, used
from standins.main import az

PAGES = {name_of(each): each for each in all_pages()}
TYPED = {"sh", "shell", "bash", "console"}


def test_every_page_with_commands_is_typed_by_a_test() -> None:
    with_commands = {name for name, page in PAGES.items() if any(blocks(page, *TYPED))}
    assert with_commands == {*READINGS, *ELSEWHERE}
    assert not set(READINGS) & set(ELSEWHERE)


def test_commands_are_marked_as_such_in_one_way() -> None:
    assert [block for page in PAGES.values() for block in blocks(page, *(TYPED - {"sh"}))] == []


@pytest.mark.parametrize("reason", ELSEWHERE.values())
def test_the_test_that_does_it_elsewhere_is_there(reason: str) -> None:
    (path,) = re.findall(r"tests/\S+\.py", reason)
    assert (path_of("README.md").parent / path).is_file()


@pytest.mark.parametrize("beginning", OTHERWISE)
def test_what_nobody_types_stands_in_one_page(beginning: str) -> None:
    found = [block for page in PAGES.values() for block in blocks(page, "sh") if block.text.startswith(beginning)]
    assert len(found) == 1


# --- the Azure CLI


def test_the_contract_has_the_commands_that_the_pages_use_and_no_others() -> None:
    assert set(json.loads(FILE.read_text())["commands"]) == used()


GOOD = ("identity", "show", "-g", "platform", "-n", "funcgate")


def test_what_the_azure_cli_takes_is_taken() -> None:
    assert taken((*GOOD, "--query", "clientId")).option("--name", "-n") == "funcgate"
    assert az((*GOOD, "--query", "clientId", "-o", "tsv")) == "bbbbbbbb-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("identity", "list"), "has no such command"),
        ((*GOOD, "--nmae", "x"), "has no option --nmae"),
        (("role", "definition", "create"), "--role-definition is required"),
        ((*GOOD, "again"), "-n takes one value"),
        ((*GOOD, "--query", "tags"), "nobody said what --query tags finds"),
    ],
)
def test_what_the_azure_cli_refuses_is_refused(words: tuple[str, ...], says: str) -> None:
    with pytest.raises(Refused, match=re.escape(says)):
        az(words)
