"""
The types inside `authsettingsV2`: what is wrong with a document that a client sends.

Everything may be null and everything may be left out; keys that nobody published are taken as they come. Source:
learn.microsoft.com/rest/api/appservice/web-apps/update-auth-settings-v2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from azuresim.web.common import invalid_parameter

TRUTH, TEXT, TEXTS, NUMBER, ANY = "truth", "text", "texts", "number", "any"
Shape = str | Mapping[str, "Shape"]

OAUTH: Shape = {"clientId": TEXT, "clientSecretSettingName": TEXT}
SCOPES: Shape = {"scopes": TEXTS}
AUDIENCES: Shape = {"allowedAudiences": TEXTS}
PRINCIPALS: Shape = {"groups": TEXTS, "identities": TEXTS}


def provider(registration: Shape, login: Shape = SCOPES) -> Shape:
    return {"enabled": TRUTH, "registration": registration, "login": login, "validation": AUDIENCES}


SHAPE: Shape = {
    "platform": {"enabled": TRUTH, "runtimeVersion": TEXT, "configFilePath": TEXT},
    "globalValidation": {
        "requireAuthentication": TRUTH,
        "unauthenticatedClientAction": TEXT,
        "redirectToProvider": TEXT,
        "excludedPaths": TEXTS,
    },
    "identityProviders": {
        "azureActiveDirectory": {
            "enabled": TRUTH,
            "isAutoProvisioned": TRUTH,
            "registration": {
                "openIdIssuer": TEXT,
                "clientId": TEXT,
                "clientSecretSettingName": TEXT,
                "clientSecretCertificateThumbprint": TEXT,
                "clientSecretCertificateSubjectAlternativeName": TEXT,
                "clientSecretCertificateIssuer": TEXT,
            },
            "login": {"loginParameters": TEXTS, "disableWWWAuthenticate": TRUTH},
            "validation": {
                "allowedAudiences": TEXTS,
                "jwtClaimChecks": {"allowedGroups": TEXTS, "allowedClientApplications": TEXTS},
                "defaultAuthorizationPolicy": {"allowedApplications": TEXTS, "allowedPrincipals": PRINCIPALS},
            },
        },
        "facebook": {
            **provider({"appId": TEXT, "appSecretSettingName": TEXT}),  # type: ignore[dict-item]
            "graphApiVersion": TEXT,
        },
        "gitHub": provider(OAUTH),
        "google": provider(OAUTH),
        "apple": provider(OAUTH),
        "legacyMicrosoftAccount": provider(OAUTH),
        "twitter": provider({"consumerKey": TEXT, "consumerSecretSettingName": TEXT}),
        "azureStaticWebApps": {"enabled": TRUTH, "registration": {"clientId": TEXT}},
    },
    "login": {
        "routes": {"logoutEndpoint": TEXT},
        "tokenStore": {
            "enabled": TRUTH,
            "tokenRefreshExtensionHours": NUMBER,
            "fileSystem": {"directory": TEXT},
            "azureBlobStorage": {"sasUrlSettingName": TEXT},
        },
        "preserveUrlFragmentsForLogins": TRUTH,
        "allowedExternalRedirectUrls": TEXTS,
        "cookieExpiration": {"convention": TEXT, "timeToExpiration": TEXT},
        "nonce": {"validateNonce": TRUTH, "nonceExpirationInterval": TEXT},
    },
    "httpSettings": {
        "requireHttps": TRUTH,
        "routes": {"apiPrefix": TEXT},
        "forwardProxy": {"convention": TEXT, "customHostHeaderName": TEXT, "customProtoHeaderName": TEXT},
    },
}
CUSTOM: Shape = {
    "enabled": TRUTH,
    "registration": {
        "clientId": TEXT,
        "clientCredential": {"method": TEXT, "clientSecretSettingName": TEXT},
        "openIdConnectConfiguration": {
            "authorizationEndpoint": TEXT,
            "tokenEndpoint": TEXT,
            "issuer": TEXT,
            "certificationUri": TEXT,
            "wellKnownOpenIdConfiguration": TEXT,
        },
    },
    "login": {"nameClaimType": TEXT, "scopes": TEXTS},
}


def check_auth(properties: Mapping[str, Any]) -> None:
    """Raises App Service's 400 for the first value of a wrong type."""
    check(properties, SHAPE, "properties")
    providers = properties.get("identityProviders") or {}
    custom = providers.get("customOpenIdConnectProviders")
    if custom is not None and not isinstance(custom, dict):
        raise invalid_parameter("properties.identityProviders.customOpenIdConnectProviders")
    for name, one in (custom or {}).items():
        check(one, CUSTOM, f"properties.identityProviders.customOpenIdConnectProviders.{name}")


def check(value: Any, shape: Shape, where: str) -> None:
    if value is None:
        return
    if not isinstance(shape, str):
        if not isinstance(value, dict):
            raise invalid_parameter(where)
        for name, inner in shape.items():
            check(value.get(name), inner, f"{where}.{name}")
    elif not fits(value, shape):
        raise invalid_parameter(where)


def fits(value: Any, kind: str) -> bool:
    if kind == TRUTH:
        return isinstance(value, bool)
    if kind == NUMBER:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind == TEXTS:
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    return isinstance(value, str)
