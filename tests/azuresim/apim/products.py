"""
Products and subscriptions, as far as the gateway's keys need them.

A subscription covers the whole service (`master` does), all APIs, one product or one API; only listSecrets shows
its keys.
Sources: REST reference, "Subscription" and "Product API"; Azure/azure-service-operator recording
Test_ApiManagement_20240501_CRUD (a product link answers the API with its ETag, GET on a link is 405).
"""

from __future__ import annotations

from azuresim.apim.entities import (
    SERVICE,
    THE_API,
    Entity,
    check_etag,
    check_writable,
    entity_answer,
    envelope,
    invalid,
    listing,
    missing,
    patch_entity,
    put_entity,
    refused,
    route,
    serve,
)
from azuresim.arm import ArmError, ArmRequest, pretty
from azuresim.resources import Body, Document, within
from azuresim.wire import ArmResponse
from azuresim.world import World

UNCOVERED = "products and subscriptions are not among the trimmed contracts"
PRODUCT = f"{SERVICE}/products/{{product}}"
LINK = f"{PRODUCT}/apis/{{api}}"
SUBSCRIPTION = f"{SERVICE}/subscriptions/{{sid}}"
HELD = (
    "Product cannot be deleted since it has existing subscriptions. Delete subscriptions before deleting the product "
    "or pass in deleteSubscriptions=true as query param"
)


# --- products and their links to APIs ---------------------------------------------------------------------------------
def product_properties(request: ArmRequest, sent: Body, existing: Document | None) -> Body:
    name = sent.get("displayName")
    if not isinstance(name, str) or not 1 <= len(name) <= 300:
        raise invalid(("displayName", "Product display name must be between 1 and 300 characters long."))
    return {
        "displayName": name,
        "description": sent.get("description"),
        "terms": sent.get("terms"),
        "subscriptionRequired": sent.get("subscriptionRequired", True),
        "approvalRequired": sent.get("approvalRequired", False),
        "subscriptionsLimit": sent.get("subscriptionsLimit"),
        "state": sent.get("state", "notPublished"),
    }


def product_is_free(request: ArmRequest, product: Document) -> None:
    """
    Subscriptions of the product go with it when that was asked for, and keep it otherwise.

    Sources: REST reference, "Product - Delete" (`deleteSubscriptions`); Azure/apiops issue 94 (the refusal).
    """
    arm = request.world.arm
    held = [
        one
        for one in arm.members(f"{request.up_to('service')}/subscriptions")
        if one.properties["scope"].lower() == product.id.lower()
    ]
    if held and request.query.get("deleteSubscriptions", "").lower() != "true":
        raise refused(400, "ValidationError", HELD)
    for one in held:
        arm.delete(one.id)


def put_product(request: ArmRequest, world: World) -> ArmResponse:
    """
    A new product is seen by the administrators, whatever else, and the answer says so; that of an update names nobody.

    Sources: learn.microsoft.com/azure/api-management/api-management-howto-create-groups; Azure/azure-cli recording
    test_apim_product (`groups`, which GET does not show).
    """
    answer = put_entity(request, ENTITY)
    groups: list[Body] = []
    if answer.status == 201:
        group = world.arm.need(f"{request.up_to('service')}/groups/administrators")
        place = f"{request.id}/groups/administrators"
        world.arm.put(place, envelope(place, {"of": group.id}))
        about = {name: value for name, value in group.properties.items() if name != "displayName"}
        groups = [{"id": group.id, "name": group.properties["displayName"], **about}]
    written = world.arm.need(request.id)
    shown = {**written.body, "properties": {**written.properties, "groups": groups}}
    return ArmResponse(answer.status, pretty(shown), answer.headers)


ENTITY = Entity(
    template=PRODUCT,
    label="Product",
    normalise=product_properties,
    before_delete=product_is_free,
    uncovered=UNCOVERED,
)
route("PUT", PRODUCT, uncovered=UNCOVERED)(put_product)
serve(ENTITY)


def linked(request: ArmRequest) -> tuple[Document, Document | None]:
    """The API of a link's path, and the link when it exists. Raises 404 for a missing product or API."""
    stored = request.world.arm
    if stored.get(request.up_to("product")) is None:
        raise missing("Product")
    api = stored.get(f"{request.up_to('service')}/apis/{request.params['api']}")
    if api is None:
        raise missing("Api")
    return api, stored.get(request.id)


@route("PUT", LINK, exclusive=THE_API, uncovered=UNCOVERED)
def put_link(request: ArmRequest, world: World) -> ArmResponse:
    """The product holds the API; the answer is the API's body and ETag."""
    check_writable(request)
    api, link = linked(request)
    world.arm.put(request.id, envelope(request.id, {"apiId": api.id}))
    return entity_answer(api, 200 if link else 201)


@route("HEAD", LINK, uncovered=UNCOVERED)
def head_link(request: ArmRequest, _: World) -> ArmResponse:
    link = linked(request)[1]
    if link is None:
        raise missing("Api")
    return ArmResponse(204)


@route("GET", LINK, uncovered=UNCOVERED)
def get_link(request: ArmRequest, _: World) -> ArmResponse:
    """Not offered, and refused in the web framework's own form."""
    message = "The requested resource does not support http method 'GET'."
    raise ArmError(405, "", message, headers={"Allow": "HEAD,PUT,DELETE"}, body={"Message": message})


@route("DELETE", LINK, exclusive=THE_API, uncovered=UNCOVERED)
def delete_link(request: ArmRequest, world: World) -> ArmResponse:
    check_writable(request)
    return ArmResponse(200 if world.arm.delete(request.id) else 204)


@route("GET", f"{SERVICE}/apis/{{api}}/products", uncovered=UNCOVERED)
def list_products_of_api(request: ArmRequest, world: World) -> ArmResponse:
    """The products that hold the API. Source: REST reference, "Api Product - List By Apis"."""
    if world.arm.get(request.up_to("api")) is None:
        raise missing("Api")
    products = world.arm.members(f"{request.up_to('service')}/products")
    name = request.params["api"].partition(";")[0]
    return listing(request, [one.body for one in products if world.arm.get(f"{one.id}/apis/{name}")])


@route("GET", f"{PRODUCT}/apis", uncovered=UNCOVERED)
def list_links(request: ArmRequest, world: World) -> ArmResponse:
    if world.arm.get(request.up_to("product")) is None:
        raise missing("Product")
    apis = [world.arm.need(link.properties["apiId"]) for link in world.arm.members(request.id)]
    return listing(request, [api.body for api in apis])


# --- subscriptions ----------------------------------------------------------------------------------------------------
def subscription_properties(request: ArmRequest, sent: Body, existing: Document | None) -> Body:
    name = sent.get("displayName")
    if not isinstance(name, str) or not 1 <= len(name) <= 100:
        raise invalid(("displayName", "Subscription name must be between 1 and 100 characters long."))
    about = {
        "scope": full_scope(request, sent.get("scope")),
        "displayName": name,
        "state": sent.get("state") or "active",
        "createdDate": existing.properties["createdDate"] if existing else request.world.clock.stamp(),
    }
    tracing = {} if sent.get("allowTracing") is None else {"allowTracing": bool(sent["allowTracing"])}
    owner = {} if sent.get("ownerId") is None else {"ownerId": sent["ownerId"]}
    return {**owner, **about, **DATES, "stateComment": sent.get("stateComment"), **tracing}


DATES: Body = dict.fromkeys(("startDate", "expirationDate", "endDate", "notificationDate"))
"""Nobody sets them here; they are there all the same."""


def full_scope(request: ArmRequest, scope: object) -> str:
    """`/apis/x` and `/products/x` become full ids; what they name must exist (text assumed)."""
    service = request.up_to("service")
    if not isinstance(scope, str) or not scope:
        raise invalid(("scope", "Subscription scope is required."))
    full = scope if within(scope, service) else f"{service}/{scope.strip('/')}"
    collective = full.lower().rstrip("/") in (service.lower(), f"{service}/apis".lower())
    if not collective and request.world.arm.get(full) is None:
        raise invalid(("scope", f"Subscription scope '{scope}' does not name an API or a product."))
    return full


def subscription_keys(request: ArmRequest, sent: Body, existing: Document | None) -> Body:
    """Keys that were sent, else those it has, else new ones."""
    had = existing.private if existing else {}
    kinds = ("primaryKey", "secondaryKey")
    return {kind: sent.get(kind) or had.get(kind) or request.world.hexadecimal(32) for kind in kinds}


KEYED = Entity(
    template=SUBSCRIPTION,
    label="Subscription",
    normalise=subscription_properties,
    private=subscription_keys,
    uncovered=UNCOVERED,
)


def with_keys(request: ArmRequest, answer: ArmResponse) -> ArmResponse:
    """
    The answer to a write shows the keys, which GET does not.

    Source: Azure/azure-cli recording test_apim_Subscription (PUT and PATCH).
    """
    written = request.world.arm.need(request.id)
    shown = {**written.body, "properties": {**written.properties, **written.private}}
    return ArmResponse(answer.status, pretty(shown), answer.headers)


@route("PUT", SUBSCRIPTION, uncovered=UNCOVERED)
def put_subscription(request: ArmRequest, world: World) -> ArmResponse:
    return with_keys(request, put_entity(request, KEYED))


@route("PATCH", SUBSCRIPTION, uncovered=UNCOVERED)
def patch_subscription(request: ArmRequest, world: World) -> ArmResponse:
    return with_keys(request, patch_entity(request, KEYED))


serve(KEYED)


@route("POST", f"{SUBSCRIPTION}/listSecrets", uncovered=UNCOVERED)
def list_secrets(request: ArmRequest, world: World) -> ArmResponse:
    found = world.arm.get(request.up_to("sid"))
    if found is None:
        raise missing("Subscription")
    return ArmResponse(200, pretty(found.private), {"ETag": found.etag})


@route("POST", f"{SUBSCRIPTION}/regeneratePrimaryKey", uncovered=UNCOVERED)
def regenerate_primary_key(request: ArmRequest, world: World) -> ArmResponse:
    return regenerated(request, world, "primaryKey")


@route("POST", f"{SUBSCRIPTION}/regenerateSecondaryKey", uncovered=UNCOVERED)
def regenerate_secondary_key(request: ArmRequest, world: World) -> ArmResponse:
    return regenerated(request, world, "secondaryKey")


def regenerated(request: ArmRequest, world: World, key: str) -> ArmResponse:
    check_writable(request)
    found = world.arm.get(request.up_to("sid"))
    if found is None:
        raise missing("Subscription")
    check_etag(request, found)
    world.arm.put(found.id, found.body, private={**found.private, key: world.hexadecimal(32)})
    return ArmResponse(204)


def add_master(world: World, service_id: str) -> Document:
    """The built-in subscription that opens everything."""
    properties = {
        "scope": f"{service_id}/",
        "displayName": "Built-in all-access subscription",
        "state": "active",
        "createdDate": world.clock.stamp(),
        **DATES,
        "stateComment": None,
        "allowTracing": False,
    }
    master = f"{service_id}/subscriptions/master"
    keys = {"primaryKey": world.hexadecimal(32), "secondaryKey": world.hexadecimal(32)}
    return world.arm.put(master, envelope(master, properties), private=keys)


def subscription_of_key(world: World, service_id: str, api: Document, key: str) -> Document | None:
    """The active subscription that this key belongs to, when it covers the API."""
    for found in world.arm.members(f"{service_id}/subscriptions"):
        held = key in (found.private["primaryKey"], found.private["secondaryKey"])
        if held and found.properties["state"] == "active" and covers(world, service_id, found.properties["scope"], api):
            return found
    return None


def covers(world: World, service_id: str, scope: str, api: Document) -> bool:
    if scope.lower().rstrip("/") in (service_id.lower(), f"{service_id}/apis".lower()):
        return True
    if scope.lower() == api.id.lower():
        return True
    return world.arm.get(f"{scope}/apis/{api.name}") is not None
