"""
Statements that steer the processing, call others, cache or log; and those for language models. Data, no behaviour.

Sources: microsoft/vscode-apimanagement (resources/policySchemas/*.xsd) and the policy reference below
learn.microsoft.com/azure/api-management/api-management-policies, one page per statement (sections, scopes).
"""

from __future__ import annotations

from collections.abc import Mapping

from azuresim.policy.shapes import (
    EVERYWHERE,
    ID,
    INBOUND,
    OUTBOUND,
    TEXT,
    Shape,
    Statement,
    booleans,
    many,
    types,
)
from azuresim.policy.statements_access import ACCESS
from azuresim.policy.statements_message import BOTH_WAYS, NAMED_VALUES_LIST, SET_BODY, SET_METHOD

CACHING_TYPE = ("internal", "external", "prefer-external")
PROXY = Shape(required=("url",), optional=("username", "password", *ID))
REQUEST_PARTS = {
    "set-url": TEXT,
    "set-method": SET_METHOD,
    "set-header": NAMED_VALUES_LIST,
    "set-body": SET_BODY,
    "authentication-certificate": ACCESS["authentication-certificate"].shape,
    "authentication-managed-identity": ACCESS["authentication-managed-identity"].shape,
    "proxy": PROXY,
}
SINGLE_PARTS = tuple(name for name in REQUEST_PARTS if name != "set-header")
FORWARD = Shape(
    optional=(
        "timeout",
        "timeout-ms",
        "continue-timeout",
        "follow-redirects",
        "buffer-request-body",
        "buffer-response",
        "fail-on-error-status-code",
        "http-version",
        *ID,
    ),
    choices={
        "http-version": ("1", "2", "2or1"),
        **booleans("follow-redirects", "buffer-request-body", "buffer-response", "fail-on-error-status-code"),
    },
    types=types("int", "timeout", "timeout-ms", "continue-timeout"),
)
SEND = Shape(
    optional=(
        "mode",
        "response-variable-name",
        "timeout",
        "timeout-ms",
        "ignore-error",
        "buffer-response",
        "fail-on-error-status-code",
        *ID,
    ),
    choices={"mode": ("new", "copy"), **booleans("ignore-error", "buffer-response", "fail-on-error-status-code")},
    types=types("int", "timeout", "timeout-ms"),
    literal=("response-variable-name",),
    children=REQUEST_PARTS,
    single_children=SINGLE_PARTS,
)
ONE_WAY = Shape(
    optional=("mode", "timeout", *ID),
    choices={"mode": ("new", "copy")},
    types=types("int", "timeout"),
    children=REQUEST_PARTS,
    single_children=SINGLE_PARTS,
)
DIMENSION = Shape(required=("name",), optional=("value",))
TOKEN_LIMIT = Shape(
    required=("counter-key", "estimate-prompt-tokens"),
    optional=(
        "tokens-per-minute",
        "token-quota",
        "token-quota-period",
        "prompt-type",
        "retry-after-header-name",
        "retry-after-variable-name",
        "remaining-tokens-header-name",
        "remaining-tokens-variable-name",
        "remaining-quota-tokens-header-name",
        "remaining-quota-tokens-variable-name",
        "tokens-consumed-header-name",
        "tokens-consumed-variable-name",
        "ignore-prompt",
        *ID,
    ),
    choices={
        "token-quota-period": ("Indefinite", "Hourly", "Daily", "Weekly", "Monthly", "Yearly"),
        **booleans("estimate-prompt-tokens", "ignore-prompt"),
    },
    types={**types("int", "tokens-per-minute"), **types("long", "token-quota")},
)
SEMANTIC_LOOKUP = Shape(
    required=("score-threshold", "embeddings-backend-id"),
    optional=("embeddings-backend-auth", "ignore-system-messages", "cache-id", "max-message-count", *ID),
    choices={"embeddings-backend-auth": ("system-assigned", "header")},
    children={"vary-by": TEXT},
)
SEMANTIC_STORE = Shape(required=("duration",), optional=("cache-id", *ID))
TOKEN_METRIC = Shape(optional=("namespace", *ID), children={"dimension": DIMENSION})
CONTENT_SAFETY = Shape(
    required=("backend-id",),
    optional=("shield-prompt", "enforce-on-completions", "window-size", "window-overlap-size", *ID),
    children={
        "categories": Shape(
            optional=("output-type",),
            choices={"output-type": ("FourSeverityLevels", "EightSeverityLevels")},
            children={"category": Shape(required=("name", "threshold"), types=types("int", "threshold"))},
            needed_children=("category",),
        ),
        "blocklists": many("id"),
    },
    single_children=("categories", "blocklists"),
)
CACHE_LOOKUP = Shape(
    required=("vary-by-developer", "vary-by-developer-groups"),
    optional=(
        "downstream-caching-type",
        "must-revalidate",
        "caching-type",
        "allow-private-response-caching",
        *ID,
    ),
    choices={
        "caching-type": CACHING_TYPE,
        "downstream-caching-type": ("none", "private", "public"),
        **booleans(
            "vary-by-developer", "vary-by-developer-groups", "must-revalidate", "allow-private-response-caching"
        ),
    },
    children={"vary-by-header": TEXT, "vary-by-query-parameter": TEXT},
)
DAPR = ("template", "response-variable-name", "timeout", "ignore-error", *ID)

FLOW: Mapping[str, Statement] = {
    "choose": Statement(
        shape=Shape(
            optional=ID,
            children={"when": Shape(required=("condition",), statements=True), "otherwise": Shape(statements=True)},
            needed_children=("when",),
            single_children=("otherwise",),
            ordered=True,
        )
    ),
    "retry": Statement(
        shape=Shape(
            required=("condition", "count", "interval"),
            optional=("delta", "max-interval", "first-fast-retry", *ID),
            choices=booleans("first-fast-retry"),
            types={
                **types("positiveInteger", "count", "delta", "max-interval"),
                **types("nonNegativeInteger", "interval"),
            },
            statements=True,
        )
    ),
    "limit-concurrency": Statement(
        shape=Shape(
            required=("key", "max-count"),
            optional=ID,
            literal=("max-count",),
            types=types("int", "max-count"),
            statements=True,
        )
    ),
    "include-fragment": Statement(
        shape=Shape(required=("fragment-id",), optional=ID, literal=("fragment-id",)), sections=EVERYWHERE
    ),
    "wait": Statement(
        shape=Shape(optional=("for", *ID), choices={"for": ("all", "any")}, statements=True),
        sections=frozenset({"inbound", "backend", "outbound"}),
    ),
    "forward-request": Statement(shape=FORWARD, sections=frozenset({"backend"})),
    "send-request": Statement(shape=SEND),
    "send-one-way-request": Statement(shape=ONE_WAY),
    "send-service-bus-message": Statement(
        shape=Shape(
            optional=("queue-name", "topic-name", "namespace", "client-id", *ID),
            children={
                "message-properties": many("message-property", Shape(required=("name",), text=True)),
                "payload": TEXT,
            },
        ),
        sections=BOTH_WAYS,
    ),
    "set-backend-service": Statement(
        shape=Shape(
            optional=(
                "base-url",
                "backend-id",
                "sf-partition-key",
                "sf-replica-type",
                "sf-resolve-condition",
                "sf-service-instance-name",
                "sf-listener-name",
                "dapr-app-id",
                "dapr-method",
                "dapr-namespace",
                *ID,
            ),
            choices={"sf-replica-type": ("primary", "secondary"), **booleans("sf-resolve-condition")},
        ),
        sections=frozenset({"inbound", "backend"}),
    ),
    "proxy": Statement(shape=PROXY, sections=INBOUND),
    "cache-lookup": Statement(shape=CACHE_LOOKUP, sections=INBOUND),
    "cache-store": Statement(
        shape=Shape(
            required=("duration",),
            optional=("cache-response", "caching-mode", *ID),
            choices=booleans("cache-response"),
            types=types("int", "duration"),
        ),
        sections=OUTBOUND,
    ),
    "cache-lookup-value": Statement(
        shape=Shape(
            required=("key", "variable-name"),
            optional=("default-value", "caching-type", *ID),
            choices={"caching-type": CACHING_TYPE},
            literal=("variable-name",),
        )
    ),
    "cache-store-value": Statement(
        shape=Shape(
            required=("key", "value", "duration"),
            optional=("caching-type", *ID),
            choices={"caching-type": CACHING_TYPE},
            types=types("int", "duration"),
        )
    ),
    "cache-remove-value": Statement(
        shape=Shape(required=("key",), optional=("caching-type", *ID), choices={"caching-type": CACHING_TYPE})
    ),
    "trace": Statement(
        shape=Shape(
            required=("source",),
            optional=("severity", *ID),
            choices={"severity": ("verbose", "information", "error")},
            children={"message": TEXT, "metadata": Shape(required=("name", "value"))},
            single_children=("message",),
            text=True,
        )
    ),
    "emit-metric": Statement(
        shape=Shape(
            required=("name",),
            optional=("namespace", "value", "default-dimensions", *ID),
            choices=booleans("default-dimensions"),
            children={"dimension": DIMENSION},
        )
    ),
    "log-to-eventhub": Statement(
        shape=Shape(
            required=("logger-id",),
            optional=("partition-key", "partition-id", *ID),
            text=True,
        )
    ),
    "invoke-dapr-binding": Statement(
        shape=Shape(
            required=("name",),
            optional=("operation", *DAPR),
            choices={"template": ("liquid",), **booleans("ignore-error")},
            types=types("int", "timeout"),
            free=True,
        ),
        sections=BOTH_WAYS,
    ),
    "publish-to-dapr": Statement(
        shape=Shape(
            required=("topic",),
            optional=("pubsub-name", "content-type", *DAPR),
            choices={"template": ("liquid",), "content-type": ("application/json",), **booleans("ignore-error")},
            types=types("int", "timeout"),
            text=True,
            free=True,
        ),
        sections=BOTH_WAYS,
    ),
    **{
        f"{family}-{name}": Statement(shape=shape, sections=sections)
        for family in ("azure-openai", "llm")
        for name, shape, sections in (
            ("token-limit", TOKEN_LIMIT, INBOUND),
            ("emit-token-metric", TOKEN_METRIC, INBOUND),
            ("semantic-cache-lookup", SEMANTIC_LOOKUP, INBOUND),
            ("semantic-cache-store", SEMANTIC_STORE, OUTBOUND),
        )
    },
    "llm-content-safety": Statement(shape=CONTENT_SAFETY, sections=INBOUND),
}
