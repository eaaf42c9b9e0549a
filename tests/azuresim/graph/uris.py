"""
Which URIs an application may register: where answers to a sign-in go, and what names it as a resource.

Sources: learn.microsoft.com/entra/identity-platform/reply-url (redirect URIs), supported-accounts-validation (limits
by audience), identifier-uri-restrictions (the tenant's policy); texts from trackers of
microsoftgraph/msgraph-sdk-dotnet (2039) and hashicorp/terraform-provider-azuread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from azuresim.entra.directory import Body
from azuresim.graph.request import GraphRequest, bad_request
from azuresim.graph.tenant import DOMAIN

PLATFORMS = ("web", "spa", "publicClient")
PERSONAL = {"AzureADandPersonalMicrosoftAccount", "PersonalMicrosoftAccount"}
MOST_REDIRECTS, MOST_PERSONAL_REDIRECTS = 256, 100
LONGEST_REDIRECT, LONGEST_IDENTIFIER = 256, 255
SPECIAL = re.compile(r"[!$'(),;]")
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
POLICY = (
    "Failed to add identifier URI {uri}. All newly added URIs must contain a tenant verified domain, tenant ID, or app "
    "ID, as per the default tenant policy of your organization. See https://aka.ms/identifier-uri-addition-error for "
    "more information on this error."
)


# --- redirect URIs ----------------------------------------------------------------------------------------------------
def check_redirects(application: Body) -> None:
    """400 for a redirect URI that no platform takes, and for too many of them."""
    personal = application.get("signInAudience") in PERSONAL
    most, count = (MOST_PERSONAL_REDIRECTS if personal else MOST_REDIRECTS), 0
    for platform in PLATFORMS:
        uris = redirects_of(application, platform)
        count += len(uris)
        for uri in uris:
            for reason in redirect_troubles(uri, platform, personal=personal):
                raise refused(f"{platform}.redirectUris", reason)
    if count > most:
        raise refused("redirectUris", f"An application has at most {most} redirect URIs.")


def refused(target: str, reason: str) -> Exception:
    details = [{"code": "InvalidValue", "message": reason, "target": target}]
    return bad_request("One or more properties contains invalid values.", details=details)


def redirects_of(application: Body, platform: str) -> list[str]:
    return (application.get(platform) or {}).get("redirectUris") or []


def redirect_troubles(uri: str, platform: str, *, personal: bool) -> Iterator[str]:
    parts = split(uri)
    if parts is None or not parts.scheme or not (parts.netloc or parts.path):
        yield "A redirect URI must be an absolute URI."
        return
    web_like = parts.scheme in ("http", "https")
    if web_like and not parts.hostname:
        yield "A redirect URI must name a host."
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        yield "A redirect URI must begin with https, unless it leads to localhost."
    if platform == "spa" and not web_like:
        yield "A redirect URI of a single-page application must begin with https, or lead to localhost."
    if len(uri) > LONGEST_REDIRECT:
        yield f"A redirect URI has at most {LONGEST_REDIRECT} characters."
    if web_like and SPECIAL.search(uri):
        yield "A redirect URI must not hold special characters."
    if personal and ("*" in uri or parts.query):
        yield "Wildcards and query parameters are not supported for personal accounts."


# --- identifier URIs --------------------------------------------------------------------------------------------------
def check_identifiers(request: GraphRequest, before: Body, after: Body) -> None:
    """Only what is new is looked at: what was allowed once stays."""
    for uri in after["identifierUris"]:
        if uri not in before["identifierUris"]:
            check_identifier(request, uri, after)


def check_identifier(request: GraphRequest, uri: str, application: Body) -> None:
    parts = split(uri)
    if parts is None or not parts.scheme or "*" in uri or not 1 <= len(uri) <= LONGEST_IDENTIFIER:
        raise bad_request("Invalid value specified for property 'identifierUris' of resource 'Application'.")
    if parts.scheme in ("http", "https") and not on_verified_domain(parts.hostname or ""):
        raise bad_request(
            "Values of identifierUris property must use a verified domain of the organization or its subdomain: "
            f"'{uri}'",
            "HostNameNotOnVerifiedDomain",
        )
    if request.world.switches.graph_identifier_uri_policy and not by_policy(request, uri, application):
        raise bad_request(POLICY.format(uri=uri), "InvalidUniqueTenantIdentifierAsPerAppPolicy")


def by_policy(request: GraphRequest, uri: str, application: Body) -> bool:
    """It holds the tenant's id, a verified domain or the client id; applications with version 2 tokens are exempt."""
    if (application.get("api") or {}).get("requestedAccessTokenVersion") == 2:
        return True
    host = (urlsplit(uri).hostname or "").lower()
    named = {request.world.tenant_id.lower(), str(application["appId"]).lower()}
    return on_verified_domain(host) or bool(named & set(re.split(r"[/:]+", uri.lower())))


def on_verified_domain(host: str) -> bool:
    return host == DOMAIN or host.endswith(f".{DOMAIN}")


def split(uri: str) -> SplitResult | None:
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return None
    return None if re.search(r"\s", uri) else parts
