"""A running simulated Azure per test, and the clients that tests act as."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from azuresim import Simulator

OPERATOR = "0be7a70a-0000-4000-8000-0000000000aa"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "assumed: a behaviour of Azure that no public source confirms")


@pytest.fixture
async def azure() -> AsyncIterator[Simulator]:
    """Its world has one client, OPERATOR; what departs from the contracts fails the test at its end."""
    async with Simulator() as running:
        running.world.entra.add_application("operator", client_id=OPERATOR)
        yield running
