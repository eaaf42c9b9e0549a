"""
ARM's front door: everything that is checked before a handler runs, and what every answer carries.

The order: api-version given, token, quota, subscription, route, rights, group, api-version known, media type, lock,
registration, policy, top-level resource, the provider's own quota, overlap with another call. That api-version and
token come first is how ARM is known to answer; the rest of the order is assumed. The checks are in checks.py.

Every call comes through here. So what its first line says is worked out once (`meaning_of`), checks of writes are not
asked about reads, and only what may wait is a coroutine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from multidict import CIMultiDict, istr

from azuresim.activity_log import note
from azuresim.arm import checks
from azuresim.arm.callers import caller_of
from azuresim.arm.routes import ArmError, ArmRequest, Route, aliased, meaning_of
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


NOT_YET = HttpAnswer(500)
REQUEST_ID = istr("x-ms-request-id")
CORRELATION_ID = istr("x-ms-correlation-request-id")
ROUTING_ID = istr("x-ms-routing-request-id")
CLIENT_ID = istr("x-ms-client-request-id")
RETURN_CLIENT_ID = istr("x-ms-return-client-request-id")


@dataclass(slots=True)
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

    async def handle(self, call: HttpCall) -> Handled:
        handled = Handled(NOT_YET)
        headers = ALWAYS.copy()
        try:
            request = self._admitted(call, handled, headers)
            alone = request.route.exclusive is not None and request.route.busy is not None
            answer = await (self._alone(request) if alone else self._work(request))
        except ArmError as refused:
            self._count_missing(call, handled, refused)
            answer = refused.response().http()
        headers.update(self._identity(call))
        headers.update(answer.headers)
        handled.answer = HttpAnswer(answer.status, headers, b"" if call.method == "HEAD" else answer.body)
        if handled.route is not None and handled.caller is not None and call.method not in checks.CHECKS:
            note(self.world, call, handled.route, handled.params, handled.caller, handled.answer)
        return handled

    def _count_missing(self, call: HttpCall, handled: Handled, refused: ArmError) -> None:
        """What Azure may serve and this simulator does not is counted, so that nobody mistakes it for Azure's no."""
        if refused.code == "NotSimulated":
            where = handled.route.template if handled.route else call.path
            self.world.missing[f"{call.method} {where}: {refused}"] += 1
        elif handled.route is None and refused.code in UNROUTED:
            self.world.missing[f"{call.method} {call.path}: no such route"] += 1

    def _admitted(self, call: HttpCall, handled: Handled, headers: CIMultiDict[str]) -> ArmRequest:
        """The request, when nothing refuses the call before its handler runs; what is left of quotas in `headers`."""
        world, meaning = self.world, meaning_of(call.method, call.path, tuple(call.query))
        if not meaning.version:
            text = "The api-version query parameter (?api-version=) is required for all requests."
            raise ArmError(400, "MissingApiVersionParameter", text)
        caller = handled.caller = caller_of(call, world)
        headers.update(world.quotas.take(call, meaning.subscription, caller.object_id))
        checks.need_subscription(world, meaning.subscription)
        if meaning.target is None:
            raise checks.unrouted(call, meaning.methods, meaning.version)
        target = aliased(world, meaning.target)
        handled.route, handled.params = target.route, target.params
        request = ArmRequest(call, world, caller, target, meaning.query, meaning.version)
        handled.linked = request.linked
        for check in checks.CHECKS.get(call.method, checks.OF_WRITES):
            check(request)
        world.quotas.take_of_provider(meaning.namespace, call, meaning.subscription)
        return request

    async def _alone(self, request: ArmRequest) -> HttpAnswer:
        """The handler's answer, unless another call is being worked on at its place."""
        found = request.route
        assert found.exclusive is not None
        assert found.busy is not None
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
        world = self.world
        if world.seconds_of(request.call, "arm") > 0:
            await world.delay(request.call, "arm")
        world.operations.settle()
        with acting(request.caller.client_id):
            response = request.route.handler(request, world)
            if not isinstance(response, ArmResponse):
                response = await response
        answer = response.http()
        if request.method == "GET":
            world.operations.seen(request.id)
        return answer

    def _identity(self, call: HttpCall) -> dict[str, str]:
        """A client's own id comes back only when it asked for that (Azure/azure-resource-manager-rpc)."""
        request_id = self.world.guid()
        headers: dict[str, str] = {
            REQUEST_ID: request_id,
            CORRELATION_ID: call.headers.get(CORRELATION_ID, request_id),
            ROUTING_ID: f"WESTEUROPE:{self.world.clock.stamp()}:{request_id}",
        }
        client = call.headers.get(CLIENT_ID)
        if client and call.headers.get(RETURN_CLIENT_ID, "").lower() == "true":
            headers[CLIENT_ID] = client
        return headers
