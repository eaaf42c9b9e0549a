"""
Who may do what: `world.denied` always counts; role assignments do when `arm_enforce_roles` is switched on.

    world.denied.add("microsoft.web/sites/*")                  # nobody may
    world.grants_later("Microsoft.Web/sites/write", seconds=300)   # a missing role that arrives in five minutes
    world.switches.arm_enforce_roles = True                    # now only what assignments at or above a scope grant

An assignment counts once `arm_role_propagation_seconds` have passed since it was made. Actions are patterns with `*`,
compared without case; NotActions take away from the Actions of the same definition only. Source:
learn.microsoft.com/azure/role-based-access-control (role-definitions, troubleshooting).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from azuresim.arm.builtin_roles import BUILT_IN
from azuresim.resources import Document, key_of

if TYPE_CHECKING:
    from azuresim.entra.tokens import Caller
    from azuresim.world import World

ASSIGNMENTS = "/providers/Microsoft.Authorization/roleAssignments"
DEFINITIONS = "/providers/Microsoft.Authorization/roleDefinitions"


def lacks(world: World, caller: Caller, action: str, scope: str) -> bool:
    """Whether this caller may not do this there, now."""
    if world.denied and any(fnmatchcase(action.lower(), denied.lower()) for denied in world.denied):
        return True
    if world.late_grants and still_missing(world, action):
        return True
    if not world.switches.arm_enforce_roles or is_open(action, scope):
        return False
    return not granted(world, caller.object_id, action, scope)


def is_open(action: str, scope: str) -> bool:
    """What is no subscription's may be asked by everyone: tenants, subscriptions (one's own), providers."""
    changes = action.lower().endswith(("/write", "/delete"))
    return not changes and not scope.lower().startswith("/subscriptions/")


def still_missing(world: World, action: str) -> bool:
    now = world.clock.timestamp()
    return any(now < due and covers(pattern, action) for pattern, due in world.late_grants.items())


def granted(world: World, principal_id: str, action: str, scope: str) -> bool:
    ripe = world.clock.timestamp() - world.switches.arm_role_propagation_seconds
    return any(
        allows(world, permission, action)
        for assignment in assignments_above(world, scope)
        if assignment.created <= ripe and assignment.properties["principalId"].lower() == principal_id.lower()
        for permission in permissions_of(world, assignment.properties["roleDefinitionId"])
    )


def allows(world: World, permission: dict[str, Any], action: str) -> bool:
    wanted = any(covers(pattern, action) for pattern in permission["actions"])
    return wanted and not any(covers(pattern, action) for pattern in permission["notActions"])


def assignments_above(world: World, scope: str) -> Iterator[Document]:
    """Those at the scope and at everything it lies in, up to the tenant."""
    at = key_of(scope)
    while at != "/":
        yield from world.arm.members(at + ASSIGNMENTS)
        at = key_of(at.rpartition("/")[0])
    yield from world.arm.members(ASSIGNMENTS)


def permissions_of(world: World, definition_id: str) -> list[dict[str, Any]]:
    """What the definition allows; nothing when it is gone."""
    found = definition(world, definition_id)
    permissions: list[dict[str, Any]] = found["properties"]["permissions"] if found else []
    return permissions


def definition(world: World, definition_id: str) -> dict[str, Any] | None:
    """A role definition by the last part of its id: built in, or kept for the whole tenant."""
    name = definition_id.rpartition("/")[2].lower()
    if name in BUILT_IN:
        return BUILT_IN[name]
    document = world.arm.get(f"{DEFINITIONS}/{name}")
    return None if document is None else document.body


@functools.lru_cache(maxsize=4096)
def covers(pattern: str, action: str) -> bool:
    """
    Whether an action is one of those that a pattern of a role means.

    `a/*/assign/action` means `a/assign/action` too: so Managed Identity Operator may assign.
    """
    expression = re.escape(pattern.lower()).replace(r"/\*/", "/(?:.*/)?").replace(r"\*", ".*")
    return re.fullmatch(expression, action.lower()) is not None
