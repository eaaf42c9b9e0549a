"""
How a call is made: the one place that retries, counts, keeps the fence and sorts what went wrong.

Each SDK brings its own pipeline (`session.py`); here they are all the same: a `Call` goes in, an `Answer` comes out,
or an `AzureError`. Bodies are never logged and never part of an error.
"""

import asyncio
import json
import logging
import random
import re
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from funcgate import steps
from funcgate.azure.refusals import refusal
from funcgate.errors import AzureError, TryAgain

_log = logging.getLogger(__name__)
T = TypeVar("T")

CORRELATION_ID = "x-ms-correlation-request-id"
OTHER_IDS = ("x-ms-request-id", "request-id")  # where there is none; Graph sends the last
READS = frozenset({"GET", "HEAD"})
READ_LIMIT_SECONDS = 30.0
WRITE_LIMIT_SECONDS = 120.0  # Resource Manager itself ends a synchronous call after about 110 s: Azure/apiops issue 490
PAUSES_SECONDS = (0.3, 1.0)
BUDGET_SECONDS = 5.0
_REMAINING = re.compile(r"x-ms-ratelimit-remaining-(?:subscription|tenant)-(?:global-)?(reads|writes|deletes)")
PASSING = frozenset({"Unreachable", "AzureUnavailable", "CredentialUnreachable"})


def _unfenced() -> None:
    """No fence: every write may go out."""


write_fence: ContextVar[Callable[[], None]] = ContextVar("write_fence", default=_unfenced)
"""Called before every write; it raises to stop the write, once this process may no longer act."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """
    One request. `kind` is what metrics call its target: one of a few words, never a name.

    `lists`: a POST that only reads, as Azure asks for secrets.
    """

    method: str
    url: str
    kind: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = field(default=None, repr=False)
    lists: bool = False

    @property
    def writes(self) -> bool:
        """Whether something may be different in Azure afterwards."""
        return self.method not in READS and not self.lists

    @property
    def address(self) -> str:
        """Where it goes, without the query: those of long-running operations are signed."""
        return self.url.partition("?")[0]

    @property
    def limit_seconds(self) -> float:
        """How long one try may take."""
        return WRITE_LIMIT_SECONDS if self.writes else READ_LIMIT_SECONDS


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)

    def json(self) -> Any:
        """The body as JSON; None when it is empty or something else."""
        try:
            return json.loads(self.content)
        except ValueError:
            return None

    @property
    def etag(self) -> str | None:
        """The version of the document, quoted as the service sent it."""
        return self.headers.get("etag")

    @property
    def correlation_id(self) -> str:
        """What the service calls this call in its logs; empty where it does not say."""
        return next((self.headers[name] for name in (CORRELATION_ID, *OTHER_IDS) if self.headers.get(name)), "")


class Transport(Protocol):
    """One SDK's pipeline. Raises TryAgain, reason Unreachable, when there was no answer at all."""

    async def __call__(self, call: Call) -> Answer: ...


class CallObserver(Protocol):
    """
    Told about every try: `status` is 0 when no answer came. All labels are bounded.

    `left`: how many more calls of each kind Azure would answer now, where it says so.
    """

    def __call__(
        self,
        *,
        service: str,
        method: str,
        resource_kind: str,
        status: int,
        seconds: float,
        left: Mapping[str, int] = ...,
    ) -> None: ...


def nobody_observes(**_: Any) -> None:
    """The observer for whoever counts nothing."""


def budgets_left(headers: Mapping[str, str]) -> Mapping[str, int]:
    """
    Calls that are left by kind (reads, writes, deletes), the fewest where several limits hold.

    `x-ms-ratelimit-remaining-subscription-reads`, `…-subscription-global-writes`, `…-tenant-deletes`: source
    learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling.
    """
    left: dict[str, int] = {}
    for name, value in headers.items():
        if (found := _REMAINING.fullmatch(name)) and value.strip().isdecimal():
            left[found[1]] = min(int(value), left.get(found[1], int(value)))
    return left


@dataclass(frozen=True, kw_only=True)
class Time:
    """How waiting is done and measured; tests hand in their own."""

    sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep
    now: Callable[[], float] = time.monotonic


@dataclass(frozen=True, kw_only=True)
class Http:
    """One service at one address, reached through one transport."""

    service: str
    address: str
    transport: Transport
    observe: CallObserver = nobody_observes
    time: Time = Time()

    async def send(self, call: Call) -> Answer:
        """
        The answer, 2xx.

        Reads are tried up to three times within a few seconds when Azure cannot be reached or answers 500, 502, 503 or
        504. Writes are tried once, behind the fence: whether one that broke off took effect shows the next pass.
        Raises AzureError; the table of all of them is `refusals.py`.
        """
        self._stay_here(call.url)
        if call.writes:
            write_fence.get()()
            return await self._try(call)
        return await self._read(call)

    async def document(self, call: Call) -> tuple[Mapping[str, Any], str | None]:
        """The JSON object in the answer, and its ETag. Raises TryAgain, reason UnexpectedAnswer, for anything else."""
        answer = await self.send(call)
        body = answer.json()
        if not isinstance(body, dict):
            raise TryAgain(
                f"{urlsplit(call.url).hostname} answered {answer.status} without a JSON object; look for a proxy "
                "between the operator and Azure",
                reason="UnexpectedAnswer",
                status=answer.status,
            )
        return body, answer.etag

    async def items(self, url: str, kind: str) -> Sequence[Mapping[str, Any]]:
        """All items of a list, over all its pages: `{"value": […], "nextLink": …}`, in Graph `@odata.nextLink`."""
        items, _ = await self.whole(url, kind)
        return items

    async def whole(self, url: str, kind: str) -> tuple[Sequence[Mapping[str, Any]], int]:
        """The same, and how many pages that were."""
        items: list[Mapping[str, Any]] = []
        following, pages = url, 0
        while following:
            page, _ = await self.document(Call(method="GET", url=following, kind=kind))
            items += page.get("value") or ()
            following, pages = page.get("nextLink") or page.get("@odata.nextLink") or "", pages + 1
        return items, pages

    async def _read(self, call: Call) -> Answer:
        started = self.time.now()
        for number, pause in enumerate(PAUSES_SECONDS):
            try:
                return await self._try(call, number)
            except TryAgain as error:
                spent = self.time.now() - started
                if error.reason not in PASSING or max(spent, error.after_seconds or 0.0) > BUDGET_SECONDS:
                    raise
                await self.time.sleep(max(pause * random.uniform(0.5, 1.5), error.after_seconds or 0.0))  # noqa: S311  # jitter
        return await self._try(call, len(PAUSES_SECONDS))

    async def _try(self, call: Call, tries_before: int = 0) -> Answer:
        started = self.time.now()
        answer, error = None, None
        try:
            answer = await self._within_limit(call)
            return self._checked(call, answer)
        except AzureError as failed:
            error = failed
            error.correlation_id = answer.correlation_id if answer else ""
            raise
        finally:
            self._tell(call, answer, error, self.time.now() - started, tries_before)

    async def _within_limit(self, call: Call) -> Answer:
        try:
            async with asyncio.timeout(call.limit_seconds):
                return await self.transport(call)
        except TimeoutError:
            raise TryAgain(
                f"{urlsplit(call.url).hostname} did not answer within {call.limit_seconds:.0f} s", reason="TimedOut"
            ) from None

    def _checked(self, call: Call, answer: Answer) -> Answer:
        if 200 <= answer.status < 300:
            return answer
        raise refusal(call.method, urlsplit(call.url).path, answer.status, answer.headers, answer.json())

    def _tell(
        self, call: Call, answer: Answer | None, error: AzureError | None, seconds: float, tries_before: int
    ) -> None:
        status, correlation_id = (answer.status, answer.correlation_id) if answer else (0, "")
        self.observe(
            service=self.service,
            method=call.method,
            resource_kind=call.kind,
            status=status,
            seconds=seconds,
            left=budgets_left(answer.headers) if answer else {},
        )
        _log.debug(
            "%s %s answered %s",
            call.method,
            call.kind,
            status,
            extra={"service": self.service, "seconds": round(seconds, 3), "correlation_id": correlation_id or None},
        )
        failed = error.reason if error else "" if answer else "CutOff"
        steps.called(
            steps.Called(
                service=self.service,
                method=call.method,
                kind=call.kind,
                address=call.address,
                status=status,
                seconds=seconds,
                tries_before=tries_before,
                correlation_id=correlation_id,
                failed=failed,
                code=error.code if error else "",
                after_seconds=error.after_seconds if isinstance(error, TryAgain) else None,
                wrote=call.writes,
            )
        )

    def _stay_here(self, url: str) -> None:
        """Links in answers are followed only on the service's own host: our token goes with every request."""
        (scheme, home, port), (their_scheme, host, their_port) = _origin(self.address), _origin(url)
        if (their_scheme, their_port) != (scheme, port) or not (host == home or host.endswith("." + home)):
            raise TryAgain(f"Azure's answer leads away from {home}; not followed", reason="UnexpectedAnswer")


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or 443


class Flights(Generic[T]):
    """Calls for the same thing at the same time share one; what it gives is kept no longer than it lasts."""

    def __init__(self) -> None:
        self._under_way: dict[str, asyncio.Task[T]] = {}

    async def of(self, name: str, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What the call under this name gives, made now when none is under way."""
        key = name.lower()
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(make())
            task.add_done_callback(lambda done: self._landed(key, done))
        return await asyncio.shield(task)

    def _landed(self, key: str, task: asyncio.Task[T]) -> None:
        del self._under_way[key]
        if not task.cancelled():
            task.exception()  # whoever asked may be gone by now


class Locks:
    """One lock per name, kept as long as somebody holds or awaits it."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, name: str) -> asyncio.Lock:
        """The lock of this name, whatever its case."""
        return self._locks.setdefault(name.lower(), asyncio.Lock())
