"""azure-mgmt-apimanagement against the simulator, through the life of everything that it covers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.apimanagement.aio import ApiManagementClient

from azuresim import Simulator
from azuresim.apim.service import add_service
from contract.sdk import SUBSCRIPTION, client_of, trusted

__all__ = ["trusted"]
GROUP, NAME = "shop", "contoso"
BASE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
SERVICE = f"{BASE}/providers/Microsoft.ApiManagement/service/{NAME}"
SECRET = "https://shop-vault.vault.azure.net/secrets/key"
POLICY = "<policies><inbound><base /></inbound><backend><base /></backend></policies>"
OPENAPI = {
    "openapi": "3.0.1",
    "info": {"title": "Orders", "description": "All orders."},
    "servers": [{"url": "https://orders.example/api"}],
    "paths": {
        "/orders": {
            "get": {
                "operationId": "ListOrders",
                "parameters": [{"name": "top", "in": "query", "schema": {"type": "integer"}}],
            },
            "post": {
                "requestBody": {"content": {"application/json": {}}},
                "responses": {"201": {"description": "Made."}},
            },
        },
        "/orders/{id}": {
            "get": {"operationId": "GetOrder", "parameters": [{"name": "id", "in": "path", "required": True}]}
        },
    },
}


def an_api(**more: Any) -> dict[str, Any]:
    return {"properties": {"displayName": "Orders", "path": "orders", "protocols": ["https"], **more}}


@pytest.fixture
async def client(trusted: Simulator) -> AsyncIterator[ApiManagementClient]:
    trusted.world.arm.add_group(BASE)
    add_service(trusted.world, SERVICE, identity={"type": "SystemAssigned"})
    async with client_of(trusted, ApiManagementClient, SUBSCRIPTION) as made:
        yield made


async def names(pages: Any) -> list[str]:
    return [item.name async for item in pages]


@pytest.mark.item("apim-11")
async def test_a_service_is_created_changed_deleted_and_purged(client: ApiManagementClient) -> None:
    """Source: azure-mgmt-apimanagement 5.0.0; learn.microsoft.com/azure/api-management/soft-delete."""
    service = {
        "location": "West Europe",
        "sku": {"name": "Developer", "capacity": 1},
        "identity": {"type": "SystemAssigned"},
        "properties": {"publisherEmail": "a@example.com", "publisherName": "A"},
    }
    services = client.api_management_service
    made = await (await services.begin_create_or_update(GROUP, "another", service)).result()
    assert (made.provisioning_state, made.gateway_url) == ("Succeeded", "https://another.azure-api.net")
    assert made.identity.principal_id
    changed = await (await services.begin_update(GROUP, "another", {"properties": {"publisherName": "B"}})).result()
    assert changed.publisher_name == "B"
    assert sorted(await names(services.list())) == ["another", "contoso"]
    taken = await services.check_name_availability({"name": "another"})
    assert (taken.name_available, taken.reason) == (False, "AlreadyExists")

    await (await services.begin_delete(GROUP, "another")).result()

    with pytest.raises(ResourceNotFoundError):
        await services.get(GROUP, "another")
    assert await names(client.deleted_services.list_by_subscription()) == ["another"]
    with pytest.raises(HttpResponseError, match="soft-deleted"):
        await services.begin_create_or_update(GROUP, "another", service)
    await (await client.deleted_services.begin_purge("another", "westeurope")).result()
    assert await names(client.deleted_services.list_by_subscription()) == []


async def test_a_deleted_service_can_be_restored_with_what_was_in_it(
    trusted: Simulator, client: ApiManagementClient
) -> None:
    """Source: learn.microsoft.com/azure/api-management/soft-delete (recover a soft-deleted instance)."""
    await client.backend.create_or_update(
        GROUP, NAME, "orders", {"properties": {"url": "https://x.example", "protocol": "http"}}
    )
    await (await client.api_management_service.begin_delete(GROUP, NAME)).result()
    assert trusted.world.arm.get(f"{SERVICE}/backends/orders") is None
    restore = {
        "location": "West Europe",
        "sku": {"name": "Developer", "capacity": 1},
        "properties": {"publisherEmail": "a@example.com", "publisherName": "A", "restore": True},
    }
    await (await client.api_management_service.begin_create_or_update(GROUP, NAME, restore)).result()
    assert (await client.backend.get(GROUP, NAME, "orders")).url == "https://x.example"


async def test_after_two_days_a_deleted_service_is_gone_for_good(
    trusted: Simulator, client: ApiManagementClient
) -> None:
    """Source: learn.microsoft.com/azure/api-management/soft-delete (48 hours)."""
    await (await client.api_management_service.begin_delete(GROUP, NAME)).result()
    trusted.world.clock.advance(48 * 3600 + 1)
    async with client_of(trusted, ApiManagementClient, SUBSCRIPTION) as later:
        assert await names(later.deleted_services.list_by_subscription()) == []


@pytest.mark.item("apim-4")
async def test_a_named_value_is_written_listed_and_deleted(client: ApiManagementClient) -> None:
    """Source: azure-mgmt-apimanagement 5.0.0."""
    values = client.named_value
    sent = {"properties": {"displayName": "key", "value": "hidden", "secret": True, "tags": ["a"]}}
    made = await (await values.begin_create_or_update(GROUP, NAME, "key", sent)).result()
    assert (made.display_name, made.value) == ("key", None)
    assert (await values.list_value(GROUP, NAME, "key")).value == "hidden"
    await (await values.begin_update(GROUP, NAME, "key", "*", {"properties": {"value": "other"}})).result()
    assert (await values.list_value(GROUP, NAME, "key")).value == "other"
    assert await values.get_entity_tag(GROUP, NAME, "key")
    await values.delete(GROUP, NAME, "key", "*")
    assert await names(values.list_by_service(GROUP, NAME)) == []


async def test_a_named_value_follows_its_secret_in_the_vault(trusted: Simulator, client: ApiManagementClient) -> None:
    """Source: REST reference, "Named Value - Refresh Secret"; api-management-howto-properties (key vault secrets)."""
    identity = trusted.world.entra.system_identity(SERVICE)
    assert identity is not None
    trusted.world.vaults.put(SECRET, "first", readers={identity.principal_id})
    sent = {"properties": {"displayName": "key", "secret": True, "keyVault": {"secretIdentifier": SECRET}}}
    made = await (await client.named_value.begin_create_or_update(GROUP, NAME, "key", sent)).result()
    assert (made.key_vault.secret_identifier, made.key_vault.last_status.code, made.secret) == (SECRET, "Success", True)
    trusted.world.vaults.put(SECRET, "second", readers={identity.principal_id})
    assert (await client.named_value.list_value(GROUP, NAME, "key")).value == "first"
    await (await client.named_value.begin_refresh_secret(GROUP, NAME, "key")).result()
    assert (await client.named_value.list_value(GROUP, NAME, "key")).value == "second"


@pytest.mark.assumed
async def test_a_vault_that_does_not_let_the_service_in_refuses_the_named_value(
    trusted: Simulator, client: ApiManagementClient
) -> None:
    """Source: api-management-howto-properties says that the identity needs access; the refusal's text is assumed."""
    trusted.world.vaults.put(SECRET, "first", readers=set())
    sent = {"properties": {"displayName": "key", "secret": True, "keyVault": {"secretIdentifier": SECRET}}}
    with pytest.raises(HttpResponseError, match="Forbidden"):
        await client.named_value.begin_create_or_update(GROUP, NAME, "key", sent)


async def test_backends_products_subscriptions_and_tags_live_and_go(client: ApiManagementClient) -> None:
    """Source: azure-mgmt-apimanagement 5.0.0."""
    backend = await client.backend.create_or_update(
        GROUP, NAME, "orders", {"properties": {"url": "https://x.example", "protocol": "http"}}
    )
    assert backend.url == "https://x.example"
    product = {"properties": {"displayName": "Starter", "subscriptionRequired": True, "state": "published"}}
    await client.product.create_or_update(GROUP, NAME, "starter", product)
    await (await client.api.begin_create_or_update(GROUP, NAME, "orders", an_api())).result()
    await client.product_api.create_or_update(GROUP, NAME, "starter", "orders")
    assert await names(client.product_api.list_by_product(GROUP, NAME, "starter")) == ["orders"]
    sent = {"properties": {"displayName": "one", "scope": "/products/starter", "state": "active"}}
    await client.subscription.create_or_update(GROUP, NAME, "one", sent)
    keys = await client.subscription.list_secrets(GROUP, NAME, "one")
    await client.subscription.regenerate_primary_key(GROUP, NAME, "one")
    again = await client.subscription.list_secrets(GROUP, NAME, "one")
    assert (again.primary_key != keys.primary_key, again.secondary_key) == (True, keys.secondary_key)
    await client.tag.create_or_update(GROUP, NAME, "blue", {"properties": {"displayName": "Blue"}})
    await client.tag.assign_to_api(GROUP, NAME, "orders", "blue")
    assert await names(client.tag.list_by_api(GROUP, NAME, "orders")) == ["blue"]
    await client.tag.delete(GROUP, NAME, "blue", "*")
    assert await names(client.tag.list_by_api(GROUP, NAME, "orders")) == []
    await client.product_api.delete(GROUP, NAME, "starter", "orders")
    await client.product.delete(GROUP, NAME, "starter", "*", delete_subscriptions=True)
    await client.backend.delete(GROUP, NAME, "orders", "*")


@pytest.mark.item("apim-4")
async def test_a_fragment_is_written_read_in_both_forms_and_kept_while_included(client: ApiManagementClient) -> None:
    """Source: REST reference, "Policy Fragment"; learn.microsoft.com/azure/api-management/policy-fragments."""
    text = '<fragment><set-header name="x"><value>@(1 < 2 ? "a" : "b")</value></set-header></fragment>'
    sent = {"properties": {"value": text, "format": "rawxml", "description": "d"}}
    await (await client.policy_fragment.begin_create_or_update(GROUP, NAME, "common", sent)).result()
    assert "&lt;" in (await client.policy_fragment.get(GROUP, NAME, "common")).value
    assert '@(1 < 2 ? "a" : "b")' in (await client.policy_fragment.get(GROUP, NAME, "common", format="rawxml")).value
    policy = {
        "properties": {
            "format": "rawxml",
            "value": POLICY.replace("<base />", '<include-fragment fragment-id="common" />', 1),
        }
    }
    await client.policy.create_or_update(GROUP, NAME, "policy", policy)
    with pytest.raises(HttpResponseError, match="in use"):
        await client.policy_fragment.delete(GROUP, NAME, "common", "*")
    await client.policy.delete(GROUP, NAME, "policy", "*")
    await client.policy_fragment.delete(GROUP, NAME, "common", "*")


async def test_loggers_keep_their_credentials_apart_and_diagnostics_need_one(client: ApiManagementClient) -> None:
    """Source: REST reference, "Logger" and "Diagnostic"; hashicorp/terraform-provider-azurerm tracker."""
    sent = {"properties": {"loggerType": "applicationInsights", "credentials": {"instrumentationKey": "not-shown"}}}
    logger = await client.logger.create_or_update(GROUP, NAME, "ai", sent)
    assert logger.credentials["instrumentationKey"].startswith("{{Logger-Credentials--")
    with pytest.raises(HttpResponseError, match="Logger"):
        await client.diagnostic.create_or_update(
            GROUP, NAME, "applicationinsights", {"properties": {"loggerId": f"{SERVICE}/loggers/none"}}
        )
    made = await client.diagnostic.create_or_update(
        GROUP,
        NAME,
        "applicationinsights",
        {"properties": {"loggerId": f"{SERVICE}/loggers/ai", "alwaysLog": "allErrors"}},
    )
    assert (made.always_log, await names(client.diagnostic.list_by_service(GROUP, NAME))) == (
        "allErrors",
        ["applicationinsights"],
    )


# --- APIs -------------------------------------------------------------------------------------------------------------
@pytest.mark.item("apim-7")
@pytest.mark.item("apim-8")
async def test_an_api_is_created_changed_listed_and_deleted(client: ApiManagementClient) -> None:
    """Source: azure-mgmt-apimanagement 5.0.0."""
    made = await (await client.api.begin_create_or_update(GROUP, NAME, "orders", an_api())).result()
    assert (made.path, made.api_revision, made.is_current) == ("orders", "1", True)
    changed = await client.api.update(GROUP, NAME, "orders", "*", {"properties": {"description": "new"}})
    assert changed.description == "new"
    operation = {"properties": {"displayName": "List", "method": "GET", "urlTemplate": "/", "templateParameters": []}}
    await client.api_operation.create_or_update(GROUP, NAME, "orders", "list", operation)
    assert await names(client.api_operation.list_by_api(GROUP, NAME, "orders")) == ["list"]
    policy = {"properties": {"format": "rawxml", "value": POLICY}}
    await client.api_operation_policy.create_or_update(GROUP, NAME, "orders", "list", "policy", policy)
    await client.api_policy.create_or_update(GROUP, NAME, "orders", "policy", policy)
    assert await names(client.api.list_by_service(GROUP, NAME)) == ["orders"]
    await (await client.api.begin_delete(GROUP, NAME, "orders", "*")).result()
    assert await names(client.api.list_by_service(GROUP, NAME)) == []


async def test_a_description_becomes_an_api_with_its_operations_and_a_new_one_replaces_them(
    client: ApiManagementClient,
) -> None:
    """Source: REST reference, "Apis - Create Or Update" (import from OpenAPI)."""
    sent = an_api(format="openapi+json", value=json.dumps(OPENAPI))
    made = await (await client.api.begin_create_or_update(GROUP, NAME, "orders", sent)).result()
    assert (made.service_url, made.description) == ("https://orders.example/api", "All orders.")
    listed = {one.name: one async for one in client.api_operation.list_by_api(GROUP, NAME, "orders")}
    assert {name: (one.method, one.url_template) for name, one in listed.items()} == {
        "listorders": ("GET", "/orders"),
        "post-orders": ("POST", "/orders"),
        "getorder": ("GET", "/orders/{id}"),
    }
    first = await client.api_operation.get(GROUP, NAME, "orders", "listorders")
    assert [(one.name, one.type) for one in first.request.query_parameters] == [("top", "integer")]

    fewer = {**OPENAPI, "paths": {"/orders": {"get": OPENAPI["paths"]["/orders"]["get"]}}}  # type: ignore[index]
    again = an_api(format="openapi+json", value=json.dumps(fewer))
    await (await client.api.begin_create_or_update(GROUP, NAME, "orders", again)).result()
    assert await names(client.api_operation.list_by_api(GROUP, NAME, "orders")) == ["listorders"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("{", "Parsing error"),
        ('{"openapi": "9"}', "no supported version"),
        ('{"swagger": "2.0"}', "no paths"),
        ("- a", "no object"),
    ],
)
async def test_what_is_no_description_is_refused_and_nothing_is_made(
    client: ApiManagementClient, value: str, said: str
) -> None:
    """Source: REST reference, "Apis - Create Or Update"; the wording is assumed."""
    with pytest.raises(HttpResponseError, match=said):
        await client.api.begin_create_or_update(GROUP, NAME, "orders", an_api(format="openapi", value=value))
    assert await names(client.api.list_by_service(GROUP, NAME)) == []


async def test_a_link_is_looked_up_among_the_documents_of_the_world(
    trusted: Simulator, client: ApiManagementClient
) -> None:
    """Source: REST reference, "Apis - Create Or Update" (openapi-link)."""
    trusted.world.web_documents["https://docs.example/orders.json"] = json.dumps(OPENAPI)
    sent = an_api(format="openapi-link", value="https://docs.example/orders.json")
    await (await client.api.begin_create_or_update(GROUP, NAME, "orders", sent)).result()
    assert len(await names(client.api_operation.list_by_api(GROUP, NAME, "orders"))) == 3


async def test_a_revision_is_a_copy_until_a_release_makes_it_the_api(client: ApiManagementClient) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-revisions; REST reference, "Api Release"."""
    sent = an_api(format="openapi+json", value=json.dumps(OPENAPI))
    await (await client.api.begin_create_or_update(GROUP, NAME, "orders", sent)).result()
    revision = an_api(sourceApiId=f"{SERVICE}/apis/orders", apiRevisionDescription="without POST")
    await (await client.api.begin_create_or_update(GROUP, NAME, "orders;rev=2", revision)).result()
    await client.api_operation.delete(GROUP, NAME, "orders;rev=2", "post-orders", "*")

    assert len(await names(client.api_operation.list_by_api(GROUP, NAME, "orders"))) == 3
    assert len(await names(client.api_operation.list_by_api(GROUP, NAME, "orders;rev=2"))) == 2
    listed = [(r.api_revision, r.is_current) async for r in client.api_revision.list_by_service(GROUP, NAME, "orders")]
    assert listed == [("2", False), ("1", True)]

    release = {"properties": {"apiId": f"{SERVICE}/apis/orders;rev=2", "notes": "go"}}
    await client.api_release.create_or_update(GROUP, NAME, "orders", "first", release)

    assert (await client.api.get(GROUP, NAME, "orders")).api_revision == "2"
    assert (await client.api.get(GROUP, NAME, "orders;rev=2")).is_current is True
    assert (await client.api.get(GROUP, NAME, "orders;rev=1")).is_current is False
    assert len(await names(client.api_operation.list_by_api(GROUP, NAME, "orders"))) == 2
    assert await names(client.api_release.list_by_service(GROUP, NAME, "orders")) == ["first"]
    with pytest.raises(HttpResponseError, match="other revisions"):
        await client.api.begin_delete(GROUP, NAME, "orders", "*")
    await (await client.api.begin_delete(GROUP, NAME, "orders", "*", delete_revisions=True)).result()
    assert await names(client.api.list_by_service(GROUP, NAME)) == []


async def test_versions_of_one_set_share_a_path_and_the_set_stays_while_they_do(client: ApiManagementClient) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-versions; Azure/apiops tracker."""
    scheme = {"properties": {"displayName": "Orders", "versioningScheme": "Segment"}}
    made = await client.api_version_set.create_or_update(GROUP, NAME, "orders", scheme)
    for version in ("v1", "v2"):
        sent = an_api(apiVersion=version, apiVersionSetId=made.id)
        await (await client.api.begin_create_or_update(GROUP, NAME, f"orders-{version}", sent)).result()
    with pytest.raises(HttpResponseError, match="same Path"):
        await client.api.begin_create_or_update(GROUP, NAME, "stranger", an_api())
    with pytest.raises(HttpResponseError, match="in use"):
        await client.api_version_set.delete(GROUP, NAME, "orders", "*")


@pytest.mark.item("apim-16")
async def test_a_debug_token_belongs_to_one_api_and_a_trace_is_read_by_its_id(
    trusted: Simulator, client: ApiManagementClient
) -> None:
    """Source: REST reference, "Gateway - List Debug Credentials" and "List Trace"."""
    sent = an_api(subscriptionRequired=False)
    await (await client.api.begin_create_or_update(GROUP, NAME, "orders", sent)).result()
    operation = {"properties": {"displayName": "List", "method": "GET", "urlTemplate": "/", "templateParameters": []}}
    await client.api_operation.create_or_update(GROUP, NAME, "orders", "list", operation)
    answer = POLICY.replace("<base />", "<return-response />", 1)
    policy = {"properties": {"format": "rawxml", "value": answer}}
    await client.api_policy.create_or_update(GROUP, NAME, "orders", "policy", policy)
    asked = {"credentialsExpireAfter": "PT10M", "apiId": f"{SERVICE}/apis/orders", "purposes": ["tracing"]}
    token = (await client.gateway.list_debug_credentials(GROUP, NAME, "managed", asked)).token
    called = await trusted.send("GET", "contoso.azure-api.net", "/orders", headers={"Apim-Debug-Authorization": token})
    found = await client.gateway.list_trace(GROUP, NAME, "managed", {"traceId": called.headers["Apim-Trace-Id"]})
    assert "return-response" in json.dumps(dict(found)), found
    with pytest.raises(HttpResponseError, match="at most one hour"):
        await client.gateway.list_debug_credentials(GROUP, NAME, "managed", {**asked, "credentialsExpireAfter": "PT2H"})


async def test_all_policies_say_where_policies_are_and_not_what_they_say(client: ApiManagementClient) -> None:
    """Source: REST reference, "All Policies" (2024-05-01)."""
    await client.policy.create_or_update(
        GROUP, NAME, "policy", {"properties": {"format": "rawxml", "value": POLICY.replace("<base />", "")}}
    )
    listed = [one async for one in client.all_policies.list_by_service(GROUP, NAME)]
    assert [one.reference_policy_id for one in listed] == [f"{SERVICE}/policies/policy"]
