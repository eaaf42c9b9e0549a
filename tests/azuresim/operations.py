"""
Long-running operations: running for some polls, or until the world's clock says so, then done or failed.

    operation = world.operations.start(resource_id, on_done=settle)      # settle() runs once, when it ends well
    operation.fail(code, message)                                        # it will end badly: on_failed() instead
    headers = operation.headers(request, async_url=path, location=path)  # Azure-AsyncOperation, Location, Retry-After
    response = world.operations.status(operation_id)                     # {"status": "InProgress"|"Succeeded"|"Failed"}
    response = world.operations.location(operation_id, lambda: done)     # 202 while running, then yours
    world.operations.running(resource_id)                                # what is under way on a resource, or None
    world.operations.finish(resource_id)                                 # a test does not want to wait

What happens to the next operation on a resource, in one line of a test (`resource` is a pattern, `times=1` by default):

    world.operations.plan("*/namedValues/*", fails=("ValidationError", "No such secret."))   # Failed, with this error
    world.operations.plan("*/namedValues/*", fails=("Conflict", "…"), status=409)  # and this status at a Location URL
    world.operations.plan("*/service/contoso", canceled=True)
    world.operations.plan("*/service/contoso", never=True)                # it runs for ever
    world.operations.plan("*/service/contoso", seconds=600)               # by the world's clock; polls=7 by polls
    world.operations.plan("*/service/contoso", form="location")           # 202 and Location only; "async": only
                                                                          # Azure-AsyncOperation; "body": neither
    world.operations.plan("*/service/contoso", forgets=True)              # its URLs are 404 once it was seen to be over
    world.faults.add(path="*/operationsStatuses/*", status=500)           # a poll that answers 500 (or 429) once

By default one poll sees it running (`world.switches.operation_polls`); a GET of the resource itself counts as a poll
too, once it is answered, so a client that watches only `provisioningState` gets there as well. With
`operation_seconds` only time counts. Source: learn.microsoft.com/azure/azure-resource-manager
(management/async-operations).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal

from azuresim.journal import acting, actor
from azuresim.resources import key_of
from azuresim.wire import ArmResponse

if TYPE_CHECKING:
    from azuresim.arm.routes import ArmRequest
    from azuresim.world import World


def nothing() -> None:
    """The default end of an operation."""


Form = Literal["as made", "async", "location", "body"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How an operation goes that a test has plans for."""

    resource: str
    fails: tuple[str, str] | None = None
    status: int = 400
    canceled: bool = False
    never: bool = False
    seconds: float | None = None
    polls: int | None = None
    form: Form = "as made"
    forgets: bool = False

    def settle(self, operation: Operation, now: float) -> None:
        """The operation will go as planned."""
        operation.form, operation.forgotten_when_over = self.form, self.forgets
        if self.fails is not None:
            operation.fail(*self.fails)
            operation.failed_status = self.status
        if self.canceled:
            operation.fail("OperationCanceled", "The operation was canceled.").ends_as = "Canceled"
        if self.seconds is not None:
            operation.due = now + self.seconds
        if self.polls is not None:
            operation.due, operation.polls_left = None, self.polls
        if self.never:
            operation.due = float("inf")


@dataclass
class Operation:
    id: str
    resource_id: str
    polls_left: int
    due: float | None
    retry_after: int | None
    on_done: Callable[[], None] = nothing
    on_failed: Callable[[], None] = nothing
    status: str = "InProgress"
    who: str = field(default_factory=actor)
    error: dict[str, Any] | None = None
    failure: dict[str, Any] | None = None
    ends_as: str = "Failed"
    failed_status: int = 400
    form: Form = "as made"
    forgotten_when_over: bool = False

    @property
    def running(self) -> bool:
        return self.status == "InProgress"

    def fail(self, code: str, message: str, details: list[dict[str, Any]] | None = None) -> Operation:
        """It will end in failure with this error, when its time comes."""
        self.failure = {"code": code, "message": message, "details": details or []}
        return self

    def end(self) -> None:
        """Over now; only the first call counts."""
        if not self.running:
            return
        with acting(self.who):
            if self.failure is None:
                self.status = "Succeeded"
                self.on_done()
            else:
                self.status, self.error = self.ends_as, self.failure
                self.on_failed()

    def headers(
        self, request: ArmRequest, *, async_url: str | None = None, location: str | None = None
    ) -> dict[str, str]:
        """
        The headers of the first answer. Both are paths, with their query except `api-version`, which is added.

        The default async URL is the generic one, served for every provider under its location; so is the Location URL
        of an operation that a test wants to have one.
        """
        if self.form == "body":
            return {}
        namespace = request.id.rpartition("/providers/")[2].split("/")[0]
        place = f"/subscriptions/{request.id.split('/')[2]}/providers/{namespace}/locations/westeurope"
        headers = {}
        if self.form != "location":
            headers["Azure-AsyncOperation"] = request.absolute(async_url or f"{place}/operationsStatuses/{self.id}")
        elif location is None:
            location = f"{place}/asyncOperationResults/{self.id}"
        if location is not None and self.form != "async":
            headers["Location"] = request.absolute(location)
        return headers | self.retry_headers()

    def retry_headers(self) -> dict[str, str]:
        return {} if self.retry_after is None or not self.running else {"Retry-After": str(self.retry_after)}


class Operations:
    """All operations of a world, by id and by the resource they work on."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._by_id: dict[str, Operation] = {}
        self._running: dict[str, list[Operation]] = {}
        self._due: list[tuple[float, int, Operation]] = []
        self._plans: list[Plan] = []
        self._started = 0

    def plan(self, resource: str = "*", *, times: int = 1, **how: Any) -> None:
        """So the next `times` operations on such a resource go; `how` are the fields of Plan. Earlier plans first."""
        self._plans += [Plan(resource=resource, **how)] * times

    def start(
        self,
        resource_id: str,
        *,
        on_done: Callable[[], None] = nothing,
        on_failed: Callable[[], None] = nothing,
        polls: int | None = None,
        seconds: float | None = None,
        id_length: int = 24,
    ) -> Operation:
        """An operation under way on `resource_id`; its id is hexadecimal, as API Management's 24 digits."""
        switches = self._world.switches
        wait = seconds if seconds is not None else switches.operation_seconds
        operation = Operation(
            id=self._world.hexadecimal(id_length),
            resource_id=resource_id,
            polls_left=switches.operation_polls if polls is None else polls,
            due=None if wait is None else self._world.clock.timestamp() + wait,
            retry_after=switches.operation_retry_after,
            on_done=on_done,
            on_failed=on_failed,
        )
        self._follow_plan(operation)
        self._by_id[operation.id] = operation
        if operation.due is not None:
            self._started += 1
            heapq.heappush(self._due, (operation.due, self._started, operation))
        self._running.setdefault(key_of(resource_id), []).append(operation)
        return operation

    def _follow_plan(self, operation: Operation) -> None:
        key = key_of(operation.resource_id)
        found = next((plan for plan in self._plans if fnmatchcase(key, plan.resource.lower())), None)
        if found is not None:
            self._plans.remove(found)
            found.settle(operation, self._world.clock.timestamp())

    def get(self, operation_id: str) -> Operation | None:
        return self._by_id.get(operation_id)

    def running(self, resource_id: str) -> Operation | None:
        """The operation under way on exactly this resource."""
        self.settle()
        return next(iter(self._running.get(key_of(resource_id), ())), None)

    def settle(self) -> None:
        """Ends what the clock says is over."""
        if not self._due:
            return
        now = self._world.clock.timestamp()
        while self._due and self._due[0][0] <= now:
            self._end(heapq.heappop(self._due)[2])

    def poll(self, operation: Operation) -> None:
        """One look at it: ends it when it has been seen running often enough."""
        if operation.due is None and operation.running:
            if operation.polls_left <= 0:
                self._end(operation)
            operation.polls_left -= 1
        else:
            self.settle()

    def seen(self, resource_id: str) -> None:
        """A GET of the resource counts as a poll of what runs on it."""
        if not self._running:
            return
        for operation in list(self._running.get(key_of(resource_id), ())):
            self.poll(operation)

    def _end(self, operation: Operation) -> None:
        group = self._running.get(key_of(operation.resource_id), [])
        if operation in group:
            group.remove(operation)
        if not group:
            self._running.pop(key_of(operation.resource_id), None)
        operation.end()

    def finish_all(self) -> None:
        """Nothing is under way any more."""
        for operation in [o for group in self._running.values() for o in group]:
            self._end(operation)

    def finish(self, resource_id: str) -> None:
        """What runs on the resource is over now."""
        for operation in list(self._running.get(key_of(resource_id), ())):
            self._end(operation)

    def status(self, operation_id: str) -> ArmResponse | None:
        """The answer of an Azure-AsyncOperation URL; None for an unknown id."""
        operation = self._by_id.get(operation_id)
        if operation is None:
            return None
        self.poll(operation)
        self._forget(operation)
        body: dict[str, Any] = {"status": operation.status}
        if operation.error is not None:
            body["error"] = operation.error
        return ArmResponse(200, body, operation.retry_headers())

    def location(self, operation_id: str, done: Callable[[], ArmResponse]) -> ArmResponse | None:
        """The answer of a Location URL: 202 while running, then `done()`; a failed one answers 400 with its error."""
        operation = self._by_id.get(operation_id)
        if operation is None:
            return None
        self.poll(operation)
        self._forget(operation)
        if operation.running:
            return ArmResponse(202, None, operation.retry_headers())
        return done() if operation.error is None else ArmResponse(operation.failed_status, {"error": operation.error})

    def _forget(self, operation: Operation) -> None:
        if operation.forgotten_when_over and not operation.running:
            del self._by_id[operation.id]
