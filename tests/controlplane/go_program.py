"""Programs of our own in Go: built once per machine, and kept under a name made of their very sources."""

import functools
import hashlib
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from controlplane.go_toolchain import go
from controlplane.leash import locked

SOURCE_FILES = ("go.mod", "go.sum", "main.go")
PROGRESS_SECONDS = 15.0

Say = Callable[[str], None]


class BuildError(Exception):
    """The program could not be built; the message ends with what Go said."""


def say_on_stderr(text: str) -> None:
    sys.stderr.write(f"control plane: {text}\n")
    sys.stderr.flush()


def cache() -> Path:
    """Outside the repository: specifications.freedesktop.org/basedir-spec."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "funcgate"


@dataclass(frozen=True, kw_only=True)
class GoProgram:
    """A folder with go.mod, go.sum and main.go, and what becomes of it."""

    name: str
    source: Path
    about: str  # said to whoever waits for it, with how long it takes
    takes: str
    linker_flags: str = "-s -w"

    def build(self, say: Say = say_on_stderr) -> Path:
        """The built program, from the cache if these very sources were built before."""
        program = cache() / f"{self.name}-{self.key}"
        if program.exists():
            return program
        program.parent.mkdir(parents=True, exist_ok=True)
        with locked(program.with_suffix(".lock")):
            if not program.exists():  # another process may have built it while we waited
                self._build(program, say)
        return program

    @functools.cached_property
    def key(self) -> str:
        """Another one for other sources, versions, flags, or another kind of machine."""
        digest = hashlib.sha256(f"{platform.system()} {platform.machine()} {self.linker_flags}".encode())
        for name in SOURCE_FILES:
            digest.update((self.source / name).read_bytes())
        return digest.hexdigest()[:16]

    def _build(self, program: Path, say: Say) -> None:
        go_command = go(self._go_version(), say)
        say(f"building {self.about} with {go_command}, once: {self.takes}")
        with tempfile.TemporaryDirectory(dir=program.parent, prefix="build-") as directory:
            built = Path(directory) / self.name
            # -buildvcs=false: the program is the same whatever the state of the repository around it.
            flags = ["-trimpath", "-buildvcs=false", "-mod=readonly", "-ldflags", self.linker_flags, "-o", str(built)]
            self._run([go_command, "build", *flags, "."], Path(directory) / "log", say)
            built.rename(program)
        say(f"built {program}")

    def _run(self, arguments: list[str], log: Path, say: Say) -> None:
        environment = os.environ | {"CGO_ENABLED": "0", "GOWORK": "off", "GOTOOLCHAIN": "local"}
        began = time.monotonic()
        with log.open("w") as output:
            process = subprocess.Popen(arguments, cwd=self.source, env=environment, stdout=output, stderr=output)
            with process:
                while (code := _exit_code(process, PROGRESS_SECONDS)) is None:
                    say(f"still building, {time.monotonic() - began:.0f} s")
        if code != 0:
            raise BuildError(f"{' '.join(arguments[:2])} failed with {code}:\n{log.read_text()[-4000:]}")

    def _go_version(self) -> tuple[int, ...]:
        return tuple(int(number) for number in only(r"^go ([\d.]+)$", self.source / "go.mod").split("."))


def only(pattern: str, file: Path) -> str:
    """The group in the first line of the file that matches."""
    found = re.search(pattern, file.read_text(), re.MULTILINE)
    if found is None:
        raise BuildError(f"{file.name} has no line like {pattern}")
    return found.group(1)


def _exit_code(process: subprocess.Popen[bytes], within_seconds: float) -> int | None:
    try:
        return process.wait(within_seconds)
    except subprocess.TimeoutExpired:
        return None
