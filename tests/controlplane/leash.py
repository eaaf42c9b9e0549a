"""A leash: the program at its end ends when the last process that holds it lets go or dies.

A named pipe is the program's standard input. The kernel closes it when no writer is left, however the writers ended, so
nothing has to be counted or cleaned up. A shared lock beside it tells who is the last.
"""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """No other process is inside the same block."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Leash:
    """One process' hold on a program."""

    def __init__(self, path: Path, end: int) -> None:
        self._end = end
        self._holders = path.with_suffix(".holders").open("a")
        fcntl.flock(self._holders, fcntl.LOCK_SH)

    @classmethod
    def lay(cls, path: Path) -> tuple[Self, int]:
        """A new leash and the program's end of it, to be its standard input and closed here afterwards."""
        path.unlink(missing_ok=True)
        os.mkfifo(path, 0o600)
        standard_input = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        leash = cls(path, os.open(path, os.O_WRONLY))
        os.set_blocking(standard_input, True)
        return leash, standard_input

    @classmethod
    def join(cls, path: Path) -> Self | None:
        """One more hold on a living program, None where none lives."""
        end = _writing_end(path)
        return None if end is None else cls(path, end)

    def let_go(self) -> bool:
        """Whether this was the last hold, so that the program ends now."""
        os.close(self._end)
        with self._holders:
            try:
                fcntl.flock(self._holders, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True


def program_ends(path: Path, within_seconds: float) -> bool:
    """Whether no program is left at this leash in time. For anyone to ask, and not misled by a zombie."""
    deadline = time.monotonic() + within_seconds
    while (end := _writing_end(path)) is not None:
        os.close(end)
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _writing_end(path: Path) -> int | None:
    try:
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ENXIO:  # nobody reads: man 7 fifo
            return None
        raise
