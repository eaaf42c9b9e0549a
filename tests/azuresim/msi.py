"""
Microsoft.ManagedIdentity: user-assigned identities, and `identities/default` under any resource.

    add_user_identity(world, id)      -> ManagedIdentity; the ARM resource, its service principal and ids

Sources: azure-mgmt-msi 7.1 (2024-11-30), learn.microsoft.com/rest/api/managedidentity.
"""

from __future__ import annotations

from azuresim import arm
from azuresim.arm import ArmError, ArmRequest, ArmResponse
from azuresim.entra.directory import ManagedIdentity
from azuresim.resources import Body
from azuresim.world import World

VERSIONS = {"2023-01-31", "2024-11-30"}
IDENTITIES = "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
IDENTITY = f"{IDENTITIES}/{{identity}}"
TYPE = "Microsoft.ManagedIdentity/userAssignedIdentities"


def add_user_identity(
    world: World, identity_id: str, *, location: str = "westeurope", principal_id: str | None = None,
    client_id: str | None = None,
) -> ManagedIdentity:  # fmt: skip
    """The user-assigned identity exists: ARM resource, service principal, ids."""
    identity = world.entra.add_user_identity(identity_id, principal_id=principal_id, client_id=client_id)
    world.arm.put(identity_id, identity_body(identity, location, {}))
    return identity


def identity_body(identity: ManagedIdentity, location: str, tags: Body) -> Body:
    return {
        "id": identity.resource_id,
        "name": identity.resource_id.rpartition("/")[2],
        "type": TYPE,
        "location": location,
        "tags": tags,
        "properties": ids_of(identity),
    }


def ids_of(identity: ManagedIdentity) -> Body:
    return {
        "tenantId": identity.tenant_id,
        "principalId": identity.principal_id,
        "clientId": identity.client_id,
    }


@arm.route(
    "GET",
    "/{scope}/providers/Microsoft.ManagedIdentity/identities/default",
    versions=VERSIONS,
    action="Microsoft.ManagedIdentity/identities/read",
    uncovered="identities/default is not in the contract document",
)
def get_system_identity(request: ArmRequest, world: World) -> ArmResponse:
    """The ids of the system-assigned identity of the resource; 404 when it has none."""
    scope = "/" + request.params["scope"].strip("/")
    identity = world.entra.system_identity(scope)
    if identity is None:
        raise ArmError(404, "NotFound", f"No system assigned identity is enabled for the resource '{scope}'.")
    document = world.arm.get(scope)
    body = {
        "id": request.id,
        "name": "default",
        "type": "Microsoft.ManagedIdentity/identities",
        "location": document.body.get("location", "westeurope") if document else "westeurope",
        "properties": ids_of(identity),
    }
    return ArmResponse(200, body)


@arm.route("GET", IDENTITIES, versions=VERSIONS)
def list_identities(request: ArmRequest, world: World) -> ArmResponse:
    return ArmResponse(200, {"value": [found.body for found in world.arm.members(request.id)]})


@arm.route("GET", IDENTITY, versions=VERSIONS)
def get_identity(request: ArmRequest, world: World) -> ArmResponse:
    return ArmResponse(200, request.document().body)


@arm.route("PUT", IDENTITY, versions=VERSIONS)
def put_identity(request: ArmRequest, world: World) -> ArmResponse:
    """201 when made, 200 when it was there: its ids stay for its life."""
    existed = world.arm.get(request.id) is not None
    location = request.json.get("location")
    if not location:
        raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
    identity = world.entra.add_user_identity(request.id)
    document = world.arm.put(request.id, identity_body(identity, location, request.json.get("tags") or {}))
    return ArmResponse(200 if existed else 201, document.body)


@arm.route("DELETE", IDENTITY, versions=VERSIONS)
def delete_identity(request: ArmRequest, world: World) -> ArmResponse:
    """200, or 204 when there was none; the service principal goes too."""
    return ArmResponse(200 if world.arm.delete(request.id) else 204)
