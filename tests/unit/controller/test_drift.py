"""What a pass found to differ, as the status keeps it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from builders import a_binding
from funcgate.controller.drift import CORRECTED_LIMIT, OPEN_LIMIT, VALUE_LIMIT, news, record
from funcgate.engine import Outcome, Pass, Write
from funcgate.model import Action, Drift

NINE = datetime(2026, 6, 1, 9, tzinfo=UTC)
TEN = datetime(2026, 6, 1, 10, tzinfo=UTC)
URL = Drift(field="url", wanted="https://orders", seen="http://orders")
PENDING = Write(condition="BackendReady", key="backends/orders", action=Action.UPDATE, drifts=(URL,), made=False)
MADE = replace(PENDING, made=True)
ENTRY = {
    "part": "backend",
    "key": "backends/orders",
    "field": "url",
    "wanted": "https://orders",
    "seen": "http://orders",
    "since": "2026-06-01T09:00:00Z",
}
CORRECTED = ENTRY | {"correctedAt": "2026-06-01T10:00:00Z"}
NOTHING = {"drift": None, "drifting": None, "plan": None}


def a_pass(*writes: Write, status: str = "True", blocking: bool = True) -> Pass:
    outcome = Outcome(
        condition="BackendReady", status=status, reason="R", message="", blocking=blocking, changes=writes
    )
    return Pass(binding=a_binding(), outcomes=(outcome,))


def recorded(before: dict[str, Any], done: Pass, *, in_force: bool = True, now: datetime = NINE) -> dict[str, Any]:
    return record(before, done, in_force=in_force, now=now)


def test_where_nothing_differs_nothing_is_said() -> None:
    assert recorded({}, a_pass()) == NOTHING


def test_an_open_difference_is_as_old_as_it_is_known() -> None:
    first = recorded({}, a_pass(PENDING, status="False"))
    assert (first["drift"], first["drifting"]) == ([ENTRY], 1)
    assert recorded(first, a_pass(PENDING, status="False"), now=TEN) == first


def test_another_value_is_another_difference() -> None:
    other = replace(PENDING, drifts=(replace(URL, seen="http://elsewhere"),))
    first = recorded({}, a_pass(PENDING, status="False"))
    [entry] = recorded(first, a_pass(other, status="False"), now=TEN)["drift"]
    assert entry["since"] == "2026-06-01T10:00:00Z"


def test_what_is_corrected_keeps_since_when_it_differed() -> None:
    first = recorded({}, a_pass(PENDING, status="False"))
    assert recorded(first, a_pass(MADE), now=TEN) == NOTHING | {"drift": [CORRECTED]}


def test_what_is_written_for_the_first_time_was_no_drift() -> None:
    assert recorded({}, a_pass(MADE), in_force=False) == NOTHING


def test_what_could_not_be_seen_stays_as_it_was() -> None:
    first = recorded({}, a_pass(PENDING, status="False"))
    assert recorded(first, a_pass(status="Unknown"), now=TEN)["drift"] == [ENTRY]
    assert recorded(first, a_pass(PENDING, status="Unknown"), now=TEN)["drift"] == [ENTRY]
    assert recorded(first, a_pass(status="Unknown", blocking=False), now=TEN) == NOTHING


def test_corrections_stay_until_there_are_too_many_and_open_differences_come_first() -> None:
    before: dict[str, Any] = {}
    for number in range(CORRECTED_LIMIT + 3):
        drift = replace(URL, seen=f"http://{number}")
        before = recorded(before, a_pass(replace(MADE, drifts=(drift,))), now=TEN)
    assert len(before["drift"]) == CORRECTED_LIMIT
    assert before["drift"][0]["seen"] == f"http://{CORRECTED_LIMIT + 2}"
    after = recorded(before, a_pass(PENDING, status="False"), now=TEN)
    assert [("correctedAt" in each) for each in after["drift"]] == [False] + [True] * CORRECTED_LIMIT


def test_a_field_that_takes_two_writes_differs_once() -> None:
    second = replace(PENDING, drifts=(replace(URL, seen="http://between"),))
    assert recorded({}, a_pass(PENDING, second, status="False"))["drift"] == [ENTRY]


def test_all_of_it_is_bounded() -> None:
    many = [replace(PENDING, key=f"backends/{number}", drifts=(replace(URL, seen="x" * 999),)) for number in range(99)]
    found = recorded({}, a_pass(*many, status="False"))
    assert (len(found["drift"]), found["drifting"], len(found["plan"])) == (OPEN_LIMIT, 99, 30)
    assert len(found["drift"][0]["seen"]) == VALUE_LIMIT


def test_news_is_what_was_not_known() -> None:
    assert list(news({}, {"drift": [ENTRY]})) == [ENTRY]
    assert list(news({"drift": [ENTRY]}, {"drift": [ENTRY]})) == []
    assert list(news({"drift": [ENTRY]}, {"drift": [CORRECTED]})) == []
    assert list(news({}, {"drift": [CORRECTED]})) == [CORRECTED]
    assert list(news({"drift": [CORRECTED]}, NOTHING)) == []
