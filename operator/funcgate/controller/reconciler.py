"""
One pass over one binding, from the queue to the status: what is decided before the engine is asked, and what follows.

From nothing to Ready an object is written few times: the finalizer, a first status within a second, one per reason that
it has to wait for, one at the end. At rest never. Greeting a new object is a turn of its own, in a lane of its own, so
that it never waits behind the passes of a slow service.
"""

import asyncio
import logging
import math
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from random import SystemRandom
from typing import Any

from funcgate.clock import utc_now
from funcgate.conditions import DELETE_BLOCKED, DETACH, READY, STALLED, Condition
from funcgate.controller import drift, status, verdicts
from funcgate.controller.announce import Announcer
from funcgate.controller.around import Around, binding_of
from funcgate.controller.bindings import Bindings
from funcgate.controller.cache import Cache, Snapshot
from funcgate.controller.contests import Contests
from funcgate.controller.engines import Engines
from funcgate.controller.freshness import Freshness
from funcgate.controller.kube import Conflict, KubeError, Missing
from funcgate.controller.lease import Fence, LeaseLost
from funcgate.controller.neighbours import neighbours
from funcgate.controller.patience import Streaks
from funcgate.controller.queue import Closed, Key, Queue
from funcgate.controller.rights import Rights
from funcgate.controller.scribe import Scribe, Turn
from funcgate.controller.waits import Waits
from funcgate.engine import Pass
from funcgate.errors import SpecError, Unmet
from funcgate.metrics import Metrics
from funcgate.model import Action, camel, part_of
from funcgate.spec import Binding, DeletionOverrides, Spec
from funcgate.steps import doing

logger = logging.getLogger(__name__)

TROUBLED = ("waiting", "throttled")  # ends of a pass after which the same trouble may go on
FAILED = ("broken", "unfinished")  # ends of one that did not come to a result


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What an installation decides about all bindings."""

    instance_id: str
    azure_scopes: tuple[str, ...] = ()
    pass_seconds: float = 300.0
    stalled_seconds: float = 1800.0
    throttled_seconds: float = 30.0
    jitter: float = 0.15
    troubles: int = 4  # in a row, until a binding in force is not called Ready any more


@dataclass(kw_only=True)
class Reconciler:
    """Takes keys from the queue and makes their status true."""

    engines: Engines
    bindings: Bindings
    cache: Cache
    queue: Queue
    waits: Waits
    announcer: Announcer
    metrics: Metrics
    fence: Fence
    rules: Rules
    random: Callable[[], float] = field(default=SystemRandom().random)

    def __post_init__(self) -> None:
        clock = asyncio.get_running_loop().time
        self._rights = Rights(bindings=self.bindings, cache=self.cache, azure_scopes=self.rules.azure_scopes)
        self._scribe = Scribe(bindings=self.bindings, cache=self.cache, queue=self.queue, announcer=self.announcer)
        self._overtaken, self._cut_off, self._troubles = Streaks(clock), Streaks(clock), Streaks(clock)
        self._contests = Contests(clock)
        self._freshness = Freshness(clock, self.engines.own.condition_types)
        self.metrics.watch_parts(
            {part_of(each): partial(self._freshness.oldest, each) for each in self.engines.own.condition_types}
        )
        self.metrics.expect_writes(self.engines.own.condition_types, [str(each) for each in Action])

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
        snapshot = self.cache.get(key)
        why = {"generation": snapshot.generation, "trigger": snapshot.trigger} if snapshot else {}
        with doing("pass", binding=str(key), **why) as step:
            ended = await self._attempted(key)
            step.about["result"] = ended
            step.failed = ended if ended in FAILED else ""
            return ended

    async def _attempted(self, key: Key) -> str:
        try:
            async with asyncio.timeout(self.rules.pass_seconds):
                ended = await self._reconcile(key)
        except LeaseLost:
            return "fenced"
        except (Conflict, Missing):
            return await self._read_again(key)
        except KubeError as error:
            return self._unfinished(key, str(error))
        except TimeoutError:
            return await self._out_of_time(key)
        except Exception as error:
            logger.error("pass broke off", extra={"binding": str(key)} | _where(error))
            self.queue.add_rate_limited(key)
            await self._confess(key, partial(verdicts.broken, error=error))
            return "broken"
        self._through(key, ended)
        return ended

    def _through(self, key: Key, ended: str) -> None:
        """The pass came to its end, so what kept others from theirs is over."""
        self._overtaken.over(key)
        self._cut_off.over(key)
        if ended not in TROUBLED:
            self._troubles.over(key)

    async def _read_again(self, key: Key) -> str:
        """
        Somebody wrote meanwhile: start over from what stands there now, without waiting for the watch.

        At once the first time; later ones wait, whatever it is that goes on there.
        """
        try:
            fresh = await self.bindings.get(key)
        except KubeError as error:
            return self._unfinished(key, str(error))
        if fresh is None:
            return self._forget(key)
        self.cache.saw(fresh)
        self.waits.saw(fresh)
        if self._overtaken.another(key).count == 1:
            self.queue.add(key)
        else:
            self.queue.add_rate_limited(key)
        return "overtaken"

    def _unfinished(self, key: Key, why: str) -> str:
        delay = self.queue.add_rate_limited(key)
        logger.warning("pass not finished", extra={"binding": str(key), "detail": why, "again_in": round(delay)})
        return "unfinished"

    async def _out_of_time(self, key: Key) -> str:
        """Once is bad luck; from the second time in a row on, the object says that its passes do not end."""
        ended = self._unfinished(key, "the pass took too long")
        if self._cut_off.another(key).count > 1:
            await self._confess(key, partial(verdicts.too_slow, seconds=self.rules.pass_seconds))
        return ended

    def _forget(self, key: Key) -> str:
        if known := self.cache.get(key):
            self.cache.gone(key, known.uid)
        self.queue.drop(key)
        self._contests.forget(key)
        self._freshness.forget(key)
        self.waits.forget(key)
        self._through(key, "gone")
        return "gone"

    async def _confess(self, key: Key, verdict: Callable[..., Sequence[Condition]]) -> None:
        """The object says that what it showed before may be over."""
        snapshot = self.cache.get(key)
        if snapshot is None:
            return
        try:
            await self._scribe.write(Turn.of(snapshot), verdict(snapshot, types=self.engines.own.condition_types))
        except (KubeError, LeaseLost) as failed:
            logger.warning("status not written", extra={"binding": str(key), "detail": str(failed)})

    # --- before the engine

    async def _reconcile(self, key: Key) -> str:
        snapshot = self.cache.get(key)
        if snapshot is None:
            return self._forget(key)
        if snapshot.paused:
            await self._scribe.write(Turn.of(snapshot), verdicts.paused(snapshot, self.engines.own.condition_types))
            self.queue.forget(key)
            self._freshness.forget(key)
            return "paused"
        if snapshot.deleting and not snapshot.held:
            return "released"
        try:
            spec = Spec.parse(snapshot.spec)
        except SpecError as error:
            return await self._refuse(snapshot, Unmet(verdicts.INVALID_SPEC, str(error), stalled=True))
        if unmet := await self._rights.refused(snapshot, spec):
            return await self._refuse(snapshot, unmet)
        if snapshot.deleting:
            return await self._delete(snapshot, spec)
        return await self._pass(snapshot, spec)

    async def _refuse(self, snapshot: Snapshot, unmet: Unmet) -> str:
        """Nothing is called in Azure. A deletion waits: what we hold, we may have written to Azure, status or not."""
        if snapshot.deleting:
            if snapshot.policy == DETACH:
                return await self._let_go(snapshot, "What stands in Azure is left there, as asked for.")
            unmet = verdicts.delete_blocked(unmet.message)
        turn = Turn.of(snapshot)
        conditions = verdicts.refused(snapshot, unmet, self.engines.own.condition_types)
        await self._scribe.write(turn, conditions, generation=snapshot.generation, handled=turn.requested_at)
        self._come_back_slowly(snapshot.key)
        return "refused"

    async def _delete(self, snapshot: Snapshot, spec: Spec) -> str:
        if snapshot.policy == verdicts.OBSERVE:
            return await self._let_go(snapshot, "What stands in Azure is left there: this binding only observed.")
        if snapshot.policy not in verdicts.POLICIES:
            return await self._refuse(snapshot, Unmet(DELETE_BLOCKED, verdicts.unknown_policy(snapshot.policy)))
        if snapshot.policy == DETACH:
            spec = spec.model_copy(update={"deletion_policy": "Orphan", "deletion_overrides": DeletionOverrides()})
        return await self._pass(snapshot, spec)

    async def _let_go(self, snapshot: Snapshot, why: str) -> str:
        await self.bindings.remove_finalizer(snapshot)
        self.announcer.let_go(snapshot, why)
        self.queue.forget(snapshot.key)
        return "released"

    # --- with the engine

    async def _pass(self, snapshot: Snapshot, spec: Spec) -> str:
        writes = verdicts.writes(snapshot.policy)
        turn = await self._hold(Turn.of(snapshot)) if writes else Turn.of(snapshot)
        if not snapshot.greeted:
            return await self._greet(turn)

        binding = await self._binding(turn.snapshot, spec)
        result = await self._look(turn.snapshot, binding, writes=writes)
        self._freshness.looked(snapshot.key, result.outcomes)
        await self._announce(turn.snapshot, result, binding)
        if snapshot.deleting and result.done:
            return await self._let_go(turn.snapshot, "Nothing of it is left in Azure but what was to stay.")
        endured = self._endures(turn.snapshot, result, spec)
        if endured:
            conditions: Sequence[Condition] = status.read(turn.snapshot.status)
        else:
            conditions = result.conditions if writes else verdicts.observed(result.conditions, snapshot.policy)
        generation, handled = snapshot.generation, turn.requested_at
        facts = {**result.facts, **self._drift(turn.snapshot, result), "instanceId": self.rules.instance_id}
        await self._scribe.write(turn, conditions, facts=facts, generation=generation, handled=handled)
        self.waits.wrote(turn.snapshot)
        return self._come_back(snapshot.key, result, spec, at_rest=not (writes or endured) or result.reported)

    async def _announce(self, snapshot: Snapshot, result: Pass, binding: Binding) -> None:
        """Whatever was written is told; what somebody else keeps changing back is left to them for a while."""
        made = [write for write in result.changes if write.made]
        self.announcer.changes(snapshot, made)
        if not snapshot.in_force:
            return
        wish = (snapshot.generation, snapshot.requested_at)
        for contest in self._contests.corrected(snapshot.key, wish, made, binding.spec.drift.interval_seconds):
            engine = await self.engines.acting_as(await self._rights.acts_as(snapshot))
            since = utc_now() - timedelta(seconds=contest.seconds)
            contest.who = await engine.rival(binding, contest.write, since) or ""
            self.announcer.contested(snapshot, camel(contest.part), contest.sentence)

    def _drift(self, snapshot: Snapshot, result: Pass) -> Mapping[str, Any]:
        """What the status says of differences from now on."""
        if snapshot.deleting:
            return {}
        recorded = drift.record(snapshot.status, result, in_force=snapshot.in_force, now=utc_now())
        self.announcer.drift(snapshot, drift.news(snapshot.status, recorded))
        return recorded

    async def _look(self, snapshot: Snapshot, binding: Binding, *, writes: bool) -> Pass:
        """For a binding with which nothing is to be done a glance is enough, as long as it shows nothing new."""
        engine = await self.engines.acting_as(await self._rights.acts_as(snapshot))
        if snapshot.settled:
            seen = await engine.glance(binding)
            news = seen.differences or verdicts.news(seen.conditions, status.read(snapshot.status))
            if seen.throttled or not news:
                return seen
        return await engine.reconcile(binding, fence=self.fence.check, dry_run=not writes)

    async def _hold(self, turn: Turn) -> Turn:
        """The object can't go without us from now on."""
        if not turn.snapshot.held and not turn.snapshot.deleting:
            turn.snapshot = await self.bindings.add_finalizer(turn.snapshot)
            self.cache.saw(turn.snapshot)
        return turn

    async def _greet(self, turn: Turn) -> str:
        """A new object says that it is seen; its first pass comes next, in the lane of its service."""
        types, generation = self.engines.own.condition_types, turn.snapshot.generation
        await self._scribe.write(turn, verdicts.first(turn.snapshot, types), generation=generation)
        self.queue.add(turn.snapshot.key)
        return "greeted"

    async def _binding(self, snapshot: Snapshot, spec: Spec) -> Binding:
        binding = binding_of(
            snapshot,
            spec,
            instance_id=self.rules.instance_id,
            neighbours=await neighbours(snapshot, self.cache.at_site(snapshot.site), self._rights.refused),
            cluster=Around(mine=snapshot, rights=self._rights, bindings=self.bindings),
        )
        contested = self._contests.of(snapshot.key, (snapshot.generation, snapshot.requested_at))
        return replace(binding, contested=contested)

    # --- after it

    def _endures(self, snapshot: Snapshot, result: Pass, spec: Spec) -> bool:
        """
        Whether a binding in force stays as it was, though this pass could not see all of it.

        That Azure has no time is no news about the binding, for a few passes and for no longer than its interval.
        """
        before = status.read(snapshot.status)
        if not (snapshot.in_force and verdicts.passes_by_itself(result.conditions, before)):
            return False
        trouble = self._troubles.another(snapshot.key)
        seconds = trouble.seconds + (result.retry_after or 0.0)
        endured = trouble.count < self.rules.troubles and seconds <= spec.drift.interval_seconds
        if endured and (ready := status.named(result.conditions, READY)):
            detail = {"binding": str(snapshot.key), "reason": ready.reason, "detail": ready.message}
            logger.info("trouble endured", extra=detail)
        return endured

    def _come_back(self, key: Key, result: Pass, spec: Spec, *, at_rest: bool) -> str:
        """When the binding is looked at again, by how the pass ended. `at_rest`: after its interval, Ready or not."""
        asked = max(result.retry_after or 0.0, 0.0)
        if result.throttled:
            delay = asked or self.rules.throttled_seconds
            self.queue.pause_lane(key, delay)
            self.queue.add_rate_limited(key, at_least=delay)
            return "throttled"
        if _is_true(result.conditions, STALLED):
            self._come_back_slowly(key, spec.drift.interval_seconds, sooner=result.retry_after)
            return "stalled"
        if _is_true(result.conditions, READY) or at_rest:
            self.queue.forget(key)
            self.queue.add_after(key, self._jittered(spec.drift.interval_seconds))
            return "settled"
        self.queue.add_rate_limited(key, at_least=asked)
        return "waiting"

    def _come_back_slowly(self, key: Key, at_most: float = math.inf, sooner: float | None = None) -> None:
        """
        A person must act first; what is not in their hands is still looked at as often as the binding says.

        What may be on its way is worth a look after `sooner` seconds, and later ever more rarely.
        """
        self.queue.add_after(key, self._jittered(min(self.rules.stalled_seconds, at_most)))
        if sooner is None:
            self.queue.forget(key)
        else:
            self.queue.add_rate_limited(key, at_least=sooner)

    def _jittered(self, seconds: float) -> float:
        return seconds * (1 + self.rules.jitter * (2 * self.random() - 1))


def _where(error: Exception) -> dict[str, Any]:
    """Kind and place of an error. Its text stays out: nobody promises that an unexpected one holds no secret."""
    return {"error": type(error).__name__, "trace": "".join(traceback.format_tb(error.__traceback__))}


def _is_true(conditions: Sequence[Condition], type_: str) -> bool:
    found = status.named(conditions, type_)
    return found is not None and found.status == "True"
