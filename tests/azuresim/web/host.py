"""
The functions host seen through ARM: its status, its own endpoints, and the token for them.

Sources: Azure/azure-functions-ux (host status, vfs), Azure/azure-functions-host (HostController, 5531: secrets are not
handed out on this way), learn.microsoft.com/rest/api/appservice/web-apps/get-functions-admin-token.
"""

from __future__ import annotations

import hashlib
from typing import Any

import jwt

from azuresim.arm import ArmRequest, ArmResponse
from azuresim.resources import Document
from azuresim.web.common import child, not_simulated, running, site_route
from azuresim.web.functions_host import host_status
from azuresim.web.sites import Site
from azuresim.world import World

UNCOVERED = "the functions host's own endpoints are not among the trimmed contracts"
LIFETIME = 300


@site_route("GET", "/host/default/properties/status", uncovered=UNCOVERED)
def get_status(request: ArmRequest, world: World) -> ArmResponse:
    site, behind = running(request)
    return ArmResponse(200, child(site, "host/default/properties/status", status_of(site, behind), kind="host"))


@site_route("GET", "/hostruntime/admin/host/status", uncovered=UNCOVERED)
def host_runtime_status(request: ArmRequest, world: World) -> ArmResponse:
    site, behind = running(request)
    return ArmResponse(200, status_of(site, behind))


@site_route("GET", "/hostruntime/admin/vfs/host.json", uncovered=UNCOVERED)
def host_json(request: ArmRequest, world: World) -> ArmResponse:
    _, behind = running(request)
    return ArmResponse(200, {"version": "2.0", "extensions": {"http": {"routePrefix": behind.route_prefix}}})


@site_route("GET", "/hostruntime/{part}/{what}", uncovered=UNCOVERED)
@site_route("GET", "/hostruntime/{part}/{what}/{which}", uncovered=UNCOVERED)
@site_route("POST", "/hostruntime/{part}/{what}/{which}", uncovered=UNCOVERED)
@site_route("PUT", "/hostruntime/{part}/{what}/{which}", uncovered=UNCOVERED)
def other_endpoint(request: ArmRequest, world: World) -> ArmResponse:
    running(request)
    raise not_simulated("this endpoint of the functions host")


@site_route("GET", "/functions/admin/token", uncovered=UNCOVERED)
def admin_token(request: ArmRequest, world: World) -> ArmResponse:
    """A short-lived token for the host, as a JSON text; nothing here takes it."""
    site, behind = running(request)
    url, now = f"https://{site.properties['defaultHostName']}", int(world.clock.timestamp())
    claims = {"nbf": now, "exp": now + LIFETIME, "iss": f"https://{site.name}.scm.azurewebsites.net", "aud": url}
    key = hashlib.sha256(behind.keys.master.encode()).hexdigest()
    token = jwt.encode(claims, key, algorithm="HS256")
    return ArmResponse(200, f'"{token}"', {"Content-Type": "application/json; charset=utf-8"})


def status_of(site: Document, behind: Site) -> dict[str, Any]:
    return host_status(site.name, "Stopped" if site.properties.get("state") == "Stopped" else "Running")
