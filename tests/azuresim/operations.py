"""
Long-running operations: running for some polls, or until the world's clock says so, then done or failed.

    operation = world.operations.start(resource_id, on_done=settle)      # settle() runs once, when it ends well
    operation.fail(code, message)                                        # it will end badly: on_failed() instead
    headers = operation.headers(request, async_url=path, location=path)  # Azure-AsyncOperation, Location, Retry-After
    response = world.operations.status(operation_id)                     # {"status": "InProgress"|"Succeeded"|"Failed"}
    response = world.operations.location(operation_id, lambda: done)     # 202 while running, then yours
    world.operations.running(resource_id)                                # what is under way on a resource, or None
    world.operations.finish(resource_id)                                 # a test does not want to wait

By default one poll sees it running (`world.switches.operation_polls`); a GET of the resource itself counts as a poll
too, once it is answered, so a client that watches only `provisioningState` gets there as well. With
`operation_seconds` only time counts. Source: learn.microsoft.com/azure/azure-resource-manager
(management/async-operations).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from azuresim.journal import acting, actor
from azuresim.resources import key_of
from azuresim.wire import ArmResponse

if TYPE_CHECKING:
    from azuresim.arm.routes import ArmRequest
    from azuresim.world import World


def nothing() -> None:
    """The default end of an operation."""


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
                self.status, self.error = "Failed", self.failure
                self.on_failed()

    def headers(
        self, request: ArmRequest, *, async_url: str | None = None, location: str | None = None
    ) -> dict[str, str]:
        """
        The headers of the first answer. Both are paths, with their query except `api-version`, which is added.

        The default async URL is the generic one, served for every provider under its location.
        """
        subscription = request.id.split("/")[2]
        namespace = request.id.rpartition("/providers/")[2].split("/")[0]
        default = (
            f"/subscriptions/{subscription}/providers/{namespace}/locations/westeurope/operationsStatuses/{self.id}"
        )
        headers = {"Azure-AsyncOperation": request.absolute(async_url or default)}
        if location is not None:
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
        self._by_id[operation.id] = operation
        self._running.setdefault(key_of(resource_id), []).append(operation)
        return operation

    def get(self, operation_id: str) -> Operation | None:
        return self._by_id.get(operation_id)

    def running(self, resource_id: str) -> Operation | None:
        """The operation under way on exactly this resource."""
        self.settle()
        return next(iter(self._running.get(key_of(resource_id), ())), None)

    def settle(self) -> None:
        """Ends what the clock says is over."""
        now = self._world.clock.timestamp()
        for operation in [o for group in self._running.values() for o in group]:
            if operation.due is not None and now >= operation.due:
                self._end(operation)

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
        if operation.running:
            return ArmResponse(202, None, operation.retry_headers())
        return done() if operation.error is None else ArmResponse(400, {"error": operation.error})
