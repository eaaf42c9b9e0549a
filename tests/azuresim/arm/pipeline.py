"""
ARM's front door: everything that is checked before a handler runs, and what every answer carries.

The order: api-version given, token, quota, subscription, route, rights, group, api-version known, media type, lock,
registration, policy, top-level resource, the provider's own quota, overlap with another call. That api-version and
token come first is how ARM is known to answer; the rest of the order is assumed. The checks are in checks.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from multidict import CIMultiDict

from azuresim.activity_log import note
from azuresim.arm import checks
from azuresim.arm.callers import Callers
from azuresim.arm.routes import ArmError, ArmRequest, Route, Target, aliased, target_of
from azuresim.entra.tokens import Caller
from azuresim.journal import acting
from azuresim.resources import key_of
from azuresim.wire import ArmResponse, HttpAnswer, HttpCall

if TYPE_CHECKING:
    from azuresim.world import World

UNROUTED = ("InvalidResourceNamespace", "InvalidResourceType", "MethodNotAllowed", "MissingSubscription")
ALWAYS = CIMultiDict(
    {
        "Cache-Control": "no-cache",
        "Pragma": "no-cache",
        "Expires": "-1",
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
        "X-Content-Type-Options": "nosniff",
        "X-Cache": "CONFIG_NOCACHE",
    }
)
"""What an answer carries unless it says otherwise. Source: Azure/azure-cli recordings, every answer of ARM."""


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
        self.in_flight: set[str] = set()
        self._callers = Callers(world)

    async def handle(self, call: HttpCall) -> Handled:
        handled = Handled(HttpAnswer(500))
        extra: dict[str, str] = {}
        try:
            answer = await self._checked(call, handled, extra)
        except ArmError as refused:
            self._count_missing(call, handled, refused)
            answer = refused.response().http()
        headers = CIMultiDict(ALWAYS)
        headers.update(extra)
        headers.update(self._identity(call))
        headers.update(answer.headers)
        handled.answer = HttpAnswer(answer.status, headers, answer.body)
        if handled.route is not None and handled.caller is not None and call.method not in checks.READS:
            note(self.world, call, handled.route, handled.params, handled.caller, handled.answer)
        if call.method == "HEAD":
            handled.answer = HttpAnswer(handled.answer.status, handled.answer.headers)
        return handled

    def _count_missing(self, call: HttpCall, handled: Handled, refused: ArmError) -> None:
        """What Azure may serve and this simulator does not is counted, so that nobody mistakes it for Azure's no."""
        if refused.code == "NotSimulated":
            where = handled.route.template if handled.route else call.path
            self.world.missing[f"{call.method} {where}: {refused}"] += 1
        elif handled.route is None and refused.code in UNROUTED:
            self.world.missing[f"{call.method} {call.path}: no such route"] += 1

    async def _checked(self, call: HttpCall, handled: Handled, extra: dict[str, str]) -> HttpAnswer:
        """The answer of the handler, when nothing refuses the call first."""
        version = call.argument("api-version")
        if not version:
            text = "The api-version query parameter (?api-version=) is required for all requests."
            raise ArmError(400, "MissingApiVersionParameter", text)
        handled.caller = self._callers.of(call)
        subscription = checks.subscription_in(call.path)
        extra.update(self.world.quotas.take(call, subscription, handled.caller.object_id))
        checks.need_subscription(self.world, subscription)
        target, methods = target_of(call.path, call.method)
        if target is None:
            raise checks.unrouted(call, methods, version)
        target = aliased(self.world, target)
        handled.route, handled.params = target.route, target.params
        request = self._request(call, target, handled.caller, version)
        handled.linked = request.linked
        for check in CHECKS:
            check(request)
        self.world.quotas.take_of_provider(checks.namespace_in(call.path), call, subscription)
        return await self._run(request)

    def _request(self, call: HttpCall, target: Target, caller: Caller, version: str) -> ArmRequest:
        return ArmRequest(
            method=call.method, target=target, query=dict(reversed(call.query)), headers=call.headers, caller=caller,
            api_version=version, call=call, world=self.world,
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
            if not isinstance(response, ArmResponse):
                response = await response
        answer = response.http()
        if request.method == "GET":
            self.world.operations.seen(request.id)
        return answer

    def _identity(self, call: HttpCall) -> dict[str, str]:
        """A client's own id comes back only when it asked for that (Azure/azure-resource-manager-rpc)."""
        request_id = self.world.guid()
        headers = {
            "x-ms-request-id": request_id,
            "x-ms-correlation-request-id": call.headers.get("x-ms-correlation-request-id", request_id),
            "x-ms-routing-request-id": f"WESTEUROPE:{self.world.clock.stamp()}:{request_id}",
        }
        client = call.headers.get("x-ms-client-request-id")
        if client and call.headers.get("x-ms-return-client-request-id", "").lower() == "true":
            headers["x-ms-client-request-id"] = client
        return headers


CHECKS = (
    checks.need_right,
    checks.need_group,
    checks.need_version,
    checks.need_json,
    checks.need_unlocked,
    checks.need_provider,
    checks.need_allowed,
    checks.need_owner,
)
"""In this order."""
