"""What the watch shows → cache and queue: which changes call for a pass, and how urgently."""

from collections.abc import Callable
from random import SystemRandom
from typing import Any

from funcgate.controller.cache import Cache, Snapshot
from funcgate.controller.queue import Key, Priority, Queue
from funcgate.controller.verdicts import writes
from funcgate.controller.waits import Waits
from funcgate.spec import seconds

_RANDOM = SystemRandom().random
DEFAULT_INTERVAL = 600


class Intake:
    """Takes what was seen. Level-triggered: what happened does not matter, only what is there now."""

    def __init__(self, cache: Cache, queue: Queue, waits: Waits, random: Callable[[], float] = _RANDOM) -> None:
        self._cache = cache
        self._queue = queue
        self._waits = waits
        self._random = random

    def saw(self, now: Snapshot, *, listed: bool = False) -> None:
        """The object is there. `listed`: it comes from a list, so it may be new only to us."""
        before = self._cache.get(now.key)
        if not self._cache.saw(now):
            return
        self._waits.saw(now)
        if before is None and listed:
            self._resume(now)
            return
        self._queue.forget(now.key)
        self._queue.add(now.key)
        if before is not None and (before.spec_text, before.deleting) != (now.spec_text, now.deleting):
            self._tell_neighbours(before)

    def gone(self, key: Key, uid: str) -> None:
        """That very object is there no more."""
        if was := self._cache.gone(key, uid):
            self._queue.drop(key)
            self._waits.forget(key)
            self._tell_neighbours(was)

    def _resume(self, now: Snapshot) -> None:
        """After a start: whom somebody waits for comes first, the settled ones spread over their interval."""
        if now.settled and (now.held or not writes(now.policy)):
            self._queue.add_after(now.key, self._random() * _interval(now), Priority.RESYNC)
        elif now.in_force or now.deleting or now.status.get("observedGeneration") != now.generation:
            self._queue.add(now.key)
        else:
            self._queue.add(now.key, Priority.RETRY)

    def _tell_neighbours(self, about: Snapshot) -> None:
        """Whoever shares its door, and whoever may have been refused the registration that it had."""
        refused = (each for each in self._cache.with_registration(about.registration) if each.ready == "False")
        concerned = {each.key for each in (*self._cache.at_site(about.site), *refused)}
        for key in sorted(concerned - {about.key}):
            self._queue.add(key, Priority.RETRY)


def _interval(snapshot: Snapshot) -> int:
    drift: Any = snapshot.spec.get("drift")
    try:
        return seconds(drift["interval"])
    except (TypeError, KeyError, ValueError):
        return DEFAULT_INTERVAL
