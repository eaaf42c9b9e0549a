"""
The statements that judge the caller's token: validate-jwt and validate-azure-ad-token, against the simulated Entra.

Sources: learn.microsoft.com/azure/api-management/validate-jwt-policy and validate-azure-ad-token-policy. The texts of
refusals without a message of their own are assumed.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from azuresim.entra.tokens import InvalidToken
from azuresim.gateway.exchange import Broken, Exchange, PolicyFailure
from azuresim.policy.text import Element

Claims = dict[str, Any]
METADATA = re.compile(r"^https://login\.microsoftonline\.com/([^/]+)(/v2\.0)?/\.well-known/openid-configuration$")


async def validate_azure_ad_token(exchange: Exchange, statement: Element) -> None:
    """Tenant, then client, backend and audience lists, then claims; each list that is there must match."""
    claims = verified(exchange, statement, "Authorization")
    entra = exchange.world.entra
    demand(exchange, statement, claims.get("iss") in (entra.issuer(1), entra.issuer(2)), "Invalid issuer.")
    demand(exchange, statement, claims.get("tid") == exchange.attribute(statement, "tenant-id"), "Invalid tenant.")
    listed = {
        "client-application-ids": (values_of(claims.get("appid", claims.get("azp"))), "Invalid client application."),
        "backend-application-ids": ({name.removeprefix("api://") for name in audiences(claims)}, "Invalid audience."),
    }
    for name, (found, message) in listed.items():
        for children in statement.named(name):
            allowed = set(exchange.texts(children, "application-id"))
            demand(exchange, statement, bool(allowed & found), message)
    check_audiences(exchange, statement, claims)
    check_required_claims(exchange, statement, claims)


async def validate_jwt(exchange: Exchange, statement: Element) -> None:
    """Signature, issuer of `openid-config` or of the list, audiences and claims when they are named."""
    issuers = {issuer_of(exchange, config) for config in statement.named("openid-config")}
    for listed in statement.named("issuers"):
        issuers |= set(exchange.texts(listed, "issuer"))
    claims = verified(exchange, statement, "")
    demand(exchange, statement, claims.get("iss") in issuers, "Invalid issuer.")
    check_audiences(exchange, statement, claims)
    check_required_claims(exchange, statement, claims)


def issuer_of(exchange: Exchange, config: Element) -> str:
    """The issuer that the metadata at this address names; only this Entra's addresses can be fetched."""
    url = exchange.attribute(config, "url")
    found = METADATA.match(url)
    entra = exchange.world.entra
    if found is None or found[1].lower() != entra.tenant_id.lower():
        raise Broken(f"validate-jwt: nothing is served at {url}")
    return entra.issuer(2 if found[2] else 1)


def verified(exchange: Exchange, statement: Element, default_header: str) -> Claims:
    token = token_of(exchange, statement, default_header)
    demand(exchange, statement, bool(token), "JWT not present.")
    try:
        return exchange.world.entra.verify(token)
    except InvalidToken as error:
        raise refusal(exchange, statement, "Invalid JWT.") from error


def token_of(exchange: Exchange, statement: Element, default_header: str) -> str:
    if "token-value" in statement.attributes:
        return exchange.attribute(statement, "token-value").removeprefix("Bearer ")
    if "query-parameter-name" in statement.attributes:
        name = exchange.attribute(statement, "query-parameter-name")
        return next((value for key, value in exchange.query if key == name), "")
    sent = exchange.header(exchange.attribute(statement, "header-name", default_header)) or ""
    scheme, _, rest = sent.partition(" ")
    wanted = exchange.attribute(statement, "require-scheme")
    if wanted and scheme.lower() != wanted.lower():
        raise refusal(exchange, statement, "Invalid authentication scheme.")
    return rest.strip() or scheme


def audiences(claims: Claims) -> set[str]:
    return values_of(claims.get("aud"))


def values_of(claim: Any) -> set[str]:
    if claim is None:
        return set()
    return {str(value) for value in claim} if isinstance(claim, list) else {str(claim)}


def check_audiences(exchange: Exchange, statement: Element, claims: Claims) -> None:
    for listed in statement.named("audiences"):
        demand(
            exchange, statement, bool(set(exchange.texts(listed, "audience")) & audiences(claims)), "Invalid audience."
        )


def check_required_claims(exchange: Exchange, statement: Element, claims: Claims) -> None:
    for listed in statement.named("required-claims"):
        for claim in listed.named("claim"):
            message = f"Claim value mismatch: {claim.attributes['name']}."
            demand(exchange, statement, claim_matches(exchange, claim, claims), message)


def claim_matches(exchange: Exchange, claim: Element, claims: Claims) -> bool:
    """`all` (the default): the token has every value; `any`: at least one; no values: the claim is there."""
    name = exchange.attribute(claim, "name")
    found = values_of(claims.get(name))
    if separator := exchange.attribute(claim, "separator"):
        found = {part for value in found for part in value.split(separator)}
    wanted: Collection[str] = exchange.texts(claim, "value")
    if not wanted:
        return name in claims
    matched = [value in found for value in wanted]
    return any(matched) if exchange.attribute(claim, "match", "all") == "any" else all(matched)


def demand(exchange: Exchange, statement: Element, holds: bool, message: str) -> None:
    if not holds:
        raise refusal(exchange, statement, message)


def refusal(exchange: Exchange, statement: Element, message: str) -> PolicyFailure:
    status = exchange.status(statement, "failed-validation-httpcode", "401")
    return PolicyFailure(status, exchange.attribute(statement, "failed-validation-error-message", message))
