"""What `doctor` makes of what it read."""

from datetime import UTC, datetime, timedelta

import pytest

from funcgate.cli.doctor_azure import judged
from funcgate.report import State

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("off_seconds", "state", "says"),
    [
        (0, State.HOLDS, "agrees"),
        (59, State.HOLDS, "agrees"),
        (-59, State.HOLDS, "agrees"),
        (300, State.BROKEN, "300 s behind"),
        (-300, State.BROKEN, "299 s ahead of"),
    ],
)
def test_a_clock_that_is_more_than_a_minute_off_is_wrong(off_seconds: float, state: State, says: str) -> None:
    found = judged("clock", NOW + timedelta(seconds=off_seconds), NOW - timedelta(seconds=1), NOW)
    assert (found.state, found.says[0].startswith(says)) == (state, True)


def test_a_clock_that_was_not_told_is_not_seen() -> None:
    assert judged("clock", None, NOW, NOW).state is State.UNKNOWN
