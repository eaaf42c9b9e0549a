"""
`config/authsettingsV2`.

A PUT replaces the whole document and keeps keys that nobody knows; there is no ETag, the last writer wins. Sources:
learn.microsoft.com/rest/api/appservice/web-apps/update-auth-settings-v2, hashicorp/terraform-provider-azurerm (which
writes the full tree because parts left out are reset), Azure/azure-cli (a site never configured, and V1 after V2).
"""

from __future__ import annotations

from typing import Any

from azuresim.arm import ArmRequest, ArmResponse
from azuresim.resources import Document
from azuresim.web.auth_shape import check_auth
from azuresim.web.auth_v1 import properties_in_force, v2_configured
from azuresim.web.common import app_service_error, child, properties_of, site_route, the_site
from azuresim.world import World

READ, WRITE = "Microsoft.Web/sites/config/Read", "Microsoft.Web/sites/config/Write"
IDENTITIES_LIMIT = 500  # characters over the whole list, about 13 object ids


@site_route("GET", "/config/authsettingsV2", action=READ)
def get_auth(request: ArmRequest, world: World) -> ArmResponse:
    site, _ = the_site(request)
    return ArmResponse(200, _document(world, site))


@site_route("GET", "/config/authsettingsV2/list", action=READ)
def list_auth(request: ArmRequest, world: World) -> ArmResponse:
    """
    The older of the two GETs. The secrets of V2 are names of app settings, so it shows nothing more.

    Assumed: the right to read the plain form suffices.
    """
    site, _ = the_site(request)
    return ArmResponse(200, _document(world, site))


@site_route("PUT", "/config/authsettingsV2", action=WRITE)
def put_auth(request: ArmRequest, world: World) -> ArmResponse:
    site, behind = the_site(request)
    properties = properties_of(request)
    check_auth(properties)
    _check_identities(properties)
    settings = child(site, "config/authsettingsV2", properties)
    if not v2_configured(world, site):
        behind.middleware = (properties.get("platform") or {}).get("runtimeVersion") or ""
    return ArmResponse(200, world.arm.put(settings["id"], settings).body)


def _document(world: World, site: Document) -> dict[str, Any]:
    return child(site, "config/authsettingsV2", properties_in_force(world, site))


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
