"""
What carries which tag: APIs, operations and products in one line for each pair, untagged ones too when asked for.

Sources: REST reference, "Api - List By Tags", "Operation - List By Tags", "Product - List By Tags" and "Tag Resource -
List By Service" (samples; `includeNotTaggedApis` and its like). Assumed: what carries no tag comes without `tag`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from azuresim.apim.entities import SERVICE, check_parent, listing, route
from azuresim.arm import ArmRequest, Handler
from azuresim.resources import Body, Document
from azuresim.wire import ArmResponse
from azuresim.world import World

UNCOVERED = "tags are not among the trimmed contracts"
API_FIELDS = (
    *("apiRevision", "apiRevisionDescription", "apiVersion", "apiVersionDescription", "apiVersionSetId"),
    *("description", "isCurrent", "path", "protocols", "serviceUrl", "subscriptionRequired", "termsOfServiceUrl"),
)
PRODUCT_FIELDS = (*("description", "terms", "subscriptionRequired", "approvalRequired", "subscriptionsLimit", "state"),)
Lines = Callable[[World, str, bool], Iterable[Body]]


def kept(properties: Body, names: Iterable[str]) -> Body:
    return {name: properties[name] for name in names if properties.get(name) is not None}


def about_api(world: World, api: Document) -> Body:
    return {"name": api.properties["displayName"], **kept(api.properties, API_FIELDS)}


def about_product(world: World, product: Document) -> Body:
    return {"name": product.properties["displayName"], **kept(product.properties, PRODUCT_FIELDS)}


def about_operation(world: World, operation: Document) -> Body:
    api = world.arm.need(operation.id.rpartition("/operations/")[0]).properties
    own = kept(operation.properties, ("method", "urlTemplate", "description"))
    of_api = {"apiName": api["displayName"], **kept(api, ("apiRevision", "apiVersion"))}
    return {"name": operation.properties["displayName"], **of_api, **own}


def lines(world: World, service: str, kind: str, carrier: Document, about: Body, untagged: bool) -> Iterable[Body]:
    """A line for each tag that it carries; one without a tag, if that is asked for, when it carries none."""
    shown = {kind: {"id": carrier.id.removeprefix(service), **about}}
    carried = world.arm.members(f"{carrier.id}/tags")
    for tag in carried:
        yield {"tag": {"id": f"/tags/{tag.name}", "name": tag.properties["displayName"]}, **shown}
    if untagged and not carried:
        yield shown


def of_apis(world: World, service: str, untagged: bool) -> Iterable[Body]:
    for api in world.arm.members(f"{service}/apis"):
        yield from lines(world, service, "api", api, about_api(world, api), untagged)


def of_products(world: World, service: str, untagged: bool) -> Iterable[Body]:
    for product in world.arm.members(f"{service}/products"):
        yield from lines(world, service, "product", product, about_product(world, product), untagged)


def of_operations(world: World, service: str, api_id: str, untagged: bool) -> Iterable[Body]:
    for operation in world.arm.members(f"{api_id}/operations"):
        yield from lines(world, service, "operation", operation, about_operation(world, operation), untagged)


def asked(request: ArmRequest, name: str) -> bool:
    """Whether untagged ones are asked for; names of the query go in any case."""
    found = (value for key, value in request.query.items() if key.lower() == name.lower())
    return next(found, "").lower() == "true"


def by_tags(of: Lines, switch: str) -> Handler:
    def list_them(request: ArmRequest, world: World) -> ArmResponse:
        return listing(request, of(world, request.up_to("service"), asked(request, switch)))

    return list_them


route("GET", f"{SERVICE}/apisByTags", uncovered=UNCOVERED)(by_tags(of_apis, "includeNotTaggedApis"))
route("GET", f"{SERVICE}/productsByTags", uncovered=UNCOVERED)(by_tags(of_products, "includeNotTaggedProducts"))


@route("GET", f"{SERVICE}/apis/{{api}}/operationsByTags", uncovered=UNCOVERED)
def operations_by_tags(request: ArmRequest, world: World) -> ArmResponse:
    check_parent(request, request.id)
    untagged = asked(request, "includeNotTaggedOperations")
    return listing(request, of_operations(world, request.up_to("service"), request.up_to("api"), untagged))


@route("GET", f"{SERVICE}/tagResources", uncovered=UNCOVERED)
def tag_resources(request: ArmRequest, world: World) -> ArmResponse:
    """All of them, the operations of every API first."""
    service = request.up_to("service")
    apis = world.arm.members(f"{service}/apis")
    operations = [line for api in apis for line in of_operations(world, service, api.id, untagged=False)]
    return listing(request, [*operations, *of_apis(world, service, False), *of_products(world, service, False)])
