"""Tab in a shell: scripts that a shell loads, and what they ask."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from funcgate.cli import main

SOURCES = Path(__file__).parents[3] / "operator"
SYNTAX = {"bash": ("bash", "-n"), "zsh": ("zsh", "-n"), "fish": ("fish", "--no-execute")}


@pytest.mark.parametrize("shell", SYNTAX)
def test_each_shell_gets_a_script_that_it_can_read(shell: str, tmp_path: Path) -> None:
    ran = CliRunner().invoke(main, ["completion", shell], prog_name="funcgate")
    assert (ran.exit_code, f"_FUNCGATE_COMPLETE={shell}_complete" in ran.stdout) == (0, True)
    if shutil.which(shell):
        script = tmp_path / "script"
        script.write_text(ran.stdout)
        assert subprocess.run([*SYNTAX[shell], str(script)], check=False).returncode == 0


def test_what_the_script_asks_is_answered_without_loading_what_it_does_not_need() -> None:
    """The Azure SDKs take a second; nobody waits that long for Tab."""
    program = (
        "import sys, atexit; from funcgate.cli import main\n"
        "slow = {'azure', 'kopf', 'msgraph'}\n"
        "atexit.register(lambda: print(*sorted(slow & {name.partition('.')[0] for name in sys.modules})))\n"
        "main(prog_name='funcgate')"
    )
    ask = {"_FUNCGATE_COMPLETE": "bash_complete", "COMP_WORDS": "funcgate re", "COMP_CWORD": "1"}
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCES)} | ask
    ran = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == ["plain,resume", "plain,reconcile", ""]


@pytest.mark.parametrize("name", main.commands)
def test_every_command_in_the_list_is_there_under_its_name(name: str) -> None:
    assert main.commands[name].name == name
