"""
What the controller says about a binding without asking the engine: conditions for what is decided before a pass. Pure.
"""

from collections.abc import Sequence
from dataclasses import replace

from funcgate.conditions import DELETE_BLOCKED, DETACH, READY, RECONCILING, STALLED, WAY_OUT, Condition, unsettled
from funcgate.controller.cache import Snapshot
from funcgate.controller.status import named, read, with_summaries
from funcgate.errors import Unmet
from funcgate.spec import PAUSED, RECONCILE_POLICY

MANAGE = "manage"
OBSERVE = "observe"
POLICIES = (MANAGE, OBSERVE, DETACH)
SUMMARIES = (READY, RECONCILING, STALLED)

PENDING = "Pending"
PAUSED_REASON = "Paused"
INVALID_SPEC = "InvalidSpec"
INTERNAL_ERROR = "InternalError"
TIMED_OUT = "TimedOut"


def first(snapshot: Snapshot, types: Sequence[str]) -> tuple[Condition, ...]:
    """Seen, and nothing is known yet."""
    summaries = unsettled("Unknown", PENDING, "Not looked at yet.", snapshot.generation, stalled=False)
    return with_summaries(summaries, (), types, snapshot.generation)


def paused(snapshot: Snapshot, types: Sequence[str]) -> tuple[Condition, ...]:
    """Hands off. Speaks about the generation that was last acted on, since nobody acts on a newer one."""
    generation = max(0, int(snapshot.status.get("observedGeneration", 0)))  # -1 by default: none was acted on
    message = f"Nothing is looked at or changed, a deletion waits too, until the annotation {PAUSED} is removed."
    summaries = unsettled("Unknown", PAUSED_REASON, message, generation, stalled=False, reconciling=False)
    return with_summaries(summaries, read(snapshot.status), types, generation)


def refused(snapshot: Snapshot, unmet: Unmet, types: Sequence[str]) -> tuple[Condition, ...]:
    """Not acted on until a person changes something."""
    return _stopped(snapshot, "False", unmet.reason, unmet.message, types, stalled=True)


def delete_blocked(why: str) -> Unmet:
    """The object stays until its part of Azure can be cleaned up, or somebody lets go of that."""
    return Unmet(DELETE_BLOCKED, f"{why}; {WAY_OUT}", stalled=True)


def broken(snapshot: Snapshot, error: BaseException, types: Sequence[str]) -> tuple[Condition, ...]:
    """A mistake of ours. The log has the details; the object says that what it showed before may be over."""
    message = f"An unexpected {type(error).__name__} ended the pass; it is repeated. The operator's log says more."
    return _stopped(snapshot, "Unknown", INTERNAL_ERROR, message, types, stalled=False)


def too_slow(snapshot: Snapshot, seconds: float, types: Sequence[str]) -> tuple[Condition, ...]:
    """One pass after the other was cut off, so nobody knows what stands in Azure."""
    message = f"Passes are cut off after {seconds:.0f} s before they end; they are repeated."
    return _stopped(snapshot, "Unknown", TIMED_OUT, message, types, stalled=False)


def passes_by_itself(conditions: Sequence[Condition], before: Sequence[Condition]) -> bool:
    """Whether what keeps a binding from Ready was merely not to be seen, and nothing turned out to be wrong."""
    ready, stalled = named(conditions, READY), named(conditions, STALLED)
    if not (ready and stalled) or (ready.status, stalled.status) != ("Unknown", "False"):
        return False
    wrong = [each.type for each in conditions if each.status == "False" and each.type not in SUMMARIES]
    return all((was := named(before, type_)) and was.status == "False" for type_ in wrong)


def news(conditions: Sequence[Condition], before: Sequence[Condition]) -> bool:
    """Whether any of them says something else than before; how it is put does not count."""
    known = {each.type: (each.status, each.reason) for each in before}
    return any(known.get(each.type) != (each.status, each.reason) for each in conditions)


def writes(policy: str) -> bool:
    """Whether passes over a binding with this policy may write to Azure."""
    return policy in (MANAGE, DETACH)


def observed(conditions: Sequence[Condition], policy: str) -> tuple[Condition, ...]:
    """What a pass that only looked concluded: nothing is under way, and Ready says so when nobody asked for that."""
    note = "" if policy in POLICIES else f" {unknown_policy(policy)}, so nothing is written, as with {OBSERVE}."

    def adjusted(each: Condition) -> Condition:
        if each.type == RECONCILING:
            return replace(each, status="False", message="")
        return replace(each, message=each.message + note) if each.type == READY else each

    return tuple(map(adjusted, conditions))


def unknown_policy(policy: str) -> str:
    """The sentence about an annotation with a value that we do not know."""
    return f"The annotation {RECONCILE_POLICY} says {policy[:63]!r} and knows only {', '.join(POLICIES)}"


def _stopped(
    snapshot: Snapshot, status: str, reason: str, message: str, types: Sequence[str], *, stalled: bool
) -> tuple[Condition, ...]:
    summaries = unsettled(status, reason, message, snapshot.generation, stalled=stalled)
    return with_summaries(summaries, read(snapshot.status), types, snapshot.generation)
