"""Where the polls of long-running operations go: `operationsStatuses` and `asyncOperationResults` of every provider."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from azuresim.arm.routes import ArmError, ArmRequest, route
from azuresim.wire import ArmResponse

if TYPE_CHECKING:
    from azuresim.world import World

UNCOVERED = "polls of operations are not in the contract documents"
LOCATION = "/subscriptions/{sub}/providers/{namespace}/locations/{location}"


def serve_operations(namespace: str, versions: Collection[str]) -> None:
    """`…/providers/<namespace>/locations/{location}/operationsStatuses/{operation}` answers for this provider."""
    template = f"{LOCATION.replace('{namespace}', namespace)}/operationsStatuses/{{operation}}"
    action = f"{namespace}/locations/operationsStatuses/read"
    route("GET", template, versions=versions, uncovered=UNCOVERED, action=action)(status)


def status(request: ArmRequest, world: World) -> ArmResponse:
    response = world.operations.status(request.params["operation"])
    if response is None:
        raise not_found()
    return response


@route(
    "GET",
    f"{LOCATION}/asyncOperationResults/{{operation}}",
    versions={"*"},
    uncovered=UNCOVERED,
    action="{namespace}/locations/asyncOperationResults/read",
    answers=(200, 202, 204),
)
def result(request: ArmRequest, world: World) -> ArmResponse:
    """202 while it runs, then what it worked on; 204 when that is gone."""
    operation = world.operations.get(request.params["operation"])
    if operation is None:
        raise not_found()
    response = world.operations.location(operation.id, lambda: outcome(world, operation.resource_id))
    if response is not None and response.status == 202:
        return ArmResponse(202, None, {**response.headers, "Location": request.absolute(request.id)})
    return response or ArmResponse(204)


def outcome(world: World, resource_id: str) -> ArmResponse:
    found = world.arm.get(resource_id)
    return ArmResponse(204) if found is None else ArmResponse(200, found.body)


def not_found() -> ArmError:
    return ArmError(404, "NotFound", "The operation could not be found.")


serve_operations("{namespace}", {"*"})
