"""
What the Dockerfile's own steps make, carried out without Docker.

The paths of the image lie below a temporary folder; pip may use its cache. What needs the base image is left out: the
standard library's bytecode.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PLACES = ("/opt/", "/src")
NOBODY = 65534


class Instruction(NamedTuple):
    word: str
    rest: str


def stages(text: str) -> list[list[Instruction]]:
    """The instructions of each stage, without comments and with continued lines as one."""
    joined = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    found: list[list[Instruction]] = []
    for line in filter(str.strip, joined.splitlines()):
        instruction = Instruction(*line.split(maxsplit=1))
        if instruction.word == "ARG":
            continue
        if instruction.word == "FROM":
            found.append([])
        found[-1].append(instruction)
    return found


BUILD, FINAL = stages(DOCKERFILE)


def in_final(word: str) -> str:
    (found,) = (each.rest for each in FINAL if each.word == word)
    return found


def as_nobody() -> dict[str, Any]:
    """Arguments for `subprocess` that take every privilege away; who runs the tests has none anyway, or is root."""
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


def interpreter() -> str:
    """A Python that everybody may execute; a version manager's below root's home is not."""
    for name in (sys.executable, "/usr/local/bin/python3", "/usr/bin/python3"):
        try:
            check = "import ensurepip, sys; print(sys.executable) if sys.version_info >= (3, 11) else sys.exit(1)"
            asked = subprocess.run([name, "-c", check], capture_output=True, text=True, cwd="/", **as_nobody())
        except OSError:
            continue
        if asked.returncode == 0:
            return os.path.realpath(asked.stdout.strip())
    pytest.skip("no Python 3.11 or newer that an unprivileged user may execute")


class Image:
    """The first stage's outcome, below a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._at = folder
        self._tools = folder / "bin"
        self._tools.mkdir()
        (self._tools / "python").symlink_to(interpreter())

    @property
    def environment(self) -> Path:
        return self.folder / "opt/funcgate"

    @property
    def packages(self) -> Path:
        (found,) = self.environment.glob("lib/python3*/site-packages")
        return found

    def build(self) -> None:
        for each in BUILD:
            getattr(self, f"_{each.word.lower()}")(each.rest)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """The command with the image's PATH, as nobody."""
        environment = {"PATH": f"{self.environment}/bin:/usr/bin:/bin", "HOME": "/"}
        return subprocess.run(command, capture_output=True, text=True, cwd="/", env=environment, **as_nobody())

    def _from(self, rest: str) -> None:
        assert rest.startswith("${BASE}")

    def _workdir(self, rest: str) -> None:
        self._at = self.folder / rest.lstrip("/")
        self._at.mkdir()

    def _copy(self, rest: str) -> None:
        *sources, target = rest.split()
        for source in sources:
            into = self._at / target / (Path(source).name if (ROOT / source).is_file() else "")
            into.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / source).is_file():
                shutil.copy(ROOT / source, into)
            else:
                shutil.copytree(ROOT / source, into, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))

    def _run(self, rest: str) -> None:
        command = rest.replace("--no-cache-dir", "--quiet")
        for place in PLACES:
            command = re.sub(rf"(?<![\w/]){place}", f"{self.folder}{place}", command)
        environment = os.environ | {"PATH": f"{self._tools}:/usr/bin:/bin"}
        done = subprocess.run(
            ["sh", "-ec", command], cwd=self._at, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{rest}\n{done.stdout}\n{done.stderr}"


@contextmanager
def built() -> Iterator[Image]:
    """The image's files, which nobody who runs them can change."""
    with tempfile.TemporaryDirectory(prefix="funcgate-image-") as folder:
        Path(folder).chmod(0o755)
        image = Image(Path(folder))
        image.build()
        if os.geteuid() == 0:
            yield image  # root's files, and who runs them is nobody
            return
        subprocess.run(["chmod", "-R", "a-w", folder], check=True)
        yield image
        subprocess.run(["chmod", "-R", "u+w", folder], check=True)
