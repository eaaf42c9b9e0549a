"""
Which call to Azure made a change, and which refusal is behind a condition, so that Azure's logs can be searched for it.

A part is written by calls of certain kinds and by no others; its changes are made one after the other.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol
from urllib.parse import unquote

from funcgate.azure import Noted
from funcgate.conditions import Condition

KINDS: dict[str, Sequence[str]] = {
    "IdentityReady": ("service",),
    "AppRegistrationReady": ("applications", "servicePrincipals", "appRoleAssignments"),
    "HostKeyReady": ("hostKeys",),
    "NamedValueReady": ("namedValues",),
    "ApiReady": ("products", "operations", "apis"),
    "BackendReady": ("backends",),
    "PolicyReady": ("policies",),
    "EasyAuthReady": ("authsettingsV2",),
}


class Change(Protocol):
    """What was written, as people read it."""

    @property
    def condition(self) -> str: ...
    @property
    def key(self) -> str: ...


def of_changes(changes: Sequence[Change], noted: Iterable[Noted]) -> list[str | None]:
    """
    For each the correlation id of its write, None where another binding had made it already.

    As many writes as changes stand in the same order. Else it is the last write to the address that the key names, or
    the last one of the part.
    """
    written = [each for each in noted if not each.refused]
    found: list[Noted | None] = []
    for change in changes:
        kinds = _kinds(change)
        ours = [each for each in written if each.kind in kinds]
        alike = [each for each in changes if _kinds(each) == kinds]
        if len(ours) == len(alike):
            found.append(ours[[id(each) for each in alike].index(id(change))])
        else:
            found.append(_last_to(change, ours))
    return [each.correlation_id if each else None for each in found]


def of_condition(condition: Condition, noted: Iterable[Noted]) -> str | None:
    """The correlation id of the call that was refused for the condition's reason, if one was."""
    refused = [each for each in noted if each.refused == condition.reason and condition.status != "True"]
    kinds = KINDS.get(condition.type, ())
    return ([each for each in refused if each.kind in kinds] or refused)[-1].correlation_id if refused else None


def _kinds(change: Change) -> Sequence[str]:
    """The one kind that the key names, else all that its part is written by."""
    kinds = KINDS.get(change.condition, ())
    return next(((each,) for each in kinds if f"/{each}/" in f"/{change.key}"), kinds)


def _last_to(change: Change, written: Sequence[Noted]) -> Noted | None:
    name = change.key.rpartition("/")[2].lower()
    exact = [each for each in written if name in _segments(each.path)]
    return (exact or written)[-1] if written else None


def _segments(path: str) -> set[str]:
    return {unquote(each).partition(";")[0].lower() for each in path.split("/")}
