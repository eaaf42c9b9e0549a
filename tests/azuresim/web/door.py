"""What a request to a site's host name meets: the platform, Easy Auth, and then the functions host or the plain app."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jwt
from multidict import CIMultiDict

from azuresim.entra.tokens import InvalidToken
from azuresim.resources import Document
from azuresim.web.auth_v1 import properties_in_force
from azuresim.web.easyauth import Admitted, Claims, Settings, judge
from azuresim.web.functions_host import Started, start
from azuresim.web.restrictions import ADDRESS, stopped_at_the_front
from azuresim.web.sites import Runtime, Site, is_function_app, site_of
from azuresim.wire import HttpAnswer, HttpCall
from azuresim.world import Invocation, World

STOPPED = "<h1>Error 403 - This web app is stopped.</h1>"
NO_SITE = "<h1>404 Web Site not found.</h1>"
LOUD = 501
HOST_DOWN = "Function host is not running."


async def site(call: HttpCall, world: World) -> HttpAnswer:
    """The answer of whatever site owns the call's host name."""
    named = world.arm.get(f"/hostnames/{call.host}")
    document = world.arm.get(named.body["site"]) if named else None
    if document is None:
        return HttpAnswer.text(404, NO_SITE, "text/html")
    if document.properties.get("state") == "Stopped":
        return HttpAnswer.text(403, STOPPED, "text/html")  # assumed: nobody published what the platform says
    refused = stopped_at_the_front(call, world, document)
    if refused is not None:
        return refused
    if ADDRESS in call.headers:
        headers = CIMultiDict(call.headers)
        del headers[ADDRESS]
        call = call.with_(headers=headers)
    return _at_the_door(call, world, document)


def auth_properties(world: World, document: Document) -> Mapping[str, Any]:
    """
    The auth settings that count: those of the file under `platform.configFilePath`, else those that ARM holds.

    Assumed: a path under which no file lies changes nothing.
    Source: learn.microsoft.com/azure/app-service/configure-authentication-file-based
    """
    properties: Mapping[str, Any] = properties_in_force(world, document)
    path = (properties.get("platform") or {}).get("configFilePath")
    return site_of(world, document.id).files.get(path, properties) if path else properties


def _at_the_door(call: HttpCall, world: World, document: Document) -> HttpAnswer:
    behind = site_of(world, document.id)
    settings = Settings.parse(auth_properties(world, document), behind.app_settings)
    verdict = judge(call, settings, lambda token: _verified(world, token), world.switches)
    if isinstance(verdict, HttpAnswer):
        if verdict.status == LOUD:
            world.missing[f"{call.method} {call.path}: Easy Auth"] += 1
        return verdict
    arrived = call.with_(headers=verdict.headers)
    if is_function_app(document):
        return _run(arrived, world, document, behind, verdict)
    return HttpAnswer.json(200, _echo(arrived, behind, verdict, {"app": document.name}))


def _verified(world: World, token: str) -> Claims | None:
    try:
        return world.entra.verify(token)
    except InvalidToken:
        return None


def _run(call: HttpCall, world: World, document: Document, behind: Site, admitted: Admitted) -> HttpAnswer:
    if behind.runtime is not Runtime.UP:
        return HttpAnswer.text(503, HOST_DOWN)
    identified = admitted.claims is not None
    able = [function for function in behind.functions if not behind.disabled(function)]
    started = start(call, able, behind.route_prefix, behind.keys, identified=identified)
    if isinstance(started, HttpAnswer):
        return started
    name, claims = started.match.function.name, dict(admitted.claims or {})
    world.invocations.append(Invocation(function=name, claims=claims, at=world.clock.timestamp(), site=document.id))
    if started.match.function.says is not None:
        status, text = started.match.function.says
        return HttpAnswer.text(status, text)
    return HttpAnswer.json(200, _echo(call, behind, admitted, _which(started)))


def _which(started: Started) -> dict[str, Any]:
    function, values = started.match.function, dict(started.match.values)
    return {"function": function.name, "route": function.route, "values": values, "key": started.key}


def _echo(call: HttpCall, behind: Site, admitted: Admitted, which: dict[str, Any]) -> dict[str, Any]:
    """What arrived, with every secret replaced by what is true about it: a token by its claims, a key by its name."""
    headers = {name.lower(): _shown(name.lower(), value, behind) for name, value in call.headers.items()}
    claims = None if admitted.claims is None else dict(admitted.claims)
    return which | {"method": call.method, "path": call.path, "headers": headers, "claims": claims}


def _shown(name: str, value: str, behind: Site) -> Any:
    if name == "x-functions-key":
        return behind.keys.name_of(value) or "unknown key"
    scheme, _, token = value.partition(" ")
    if scheme.lower() == "bearer":
        return _claims(token.strip())
    return "not a bearer token" if name == "authorization" else value


def _claims(token: str) -> Any:
    try:
        return jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return "not a token"
