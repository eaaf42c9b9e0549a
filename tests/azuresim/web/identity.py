"""
The managed identities of a site: what a write may ask for, and what GET shows.

A PUT or PATCH that says nothing of the identity leaves it; assumed for PUT. Sources:
learn.microsoft.com/azure/app-service/overview-managed-identity; Azure/azure-cli recordings
test_functionapp_assign_system_identity and test_functionapp_assign_user_identity.
"""

from __future__ import annotations

from typing import Any

from azuresim.arm import ArmError
from azuresim.resources import Document
from azuresim.world import World

JSON = dict[str, Any]
SYSTEM, USER = "systemassigned", "userassigned"
TYPES = {
    frozenset[str](): "None",
    frozenset({SYSTEM}): "SystemAssigned",
    frozenset({USER}): "UserAssigned",
    frozenset({SYSTEM, USER}): "SystemAssigned, UserAssigned",
}


def refused(message: str) -> ArmError:
    """The front door of ARM checks identities before a provider sees them, so the form is ARM's."""
    return ArmError(400, "InvalidIdentity", message)


def wanted(world: World, present: JSON | None, sent: Any) -> JSON | None:
    """The identity that this write leads to, without its ids; None for none at all."""
    if not isinstance(sent, dict) or not isinstance(sent.get("type"), str):
        raise refused("The identity of the resource is invalid: a type is needed.")
    kinds = frozenset(part.strip().lower() for part in sent["type"].split(",")) - {"none", ""}
    if kinds not in TYPES:
        raise refused(f"The identity type '{sent['type']}' is not supported.")
    if not kinds:
        return None
    made: JSON = {"type": TYPES[kinds]}
    if USER in kinds:
        made["userAssignedIdentities"] = dict.fromkeys(user_assigned(world, present, sent), None)
    return made


def user_assigned(world: World, present: JSON | None, sent: JSON) -> list[str]:
    """The ids that stay: those already there and those sent, without the ones that are sent with null."""
    named = sent.get("userAssignedIdentities") or {}
    if not isinstance(named, dict):
        raise refused("The user assigned identities of the resource must be a map of ids.")
    ids = {key.lower(): key for key in (present or {}).get("userAssignedIdentities") or {}}
    for key, value in named.items():
        ids.pop(key.lower(), None)
        if value is not None:
            ids[key.lower()] = key
    if not ids:
        raise refused("The resource's identity is user assigned, and no user assigned identity is named.")
    for key in ids.values():
        if world.entra.user_identity(key) is None:
            text = f"The user assigned identity '{key}' could not be found."
            raise ArmError(400, "FailedIdentityOperation", text)
    return list(ids.values())


def give(world: World, site_id: str, asked: JSON | None) -> JSON | None:
    """The identity as GET shows it; the service principal of a system-assigned one comes and goes with it."""
    kinds = {part.strip().lower() for part in str((asked or {}).get("type", "")).split(",")}
    if SYSTEM not in kinds:
        world.entra.drop_identity(site_id)
    if asked is None:
        return None
    shown: JSON = {"type": asked["type"]}
    if SYSTEM in kinds:
        made = world.entra.ensure_system_identity(site_id)
        shown |= {"principalId": made.principal_id, "tenantId": made.tenant_id}
    if USER in kinds:
        shown["userAssignedIdentities"] = {key: ids_of(world, key) for key in asked["userAssignedIdentities"]}
    return shown


def ids_of(world: World, identity_id: str) -> JSON:
    found = world.entra.user_identity(identity_id)
    return {} if found is None else {"principalId": found.principal_id, "clientId": found.client_id}


def identity_of(document: Document | None) -> JSON | None:
    return None if document is None else document.body.get("identity")
