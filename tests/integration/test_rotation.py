"""The second lock's key is replaced, and at no moment is there none that opens."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from azuresim.web import site_of
from azuresim.world import Call
from funcgate.engine import Pass
from funcgate.names import host_key_names
from funcgate.spec import Binding
from integration.azure_stage import Stage, on_stage, outcome


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with on_stage() as stage:
        stage.world.arm.delete(stage.team.named_value_id)
        yield stage


def rotated(stage: Stage, **spec: Any) -> Binding:
    key = {"source": "HostKey", "rotateAfter": "720h"}
    return stage.binding(functionApp={"id": stage.team.site_id, "key": key}, **spec)


def keys(stage: Stage) -> dict[str, str]:
    return dict(site_of(stage.world, stage.team.site_id).keys.functions)


def held(stage: Stage) -> str:
    return str(stage.world.arm.need(stage.team.named_value_id).private["value"])


def age(stage: Stage, **ago: float) -> None:
    """The key in the named value has been used for so long."""
    properties = stage.world.arm.need(stage.team.named_value_id).properties
    others = [tag for tag in properties["tags"] if not tag.startswith("funcgate-key-since=")]
    then = datetime.now(UTC) - timedelta(**ago)
    properties["tags"] = [*others, f"funcgate-key-since={then:%Y-%m-%dT%H:%M:%SZ}"]
    stage.world.arm.touch(stage.team.named_value_id)


async def turned(stage: Stage, binding: Binding) -> Pass:
    """The two looks of a turn."""
    await stage.settled(binding)
    return await stage.settled(binding)


async def test_an_old_key_is_replaced_while_callers_notice_nothing(stage: Stage) -> None:
    binding = rotated(stage)
    first, second = host_key_names(binding)
    await stage.settled(binding)
    before = keys(stage)[first]
    age(stage, days=31)
    broken: list[str] = []

    def watch(write: Call) -> None:
        if held(stage) not in keys(stage).values():
            broken.append(write.path)

    async with stage.busy_caller("/orders") as answers:
        with stage.watching(watch):
            done = await turned(stage, binding)
    assert (set(answers), broken) == ({200}, [])
    assert keys(stage)[first] == before != held(stage) == keys(stage)[second]
    assert f"host key {second}, and {first} for a while yet" in outcome(done, "HostKeyReady").message

    await stage.settled(binding)
    assert stage.writes() == []
    age(stage, hours=2)
    await stage.settled(binding)
    assert stage.writes() == [f"DELETE functionKeys/{first}"]
    assert (first in keys(stage), (await stage.through_the_gateway("/orders")).status) == (False, 200)


async def test_the_former_key_opens_nothing_any_more(stage: Stage) -> None:
    binding = rotated(stage)
    await stage.settled(binding)
    former = held(stage)
    age(stage, days=31)
    await turned(stage, binding)
    age(stage, hours=2)
    await stage.settled(binding)
    identity = stage.world.entra.principal(stage.service.body["identity"]["principalId"])
    assert identity
    token = {"Authorization": stage.token_of(identity["appId"])}
    for key, status in ((former, 403), (held(stage), 200)):
        headers = token | {"x-functions-key": key}
        answer = await stage.simulator.send("GET", stage.team.site_host, "/v1/orders", headers=headers)
        assert answer.status == status


async def test_a_named_call_proves_the_new_key_before_the_former_one_goes(stage: Stage) -> None:
    binding = rotated(
        stage,
        verify={"operation": "GET /ping"},
        api={"path": "shop/v2", "subscriptionRequired": False},
        policy={"allowAnonymousCallers": True},
    )
    first, _ = host_key_names(binding)
    await stage.settled(binding)
    age(stage, days=31)
    await turned(stage, binding)
    age(stage, hours=2)
    await stage.settled(binding)
    assert first in keys(stage)
    await stage.settled(replace(binding, proven=True))
    assert first not in keys(stage)


async def test_turns_go_to_and_fro(stage: Stage) -> None:
    binding = rotated(stage)
    await stage.settled(binding)
    seen = []
    for _ in range(3):
        age(stage, days=31)
        await turned(stage, binding)
        age(stage, hours=2)
        await stage.settled(binding)
        assert len([name for name in keys(stage) if name in host_key_names(binding)]) == 1
        seen.append(held(stage))
    assert len(set(seen)) == 3


async def test_a_glance_sees_that_a_turn_is_due(stage: Stage) -> None:
    binding = rotated(stage)
    await stage.settled(binding)
    assert (await stage.glance(binding)).done
    age(stage, days=31)
    assert outcome(await stage.glance(binding), "NamedValueReady").reason == "ChangesPending"


async def test_when_the_binding_goes_both_keys_go(stage: Stage) -> None:
    binding = rotated(stage)
    await stage.settled(binding)
    age(stage, days=31)
    await turned(stage, binding)
    await stage.settled(replace(binding, deleting=True))
    assert not set(host_key_names(binding)) & keys(stage).keys()
