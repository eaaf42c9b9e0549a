"""What happened, in three voices: a line in the log, an event on the object, a number in the metrics."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from funcgate.conditions import DELETE_BLOCKED, READY, RECONCILING, STALLED, Condition
from funcgate.controller.cache import Snapshot
from funcgate.controller.events import Events, Type
from funcgate.controller.status import shortened, transitions
from funcgate.controller.verdicts import PAUSED_REASON
from funcgate.metrics import Metrics
from funcgate.model import Action, Drift

logger = logging.getLogger("funcgate.bindings")

CONFLICT = "Conflict"
DRIFT_LIMIT = 512


class Applied(Protocol):
    """One write that went through, and the fields that differed before it."""

    @property
    def condition(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def action(self) -> Action: ...
    @property
    def drifts(self) -> Sequence[Drift]: ...
    @property
    def correlation_id(self) -> str: ...


class Announcer:
    """Speaks about bindings; decides nothing."""

    def __init__(self, events: Events, metrics: Metrics) -> None:
        self._events = events
        self._metrics = metrics

    def changes(self, before: Snapshot, changes: Iterable[Applied]) -> None:
        """Each write is logged with Azure's id and counted; on a binding in force it undid a drift, an event."""
        for change in changes:
            what = {"aspect": change.condition, "key": change.key, "action": str(change.action)}
            fields = [drift.field for drift in change.drifts]
            drift = [shortened(str(drift), DRIFT_LIMIT) for drift in change.drifts]
            logger.info("applied", extra=_about(before) | what | {"fields": fields, "drift": drift} | _call(change))
            self._metrics.changes.labels(change.condition, str(change.action)).inc()
            if before.in_force:
                self._metrics.corrections.labels(change.condition).inc()
                self._events.emit(before, "Normal", "DriftCorrected", _corrected(change), "Correct")

    def conditions(self, about: Snapshot, before: Sequence[Condition], after: Sequence[Condition]) -> None:
        """Each condition that says something else now is logged; what people wait for or must act on is an event."""
        for was, now in transitions(before, after):
            if _worth_a_line(was, now):
                logger.info("condition changed", extra=_about(about) | _transition(was, now) | _call(now))
            if type_ := _worth_an_event(was, now):
                self._events.emit(about, type_, now.reason, f"{now.type}: {now.message}")

    def drift(self, about: Snapshot, found: Iterable[Mapping[str, str]]) -> None:
        """Each difference is counted when it is first seen; one that is only reported is an event."""
        for each in found:
            self._metrics.drift.labels(each["part"]).inc()
            if "correctedAt" not in each:
                note = (
                    f"{each['part']}: {each['key']}: {each['field']}: {each['seen']} → {each['wanted']}, not corrected"
                )
                self._events.emit(about, "Warning", "DriftDetected", note, "Look")

    def contested(self, about: Snapshot, part: str, sentence: str) -> None:
        """Somebody else keeps writing what we write."""
        logger.warning("contested", extra=_about(about) | {"part": part, "detail": sentence})
        self._metrics.contested.labels(part).inc()
        self._events.emit(about, "Warning", "Contested", sentence, "Correct")

    def let_go(self, snapshot: Snapshot, why: str) -> None:
        """The object was released."""
        logger.info("released", extra=_about(snapshot) | {"detail": why})
        self._events.emit(snapshot, "Normal", "Deleted", why, "Delete")


def _about(snapshot: Snapshot) -> dict[str, Any]:
    return {"binding": str(snapshot.key), "generation": snapshot.generation}


def _call(of: Applied | Condition) -> dict[str, Any]:
    """Azure's id of the call that is behind it, if one is."""
    return {"correlation_id": of.correlation_id} if of.correlation_id else {}


def _corrected(change: Applied) -> str:
    if change.action is Action.CREATE:
        return f"{change.condition}: {change.key} was gone and stands again"
    if change.action is Action.DELETE:
        return f"{change.condition}: {change.key} should not be there and was removed"
    return f"{change.condition}: {'; '.join(map(str, change.drifts))}"


def _transition(was: Condition | None, now: Condition) -> dict[str, Any]:
    return {
        "condition": now.type,
        "was": was.status if was else None,
        "status": now.status,
        "reason": now.reason,
        "detail": now.message,
    }


def _worth_a_line(was: Condition | None, now: Condition) -> bool:
    """All but that a new object is not known yet, and what follows from Ready anyway."""
    return now.type not in (RECONCILING, STALLED) and (was is not None or now.status != "Unknown")


def _worth_an_event(was: Condition | None, now: Condition) -> Type | None:
    """Ready's flips, conflicts and blocked deletions; not that a new object has no status yet."""
    if now.reason in (CONFLICT, DELETE_BLOCKED):
        return "Warning" if now.type == READY else None
    if now.type != READY or (was and was.status == now.status):
        return None
    if now.status == "Unknown":
        return "Normal" if now.reason == PAUSED_REASON or (was and was.status == "True") else None
    return "Normal" if now.status == "True" else "Warning"
