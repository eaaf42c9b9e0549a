"""
Reading: one object, lists in pages, counts, and what is related to an object.

Every list takes the same query options (options.py, filters.py) and comes in pages of $top, or of
`world.switches.graph_page_size`, each with the link to the next one.
Sources: learn.microsoft.com/graph/paging and query-parameters; the lists in learn.microsoft.com/graph/api.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote, urlencode

from azuresim.entra.directory import Body
from azuresim.graph.filters import Parser
from azuresim.graph.keys import with_keys
from azuresim.graph.options import (
    KNOWN,
    counted,
    eventual,
    ordered,
    refuse_unsupported,
    relations_of,
    searched,
    shaped,
)
from azuresim.graph.relations import owners_of, related_of
from azuresim.graph.request import (
    ASSIGN,
    READ_ALL,
    SCHEMA,
    GraphError,
    GraphRequest,
    bad_request,
    context,
    origin,
    readable,
)
from azuresim.wire import HttpAnswer, HttpCall

LARGEST_PAGE = 999
ASSIGNMENTS = {"appRoleAssignedTo", "appRoleAssignments"}


# --- the two collections ----------------------------------------------------------------------------------------------
def get_one(request: GraphRequest) -> HttpAnswer:
    found = readable(request)
    if "keyCredentials" in (request.call.argument("$select") or "").split(","):
        found = with_keys(request, found)
    return HttpAnswer.json(
        200, {"@odata.context": context(request, "/$entity"), **shaped(request, found, request.type)}
    )


def get_list(request: GraphRequest) -> HttpAnswer:
    request.need(bool(request.permissions & READ_ALL))
    return listed(request, request.visible.values(), request.type)


def get_count(request: GraphRequest) -> HttpAnswer:
    """`/$count` is an advanced query."""
    request.need(bool(request.permissions & READ_ALL))
    need_eventual(request)
    return HttpAnswer.text(200, str(len(asked_for(request, request.visible.values(), request.type))))


def need_eventual(request: GraphRequest) -> None:
    if not eventual(request.call):
        raise bad_request("$count is not currently supported.")


# --- what hangs on an object ------------------------------------------------------------------------------------------
def get_related(request: GraphRequest) -> HttpAnswer:
    """The relation of the path: owners, assignments, and whatever else the type has."""
    name, kind, related = relation_in(request)
    if kind not in KNOWN:  # policies and the like, of which the tenant has none
        return HttpAnswer.json(200, {"@odata.context": f"{SCHEMA}{request.kind}", "value": []})
    return listed(request, related, kind, f"{SCHEMA}{'directoryObjects' if kind == 'directoryObject' else name}")


def count_related(request: GraphRequest) -> HttpAnswer:
    _, kind, related = relation_in(request)
    need_eventual(request)
    return HttpAnswer.text(200, str(len(asked_for(request, related, kind)) if kind in KNOWN else 0))


def relation_in(request: GraphRequest) -> tuple[str, str, list[Body]]:
    """The relation of the path, the type of its objects, and those of them that the caller may read."""
    name = {known.lower(): known for known in relations_of(request.type)}.get(request.where["relation"].lower())
    if name is None:
        raise segment_not_found(request)
    if name in ASSIGNMENTS:
        request.need(bool(request.permissions & (READ_ALL | {ASSIGN})))
        found = request.find(request.visible)
    else:
        found = readable(request)
    kind = relations_of(request.type)[name].removeprefix("Collection(").removesuffix(")").removeprefix("graph.")
    related = related_of(request.world, found, name)
    cast = request.where.get("cast")
    if cast is not None:
        related = [one for one in related if one.get("@odata.type", "").lower() == f"#microsoft.graph.{cast.lower()}"]
    return name, kind, related


def segment_not_found(request: GraphRequest) -> GraphError:
    request.world.missing[f"{request.call.method} {request.call.path}: Graph"] += 1
    segment = request.call.path.rstrip("/").rpartition("/")[2]
    return bad_request(f"Resource not found for the segment '{segment[:80]}'.", "BadRequest")


# --- lists ------------------------------------------------------------------------------------------------------------
def listed(request: GraphRequest, items: Iterable[Body], kind: str, where: str = "") -> HttpAnswer:
    """A page of those that the query options ask for."""
    found = ordered(request.call, asked_for(request, items, kind), kind)
    top = number(request.call, "$top", request.world.switches.graph_page_size)
    skip = number(request.call, "$skiptoken", 0)
    page: Body = {
        "@odata.context": where or context(request),
        "value": [shaped(request, item, kind) for item in found[skip : skip + top]],
    }
    if counted(request.call):
        page["@odata.count"] = len(found)
    if skip + top < len(found):
        page["@odata.nextLink"] = next_link(request.call, skip + top)
    return HttpAnswer.json(200, page)


def next_link(call: HttpCall, skip: int) -> str:
    kept = [(name, value) for name, value in call.query if name.lower() != "$skiptoken"]
    query = urlencode([*kept, ("$skiptoken", str(skip))], safe="$,()'/:", quote_via=quote)
    return f"{origin(call)}{quote(call.path, safe='/()=$')}?{query}"


def asked_for(request: GraphRequest, items: Iterable[Body], kind: str) -> list[Body]:
    """The objects that $filter and $search mean, all of them without."""
    refuse_unsupported(request)
    text = request.call.argument("$filter")
    if text is not None:
        advanced = eventual(request.call) and counted(request.call)
        owned = "owners" in relations_of(kind)
        test = Parser(text, KNOWN[kind] | ({"owners": ""} if owned else {}), advanced=advanced).whole()
        items = [item for item in items if test({**item, "owners": owners_of(request.world, item)} if owned else item)]
    return searched(request.call, items)


def number(call: HttpCall, name: str, default: int) -> int:
    text = call.argument(name)
    if text is None:
        return default
    if not text.isdecimal() or (name == "$top" and not 1 <= int(text) <= LARGEST_PAGE):
        raise bad_request(f"Invalid value '{text[:80]}' for query option '{name}'.", "Request_BadRequest")
    return int(text)
