"""
Microsoft.ManagedIdentity: user-assigned identities with their federated credentials, and `identities/default`.

    add_user_identity(world, id)      -> ManagedIdentity; the ARM resource, its service principal and ids

A federated credential lets its identity sign in at once: Entra trusts what the resource says. Sources: azure-mgmt-msi
7.1 (2024-11-30), learn.microsoft.com/rest/api/managedidentity, learn.microsoft.com/entra/workload-id
(workload-identity-federation-considerations).
"""

from __future__ import annotations

import re
from typing import Any

from azuresim import arm
from azuresim.arm import ArmError, ArmRequest, ArmResponse
from azuresim.arm.federation import TYPE as CREDENTIAL_TYPE
from azuresim.arm.federation import forget, trust
from azuresim.arm.paging import page
from azuresim.arm.tags import valid_tags
from azuresim.entra.directory import ManagedIdentity
from azuresim.resources import Body
from azuresim.world import World

VERSIONS = {"2018-11-30", "2022-01-31-preview", "2023-01-31", "2024-11-30", "2025-01-31-preview", "2025-05-31-preview"}
WITH_CREDENTIALS = VERSIONS - {"2018-11-30"}
COLLECTION = "providers/Microsoft.ManagedIdentity/userAssignedIdentities"
IDENTITIES = f"/subscriptions/{{sub}}/resourceGroups/{{rg}}/{COLLECTION}"
IDENTITY = f"{IDENTITIES}/{{identity}}"
CREDENTIALS = f"{IDENTITY}/federatedIdentityCredentials"
CREDENTIAL = f"{CREDENTIALS}/{{credential}}"
TYPE = "Microsoft.ManagedIdentity/userAssignedIdentities"
NAME = re.compile(r"[A-Za-z0-9][-\w]{2,127}", re.ASCII)
CREDENTIAL_NAME = re.compile(r"[A-Za-z0-9][-\w]{2,119}", re.ASCII)
MOST_CREDENTIALS = 20
LONGEST = 600
NOT_THERE = "the contract document lists identities of a group only, and has no PATCH"


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


# --- of any resource --------------------------------------------------------------------------------------------------
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


# --- user-assigned identities -----------------------------------------------------------------------------------------
@arm.route("GET", IDENTITIES, versions=VERSIONS)
def list_identities(request: ArmRequest, world: World) -> ArmResponse:
    return ArmResponse(200, page(request, world.arm.members(request.id), show=lambda found: found.body))


@arm.route("GET", f"/subscriptions/{{sub}}/{COLLECTION}", versions=VERSIONS, uncovered=NOT_THERE)
def list_identities_of_subscription(request: ArmRequest, world: World) -> ArmResponse:
    groups = world.arm.members(f"{request.up_to('sub')}/resourceGroups")
    found = [identity for group in groups for identity in world.arm.members(f"{group.id}/{COLLECTION}")]
    return ArmResponse(200, page(request, found, show=lambda one: one.body))


@arm.route("GET", IDENTITY, versions=VERSIONS)
def get_identity(request: ArmRequest, world: World) -> ArmResponse:
    return ArmResponse(200, request.document().body)


@arm.route("PUT", IDENTITY, versions=VERSIONS)
def put_identity(request: ArmRequest, world: World) -> ArmResponse:
    """201 when made, 200 when it was there: its ids stay for its life, and so does its location."""
    found, body = world.arm.get(request.id), request.json
    if found is None and not NAME.fullmatch(request.params["identity"]):
        raise wrong_name(request.params["identity"], 128)
    location = body.get("location")
    if not isinstance(location, str) or not location.strip():
        raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
    location = location.replace(" ", "").lower()
    if found is not None and found.body["location"] != location:
        text = (
            f"The resource '{found.name}' already exists in location '{found.body['location']}' in resource group "
            f"'{request.params['rg']}'. A resource with the same name cannot be created in location '{location}'. "
            "Please select a new resource name."
        )
        raise ArmError(409, "InvalidResourceLocation", text)
    tags, isolation = valid_tags(body.get("tags")), isolation_of(body)
    identity = world.entra.add_user_identity(request.id)
    made = identity_body(identity, location, tags)
    made["properties"] |= isolation
    return ArmResponse(200 if found else 201, world.arm.put(request.id, made).body)


@arm.route("PATCH", IDENTITY, versions=VERSIONS, uncovered=NOT_THERE)
def patch_identity(request: ArmRequest, world: World) -> ArmResponse:
    """Tags are replaced as a whole when they are sent; the location cannot change."""
    document, body = request.document(), request.json
    tags = {"tags": valid_tags(body["tags"])} if body.get("tags") is not None else {}
    properties = {"properties": document.properties | isolation_of(body)}
    return ArmResponse(200, world.arm.put(document.id, document.body | tags | properties).body)


def isolation_of(body: Body) -> dict[str, str]:
    properties = body.get("properties")
    if not isinstance(properties, dict) or properties.get("isolationScope") is None:
        return {}
    scope = properties["isolationScope"]
    if scope not in ("None", "Regional"):
        raise ArmError(400, "BadRequest", "The isolation scope is one of None, Regional.")
    return {"isolationScope": scope}


@arm.route("DELETE", IDENTITY, versions=VERSIONS)
def delete_identity(request: ArmRequest, world: World) -> ArmResponse:
    """200, or 204 when there was none; the service principal goes too."""
    return ArmResponse(200 if world.arm.delete(request.id) else 204)


@arm.route(
    "POST",
    f"{IDENTITY}/listAssociatedResources",
    versions={"2021-09-30-preview", "2022-01-31-preview"},
    uncovered="withdrawn by Azure after its preview",
)
def list_associated(request: ArmRequest, world: World) -> ArmResponse:
    raise ArmError(501, "NotSimulated", "listAssociatedResources is not simulated.")


def wrong_name(name: str, longest: int) -> ArmError:
    return ArmError(
        400,
        "InvalidResourceName",
        f"The resource name '{name[:200]}' is invalid: 3 to {longest} letters, digits, '-' and '_', a letter or a "
        "digit first.",
    )


# --- federated credentials --------------------------------------------------------------------------------------------
def too_many_writers() -> ArmError:
    """Source: Azure/bicep-registry-modules issue 1447."""
    return ArmError(
        409,
        "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity",
        "Too many Federated Identity Credentials are written concurrently for the managed identity. Concurrent "
        "Federated Identity Credentials writes under the same managed identity are not supported.",
    )


@arm.route("GET", CREDENTIALS, versions=WITH_CREDENTIALS)
def list_credentials(request: ArmRequest, world: World) -> ArmResponse:
    return ArmResponse(200, page(request, world.arm.members(request.id), show=lambda found: found.body))


@arm.route("GET", CREDENTIAL, versions=WITH_CREDENTIALS)
def get_credential(request: ArmRequest, world: World) -> ArmResponse:
    return ArmResponse(200, request.document().body)


@arm.route("PUT", CREDENTIAL, versions=WITH_CREDENTIALS, exclusive=IDENTITY, busy=too_many_writers)
def put_credential(request: ArmRequest, world: World) -> ArmResponse:
    """201 when made, 200 when it was there; Entra takes assertions of it from now on."""
    found = world.arm.get(request.id)
    if found is None and not CREDENTIAL_NAME.fullmatch(request.params["credential"]):
        raise wrong_name(request.params["credential"], 120)
    properties = credential_properties(request.json)
    others = [one for one in world.arm.members(f"{request.up_to('identity')}/federatedIdentityCredentials")
              if one is not found]  # fmt: skip
    if any(pair(one.properties) == pair(properties) for one in others):
        text = "Issuer and subject combination already exists for this Managed Identity."
        raise ArmError(409, "Conflict", text)
    if len(others) >= MOST_CREDENTIALS:
        text = f"A managed identity has at most {MOST_CREDENTIALS} federated identity credentials."
        raise ArmError(400, "FederatedIdentityCredentialLimitReached", text)
    client_id = world.arm.need(request.up_to("identity")).properties["clientId"]
    body = {"id": request.id, "name": request.params["credential"], "type": CREDENTIAL_TYPE, "properties": properties}
    if found is not None:
        body |= {"id": found.id, "name": found.name}
        forget(world, found)
    document = world.arm.put(request.id, body, private={"client_id": client_id})
    trust(world, document)
    return ArmResponse(201 if found is None else 200, document.body)


@arm.route("DELETE", CREDENTIAL, versions=WITH_CREDENTIALS, exclusive=IDENTITY, busy=too_many_writers)
def delete_credential(request: ArmRequest, world: World) -> ArmResponse:
    """200, or 204 when there was none."""
    return ArmResponse(200 if world.arm.delete(request.id) else 204)


def pair(properties: Body) -> tuple[str, str]:
    return properties["issuer"], properties["subject"]


def credential_properties(body: Body) -> Body:
    """
    Issuer (an https URL), subject and exactly one audience; ArmError 400 otherwise.

    Source: learn.microsoft.com/graph/api/resources/federatedidentitycredential (limits); the texts are assumed.
    """
    sent: Any = body.get("properties")
    if not isinstance(sent, dict):
        raise ArmError(400, "BadRequest", "The request has no properties.")
    for name in ("issuer", "subject"):
        if not isinstance(sent.get(name), str) or not 0 < len(sent[name]) <= LONGEST:
            raise ArmError(400, "BadRequest", f"The {name} is a text of 1 to {LONGEST} characters.")
    if not sent["issuer"].lower().startswith("https://"):
        raise ArmError(400, "BadRequest", "The issuer is a URL that begins with https.")
    audiences = sent.get("audiences")
    if not isinstance(audiences, list) or len(audiences) != 1 or not isinstance(audiences[0], str) or not audiences[0]:
        raise ArmError(400, "BadRequest", "There is exactly one audience.")
    return {"issuer": sent["issuer"], "subject": sent["subject"], "audiences": list(audiences)}
