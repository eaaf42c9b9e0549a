"""
Entra over HTTP: the token endpoint (client credentials), OpenID metadata and signing keys.

Error shape: `error`, `error_description` (AADSTS code first), `error_codes`, `timestamp`, `trace_id`, `correlation_id`,
`error_uri`, as quoted in threads of Azure/azure-workload-identity.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from azuresim.entra.imds import identity_endpoint, is_identity_endpoint
from azuresim.entra.tokens import (
    CLIENT_TOKEN_SECONDS,
    GRAPH_AUDIENCES,
    EntraError,
    FederatedCredential,
    unknown_client,
)
from azuresim.wire import HttpAnswer, HttpCall

if TYPE_CHECKING:
    from azuresim.world import World

LIFE = CLIENT_TOKEN_SECONDS
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SPECIFIC = {"issuer": 700211, "subject": 700213, "audience": 700212}
ALIASES = ("common", "organizations", "consumers")
DOMAIN = "contoso.onmicrosoft.com"
PATH = re.compile(
    rf"^/(?P<tenant>[0-9a-f-]{{36}}|{'|'.join(ALIASES)}|[a-z0-9.-]+\.onmicrosoft\.com)/(?P<rest>.+?)/?$", re.IGNORECASE
)
DISCOVERY = "discovery/instance"
NEEDS = "The request body must contain the following parameter: "
OTHER_GRANTS = {
    "authorization_code": (900144, "invalid_request", f"{NEEDS}'code'."),
    "refresh_token": (900144, "invalid_request", f"{NEEDS}'refresh_token'."),
    "password": (50126, "invalid_grant", "Error validating credentials due to invalid username or password."),
    "urn:ietf:params:oauth:grant-type:device_code": (70018, "invalid_grant", "Bad verification code."),
    "urn:ietf:params:oauth:grant-type:jwt-bearer": (50027, "invalid_request", "Invalid JWT token."),
}
"""How a tenant without users refuses the grants that need one."""


def is_signin(path: str) -> bool:
    return PATH.match(path) is not None or is_identity_endpoint(path)


def signin(call: HttpCall, world: World) -> HttpAnswer:
    """The answer of the authority to one call."""
    if is_identity_endpoint(call.path):
        return identity_endpoint(call, world)
    match = PATH.match(call.path)
    rest, tenant = (match["rest"].lower(), match["tenant"].lower()) if match else ("", "")
    if tenant == "common" and rest == DISCOVERY:
        return HttpAnswer.json(200, discovery(call))
    try:
        if tenant not in (world.tenant_id.lower(), DOMAIN, *ALIASES):
            raise EntraError(90002, "invalid_request", f"Tenant '{tenant}' not found.")
        if rest in ("oauth2/v2.0/token", "oauth2/token") and call.method == "POST":
            if tenant in ALIASES:
                raise EntraError(
                    50059,
                    "invalid_request",
                    "No tenant-identifying information found in either the request or implied by any provided "
                    "credentials.",
                )
            return token(call, world, 2 if rest == "oauth2/v2.0/token" else 1)
    except EntraError as refused:
        return refusal(refused, world)
    if rest in ("v2.0/.well-known/openid-configuration", ".well-known/openid-configuration") and call.method == "GET":
        return HttpAnswer.json(200, metadata(call, world, 2 if rest.startswith("v2.0") else 1, tenant))
    if rest in ("discovery/v2.0/keys", "discovery/keys") and call.method == "GET":
        return HttpAnswer.json(200, world.entra.jwks())
    world.missing[f"{call.method} {call.path}: sign-in"] += 1
    return HttpAnswer.text(404, "Not Found")


def discovery(call: HttpCall) -> dict[str, Any]:
    """Which hosts are one cloud, as MSAL asks before it trusts an authority; this simulator is one of its own."""
    host = call.header("Host", call.host)
    return {
        "tenant_discovery_endpoint": f"{call.scheme}://{host}/{ALIASES[0]}/v2.0/.well-known/openid-configuration",
        "api-version": call.argument("api-version") or "1.1",
        "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
    }


def metadata(call: HttpCall, world: World, version: int, tenant: str) -> dict[str, Any]:
    """OpenID metadata: the issuer has its real name, the addresses are where the client already is."""
    shared = tenant in ALIASES
    origin = f"{call.scheme}://{call.header('Host', call.host)}/{tenant if shared else world.tenant_id}"
    issuer = world.entra.issuer(version)
    path = "/oauth2/v2.0" if version != 1 else "/oauth2"
    return {
        "issuer": issuer.replace(world.tenant_id, "{tenantid}") if shared else issuer,
        "token_endpoint": f"{origin}{path}/token",
        "authorization_endpoint": f"{origin}{path}/authorize",
        "device_authorization_endpoint": f"{origin}{path}/devicecode",
        "end_session_endpoint": f"{origin}{path}/logout",
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "jwks_uri": f"{origin}/discovery/v2.0/keys" if version != 1 else f"{origin}/discovery/keys",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "tenant_region_scope": "EU",
        "cloud_instance_name": "microsoftonline.com",
    }


def token(call: HttpCall, world: World, version: int) -> HttpAnswer:
    """A token for a client that proved who it is; the audience follows from the scope, or is the v1 form's resource."""
    form = form_of(call)
    if form["grant_type"] in OTHER_GRANTS:
        raise EntraError(*OTHER_GRANTS[form["grant_type"]])
    if form["grant_type"] != "client_credentials":
        raise EntraError(
            70003, "unsupported_grant_type", f"The app requested an unsupported grant type '{form['grant_type']}'."
        )
    client_id = form["client_id"]
    principal = world.entra.principal(client_id)
    if principal is None and world.entra.application(client_id) is None:
        raise unknown_client(client_id, world.tenant_id)
    prove(client_id, form, world)
    if principal is not None and principal.get("accountEnabled") is False:
        text = f"Application '{client_id}'({principal['displayName']}) is disabled."
        raise EntraError(7000112, "unauthorized_client", text)
    needed = "scope" if version == 2 else "resource"
    if not form.get(needed):
        raise without(needed)
    resource = resource_of(form["scope"]) if version == 2 else form["resource"]
    if resource.rstrip("/") == f"{call.scheme}://{call.header('Host', call.host)}":
        resource = GRAPH_AUDIENCES[0]  # who reads its cloud's metadata knows Graph by this name (arm/cloud.py)
    made = world.entra.token_for_client(client_id, resource, secret="client_assertion" not in form)
    body = times(world, resource) if version == 1 else {"expires_in": LIFE, "ext_expires_in": LIFE}
    answer = {"token_type": "Bearer", **body, "access_token": made}
    return HttpAnswer.json(200, answer, {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"})


def times(world: World, resource: str) -> dict[str, str]:
    """What only the v1 endpoint tells; numbers as texts."""
    now = int(world.clock.timestamp())
    return {
        "expires_in": str(LIFE),
        "ext_expires_in": str(LIFE),
        "expires_on": str(now + LIFE),
        "not_before": str(now),
        "resource": resource,
    }


def form_of(call: HttpCall) -> dict[str, str]:
    """The form that was sent, a client's Basic credentials among it; grant type and client are there."""
    form = dict(parse_qsl(call.body.decode(errors="replace"), keep_blank_values=True))
    scheme, _, encoded = call.header("Authorization").partition(" ")
    if scheme.lower() == "basic":
        with contextlib.suppress(ValueError):
            name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
            form = {"client_id": unquote(name), "client_secret": unquote(secret), **form}
    for name in ("grant_type", "client_id"):
        if not form.get(name):
            raise without(name)
    return form


def without(name: str) -> EntraError:
    return EntraError(900144, "invalid_request", f"{NEEDS}'{name}'.")


def resource_of(scope: str) -> str:
    """`https://management.azure.com` of `https://management.azure.com/.default`."""
    if not scope.endswith("/.default") or " " in scope:
        raise EntraError(
            1002012,
            "invalid_scope",
            f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value with "
            "/.default suffixed to the resource identifier (application ID URI).",
        )
    return scope.removesuffix("/.default")  # `https://x//.default` asks for the audience `https://x/`


def prove(client_id: str, form: Mapping[str, str], world: World) -> None:
    """The client showed a registered secret, or an assertion that one of its federated credentials matches."""
    if "client_assertion" in form:
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise EntraError(50027, "invalid_request", "Invalid JWT token. The client_assertion_type is not supported.")
        prove_by_assertion(client_id, form["client_assertion"], world)
    elif "client_secret" in form:
        known = world.entra.secrets.get(client_id.lower(), set())
        shown = form["client_secret"].encode()
        if not any(hmac.compare_digest(secret.encode(), shown) for secret in known):
            text = (
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret "
                f"value, not the client secret ID, for a secret added to app '{client_id}'."
            )
            raise EntraError(7000215, "invalid_client", text, 401)
        if world.entra.secret_has_ended(client_id, form["client_secret"]):
            text = f"The provided client secret keys for app '{client_id}' are expired."
            raise EntraError(7000222, "invalid_client", text, 401)
    else:
        text = "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type."
        raise EntraError(7000216, "invalid_client", text, 401)


def prove_by_assertion(client_id: str, assertion: str, world: World) -> None:
    unchecked: Any = {"verify_signature": False}
    try:
        claims = jwt.decode(assertion, options=unchecked)
    except jwt.PyJWTError:
        raise EntraError(50027, "invalid_request", "Invalid JWT token. The token is malformed.") from None
    if str(claims.get("iss")).lower() == client_id.lower():
        prove_by_certificate(client_id, assertion, claims, world)
        return
    mine = [c for c in world.entra.federated if c.client_id.lower() == client_id.lower()]
    match_credential(mine, claims, world)
    check_signature(assertion, str(claims.get("iss")), world)
    now = world.clock.timestamp()
    if not claims.get("nbf", now) - 300 <= now < claims.get("exp", 0):
        raise EntraError(700024, "invalid_client", "Client assertion is not within its valid time range.", 401)


def prove_by_certificate(client_id: str, assertion: str, claims: Mapping[str, Any], world: World) -> None:
    """The assertion is signed by the key of a certificate of the client, which its header names by thumbprint."""
    header = jwt.get_unverified_header(assertion)
    shown = header.get("x5t#S256") or header.get("x5t") or header.get("kid")
    for pem in world.entra.certificates.get(client_id.lower(), []):
        certificate = x509.load_pem_x509_certificate(pem.encode())
        if shown in thumbprints(certificate):
            check_certificate(assertion, certificate, claims, world)
            return
    text = (
        "Client assertion contains an invalid signature. [Reason - The key was not found., "
        f"Thumbprint of key used by client: '{shown}'.]"
    )
    raise EntraError(700027, "invalid_client", text, 401)


def thumbprints(certificate: x509.Certificate) -> set[str]:
    """What an assertion's header may call it by: x5t, x5t#S256, or the plain SHA-1 in hexadecimal."""
    sha1, sha256 = certificate.fingerprint(hashes.SHA1()), certificate.fingerprint(hashes.SHA256())  # noqa: S303  # the protocol's
    plain = [base64.urlsafe_b64encode(one).decode().rstrip("=") for one in (sha1, sha256)]
    return {*plain, *(f"{one}=" for one in plain), sha1.hex(), sha1.hex().upper()}


def check_certificate(assertion: str, certificate: x509.Certificate, claims: Mapping[str, Any], world: World) -> None:
    options: Any = {"verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False}
    try:
        key: Any = certificate.public_key()
        jwt.decode(assertion, key, algorithms=["RS256", "PS256"], options=options)
    except jwt.PyJWTError:
        text = "Client assertion contains an invalid signature. [Reason - The key used is not valid.]"
        raise EntraError(700027, "invalid_client", text, 401) from None
    audience = str(claims.get("aud") or "").lower()
    if world.tenant_id.lower() not in audience and "/oauth2" not in audience:
        raise EntraError(700023, "invalid_client", "Client assertion audience claim does not match Realm issuer.", 401)
    now = world.clock.timestamp()
    if not claims.get("nbf", now) - 300 <= now < claims.get("exp", 0):
        raise EntraError(700024, "invalid_client", "Client assertion is not within its valid time range.", 401)


def match_credential(mine: list[FederatedCredential], claims: Mapping[str, Any], world: World) -> None:
    """A credential of the client has this issuer, this subject and one of these audiences; case counts."""
    issuer, subject, audience = str(claims.get("iss")), str(claims.get("sub")), claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    same_issuer = [c for c in mine if c.issuer == issuer]
    same_subject = [c for c in same_issuer if c.subject == subject]
    if any(c.audience in audiences for c in same_subject):
        return
    part = "audience" if same_subject else "subject" if same_issuer else "issuer"
    if world.switches.entra_specific_federation_codes:
        shown = {"issuer": issuer, "subject": subject, "audience": ", ".join(map(str, audiences))}[part]
        text = f"No matching federated identity record found for presented assertion {part} '{shown}'."
        raise EntraError(SPECIFIC[part], "invalid_client", text, 401)
    text = (
        "No matching federated identity record found for presented assertion. "
        f"Assertion Issuer: '{issuer}'. Assertion Subject: '{subject}'. "
        f"Assertion Audience: '{', '.join(map(str, audiences))}'."
    )
    raise EntraError(70021, "invalid_request", text)


def check_signature(assertion: str, issuer: str, world: World) -> None:
    options: Any = {"verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False}
    for key in world.entra.issuers.get(issuer, []):
        try:
            jwt.decode(assertion, key, algorithms=["RS256"], options=options)
        except jwt.PyJWTError:
            continue
        return
    raise EntraError(50013, "invalid_grant", "Assertion failed signature validation.")


def refusal(refused: EntraError, world: World) -> HttpAnswer:
    stamp = world.clock.now().strftime("%Y-%m-%d %H:%M:%SZ")
    trace, correlation = world.guid(), world.guid()
    return HttpAnswer.json(
        refused.status,
        {
            "error": refused.error,
            "error_description": f"{refused} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {stamp}",
            "error_codes": [refused.code],
            "timestamp": stamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={refused.code}",
        },
    )
