"""
One replica acts at a time: the Lease that elects it, and the fence that stops it when the Lease is lost.

As in client-go (tools/leaderelection), with its default times: whoever holds the Lease renews it every 2 s; who can't
for 10 s stops; others take it when it stood still for 15 s. What stands still is judged by our own monotonic clock,
never by comparing clocks of two machines. Any exception is a failed renewal.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import SystemRandom
from typing import Any, Protocol

from funcgate.controller.kube import Json, Kube, Missing
from funcgate.errors import FuncgateError

logger = logging.getLogger(__name__)


class LeaseLost(FuncgateError):
    """Another replica may act by now, so this one must not write any more."""


class Fence(Protocol):
    """Asked before every write."""

    def check(self) -> None:
        """Nothing happens while we may write. Raises LeaseLost."""


class OpenFence:
    """For one process without an election."""

    def check(self) -> None:
        """Never raises."""


class LeaseFence:
    """Open until a moment that each renewal moves on; closed for good once the Lease is given up."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until: float | None = None

    def check(self) -> None:
        """Nothing happens while the Lease is ours for certain. Raises LeaseLost."""
        if self._until is None or self._clock() >= self._until:
            raise LeaseLost("the lease is not held (any more); another replica may act")

    @property
    def seconds_left(self) -> float:
        """How long it stays open without a renewal."""
        return max(0.0, self._until - self._clock()) if self._until is not None else 0.0

    def open_until(self, moment: float) -> None:
        """The Lease was renewed; it stays ours until `moment`."""
        self._until = moment

    def close(self) -> None:
        """Nothing passes any more."""
        self._until = None


@dataclass(frozen=True, kw_only=True)
class Durations:
    """Seconds; client-go's defaults."""

    lease: float = 15.0
    renew_deadline: float = 10.0
    retry: float = 2.0
    request_timeout: float = 3.0


@dataclass
class _Sighting:
    """A record of the Lease, and since when by our clock it looks like this."""

    version: str = ""
    at: float = 0.0


@dataclass
class Elector:
    """Takes the Lease, holds it, gives it back."""

    kube: Kube
    namespace: str
    name: str
    identity: str
    durations: Durations = field(default_factory=Durations)
    random: Callable[[], float] = field(default=SystemRandom().random)

    def __post_init__(self) -> None:
        self._clock = asyncio.get_running_loop().time
        self._seen = _Sighting()
        self.fence = LeaseFence(self._clock)

    @property
    def _path(self) -> str:
        return f"/apis/coordination.k8s.io/v1/namespaces/{self.namespace}/leases"

    async def acquire(self) -> None:
        """The Lease is ours. Waits for as long as another one renews it."""
        while not await self._try():  # noqa: ASYNC110  what is waited for happens in another process
            await asyncio.sleep(self.durations.retry * (1 + 0.2 * self.random()))
        logger.info("lease acquired", extra={"lease": self.name, "identity": self.identity})

    async def hold(self) -> None:
        """Renews until that fails for too long or another one has it, then raises LeaseLost; the fence is closed."""
        try:
            while self.fence.seconds_left > 0:
                await asyncio.sleep(min(self.durations.retry, self.fence.seconds_left))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.fence.seconds_left):
                        await self._try()
        finally:
            self.fence.close()
        raise LeaseLost(f"the lease {self.namespace}/{self.name} could not be renewed in time")

    async def release(self) -> None:
        """The Lease is free at once, so that the next replica needs not wait; nothing happens if it is not ours."""
        self.fence.close()
        try:
            lease = await self._read()
            if lease and lease["spec"].get("holderIdentity") == self.identity:
                lease["spec"] |= {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": _now()}
                await self._write(lease)
        except Exception as error:  # the others take it when it runs out
            logger.warning("lease not released", extra={"lease": self.name, "detail": str(error)})

    async def _try(self) -> bool:
        started = self._clock()
        try:
            taken = await self._take()
        except Exception as error:  # whatever it is, the Lease was not renewed
            detail = {"lease": self.name, "detail": f"{type(error).__name__}: {error}"}
            logger.warning("lease not renewed", extra=detail)
            return False
        if taken:
            self.fence.open_until(started + self.durations.renew_deadline)
        return taken

    async def _take(self) -> bool:
        """Whether the Lease carries our name now, in one attempt. Raises Conflict when another one was faster."""
        lease = await self._read()
        if lease is None:
            body = self._new()
            await self.kube.create(self._path, body, timeout_seconds=self.durations.request_timeout)
            return True
        spec = lease.setdefault("spec", {})
        holder = spec.get("holderIdentity") or ""
        if holder == self.identity:
            lease["spec"] = self._spec(spec, transitions=spec.get("leaseTransitions") or 0)
        elif self._stands_still(lease):
            lease["spec"] = self._spec({}, transitions=(spec.get("leaseTransitions") or 0) + 1)
        else:
            self.fence.close()  # somebody else's; if it was ours, it is lost
            return False
        await self._write(lease)
        return True

    def _stands_still(self, lease: Json) -> bool:
        """Whether nobody holds it, or nobody touched it for its whole duration since we first saw it like this."""
        version = lease["metadata"]["resourceVersion"]
        if version != self._seen.version:
            self._seen = _Sighting(version, self._clock())
        if not lease["spec"].get("holderIdentity"):
            return True
        lasts = lease["spec"].get("leaseDurationSeconds") or self.durations.lease
        return self._clock() - self._seen.at >= lasts

    def _new(self) -> Json:
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self.name},
            "spec": self._spec({}, transitions=0),
        }

    def _spec(self, over: dict[str, Any], *, transitions: int) -> dict[str, Any]:
        ours = {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": max(1, round(self.durations.lease)),
            "renewTime": _now(),
            "leaseTransitions": transitions,
        }
        return {"acquireTime": _now()} | over | ours

    async def _read(self) -> Json | None:
        try:
            return await self.kube.get(f"{self._path}/{self.name}", timeout_seconds=self.durations.request_timeout)
        except Missing:
            return None

    async def _write(self, lease: Json) -> None:
        path = f"{self._path}/{self.name}"
        await self.kube.replace(path, lease, timeout_seconds=self.durations.request_timeout)


def _now() -> str:
    """RFC 3339 with microseconds in UTC, the form of the API's MicroTime."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
