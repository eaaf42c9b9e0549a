"""The second lock: a host key of the binding's own, in a secret named value, that the gateway sends. Nobody sees it."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from azuresim import snapshot
from azuresim.web import site_of
from funcgate.spec import Neighbour
from integration.azure_stage import Stage, changed_fields, on_stage, outcome, troubles

KEY = "funcgate-shop-orders-af29a953"
FUNCTION = "/orders"  # its level is `function`: the host asks for a key
NONE = {"source": "None"}


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with on_stage() as stage:
        yield stage


class Crashed(Exception):
    """The process ends before its next write."""


def forget_the_import(stage: Stage) -> None:
    """Nobody ever imported this app: no key of the portal's, no named value, no backend, no policy that routes."""
    for operation in stage.team.operation_ids:
        stage.world.arm.delete(f"{operation}/policies/policy")
    stage.world.arm.delete(stage.team.backend_id)
    stage.world.arm.delete(stage.team.named_value_id)
    keys(stage).clear()


def keys(stage: Stage) -> dict[str, str]:
    """The app's host keys, live."""
    return site_of(stage.world, stage.team.site_id).keys.functions


def held(stage: Stage) -> str:
    """What the named value holds."""
    return str(stage.world.arm.need(stage.team.named_value_id).private["value"])


async def called(stage: Stage) -> int:
    """A call through the gateway to a function that asks for a key."""
    key = {"Ocp-Apim-Subscription-Key": stage.team.subscription_key}
    path = f"/{stage.team.api_path}{FUNCTION}"
    return (await stage.simulator.send("GET", stage.team.gateway_host, path, headers=key)).status


async def test_an_app_that_nobody_imported_gets_a_key_a_named_value_and_a_backend(stage: Stage) -> None:
    forget_the_import(stage)

    await stage.settled(stage.binding(adopt=False))

    named_value = stage.world.arm.need(stage.team.named_value_id)
    assert list(keys(stage)) == [KEY]
    assert (held(stage), named_value.properties["secret"]) == (keys(stage)[KEY], True)
    assert named_value.properties["tags"] == ["funcgate-owner=prod/shop/orders", "funcgate-created"]
    assert (await called(stage), stage.door_is_closed()) == (200, True)


async def test_an_imported_key_is_used_as_it_is_and_none_is_made(stage: Stage) -> None:
    before = dict(keys(stage))

    await stage.settled()

    assert keys(stage) == before
    assert not [each for each in stage.writes() if "functionKeys" in each or "namedValues" in each]
    assert await called(stage) == 200


def the_value(stage: Stage) -> None:
    found = stage.world.arm.need(stage.team.named_value_id)
    stage.world.arm.put(found.id, found.body, private={"value": "by hand"})


def the_named_value(stage: Stage) -> None:
    stage.world.arm.delete(stage.team.backend_id)
    stage.world.arm.delete(stage.team.named_value_id)


def the_host_key(stage: Stage) -> None:
    del keys(stage)[KEY]


def the_host_keys_value(stage: Stage) -> None:
    keys(stage)[KEY] = "renewed-in-the-portal"


@pytest.mark.parametrize("changed", [the_value, the_named_value, the_host_key, the_host_keys_value])
async def test_a_lock_that_somebody_broke_is_made_whole_in_one_pass(
    stage: Stage, changed: Callable[[Stage], None]
) -> None:
    forget_the_import(stage)
    await stage.settled()
    changed(stage)
    assert await called(stage) in (401, 403, 500), "it is broken"

    await stage.settled()

    assert held(stage) == keys(stage)[KEY]
    assert (await called(stage), stage.door_is_closed()) == (200, True)
    assert (await stage.settled()).changes == ()


async def test_the_key_that_takes_the_place_of_an_imports_lost_one_stays(stage: Stage) -> None:
    """The named value is adopted, the key in it is ours: that is all that opens the functions."""
    await stage.settled()
    keys(stage).clear()
    await stage.settled()

    assert [(await stage.settled()).changes for _ in range(2)] == [(), ()]
    assert (held(stage), await called(stage)) == (keys(stage)[KEY], 200)


async def test_no_secret_shows_anywhere(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    forget_the_import(stage)
    caplog.set_level("DEBUG")
    first = await stage.settled()
    the_value(stage)
    second = await stage.settled()

    shown = f"{first} {second} {caplog.text}"
    assert changed_fields(second) == {f"namedValues/{stage.team.named_value_name}": {"value"}}
    assert not [each for each in (held(stage), "by hand") if each in shown]


async def test_a_settled_lock_is_looked_at_with_one_read_and_one_list(stage: Stage) -> None:
    forget_the_import(stage)
    await stage.settled()

    await stage.settled()

    assert {kind: count for kind, count in stage.ledger().items() if kind[1] in ("namedValues", "hostKeys")} == {
        ("GET", "namedValues"): 1,
        ("POST", "hostKeys"): 1,
    }


async def test_without_a_key_the_header_goes_before_named_value_and_key(stage: Stage) -> None:
    forget_the_import(stage)
    await stage.settled()
    function_app = {"id": stage.team.site_id, "key": NONE}

    await stage.settled(stage.binding(functionApp=function_app))

    assert stage.writes()[0] == "PUT backends/orders-fn"
    assert set(stage.writes()[1:]) == {
        f"DELETE namedValues/{stage.team.named_value_name}",
        f"DELETE functionKeys/{KEY}",
    }
    assert (keys(stage), stage.backend["credentials"].get("header")) == ({}, {})


async def test_deletion_takes_the_lock_last_and_leaves_nothing_of_it(stage: Stage) -> None:
    forget_the_import(stage)
    await stage.settled()

    await stage.settled(stage.binding(deleting=True))

    assert set(stage.writes()[-2:]) == {
        f"DELETE namedValues/{stage.team.named_value_name}",
        f"DELETE functionKeys/{KEY}",
    }
    assert keys(stage) == {}
    assert "funcgate" not in json.dumps(snapshot.save(stage.world)["arm"]["documents"])
    assert stage.door_is_closed()


async def test_a_neighbour_goes_on_with_the_key_when_its_maker_goes(stage: Stage) -> None:
    forget_the_import(stage)
    await stage.settled()
    left = (Neighbour(name="shop/other", older=False, client_id=stage.team.client_id, allowed=frozenset()),)

    await stage.reconcile(stage.binding(deleting=True, neighbours=left))

    assert list(keys(stage)) == [KEY]
    assert (held(stage), stage.world.arm.need(stage.team.named_value_id).properties["tags"]) == (keys(stage)[KEY], [])


async def test_a_neighbour_takes_over_the_backend_that_its_maker_leaves(stage: Stage) -> None:
    """Two APIs send their calls to one backend; the one that made it goes."""
    forget_the_import(stage)
    maker = stage.binding()
    other = stage.binding(api={"path": "shop/v2"})
    other = replace(other, name="others", owner="prod/shop/others")
    await stage.settled(maker)
    assert "[funcgate owner=prod/shop/orders created]" in stage.backend["description"]
    mine, theirs = (Neighbour.of(f"shop/{each.name}", each.spec, older=False) for each in (maker, other))
    await stage.settled(replace(other, neighbours=(mine,)))

    await stage.settled(replace(maker, deleting=True, neighbours=(theirs,)))

    assert "[funcgate owner=prod/shop/others created]" in stage.backend["description"]
    unwilling = other.spec.model_copy(update={"adopt": False})
    await stage.settled(replace(other, spec=unwilling))
    await stage.settled(replace(other, spec=unwilling, deleting=True))
    assert stage.world.arm.get(stage.team.backend_id) is None


@pytest.mark.parametrize("nth", range(6))
async def test_after_a_crash_at_any_write_a_fresh_pass_ends_the_same(stage: Stage, nth: int) -> None:
    forget_the_import(stage)
    left = iter([True] * nth)

    def fence() -> None:
        if not next(left, False):
            raise Crashed

    with pytest.raises(Crashed):
        await stage.reconcile(fence=fence)

    await stage.settled()

    assert (list(keys(stage)), held(stage)) == ([KEY], keys(stage)[KEY])
    assert (await called(stage), stage.door_is_closed()) == (200, True)


async def test_a_host_that_is_down_is_waited_for_and_named(stage: Stage) -> None:
    forget_the_import(stage)
    await stage.settled()
    stage.world.faults.add(
        path="*/listkeys",
        status=400,
        body={"Code": "BadRequest", "Message": "Encountered an error (ServiceUnavailable) from host runtime."},
    )

    first = await stage.reconcile()

    assert (outcome(first, "HostKeyReady").reason, stage.writes()) == ("HostRuntimeDown", [])
    assert {each.partition(":")[0] for each in troubles(first).values()} <= {"HostRuntimeDown", "Waiting"}
    await stage.settled()
