"""
What `Microsoft.Web` answers for a whole subscription: lists of sites and plans, free names, regions, stacks.

Sources: learn.microsoft.com/rest/api/appservice (web-apps/list, app-service-plans/list, check-name-availability,
list-geo-regions, provider/get-function-app-stacks); Azure/azure-functions-ux, FunctionAppStackModel (`Sku` of the
stacks of a region).
"""

from __future__ import annotations

from typing import Any

from azuresim import arm
from azuresim.arm import ArmRequest, ArmResponse
from azuresim.arm.paging import argument
from azuresim.web.common import SUBSCRIPTION, VERSIONS, invalid_parameter, not_simulated, route
from azuresim.web.hosting import SUFFIX, owner_of
from azuresim.web.plans import all_sites, seen
from azuresim.web.regions import REGIONS
from azuresim.web.site_writes import MEMORIES, NAME
from azuresim.web.sites import is_slot
from azuresim.web.stacks import stacks
from azuresim.world import World

JSON = dict[str, Any]
USUAL_MEMORY = 2048
UNCOVERED = "what is asked of a whole subscription is not among the trimmed contracts"


@arm.route("GET", f"{SUBSCRIPTION}/sites", versions=VERSIONS, uncovered=UNCOVERED)
def list_all_sites(request: ArmRequest, world: World) -> ArmResponse:
    found = [site.body for site in all_sites(world, request.params["sub"]) if not is_slot(site)]
    return ArmResponse(200, {"value": found, "nextLink": None})


@arm.route("GET", f"{SUBSCRIPTION}/serverfarms", versions=VERSIONS, uncovered=UNCOVERED)
def list_all_plans(request: ArmRequest, world: World) -> ArmResponse:
    groups = world.arm.members(f"/subscriptions/{request.params['sub']}/resourceGroups")
    plans = [plan for group in groups for plan in world.arm.members(f"{group.id}/providers/Microsoft.Web/serverfarms")]
    return ArmResponse(200, {"value": [seen(world, plan) for plan in plans], "nextLink": None})


@arm.route("POST", f"{SUBSCRIPTION}/checknameavailability", versions=VERSIONS, uncovered=UNCOVERED)
def check_name(request: ArmRequest, world: World) -> ArmResponse:
    """Assumed: other types than sites and slots have every name free."""
    name, kind = request.json.get("name"), request.json.get("type")
    if not isinstance(name, str) or not isinstance(kind, str):
        raise invalid_parameter("name" if not isinstance(name, str) else "type")
    if kind.lower() not in ("site", "slot", "microsoft.web/sites", "microsoft.web/sites/slots"):
        return ArmResponse(200, {"nameAvailable": True, "reason": "", "message": ""})
    bare = name.lower().removesuffix(f".{SUFFIX}")
    if NAME.fullmatch(bare) is None:
        return ArmResponse(200, taken("Invalid", f"The name '{name}' is invalid."))
    if owner_of(world, f"{bare}.{SUFFIX}") is not None:
        text = f"Hostname '{bare}' already exists. Please select a different name."
        return ArmResponse(200, taken("AlreadyExists", text))
    return ArmResponse(200, {"nameAvailable": True, "reason": "", "message": ""})


def taken(reason: str, message: str) -> JSON:
    return {"nameAvailable": False, "reason": reason, "message": message}


@arm.route("GET", f"{SUBSCRIPTION}/geoRegions", versions=VERSIONS, uncovered=UNCOVERED)
def list_regions(request: ArmRequest, world: World) -> ArmResponse:
    base = f"/subscriptions/{request.params['sub']}/providers/Microsoft.Web/geoRegions"
    found = [
        {
            "id": f"{base}/{name}",
            "name": name,
            "type": "Microsoft.Web/geoRegions",
            "properties": {"name": name, "description": None, "displayName": name, "orgDomain": "PUBLIC;FUNCTIONS"},
        }
        for name in REGIONS.values()
    ]
    return ArmResponse(200, {"value": found, "nextLink": None})


@arm.route("GET", f"{SUBSCRIPTION}/certificates", versions=VERSIONS, uncovered=UNCOVERED)
@arm.route("GET", f"{SUBSCRIPTION}/deletedSites", versions=VERSIONS, uncovered=UNCOVERED)
@arm.route("GET", f"{SUBSCRIPTION}/locations/{{location}}/deletedSites", versions=VERSIONS, uncovered=UNCOVERED)
@route("GET", "/certificates", uncovered=UNCOVERED)
def nothing(request: ArmRequest, world: World) -> ArmResponse:
    """Nobody can make certificates here, and sites that are deleted cannot be restored."""
    return ArmResponse(200, {"value": [], "nextLink": None})


@arm.route("GET", f"{SUBSCRIPTION}/resourceHealthMetadata", versions=VERSIONS, uncovered=UNCOVERED)
def health(request: ArmRequest, world: World) -> ArmResponse:
    raise not_simulated("resource health")


@arm.route("GET", "/providers/Microsoft.Web/functionAppStacks", versions=VERSIONS, uncovered=UNCOVERED)
@arm.route("GET", "/providers/Microsoft.Web/webAppStacks", versions=VERSIONS, uncovered=UNCOVERED)
@arm.route("GET", "/providers/Microsoft.Web/availableStacks", versions=VERSIONS, uncovered=UNCOVERED)
@arm.route("GET", f"{SUBSCRIPTION}/availableStacks", versions=VERSIONS, uncovered=UNCOVERED)
def list_stacks(request: ArmRequest, world: World) -> ArmResponse:
    return ArmResponse(200, {"value": stacks(request.id.rpartition("/")[2]), "nextLink": None})


# --- the stacks of a region -------------------------------------------------------------------------------------------
@arm.route("GET", "/providers/Microsoft.Web/locations/{location}/functionAppStacks", versions=VERSIONS,
           uncovered=UNCOVERED)  # fmt: skip
def list_stacks_of_region(request: ArmRequest, world: World) -> ArmResponse:
    """Those of a language (`stack`), with what Flex Consumption takes for each version on Linux."""
    wanted = argument(request, "stack")
    found = [one for one in stacks("functionAppStacks") if wanted is None or is_of(one["name"], wanted)]
    for stack in found:
        for major in stack["properties"]["majorVersions"]:
            for minor in major["minorVersions"]:
                minor["stackSettings"]["linuxRuntimeSettings"]["Sku"] = [flex(stack["name"], minor["value"])]
    return ArmResponse(200, {"value": found, "nextLink": None})


def is_of(stack: str, language: str) -> bool:
    """`dotnet` asks for `dotnet-isolated` too."""
    return language.lower() in (stack, stack.partition("-")[0])


def flex(name: str, version: str) -> JSON:
    """Memory and instances of learn.microsoft.com/azure/azure-functions/flex-consumption-plan."""
    return {
        "skuCode": "FC1",
        "instanceMemoryMB": [{"size": size, "isDefault": size == USUAL_MEMORY} for size in MEMORIES],
        "maximumInstanceCount": {
            "lowestMaximumInstanceCount": 40,
            "highestMaximumInstanceCount": 1000,
            "defaultValue": 100,
        },
        "functionAppConfigProperties": {"runtime": {"name": name, "version": version}},
    }
