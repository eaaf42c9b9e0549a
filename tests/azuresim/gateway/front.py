"""
API Management's data plane: a call to `<service>.azure-api.net`, from matching it to the backend's answer.

The API with the longest matching path, then the operation by method and template; the subscription key; policies; the
backend. Function apps are called through `azuresim.web.site`, any other backend host is unreachable (500).
Sources: learn.microsoft.com/azure/api-management/api-management-subscriptions (keys),
api-management-howto-policies (order), add-api-manually (404 for what no operation matches). The texts of 401 and
404 are the widely quoted ones; that keys are not passed on is assumed.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from multidict import CIMultiDict

from azuresim.apim.entities import SERVICE
from azuresim.apim.named_values import named_values
from azuresim.apim.policies import policy_at
from azuresim.apim.products import subscription_of_key
from azuresim.gateway.exchange import Broken, Exchange, PolicyFailure, Target
from azuresim.gateway.pipeline import Chain, process
from azuresim.policy.text import BUILT_IN_GLOBAL
from azuresim.resources import Document
from azuresim.web import site
from azuresim.wire import HttpAnswer, HttpCall
from azuresim.world import World

HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length", "host", "te", "upgrade")
NOT_FOUND = {"statusCode": 404, "message": "Resource not found"}
KEY_MISSING = (
    "Access denied due to missing subscription key. "
    "Make sure to include subscription key when making requests to an API."
)
KEY_INVALID = (
    "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription."
)


@dataclass(frozen=True, kw_only=True)
class Match:
    """What a call is for; `rest` is its raw path behind the API's own, `parameters` are the template's."""

    api: Document
    operation: Document
    rest: str
    parameters: Mapping[str, str]


async def gateway(request: HttpCall, world: World) -> HttpAnswer:
    """The answer that a caller of the API gets."""
    service = service_of(world, request.host)
    match = service and matched(world, service, request)
    if not service or not match:
        return HttpAnswer.json(404, NOT_FOUND)
    names = match.api.properties["subscriptionKeyParameterNames"]
    key = request.header(names["header"]) or request.argument(names["query"]) or ""
    subscription = subscription_of_key(world, service.id, match.api, key) if key else None
    exchange = Exchange(
        world=world,
        service=service,
        call=request,
        named_values=named_values(world, service.id),
        parameters=match.parameters,
        rest=match.rest,
        headers=forwarded(request.headers, names["header"]),
        query=[(name, value) for name, value in request.query if name.lower() != names["query"].lower()],
        target=own_target(match.api),
    )
    check = key_check(service, match.api, key, subscription)
    return await process(exchange, chain_of(world, service, match, subscription), check, call_backend)


# --- what the call is for ---------------------------------------------------------------------------------------------
def service_of(world: World, host: str) -> Document | None:
    """The service whose default host name this is; None when there is none, or its gateway is switched off."""
    suffix = f"/providers/microsoft.apimanagement{SERVICE.format(service=host.partition('.')[0])}"
    for key in world.arm.documents:
        if key.endswith(suffix):
            service = world.arm.need(key)
            return None if service.properties["disableGateway"] else service
    return None


def matched(world: World, service: Document, request: HttpCall) -> Match | None:
    """The API with the longest path that the call's path begins with, and its best operation."""
    path = request.raw_path or quote(request.path)
    candidates = [
        (api, rest)
        for api in world.arm.members(f"{service.id}/apis")
        if (rest := behind(path, api.properties["path"])) is not None
    ]
    if not candidates:
        return None
    api, rest = max(candidates, key=lambda candidate: len(candidate[0].properties["path"]))
    return best_operation(world, api, request.method, rest)


def behind(path: str, prefix: str) -> str | None:
    """What follows the API's path, beginning with a slash or empty; None when the call is for something else."""
    start = f"/{prefix}".rstrip("/")
    if unquote(path[: len(start)]).lower() != start.lower():
        return None
    rest = path[len(start) :]
    return rest if rest.startswith("/") or not rest else None


def best_operation(world: World, api: Document, method: str, rest: str) -> Match | None:
    """Literal segments beat placeholders, placeholders beat the wildcard."""
    found: list[tuple[tuple[int, ...], Match]] = []
    for operation in world.arm.members(f"{api.id}/operations"):
        template = operation.properties["urlTemplate"]
        groups = template_pattern(template).fullmatch(unquote(rest).strip("/"))
        if groups and operation.properties["method"].upper() == method.upper():
            parameters = dict(zip(names_in(template), groups.groups(), strict=True))
            found.append((rank(template), Match(api=api, operation=operation, rest=rest, parameters=parameters)))
    return min(found, key=lambda entry: entry[0])[1] if found else None


PLACEHOLDER = re.compile(r"\{(\*?)([^{}]+)\}|(\*)$")


def path_of(template: str) -> str:
    return template.partition("?")[0].strip("/")


def names_in(template: str) -> list[str]:
    return [found[2] or "*" for found in PLACEHOLDER.finditer(path_of(template))]


@functools.cache
def template_pattern(template: str) -> re.Pattern[str]:
    """`/orders/{id}` and `/files/{*path}` as a pattern for the rest of a path."""
    pattern, at, path = "", 0, path_of(template)
    for found in PLACEHOLDER.finditer(path):
        pattern += re.escape(path[at : found.start()]) + ("(.*)" if found[1] or found[3] else "([^/]+)")
        at = found.end()
    return re.compile(pattern + re.escape(path[at:]), re.IGNORECASE | re.DOTALL)


def rank(template: str) -> tuple[int, ...]:
    """Sorts templates by how special they are, segment by segment."""
    kinds = {"": 0, "{": 1, "*": 2}
    return tuple(
        kinds["*" if "*" in segment else "{" if "{" in segment else ""] for segment in path_of(template).split("/")
    )


# --- who may call -----------------------------------------------------------------------------------------------------
def key_check(service: Document, api: Document, key: str, subscription: Document | None) -> Callable[[], None]:
    """Raises 401 when the API asks for a subscription key and none, or none that fits, was sent."""

    def check() -> None:
        if not api.properties["subscriptionRequired"] or subscription is not None:
            return
        names = api.properties["subscriptionKeyParameterNames"]
        realm = f"{service.properties['gatewayUrl']}/{api.properties['path']}"
        challenge = f'AzureApiManagementKey realm="{realm}",name="{names["header"]}",type="header"'
        raise PolicyFailure(401, KEY_INVALID if key else KEY_MISSING, {"WWW-Authenticate": challenge})

    return check


def chain_of(world: World, service: Document, match: Match, subscription: Document | None) -> Chain:
    """Global, product (that of the subscription's key), API, operation."""
    scope = subscription.properties["scope"] if subscription else ""
    product = policy_at(world, scope) if "/products/" in scope.lower() else None
    return (
        policy_at(world, service.id) or BUILT_IN_GLOBAL,
        product,
        policy_at(world, match.api.id),
        policy_at(world, match.operation.id),
    )


# --- the backend ------------------------------------------------------------------------------------------------------
def own_target(api: Document) -> Target | None:
    url = api.properties["serviceUrl"]
    return Target(url=url) if url else None


def forwarded(headers: CIMultiDict[str], key_header: str) -> CIMultiDict[str]:
    """The caller's headers as the backend gets them: without the key and what belongs to one connection."""
    left_out = {*HOP_BY_HOP, key_header.lower()}
    return CIMultiDict([(name, value) for name, value in headers.items() if name.lower() not in left_out])


def folded(headers: CIMultiDict[str]) -> CIMultiDict[str]:
    """One line per header, several values joined by a comma: the same request, in the form that .NET sends."""
    return CIMultiDict([(name, ", ".join(headers.getall(name))) for name in dict.fromkeys(headers.keys())])


async def call_backend(exchange: Exchange) -> HttpAnswer:
    """The backend's answer: its URL, the rest of the path, its credentials with named values filled in."""
    if exchange.target is None:
        raise Broken("forward-request: the API has no backend")
    url = urlsplit(exchange.target.url)
    host = (url.hostname or "").lower()
    raw_path = url.path.rstrip("/") + exchange.rest
    headers, query = with_credentials(exchange, exchange.target)
    headers["Host"] = host
    if not host.endswith(".azurewebsites.net"):
        raise Broken(f"forward-request: no simulated backend answers at {host}")
    call = HttpCall(
        method=exchange.call.method,
        host=host,
        path=unquote(raw_path),
        query=query,
        headers=folded(headers),
        body=exchange.call.body,
        raw_path=raw_path,
        scheme=url.scheme,
    )
    answer = await site(call, exchange.world)
    kept = CIMultiDict([(name, value) for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP])
    return HttpAnswer(answer.status, kept, answer.body)


def with_credentials(exchange: Exchange, target: Target) -> tuple[CIMultiDict[str], list[tuple[str, str]]]:
    """Headers and query with what the backend entity adds; its values replace the caller's."""
    headers, query = exchange.headers.copy(), list(exchange.query)
    for name, values in (target.credentials.get("header") or {}).items():
        headers.popall(name, None)
        headers.extend([(name, exchange.text(value)) for value in values])
    for name, values in (target.credentials.get("query") or {}).items():
        query = [(key, value) for key, value in query if key.lower() != name.lower()]
        query += [(name, exchange.text(value)) for value in values]
    authorization = target.credentials.get("authorization")
    if authorization:
        scheme, parameter = authorization["scheme"], authorization.get("parameter", "")
        headers["Authorization"] = exchange.text(f"{scheme} {parameter}")
    return headers, query
