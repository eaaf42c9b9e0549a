"""
The tenant itself, objects by their ids, and what an application cannot be asked.

Sources: learn.microsoft.com/graph/api (organization-list, domain-list, directoryobject-get, directoryobject-getbyids,
user-get).
"""

from __future__ import annotations

from azuresim.entra.directory import Body
from azuresim.graph.relations import typed
from azuresim.graph.request import READ_ALL, SCHEMA, GraphRequest, bad_request, not_found
from azuresim.wire import HttpAnswer

DOMAIN = "contoso.onmicrosoft.com"
MOST_IDS = 1000


def organization(request: GraphRequest) -> HttpAnswer:
    domain = {"capabilities": "Email", "isDefault": True, "isInitial": True, "name": DOMAIN, "type": "Managed"}
    body = {"id": request.world.tenant_id, "displayName": "Contoso", "tenantType": "AAD", "verifiedDomains": [domain]}
    return HttpAnswer.json(200, {"@odata.context": f"{SCHEMA}organization", "value": [body]})


def domains(request: GraphRequest) -> HttpAnswer:
    body = {"id": DOMAIN, "authenticationType": "Managed", "isDefault": True, "isInitial": True, "isVerified": True}
    return HttpAnswer.json(200, {"@odata.context": f"{SCHEMA}domains", "value": [body]})


def me(request: GraphRequest) -> HttpAnswer:
    raise bad_request("/me request is only valid with delegated authentication flow.", "BadRequest")


def nobody(request: GraphRequest) -> HttpAnswer:
    """Users and groups: the simulated tenant has none."""
    return HttpAnswer.json(200, {"value": []})


# --- objects by their ids ---------------------------------------------------------------------------------------------
def get_by_ids(request: GraphRequest) -> HttpAnswer:
    """Those of the ids that are applications or service principals; others are left out, not refused."""
    request.need(bool(request.permissions & READ_ALL))
    sent = request.json()
    ids, types = sent.get("ids"), sent.get("types") or ["directoryObject"]
    if not isinstance(ids, list) or not 1 <= len(ids) <= MOST_IDS or not isinstance(types, list):
        raise bad_request("Invalid value specified for property 'ids'.")
    wanted = {str(one).lower() for one in types}
    found = [one for one in (typed_object(request, str(each)) for each in ids) if one is not None]
    shown = [one for one in found if {"directoryobject", one["@odata.type"].rpartition(".")[2].lower()} & wanted]
    return HttpAnswer.json(200, {"@odata.context": f"{SCHEMA}directoryObjects", "value": shown})


def get_object(request: GraphRequest) -> HttpAnswer:
    request.need(bool(request.permissions & READ_ALL))
    found = typed_object(request, request.where["child"])
    if found is None:
        raise not_found(request.where["child"])
    return HttpAnswer.json(200, {"@odata.context": f"{SCHEMA}directoryObjects/$entity", **found})


def typed_object(request: GraphRequest, object_id: str) -> Body | None:
    entra = request.world.entra
    for kind, objects in (("application", entra.applications), ("servicePrincipal", entra.service_principals)):
        if object_id in objects:
            return typed(kind, objects[object_id])
    return None
