"""Tenants, subscriptions and their regions: what clients ask before anything else; and names of tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azuresim.arm import regions
from azuresim.arm.listing import tracked
from azuresim.arm.paging import page
from azuresim.arm.rights import granted
from azuresim.arm.routes import ArmError, ArmRequest, route
from azuresim.arm.tags import valid_tags
from azuresim.arm.versions import RESOURCES
from azuresim.resources import Document
from azuresim.wire import ArmResponse

if TYPE_CHECKING:
    from azuresim.world import World

UNCOVERED = "tenants and subscriptions are not among the contract documents"
SUBSCRIPTION = "/subscriptions/{sub}"
READ = "Microsoft.Resources/subscriptions/read"
RESERVED = ("MICROSOFT", "WINDOWS", "LOGIN", "XBOX")


def shown(world: World, document: Document) -> dict[str, Any]:
    return {
        "id": document.id,
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": document.name,
        "tenantId": world.tenant_id,
        "displayName": document.body["displayName"],
        "state": document.body["state"],
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
        **({"tags": document.body["tags"]} if document.body.get("tags") else {}),
    }


@route("GET", "/tenants", versions=RESOURCES, action="Microsoft.Resources/tenants/read", uncovered=UNCOVERED)
def list_tenants(request: ArmRequest, world: World) -> ArmResponse:
    """The tenant that the caller belongs to; there is only one."""
    domain = "simulated.onmicrosoft.com"
    tenant = {
        "id": f"/tenants/{world.tenant_id}",
        "tenantId": world.tenant_id,
        "countryCode": "NL",
        "displayName": "Simulated",
        "domains": [domain],
        "tenantCategory": "Home",
        "defaultDomain": domain,
        "tenantType": "AAD",
    }
    return ArmResponse(200, page(request, [tenant]))


@route("GET", "/subscriptions", versions=RESOURCES, action=READ, uncovered=UNCOVERED)
def list_subscriptions(request: ArmRequest, world: World) -> ArmResponse:
    """Those that the caller may see: with roles enforced, an empty list is no error."""
    found = world.arm.members("/subscriptions")
    if world.switches.arm_enforce_roles:
        found = [one for one in found if granted(world, request.caller.object_id, READ, one.id)]
    body = page(request, found, show=lambda document: shown(world, document))
    return ArmResponse(200, body | {"count": {"type": "Total", "value": len(found)}})


@route("GET", SUBSCRIPTION, versions=RESOURCES, action=READ, uncovered=UNCOVERED)
def get_subscription(request: ArmRequest, world: World) -> ArmResponse:
    return ArmResponse(200, shown(world, world.arm.need(request.id)))


@route(
    "GET",
    f"{SUBSCRIPTION}/locations",
    versions=RESOURCES,
    action="Microsoft.Resources/subscriptions/locations/read",
    uncovered=UNCOVERED,
)
def list_locations(request: ArmRequest, world: World) -> ArmResponse:
    value = [regions.shown(request.params["sub"], name) for name in regions.REGIONS]
    return ArmResponse(200, {"value": value})


@route(
    "POST",
    "/providers/Microsoft.Resources/checkResourceName",
    versions=RESOURCES,
    action="Microsoft.Resources/checkResourceName/action",
    uncovered=UNCOVERED,
)
def check_resource_name(request: ArmRequest, world: World) -> ArmResponse:
    """
    Allowed or Reserved: trademarks and reserved words.

    Source: learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-reserved-resource-name.
    """
    name, kind = request.json.get("name"), request.json.get("type")
    if not isinstance(name, str) or not isinstance(kind, str) or not name or not kind:
        raise ArmError(400, "InvalidRequestContent", "The request content was invalid: 'name' and 'type' are required.")
    reserved = any(word in name.upper() for word in RESERVED)
    return ArmResponse(200, {"name": name, "type": kind, "status": "Reserved" if reserved else "Allowed"})


@route(
    "POST",
    f"{SUBSCRIPTION}/providers/Microsoft.Resources/checkZonePeers",
    versions=RESOURCES,
    uncovered=UNCOVERED,
)
def check_zone_peers(request: ArmRequest, world: World) -> ArmResponse:
    raise ArmError(501, "NotSimulated", "checkZonePeers is not simulated.")


# --- names of tags ----------------------------------------------------------------------------------------------------
NAMES = f"{SUBSCRIPTION}/tagNames"
TAG_ACTION = "Microsoft.Resources/subscriptions/tagNames"


def tag_usage(world: World, subscription_id: str) -> dict[str, dict[str, int]]:
    """How often each value of each tag is used in the subscription, with names that somebody predefined."""
    usage: dict[str, dict[str, int]] = {}
    for document in world.arm.members(f"{subscription_id}/tagNames"):
        usage[document.name] = {value.name: 0 for value in world.arm.members(f"{document.id}/tagValues")}
    groups = world.arm.members(f"{subscription_id}/resourceGroups")
    for document in [*groups, *(one for group in groups for one in tracked(world, group.id))]:
        for name, value in (document.body.get("tags") or {}).items():
            counts = usage.setdefault(name, {})
            counts[value] = counts.get(value, 0) + 1
    return usage


def name_shown(subscription_id: str, name: str, values: dict[str, int]) -> dict[str, Any]:
    at = f"{subscription_id}/tagNames/{name}"
    return {
        "id": at,
        "tagName": name,
        "count": {"type": "Total", "value": sum(values.values())},
        "values": [value_shown(at, value, count) for value, count in values.items()],
    }


def value_shown(name_id: str, value: str, count: int) -> dict[str, Any]:
    return {"id": f"{name_id}/tagValues/{value}", "tagValue": value, "count": {"type": "Total", "value": count}}


@route("GET", NAMES, versions=RESOURCES, action=f"{TAG_ACTION}/read", uncovered=UNCOVERED)
def list_tag_names(request: ArmRequest, world: World) -> ArmResponse:
    subscription = request.up_to("sub")
    items = list(tag_usage(world, subscription).items())
    return ArmResponse(200, page(request, items, show=lambda item: name_shown(subscription, *item)))


@route("PUT", f"{NAMES}/{{tag}}", versions=RESOURCES, action=f"{TAG_ACTION}/write", uncovered=UNCOVERED)
def put_tag_name(request: ArmRequest, world: World) -> ArmResponse:
    name = request.params["tag"]
    valid_tags({name: ""})
    existed = world.arm.get(request.id) is not None
    world.arm.put(request.id, {"tagName": name})
    return ArmResponse(200 if existed else 201, name_shown(request.up_to("sub"), name, {}))


@route("PUT", f"{NAMES}/{{tag}}/tagValues/{{value}}", versions=RESOURCES, action=f"{TAG_ACTION}/tagValues/write",
       uncovered=UNCOVERED)  # fmt: skip
def put_tag_value(request: ArmRequest, world: World) -> ArmResponse:
    name_id, value = request.up_to("tag"), request.params["value"]
    if world.arm.get(name_id) is None:
        raise ArmError(404, "TagNotFound", f"The tag '{request.params['tag']}' could not be found.")
    valid_tags({request.params["tag"]: value})
    existed = world.arm.get(request.id) is not None
    world.arm.put(request.id, {"tagValue": value})
    return ArmResponse(200 if existed else 201, value_shown(name_id, value, 0))


@route("DELETE", f"{NAMES}/{{tag}}", versions=RESOURCES, action=f"{TAG_ACTION}/delete", uncovered=UNCOVERED)
def delete_tag_name(request: ArmRequest, world: World) -> ArmResponse:
    """200, or 204 when there was none; 409 while something carries the tag."""
    return removed(request, world, sum(tag_usage(world, request.up_to("sub")).get(request.params["tag"], {}).values()))


@route("DELETE", f"{NAMES}/{{tag}}/tagValues/{{value}}", versions=RESOURCES, action=f"{TAG_ACTION}/tagValues/delete",
       uncovered=UNCOVERED)  # fmt: skip
def delete_tag_value(request: ArmRequest, world: World) -> ArmResponse:
    usage = tag_usage(world, request.up_to("sub")).get(request.params["tag"], {})
    return removed(request, world, usage.get(request.params["value"], 0))


def removed(request: ArmRequest, world: World, used: int) -> ArmResponse:
    if used:
        text = f"The tag '{request.params['tag']}' cannot be deleted while {used} resources carry it."
        raise ArmError(409, "TagInUse", text)
    return ArmResponse(200 if world.arm.delete(request.id) else 204)
