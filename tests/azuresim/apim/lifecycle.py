"""
Services that come and go: create, replace, delete with soft delete, purge, restore; names; what can be bought.

Creating takes an operation (`Activating`), so does deleting; a deleted service is kept for 48 hours under its location,
and its name is taken meanwhile unless it is restored or purged.
Sources: REST reference, "Api Management Service" and "Deleted Services"; learn.microsoft.com/azure/api-management/
soft-delete; Azure/azure-service-operator recording Test_ApiManagement_20240501_CRUD. Texts of refusals are assumed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

from azuresim import arm
from azuresim.apim.authorship import made_by
from azuresim.apim.entities import (
    SERVICE,
    VERSIONS,
    check_etag,
    invalid,
    listing,
    missing,
    refused,
    route,
    transitioning,
)
from azuresim.apim.identity import named_identities, shown_identity, wanted_identity
from azuresim.apim.service import ASSIGN, begin, changed_properties, new_service, operation_headers, settle, state
from azuresim.arm import ArmError, ArmRequest, Handler, pretty
from azuresim.resources import Body, Document
from azuresim.wire import ArmResponse
from azuresim.world import World

NAME = re.compile(r"^[A-Za-z](?:[A-Za-z0-9-]{0,48}[A-Za-z0-9])?$")
SKUS = ("Consumption", "Developer", "Basic", "Standard", "Premium", "BasicV2", "StandardV2", "PremiumV2", "Isolated")
KEPT = timedelta(hours=48)
PROVIDER = "/subscriptions/{sub}/providers/Microsoft.ApiManagement"
DELETED = f"{PROVIDER}/locations/{{location}}/deletedservices/{{name}}"
UNCOVERED = "creating, deleting and listing services is not among the trimmed contracts"


def provider_route(method: str, template: str, answers: tuple[int, ...] = ()) -> Callable[[Handler], Handler]:
    return arm.route(method, template, versions=VERSIONS, uncovered=UNCOVERED, answers=answers)


# --- create and replace -----------------------------------------------------------------------------------------------
@route("PUT", SERVICE, uncovered=UNCOVERED)
def put_service(request: ArmRequest, world: World) -> ArmResponse:
    """
    201 and an operation for a new service, 200 and an operation for one that is there.

    The identity of a new one is there at once. Source: Azure/azure-cli recordings test_apim_core_service and
    test_apim_managed_identity.
    """
    sent = request.json
    check_sent(request, sent)
    existing = world.arm.get(request.id)
    if existing is not None:
        check_etag(request, existing)
        return replaced(request, existing, sent)
    restored = kept_ones(world).get(request.params["service"].lower())
    if restored is not None and sent["properties"].get("restore") is not True:
        raise refused(
            409,
            "ServiceAlreadyExistsInSoftDeletedState",
            f"Api service {request.params['service']} was soft-deleted. In order to create the new service with the "
            "same name, you have to either undelete the service or purge it.",
        )
    check_name_is_free(request, world)
    identity = request.json.get("identity")
    request.need_linked(ASSIGN, named_identities(identity or {}))
    wanted = wanted_identity(world, None, identity) if identity else None
    service = restored_service(world, restored) if restored else new_service(world, request.id, sent)
    if restored is None:
        service.body["systemData"] = made_by(request)
        service.body["identity"] = shown_identity(world, service, wanted)
    state(service, "Activating", "Activating")
    operation = world.operations.start(service.id, on_done=lambda: settle(world, service, wanted))
    return ArmResponse(201, service.body, operation_headers(request, operation))


def replaced(request: ArmRequest, service: Document, sent: Body) -> ArmResponse:
    if request.world.operations.running(service.id):
        raise transitioning()
    identity = sent.get("identity")
    request.need_linked(ASSIGN, named_identities(identity or {}))
    wanted = wanted_identity(request.world, None, identity) if identity else None
    changed_properties(service, sent)
    return begin(request, service, wanted, sent.get("tags") or {}, accepted=200)


def check_sent(request: ArmRequest, sent: Body) -> None:
    """Location, sku, publisher; ArmError 400 naming what is wrong."""
    if not NAME.match(request.params["service"]):
        raise invalid(("name", "Service name must begin with a letter and hold letters, digits and hyphens (1 to 50)."))
    if not isinstance(sent.get("location"), str) or not sent["location"]:
        raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
    sku = sent.get("sku")
    if not isinstance(sku, dict) or str(sku.get("name")) not in SKUS:
        raise invalid(("sku.name", f"The sku must be one of {', '.join(SKUS)}."))
    properties = sent.get("properties")
    if not isinstance(properties, dict):
        raise invalid(("properties", "The properties field is required."))
    for name, most in (("publisherEmail", 100), ("publisherName", 100)):
        if not isinstance(properties.get(name), str) or not 1 <= len(properties[name]) <= most:
            raise invalid((f"properties.{name}", f"'{name}' is required and must have at most {most} characters."))
    if sent.get("identity") is not None and not isinstance(sent["identity"], dict):
        raise invalid(("identity", "The identity is not an object."))
    if sent.get("tags") is not None and not isinstance(sent["tags"], dict):
        raise invalid(("tags", "The tags are not an object."))


def check_name_is_free(request: ArmRequest, world: World) -> None:
    """Names are unique in all of Azure: the gateway's host name is made of them."""
    if taken(world, request.params["service"]):
        raise refused(409, "ServiceAlreadyExists", f"Api service already exists: {request.params['service']}", None)


def taken(world: World, name: str) -> bool:
    suffix = f"/providers/microsoft.apimanagement/service/{name.lower()}"
    return any(key.endswith(suffix) for key in world.arm.documents)


# --- delete, purge, restore -------------------------------------------------------------------------------------------
@route("DELETE", SERVICE, uncovered=UNCOVERED)
def delete_service(request: ArmRequest, world: World) -> ArmResponse:
    """An operation; at its end the service is gone with all below it, and kept aside. Consumption keeps nothing."""
    service = world.arm.get(request.id)
    if service is None:
        return ArmResponse(204)
    check_etag(request, service)
    if world.operations.running(service.id):
        raise transitioning()

    def gone() -> None:
        if service.body["sku"]["name"] != "Consumption":
            keep(world, service)
        world.arm.delete(service.id)

    state(service, "Deleting", "Deleting")
    operation = world.operations.start(service.id, on_done=gone)
    return ArmResponse(202, service.body, operation_headers(request, operation))


def keep(world: World, service: Document) -> None:
    name, location = service.name, short(str(service.body["location"]))
    subscription = service.id.split("/")[2]
    target = DELETED.format(sub=subscription, location=location, name=name)
    now = world.clock.now()
    properties = {
        "serviceId": service.id,
        "deletionDate": now.isoformat(),
        "scheduledPurgeDate": (now + KEPT).isoformat(),
    }
    below = [
        {"id": one.id, "body": one.body, "private": one.private} for one in [service, *world.arm.below(service.id)]
    ]
    body = {
        "id": target,
        "name": name,
        "type": "Microsoft.ApiManagement/deletedservices",
        "location": service.body["location"],
        "properties": properties,
    }
    world.arm.put(target, body, private={"documents": below})


def short(location: str) -> str:
    return location.replace(" ", "").lower()


def kept_ones(world: World) -> dict[str, Document]:
    """Soft-deleted services that are still there, by name; those whose time is over go."""
    found: dict[str, Document] = {}
    for document in [d for key, d in world.arm.documents.items() if "/deletedservices/" in key]:
        if document.properties["scheduledPurgeDate"] < world.clock.now().isoformat():
            world.arm.delete(document.id)
        else:
            found[document.name.lower()] = document
    return found


def restored_service(world: World, kept: Document) -> Document:
    documents = kept.private["documents"]
    for one in documents:
        world.arm.put(one["id"], one["body"], private=one["private"])
    world.arm.delete(kept.id)
    return world.arm.need(documents[0]["id"])


@provider_route("GET", DELETED)
def get_deleted(request: ArmRequest, world: World) -> ArmResponse:
    return ArmResponse(200, pretty(the_kept(request, world).body))


@provider_route("DELETE", DELETED)
def purge(request: ArmRequest, world: World) -> ArmResponse:
    """Gone for good; an operation whose end is at once when nobody looks."""
    kept = the_kept(request, world)
    world.arm.delete(kept.id)
    operation = world.operations.start(request.id)
    return ArmResponse(202, None, operation_headers(request, operation))


def the_kept(request: ArmRequest, world: World) -> Document:
    found = kept_ones(world).get(request.params["name"].lower())
    if found is None or found.id.lower() != request.id.lower():
        raise missing("DeletedService")
    return found


@provider_route("GET", f"{PROVIDER}/deletedservices")
def list_deleted(request: ArmRequest, world: World) -> ArmResponse:
    mine = f"/subscriptions/{request.params['sub']}/".lower()
    return listing(request, [one.body for one in kept_ones(world).values() if one.id.lower().startswith(mine)])


# --- what there is ----------------------------------------------------------------------------------------------------
@provider_route("GET", f"{PROVIDER}/service")
def list_of_subscription(request: ArmRequest, world: World) -> ArmResponse:
    groups = world.arm.documents.names(f"/subscriptions/{request.params['sub']}/resourceGroups")
    found = [
        service.body
        for group in groups
        for service in world.arm.members(
            f"/subscriptions/{request.params['sub']}/resourceGroups/{group}/providers/Microsoft.ApiManagement/service"
        )
    ]
    return listing(request, found)


@provider_route("POST", f"{PROVIDER}/checkNameAvailability")
def check_name(request: ArmRequest, world: World) -> ArmResponse:
    name = request.json.get("name")
    if not isinstance(name, str):
        raise invalid(("name", "A name is required."))
    if not NAME.match(name):
        return ArmResponse(
            200, pretty({"nameAvailable": False, "reason": "Invalid", "message": f"'{name}' is invalid."})
        )
    if taken(world, name) or name.lower() in kept_ones(world):
        text = f"{name} is already in use. Please select a different name."
        return ArmResponse(200, pretty({"nameAvailable": False, "reason": "AlreadyExists", "message": text}))
    return ArmResponse(200, pretty({"nameAvailable": True, "reason": "Valid", "message": ""}))


@provider_route("GET", f"{PROVIDER}/skus")
def list_skus(request: ArmRequest, world: World) -> ArmResponse:
    skus = [{"resourceType": "service", "name": name, "locations": ["westeurope"], "restrictions": []} for name in SKUS]
    return ArmResponse(200, pretty({"value": skus, "nextLink": None}))


@route("GET", f"{SERVICE}/skus", uncovered=UNCOVERED)
def list_service_skus(request: ArmRequest, world: World) -> ArmResponse:
    capacity = {"minimum": 1, "maximum": 10, "default": 1, "scaleType": "manual"}
    return listing(
        request,
        [
            {"resourceType": "Microsoft.ApiManagement/service", "sku": {"name": name}, "capacity": capacity}
            for name in SKUS
        ],
    )


@route("GET", f"{SERVICE}/regions", uncovered=UNCOVERED)
def list_regions(request: ArmRequest, world: World) -> ArmResponse:
    service = request.world.arm.need(request.up_to("service"))
    return listing(request, [{"name": service.body["location"], "isMasterRegion": True, "isDeleted": False}])


@route("GET", f"{SERVICE}/networkstatus", uncovered=UNCOVERED)
def network_status(request: ArmRequest, world: World) -> ArmResponse:
    service = request.world.arm.need(request.up_to("service"))
    status: Body = {"dnsServers": [], "connectivityStatus": []}
    return ArmResponse(200, [{"location": service.body["location"], "networkStatus": status}])


@route("GET", f"{SERVICE}/allPolicies", uncovered=UNCOVERED)
def all_policies(request: ArmRequest, world: World) -> ArmResponse:
    """Where policies are, without their texts and ETags. Source: REST reference, "All Policies"."""
    service = request.up_to("service")
    found = [one for one in world.arm.below(service) if one.body["type"].endswith("/policies")]
    items: list[Body] = [
        {
            "id": f"{service}/allPolicies/{number}",
            "name": str(number),
            "type": "Microsoft.ApiManagement/service/allPolicies",
            "properties": {"referencePolicyId": policy.id, "complianceState": "Compliant"},
        }
        for number, policy in enumerate(found, 1)
    ]
    return listing(request, items)
