"""The world as a file: what was saved is what is loaded. None of this is Azure's doing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from azuresim import Simulator, World, snapshot
from azuresim.journal import acting
from azuresim.msi import add_user_identity
from azuresim.scenarios import GROUP, Imported, imported
from azuresim.switches import Switches
from azuresim.wire import HttpAnswer

APIM = "api-version=2024-05-01"
CALLER = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/caller"


def a_world() -> tuple[World, Imported]:
    """With something of everything that is kept."""
    world = World(switches=Switches(easy_auth_empty_allow_list="refuses all"), denied={"microsoft.web/sites/write"})
    team = imported(world)
    add_user_identity(world, CALLER)
    world.arm.lock(team.site_id, "CanNotDelete")
    world.entra.add_secret(team.operator_client_id, "a-secret")
    world.vaults.put("https://shop.vault.azure.net/secrets/key", "value", readers={"somebody"})
    world.web_documents["https://docs.example/orders.json"] = "{}"
    world.queues.create("events")
    world.queues.put("events", "what happened")
    world.clock.advance(3600)
    return world, team


def through_a_file(world: World) -> World:
    return snapshot.load(json.loads(json.dumps(snapshot.save(world))))


def test_what_was_saved_is_what_is_loaded() -> None:
    world, _ = a_world()
    saved = snapshot.save(world)
    assert snapshot.save(snapshot.load(json.loads(json.dumps(saved)))) == saved


def test_what_lies_outside_of_resource_manager_is_kept_too() -> None:
    world, team = a_world()
    loaded = through_a_file(world)
    assert loaded.vaults == world.vaults
    assert loaded.web_documents == world.web_documents
    assert loaded.queues.all == world.queues.all
    assert loaded.arm.need(team.site_id).created == world.arm.need(team.site_id).created


async def test_a_loaded_world_takes_the_tokens_of_the_saved_one_and_serves_its_gateway() -> None:
    world, team = a_world()
    token = world.entra.token_for_client(team.operator_client_id, "https://management.azure.com")
    async with Simulator(through_a_file(world)) as azure:
        headers = {"Authorization": f"Bearer {token}"}
        api = await azure.send("GET", "", f"{team.api_id}?{APIM}", headers=headers)
        key = {"Ocp-Apim-Subscription-Key": team.subscription_key}
        called = await azure.send("GET", team.gateway_host, f"/{team.api_path}/ping", headers=key)
        assert (api.status, api.headers["ETag"]) == (200, world.arm.need(team.api_id).etag)
        assert (called.status, called.data()["function"]) == (200, "Ping")


async def test_etags_go_on_rising_and_new_ids_are_new() -> None:
    world, team = a_world()
    known = {body["id"] for body in world.entra.applications.values()}
    loaded = through_a_file(world)
    before = loaded.arm.need(team.backend_id).etag
    assert loaded.arm.touch(team.backend_id).etag > before
    assert loaded.entra.add_application("another")["id"] not in known


def test_what_is_under_way_is_ended_before_it_is_saved() -> None:
    world, team = a_world()
    ended: list[str] = []
    world.operations.start(team.service_id, on_done=lambda: ended.append("done"))
    snapshot.save(world)
    assert ended == ["done"]


def test_a_document_of_another_kind_is_refused() -> None:
    other: Any
    for other in ({}, {"version": 0}, []):
        with pytest.raises(ValueError, match="no state"):
            snapshot.load(other)


def test_differences_name_what_changed_and_hide_secrets() -> None:
    world, team = a_world()
    before = snapshot.save(world)
    world.arm.need(team.backend_id).properties["url"] = "https://elsewhere.example"
    world.arm.need(team.named_value_id).private["value"] = "another-key"
    world.entra.application(team.client_id)["displayName"] = "renamed"  # type: ignore[index]
    found = {d.path.rpartition("/")[2]: (d.before, d.after) for d in snapshot.differences(before, snapshot.save(world))}
    assert found["url"][1] == "https://elsewhere.example"
    assert found["value"] == ("***", "***")
    assert found["displayName"] == ("orders-fn", "renamed")
    assert "another-key" not in repr(snapshot.differences(before, snapshot.save(world)))


# --- the journal ------------------------------------------------------------------------------------------------------
async def put_backend(azure: Simulator, team: Imported, url: str) -> HttpAnswer:
    body = {"properties": {"url": url, "protocol": "http"}}
    headers = azure.arm_headers(team.operator_client_id)
    return await azure.send("PUT", "", f"{team.backend_id}?{APIM}", headers=headers, json=body)


async def test_the_journal_says_who_changed_what_and_what_stood_there() -> None:
    world, team = a_world()
    world.journal.clear()
    async with Simulator(world) as azure:
        await put_backend(azure, team, "https://elsewhere.example")
        await put_backend(azure, team, "https://elsewhere.example")
    (write,) = world.journal.of(id="*/backends/*")
    assert (write.who, write.kind, write.service) == (team.operator_client_id, "update", "arm")
    assert write.before["properties"]["url"] == f"https://{team.site_host}/{team.route_prefix}"
    assert write.after["properties"]["url"] == "https://elsewhere.example"


def test_what_is_changed_by_hand_is_nobodys_write_and_secrets_do_not_show() -> None:
    world, team = a_world()
    world.journal.clear()
    value = world.arm.need(team.named_value_id)
    world.arm.put(value.id, value.body, private={"value": "another-key"})
    (write,) = world.journal.by("")
    assert (write.id, write.kind) == (team.named_value_id, "update")
    assert "another-key" not in repr(write)


def test_an_end_of_an_operation_belongs_to_whoever_began_it() -> None:
    world, team = a_world()
    world.journal.clear()
    with acting("the-client"):
        world.operations.start(team.service_id, on_done=lambda: world.arm.put(f"{GROUP}/x", {"a": 1}) and None)
    world.operations.finish(team.service_id)
    assert [write.who for write in world.journal.of(id=f"{GROUP}/x")] == ["the-client"]


def test_saved_sets_are_in_order_however_they_were_filled() -> None:
    world, team = a_world()
    permissions = [f"Permission.{number}" for number in range(64)]
    world.entra.graph_permissions[team.operator_client_id] = set(permissions)
    saved = snapshot.save(world)["entra"]["graph_permissions"]
    assert saved[team.operator_client_id] == sorted(permissions)
