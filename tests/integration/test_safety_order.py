"""At every moment of a pass callers come in through the gateway and nobody else does, even when the pass breaks off."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Literal

import pytest

from azuresim.world import Call
from funcgate.engine import Pass
from funcgate.spec import Binding
from integration.azure_stage import (
    ADOPTION,
    BOTH,
    HARDENING,
    NAMED,
    SYSTEM,
    Stage,
    on_stage,
    outcome,
    troubles,
    written,
)

SWITCH = (
    "PATCH service/contoso",
    "PUT config/authsettingsV2",  # the newcomer beside the old one
    "PUT policies/policy",
    "PUT config/authsettingsV2",  # the newcomer alone
)


class LostLease(Exception):
    """This process may no longer write."""


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with on_stage(check_contracts=False) as stage:
        stage.add_identities()
        yield stage


async def settled_with_system_identity(stage: Stage) -> None:
    stage.give_identity(BOTH)
    await stage.settled()


def allowed(stage: Stage) -> set[str]:
    """The applications that the door lets in."""
    return set(stage.provider["validation"]["defaultAuthorizationPolicy"]["allowedApplications"])


# --- callers through the gateway see no gap


async def test_callers_see_no_refusal_while_a_binding_takes_an_api_over(stage: Stage) -> None:
    stage.world.latency = 0.02

    async with stage.busy_caller() as answers:
        await stage.settled()

    assert set(answers) == {200}
    assert answers.total() > len(stage.writes()) + 2


async def test_callers_see_no_refusal_while_the_identity_changes(stage: Stage) -> None:
    await settled_with_system_identity(stage)
    stage.world.latency = 0.02

    async with stage.busy_caller() as answers:
        await stage.settled(stage.binding(identity=NAMED))

    assert set(answers) == {200}
    assert answers.total() > len(stage.writes()) + 2
    assert stage.writes() == list(SWITCH)


BY_HAND = """<policies>
<inbound><base /><authentication-managed-identity resource="aaaaaaaa-0000-4000-8000-000000000001" /></inbound>
<backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"""


@pytest.mark.parametrize("empty", ["allows all", "refuses all"])
async def test_callers_see_no_refusal_while_a_door_closed_by_hand_is_narrowed(
    stage: Stage, empty: Literal["allows all", "refuses all"]
) -> None:
    """As tutorials leave it: a token is asked for and sent, and nobody is named who may bring one."""
    stage.give_identity(SYSTEM)
    stage.put_policy(BY_HAND)
    stage.put_auth(DOOR_BY_HAND)
    stage.world.switches.easy_auth_empty_allow_list = empty
    stage.world.latency = 0.02

    async with stage.busy_caller() as answers:
        await stage.reconcile()

    assert set(answers) == {200}
    assert stage.door_is_closed()


DOOR_BY_HAND = {
    "platform": {"enabled": True},
    "globalValidation": {"requireAuthentication": True, "unauthenticatedClientAction": "Return401"},
    "identityProviders": {
        "azureActiveDirectory": {
            "enabled": True,
            "registration": {
                "clientId": "aaaaaaaa-0000-4000-8000-000000000001",
                "openIdIssuer": "https://login.microsoftonline.com/11111111-aaaa-4000-8000-000000000001/v2.0",
            },
        }
    },
}


async def test_callers_see_no_refusal_while_a_binding_goes(stage: Stage) -> None:
    """The key still opens the door that Easy Auth keeps closed to all but us: what they see is 401, never the app."""
    await stage.settled()

    async with stage.busy_caller() as answers:
        await stage.settled(stage.binding(deleting=True))

    assert set(answers) <= {200, 401}
    assert stage.door_is_closed()


# --- the order of writes


async def test_the_door_closes_after_the_switch_when_an_api_is_taken_over_and_then_nobody_signs_in(
    stage: Stage,
) -> None:
    await stage.settled()

    writes = stage.writes()
    assert set(writes[:2]) == set(ADOPTION[:2])
    assert tuple(writes[2:]) == ADOPTION[2:]


async def test_the_door_closes_at_once_when_callers_send_a_token_already(stage: Stage) -> None:
    stage.give_identity(SYSTEM)
    await stage.settled()
    stage.auth["platform"]["enabled"] = False
    stage.backend["url"] += "x"

    await stage.settled()

    assert sorted(stage.writes()) == ["PUT backends/orders-fn", "PUT config/authsettingsV2"]


async def test_the_old_identity_leaves_the_door_only_when_the_policy_no_longer_uses_it(stage: Stage) -> None:
    await settled_with_system_identity(stage)
    old, new = (stage.world.entra.identity(each) for each in (stage.team.service_id, NAMED["id"]))
    assert old is not None
    assert new is not None
    let_in: list[set[str]] = []

    with stage.watching(lambda _: let_in.append(allowed(stage))):
        await stage.settled(stage.binding(identity=NAMED))

    assert let_in == [{old.client_id}, {old.client_id, new.client_id}, {old.client_id, new.client_id}, {new.client_id}]


# --- the door never opens once it is closed


@pytest.mark.parametrize("to", [SYSTEM, NAMED], ids=["to_system", "to_named"])
@pytest.mark.parametrize("from_", [SYSTEM, NAMED], ids=["from_system", "from_named"])
async def test_the_door_stays_closed_after_every_write_of_a_switch_and_of_the_end(
    stage: Stage, from_: dict[str, str], to: dict[str, str]
) -> None:
    await stage.settled(stage.binding(identity=from_))
    opened: list[str] = []

    with stage.watching(lambda call: opened.extend([] if stage.door_is_closed() else [written(call)])):
        await stage.settled(stage.binding(identity=to))
        await stage.settled(stage.binding(identity=to, deleting=True))

    assert opened == []


async def test_the_door_stays_closed_after_every_write_that_mends_everything_else(stage: Stage) -> None:
    await stage.settled()
    stage.give_identity(None)
    stage.world.arm.delete(stage.policy_id)
    stage.backend["url"] = "https://attacker.example.com"
    stage.provider["registration"]["openIdIssuer"] = "https://login.microsoftonline.com/common/v2.0"
    opened: list[str] = []

    with stage.watching(lambda call: opened.extend([] if stage.door_is_closed() else [written(call)])):
        await stage.settled()

    assert stage.writes()
    assert opened == []


# --- a pass that breaks off anywhere


def stopped_after(writes: int) -> Iterator[None]:
    """A fence that lets this many writes through."""
    yield from itertools.repeat(None, writes)
    raise LostLease


async def break_off(stage: Stage, binding: Binding, writes: int) -> None:
    """A pass of a process that ends before its next write."""
    fence = stopped_after(writes)
    with pytest.raises(LostLease):
        await stage.reconcile(binding, fence=lambda: next(fence))


async def converged(stage: Stage, binding: Binding | None = None) -> Sequence[str]:
    """The writes of the passes that it took; the first may find the service busy with what the lost one began."""
    writes: list[str] = []
    for _ in range(3):
        done = await stage.reconcile(binding)
        writes += stage.writes()
        if done.done:
            return writes
    raise AssertionError(troubles(done))


@pytest.mark.parametrize("writes", range(len(ADOPTION)))
async def test_after_a_crash_during_adoption_a_fresh_pass_writes_only_what_is_missing(
    stage: Stage, writes: int
) -> None:
    await break_off(stage, stage.binding(), writes)
    first = list(stage.writes())

    second = await converged(stage)

    assert len(first) == writes
    assert sorted([*first, *second]) == sorted(ADOPTION)
    await assert_all_is_well(stage)


@pytest.mark.parametrize("writes", range(len(SWITCH)))
async def test_after_a_crash_during_a_switch_a_fresh_pass_writes_only_what_is_missing(
    stage: Stage, writes: int
) -> None:
    await settled_with_system_identity(stage)
    await break_off(stage, stage.binding(identity=NAMED), writes)
    first = list(stage.writes())
    assert (await stage.through_the_gateway()).status == 200
    assert stage.door_is_closed()

    second = await converged(stage, stage.binding(identity=NAMED))

    assert [*first, *second] == list(SWITCH)
    await assert_all_is_well(stage)


@pytest.mark.parametrize("writes", range(2))
async def test_after_a_crash_during_teardown_a_fresh_pass_writes_only_what_is_missing(
    stage: Stage, writes: int
) -> None:
    await stage.settled()
    await break_off(stage, stage.binding(deleting=True), writes)
    first = list(stage.writes())

    await stage.settled(stage.binding(deleting=True))

    assert [*first, *stage.writes()] == ["DELETE policies/policy", "PUT backends/orders-fn"]
    assert stage.door_is_closed()


BROKEN = {
    "PATCH service/contoso": ("PATCH", "*/service/contoso"),
    "PUT backends/orders-fn": ("PUT", "*/backends/orders-fn"),
    "PUT policies/policy": ("PUT", "*/policies/policy"),
    "PUT config/authsettingsV2": ("PUT", "*/authsettingsV2"),
    HARDENING: ("PATCH", "*/applications/*"),
}


@pytest.mark.parametrize("broken", BROKEN)
async def test_a_write_whose_answer_is_lost_is_not_made_twice(stage: Stage, broken: str) -> None:
    method, path = BROKEN[broken]
    fault = stage.world.faults.add(method=method, path=path, after=True, reset=True)
    took_effect: list[str] = []

    with stage.watching(lambda call: took_effect.append(written(call))):
        done = await stage.reconcile()
        await converged(stage)

    assert fault.hits == 1
    assert "Unreachable" in {each.reason for each in done.outcomes}, troubles(done)
    assert Counter(took_effect) == Counter(ADOPTION)
    await assert_all_is_well(stage)


@pytest.mark.parametrize("broken", BROKEN)
async def test_a_pass_that_is_cancelled_in_the_middle_of_a_write_leaves_nothing_twice(
    stage: Stage, broken: str
) -> None:
    writes: list[str] = []
    task: asyncio.Task[Pass] | None = None

    def cancel_there(call: Call) -> None:
        writes.append(written(call))
        if written(call) == broken and task is not None:
            task.cancel()

    with stage.watching(cancel_there):
        task = asyncio.create_task(stage.engine.reconcile(stage.binding()))
        with pytest.raises(asyncio.CancelledError):
            await task
        task = None
        await converged(stage)

    assert Counter(writes) == Counter(ADOPTION)
    await assert_all_is_well(stage)


async def assert_all_is_well(stage: Stage) -> None:
    assert (await stage.through_the_gateway()).status == 200
    assert stage.door_is_closed()
    backends = [each for each in stage.world.arm.documents if "/backends/" in each]
    assert backends == [stage.team.backend_id.lower()]


# --- somebody else writes at the same time


def once(change: Callable[[], object]) -> Callable[[], None]:
    left = [change]
    return lambda: left.pop()() and None if left else None


async def test_what_somebody_writes_into_the_policy_meanwhile_survives(stage: Stage) -> None:
    await stage.settled()
    stage.put_policy(stage.policy.replace(' ignore-error="false"', ' ignore-error="true"'))
    theirs = '<set-header name="x-team"><value>blue</value></set-header>'
    save = once(lambda: stage.put_policy(stage.policy.replace("<base />", f"<base />{theirs}", 1)))

    with stage.reading("*/policies/policy", save):
        first = await stage.reconcile()
    await stage.settled()

    assert outcome(first, "PolicyReady").reason == "ChangedMeanwhile"
    assert "x-team" in stage.policy


async def test_a_policy_that_somebody_makes_meanwhile_survives(stage: Stage) -> None:
    save = once(lambda: stage.put_policy(THEIRS))

    with stage.reading("*/policies/policy", save):
        first = await stage.reconcile()
    await stage.settled()

    assert outcome(first, "PolicyReady").reason == "ChangedMeanwhile"
    assert "x-team" in stage.policy


THEIRS = """<policies><inbound><base /><set-header name="x-team"><value>blue</value></set-header></inbound>
<backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"""


async def test_what_somebody_sets_at_the_door_meanwhile_survives(stage: Stage) -> None:
    """This document knows no ETag: it is read again right before it is written."""
    save = once(lambda: stage.put_auth({"platform": {"enabled": False}, "login": {"tokenStore": {"enabled": True}}}))

    with stage.reading("*/authsettingsV2", save):
        await stage.settled()

    assert stage.auth["login"] == {"tokenStore": {"enabled": True}}
    assert stage.door_is_closed()


async def test_what_somebody_sets_in_the_backend_meanwhile_survives(stage: Stage) -> None:
    def save() -> None:
        stage.backend["title"] = "Orders"
        stage.world.arm.touch(stage.team.backend_id)

    with stage.reading("*/backends/orders-fn", once(save)):
        await stage.reconcile()
    await stage.settled()

    assert stage.backend["title"] == "Orders"
    assert "funcgate" in stage.backend["description"]
