"""
Statements that decide who may call, how often, and as whom the gateway speaks to the backend. Data, no behaviour.

Sources: microsoft/vscode-apimanagement (resources/policySchemas/*.xsd) and the policy reference below
learn.microsoft.com/azure/api-management/api-management-policies, one page per statement (sections, scopes).
"""

from __future__ import annotations

from collections.abc import Mapping

from azuresim.policy.shapes import BOOLEAN, EMPTY, ID, INBOUND, TEXT, Shape, Statement, booleans, many, types

REQUIRED_CLAIMS = many(
    "claim",
    Shape(
        required=("name",),
        optional=("match", "separator"),
        choices={"match": ("all", "any")},
        children={"value": TEXT},
    ),
    needed=False,
)
TOKEN_PLACES = ("header-name", "query-parameter-name", "token-value")
TOKEN_SOURCE = (
    *TOKEN_PLACES,
    "failed-validation-httpcode",
    "failed-validation-error-message",
    "require-scheme",
    "output-token-variable-name",
    *ID,
)
SIGNING_KEY = Shape(optional=("id", "certificate-id", "n", "e"), text=True)
DECRYPTION_KEYS = many("key", Shape(optional=("id", "certificate-id"), text=True))

VALIDATE_JWT = Shape(
    optional=(*TOKEN_SOURCE, "require-expiration-time", "require-signed-tokens", "clock-skew"),
    choices=booleans("require-expiration-time", "require-signed-tokens"),
    types=types("integer", "failed-validation-httpcode", "clock-skew"),
    literal=("id", "output-token-variable-name"),
    children={
        "openid-config": Shape(required=("url",), optional=("host",)),
        "issuer-signing-tokens": many("token", needed=False),
        "issuer-signing-keys": Shape(children={"key": SIGNING_KEY, "zumo-master-key": Shape(optional=ID, text=True)}),
        "decryption-keys": DECRYPTION_KEYS,
        "audiences": many("audience", needed=False),
        "issuers": many("issuer", needed=False),
        "required-claims": REQUIRED_CLAIMS,
    },
    single_children=(
        "issuer-signing-tokens",
        "issuer-signing-keys",
        "decryption-keys",
        "audiences",
        "issuers",
        "required-claims",
    ),
    ordered=True,
)
VALIDATE_AZURE_AD_TOKEN = Shape(
    required=("tenant-id",),
    optional=(
        *TOKEN_SOURCE,
        "authentication-endpoint",
        "allow-proof-of-possession-tokens",
        "allow-protected-forwarded-tokens",
    ),
    choices=booleans("allow-proof-of-possession-tokens", "allow-protected-forwarded-tokens"),
    types=types("integer", "failed-validation-httpcode"),
    literal=("id", "output-token-variable-name"),
    children={
        "client-application-ids": many("application-id"),
        "backend-application-ids": many("application-id"),
        "audiences": many("audience"),
        "required-claims": REQUIRED_CLAIMS,
        "decryption-keys": many("key", Shape(required=("certificate-id",), optional=ID)),
    },
    single_children=(
        "client-application-ids",
        "backend-application-ids",
        "audiences",
        "required-claims",
        "decryption-keys",
    ),
)

HEADER_NAMES = (
    "retry-after-header-name",
    "retry-after-variable-name",
    "remaining-calls-header-name",
    "remaining-calls-variable-name",
    "total-calls-header-name",
)
RATE = types("int", "calls", "renewal-period")
RATE_OPERATION = Shape(optional=("id", "name", "calls", "renewal-period", *HEADER_NAMES), types=RATE)
RATE_API = Shape(
    optional=("id", "name", "calls", "renewal-period", *HEADER_NAMES),
    types=RATE,
    children={"operation": RATE_OPERATION},
)
RATE_LIMIT = Shape(
    required=("calls", "renewal-period"),
    optional=(*HEADER_NAMES, *ID),
    types=RATE,
    literal=("calls", "renewal-period", *HEADER_NAMES),
    children={"api": RATE_API, "operation": RATE_OPERATION},
    ordered=True,
)
VOLUME = {**types("int", "calls"), **types("long", "bandwidth"), **types("int", "renewal-period")}
QUOTA_OPERATION = Shape(optional=("id", "name", "calls", "bandwidth", "renewal-period"), types=VOLUME)
QUOTA_API = Shape(
    optional=("id", "name", "calls", "bandwidth", "renewal-period"),
    types=VOLUME,
    children={"operation": QUOTA_OPERATION},
)
PRODUCT_AND_BELOW = frozenset({"product", "api", "operation", "fragment"})

ACCESS: Mapping[str, Statement] = {
    "authentication-basic": Statement(shape=Shape(required=("username", "password"), optional=ID), sections=INBOUND),
    "authentication-certificate": Statement(
        shape=Shape(optional=("thumbprint", "certificate-id", "body", "password", *ID)), sections=INBOUND
    ),
    "authentication-managed-identity": Statement(
        shape=Shape(
            required=("resource",),
            optional=("client-id", "output-token-variable-name", "ignore-error", "authentication-provider", *ID),
            choices={**booleans("ignore-error"), "authentication-provider": ("ManagedIdentity", "WorkloadIdentity")},
            literal=("client-id", "output-token-variable-name", "id"),
        ),
        sections=INBOUND,
    ),
    "check-header": Statement(
        shape=Shape(
            required=("name", "failed-check-httpcode", "failed-check-error-message", "ignore-case"),
            optional=ID,
            choices={"ignore-case": (*BOOLEAN, "True", "False")},
            children={"value": TEXT},
        ),
        sections=INBOUND,
    ),
    "ip-filter": Statement(
        shape=Shape(
            optional=("action", *ID),
            choices={"action": ("allow", "forbid")},
            children={"address": TEXT, "address-range": Shape(required=("from", "to"))},
        ),
        sections=INBOUND,
    ),
    "validate-azure-ad-token": Statement(shape=VALIDATE_AZURE_AD_TOKEN, sections=INBOUND),
    "validate-jwt": Statement(shape=VALIDATE_JWT, sections=INBOUND),
    "validate-client-certificate": Statement(
        shape=Shape(
            optional=(
                "validate-revocation",
                "validate-trust",
                "validate-not-before",
                "validate-not-after",
                "ignore-error",
                *ID,
            ),
            choices=booleans(
                "validate-revocation", "validate-trust", "validate-not-before", "validate-not-after", "ignore-error"
            ),
            children={
                "identities": many(
                    "identity",
                    Shape(
                        optional=(
                            "thumbprint",
                            "serial-number",
                            "common-name",
                            "subject",
                            "dns-name",
                            "issuer-subject",
                            "issuer-thumbprint",
                            "issuer-certificate-id",
                        ),
                        text=True,
                    ),
                )
            },
            single_children=("identities",),
        ),
        sections=INBOUND,
    ),
    "get-authorization-context": Statement(
        shape=Shape(
            required=("provider-id", "authorization-id", "context-variable-name"),
            optional=("identity-type", "identity", "ignore-error", *ID),
            choices=booleans("ignore-error"),
        ),
        sections=INBOUND,
    ),
    "rate-limit": Statement(shape=RATE_LIMIT, sections=INBOUND, scopes=PRODUCT_AND_BELOW, once=True),
    "rate-limit-by-key": Statement(
        shape=Shape(
            required=("calls", "renewal-period", "counter-key"),
            optional=(
                "increment-condition",
                "increment-count",
                "increment-after-response",
                "flexible-retry-window",
                *HEADER_NAMES,
                *ID,
            ),
            choices=booleans("increment-after-response", "flexible-retry-window"),
            types=RATE,
        ),
        sections=INBOUND,
    ),
    "quota": Statement(
        shape=Shape(
            optional=("calls", "bandwidth", "renewal-period", *ID),
            types=VOLUME,
            literal=("calls", "bandwidth", "renewal-period"),
            children={"api": QUOTA_API},
        ),
        sections=INBOUND,
        scopes=frozenset({"product", "fragment"}),
        once=True,
    ),
    "quota-by-key": Statement(
        shape=Shape(
            required=("counter-key",),
            optional=(
                "calls",
                "bandwidth",
                "renewal-period",
                "first-period-start",
                "increment-condition",
                "increment-count",
                *ID,
            ),
            types=VOLUME,
        ),
        sections=INBOUND,
    ),
    "cors": Statement(
        shape=Shape(
            optional=("allow-credentials", "terminate-unmatched-request", *ID),
            choices=booleans("allow-credentials", "terminate-unmatched-request"),
            children={
                "allowed-origins": many("origin"),
                "allowed-methods": Shape(
                    optional=("preflight-result-max-age",),
                    types=types("unsignedInt", "preflight-result-max-age"),
                    children={"method": TEXT},
                    needed_children=("method",),
                ),
                "allowed-headers": many("header"),
                "expose-headers": many("header"),
            },
            needed_children=("allowed-origins",),
            single_children=("allowed-origins", "allowed-methods", "allowed-headers", "expose-headers"),
        ),
        sections=INBOUND,
    ),
    "cross-domain": Statement(
        shape=Shape(
            optional=ID,
            children={
                "cross-domain-policy": Shape(
                    children={
                        "site-control": Shape(required=("permitted-cross-domain-policies",)),
                        "allow-access-from": Shape(required=("domain",), optional=("secure",)),
                        "allow-http-request-headers-from": Shape(required=("domain", "headers"), optional=("secure",)),
                    },
                    single_children=("site-control",),
                    ordered=True,
                )
            },
            single_children=("cross-domain-policy",),
        ),
        sections=INBOUND,
        scopes=frozenset({"global"}),
    ),
}
BASE = EMPTY
