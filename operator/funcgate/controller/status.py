"""
A status → the smallest merge patch that makes it true, or none. Pure.

Written only when the meaning changes: times of transition stay while a condition's status does, and what merely ticks
(`lastVerified`, `lastSignIn`) rides along with writes that happen anyway. Facts are scalars and lists; those that a
pass could not see are kept, only None takes one away.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from funcgate.conditions import Condition

Json = dict[str, Any]

RIDES_ALONG = frozenset({"lastVerified", "lastSignIn"})
MESSAGE_LIMIT = 1024


def read(status: Mapping[str, Any]) -> tuple[Condition, ...]:
    """The conditions of a status, as far as they are readable."""
    return tuple(
        Condition(
            type=each["type"],
            status=each["status"],
            reason=each.get("reason", ""),
            message=each.get("message", ""),
            observed_generation=each.get("observedGeneration", 0),
            since=_time(each.get("lastTransitionTime")),
        )
        for each in status.get("conditions") or ()
    )


def named(conditions: Iterable[Condition], type_: str) -> Condition | None:
    """The condition of that type."""
    return next((each for each in conditions if each.type == type_), None)


def with_summaries(
    summaries: Iterable[Condition], before: Iterable[Condition], types: Iterable[str], generation: int
) -> tuple[Condition, ...]:
    """New summaries over what was last known of each aspect; Unknown where nothing ever was."""
    known = {each.type: each for each in before}
    summaries = tuple(summaries)
    reason, message = summaries[0].reason, "Not looked at yet."
    unknown = (
        Condition(type=type_, status="Unknown", reason=reason, message=message, observed_generation=generation)
        for type_ in types
    )
    return (*summaries, *(known.get(each.type, each) for each in unknown))


def patch(
    before: Mapping[str, Any],
    conditions: Iterable[Condition],
    *,
    facts: Mapping[str, Any] | None = None,
    generation: int | None = None,
    handled: str | None = None,
    now: datetime | None = None,
) -> Json | None:
    """
    What to lay over the status `before` so that it says this; None when it says so already.

    `generation`: the one that was acted on, None when none was. `handled`: the request that this answers.
    """
    now = now or datetime.now(UTC)
    wanted = _dated(conditions, read(before), now)
    wished: Json = dict(facts or {})
    if generation is not None:
        wished["observedGeneration"] = generation
    if handled is not None:
        wished["lastHandledReconcileAt"] = handled
    changed = {field: value for field, value in wished.items() if before.get(field) != value}
    if not _same(wanted, read(before)):
        changed["conditions"] = [each.wire() for each in wanted]
    return changed if changed.keys() - RIDES_ALONG else None


def transitions(before: Iterable[Condition], after: Iterable[Condition]) -> list[tuple[Condition | None, Condition]]:
    """The conditions whose status or reason is another one now, with what they were."""
    known = {each.type: each for each in before}
    return [
        (known.get(each.type), each)
        for each in after
        if each.type not in known or (known[each.type].status, known[each.type].reason) != (each.status, each.reason)
    ]


def _dated(conditions: Iterable[Condition], before: Iterable[Condition], now: datetime) -> tuple[Condition, ...]:
    known = {each.type: each for each in before}

    def since(each: Condition) -> datetime:
        was = known.get(each.type)
        return was.since if was and was.since and was.status == each.status else now

    return tuple(
        replace(each, since=since(each), message=shortened(each.message, MESSAGE_LIMIT)) for each in conditions
    )


def shortened(text: str, limit: int) -> str:
    """At most `limit` characters; an ellipsis says that there was more."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _same(wanted: tuple[Condition, ...], before: tuple[Condition, ...]) -> bool:
    return len(wanted) == len(before) and all(
        mine.says_the_same(theirs) for mine, theirs in zip(_sorted(wanted), _sorted(before), strict=True)
    )


def _sorted(conditions: tuple[Condition, ...]) -> list[Condition]:
    return sorted(conditions, key=lambda each: each.type)


def _time(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None
