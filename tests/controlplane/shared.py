"""One control plane for several processes: the first starts it, the last ends it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from controlplane.control_plane import ControlPlane
from controlplane.leash import locked


@contextmanager
def shared(directory: Path) -> Iterator[ControlPlane]:
    """A running control plane that lives at least until the end of the block, whoever else uses this directory."""
    directory.mkdir(parents=True, exist_ok=True)
    lock = directory / "lock"
    control_plane = ControlPlane(directory)
    with locked(lock):
        if not control_plane.join():
            control_plane.start()
    try:
        yield control_plane
    finally:
        with locked(lock):  # the last one waits in here for the end, so that nobody joins what is about to end
            control_plane.stop()
