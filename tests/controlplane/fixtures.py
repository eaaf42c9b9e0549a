"""Pytest plugin: a control plane for the whole run, a namespace for each test.

Load it with `pytest_plugins = ["controlplane.fixtures"]`.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane import program
from controlplane.control_plane import ControlPlane
from controlplane.shared import shared


@pytest.fixture(scope="session")
def control_plane(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """One control plane for all workers of this run."""
    if not os.environ.get("KUBEBUILDER_ASSETS"):
        _build_in_sight(request)
    with shared(_run_directory(tmp_path_factory) / "control-plane") as running:
        yield running


@pytest.fixture
def namespace(control_plane: ControlPlane) -> str:
    """A namespace of the test's own."""
    return control_plane.namespace()


def _build_in_sight(request: pytest.FixtureRequest) -> None:
    """Built, with the progress of these minutes on the terminal, past pytest's capture."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    if capture is None:
        program.build()
        return
    with capture.global_and_fixture_disabled():
        program.build()


def _run_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run's temporary directory. A worker of pytest-xdist gets one of its own inside it."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
