"""
Deleted items: applications and service principals that can be restored for thirty days, and are gone for good then.

A deleted application takes its service principal along; a restored one does not bring it back, for that is an item of
its own. Assumed: assignments of a service principal do not return with it.
Sources: learn.microsoft.com/graph/api (directory-deleteditems-*); learn.microsoft.com/entra/identity/enterprise-apps
(restore-application, delete-recover-faq).
"""

from __future__ import annotations

import copy
from datetime import timedelta

from azuresim.entra.directory import Body
from azuresim.graph.reading import listed
from azuresim.graph.refusals import check_names
from azuresim.graph.relations import typed
from azuresim.graph.request import (
    OWNED,
    READ_ALL,
    SCHEMA,
    WRITE_ALL,
    GraphError,
    GraphRequest,
    not_found,
)
from azuresim.graph.shapes import instant
from azuresim.wire import HttpAnswer
from azuresim.world import World

KEPT = timedelta(days=30)


def kind_of(item: Body) -> str:
    return "servicePrincipal" if "servicePrincipalType" in item else "application"


def items(world: World) -> dict[str, Body]:
    """What can still be restored."""
    deleted, oldest = world.entra.deleted, world.clock.now() - KEPT
    for object_id in [one for one, item in deleted.items() if instant(item["deletedDateTime"]) <= oldest]:
        del deleted[object_id]
    return deleted


# --- on the way in ----------------------------------------------------------------------------------------------------
def throw_away(request: GraphRequest, found: Body) -> None:
    """The object is a deleted item now, an application's service principal too."""
    entra = request.world.entra
    kind = f"{kind_of(found)}s"
    entra.replicas.changing(kind, found["id"], copy.deepcopy(found))
    request.record(f"/{kind}/{found['id']}", found, None)
    entra.deleted[found["id"]] = {**found, "deletedDateTime": request.world.clock.stamp()}
    if kind == "servicePrincipals":
        entra.forget_principal(found["id"])
        return
    del entra.applications[found["id"]]
    principal = entra.principal(found["appId"])
    if principal is not None:
        throw_away(request, principal)


# --- reading ----------------------------------------------------------------------------------------------------------
def list_deleted(request: GraphRequest) -> HttpAnswer:
    request.need(bool(request.permissions & READ_ALL))
    kind = "application" if request.where["type"].lower() == "application" else "servicePrincipal"
    found = [item for item in items(request.world).values() if kind_of(item) == kind]
    return listed(request, found, kind, f"{SCHEMA}directoryObjects")


def item_of(request: GraphRequest, allowed: set[str]) -> Body:
    """The item of the path; 404 when there is none, 403 when it is not for this caller."""
    everything = bool(request.permissions & allowed)
    request.need(everything or OWNED in request.permissions)
    found = items(request.world).get(request.where["id"])
    if found is None:
        raise not_found(request.where["id"])
    request.need(everything or request.owns(found["id"]))
    return found


def get_deleted(request: GraphRequest) -> HttpAnswer:
    found = item_of(request, READ_ALL)
    return HttpAnswer.json(200, {"@odata.context": f"{SCHEMA}directoryObjects/$entity", **typed(kind_of(found), found)})


# --- on the way out ---------------------------------------------------------------------------------------------------
def restore(request: GraphRequest) -> HttpAnswer:
    found, entra = item_of(request, WRITE_ALL), request.world.entra
    kind = kind_of(found)
    back = {name: value for name, value in found.items() if name != "deletedDateTime"}
    if kind == "application":
        check_names(request, back, back)
        entra.applications[back["id"]] = back
    else:
        refuse_orphan(request, back)
        entra.service_principals[back["id"]] = back
    del entra.deleted[back["id"]]
    request.record(f"/{kind}s/{back['id']}", None, back)
    shown = {**typed(kind, back), "deletedDateTime": None}
    return HttpAnswer.json(200, {"@odata.context": f"{SCHEMA}directoryObjects/$entity", **shown})


def refuse_orphan(request: GraphRequest, principal: Body) -> None:
    """A service principal needs its application, and is the only one of it."""
    entra, app_id = request.world.entra, principal["appId"]
    if entra.application(app_id) is None and principal.get("appOwnerOrganizationId") == entra.tenant_id:
        text = f"The appId '{app_id}' of the service principal does not reference a valid application object."
        raise GraphError(400, "Request_BadRequest", text)
    if entra.principal(app_id) is not None:
        text = f"The service principal cannot be restored because the service principal name {app_id} is in use."
        raise GraphError(409, "Request_MultipleObjectsWithSameKeyValue", text)


def purge(request: GraphRequest) -> HttpAnswer:
    found = item_of(request, WRITE_ALL)
    del request.world.entra.deleted[found["id"]]
    request.record(f"/directory/deletedItems/{found['id']}", found, None)
    return HttpAnswer(204)
