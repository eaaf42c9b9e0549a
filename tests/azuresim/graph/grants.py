"""
Who was granted what: app roles from the principal's side, delegated permissions, and Graph's own permissions.

An app role of Microsoft Graph's service principal that is assigned to a client is a permission of Graph for it
(application permissions); a token carries them as `roles` from when it is issued.
Sources: learn.microsoft.com/graph/api (serviceprincipal-post-approleassignments, -delete-approleassignments,
oauth2permissiongrant-*); learn.microsoft.com/graph/permissions-reference (ids).
"""

from __future__ import annotations

from azuresim.entra.directory import Body
from azuresim.graph import writes
from azuresim.graph.request import READ_ALL, GraphError, GraphRequest, bad_request, not_found
from azuresim.wire import HttpAnswer

CONTEXT = "https://graph.microsoft.com/v1.0/$metadata#"
DELEGATED = {"DelegatedPermissionGrant.ReadWrite.All", "Directory.ReadWrite.All"}
KINDS = ("AllPrincipals", "Principal")


# --- app roles, from the side of who has them -------------------------------------------------------------------------
def assign_to(request: GraphRequest) -> HttpAnswer:
    """The role is assigned to the principal of the path; the body names the resource, as from the other side."""
    request.kind = "servicePrincipals"
    principal, sent = request.find(request.visible), request.json()
    if sent.get("principalId") != principal["id"]:
        raise bad_request("Not a valid reference update.")
    request.where = {"id": str(sent.get("resourceId", ""))}
    return writes.assign(request)


def take_from(request: GraphRequest) -> HttpAnswer:
    request.kind = "servicePrincipals"
    principal = request.find(request.visible)
    found = request.world.entra.assignments.get(request.where["child"])
    if found is None or found["principalId"] != principal["id"]:
        raise bad_request("EntitlementGrant being updated or deleted is not found.")
    request.where = {"id": found["resourceId"], "related": found["id"]}
    return writes.unassign(request)


def one_assignment(request: GraphRequest) -> HttpAnswer:
    request.need(bool(request.permissions & READ_ALL))
    found = request.world.entra.assignments.get(request.where["child"])
    if found is None or request.where["id"] not in (found["principalId"], found["resourceId"]):
        raise not_found(request.where["child"])
    return HttpAnswer.json(200, {"@odata.context": f"{CONTEXT}appRoleAssignments/$entity", **found})


# --- delegated permissions --------------------------------------------------------------------------------------------
def list_grants(request: GraphRequest) -> HttpAnswer:
    """All of them, or those that `clientId eq '…'` (and `resourceId eq '…'`) mean."""
    request.need(bool(request.permissions & (READ_ALL | DELEGATED)))
    found = list(request.world.entra.permission_grants.values())
    for clause in filter(None, (request.call.argument("$filter") or "").split(" and ")):
        name, _, value = clause.strip().partition(" eq ")
        if name not in ("clientId", "resourceId", "consentType", "principalId") or not value.startswith("'"):
            raise bad_request(f"Invalid filter clause: '{clause[:80]}'.", "BadRequest")
        found = [one for one in found if one[name] == value.strip("'")]
    return HttpAnswer.json(200, {"@odata.context": f"{CONTEXT}oauth2PermissionGrants", "value": found})


def create_grant(request: GraphRequest) -> HttpAnswer:
    request.need(bool(request.permissions & DELEGATED))
    entra, sent = request.world.entra, request.json()
    if sent.get("consentType") not in KINDS:
        raise bad_request("Invalid value specified for property 'consentType' of resource 'OAuth2PermissionGrant'.")
    for name in ("clientId", "resourceId"):
        if sent.get(name) not in entra.service_principals:
            raise bad_request(f"Invalid value specified for property '{name}' of resource 'OAuth2PermissionGrant'.")
    mine = (sent["clientId"], sent["resourceId"], sent.get("principalId"))
    if any(
        (one["clientId"], one["resourceId"], one["principalId"]) == mine for one in entra.permission_grants.values()
    ):
        raise GraphError(409, "Request_MultipleObjectsWithSameKeyValue", "Permission entry already exists.")
    body: Body = {
        "id": request.world.hexadecimal(43),
        "clientId": sent["clientId"],
        "consentType": sent["consentType"],
        "principalId": sent.get("principalId"),
        "resourceId": sent["resourceId"],
        "scope": str(sent.get("scope") or ""),
    }
    entra.permission_grants[body["id"]] = body
    return HttpAnswer.json(201, {"@odata.context": f"{CONTEXT}oauth2PermissionGrants/$entity", **body})


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
    found.update(sent)
    return HttpAnswer(204)


def delete_grant(request: GraphRequest) -> HttpAnswer:
    del request.world.entra.permission_grants[the_grant(request, DELEGATED)["id"]]
    return HttpAnswer(204)


# --- objects by their ids ---------------------------------------------------------------------------------------------
def get_by_ids(request: GraphRequest) -> HttpAnswer:
    """Those of the ids that are applications or service principals; others are left out, not refused."""
    request.need(bool(request.permissions & READ_ALL))
    sent = request.json()
    ids, types = sent.get("ids"), sent.get("types") or ["directoryObject"]
    if not isinstance(ids, list) or not 1 <= len(ids) <= 1000 or not isinstance(types, list):
        raise bad_request("Invalid value specified for property 'ids'.")
    wanted = {str(one).lower() for one in types}
    found = [one for one in (typed_object(request, str(each)) for each in ids) if one is not None]
    shown = [one for one in found if {"directoryobject", one["@odata.type"].rpartition(".")[2].lower()} & wanted]
    return HttpAnswer.json(200, {"@odata.context": f"{CONTEXT}directoryObjects", "value": shown})


def get_object(request: GraphRequest) -> HttpAnswer:
    request.need(bool(request.permissions & READ_ALL))
    found = typed_object(request, request.where["child"])
    if found is None:
        raise not_found(request.where["child"])
    return HttpAnswer.json(200, {"@odata.context": f"{CONTEXT}directoryObjects/$entity", **found})


def typed_object(request: GraphRequest, object_id: str) -> Body | None:
    entra = request.world.entra
    for kind, objects in (("application", entra.applications), ("servicePrincipal", entra.service_principals)):
        if object_id in objects:
            return {"@odata.type": f"#microsoft.graph.{kind}", **objects[object_id]}
    return None
