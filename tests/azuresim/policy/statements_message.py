"""
Statements that change, make, convert or check a message. Data, no behaviour.

Sources: microsoft/vscode-apimanagement (resources/policySchemas/*.xsd) and the policy reference below
learn.microsoft.com/azure/api-management/api-management-policies, one page per statement.
"""

from __future__ import annotations

from collections.abc import Mapping

from azuresim.policy.shapes import (
    EVERYWHERE,
    ID,
    INBOUND,
    OUTBOUND,
    Shape,
    Statement,
    booleans,
    types,
)

BOTH_WAYS = frozenset({"inbound", "outbound", "on-error"})
ANSWERS = frozenset({"outbound", "on-error"})
ACTIONS = ("ignore", "detect", "prevent")
EXISTS_ACTION = ("override", "append", "skip", "delete")

NAMED_VALUES_LIST = Shape(
    required=("name",),
    optional=("exists-action", *ID),
    choices={"exists-action": EXISTS_ACTION},
    children={"value": Shape(text=True)},
)
SET_STATUS = Shape(required=("code",), optional=("reason", *ID))
SET_METHOD = Shape(optional=ID, text=True)
SET_BODY = Shape(
    optional=("template", "xsi-nil", "parse-date", "html-decode-expression", *ID),
    choices={
        "template": ("none", "liquid"),
        "xsi-nil": ("blank", "null"),
        **booleans("parse-date", "html-decode-expression"),
    },
    text=True,
    free=True,
)
PARAMETER = Shape(required=("name", "action"), choices={"action": ACTIONS})
PARAMETERS = Shape(
    required=("specified-parameter-action", "unspecified-parameter-action"),
    choices={"specified-parameter-action": ACTIONS, "unspecified-parameter-action": ACTIONS},
    children={"parameter": PARAMETER},
)
CONTENT = Shape(
    required=("validate-as", "action"),
    optional=("type", "schema-id", "schema-ref", "allow-additional-properties", "case-insensitive-property-names"),
    choices={
        "validate-as": ("json", "xml", "soap"),
        "action": ACTIONS,
        **booleans("allow-additional-properties", "case-insensitive-property-names"),
    },
)
CONTENT_TYPES = Shape(
    optional=("any-content-type-value", "missing-content-type-value"),
    children={"type": Shape(required=("to",), optional=("from", "when"))},
)

MESSAGE: Mapping[str, Statement] = {
    "set-header": Statement(shape=NAMED_VALUES_LIST),
    "set-query-parameter": Statement(shape=NAMED_VALUES_LIST, sections=frozenset({"inbound", "backend"})),
    "set-status": Statement(shape=SET_STATUS, sections=frozenset({"backend", "outbound", "on-error"})),
    "set-method": Statement(shape=SET_METHOD, sections=frozenset({"inbound", "backend", "on-error"})),
    "set-body": Statement(shape=SET_BODY),
    "rewrite-uri": Statement(
        shape=Shape(
            required=("template",),
            optional=("copy-unmatched-params", *ID),
            choices=booleans("copy-unmatched-params"),
        ),
        sections=INBOUND,
    ),
    "find-and-replace": Statement(shape=Shape(required=("from", "to"), optional=ID)),
    "redirect-content-urls": Statement(shape=Shape(optional=ID), sections=frozenset({"inbound", "outbound"})),
    "json-to-xml": Statement(
        shape=Shape(
            required=("apply",),
            optional=(
                "consider-accept-header",
                "parse-date",
                "attribute-block-name",
                "attribute-prefix",
                "namespace-block-name",
                "namespace-separator",
                "namespace-prefix",
                "invalid-character-replacement",
                "null-values",
                "trim-values",
                "empty-values",
                *ID,
            ),
            choices={
                "apply": ("always", "content-type-json"),
                "empty-values": ("preserve", "as-null"),
                **booleans("consider-accept-header", "parse-date", "trim-values"),
            },
        ),
        sections=BOTH_WAYS,
    ),
    "xml-to-json": Statement(
        shape=Shape(
            required=("kind", "apply"),
            optional=(
                "consider-accept-header",
                "preserve-whitespace-nodes",
                "empty-values",
                "trim-values",
                "always-array-child-elements",
                *ID,
            ),
            choices={
                "kind": ("javascript-friendly", "direct"),
                "apply": ("always", "content-type-xml"),
                "empty-values": ("preserve", "as-null"),
                **booleans(
                    "consider-accept-header",
                    "preserve-whitespace-nodes",
                    "trim-values",
                    "always-array-child-elements",
                ),
            },
        ),
        sections=BOTH_WAYS,
    ),
    "xsl-transform": Statement(shape=Shape(optional=ID, free=True), sections=frozenset({"inbound", "outbound"})),
    "jsonp": Statement(shape=Shape(required=("callback-parameter-name",), optional=ID), sections=OUTBOUND),
    "mock-response": Statement(
        shape=Shape(
            optional=("enabled", "status-code", "content-type", "index", *ID),
            choices=booleans("enabled"),
            types=types("int", "status-code", "index"),
        ),
        sections=BOTH_WAYS,
    ),
    "return-response": Statement(
        shape=Shape(
            optional=("response-variable-name", *ID),
            literal=("response-variable-name",),
            children={"set-status": SET_STATUS, "set-header": NAMED_VALUES_LIST, "set-body": SET_BODY},
            single_children=("set-status", "set-body"),
        )
    ),
    "validate-content": Statement(
        shape=Shape(
            required=("unspecified-content-type-action", "max-size", "size-exceeded-action"),
            optional=("errors-variable-name", *ID),
            choices={"unspecified-content-type-action": ACTIONS, "size-exceeded-action": ACTIONS},
            types=types("unsignedInt", "max-size"),
            children={"content-type-map": CONTENT_TYPES, "content": CONTENT},
            single_children=("content-type-map",),
            ordered=True,
        ),
        sections=BOTH_WAYS,
    ),
    "validate-parameters": Statement(
        shape=Shape(
            required=("specified-parameter-action", "unspecified-parameter-action"),
            optional=("errors-variable-name", *ID),
            choices={"specified-parameter-action": ACTIONS, "unspecified-parameter-action": ACTIONS},
            children={
                "headers": PARAMETERS,
                "query": PARAMETERS,
                "path": Shape(
                    required=("specified-parameter-action",),
                    choices={"specified-parameter-action": ACTIONS},
                    children={"parameter": PARAMETER},
                ),
            },
            single_children=("headers", "query", "path"),
            ordered=True,
        ),
        sections=INBOUND,
    ),
    "validate-headers": Statement(
        shape=Shape(
            required=("specified-header-action", "unspecified-header-action"),
            optional=("errors-variable-name", *ID),
            choices={"specified-header-action": ACTIONS, "unspecified-header-action": ACTIONS},
            children={"header": PARAMETER},
        ),
        sections=ANSWERS,
    ),
    "validate-status-code": Statement(
        shape=Shape(
            required=("unspecified-status-code-action",),
            optional=("errors-variable-name", *ID),
            choices={"unspecified-status-code-action": ACTIONS},
            children={
                "status-code": Shape(
                    required=("code", "action"), choices={"action": ACTIONS}, types=types("unsignedInt", "code")
                )
            },
        ),
        sections=ANSWERS,
    ),
    "validate-graphql-request": Statement(
        shape=Shape(
            optional=("error-variable-name", "max-depth", "max-size", "max-total-depth", "max-complexity", *ID),
            children={
                "authorize": Shape(
                    children={
                        "rule": Shape(
                            required=("path",),
                            optional=("action",),
                            choices={"action": ("allow", "reject", "remove", "ignore")},
                        )
                    },
                    needed_children=("rule",),
                )
            },
            single_children=("authorize",),
        ),
        sections=INBOUND,
    ),
    "validate-odata-request": Statement(
        shape=Shape(
            optional=(
                "error-variable-name",
                "default-odata-version",
                "min-odata-version",
                "max-odata-version",
                "max-size",
                *ID,
            )
        ),
        sections=INBOUND,
    ),
    "set-variable": Statement(
        shape=Shape(required=("name", "value"), optional=ID, literal=("name",)), sections=EVERYWHERE
    ),
}
