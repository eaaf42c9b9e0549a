"""Backends, APIs, operations, products and subscriptions."""

import asyncio
import json
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest

from azuresim.wire import HttpAnswer
from contract.apim_world import SERVICE, SITE, Apim, apim, policies, refusals


@pytest.fixture
async def here() -> AsyncIterator[Apim]:
    async with apim() as started:
        yield started


# --- backends ---------------------------------------------------------------------------------------------------------
async def test_a_backend_comes_back_as_stored(here: Apim) -> None:
    """Source: Azure/azure-service-operator recording Test_ApiManagement_20240501_CRUD."""
    credentials = {"header": {"x-functions-key": ["{{orders-key}}"]}}
    resource = f"https://management.azure.com{SITE}"
    written = await here.a_backend(credentials=credentials, resourceId=resource)
    read = await here.arm("GET", "/backends/orders-fn")
    properties = read.data()["properties"]
    assert (written.status, written.data()) == (201, read.data())
    assert (properties["credentials"], properties["title"], properties["description"]) == (credentials, None, None)
    assert (
        written.headers["ETag"]
        == read.headers["ETag"]
        == (await here.arm("HEAD", "/backends/orders-fn")).headers["ETag"]
    )
    assert read.body.startswith(b"{\r\n")
    assert (await here.a_backend()).status == 200


@pytest.mark.parametrize(
    ("properties", "target"),
    [
        ({"protocol": "http"}, "url"),
        ({"url": "orders", "protocol": "http"}, "url"),
        ({"url": "https://a.example"}, "protocol"),
    ],
)
async def test_a_backend_needs_url_and_protocol(properties: dict[str, str], target: str) -> None:
    """Source: REST reference, "Backend - Create Or Update"; the texts are assumed."""
    async with apim(check_contracts=False) as here:
        assert refusals(await here.put("/backends/orders-fn", **properties))[0][0] == target


@pytest.mark.parametrize(("protects", "status"), [(True, 400), (False, 200)])
async def test_a_policy_may_or_may_not_protect_its_backend(here: Apim, protects: bool, status: int) -> None:
    """Assumed, both ways."""
    here.world.switches.apim_policy_protects_backend = protects
    await here.a_backend()
    await here.put_policy("", policies('<set-backend-service backend-id="orders-fn" />', base=""))
    assert (await here.delete("/backends/orders-fn")).status == status


async def test_a_patch_of_a_backend_keeps_the_rest(here: Apim) -> None:
    """Source: REST reference, "Backend - Update"."""
    await here.a_backend(description="ours")
    answer = await here.arm("PATCH", "/backends/orders-fn", {"properties": {"title": "t"}}, headers={"If-Match": "*"})
    properties = answer.data()["properties"]
    assert (answer.status, properties["title"], properties["description"]) == (200, "t", "ours")


# --- APIs -------------------------------------------------------------------------------------------------------------
@pytest.mark.item("apim-7")
async def test_an_api_has_defaults_and_fields_that_no_contract_lists(here: Apim) -> None:
    """Source: Azure/azure-service-operator recording Test_ApiManagement_20240501_CRUD."""
    answer = await here.put("/apis/orders", displayName="Orders", path="/orders")
    properties = answer.data()["properties"]
    assert (answer.status, answer.data()["type"]) == (201, "Microsoft.ApiManagement/service/apis")
    assert properties["path"] == "orders"  # its leading slash is dropped
    assert (properties["protocols"], properties["subscriptionRequired"]) == (["https"], True)
    assert properties["subscriptionKeyParameterNames"] == {
        "header": "Ocp-Apim-Subscription-Key",
        "query": "subscription-key",
    }
    assert (properties["apiRevision"], properties["isCurrent"], properties["serviceUrl"]) == ("1", True, None)
    assert {"mcpProperties", "a2aProperties", "isAgent"} <= properties.keys()
    assert not {"type", "isOnline"} & properties.keys()


async def test_a_put_lets_omitted_fields_fall_to_their_defaults_and_keeps_operations(here: Apim) -> None:
    """Source: REST reference, "Apis - Create Or Update"; that operations stay is what every tool relies on."""
    await here.an_api(description="old")
    await here.an_operation("list", "/orders")
    answer = await here.an_api()
    assert (answer.status, answer.data()["properties"]["description"]) == (200, None)
    assert len((await here.arm("GET", "/apis/orders/operations")).data()["value"]) == 1


@pytest.mark.item("apim-7")
async def test_two_apis_cannot_share_a_path(here: Apim) -> None:
    """Source: Azure/apiops tracker; Azure/azure-powershell tracker."""
    await here.an_api("orders", path="shop/orders")
    answer = await here.an_api("other", path="shop/orders")
    clash = "Cannot create API 'other' with the same Path 'shop/orders' as API 'orders'"
    assert refusals(answer) == [("path", f"{clash}  unless it's a part of the same version set")]


@pytest.mark.parametrize(("ignores", "status"), [(True, 400), (False, 201)])
async def test_case_may_or_may_not_make_another_path(here: Apim, ignores: bool, status: int) -> None:
    """Assumed, both ways."""
    here.world.switches.apim_paths_ignore_case = ignores
    await here.an_api("orders")
    assert (await here.an_api("other", path="Orders")).status == status


async def test_both_forms_of_authentication_settings_at_once_are_refused() -> None:
    """Source: hashicorp/terraform-provider-azurerm (api resource), which leaves one of them out."""
    async with apim(check_contracts=False) as here:
        await here.an_api()
        shown = (await here.arm("GET", "/apis/orders")).data()["properties"]
        answer = await here.put("/apis/orders", **shown)
        assert refusals(answer)[0][0] == "authenticationSettings"


@pytest.mark.parametrize(("wins", "title"), [("request", "Mine"), ("document", "Theirs")])
async def test_the_title_is_that_of_the_request_or_of_the_document(here: Apim, wins: str, title: str) -> None:
    """Assumed, both ways: no page says which of them an imported API has."""
    here.world.switches.apim_import_words = wins  # type: ignore[assignment]
    document = {"openapi": "3.0.3", "info": {"title": "Theirs"}, "paths": {"/a": {"get": {}}}}
    await here.an_api(displayName="Mine", format="openapi+json", value=json.dumps(document))
    assert (await here.arm("GET", "/apis/orders")).data()["properties"]["displayName"] == title


async def test_importing_other_kinds_of_descriptions_is_loudly_not_simulated(here: Apim) -> None:
    """No Azure behaviour: the simulator's own limit."""
    answer = await here.an_api(format="wsdl", value="<definitions />")
    assert (answer.status, answer.data()["error"]["code"]) == (501, "NotSimulated")


@pytest.mark.parametrize("status", [200, 202])
@pytest.mark.item("apim-8")
async def test_deleting_an_api_takes_everything_below_along(here: Apim, status: int) -> None:
    """Assumed: the status at 2024-05-01; the cascade is what every tool relies on."""
    here.world.switches.apim_api_delete_status = status  # type: ignore[assignment]
    await here.an_api()
    await here.an_operation("list", "/orders")
    await here.put("/products/starter", displayName="Starter")
    await here.arm("PUT", "/products/starter/apis/orders")
    answer = await here.arm("DELETE", "/apis/orders", query="deleteRevisions=true", headers={"If-Match": "*"})
    assert (answer.status, "Location" in answer.headers) == (status, status == 202)
    assert (await here.arm("GET", "/apis/orders")).status == 404
    assert not [document for document in here.world.arm.below(SERVICE) if "/apis/orders" in document.id]
    assert (await here.delete("/apis/orders")).status == 204


async def test_an_older_contract_is_kept_when_an_api_is_deleted(here: Apim) -> None:
    """Source: REST reference, "Apis - Delete" at 2022-08-01 (200 and 204)."""
    await here.an_api()
    answer = await here.arm("DELETE", "/apis/orders", headers={"If-Match": "*"}, version="2022-08-01")
    assert answer.status == 200


async def test_an_accepted_delete_can_be_followed_to_its_end() -> None:
    """Assumed, with the status. Unchecked: the contract knows this URL as a plain read only."""
    async with apim(check_contracts=False) as here:
        here.world.switches.apim_api_delete_status = 202
        await here.an_api()
        location = (await here.delete("/apis/orders")).headers["Location"]
        assert [(await here.arm("GET", location)).status for _ in range(2)] == [202, 200]


async def test_a_patch_of_an_api_keeps_the_rest(here: Apim) -> None:
    """Source: REST reference, "Apis - Update"."""
    await here.an_api(description="ours")
    answer = await here.arm("PATCH", "/apis/orders", {"properties": {"displayName": "New"}}, headers={"If-Match": "*"})
    properties = answer.data()["properties"]
    assert (answer.status, properties["displayName"], properties["description"]) == (200, "New", "ours")


@pytest.mark.item("apim-3")
async def test_a_wrong_etag_is_refused_with_412_and_a_star_creates(here: Apim) -> None:
    """Source: Azure/azure-cli recordings test_apim_api_operation and test_apim_api_policy."""
    body = {"properties": {"displayName": "orders", "path": "orders"}}
    assert (await here.arm("PUT", "/apis/orders", body, headers={"If-Match": "*"})).status == 201
    assert (await here.arm("PUT", "/apis/orders", body, headers={"If-Match": '"AAAAAAAAAAA="'})).status == 412
    etag = (await here.arm("HEAD", "/apis/orders")).headers["ETag"]
    assert (await here.arm("PUT", "/apis/orders", body, headers={"If-Match": etag})).status == 200


@pytest.mark.item("apim-12")
async def test_overlapping_writes_to_one_api_conflict_and_to_two_do_not(here: Apim) -> None:
    """Source: Azure/apiops tracker."""
    await here.an_api("orders")
    await here.an_api("other")
    here.world.latency = 0.2
    writes = (here.an_operation("a", "/a"), here.an_operation("b", "/b"), here.an_operation("a", "/a", api="other"))
    answers = await asyncio.gather(*writes)
    assert sorted(answer.status for answer in answers) == [201, 201, 409]
    refused = next(answer for answer in answers if answer.status == 409)
    assert refused.data()["error"] == {
        "code": "PessimisticConcurrencyConflict",
        "message": "Operation on the API is in progress",
        "details": None,
    }


# --- operations -------------------------------------------------------------------------------------------------------
@pytest.mark.item("apim-9")
@pytest.mark.item("apim-2")
async def test_an_operation_gains_empty_lists_and_lists_leave_its_request_out(here: Apim) -> None:
    """Source: Azure/azure-cli recording test_apim_api_operation."""
    await here.an_api()
    await here.an_operation("get", "/orders/{id}", parameters=("id",))
    properties = (await here.arm("GET", "/apis/orders/operations/get")).data()["properties"]
    assert properties["templateParameters"] == [{"name": "id", "type": "string", "required": True, "values": []}]
    assert properties["request"] == {"queryParameters": [], "headers": [], "representations": []}
    assert (properties["responses"], properties["policies"]) == ([], None)
    listed = (await here.arm("GET", "/apis/orders/operations")).data()
    assert listed["count"] == 1
    assert "request" not in listed["value"][0]["properties"]
    assert "etag" not in str(listed).lower()


@pytest.mark.parametrize(
    ("template", "parameters", "status", "reason"),
    [
        ("/orders/{id}", ("id",), 201, "they name each other"),
        ("/files/{*path}", ("path",), 201, "a star is not part of the name"),
        ("/*", (), 201, "a bare wildcard has no name"),
        ("/orders/{id}", (), 400, "a placeholder without parameter"),
        ("/orders", ("id",), 400, "a parameter without placeholder"),
    ],
)
@pytest.mark.item("apim-9")
async def test_template_and_parameters_name_each_other(
    here: Apim, template: str, parameters: tuple[str, ...], status: int, reason: str
) -> None:
    """Source: hashicorp/terraform-provider-azurerm tracker; the texts are assumed."""
    await here.an_api()
    assert (await here.an_operation("one", template, parameters=parameters)).status == status, reason


async def test_method_and_template_are_unique_in_an_api(here: Apim) -> None:
    """Assumed: the text."""
    await here.an_api()
    await here.an_operation("one", "/orders")
    assert refusals(await here.an_operation("two", "/orders"))[0][0] == "urlTemplate"
    assert (await here.an_operation("two", "/orders", method="POST")).status == 201


async def test_an_operation_needs_its_api(here: Apim) -> None:
    """Source: Azure/azure-cli recording test_apim_policy (code; the text is assumed)."""
    answer = await here.an_operation("one", "/orders")
    assert (answer.status, answer.data()["error"]["code"]) == (404, "ResourceNotFound")


# --- lists ------------------------------------------------------------------------------------------------------------
async def test_lists_come_in_pages_with_a_count(here: Apim) -> None:
    """Source: Azure/azure-cli recording test_apim_api_operation (form); the page size is the simulator's own."""
    for name in ("a", "b", "c"):
        await here.an_api(name)
    first = (await here.arm("GET", "/apis", query="$top=2")).data()
    second = (await here.arm("GET", first["nextLink"])).data()
    assert [api["name"] for api in first["value"] + second["value"]] == ["a", "b", "c"]
    assert (first["count"], "nextLink" in second) == (3, False)
    assert (await here.arm("GET", "/backends")).data() == {"value": [], "count": 0}


async def test_a_page_without_top_has_the_switched_size(here: Apim) -> None:
    """Assumed: the server's own size."""
    here.world.switches.apim_page_size = 1
    await here.an_api("a")
    await here.an_api("b")
    assert "nextLink" in (await here.arm("GET", "/apis")).data()


@pytest.mark.parametrize(
    "condition",
    [
        "name eq 'b'",
        "properties/displayName eq 'b'",
        "contains(properties/displayName, 'b')",
        "startswith(path,'b') and not (name eq 'a')",
        "name ne 'a' and path ne 'c'",
    ],
)
async def test_lists_filter_by_texts_and_truths(here: Apim, condition: str) -> None:
    """Source: REST reference, "Apis - List By Service" ($filter)."""
    await here.an_api("a")
    await here.an_api("b")
    answer = await here.arm("GET", "/apis", query=f"$filter={quote(condition)}")
    assert [api["name"] for api in answer.data()["value"]] == ["b"]


async def test_a_filter_that_nobody_simulated_is_refused_loudly(here: Apim) -> None:
    """No Azure behaviour: comparisons by order exist there, and are not simulated."""
    assert (await here.arm("GET", "/apis", query=f"$filter={quote('displayName ge 5')}")).status == 501


@pytest.mark.parametrize("export", ["true", "True"])
async def test_the_export_of_an_api_is_refused_loudly(here: Apim, export: str) -> None:
    """No Azure behaviour: the description would be fetched from a blob, which is not simulated."""
    await here.an_api("a")
    answer = await here.arm("GET", "/apis/a", query=f"export={export}&format=openapi-link")
    assert (answer.status, answer.data()["error"]["code"]) == (501, "NotSimulated")


# --- products and subscriptions ---------------------------------------------------------------------------------------
async def test_a_product_link_answers_the_api_with_its_etag(here: Apim) -> None:
    """Source: Azure/azure-service-operator recording Test_ApiManagement_20240501_CRUD."""
    await here.an_api()
    await here.put("/products/starter", displayName="Starter")
    answer = await here.arm("PUT", "/products/starter/apis/orders")
    assert (answer.status, answer.data()["name"]) == (201, "orders")
    assert answer.headers["ETag"] == (await here.arm("HEAD", "/apis/orders")).headers["ETag"]
    assert (await here.arm("HEAD", "/products/starter/apis/orders")).status == 204


@pytest.mark.item("apim-14")
async def test_reading_a_product_link_is_405_in_another_envelope(here: Apim) -> None:
    """Source: Azure/azure-service-operator recording Test_ApiManagement_20240501_CRUD."""
    answer = await here.arm("GET", "/products/starter/apis/orders")
    assert (answer.status, answer.headers["Allow"]) == (405, "HEAD,PUT,DELETE")
    assert answer.data() == {"Message": "The requested resource does not support http method 'GET'."}


async def test_subscription_keys_are_shown_by_list_secrets_only(here: Apim) -> None:
    """Source: REST reference, "Subscription - List Secrets"; microsoft/vscode-apimanagement (master)."""
    await here.an_api()
    written = await subscribe(here, "/apis/orders")
    secrets = (await here.arm("POST", "/subscriptions/check/listSecrets")).data()
    assert written.data()["properties"]["scope"] == f"{SERVICE}/apis/orders"
    assert secrets.keys() == {"primaryKey", "secondaryKey"}
    assert secrets["primaryKey"] not in str((await here.arm("GET", "/subscriptions")).data())
    assert (await here.arm("POST", "/subscriptions/master/listSecrets")).status == 200


async def test_a_subscription_needs_something_to_subscribe_to(here: Apim) -> None:
    """Assumed: the text."""
    assert refusals(await subscribe(here, "/apis/nothing"))[0][0] == "scope"


async def subscribe(here: Apim, scope: str) -> HttpAnswer:
    return await here.put("/subscriptions/check", displayName="check", scope=scope, state="active")
