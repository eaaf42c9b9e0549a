"""
Microsoft Graph v1.0, as far as applications and service principals go: addressing, reading, rights and the error
envelope.

Collections `applications` and `servicePrincipals`: list ($filter with one `eq`, $select, $top), get by object id,
`(appId='…')` or `(uniqueName='…')`, create, PATCH, upsert, delete; `appRoleAssignedTo` and `appRoleAssignments`;
deleted items. The writing half is graph_writes.py. Anything else is refused loudly, not answered with something likely.

Rights are looked up in `world.entra.graph_permissions` at each call; the real service reads them from the token.
Sources: learn.microsoft.com/graph/api (application, servicePrincipal, "Resolve Microsoft Graph authorization errors"),
microsoftgraph/msgraph-metadata, threads of microsoftgraph/microsoft-graph-docs-contrib.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from azuresim.entra.directory import Body
from azuresim.entra.tokens import GRAPH_AUDIENCES, Caller, InvalidToken
from azuresim.graph import writes as graph_writes
from azuresim.graph.request import (
    ASSIGN,
    OWNED,
    READ_ALL,
    GraphError,
    GraphRequest,
    bad_request,
    context,
    not_found,
    origin,
    same,
)
from azuresim.wire import HttpAnswer, HttpCall

if TYPE_CHECKING:
    from azuresim.world import World

PAGE = 100
OBJECT = re.compile(
    r"^/v1\.0/(?P<kind>applications|servicePrincipals)"
    r"(?:/(?P<id>[^/()]+)|\((?P<key>appId|uniqueName)='(?P<value>(?:[^']|'')*)'\))?"
    r"(?:/(?P<relation>appRoleAssignedTo|appRoleAssignments)(?:/(?P<related>[^/]+))?)?/?$",
    re.IGNORECASE,
)
DELETED = re.compile(r"^/v1\.0/directory/deletedItems/(?P<id>[^/]+)/?$", re.IGNORECASE)
FILTER = re.compile(r"^\s*(?P<name>appId|id|displayName|uniqueName)\s+eq\s+'(?P<value>(?:[^']|'')*)'\s*$")


def graph(call: HttpCall, world: World) -> tuple[HttpAnswer, Caller | None]:
    """The answer, and who asked."""
    caller: Caller | None = None
    try:
        caller = authenticate(call, world)
        answer = dispatch(GraphRequest(call=call, world=world, caller=caller))
    except GraphError as refused:
        answer = envelope(refused, call, world)
    request_id = world.guid()
    headers = {"request-id": request_id, "client-request-id": call.header("client-request-id", request_id)}
    return answer.plus(headers | {"x-ms-resource-unit": str(units(call))}), caller


def dispatch(request: GraphRequest) -> HttpAnswer:
    deleted = DELETED.match(request.call.path)
    if deleted and request.call.method == "GET":
        return get_deleted(request, deleted["id"])
    match = OBJECT.match(request.call.path)
    if match is None:
        raise bad_request(f"Resource not found for the segment '{request.call.path.split('/')[2]}'.", "BadRequest")
    request.where = {name: value for name, value in match.groupdict().items() if value is not None}
    request.kind = "applications" if match["kind"].lower() == "applications" else "servicePrincipals"
    one = "id" in request.where or "key" in request.where
    relation = request.where.get("relation", "").lower()
    handlers: dict[tuple[str, bool, str], Callable[[GraphRequest], HttpAnswer]] = {
        ("GET", False, ""): get_list,
        ("GET", True, ""): get_one,
        ("POST", False, ""): graph_writes.create,
        ("PATCH", True, ""): graph_writes.patch,
        ("DELETE", True, ""): graph_writes.delete,
        ("GET", True, "approleassignedto"): get_assignments,
        ("GET", True, "approleassignments"): get_assignments,
        ("POST", True, "approleassignedto"): graph_writes.assign,
        ("DELETE", True, "approleassignedto"): graph_writes.unassign,
    }
    handler = handlers.get((request.call.method, one, relation))
    if handler is None or (relation and request.kind == "applications"):
        raise GraphError(405, "Request_BadRequest", f"{request.call.method} is not simulated for {request.call.path}.")
    return handler(request)


def authenticate(call: HttpCall, world: World) -> Caller:
    scheme, _, token = call.header("Authorization").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise GraphError(401, "InvalidAuthenticationToken", "Access token is empty.")
    try:
        return Caller.of(world.entra.verify(token.strip(), audiences=GRAPH_AUDIENCES))
    except InvalidToken as refused:
        expired = refused.arm_code == "ExpiredAuthenticationToken"
        text = "Lifetime validation failed, the token is expired." if expired else "Access token validation failure."
        raise GraphError(401, "InvalidAuthenticationToken", text) from refused


# --- reading ----------------------------------------------------------------------------------------------------------
def get_one(request: GraphRequest) -> HttpAnswer:
    everything = bool(request.permissions & READ_ALL)
    request.need(everything or OWNED in request.permissions)
    found = request.find(request.visible)
    request.need(everything or request.owns(found["id"]))
    return HttpAnswer.json(200, {"@odata.context": context(request, "/$entity"), **selected(request.call, found)})


def get_list(request: GraphRequest) -> HttpAnswer:
    """Pages of $top (100), the next one by `@odata.nextLink`."""
    request.need(bool(request.permissions & READ_ALL))
    found = [item for item in request.visible.values() if chosen(request.call, item)]
    top, skip = number(request.call, "$top", PAGE), number(request.call, "$skiptoken", 0)
    page: Body = {
        "@odata.context": context(request),
        "value": [selected(request.call, item) for item in found[skip : skip + top]],
    }
    if skip + top < len(found):
        kept = "".join(f"&{n}={v}" for n, v in request.call.query if n != "$skiptoken")
        page["@odata.nextLink"] = f"{origin(request.call)}/v1.0/{request.kind}?$skiptoken={skip + top}{kept}"
    return HttpAnswer.json(200, page)


def get_assignments(request: GraphRequest) -> HttpAnswer:
    request.need(bool(request.permissions & (READ_ALL | {ASSIGN})))
    principal = request.find(request.visible)
    side = "resourceId" if request.where["relation"].lower() == "approleassignedto" else "principalId"
    assignments = request.world.entra.assignments.values()
    found = [assignment for assignment in assignments if assignment[side] == principal["id"]]
    return HttpAnswer.json(200, {"@odata.context": context(request), "value": found})


def get_deleted(request: GraphRequest, object_id: str) -> HttpAnswer:
    request.need(bool(request.permissions & READ_ALL))
    found = request.world.entra.deleted.get(object_id)
    if found is None:
        raise not_found(object_id)
    return HttpAnswer.json(200, found)


def selected(call: HttpCall, body: Body) -> Body:
    """The properties that $select names, all of them without one; unknown names are refused."""
    names = [name.strip() for name in (call.argument("$select") or "").split(",") if name.strip()]
    return body if not names else {name: body.get(name) for name in names}


def chosen(call: HttpCall, body: Body) -> bool:
    """Whether $filter lets it through; filters that are not simulated are refused, never ignored."""
    text = call.argument("$filter")
    if text is None:
        return True
    match = FILTER.match(text)
    if match is None:
        raise bad_request(f"The filter clause {text!r} is not simulated.", "Request_UnsupportedQuery")
    return same(body.get(match["name"]), match["value"].replace("''", "'"))


def number(call: HttpCall, name: str, default: int) -> int:
    text = call.argument(name)
    if text is None:
        return default
    if not text.isdigit() or (name == "$top" and not 1 <= int(text) <= 999):  # Graph's largest page
        raise bad_request(f"Invalid value '{text}' for query option '{name}'.", "Request_BadRequest")
    return int(text)


def units(call: HttpCall) -> int:
    """What a call costs: learn.microsoft.com/graph/throttling-limits, "Identity and access service limits"."""
    match = OBJECT.match(call.path)
    listing = call.method == "GET" and match is not None and not match["id"] and not match["key"]
    cost = 2 if listing and match is not None and match["kind"].lower() == "applications" else 1
    cost -= call.argument("$select") is not None
    cost -= (call.argument("$top") or "20").isdigit() and int(call.argument("$top") or 20) < 20
    return max(1, cost)


def envelope(refused: GraphError, call: HttpCall, world: World) -> HttpAnswer:
    request_id = world.guid()
    error: Body = {
        "code": refused.code,
        "message": refused.message,
        "innerError": {
            "date": world.clock.now().strftime("%Y-%m-%dT%H:%M:%S"),
            "request-id": request_id,
            "client-request-id": call.header("client-request-id", request_id),
        },
    }
    if refused.details:
        error["details"] = refused.details
    return HttpAnswer.json(refused.status, {"error": error})
