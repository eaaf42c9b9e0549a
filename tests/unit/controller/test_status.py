"""When a status is written, and what of it."""

from datetime import UTC, datetime
from typing import Any

from engines import APass, ready, stalled, waiting
from funcgate.controller import status
from objects import a_ready_status

NOW = datetime(2026, 2, 1, tzinfo=UTC)
THEN = "2026-01-01T00:00:00Z"


def patch(before: dict[str, Any], result: APass, **more: Any) -> Any:
    return status.patch(before, result.conditions, facts=result.facts, now=NOW, **more)


def times(patched: dict[str, Any]) -> dict[str, str]:
    return {each["type"]: each["lastTransitionTime"] for each in patched["conditions"]}


def test_saying_the_same_again_is_no_write() -> None:
    assert patch(a_ready_status(), ready(), generation=1) is None


def test_the_order_of_conditions_means_nothing() -> None:
    before = a_ready_status()
    before["conditions"].reverse()
    assert patch(before, ready(), generation=1) is None


def test_only_conditions_that_flip_get_a_new_time() -> None:
    patched = patch(a_ready_status(), waiting())
    assert times(patched) == {
        "Ready": "2026-02-01T00:00:00Z",
        "Reconciling": "2026-02-01T00:00:00Z",
        "Stalled": THEN,
        "BackendReady": "2026-02-01T00:00:00Z",
        "PolicyReady": "2026-02-01T00:00:00Z",
    }


def test_a_new_generation_is_written_though_all_stays_ready() -> None:
    patched = patch(a_ready_status(1), ready(2), generation=2)
    assert patched["observedGeneration"] == 2
    assert {each["observedGeneration"] for each in patched["conditions"]} == {2}
    assert set(times(patched).values()) == {THEN}


def test_only_facts_that_changed_are_in_the_patch() -> None:
    before = a_ready_status(gatewayUrl="https://a", hostName="h")
    assert patch(before, ready(facts={"gatewayUrl": "https://b", "hostName": "h"})) == {"gatewayUrl": "https://b"}


def test_a_fact_that_was_not_seen_stays_and_one_that_is_none_goes() -> None:
    before = a_ready_status(gatewayUrl="https://a", hostName="h")
    assert patch(before, ready(facts={"hostName": None})) == {"hostName": None}


def test_what_merely_ticks_is_no_reason_to_write_but_rides_along() -> None:
    before = a_ready_status(lastVerified="1")
    assert patch(before, ready(facts={"lastVerified": "2"})) is None
    assert patch(before, ready(facts={"lastVerified": "2", "hostName": "h"})) == {"lastVerified": "2", "hostName": "h"}


def test_an_answered_request_is_acknowledged_once() -> None:
    assert patch(a_ready_status(), ready(), handled="today") == {"lastHandledReconcileAt": "today"}
    assert patch(a_ready_status(lastHandledReconcileAt="today"), ready(), handled="today") is None


def test_long_messages_are_shortened_before_they_are_compared() -> None:
    long = stalled(reason="X" * 3000)
    written = patch({}, long)
    assert max(len(each["message"]) for each in written["conditions"]) == status.MESSAGE_LIMIT
    assert patch(written, long) is None


def test_a_condition_of_somebody_else_makes_the_write() -> None:
    before = a_ready_status()
    before["conditions"].append({"type": "Foreign", "status": "True", "reason": "X", "message": ""})
    assert {each["type"] for each in patch(before, ready())["conditions"]} == {
        "Ready", "Reconciling", "Stalled", "BackendReady", "PolicyReady"
    }  # fmt: skip


def test_unreadable_times_are_replaced() -> None:
    before = a_ready_status()
    before["conditions"][0]["lastTransitionTime"] = "yesterday"
    assert times(patch(before, waiting()))["Ready"] == "2026-02-01T00:00:00Z"


def test_transitions_are_new_statuses_and_new_reasons() -> None:
    before = status.read(a_ready_status())
    assert status.transitions(before, ready().conditions) == []
    found = status.transitions(before, stalled().conditions)
    assert ("Ready", "InSync", "Conflict") in {(now.type, was.reason if was else "", now.reason) for was, now in found}
