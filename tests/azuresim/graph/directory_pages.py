"""
Around the two collections: deleted items, delta, the tenant itself, and what an application cannot be asked.

Deleted applications can be restored for 30 days; delta answers everything first and then what changed since its
token, for
seven days. Sources: learn.microsoft.com/graph/api (directory-deleteditems-*, application-delta, organization-list),
learn.microsoft.com/graph/delta-query-overview.
"""

from __future__ import annotations

import copy
from datetime import timedelta

from azuresim.entra.directory import Body
from azuresim.graph.request import (
    READ_ALL,
    WRITE_ALL,
    GraphError,
    GraphRequest,
    bad_request,
    context,
    not_found,
    origin,
)
from azuresim.wire import HttpAnswer

DELTA_LIFE = timedelta(days=7).total_seconds()
PAGE = 100
DOMAIN = "contoso.onmicrosoft.com"


# --- deleted items ----------------------------------------------------------------------------------------------------
def list_deleted(request: GraphRequest) -> HttpAnswer:
    request.need(bool(request.permissions & READ_ALL))
    return HttpAnswer.json(200, {"value": list(request.world.entra.deleted.values())})


def deleted_item(request: GraphRequest) -> Body:
    found = request.world.entra.deleted.get(request.where["id"])
    if found is None:
        raise not_found(request.where["id"])
    return found


def restore(request: GraphRequest) -> HttpAnswer:
    """The application is there again, without its service principal's assignments. Assumed: the principal returns."""
    request.need(bool(request.permissions & WRITE_ALL))
    found, entra = deleted_item(request), request.world.entra
    for other in entra.applications.values():
        if found.get("uniqueName") and other.get("uniqueName") == found["uniqueName"]:
            raise GraphError(409, "Request_MultipleObjectsWithSameKeyValue", "uniqueName is in use by another object.")
    del entra.deleted[found["id"]]
    back = {name: value for name, value in found.items() if name != "deletedDateTime"}
    entra.applications[back["id"]] = back
    if entra.principal(back["appId"]) is None:
        entra.add_service_principal(back["appId"])
    return HttpAnswer.json(200, {"@odata.type": "#microsoft.graph.application", **back})


def purge(request: GraphRequest) -> HttpAnswer:
    request.need(bool(request.permissions & WRITE_ALL))
    del request.world.entra.deleted[deleted_item(request)["id"]]
    return HttpAnswer(204)


# --- delta ------------------------------------------------------------------------------------------------------------
def delta(request: GraphRequest) -> HttpAnswer:
    """All objects, or those that changed since the token; removed ones with `@removed`."""
    request.kind = "applications" if request.where["kind"].lower() == "applications" else "servicePrincipals"
    request.need(bool(request.permissions & READ_ALL))
    entra, now = request.world.entra, request.world.clock.timestamp()
    given = request.call.argument("$deltatoken")
    before: dict[str, Body] = {}
    if given == "latest":
        before = request.objects
    elif given is not None:
        kept = entra.delta_states.get((request.kind, given))
        if kept is None or now - kept[0] > DELTA_LIFE:
            raise GraphError(410, "syncStateNotFound", "The sync state generation is not found; delta must start anew.")
        before = kept[1]
    changed = [body for object_id, body in request.objects.items() if before.get(object_id) != body]
    removed = [
        {"id": object_id, "@removed": {"reason": "changed"}} for object_id in before.keys() - request.objects.keys()
    ]
    token = request.world.hexadecimal(32)
    entra.delta_states[request.kind, token] = (now, copy.deepcopy(request.objects))
    link = f"{origin(request.call)}/v1.0/{request.kind}/delta?$deltatoken={token}"
    value = [] if given == "latest" else [*changed, *removed]
    return HttpAnswer.json(200, {"@odata.context": context(request), "value": value, "@odata.deltaLink": link})


# --- the tenant -------------------------------------------------------------------------------------------------------
def organization(request: GraphRequest) -> HttpAnswer:
    domain = {"capabilities": "Email", "isDefault": True, "isInitial": True, "name": DOMAIN, "type": "Managed"}
    body = {"id": request.world.tenant_id, "displayName": "Contoso", "tenantType": "AAD", "verifiedDomains": [domain]}
    return HttpAnswer.json(200, {"@odata.context": f"{CONTEXT}organization", "value": [body]})


def domains(request: GraphRequest) -> HttpAnswer:
    body = {"id": DOMAIN, "authenticationType": "Managed", "isDefault": True, "isInitial": True, "isVerified": True}
    return HttpAnswer.json(200, {"@odata.context": f"{CONTEXT}domains", "value": [body]})


def me(request: GraphRequest) -> HttpAnswer:
    raise bad_request("/me request is only valid with delegated authentication flow.", "BadRequest")


def nobody(request: GraphRequest) -> HttpAnswer:
    """Users and groups: the simulated tenant has none."""
    return HttpAnswer.json(200, {"value": []})


CONTEXT = "https://graph.microsoft.com/v1.0/$metadata#"
