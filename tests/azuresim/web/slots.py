"""
Slots change places: content, settings and configuration go over, what is marked as sticky stays.

Source: learn.microsoft.com/azure/app-service/deploy-staging-slots (which settings are swapped). Whether authentication
settings go along is a switch.
"""

from __future__ import annotations

from typing import Any

from azuresim.arm import ArmRequest, ArmResponse, resource_not_found
from azuresim.resources import Document
from azuresim.web.common import app_service_error, invalid_parameter, not_simulated, site_id, site_route, the_site
from azuresim.web.journaled import replace_secrets
from azuresim.web.settings import sticky_names
from azuresim.web.sites import Site, site_of
from azuresim.world import World

JSON = dict[str, Any]
UNCOVERED = "swaps are not among the trimmed contracts"
STAYS = frozenset(
    [
        "alwaysOn",
        "cors",
        "ipSecurityRestrictions",
        "ipSecurityRestrictionsDefaultAction",
        "scmIpSecurityRestrictions",
        "scmIpSecurityRestrictionsDefaultAction",
        "scmIpSecurityRestrictionsUseMain",
        "minTlsVersion",
        "scmMinTlsVersion",
        "vnetName",
        "numberOfWorkers",
        "minimumElasticInstanceCount",
        "functionAppScaleLimit",
        "publicNetworkAccess",
        "autoSwapSlotName",
    ]
)


@site_route("POST", "/slotsswap", uncovered=UNCOVERED)
def swap(request: ArmRequest, world: World) -> ArmResponse:
    """202 with a Location; done when that has been looked at often enough."""
    one, _ = the_site(request)
    target = request.json.get("targetSlot")
    if not isinstance(target, str) or not target:
        raise invalid_parameter("targetSlot")
    production = request.up_to("name")
    other_id = production if target.lower() == "production" else f"{production}/slots/{target}"
    other = world.arm.get(other_id)
    if other is None:
        raise resource_not_found(other_id)
    if other.id == one.id:
        raise app_service_error(400, "BadRequest", "A slot cannot be swapped with itself.")
    if world.operations.running(production) is not None:
        text = "Cannot modify this site because another operation is in progress."
        raise app_service_error(409, "Conflict", text, extended="59205")
    operation = world.operations.start(production, on_done=lambda: exchange(world, one.id, other.id))
    location = request.absolute(f"{site_id(request)}/operationresults/{operation.id}")
    return ArmResponse(202, None, {"Location": location, **operation.retry_headers()})


@site_route("GET", "/operationresults/{operation}", uncovered=UNCOVERED, answers=(200, 202))
def result(request: ArmRequest, world: World) -> ArmResponse:
    the_site(request)
    answer = world.operations.location(request.params["operation"], lambda: ArmResponse(200))
    if answer is None:
        raise app_service_error(404, "NotFound", "Cannot find Operation with name " + request.params["operation"] + ".")
    return answer


@site_route("POST", "/applySlotConfig", uncovered=UNCOVERED)
@site_route("POST", "/resetSlotConfig", uncovered=UNCOVERED)
@site_route("POST", "/slotsdiffs", uncovered=UNCOVERED)
def previews(request: ArmRequest, world: World) -> ArmResponse:
    the_site(request)
    raise not_simulated("swapping with a preview")


def exchange(world: World, one_id: str, other_id: str) -> None:
    """The two have changed places; nothing happens when one of them is gone by now."""
    one, other = world.arm.get(one_id), world.arm.get(other_id)
    if one is None or other is None:
        return
    here, there = site_of(world, one.id), site_of(world, other.id)
    owner = one.id.partition("/slots/")[0]
    sticky = sticky_names(world, world.arm.need(owner))
    content(here, there)
    for path, names in (("appsettings", "appSettingNames"), ("connectionstrings", "connectionStringNames")):
        stays = set(sticky.get(names) or ())
        attribute = "app_settings" if path == "appsettings" else "connection_strings"
        mine, theirs = dict(getattr(here, attribute)), dict(getattr(there, attribute))
        replace_secrets(world, f"{one.id}/config/{path}", getattr(here, attribute), moved(mine, theirs, stays))
        replace_secrets(world, f"{other.id}/config/{path}", getattr(there, attribute), moved(theirs, mine, stays))
    documents(world, one, other, "web", STAYS)
    if world.switches.slot_swap_takes_auth_settings:
        documents(world, one, other, "authsettingsV2", frozenset())
    here.restarts, there.restarts = here.restarts + 1, there.restarts + 1


def content(here: Site, there: Site) -> None:
    """Functions go over; keys stay with their slot."""
    for attribute in ("functions", "listed", "route_prefix", "files", "metadata"):
        mine, theirs = getattr(here, attribute), getattr(there, attribute)
        setattr(here, attribute, theirs)
        setattr(there, attribute, mine)
    for behind in (here, there):
        behind.deploy(behind.functions)


def moved(own: JSON, arriving: JSON, stays: set[str]) -> JSON:
    """What comes over, and what of its own stays."""
    kept = {name: value for name, value in own.items() if name in stays}
    return {name: value for name, value in arriving.items() if name not in stays} | kept


def documents(world: World, one: Document, other: Document, name: str, stays: frozenset[str]) -> None:
    paths = [f"{site.id}/config/{name}" for site in (one, other)]
    mine, theirs = ((found.body if (found := world.arm.get(path)) else {}) for path in paths)
    for path, own, arriving in ((paths[0], mine, theirs), (paths[1], theirs, mine)):
        body = moved(own, arriving, set(stays))
        if name == "authsettingsV2" and body:
            body |= {"id": path}
        if body:
            world.arm.put(path, body)
        else:
            world.arm.delete(path)
