"""Whoever holds a leash keeps the program at its end alive; nobody else does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from controlplane.leash import Leash, program_ends

HOLDER = """
import os, signal, sys
os.open(sys.argv[1], os.O_WRONLY)
print("holding", flush=True)
signal.pause()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "leash"


def a_program(path: Path) -> tuple[Leash, subprocess.Popen[bytes]]:
    """A hold on `cat`, which ends with its standard input as the control plane does."""
    leash, standard_input = Leash.lay(path)
    program = subprocess.Popen(["cat"], stdin=standard_input)
    os.close(standard_input)
    return leash, program


def test_the_only_hold_is_the_last(path: Path) -> None:
    leash, program = a_program(path)
    with program:
        assert leash.let_go()
    assert program.returncode == 0


def test_a_second_hold_keeps_the_program_alive(path: Path) -> None:
    first, program = a_program(path)
    second = Leash.join(path)
    assert second is not None
    assert not first.let_go()
    assert not program_ends(path, within_seconds=0)
    with program:
        assert second.let_go()
    assert program_ends(path, within_seconds=0)


def test_the_hold_of_a_killed_process_does_not_last(path: Path) -> None:
    leash, program = a_program(path)
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"holding\n"
        leash.let_go()
        assert not program_ends(path, within_seconds=0)
        holder.kill()
    assert program.wait(timeout=10) == 0


def test_nobody_joins_a_program_that_has_ended(path: Path) -> None:
    leash, program = a_program(path)
    with program:
        leash.let_go()
    assert Leash.join(path) is None


def test_nobody_joins_where_none_was_started(path: Path) -> None:
    assert Leash.join(path) is None
