"""
Passwords of an application or a service principal: made by Graph, shown once, good at the token endpoint at once.

A PATCH may leave one out, which removes it; it can neither make nor change one. POST of an application makes those that
it names. Sources: learn.microsoft.com/graph/api (application-addpassword, application-removepassword,
serviceprincipal-addpassword, application-post-applications); Azure/azure-cli tracker (7728).
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from azuresim.entra.directory import Body
from azuresim.graph.request import SCHEMA, GraphRequest, bad_request, writable
from azuresim.graph.shapes import refuse_wrong_types
from azuresim.wire import HttpAnswer

LIFE = timedelta(days=2 * 365)


def passwords_of(body: Body) -> list[Body]:
    return body.get("passwordCredentials") or []


def add_password(request: GraphRequest) -> HttpAnswer:
    body, sent = writable(request), request.json() if request.call.body else {}
    wanted = sent.get("passwordCredential") or {}
    if not isinstance(wanted, dict):
        raise bad_request("Invalid value specified for property 'passwordCredential'.")
    shown, text = made(request, body, wanted)
    body["passwordCredentials"] = [*passwords_of(body), shown]
    request.record(f"/{request.kind}/{body['id']}/passwordCredentials/{shown['keyId']}", None, shown)
    context = f"{SCHEMA}microsoft.graph.passwordCredential"
    return HttpAnswer.json(200, {"@odata.context": context, **shown, "secretText": text})


def made(request: GraphRequest, body: Body, wanted: Body) -> tuple[Body, str]:
    """A password that the token endpoint takes from now on: what reads show of it, and its text."""
    refuse_wrong_types(wanted, "passwordCredential")
    entra, now = request.world.entra, request.world.clock.now()
    text = secrets.token_urlsafe(30)
    shown: Body = {
        "customKeyIdentifier": None,
        "displayName": wanted.get("displayName"),
        "endDateTime": wanted.get("endDateTime") or (now + LIFE).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "hint": text[:3],
        "keyId": request.world.guid(),
        "secretText": None,
        "startDateTime": wanted.get("startDateTime") or now.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    entra.add_secret(body["appId"], text)
    entra.secret_of_key[shown["keyId"]] = text
    return shown, text


def remove_password(request: GraphRequest) -> HttpAnswer:
    body, sent = writable(request), request.json()
    gone = [one for one in passwords_of(body) if one.get("keyId") == sent.get("keyId")]
    if not gone:
        raise bad_request(f"No password credential found with keyId '{str(sent.get('keyId'))[:80]}'.")
    body["passwordCredentials"] = [one for one in passwords_of(body) if one not in gone]
    forget(request, body, gone[0])
    return HttpAnswer(204)


def forget(request: GraphRequest, body: Body, password: Body) -> None:
    entra = request.world.entra
    text = entra.secret_of_key.pop(str(password.get("keyId")), "")
    entra.secrets.get(body["appId"].lower(), set()).discard(text)
    request.record(f"/{request.kind}/{body['id']}/passwordCredentials/{password.get('keyId')}", password, None)


# --- as a property of what is written ---------------------------------------------------------------------------------
def made_with(request: GraphRequest, body: Body) -> Body:
    """A new object with the passwords that it came with; the answer alone shows their texts."""
    pairs = [made(request, body, wanted) for wanted in passwords_of(body)]
    body["passwordCredentials"] = [shown for shown, _ in pairs]
    return {**body, "passwordCredentials": [{**shown, "secretText": text} for shown, text in pairs]}


def refuse_changed(before: Body, after: Body) -> None:
    """400 for a PATCH that makes a password or changes one."""
    had = {str(one["keyId"]): one for one in passwords_of(before) if one.get("keyId")}
    for one in passwords_of(after):
        old = had.get(one.get("keyId") or "")
        if old is None:
            raise bad_request("New password credentials must be generated with service actions.")
        if any(value is not None and old.get(name) != value for name, value in one.items()):
            raise bad_request(f"Update to existing credential with KeyId '{old['keyId']}' is not allowed.")


def settle(request: GraphRequest, before: Body, after: Body) -> None:
    """Those that were left out are gone, and those that stay are shown as they were; `refuse_changed` comes first."""
    stay = {one["keyId"] for one in passwords_of(after)}
    after["passwordCredentials"] = [one for one in passwords_of(before) if one.get("keyId") in stay]
    for one in passwords_of(before):
        if one.get("keyId") not in stay:
            forget(request, before, one)
