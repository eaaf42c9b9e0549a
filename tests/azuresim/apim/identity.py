"""
The managed identities of a service: what PATCH may ask for, what GET shows, and whose token the gateway gets.

Sources: learn.microsoft.com/azure/api-management/api-management-howto-use-managed-service-identity; Azure/azure-cli
recording test_apim_managed_identity; learn.microsoft.com/azure/api-management/authentication-managed-identity-policy.
"""

from __future__ import annotations

from azuresim.apim.entities import invalid
from azuresim.entra.tokens import EntraError
from azuresim.resources import Body, Document
from azuresim.world import World

ABSENT: Body | None = None
SYSTEM, USER = "systemassigned", "userassigned"
TYPES = {
    frozenset[str](): "None",
    frozenset({SYSTEM}): "SystemAssigned",
    frozenset({USER}): "UserAssigned",
    frozenset({SYSTEM, USER}): "SystemAssigned, UserAssigned",
}
MOST_USER_ASSIGNED = 10


class IdentityFailure(RuntimeError):
    """The gateway cannot get the token."""


def kinds_of(identity: Body | None) -> frozenset[str]:
    """The kinds in `type`, whatever its case and spacing; none for no identity and for `None`."""
    written = str((identity or {}).get("type", "None")).split(",")
    return frozenset(kind for part in written if (kind := part.strip().lower()) not in ("none", ""))


def wanted_identity(world: World, present: Body | None, sent: Body) -> Body | None:
    """The identity that a PATCH leads to, without ids; refuses unknown types and identities that do not exist."""
    kinds = kinds_of(sent)
    if kinds not in TYPES:
        raise invalid(("identity.type", f"'{sent.get('type')}' is not an identity type."))
    if not kinds:
        return ABSENT
    wanted: Body = {"type": TYPES[kinds]}
    if USER in kinds:
        wanted["userAssignedIdentities"] = dict.fromkeys(user_assigned(world, present, sent), None)
    return wanted


def named_identities(sent: Body) -> list[str]:
    """The user-assigned identities that a PATCH wants; assumed: those that are attached already count too."""
    return [key for key, value in (sent.get("userAssignedIdentities") or {}).items() if value is not None]


def user_assigned(world: World, present: Body | None, sent: Body) -> list[str]:
    """The ids that stay: those sent, and those already there unless the map replaces or names them with null."""
    named: Body = sent.get("userAssignedIdentities") or {}
    kept = (present or {}).get("userAssignedIdentities") or {}
    ids = {key.lower(): key for key in kept} if world.switches.apim_identity_map_merges else {}
    for key, value in named.items():
        if value is None:
            ids.pop(key.lower(), None)
        else:
            ids.setdefault(key.lower(), key)
    if not 1 <= len(ids) <= MOST_USER_ASSIGNED:
        raise invalid(("identity.userAssignedIdentities", f"Between 1 and {MOST_USER_ASSIGNED} identities are needed."))
    for key in ids.values():
        if world.entra.user_identity(key) is None:
            raise invalid(("identity.userAssignedIdentities", f"The user assigned identity '{key}' was not found."))
    return list(ids.values())


def shown_identity(world: World, service: Document, wanted: Body | None) -> Body | None:
    """The identity as GET shows it. The service principal of a system-assigned one comes and goes with it."""
    kinds = kinds_of(wanted)
    if SYSTEM not in kinds:
        world.entra.drop_identity(service.id)
    if wanted is None:
        return ABSENT
    shown: Body = {"type": wanted["type"]}
    if SYSTEM in kinds:
        identity = world.entra.ensure_system_identity(service.id)
        shown |= {"principalId": identity.principal_id, "tenantId": identity.tenant_id}
    if USER in kinds:
        shown["userAssignedIdentities"] = {key: ids_of(world, key) for key in wanted["userAssignedIdentities"]}
    return shown


def ids_of(world: World, identity_id: str) -> Body:
    identity = world.entra.user_identity(identity_id)
    if identity is None:  # deleted since; the map still names it
        return {}
    return {"principalId": identity.principal_id, "clientId": identity.client_id}


def token_of_service(world: World, service: Document, resource: str, client_id: str | None) -> str:
    """A token of the service's own identity, or of the user-assigned one with that client id, or IdentityFailure."""
    identity: Body = service.body["identity"] or {}
    which = service.id
    if client_id is None and SYSTEM not in kinds_of(identity):
        raise IdentityFailure("the service has no system-assigned identity")
    if client_id is not None:
        which = attached(identity, client_id)
    try:
        return world.entra.managed_identity_token(which, resource)
    except EntraError as error:
        raise IdentityFailure(str(error)) from error


def attached(identity: Body, client_id: str) -> str:
    """The resource id of the attached user-assigned identity with this client id."""
    for key, ids in (identity.get("userAssignedIdentities") or {}).items():
        if str(ids.get("clientId", "")).lower() == client_id.lower():
            return str(key)
    raise IdentityFailure(f"no user-assigned identity with client id {client_id} is attached to the service")
