"""The program to start: the binaries that `KUBEBUILDER_ASSETS` names, else our own, built once per machine."""

import base64
import functools
import hashlib
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from controlplane.go_toolchain import go
from controlplane.leash import locked

SOURCE = Path(__file__).parent
SOURCE_FILES = ("go.mod", "go.sum", "main.go")
PROGRESS_SECONDS = 15.0

Say = Callable[[str], None]


class BuildError(Exception):
    """The program could not be built; the message ends with what Go said."""


def say_on_stderr(text: str) -> None:
    sys.stderr.write(f"control plane: {text}\n")
    sys.stderr.flush()


def command(environment: Mapping[str, str] = os.environ, say: Say = say_on_stderr) -> list[str]:
    """The command that takes kube-apiserver's flags and --etcd-data-dir, and ends with its standard input."""
    assets = environment.get("KUBEBUILDER_ASSETS")
    if assets:
        return [sys.executable, "-I", str(SOURCE / "assets.py"), assets]
    return [str(build(say))]


def build(say: Say = say_on_stderr) -> Path:
    """The built program, from the cache if these very sources were built before."""
    program = cache() / f"controlplane-{_key()}"
    if program.exists():
        return program
    program.parent.mkdir(parents=True, exist_ok=True)
    with locked(program.with_suffix(".lock")):
        if not program.exists():  # another process may have built it while we waited
            _build(program, say)
    return program


def cache() -> Path:
    """Outside the repository: specifications.freedesktop.org/basedir-spec."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "funcgate"


def kubernetes_version() -> str:
    """As `go.mod` names it, for instance v1.37.2."""
    return _required("k8s.io/kubernetes")


@functools.cache
def _key() -> str:
    digest = hashlib.sha256(f"{platform.system()} {platform.machine()} {_linker_flags()}".encode())
    for name in SOURCE_FILES:
        digest.update((SOURCE / name).read_bytes())
    return digest.hexdigest()[:16]


def _build(program: Path, say: Say) -> None:
    go_command = go(_go_version(), say)
    say(f"building etcd and kube-apiserver {kubernetes_version()} with {go_command}, once: five to ten minutes")
    with tempfile.TemporaryDirectory(dir=program.parent, prefix="build-") as directory:
        built = Path(directory) / "controlplane"
        # -buildvcs=false: the program is the same whatever the state of the repository around it.
        flags = ["-trimpath", "-buildvcs=false", "-mod=readonly", "-ldflags", _linker_flags(), "-o", str(built)]
        _run([go_command, "build", *flags, "."], Path(directory) / "log", say)
        built.rename(program)
    say(f"built {program}")


def _run(arguments: list[str], log: Path, say: Say) -> None:
    environment = os.environ | {"CGO_ENABLED": "0", "GOWORK": "off", "GOTOOLCHAIN": "local"}
    began = time.monotonic()
    with log.open("w") as output:
        process = subprocess.Popen(arguments, cwd=SOURCE, env=environment, stdout=output, stderr=output)
        with process:
            while (code := _exit_code(process, PROGRESS_SECONDS)) is None:
                say(f"still building, {time.monotonic() - began:.0f} s")
    if code != 0:
        raise BuildError(f"{' '.join(arguments[:2])} failed with {code}:\n{log.read_text()[-4000:]}")


def _exit_code(process: subprocess.Popen[bytes], within_seconds: float) -> int | None:
    try:
        return process.wait(within_seconds)
    except subprocess.TimeoutExpired:
        return None


def _linker_flags() -> str:
    """Without a stamp the server calls itself v0.0.0-master. A module knows no commit: its checksum stands in."""
    version = kubernetes_version()
    major, minor, _ = version.removeprefix("v").split(".", 2)
    stamp = {
        "gitVersion": version,
        "gitMajor": major,
        "gitMinor": minor,
        "gitCommit": _checksum("k8s.io/kubernetes", version),
        "gitTreeState": "clean",
    }
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    stamps = (f"-X {package}.{name}={value}" for package in packages for name, value in stamp.items())
    return " ".join(["-s -w", *stamps])


def _required(module: str) -> str:
    return _only(rf"^\s+{re.escape(module)} (\S+)", "go.mod")


def _go_version() -> tuple[int, ...]:
    return tuple(int(number) for number in _only(r"^go ([\d.]+)$", "go.mod").split("."))


def _checksum(module: str, version: str) -> str:
    checksum = _only(rf"^{re.escape(module)} {re.escape(version)} h1:(\S+)$", "go.sum")
    return base64.b64decode(checksum).hex()


def _only(pattern: str, file: str) -> str:
    found = re.search(pattern, (SOURCE / file).read_text(), re.MULTILINE)
    if found is None:
        raise BuildError(f"{file} has no line like {pattern}")
    return found.group(1)
