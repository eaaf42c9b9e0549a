"""What is shown of an operator at work: its metrics, rules and dashboard, in a real Prometheus that scraped it."""

from collections.abc import Iterator

import pytest

from controlplane import ControlPlane
from monitoring import promtool
from monitoring.run import Recording, recorded
from stage import install

pytestmark = pytest.mark.xdist_group("cluster")


@pytest.fixture(scope="module")
def recording(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recording]:
    """One play for all tests of this module."""
    install(control_plane)
    folder = tmp_path_factory.mktemp("monitoring")
    with recorded(control_plane, control_plane.namespace(), folder, scrapes=3) as done:
        yield done


def test_promtool_finds_nothing_to_complain_about(recording: Recording) -> None:
    checked = promtool("check", "metrics", text=recording.metrics)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
