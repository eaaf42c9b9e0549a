"""
App role assignments, from both sides: of a resource's role to who calls it, and to whoever has it.

A role of Microsoft Graph's own service principal that is assigned to a client is a permission of Graph for it; a token
carries those as `roles` from when it is issued. Sources: learn.microsoft.com/graph/api
(serviceprincipal-post-approleassignedto, -post-approleassignments and their neighbours),
learn.microsoft.com/graph/permissions-grant-via-msgraph.
"""

from __future__ import annotations

from azuresim.entra.directory import Body
from azuresim.graph.refusals import refuse_unknown
from azuresim.graph.request import ASSIGN, OWNED, READ_ALL, SCHEMA, GraphRequest, bad_request, context, not_found
from azuresim.wire import HttpAnswer

NO_ROLE = "00000000-0000-0000-0000-000000000000"


def may_assign(request: GraphRequest, resource: Body) -> bool:
    if ASSIGN in request.permissions and request.permissions & READ_ALL:
        return True
    return request.world.switches.graph_owned_by_assigns_roles and request.owns(resource["id"])


def assign(request: GraphRequest) -> HttpAnswer:
    entra, sent = request.world.entra, request.json()
    refuse_unknown(sent, "appRoleAssignment")
    request.need(bool(request.permissions & (READ_ALL | {ASSIGN, OWNED})))
    resource = request.find(request.visible)
    request.need(may_assign(request, resource))
    principal_id, role_id = str(sent.get("principalId", "")), str(sent.get("appRoleId", ""))
    if sent.get("resourceId") != resource["id"] or principal_id not in request.visible:
        raise bad_request("Not a valid reference update.")
    roles = {role["id"] for role in resource["appRoles"] if role.get("isEnabled")}
    if role_id not in (roles or {NO_ROLE}):
        raise bad_request(f"Permission being assigned was not found on application '{resource['appId']}'.")
    mine = (principal_id, resource["id"], role_id)
    if any((a["principalId"], a["resourceId"], a["appRoleId"]) == mine for a in entra.assignments.values()):
        raise bad_request("Permission being assigned already exists on the object")
    body = entra.assign(principal_id, resource["id"], role_id)
    entra.permission_follows(body, granted=True)
    request.record(f"/servicePrincipals/{resource['id']}/appRoleAssignedTo/{body['id']}", None, body)
    return HttpAnswer.json(201, {"@odata.context": context(request, "/$entity"), **body})


def unassign(request: GraphRequest) -> HttpAnswer:
    request.need(bool(request.permissions & (READ_ALL | {ASSIGN, OWNED})))
    resource = request.find(request.visible)
    request.need(may_assign(request, resource))
    found = request.world.entra.assignments.get(request.where.get("child", ""))
    if found is None or found["resourceId"] != resource["id"]:
        raise bad_request("EntitlementGrant being updated or deleted is not found.")
    del request.world.entra.assignments[found["id"]]
    request.world.entra.permission_follows(found, granted=False)
    request.record(f"/servicePrincipals/{resource['id']}/appRoleAssignedTo/{found['id']}", found, None)
    return HttpAnswer(204)


# --- from the side of who has them -----------------------------------------------------------------------------------
def assign_to(request: GraphRequest) -> HttpAnswer:
    """The role is assigned to the principal of the path; the body names the resource, as from the other side."""
    principal, sent = request.find(request.visible), request.json()
    if sent.get("principalId") != principal["id"]:
        raise bad_request("Not a valid reference update.")
    request.where = {"id": str(sent.get("resourceId", ""))}
    return assign(request)


def take_from(request: GraphRequest) -> HttpAnswer:
    principal = request.find(request.visible)
    found = request.world.entra.assignments.get(request.where["child"])
    if found is None or found["principalId"] != principal["id"]:
        raise bad_request("EntitlementGrant being updated or deleted is not found.")
    request.where = {"id": found["resourceId"], "child": found["id"]}
    return unassign(request)


def one_assignment(request: GraphRequest) -> HttpAnswer:
    request.need(bool(request.permissions & READ_ALL))
    found = request.world.entra.assignments.get(request.where["child"])
    if found is None or request.find(request.visible)["id"] not in (found["principalId"], found["resourceId"]):
        raise not_found(request.where["child"])
    return HttpAnswer.json(200, {"@odata.context": f"{SCHEMA}appRoleAssignments/$entity", **found})
