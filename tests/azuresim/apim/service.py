"""
API Management: the service resource and its identity. Importing this module registers all routes of the provider.

    add_service(world, "/subscriptions/…/providers/Microsoft.ApiManagement/service/contoso", sku="BasicV2")

An identity-only PATCH that changes nothing answers 200; another one 202 with `Azure-AsyncOperation` and `Location`, and
the service is `Updating` until that operation ends. Only then do principalId and tenantId appear.
Sources: Azure/azure-service-operator recording Test_ApiManagement_20240501_CRUD; Azure/azure-sdk-for-js recording
apimanagement_test (update); Azure/azure-cli recording test_apim_managed_identity;
learn.microsoft.com/azure/api-management/api-management-howto-use-managed-service-identity.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from azuresim import arm
from azuresim.apim import (
    apis,
    backends,
    left_out,
    named_values,
    operations,
    policies,
    policy_descriptions,
    products,
    revisions,
    tag_resources,
    version_sets,
)
from azuresim.apim.authorship import changed_by
from azuresim.apim.entities import (
    SERVICE,
    VERSIONS,
    check_etag,
    envelope,
    invalid,
    listing,
    missing,
    route,
    transitioning,
)
from azuresim.apim.identity import ABSENT, kinds_of, named_identities, shown_identity, wanted_identity
from azuresim.apim.people import add_people
from azuresim.apim.portal import add_settings
from azuresim.apim.products import add_master
from azuresim.apim.service_fields import service_properties
from azuresim.arm import ArmRequest
from azuresim.arm.regions import display
from azuresim.operations import Operation
from azuresim.policy.text import BUILT_IN_GLOBAL, write
from azuresim.resources import Body, Document
from azuresim.wire import ArmResponse
from azuresim.world import World

__all__ = ["add_service"]

ROUTES = (
    apis, backends, left_out, named_values, operations, policies, policy_descriptions, products, revisions,
    tag_resources, version_sets,
)  # fmt: skip  # importing them registers their routes
CHANGEABLE: Mapping[str, type | tuple[type, ...]] = {
    "publisherEmail": str,
    "publisherName": str,
    "notificationSenderEmail": str,
    "customProperties": dict,
    "virtualNetworkType": str,
    "virtualNetworkConfiguration": dict,
    "publicNetworkAccess": str,
    "publicIpAddressId": str,
    "apiVersionConstraint": dict,
    "hostnameConfigurations": list,
    "additionalLocations": list,
    "certificates": list,
    "disableGateway": bool,
    "enableClientCertificate": bool,
    "natGatewayState": str,
    "developerPortalStatus": str,
    "legacyPortalStatus": str,
}
"""What clients may change of a service, each with its type; other properties are the service's own."""
LOCATIONS = "/subscriptions/{sub}/providers/Microsoft.ApiManagement/locations/{location}"
UPDATE = "_Update_"
ASSIGN = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"
POLLS = "polls of operations are not among the trimmed contracts"


def add_service(
    world: World,
    service_id: str,
    *,
    sku: str = "Developer",
    identity: Body | None = None,
    location: str = "West Europe",
) -> Document:
    """The service exists, is Succeeded, has its built-in subscription, people, settings and default global policy."""
    name = service_id.rpartition("/")[2]
    body = {
        "id": service_id,
        "name": name,
        "type": "Microsoft.ApiManagement/service",
        "tags": {},
        "location": location,
        "etag": "",
        "properties": service_properties(world, name, sku),
        "sku": {"name": sku, "capacity": 0 if sku == "Consumption" else 1},
        "identity": ABSENT,
        "zones": None,
        "systemData": {"createdBy": "somebody@example.com", "createdByType": "User", "createdAt": world.clock.stamp()},
    }
    service = world.arm.put(service_id, body)
    with_etag(service)
    add_master(world, service.id)
    add_people(world, service.id)
    add_settings(world, service.id)
    policy = f"{service.id}/policies/policy"
    world.arm.put(policy, envelope(policy, {"format": "xml", "value": write(BUILT_IN_GLOBAL, raw=False)}))
    if identity is not None:
        settle(world, service, wanted_identity(world, service.body["identity"], identity))
    return service


def with_etag(service: Document) -> None:
    """The body's `etag`, unquoted: the service shows its row version there."""
    service.body["etag"] = service.etag.strip('"')


@route("GET", SERVICE)
def get_service(request: ArmRequest, _: World) -> ArmResponse:
    """The service as it is now; compact, unlike its children."""
    return ArmResponse(200, request.document().body)


@route("GET", "/service", uncovered="the list of services is not among the trimmed contracts")
def list_services(request: ArmRequest, world: World) -> ArmResponse:
    return listing(request, [service.body for service in world.arm.members(request.id)])


@route("PATCH", SERVICE)
def patch_service(request: ArmRequest, world: World) -> ArmResponse:
    """
    Identity and tags change; 200 when they already are so, else 202 and an operation.

    A second write while one is under way is refused with 409; code and text are assumed.
    """
    service, sent = request.document(), request.json
    check_etag(request, service)
    if world.operations.running(service.id):
        raise transitioning()
    tags = service.body["tags"] if sent.get("tags") is None else sent["tags"]
    if not isinstance(tags, dict):
        raise invalid(("tags", "The tags are not an object."))
    identity = service.body["identity"]
    if "identity" in sent:
        if sent["identity"] is not None and not isinstance(sent["identity"], dict):
            raise invalid(("identity", "The identity is not an object."))
        request.need_linked(ASSIGN, named_identities(sent["identity"] or {}))
        identity = wanted_identity(world, identity, sent["identity"] or {"type": "None"})
    changed = changed_properties(service, sent)
    if not changed and same(identity, service.body["identity"]) and tags == service.body["tags"]:
        return ArmResponse(200, service.body)
    return begin(request, service, identity, tags)


def changed_properties(service: Document, sent: Body) -> bool:
    """The properties and the sku that were sent are those of the service; whether that changed any."""
    properties = sent.get("properties") or {}
    sku = sent.get("sku") or {}
    if not isinstance(properties, dict) or not isinstance(sku, dict):
        raise invalid(("properties", "'properties' and 'sku' must be objects."))
    for name, value in properties.items():
        kind = CHANGEABLE.get(name)
        if kind is not None and value is not None and not isinstance(value, kind):
            raise invalid((f"properties.{name}", f"The value of '{name}' is of the wrong type."))
    wanted = {**service.properties, **{name: value for name, value in properties.items() if name in CHANGEABLE}}
    new_sku = {**service.body["sku"], **{name: sku[name] for name in ("name", "capacity") if name in sku}}
    if not isinstance(new_sku["name"], str) or isinstance(new_sku["capacity"], bool | str | list | dict):
        raise invalid(("sku", "The sku needs a name and a whole number as its capacity."))
    changed = (wanted, new_sku) != (service.properties, service.body["sku"])
    service.body["properties"], service.body["sku"] = wanted, new_sku
    return changed


def new_service(world: World, service_id: str, sent: Body) -> Document:
    """The service that a PUT makes, before its identity is in force."""
    service = add_service(world, service_id, sku=sent["sku"]["name"], location=display(sent["location"]))
    changed_properties(service, sent)
    service.body["tags"] = sent.get("tags") or {}
    return service


def same(wanted: Body | None, present: Body | None) -> bool:
    """Equal as far as a client can choose: the kinds, and the ids of user-assigned identities."""

    def chosen(identity: Body | None) -> tuple[frozenset[str], frozenset[str]]:
        ids = (identity or {}).get("userAssignedIdentities") or {}
        return kinds_of(identity), frozenset(key.lower() for key in ids)

    return chosen(wanted) == chosen(present)


def begin(
    request: ArmRequest, service: Document, identity: Body | None, tags: Body, *, accepted: int = 202
) -> ArmResponse:
    """
    The change is under way: 202 after PATCH, 200 after PUT, and where it can be followed.

    Source: Azure/azure-service-operator recording Test_ApiManagement_20240501_CRUD (PUT of a tag: 200, Updating).
    """
    world = request.world
    service.body["systemData"] = changed_by(request, service.body["systemData"])

    def done() -> None:
        service.body["tags"] = tags
        settle(world, service, identity)

    def failed() -> None:  # assumed: the service says so itself
        state(service, "Failed", "")

    operation = world.operations.start(service.id, on_done=done, on_failed=failed)
    state(service, "Updating", "Updating")
    world.arm.touch(service.id)
    with_etag(service)
    if world.switches.apim_service_polls == "results":
        location = request.absolute(f"{service.id}/operationresults/{operation.id}")
        return ArmResponse(accepted, service.body, {"Location": location, **operation.retry_headers()})
    return ArmResponse(accepted, service.body, operation_headers(request, operation))


def operation_headers(request: ArmRequest, operation: Operation) -> dict[str, str]:
    """Where an operation on a service can be followed, as a status and as a result."""
    name = request.id.rpartition("/")[2]
    token = base64.urlsafe_b64encode(f"westeurope:{name}{UPDATE}{operation.id}".encode()).decode().rstrip("=")
    location = f"{LOCATIONS.format(sub=request.params['sub'], location='westeurope')}/operationResults/{token}"
    return operation.headers(request, location=location)


@arm.route("GET", LOCATIONS + "/operationResults/{token}", versions=VERSIONS, uncovered=POLLS)
def operation_result(request: ArmRequest, world: World) -> ArmResponse:
    """202 while the update runs, then the service."""
    token = request.params["token"]
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except ValueError:
        raise missing("Operation") from None
    operation = world.operations.get(text.rpartition(UPDATE)[2])
    done = operation and world.operations.location(operation.id, lambda: service_answer(world, operation.resource_id))
    if not done:
        raise missing("Operation")
    return done


@route("GET", SERVICE + "/operationresults/{operation}", uncovered=POLLS)
def service_operation_result(request: ArmRequest, world: World) -> ArmResponse:
    """The same, below the service: as the Consumption tier has it (Azure/azure-cli test_apim_managed_identity)."""
    service_id, operation = request.up_to("service"), request.params["operation"]
    done = world.operations.location(operation, lambda: service_answer(world, service_id))
    if not done:
        raise missing("Operation")
    return done


def service_answer(world: World, service_id: str) -> ArmResponse:
    """The service; 204 when it was deleted in the meantime."""
    service = world.arm.get(service_id)
    return ArmResponse(204) if service is None else ArmResponse(200, service.body)


def settle(world: World, service: Document, identity: Body | None) -> None:
    """The identity is in force and can be seen; the service is Succeeded."""
    service.body["identity"] = shown_identity(world, service, identity)
    state(service, "Succeeded", "")
    world.arm.touch(service.id)
    with_etag(service)


def state(service: Document, provisioning: str, target: str) -> None:
    service.properties.update(provisioningState=provisioning, targetProvisioningState=target)
