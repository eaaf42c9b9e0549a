"""A terminal in which somebody types the blocks of a page, one after the other."""

import os
import re
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from pages import Block

SECONDS = 60.0
_TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")

# `.` runs it in this very shell, so variables and functions stay, and so does `$?` for what is typed next.
_RUN = """. "{file}" </dev/null >>"{output}" 2>&1
_ended=$?; echo "$_ended"; (exit "$_ended")
"""


class Failed(AssertionError):
    """A block did not do what its page says; the message has page, line and output, without secrets."""


@dataclass(frozen=True)
class Ran:
    """What a block printed, stdout and stderr as they came, and the status of each of its commands that failed."""

    output: str
    statuses: tuple[int, ...] = ()


class Shell:
    """
    One bash that lives as long as the `with`, in `folder` and with exactly this environment.

    What it starts in the background ends with it. `secrets` are never shown when a block fails, nor are tokens.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], *, secrets: Collection[str] = ()) -> None:
        self._folder = folder
        self._environment = environment
        self._secrets = secrets

    def __enter__(self) -> Self:
        self._blocks = tempfile.TemporaryDirectory(prefix="funcgate-shell-")
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=self._folder,
            env=dict(self._environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            bufsize=0,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        self._blocks.cleanup()

    def run(self, block: Block, *, statuses: Sequence[int] = (), seconds: float = SECONDS) -> Ran:
        """
        The block, typed and ended. Raises Failed unless exactly these `statuses` came, one for each command that fails.

        The commands after one that failed are run all the same, as they are when somebody pastes a block.
        """
        until = time.monotonic() + seconds
        # Named as the page: so bash's own messages lead there, too.
        file = Path(self._blocks.name, block.page.name)
        output = file.with_suffix(".output")
        output.write_text("")
        ended = []
        try:
            for line, command in commands(block):
                file.write_text("\n" * (line - 1) + command)
                if status := self._type(_RUN.format(file=file, output=output), until):
                    ended.append((line, status))
        except _Gone as gone:
            self._end()
            raise Failed(f"{block}: {gone}\n{self._shown(output)}") from None
        if [status for _, status in ended] != list(statuses):
            each = "; ".join(f"line {line} ended with {status}" for line, status in ended) or "all ended with 0"
            raise Failed(f"{block}: {each}{f', not {list(statuses)}' if statuses else ''}\n{self._shown(output)}")
        return Ran(output.read_text(errors="replace"), tuple(statuses))

    def _type(self, text: str, until: float) -> int:
        """The status that bash answers with. Raises _Gone."""
        assert self._bash.stdin
        assert self._bash.stdout
        self._bash.stdin.write(text.encode())
        answer = b""
        while not answer.endswith(b"\n"):
            ready, _, _ = select.select([self._bash.stdout], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise _Gone("has not ended in time")
            if not (more := self._bash.stdout.read(16)):
                raise _Gone("ended the shell")
            answer += more
        return int(answer)

    def _shown(self, output: Path) -> str:
        text = output.read_text(errors="replace")
        for each in self._secrets:
            text = text.replace(each, "***")
        return _TOKEN.sub("***", text)

    def _end(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._bash.pid, signal.SIGKILL)
        self._bash.wait()
        for pipe in (self._bash.stdin, self._bash.stdout):
            assert pipe
            pipe.close()


class _Gone(Exception):
    """There is no answer to come."""


def commands(block: Block) -> Iterator[tuple[int, str]]:
    """The block command by command, as bash would take them from a terminal, each with the page's line it begins on."""
    begun, lines = block.line, ""
    for number, line in enumerate(block.text.splitlines(keepends=True), block.line):
        lines += line
        if _whole(lines):
            yield begun, lines
            begun, lines = number + 1, ""
    if lines:
        yield begun, lines


def _whole(text: str) -> bool:
    """Whether bash would run it, and not ask for more; it only warns when a here-document lacks its end."""
    checked = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    return (checked.returncode, checked.stderr) == (0, "") and not text.endswith("\\\n")
