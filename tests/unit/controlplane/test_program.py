"""Which program is started, and that it is built once."""

import stat
import sys
from pathlib import Path

import pytest

from controlplane import go_toolchain, program


def a_go(directory: Path, version: str) -> Path:
    """A `go` that knows its version and nothing else."""
    directory.mkdir(parents=True)
    path = directory / "go"
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def no_words(text: str) -> None:
    pytest.fail(f"nothing was to be done, but: {text}")


def test_the_binaries_of_kubebuilder_assets_come_first() -> None:
    command = program.command({"KUBEBUILDER_ASSETS": "/opt/envtest"}, no_words)
    assert command == [sys.executable, "-I", str(program.SOURCE / "assets.py"), "/opt/envtest"]


def test_a_program_built_before_is_taken_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    built = tmp_path / "funcgate" / f"controlplane-{program._program().key}"
    built.parent.mkdir()
    built.touch()
    assert program.build(no_words) == built


def test_without_xdg_cache_home_the_cache_is_below_the_home_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert program.cache() == tmp_path / ".cache" / "funcgate"


def test_the_version_is_that_of_go_mod() -> None:
    assert program.kubernetes_version() == "v1.37.2"


@pytest.mark.parametrize("version", ["go1.26.0", "go1.26.8", "go1.27rc1", "go2.0"])
def test_a_go_that_is_new_enough_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    path = a_go(tmp_path / "bin", version)
    monkeypatch.setenv("PATH", str(path.parent))
    assert go_toolchain.go((1, 26, 0), no_words) == str(path)


@pytest.mark.parametrize("version", ["go1.25.9", "go1.4", "unknown"])
def test_a_go_that_is_too_old_is_passed_over_for_the_one_beside_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setenv("PATH", f"{a_go(tmp_path / 'old', version).parent}:/bin")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    newer = a_go(tmp_path / "venv" / "bin", "go1.27.3")
    assert go_toolchain.go((1, 26, 0), no_words) == str(newer)
