"""The engine with toy aspects: order, waiting, failure, dry runs and teardown; no Azure."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError
from typing import Any

import pytest

from builders import a_binding
from followed import followed
from funcgate.azure.http import write_fence
from funcgate.engine import Engine, Outcome, Pass
from funcgate.errors import AccessDenied, AzureError, NotFound, Rejected, TryAgain, Unmet
from funcgate.model import Action, Aspect, Change, Check, Checked, Drift, Facts, Observed, Ownership, Phase, Plan
from funcgate.spec import Binding
from funcgate.steps import wrote


@dataclass(frozen=True, kw_only=True)
class Text:
    value: str


class Toy(Aspect[Text]):
    """One document in a dict that plays Azure."""

    def __init__(self, name: str, world: dict[str, str], **settings: Any) -> None:
        self.name = name  # type: ignore[misc]
        self.condition = f"{name.title()}Ready"  # type: ignore[misc]
        self.world = world
        self.wish: str | None = "new"
        self.ownership = Ownership.OURS
        self.fails_to_observe: BaseException | None = None
        self.fails_to_apply: BaseException | None = None
        self.keeps_old = False
        self.somebody_was_faster = False
        self.calls: Sequence[str] = ("c-1",)
        self.objection: Unmet | None = None
        self.verdict: Unmet | None = None
        self.teaches: dict[str, str] = {}
        self.steps: Callable[[Change[Text]], Sequence[tuple[Phase, Change[Text]]]] | None = None
        self.foresees: dict[str, str] = {}
        self.lines: Sequence[str] | None = None
        self.phase = Phase.ADD  # type: ignore[misc]
        for key, value in settings.items():
            setattr(self, key, value)

    def home(self, binding: Binding) -> str:
        return binding.spec.api_management.id

    async def observe(self, binding: Binding) -> Mapping[str, Observed[Text]]:
        await asyncio.sleep(0)
        if self.fails_to_observe:
            raise self.fails_to_observe
        value = self.world.get(self.name)
        return {self.name: Observed(state=Text(value=value), ownership=self.ownership)} if value else {}

    def learn(self, binding: Binding, observed: Mapping[str, Observed[Text]]) -> Mapping[str, Any]:
        return self.teaches if observed else {}

    def desired(self, binding: Binding, facts: Facts) -> Mapping[str, Text]:
        return {self.name: Text(value=self.wish)} if self.wish else {}

    def object_to(self, binding: Binding, facts: Facts, plan: Plan[Text]) -> Unmet | None:
        return self.objection

    def stages(self, change: Change[Text], facts: Facts) -> Sequence[tuple[Phase, Change[Text]]]:
        return self.steps(change) if self.steps else super().stages(change, facts)

    def foresee(
        self, binding: Binding, wish: Mapping[str, Text], observed: Mapping[str, Observed[Text]]
    ) -> Mapping[str, Any]:
        return self.foresees or super().foresee(binding, wish, observed)

    async def diff(self, change: Change[Text]) -> Sequence[str]:
        return self.lines or await super().diff(change)

    async def apply(self, binding: Binding, change: Change[Text]) -> None:
        write_fence.get()()
        await asyncio.sleep(0)
        if self.fails_to_apply:
            raise self.fails_to_apply
        if self.somebody_was_faster:
            self.world[self.name] = change.after.value if change.after else ""
            return
        for each in self.calls:
            wrote(each)
        self.world.setdefault("log", "")
        self.world["log"] += f"{change.action} {self.name} "
        if change.after is None:
            del self.world[self.name]
        elif not self.keeps_old:
            self.world[self.name] = change.after.value

    def judge(self, binding: Binding, facts: Facts, observed: Mapping[str, Observed[Text]]) -> Unmet | None:
        return self.verdict


class Looker(Toy):
    """An aspect that only looks, with everything else as the base class has it."""

    desired = Aspect.desired  # type: ignore[assignment]
    object_to = Aspect.object_to  # type: ignore[assignment]
    judge = Aspect.judge  # type: ignore[assignment]
    apply = Aspect.apply  # type: ignore[assignment]


@pytest.fixture
def world() -> dict[str, str]:
    return {}


async def reconcile(*aspects: Aspect[Any], gone: bool | None = False, deleting: bool = False, **options: Any) -> Pass:
    async def is_gone(_: str) -> bool | None:
        return gone

    return await Engine(aspects, is_gone).reconcile(a_binding(deleting=deleting), **options)


def outcome(done: Pass, condition: str) -> Outcome:
    return next(each for each in done.outcomes if each.condition == condition)


def log(world: dict[str, str]) -> list[str]:
    return world.get("log", "").strip().split("  ") if "log" in world else []


async def test_what_is_missing_is_made_and_reported(world: dict[str, str]) -> None:
    done = await reconcile(Toy("door", world))
    (made,) = done.changes
    assert (done.done, world["door"]) == (True, "new")
    assert (made.condition, made.key, made.action) == ("DoorReady", "door", Action.CREATE)
    assert made.drifts == (Drift(field="value", wanted="new", seen="absent"),)


async def test_a_second_pass_plans_nothing(world: dict[str, str]) -> None:
    aspect = Toy("door", world)
    await reconcile(aspect)
    assert (await reconcile(aspect)).changes == ()


async def test_a_write_carries_what_azure_calls_the_last_of_its_calls(world: dict[str, str]) -> None:
    (made,) = (await reconcile(Toy("door", world, calls=("c-1", "c-2")))).changes
    assert made.correlation_id == "c-2"


async def test_what_somebody_else_made_meanwhile_is_there_and_no_change_of_ours(world: dict[str, str]) -> None:
    done = await reconcile(Toy("door", world, somebody_was_faster=True))
    assert (done.done, world["door"], done.changes, done.differences) == (True, "new", (), ())


async def test_an_outcome_carries_what_azure_calls_the_call_that_it_refused(world: dict[str, str]) -> None:
    refused = Rejected("no", reason="Refused")
    refused.correlation_id = "c-1"
    busy = TryAgain("busy", reason="Busy")
    busy.correlation_id = "c-2"
    done = await reconcile(Toy("door", world, fails_to_apply=refused), Toy("wall", world, fails_to_observe=busy))
    assert [each.correlation_id for each in done.outcomes] == ["c-1", "c-2"]


async def test_every_part_every_look_and_every_write_is_a_step(world: dict[str, str]) -> None:
    with followed() as seen:
        await reconcile(Toy("door", world), Toy("wall", world, fails_to_observe=TryAgain("busy", reason="Busy")))
    assert {path: len(steps) for path, steps in seen.steps.items()} == {
        "door": 1,
        "door / observe door": 2,
        "door / apply door": 1,
        "wall": 1,
        "wall / observe wall": 1,
    }
    assert seen.step("door").about == {"status": "True", "reason": "InSync"}
    assert seen.step("door / apply door").about == {"key": "door", "action": "create"}
    assert seen.step("wall").about == {"status": "Unknown", "reason": "Busy"}
    assert seen.step("wall / observe wall").failed == "Busy"


async def test_an_aspect_waits_for_the_facts_it_needs(world: dict[str, str]) -> None:
    giver = Toy("giver", world, gives=("host_name",), teaches={"host_name": "h"})
    taker = Toy("taker", world, needs=("host_name",))
    done = await reconcile(taker, giver)
    assert done.known.host_name == "h"
    assert world["log"].split() == ["create", "giver", "create", "taker"]


async def test_a_fact_that_does_not_come_is_named_with_where_it_comes_from(world: dict[str, str]) -> None:
    giver = Toy("giver", world, gives=("host_name",), fails_to_observe=TryAgain("busy", reason="Busy", after_seconds=7))
    done = await reconcile(Toy("taker", world, needs=("host_name",)), giver)
    waiting = outcome(done, "TakerReady")
    assert (waiting.status, waiting.reason) == ("Unknown", "Waiting")
    assert waiting.message == "waits for the function app's host name, from GiverReady"
    assert outcome(done, "GiverReady").after_seconds == 7


async def test_an_error_stops_its_aspect_and_nothing_else(world: dict[str, str]) -> None:
    done = await reconcile(Toy("bad", world, fails_to_observe=Rejected("no", reason="BadInput")), Toy("good", world))
    assert [each.true for each in done.outcomes] == [False, True]
    assert (done.outcomes[0].reason, done.outcomes[0].stalled, done.done) == ("BadInput", True, False)


async def test_callers_are_switched_after_the_new_is_there_and_before_the_old_is_closed(world: dict[str, str]) -> None:
    close = Toy("close", world, phase=Phase.CLOSE)
    switch = Toy("switch", world, phase=Phase.SWITCH)
    await reconcile(close, switch, Toy("add", world))
    assert world["log"].split()[1::2] == ["add", "switch", "close"]


async def test_one_aspect_may_write_before_and_after_the_switch(world: dict[str, str]) -> None:
    def both(change: Change[Text]) -> Sequence[tuple[Phase, Change[Text]]]:
        return ((Phase.CLOSE, change), (Phase.ADD, change))

    await reconcile(Toy("door", world, steps=both), Toy("switch", world, phase=Phase.SWITCH))
    assert world["log"].split()[1::2] == ["door", "switch", "door"]


async def test_what_others_need_is_given_before_writes_that_wait_for_them() -> None:
    world = {"giver": "old"}

    def first_and_last(change: Change[Text]) -> Sequence[tuple[Phase, Change[Text]]]:
        return ((Phase.ADD, change), (Phase.CLOSE, change))

    giver = Toy("giver", world, steps=first_and_last, also_in=(Phase.CLOSE,), gives=("host_name",))
    giver.learn = lambda _, seen: {"host_name": seen["giver"].state.value}  # type: ignore[method-assign]
    taker = Toy("taker", world, phase=Phase.SWITCH, needs=("host_name",))
    done = await reconcile(giver, taker)
    assert world["log"] == "update giver create taker update giver "
    assert done.known.host_name == "new"


async def test_nothing_is_closed_while_the_switch_could_not_be_made(world: dict[str, str]) -> None:
    switch = Toy("switch", world, phase=Phase.SWITCH, fails_to_apply=Rejected("no", reason="BadInput"))
    done = await reconcile(switch, Toy("close", world, phase=Phase.CLOSE))
    assert outcome(done, "CloseReady").message == "waits for SwitchReady"
    assert "close" not in world


async def test_a_later_phase_goes_ahead_when_there_is_nothing_to_write_before(world: dict[str, str]) -> None:
    world["switch"] = "new"
    await reconcile(Toy("switch", world, phase=Phase.SWITCH), Toy("close", world, phase=Phase.CLOSE))
    assert world["close"] == "new"


async def test_an_aspect_that_minds_a_fact_plans_after_it_was_seen_but_never_waits_for_its_end(
    world: dict[str, str],
) -> None:
    planned_with: list[str | None] = []

    def remember(change: Change[Text]) -> Sequence[tuple[Phase, Change[Text]]]:
        planned_with.append(world.get("switch"))
        return ((Phase.ADD, change),)

    switch = Toy("switch", world, phase=Phase.SWITCH, gives=("marked",), teaches={"marked": "yes"})
    await reconcile(Toy("door", world, minds=("marked",), steps=remember), switch)
    assert (planned_with, world["switch"]) == ([None], "new")


async def test_conflicts_and_objections_stop_every_write(world: dict[str, str]) -> None:
    world["held"] = "old"
    held = Toy("held", world, ownership=Ownership.FOREIGN)
    cutting = Toy("cutting", world, objection=Unmet("WouldCutOff", "would cut off people", stalled=True))
    done = await reconcile(held, cutting)
    assert [each.reason for each in done.outcomes] == ["Conflict", "WouldCutOff"]
    assert (world["held"], "cutting" in world, done.changes) == ("old", False, ())


async def test_a_write_that_azure_does_not_show_is_not_taken_for_done(world: dict[str, str]) -> None:
    world["door"] = "old"
    done = await reconcile(Toy("door", world, keeps_old=True))
    assert (done.outcomes[0].status, done.outcomes[0].reason) == ("Unknown", "NotShownYet")
    assert "value: old → new" in done.outcomes[0].message


async def test_a_write_that_another_owner_overwrote_is_a_conflict(world: dict[str, str]) -> None:
    class Lost(Toy):
        async def apply(self, binding: Binding, change: Change[Text]) -> None:
            await super().apply(binding, change)
            self.world[self.name], self.ownership = "theirs", Ownership.FOREIGN

    done = await reconcile(Lost("door", world))
    assert (done.outcomes[0].status, done.outcomes[0].reason) == ("False", "Conflict")


async def test_an_aspect_that_cannot_go_on_may_say_what_stands_there_meanwhile(world: dict[str, str]) -> None:
    class Open(Toy):
        def meanwhile(self, observed: Mapping[str, Observed[Text]], unmet: Unmet) -> Unmet:
            return Unmet("DoorOpen", f"open; closing it {unmet.message}")

    giver = Toy("giver", world, gives=("host_name",), fails_to_observe=TryAgain("busy", reason="Busy"))
    done = await reconcile(Open("door", world, needs=("host_name",)), giver)
    assert (
        outcome(done, "DoorReady").message == "open; closing it waits for the function app's host name, from GiverReady"
    )


async def test_a_verdict_keeps_ready_away_after_all_is_written(world: dict[str, str]) -> None:
    done = await reconcile(Toy("door", world, verdict=Unmet("Hole", "a hole", stalled=True)))
    assert (done.outcomes[0].status, done.outcomes[0].reason, len(done.changes)) == ("False", "Hole", 1)


async def test_a_verdict_that_does_not_block_leaves_the_pass_ok(world: dict[str, str]) -> None:
    verdict = Unmet("GraphNotReadable", "cannot look", status="Unknown", blocking=False)
    assert (await reconcile(Toy("door", world, verdict=verdict))).done


@pytest.mark.parametrize(
    ("error", "status", "stalled", "throttled", "reason"),
    [
        (AccessDenied("no role", reason="RoleMissing"), "Unknown", True, False, "it could not even be seen"),
        (Rejected("bad", reason="BadInput"), "False", True, False, "Azure refuses the content"),
        (TryAgain("slow down", reason="Throttled", after_seconds=3), "Unknown", False, True, "Azure is busy"),
        (TryAgain("busy", reason="Busy"), "Unknown", False, False, "somebody else is writing"),
    ],
)
async def test_errors_become_outcomes_by_who_acts_next(
    world: dict[str, str], error: AzureError, status: str, stalled: bool, throttled: bool, reason: str
) -> None:
    (got,) = (await reconcile(Toy("door", world, fails_to_observe=error))).outcomes
    assert (got.status, got.stalled, got.throttled) == (status, stalled, throttled), reason


async def test_a_missing_right_to_write_is_false_since_the_need_was_seen(world: dict[str, str]) -> None:
    done = await reconcile(Toy("door", world, fails_to_apply=AccessDenied("no role", reason="RoleMissing")))
    assert done.outcomes[0].status == "False"


async def test_a_lost_lease_stops_the_pass_before_the_write(world: dict[str, str]) -> None:
    class LeaseLost(Exception):
        pass

    def fence() -> None:
        raise LeaseLost

    with pytest.raises(LeaseLost):
        await reconcile(Toy("door", world), fence=fence)
    assert world == {}


async def test_a_dry_run_reports_the_writes_and_makes_none(world: dict[str, str]) -> None:
    giver = Toy("giver", world, gives=("host_name",), teaches={"host_name": "h"})
    done = await reconcile(giver, Toy("taker", world, needs=("host_name",)), dry_run=True)
    assert (world, [each.key for each in done.changes]) == ({}, ["giver"])
    assert outcome(done, "GiverReady").reason == "ChangesPending"
    assert outcome(done, "GiverReady").message == "create giver (value: absent → new)"
    assert outcome(done, "TakerReady").message == "waits for the function app's host name, from GiverReady"


async def test_a_dry_run_keeps_to_the_turns_of_a_pass(world: dict[str, str]) -> None:
    aspects = [Toy("switch", world, phase=Phase.SWITCH), Toy("add", world)]
    done = await reconcile(*aspects, dry_run=True)
    assert [(each.key, each.phase) for each in done.changes] == [("add", Phase.ADD), ("switch", Phase.SWITCH)]


async def test_a_dry_run_shows_no_write_whose_turn_would_not_come(world: dict[str, str]) -> None:
    fails = Toy("add", world, fails_to_observe=Rejected("no", reason="Refused"))
    done = await reconcile(fails, Toy("switch", world, phase=Phase.SWITCH), dry_run=True)
    assert done.changes == ()
    assert outcome(done, "SwitchReady").message == "waits for AddReady"
    assert [each.key for each in outcome(done, "SwitchReady").held] == ["switch"]


async def test_who_waits_in_a_dry_run_for_what_a_write_will_tell_keeps_nobody_from_being_shown(
    world: dict[str, str],
) -> None:
    giver = Toy("giver", world, gives=("host_name",), teaches={"host_name": "h"})
    taker = Toy("taker", world, gives=("client_id",), needs=("host_name",))
    last = Toy("last", world, needs=("client_id",))
    done = await reconcile(giver, taker, last, Toy("close", world, phase=Phase.CLOSE), dry_run=True)
    assert [each.key for each in done.changes] == ["giver", "close"]
    assert outcome(done, "LastReady").message == "waits for the registration's client id, from TakerReady"


async def test_what_is_known_before_a_write_lets_a_dry_run_go_on_and_is_no_fact_yet(world: dict[str, str]) -> None:
    giver = Toy("giver", world, gives=("host_name",), teaches={"host_name": "h"}, foresees={"host_name": "h"})
    done = await reconcile(giver, Toy("taker", world, needs=("host_name",)), dry_run=True)
    assert [each.key for each in done.changes] == ["giver", "taker"]
    assert done.known.host_name is None


async def test_what_is_given_before_later_writes_is_given_in_a_dry_run_too(world: dict[str, str]) -> None:
    world["giver"] = "old"

    def steps(change: Change[Text]) -> Sequence[tuple[Phase, Change[Text]]]:
        return [(Phase.ADD, change), (Phase.CLOSE, change), (Phase.CLEAR, change)]

    later = (Phase.CLOSE, Phase.CLEAR)
    giver = Toy("giver", world, gives=("host_name",), foresees={"host_name": "h"}, steps=steps, also_in=later)
    done = await reconcile(giver, Toy("taker", world, phase=Phase.CLOSE, needs=("host_name",)), dry_run=True)
    assert [each.key for each in done.changes] == ["giver", "giver", "taker", "giver"]


async def test_what_is_only_minded_is_taken_as_first_seen(world: dict[str, str]) -> None:
    seen: list[str | None] = []

    class Minder(Toy):
        async def observe(self, binding: Binding) -> Mapping[str, Observed[Text]]:
            await asyncio.sleep(0.01)  # by then the other one has written
            return await super().observe(binding)

        def desired(self, binding: Binding, facts: Facts) -> Mapping[str, Text]:
            seen.append(facts.host_name)
            return {}

    giver = Toy("giver", world, gives=("host_name",), teaches={"host_name": "h"})
    done = await reconcile(giver, Minder("minder", world, minds=("host_name",)))
    assert (seen, done.known.host_name) == ([None], "h")


@pytest.mark.parametrize("ownership", [Ownership.OURS, Ownership.UNMARKED])
async def test_a_dry_run_shows_what_is_held_back_as_no_write(world: dict[str, str], ownership: Ownership) -> None:
    world |= {"door": "old"}
    aspect = Toy("door", world, objection=Unmet("WouldCutOff", "x", stalled=True), ownership=ownership)
    done = await reconcile(aspect, dry_run=True)
    assert done.changes == ()
    assert [each.key for each in done.outcomes[0].held] == [each.key for each in done.differences] == ["door"]
    assert (await reconcile(aspect)).outcomes[0].held == ()


async def test_so_many_deletions_are_hard_to_believe(world: dict[str, str]) -> None:
    class Several(Toy):
        async def observe(self, binding: Binding) -> Mapping[str, Observed[Text]]:
            seen = Observed(state=Text(value="x"), ownership=Ownership.OURS)
            return {str(each): seen for each in range(10)}

        def desired(self, binding: Binding, facts: Facts) -> Mapping[str, Text]:
            return {str(each): Text(value="x") for each in range(self.left)}

        left = 4

    (found,) = (await reconcile(Several("several", world), dry_run=True)).outcomes
    assert found.implausible == "deletes 6 of the 10 that stand there"
    (found,) = (await reconcile(Several("several", world, left=5), dry_run=True)).outcomes
    assert found.implausible == ""
    (found,) = (await reconcile(Several("several", world), dry_run=True, deleting=True)).outcomes
    assert found.implausible == ""


async def test_only_a_dry_run_asks_for_the_lines_that_differ(world: dict[str, str]) -> None:
    aspect = Toy("door", world, lines=("-old", "+new"))
    (planned,) = (await reconcile(aspect, dry_run=True)).changes
    (made,) = (await reconcile(aspect)).changes
    assert (planned.diff, made.diff) == (("-old", "+new"), ())


async def test_what_others_need_goes_after_them_when_a_binding_goes(world: dict[str, str]) -> None:
    world |= {"api": "new", "policy": "new"}
    aspects = [Toy("api", world, gives=("api_path",)), Toy("policy", world, needs=("api_path",))]
    planned = await reconcile(*aspects, deleting=True, dry_run=True)
    done = await reconcile(*aspects, deleting=True)
    assert world["log"].split() == ["delete", "policy", "delete", "api"]
    assert [each.key for each in planned.changes] == [each.key for each in done.changes] == ["policy", "api"]


async def test_what_others_need_goes_all_the_same_when_theirs_does_not(world: dict[str, str]) -> None:
    world |= {"api": "new", "policy": "new"}
    policy = Toy("policy", world, needs=("api_path",), fails_to_observe=Rejected("no", reason="Refused"))
    await reconcile(Toy("api", world, gives=("api_path",)), policy, deleting=True)
    assert world["log"].split() == ["delete", "api"]


async def test_deletion_removes_what_is_ours_in_reverse_order(world: dict[str, str]) -> None:
    world |= {"add": "new", "switch": "new", "door": "new", "eyes": "new"}
    aspects = [
        Toy("add", world),
        Toy("switch", world, phase=Phase.SWITCH),
        Toy("door", world, phase=Phase.CLOSE, outlives=True),
        Looker("eyes", world, phase=None),
    ]
    done = await reconcile(*aspects, deleting=True)
    assert world["log"].split() == ["delete", "switch", "delete", "add"]
    assert (done.done, "door" in world, len(done.outcomes)) == (True, True, 2)
    assert done.outcomes[0].message == "Nothing of ours is left."


async def test_a_dry_run_of_a_deletion_shows_what_would_go(world: dict[str, str]) -> None:
    world["add"] = "new"
    done = await reconcile(Toy("add", world), deleting=True, dry_run=True)
    assert ([each.action for each in done.changes], world["add"]) == ([Action.DELETE], "new")
    assert (done.done, done.outcomes[0].reason) == (False, "ChangesPending")


async def test_a_deletion_ends_when_what_we_stood_in_is_proven_gone(world: dict[str, str]) -> None:
    missing = NotFound("no such service", reason="ResourceNotFound")
    done = await reconcile(Toy("add", world, fails_to_observe=missing), deleting=True, gone=True)
    assert done.done


async def test_a_deletion_goes_on_when_what_seemed_gone_is_there_again(world: dict[str, str]) -> None:
    missing = NotFound("no such service", reason="ResourceNotFound")
    done = await reconcile(Toy("add", world, fails_to_observe=missing), deleting=True, gone=False)
    assert (done.done, done.outcomes[0].reason, done.outcomes[0].stalled) == (False, "NotShownYet", False)


async def test_a_deletion_is_blocked_while_gone_cannot_be_told_from_a_lost_right(world: dict[str, str]) -> None:
    missing = NotFound("no such subscription", reason="SubscriptionNotFound")
    done = await reconcile(Toy("add", world, fails_to_observe=missing), deleting=True, gone=None)
    assert (done.done, done.outcomes[0].reason, done.outcomes[0].stalled) == (False, "DeleteBlocked", True)


async def test_an_aspect_that_only_looks_wishes_nothing_and_cannot_write(world: dict[str, str]) -> None:
    eyes = Looker("eyes", world, phase=None)
    assert (await reconcile(eyes)).done
    with pytest.raises(TypeError, match="only looks"):
        await eyes.apply(a_binding(), Change(key="eyes", before=None, after=Text(value="x")))


def test_aspects_that_wait_for_each_other_are_refused_at_start(world: dict[str, str]) -> None:
    async def is_gone(_: str) -> bool | None:
        return None

    one = Toy("one", world, needs=("host_name",), gives=("api_path",))
    two = Toy("two", world, needs=("api_path",), gives=("host_name",))
    with pytest.raises(CycleError):
        Engine([one, two], is_gone)


async def test_an_orphaned_binding_goes_without_a_call() -> None:
    async def is_gone(_: str) -> bool | None:
        raise AssertionError("nobody asks")

    engine = Engine([Toy("door", {}, fails_to_observe=AssertionError("nobody looks"))], is_gone)
    done = await engine.reconcile(a_binding(deleting=True, deletionPolicy="Orphan"))
    assert (done.done, done.changes, engine.condition_types) == (True, (), ("DoorReady",))


async def test_a_pass_tells_conditions_and_the_facts_that_people_look_for(world: dict[str, str]) -> None:
    facts = {"host_name": "h", "gateway_url": "https://g", "marked": True}
    done = await reconcile(Toy("door", world, teaches=facts))
    assert [each.type for each in done.conditions] == ["Ready", "Reconciling", "Stalled", "DoorReady"]
    assert done.facts == {"hostName": "h", "gatewayUrl": "https://g"}


async def test_a_pass_comes_back_when_the_last_of_its_services_asked_for_it(world: dict[str, str]) -> None:
    soon = Toy("soon", world, fails_to_observe=TryAgain("busy", reason="Busy", after_seconds=3))
    later = Toy("later", world, fails_to_observe=TryAgain("slow down", reason="Throttled", after_seconds=9))
    done = await reconcile(soon, later)
    assert (done.retry_after, done.throttled) == (9, True)


async def test_a_settled_pass_asks_for_nothing(world: dict[str, str]) -> None:
    done = await reconcile(Toy("door", world))
    assert (done.retry_after, done.throttled) == (None, False)


# --- checks


class Proof(Check):
    """Says what it is told to."""

    condition = "Proven"

    def __init__(self, says: Checked | Exception) -> None:
        self.says = says
        self.looked: list[Facts] = []

    async def look(self, binding: Binding, facts: Facts) -> Checked:
        self.looked.append(facts)
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


async def proven(proof: Proof, *toys: Toy, **options: Any) -> Pass:
    async def is_gone(_: str) -> bool | None:
        return False

    return await Engine(toys, is_gone, [proof]).reconcile(a_binding(**options))


async def test_a_check_is_made_when_all_is_written_and_adds_what_it_learnt(world: dict[str, str]) -> None:
    proof = Proof(Checked(message="so it is", facts={"last_verified": "now"}))
    toy = Toy("toy", world, gives=("host_name",), teaches={"host_name": "h"})
    done = await proven(proof, toy)
    assert (done.outcomes[-1].true, done.outcomes[-1].message) == (True, "so it is")
    assert ([each.host_name for each in proof.looked], done.facts["lastVerified"]) == (["h"], "now")


async def test_none_is_made_over_what_is_not_as_it_must_be(world: dict[str, str]) -> None:
    proof = Proof(Checked(message="so it is"))
    done = await proven(proof, Toy("toy", world, verdict=Unmet("Wrong", "it is wrong")))
    assert (done.outcomes[-1].reason, done.outcomes[-1].message) == ("Waiting", "waits for ToyReady")
    assert (done.outcomes[-1].blocking, proof.looked) == (False, [])


async def test_one_that_nobody_asks_for_waits_for_nothing(world: dict[str, str]) -> None:
    proof = Proof(Unmet("NotAskedFor", "nobody asks", status="Unknown", blocking=False))
    proof.asked = lambda binding: False  # type: ignore[method-assign]
    done = await proven(proof, Toy("toy", world, verdict=Unmet("Wrong", "it is wrong")))
    assert done.outcomes[-1].reason == "NotAskedFor"


async def test_none_is_made_when_the_binding_goes(world: dict[str, str]) -> None:
    proof = Proof(Checked(message="so it is"))
    done = await proven(proof, Toy("toy", world), deleting=True)
    assert [each.condition for each in done.outcomes] == ["ToyReady"]


@pytest.mark.parametrize(
    ("says", "status", "blocking"),
    [
        (Unmet("Open", "it is open"), "False", True),
        (Unmet("Unseen", "it cannot be seen", status="Unknown", blocking=False), "Unknown", False),
        (AccessDenied("no", reason="Forbidden"), "Unknown", False),
    ],
)
async def test_what_a_check_finds_wrong_keeps_the_binding_from_ready_and_what_it_cannot_see_does_not(
    world: dict[str, str], says: Exception, status: str, blocking: bool
) -> None:
    done = await proven(Proof(says), Toy("toy", world))
    assert (done.outcomes[-1].status, done.outcomes[-1].blocking, done.done) == (status, blocking, not blocking)


async def test_a_check_that_azure_refused_carries_what_azure_calls_the_call(world: dict[str, str]) -> None:
    refused = Rejected("no", reason="Refused")
    refused.correlation_id = "c-1"
    with followed() as seen:
        done = await proven(Proof(refused), Toy("door", world))
    assert outcome(done, "Proven").correlation_id == "c-1"
    assert seen.step("check Proven").failed == "Refused"
