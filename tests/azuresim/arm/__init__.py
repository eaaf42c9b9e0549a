"""
What all ARM resources share: routing, api-version, tokens, rights, locks, 404s, quotas, request ids, error envelope.

    @arm.route("PUT", "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.ApiManagement/service/{service}"
               "/backends/{backend}", versions={"2022-08-01", "2024-05-01"},
               action="Microsoft.ApiManagement/service/backends/write")
    async def put_backend(request: ArmRequest, world: World) -> ArmResponse:      # async or plain
        document = world.arm.put(request.id, {...})
        return ArmResponse(201, document.body, {"ETag": document.etag})

- Importing a module registers its routes (server.py imports them all). Static parts match without case,
  `{name}` is one segment, a leading `/{scope}/` is any scope (extension resources).
- ArmRequest: method, params (as sent), id (static parts spelled as in the route), query, headers, json, caller,
  api_version, world, route; `up_to("service")` the id as far as that name, `absolute(path)` a URL on the endpoint the
  client used, `document()` what is stored under `id` or ArmError 404.
- ArmResponse(status, body, headers): a dict is sent compact, a string as it is (`wire.pretty(...)` is API Management's
  indented form), None is an empty body.
- ArmError(status, code, message, details=()): details=None sends `"details": null`; `body=` replaces the whole
  envelope (App Service's capitalised one, or the `{"Message": …}` of a 405).
- action: default is namespace + static parts + read | write | delete, for POST last part + /action. `world.denied`
  holds the denied ones, lower case, `*` allowed.
- A top-level resource (`service/{service}`) must be stored for everything but its own PUT and DELETE and its lists.
- exclusive="/subscriptions/{sub}/…/apis/{api}", busy=lambda: ArmError(409, …): a second call to the same place while
  one is in flight is refused. Every call takes `world.latency`, spent after that check and before the handler.
- uncovered="why": no published contract describes the route, so contract checking leaves it out; `uncovered()` lists
  them.

What is checked before a handler runs, and in which order: arm_pipeline.py.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from azuresim.arm.pipeline import Pipeline
from azuresim.arm.routes import (
    ROUTES,
    ArmError,
    ArmRequest,
    Handler,
    Route,
    resource_not_found,
    route,
    uncovered,
)
from azuresim.wire import ArmResponse, pretty

if TYPE_CHECKING:
    from azuresim.world import World

__all__ = [
    "ROUTES",
    "ArmError",
    "ArmRequest",
    "ArmResponse",
    "Handler",
    "Pipeline",
    "Route",
    "pretty",
    "resource_not_found",
    "route",
    "serve_operations",
    "uncovered",
]

# --- what every ARM has -----------------------------------------------------------------------------------------------
GENERIC_VERSIONS = {"2019-10-01", "2020-06-01", "2021-01-01", "2021-04-01", "2022-09-01", "2022-12-01", "2024-03-01"}
GENERIC = "subscriptions and resource groups are not among the contract documents"


@route(
    "GET",
    "/subscriptions/{sub}",
    versions=GENERIC_VERSIONS,
    action="Microsoft.Resources/subscriptions/read",
    uncovered=GENERIC,
)
def get_subscription(request: ArmRequest, world: World) -> ArmResponse:
    return ArmResponse(200, world.arm.need(request.id).body | {"tenantId": world.entra.tenant_id})


@route(
    "GET",
    "/subscriptions/{sub}/resourceGroups/{rg}",
    versions=GENERIC_VERSIONS,
    action="Microsoft.Resources/subscriptions/resourceGroups/read",
    uncovered=GENERIC,
)
def get_group(request: ArmRequest, world: World) -> ArmResponse:
    return ArmResponse(200, world.arm.need(request.id).body)


def serve_operations(namespace: str, versions: Collection[str]) -> None:
    """`…/providers/<namespace>/locations/{location}/operationsStatuses/{operation}` answers for this provider."""
    template = f"/subscriptions/{{sub}}/providers/{namespace}/locations/{{location}}/operationsStatuses/{{operation}}"

    @route("GET", template, versions=versions, uncovered="polls of operations are not in the contract documents")
    def status(request: ArmRequest, world: World) -> ArmResponse:
        response = world.operations.status(request.params["operation"])
        if response is None:
            raise ArmError(404, "NotFound", "The operation could not be found.")
        return response
