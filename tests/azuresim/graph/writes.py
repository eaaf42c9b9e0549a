"""
Graph's writes: create, PATCH as a merge, upsert by uniqueName, soft delete, role assignments; and what Graph refuses
there.

PATCH answers 204, create and a creating upsert 201 with the body. Collections are replaced whole; a complex type
(`web`, `api`) keeps members that are left out (`world.switches.graph_nested_merge`). Properties that Graph does not
know are refused.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from azuresim.contract_check import unknown_properties
from azuresim.entra.directory import Body, blank_application
from azuresim.graph.request import (
    ASSIGN,
    OWNED,
    READ_ALL,
    WRITE_ALL,
    GraphError,
    GraphRequest,
    bad_request,
    context,
    not_found,
)
from azuresim.wire import HttpAnswer

READ_ONLY = {"id", "appId", "createdDateTime", "deletedDateTime", "publisherDomain"}
NO_ROLE = "00000000-0000-0000-0000-000000000000"
LONGEST_ROLE_VALUE = 120
DISABLE_FIRST = "Permission (scope or role) cannot be deleted or updated unless disabled first."


# --- create, patch, delete --------------------------------------------------------------------------------------------
def create(request: GraphRequest) -> HttpAnswer:
    request.need(bool(request.permissions & WRITE_ALL) or OWNED in request.permissions)
    sent = request.json()
    body = new_application(request, sent) if request.kind == "applications" else new_principal(request, sent)
    return HttpAnswer.json(201, {"@odata.context": context(request, "/$entity"), **body})


def new_application(request: GraphRequest, sent: Body) -> Body:
    entra = request.world.entra
    refuse_unknown(sent, "application")
    if not sent.get("displayName"):
        raise bad_request("Invalid value specified for property 'displayName' of resource 'Application'.")
    body = blank_application(request.world.clock.stamp(), sent["displayName"])
    body |= {"id": request.world.guid(), "appId": request.world.guid()}
    merged = merge(body, sent, nested=True)
    check_application(request, body, merged)
    entra.replicas.changing("applications", body["id"], None)
    entra.applications[body["id"]] = merged
    request.world.journal.record("graph", f"/applications/{body['id']}", None, merged)
    own(request, body["id"])
    return merged


def new_principal(request: GraphRequest, sent: Body) -> Body:
    entra = request.world.entra
    refuse_unknown(sent, "servicePrincipal", allowed={"appId"})
    app_id = str(sent.get("appId", ""))
    applications = entra.replicas.seen(entra.applications, "applications").values()
    if app_id not in (application["appId"] for application in applications):
        text = f"The appId '{app_id}' of the service principal does not reference a valid application object."
        raise bad_request(text, details=[{"code": "NoBackingApplicationObject", "message": text, "target": "appId"}])
    if entra.principal(app_id) is not None:
        text = f"The service principal cannot be created because the service principal name {app_id} is already in use."
        raise GraphError(409, "Request_MultipleObjectsWithSameKeyValue", text)
    body = entra.add_service_principal(app_id, **{name: value for name, value in sent.items() if name != "appId"})
    entra.replicas.changing("servicePrincipals", body["id"], None)
    own(request, body["id"])
    return body


def own(request: GraphRequest, object_id: str) -> None:
    """Who creates under OwnedBy owns what it created."""
    only_owned = not request.permissions & WRITE_ALL
    if only_owned and request.world.switches.graph_owned_by_makes_owner:
        request.world.entra.owners.setdefault(object_id, set()).add(request.caller.object_id)


def patch(request: GraphRequest) -> HttpAnswer:
    sent = request.json()
    if request.where.get("key", "").lower() == "uniquename" and creates(request):
        return upserted(request, sent)
    found = request.find(request.visible)
    request.need(bool(request.permissions & WRITE_ALL) or request.owns(found["id"]))
    real = request.objects[found["id"]]
    if real.get("servicePrincipalType") == "ManagedIdentity":
        raise GraphError(403, "Authorization_RequestDenied", "Managed identities cannot be updated.")
    refuse_unknown(sent, request.kind.removesuffix("s"))
    merged = merge(real, sent, nested=request.world.switches.graph_nested_merge)
    if request.kind == "applications":
        check_application(request, real, merged)
    store(request, real, merged)
    return HttpAnswer(204)


def creates(request: GraphRequest) -> bool:
    """Whether this PATCH by uniqueName may create: asked for by Prefer, and no application has the name."""
    asked = "create-if-missing" in request.call.header("Prefer").lower()
    try:
        request.find(request.objects)
    except GraphError:
        return asked
    return False


def upserted(request: GraphRequest, sent: Body) -> HttpAnswer:
    request.need(bool(request.permissions & WRITE_ALL) or OWNED in request.permissions)
    name = request.where["value"].replace("''", "'")
    body = new_application(request, {**sent, "uniqueName": name})
    return HttpAnswer.json(201, {"@odata.context": context(request, "/$entity"), **body})


def store(request: GraphRequest, real: Body, merged: Body) -> None:
    """The new state stands, in place: who holds the body sees it; reads may show the old one for a while."""
    entra = request.world.entra
    entra.replicas.changing(request.kind, real["id"], copy.deepcopy(real))
    gone = {role["id"] for role in real.get("appRoles", [])} - {role["id"] for role in merged.get("appRoles", [])}
    request.world.journal.record("graph", f"/{request.kind}/{real['id']}", real, merged)
    real.clear()
    real.update(merged)
    if request.kind == "applications":
        entra.follow_application(real, gone)


def delete(request: GraphRequest) -> HttpAnswer:
    """An application goes to the deleted items and takes its service principal along."""
    entra = request.world.entra
    found = request.find(request.visible)
    request.need(bool(request.permissions & WRITE_ALL) or request.owns(found["id"]))
    if found["id"] not in request.objects:
        raise not_found(found["id"])
    entra.replicas.changing(request.kind, found["id"], copy.deepcopy(found))
    request.world.journal.record("graph", f"/{request.kind}/{found['id']}", found, None)
    if request.kind == "servicePrincipals":
        entra.forget_principal(found["id"])
        return HttpAnswer(204)
    entra.deleted[found["id"]] = {**entra.applications.pop(found["id"]), "deletedDateTime": request.world.clock.stamp()}
    principal = entra.principal(found["appId"])
    if principal is not None:
        entra.replicas.changing("servicePrincipals", principal["id"], copy.deepcopy(principal))
        entra.forget_principal(principal["id"])
    return HttpAnswer(204)


# --- what is refused --------------------------------------------------------------------------------------------------
def refuse_unknown(sent: Body, kind: str, allowed: Iterable[str] = ()) -> None:
    for text in unknown_properties(sent, kind):
        name = text.split(":")[0]
        raise bad_request(f"Property '{name}' does not exist as a declared property or extension property.")
    for name in READ_ONLY.difference(allowed) & sent.keys():
        raise bad_request(f"Property '{name}' is read-only and cannot be set.")


def check_application(request: GraphRequest, before: Body, after: Body) -> None:
    check_names(request, before, after)
    if (after.get("api") or {}).get("requestedAccessTokenVersion") not in (None, 1, 2):
        raise bad_request(
            "Invalid value specified for property 'requestedAccessTokenVersion' of resource 'ApiApplication'."
        )
    for role in after["appRoles"]:
        check_role(role)
    check_disabled(before["appRoles"], after["appRoles"])
    scopes = "oauth2PermissionScopes"
    check_disabled((before.get("api") or {}).get(scopes) or [], (after.get("api") or {}).get(scopes) or [])


def check_names(request: GraphRequest, before: Body, after: Body) -> None:
    """uniqueName is set once; it and the identifier URIs are unique in the tenant."""
    if before.get("uniqueName") not in (None, after.get("uniqueName")):
        raise bad_request("Property 'uniqueName' is immutable and cannot be changed.")
    for other in request.world.entra.applications.values():
        if other["id"] == before["id"]:
            continue
        shared = set(other["identifierUris"]) & set(after["identifierUris"])
        twice = "identifierUris" if shared else ""
        if after.get("uniqueName") and other.get("uniqueName") == after["uniqueName"]:
            twice = "uniqueName"
        if twice:
            text = f"Another object with the same value for property {twice} already exists."
            raise GraphError(409, "Request_MultipleObjectsWithSameKeyValue", text)


def check_role(role: Body) -> None:
    value = role.get("value") or ""
    if not role.get("id") or not role.get("allowedMemberTypes") or not role.get("displayName"):
        raise bad_request(
            "One or more properties of resource 'AppRole' are missing: id, allowedMemberTypes, displayName."
        )
    if len(value) > LONGEST_ROLE_VALUE or " " in value:
        raise bad_request("Invalid value specified for property 'value' of resource 'AppRole'.")


def check_disabled(before: list[Body], after: list[Body]) -> None:
    """What is enabled cannot be left out: first disabled in one PATCH, then removed in another."""
    kept = {item["id"] for item in after}
    if any(item.get("isEnabled") and item["id"] not in kept for item in before):
        raise bad_request(DISABLE_FIRST, "CannotDeleteOrUpdateEnabledEntitlement")


def merge(body: Body, sent: Body, *, nested: bool) -> Body:
    """`sent` laid over `body`: lists and plain values replaced, complex types merged or replaced."""
    merged = copy.deepcopy(body)
    for name, value in sent.items():
        old: Any = merged.get(name)
        both = isinstance(old, dict) and isinstance(value, dict)
        merged[name] = merge(old, value, nested=True) if nested and both else copy.deepcopy(value)
    return merged


# --- role assignments -------------------------------------------------------------------------------------------------
def may_assign(request: GraphRequest, resource: Body) -> bool:
    if ASSIGN in request.permissions and request.permissions & READ_ALL:
        return True
    return request.world.switches.graph_owned_by_assigns_roles and request.owns(resource["id"])


def assign(request: GraphRequest) -> HttpAnswer:
    entra, sent = request.world.entra, request.json()
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
    return HttpAnswer.json(201, {"@odata.context": context(request, "/$entity"), **body})


def unassign(request: GraphRequest) -> HttpAnswer:
    request.need(bool(request.permissions & (READ_ALL | {ASSIGN, OWNED})))
    resource = request.find(request.visible)
    request.need(may_assign(request, resource))
    found = request.world.entra.assignments.get(request.where.get("related", ""))
    if found is None or found["resourceId"] != resource["id"]:
        raise bad_request("EntitlementGrant being updated or deleted is not found.")
    del request.world.entra.assignments[found["id"]]
    request.world.entra.permission_follows(found, granted=False)
    return HttpAnswer(204)
