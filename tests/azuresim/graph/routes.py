"""
What Graph v1.0 answers: method, path, handler. More specific paths come first.

What matches no path is refused with Graph's words and counted in `world.missing`; so is the beta version.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from azuresim.graph import assignments, deleted, federated, grants, owners, passwords, reading, rolling, tenant, writes
from azuresim.graph.delta import delta
from azuresim.graph.request import GraphError, GraphRequest, bad_request
from azuresim.wire import HttpAnswer

Handler = Callable[[GraphRequest], HttpAnswer]
KINDS = r"(?P<kind>applications|servicePrincipals)"
ADDRESS = r"(?:/(?P<id>[^/()$]+)|\((?P<key>appId|uniqueName)='(?P<value>(?:[^']|'')*)'\))"
ANY = KINDS + ADDRESS
APPLICATION = rf"(?P<kind>applications){ADDRESS}"
PRINCIPAL = rf"(?P<kind>servicePrincipals){ADDRESS}"
CHILD = r"(?P<child>[^/]+)"
NAMESPACE = r"(?:microsoft\.)?(?:graph\.)?"
FEDERATED = rf"{APPLICATION}/federatedIdentityCredentials"
ITEMS = "directory/deletedItems"
ROUTES: list[tuple[str, str, Handler]] = [
    ("GET", KINDS, reading.get_list),
    ("POST", KINDS, writes.create),
    ("GET", rf"{KINDS}/\$count", reading.get_count),
    ("GET", rf"{KINDS}/{NAMESPACE}delta(?:\(\))?", delta),
    ("GET", ANY, reading.get_one),
    ("PATCH", ANY, writes.patch),
    ("DELETE", ANY, writes.delete),
    ("POST", rf"{ANY}/{NAMESPACE}addPassword", passwords.add_password),
    ("POST", rf"{ANY}/{NAMESPACE}removePassword", passwords.remove_password),
    ("POST", rf"{ANY}/{NAMESPACE}addKey", rolling.add_key),
    ("POST", rf"{ANY}/{NAMESPACE}removeKey", rolling.remove_key),
    ("GET", rf"{ANY}/owners/\$ref", owners.list_references),
    ("POST", rf"{ANY}/owners/\$ref", owners.add_owner),
    ("DELETE", rf"{ANY}/owners/{CHILD}/\$ref", owners.remove_owner),
    ("POST", FEDERATED, federated.create_credential),
    ("GET", rf"{FEDERATED}/(?P<child>[^/$]+)", federated.get_credential),
    ("PATCH", rf"{FEDERATED}/{CHILD}", federated.patch_credential),
    ("DELETE", rf"{FEDERATED}/{CHILD}", federated.delete_credential),
    ("GET", rf"{FEDERATED}\(name='(?P<child>[^']+)'\)", federated.get_credential),
    ("PATCH", rf"{FEDERATED}\(name='(?P<child>[^']+)'\)", federated.patch_credential),
    ("DELETE", rf"{FEDERATED}\(name='(?P<child>[^']+)'\)", federated.delete_credential),
    ("POST", rf"{PRINCIPAL}/appRoleAssignedTo", assignments.assign),
    ("DELETE", rf"{PRINCIPAL}/appRoleAssignedTo/{CHILD}", assignments.unassign),
    ("POST", rf"{PRINCIPAL}/appRoleAssignments", assignments.assign_to),
    ("DELETE", rf"{PRINCIPAL}/appRoleAssignments/{CHILD}", assignments.take_from),
    ("GET", rf"{PRINCIPAL}/appRoleAssign(?:edTo|ments)/(?P<child>[^/$]+)", assignments.one_assignment),
    ("GET", rf"{ANY}/(?P<relation>\w+)", reading.get_related),
    ("GET", rf"{ANY}/(?P<relation>\w+)/\$count", reading.count_related),
    ("GET", rf"{ANY}/(?P<relation>\w+)/(?:microsoft\.)?graph\.(?P<cast>\w+)", reading.get_related),
    ("GET", rf"{ITEMS}/{NAMESPACE}(?P<type>application|servicePrincipal)", deleted.list_deleted),
    ("GET", rf"{ITEMS}/(?P<id>[^/]+)", deleted.get_deleted),
    ("DELETE", rf"{ITEMS}/(?P<id>[^/]+)", deleted.purge),
    ("POST", rf"{ITEMS}/(?P<id>[^/]+)/{NAMESPACE}restore", deleted.restore),
    ("GET", "oauth2PermissionGrants", grants.list_grants),
    ("POST", "oauth2PermissionGrants", grants.create_grant),
    ("GET", rf"oauth2PermissionGrants/{CHILD}", grants.get_grant),
    ("PATCH", rf"oauth2PermissionGrants/{CHILD}", grants.patch_grant),
    ("DELETE", rf"oauth2PermissionGrants/{CHILD}", grants.delete_grant),
    ("POST", rf"directoryObjects/{NAMESPACE}getByIds", tenant.get_by_ids),
    ("GET", rf"directoryObjects/{CHILD}", tenant.get_object),
    ("GET", "organization", tenant.organization),
    ("GET", "domains", tenant.domains),
    ("GET", "me(?:/.*)?", tenant.me),
    ("GET", "users|groups", tenant.nobody),
]
KNOWN_KINDS = {"applications": "applications", "serviceprincipals": "servicePrincipals"}
COMPILED = [(method, re.compile(rf"^/v1\.0/(?:{path})/?$", re.IGNORECASE), page) for method, path, page in ROUTES]


def dispatch(request: GraphRequest) -> HttpAnswer:
    if request.call.path.lower().startswith("/beta"):
        raise missing(request, GraphError(501, "NotSimulated", "azuresim: only version 1.0 of Graph is simulated."))
    found = found_at(request.call.method, request.call.path)
    if found.handler is not None:
        request.where, request.kind = found.where, found.kind
        return found.handler(request)
    if found.known:
        text = f"{request.call.method} is not simulated for {request.call.path[:200]}."
        raise missing(request, GraphError(405, "Request_BadRequest", text))
    segment = request.call.path.split("/")[2:3] or [""]
    raise missing(request, bad_request(f"Resource not found for the segment '{segment[0][:80]}'.", "BadRequest"))


@dataclass(frozen=True, slots=True)
class Found:
    """The handler for a path and what the path addresses; without one, whether another method has one."""

    handler: Handler | None = None
    where: Mapping[str, str] = field(default_factory=dict)
    kind: str = ""
    known: bool = False


@lru_cache(maxsize=4096)
def found_at(method: str, path: str) -> Found:
    known = False
    for of_method, pattern, handler in COMPILED:
        match = pattern.match(path)
        known = known or match is not None
        if match is not None and of_method == method:
            where = {name: value for name, value in match.groupdict().items() if value is not None}
            return Found(handler, where, KNOWN_KINDS.get(where.get("kind", "").lower(), ""), known)
    return Found(known=known)


def missing(request: GraphRequest, refused: GraphError) -> GraphError:
    """Asked for in vain: counted, so that whoever looks finds what is not simulated."""
    request.world.missing[f"{request.call.method} {request.call.path}: Graph"] += 1
    return refused
