"""
What API Management offers and this simulator has not: 501 and counted, so that nobody takes silence for an answer.

Lists of what nobody can have made here are empty, as they are in Azure for a service that never had any.
Source: REST reference of API Management 2024-05-01 (groups of operations).
"""

from __future__ import annotations

from azuresim.apim.entities import SERVICE, check_parent, listing, missing, not_simulated, route
from azuresim.arm import ArmRequest
from azuresim.wire import ArmResponse
from azuresim.world import World

UNCOVERED = "what is not simulated is not among the trimmed contracts"
API = f"{SERVICE}/apis/{{api}}"
ACTIONS = ("backup", "restore", "applynetworkconfigurationupdates", "getssotoken", "migrateToStv2", "connectivityCheck")
COLLECTIONS = {
    f"{SERVICE}/gateways": "Gateway",
    f"{SERVICE}/workspaces": "Workspace",
    f"{SERVICE}/authorizationProviders": "AuthorizationProvider",
    f"{SERVICE}/documentations": "Documentation",
    f"{SERVICE}/portalRevisions": "PortalRevision",
    f"{SERVICE}/privateEndpointConnections": "PrivateEndpointConnection",
    f"{API}/resolvers": "Resolver",
    f"{API}/issues": "Issue",
}
"""Kinds of children that cannot be made here: their lists are empty, one of them is not found."""
SINGLE = ("notifications", "templates", "contentTypes", "portalconfigs", "settings", "quotas", "reports", "wikis")
"""Kinds of which a new service has some, or whose answers nobody has written down here."""


def loud(request: ArmRequest, world: World) -> ArmResponse:
    raise not_simulated(request.route.template.rpartition("{service}/")[2])


def nothing(request: ArmRequest, world: World) -> ArmResponse:
    check_parent(request, request.id)
    return listing(request, [])


def not_there(request: ArmRequest, world: World) -> ArmResponse:
    check_parent(request, request.id.rpartition("/")[0])
    label = next(label for place, label in COLLECTIONS.items() if request.route.template.endswith(f"{place}/{{one}}"))
    raise missing(label)


for action in ACTIONS:
    route("POST", f"{SERVICE}/{action}", uncovered=UNCOVERED)(loud)
for place in COLLECTIONS:
    route("GET", place, uncovered=UNCOVERED)(nothing)
    for method in ("GET", "HEAD"):
        route(method, f"{place}/{{one}}", uncovered=UNCOVERED)(not_there)
    for method in ("PUT", "PATCH"):
        route(method, f"{place}/{{one}}", uncovered=UNCOVERED)(loud)
for kind in SINGLE:
    route("GET", f"{SERVICE}/{kind}", uncovered=UNCOVERED)(loud)
    for method in ("GET", "PUT", "PATCH"):
        route(method, f"{SERVICE}/{kind}/{{one}}", uncovered=UNCOVERED)(loud)
