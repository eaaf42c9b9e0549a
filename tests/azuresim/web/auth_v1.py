"""
`config/authsettings`, the first form of the settings: in force until the second is written, and refused from then on.

The door acts on either; `as_v2` is what a V1 document means. Assumed: that a GET of V2 on a site that runs V1 shows the
settings in the new form. Sources: learn.microsoft.com/rest/api/appservice/web-apps/update-auth-settings;
learn.microsoft.com/azure/app-service/configure-authentication-api-version; MicrosoftDocs/azure-docs and Azure/azure-cli
trackers (04534); hashicorp/terraform-provider-azurerm (reads configVersion first).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from azuresim.arm import ArmRequest, ArmResponse
from azuresim.resources import Document
from azuresim.web.common import app_service_error, child, invalid_parameter, properties_of, site_route, the_site
from azuresim.world import World

JSON = dict[str, Any]
WRITE, LIST = "Microsoft.Web/sites/config/Write", "Microsoft.Web/sites/config/list/Action"
UNCOVERED = "the published contracts hold only the V2 form"
V2_ONLY = "Cannot execute the request for site {0} because the site is running on auth version v2."
TRUTHS = frozenset({"enabled", "tokenStoreEnabled", "validateIssuer"})
LISTS = frozenset(
    [
        "allowedExternalRedirectUrls",
        "allowedAudiences",
        "additionalLoginParams",
        "googleOAuthScopes",
        "facebookOAuthScopes",
        "gitHubOAuthScopes",
        "microsoftAccountOAuthScopes",
    ]
)
SECRETS = frozenset(
    [
        "clientSecret",
        "googleClientSecret",
        "facebookAppSecret",
        "gitHubClientSecret",
        "twitterConsumerSecret",
        "microsoftAccountClientSecret",
    ]
)
TEXTS = frozenset(
    [
        "runtimeVersion",
        "unauthenticatedClientAction",
        "defaultProvider",
        "clientId",
        "clientSecretSettingName",
        "clientSecretCertificateThumbprint",
        "issuer",
        "aadClaimsAuthorization",
        "googleClientId",
        "googleClientSecretSettingName",
        "facebookAppId",
        "facebookAppSecretSettingName",
        "gitHubClientId",
        "gitHubClientSecretSettingName",
        "twitterConsumerKey",
        "twitterConsumerSecretSettingName",
        "microsoftAccountClientId",
        "microsoftAccountClientSecretSettingName",
        "isAuthFromFile",
        "authFilePath",
        "configVersion",
    ]
)
FIELDS = sorted(TRUTHS | LISTS | SECRETS | TEXTS | {"tokenRefreshExtensionHours"})
NAMES = {
    "aad": "azureActiveDirectory",
    "azureactivedirectory": "azureActiveDirectory",
    "facebook": "facebook",
    "google": "google",
    "github": "gitHub",
    "twitter": "twitter",
    "microsoftaccount": "legacyMicrosoftAccount",
}


@site_route("POST", "/config/authsettings/list", action=LIST, uncovered=UNCOVERED)
def list_v1(request: ArmRequest, world: World) -> ArmResponse:
    """V1 tells which version is live: `configVersion` is v2 once V2 has been written."""
    site, _ = the_site(request)
    return ArmResponse(200, child(site, "config/authsettings", shown(world, site)))


@site_route("PUT", "/config/authsettings", action=WRITE, uncovered=UNCOVERED)
def put_v1(request: ArmRequest, world: World) -> ArmResponse:
    """Replaces all of V1; a site that runs V2 refuses it for ever."""
    site, _ = the_site(request)
    if v2_configured(world, site):
        message = V2_ONLY.format(site.name)
        raise app_service_error(400, "BadRequest", message, extended="04534", template=(V2_ONLY, [site.name]))
    sent = properties_of(request)
    known = {name: sent[name] for name in FIELDS if sent.get(name) is not None}
    check(known)
    secrets = {name: known.pop(name) for name in SECRETS if name in known}
    known.pop("configVersion", None)
    world.arm.put(f"{site.id}/config/authsettings", known, private={"secrets": secrets})
    return ArmResponse(200, child(site, "config/authsettings", shown(world, site)))


def check(known: Mapping[str, Any]) -> None:
    for name, value in known.items():
        if name in TRUTHS:
            good = isinstance(value, bool)
        elif name in LISTS:
            good = isinstance(value, list) and all(isinstance(one, str) for one in value)
        elif name == "tokenRefreshExtensionHours":
            good = isinstance(value, int | float) and not isinstance(value, bool)
        else:
            good = isinstance(value, str)
        if not good:
            raise invalid_parameter(f"properties.{name}")


def shown(world: World, site: Document) -> JSON:
    """All fields of V1, null where nothing is set."""
    blank: JSON = dict.fromkeys(FIELDS) | {"enabled": False, "isAuthFromFile": "false", "configVersion": "v1"}
    if v2_configured(world, site):
        platform = properties_in_force(world, site).get("platform") or {}
        path = platform.get("configFilePath")
        return blank | {
            "enabled": bool(platform.get("enabled")),
            "runtimeVersion": platform.get("runtimeVersion"),
            "isAuthFromFile": str(bool(path)).lower(),
            "authFilePath": path,
            "configVersion": "v2",
        }
    stored = world.arm.get(f"{site.id}/config/authsettings")
    if stored is None:
        return blank
    defaults = {"unauthenticatedClientAction": "RedirectToLoginPage", "tokenStoreEnabled": False}
    found: JSON = blank | defaults | stored.body | stored.private["secrets"]
    return found


def v2_configured(world: World, site: Document) -> bool:
    return world.arm.get(f"{site.id}/config/authsettingsV2") is not None


def properties_in_force(world: World, site: Document) -> JSON:
    """The settings in the form of V2, whichever was written; a site never configured is off and says no more."""
    stored = world.arm.get(f"{site.id}/config/authsettingsV2")
    if stored is not None:
        return stored.properties
    first = world.arm.get(f"{site.id}/config/authsettings")
    return {"platform": {"enabled": False}} if first is None else as_v2(first.body)


def as_v2(v1: Mapping[str, Any]) -> JSON:
    """What a document of V1 says, in V2."""
    action = v1.get("unauthenticatedClientAction") or "RedirectToLoginPage"
    default = str(v1.get("defaultProvider") or "").lower()
    validation: JSON = {"requireAuthentication": action != "AllowAnonymous", "unauthenticatedClientAction": action}
    if default in NAMES:
        validation["redirectToProvider"] = NAMES[default]
    file = str(v1.get("isAuthFromFile") or "").lower() == "true"
    platform = {"enabled": bool(v1.get("enabled")), "runtimeVersion": v1.get("runtimeVersion")}
    return {
        "platform": platform | ({"configFilePath": v1.get("authFilePath") or "auth.json"} if file else {}),
        "globalValidation": validation,
        "identityProviders": providers(v1),
        "login": {
            "tokenStore": {
                "enabled": bool(v1.get("tokenStoreEnabled")),
                "tokenRefreshExtensionHours": v1.get("tokenRefreshExtensionHours"),
            },
            "allowedExternalRedirectUrls": v1.get("allowedExternalRedirectUrls"),
        },
    }


def providers(v1: Mapping[str, Any]) -> JSON:
    found: JSON = {}
    if v1.get("clientId"):
        found["azureActiveDirectory"] = entra(v1)
    for name, key, field in (
        ("google", "googleClientId", "clientId"),
        ("facebook", "facebookAppId", "appId"),
        ("gitHub", "gitHubClientId", "clientId"),
        ("twitter", "twitterConsumerKey", "consumerKey"),
        ("legacyMicrosoftAccount", "microsoftAccountClientId", "clientId"),
    ):
        if v1.get(key):
            found[name] = {"enabled": True, "registration": {field: v1[key]}}
    return found


def entra(v1: Mapping[str, Any]) -> JSON:
    registration = {
        "openIdIssuer": v1.get("issuer"),
        "clientId": v1["clientId"],
        "clientSecretSettingName": v1.get("clientSecretSettingName"),
    }
    validation: JSON = {"allowedAudiences": v1.get("allowedAudiences")}
    claims = authorization(v1.get("aadClaimsAuthorization"))
    if claims is not None:
        validation["defaultAuthorizationPolicy"] = claims
    login = {"loginParameters": v1.get("additionalLoginParams")}
    return {"enabled": True, "registration": registration, "login": login, "validation": validation}


def authorization(text: Any) -> JSON | None:
    """`aadClaimsAuthorization`, JSON in a text with names of its own. Assumed: what does not parse says nothing."""
    try:
        found = json.loads(text) if isinstance(text, str) and text else None
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    principals = found.get("allowed_principals")
    principals = principals if isinstance(principals, dict) else {}
    return {
        "allowedApplications": texts(found.get("allowed_client_applications")),
        "allowedPrincipals": {
            "groups": texts(principals.get("groups")),
            "identities": texts(principals.get("identities")),
        },
    }


def texts(value: Any) -> list[str] | None:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else None
