"""What was written lately is not taken for undone because a read is behind."""

from typing import Any

import pytest

from funcgate.azure.recent import SECONDS, Recent

BEFORE: dict[str, Any] = {"id": "o", "appId": "a", "web": 1, "notes": "x"}


@pytest.fixture
def clock() -> list[float]:
    return [0.0]


@pytest.fixture
def recent(clock: list[float]) -> Recent:
    return Recent(lambda: clock[0])


def test_a_read_of_the_former_state_shows_what_was_written(recent: Recent) -> None:
    recent.changed(BEFORE, {"web": 2})
    assert recent.seen(BEFORE, "appId", "a") == BEFORE | {"web": 2}


def test_a_read_of_anything_else_is_believed(recent: Recent) -> None:
    recent.changed(BEFORE, {"web": 2})
    assert recent.seen(BEFORE | {"web": 3}, "appId", "a") == BEFORE | {"web": 3}


def test_other_properties_are_as_they_are_read(recent: Recent) -> None:
    recent.changed(BEFORE, {"web": 2})
    assert recent.seen(BEFORE | {"notes": "y"}, "appId", "a") == BEFORE | {"web": 2, "notes": "y"}


def test_what_was_made_is_there_before_a_read_shows_it(recent: Recent) -> None:
    recent.made(BEFORE)
    recent.changed(BEFORE, {"web": 2})
    assert recent.seen(None, "appId", "a") == BEFORE | {"web": 2}
    assert recent.seen(None, "appId", "b") is None


def test_what_was_made_and_is_read_is_as_it_is_read(recent: Recent) -> None:
    recent.made(BEFORE)
    assert recent.seen(BEFORE | {"web": 5}, "appId", "a") == BEFORE | {"web": 5}


def test_what_was_taken_away_is_gone(recent: Recent) -> None:
    recent.made(BEFORE)
    recent.removed("o")
    assert recent.seen(None, "appId", "a") is None


def test_after_a_while_reads_are_believed_again(recent: Recent, clock: list[float]) -> None:
    recent.changed(BEFORE, {"web": 2})
    clock[0] = SECONDS
    assert recent.seen(BEFORE, "appId", "a") == BEFORE
