"""
Sites and slots made, changed, deleted, started and stopped.

A PUT answers 200 at once, with the location as it was sent. It replaces the site's own properties (those left out go
back to their defaults: a switch), lays `siteConfig` over the configuration, and leaves an identity that it does not
mention. Sources: Azure/azure-service-operator recording Test_Web_v1api; Azure/azure-cli recordings of webapp and
functionapp; learn.microsoft.com/rest/api/appservice/web-apps (create-or-update, update, delete, start, stop, restart).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from azuresim.arm import ArmRequest, ArmResponse, resource_not_found
from azuresim.resources import Document
from azuresim.web import identity, site_config
from azuresim.web.common import (
    app_service_error,
    invalid_parameter,
    not_simulated,
    route,
    site_id,
    site_route,
    templated,
    the_site,
)
from azuresim.web.fields import SITE, SITE_DEFAULTS, kept, typed
from azuresim.web.hosting import forget_hosts, host_for, name_host, plan_for
from azuresim.web.plans import etag, location_of, properties_sent, sites_in
from azuresim.web.sites import (
    Site,
    is_flex,
    is_function_app,
    is_slot,
    kinds_of,
    modified,
    site_document,
    site_of,
)
from azuresim.world import World

JSON = dict[str, Any]
UNCOVERED = "the trimmed contracts hold only the GET of a site"
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,58}[A-Za-z0-9])?")
SLOT_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,57}[A-Za-z0-9])?")
CERTIFICATES = ("required", "optional", "optionalinteractiveuser")
MEMORIES = (512, 2048, 4096)


# --- PUT and PATCH ----------------------------------------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a PUT or PATCH of a site asks for, its types checked."""

    location: str
    kind: str | None
    tags: JSON | None
    fields: JSON
    config: JSON
    whole: bool
    """A PUT: what it leaves out goes back to its default."""


@site_route("PUT", action=None, uncovered=UNCOVERED)
def put_site(request: ArmRequest, world: World) -> ArmResponse:
    found, wanted = world.arm.get(site_id(request)), site_id(request)
    check_name(request)
    parent = None
    if "slot" in request.params:
        parent = world.arm.get(request.up_to("name"))
        if parent is None:
            raise resource_not_found(request.up_to("name"))
    wish = wish_of(request, location_of(request, found), whole=True)
    document = create(request, world, wish, wanted, parent) if found is None else change(request, world, wish, found)
    return ArmResponse(200, seen(world, document) | {"location": wish.location}, etag(document))


@site_route("PATCH", action=None, uncovered=UNCOVERED)
def patch_site(request: ArmRequest, world: World) -> ArmResponse:
    found, _ = the_site(request)
    wish = wish_of(request, found.body["location"], whole=False)
    document = change(request, world, wish, found)
    return ArmResponse(200, seen(world, document), etag(document))


def wish_of(request: ArmRequest, location: str, *, whole: bool) -> Wish:
    fields = kept(properties_sent(request), SITE)
    for name in ("cloningInfo", "hostingEnvironmentProfile"):
        if fields.pop(name, None) and name == "cloningInfo":
            raise not_simulated("cloning a site")
    kind, tags = typed(request.json.get("kind"), "text", "kind"), typed(request.json.get("tags"), "object", "tags")
    config = fields.pop("siteConfig", None) or {}
    mode = fields.get("clientCertMode")
    if mode is not None and mode.lower() not in CERTIFICATES:
        raise invalid_parameter("clientCertMode")
    access = fields.get("publicNetworkAccess")
    if access and access.lower() not in ("enabled", "disabled"):
        raise invalid_parameter("publicNetworkAccess")
    return Wish(location=location, kind=kind or None, tags=tags, fields=fields, config=config, whole=whole)


def check_name(request: ArmRequest) -> None:
    """Assumed: the wording of the refusal; the rule is learn.microsoft.com's (resource-name-rules, Microsoft.Web)."""
    names = [(request.params["name"], NAME)] + (
        [(request.params["slot"], SLOT_NAME)] if "slot" in request.params else []
    )
    for name, rule in names:
        if rule.fullmatch(name) is None:
            raise invalid_parameter("name")
    if request.params.get("slot", "").lower() == "production":
        raise app_service_error(409, "Conflict", "A slot cannot be named 'production'.")


def create(request: ArmRequest, world: World, wish: Wish, new_id: str, parent: Document | None) -> Document:
    plan = plan_for(world, new_id, wish.fields.get("serverFarmId"), wish.kind, wish.location, parent)
    if parent is not None and str(plan.body["sku"]["tier"]) in ("Free", "Shared", "Basic", "FlexConsumption"):
        text = (
            "Cannot complete the operation because the site will exceed the number of slots allowed for the '{0}' SKU."
        )
        raise templated(409, "Conflict", "01018", text, str(plan.body["sku"]["tier"]))
    scope = wish.fields.get("autoGeneratedDomainNameLabelScope")
    host = host_for(world, new_id, scope, wish.location, parent)
    kind = kind_on(wish.kind or (parent.body["kind"] if parent is not None else "app"), plan)
    sku = plan.body["sku"]["tier"]
    body = site_document(world, new_id, host=host, kind=kind, state="Running", sku=sku, location=wish.location)
    body["properties"] |= SITE_DEFAULTS | {"serverFarmId": plan.id, "reserved": bool(plan.properties.get("reserved"))}
    draft = Document(new_id, "", body)
    checked = asked_of(request, world, wish, draft)
    check_flex(draft, wish, creating=True)
    site_config.checked_config(draft, wish.config)
    document = world.arm.put(new_id, body | {"properties": body["properties"] | checked}, private={"site": Site()})
    name_host(world, host, document.id)
    return settle(request, world, wish, document, site_of(world, document.id))


def change(request: ArmRequest, world: World, wish: Wish, found: Document) -> Document:
    check_flex(found, wish, creating=False)
    site_config.checked_config(found, wish.config)
    checked = asked_of(request, world, wish, found)
    reset = SITE_DEFAULTS if wish.whole and world.switches.site_put_resets_what_it_omits else {}
    reset = {name: value for name, value in reset.items() if name not in ("functionAppConfig", "enabled")}
    properties = found.properties | reset | checked
    farm = wish.fields.get("serverFarmId")
    if farm:
        plan = plan_for(world, found.id, farm, wish.kind, wish.location, None)
        if bool(plan.properties.get("reserved")) != bool(properties.get("reserved")):
            text = "Cannot move a site between a Linux and a Windows App Service plan."
            raise app_service_error(409, "Conflict", text)
        properties |= {"serverFarmId": plan.id, "sku": plan.body["sku"]["tier"]}
    body = found.body | {"properties": properties}
    if wish.kind is not None:
        linux = bool(properties.get("reserved"))
        body["kind"] = properties["kind"] = with_linux(wish.kind) if linux else wish.kind
    document = world.arm.put(found.id, body)
    return settle(request, world, wish, document, site_of(world, document.id))


def asked_of(request: ArmRequest, world: World, wish: Wish, site: Document) -> JSON:
    """The properties that the site shall have beside what it has."""
    fields = {name: value for name, value in wish.fields.items() if value is not None}
    for name in ("serverFarmId", "hostNameSslStates", "autoGeneratedDomainNameLabelScope", "isXenon", "hyperV"):
        fields.pop(name, None)
    if fields.pop("reserved", None) is True and not site.properties.get("reserved"):
        raise invalid_parameter("reserved")
    if "functionAppConfig" in fields and not is_flex(site):
        fields.pop("functionAppConfig")  # assumed: other plans have no place for it
    if isinstance(fields.get("enabled"), bool):
        fields["state"] = "Running" if fields["enabled"] else "Stopped"
    if "identity" in request.json and request.json["identity"] is not None:
        identity.wanted(world, identity.identity_of(world.arm.get(site.id)), request.json["identity"])
    return fields


def check_flex(site: Document, wish: Wish, *, creating: bool) -> None:
    """Flex Consumption runs what `functionAppConfig` says, and needs it from the start."""
    if not is_flex(site):
        return
    config = wish.fields.get("functionAppConfig")
    if creating and not config:
        text = (
            "Site.FunctionAppConfig is invalid.  The FunctionAppConfig section was not specified in the request, which "
            "is required for Flex Consumption sites.  To proceed, please add the FunctionAppConfig section in your "
            "request."
        )
        raise app_service_error(400, "BadRequest", text)
    if not config:
        return
    parts = {
        name: typed(config.get(name), "object", f"functionAppConfig.{name}") or {}
        for name in ("deployment", "runtime", "scaleAndConcurrency")
    }
    memory = parts["scaleAndConcurrency"].get("instanceMemoryMB")
    if memory is not None and memory not in MEMORIES:
        raise invalid_parameter("Site.FunctionAppConfig.ScaleAndConcurrency.InstanceMemoryMB")


def settle(request: ArmRequest, world: World, wish: Wish, document: Document, behind: Site) -> Document:
    """Identity, tags and configuration are those that were asked for."""
    body = dict(document.body)
    if request.json.get("identity") is not None:
        asked = identity.wanted(world, body.get("identity"), request.json["identity"])
        shown = identity.give(world, document.id, asked)
        body.pop("identity", None)
        body |= {} if shown is None else {"identity": shown}
    if wish.tags is not None or wish.whole:
        body.pop("tags", None)
        body |= {"tags": wish.tags} if wish.tags else {}
    body["properties"] = body["properties"] | {"lastModifiedTimeUtc": modified(world)}
    document = world.arm.put(document.id, body)
    if wish.config:
        site_config.store(world, document, behind, wish.config)
    return document


def kind_on(kind: str, plan: Document) -> str:
    return with_linux(kind) if plan.properties.get("reserved") else kind


def with_linux(kind: str) -> str:
    return kind if "linux" in kinds_of(kind) else f"{kind},linux"


def seen(world: World, site: Document) -> JSON:
    """The site as a GET of it answers; lists show no part of its configuration."""
    return site.body | {"properties": site.properties | {"siteConfig": site_config.partial(world, site)}}


# --- DELETE -----------------------------------------------------------------------------------------------------------
@site_route("DELETE", action=None, uncovered=UNCOVERED)
def delete_site(request: ArmRequest, world: World) -> ArmResponse:
    """
    204 when there is none. An empty plan goes along, unless `deleteEmptyServerFarm=false`.

    Source: learn.microsoft.com/rest/api/appservice/web-apps/delete.
    """
    found = world.arm.get(site_id(request))
    if found is None:
        return ArmResponse(204)
    for slot in [*world.arm.members(f"{found.id}/slots"), found]:
        forget_hosts(world, slot)
    plan = world.arm.get(str(found.properties.get("serverFarmId") or ""))
    world.arm.delete(found.id)
    keep = next((value for name, value in request.query.items() if name.lower() == "deleteemptyserverfarm"), "true")
    if plan is not None and keep.lower() != "false" and not is_slot(found) and not sites_in(world, plan):
        world.arm.delete(plan.id)
    return ArmResponse(200)


# --- start and stop ---------------------------------------------------------------------------------------------------
@site_route("POST", "/start", uncovered=UNCOVERED)
def start_site(request: ArmRequest, world: World) -> ArmResponse:
    return run(request, world, "Running")


@site_route("POST", "/stop", uncovered=UNCOVERED)
def stop_site(request: ArmRequest, world: World) -> ArmResponse:
    return run(request, world, "Stopped")


@site_route("POST", "/restart", uncovered=UNCOVERED)
def restart_site(request: ArmRequest, world: World) -> ArmResponse:
    """A site that is stopped stays so (assumed)."""
    site, behind = the_site(request)
    started(world, site, behind)
    return ArmResponse(200)


def run(request: ArmRequest, world: World, state: str) -> ArmResponse:
    site, behind = the_site(request)
    changed = {"state": state, "enabled": state == "Running", "lastModifiedTimeUtc": modified(world)}
    world.arm.put(site.id, site.body | {"properties": site.properties | changed})
    if state == "Running":
        started(world, site, behind)
    return ArmResponse(200)


def started(world: World, site: Document, behind: Site) -> None:
    """What is read only at a start has been read: the middleware's version. Functions hosts sync their triggers."""
    behind.restarts += 1
    stored = world.arm.get(f"{site.id}/config/authsettingsV2")
    platform = stored.properties.get("platform") if stored else None
    version = platform.get("runtimeVersion") if isinstance(platform, dict) else None
    behind.middleware = version if isinstance(version, str) else ""
    if is_function_app(site):
        behind.sync()


@route("GET", "/sites/{name}/slots", uncovered="slots are not among the trimmed contracts")
def list_slots(request: ArmRequest, world: World) -> ArmResponse:
    return ArmResponse(200, {"value": [slot.body for slot in world.arm.members(request.id)], "nextLink": None})
