"""
What policy statements look like: where each may stand, its attributes, its children. Data, no behaviour.

Simulated statements are described in full; every other statement that Azure knows is named, so that a document using
it is refused as "not simulated" instead of being accepted and then not run.
Sources: microsoft/vscode-apimanagement (resources/policySchemas/*.xsd) and the policy reference below
learn.microsoft.com/azure/api-management/api-management-policies, one page per statement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SECTIONS = ("inbound", "backend", "outbound", "on-error")
EVERYWHERE = frozenset(SECTIONS)
INBOUND = frozenset({"inbound"})
BOOLEAN = ("true", "false")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What an element may hold. `statements` says that other statements may stand inside it."""

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    literal: tuple[str, ...] = ()
    children: Mapping[str, Shape] = field(default_factory=dict)
    needed_children: tuple[str, ...] = ()
    single_children: tuple[str, ...] = ()
    ordered: bool = False
    text: bool = False
    statements: bool = False

    @property
    def attributes(self) -> frozenset[str]:
        return frozenset((*self.required, *self.optional))


TEXT = Shape(text=True)
EMPTY = Shape()
EXISTS_ACTION = ("override", "append", "skip", "delete")


def many(name: str, of: Shape = TEXT) -> Shape:
    return Shape(children={name: of}, needed_children=(name,))


NAMED_VALUES_LIST = Shape(
    required=("name",),
    optional=("exists-action", "id"),
    choices={"exists-action": EXISTS_ACTION},
    children={"value": TEXT},
)
SET_STATUS = Shape(required=("code", "reason"), optional=("id",))
SET_BODY = Shape(optional=("id",), text=True)
REQUIRED_CLAIMS = many(
    "claim",
    Shape(
        required=("name",), optional=("match", "separator"), choices={"match": ("all", "any")}, children={"value": TEXT}
    ),
)
TOKEN_SOURCE = (
    "header-name",
    "query-parameter-name",
    "token-value",
    "failed-validation-httpcode",
    "failed-validation-error-message",
    "require-scheme",
    "id",
)

BASE = EMPTY
SHAPES: Mapping[str, Shape] = {
    "authentication-managed-identity": Shape(
        required=("resource",),
        optional=("client-id", "output-token-variable-name", "ignore-error", "id"),
        choices={"ignore-error": BOOLEAN},
        literal=("client-id", "output-token-variable-name", "id"),
    ),
    "set-header": NAMED_VALUES_LIST,
    "set-query-parameter": NAMED_VALUES_LIST,
    "set-backend-service": Shape(optional=("base-url", "backend-id", "id")),
    "set-variable": Shape(required=("name", "value"), optional=("id",), literal=("name",)),
    "rewrite-uri": Shape(
        required=("template",), optional=("copy-unmatched-params", "id"), choices={"copy-unmatched-params": BOOLEAN}
    ),
    "check-header": Shape(
        required=("name", "failed-check-httpcode", "failed-check-error-message", "ignore-case"),
        optional=("id",),
        choices={"ignore-case": (*BOOLEAN, "True", "False")},
        children={"value": TEXT},
    ),
    "return-response": Shape(
        optional=("id",),
        children={"set-status": SET_STATUS, "set-header": NAMED_VALUES_LIST, "set-body": SET_BODY},
        single_children=("set-status", "set-body"),
    ),
    "choose": Shape(
        optional=("id",),
        children={"when": Shape(required=("condition",), statements=True), "otherwise": Shape(statements=True)},
        needed_children=("when",),
        single_children=("otherwise",),
        ordered=True,
    ),
    "validate-azure-ad-token": Shape(
        required=("tenant-id",),
        optional=TOKEN_SOURCE,
        literal=("id",),
        children={
            "client-application-ids": many("application-id"),
            "backend-application-ids": many("application-id"),
            "audiences": many("audience"),
            "required-claims": REQUIRED_CLAIMS,
        },
        single_children=("client-application-ids", "backend-application-ids", "audiences", "required-claims"),
    ),
    "validate-jwt": Shape(
        optional=(*TOKEN_SOURCE, "require-expiration-time", "require-signed-tokens"),
        choices={"require-expiration-time": ("true",), "require-signed-tokens": ("true",)},
        literal=("id",),
        children={
            "openid-config": Shape(required=("url",)),
            "audiences": many("audience"),
            "issuers": many("issuer"),
            "required-claims": REQUIRED_CLAIMS,
        },
        single_children=("audiences", "issuers", "required-claims"),
        needed_children=("openid-config",),
        ordered=True,
    ),
    "forward-request": Shape(
        optional=("timeout", "follow-redirects", "buffer-request-body", "buffer-response", "id"),
        choices={"follow-redirects": ("false",), "buffer-request-body": BOOLEAN, "buffer-response": BOOLEAN},
    ),
}

WHERE: Mapping[str, frozenset[str]] = {
    "authentication-managed-identity": INBOUND,
    "set-header": EVERYWHERE,
    "set-query-parameter": frozenset({"inbound", "backend"}),
    "set-backend-service": frozenset({"inbound", "backend"}),
    "set-variable": EVERYWHERE,
    "rewrite-uri": INBOUND,
    "check-header": INBOUND,
    "return-response": EVERYWHERE,
    "choose": EVERYWHERE,
    "validate-azure-ad-token": INBOUND,
    "validate-jwt": INBOUND,
    "forward-request": frozenset({"backend"}),
}

TOKEN_PLACES = ("header-name", "query-parameter-name", "token-value")

NOT_SIMULATED_CHILDREN: Mapping[str, tuple[str, ...]] = {
    "validate-jwt": ("issuer-signing-tokens", "issuer-signing-keys", "decryption-keys"),
    "validate-azure-ad-token": ("decryption-keys",),
}
NOT_SIMULATED_ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "authentication-managed-identity": ("authentication-provider",),
    "set-backend-service": (
        "sf-resolve-condition",
        "sf-service-instance-name",
        "sf-partition-key",
        "sf-listener-name",
        "dapr-app-id",
        "dapr-method",
        "dapr-namespace",
    ),
    "validate-jwt": ("output-token-variable-name", "clock-skew"),
    "validate-azure-ad-token": (
        "output-token-variable-name",
        "authentication-endpoint",
        "allow-proof-of-possession-tokens",
        "allow-protected-forwarded-tokens",
    ),
    "return-response": ("response-variable-name",),
    "set-body": ("template", "xsi-nil", "parse-date"),
    "forward-request": ("http-version", "fail-on-error-status-code", "timeout-ms", "continue-timeout"),
}
NOT_SIMULATED = frozenset(
    [
        "authentication-basic",
        "authentication-certificate",
        "azure-openai-emit-token-metric",
        "azure-openai-semantic-cache-lookup",
        "azure-openai-semantic-cache-store",
        "azure-openai-token-limit",
        "cache-lookup",
        "cache-lookup-value",
        "cache-remove-value",
        "cache-store",
        "cache-store-value",
        "cors",
        "cross-domain",
        "emit-metric",
        "find-and-replace",
        "get-authorization-context",
        "include-fragment",
        "invoke-dapr-binding",
        "ip-filter",
        "json-to-xml",
        "jsonp",
        "limit-concurrency",
        "llm-content-safety",
        "llm-emit-token-metric",
        "llm-semantic-cache-lookup",
        "llm-semantic-cache-store",
        "llm-token-limit",
        "log-to-eventhub",
        "mock-response",
        "proxy",
        "publish-to-dapr",
        "quota",
        "quota-by-key",
        "rate-limit",
        "rate-limit-by-key",
        "redirect-content-urls",
        "retry",
        "send-one-way-request",
        "send-request",
        "send-service-bus-message",
        "set-body",
        "set-method",
        "set-status",
        "trace",
        "validate-client-certificate",
        "validate-content",
        "validate-graphql-request",
        "validate-headers",
        "validate-odata-request",
        "validate-parameters",
        "validate-status-code",
        "wait",
        "xml-to-json",
        "xsl-transform",
    ]
)
