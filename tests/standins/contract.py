"""
What the Azure CLI takes, as far as the pages use it: az.json, read off the real one.

    python -m standins.contract PYTHON      in tests/: PYTHON is an interpreter that has azure-cli installed

writes az.json anew. Whoever adds an `az` command to a page needs that once.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "az.json"
EVERYWHERE = (
    "--debug",
    "--help",
    "-h",
    "--only-show-errors",
    "--output",
    "-o",
    "--query",
    "--subscription",
    "--verbose",
)
"""What every command takes. Source: learn.microsoft.com/cli/azure/reference-index, global parameters."""

_COMMAND = re.compile(r"\baz ((?:[a-z][a-z0-9-]*(?: |$))+)", re.MULTILINE)
_READ = """
import json, os, sys, tempfile
os.environ["AZURE_CONFIG_DIR"] = tempfile.mkdtemp()
from azure.cli.core import __version__, get_default_cli
from azure.cli.core.file_util import create_invoker_and_load_cmds_and_args
cli = get_default_cli()
create_invoker_and_load_cmds_and_args(cli)
known = cli.invocation.commands_loader.command_table
found = {}
for name in json.load(sys.stdin):
    found[name] = [
        {
            "names": sorted(map(str, argument.options_list)),
            "required": bool(argument.type.settings.get("required")),
            "values": argument.type.settings.get("nargs"),
            "choices": sorted(map(str, argument.choices or ())),
            "switch": "action" in argument.type.settings and "store_" in str(argument.type.settings["action"]),
        }
        for argument in known[name].arguments.values()
        if "--cmd" not in argument.options_list
    ]
print(json.dumps({"azure-cli": __version__, "commands": found}))
"""


class Refused(Exception):
    """The real one would not take that."""


@dataclass(frozen=True)
class Command:
    """One command with its options, each by all of its names."""

    name: str
    given: dict[str, list[str]]

    def option(self, *names: str) -> str | None:
        """The first value of the option, by any of its names."""
        return next((self.given[each][0] for each in names if self.given.get(each)), None)


def taken(words: Sequence[str]) -> Command:
    """What is asked for. Raises Refused for what the Azure CLI of az.json refuses before it asks Azure anything."""
    until = next((at for at, each in enumerate(words) if each.startswith("-")), len(words))
    name, rest = " ".join(words[:until]), words[until:]
    options = _contract()["commands"].get(name)
    if options is None:
        raise Refused(f"az {name}: az.json has no such command")
    given = dict(_given(rest))
    by_name = {each: option for option in options for each in option["names"]}
    for each, values in given.items():
        if each not in by_name and each not in EVERYWHERE:
            raise Refused(f"az {name}: has no option {each}")
        choices = by_name.get(each, {}).get("choices")
        if choices and not set(values) <= set(choices):
            raise Refused(f"az {name}: {each} takes {', '.join(choices)}")
        if each in by_name and len(values) > 1 and by_name[each]["values"] not in ("*", "+"):
            raise Refused(f"az {name}: {each} takes one value")
    for option in options:
        if option["required"] and not set(option["names"]) & given.keys():
            raise Refused(f"az {name}: {' or '.join(option['names'])} is required")
    return Command(name, given)


def _given(words: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    name, values = "", list[str]()
    for each in words:
        if re.match(r"--?[a-z]", each):
            if name:
                yield name, values
            name, _, value = each.partition("=")
            values = [value] if value else []
        else:
            values.append(each)
    if name:
        yield name, values


def _contract() -> dict[str, Any]:
    contract: dict[str, Any] = json.loads(FILE.read_text())
    return contract


def used() -> set[str]:
    """The commands that the pages use."""
    from pages import blocks
    from readings import all_pages

    texts = [block.text for page in all_pages() for block in blocks(page, "sh")]
    return {found.strip() for text in texts for found in _COMMAND.findall(text)}


if __name__ == "__main__":
    asked = json.dumps(sorted(used()))
    read = subprocess.run([sys.argv[1], "-c", _READ], input=asked, capture_output=True, text=True, check=True)
    FILE.write_text(json.dumps(json.loads(read.stdout.splitlines()[-1]), indent=1, sort_keys=True) + "\n")
