"""
One pass over all aspects for one binding: observe everything at once, write only what differs, in the safety order.

Each aspect runs as a task of its own. It waits for the facts it needs and for its turn in the safety order, nothing
else, so a pass lasts as long as its longest chain of dependent calls. An error stops its aspect and what waits for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from graphlib import TopologicalSorter
from typing import Any, Generic, TypeVar

from funcgate import conditions
from funcgate.azure import glancing, this_pass, write_fence
from funcgate.conditions import CHANGES_PENDING, DELETE_BLOCKED, IN_SYNC, WAITING, Condition
from funcgate.errors import AccessDenied, AzureError, NotFound, TryAgain, Unmet
from funcgate.model import (
    ORDER,
    TEARDOWN,
    Action,
    Aspect,
    Change,
    Check,
    Drift,
    Facts,
    Observed,
    Phase,
    Plan,
    camel,
    implausible,
    leaving,
    named,
    plan,
)
from funcgate.spec import Binding
from funcgate.steps import doing

S = TypeVar("S")

IGNORED = "Ignored"
CONTESTED = "Contested"
NOTHING_KNOWN = Facts()
SHOWN_FACTS = (
    "gateway_url",
    "host_name",
    "client_id",
    "principal_id",
    "identity_client_id",
    "tenant_id",
    "api_path",
    "last_verified",
    "last_sign_in",
)


@dataclass(frozen=True, kw_only=True)
class Write:
    """One write as people read it: which condition it serves, on what, and the fields that differed."""

    condition: str
    key: str
    action: Action
    drifts: tuple[Drift, ...]
    phase: Phase = Phase.ADD
    diff: tuple[str, ...] = ()  # in a dry run: the document's lines, where fields do not say it all
    made: bool = True  # else it would be made
    correlation_id: str = field(default="", compare=False)  # what Azure calls it; every time another one


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one aspect in one pass."""

    condition: str
    status: str
    reason: str
    message: str
    stalled: bool = False  # a person must act
    blocking: bool = True  # Ready waits for it
    after_seconds: float | None = None  # not worth a look before then; Azure asked so, or what is missing is on its way
    throttled: bool = False
    changes: tuple[Write, ...] = ()  # made in this pass; in a dry run: would be made
    held: tuple[Write, ...] = ()  # would be made, were it not for what stands in the way, or is only to be reported
    implausible: str = ""  # why so many deletions are hard to believe
    correlation_id: str = ""  # what Azure calls the call that was refused

    @property
    def true(self) -> bool:
        """Whether the condition holds."""
        return self.status == "True"


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One pass: an outcome for each aspect, in the order of the aspects, and the facts that were gathered."""

    binding: Binding
    outcomes: tuple[Outcome, ...] = ()
    known: Facts = NOTHING_KNOWN

    @property
    def changes(self) -> tuple[Write, ...]:
        """All writes of the pass, in the order of their phases; of a dry run those that it would make."""
        deleting = self.binding.deleting
        phases, outcomes = (TEARDOWN, self.outcomes[::-1]) if deleting else (ORDER, self.outcomes)
        writes = (write for outcome in outcomes for write in outcome.changes)
        return tuple(sorted(writes, key=lambda write: phases.index(write.phase)))

    @property
    def differences(self) -> tuple[Write, ...]:
        """All that was found to differ, whether it was or will be written or not."""
        return tuple(write for outcome in self.outcomes for write in (*outcome.changes, *outcome.held))

    @property
    def done(self) -> bool:
        """Whether nothing is left to do: the wish stands or, when the binding goes, nothing of ours is left."""
        return all(outcome.true or not outcome.blocking for outcome in self.outcomes)

    @property
    def reported(self) -> bool:
        """Whether nothing is left to do here but what is only reported, and what waits for that."""
        open_ = {each.reason for each in self.outcomes if not each.true and each.blocking}
        return CHANGES_PENDING in open_ and open_ <= {CHANGES_PENDING, WAITING}

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What the status says of it, without times."""
        return conditions.conclude(self.outcomes, self.binding.generation, deleting=self.binding.deleting)

    @property
    def facts(self) -> Mapping[str, str]:
        """The facts that people look for, by the status field that shows them; one that was not seen is left out."""
        return {camel(name): value for name, value in self.known.known().items() if name in SHOWN_FACTS}

    @property
    def retry_after(self) -> float | None:
        """Seconds after which it is worth another look, not sooner."""
        return max((each.after_seconds for each in self.outcomes if each.after_seconds is not None), default=None)

    @property
    def throttled(self) -> bool:
        """Whether the whole service shall be left alone until then."""
        return any(outcome.throttled for outcome in self.outcomes)


class Engine:
    """Runs passes. Holds no state between them; one engine serves any number of bindings at once."""

    def __init__(
        self,
        aspects: Sequence[Aspect[Any]],
        is_gone: Callable[[str], Awaitable[bool | None]],
        checks: Sequence[Check] = (),
        who_wrote: Callable[[str, datetime], Awaitable[str | None]] | None = None,
    ) -> None:
        """
        `is_gone` proves that a resource is gone (True) or there (False); None when that can't be told. The checks are
        made when all aspects are through, and only over what is as it must be. `who_wrote` names whoever else wrote to
        a resource since then, where Azure tells.
        """
        self._who_wrote = who_wrote
        self.aspects = tuple(aspects)
        self.checks = tuple(checks)
        self._givers = _givers(aspects)
        self._is_gone = is_gone

    @property
    def condition_types(self) -> tuple[str, ...]:
        """One for each aspect and each check."""
        aspects = (aspect.condition for aspect in self.aspects)
        return (*aspects, *(check.condition for check in self.checks))

    async def reconcile(
        self, binding: Binding, *, dry_run: bool = False, fence: Callable[[], None] = lambda: None
    ) -> Pass:
        """
        Azure matches the binding's wish as far as nothing stands in the way; the outcomes say what does.

        A binding that goes is torn down on the same path, with an empty wish and the safety order reversed. `fence` is
        called before every write and raises to stop it. A dry run only reads and reports the writes it would make, as
        far as they can be told before any is made. A binding that goes leaves as it is what its spec says
        (`deletionPolicy`, `deletionOverrides`).
        """
        aspects = [each for each in self.aspects if not binding.deleting or _is_to_remove(each, binding)]
        token, pass_token = write_fence.set(fence), this_pass.set(object())
        try:
            done = await _Run(binding, aspects, self._givers, self._is_gone, dry_run=dry_run).result()
            return done if binding.deleting else await self._checked(done)
        finally:
            write_fence.reset(token)
            this_pass.reset(pass_token)

    async def glance(self, binding: Binding) -> Pass:
        """
        What a pass over a binding in force would find, with fewer reads; writes nothing.

        Some of it is as it was up to an hour ago (`azure/kept.py`), so nothing new is to be concluded from it.
        """
        token = glancing.set(True)
        try:
            return await self.reconcile(binding, dry_run=True)
        finally:
            glancing.reset(token)

    async def rival(self, binding: Binding, write: Write, since: datetime) -> str | None:
        """Who else wrote to what this write is about since then; None where Azure does not tell."""
        aspect = next(each for each in self.aspects if each.condition == write.condition)
        below = f"/{write.key}" if "/" in write.key else ""  # else it is the resource itself that is written to
        return await self._who_wrote(aspect.home(binding) + below, since) if self._who_wrote else None

    async def _checked(self, done: Pass) -> Pass:
        """The pass with what the checks say of it."""
        found = await asyncio.gather(*(_check(check, done) for check in self.checks))
        facts: dict[str, Any] = {}
        for _, learnt in found:
            facts.update(learnt)
        outcomes = (*done.outcomes, *(outcome for outcome, _ in found))
        return replace(done, outcomes=outcomes, known=replace(done.known, **facts))


async def _check(check: Check, done: Pass) -> tuple[Outcome, Mapping[str, Any]]:
    """What became of one check; what has no answer keeps nothing from being Ready."""
    say = partial(Outcome, condition=check.condition)
    open_ = next((each for each in done.outcomes if not each.true and each.blocking), None)
    if open_ and check.asked(done.binding):
        waits = _waits(open_.condition)
        return say(status=waits.status, reason=waits.reason, message=waits.message, blocking=False), {}
    try:
        with doing(f"check {check.condition}"):
            checked = await check.look(done.binding, done.known)
    except Unmet as unmet:
        return say(
            status=unmet.status,
            reason=unmet.reason,
            message=unmet.message,
            stalled=unmet.stalled,
            blocking=unmet.blocking,
        ), {}
    except AzureError as error:
        return say(
            status="Unknown",
            reason=error.reason,
            message=str(error),
            blocking=False,
            correlation_id=error.correlation_id,
        ), {}
    return say(status="True", reason=IN_SYNC, message=checked.message), checked.facts


def _is_to_remove(aspect: Aspect[Any], binding: Binding) -> bool:
    return aspect.phase is not None and not aspect.outlives and not binding.spec.leaves(aspect.name)


def _givers(aspects: Iterable[Aspect[Any]]) -> dict[str, str]:
    """Which aspect gives which fact. Raises graphlib.CycleError when aspects wait for each other."""
    givers = {fact: aspect.name for aspect in aspects for fact in aspect.gives}
    graph = {aspect.name: [givers[fact] for fact in aspect.needs if fact in givers] for aspect in aspects}
    TopologicalSorter(graph).prepare()
    return givers


class _Run:
    """The moving parts of one pass: what is known, and who is done with what."""

    def __init__(
        self,
        binding: Binding,
        aspects: Sequence[Aspect[Any]],
        givers: Mapping[str, str],
        is_gone: Callable[[str], Awaitable[bool | None]],
        *,
        dry_run: bool,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.binding = binding
        self.is_gone = is_gone
        self.dry_run = dry_run
        self.phases = TEARDOWN if binding.deleting else ORDER
        self.known = Facts()
        self.facts = Facts()  # what is known and, in a dry run, what will be
        self.first: dict[str, Any] = {}  # what each aspect told when it had looked for the first time
        self.to_come: set[str] = set()  # in a dry run: who only waits for what a write of the plan will tell
        self.givers = givers
        self.writers = [aspect for aspect in aspects if aspect.phase is not None]
        self.seen: dict[str, asyncio.Future[None]] = {aspect.name: loop.create_future() for aspect in aspects}
        self.tasks = {aspect.name: _AspectRun(self, aspect) for aspect in aspects}
        self.ended: dict[str, asyncio.Task[Outcome]] = {}
        self.given: dict[str, asyncio.Future[None]] = {aspect.name: loop.create_future() for aspect in aspects}
        self.passed: dict[tuple[str, Phase], asyncio.Future[bool]] = {
            (aspect.name, phase): loop.create_future() for aspect in self.writers for phase in Phase
        }
        for aspect in self.writers:
            self.mark_passed(aspect, set(Phase) - aspect.writes_in(deleting=binding.deleting), ok=True)

    async def result(self) -> Pass:
        """The pass, once every aspect is through."""
        try:
            async with asyncio.TaskGroup() as group:
                for name, run in self.tasks.items():
                    self.ended[name] = group.create_task(run.outcome())
        except BaseExceptionGroup as several:  # a lost lease, or a mistake of ours: the others are cancelled by now
            raise several.exceptions[0] from None
        outcomes = tuple(task.result() for task in self.ended.values())
        return Pass(binding=self.binding, outcomes=outcomes, known=self.known)

    def learn(self, facts: Mapping[str, Any]) -> None:
        """These facts are known from now on."""
        self.known = replace(self.known, **facts)
        self.foresee(facts)

    def foresee(self, facts: Mapping[str, Any]) -> None:
        """Aspects go by these facts from now on."""
        self.facts = replace(self.facts, **facts)

    def facts_for(self, aspect: Aspect[Any]) -> Facts:
        """What this aspect goes by: what it only minds as first seen, so that it does not matter who is faster."""
        return replace(self.facts, **{fact: self.first.get(fact) for fact in aspect.minds})

    async def await_facts(self, aspect: Aspect[Any]) -> None:
        """
        The facts that the aspect needs are known, from aspects that are done. Raises Unmet for a missing one.

        One whose remaining writes come after its own phase counts as done: they wait for those that use its facts.
        """
        for giver in {self.givers[fact] for fact in aspect.needs}:
            done: list[asyncio.Future[Any]] = [self.ended[giver], self.given[giver]]
            await asyncio.wait(done, return_when=asyncio.FIRST_COMPLETED)
        for giver in {self.givers[fact] for fact in aspect.minds if self.givers[fact] in self.seen}:
            await asyncio.wait([self.seen[giver]])
        for fact in aspect.needs:
            if getattr(self.facts, fact) is None:
                source = self.tasks[self.givers[fact]]
                if self.dry_run and (source.changes or source.aspect.name in self.to_come):
                    self.to_come.add(aspect.name)
                raise _waits(f"{named(fact)}, from {source.aspect.condition}")

    async def await_turn(self, aspect: Aspect[Any], phase: Phase) -> None:
        """
        Every other aspect is done with its writes of earlier phases. Raises Unmet when one could not make its.

        When a binding goes, whoever needed facts of this aspect has tried its own writes of this phase: a policy goes
        before the API that it belongs to.
        """
        before = self.phases[: self.phases.index(phase)]
        for other in self.writers:
            for each in before:
                if other is not aspect and not await self.passed[other.name, each]:
                    raise _waits(other.condition)
        if self.binding.deleting:
            for user in self.writers:
                if not set(user.needs).isdisjoint(aspect.gives):
                    await self.passed[user.name, phase]

    def comes_after(self, aspect: Aspect[Any], phase: Phase) -> bool:
        """Whether the phase is one after the aspect's own, so that others must not have to wait for it."""
        return aspect.phase is not None and self.phases.index(phase) > self.phases.index(aspect.phase)

    def mark_passed(self, aspect: Aspect[Any], phases: Iterable[Phase], *, ok: bool) -> None:
        """The aspect is done with these phases, or (not ok) will not be."""
        for phase in phases:
            future = self.passed.get((aspect.name, phase))
            if future and not future.done():
                future.set_result(ok)


def _waits(what: str) -> Unmet:
    return Unmet(WAITING, f"waits for {what}", status="Unknown")


class _AspectRun(Generic[S]):
    """One aspect within one pass."""

    def __init__(self, run: _Run, aspect: Aspect[S]) -> None:
        self.run = run
        self.aspect = aspect
        self.part = camel(aspect.name)
        self.binding = run.binding
        self.changes: list[Write] = []
        self.held: list[Write] = []
        self.implausible = ""
        self.outdated = False  # whether something may be other than observed, since a write

    @property
    def facts(self) -> Facts:
        """What this aspect goes by."""
        return self.run.facts_for(self.aspect)

    async def outcome(self) -> Outcome:
        """How it went; never raises for what Azure or a person can cause."""
        with doing(self.part) as part:
            outcome = await self._outcome_of_it()
            part.about |= {"status": outcome.status, "reason": outcome.reason}
            return outcome

    async def _outcome_of_it(self) -> Outcome:
        ok = False
        try:
            verdict = await (self._tear_down() if self.binding.deleting else self._reconcile())
            ok = True
            return self._unmet(verdict) if verdict else self._outcome("True", IN_SYNC, self._described())
        except Unmet as unmet:
            ok = self._left
            return self._unmet(unmet)
        except AzureError as error:
            return self._failed(error)
        finally:
            self._seen()
            self.run.mark_passed(self.aspect, Phase, ok=ok or self.aspect.name in self.run.to_come)

    @property
    def _left(self) -> bool:
        """Whether differences of this part are left to people, so that nobody waits for its writes."""
        return not (self.binding.deleting or self.binding.corrects(self.aspect.name))

    async def _reconcile(self) -> Unmet | None:
        """What is still not as it must be once all is written."""
        observed = await self._observe()
        try:
            if self.binding.spec.drift.mode_of(self.aspect.name) == "Ignore":
                return await self._ignore(observed)
            return await self._settle(observed)
        except Unmet as unmet:
            raise self.aspect.meanwhile(observed, unmet) from unmet

    async def _ignore(self, observed: Mapping[str, Observed[S]]) -> Unmet:
        """Whatever stands there is left as it is, but a hole is said to be one."""
        with suppress(Unmet):
            await self.run.await_facts(self.aspect)
        left = Unmet(IGNORED, "differences are left to others (spec.drift)", status="Unknown", blocking=False)
        return self.aspect.hole(self.binding, self.facts, observed) or left

    async def _settle(self, observed: Mapping[str, Observed[S]]) -> Unmet | None:
        await self.run.await_facts(self.aspect)
        desired = self.aspect.desired(self.binding, self.facts)
        planned = self._plan(desired, observed)
        if await self._carry_out(planned, desired, observed, leave=self._leaves(observed)):
            if self.run.dry_run:
                return self._pending(self.changes)
            observed = await self._observe()
            self._must_stand(self._plan(desired, observed))
        contest = self.binding.contested.get(self.aspect.name) if self.changes else None
        return _contested(contest) if contest else self.aspect.judge(self.binding, self.facts, observed)

    def _plan(self, desired: Mapping[str, S], observed: Mapping[str, Observed[S]]) -> Plan[S]:
        spec = self.binding.spec
        return plan(leaving(desired, observed, spec.drift.ignored(self.aspect.name)), observed, adopt=spec.adopt)

    def _leaves(self, observed: Mapping[str, Observed[S]]) -> bool:
        """Whether differences of this part are only reported. A contested hole is closed again."""
        if self.binding.spec.drift.mode_of(self.aspect.name) != "Correct":
            return True
        return self._left and not self.aspect.hole(self.binding, self.facts, observed)

    async def _tear_down(self) -> Unmet | None:
        """Nothing of ours is left, or what it was in is gone; what a dry run leaves to be done."""
        try:
            observed = await self._observe()
        except NotFound as missing:
            await self._confirm_gone(missing)
            return None
        written = await self._carry_out(plan({}, observed), {}, observed, leave=False)
        return self._pending(self.changes) if written and self.run.dry_run else None

    def _pending(self, writes: Iterable[Write]) -> Unmet:
        contest = self.binding.contested.get(self.aspect.name)
        return _contested(f"{contest}: {_summary(writes)}") if contest else Unmet(CHANGES_PENDING, _summary(writes))

    async def _confirm_gone(self, missing: NotFound) -> None:
        """What our part lives in is gone. Raises TryAgain when it is there after all, Unmet when that can't be told."""
        gone = await self.run.is_gone(self.aspect.home(self.binding))
        if gone is False:
            raise TryAgain(f"{missing}; it is there when looked at again", reason="NotShownYet") from missing
        if gone is None:
            raise Unmet(
                DELETE_BLOCKED,
                f"{missing}; this may also be a lost right, so nothing is assumed to be gone",
                stalled=True,
                status="Unknown",
            )

    async def _observe(self) -> Mapping[str, Observed[S]]:
        self.outdated = False
        with doing(f"observe {self.part}"):
            observed = await self.aspect.observe(self.binding)
        learnt = self.aspect.learn(self.binding, observed)
        self.run.learn(learnt)
        if not self.run.seen[self.aspect.name].done():
            self.run.first.update(learnt)
        self._seen()
        return observed

    def _seen(self) -> None:
        """Others who mind what this aspect sees need not wait any longer."""
        if not self.run.seen[self.aspect.name].done():
            self.run.seen[self.aspect.name].set_result(None)

    async def _carry_out(
        self, planned: Plan[S], wish: Mapping[str, S], observed: Mapping[str, Observed[S]], *, leave: bool
    ) -> bool:
        """
        Whether anything was written or, in a dry run, would be: one phase after the other, each when its turn has come.

        What is to be left as it is, is reported as the writes that it would take.
        """
        steps = [step for change in planned.changes for step in self.aspect.stages(change, self.facts)]
        self.implausible = "" if self.binding.deleting else implausible(planned, observed)
        if leave or self.run.dry_run:
            first = self.aspect.phase or Phase.ADD
            shown = [(first, change) for change in planned.changes] if leave else steps
            self.held = [await self._write(*each, made=False) for each in shown]
        self._object(planned)
        if leave and self.held:
            raise self.aspect.hole(self.binding, self.facts, observed) or self._pending(self.held)
        for phase in self.run.phases:
            due = [change for each, change in steps if each is phase]
            if due and self.run.comes_after(self.aspect, phase):
                await self._give(wish, observed)
            if due:
                await self.run.await_turn(self.aspect, phase)
            for change in due:
                await self._apply(phase, change)
                self.held = [each for each in self.held if each not in self.changes]
            self.run.mark_passed(self.aspect, [phase], ok=True)
        if steps:
            self._foresee(wish, observed)
        return bool(steps)

    async def _apply(self, phase: Phase, change: Change[S]) -> None:
        """Make this write. What somebody else has made meanwhile is not written, and no change of ours."""
        if self.run.dry_run:
            self.changes.append(await self._write(phase, change, made=False))
            return
        self.outdated = True
        with doing(f"apply {self.part}", key=change.key, action=str(change.action)) as step:
            await self.aspect.apply(self.binding, change)
        if step.wrote:
            self.changes.append(await self._write(phase, change, made=True, correlation_id=step.wrote[-1]))

    def _foresee(self, wish: Mapping[str, S], observed: Mapping[str, Observed[S]]) -> None:
        """In a dry run others go on with what will be known."""
        if self.run.dry_run and wish:
            self.run.foresee(self.aspect.foresee(self.binding, wish, observed))

    def _object(self, planned: Plan[S]) -> None:
        """Raises Unmet for what must not be written as things stand."""
        if planned.conflicts:
            raise conflict(planned.conflicts)
        if self.binding.deleting:
            return
        if objection := self.aspect.object_to(self.binding, self.facts, planned):
            raise objection

    async def _give(self, wish: Mapping[str, S], observed: Mapping[str, Observed[S]]) -> None:
        """What others need of this aspect is known before it waits for them."""
        if self.run.given[self.aspect.name].done():
            return
        self._foresee(wish, observed)
        if self.outdated:
            await self._observe()
        self.run.given[self.aspect.name].set_result(None)

    async def _write(self, phase: Phase, change: Change[S], *, made: bool, correlation_id: str = "") -> Write:
        return Write(
            condition=self.aspect.condition,
            key=change.key,
            action=change.action,
            drifts=change.drifts,
            phase=phase,
            diff=tuple(await self.aspect.diff(change)) if self.run.dry_run else (),
            made=made,
            correlation_id=correlation_id,
        )

    def _must_stand(self, remaining: Plan[S]) -> None:
        """What was written is there and ours. Raises TryAgain for what Azure does not show yet, Unmet for a rival."""
        if remaining.conflicts:
            raise conflict(remaining.conflicts)
        if remaining.changes:
            fields = "; ".join(str(drift) for change in remaining.changes for drift in change.drifts)
            raise TryAgain(f"Azure took the write but still shows {fields}", reason="NotShownYet")

    def _unmet(self, unmet: Unmet) -> Outcome:
        return self._outcome(
            unmet.status,
            unmet.reason,
            unmet.message,
            stalled=unmet.stalled,
            blocking=unmet.blocking,
            after_seconds=unmet.after_seconds,
        )

    def _described(self) -> str:
        if self.binding.deleting:
            return "Nothing of ours is left."
        return self.aspect.describe(self.binding, self.facts)

    def _failed(self, error: AzureError) -> Outcome:
        say = partial(self._outcome, reason=error.reason, message=str(error), correlation_id=error.correlation_id)
        if isinstance(error, TryAgain):
            return say("Unknown", after_seconds=error.after_seconds, throttled=error.reason == "Throttled")
        unseen = isinstance(error, AccessDenied) and not self.run.seen[self.aspect.name].done()
        return say("Unknown" if unseen else "False", stalled=True)

    def _outcome(self, status: str, reason: str, message: str, **more: Any) -> Outcome:
        return Outcome(
            condition=self.aspect.condition,
            status=status,
            reason=reason,
            message=message,
            changes=tuple(self.changes),
            held=tuple(self.held),
            implausible=self.implausible,
            **more,
        )


def _contested(how: str) -> Unmet:
    return Unmet(CONTESTED, how, stalled=True)


def conflict(keys: Iterable[str]) -> Unmet:
    """Somebody else holds these keys; what to do about it."""
    return Unmet(
        "Conflict",
        f"{', '.join(keys)} exists and does not carry this binding's mark; set spec.adopt: true to take it over if "
        "it is unmarked, or remove the binding that holds it",
        stalled=True,
    )


def _summary(writes: Iterable[Write]) -> str:
    return "; ".join(f"{write.action} {write.key} ({', '.join(map(str, write.drifts))})" for write in writes)
