"""
App Service plans, `Microsoft.Web/serverfarms`: where sites run, and what may run there.

    add_plan(world, "/subscriptions/…/serverfarms/WestEuropePlan", sku="Y1", kind="functionapp", linux=False)

A PUT is synchronous and answers 200; its answer shows the sku twice and the location as it was sent, GET the region's
other name. A plan with sites in it is not deleted. Sources: Azure/azure-service-operator recordings
Test_Web_ServerFarm_CRUD and Test_Web_v1api; hashicorp/terraform-provider-azurerm tracker 13377 (11003).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from azuresim.arm import ArmError, ArmRequest, ArmResponse
from azuresim.resources import Document, group_of, key_of
from azuresim.web.common import invalid_parameter, no_properties, route, templated
from azuresim.web.fields import kept, typed
from azuresim.web.regions import display, short
from azuresim.world import World

JSON = dict[str, Any]
PLANS = "/serverfarms/{plan}"
UNCOVERED = "plans are not among the trimmed contracts"
NAME = re.compile(r"[A-Za-z0-9_.()\u0080-\U0010ffff-]{1,60}")
FIELDS = {
    **dict.fromkeys(
        [
            "perSiteScaling",
            "elasticScaleEnabled",
            "isSpot",
            "reserved",
            "isXenon",
            "hyperV",
            "zoneRedundant",
            "asyncScalingEnabled",
        ],
        "truth",
    ),
    **dict.fromkeys(["maximumElasticWorkerCount", "targetWorkerCount", "targetWorkerSizeId"], "number"),
    **dict.fromkeys(["workerTierName", "spotExpirationTime", "freeOfferExpirationTime"], "text"),
    **dict.fromkeys(["hostingEnvironmentProfile", "kubeEnvironmentProfile"], "object"),
}
TIERS = {
    "F": ("Free", "F"),
    "D": ("Shared", "D"),
    "B": ("Basic", "B"),
    "S": ("Standard", "S"),
    "Y": ("Dynamic", "Y"),
    "FC": ("FlexConsumption", "FC"),
    "EP": ("ElasticPremium", "EP"),
    "WS": ("WorkflowStandard", "WS"),
}
SIZED = re.compile(r"(F|D|B|S|Y|FC|EP|WS)[0-9]{1,2}")
PREMIUM = re.compile(r"(?:P|I)[0-9]{1,2}m?(?:v[2-4])?", re.IGNORECASE)


def sku_of(name: str, tier: Any = None, capacity: Any = None) -> JSON | None:
    """The sku by its name, with tier, size and family filled in; None for a name that does not exist."""
    sized, upper = SIZED.fullmatch(name.upper()), name.upper()
    if sized is not None:
        found, family = TIERS[sized[1]]
        size = upper
    elif PREMIUM.fullmatch(name):
        size = upper[:1] + name[1:].lower()
        version = size.partition("v")[2]
        memory = "MV" if "m" in size.partition("v")[0] else "V"
        base = "Premium" if upper.startswith("P") else "Isolated"
        found = f"{base}{memory}{version}" if version else base
        if size.startswith("P0"):
            found = "Premium0V3"
        family = size[:1] + ("v" + version if version else "")
    else:
        return None
    elastic = found in ("Dynamic", "FlexConsumption", "Free", "Shared")
    return {
        "name": size,
        "tier": found,
        "size": size,
        "family": family,
        "capacity": capacity if isinstance(capacity, int) and not isinstance(capacity, bool) else int(not elastic),
    }


@route("PUT", PLANS, uncovered=UNCOVERED)
def put_plan(request: ArmRequest, world: World) -> ArmResponse:
    found = world.arm.get(request.id)
    if NAME.fullmatch(request.params["plan"]) is None:
        raise invalid_parameter("name")
    location = location_of(request, found)
    sent = properties_sent(request)
    sku = sku_sent(request, found)
    document = written(request, world, found, sent, sku, location)
    answer = document.body | {"location": location}
    return ArmResponse(200, answer | {"properties": shown(world, document) | {"sku": sku}}, etag(document))


@route("PATCH", PLANS, uncovered=UNCOVERED)
def patch_plan(request: ArmRequest, world: World) -> ArmResponse:
    found = request.document()
    document = written(
        request, world, found, properties_sent(request), sku_sent(request, found), found.body["location"]
    )
    return ArmResponse(200, seen(world, document), etag(document))


@route("GET", PLANS, uncovered=UNCOVERED)
def get_plan(request: ArmRequest, world: World) -> ArmResponse:
    return ArmResponse(200, seen(world, request.document()))


@route("DELETE", PLANS, uncovered=UNCOVERED)
def delete_plan(request: ArmRequest, world: World) -> ArmResponse:
    found = world.arm.get(request.id)
    if found is None:
        return ArmResponse(204)
    inside = [site.name for site in sites_in(world, found)]
    if inside:
        template = "Server farm '{0}' cannot be deleted because it has web app(s) {1} assigned to it."
        raise templated(409, "Conflict", "11003", template, found.name, ", ".join(inside))
    world.arm.delete(found.id)
    return ArmResponse(200)


@route("GET", "/serverfarms", uncovered=UNCOVERED)
def list_plans(request: ArmRequest, world: World) -> ArmResponse:
    return ArmResponse(200, {"value": [seen(world, one) for one in world.arm.members(request.id)], "nextLink": None})


@route("GET", f"{PLANS}/sites", uncovered=UNCOVERED)
def list_sites_of_plan(request: ArmRequest, world: World) -> ArmResponse:
    plan = world.arm.need(request.up_to("plan"))
    found = [site.body | {"properties": site.properties | {"siteConfig": None}} for site in sites_in(world, plan)]
    return ArmResponse(200, {"value": found, "nextLink": None})


# --- what stands behind -----------------------------------------------------------------------------------------------
def location_of(request: ArmRequest, found: Document | None) -> str:
    """The location as it was sent; a resource never moves."""
    sent = request.json.get("location")
    if not isinstance(sent, str) or not sent.strip():
        raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
    if found is not None and display(sent) != display(found.body["location"]):
        group = (group_of(found.id) or "").rpartition("/")[2]
        raise ArmError(
            409,
            "InvalidResourceLocation",
            f"The resource '{found.name}' already exists in location '{found.body['location']}' in resource group "
            f"'{group}'. A resource with the same name cannot be created in location '{sent}'. Please select a new "
            "resource name.",
        )
    return sent


def properties_sent(request: ArmRequest) -> JSON:
    sent = request.json.get("properties")
    if sent is not None and not isinstance(sent, dict):
        raise no_properties()
    return sent or {}


def sku_sent(request: ArmRequest, found: Document | None) -> JSON:
    """The sku asked for, else the one it has, else the free one (assumed)."""
    sent = request.json.get("sku")
    if sent is None:
        return dict(found.body["sku"]) if found is not None else sku_of("F1") or {}
    name = sent.get("name") or sent.get("size") if isinstance(sent, dict) else None
    made = sku_of(name, sent.get("tier"), sent.get("capacity")) if isinstance(name, str) else None
    if made is None:
        raise invalid_parameter("SKU.Name")
    return made


def written(
    request: ArmRequest, world: World, found: Document | None, sent: JSON, sku: JSON, location: str
) -> Document:
    """The plan is stored with what was sent laid over what it had; Linux or Windows is decided once."""
    fields = kept(sent, FIELDS, "serverFarm.")  # type: ignore[arg-type]  # the values are kinds
    kind = request.json.get("kind")
    tags = request.json.get("tags")
    if found is not None and fields.get("reserved") not in (None, found.properties["reserved"]):
        raise invalid_parameter("reserved")
    linux = bool(fields.get("reserved")) if found is None else found.properties["reserved"]
    if sku["tier"] == "FlexConsumption" and not linux:
        raise invalid_parameter("reserved")
    before = {} if found is None else found.properties
    properties = blank(world, request.id, sku, linux, location) | before | {
        name: value for name, value in fields.items() if value is not None
    }  # fmt: skip
    properties |= {"reserved": linux, "numberOfWorkers": sku["capacity"], "currentNumberOfWorkers": sku["capacity"]}
    properties["kind"] = typed(kind, "text", "kind") or before.get("kind") or kind_for(sku, linux)
    body = {
        "id": request.id if found is None else found.id,
        "name": request.params["plan"],
        "type": "Microsoft.Web/serverfarms",
        "kind": properties["kind"],
        "location": display(location),
        "properties": properties,
        "sku": sku,
    }
    kept_tags = tags if isinstance(tags, dict) else (found.body.get("tags") if found is not None else None)
    return world.arm.put(request.id, body if kept_tags is None else body | {"tags": kept_tags})


def kind_for(sku: JSON, linux: bool) -> str:
    if sku["tier"] in ("Dynamic", "FlexConsumption"):
        return "functionapp,linux" if linux and sku["tier"] == "FlexConsumption" else "functionapp"
    return "elastic" if sku["tier"] == "ElasticPremium" else "linux" if linux else "app"


def blank(world: World, plan_id: str, sku: JSON, linux: bool, location: str) -> JSON:
    """What a plan has that nobody asked for."""
    parts = plan_id.strip("/").split("/")
    dedicated = sku["tier"] not in ("Dynamic", "FlexConsumption", "Free", "Shared")
    number = len(world.arm.documents) + 10000
    return {
        "serverFarmId": number,
        "name": parts[-1],
        "workerSize": "Default",
        "workerSizeId": 0,
        "workerTierName": None,
        "currentWorkerSize": "Default",
        "currentWorkerSizeId": 0,
        "status": "Ready",
        "webSpace": f"{parts[3]}-{short(location)}webspace{'-Linux' if linux else ''}",
        "subscription": parts[1],
        "hostingEnvironmentProfile": None,
        "maximumNumberOfWorkers": 30 if dedicated else 0,
        "planName": "VirtualDedicatedPlan",
        "computeMode": "Dedicated" if dedicated else "Dynamic" if sku["tier"] in ("Dynamic",) else "Shared",
        "siteMode": None if dedicated else "Limited",
        "geoRegion": display(location),
        "perSiteScaling": False,
        "elasticScaleEnabled": sku["tier"] == "ElasticPremium",
        "maximumElasticWorkerCount": 1,
        "isSpot": False,
        "spotExpirationTime": None,
        "freeOfferExpirationTime": None,
        "resourceGroup": parts[3],
        "isXenon": False,
        "hyperV": False,
        "mdmId": f"waws-prod-sim-001_{number}",
        "targetWorkerCount": 0,
        "targetWorkerSizeId": 0,
        "provisioningState": "Succeeded",
        "kubeEnvironmentProfile": None,
        "zoneRedundant": False,
    }


def sites_in(world: World, plan: Document) -> list[Document]:
    """The sites and slots that run in the plan; they may lie in other groups of its subscription."""
    wanted = key_of(plan.id)
    return [one for one in all_sites(world, plan.id.split("/")[2]) if key_of(str(plan_of(one))) == wanted]


def plan_of(site: Document) -> str:
    return str(site.properties.get("serverFarmId") or "")


def all_sites(world: World, subscription: str) -> Iterable[Document]:
    """Every site of a subscription, each followed by its slots."""
    for group in world.arm.members(f"/subscriptions/{subscription}/resourceGroups"):
        yield from sites_of_group(world, group.id)


def sites_of_group(world: World, group_id: str) -> Iterable[Document]:
    for site in world.arm.members(f"{group_id}/providers/Microsoft.Web/sites"):
        yield site
        yield from world.arm.members(f"{site.id}/slots")


def shown(world: World, plan: Document) -> JSON:
    return plan.properties | {"numberOfSites": len(sites_in(world, plan)), "tags": plan.body.get("tags")}


def seen(world: World, plan: Document) -> JSON:
    return plan.body | {"properties": shown(world, plan)}


def etag(document: Document) -> dict[str, str]:
    return {"ETag": f'"{int(document.changed * 10_000_000):X}"'}


def add_plan(
    world: World,
    plan_id: str,
    *,
    sku: str = "Y1",
    kind: str | None = None,
    linux: bool = True,
    location: str = "West Europe",
) -> Document:
    """The plan exists."""
    full = sku_of(sku)
    if full is None:
        raise ValueError(f"{sku} is no sku")
    properties = blank(world, plan_id, full, linux, location)
    properties |= {"reserved": linux, "numberOfWorkers": full["capacity"], "currentNumberOfWorkers": full["capacity"]}
    properties["kind"] = kind or kind_for(full, linux)
    body = {
        "id": plan_id,
        "name": plan_id.rpartition("/")[2],
        "type": "Microsoft.Web/serverfarms",
        "kind": properties["kind"],
        "location": display(location),
        "properties": properties,
        "sku": full,
    }
    return world.arm.put(plan_id, body)
