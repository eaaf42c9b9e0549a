"""
The statements that judge the caller's token: validate-jwt and validate-azure-ad-token.

Keys are those that the simulated Entra publishes (`openid-config`), or are in the statement: base64 of a symmetric key,
or modulus and exponent. Sources: learn.microsoft.com/azure/api-management/validate-jwt-policy,
validate-azure-ad-token-policy and api-management-error-handling-policies (reasons). The texts of refusals without a
message of their own are assumed, but for `JWT not present.`
"""

from __future__ import annotations

import base64
import binascii
import functools
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt

from azuresim.gateway.exchange import Exchange
from azuresim.gateway.failures import Broken, NotRun, PolicyFailure
from azuresim.gateway.pipeline import Handler, Run, Step
from azuresim.policy.csharp.credentials import jwt_of
from azuresim.policy.text import Element

Claims = dict[str, Any]
METADATA = re.compile(
    r"^https://(?:login\.microsoftonline\.com|login\.windows\.net|sts\.windows\.net)/([^/]+)(/v2\.0)?"
    r"/\.well-known/openid-configuration/?$"
)
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "HS256", "HS384", "HS512")
ANY_TENANT = ("common", "organizations")
ENTRA_SKEW = 300
NO_CHECKS = {f"verify_{name}": False for name in ("aud", "exp", "nbf", "iat", "iss", "sub", "jti")}


@dataclass(frozen=True)
class Key:
    """A key that may have signed the token; `id` is empty when the statement gives it none."""

    id: str
    key: Any
    symmetric: bool = False


def validate_azure_ad_token(run: Run, step: Step) -> None:
    """Tenant, then client, backend and audience lists, then claims; each list that is there must match."""
    exchange, statement = run.exchange, step.element
    entra = exchange.world.entra
    token = token_of(exchange, statement, "Authorization")
    claims = verified(exchange, statement, token, list(published(exchange)), skew=ENTRA_SKEW)
    issuers = (entra.issuer(1), entra.issuer(2))
    demand(exchange, statement, claims.get("iss") in issuers, "TokenIssuerNotAllowed", "Invalid issuer.")
    tenant = exchange.attribute(statement, "tenant-id").lower()
    fits = tenant in ANY_TENANT or str(claims.get("tid", "")).lower() == tenant
    demand(exchange, statement, fits, "TokenIssuerNotAllowed", "Invalid tenant.")
    check_applications(exchange, statement, claims)
    check_audiences(exchange, statement, claims)
    check_required_claims(exchange, statement, claims)
    keep_token(exchange, statement, token)


def check_applications(exchange: Exchange, statement: Element, claims: Claims) -> None:
    clients = values_of(claims.get("appid", claims.get("azp")))
    backends = {name.removeprefix("api://") for name in values_of(claims.get("aud"))}
    for name, found, reason, message in (
        ("client-application-ids", clients, "TokenClaimValueNotAllowed", "Invalid client application."),
        ("backend-application-ids", backends, "TokenAudienceNotAllowed", "Invalid audience."),
    ):
        for children in statement.named(name):
            allowed = {text.strip() for text in exchange.texts(children, "application-id")}
            demand(exchange, statement, bool(allowed & found), reason, message)


def validate_jwt(run: Run, step: Step) -> None:
    """Signature, lifetime, issuer of `openid-config` or of the list, audiences and claims when they are named."""
    exchange, statement = run.exchange, step.element
    token = token_of(exchange, statement, "")
    issuers = {issuer_of(exchange, config) for config in statement.named("openid-config")}
    for listed in statement.named("issuers"):
        issuers |= set(exchange.texts(listed, "issuer"))
    skew = exchange.number(statement, "clock-skew", "0")
    claims = verified(exchange, statement, token, keys_of(exchange, statement), skew=skew)
    fits = not issuers or claims.get("iss") in issuers
    demand(exchange, statement, fits, "TokenIssuerNotAllowed", "Invalid issuer.")
    check_audiences(exchange, statement, claims)
    check_required_claims(exchange, statement, claims)
    keep_token(exchange, statement, token)


def keep_token(exchange: Exchange, statement: Element, token: str) -> None:
    if variable := statement.attributes.get("output-token-variable-name"):
        exchange.variables[variable] = jwt_of(token)


# --- keys -------------------------------------------------------------------------------------------------------------
def issuer_of(exchange: Exchange, config: Element) -> str:
    """The issuer that the metadata at this address names; only this Entra's addresses can be fetched."""
    url = exchange.attribute(config, "url")
    found = METADATA.match(url)
    entra = exchange.world.entra
    if found is None or found[1].lower() not in (entra.tenant_id.lower(), *ANY_TENANT):
        raise Broken(f"validate-jwt: nothing is served at {url}", "OpenIdConfigurationFailure")
    return entra.issuer(2 if found[2] else 1)


def keys_of(exchange: Exchange, statement: Element) -> Sequence[Key]:
    """All keys that the statement trusts."""
    if statement.named("issuer-signing-tokens"):
        raise NotRun("validate-jwt with issuer-signing-tokens")
    keys = list(published(exchange)) if statement.named("openid-config") else []
    for listed in statement.named("issuer-signing-keys"):
        keys += [key_of(exchange, part) for part in listed.elements()]
    return keys


def published(exchange: Exchange) -> Iterator[Key]:
    for key in exchange.world.entra.jwks()["keys"]:
        yield Key(str(key.get("kid", "")), rsa_key(str(key["n"]), str(key["e"])))


@functools.lru_cache(maxsize=64)
def rsa_key(modulus: str, exponent: str) -> Any:
    return jwt.PyJWK.from_dict({"kty": "RSA", "n": modulus, "e": exponent, "alg": "RS256"}).key


def key_of(exchange: Exchange, part: Element) -> Key:
    if part.name != "key" or "certificate-id" in part.attributes:
        raise NotRun(f"validate-jwt with {'a certificate' if part.name == 'key' else part.name}")
    name = exchange.attribute(part, "id")
    try:
        if "n" in part.attributes:
            return Key(name, rsa_key(exchange.attribute(part, "n"), exchange.attribute(part, "e", "AQAB")))
        return Key(name, base64.b64decode(exchange.text(part.text).strip(), validate=True), symmetric=True)
    except (ValueError, binascii.Error, jwt.PyJWTError) as error:
        raise Broken(f"validate-jwt: a signing key cannot be read: {error}") from error


# --- the token --------------------------------------------------------------------------------------------------------
def token_of(exchange: Exchange, statement: Element, default_header: str) -> str:
    """The token that is where the statement looks for it."""
    if "token-value" in statement.attributes:
        token = exchange.attribute(statement, "token-value").removeprefix("Bearer ").strip()
    elif "query-parameter-name" in statement.attributes:
        name = exchange.attribute(statement, "query-parameter-name")
        token = next((value for key, value in exchange.query if key == name), "")
    else:
        token = header_token(exchange, statement, default_header)
    demand(exchange, statement, bool(token), "TokenNotPresent", "JWT not present.")
    return token


def header_token(exchange: Exchange, statement: Element, default_header: str) -> str:
    sent = exchange.header(exchange.attribute(statement, "header-name", default_header)) or ""
    scheme, _, rest = sent.partition(" ")
    wanted = exchange.attribute(statement, "require-scheme")
    fits = not wanted or not sent or scheme.lower() == wanted.lower()
    demand(exchange, statement, fits, "JwtInvalid", "Invalid authentication scheme.")
    return rest.strip() or scheme


def verified(exchange: Exchange, statement: Element, token: str, keys: Sequence[Key], *, skew: int) -> Claims:
    """The claims of a token that one of the keys signed and that is in its time."""
    if token.count(".") == 4:
        raise NotRun(f"{statement.name} of an encrypted token")
    claims = signed_claims(exchange, statement, token, keys)
    now = exchange.world.clock.timestamp()
    expires, begins = claims.get("exp"), claims.get("nbf", 0)
    timeless = expires is None and not exchange.flag(statement, "require-expiration-time", default=True)
    numbers = isinstance(expires, int | float) or timeless
    demand(exchange, statement, numbers and isinstance(begins, int | float), "JwtInvalid", "Invalid JWT.")
    alive = timeless or now < (expires or 0) + (skew if statement.name == "validate-jwt" else 0)
    demand(exchange, statement, alive, "TokenExpired", "Invalid JWT.")
    demand(exchange, statement, now + skew >= begins, "JwtInvalid", "Invalid JWT.")
    return claims


def signed_claims(exchange: Exchange, statement: Element, token: str, keys: Sequence[Key]) -> Claims:
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError as error:
        raise refusal(exchange, statement, "JwtInvalid", "Invalid JWT.") from error
    if header.get("alg") == "none" and not exchange.flag(statement, "require-signed-tokens", default=True):
        return decoded(exchange, statement, token, None, ("none",))
    kid, algorithm = header.get("kid"), str(header.get("alg"))
    fitting = [
        key
        for key in keys
        if key.symmetric == algorithm.startswith("HS") and (not key.id or kid is None or key.id == kid)
    ]
    demand(exchange, statement, bool(fitting), "TokenSignatureKeyNotFound", "Invalid JWT.")
    for key in fitting[:-1]:
        try:
            return decoded(exchange, statement, token, key.key, ALGORITHMS)
        except PolicyFailure:
            continue
    return decoded(exchange, statement, token, fitting[-1].key, ALGORITHMS)


def decoded(exchange: Exchange, statement: Element, token: str, key: Any, algorithms: Sequence[str]) -> Claims:
    options: Any = {**NO_CHECKS, "verify_signature": key is not None}
    try:
        claims: Claims = jwt.decode(token, key, algorithms=list(algorithms), options=options)
    except jwt.PyJWTError as error:
        raise refusal(exchange, statement, "TokenSignatureInvalid", "Invalid JWT.") from error
    return claims


# --- its claims -------------------------------------------------------------------------------------------------------
def values_of(claim: Any) -> set[str]:
    if claim is None:
        return set()
    return {shown(value) for value in claim} if isinstance(claim, list) else {shown(claim)}


def shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def check_audiences(exchange: Exchange, statement: Element, claims: Claims) -> None:
    for listed in statement.named("audiences"):
        allowed = {text.strip() for text in exchange.texts(listed, "audience")}
        fits = not allowed or bool(allowed & values_of(claims.get("aud")))
        demand(exchange, statement, fits, "TokenAudienceNotAllowed", "Invalid audience.")


def check_required_claims(exchange: Exchange, statement: Element, claims: Claims) -> None:
    for listed in statement.named("required-claims"):
        for claim in listed.named("claim"):
            name = exchange.attribute(claim, "name")
            error = f"JWT token is missing the following claims: {name}. Access denied."
            message = f"Claim value mismatch: {name}."
            demand(exchange, statement, name in claims, "TokenClaimNotFound", message, error)
            error = f"Claim {name} value of {claims.get(name)} is not allowed. Access denied."
            fits = claim_matches(exchange, claim, claims)
            demand(exchange, statement, fits, "TokenClaimValueNotAllowed", message, error)


def claim_matches(exchange: Exchange, claim: Element, claims: Claims) -> bool:
    """`all` (the default): the token has every value; `any`: at least one; no values: the claim is there."""
    found = values_of(claims.get(exchange.attribute(claim, "name")))
    if separator := exchange.attribute(claim, "separator"):
        found = {part for value in found for part in value.split(separator)}
    wanted: Collection[str] = exchange.texts(claim, "value")
    if not wanted:
        return True
    matched = [value in found for value in wanted]
    return any(matched) if exchange.attribute(claim, "match", "all") == "any" else all(matched)


def demand(exchange: Exchange, statement: Element, holds: bool, reason: str, message: str, error: str = "") -> None:
    if not holds:
        raise refusal(exchange, statement, reason, message, error)


def refusal(exchange: Exchange, statement: Element, reason: str, message: str, error: str = "") -> PolicyFailure:
    status = exchange.status(statement, "failed-validation-httpcode", "401")
    told = exchange.attribute(statement, "failed-validation-error-message", message)
    return PolicyFailure(status, told, reason=reason, error=error or message)


HANDLERS: Mapping[str, Handler] = {
    "validate-azure-ad-token": validate_azure_ad_token,
    "validate-jwt": validate_jwt,
}
