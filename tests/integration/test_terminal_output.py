"""What people see at a terminal and programs do not: the picture, colours, and that something is under way."""

import asyncio
import json
import os
import pty
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from integration.azure_stage import on_stage
from integration.in_process import run
from integration.terminal import Terminal


@pytest.fixture
async def terminal(tmp_path: Path) -> AsyncIterator[Terminal]:
    async with on_stage(check_contracts=False) as stage:
        await stage.settled()
        yield Terminal(stage, tmp_path)


async def at_a_terminal(terminal: Terminal, *arguments: str) -> str:
    """All that such a process writes to its terminal, on either stream."""
    ours, theirs = pty.openpty()
    environment = terminal._environment() | {"TERM": "xterm-256color", "COLUMNS": "100"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "funcgate", *arguments, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    said = await asyncio.to_thread(_all_of, ours)
    await process.wait()
    return said


def _all_of(file: int) -> str:
    said = b""
    try:
        while piece := os.read(file, 4096):
            said += piece
    except OSError:  # the other end is closed
        pass
    os.close(file)
    return said.decode()


async def test_at_a_terminal_the_chain_is_a_picture_and_waiting_is_seen(terminal: Terminal) -> None:
    said = await at_a_terminal(terminal, "explain", "-f", str(terminal.manifest()))
    assert "Looking at Azure, and calling …" in said
    assert "│ gateway │" in said
    assert "\x1b[32m" in said


@pytest.mark.parametrize("command", ["explain", "plan", "verify"])
async def test_data_is_the_same_as_json_and_as_yaml_and_nothing_else_is_said(terminal: Terminal, command: str) -> None:
    manifest, environment = str(terminal.manifest()), terminal._environment()
    json_, yaml_ = [await run(command, "-f", manifest, "-o", output, **environment) for output in ("json", "yaml")]
    assert (json_.exit_code, json_.stderr) == (0, "")
    assert yaml.safe_load(yaml_.stdout) == json.loads(json_.stdout)
