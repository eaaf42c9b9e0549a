"""
Microsoft Graph v1.0, as far as applications and service principals go: addressing, reading, rights and the error
envelope.

Collections `applications` and `servicePrincipals`: list, get by object id, `(appId='…')` or `(uniqueName='…')`, create,
PATCH, upsert, delete; what hangs on them (children.py, grants.py), and query options (options.py, filters.py). The
writing half is writes.py. Anything else is refused loudly, not answered with something likely.

Rights are those of the token (`roles`, as they were when it was issued), or those of now: a switch decides.
Sources: learn.microsoft.com/graph/api (application, servicePrincipal, "Resolve Microsoft Graph authorization errors"),
microsoftgraph/msgraph-metadata, threads of microsoftgraph/microsoft-graph-docs-contrib.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from azuresim.entra.directory import Body
from azuresim.entra.tokens import GRAPH_AUDIENCES, Caller, InvalidToken
from azuresim.graph import children, directory_pages, grants
from azuresim.graph import writes as graph_writes
from azuresim.graph.batch import batch
from azuresim.graph.filters import Parser, Test
from azuresim.graph.options import KNOWN, counted, eventual, need_eventual, ordered, searched, shaped, type_of
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
)
from azuresim.journal import acting
from azuresim.wire import HttpAnswer, HttpCall

if TYPE_CHECKING:
    from azuresim.world import World

OBJECT = re.compile(
    r"^/v1\.0/(?P<kind>applications|servicePrincipals)"
    r"(?:/(?P<id>[^/()]+)|\((?P<key>appId|uniqueName)='(?P<value>(?:[^']|'')*)'\))?"
    r"(?:/(?P<relation>appRoleAssignedTo|appRoleAssignments)(?:/(?P<related>[^/]+))?)?/?$",
    re.IGNORECASE,
)
ADDRESS = r"(?:/(?P<id>[^/()]+)|\((?P<key>appId|uniqueName)='(?P<value>(?:[^']|'')*)'\))"
APPLICATION = rf"applications{ADDRESS}"
ITEMS = "directory/deletedItems"
PAGES: list[tuple[str, str, Callable[[GraphRequest], HttpAnswer]]] = [
    ("GET", rf"{APPLICATION}/federatedIdentityCredentials", children.list_credentials),
    ("POST", rf"{APPLICATION}/federatedIdentityCredentials", children.create_credential),
    ("GET", rf"{APPLICATION}/federatedIdentityCredentials/(?P<child>[^/]+)", children.get_credential),
    ("PATCH", rf"{APPLICATION}/federatedIdentityCredentials/(?P<child>[^/]+)", children.patch_credential),
    ("DELETE", rf"{APPLICATION}/federatedIdentityCredentials/(?P<child>[^/]+)", children.delete_credential),
    ("PATCH", rf"{APPLICATION}/federatedIdentityCredentials\(name='(?P<child>[^']+)'\)", children.patch_credential),
    ("POST", rf"{APPLICATION}/(?:microsoft\.graph\.)?addPassword", children.add_password),
    ("POST", rf"{APPLICATION}/(?:microsoft\.graph\.)?removePassword", children.remove_password),
    ("GET", rf"{APPLICATION}/owners", children.list_owners),
    ("POST", rf"{APPLICATION}/owners/\$ref", children.add_owner),
    ("DELETE", rf"{APPLICATION}/owners/(?P<child>[^/]+)/\$ref", children.remove_owner),
    ("GET", r"(?P<kind>applications|servicePrincipals)/(?:microsoft\.graph\.)?delta(?:\(\))?", directory_pages.delta),
    ("GET", rf"{ITEMS}/(?:microsoft\.)?graph\.application", directory_pages.list_deleted),
    ("POST", rf"{ITEMS}/(?P<id>[^/]+)/(?:microsoft\.graph\.)?restore", directory_pages.restore),
    ("DELETE", rf"{ITEMS}/(?P<id>[^/]+)", directory_pages.purge),
    ("GET", rf"servicePrincipals{ADDRESS}/owners", children.list_owners_of_principal),
    ("GET", rf"servicePrincipals{ADDRESS}/appRoleAssign(?:edTo|ments)/(?P<child>[^/]+)", grants.one_assignment),
    ("POST", rf"servicePrincipals{ADDRESS}/appRoleAssignments", grants.assign_to),
    ("DELETE", rf"servicePrincipals{ADDRESS}/appRoleAssignments/(?P<child>[^/]+)", grants.take_from),
    ("GET", "oauth2PermissionGrants", grants.list_grants),
    ("POST", "oauth2PermissionGrants", grants.create_grant),
    ("GET", r"oauth2PermissionGrants/(?P<child>[^/]+)", grants.get_grant),
    ("PATCH", r"oauth2PermissionGrants/(?P<child>[^/]+)", grants.patch_grant),
    ("DELETE", r"oauth2PermissionGrants/(?P<child>[^/]+)", grants.delete_grant),
    ("POST", r"directoryObjects/(?:microsoft\.graph\.)?getByIds", grants.get_by_ids),
    ("GET", r"directoryObjects/(?P<child>[^/]+)", grants.get_object),
    ("GET", "organization", directory_pages.organization),
    ("GET", "domains", directory_pages.domains),
    ("GET", "me", directory_pages.me),
    ("GET", "users|groups", directory_pages.nobody),
]
"""Everything beside the two collections themselves: method, path below /v1.0, handler."""
COMPILED = [(method, re.compile(rf"^/v1\.0/(?:{path})/?$", re.IGNORECASE), page) for method, path, page in PAGES]
DELETED = re.compile(r"^/v1\.0/directory/deletedItems/(?P<id>[^/]+)/?$", re.IGNORECASE)
COUNT = re.compile(r"^/v1\.0/(?P<kind>applications|servicePrincipals)/\$count/?$", re.IGNORECASE)


def graph(call: HttpCall, world: World) -> tuple[HttpAnswer, Caller | None]:
    """The answer, and who asked."""
    caller: Caller | None = None
    try:
        caller = authenticate(call, world)
        request = GraphRequest(call=call, world=world, caller=caller)
        with acting(caller.client_id):
            answer = batch(request, lambda inner: graph(inner, world)[0]) if is_batch(call) else dispatch(request)
    except GraphError as refused:
        answer = envelope(refused, call, world)
    request_id = world.guid()
    headers = {"request-id": request_id, "client-request-id": call.header("client-request-id", request_id)}
    return answer.plus(headers | {"x-ms-resource-unit": str(units(call))}), caller


def is_batch(call: HttpCall) -> bool:
    return call.method == "POST" and call.path.lower().rstrip("/") == "/v1.0/$batch"


def page_of(request: GraphRequest) -> Callable[[GraphRequest], HttpAnswer] | None:
    """The handler of what is no plain object or collection, with its parameters in the request."""
    for method, path, page in COMPILED:
        match = path.match(request.call.path) if method == request.call.method else None
        if match is not None:
            request.where = {name: value for name, value in match.groupdict().items() if value is not None}
            return page
    return None


def dispatch(request: GraphRequest) -> HttpAnswer:
    if request.call.path.lower().startswith("/beta"):
        request.world.missing[f"{request.call.method} {request.call.path}: Graph"] += 1
        raise GraphError(501, "NotSimulated", "azuresim: only version 1.0 of Microsoft Graph is simulated.")
    page = page_of(request)
    if page is not None:
        return page(request)
    count = COUNT.match(request.call.path)
    if count and request.call.method == "GET":
        return get_count(request, count["kind"])
    deleted = DELETED.match(request.call.path)
    if deleted and request.call.method == "GET":
        return get_deleted(request, deleted["id"])
    match = OBJECT.match(request.call.path)
    if match is None:
        request.world.missing[f"{request.call.method} {request.call.path}: Graph"] += 1
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
        request.world.missing[f"{request.call.method} {request.call.path}: Graph"] += 1
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
    return HttpAnswer.json(200, {"@odata.context": context(request, "/$entity"), **shaped(request, found)})


def get_list(request: GraphRequest) -> HttpAnswer:
    """Pages of $top (100 without it), the next one by `@odata.nextLink`."""
    request.need(bool(request.permissions & READ_ALL))
    found = ordered(request, asked_for(request))
    top = number(request.call, "$top", request.world.switches.graph_page_size)
    skip = number(request.call, "$skiptoken", 0)
    page: Body = {
        "@odata.context": context(request),
        "value": [shaped(request, item) for item in found[skip : skip + top]],
    }
    if counted(request.call):
        page["@odata.count"] = len(found)
    if skip + top < len(found):
        kept = "".join(f"&{n}={v}" for n, v in request.call.query if n != "$skiptoken")
        page["@odata.nextLink"] = f"{origin(request.call)}/v1.0/{request.kind}?$skiptoken={skip + top}{kept}"
    return HttpAnswer.json(200, page)


def asked_for(request: GraphRequest) -> list[Body]:
    """The objects that $filter and $search mean, all of them without."""
    test = test_of(request)
    return searched(request, [item for item in request.visible.values() if test is None or test(item)])


def get_count(request: GraphRequest, kind: str) -> HttpAnswer:
    request.kind = "applications" if kind.lower() == "applications" else "servicePrincipals"
    request.need(bool(request.permissions & READ_ALL))
    need_eventual(request.call)
    return HttpAnswer.text(200, str(len(asked_for(request))))


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


def test_of(request: GraphRequest) -> Test | None:
    """What `$filter` asks of an object; None without one. What is not simulated is refused, never ignored."""
    for name in ("$apply", "$compute"):
        if request.call.argument(name) is not None:
            request.world.missing[f"{request.kind}: {name}"] += 1
            raise bad_request(f"The query option '{name}' is not simulated.", "Request_UnsupportedQuery")
    text = request.call.argument("$filter")
    if text is None:
        return None
    advanced = eventual(request.call) and counted(request.call)
    return Parser(text, KNOWN[type_of(request)], advanced=advanced).whole()


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
