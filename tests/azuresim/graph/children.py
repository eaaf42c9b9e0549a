"""
What hangs below an application: federated credentials, passwords, owners.

A federated credential and a password are at once what the token endpoint accepts. A password's text is shown when it is
made, never again. Source: learn.microsoft.com/graph/api (federatedidentitycredential-*, application-addpassword,
application-removepassword, application-list-owners, application-post-owners).
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from azuresim.contract_check import unknown_properties
from azuresim.entra.directory import Body
from azuresim.graph.request import OWNED, READ_ALL, WRITE_ALL, GraphError, GraphRequest, bad_request, not_found
from azuresim.wire import HttpAnswer

MOST_CREDENTIALS = 20
RESOURCE, TWICE = "FederatedIdentityCredential", "Request_MultipleObjectsWithSameKeyValue"
LIFE = timedelta(days=2 * 365)
CONTEXT = "https://graph.microsoft.com/v1.0/$metadata#"


def application(request: GraphRequest, *, to_write: bool) -> Body:
    """The application of the path, when the caller may do this to it."""
    request.kind = "applications"
    allowed = request.permissions & (WRITE_ALL if to_write else READ_ALL)
    request.need(bool(allowed) or OWNED in request.permissions)
    found = request.find(request.visible)
    request.need(bool(allowed) or request.owns(found["id"]))
    return request.objects.get(found["id"]) or found


# --- federated credentials --------------------------------------------------------------------------------------------
def credentials_of(request: GraphRequest, app: Body) -> dict[str, Body]:
    return request.world.entra.federated_bodies.setdefault(app["id"], {})


def list_credentials(request: GraphRequest) -> HttpAnswer:
    app = application(request, to_write=False)
    return HttpAnswer.json(
        200, {"@odata.context": f"{CONTEXT}applications", "value": list(credentials_of(request, app).values())}
    )


def named_credential(request: GraphRequest, app: Body) -> Body:
    """By id or by name; 404 when there is none."""
    wanted = request.where["child"]
    for body in credentials_of(request, app).values():
        if wanted in (body["id"], body["name"]):
            return body
    raise not_found(wanted)


def get_credential(request: GraphRequest) -> HttpAnswer:
    return HttpAnswer.json(200, named_credential(request, application(request, to_write=False)))


def create_credential(request: GraphRequest) -> HttpAnswer:
    app, sent = application(request, to_write=True), request.json()
    body = checked_credential(request, app, {"description": None, **sent}, None)
    credentials_of(request, app)[body["id"]] = body
    follow(request, app)
    request.world.journal.record("graph", f"/applications/{app['id']}/federatedIdentityCredentials", None, body)
    return HttpAnswer.json(201, {"@odata.context": f"{CONTEXT}applications", **body})


def patch_credential(request: GraphRequest) -> HttpAnswer:
    app, sent = application(request, to_write=True), request.json()
    try:
        found = named_credential(request, app)
    except GraphError:
        if "create-if-missing" not in request.call.header("Prefer").lower():
            raise
        body = checked_credential(request, app, {**sent, "name": request.where["child"]}, None)
        credentials_of(request, app)[body["id"]] = body
        follow(request, app)
        return HttpAnswer.json(201, body)
    if sent.get("name", found["name"]) != found["name"]:
        raise bad_request("Property 'name' is immutable and cannot be changed.")
    credentials_of(request, app)[found["id"]] = checked_credential(request, app, {**found, **sent}, found)
    follow(request, app)
    return HttpAnswer(204)


def delete_credential(request: GraphRequest) -> HttpAnswer:
    app = application(request, to_write=True)
    found = named_credential(request, app)
    del credentials_of(request, app)[found["id"]]
    follow(request, app)
    return HttpAnswer(204)


def checked_credential(request: GraphRequest, app: Body, sent: Body, existing: Body | None) -> Body:
    for text in unknown_properties(sent, "federatedIdentityCredential"):
        raise bad_request(f"Property '{text.split(':')[0]}' does not exist as a declared property.")
    for name, most in (("name", 120), ("issuer", 600), ("subject", 600)):
        if not isinstance(sent.get(name), str) or not 1 <= len(sent[name]) <= most:
            raise bad_request(
                f"Invalid value specified for property '{name}' of resource 'FederatedIdentityCredential'."
            )
    audiences = sent.get("audiences")
    if not isinstance(audiences, list) or len(audiences) != 1 or not isinstance(audiences[0], str):
        raise bad_request(f"Invalid value specified for property 'audiences' of resource '{RESOURCE}'.")
    others = [one for one in credentials_of(request, app).values() if one is not existing]
    if any((one["issuer"], one["subject"]) == (sent["issuer"], sent["subject"]) for one in others):
        raise GraphError(
            409, "Request_MultipleObjectsWithSameKeyValue", "Issuer and subject must be unique on the object."
        )
    if any(one["name"] == sent["name"] for one in others):
        raise GraphError(
            409, "Request_MultipleObjectsWithSameKeyValue", "FederatedIdentityCredential name must be unique."
        )
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


# --- passwords --------------------------------------------------------------------------------------------------------
def add_password(request: GraphRequest) -> HttpAnswer:
    app, sent = application(request, to_write=True), request.json() if request.call.body else {}
    wanted = sent.get("passwordCredential") or {}
    if not isinstance(wanted, dict) or not isinstance(wanted.get("displayName"), str | None):
        raise bad_request("Invalid value specified for property 'passwordCredential'.")
    entra, now = request.world.entra, request.world.clock.now()
    text = secrets.token_urlsafe(30)
    shown = {
        "customKeyIdentifier": None,
        "displayName": wanted.get("displayName"),
        "endDateTime": wanted.get("endDateTime") or (now + LIFE).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "hint": text[:3],
        "keyId": request.world.guid(),
        "secretText": None,
        "startDateTime": wanted.get("startDateTime") or now.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    app["passwordCredentials"] = [*app["passwordCredentials"], shown]
    entra.add_secret(app["appId"], text)
    entra.secret_of_key[str(shown["keyId"])] = text
    request.world.journal.record("graph", f"/applications/{app['id']}/passwords", None, shown)
    context = f"{CONTEXT}microsoft.graph.passwordCredential"
    return HttpAnswer.json(200, {"@odata.context": context, **shown, "secretText": text})


def remove_password(request: GraphRequest) -> HttpAnswer:
    app, sent = application(request, to_write=True), request.json()
    kept = [one for one in app["passwordCredentials"] if one["keyId"] != sent.get("keyId")]
    if len(kept) == len(app["passwordCredentials"]):
        raise bad_request(f"No password credential found with keyId '{str(sent.get('keyId'))[:80]}'.")
    app["passwordCredentials"] = kept
    entra = request.world.entra
    entra.secrets.get(app["appId"].lower(), set()).discard(entra.secret_of_key.pop(sent["keyId"], ""))
    return HttpAnswer(204)


# --- owners -----------------------------------------------------------------------------------------------------------
def list_owners(request: GraphRequest) -> HttpAnswer:
    found = owners_of(request, application(request, to_write=False))
    return HttpAnswer.json(200, {"@odata.context": f"{CONTEXT}directoryObjects", "value": found})


def list_owners_of_principal(request: GraphRequest) -> HttpAnswer:
    request.kind = "servicePrincipals"
    request.need(bool(request.permissions & READ_ALL) or OWNED in request.permissions)
    return HttpAnswer.json(
        200,
        {"@odata.context": f"{CONTEXT}directoryObjects", "value": owners_of(request, request.find(request.visible))},
    )


def owners_of(request: GraphRequest, found: Body) -> list[Body]:
    entra = request.world.entra
    owners = (entra.service_principals.get(one) for one in sorted(entra.owners.get(found["id"], ())))
    return [{"@odata.type": "#microsoft.graph.servicePrincipal", **one} for one in owners if one is not None]


def add_owner(request: GraphRequest) -> HttpAnswer:
    app, sent = application(request, to_write=True), request.json()
    which = str(sent.get("@odata.id", "")).rpartition("/")[2]
    if which not in request.world.entra.service_principals:
        raise not_found(which[:80])
    owners = request.world.entra.owners.setdefault(app["id"], set())
    if which in owners:
        raise bad_request(
            "One or more added object references already exist for the following modified properties: 'owners'."
        )
    owners.add(which)
    return HttpAnswer(204)


def remove_owner(request: GraphRequest) -> HttpAnswer:
    app = application(request, to_write=True)
    owners = request.world.entra.owners.get(app["id"], set())
    if request.where["child"] not in owners:
        raise not_found(request.where["child"])
    owners.discard(request.where["child"])
    return HttpAnswer(204)
