"""
What Graph v1.0 answers: method, path, handler. More specific paths come first.

What matches no path is refused with Graph's words and counted in `world.missing`; so is the beta version.
"""

from __future__ import annotations

import re
from collections.abc import Callable

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
COMPILED = [(method, re.compile(rf"^/v1\.0/(?:{path})/?$", re.IGNORECASE), page) for method, path, page in ROUTES]


def dispatch(request: GraphRequest) -> HttpAnswer:
    if request.call.path.lower().startswith("/beta"):
        raise missing(request, GraphError(501, "NotSimulated", "azuresim: only version 1.0 of Graph is simulated."))
    known = False
    for method, path, handler in COMPILED:
        match = path.match(request.call.path)
        known = known or match is not None
        if match is not None and method == request.call.method:
            address(request, match)
            return handler(request)
    if known:
        text = f"{request.call.method} is not simulated for {request.call.path[:200]}."
        raise missing(request, GraphError(405, "Request_BadRequest", text))
    segment = request.call.path.split("/")[2:3] or [""]
    raise missing(request, bad_request(f"Resource not found for the segment '{segment[0][:80]}'.", "BadRequest"))


def address(request: GraphRequest, match: re.Match[str]) -> None:
    request.where = {name: value for name, value in match.groupdict().items() if value is not None}
    kind = request.where.get("kind", "").lower()
    request.kind = {"applications": "applications", "serviceprincipals": "servicePrincipals"}.get(kind, "")


def missing(request: GraphRequest, refused: GraphError) -> GraphError:
    """Asked for in vain: counted, so that whoever looks finds what is not simulated."""
    request.world.missing[f"{request.call.method} {request.call.path}: Graph"] += 1
    return refused
