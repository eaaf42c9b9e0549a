"""One pass in the words of people and programs: lines of text, JSON."""

from collections.abc import Iterator
from typing import Any

from funcgate.conditions import IN_SYNC, WAITING
from funcgate.engine import PENDING, Outcome, Pass, Write
from funcgate.model import Action

SIGNS = {Action.CREATE: "+", Action.UPDATE: "~", Action.DELETE: "-", Action.RELEASE: "-"}


def lines(name: str, done: Pass) -> Iterator[str]:
    """A plan as text: the binding, each write with the fields it changes, and what stands in the way."""
    yield name
    if done.done:
        yield "  nothing to do"
    for outcome in done.outcomes:
        for write in outcome.changes:
            yield f"  {SIGNS[write.action]} {write.key}  ({outcome.condition})"
            yield from (f"      {drift.field}: {drift.seen} → {drift.wanted}" for drift in write.drifts)
        if outcome.reason not in (IN_SYNC, PENDING) and (outcome.blocking or outcome.reason != WAITING):
            sign = "·" if outcome.status == "Unknown" else "!"
            yield f"  {sign} {outcome.condition}: {outcome.reason}: {outcome.message}"


def as_json(name: str, done: Pass) -> dict[str, Any]:
    """A plan as data; `docs/reference/plan.md` describes it."""
    return {
        "binding": name,
        "ok": done.done,
        "changes": [_change(write) for write in done.changes],
        "conditions": [_condition(outcome) for outcome in done.outcomes],
    }


def _change(write: Write) -> dict[str, Any]:
    return {
        "part": write.condition,
        "key": write.key,
        "action": str(write.action),
        "fields": [{"field": each.field, "before": each.seen, "after": each.wanted} for each in write.drifts],
    }


def _condition(outcome: Outcome) -> dict[str, Any]:
    return {
        "type": outcome.condition,
        "status": outcome.status,
        "reason": outcome.reason,
        "message": outcome.message,
    }
