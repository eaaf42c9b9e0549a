"""
What a pass found to differ → `status.drift`, `status.drifting` and `status.plan`. Pure.

Open differences come first, as old as they are known; the last ones that were corrected follow. All of it is bounded,
and stays as it is while nothing new is found, so that no status is written for it.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from funcgate.controller.status import shortened
from funcgate.engine import Pass, Write
from funcgate.model import Drift, part_of

Json = dict[str, Any]

OPEN_LIMIT, CORRECTED_LIMIT, PLAN_LIMIT, FIELD_LIMIT = 20, 10, 30, 20
VALUE_LIMIT = 256
IDENTITY = ("part", "key", "field", "wanted", "seen")


def record(before: Mapping[str, Any], result: Pass, *, in_force: bool, now: datetime) -> Json:
    """The three fields of the status after this pass; None for what there is nothing to say of."""
    known: list[Json] = list(before.get("drift") or ())
    pending = [write for write in result.differences if not write.made]
    corrected = [write for write in result.changes if write.made and in_force]
    unseen = {part_of(each.condition) for each in result.outcomes if each.status == "Unknown" and each.blocking}
    open_ = [_since(each, known, now) for each in _entries(pending)]
    open_ += [each for each in known if each["part"] in unseen and not _closed(each) and not _told(each, open_)]
    closed = [_since(each, known, now) | {"correctedAt": _text(now)} for each in _entries(corrected)]
    closed += [each for each in known if _closed(each)]
    drift = [*open_[:OPEN_LIMIT], *closed[:CORRECTED_LIMIT]]
    return {
        "drift": drift or None,
        "drifting": len(open_) or None,
        "plan": [_planned(write) for write in pending[:PLAN_LIMIT]] or None,
    }


def news(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Json]:
    """The entries that the status did not have before: differences that were found now, mended or not."""
    known = [_known_as(each) for each in before.get("drift") or () if not _closed(each)]
    for each in after.get("drift") or ():
        if each not in (before.get("drift") or ()) and _known_as(each) not in known:
            yield each


def _entries(writes: Iterable[Write]) -> Iterator[Json]:
    told: set[tuple[str, str, str]] = set()
    for write in writes:
        for drift in write.drifts[:FIELD_LIMIT]:
            known = (write.condition, write.key, drift.field)
            if known in told:  # the second of two writes that change it one after the other
                continue
            told.add(known)
            yield {
                "part": part_of(write.condition),
                "key": shortened(write.key, VALUE_LIMIT),
                "field": drift.field,
                "wanted": shortened(drift.wanted, VALUE_LIMIT),
                "seen": shortened(drift.seen, VALUE_LIMIT),
            }


def _since(entry: Json, known: Iterable[Json], now: datetime) -> Json:
    same = (each for each in known if not _closed(each) and _known_as(each) == _known_as(entry))
    return entry | {"since": next((each["since"] for each in same), _text(now))}


def _known_as(entry: Json) -> tuple[str, ...]:
    return tuple(entry[name] for name in IDENTITY)


def _told(entry: Json, among: Iterable[Json]) -> bool:
    return any(_known_as(entry) == _known_as(each) for each in among)


def _closed(entry: Json) -> bool:
    return "correctedAt" in entry


def _planned(write: Write) -> Json:
    return {
        "part": part_of(write.condition),
        "action": str(write.action),
        "key": shortened(write.key, VALUE_LIMIT),
        "fields": [_field(drift) for drift in write.drifts[:FIELD_LIMIT]],
    }


def _field(drift: Drift) -> Json:
    before, after = shortened(drift.seen, VALUE_LIMIT), shortened(drift.wanted, VALUE_LIMIT)
    return {"field": drift.field, "before": before, "after": after}


def _text(when: datetime) -> str:
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"
