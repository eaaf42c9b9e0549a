"""
ARM's front door: everything that is checked before a handler runs, and what every answer carries.

The order: api-version given, token, quota, subscription, route, rights, group, api-version known, lock, top-level
resource, overlap with another call. That api-version and token come first is how ARM is known to answer; the rest of
the order is assumed.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from azuresim.arm.routes import ROUTES, ArmError, ArmRequest, Route, is_denied, resource_not_found
from azuresim.entra.tokens import ARM_AUDIENCES, Caller, InvalidToken
from azuresim.journal import acting
from azuresim.resources import key_of
from azuresim.wire import HttpAnswer, HttpCall

if TYPE_CHECKING:
    from azuresim.world import World

KINDS = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}
BUCKETS = {"reads": (250.0, 25.0), "writes": (200.0, 10.0), "deletes": (200.0, 10.0)}  # size, refill per second
UNROUTED = ("InvalidResourceNamespace", "InvalidResourceType", "MethodNotAllowed")
TOP_LEVEL = 3  # namespace, type, name


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
    linked: Sequence[str] = ()


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
            self._count_missing(call, handled, refused)
            answer = refused.response().http()
        handled.answer = answer.plus(extra | self._identity(call))
        if call.method == "HEAD":
            handled.answer = HttpAnswer(handled.answer.status, handled.answer.headers)
        return handled

    def _count_missing(self, call: HttpCall, handled: Handled, refused: ArmError) -> None:
        """What Azure may serve and this simulator does not is counted, so that nobody mistakes it for Azure's no."""
        if refused.code == "NotSimulated":
            self.world.missing[
                f"{call.method} {handled.route.template if handled.route else call.path}: {refused}"
            ] += 1
        elif handled.route is None and refused.code in UNROUTED:
            self.world.missing[f"{call.method} {call.path}: no such route"] += 1

    async def _checked(self, call: HttpCall, handled: Handled, extra: dict[str, str]) -> HttpAnswer:
        """The answer of the handler, when nothing refuses the call first."""
        version = call.argument("api-version")
        if not version:
            text = "The api-version query parameter (?api-version=) is required for all requests."
            raise ArmError(400, "MissingApiVersionParameter", text)
        handled.caller = authenticate(call, self.world)
        self._spend(call, handled.caller, extra)
        self._subscription(call.path)
        handled.route, handled.params = find(call, version)
        request = self._request(call, handled.route, handled.params, handled.caller, version)
        handled.linked = request.linked
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
        await self.world.delay(request.call, "arm")
        self.world.operations.settle()
        with acting(request.caller.client_id):
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
        if is_denied(self.world, action):
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
