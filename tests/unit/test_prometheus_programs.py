"""Where prometheus and promtool come from."""

from pathlib import Path

import pytest

import monitoring.programs as source
from monitoring.programs import NAMES, Programs, Unavailable, WrongPackage, programs


def quiet(_: str) -> None:
    """Nobody waits."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in NAMES:
        (tmp_path / name).touch(mode=0o755)
    return tmp_path


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Another system than the one whose package is pinned, with an empty cache."""
    source._architecture.cache_clear()
    monkeypatch.setattr(source, "DEBIAN", "of another world")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_a_folder_that_is_named_comes_first(folder: Path) -> None:
    found = programs({"PROMETHEUS_ASSETS": str(folder), "PATH": ""}, quiet)
    assert found == Programs(prometheus=folder / "prometheus", promtool=folder / "promtool")


def test_those_on_the_path_are_taken(folder: Path) -> None:
    assert programs({"PATH": str(folder)}, quiet).promtool == folder / "promtool"


@pytest.mark.usefixtures("elsewhere")
def test_where_nothing_is_pinned_it_is_said_how_to_get_them(folder: Path) -> None:
    (folder / "promtool").unlink()
    with pytest.raises(Unavailable, match=r"install Debian's package `prometheus`.*PROMETHEUS_ASSETS"):
        programs({"PATH": str(folder)}, quiet)
    source._architecture.cache_clear()


def test_another_package_than_the_pinned_one_is_not_unpacked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def downloaded(here: Path) -> Path:
        package = here / "prometheus.deb"
        package.write_text("something else")
        return package

    monkeypatch.setattr(source, "_downloaded", downloaded)
    with pytest.raises(WrongPackage, match="instead of 81d59a"):
        source._fetch(tmp_path / "prometheus", source.SHA256["amd64"], quiet)
    assert not (tmp_path / "prometheus").exists()
