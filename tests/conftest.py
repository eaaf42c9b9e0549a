"""What all tests share: a mark by folder, the control plane's fixtures, and our kind in it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane import ControlPlane
from controlplane.shared import shared
from image import Image, built

pytest_plugins = ["controlplane.fixtures", "monitoring.fixtures"]

_HERE = Path(__file__).parent
_MARKED_FOLDERS = ("contract", "integration")
_CRDS = _HERE.parent / "crds"


def pytest_configure(config: pytest.Config) -> None:
    """The main thread has a loop that somebody closes: pytest-asyncio asks for one and Python 3.11 would make it up."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    config.add_cleanup(loop.close)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test carries the mark of its folder, so that `-m integration` means the folder."""
    for item in items:
        folder = item.path.relative_to(_HERE).parts[0]
        if folder in _MARKED_FOLDERS:
            item.add_marker(getattr(pytest.mark, folder))


@pytest.fixture(scope="session")
def our_kind(control_plane: ControlPlane) -> None:
    """The control plane serves functionapibindings; applied by each worker, which does no harm."""
    control_plane.kubectl("apply", "--server-side", "--force-conflicts", "--kustomize", str(_CRDS))
    control_plane.wait_for_crd("functionapibindings.funcgate.dev")


@pytest.fixture(scope="session")
def bare_control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A cluster of its own in which nobody has installed anything."""
    with shared(tmp_path_factory.mktemp("bare")) as running:
        yield running


@pytest.fixture(scope="session")
def image() -> Iterator[Image]:
    """What the image holds. It takes a minute: tests that ask for it are of the group "image", which one worker has."""
    with built() as made:
        yield made
