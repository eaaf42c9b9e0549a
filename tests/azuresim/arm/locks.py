"""Locks as resources, `Microsoft.Authorization/locks` at any scope: the same ones that `world.arm.lock` makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from azuresim.arm.filters import parsed
from azuresim.arm.paging import argument, page
from azuresim.arm.routes import ArmError, ArmRequest, route
from azuresim.arm.versions import LOCKS as VERSIONS
from azuresim.resources import Lock, LockLevel, key_of, within
from azuresim.wire import ArmResponse

if TYPE_CHECKING:
    from azuresim.world import World

LOCKS = "/{scope}/providers/Microsoft.Authorization/locks"
LOCK = f"{LOCKS}/{{lock}}"
LEVELS = {"cannotdelete": "CanNotDelete", "readonly": "ReadOnly"}
LONGEST_NAME, LONGEST_NOTES = 90, 512
UNCOVERED = "the contract document of Microsoft.Authorization holds roles only"


def scope_of(request: ArmRequest) -> str:
    return "/" + request.params["scope"]


def found(request: ArmRequest) -> Lock | None:
    scope, name = key_of(scope_of(request)), request.params["lock"].lower()
    locks = request.world.arm.locks
    return next((one for one in locks if key_of(one.scope) == scope and one.name.lower() == name), None)


def shown(lock: Lock) -> dict[str, Any]:
    return {
        "id": f"{lock.scope.rstrip('/')}/providers/Microsoft.Authorization/locks/{lock.name}",
        "name": lock.name,
        "type": "Microsoft.Authorization/locks",
        "properties": {"level": lock.level, **({"notes": lock.notes} if lock.notes else {})},
    }


@route("PUT", LOCK, versions=VERSIONS, uncovered=UNCOVERED)
def put_lock(request: ArmRequest, world: World) -> ArmResponse:
    """It holds from now on; 200 when it was there."""
    properties = request.json.get("properties")
    level = properties.get("level") if isinstance(properties, dict) else None
    if not isinstance(level, str) or level.lower() not in LEVELS:
        text = f"The lock level '{str(level)[:100]}' is invalid: use one of '{','.join(LEVELS.values())}'."
        raise ArmError(400, "InvalidLockLevel", text)
    notes = properties.get("notes") or "" if isinstance(properties, dict) else ""
    if not isinstance(notes, str) or len(notes) > LONGEST_NOTES or len(request.params["lock"]) > LONGEST_NAME:
        raise ArmError(400, "InvalidLock", f"A name has at most {LONGEST_NAME} characters, notes {LONGEST_NOTES}.")
    existed = found(request) is not None
    kept = cast("LockLevel", LEVELS[level.lower()])
    lock = world.arm.lock(scope_of(request), kept, name=request.params["lock"], notes=notes)
    return ArmResponse(200 if existed else 201, shown(lock))


@route("GET", LOCK, versions=VERSIONS, uncovered=UNCOVERED)
def get_lock(request: ArmRequest, world: World) -> ArmResponse:
    lock = found(request)
    if lock is None:
        raise ArmError(404, "LockNotFound", f"The lock '{request.params['lock']}' could not be found.")
    return ArmResponse(200, shown(lock))


@route("DELETE", LOCK, versions=VERSIONS, uncovered=UNCOVERED)
def delete_lock(request: ArmRequest, world: World) -> ArmResponse:
    """200, or 204 when there was none."""
    lock = found(request)
    if lock is None:
        return ArmResponse(204)
    world.arm.unlock(lock.scope, name=lock.name)
    return ArmResponse(200)


@route("GET", LOCKS, versions=VERSIONS, uncovered=UNCOVERED)
def list_locks(request: ArmRequest, world: World) -> ArmResponse:
    """Those at the scope and below it; with `atScope()`, at the scope and above it."""
    scope, text = scope_of(request), argument(request, "$filter")
    if text:
        parsed(text, {}, {"atscope": lambda lock: True})
        locks = [lock for lock in world.arm.locks if within(scope, lock.scope)]
    else:
        locks = [lock for lock in world.arm.locks if within(lock.scope, scope)]
    return ArmResponse(200, page(request, locks, show=shown))
