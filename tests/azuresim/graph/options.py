"""
The query options that shape a list or an object: $select, $expand, $orderby, $search, $count, $top.

What directory objects take is narrower than OData: one $expand with at most 20 related objects, $orderby by
displayName unless the query is an advanced one, $search and $count only with `ConsistencyLevel: eventual`, no $skip.
Sources: learn.microsoft.com/graph/query-parameters, aad-advanced-queries and search-query-parameter. The texts of some
refusals are assumed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from azuresim.contract_check import graph_types, properties_of
from azuresim.entra.directory import Body
from azuresim.graph.relations import related_of
from azuresim.graph.request import GraphError, GraphRequest, bad_request
from azuresim.wire import HttpCall

TYPES = ("application", "servicePrincipal", "appRoleAssignment", "oAuth2PermissionGrant", "federatedIdentityCredential")
KNOWN = {kind: {name: str(one["type"]) for name, one in properties_of(kind).items()} for kind in TYPES}
"""The properties of a type, and what type each of them has."""
KNOWN["directoryObject"] = KNOWN["application"] | KNOWN["servicePrincipal"]
MOST_EXPANDED = 20
FAILED = "Parsing OData Select and Expand failed: "
EXPAND = re.compile(r"^\s*(?P<name>\w+|\*)\s*(?:\((?P<inner>[^()]*)\))?\s*$")
CLAUSE = re.compile(r'\s*"(?P<field>\w+):(?P<text>[^"]+)"\s*(?P<joined>AND|OR)?', re.IGNORECASE)
SEARCHED = ("displayName", "description")


def relations_of(kind: str) -> dict[str, str]:
    """What the metadata says a type may be expanded with: name -> type of the related objects."""
    found = graph_types().get(kind, {}).get("navigation") or {}
    return {name: one["type"] for name, one in found.items()}


def eventual(call: HttpCall) -> bool:
    return call.header("ConsistencyLevel").lower() == "eventual"


def counted(call: HttpCall) -> bool:
    return (call.argument("$count") or "").lower() == "true"


def refuse_unsupported(request: GraphRequest) -> None:
    """What Graph knows and the simulator does not is refused, never ignored; $skip is what the directory refuses."""
    for name in ("$apply", "$compute"):
        if request.call.argument(name) is not None:
            request.world.missing[f"{request.kind}: {name}"] += 1
            raise bad_request(f"The query option '{name}' is not simulated.", "Request_UnsupportedQuery")
    if request.call.argument("$skip") is not None:
        raise bad_request("'$skip' is not supported by the service.", "Request_UnsupportedQuery")


# --- $select and $expand ----------------------------------------------------------------------------------------------
def names_in(text: str | None, kind: str) -> list[str]:
    """The names of a $select; 400 for one that the type has not."""
    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    for name in names:
        if name not in KNOWN[kind]:
            raise unknown_property(name, kind)
    return names


def unknown_property(name: str, kind: str) -> GraphError:
    text = f"{FAILED}Could not find a property named '{name[:100]}' on type 'microsoft.graph.{kind}'."
    return bad_request(text, "BadRequest")


def shaped(request: GraphRequest, body: Body, kind: str) -> Body:
    """The object as $select and $expand ask for it."""
    return chosen(body, names_in(request.call.argument("$select"), kind)) | expanded(request, body, kind)


def chosen(body: Body, names: Sequence[str]) -> Body:
    """What the names choose, and what says which type it is; everything without names."""
    if not names:
        return dict(body)
    return {name: value for name, value in body.items() if name.startswith("@")} | {
        name: body.get(name) for name in names
    }


def expanded(request: GraphRequest, body: Body, kind: str) -> Body:
    text = request.call.argument("$expand")
    if text is None:
        return {}
    found = EXPAND.match(text)
    if found is None or found["name"] == "*":
        raise bad_request("Expand with more than one navigation property is not supported.", "Request_UnsupportedQuery")
    name = found["name"]
    if name not in relations_of(kind):
        raise unknown_property(name, kind)
    inner = dict(part.strip().split("=", 1) for part in (found["inner"] or "").split(";") if "=" in part)
    if set(inner) - {"$select"}:
        raise bad_request("Only $select is supported inside $expand.", "Request_UnsupportedQuery")
    related_kind = relations_of(kind)[name].removeprefix("Collection(").removesuffix(")").removeprefix("graph.")
    names = names_in(inner.get("$select"), related_kind) if related_kind in KNOWN else []
    return {name: [chosen(one, names) for one in related_of(request.world, body, name)[:MOST_EXPANDED]]}


# --- $orderby ---------------------------------------------------------------------------------------------------------
def ordered(call: HttpCall, found: Sequence[Body], kind: str) -> list[Body]:
    """As $orderby says; without one, in the order of creation."""
    text = call.argument("$orderby")
    if text is None:
        return list(found)
    name, _, direction = text.strip().partition(" ")
    if name not in KNOWN[kind] or direction.strip().lower() not in ("", "asc", "desc"):
        raise bad_request(f"Invalid order by clause: '{text[:80]}'.", "BadRequest")
    advanced = eventual(call) and counted(call)
    if not advanced and (name != "displayName" or call.argument("$filter") is not None):
        text = "Sorting is not supported without 'ConsistencyLevel: eventual' and '$count=true'."
        raise bad_request(text, "Request_UnsupportedQuery")
    return sorted(found, key=lambda one: str(one.get(name) or "").lower(), reverse=direction.strip().lower() == "desc")


# --- $search ----------------------------------------------------------------------------------------------------------
def searched(call: HttpCall, found: Iterable[Body]) -> list[Body]:
    """Those that `$search="displayName:text"` means: a word of the property begins with each word of the text."""
    text = call.argument("$search")
    if text is None:
        return list(found)
    if not eventual(call):
        raise bad_request(
            "Request with $search query parameter only works through MSGraph with a special request header: "
            "'ConsistencyLevel: eventual'",
            "Request_UnsupportedQuery",
        )
    test = search_test(text)
    return [one for one in found if test(one)]


def search_test(text: str) -> Callable[[Body], bool]:
    clauses, at, all_of = [], 0, True
    while at < len(text):
        match = CLAUSE.match(text, at)
        if match is None or match["field"] not in SEARCHED:
            raise bad_request(
                f"Syntax error: character ':' is not valid at position {at} in '{text[:80]}'.", "BadRequest"
            )
        clauses.append((match["field"], match["text"].lower().split()))
        all_of = all_of and (match["joined"] or "AND").upper() == "AND"
        at = match.end()
    if not clauses:
        raise bad_request("The search clause is empty.", "BadRequest")

    def holds(one: Body, name: str, words: list[str]) -> bool:
        there = re.split(r"[^\w]+", str(one.get(name) or "").lower())
        return all(any(part.startswith(word) for part in there) for word in words)

    join = all if all_of else any
    return lambda one: join(holds(one, name, words) for name, words in clauses)
