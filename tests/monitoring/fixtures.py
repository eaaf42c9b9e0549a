"""Pytest plugin: the programs are there, or the tests that need them say how to get them."""

import pytest

from monitoring.programs import Programs, Unavailable, programs


@pytest.fixture(scope="session")
def prometheus_programs() -> Programs:
    """Fetched once. Skipped only where they cannot be fetched at all: on Debian a failure is a failure."""
    try:
        return programs()
    except Unavailable as missing:
        pytest.skip(str(missing))
