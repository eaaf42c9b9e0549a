"""
Delegated permissions: which scopes of a resource a client may use in the name of one user, or of all.

Source: learn.microsoft.com/graph/api (oauth2permissiongrant-list, -post, -get, -update, -delete).
"""

from __future__ import annotations

from azuresim.entra.directory import Body
from azuresim.graph.reading import listed
from azuresim.graph.refusals import refuse_unknown
from azuresim.graph.request import READ_ALL, SCHEMA, GraphError, GraphRequest, bad_request, not_found
from azuresim.wire import HttpAnswer

DELEGATED = {"DelegatedPermissionGrant.ReadWrite.All", "Directory.ReadWrite.All"}
KINDS = ("AllPrincipals", "Principal")
UNIQUE = ("clientId", "resourceId", "principalId")


def list_grants(request: GraphRequest) -> HttpAnswer:
    request.need(bool(request.permissions & (READ_ALL | DELEGATED)))
    found = request.world.entra.permission_grants.values()
    return listed(request, found, "oAuth2PermissionGrant", f"{SCHEMA}oauth2PermissionGrants")


def create_grant(request: GraphRequest) -> HttpAnswer:
    request.need(bool(request.permissions & DELEGATED))
    entra, sent = request.world.entra, request.json()
    refuse_unknown(sent, "oAuth2PermissionGrant")
    check_grant(request, sent)
    mine = [sent.get(name) for name in UNIQUE]
    if any([one[name] for name in UNIQUE] == mine for one in entra.permission_grants.values()):
        raise GraphError(409, "Request_MultipleObjectsWithSameKeyValue", "Permission entry already exists.")
    fields = ("clientId", "consentType", "principalId", "resourceId")
    body: Body = {
        "id": request.world.hexadecimal(43),
        **{name: sent.get(name) for name in fields},
        "scope": sent.get("scope") or "",
    }
    entra.permission_grants[body["id"]] = body
    request.record(f"/oauth2PermissionGrants/{body['id']}", None, body)
    return HttpAnswer.json(201, {"@odata.context": f"{SCHEMA}oauth2PermissionGrants/$entity", **body})


def check_grant(request: GraphRequest, sent: Body) -> None:
    """Client and resource exist; a grant for one principal names it, and one for all names none."""
    principals = request.world.entra.service_principals
    for name, valid in (
        ("consentType", sent.get("consentType") in KINDS),
        ("clientId", sent.get("clientId") in principals),
        ("resourceId", sent.get("resourceId") in principals),
        ("principalId", bool(sent.get("principalId")) == (sent.get("consentType") == "Principal")),
    ):
        if not valid:
            raise bad_request(f"Invalid value specified for property '{name}' of resource 'OAuth2PermissionGrant'.")


def the_grant(request: GraphRequest, needed: set[str]) -> Body:
    request.need(bool(request.permissions & needed))
    found = request.world.entra.permission_grants.get(request.where["child"])
    if found is None:
        raise not_found(request.where["child"])
    return found


def get_grant(request: GraphRequest) -> HttpAnswer:
    return HttpAnswer.json(200, the_grant(request, READ_ALL | DELEGATED))


def patch_grant(request: GraphRequest) -> HttpAnswer:
    found, sent = the_grant(request, DELEGATED), request.json()
    if set(sent) - {"scope"} or not isinstance(sent.get("scope", ""), str):
        raise bad_request("Only the scope of a grant can be changed.")
    before = dict(found)
    found.update(sent)
    request.record(f"/oauth2PermissionGrants/{found['id']}", before, found)
    return HttpAnswer(204)


def delete_grant(request: GraphRequest) -> HttpAnswer:
    found = the_grant(request, DELEGATED)
    del request.world.entra.permission_grants[found["id"]]
    request.record(f"/oauth2PermissionGrants/{found['id']}", found, None)
    return HttpAnswer(204)
