"""What a look at a binding in force costs, and that nothing is decided on what was only glanced at."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from azuresim.scenarios import put
from azuresim.web import site_of
from integration.azure_stage import BOTH, Stage, on_stage, outcome

INTERVAL = 600.0
PUBLISHED: dict[str, Any] = {"api": {"path": "shop/v2"}}
ADOPTED: dict[str, Any] = {}
EACH_TIME = {
    ("GET", "functions"): 1,
    ("GET", "authsettingsV2"): 1,
    ("HEAD", "namedValues"): 1,
    ("GET", "backends"): 1,
    ("GET", "apis"): 1,
    ("GET", "operations"): 1,
    ("POST", "hostKeys"): 1,
    ("HEAD", "policies"): 1,
    ("GET", "service"): 1,
    ("GET", "applications"): 1,
    ("GET", "servicePrincipals"): 1,
    ("GET", "direct"): 1,
}


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with on_stage() as stage:
        yield stage


@pytest.mark.parametrize(
    ("spec", "policies"),
    [(ADOPTED, {("HEAD", "policies"): 1 + 4}), (PUBLISHED, {("GET", "policies"): 4})],
    ids=["adopted", "published"],
)
async def test_what_locks_the_way_is_read_every_time_and_the_rest_now_and_then(
    stage: Stage, spec: dict[str, Any], policies: dict[tuple[str, str], int]
) -> None:
    """An imported API has a policy in each of its four operations, one that we publish has none."""
    binding = stage.binding(**spec)
    await stage.settled(binding)
    await stage.settled(binding)
    for _ in range(5):
        stage.later(INTERVAL)
        assert (await stage.glance(binding)).done
        assert stage.ledger() == EACH_TIME
    stage.later(INTERVAL + 1)
    assert (await stage.glance(binding)).done
    hourly = {("GET", "products"): 1, ("GET", "sites"): 1, ("GET", "identities"): 1}
    assert stage.ledger() == EACH_TIME | policies | hourly
    assert stage.writes() == []


async def test_bindings_of_one_service_share_a_look_at_it(stage: Stage) -> None:
    binding = stage.binding()
    await stage.settled(binding)
    stage.later(INTERVAL)
    for _ in range(5):
        await stage.glance(binding)
    assert ("GET", "service") not in stage.ledger()


def nothing(_: Stage) -> None:
    """As it was."""


def another_value(stage: Stage) -> None:
    put(stage.world, stage.team.named_value_id, {"displayName": "orders-fn-key", "value": "no key", "secret": True})
    stage.world.operations.finish(stage.team.named_value_id)


def another_policy(stage: Stage) -> None:
    stage.put_policy("<policies><inbound><base /></inbound></policies>")


def an_open_door(stage: Stage) -> None:
    stage.put_auth({"platform": {"enabled": False}})


def a_new_identity(stage: Stage) -> None:
    stage.give_identity(None)
    stage.give_identity(BOTH)


CHANGES: list[tuple[Callable[[Stage], None], str]] = [
    (nothing, ""),
    (another_value, "NamedValueReady"),
    (another_policy, "PolicyReady"),
    (an_open_door, "EasyAuthReady"),
    (a_new_identity, "IdentityReady"),
]


@pytest.mark.parametrize(("change", "noticed_by"), CHANGES, ids=[each[0].__name__ for each in CHANGES])
async def test_what_breaks_the_lock_shows_at_the_next_glance(
    stage: Stage, change: Callable[[Stage], None], noticed_by: str
) -> None:
    stage.add_identities()
    await stage.settled()
    stage.later(INTERVAL)
    change(stage)
    seen = await stage.glance()
    assert seen.done is (not noticed_by)
    assert not noticed_by or not outcome(seen, noticed_by).true
    assert stage.writes() == []
    await stage.settled()


def a_deleted_key(stage: Stage) -> None:
    site_of(stage.world, stage.team.site_id).keys.functions.clear()


def a_deleted_operation(stage: Stage) -> None:
    stage.world.arm.delete(f"{stage.team.service_id}/apis/shop-orders/operations/get-ping-f7c2b7c6")


@pytest.mark.parametrize(
    ("change", "noticed_by"),
    [(a_deleted_key, "NamedValueReady"), (a_deleted_operation, "ApiReady")],
    ids=["key", "operation"],
)
async def test_what_somebody_deletes_is_made_whole_within_one_interval(
    stage: Stage, change: Callable[[Stage], None], noticed_by: str
) -> None:
    binding = stage.binding(**PUBLISHED)
    await stage.settled(binding)
    stage.later(INTERVAL)
    change(stage)
    assert outcome(await stage.glance(binding), noticed_by).reason == "ChangesPending"
    await stage.settled(binding)
    assert (await stage.reconcile(binding)).changes == ()


async def test_statements_in_a_named_operation_are_read_every_time(stage: Stage) -> None:
    binding = stage.binding(policy={"scope": {"type": "Operations", "operations": ["GET /ping"]}})
    await stage.settled(binding)
    stage.later(INTERVAL)
    assert (await stage.glance(binding)).done
    stage.world.arm.delete(f"{stage.team.api_id}/operations/get-ping/policies/policy")
    assert outcome(await stage.glance(binding), "PolicyReady").reason == "ChangesPending"


async def test_of_many_bindings_a_list_shows_their_apis_and_backends(stage: Stage) -> None:
    """Once more of them are asked for within a minute than the list has pages."""
    bindings = [stage.binding(**PUBLISHED), stage.binding()]
    for binding in bindings:
        await stage.settled(binding)
    stage.later(INTERVAL)
    seen = []
    for binding in bindings:
        assert (await stage.glance(binding)).done
        seen.append([call.path.partition("/service/contoso/")[2] for call in stage.calls() if "/apis" in call.path])
    assert seen[0][-1].startswith("apis/shop-orders")
    assert "apis" in seen[1]
    stage.world.arm.delete(f"{stage.team.service_id}/apis/shop-orders")
    stage.later(61.0)
    assert not outcome(await stage.glance(bindings[0]), "ApiReady").true


async def test_two_bindings_of_one_app_differ_in_nothing_a_glance_keeps(stage: Stage) -> None:
    """Names are kept apart: what was read for one API is not taken for another one's."""
    first, second = stage.binding(), stage.binding(**PUBLISHED)
    await stage.settled(first)
    await stage.settled(second)
    stage.later(INTERVAL)
    assert [(await stage.glance(each)).done for each in (first, second)] == [True, True]
