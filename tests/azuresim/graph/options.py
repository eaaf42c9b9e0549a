"""
The query options that shape a list or an object: $select, $expand, $orderby, $search, $count, $top.

What directory objects take is narrower than OData: one $expand with at most 20 related objects, $orderby by
displayName unless the query is an advanced one, $search and $count only with `ConsistencyLevel: eventual`.
Sources: learn.microsoft.com/graph/query-parameters, aad-advanced-queries and search-query-parameter. The texts of some
refusals are assumed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from azuresim.contract_check import properties_of
from azuresim.entra.directory import Body
from azuresim.graph.children import owners_of
from azuresim.graph.request import GraphError, GraphRequest, bad_request
from azuresim.wire import HttpCall

KNOWN = {kind: frozenset(properties_of(kind)) | {"id"} for kind in ("application", "servicePrincipal")}
MOST_EXPANDED = 20
FAILED = "Parsing OData Select and Expand failed: "
EXPAND = re.compile(r"^\s*(?P<name>\w+|\*)\s*(?:\((?P<inner>[^()]*)\))?\s*$")
CLAUSE = re.compile(r'\s*"(?P<field>\w+):(?P<text>[^"]+)"\s*(?P<joined>AND|OR)?', re.IGNORECASE)
SEARCHED = ("displayName", "description")
NAVIGATION = {
    "application": (
        "owners", "federatedIdentityCredentials", "extensionProperties", "appManagementPolicies",
        "homeRealmDiscoveryPolicies", "tokenIssuancePolicies", "tokenLifetimePolicies",
    ),
    "servicePrincipal": (
        "owners", "appRoleAssignedTo", "appRoleAssignments", "oauth2PermissionGrants", "memberOf", "transitiveMemberOf",
        "ownedObjects", "createdObjects", "endpoints", "federatedIdentityCredentials",
    ),
}  # fmt: skip
"""What a type may be expanded with. Those of which the simulated tenant has nothing are empty."""


def type_of(request: GraphRequest) -> str:
    return request.kind.removesuffix("s")


def eventual(call: HttpCall) -> bool:
    return call.header("ConsistencyLevel").lower() == "eventual"


def counted(call: HttpCall) -> bool:
    return (call.argument("$count") or "").lower() == "true"


def names_in(text: str | None, kind: str) -> list[str]:
    """The names of a $select; 400 for one that the type has not."""
    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    for name in names:
        if name not in KNOWN[kind]:
            raise bad_request(
                f"{FAILED}Could not find a property named '{name}' on type 'microsoft.graph.{kind}'.", "BadRequest"
            )
    return names


def shaped(request: GraphRequest, body: Body) -> Body:
    """The object as $select and $expand ask for it."""
    names = names_in(request.call.argument("$select"), type_of(request))
    shown = {name: body.get(name) for name in names} if names else dict(body)
    return shown | expanded(request, body)


def expanded(request: GraphRequest, body: Body) -> Body:
    text = request.call.argument("$expand")
    if text is None:
        return {}
    found = EXPAND.match(text)
    if found is None or found["name"] == "*":
        raise bad_request("Expand with more than one navigation property is not supported.", "Request_UnsupportedQuery")
    name, kind = found["name"], type_of(request)
    if name not in NAVIGATION[kind]:
        raise bad_request(
            f"{FAILED}Could not find a property named '{name}' on type 'microsoft.graph.{kind}'.", "BadRequest"
        )
    inner = dict(part.split("=", 1) for part in (found["inner"] or "").split(";") if "=" in part)
    if set(inner) - {"$select"}:
        raise bad_request("Only $select is supported inside $expand.", "Request_UnsupportedQuery")
    chosen = [one.strip() for one in inner.get("$select", "").split(",") if one.strip()]
    related = related_of(request, body, name)[:MOST_EXPANDED]
    return {name: [{one: each.get(one) for one in chosen} if chosen else each for each in related]}


def related_of(request: GraphRequest, body: Body, name: str) -> list[Body]:
    entra = request.world.entra
    if name == "owners":
        return owners_of(request, body)
    if name == "federatedIdentityCredentials":
        return list(entra.federated_bodies.get(body["id"], {}).values())
    if name == "oauth2PermissionGrants":
        return [one for one in entra.permission_grants.values() if one["clientId"] == body["id"]]
    side = {"appRoleAssignedTo": "resourceId", "appRoleAssignments": "principalId"}.get(name)
    return [one for one in entra.assignments.values() if side is not None and one[side] == body["id"]]


def ordered(request: GraphRequest, found: Sequence[Body]) -> list[Body]:
    """As $orderby says; without one, in the order of creation."""
    text = request.call.argument("$orderby")
    if text is None:
        return list(found)
    name, _, direction = text.strip().partition(" ")
    if name not in KNOWN[type_of(request)] or direction.strip().lower() not in ("", "asc", "desc"):
        raise bad_request(f"Invalid order by clause: '{text[:80]}'.", "BadRequest")
    advanced = eventual(request.call) and counted(request.call)
    if not advanced and (name != "displayName" or request.call.argument("$filter") is not None):
        text = "Sorting is not supported without 'ConsistencyLevel: eventual' and '$count=true'."
        raise bad_request(text, "Request_UnsupportedQuery")
    return sorted(found, key=lambda one: str(one.get(name) or "").lower(), reverse=direction.strip().lower() == "desc")


def searched(request: GraphRequest, found: Iterable[Body]) -> list[Body]:
    """Those that `$search="displayName:text"` means: a word of the property begins with each word of the text."""
    text = request.call.argument("$search")
    if text is None:
        return list(found)
    if not eventual(request.call):
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


def need_eventual(call: HttpCall) -> None:
    """`/$count` is an advanced query."""
    if not eventual(call):
        raise GraphError(400, "Request_BadRequest", "$count is not currently supported.")
