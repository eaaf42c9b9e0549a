"""What all tests share: a mark by folder, and the control plane's fixtures."""

from pathlib import Path

import pytest

pytest_plugins = ["controlplane.fixtures"]

_HERE = Path(__file__).parent
_MARKED_FOLDERS = ("contract", "integration")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test carries the mark of its folder, so that `-m integration` means the folder."""
    for item in items:
        folder = item.path.relative_to(_HERE).parts[0]
        if folder in _MARKED_FOLDERS:
            item.add_marker(getattr(pytest.mark, folder))
