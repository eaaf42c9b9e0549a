"""How long it takes until a wish is true for the first time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from funcgate.controller.waits import Waits
from funcgate.spec import PAUSED
from objects import KEY, a_ready_status, a_snapshot

CREATED = datetime(2026, 1, 1, tzinfo=UTC)
GREETED: dict[str, Any] = {"status": {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "Unknown"}]}}
READY: dict[str, Any] = {"status": a_ready_status()}
SECOND: dict[str, Any] = {"generation": 2, "status": a_ready_status()}
SECOND_READY: dict[str, Any] = {"generation": 2, "status": a_ready_status(2)}
ANOTHER: dict[str, Any] = {"uid": "new", "created": "2026-01-01T00:00:15Z"}
HELD_OFF: dict[str, Any] = {"annotations": {PAUSED: "true"}}


class Measured(list[float]):
    """What was observed."""

    def observe(self, amount: float) -> None:
        self.append(amount)


CASES: list[tuple[str, list[dict[str, Any]], list[float]]] = [
    ("a new binding has waited since it was made", [{}, GREETED, READY], [30]),
    ("Ready lost and found again is no new wait", [{}, READY, GREETED, READY], [20]),
    ("a new generation waits since it was seen", [READY, SECOND, SECOND_READY], [10]),
    ("what is Ready for an older one is not what is asked for", [{}, SECOND], []),
    ("nobody knows since when one that was acted on before has waited", [GREETED, READY], []),
    ("somebody held it off", [HELD_OFF, {}, READY], []),
    ("somebody held it off between", [{}, GREETED | HELD_OFF, GREETED, READY], []),
    ("another object of that name", [{}, ANOTHER, READY | ANOTHER], [15]),
    ("a date that is none", [{"created": "yesterday"}, READY], [10]),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "seen", "measured"), CASES, ids=[each[0] for each in CASES])
def test_the_wait_ends_with_the_first_ready(reason: str, seen: list[dict[str, Any]], measured: list[float]) -> None:
    times, found = iter(range(10, 1000, 10)), Measured()
    now = CREATED
    waits = Waits(found, now=lambda: now)
    for each in seen:
        now = CREATED + timedelta(seconds=next(times))
        waits.saw(a_snapshot(**each))
        waits.wrote(a_snapshot(**each))
    assert found == measured, reason


def test_a_binding_that_is_gone_waits_no_more() -> None:
    found = Measured()
    waits = Waits(found)
    waits.saw(a_snapshot())
    waits.forget(KEY)
    waits.wrote(a_snapshot(**READY))
    assert found == []
