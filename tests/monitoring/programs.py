"""
`prometheus` and `promtool`: those that `PROMETHEUS_ASSETS` names, else those on the PATH, else Debian's, fetched once.

Debian's package is downloaded by apt from the mirror that the machine is set up with, at a pinned version, and unpacked
into the cache. That takes no root and installs nothing.
"""

import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from controlplane.go_program import Say, cache, say_on_stderr
from controlplane.leash import locked

NAMES = ("prometheus", "promtool")
DEBIAN = "12"
VERSION = "2.42.0+ds-5+deb12u1"
SHA256 = {"amd64": "81d59a24fce84f7fbe97a45a4f2914b6a5881b5cd1db2a6a0e129e515e1a5f55"}
SECONDS = 300
HOW_TO_GET_THEM = (
    "install Debian's package `prometheus`, or your system's, so that prometheus and promtool are on the PATH, or name "
    "a folder that holds both in PROMETHEUS_ASSETS"
)


class Unavailable(Exception):
    """The programs are not here; the message says how to get them."""


class WrongPackage(Exception):
    """What was downloaded is not what was asked for."""


@dataclass(frozen=True, kw_only=True)
class Programs:
    """Where they are."""

    prometheus: Path
    promtool: Path


def programs(environment: Mapping[str, str] = os.environ, say: Say = say_on_stderr) -> Programs:
    """Both programs. Raises Unavailable where they are not and cannot be fetched."""
    if assets := environment.get("PROMETHEUS_ASSETS"):
        return _in(Path(assets))
    found = {name: shutil.which(name, path=environment.get("PATH", "")) for name in NAMES}
    if all(found.values()):
        return Programs(**{name: Path(str(path)) for name, path in found.items()})
    return _in(_fetched(say))


def promtool(*arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """What promtool says to this."""
    command = [str(programs().promtool), *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=SECONDS, check=False)


def _in(folder: Path) -> Programs:
    return Programs(**{name: folder / name for name in NAMES})


@functools.cache
def _architecture() -> str:
    """As dpkg calls it; Unavailable on a machine whose package is not pinned here."""
    release = Path("/etc/debian_version")
    here = release.read_text().partition(".")[0].strip() if release.is_file() else ""
    if here != DEBIAN or not all(map(shutil.which, ("apt-get", "dpkg", "dpkg-deb"))):
        raise Unavailable(f"prometheus and promtool are fetched on Debian {DEBIAN} only: {HOW_TO_GET_THEM}")
    architecture = _run("dpkg", "--print-architecture").strip()
    if architecture not in SHA256:
        raise Unavailable(f"no package is pinned for {architecture}: {HOW_TO_GET_THEM}")
    return architecture


def _fetched(say: Say) -> Path:
    """The folder in the cache that holds them."""
    architecture = _architecture()
    folder = cache() / f"prometheus-{VERSION}-{architecture}"
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(folder.with_name(f"{folder.name}.lock")):
        if not folder.exists():  # another process may have fetched it while we waited
            _fetch(folder, SHA256[architecture], say)
    return folder


def _fetch(folder: Path, sha256: str, say: Say) -> None:
    say(f"fetching Debian's prometheus {VERSION}, once: 19 MB")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetch-") as name:
        here = Path(name)
        package = _downloaded(here)
        if (found := hashlib.sha256(package.read_bytes()).hexdigest()) != sha256:
            raise WrongPackage(f"{package.name} has the checksum {found} instead of {sha256}")
        _run("dpkg-deb", "--extract", str(package), str(here / "unpacked"))
        (here / "unpacked" / "usr" / "bin").rename(folder)


def _downloaded(here: Path) -> Path:
    """The package; where apt has no lists of packages, or old ones, it gets some of its own for this."""
    (here / "lists" / "partial").mkdir(parents=True)
    (here / "archives" / "partial").mkdir(parents=True)
    own = [f"Dir::State::Lists={here}/lists", f"Dir::Cache={here}", "APT::Sandbox::User=root"]
    options = [word for each in own for word in ("--option", each)]
    try:
        _run("apt-get", "download", f"prometheus={VERSION}", cwd=here)
    except subprocess.CalledProcessError:
        _run("apt-get", *options, "update", cwd=here)
        _run("apt-get", *options, "download", f"prometheus={VERSION}", cwd=here)
    return next(here.glob("*.deb"))


def _run(*command: str, cwd: Path | None = None) -> str:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=SECONDS, check=True).stdout
