"""
Easy Auth, the door of a site: who gets in, as whom, and what everybody else is told.

`judge` is pure: a request and the settings of the door in, either `Admitted` or the answer that the platform gives
instead of the app. The order of the checks: https, exempt paths, the token (audience, issuer, signature, lifetime; its
failure is answered as the settings say), then the policy (applications, principals, tenants; its failure is a 403).

Sources: learn.microsoft.com/azure/app-service/overview-authentication-authorization and
configure-authentication-provider-aad ("Use a built-in authorization policy"), configure-authentication-file-based.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote, urlencode, urlsplit

from multidict import CIMultiDict, MultiMapping

from azuresim.entra.tokens import ISSUERS
from azuresim.switches import Switches
from azuresim.wire import HttpAnswer, HttpCall

Claims = Mapping[str, Any]
Verify = Callable[[str], Claims | None]  # the claims of a token with a good signature and lifetime, None of any other

NO_PERMISSION = "You do not have permission to view this directory or page."
VERSION = "1.6.20.0"  # of the middleware; any will do
NOT_SIMULATED = "NotSimulated"
SIGNED_OUT = "<p>You have been signed out.</p>"
TENANT_ALIASES = frozenset({"common", "organizations"})
STRIPPED = ("x-ms-client-principal", "x-ms-token-")


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The built-in authorization policy: everything in it must hold, or the answer is 403."""

    audiences: frozenset[str] = frozenset()
    applications: tuple[str, ...] | None = None
    identities: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    tenants: frozenset[str] = frozenset()
    service_principals_only: bool = False
    claimed_applications: tuple[str, ...] = ()
    claimed_groups: frozenset[str] = frozenset()
    """`jwtClaimChecks`, the older lists: they hold beside the others."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What `authsettingsV2` (or the file that replaces it) means for a request, with the defaults filled in."""

    enabled: bool = False
    required: bool = False
    action: str = "RedirectToLoginPage"
    excluded_paths: tuple[str, ...] = ()
    https_only: bool = True
    proto_header: str = ""
    """The header by which a trusted proxy says what scheme the caller used; none is trusted without it."""
    prefix: str = "/.auth"
    version: str = VERSION
    provider: str = "aad"
    client_id: str | None = None
    issuer: str = ""
    challenges: bool = True
    policy: Policy = field(default_factory=Policy)

    @classmethod
    def parse(cls, properties: Mapping[str, Any], app_settings: Mapping[str, str]) -> Self:
        """
        The settings that these properties mean.

        A provider with a registration is on unless `enabled` is false, as the API's description of that field has it.
        """
        aad = _at(properties, "identityProviders", "azureActiveDirectory") or {}
        client_id = _at(aad, "registration", "clientId") if aad.get("enabled") is not False else None
        return cls(
            enabled=bool(_at(properties, "platform", "enabled")),
            required=bool(_at(properties, "globalValidation", "requireAuthentication")),
            action=_at(properties, "globalValidation", "unauthenticatedClientAction") or "RedirectToLoginPage",
            excluded_paths=tuple(_at(properties, "globalValidation", "excludedPaths") or ()),
            https_only=_at(properties, "httpSettings", "requireHttps") is not False,
            proto_header=_proto_header(_at(properties, "httpSettings", "forwardProxy") or {}),
            prefix=(_at(properties, "httpSettings", "routes", "apiPrefix") or "/.auth").rstrip("/"),
            version=_middleware(_at(properties, "platform", "runtimeVersion") or ""),
            provider=_provider(_at(properties, "globalValidation", "redirectToProvider") or ""),
            client_id=client_id,
            issuer=_at(aad, "registration", "openIdIssuer") or "",
            challenges=not _at(aad, "login", "disableWWWAuthenticate"),
            policy=_policy(aad.get("validation") or {}, app_settings),
        )


@dataclass(frozen=True, kw_only=True)
class Admitted:
    """The request reaches the app. No `claims`: an anonymous one. `headers` are those that the app gets to see."""

    headers: MultiMapping[str]
    claims: Claims | None


def judge(call: HttpCall, settings: Settings, verify: Verify, switches: Switches) -> Admitted | HttpAnswer:
    """
    Whether the request may pass, and as whom.

    With Easy Auth off the request goes through as it came, forged headers and all.
    """
    if not settings.enabled:
        return Admitted(headers=call.headers, claims=None)
    proto = call.headers.get(settings.proto_header, "https") if settings.proto_header else "https"
    if settings.https_only and proto.lower() == "http":
        return _redirect(f"https://{call.host}{_target(call)}")
    if _below(call.path, settings.prefix):
        return _own_endpoint(call, settings)
    claims = _authenticated(call, settings, verify, switches)
    if _exempt(call.path, settings, switches):
        return _admitted(call, claims)
    if claims is not None:
        refused = _refused(claims, settings.policy, switches)
        return refused or _admitted(call, claims)
    if not settings.required or settings.action == "AllowAnonymous":
        return _admitted(call, None)
    return _turned_away(call, settings)


# Authentication: is this a token for us?


def _authenticated(call: HttpCall, settings: Settings, verify: Verify, switches: Switches) -> Claims | None:
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token or settings.client_id is None:
        return None
    claims = verify(token.strip())
    if claims is None or claims.get("aud") not in settings.policy.audiences | {settings.client_id}:
        return None  # its own client id is always an accepted audience
    return claims if claims.get("iss") in accepted_issuers(settings.issuer, claims, switches) else None


def accepted_issuers(open_id_issuer: str, claims: Claims, switches: Switches) -> frozenset[str]:
    """
    The issuers that the metadata behind `openIdIssuer` names: v2 for an address ending in `/v2.0`, v1 otherwise.

    Whether a v1 token passes a `/v2.0` issuer is a switch: the documentation says to drop the `/v2.0` for applications
    that use v1 tokens, and many sites run with both.
    """
    address = urlsplit(open_id_issuer)
    origin = f"https://{address.netloc.lower()}"
    pair = next((each for each in ISSUERS.values() if origin in each), None)  # sts.windows.net: the public cloud's
    if pair is None:
        return frozenset()
    tenant, *version = [part for part in address.path.split("/") if part] or [""]
    if tenant.lower() in TENANT_ALIASES:
        tenant = str(claims.get("tid", ""))
    v1, v2 = f"{pair[0]}/{tenant}/", f"{pair[1]}/{tenant}/v2.0"
    if version != ["v2.0"]:
        return frozenset({v1})
    return frozenset({v1, v2}) if switches.easy_auth_v1_token_passes_v2_issuer else frozenset({v2})


# Authorization: may the holder of this token in?


def _refused(claims: Claims, policy: Policy, switches: Switches) -> HttpAnswer | None:
    if policy.groups and "groups" not in claims and claims.get("oid") not in policy.identities:
        return HttpAnswer(500)  # seen with a groups check and no groups claim
    allowed = (
        _application_allowed(claims, policy, switches)
        and _principal_allowed(claims, policy)
        and (not policy.tenants or claims.get("tid") in policy.tenants)
        and (not policy.service_principals_only or "oid" in claims)
        and (not policy.claimed_applications or claims.get("appid", claims.get("azp")) in policy.claimed_applications)
        and (not policy.claimed_groups or not policy.claimed_groups.isdisjoint(claims.get("groups", ())))
    )
    return None if allowed else _forbidden()


def _application_allowed(claims: Claims, policy: Policy, switches: Switches) -> bool:
    if policy.applications:
        return claims.get("appid", claims.get("azp")) in policy.applications
    forgotten = policy.applications is not None or policy.audiences
    return not (forgotten and switches.easy_auth_empty_allow_list == "refuses all")


def _principal_allowed(claims: Claims, policy: Policy) -> bool:
    if not policy.identities and not policy.groups:
        return True
    return claims.get("oid") in policy.identities or not policy.groups.isdisjoint(claims.get("groups", ()))


def _policy(validation: Mapping[str, Any], app_settings: Mapping[str, str]) -> Policy:
    default = validation.get("defaultAuthorizationPolicy") or {}
    applications = _at(default, "allowedApplications")
    identities = frozenset(_at(default, "allowedPrincipals", "identities") or ())
    only = app_settings.get("WEBSITE_AUTH_AAD_REQUIRE_CLIENT_SERVICE_PRINCIPAL", "").lower() in ("true", "1")
    return Policy(
        audiences=frozenset(validation.get("allowedAudiences") or ()),
        applications=None if applications is None else tuple(applications),
        identities=identities,
        groups=frozenset(_at(default, "allowedPrincipals", "groups") or ()),
        tenants=frozenset(filter(None, app_settings.get("WEBSITE_AUTH_AAD_ALLOWED_TENANTS", "").split(","))),
        service_principals_only=only or bool(identities),
        claimed_applications=tuple(_at(validation, "jwtClaimChecks", "allowedClientApplications") or ()),
        claimed_groups=frozenset(_at(validation, "jwtClaimChecks", "allowedGroups") or ()),
    )


# Answers


def _turned_away(call: HttpCall, settings: Settings) -> HttpAnswer:
    """
    What somebody without a good token is told, by `unauthenticatedClientAction`.

    A redirect is for browsers only; whatever else asks gets 401 (assumed: a browser is what calls itself Mozilla). An
    action that we do not know is a 401.
    """
    if settings.action == "Return403":
        return _forbidden()
    if settings.action == "Return404":
        return HttpAnswer(404)
    if settings.action == "RedirectToLoginPage" and "Mozilla/" in call.headers.get("user-agent", ""):
        after = quote(_target(call), safe="")
        return _redirect(
            f"https://{call.host}{settings.prefix}/login/{settings.provider}?post_login_redirect_uri={after}"
        )
    # Assumed: the text of this header is published nowhere.
    challenge = {"WWW-Authenticate": f'Bearer realm="{call.host}"'} if settings.challenges else {}
    return HttpAnswer.text(401, NO_PERMISSION, "text/html").with_headers(challenge)


def _forbidden() -> HttpAnswer:
    return HttpAnswer.text(403, NO_PERMISSION, "text/html")


def _redirect(location: str) -> HttpAnswer:
    return HttpAnswer(302, {"Location": location})


def _target(call: HttpCall) -> str:
    return f"{call.raw_path}?{urlencode(call.query)}" if call.query else call.raw_path


def _own_endpoint(call: HttpCall, settings: Settings) -> HttpAnswer:
    """
    What the middleware itself serves. Nobody can sign in here (the tenant has no users), so nobody has a session.

    Sources: learn.microsoft.com/azure/app-service/configure-authentication-customize-sign-in-out and
    configure-authentication-oauth-tokens (`/me`, `/refresh`). What would start a session is refused loudly: the
    exchange of a provider's token for one of the site's own, and the way back from the provider.
    """
    own = call.path.lower().removeprefix(settings.prefix.lower()).strip("/")
    if own == "version":
        return HttpAnswer.text(200, settings.version)
    if own in ("me", "refresh"):
        return HttpAnswer(401)
    if own.startswith("logout"):
        return (
            HttpAnswer.text(200, SIGNED_OUT, "text/html")
            if own != "logout"
            else _redirect(_after_logout(call, settings))
        )
    if own == "login/aad" and settings.client_id and call.method == "GET":
        authorize = f"{settings.issuer.removesuffix('/v2.0')}/oauth2/v2.0/authorize?client_id={settings.client_id}"
        return _redirect(authorize)
    if own.startswith("login/") and (own != "login/aad" or settings.client_id):
        return HttpAnswer.text(501, f"{NOT_SIMULATED}: {call.method} {call.path} would start a session.")
    return HttpAnswer(404)


def _after_logout(call: HttpCall, settings: Settings) -> str:
    return call.argument("post_logout_redirect_uri") or f"https://{call.host}{settings.prefix}/logout/done"


def _proto_header(proxy: Mapping[str, Any]) -> str:
    """The header that `forwardProxy` lets a proxy tell the scheme by."""
    if proxy.get("convention") == "Standard":
        return "x-forwarded-proto"
    return str(proxy.get("customProtoHeaderName") or "") if proxy.get("convention") == "Custom" else ""


def _middleware(asked: str) -> str:
    """The version that runs: one that is named exactly, else the newest (`~1`, `~2`, nothing)."""
    return asked if asked and not asked.startswith("~") else VERSION


def _provider(asked: str) -> str:
    return "aad" if asked.lower() in ("", "azureactivedirectory") else asked.lower()


def _admitted(call: HttpCall, claims: Claims | None) -> Admitted:
    """The caller's own `X-MS-CLIENT-PRINCIPAL*` never arrive; those of the token do."""
    headers = CIMultiDict(
        (name, value) for name, value in call.headers.items() if not name.lower().startswith(STRIPPED)
    )
    if claims is not None:
        headers.update(_principal_headers(claims))
    return Admitted(headers=headers, claims=claims)


def _principal_headers(claims: Claims) -> dict[str, str]:
    pairs = [{"typ": name, "val": str(value)} for name, value in _flat(claims)]
    principal = {"auth_typ": "aad", "claims": pairs, "name_typ": "name", "role_typ": "roles"}
    headers = {
        "X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps(principal).encode()).decode(),
        "X-MS-CLIENT-PRINCIPAL-IDP": "aad",
    }
    if "oid" in claims:
        headers["X-MS-CLIENT-PRINCIPAL-ID"] = str(claims["oid"])
    if "name" in claims:
        headers["X-MS-CLIENT-PRINCIPAL-NAME"] = str(claims["name"])
    return headers


# Small readings


def _exempt(path: str, settings: Settings, switches: Switches) -> bool:
    """Excluded paths, and `/admin`, which the functions host guards itself with the master key."""
    exact = switches.easy_auth_excluded_paths == "exact"
    return _below(path, "/admin") or any(path == one if exact else _below(path, one) for one in settings.excluded_paths)


def _below(path: str, parent: str) -> bool:
    parent = parent.rstrip("/").lower()
    return path.lower() == parent or path.lower().startswith(f"{parent}/")


def _flat(claims: Claims) -> Iterable[tuple[str, Any]]:
    for name, value in claims.items():
        yield from ((name, one) for one in (value if isinstance(value, list) else [value]))


def _at(node: Any, *names: str) -> Any:
    """The value at that path, None where any part of it is missing or null: every branch of the document may be."""
    for name in names:
        node = node.get(name) if isinstance(node, Mapping) else None
    return node
