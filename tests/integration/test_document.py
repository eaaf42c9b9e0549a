"""The API is what a document describes: from nothing, adopted, drifted, changed, deleted."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from azuresim.scenarios import put
from funcgate.engine import Pass
from funcgate.errors import Unmet
from funcgate.spec import Binding, Cluster, ConfigMapRef
from integration.azure_stage import Stage, changed_fields, on_stage, outcome

IMPORT = {"from": "OpenAPI", "openAPI": {"configMapKeyRef": {"name": "orders-openapi", "key": "openapi.yaml"}}}
DOCUMENT = """
openapi: 3.0.3
info: {title: Orders, description: What was ordered., version: "1"}
paths:
  /orders:
    get: {operationId: list-orders, responses: {"200": {description: All.}}}
  /ping:
    get: {operationId: ping, responses: {"200": {description: Up.}}}
"""
MORE = (
    DOCUMENT
    + """
  /orders/{id}:
    get:
      operationId: get-order
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      responses: {"200": {description: One.}}
"""
)


@dataclass(frozen=True)
class Holding(Cluster):
    """A cluster with that text in the ConfigMap, or an error in its place."""

    text: str | Unmet

    async def config_map(self, ref: ConfigMapRef) -> str:
        assert (ref.name, ref.key) == ("orders-openapi", "openapi.yaml")
        if isinstance(self.text, Unmet):
            raise self.text
        return self.text


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with on_stage() as stage:
        yield stage


def of(stage: Stage, text: str | Unmet = DOCUMENT, **api: Any) -> Binding:
    binding = stage.binding(api={"path": "shop/v2", "import": IMPORT} | api)
    return replace(binding, cluster=Holding(text))


def api_id(stage: Stage) -> str:
    return f"{stage.team.service_id}/apis/shop-orders"


def operations(stage: Stage, of_: str = "") -> set[str]:
    found = stage.world.arm.members(f"{of_ or api_id(stage)}/operations")
    return {f"{each.properties['method']} {each.properties['urlTemplate']}" for each in found}


async def call(stage: Stage, path: str) -> int:
    key = {"Ocp-Apim-Subscription-Key": stage.team.master_key}
    return (await stage.simulator.send("GET", stage.team.gateway_host, f"/shop/v2{path}", headers=key)).status


async def test_an_api_is_made_from_a_document_and_locked(stage: Stage) -> None:
    done = await stage.settled(of(stage))
    api = stage.world.arm.need(api_id(stage)).properties
    assert (operations(stage), api["displayName"]) == ({"GET /orders", "GET /ping"}, "Orders")
    assert api["description"].startswith("What was ordered. [funcgate owner=prod/shop/orders created document=")
    assert [await call(stage, path) for path in ("/orders", "/ping", "/orders/1")] == [200, 200, 404]
    assert stage.door_is_closed()
    assert outcome(done, "ApiReady").message.endswith("/shop/v2 with 2 operations.")
    assert stage.writes().count("PUT apis/shop-orders") == 1

    await stage.settled(of(stage))
    assert stage.writes() == []


async def test_whichever_words_win_the_api_says_what_the_manifest_does_and_carries_our_mark(stage: Stage) -> None:
    stage.world.switches.apim_import_words = "document"
    await stage.settled(of(stage, displayName="Bestellungen", description="Ours."))
    api = stage.world.arm.need(api_id(stage)).properties
    assert (api["displayName"], api["description"][:30]) == ("Bestellungen", "Ours. [funcgate owner=prod/sho")
    await stage.settled(of(stage, MORE, displayName="Bestellungen", description="Ours."))
    await stage.settled(of(stage, MORE, displayName="Bestellungen", description="Ours."))
    assert stage.writes() == []


async def test_a_changed_document_is_followed(stage: Stage) -> None:
    await stage.settled(of(stage))
    assert not (await stage.glance(of(stage, MORE))).done
    done = await stage.settled(of(stage, MORE))
    assert "GET /orders/{id}" in operations(stage)
    assert changed_fields(done) == {"apis/shop-orders": {"document", "described"}}
    assert await call(stage, "/orders/1") == 200


async def test_an_operation_that_somebody_took_out_comes_back(stage: Stage) -> None:
    await stage.settled(of(stage))
    stage.world.arm.delete(f"{api_id(stage)}/operations/ping")
    await stage.settled(of(stage))
    assert operations(stage) == {"GET /orders", "GET /ping"}


async def test_what_others_set_in_the_api_stays_when_the_document_changes(stage: Stage) -> None:
    await stage.settled(of(stage))
    names = {"header": "X-Key", "query": "key"}
    stage.world.arm.need(api_id(stage)).properties.update(
        {"subscriptionKeyParameterNames": names, "termsOfServiceUrl": "https://t"}
    )
    await stage.settled(of(stage, MORE))
    api = stage.world.arm.need(api_id(stage)).properties
    assert (api["subscriptionKeyParameterNames"], api["termsOfServiceUrl"]) == (names, "https://t")


async def test_a_policy_of_an_operation_that_stays_stays_too(stage: Stage) -> None:
    await stage.settled(of(stage))
    policy = f"{api_id(stage)}/operations/ping/policies/policy"
    put(stage.world, policy, {"format": "rawxml", "value": "<policies><inbound><base /></inbound></policies>"})
    await stage.settled(of(stage, MORE))
    assert stage.world.arm.get(policy)


async def test_an_imported_api_is_taken_over_with_adopt(stage: Stage) -> None:
    binding = of(stage, name=stage.team.api_name, path=stage.team.api_path)
    await stage.settled(binding)
    assert operations(stage, stage.team.api_id) == {"GET /orders", "GET /ping"}
    assert (await stage.through_the_gateway()).status == 200
    await stage.settled(replace(binding, deleting=True))
    assert "funcgate" not in stage.world.arm.need(stage.team.api_id).properties["description"]


BAD: list[tuple[str | Unmet, str, str]] = [
    (
        "no document",
        "DocumentUnreadable",
        "key openapi.yaml of ConfigMap orders-openapi (spec.api.import.openAPI) has no paths",
    ),
    (Unmet("DocumentNotFound", "there is none", stalled=True), "DocumentNotFound", "there is none"),
]


@pytest.mark.parametrize(("text", "reason", "says"), BAD, ids=[each[1] for each in BAD])
async def test_without_a_document_the_api_stays_as_it_is(
    stage: Stage, text: str | Unmet, reason: str, says: str
) -> None:
    await stage.settled(of(stage))
    done: Pass = await stage.reconcile(of(stage, text))
    found = outcome(done, "ApiReady")
    assert (found.reason, found.stalled, stage.writes()) == (reason, True, [])
    assert says in found.message
    assert (await call(stage, "/orders"), stage.door_is_closed()) == (200, True)


async def test_a_document_that_may_be_on_its_way_is_worth_another_look(stage: Stage) -> None:
    done = await stage.reconcile(of(stage, Unmet("DocumentNotFound", "none yet", stalled=True, after_seconds=5.0)))
    assert done.retry_after == 5.0


async def test_when_the_binding_goes_the_api_goes_whatever_became_of_the_document(stage: Stage) -> None:
    await stage.settled(of(stage))
    gone = of(stage, Unmet("DocumentNotFound", "there is none", stalled=True))
    await stage.settled(replace(gone, deleting=True))
    assert stage.world.arm.get(api_id(stage)) is None
    assert stage.door_is_closed()
