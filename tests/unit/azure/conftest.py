"""A service at the other end of a wire, and time that passes only while sleeping."""

import pytest

from funcgate.azure.http import Http, Time
from unit.azure.wire import ARM, Sleeper, Wire


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def sleeper() -> Sleeper:
    return Sleeper()


@pytest.fixture
def http(wire: Wire, sleeper: Sleeper) -> Http:
    time = Time(sleep=sleeper.sleep, now=sleeper.now)
    return Http(service="arm", address=ARM, transport=wire, time=time)
