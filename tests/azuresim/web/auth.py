"""
`config/authsettingsV2`, and what is left of V1 beside it.

A PUT replaces the whole document and keeps keys that nobody knows; there is no ETag, the last writer wins. Sources:
learn.microsoft.com/rest/api/appservice/web-apps/update-auth-settings-v2, hashicorp/terraform-provider-azurerm (which
writes the full tree because parts left out are reset), Azure/azure-cli (a site never configured, and V1 after V2).
"""

from __future__ import annotations

from typing import Any

from azuresim.arm import ArmRequest, ArmResponse
from azuresim.resources import Document
from azuresim.web.common import app_service_error, no_properties, route, the_site
from azuresim.world import World

READ, WRITE = "Microsoft.Web/sites/config/Read", "Microsoft.Web/sites/config/Write"
V2_ONLY = "Cannot execute the request for site {name} because the site is running on auth version v2."
IDENTITIES_LIMIT = 500  # characters over the whole list, about 13 object ids
V1 = "the published contracts hold only the V2 form"


@route("GET", "/sites/{name}/config/authsettingsV2", action=READ)
def get_auth(request: ArmRequest, world: World) -> ArmResponse:
    site, _ = the_site(request)
    return ArmResponse(200, _document(world, site))


@route("GET", "/sites/{name}/config/authsettingsV2/list", action=READ)
def list_auth(request: ArmRequest, world: World) -> ArmResponse:
    """
    The older of the two GETs. The secrets of V2 are names of app settings, so it shows nothing more.

    Assumed: the right to read the plain form suffices.
    """
    site, _ = the_site(request)
    return ArmResponse(200, _document(world, site))


@route("PUT", "/sites/{name}/config/authsettingsV2", action=WRITE)
def put_auth(request: ArmRequest, world: World) -> ArmResponse:
    site, _ = the_site(request)
    properties = request.json.get("properties")
    if not isinstance(properties, dict):
        raise no_properties()
    _check_identities(properties)
    settings = _envelope(site, "authsettingsV2", properties)
    return ArmResponse(200, world.arm.put(settings["id"], settings).body)


@route("POST", "/sites/{name}/config/authsettings/list", action="Microsoft.Web/sites/config/list/Action", uncovered=V1)
def list_auth_v1(request: ArmRequest, world: World) -> ArmResponse:
    """V1 tells which version is live: `configVersion` is v2 once V2 has been written."""
    site, _ = the_site(request)
    properties = _properties(world, site)
    v1 = {
        "enabled": bool((properties.get("platform") or {}).get("enabled")),
        "configVersion": "v2" if _configured(world, site) else "v1",
        "isAuthFromFile": str(bool((properties.get("platform") or {}).get("configFilePath"))).lower(),
    }
    return ArmResponse(200, _envelope(site, "authsettings", v1))


@route("PUT", "/sites/{name}/config/authsettings", action=WRITE, uncovered=V1)
def put_auth_v1(request: ArmRequest, world: World) -> ArmResponse:
    """A site that runs V2 refuses V1 for ever. V1 on a site without V2 is not simulated, and says so."""
    site, _ = the_site(request)
    if _configured(world, site):
        raise app_service_error(400, "BadRequest", V2_ONLY.format(name=site.name), extended="04534")
    raise app_service_error(501, "NotSimulated", "Writing authentication settings of version 1 is not simulated.")


def _configured(world: World, site: Document) -> bool:
    return world.arm.get(f"{site.id}/config/authsettingsV2") is not None


def _document(world: World, site: Document) -> dict[str, Any]:
    return _envelope(site, "authsettingsV2", _properties(world, site))


def _properties(world: World, site: Document) -> dict[str, Any]:
    stored = world.arm.get(f"{site.id}/config/authsettingsV2")
    return stored.properties if stored else {"platform": {"enabled": False}}


def _envelope(site: Document, name: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"{site.id}/config/{name}",
        "name": name,
        "type": "Microsoft.Web/sites/config",
        "location": site.body["location"],
        "properties": properties,
    }


def _check_identities(properties: dict[str, Any]) -> None:
    """The limit is documented; assumed: the PUT is what it refuses."""
    node: Any = properties
    for name in (
        "identityProviders",
        "azureActiveDirectory",
        "validation",
        "defaultAuthorizationPolicy",
        "allowedPrincipals",
    ):
        node = (node or {}).get(name)
    identities = (node or {}).get("identities") or []
    if sum(len(one) for one in identities) > IDENTITIES_LIMIT:
        raise app_service_error(
            400, "BadRequest", f"The allowed identities exceed {IDENTITIES_LIMIT} characters in total."
        )
