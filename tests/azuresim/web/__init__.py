"""
App Service and Functions: `Microsoft.Web` in ARM, and the sites behind their host names.

    add_function_app(world, "/subscriptions/…/sites/orders-fn", functions=[http_function("orders")], route_prefix="v1")
    add_app(world, "/subscriptions/…/sites/shop")                     # a plain web app: echoes whatever reaches it
    await site(HttpCall.of("GET", "https://<unique host>/v1/orders"), world)
    site_of(world, id) -> Site                                        # functions, keys, runtime: web_sites.py

A function answers what arrived as JSON (`function`, `route`, `values`, `key`, `method`, `path`, `headers`, `claims`),
a token shown as its claims and a key as its name; `world.invocations` gets a line for each run.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from azuresim.arm import ArmRequest, ArmResponse
from azuresim.web import (
    auth,
    auth_v1,
    bindings,
    catalogue,
    functions,
    host,
    keys,
    plans,
    publishing,
    settings,
    site_config,
    site_writes,
    slots,
)
from azuresim.web.common import route, site_route, the_site
from azuresim.web.door import site
from azuresim.web.fields import SITE_DEFAULTS
from azuresim.web.functions_host import Function, http_function, timer_function
from azuresim.web.hosting import name_host, plan_of_tier
from azuresim.web.plans import add_plan, etag, sites_of_group
from azuresim.web.sites import (
    Runtime,
    Site,
    site_document,
    site_from_json,
    site_of,
    site_to_json,
    unique_host_name,
)
from azuresim.world import World

__all__ = [
    "Function",
    "Runtime",
    "Site",
    "add_app",
    "add_function_app",
    "add_plan",
    "http_function",
    "site",
    "site_from_json",
    "site_of",
    "site_to_json",
    "timer_function",
]

ROUTES = (
    auth, auth_v1, bindings, catalogue, functions, host, keys, plans, publishing, settings, site_config, site_writes,
    slots,
)  # fmt: skip  # importing them registers their routes


@site_route("GET")
def get_site(request: ArmRequest, world: World) -> ArmResponse:
    document, _ = the_site(request)
    return ArmResponse(200, site_writes.seen(world, document), etag(document))


@route("GET", "/sites")
def list_sites(request: ArmRequest, world: World) -> ArmResponse:
    """Production slots, or with `includeSlots=true` all of them."""
    slots = request.query.get("includeSlots", "").lower() == "true"
    group = request.id.rpartition("/providers/")[0]
    found = sites_of_group(world, group) if slots else world.arm.members(request.id)
    return ArmResponse(200, {"value": [resource.body for resource in found], "nextLink": None})


def add_function_app(
    world: World,
    site_id: str,
    *,
    functions: Iterable[Function] = (),
    route_prefix: str = "api",
    kind: str = "functionapp,linux",
    **options: Any,
) -> Site:
    """The function app exists, runs, and its triggers are synced. `options` are those of `add_app`."""
    behind = Site(route_prefix=route_prefix)
    behind.deploy(functions)
    behind.sync()
    return add_app(world, site_id, kind=kind, behind=behind, **options)


def add_app(
    world: World,
    site_id: str,
    *,
    host_name: str | None = None,
    kind: str = "app",
    state: str = "Running",
    sku: str = "Dynamic",
    location: str = "West Europe",
    identity: dict[str, Any] | None = None,
    behind: Site | None = None,
) -> Site:
    """
    The site exists, and a plan of that tier (`sku`) that it runs in.

    Its host name is a unique one when none is given: nobody may derive it from the site's name.
    """
    address = (host_name or unique_host_name(site_id)).lower()
    document = site_document(world, site_id, host=address, kind=kind, state=state, sku=sku, location=location)
    document["properties"] |= SITE_DEFAULTS | {"enabled": state != "Stopped"}
    document["properties"] |= {"serverFarmId": plan_of_tier(world, site_id, sku, kind, location).id}
    document |= {} if identity is None else {"identity": identity}
    world.arm.put(site_id, document, private={"site": behind or Site()})
    name_host(world, address, site_id)
    return site_of(world, site_id)
