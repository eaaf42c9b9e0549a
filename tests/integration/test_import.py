"""Functions become an API, and it is kept equal to them: from nothing, adopted, drifted, deleted."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from azuresim.scenarios import put
from azuresim.web import Function, http_function, site_of
from funcgate.engine import Pass
from funcgate.errors import SpecError
from integration.azure_stage import Stage, on_stage, outcome, troubles

API = {"path": "shop/v2"}
NAME = "shop-orders"


class Crashed(Exception):
    """The process ends before its next write."""


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """Nobody ever imported the app: no API, no backend, no named value, no key of the portal's."""
    async with on_stage() as stage:
        for each in (stage.team.api_id, stage.team.backend_id, stage.team.named_value_id):
            stage.world.arm.delete(each)
        site_of(stage.world, stage.team.site_id).keys.functions.clear()
        yield stage


def api_id(stage: Stage) -> str:
    return f"{stage.team.service_id}/apis/{NAME}"


def operations(stage: Stage) -> dict[str, str]:
    """The name of each operation, by its method and template."""
    found = stage.world.arm.members(f"{api_id(stage)}/operations")
    return {f"{each.properties['method']} {each.properties['urlTemplate']}": each.name for each in found}


async def settled(stage: Stage, api: dict[str, Any] | None = None, **spec: Any) -> Pass:
    return await stage.settled(stage.binding(api=api or API, adopt=False, **spec))


async def called(stage: Stage, path: str = "/orders") -> int:
    key = {
        "Ocp-Apim-Subscription-Key": stage.world.arm.need(f"{stage.team.service_id}/subscriptions/master").private[
            "primaryKey"
        ]
    }
    return (await stage.simulator.send("GET", stage.team.gateway_host, f"/shop/v2{path}", headers=key)).status


def deploy(stage: Stage, *functions: Function) -> None:
    site = site_of(stage.world, stage.team.site_id)
    site.deploy(functions)
    site.sync()


async def test_an_app_that_nobody_imported_is_published_and_locked(stage: Stage) -> None:
    done = await settled(stage)

    api = stage.world.arm.need(api_id(stage)).properties
    assert (api["path"], api["subscriptionRequired"]) == ("shop/v2", True)
    assert "[funcgate owner=prod/shop/orders created]" in api["description"]
    assert "GET /orders/{id}" in operations(stage)
    assert (await called(stage), stage.door_is_closed()) == (200, True)
    assert outcome(done, "ApiReady").message.startswith("Published at https://contoso.azure-api.net/shop/v2 with ")
    assert (await settled(stage)).changes == ()


async def test_the_door_is_closed_before_the_api_is_there(stage: Stage) -> None:
    await settled(stage)

    writes = list(stage.writes())
    assert writes.index("PUT config/authsettingsV2") < writes.index(f"PUT apis/{NAME}")
    assert writes.index(f"PUT apis/{NAME}") < writes.index("PUT policies/policy")


async def test_functions_that_come_change_and_go_are_followed(stage: Stage) -> None:
    await settled(stage)
    deploy(stage, http_function("ListOrders", route="orders", methods=["get"]))
    await settled(stage)
    assert operations(stage).keys() == {"GET /orders"}

    deploy(
        stage, http_function("ListOrders", route="all-orders", methods=["get"]), http_function("New", methods=["post"])
    )
    await settled(stage)
    assert operations(stage).keys() == {"GET /all-orders", "POST /New"}
    assert (await called(stage, "/all-orders"), await called(stage)) == (200, 404)


# --- products


def a_product(stage: Stage, name: str = "partners", **properties: Any) -> str:
    product = f"{stage.team.service_id}/products/{name}"
    put(stage.world, product, {"displayName": name, "state": "published"} | properties)
    return product


async def test_the_api_is_put_into_its_products_last_of_all_and_once(stage: Stage) -> None:
    a_product(stage)
    api = API | {"products": ["Partners"]}

    await settled(stage, api)

    writes = list(stage.writes())
    placed = len(writes) - 1 - writes[::-1].index(f"PUT apis/{NAME}")
    assert placed > max(writes.index("PUT policies/policy"), writes.index("PUT config/authsettingsV2"))
    assert f"{stage.team.service_id}/products/partners/apis/{NAME}".lower() in stage.world.arm.documents
    assert (await settled(stage, api)).changes == ()


async def test_a_place_that_somebody_took_away_is_taken_again(stage: Stage) -> None:
    api = API | {"products": ["partners"]}
    product = a_product(stage)
    await settled(stage, api)
    stage.world.arm.delete(f"{product}/apis/{NAME}")

    done = await settled(stage, api)

    assert [write.key for write in done.changes] == [f"products/partners/apis/{NAME}"]


async def test_a_product_that_is_not_there_is_said_when_all_else_is_done(stage: Stage) -> None:
    done = await stage.reconcile(stage.binding(api=API | {"products": ["partners"]}))
    assert (outcome(done, "ApiReady").reason, outcome(done, "ApiReady").stalled) == ("ProductNotFound", True)
    assert troubles(done).keys() == {"ApiReady", "Verified"}
    assert await called(stage) == 200


async def test_an_open_product_does_not_get_the_api_unless_everybody_may_call_it(stage: Stage) -> None:
    product = a_product(stage, subscriptionRequired=False)
    api = API | {"products": ["partners"]}

    done = await stage.reconcile(stage.binding(api=api))

    assert outcome(done, "ApiReady").reason == "ProductOpen"
    assert f"{product}/apis/{NAME}".lower() not in stage.world.arm.documents
    await settled(stage, api, policy={"allowAnonymousCallers": True})
    assert f"{product}/apis/{NAME}".lower() in stage.world.arm.documents


async def test_its_own_products_do_not_keep_an_api_from_going_and_others_do(stage: Stage) -> None:
    a_product(stage)
    api = API | {"products": ["partners"]}
    await settled(stage, api)
    theirs = a_product(stage, "theirs")
    put(stage.world, f"{theirs}/apis/{NAME}", {})

    held = await stage.reconcile(stage.binding(api=api, deleting=True))
    stage.world.arm.delete(f"{theirs}/apis/{NAME}")
    await settled(stage, api, deleting=True)

    assert "product theirs;" in outcome(held, "ApiReady").message.replace(" remove", "")
    assert api_id(stage).lower() not in stage.world.arm.documents


# --- which functions


async def test_only_the_functions_that_are_included_and_not_excluded_are_published(stage: Stage) -> None:
    both = {"include": ["listorders", "Ping"], "exclude": ["PING"]}
    only = {"include": ["listorders", "Ping"]}
    app = {"id": stage.team.site_id}

    await settled(stage, functionApp=app | {"functions": only})
    assert operations(stage).keys() == {"GET /orders", "POST /orders", "GET /ping"}
    with pytest.raises(SpecError, match="includes and excludes ping"):
        await settled(stage, functionApp=app | {"functions": both})

    await settled(stage, functionApp=app | {"functions": {"exclude": ["PING"]}})
    assert operations(stage).keys() == {"GET /orders", "POST /orders", "GET /orders/{id}"}
    assert (await called(stage), await called(stage, "/ping")) == (200, 404)


async def test_a_function_that_is_named_and_not_there_is_said_and_the_others_are_published(stage: Stage) -> None:
    functions = {"include": ["ListOrders", "Lstorders", "Nightly"]}

    done = await stage.reconcile(stage.binding(api=API, functionApp={"id": stage.team.site_id, "functions": functions}))

    found = outcome(done, "ApiReady")
    assert (found.reason, found.stalled) == ("FunctionsNotFound", True)
    assert "named Lstorders, Nightly (" in found.message
    assert await called(stage) == 200


async def test_that_nothing_is_left_to_publish_is_said_and_nothing_is_taken_away(stage: Stage) -> None:
    await settled(stage)
    functions = {"exclude": ["ListOrders", "GetOrder", "Ping"]}

    done = await stage.reconcile(stage.binding(api=API, functionApp={"id": stage.team.site_id, "functions": functions}))

    assert outcome(done, "ApiReady").reason == "NoFunctionsToOffer"
    assert (stage.writes(), await called(stage)) == ([], 200)


async def test_that_all_functions_went_at_once_is_not_believed_unless_new_ones_are_named(stage: Stage) -> None:
    await settled(stage)
    deploy(stage, http_function("Other", route="other", methods=["get"]))

    doubted = await stage.reconcile(stage.binding(api=API))
    assert (outcome(doubted, "ApiReady").reason, stage.writes()) == ("ImplausibleRemoval", [])
    assert "GET /orders" in operations(stage)

    await settled(stage, functionApp={"id": stage.team.site_id, "functions": {"include": ["Other"]}})
    assert operations(stage).keys() == {"GET /other"}
    assert (await settled(stage)).changes == ()


def an_operation_gone(stage: Stage) -> None:
    stage.world.arm.delete(f"{api_id(stage)}/operations/{operations(stage)['GET /orders']}")


def an_operation_more(stage: Stage) -> None:
    put(stage.world, f"{api_id(stage)}/operations/by-hand", {"displayName": "x", "method": "GET", "urlTemplate": "/x"})


def another_path(stage: Stage) -> None:
    found = stage.world.arm.need(api_id(stage))
    stage.world.arm.put(found.id, found.body | {"properties": found.properties | {"path": "elsewhere"}})


def no_key(stage: Stage) -> None:
    found = stage.world.arm.need(api_id(stage))
    stage.world.arm.put(found.id, found.body | {"properties": found.properties | {"subscriptionRequired": False}})


def no_api(stage: Stage) -> None:
    stage.world.arm.delete(api_id(stage))


@pytest.mark.parametrize("by_hand", [an_operation_gone, an_operation_more, another_path, no_key, no_api])
async def test_what_somebody_changed_by_hand_is_put_right(stage: Stage, by_hand: Callable[[Stage], None]) -> None:
    await settled(stage)
    before = operations(stage)
    by_hand(stage)

    done = await settled(stage)

    assert done.changes
    assert (operations(stage), await called(stage), stage.door_is_closed()) == (before, 200, True)


async def test_what_people_read_stays_theirs_unless_the_author_says_it(stage: Stage) -> None:
    await settled(stage)
    found = stage.world.arm.need(api_id(stage))
    text = f"Everything about orders {found.properties['description']}"
    renamed = found.properties | {"displayName": "Orders", "description": text}
    stage.world.arm.put(found.id, found.body | {"properties": renamed})
    assert (await settled(stage)).changes == ()

    await settled(stage, API | {"displayName": "Shop", "description": "Of the shop"})
    now = stage.world.arm.need(api_id(stage)).properties
    assert (now["displayName"], now["description"].startswith("Of the shop [")) == ("Shop", True)


async def test_a_host_that_is_down_takes_no_operation_away(stage: Stage) -> None:
    await settled(stage)
    before = operations(stage)
    site = site_of(stage.world, stage.team.site_id)
    site.listed = []

    done = await stage.reconcile(stage.binding(api=API, adopt=False))

    assert (operations(stage), stage.writes()) == (before, [])
    assert outcome(done, "FunctionAppReady").reason == "NoFunctionsListed"
    assert outcome(done, "ApiReady").reason == "Waiting"


async def test_an_app_with_nothing_to_offer_is_named(stage: Stage) -> None:
    deploy(stage, http_function("Purge", level="admin"))

    done = await stage.reconcile(stage.binding(api=API, adopt=False))

    assert outcome(done, "ApiReady").reason == "NoFunctionsToOffer"


async def test_an_api_of_that_name_without_our_mark_waits_for_adopt_and_keeps_what_it_had(stage: Stage) -> None:
    stands = {"displayName": "Theirs", "path": "shop/v2", "description": "By hand", "subscriptionRequired": True}
    put(stage.world, api_id(stage), stands)
    put(stage.world, f"{api_id(stage)}/operations/list", {"displayName": "l", "method": "GET", "urlTemplate": "orders"})
    put(stage.world, f"{api_id(stage)}/operations/own", {"displayName": "o", "method": "GET", "urlTemplate": "/own"})

    first = await stage.reconcile(stage.binding(api=API, adopt=False))
    assert outcome(first, "ApiReady").reason == "Conflict"

    await stage.settled(stage.binding(api=API))
    assert (operations(stage)["GET orders"], operations(stage)["GET /own"]) == ("list", "own")
    assert "GET /orders" not in operations(stage)
    assert stage.world.arm.need(api_id(stage)).properties["description"].startswith("By hand [funcgate")

    await stage.settled(stage.binding(api=API, deleting=True))
    assert stage.world.arm.need(api_id(stage)).properties["description"] == "By hand"


async def test_an_operation_of_somebodys_is_not_written_over_whatever_its_name(stage: Stage) -> None:
    stands = {"displayName": "Theirs", "path": "shop/v2", "subscriptionRequired": True}
    theirs = {"displayName": "o", "method": "GET", "urlTemplate": "/own"}
    put(stage.world, api_id(stage), stands)
    put(stage.world, f"{api_id(stage)}/operations/get-listorders", theirs)

    await stage.settled(stage.binding(api=API))

    assert operations(stage)["GET /own"] == "get-listorders"
    assert "GET /orders" in operations(stage)


async def test_another_bindings_api_is_not_touched(stage: Stage) -> None:
    stands = {"displayName": "x", "path": "shop/v2", "description": "[funcgate owner=prod/shop/other created]"}
    put(stage.world, api_id(stage), stands)

    done = await stage.reconcile(stage.binding(api=API))

    assert outcome(done, "ApiReady").reason == "Conflict"
    assert "prod/shop/other" in outcome(done, "ApiReady").message
    assert operations(stage) == {}


async def test_deletion_leaves_nothing_and_the_door_closed(stage: Stage) -> None:
    await settled(stage)

    await stage.settled(stage.binding(api=API, adopt=False, deleting=True))

    assert stage.world.arm.get(api_id(stage)) is None
    assert not [each for each in stage.world.arm.documents.values() if "funcgate" in str(each.body)]
    assert stage.door_is_closed()


@pytest.mark.parametrize("holder", ["products/starter", "subscriptions/theirs"])
async def test_an_api_that_others_use_is_not_deleted_under_them(stage: Stage, holder: str) -> None:
    await settled(stage)
    kind, name = holder.split("/")
    properties = {"displayName": name} | ({"scope": f"/apis/{NAME}"} if kind == "subscriptions" else {})
    put(stage.world, f"{stage.team.service_id}/{holder}", properties)
    if kind == "products":
        put(stage.world, f"{stage.team.service_id}/{holder}/apis/{NAME}", {})

    done = await stage.reconcile(stage.binding(api=API, adopt=False, deleting=True))

    assert outcome(done, "ApiReady").reason == "ApiInUse", troubles(done)
    assert name in done.conditions[0].message
    assert "detach-on-delete" in done.conditions[0].message
    assert stage.world.arm.get(api_id(stage)) is not None


async def test_somebody_may_say_that_it_is_deleted_all_the_same(stage: Stage) -> None:
    await settled(stage)
    put(stage.world, f"{stage.team.service_id}/products/starter", {"displayName": "starter"})
    put(stage.world, f"{stage.team.service_id}/products/starter/apis/{NAME}", {})

    going = stage.binding(api=API, adopt=False, deleting=True)
    await stage.settled(replace(going, confirmed=True))

    assert stage.world.arm.get(api_id(stage)) is None


PARTS = {"api": "apis/shop-orders", "backend": "backends/orders-fn", "namedValue": "namedValues/orders-fn-key"}


@pytest.mark.parametrize("part", PARTS)
async def test_a_part_that_is_to_stay_stays_as_it_is_and_is_taken_over_again(stage: Stage, part: str) -> None:
    await settled(stage)
    overrides = {part: {"policy": "Orphan"}}
    await stage.settled(stage.binding(api=API, adopt=False, deletionOverrides=overrides, deleting=True))
    left = {each: stage.world.arm.get(f"{stage.team.service_id}/{at}") for each, at in PARTS.items()}
    assert {each for each, document in left.items() if document} >= {part}
    assert f"funcgate{'-owner=' if part == 'namedValue' else ' owner='}prod/shop/orders" in str(left[part])
    assert stage.door_is_closed()
    await settled(stage)


async def test_of_what_is_left_as_a_whole_one_part_may_go(stage: Stage) -> None:
    await settled(stage)
    wish = {"deletionPolicy": "Orphan", "deletionOverrides": {"policy": {"policy": "Delete"}}}
    await stage.settled(stage.binding(api=API, adopt=False, deleting=True, **wish))
    assert stage.world.arm.get(f"{api_id(stage)}/policies/policy") is None
    assert stage.world.arm.get(api_id(stage)) is not None


@pytest.mark.parametrize("nth", range(0, 10, 2))
async def test_after_a_crash_at_any_write_a_fresh_pass_ends_the_same(stage: Stage, nth: int) -> None:
    left = iter([True] * nth)

    def fence() -> None:
        if not next(left, False):
            raise Crashed

    with pytest.raises(Crashed):
        await stage.reconcile(stage.binding(api=API, adopt=False), fence=fence)

    for _ in range(2):  # what the lost process had on its way may still arrive in between
        await stage.reconcile(stage.binding(api=API, adopt=False))
    await settled(stage)

    assert (await called(stage), stage.door_is_closed()) == (200, True)


async def test_another_revision_that_somebody_makes_current_is_locked_too_and_named(stage: Stage) -> None:
    await settled(stage)
    current, other = api_id(stage), f"{api_id(stage)};rev=2"
    about = {"displayName": "shop/orders", "path": "shop/v2", "protocols": ["https"]}
    put(stage.world, other, about | {"apiRevision": "2", "sourceApiId": current})
    put(
        stage.world,
        f"{other}/policies/policy",
        {"format": "rawxml", "value": "<policies><inbound><base /></inbound></policies>"},
    )
    await settled(stage)
    assert stage.writes() == []  # nobody else's revision is our business

    put(stage.world, f"{current}/releases/now", {"apiId": other})
    done = await settled(stage)

    assert outcome(done, "ApiReady").message.endswith(" operations, revision 2.")
    assert "PUT policies/policy" in stage.writes()
    assert (await called(stage), stage.door_is_closed()) == (200, True)
