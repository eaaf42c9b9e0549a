"""Outcomes of a pass → conditions, and the three that sum them up: Ready, Reconciling, Stalled. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol

from funcgate.spec import RECONCILE_POLICY

READY = "Ready"
RECONCILING = "Reconciling"
STALLED = "Stalled"
IN_SYNC = "InSync"
WAITING = "Waiting"
CHANGES_PENDING = "ChangesPending"
DELETE_BLOCKED = "DeleteBlocked"
DETACH = "detach-on-delete"
HOLES = (
    "CallerCheckAfterReplace",
    "DoorOpen",
    "ExcludedPaths",
    "GatewayOpen",
    "OtherProviderEnabled",
    "OthersAllowed",
)
"""The reasons of a way in that should not be there; no mode and no pause makes them any other."""
WAY_OUT = f"or set the annotation {RECONCILE_POLICY}: {DETACH} to leave in Azure what stands there"


class Verdict(Protocol):
    """What became of one aspect, as far as conditions care."""

    @property
    def condition(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def stalled(self) -> bool: ...
    @property
    def blocking(self) -> bool: ...
    @property
    def correlation_id(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Condition:
    """
    One line of `status.conditions`; `since` moves only when `status` does.

    `correlation_id` is not written there: what Azure calls the call that was refused for this reason.
    """

    type: str
    status: str
    reason: str
    message: str
    observed_generation: int
    since: datetime | None = None
    correlation_id: str = field(default="", compare=False)

    def says_the_same(self, other: "Condition") -> bool:
        """Whether nothing differs that people or tools act on; time does not count."""
        return replace(self, since=None) == replace(other, since=None)

    def wire(self) -> dict[str, object]:
        """As the Kubernetes API spells it."""
        return {
            "type": self.type,
            "status": self.status,
            "reason": self.reason,
            "message": self.message,
            "observedGeneration": self.observed_generation,
            "lastTransitionTime": (self.since or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


def conclude(verdicts: Sequence[Verdict], generation: int, *, deleting: bool = False) -> tuple[Condition, ...]:
    """All conditions of a pass: Ready, Reconciling and Stalled, then one for each aspect, in the aspects' order."""
    own = (
        _condition(each.condition, each.status, each.reason, each.message, generation, each.correlation_id)
        for each in verdicts
    )
    return (*summarise(verdicts, generation, deleting=deleting), *own)


def summarise(
    verdicts: Sequence[Verdict], generation: int, *, deleting: bool = False
) -> tuple[Condition, Condition, Condition]:
    """
    Ready, Reconciling and Stalled; at most one of them is True.

    Ready is False as soon as one aspect is, Unknown while one is not known. Its reason is the first that is not mere
    waiting for another. Stalled: somebody must act. Reconciling: funcgate comes back by itself; it does not where
    changes are only reported. A deletion that needs somebody says what releases it.
    """
    open_ = [each for each in verdicts if each.status != "True" and each.blocking]
    if not open_:
        return settled(generation)
    cause = min(open_, key=lambda each: (not each.stalled, each.reason == WAITING, each.status != "False"))
    status = "False" if any(each.status == "False" for each in open_) else "Unknown"
    blocked = deleting and cause.stalled
    ready, reconciling, stalled = unsettled(
        status,
        DELETE_BLOCKED if blocked else cause.reason,
        f"{cause.message}; {WAY_OUT}" if blocked else cause.message,
        generation,
        stalled=cause.stalled,
        reconciling=cause.reason != CHANGES_PENDING,
    )
    return replace(ready, correlation_id=cause.correlation_id), reconciling, stalled


def settled(generation: int) -> tuple[Condition, Condition, Condition]:
    """Ready, and nothing to do."""
    return (
        _condition(READY, "True", IN_SYNC, "Azure shows what the manifest asks for.", generation),
        _condition(RECONCILING, "False", IN_SYNC, "", generation),
        _condition(STALLED, "False", IN_SYNC, "", generation),
    )


def unsettled(
    status: str, reason: str, message: str, generation: int, *, stalled: bool, reconciling: bool = True
) -> tuple[Condition, Condition, Condition]:
    """Not Ready for this reason; either a person must act (stalled) or funcgate goes on by itself."""
    goes_on = reconciling and not stalled
    return (
        _condition(READY, status, reason, message, generation),
        _condition(RECONCILING, str(goes_on), reason, message if goes_on else "", generation),
        _condition(STALLED, str(stalled), reason, message if stalled else "", generation),
    )


def _condition(
    type_: str, status: str, reason: str, message: str, generation: int, correlation_id: str = ""
) -> Condition:
    return Condition(
        type=type_,
        status=status,
        reason=reason,
        message=message,
        observed_generation=generation,
        correlation_id=correlation_id,
    )
