"""Writes into a binding's status what is true of it, and tells everybody whom that concerns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from funcgate.conditions import Condition
from funcgate.controller import status
from funcgate.controller.announce import Announcer
from funcgate.controller.bindings import Bindings
from funcgate.controller.cache import Cache, Snapshot, calls_for_a_pass
from funcgate.controller.kube import Conflict, Missing
from funcgate.controller.queue import Priority, Queue

IDENTITY = "identityClientId"
STATUS_TRIES = 3


@dataclass
class Turn:
    """A pass under way: the object as it is after our last write."""

    snapshot: Snapshot
    requested_at: str | None

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Turn":
        """A pass over it begins; it answers the request that stands there now."""
        return cls(snapshot=snapshot, requested_at=snapshot.requested_at)


@dataclass(frozen=True, kw_only=True)
class Scribe:
    """The one place where statuses are written."""

    bindings: Bindings
    cache: Cache
    queue: Queue
    announcer: Announcer

    async def write(
        self,
        turn: Turn,
        conditions: Sequence[Condition],
        *,
        facts: Mapping[str, Any] | None = None,
        generation: int | None = None,
        handled: str | None = None,
    ) -> None:
        """The status says this; no write when it does. Raises Conflict when the wish is another one by now."""
        for _ in range(STATUS_TRIES):
            before = turn.snapshot
            patch = status.patch(before.status, conditions, facts=facts, generation=generation, handled=handled)
            if patch is None:
                return
            try:
                turn.snapshot = await self.bindings.write_status(before, patch)
            except Conflict:
                turn.snapshot = await self._same_wish(before)
                continue
            self.cache.saw(turn.snapshot)
            self.announcer.conditions(turn.snapshot, status.read(before.status), conditions)
            self._tell_neighbours(before, turn.snapshot)
            return
        raise Conflict(409, "Conflict", "others keep writing to the object")

    def _tell_neighbours(self, before: Snapshot, after: Snapshot) -> None:
        """Whoever shares the door must let in the identity that calls for this binding now."""
        if before.status.get(IDENTITY) == after.status.get(IDENTITY):
            return
        for other in tuple(self.cache.at_site(after.site)):
            if other.key != after.key:
                self.queue.add(other.key, Priority.RETRY)

    async def _same_wish(self, before: Snapshot) -> Snapshot:
        """The object as it is now, if what it asks for is the same. Raises Conflict when it isn't, Missing."""
        fresh = await self.bindings.get(before.key)
        if fresh is None:
            raise Missing(404, "NotFound", f"{before.key} is gone")
        if calls_for_a_pass(before, fresh):
            raise Conflict(409, "Conflict", "the wish is another one by now")
        self.cache.saw(fresh)
        return fresh
