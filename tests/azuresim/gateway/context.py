"""
What documents, requests and answers look like to policy expressions.

Source: learn.microsoft.com/azure/api-management/api-management-policy-expressions, table "Context variable".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import quote, urlencode, urlsplit

from multidict import CIMultiDict

from azuresim.policy.csharp import context as csharp
from azuresim.resources import Document
from azuresim.wire import HttpAnswer
from azuresim.world import World

PORTS = {"http": 80, "https": 443}


def headers_of(headers: Mapping[str, str]) -> dict[str, list[str]]:
    """Names as sent, each with all its values."""
    multi = CIMultiDict(headers)
    return {name: multi.getall(name) for name in dict.fromkeys(multi.keys())}


def url_of(scheme: str, host: str, path: str, query: Iterable[tuple[str, str]], port: int = 0) -> csharp.Url:
    pairs = list(query)
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return csharp.Url(
        scheme=scheme,
        host=host,
        port=port or PORTS.get(scheme, 443),
        path=path,
        query_string=f"?{urlencode(pairs, quote_via=quote)}" if pairs else "",
        query=values,
    )


def response_of(answer: HttpAnswer, body: csharp.MessageBody | None, reason: str | None = None) -> csharp.Response:
    return csharp.Response(
        status_code=answer.status,
        status_reason=reason if reason is not None else phrase(answer.status),
        headers=headers_of(answer.headers),
        body=body or csharp.MessageBody(answer.body),
    )


def phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def api_of(api: Document) -> csharp.Api:
    properties = api.properties
    names = properties.get("subscriptionKeyParameterNames") or {}
    parts = urlsplit(properties.get("serviceUrl") or "")
    known = bool(parts.hostname)
    return csharp.Api(
        id=api.name.partition(";")[0],
        name=str(properties.get("displayName", "")),
        path=str(properties.get("path", "")),
        revision=str(properties.get("apiRevision") or "1"),
        version=properties.get("apiVersion"),
        service_url=url_of(parts.scheme, parts.hostname or "", parts.path or "/", ()) if known else None,
        is_current_revision=bool(properties.get("isCurrent", True)),
        protocols=tuple(properties.get("protocols") or ("https",)),
        header_parameter=names.get("header", "Ocp-Apim-Subscription-Key"),
        query_parameter=names.get("query", "subscription-key"),
    )


def operation_of(operation: Document) -> csharp.Operation:
    properties = operation.properties
    return csharp.Operation(
        id=operation.name,
        name=str(properties["displayName"]),
        method=str(properties["method"]),
        url_template=str(properties["urlTemplate"]),
    )


def product_of(world: World, product: Document) -> csharp.Product:
    properties = product.properties
    links = [world.arm.get(str(link.properties.get("apiId"))) for link in world.arm.members(f"{product.id}/apis")]
    groups = [world.arm.get(str(link.properties.get("groupId"))) for link in world.arm.members(f"{product.id}/groups")]
    return csharp.Product(
        id=product.name,
        name=str(properties["displayName"]),
        subscription_required=bool(properties.get("subscriptionRequired", True)),
        approval_required=bool(properties.get("approvalRequired", False)),
        subscription_limit=properties.get("subscriptionsLimit"),
        published=properties.get("state") == "published",
        apis=tuple(api_of(api) for api in links if api is not None),
        groups=tuple(group_of(group) for group in groups if group is not None),
    )


def group_of(group: Document) -> csharp.Group:
    return csharp.Group(id=group.name, name=str(group.properties.get("displayName", "")))


def instant(text: object) -> datetime | None:
    """An instant as ARM writes it, in UTC; None for anything else."""
    if not isinstance(text, str) or not text:
        return None
    try:
        found = datetime.fromisoformat(text[:26].rstrip("Z"))
    except ValueError:
        return None
    return found.replace(tzinfo=found.tzinfo or UTC)


def subscription_of(subscription: Document, key: str) -> csharp.Subscription:
    properties, private = subscription.properties, subscription.private
    return csharp.Subscription(
        id=subscription.name,
        name=str(properties["displayName"]),
        key=key,
        primary_key=str(private.get("primaryKey", "")),
        secondary_key=str(private.get("secondaryKey", "")),
        created_time=instant(properties.get("createdDate")) or datetime(1, 1, 1, tzinfo=UTC),
        start_date=instant(properties.get("startDate")),
        end_date=instant(properties.get("endDate")),
    )


def user_of(world: World, subscription: Document) -> csharp.User | None:
    """The owner of a subscription; None when it has none, as the built-in one."""
    owner = world.arm.get(str(subscription.properties.get("ownerId") or "/"))
    if owner is None:
        return None
    properties = owner.properties
    return csharp.User(
        id=owner.name,
        email=str(properties.get("email", "")),
        first_name=str(properties.get("firstName", "")),
        last_name=str(properties.get("lastName", "")),
        registration_date=instant(properties.get("registrationDate")) or datetime(1, 1, 1, tzinfo=UTC),
        note=properties.get("note"),
    )
