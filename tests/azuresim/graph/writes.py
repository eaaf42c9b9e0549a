"""
Graph's writes of applications and service principals: create, PATCH as a merge, upsert, soft delete.

PATCH answers 204, create and a creating upsert 201 with the body. An application is upserted by its uniqueName, a
service principal by its appId. Collections are replaced whole; a complex type (`web`, `api`) keeps members that are
left out (`world.switches.graph_nested_merge`). What is refused: refusals.py.
"""

from __future__ import annotations

import copy
from typing import Any

from azuresim.entra.directory import Body, blank_application
from azuresim.graph import deleted, keys, owners, passwords
from azuresim.graph.refusals import check_application, refuse_unknown
from azuresim.graph.request import (
    OWNED,
    WRITE_ALL,
    GraphError,
    GraphRequest,
    bad_request,
    context,
    writable,
)
from azuresim.wire import HttpAnswer

UPSERTED_BY = {"applications": "uniquename", "servicePrincipals": "appid"}


# --- create -----------------------------------------------------------------------------------------------------------
def create(request: GraphRequest) -> HttpAnswer:
    return created(request, request.json())


def created(request: GraphRequest, sent: Body) -> HttpAnswer:
    request.need(bool(request.permissions & WRITE_ALL) or OWNED in request.permissions)
    refuse_unknown(sent, request.type, allowed=() if request.kind == "applications" else {"appId"})
    bound = owners.bound(request, sent)
    keys.refuse_bad(request, sent)
    body = new_application(request, sent) if request.kind == "applications" else new_principal(request, sent)
    shown = passwords.made_with(request, body)
    keys.settle(request, {}, body)
    request.record(f"/{request.kind}/{body['id']}", None, body)
    owners.own(request, body, bound | makers(request))
    shown["keyCredentials"] = body["keyCredentials"]
    return HttpAnswer.json(201, {"@odata.context": context(request, "/$entity"), **shown})


def new_application(request: GraphRequest, sent: Body) -> Body:
    entra = request.world.entra
    if not sent.get("displayName"):
        raise bad_request("Invalid value specified for property 'displayName' of resource 'Application'.")
    body = blank_application(request.world.clock.stamp(), sent["displayName"])
    body |= {"id": request.world.guid(), "appId": request.world.guid()}
    merged = merge(body, plain(sent), nested=True)
    check_application(request, body, merged)
    entra.replicas.changing("applications", body["id"], None)
    entra.applications[body["id"]] = merged
    return merged


def new_principal(request: GraphRequest, sent: Body) -> Body:
    entra = request.world.entra
    app_id = str(sent.get("appId", ""))
    applications = entra.replicas.seen(entra.applications, "applications").values()
    if app_id not in (application["appId"] for application in applications):
        text = f"The appId '{app_id}' of the service principal does not reference a valid application object."
        raise bad_request(text, details=[{"code": "NoBackingApplicationObject", "message": text, "target": "appId"}])
    if entra.principal(app_id) is not None:
        text = f"The service principal cannot be created because the service principal name {app_id} is already in use."
        raise GraphError(409, "Request_MultipleObjectsWithSameKeyValue", text)
    body = entra.add_service_principal(
        app_id, **{name: value for name, value in plain(sent).items() if name != "appId"}
    )
    entra.replicas.changing("servicePrincipals", body["id"], None)
    return body


def plain(sent: Body) -> Body:
    """Without annotations and links."""
    return {name: value for name, value in sent.items() if "@" not in name}


def makers(request: GraphRequest) -> set[str]:
    """Who creates under OwnedBy owns what it created."""
    only_owned = not request.permissions & WRITE_ALL
    return {request.caller.object_id} if only_owned and request.world.switches.graph_owned_by_makes_owner else set()


# --- update -----------------------------------------------------------------------------------------------------------
def patch(request: GraphRequest) -> HttpAnswer:
    sent = request.json()
    if creates(request):
        name = {"uniquename": "uniqueName", "appid": "appId"}[request.where["key"].lower()]
        return created(request, {**sent, name: request.where["value"].replace("''", "'")})
    real = writable(request)
    if real.get("servicePrincipalType") == "ManagedIdentity":
        raise GraphError(403, "Authorization_RequestDenied", "Managed identities cannot be updated.")
    refuse_unknown(sent, request.type)
    merged = merge(real, plain(sent), nested=request.world.switches.graph_nested_merge)
    if request.kind == "applications":
        check_application(request, real, merged)
    passwords.refuse_changed(real, merged)
    if "keyCredentials" in sent:
        keys.settle(request, real, merged)
    passwords.settle(request, real, merged)
    store(request, real, merged)
    return HttpAnswer(204)


def creates(request: GraphRequest) -> bool:
    """Whether this PATCH may create: by the key for upserts, asked for by Prefer, and nothing has that key."""
    asked = "create-if-missing" in request.call.header("Prefer").lower()
    if not asked or request.where.get("key", "").lower() != UPSERTED_BY[request.kind]:
        return False
    try:
        request.find(request.objects)
    except GraphError:
        return True
    return False


def store(request: GraphRequest, real: Body, merged: Body) -> None:
    """The new state stands, in place: who holds the body sees it; reads may show the old one for a while."""
    entra = request.world.entra
    entra.replicas.changing(request.kind, real["id"], copy.deepcopy(real))
    gone = {role["id"] for role in real.get("appRoles", [])} - {role["id"] for role in merged.get("appRoles", [])}
    request.record(f"/{request.kind}/{real['id']}", real, merged)
    real.clear()
    real.update(merged)
    if request.kind == "applications":
        entra.follow_application(real, gone)


def merge(body: Body, sent: Body, *, nested: bool) -> Body:
    """`sent` laid over `body`: lists and plain values replaced, complex types merged or replaced."""
    merged = copy.deepcopy(body)
    for name, value in sent.items():
        old: Any = merged.get(name)
        both = isinstance(old, dict) and isinstance(value, dict)
        merged[name] = merge(old, value, nested=True) if nested and both else copy.deepcopy(value)
    return merged


# --- delete -----------------------------------------------------------------------------------------------------------
def delete(request: GraphRequest) -> HttpAnswer:
    """To the deleted items; an application takes its service principal along."""
    deleted.throw_away(request, writable(request))
    return HttpAnswer(204)
