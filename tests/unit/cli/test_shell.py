"""What all commands share: a fault of ours is a sentence, too, and so is what a terminal has no signs for."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from funcgate.cli import main
from funcgate.cli.shell import Shell
from funcgate.errors import FuncgateError

SOURCES = Path(__file__).parents[3] / "operator"


def ran(error: BaseException, name: str = "fly") -> Result:
    """A command of this name raises it."""

    @click.command(name)
    def command() -> None:
        raise error

    group = Shell("funcgate", lines={})
    group.commands = {name: command}
    return CliRunner().invoke(group, [name])


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (FuncgateError("orders: is not there; name another"), "Error: orders: is not there; name another\n"),
        (FileNotFoundError(2, "No such file or directory", "/a"), "Error: /a: No such file or directory\n"),
        (KeyboardInterrupt(), "Aborted!\n"),
    ],
)
def test_whatever_a_command_raises_is_a_sentence(error: BaseException, says: str) -> None:
    done = ran(error)
    assert (done.exit_code, done.stdout, done.stderr.lstrip("\n")) == (1, "", says)


def test_a_fault_of_ours_is_named_by_its_kind_and_place_and_not_in_its_own_words() -> None:
    done = ran(ValueError("hush"))
    assert done.exit_code == 1
    assert re.fullmatch(
        r"Error: a fault in funcgate itself \(ValueError in test_shell\.py, line \d+\); please report it with what you "
        r"called\n",
        done.stderr,
    )


def test_a_fault_of_the_operator_itself_leaves_its_trace_in_the_log() -> None:
    assert isinstance(ran(ValueError("seven"), "run").exception, ValueError)


def test_a_terminal_without_our_signs_shows_others() -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCES), "PYTHONIOENCODING": "latin-1"}
    command = [sys.executable, "-m", "funcgate", "explain", "--help"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, "caller ? gateway" in done.stdout) == (0, True), done.stderr


def commands() -> Iterator[tuple[str, click.Command]]:
    yield from ((name, main.commands[name]) for name in main.commands)


def test_every_option_says_what_it_is_for() -> None:
    silent = [
        f"{name} {option.name}"
        for name, command in commands()
        for option in command.params
        if isinstance(option, click.Option) and not option.help and option.name != "output"
    ]
    assert silent == []


@pytest.mark.parametrize("module", ["annotate", "completion", "cluster"])
def test_a_command_that_asks_only_the_cluster_does_not_wait_for_azures_sdks(module: str) -> None:
    code = f"import funcgate.cli.{module}, sys; print({{each.partition('.')[0] for each in sys.modules}})"
    loaded = ast.literal_eval(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout)
    assert loaded & {"azure", "kopf", "lxml", "msgraph"} == set()
    assert "click" in loaded
