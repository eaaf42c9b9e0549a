"""The program to start: the binaries that `KUBEBUILDER_ASSETS` names, else our own, built once per machine."""

import base64
import functools
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from controlplane.go_program import BuildError, GoProgram, Say, cache, only, say_on_stderr

__all__ = ["SOURCE", "BuildError", "Say", "build", "cache", "command", "kubernetes_version", "say_on_stderr"]

SOURCE = Path(__file__).parent


def command(environment: Mapping[str, str] = os.environ, say: Say = say_on_stderr) -> list[str]:
    """The command that takes kube-apiserver's flags and --etcd-data-dir, and ends with its standard input."""
    assets = environment.get("KUBEBUILDER_ASSETS")
    if assets:
        return [sys.executable, "-I", str(SOURCE / "assets.py"), assets]
    return [str(build(say))]


def build(say: Say = say_on_stderr) -> Path:
    """The built program, from the cache if these very sources were built before."""
    return _program().build(say)


@functools.cache
def _program() -> GoProgram:
    return GoProgram(
        name="controlplane",
        source=SOURCE,
        about=f"etcd and kube-apiserver {kubernetes_version()}",
        takes="five to ten minutes",
        linker_flags=_linker_flags(),
    )


def kubernetes_version() -> str:
    """As `go.mod` names it, for instance v1.37.2."""
    return _version_of("k8s.io/kubernetes")


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


def _version_of(module: str) -> str:
    return only(rf"^\s+{re.escape(module)} (\S+)", SOURCE / "go.mod")


def _checksum(module: str, version: str) -> str:
    checksum = only(rf"^{re.escape(module)} {re.escape(version)} h1:(\S+)$", SOURCE / "go.sum")
    return base64.b64decode(checksum).hex()
