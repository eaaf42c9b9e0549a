"""
Azure's Activity Log: who asked Resource Manager to change what, and what came of it.

    world.switches.activity_log_seconds = 600      # from now on events can be found ten minutes after they happened

GET /subscriptions/{id}/providers/Microsoft.Insights/eventtypes/management/values with `$filter` and `$select`. What it
tells comes from `world.journal.requests`; what a test changes past Resource Manager is nobody's and not told. Every
write is told when it begins and when it ends; one that goes on by itself, also when it is accepted. Reads are not told.
Sources: REST reference, "Activity Logs - List" (patterns of `$filter`, properties); Azure/azure-rest-api-specs,
activityLogs_API.json of 2015-04-01; learn.microsoft.com/azure/azure-monitor/platform/activity-log (90 days) and
…/activity-log-schema (a sample of the category Administrative); MicrosoftDocs/feedback issue 319 (form and text of a
refusal); Azure/azure-cli issue 4885 (a beginning before the 90 days is refused). Assumed: newest first; `$select` of
what is no property is refused; the texts of both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_OID, uuid5

from azuresim.journal import Request
from azuresim.resources import group_of, key_of, within

if TYPE_CHECKING:
    from azuresim.arm.routes import Route
    from azuresim.entra.tokens import Caller
    from azuresim.operations import Operation
    from azuresim.wire import HttpAnswer, HttpCall
    from azuresim.world import World

KEPT_SECONDS = 90 * 86_400
REFUSED = 300
LONG_CLAIMS = {
    "oid": "http://schemas.microsoft.com/identity/claims/objectidentifier",
    "tid": "http://schemas.microsoft.com/identity/claims/tenantid",
    "idp": "http://schemas.microsoft.com/identity/claims/identityprovider",
    "sub": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier",
    "upn": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn",
}
"""How claims are called that a token names shortly; the others keep their names. Source: the schema's sample."""
UPN = LONG_CLAIMS["upn"]
PROPERTIES = frozenset(
    {
        *("authorization", "caller", "category", "channels", "claims", "correlationId", "description", "eventDataId"),
        *("eventName", "eventTimestamp", "httpRequest", "id", "level", "operationId", "operationName", "properties"),
        *("resourceGroupName", "resourceId", "resourceProviderName", "resourceType", "status", "subStatus"),
        *("submissionTimestamp", "subscriptionId", "tenantId"),
    }
)
ABOUT = ("resourceGroupName", "resourceUri", "resourceProvider", "correlationId")
_CONDITION = re.compile(r"\s*(\w+)\s+(ge|le|eq)\s+'([^']*)'\s*", re.IGNORECASE)


# --- what is kept -----------------------------------------------------------------------------------------------------
def note(
    world: World, call: HttpCall, route: Route, params: Mapping[str, str], caller: Caller, answer: HttpAnswer
) -> None:
    """To be told of every call of ARM that is no read, once it is answered."""
    path = route.fill(params)
    request = Request(
        at=world.clock.timestamp(),
        caller=caller,
        method=call.method,
        action=route.action.format(**params) if "{" in route.action else route.action,
        id=path.rpartition("/")[0] if call.method == "POST" else path,
        status=answer.status,
        outcome="Started",
        operation_id=answer.headers["x-ms-request-id"],
        correlation_id=answer.headers["x-ms-correlation-request-id"],
    )
    operation = goes_on(world, path, answer) if answer.status < REFUSED else None
    outcome = "Failed" if answer.status >= REFUSED else "Succeeded" if operation is None else "Accepted"
    world.journal.ask(request)
    world.journal.ask(replace(request, outcome=outcome))
    if operation is not None:
        follow(world, operation, request)


def goes_on(world: World, resource_id: str, answer: HttpAnswer) -> Operation | None:
    """The operation that the answer says is under way."""
    told_where = "Azure-AsyncOperation" in answer.headers or "Location" in answer.headers
    return world.operations.running(resource_id) if told_where else None


def follow(world: World, operation: Operation, request: Request) -> None:
    """The end of the operation is kept too."""
    done, failed = operation.on_done, operation.on_failed

    def end(outcome: str, status: int) -> None:
        world.journal.ask(replace(request, at=world.clock.timestamp(), outcome=outcome, status=status))

    def well() -> None:
        done()
        end("Succeeded", 200)

    def badly() -> None:
        failed()
        end("Failed", operation.failed_status)

    operation.on_done, operation.on_failed = well, badly


# --- how it is told ---------------------------------------------------------------------------------------------------
def event(world: World, request: Request) -> dict[str, Any]:
    """One entry, with all its properties."""
    name = "BeginRequest" if request.outcome == "Started" else "EndRequest"
    status = HTTPStatus(request.status)
    resource = request.id.replace("/resourceGroups/", "/resourcegroups/")
    unique = str(uuid5(NAMESPACE_OID, f"{request.operation_id} {request.outcome}"))
    namespace, _, rest = resource.rpartition("/providers/")[2].partition("/")
    in_provider = "/providers/" in resource
    claims = {LONG_CLAIMS.get(name, name): str(value) for name, value in request.caller.claims.items()}
    ended = request.outcome != "Started"
    sub_status = status.phrase.replace(" ", "") if ended else ""
    return {
        "authorization": {"action": request.action, "scope": resource},
        "caller": claims.get(UPN) or request.caller.object_id,
        "channels": "Operation",
        "claims": claims,
        "correlationId": request.correlation_id,
        "description": "",
        "eventDataId": unique,
        "eventName": localized(name, "Begin request" if name == "BeginRequest" else "End request"),
        "category": localized("Administrative"),
        "httpRequest": {"clientRequestId": request.operation_id, "clientIpAddress": "", "method": request.method},
        "id": f"{resource}/events/{unique}/ticks/{ticks(request.at)}",
        "level": "Error" if request.outcome == "Failed" else "Informational",
        "resourceGroupName": (group_of(request.id) or "").rpartition("/")[2],
        "resourceProviderName": localized(namespace if in_provider else "Microsoft.Resources"),
        "resourceId": resource,
        "resourceType": localized("/".join([namespace, *rest.split("/")[::2]]) if in_provider else ""),
        "operationId": request.operation_id,
        "operationName": localized(request.action),
        "properties": {"statusCode": sub_status} if sub_status else {},
        "status": localized(request.outcome),
        "subStatus": localized(sub_status, f"{status.phrase} (HTTP Status Code: {request.status})" if ended else ""),
        "eventTimestamp": stamp(request.at),
        "submissionTimestamp": stamp(request.at + world.switches.activity_log_seconds),
        "subscriptionId": request.id.split("/")[2],
        "tenantId": world.tenant_id,
    }


def localized(value: str, text: str | None = None) -> dict[str, str]:
    return {"value": value, "localizedValue": value if text is None else text}


def stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def ticks(at: float) -> int:
    """Tenths of microseconds since the year 1."""
    return int((at + 62_135_596_800) * 10_000_000)


# --- what is asked for ------------------------------------------------------------------------------------------------
class Invalid(Exception):  # the word of the refusal
    """A `$filter` or `$select` that the log does not take."""


def found(world: World, subscription: str, text: str | None) -> list[Request]:
    """What the filter means in this subscription, the newest first."""
    begin, end, about, value = parsed(text or "")
    now = world.clock.timestamp()
    if begin < now - KEPT_SECONDS:
        raise Invalid("The start time of the query cannot be more than 90 days in the past.")
    newest = min(now - world.switches.activity_log_seconds, now if end is None else end)
    children = world.switches.activity_log_children
    here = f"/subscriptions/{subscription}"
    return [
        request
        for request in reversed(world.journal.requests)
        if begin <= request.at <= newest and within(request.id, here) and is_about(request, about, value, children)
    ]


def parsed(text: str) -> tuple[float, float | None, str | None, str]:
    """Begin, end, and at most one thing that events are about. Invalid for all but the published patterns."""
    instants: dict[str, float] = {}
    about, value = None, ""
    for condition in re.split(r"\s+and\s+", text):
        matched = _CONDITION.fullmatch(condition)
        if matched is None:
            raise Invalid("$filter searching parameters invalid")
        name, operator, said = matched[1], matched[2].lower(), matched[3]
        if name == "eventTimestamp" and operator in ("ge", "le") and operator not in instants:
            instants[operator] = instant(said)
        elif name in ABOUT and operator == "eq" and about is None:
            about, value = name, said
        else:
            raise Invalid("$filter searching parameters invalid")
    if "ge" not in instants:
        raise Invalid("$filter searching parameters invalid")
    return instants["ge"], instants.get("le"), about, value


def instant(text: str) -> float:
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid("$filter searching parameters invalid") from None
    return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()


def is_about(request: Request, about: str | None, value: str, children: bool) -> bool:
    if about is None:
        return True
    if about == "resourceUri":
        return within(request.id, value) if children else key_of(request.id) == key_of(value)
    if about == "resourceGroupName":
        return (group_of(request.id) or "").rpartition("/")[2].lower() == value.lower()
    if about == "resourceProvider":
        return request.action.partition("/")[0].lower() == value.lower()
    return request.correlation_id.lower() == value.lower()


def selected(text: str | None) -> frozenset[str]:
    """The properties that are asked for; all of them when `$select` is not sent."""
    names = frozenset(name.strip() for name in (text or "").split(",") if name.strip())
    if names - PROPERTIES:
        raise Invalid("$select parameters invalid")
    return names or PROPERTIES
