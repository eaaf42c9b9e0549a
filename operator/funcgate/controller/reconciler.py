"""
One pass over one binding, from the queue to the status: what is decided before the engine is asked, and what follows.

From nothing to Ready an object is written few times: the finalizer, a first status within a second, one per reason that
it has to wait for, one at the end. At rest never. Greeting a new object is a turn of its own, in a lane of its own, so
that it never waits behind the passes of a slow service.
"""

import asyncio
import logging
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import SystemRandom
from typing import Any

from funcgate.conditions import DETACH, READY, STALLED, Condition
from funcgate.controller import scopes, status, verdicts
from funcgate.controller.announce import Announcer
from funcgate.controller.bindings import Bindings
from funcgate.controller.cache import Cache, Snapshot, calls_for_a_pass
from funcgate.controller.kube import Conflict, KubeError, Missing
from funcgate.controller.lease import Fence, LeaseLost
from funcgate.controller.neighbours import neighbours
from funcgate.controller.queue import Closed, Key, Priority, Queue
from funcgate.engine import Engine, Pass
from funcgate.errors import SpecError, Unmet
from funcgate.metrics import Metrics
from funcgate.spec import Binding, Spec

logger = logging.getLogger(__name__)

IDENTITY = "identityClientId"
STATUS_TRIES = 3


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What an installation decides about all bindings."""

    instance_id: str
    azure_scopes: tuple[str, ...] = ()
    pass_seconds: float = 300.0
    stalled_seconds: float = 1800.0
    throttled_seconds: float = 30.0
    jitter: float = 0.15


@dataclass
class _Turn:
    """A pass under way: the object as it is after our last write."""

    snapshot: Snapshot
    requested_at: str | None


@dataclass(kw_only=True)
class Reconciler:
    """Takes keys from the queue and makes their status true."""

    engine: Engine
    bindings: Bindings
    cache: Cache
    queue: Queue
    announcer: Announcer
    metrics: Metrics
    fence: Fence
    rules: Rules
    random: Callable[[], float] = field(default=SystemRandom().random)

    async def work(self) -> None:
        """Makes one pass after the other until the queue is closed."""
        while True:
            try:
                key = await self.queue.get()
            except Closed:
                return
            try:
                self.metrics.passes.labels(await self._attempt(key)).inc()
            finally:
                self.queue.done(key)

    async def _attempt(self, key: Key) -> str:
        """One pass; whatever goes wrong in it is this binding's matter alone. Returns how it ended."""
        try:
            async with asyncio.timeout(self.rules.pass_seconds):
                return await self._reconcile(key)
        except LeaseLost:
            return "fenced"
        except Conflict:
            return await self._read_again(key)
        except Missing:
            return self._forget(key)
        except (KubeError, TimeoutError) as error:
            delay = self.queue.add_rate_limited(key)
            detail = {"binding": str(key), "detail": str(error) or "the pass took too long", "again_in": round(delay)}
            logger.warning("pass not finished", extra=detail)
            return "unfinished"
        except Exception as error:
            logger.error("pass broke off", extra={"binding": str(key)} | _where(error))
            self.queue.add_rate_limited(key)
            await self._confess(key, error)
            return "broken"

    async def _read_again(self, key: Key) -> str:
        """Somebody wrote meanwhile: start over from what stands there now, without waiting for the watch."""
        try:
            fresh = await self.bindings.get(key)
        except KubeError:
            self.queue.add_rate_limited(key)
            return "unfinished"
        if fresh is None:
            return self._forget(key)
        self.cache.saw(fresh)
        self.queue.add(key)
        return "overtaken"

    def _forget(self, key: Key) -> str:
        if known := self.cache.get(key):
            self.cache.gone(key, known.uid)
        self.queue.drop(key)
        return "gone"

    async def _confess(self, key: Key, error: Exception) -> None:
        snapshot = self.cache.get(key)
        if snapshot is None:
            return
        try:
            await self._write(_turn(snapshot), verdicts.broken(snapshot, error, self.engine.condition_types))
        except (KubeError, LeaseLost) as failed:
            logger.warning("status not written", extra={"binding": str(key), "detail": str(failed)})

    # --- before the engine

    async def _reconcile(self, key: Key) -> str:
        snapshot = self.cache.get(key)
        if snapshot is None:
            return self._forget(key)
        if snapshot.paused:
            await self._write(_turn(snapshot), verdicts.paused(snapshot, self.engine.condition_types))
            self.queue.forget(key)
            return "paused"
        if snapshot.deleting and not snapshot.held:
            return "released"
        try:
            spec = Spec.parse(snapshot.spec)
        except SpecError as error:
            return await self._refuse(snapshot, Unmet(verdicts.INVALID_SPEC, str(error), stalled=True))
        if unmet := await self._out_of_scope(snapshot, spec):
            return await self._refuse(snapshot, unmet)
        if snapshot.deleting:
            return await self._delete(snapshot, spec)
        return await self._pass(snapshot, spec)

    async def _out_of_scope(self, snapshot: Snapshot, spec: Spec) -> Unmet | None:
        annotations = await self.bindings.namespace_annotations(snapshot.key.namespace)
        narrowed = scopes.from_annotation(annotations.get(scopes.ANNOTATION))
        return scopes.refused(spec, self.rules.azure_scopes, narrowed)

    async def _refuse(self, snapshot: Snapshot, unmet: Unmet) -> str:
        """Nothing is called in Azure. A deletion goes through when nothing of ours can stand there, or on request."""
        if snapshot.deleting:
            if not status.has_facts(snapshot.status):
                return await self._let_go(snapshot, "Nothing was ever written to Azure for it.")
            if snapshot.policy == DETACH:
                return await self._let_go(snapshot, "What stands in Azure is left there, as asked for.")
            unmet = verdicts.delete_blocked(unmet.message)
        turn = _turn(snapshot)
        conditions = verdicts.refused(snapshot, unmet, self.engine.condition_types)
        await self._write(turn, conditions, generation=snapshot.generation, handled=turn.requested_at)
        self._come_back_slowly(snapshot.key)
        return "refused"

    async def _delete(self, snapshot: Snapshot, spec: Spec) -> str:
        if snapshot.policy == verdicts.OBSERVE:
            return await self._let_go(snapshot, "What stands in Azure is left there: this binding only observed.")
        if snapshot.policy not in verdicts.POLICIES:
            return await self._refuse(snapshot, verdicts.delete_blocked(verdicts.unknown_policy(snapshot.policy)))
        if snapshot.policy == DETACH:
            spec = spec.model_copy(update={"deletion_policy": "Orphan"})
        return await self._pass(snapshot, spec)

    async def _let_go(self, snapshot: Snapshot, why: str) -> str:
        await self.bindings.remove_finalizer(snapshot)
        self.announcer.let_go(snapshot, why)
        self.queue.forget(snapshot.key)
        return "released"

    # --- with the engine

    async def _pass(self, snapshot: Snapshot, spec: Spec) -> str:
        writes = verdicts.writes(snapshot.policy)
        turn = await self._hold(_turn(snapshot)) if writes else _turn(snapshot)
        if not snapshot.greeted:
            return await self._greet(turn)

        binding = await self._binding(turn.snapshot, spec)
        result = await self.engine.reconcile(binding, fence=self.fence.check, dry_run=not writes)
        if writes:
            self.announcer.changes(turn.snapshot, result.changes)
        if snapshot.deleting and result.done:
            return await self._let_go(turn.snapshot, "Nothing of it is left in Azure but what was to stay.")
        conditions = result.conditions if writes else verdicts.observed(result.conditions, snapshot.policy)
        generation, handled = snapshot.generation, turn.requested_at
        await self._write(turn, conditions, facts=result.facts, generation=generation, handled=handled)
        return self._come_back(snapshot.key, result, spec, writes=writes)

    async def _hold(self, turn: _Turn) -> _Turn:
        """The object can't go without us from now on."""
        if not turn.snapshot.held and not turn.snapshot.deleting:
            turn.snapshot = await self.bindings.add_finalizer(turn.snapshot)
            self.cache.saw(turn.snapshot)
        return turn

    async def _greet(self, turn: _Turn) -> str:
        """A new object says that it is seen; its first pass comes next, in the lane of its service."""
        types, generation = self.engine.condition_types, turn.snapshot.generation
        await self._write(turn, verdicts.first(turn.snapshot, types), generation=generation)
        self.queue.add(turn.snapshot.key)
        return "greeted"

    async def _binding(self, snapshot: Snapshot, spec: Spec) -> Binding:
        namespace, name = snapshot.key
        return Binding(
            namespace=namespace,
            name=name,
            generation=snapshot.generation,
            spec=spec,
            owner=f"{self.rules.instance_id}/{namespace}/{name}",
            deleting=snapshot.deleting,
            neighbours=await neighbours(snapshot, self.cache.at_site(snapshot.site), self._out_of_scope),
        )

    # --- after it

    async def _write(
        self,
        turn: _Turn,
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

    def _come_back(self, key: Key, result: Pass, spec: Spec, *, writes: bool) -> str:
        """When the binding is looked at again, by how the pass ended."""
        if result.throttled:
            delay = result.retry_after or self.rules.throttled_seconds
            self.queue.pause_lane(key, delay)
            self.queue.add_after(key, delay, Priority.RETRY)
            return "throttled"
        if _is_true(result.conditions, STALLED):
            self._come_back_slowly(key)
            return "stalled"
        if _is_true(result.conditions, READY) or not writes:
            self.queue.forget(key)
            self.queue.add_after(key, self._jittered(spec.drift.interval_seconds))
            return "settled"
        if result.retry_after is not None:
            self.queue.add_after(key, result.retry_after, Priority.RETRY)
        else:
            self.queue.add_rate_limited(key)
        return "waiting"

    def _come_back_slowly(self, key: Key) -> None:
        self.queue.forget(key)
        self.queue.add_after(key, self._jittered(self.rules.stalled_seconds))

    def _jittered(self, seconds: float) -> float:
        return seconds * (1 + self.rules.jitter * (2 * self.random() - 1))


def _turn(snapshot: Snapshot) -> _Turn:
    return _Turn(snapshot=snapshot, requested_at=snapshot.requested_at)


def _where(error: Exception) -> dict[str, Any]:
    """Kind and place of an error. Its text stays out: nobody promises that an unexpected one holds no secret."""
    return {"error": type(error).__name__, "trace": "".join(traceback.format_tb(error.__traceback__))}


def _is_true(conditions: Sequence[Condition], type_: str) -> bool:
    found = status.named(conditions, type_)
    return found is not None and found.status == "True"
