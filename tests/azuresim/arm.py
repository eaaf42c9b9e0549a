"""
What all ARM resources share: routing, api-version, tokens, rights, locks, 404s, quotas, request ids, error envelope.

    @arm.route("PUT", "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.ApiManagement/service/{service}"
               "/backends/{backend}", versions={"2022-08-01", "2024-05-01"},
               action="Microsoft.ApiManagement/service/backends/write")
    async def put_backend(request: ArmRequest, world: World) -> ArmResponse:      # async or plain
        document = world.arm.put(request.id, {...})
        return ArmResponse(201, document.body, {"ETag": document.etag})

- Importing a module registers its routes (server.py imports them all). Static parts match without case,
  `{name}` is one segment, a leading `/{scope}/` is any scope (extension resources).
- ArmRequest: method, params (as sent), id (static parts spelled as in the route), query, headers, json, caller,
  api_version, world, route; `up_to("service")` the id as far as that name, `absolute(path)` a URL on the endpoint the
  client used, `document()` what is stored under `id` or ArmError 404.
- ArmResponse(status, body, headers): a dict is sent compact, a string as it is (`wire.pretty(...)` is API Management's
  indented form), None is an empty body.
- ArmError(status, code, message, details=()): details=None sends `"details": null`; `body=` replaces the whole
  envelope (App Service's capitalised one, or the `{"Message": …}` of a 405).
- action: default is namespace + static parts + read | write | delete, for POST last part + /action. `world.denied`
  holds the denied ones, lower case, `*` allowed.
- A top-level resource (`service/{service}`) must be stored for everything but its own PUT and DELETE and its lists.
- exclusive="/subscriptions/{sub}/…/apis/{api}", busy=lambda: ArmError(409, …): a second call to the same place while
  one is in flight is refused. Every call takes `world.latency`, spent after that check and before the handler.
- uncovered="why": no published contract describes the route, so contract checking leaves it out; `uncovered()` lists
  them.

The order of checks is that of `Pipeline._checked`.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from multidict import CIMultiDict

from azuresim.resources import Document, key_of
from azuresim.tokens import ARM_AUDIENCES, Caller, InvalidToken
from azuresim.wire import ArmResponse, HttpAnswer, HttpCall, pretty

if TYPE_CHECKING:
    from azuresim.world import World

__all__ = ["ArmError", "ArmRequest", "ArmResponse", "Pipeline", "pretty", "route", "uncovered"]

Handler = Callable[["ArmRequest", "World"], ArmResponse | Awaitable[ArmResponse]]
KINDS = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}
BUCKETS = {"reads": (250.0, 25.0), "writes": (200.0, 10.0), "deletes": (200.0, 10.0)}  # size, refill per second
VERBS = {"GET": "read", "HEAD": "read", "DELETE": "delete", "POST": "action"}
TOP_LEVEL = 3  # namespace, type, name


class ArmError(Exception):
    """An answer of 4xx or 5xx."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: Sequence[Mapping[str, Any]] | None = (),
        *,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        indented: bool = False,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message, self.details = status, code, message, details
        self.headers, self.body, self.indented = headers or {}, body, indented

    def response(self) -> ArmResponse:
        body = self.body
        if body is None:
            error: dict[str, Any] = {"code": self.code, "message": self.message}
            if self.details is None or len(self.details) > 0:
                error["details"] = self.details and list(self.details)
            body = {"error": error}
        return ArmResponse(self.status, pretty(body) if self.indented else body, self.headers)


def resource_not_found(resource_id: str) -> ArmError:
    """404 for a missing top-level resource, in ARM's words."""
    head, _, tail = resource_id.rpartition("/providers/")
    group = head.rpartition("/")[2]
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource '{tail}' under resource group '{group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


# --- routes -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Route:
    method: str
    template: str
    versions: tuple[str, ...]
    action: str
    handler: Handler
    exclusive: str | None = None
    busy: Callable[[], ArmError] | None = None
    uncovered: str | None = None

    @functools.cached_property
    def pattern(self) -> re.Pattern[str]:
        any_scope = re.escape(self.template).replace(r"/\{scope\}/", r"/(?P<scope>.+)/", 1)
        return re.compile("^" + re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", any_scope) + "/?$", re.IGNORECASE)

    @property
    def provider_parts(self) -> list[str]:
        """`[namespace, type, {name}, …]`, empty for what has no provider."""
        return self.template.rpartition("/providers/")[2].split("/") if "/providers/" in self.template else []

    def fill(self, params: Mapping[str, str], upto: str | None = None) -> str:
        """The template with parameters put in, as far as `{upto}`."""
        template = self.template if upto is None else self.template.partition(f"{{{upto}}}")[0] + f"{{{upto}}}"
        return template.format(**params)


ROUTES: dict[str, list[Route]] = {}  # by lower-cased namespace; "" holds subscriptions and groups


def route(
    method: str,
    template: str,
    *,
    versions: Collection[str],
    action: str | None = None,
    exclusive: str | None = None,
    busy: Callable[[], ArmError] | None = None,
    uncovered: str | None = None,
) -> Callable[[Handler], Handler]:
    """The decorated function answers `method` on `template`."""

    def register(handler: Handler) -> Handler:
        made = Route(
            method, template, tuple(sorted(versions)), action or default_action(method, template), handler,
            exclusive, busy, uncovered,
        )  # fmt: skip
        namespace = made.provider_parts[0].lower() if made.provider_parts else ""
        ROUTES.setdefault(namespace, []).append(made)
        return handler

    return register


def default_action(method: str, template: str) -> str:
    """`Microsoft.ApiManagement/service/apis/read` of GET …/service/{service}/apis/{api}."""
    static = [p for p in template.rpartition("/providers/")[2].strip("/").split("/") if not p.startswith("{")]
    return "/".join([*static, VERBS.get(method, "write")])


def uncovered() -> list[tuple[str, str, str]]:
    """Method, template and reason of every route that no published contract describes."""
    return [(r.method, r.template, r.uncovered) for routes in ROUTES.values() for r in routes if r.uncovered]


@dataclass(frozen=True, kw_only=True)
class ArmRequest:
    method: str
    params: Mapping[str, str]
    id: str
    query: Mapping[str, str]
    headers: CIMultiDict[str]
    caller: Caller
    api_version: str
    route: Route
    call: HttpCall
    world: World

    @functools.cached_property
    def json(self) -> Any:
        """The parsed body, an object; 400 InvalidRequestContent when it is none."""
        try:
            body = self.call.json()
        except ValueError as wrong:
            text = f"The request content was invalid and could not be deserialized: '{wrong}'."
            raise ArmError(400, "InvalidRequestContent", text) from wrong
        if not isinstance(body, dict):
            raise ArmError(400, "InvalidRequestContent", "The request content was invalid: a JSON object is expected.")
        return body

    def up_to(self, name: str) -> str:
        """The id as far as `{name}`: `request.up_to("service")` is the service's."""
        return self.route.fill(self.params, name)

    def document(self) -> Document:
        """What is stored under this id; ArmError 404 ResourceNotFound otherwise."""
        found = self.world.arm.get(self.id)
        if found is None:
            raise resource_not_found(self.id)
        return found

    def absolute(self, path: str) -> str:
        """A path (with query) on the endpoint that the client used; api-version is added when missing."""
        joiner = "&" if "?" in path else "?"
        version = "" if "api-version=" in path else f"{joiner}api-version={self.api_version}"
        return f"{self.call.scheme}://{self.call.header('Host', self.call.host)}{path}{version}"


# --- quotas -----------------------------------------------------------------------------------------------------------
@dataclass
class Bucket:
    """A token bucket: `take` says how many are left, or None when it is empty."""

    size: float
    refill: float
    level: float
    at: float

    def take(self, now: float) -> int | None:
        self.level = min(self.size, self.level + (now - self.at) * self.refill)
        self.at = now
        if self.level < 1:
            return None
        self.level -= 1
        return int(self.level)


@dataclass
class Quotas:
    """What is left, per subscription, principal and kind of call (one region is simulated)."""

    buckets: dict[tuple[str, str, str], Bucket] = field(default_factory=dict)

    def take(self, subscription: str, principal: str, kind: str, now: float) -> int | None:
        size, refill = BUCKETS[kind]
        return self.buckets.setdefault((subscription, principal, kind), Bucket(size, refill, size, now)).take(now)


# --- the front door ---------------------------------------------------------------------------------------------------
@dataclass
class Handled:
    """An answer, and what log and contract check want to know about how it came about."""

    answer: HttpAnswer
    route: Route | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    caller: Caller | None = None


class Pipeline:
    """ARM for one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.quotas = Quotas()
        self.in_flight: set[str] = set()

    async def handle(self, call: HttpCall) -> Handled:
        handled = Handled(HttpAnswer(500))
        extra: dict[str, str] = {}
        try:
            answer = await self._checked(call, handled, extra)
        except ArmError as refused:
            answer = refused.response().http()
        handled.answer = answer.plus(extra | self._identity(call))
        if call.method == "HEAD":
            handled.answer = HttpAnswer(handled.answer.status, handled.answer.headers)
        return handled

    async def _checked(self, call: HttpCall, handled: Handled, extra: dict[str, str]) -> HttpAnswer:
        """
        Version given, token, quota, subscription, route, rights, group, version known, lock, top-level resource.

        That version and token come first, and rights before the group, is how ARM is known to answer; the rest of the
        order is assumed.
        """
        version = call.argument("api-version")
        if not version:
            text = "The api-version query parameter (?api-version=) is required for all requests."
            raise ArmError(400, "MissingApiVersionParameter", text)
        handled.caller = authenticate(call, self.world)
        self._spend(call, handled.caller, extra)
        self._subscription(call.path)
        handled.route, handled.params = find(call, version)
        request = self._request(call, handled.route, handled.params, handled.caller, version)
        self._rights(request)
        self._group(request.id)
        self._version(request)
        self._lock(request)
        self._top_level(request)
        return await self._run(request)

    def _request(
        self, call: HttpCall, found: Route, params: Mapping[str, str], caller: Caller, version: str
    ) -> ArmRequest:
        return ArmRequest(
            method=call.method, params=params, id=found.fill(params), query=dict(reversed(call.query)),
            headers=call.headers, caller=caller, api_version=version, route=found, call=call, world=self.world,
        )  # fmt: skip

    async def _run(self, request: ArmRequest) -> HttpAnswer:
        found = request.route
        if found.exclusive is None or found.busy is None:
            return await self._work(request)
        place = key_of(found.exclusive.format(**request.params))
        if place in self.in_flight:
            raise found.busy()
        self.in_flight.add(place)
        try:
            return await self._work(request)
        finally:
            self.in_flight.discard(place)

    async def _work(self, request: ArmRequest) -> HttpAnswer:
        """The handler's answer, written out before the look counts as a poll: what that settles is seen next time."""
        if self.world.latency:
            await asyncio.sleep(self.world.latency)
        self.world.operations.settle()
        response = request.route.handler(request, self.world)
        if inspect.isawaitable(response):
            response = await response
        answer = response.http()
        if request.method == "GET":
            self.world.operations.seen(request.id)
        return answer

    def _spend(self, call: HttpCall, caller: Caller, extra: dict[str, str]) -> None:
        kind = self.world.switches.arm_post_spends if call.method == "POST" else KINDS.get(call.method, "writes")
        subscription = subscription_in(call.path) or "tenant"
        left = self.quotas.take(subscription, caller.object_id, kind, self.world.clock.timestamp())
        if left is None and self.world.switches.arm_throttle:
            raise throttled(kind, subscription, caller)
        extra[f"x-ms-ratelimit-remaining-subscription-{kind}"] = str(left or 0)
        extra[f"x-ms-ratelimit-remaining-subscription-global-{kind}"] = str((left or 0) * 15)

    def _subscription(self, path: str) -> None:
        subscription = subscription_in(path)
        if subscription and f"/subscriptions/{subscription}" not in self.world.arm.documents:
            raise ArmError(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.")

    def _rights(self, request: ArmRequest) -> None:
        action, caller = request.route.action, request.caller
        if any(fnmatchcase(action.lower(), denied.lower()) for denied in self.world.denied):
            raise ArmError(
                403,
                "AuthorizationFailed",
                f"The client '{caller.client_id}' with object id '{caller.object_id}' does not have authorization to "
                f"perform action '{action}' over scope '{request.id}' or the scope is invalid. If access was recently "
                "granted, please refresh your credentials.",
            )

    def _group(self, resource_id: str) -> None:
        match = re.match(r"(/subscriptions/[^/]+/resourceGroups/([^/]+))", resource_id, re.IGNORECASE)
        if match and match[1] not in self.world.arm.documents:
            raise ArmError(404, "ResourceGroupNotFound", f"Resource group '{match[2]}' could not be found.")

    def _version(self, request: ArmRequest) -> None:
        if request.api_version not in request.route.versions:
            raise ArmError(
                400,
                "InvalidApiVersionParameter",
                f"The api-version '{request.api_version}' is invalid. The supported versions are "
                f"'{','.join(request.route.versions)}'.",
            )

    def _lock(self, request: ArmRequest) -> None:
        if request.method in ("GET", "HEAD"):
            return
        verb = "delete" if request.method == "DELETE" else "write"
        levels = ("ReadOnly", "CanNotDelete") if verb == "delete" else ("ReadOnly",)
        scopes = [lock.scope for lock in self.world.arm.locks_on(request.id) if lock.level in levels]
        if scopes:
            raise ArmError(
                409,
                "ScopeLocked",
                f"The scope '{request.id}' cannot perform {verb} operation because following scope(s) are locked: "
                f"'{','.join(scopes)}'. Please remove the lock and try again.",
            )

    def _top_level(self, request: ArmRequest) -> None:
        """The top-level resource is there, or this is the call that makes or removes it, or a list."""
        if "scope" in request.params:
            owner = "/" + request.params["scope"].strip("/")
        else:
            parts = request.route.provider_parts
            own = len(parts) == TOP_LEVEL and request.method in ("PUT", "DELETE")
            if len(parts) < TOP_LEVEL or own or not parts[2].startswith("{") or "{rg}" not in request.route.template:
                return
            owner = request.up_to(parts[2].strip("{}"))
        if "/providers/" in owner.lower() and owner not in self.world.arm.documents:
            raise resource_not_found(owner)

    def _identity(self, call: HttpCall) -> dict[str, str]:
        request_id = self.world.guid()
        headers = {
            "x-ms-request-id": request_id,
            "x-ms-correlation-request-id": call.header("x-ms-correlation-request-id", request_id),
            "x-ms-routing-request-id": f"WESTEUROPE:{self.world.clock.stamp()}:{request_id}",
        }
        client = call.header("x-ms-client-request-id")
        return headers | ({"x-ms-client-request-id": client} if client else {})


def throttled(kind: str, subscription: str, caller: Caller) -> ArmError:
    return ArmError(
        429,
        "SubscriptionRequestsThrottled",
        f"Number of {kind} for subscription '{subscription}' by '{caller.object_id}' is over the limit. "
        "Please try again after '1' seconds.",
        headers={"Retry-After": "1"},
    )


def find(call: HttpCall, version: str) -> tuple[Route, dict[str, str]]:
    """The route and the parameters of the path; 404 for no such type, 405 for no such method there."""
    namespace = (
        call.path.lower().rpartition("/providers/")[2].split("/")[0] if "/providers/" in call.path.lower() else ""
    )
    if namespace not in ROUTES:
        raise ArmError(404, "InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid.")
    matches = [(r, match.groupdict()) for r in ROUTES[namespace] if (match := r.pattern.match(call.path))]
    matches.sort(key=lambda found: found[0].template.count("{"))  # more static parts win
    for found, params in matches:
        if found.method == call.method:
            return found, params
    raise method_not_allowed(call, matches) if matches else no_such_type(call, namespace, version)


def method_not_allowed(call: HttpCall, matches: Iterable[tuple[Route, Mapping[str, str]]]) -> ArmError:
    allow = ",".join(sorted({found.method for found, _ in matches}))
    body = {"Message": f"The requested resource does not support http method '{call.method}'."}
    return ArmError(405, "MethodNotAllowed", body["Message"], headers={"Allow": allow}, body=body)


def no_such_type(call: HttpCall, namespace: str, version: str) -> ArmError:
    types = "/".join(call.path.lower().rpartition("/providers/")[2].strip("/").split("/")[1::2])
    return ArmError(
        404,
        "InvalidResourceType",
        f"The resource type '{types}' could not be found in the namespace '{namespace}' for api version '{version}'.",
    )


def subscription_in(path: str) -> str:
    match = re.match(r"/subscriptions/([^/]+)", path, re.IGNORECASE)
    return match[1] if match else ""


def authenticate(call: HttpCall, world: World) -> Caller:
    """Who calls, by a bearer token for ARM; ArmError 401 otherwise."""
    authority = f"https://login.microsoftonline.com/{world.entra.tenant_id}"
    challenge = {"WWW-Authenticate": f'Bearer authorization_uri="{authority}", error="invalid_token"'}
    scheme, _, token = call.header("Authorization").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        text = "The access token is missing: the 'Authorization' header holds no bearer token."
        raise ArmError(401, "InvalidAuthenticationToken", text, headers=challenge)
    try:
        return Caller.of(world.entra.verify(token.strip(), audiences=ARM_AUDIENCES))
    except InvalidToken as refused:
        code = refused.arm_code if world.switches.arm_specific_token_codes else "InvalidAuthenticationToken"
        raise ArmError(401, code, str(refused), headers=challenge) from refused


# --- what every ARM has -----------------------------------------------------------------------------------------------
GENERIC_VERSIONS = {"2019-10-01", "2020-06-01", "2021-01-01", "2021-04-01", "2022-09-01", "2022-12-01", "2024-03-01"}
GENERIC = "subscriptions and resource groups are not among the contract documents"


@route(
    "GET",
    "/subscriptions/{sub}",
    versions=GENERIC_VERSIONS,
    action="Microsoft.Resources/subscriptions/read",
    uncovered=GENERIC,
)
def get_subscription(request: ArmRequest, world: World) -> ArmResponse:
    return ArmResponse(200, world.arm.need(request.id).body | {"tenantId": world.entra.tenant_id})


@route(
    "GET",
    "/subscriptions/{sub}/resourceGroups/{rg}",
    versions=GENERIC_VERSIONS,
    action="Microsoft.Resources/subscriptions/resourceGroups/read",
    uncovered=GENERIC,
)
def get_group(request: ArmRequest, world: World) -> ArmResponse:
    return ArmResponse(200, world.arm.need(request.id).body)


def serve_operations(namespace: str, versions: Collection[str]) -> None:
    """`…/providers/<namespace>/locations/{location}/operationsStatuses/{operation}` answers for this provider."""
    template = f"/subscriptions/{{sub}}/providers/{namespace}/locations/{{location}}/operationsStatuses/{{operation}}"

    @route("GET", template, versions=versions, uncovered="polls of operations are not in the contract documents")
    def status(request: ArmRequest, world: World) -> ArmResponse:
        response = world.operations.status(request.params["operation"])
        if response is None:
            raise ArmError(404, "NotFound", "The operation could not be found.")
        return response
