"""
Entra over HTTP: the token endpoint (client credentials), OpenID metadata and signing keys.

Error shape: `error`, `error_description` (AADSTS code first), `error_codes`, `timestamp`, `trace_id`, `correlation_id`,
`error_uri`, as quoted in threads of Azure/azure-workload-identity.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import jwt

from azuresim.entra.tokens import CLIENT_TOKEN_SECONDS, EntraError, FederatedCredential, unknown_client
from azuresim.wire import HttpAnswer, HttpCall

if TYPE_CHECKING:
    from azuresim.world import World

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SPECIFIC = {"issuer": 700211, "subject": 700213, "audience": 700212}
PATH = re.compile(r"^/(?P<tenant>[0-9a-f-]{36})/(?P<rest>.+?)/?$", re.IGNORECASE)


def is_signin(path: str) -> bool:
    return PATH.match(path) is not None


def signin(call: HttpCall, world: World) -> HttpAnswer:
    """The answer of the authority to one call."""
    match = PATH.match(call.path)
    rest = match["rest"].lower() if match else ""
    try:
        if match is None or match["tenant"].lower() != world.tenant_id.lower():
            raise EntraError(90002, "invalid_request", f"Tenant '{match and match['tenant']}' not found.")
        if rest == "oauth2/v2.0/token" and call.method == "POST":
            return token(call, world)
    except EntraError as refused:
        return refusal(refused, world)
    if rest in ("v2.0/.well-known/openid-configuration", ".well-known/openid-configuration") and call.method == "GET":
        return HttpAnswer.json(200, metadata(call, world, 2 if rest.startswith("v2.0") else 1))
    if rest in ("discovery/v2.0/keys", "discovery/keys") and call.method == "GET":
        return HttpAnswer.json(200, world.entra.jwks())
    return HttpAnswer.text(404, "Not Found")


def metadata(call: HttpCall, world: World, version: int) -> dict[str, Any]:
    """OpenID metadata: the issuer has its real name, the addresses are where the client already is."""
    origin = f"{call.scheme}://{call.header('Host', call.host)}/{world.tenant_id}"
    return {
        "issuer": world.entra.issuer(version),
        "token_endpoint": f"{origin}/oauth2/v2.0/token",
        "authorization_endpoint": f"{origin}/oauth2/v2.0/authorize",
        "jwks_uri": f"{origin}/discovery/v2.0/keys" if version != 1 else f"{origin}/discovery/keys",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "tenant_region_scope": "EU",
        "cloud_instance_name": "microsoftonline.com",
    }


def token(call: HttpCall, world: World) -> HttpAnswer:
    """A token for a client that proved who it is; the audience follows from the scope."""
    form = dict(parse_qsl(call.body.decode(errors="replace"), keep_blank_values=True))
    if form.get("grant_type") != "client_credentials":
        raise EntraError(
            70003, "unsupported_grant_type", f"The app requested an unsupported grant type '{form.get('grant_type')}'."
        )
    client_id = form.get("client_id", "")
    if world.entra.principal(client_id) is None and world.entra.application(client_id) is None:
        raise unknown_client(client_id, world.tenant_id)
    prove(client_id, form, world)
    made = world.entra.token_for_client(client_id, resource_of(form.get("scope", "")))
    body = {"token_type": "Bearer", "expires_in": CLIENT_TOKEN_SECONDS, "ext_expires_in": CLIENT_TOKEN_SECONDS}
    return HttpAnswer.json(200, body | {"access_token": made}, {"Cache-Control": "no-store, no-cache"})


def resource_of(scope: str) -> str:
    """`https://management.azure.com` of `https://management.azure.com/.default`."""
    if not scope.endswith("/.default") or " " in scope:
        raise EntraError(
            1002012,
            "invalid_scope",
            f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value with "
            "/.default suffixed to the resource identifier (application ID URI).",
        )
    return scope.removesuffix("/.default")


def prove(client_id: str, form: Mapping[str, str], world: World) -> None:
    """The client showed a registered secret, or an assertion that one of its federated credentials matches."""
    if "client_assertion" in form:
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise EntraError(50027, "invalid_request", "Invalid JWT token. The client_assertion_type is not supported.")
        prove_by_assertion(client_id, form["client_assertion"], world)
    elif "client_secret" in form:
        known = world.entra.secrets.get(client_id.lower(), set())
        if not any(hmac.compare_digest(secret.encode(), form["client_secret"].encode()) for secret in known):
            text = (
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret "
                f"value, not the client secret ID, for a secret added to app '{client_id}'."
            )
            raise EntraError(7000215, "invalid_client", text, 401)
    else:
        text = "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type."
        raise EntraError(7000216, "invalid_client", text, 401)


def prove_by_assertion(client_id: str, assertion: str, world: World) -> None:
    unchecked: Any = {"verify_signature": False}
    try:
        claims = jwt.decode(assertion, options=unchecked)
    except jwt.PyJWTError:
        raise EntraError(50027, "invalid_request", "Invalid JWT token. The token is malformed.") from None
    mine = [c for c in world.entra.federated if c.client_id.lower() == client_id.lower()]
    match_credential(mine, claims, world)
    check_signature(assertion, str(claims.get("iss")), world)
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
