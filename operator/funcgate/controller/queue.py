"""
Which binding is looked at next: client-go's work queue, with priorities and with lanes.

A key is never handed out twice at once, and however often it is added meanwhile, it comes back once
(kubernetes/client-go util/workqueue/queue.go). Keys of one API Management service share a lane: API Management refuses
concurrent edits, so a lane hands out few keys at a time, and it can be paused as a whole when Azure says Retry-After.
Lanes take turns.

Timers and durations follow the event loop's clock; nothing in here does any I/O.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import count
from random import SystemRandom
from typing import NamedTuple

from funcgate.metrics import QueueMetrics

_RANDOM = SystemRandom().random


class Key(NamedTuple):
    """Which custom resource."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Priority(IntEnum):
    """Why a key is added; the value is the head start in seconds that others have over it, so that nothing starves."""

    CHANGED = 0  # somebody waits for it
    RETRY = 30
    RESYNC = 300


class Closed(Exception):
    """The queue hands out nothing any more."""


class _Entry(NamedTuple):
    rank: float  # when it was added, plus its handicap: priorities that age
    order: int
    key: Key


class _Due(NamedTuple):
    at: float
    order: int
    key: Key
    priority: Priority


@dataclass
class _Lane:
    name: str
    entries: list[_Entry] = field(default_factory=list)
    active: int = 0
    paused_until: float = 0.0
    queued: bool = False  # whether it stands in the round


class Queue:
    """The keys that wait for a pass, and those that are in one."""

    def __init__(
        self,
        lane_of: Callable[[Key], str],
        metrics: QueueMetrics,
        *,
        lane_concurrency: int = 4,
        backoff_base: float = 2.0,
        backoff_cap: float = 900.0,
        random: Callable[[], float] = _RANDOM,
    ) -> None:
        self._lane_of = lane_of
        self._metrics = metrics
        self._lane_concurrency = lane_concurrency
        self._backoff = (backoff_base, backoff_cap)
        self._random = random
        self._loop = asyncio.get_running_loop()
        self._order = count()
        self._lanes: dict[str, _Lane] = {}
        self._round: deque[_Lane] = deque()
        self._waiting: dict[Key, tuple[_Entry, float]] = {}  # due; the float is since when
        self._later: dict[Key, _Due] = {}
        self._timeline: list[_Due] = []
        self._timer: asyncio.TimerHandle | None = None
        self._processing: dict[Key, tuple[_Lane, float]] = {}
        self._dirty: dict[Key, Priority] = {}  # added while in a pass
        self._failures: dict[Key, int] = {}
        self._getters: deque[asyncio.Future[None]] = deque()
        self._closed = False
        metrics.watch(self._unfinished, self._longest)

    # --- adding

    def add(self, key: Key, priority: Priority = Priority.CHANGED) -> None:
        """`key` is due now. A pass that was planned for later is not needed any more."""
        self._metrics.adds.inc()
        self._later.pop(key, None)
        if key in self._processing:
            self._dirty[key] = min(priority, self._dirty.get(key, priority))
        else:
            self._push(key, priority)

    def add_after(self, key: Key, delay: float, priority: Priority = Priority.RESYNC) -> None:
        """`key` is due in `delay` seconds, unless it is due earlier anyway."""
        due = _Due(self._loop.time() + delay, next(self._order), key, priority)
        planned = self._later.get(key)
        if key in self._waiting or key in self._dirty or (planned and planned.at <= due.at):
            return
        self._later[key] = due
        heapq.heappush(self._timeline, due)
        self._set_timer()

    def add_rate_limited(self, key: Key, *, at_least: float = 0.0) -> float:
        """
        `key` is due after its back-off, and not before `at_least` seconds. The delay is returned.

        The back-off is random up to base x 2^failures, capped.
        """
        base, cap = self._backoff
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        self._metrics.retries.inc()
        delay = max(at_least, self._random() * min(cap, base * 2.0 ** min(failures, 30)))
        self.add_after(key, delay, Priority.RETRY)
        return delay

    def forget(self, key: Key) -> None:
        """The back-off of `key` starts anew."""
        self._failures.pop(key, None)

    def drop(self, key: Key) -> None:
        """`key` is not due, now or later: its object is gone. A pass under way is not touched."""
        self.forget(key)
        self._later.pop(key, None)
        self._dirty.pop(key, None)
        self._waiting.pop(key, None)
        self._metrics.depth.set(len(self._waiting))

    # --- handing out

    async def get(self) -> Key:
        """The next key whose lane has room; the caller owes `done`. Raises Closed."""
        while True:
            if self._closed:
                raise Closed
            if (key := self._pop()) is not None:
                return key
            getter: asyncio.Future[None] = self._loop.create_future()
            self._getters.append(getter)
            try:
                await getter
            except asyncio.CancelledError:
                if getter.done() and not getter.cancelled():
                    self._wake()
                raise

    def done(self, key: Key) -> None:
        """The pass over `key` is over; when it was added meanwhile, it is due again."""
        lane, since = self._processing.pop(key)
        self._metrics.worked.observe(self._loop.time() - since)
        lane.active -= 1
        if (priority := self._dirty.pop(key, None)) is not None:
            self._push(key, priority)
        self._enter_round(lane)
        self._discard_if_idle(lane)

    def pause_lane(self, key: Key, seconds: float) -> None:
        """Nothing of the lane of `key` is handed out for `seconds`; deletions wait too, as Azure would refuse them."""
        lane = self._lane(key)
        until = self._loop.time() + seconds
        if until > lane.paused_until:
            lane.paused_until = until
            self._loop.call_at(until, self._resume, lane, until)

    def close(self) -> None:
        """Nothing is handed out any more; passes under way go on."""
        self._closed = True
        if self._timer:
            self._timer.cancel()
        while self._getters:
            self._wake()

    @property
    def in_work(self) -> int:
        """How many passes are under way."""
        return len(self._processing)

    # --- inside

    def _push(self, key: Key, priority: Priority) -> None:
        now = self._loop.time()
        entry = _Entry(now + priority, next(self._order), key)
        before = self._waiting.get(key)
        if before and before[0].rank <= entry.rank:
            return
        self._waiting[key] = (entry, before[1] if before else now)
        self._metrics.depth.set(len(self._waiting))
        lane = self._lane(key)
        heapq.heappush(lane.entries, entry)
        self._enter_round(lane)

    def _pop(self) -> Key | None:
        while self._round:
            lane = self._round.popleft()
            lane.queued = False
            if self._has_room(lane) and (entry := self._first(lane)):
                self._start(lane, entry.key)
                self._enter_round(lane)
                return entry.key
            self._discard_if_idle(lane)
        return None

    def _first(self, lane: _Lane) -> _Entry | None:
        while lane.entries:
            entry = heapq.heappop(lane.entries)
            if entry.key in self._waiting and self._waiting[entry.key][0] is entry:
                return entry
        return None

    def _start(self, lane: _Lane, key: Key) -> None:
        now = self._loop.time()
        _, since = self._waiting.pop(key)
        self._metrics.depth.set(len(self._waiting))
        self._metrics.waited.observe(now - since)
        self._processing[key] = (lane, now)
        lane.active += 1

    def _has_room(self, lane: _Lane) -> bool:
        return lane.active < self._lane_concurrency and not lane.paused_until

    def _resume(self, lane: _Lane, until: float) -> None:
        if lane.paused_until == until:  # and not for longer meanwhile
            lane.paused_until = 0.0
            self._enter_round(lane)
            self._discard_if_idle(lane)

    def _enter_round(self, lane: _Lane) -> None:
        if lane.entries and not lane.queued and self._has_room(lane):
            lane.queued = True
            self._round.append(lane)
            self._wake()

    def _lane(self, key: Key) -> _Lane:
        name = self._lane_of(key)
        return self._lanes.setdefault(name, _Lane(name))

    def _discard_if_idle(self, lane: _Lane) -> None:
        if not lane.entries and not lane.active and not lane.paused_until:
            self._lanes.pop(lane.name, None)

    def _wake(self) -> None:
        while self._getters:
            getter = self._getters.popleft()
            if not getter.done():
                getter.set_result(None)
                return

    def _set_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        while self._timeline and self._later.get(self._timeline[0].key) is not self._timeline[0]:
            heapq.heappop(self._timeline)
        if self._timeline and not self._closed:
            self._timer = self._loop.call_at(self._timeline[0].at, self._tick)

    def _tick(self) -> None:
        now = self._loop.time()
        while self._timeline and self._timeline[0].at <= now:
            due = heapq.heappop(self._timeline)
            if self._later.get(due.key) is due:
                self.add(due.key, due.priority)
        self._set_timer()

    def _unfinished(self) -> float:
        now = self._loop.time()
        return sum(now - since for _, since in list(self._processing.values()))

    def _longest(self) -> float:
        now = self._loop.time()
        return max((now - since for _, since in list(self._processing.values())), default=0.0)
