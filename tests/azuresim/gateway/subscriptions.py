"""
Who may call: subscription keys, what they cover, and products that ask for none.

Source: learn.microsoft.com/azure/api-management/api-management-subscriptions, "How API Management handles requests with
or without subscription keys"; the texts are those of api-management-error-handling-policies and of public reports.
"""

from __future__ import annotations

from dataclasses import dataclass

from azuresim.apim.products import covers
from azuresim.gateway.context import instant
from azuresim.gateway.failures import PolicyFailure
from azuresim.resources import Document
from azuresim.wire import HttpCall
from azuresim.world import World

KEY_NAMES = {"header": "Ocp-Apim-Subscription-Key", "query": "subscription-key"}
KEY_MISSING = (
    "Access denied due to missing subscription key. "
    "Make sure to include subscription key when making requests to an API."
)
KEY_INVALID = (
    "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription."
)


@dataclass(frozen=True, kw_only=True)
class Admission:
    """In whose name a call comes: the subscription of its key, the product whose policy counts, or why neither."""

    key: str = ""
    subscription: Document | None = None
    product: Document | None = None
    refusal: PolicyFailure | None = None


def key_names(api: Document) -> dict[str, str]:
    return {**KEY_NAMES, **(api.properties.get("subscriptionKeyParameterNames") or {})}


def admitted(world: World, service: Document, api: Document, call: HttpCall) -> Admission:
    """A valid key first, then an open product, then an API that asks for none."""
    names = key_names(api)
    key = call.header(names["header"]) or call.argument(names["query"]) or ""
    subscription = subscription_of(world, service, api, key) if key else None
    if subscription is not None:
        return Admission(key=key, subscription=subscription, product=product_of(world, subscription))
    open_one = open_product(world, service, api)
    if open_one is not None:
        return Admission(key=key, product=open_one)
    ignored = not key or world.switches.apim_wrong_key_of_open_api == "ignored"
    if not api.properties.get("subscriptionRequired", True) and ignored:
        return Admission(key=key)
    return Admission(key=key, refusal=refusal(service, api, names["header"], key))


def refusal(service: Document, api: Document, header: str, key: str) -> PolicyFailure:
    realm = f"{service.properties.get('gatewayUrl')}/{api.properties.get('path')}"
    challenge = f'AzureApiManagementKey realm="{realm}",name="{header}",type="header"'
    return PolicyFailure(
        401,
        KEY_INVALID if key else KEY_MISSING,
        {"WWW-Authenticate": challenge},
        reason="SubscriptionKeyInvalid" if key else "SubscriptionKeyNotFound",
        source="authorization",
    )


def subscription_of(world: World, service: Document, api: Document, key: str) -> Document | None:
    """The active subscription in its time that this key belongs to, when it covers the API."""
    for found in world.arm.members(f"{service.id}/subscriptions"):
        if key in (found.private.get("primaryKey"), found.private.get("secondaryKey")):
            scope = str(found.properties.get("scope", ""))
            if usable(world, found) and covers_any_revision(world, service, scope, api):
                return found
    return None


def covers_any_revision(world: World, service: Document, scope: str, api: Document) -> bool:
    """A key of an API opens all of its revisions."""
    if covers(world, service.id, scope, api):
        return True
    current = world.arm.get(api.id.partition(";rev=")[0])
    return current is not None and current.id != api.id and covers(world, service.id, scope, current)


def usable(world: World, subscription: Document) -> bool:
    """Active, and neither before its start nor past its expiration."""
    properties, now = subscription.properties, world.clock.now()
    starts, ends = instant(properties.get("startDate")), instant(properties.get("expirationDate"))
    in_time = (starts is None or starts <= now) and (ends is None or now < ends)
    return properties.get("state") == "active" and in_time


def product_of(world: World, subscription: Document) -> Document | None:
    scope = str(subscription.properties.get("scope", ""))
    return world.arm.get(scope) if "/products/" in scope.lower() else None


def open_product(world: World, service: Document, api: Document) -> Document | None:
    """The product that holds the API and asks for no subscription."""
    name = api.name.partition(";rev=")[0]
    for product in world.arm.members(f"{service.id}/products"):
        if product.properties.get("subscriptionRequired") is False and holds(world, product, name):
            return product
    return None


def holds(world: World, product: Document, api_name: str) -> bool:
    return world.arm.get(f"{product.id}/apis/{api_name}") is not None
