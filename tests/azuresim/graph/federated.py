"""
Federated credentials of an application: which tokens of other issuers the token endpoint takes for it, at once.

Source: learn.microsoft.com/graph/api (federatedidentitycredential-*, application-post-federatedidentitycredentials).
"""

from __future__ import annotations

from azuresim.contract_check import unknown_properties
from azuresim.entra.directory import Body
from azuresim.graph.request import SCHEMA, GraphError, GraphRequest, bad_request, not_found, readable, writable
from azuresim.graph.shapes import refuse_wrong_types
from azuresim.wire import HttpAnswer

MOST_CREDENTIALS = 20
RESOURCE, TWICE = "FederatedIdentityCredential", "Request_MultipleObjectsWithSameKeyValue"


def credentials_of(request: GraphRequest, app: Body) -> dict[str, Body]:
    return request.world.entra.federated_bodies.setdefault(app["id"], {})


def named_credential(request: GraphRequest, app: Body) -> Body:
    """By id or by name; 404 when there is none."""
    wanted = request.where["child"]
    for body in credentials_of(request, app).values():
        if wanted in (body["id"], body["name"]):
            return body
    raise not_found(wanted)


def get_credential(request: GraphRequest) -> HttpAnswer:
    return HttpAnswer.json(200, named_credential(request, readable(request)))


def create_credential(request: GraphRequest) -> HttpAnswer:
    app, sent = writable(request), request.json()
    return created(request, app, {"description": None, **sent})


def patch_credential(request: GraphRequest) -> HttpAnswer:
    app, sent = writable(request), request.json()
    try:
        found = named_credential(request, app)
    except GraphError:
        if "create-if-missing" not in request.call.header("Prefer").lower():
            raise
        return created(request, app, {**sent, "name": request.where["child"]})
    if sent.get("name", found["name"]) != found["name"]:
        raise bad_request("Property 'name' is immutable and cannot be changed.")
    kept(request, app, found, checked_credential(request, app, {**found, **sent}, found))
    return HttpAnswer(204)


def delete_credential(request: GraphRequest) -> HttpAnswer:
    app = writable(request)
    kept(request, app, named_credential(request, app), None)
    return HttpAnswer(204)


def created(request: GraphRequest, app: Body, sent: Body) -> HttpAnswer:
    body = checked_credential(request, app, sent, None)
    kept(request, app, None, body)
    return HttpAnswer.json(201, {"@odata.context": f"{SCHEMA}applications", **body})


def kept(request: GraphRequest, app: Body, before: Body | None, after: Body | None) -> None:
    """This is what the application has from now on, and what lets its issuer in."""
    which = (before or after or {})["id"]
    credentials_of(request, app).pop(which, None)
    if after is not None:
        credentials_of(request, app)[which] = after
    follow(request, app)
    request.record(f"/applications/{app['id']}/federatedIdentityCredentials/{which}", before, after)


def checked_credential(request: GraphRequest, app: Body, sent: Body, existing: Body | None) -> Body:
    for text in unknown_properties(sent, "federatedIdentityCredential"):
        raise bad_request(f"Property '{text.split(':')[0]}' does not exist as a declared property.")
    refuse_wrong_types(sent, "federatedIdentityCredential")
    for name, most in (("name", 120), ("issuer", 600), ("subject", 600)):
        if not 1 <= len(sent.get(name) or "") <= most:
            raise bad_request(f"Invalid value specified for property '{name}' of resource '{RESOURCE}'.")
    if len(sent.get("audiences") or []) != 1:
        raise bad_request(f"Invalid value specified for property 'audiences' of resource '{RESOURCE}'.")
    others = [one for one in credentials_of(request, app).values() if one is not existing]
    if any((one["issuer"], one["subject"]) == (sent["issuer"], sent["subject"]) for one in others):
        raise GraphError(409, TWICE, "Issuer and subject must be unique on the object.")
    if any(one["name"] == sent["name"] for one in others):
        raise GraphError(409, TWICE, "FederatedIdentityCredential name must be unique.")
    if existing is None and len(others) >= MOST_CREDENTIALS:
        raise bad_request("The directory object quota limit of federated identity credentials has been exceeded.")
    fields = ("name", "issuer", "subject", "audiences", "description")
    return {"id": existing["id"] if existing else request.world.guid(), **{name: sent.get(name) for name in fields}}


def follow(request: GraphRequest, app: Body) -> None:
    """The token endpoint accepts exactly these, beside what was trusted by hand."""
    entra = request.world.entra
    known = entra.federated_by_graph.setdefault(app["id"], [])
    entra.federated = [one for one in entra.federated if one not in known]
    known[:] = [
        entra.add_federated_credential(
            app["appId"],
            issuer=one["issuer"],
            subject=one["subject"],
            audience=one["audiences"][0],
        )
        for one in credentials_of(request, app).values()
    ]
