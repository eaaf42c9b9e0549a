"""
Events on bindings: what people see in `kubectl describe`. Only transitions and corrections, never a heartbeat.

Posted in the background by one task, so that a pass never waits for it; equal ones within ten minutes are one; a token
bucket per object bounds the rest, as client-go's spam filter does (kubernetes/client-go tools/record/events_cache.go).
An event that can't be posted is logged and forgotten: in a terminating namespace none can.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from secrets import token_hex
from typing import Literal

from funcgate.controller.cache import Snapshot
from funcgate.controller.kube import Json, Kube, KubeError
from funcgate.controller.lease import Fence, LeaseLost
from funcgate.controller.status import shortened
from funcgate.metrics import Metrics
from funcgate.spec import GROUP, KIND, VERSION

logger = logging.getLogger(__name__)

REPORTER = f"{GROUP}/controller"
NOTE_LIMIT = 1024  # kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1: note
REMEMBERED = 4096

Type = Literal["Normal", "Warning"]


@dataclass
class TokenBucket:
    """So many at once, and one more every so many seconds."""

    size: float
    seconds_each: float
    clock: Callable[[], float]
    _tokens: float = field(init=False)
    _at: float = field(init=False)

    def __post_init__(self) -> None:
        self._tokens, self._at = self.size, self.clock()

    def take(self) -> bool:
        """Whether there was a token; it is gone then."""
        now = self.clock()
        self._tokens = min(self.size, self._tokens + (now - self._at) / self.seconds_each)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Events:
    """Accepts events at once, posts them when it can."""

    def __init__(
        self,
        kube: Kube,
        fence: Fence,
        metrics: Metrics,
        identity: str,
        *,
        same_seconds: float = 600.0,
        burst: int = 25,
        seconds_each: float = 60.0,
    ) -> None:
        self._kube = kube
        self._fence = fence
        self._dropped = metrics.events_dropped
        self._identity = identity
        self._same_seconds = same_seconds
        self._bucket = (burst, seconds_each)
        self._clock = asyncio.get_running_loop().time
        self._said: OrderedDict[tuple[str, str, str], float] = OrderedDict()
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()
        self._outbox: asyncio.Queue[tuple[str, Json]] = asyncio.Queue(maxsize=1000)

    def emit(self, snapshot: Snapshot, type_: Type, reason: str, note: str, action: str = "Reconcile") -> None:
        """The event will be posted, unless it was just said or the object says too much."""
        note = shortened(note, NOTE_LIMIT)
        if self._just_said((snapshot.uid, reason, note)):
            return
        if not self._bucket_of(snapshot.uid).take() or self._outbox.full():
            self._dropped.labels("rate").inc()
            return
        body = _event(snapshot, type_, reason, note, action, self._identity)
        self._outbox.put_nowait((snapshot.key.namespace, body))

    async def run(self) -> None:
        """Posts what was accepted, one after the other, until cancelled."""
        while True:
            namespace, body = await self._outbox.get()
            try:
                await self._post(namespace, body)
            finally:
                self._outbox.task_done()

    async def flush(self, seconds: float) -> None:
        """What was accepted is posted, or `seconds` are over."""
        try:
            async with asyncio.timeout(seconds):
                await self._outbox.join()
        except TimeoutError:
            self._dropped.labels("stopped").inc(self._outbox.qsize())

    async def _post(self, namespace: str, body: Json) -> None:
        try:
            self._fence.check()
            await self._kube.create(f"/apis/events.k8s.io/v1/namespaces/{namespace}/events", body)
        except (KubeError, LeaseLost) as error:
            self._dropped.labels("refused").inc()
            binding = f"{namespace}/{body['regarding']['name']}"
            detail = {"binding": binding, "reason": body["reason"], "detail": str(error)}
            logger.info("event not posted", extra=detail)

    def _just_said(self, what: tuple[str, str, str]) -> bool:
        now = self._clock()
        before = self._said.get(what)
        if before is not None and now - before < self._same_seconds:
            return True
        self._said[what] = now
        self._said.move_to_end(what)
        if len(self._said) > REMEMBERED:
            self._said.popitem(last=False)
        return False

    def _bucket_of(self, uid: str) -> TokenBucket:
        bucket = self._buckets.get(uid) or TokenBucket(*self._bucket, self._clock)
        self._buckets[uid] = bucket
        self._buckets.move_to_end(uid)
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        return bucket


def _event(snapshot: Snapshot, type_: Type, reason: str, note: str, action: str, identity: str) -> Json:
    namespace, name = snapshot.key
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"namespace": namespace, "name": f"{name[:200]}.{token_hex(8)}"},
        "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "type": type_,
        "reason": reason,
        "action": action,
        "note": note,
        "reportingController": REPORTER,
        "reportingInstance": identity,
        "regarding": {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": KIND,
            "namespace": namespace,
            "name": name,
            "uid": snapshot.uid,
            "resourceVersion": snapshot.version,
        },
    }
