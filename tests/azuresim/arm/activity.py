"""Where the Activity Log of a subscription is read. What it holds: activity_log.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azuresim.activity_log import Invalid, event, found, selected
from azuresim.arm.paging import argument, page
from azuresim.arm.routes import ArmError, ArmRequest, route
from azuresim.wire import ArmResponse

if TYPE_CHECKING:
    from azuresim.world import World

UNCOVERED = "Azure Monitor is not among the contract documents"


@route(
    "GET",
    "/subscriptions/{sub}/providers/Microsoft.Insights/eventtypes/management/values",
    versions={"2014-04-01", "2015-04-01"},
    action="Microsoft.Insights/eventtypes/values/read",
    uncovered=UNCOVERED,
)
def list_events(request: ArmRequest, world: World) -> ArmResponse:
    """In pages, the newest event first."""
    try:
        names = selected(argument(request, "$select"))
        events = found(world, request.params["sub"], argument(request, "$filter"))
    except Invalid as wrong:
        body = {"Code": "BadRequest", "Message": str(wrong)}
        raise ArmError(400, "BadRequest", str(wrong), body=body) from wrong
    body = page(
        request, events, show=lambda one: {name: value for name, value in event(world, one).items() if name in names}
    )
    return ArmResponse(200, body)
