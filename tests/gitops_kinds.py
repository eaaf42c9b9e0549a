"""
The kinds of Argo CD and Flux, out of their own modules, so that manifests of ours that use them are checked by them.

Nothing of theirs runs: only their schemas are read, from Go's module cache, where `go mod download` puts them once.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from controlplane.go_program import say_on_stderr
from controlplane.go_toolchain import go


@dataclass(frozen=True, kw_only=True)
class Module:
    """A module of somebody else's at one version; its sum is that of go.sum."""

    path: str
    version: str
    sum: str
    schemas: tuple[str, ...]


MODULES = (
    Module(
        path="github.com/argoproj/argo-cd/v3",
        version="v3.4.13",
        sum="h1:kmnF4nE5SQ83OhtdX6DMmLSpH0eRIa1gNYdCLNHqB+A=",
        schemas=("manifests/crds/application-crd.yaml", "manifests/crds/appproject-crd.yaml"),
    ),
    Module(
        path="github.com/fluxcd/kustomize-controller",
        version="v1.9.6",
        sum="h1:XB+G3A0mky0j5uVHZWv4oSlS2RvZBoNIUhstIvY0JKE=",
        schemas=("config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml",),
    ),
    Module(
        path="github.com/fluxcd/source-controller",
        version="v1.9.6",
        sum="h1:nG534/bI6nVpyHra7ONAk6xDB3xPsVT+EOLHZHXPrrc=",
        schemas=("config/crd/bases/source.toolkit.fluxcd.io_gitrepositories.yaml",),
    ),
)


def schemas() -> Iterator[Path]:
    """The files with their custom resource definitions."""
    for module in MODULES:
        folder = _folder(module)
        yield from (folder / each for each in module.schemas)


def _folder(module: Module) -> Path:
    command = [go((1, 26, 0), say_on_stderr), "mod", "download", "-json", f"{module.path}@{module.version}"]
    environment = os.environ | {"GOWORK": "off", "GOTOOLCHAIN": "local", "GOFLAGS": ""}
    with tempfile.TemporaryDirectory() as nowhere:
        answer = subprocess.run(command, cwd=nowhere, env=environment, capture_output=True, text=True, check=False)
    found = json.loads(answer.stdout or "{}")
    if "Dir" not in found:
        raise RuntimeError(f"{module.path} cannot be had: {found.get('Error') or answer.stderr}")
    if found["Sum"] != module.sum:
        raise RuntimeError(f"{module.path} {module.version} is not what it was: {found['Sum']}")
    return Path(found["Dir"])
