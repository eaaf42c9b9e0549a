"""
Host name bindings, source control, and the networks of a site.

A custom host name answers as the site's own does; who owns the domain is not asked for (nothing here has DNS). Sources:
learn.microsoft.com/rest/api/appservice/web-apps (create-or-update-host-name-binding, update-source-control,
list-vnet-connections, get-private-endpoint-connection-list).
"""

from __future__ import annotations

import re
from typing import Any

from azuresim.arm import ArmRequest, ArmResponse
from azuresim.resources import Document, key_of
from azuresim.web.common import (
    app_service_error,
    child,
    invalid_parameter,
    not_simulated,
    properties_of,
    site_route,
    templated,
    the_site,
)
from azuresim.web.fields import text, truth
from azuresim.web.hosting import name_host, owner_of
from azuresim.web.sites import ssl_state
from azuresim.world import World

JSON = dict[str, Any]
UNCOVERED = "bindings and networks are not among the trimmed contracts"
HOST = re.compile(r"(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")
SOURCE = {
    "repoUrl": text,
    "branch": text,
    "isManualIntegration": truth,
    "isGitHubAction": truth,
    "deploymentRollbackEnabled": truth,
    "isMercurial": truth,
}


@site_route("GET", "/hostNameBindings", uncovered=UNCOVERED)
def list_bindings(request: ArmRequest, world: World) -> ArmResponse:
    site, _ = the_site(request)
    return ArmResponse(200, {"value": [binding(site, host) for host in names(site)], "nextLink": None})


@site_route("GET", "/hostNameBindings/{host}", uncovered=UNCOVERED)
def get_binding(request: ArmRequest, world: World) -> ArmResponse:
    site, _ = the_site(request)
    return ArmResponse(200, binding(site, bound(request, site)))


@site_route("PUT", "/hostNameBindings/{host}", uncovered=UNCOVERED)
def put_binding(request: ArmRequest, world: World) -> ArmResponse:
    site, _ = the_site(request)
    host = request.params["host"].lower()
    properties_of(request)
    if HOST.fullmatch(host) is None:
        raise invalid_parameter("hostName")
    owner = owner_of(world, host)
    if owner is not None and key_of(owner.id) != key_of(site.id):
        raise templated(
            409, "Conflict", "04006", "Hostname '{0}' already exists. Please select a different name.", host
        )
    if owner is None:
        name_host(world, host, site.id)
        with_hosts(world, site, [*names(site), host])
    return ArmResponse(200, binding(site, host))


@site_route("DELETE", "/hostNameBindings/{host}", uncovered=UNCOVERED)
def delete_binding(request: ArmRequest, world: World) -> ArmResponse:
    site, _ = the_site(request)
    host = request.params["host"].lower()
    if host == site.properties["defaultHostName"].lower():
        raise app_service_error(409, "Conflict", f"The default hostname '{host}' cannot be removed.")
    if host not in names(site):
        return ArmResponse(204)
    world.arm.delete(f"/hostnames/{host}")
    with_hosts(world, site, [one for one in names(site) if one != host])
    return ArmResponse(200)


def names(site: Document) -> list[str]:
    return [str(host).lower() for host in site.properties.get("hostNames", [])]


def bound(request: ArmRequest, site: Document) -> str:
    host = request.params["host"].lower()
    if host not in names(site):
        raise app_service_error(404, "NotFound", f"Cannot find HostNameBinding with name {request.params['host']}.")
    return host


def with_hosts(world: World, site: Document, hosts: list[str]) -> None:
    own = site.properties["defaultHostName"]
    enabled = [*hosts, *[host for host in site.properties["enabledHostNames"] if ".scm." in host]]
    states = [
        state for state in site.properties["hostNameSslStates"] if state["name"] == own or ".scm." in state["name"]
    ]
    changed = {
        "hostNames": hosts,
        "enabledHostNames": enabled,
        "hostNameSslStates": [*states, *[ssl_state(host) for host in hosts if host != own]],
    }
    world.arm.put(site.id, site.body | {"properties": site.properties | changed})


def binding(site: Document, host: str) -> JSON:
    properties = {
        "siteName": site.properties["repositorySiteName"],
        "domainId": None,
        "hostNameType": "Managed" if host == site.properties["defaultHostName"] else "Verified",
        "sslState": "Disabled",
        "thumbprint": None,
    }
    return child(site, f"hostNameBindings/{host}", properties, kind="hostNameBindings") | {
        "name": f"{site.body['name']}/{host}"
    }


# --- source control ---------------------------------------------------------------------------------------------------
@site_route("GET", "/sourcecontrols/web", uncovered=UNCOVERED)
def get_source(request: ArmRequest, world: World) -> ArmResponse:
    site, _ = the_site(request)
    return ArmResponse(200, source(world, site))


@site_route("PUT", "/sourcecontrols/web", uncovered=UNCOVERED)
@site_route("PATCH", "/sourcecontrols/web", uncovered=UNCOVERED)
def put_source(request: ArmRequest, world: World) -> ArmResponse:
    """Kept as it is sent; nothing is fetched from a repository."""
    site, _ = the_site(request)
    sent = properties_of(request)
    known = {name: read(sent[name], name) for name, read in SOURCE.items() if sent.get(name) is not None}
    stored = world.arm.get(f"{site.id}/sourcecontrols/web")
    world.arm.put(f"{site.id}/sourcecontrols/web", (stored.body if stored else {}) | known)
    return ArmResponse(200, source(world, site))


@site_route("DELETE", "/sourcecontrols/web", uncovered=UNCOVERED)
def delete_source(request: ArmRequest, world: World) -> ArmResponse:
    site, _ = the_site(request)
    world.arm.delete(f"{site.id}/sourcecontrols/web")
    return ArmResponse(200)


def source(world: World, site: Document) -> JSON:
    stored = world.arm.get(f"{site.id}/sourcecontrols/web")
    properties = {"repoUrl": f"https://{site.properties['defaultHostName']}", "branch": None} | {
        "isManualIntegration": False,
        "isGitHubAction": False,
        "deploymentRollbackEnabled": False,
        "isMercurial": False,
    }
    return child(site, "sourcecontrols/web", properties | (stored.body if stored else {}), kind="sourcecontrols")


# --- networks ---------------------------------------------------------------------------------------------------------
@site_route("GET", "/virtualNetworkConnections", uncovered=UNCOVERED)
def list_networks(request: ArmRequest, world: World) -> ArmResponse:
    """A bare list, as no other."""
    the_site(request)
    return ArmResponse(200, [])


@site_route("GET", "/privateEndpointConnections", uncovered=UNCOVERED)
@site_route("GET", "/publicCertificates", uncovered=UNCOVERED)
@site_route("GET", "/hybridConnectionRelays", uncovered=UNCOVERED)
def nothing(request: ArmRequest, world: World) -> ArmResponse:
    the_site(request)
    return ArmResponse(200, {"value": [], "nextLink": None})


@site_route("PUT", "/networkConfig/virtualNetwork", uncovered=UNCOVERED)
@site_route("GET", "/networkConfig/virtualNetwork", uncovered=UNCOVERED)
@site_route("DELETE", "/networkConfig/virtualNetwork", uncovered=UNCOVERED)
def swift(request: ArmRequest, world: World) -> ArmResponse:
    the_site(request)
    raise not_simulated("the integration of a site into a virtual network")
