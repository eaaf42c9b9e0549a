"""
Owners of an application or a service principal: added and removed by reference, or named when the object is created.

Sources: learn.microsoft.com/graph/api (application-post-owners, application-delete-owners,
serviceprincipal-post-owners); hashicorp/terraform-provider-azuread (`owners@odata.bind` of a new object).
"""

from __future__ import annotations

from azuresim.entra.directory import Body
from azuresim.graph.relations import owners_of
from azuresim.graph.request import SCHEMA, GraphRequest, bad_request, not_found, readable, writable
from azuresim.wire import HttpAnswer

BIND = "owners@odata.bind"
TWICE = "One or more added object references already exist for the following modified properties: 'owners'."


def list_references(request: GraphRequest) -> HttpAnswer:
    objects = "https://graph.microsoft.com/v1.0/directoryObjects"
    found = [{"@odata.id": f"{objects}/{one['id']}"} for one in owners_of(request.world, readable(request))]
    return HttpAnswer.json(200, {"@odata.context": f"{SCHEMA}Collection($ref)", "value": found})


def add_owner(request: GraphRequest) -> HttpAnswer:
    body, sent = writable(request), request.json()
    which = referred(request, sent.get("@odata.id"))
    if which in request.world.entra.owners.get(body["id"], ()):
        raise bad_request(TWICE)
    own(request, body, {which})
    return HttpAnswer(204)


def remove_owner(request: GraphRequest) -> HttpAnswer:
    body = writable(request)
    owners = request.world.entra.owners.get(body["id"], set())
    if request.where["child"] not in owners:
        raise not_found(request.where["child"])
    before = sorted(owners)
    owners.discard(request.where["child"])
    request.record(f"/{request.kind}/{body['id']}/owners", before, sorted(owners))
    return HttpAnswer(204)


def bound(request: GraphRequest, sent: Body) -> set[str]:
    """The owners that a new object names."""
    links = sent.get(BIND, [])
    if not isinstance(links, list):
        raise bad_request(f"The value of '{BIND}' must be an array of links.")
    return {referred(request, link) for link in links}


def referred(request: GraphRequest, link: object) -> str:
    """The service principal that a link leads to; 404 when it leads to nobody."""
    which = str(link or "").rstrip("/").rpartition("/")[2]
    if which not in request.world.entra.service_principals:
        raise not_found(which[:80])
    return which


def own(request: GraphRequest, body: Body, who: set[str]) -> None:
    if who:
        owners = request.world.entra.owners.setdefault(body["id"], set())
        before = sorted(owners)
        owners |= who
        request.record(f"/{request.kind}/{body['id']}/owners", before, sorted(owners))
