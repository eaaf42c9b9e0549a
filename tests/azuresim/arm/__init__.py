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
- ArmResponse(status, body, headers): a dict is sent compact, bytes and strings as they are (`wire.pretty(...)` is API
  Management's indented form), None is an empty body.
- ArmError(status, code, message, details=()): details=None sends `"details": null`; `body=` replaces the whole
  envelope (App Service's capitalised one, or the `{"Message": …}` of a 405).
- action: default is namespace + static parts + read | write | delete, for POST last part + /action. `world.denied`
  holds the denied ones, lower case, `*` allowed.
- A top-level resource (`service/{service}`) must be stored for everything but its own PUT and DELETE and its lists.
- exclusive="/subscriptions/{sub}/…/apis/{api}", busy=lambda: ArmError(409, …): a second call to the same place while
  one is in flight is refused. Every call takes `world.latency`, spent after that check and before the handler.
- uncovered="why": no published contract describes the route, so contract checking leaves it out; `uncovered()` lists
  them.

- page(request, items, show=…): `{"value": […], "nextLink"}` by `$top`, `$skiptoken` and `arm_page_size` (paging.py).
- Polls of operations are answered for every namespace (running.py); plans for them: operations.py.

What is checked before a handler runs, and in which order: pipeline.py and checks.py. Roles: rights.py. Policies, quotas
and registrations of a world: policies.py, quotas.py, registrations.py.
"""

from __future__ import annotations

from azuresim.arm import (
    activity,
    groups,
    listing,
    locks,
    providers,
    role_assignments,
    role_definitions,
    running,
    subscriptions,
    tags,
)
from azuresim.arm.paging import page
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
from azuresim.arm.running import serve_operations
from azuresim.wire import ArmResponse, pretty

__all__ = [
    "ROUTES",
    "ArmError",
    "ArmRequest",
    "ArmResponse",
    "Handler",
    "Pipeline",
    "Route",
    "page",
    "pretty",
    "resource_not_found",
    "route",
    "serve_operations",
    "uncovered",
]

SERVED = (
    activity, groups, listing, locks, providers, role_assignments, role_definitions, running, subscriptions, tags,
)  # fmt: skip
"""What ARM itself serves: importing these modules registers their routes."""
