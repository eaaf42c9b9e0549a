"""
Where the wire differs from the published contract, each with its source. Nothing else is let through.

A path in an answer is written with `*` for the items of a list: `value/*/properties/siteConfig`. `where` is a pattern
over such paths without the leading `value/*/`, so it holds for a thing and for lists of such things.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

Kind = Literal["property", "null", "date", "write-only", "error form", "no JSON", "no body"]


@dataclass(frozen=True)
class Found:
    """One departure of an answer: what kind, and at which path."""

    kind: Kind | str
    path: str
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Difference:
    document: str
    kind: Kind
    where: str = "*"
    source: str

    def covers(self, document: str, found: Found) -> bool:
        inside = found.path.removeprefix("value/*/")
        return document == self.document and found.kind == self.kind and fnmatchcase(inside, self.where)


ASO = "Azure/azure-service-operator recording Test_ApiManagement_20240501_CRUD"
CLI = "Azure/azure-cli recordings test_apim_api_operation and test_apim_api_policy"
HOST = "trackers of Azure/azure-functions-host and Azure/azure-cli"


def properties(document: str, source: str, *paths: str) -> Iterable[Difference]:
    return (Difference(document=document, kind="property", where=path, source=source) for path in paths)


DIFFERENCES: tuple[Difference, ...] = (
    # --- API Management
    Difference(document="apimanagement", kind="null", source=f"{ASO}: unset properties come as null"),
    *properties(
        "apimanagement",
        f"{ASO}: an API shows fields of other kinds of APIs",
        "properties/mcpProperties",
        "properties/a2aProperties",
        "properties/agent",
        "properties/isAgent",
        "properties/jsonRpcProperties",
        "properties/backendId",
        "properties/authenticationSettings/returnProtectedResourceMetadata",
    ),
    *properties(
        "apimanagement",
        f"{ASO}: the service shows its state and addresses",
        "properties/encodedCertificate",
    ),
    Difference(
        document="apimanagement",
        kind="no body",
        source=f"{CLI}: HEAD of what is missing has the status and nothing else",
    ),
    # --- Authorization
    Difference(
        document="authorization",
        kind="null",
        source="Azure/azure-cli recordings of role assignment and role definition: unset properties come as null",
    ),
    # --- App Service
    Difference(document="web", kind="null", source="learn.microsoft.com/rest/api/appservice: examples show nulls"),
    Difference(
        document="web",
        kind="date",
        where="properties/lastModifiedTimeUtc",
        source="Azure/azure-cli recordings of webapp and functionapp: no zone at the end",
    ),
    Difference(
        document="web",
        kind="write-only",
        where="properties/siteConfig",
        source="Azure/azure-cli recordings of functionapp: GET shows siteConfig, null or partly filled",
    ),
    *properties(
        "web",
        "Azure/azure-cli recordings of functionapp: children of a site carry its location",
        "location",
    ),
    *properties("web", f"{HOST}: a function shows its name among its properties", "properties/name"),
    *properties(
        "web",
        "Azure/azure-functions-ux (site.ts) and exported templates: a site shows more than is published",
        "properties/name",
        "properties/adminEnabled",
        "properties/contentAvailabilityState",
        "properties/runtimeAvailabilityState",
        "properties/siteDisabledReason",
        "properties/inboundIpAddress",
        "properties/sku",
    ),
    *properties(
        "web",
        "Azure/azure-service-operator recording Test_Web_v1api: a site shows where it runs and how it is reached",
        "properties/hostNameSslStates/*/ipBasedSslState",
        "properties/defaultHostNameScope",
        "properties/deploymentId",
        "properties/eligibleLogCategories",
        "properties/ftpUsername",
        "properties/ftpsHostName",
        "properties/homeStamp",
        "properties/kind",
        "properties/possibleInboundIpAddresses",
        "properties/privateEndpointConnections",
        "properties/selfLink",
        "properties/slotName",
        "properties/storageRecoveryDefaultState",
        "properties/webSpace",
    ),
    Difference(document="web", kind="error form", source=f"{HOST}: capitalised keys, no `error`"),
    Difference(document="web", kind="no JSON", source=f"{HOST}: 502 with a page of HTML"),
)


def known(document: str, found: Found) -> Difference | None:
    """The listed difference that explains this departure."""
    return next((difference for difference in DIFFERENCES if difference.covers(document, found)), None)
